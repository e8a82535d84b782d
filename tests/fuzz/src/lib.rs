//! What the fuzz targets share: rules of a policy as values (`grammar`), and a slow reader of
//! them that shares no code with the fast one (`reference`); and where the programs are that the
//! engine starts.

#![allow(missing_docs, reason = "not a library for anybody else")]

pub mod grammar;
pub mod reference;

use std::path::{Path, PathBuf};

/// Where `just build` puts a program: beside the fuzz targets there is none.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/debug").join(name)
}
