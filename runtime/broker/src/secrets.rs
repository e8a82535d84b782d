//! Secrets on their way to a command: taken out of a request's body, handed on by a descriptor
//! or as an argument, and taken out of what the command prints.
//!
//! It decides nothing: `job` says which ones a request must bring. No value has a `Debug` or
//! `Display`; what a report says is the option's name.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};

use abaca_broker::protocol::{ErrorKind, SECRET_MAX, Secret};
use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::roots;

/// What may be done to the file of a secret: reading it. The command may run as another user, and
/// nobody reaches it but by the command's own descriptor.
const READ_ONLY: Mode = Mode::from_bits_truncate(0o444);

/// The shortest line of a secret that is looked for by itself: shorter ones are in any text.
const LINE_MIN: usize = 8;

/// The values that a request brought, by option.
pub struct Secrets(BTreeMap<String, Zeroizing<Vec<u8>>>);

impl Secrets {
    /// None at all.
    pub fn none() -> Secrets {
        Secrets(BTreeMap::new())
    }

    /// Takes the values off the beginning of a body; what remains is standard input.
    ///
    /// # Errors
    /// When a value is empty or too long, its option is named twice, or the body is too short.
    pub fn take(listed: &[Secret], mut body: Vec<u8>) -> Result<(Secrets, Vec<u8>), Failure> {
        let invalid = |what: String| Failure::new(ErrorKind::Invalid, what);
        let mut values = BTreeMap::new();
        for Secret { option, bytes } in listed {
            let length = usize::try_from(*bytes).unwrap_or(usize::MAX);
            if !(1..=SECRET_MAX).contains(bytes) || length > body.len() {
                let what = format!("the secret option `{option}` cannot have {bytes} bytes here");
                return Err(invalid(what));
            }
            let rest = body.split_off(length);
            // Wiped to the end of its memory, and what followed it in the body with it.
            let value = Zeroizing::new(std::mem::replace(&mut body, rest));
            if values.insert(option.clone(), value).is_some() {
                return Err(invalid(format!("the secret option `{option}` is given twice")));
            }
        }
        Ok((Secrets(values), body))
    }

