//! The proof: what Abaca promises, tried through its public doors with real components, the
//! real broker and real files. One module for each word; nothing here is mocked.
//!
//! `just components` builds the drivers, `cargo build` the programs; whatever is missing is
//! said by the test that needs it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test ends where it finds something wrong"
)]

mod cache;
mod cli;
mod command;
mod contract;
mod dummy;
mod hostile;
mod lifecycle;
mod limits;
mod malformed;
mod methods;
mod ordinary_user;
mod records;
mod stats;
mod support;
