//! Answers to what an approval asks, prepared in a file for those who cannot be asked.
//!
//! ```toml
//! driver = "directory"            # stands for typing the driver's name
//! manifest = "0ca118…"            # the digest of the one that is meant; needed from R2 on
//!
//! [roots]
//! shares = "/srv/abaca/shares"
//!
//! [reasons]                       # one for each rule that is as good as root, by its id
//! receive = "the stream comes from our own hosts"
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::storage::read_text;

/// The largest file of answers that is read, in bytes.
const BYTES: u64 = 1024 * 1024;

/// What an operator has answered beforehand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// The driver that is meant to be approved.
    pub driver: Option<String>,
    /// SHA-256 of the manifest's text, if the answers are for no other one. Answers to what is of
    /// risk R2 or above have it: else they would do for whatever comes next.
    pub manifest: Option<String>,
    /// Directories by the names of roots.
    #[serde(default)]
    pub roots: BTreeMap<String, String>,
    /// Reasons by the ids of rules.
    #[serde(default)]
    pub reasons: BTreeMap<String, String>,
}

impl Answers {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is no file of answers; then with the place.
    pub fn load(file: &Path) -> Result<Self> {
        let text = read_text(file, BYTES)?;
        toml::from_str(&text).map_err(|error| {
            let before = text.get(..error.span().unwrap_or_default().start).unwrap_or_default();
            Error::Mismatch(format!(
                "{}:{}: {}; it has `driver`, `manifest`, [roots] and [reasons]",
                file.display(),
                before.matches('\n').count() + 1,
                error.message().replace('\n', " ")
            ))
        })
    }
}