    /// The options whose values there are.
    pub fn options(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// How many bytes they hold.
    pub fn bytes(&self) -> usize {
        self.0.values().map(|value| value.len()).sum()
    }

    /// The value in a file without a name that nothing can change any more, open for reading.
    ///
    /// # Errors
    /// When there is no such file to be had.
    pub fn open(&self, option: &str) -> Result<OwnedFd, Failure> {
        let file = || -> Result<OwnedFd, Errno> {
            let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | MemfdFlags::NOEXEC_SEAL;
            let file = rustix::fs::memfd_create("secret", flags)?;
            let mut rest = self.value(option);
            while !rest.is_empty() {
                let written = rustix::io::write(&file, rest)?;
                rest = rest.get(written..).unwrap_or_default();
            }
            rustix::fs::fchmod(&file, READ_ONLY)?;
            let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
            rustix::fs::fcntl_add_seals(&file, seals)?;
            roots::reopen(file.as_fd(), OFlags::RDONLY)
        };
        file()
            .map_err(|errno| Failure::system(format_args!("the file of <secret {option}>"), errno))
    }

    /// The value as an argument: without the end of its last line, which an editor adds.
    ///
    /// # Errors
    /// When it cannot be one.
    pub fn argument(&self, option: &str) -> Result<String, Failure> {
        let text = std::str::from_utf8(trimmed(self.value(option))).ok();
        text.filter(|text| !text.is_empty() && !text.contains('\0')).map(str::to_owned).ok_or_else(
            || {
                let message = format!(
                    "<secret {option}> cannot be an argument: it is empty, not UTF-8, or holds a NUL"
                );
                Failure::new(ErrorKind::Invalid, message)
            },
        )
    }

    /// What a command printed, with `<secret OPTION>` wherever it printed a value or one of its
    /// longer lines; no longer than `most` bytes. Of text that was `cut`, an end that may be the
    /// beginning of a value counts as one.
    pub fn redacted(&self, printed: Vec<u8>, cut: bool, most: usize) -> Vec<u8> {
        let needles = self.needles();
        if needles.is_empty() {
            return printed;
        }
        let mut shown = Vec::with_capacity(printed.len());
        let mut rest = printed.as_slice();
        while let Some((first, after)) = rest.split_first() {
            let found = needles.iter().find(|(needle, _)| rest.starts_with(needle));
            let begun = || needles.iter().find(|(needle, _)| cut && needle.starts_with(rest));
            if let Some((needle, option)) = found {
                shown.extend(format!("<secret {option}>").bytes());
                rest = rest.get(needle.len()..).unwrap_or_default();
            } else if let Some((_, option)) = begun() {
                shown.extend(format!("<secret {option}>").bytes());
                break;
            } else {
                shown.push(*first);
                rest = after;
            }
        }
        shown.truncate(most);
        shown
    }

    /// What is looked for, the longest first, each with its option.
    fn needles(&self) -> Vec<(&[u8], &str)> {
        let mut needles = Vec::new();
        for (option, value) in &self.0 {
            let whole = trimmed(value);
            let lines = whole.split(|byte| *byte == b'\n').map(trimmed);
            let lines = lines.filter(|line| line.len() >= LINE_MIN);
            needles.extend(lines.chain([whole]).map(|needle| (needle, option.as_str())));
        }
        needles.retain(|(needle, _)| !needle.is_empty());
        needles.sort_by_key(|(needle, _)| std::cmp::Reverse(needle.len()));
        needles
    }

    fn value(&self, option: &str) -> &[u8] {
        self.0.get(option).map(|value| value.as_slice()).unwrap_or_default()
    }
}

/// Without the end of the last line.
fn trimmed(value: &[u8]) -> &[u8] {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    value.strip_suffix(b"\r").unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(values: &[(&str, &str)]) -> Secrets {
        let listed: Vec<_> = values
            .iter()
            .map(|(option, value)| Secret {
                option: (*option).to_owned(),
                bytes: u32::try_from(value.len()).unwrap(),
            })
            .collect();
        let mut body: Vec<u8> = values.iter().flat_map(|(_, value)| value.bytes()).collect();
        body.extend(b"input");
        let (secrets, stdin) = Secrets::take(&listed, body).unwrap();
        assert_eq!(stdin, b"input");
        secrets
    }

    fn redacted(secrets: &Secrets, text: &str, cut: bool) -> String {
        String::from_utf8(secrets.redacted(text.as_bytes().to_vec(), cut, 1000)).unwrap()
    }

    #[test]
    fn a_value_is_nowhere_in_what_is_printed() {
        let one = secrets(&[("token", "opensesame\n"), ("pin", "sesame")]);
        assert_eq!(redacted(&one, "opensesame sesame", false), "<secret token> <secret pin>");
        assert_eq!(
            redacted(&one, "opensesameopensesame\n", false),
            "<secret token><secret token>\n"
        );
        assert_eq!(redacted(&one, "an open end: opens", false), "an open end: opens");
        assert_eq!(redacted(&one, "an open end: opens", true), "an open end: <secret token>");
        let key = secrets(&[("key", "-----BEGIN-----\nabcdefgh\n-----END-----\n")]);
        assert_eq!(redacted(&key, "line: abcdefgh.", false), "line: <secret key>.");
        assert_eq!(one.redacted(b"opensesame".to_vec(), false, 4), b"<sec");
    }

    #[test]
    fn a_body_that_does_not_hold_what_is_listed_is_refused() {
        let listed = |bytes| [Secret { option: "token".to_owned(), bytes }];
        for bytes in [0, 4, SECRET_MAX + 1] {
            assert!(Secrets::take(&listed(bytes), b"abc".to_vec()).is_err(), "{bytes}");
        }
        let twice = [listed(1), listed(1)].concat();
        assert!(Secrets::take(&twice, b"abc".to_vec()).is_err());
    }
}
