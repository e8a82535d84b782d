//! Abaca's privileged hand, as a library: the protocol that the runtime speaks with it.
//!
//! The work itself is the program `abaca-broker` beside this library; nothing here runs a
//! command or touches a file.

pub mod protocol;
