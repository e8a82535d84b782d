//! The anchors in what a system log wrote: a file that the operator named, or standard input.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use abaca::audit::{Anchor, logged_anchor};
use anyhow::Context;

use crate::failure::{Failure, Result};

/// The longest line that is looked at, in bytes: an anchor's has some hundred.
const LINE_BYTES: u64 = 64 * 1024;

/// Anchors by backend.
pub type Anchors = HashMap<String, Vec<Anchor>>;

/// Reads them.
///
/// # Errors
/// When the file cannot be read, or has none.
pub fn read(file: &Path) -> Result<Anchors> {
    let refused = |error: std::io::Error| {
        Failure::refused(format!("cannot read {}: {error}", file.display()), "check the path")
    };
    let anchors = if file == Path::new("-") {
        within(std::io::stdin().lock()).context("standard input")?
    } else {
        #[expect(clippy::disallowed_methods, reason = "the operator named this file")]
        let opened = std::fs::File::open(file).map_err(refused)?;
        within(BufReader::new(opened)).map_err(refused)?
    };
    if anchors.is_empty() {
        return Err(Failure::refused(
            format!("{} has no anchor of an audit", file.display()),
            "give it the log of the program `abaca-audit`: `journalctl -t abaca-audit`",
        ));
    }
    Ok(anchors)
}

fn within(mut log: impl BufRead) -> std::io::Result<Anchors> {
    let (mut anchors, mut line) = (Anchors::new(), Vec::new());
    while log.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)? > 0 {
        if let Some((backend, anchor)) = logged_anchor(&String::from_utf8_lossy(&line)) {
            anchors.entry(backend).or_default().push(anchor);
        }
        line.clear();
    }
    Ok(anchors)
}
