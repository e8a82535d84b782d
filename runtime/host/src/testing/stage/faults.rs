//! What a test does to the requests of one call: errors, garbled output, delays, and the end of the
//! call before or after one of them. Said by the conformance suite and by `--faults`; done by the
//! stage and, at the gate of a real backend, by `real`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::contract::bindings::abaca::host::types::{Denial, Error as HostError};

/// One request's misfortune.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// It is not done; the driver is told this error.
    Fails(Failure),
    /// It is not done, and the call ends there, as by kill -9 of the runtime.
    EndsBefore,
    /// It is done, and the call ends before the driver has the answer.
    EndsAfter,
    /// It is done, and what connects the runtime with the storage breaks before it answers.
    Disconnects,
    /// What a program printed is something else.
    Prints(Printed),
    /// It takes so many seconds, by the stage's clock.
    Delays(u32),
    /// The clock jumps by so many seconds before it.
    Jumps(i32),
}

/// An error of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the contract's own words, `wit/host/types.wit`")]
pub enum Failure {
    Denied,
    Invalid,
    NotFound,
    AlreadyExists,
    NotEmpty,
    Busy,
    Conflict,
    Limit,
    NoSpace,
    Deadline,
    Failed,
}

/// What a program prints instead of what it should, exiting well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Printed {
    /// Nothing.
    Empty,
    /// The first half.
    Truncated,
    /// Words of another language and other digits' separators.
    Localised,
    /// A MiB of it, and more that was cut.
    Enormous,
    /// Bytes that are no UTF-8.
    NotText,
    /// All of it but one number.
    Number {
        /// Which one, from 0.
        at: usize,
        /// What is there in its place.
        instead: Odd,
    },
}

/// What stands where a number should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Odd {
    /// `-`, as tools say that they do not know.
    Dash,
    /// `null`, as others say it.
    Null,
    /// `1.5`.
    Fraction,
    /// `-1`.
    Negative,
    /// 21 digits, which fit into no integer.
    Long,
}

impl Odd {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Dash, Self::Null, Self::Fraction, Self::Negative, Self::Long];

    /// As it is printed.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Dash => "-",
            Self::Null => "null",
            Self::Fraction => "1.5",
            Self::Negative => "-1",
            Self::Long => "123456789012345678901",
        }
    }
}

/// Where the numbers of an output are that are no part of a name: from and to, in bytes. A unit of one
/// letter may stand behind one.
pub(crate) fn numbers(output: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut before = None;
    let mut letters = output.char_indices().peekable();
    while let Some((from, letter)) = letters.next() {
        let is_within = before.is_some_and(is_of_a_name);
        before = Some(letter);
        if !letter.is_ascii_digit() || is_within {
            continue;
        }
        let mut to = from.saturating_add(1);
        while let Some((at, next)) = letters.next_if(|(_, one)| one.is_ascii_digit() || *one == '.')
        {
            before = Some(next);
            to = at.saturating_add(next.len_utf8());
        }
        let mut rest = output.get(to..).unwrap_or_default().chars();
        let (next, second) = (rest.next(), rest.next());
        let is_unit = next.is_some_and(char::is_alphabetic) && !second.is_some_and(is_of_a_name);
        if is_unit || !next.is_some_and(is_of_a_name) {
            found.push(from..to);
        }
    }
    found
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.')
}

/// The misfortunes of one call, by the number of the request, from 1.
pub type Plan = BTreeMap<u64, Fault>;

impl Failure {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Denied,
        Self::Invalid,
        Self::NotFound,
        Self::AlreadyExists,
        Self::NotEmpty,
        Self::Busy,
        Self::Conflict,
        Self::Limit,
        Self::NoSpace,
        Self::Deadline,
        Self::Failed,
    ];

    pub(crate) fn error(self) -> HostError {
        self.error_saying("a fault of the test")
    }

    pub(crate) fn error_saying(self, text: &str) -> HostError {
        let text = text.to_owned();
        match self {
            Self::Denied => HostError::Denied(Denial { rule: None, reason: text }),
            Self::Invalid => HostError::Invalid(text),
            Self::NotFound => HostError::NotFound(text),
            Self::AlreadyExists => HostError::AlreadyExists(text),
            Self::NotEmpty => HostError::NotEmpty(text),
            Self::Busy => HostError::Busy(text),
            Self::Conflict => HostError::Conflict(text),
            Self::Limit => HostError::Limit(text),
            Self::NoSpace => HostError::NoSpace(text),
            Self::Deadline => HostError::Deadline(text),
            Self::Failed => HostError::Failed(text),
        }
    }
}

impl Printed {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Empty, Self::Truncated, Self::Localised, Self::Enormous, Self::NotText];

    /// What is printed in place of this.
    pub(crate) fn instead_of(self, output: &[u8]) -> Vec<u8> {
        /// As much as a rule keeps by default.
        const ENORMOUS: usize = 1 << 20;
        match self {
            Self::Empty => Vec::new(),
            Self::Truncated => output.get(..output.len() / 2).unwrap_or_default().to_vec(),
            Self::Localised => String::from_utf8_lossy(output)
                .chars()
                .map(|one| match one {
                    '.' => ',',
                    'e' => 'é',
                    'G' => 'Г',
                    one => one,
                })
                .collect::<String>()
                .into_bytes(),
            Self::Enormous => {
                let unit = if output.is_empty() { &b"x"[..] } else { output };
                unit.iter().copied().cycle().take(ENORMOUS).collect()
            }
            Self::NotText => [&[0xff, 0xfe, 0x00][..], output].concat(),
            Self::Number { at, instead } => {
                let text = String::from_utf8_lossy(output);
                let Some(place) = numbers(&text).into_iter().nth(at) else {
                    return output.to_vec();
                };
                let (before, behind) = (text.get(..place.start), text.get(place.end..));
                let parts =
                    [before.unwrap_or_default(), instead.text(), behind.unwrap_or_default()];
                parts.concat().into_bytes()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_no_parts_of_names() {
        for (output, wanted) in [
            ("{\"bytes\": 1024, \"used\": 0}", &["1024", "0"][..]),
            ("  share-00000001-0000-4000-8000-0a/1.00g/\n", &["1.00"]),
            ("total=5\nfree=3.5\n", &["5", "3.5"]),
            ("/rack7/nfs/share-1 v2 3x4", &[]),
            ("", &[]),
        ] {
            let found: Vec<_> =
                numbers(output).into_iter().filter_map(|at| output.get(at)).collect();
            assert_eq!(found, wanted, "{output}");
        }
        let printed = Printed::Number { at: 1, instead: Odd::Null };
        assert_eq!(printed.instead_of(b"a=1 b=2"), b"a=1 b=null");
    }
}
