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
        }
    }
}
