//! The broker as the runtime meets it: the real program, driven over a socket.
//!
//! Runs as root and as an ordinary user; what only one of them can show is skipped with a
//! line that says so.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and the helpers of tests as well"
)]

mod attributes;
mod commands;
mod confinement;
mod content;
mod control_groups;
mod endings;
mod files;
mod forking;
mod harness;
mod holding;
mod mounts;
mod network;
mod programs;
mod roots;
mod secrets;
mod syscalls;
mod users;
mod wire;
