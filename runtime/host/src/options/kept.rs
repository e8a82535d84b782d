//! Where the value of a secret option is kept: a file that nobody else can reach, or a variable of
//! the environment that the runtime was started with. Looked at when a backend is opened, and read
//! each time that the value is needed, into memory that is wiped. Called by `secrets` alone.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::OptionValue;
use crate::storage::open_unfollowed;

/// The largest secret, in bytes: keys and chains of certificates, with room.
const BYTES: usize = 64 * 1024;

/// Why a value is not to be had, and what to do about it.
#[derive(Debug)]
pub(super) struct Refused {
    /// Behind the words that say where it is kept.
    pub reason: String,
    pub help: String,
}

/// Where a secret is kept, as people read it; none for a value that is no secret.
pub(super) fn place(value: &OptionValue) -> Option<String> {
    match value {
        OptionValue::SecretFile(file) => Some(format!("its file {}", file.display())),
        OptionValue::SecretVariable(name) => Some(format!("its variable {name}")),
        _ => None,
    }
}

/// Whether the value is there and kept well; of what is no secret there is nothing to say.
pub(super) fn check(value: &OptionValue) -> Result<(), Refused> {
    match value {
        OptionValue::SecretFile(file) => open_checked(file).map(drop),
        OptionValue::SecretVariable(name) => variable(name).map(drop),
        _ => Ok(()),
    }
}

/// The value as it is now: never empty, never larger than a secret may be.
pub(super) fn read(value: &OptionValue) -> Result<Zeroizing<Vec<u8>>, Refused> {
    match value {
        OptionValue::SecretFile(file) => contents(file),
        OptionValue::SecretVariable(name) => variable(name),
        _ => Err(Refused { reason: "is no secret".to_owned(), help: String::new() }),
    }
}

/// Whether a variable of the environment can have this name.
pub(crate) fn is_variable(name: &str) -> bool {
    const LONGEST: usize = 128;
    name.len() <= LONGEST
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn variable(name: &str) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let refused = |reason: String| Refused {
        reason,
        help: format!("start the program with the secret in {name}, or keep it in a file"),
    };
    let value = std::env::var_os(name).map(OsString::into_vec).map(Zeroizing::new);
    match value {
        None => Err(refused("is not set".to_owned())),
        Some(value) if value.is_empty() => Err(refused("is empty".to_owned())),
        Some(value) if value.len() > BYTES => {
            let reason = format!("has {} bytes, and a secret has at most {BYTES}", value.len());
            Err(refused(reason))
        }
        Some(value) => Ok(value),
    }
}

fn contents(path: &Path) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let refused = |reason: String| Refused { reason, help: String::new() };
    // One byte more than is allowed, should it have grown since it was looked at; and room for it
    // from the beginning, for what grows leaves copies behind.
    let mut value = Zeroizing::new(Vec::with_capacity(2 * BYTES));
    let most = u64::try_from(BYTES).unwrap_or(u64::MAX).saturating_add(1);
    open_checked(path)?
        .take(most)
        .read_to_end(&mut value)
        .map_err(|error| refused(format!("cannot be read: {error}")))?;
    match value.len() {
        1..=BYTES => Ok(value),
        _ => Err(refused("is just being changed".to_owned())),
    }
}

/// Opens the file of a secret, if it does.
fn open_checked(path: &Path) -> Result<File, Refused> {
    let shown = path.display();
    let refused = |reason: String, help: String| Err(Refused { reason, help });
    let opened = open_unfollowed(path).and_then(|file| Ok((file.metadata()?, file)));
    let (found, file) = match opened {
        Ok(opened) => opened,
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return refused(
                "is a link, and none is followed".to_owned(),
                "name the file that the link leads to".to_owned(),
            );
        }
        Err(error) => {
            return refused(
                format!("cannot be opened: {error}"),
                format!("write the secret into {shown}, or name the file that holds it"),
            );
        }
    };
    let user = rustix::process::geteuid().as_raw();
    if !found.is_file() {
        refused(
            "is not a regular file".to_owned(),
            "name a file that holds the secret and nothing else".to_owned(),
        )
    } else if found.uid() != user && found.uid() != 0 {
        refused(
            format!("belongs to the user {}, who can change it", found.uid()),
            format!("`chown {user} {shown}` makes it yours; look at what is in it first"),
        )
    } else if found.mode() & 0o077 != 0 {
        refused(
            format!("can be reached by other users (its mode is {:04o})", found.mode() & 0o7777),
            format!("`chmod go= {shown}` mends it; change the secret if others may have read it"),
        )
    } else if found.len() == 0 {
        refused("is empty".to_owned(), format!("write the secret into {shown}"))
    } else if found.len() > BYTES as u64 {
        refused(
            format!("has {} bytes, and a secret has at most {BYTES}", found.len()),
            "name a file that holds the secret and nothing else".to_owned(),
        )
    } else {
        Ok(file)
    }
}
