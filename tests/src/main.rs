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

mod approval;
mod audit;
mod base_class;
mod cache;
mod cancellation;
mod cli;
mod compiling;
mod conformance;
mod content;
mod contract;
mod doctor;
mod door;
mod dummy;
mod embedding;
#[path = "../hostile/mod.rs"]
mod hostile;
mod killed;
mod lifecycle;
mod limits;
mod load;
mod malformed;
mod manifest;
mod methods;
mod metrics;
mod mounts;
mod mutants;
mod ordinary_user;
mod owned;
mod panics;
mod passed_on;
mod quarantine;
mod records;
mod revealed;
mod sdk_host;
mod stage;
mod storage;
mod stories;
mod support;
mod traces;
mod transcripts;
mod two_processes;
mod upgrade;
mod widths;
