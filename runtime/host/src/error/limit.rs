//! What a call ran out of: which limit, and what was at work when its time was over. Part of
//! [`Error`](crate::Error).

/// A limit of [`Limits`](crate::Limits) that a call used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// `cpu`.
    Cpu,
    /// `memory_bytes` or another one of what a store may hold.
    Memory,
    /// The stack: recursion without end.
    Stack,
    /// `host_calls`.
    HostCalls,
    /// `denials`.
    Denials,
    /// `lifted_bytes`.
    LiftedBytes,
    /// `lifted_bytes_in_all`.
    LiftedInAll,
    /// `lowered_bytes`.
    LoweredBytes,
    /// `component_handles`.
    Handles,
}

impl Limit {
    /// The word for it in metrics: that of JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::HostCalls => "host-calls",
            Self::Denials => "denials",
            Self::LiftedBytes => "lifted-bytes",
            Self::LiftedInAll => "lifted-in-all",
            Self::LoweredBytes => "lowered-bytes",
            Self::Handles => "handles",
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Cpu => "computing time",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::HostCalls => "number of host calls",
            Self::Denials => "denied requests",
            Self::LiftedBytes => "size of one request or answer",
            Self::LiftedInAll => "size of all requests",
            Self::LoweredBytes => "size of all answers",
            Self::Handles => "component handles",
        })
    }
}

/// Which part of a call was at work.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Waiting for one of the backend's places for calls.
    Queue,
    /// The guest's own computing.
    Guest,
    /// Waiting, because it asked the host faster than a call may.
    Rate,
    /// An import, told by interface, function and what was asked.
    Import(String),
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Queue => f.write_str("waiting for other calls of the same backend"),
            Self::Guest => f.write_str("the driver's own computing"),
            Self::Rate => f.write_str("the wait for asking the host too often in a second"),
            Self::Import(what) => write!(f, "the import {what}"),
        }
    }
}
