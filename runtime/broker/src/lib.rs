//! Abaca's privileged hand, as a library: the protocol that the runtime speaks with it, and which
//! files both go by.
//!
//! The work itself is the program `abaca-broker` beside this library; nothing here runs a
//! command or changes a file.

pub mod protocol;
pub mod trusted;
