//! What a driver answers, before it is stored and shown: bounded, and without control characters.
//! Shared by the rooms beside it.

use crate::error::{Error, Result};
use crate::records::{Change, ShareEdit};
use crate::text::is_plain_text;
use crate::types::pairs::repeated;
use crate::types::{ExportLocation, Share, ShareStatus};

/// The most export locations of one share: one for each address of a large server.
const LOCATIONS: usize = 64;

/// The longest text of a driver that is kept, in bytes: a path, with room.
const TEXT_BYTES: usize = 4 * 1024;

/// The most pairs of texts that are kept together; upstream's drivers use a handful.
const PAIRS: usize = 256;

/// What a driver says about where clients find a share is shown to users and stored.
pub(super) fn check_locations(method: &'static str, locations: &[ExportLocation]) -> Result<()> {
    if locations.len() > LOCATIONS {
        let reason =
            format!("it names {} export locations; {LOCATIONS} are allowed", locations.len());
        return Err(Error::Contract { method, reason });
    }
    for location in locations {
        if location.path.is_empty() {
            let reason = "an export location is empty".to_owned();
            return Err(Error::Contract { method, reason });
        }
        check_text(method, "an export location", &location.path)?;
        check_pairs(method, "the metadata of an export location", &location.metadata)?;
    }
    Ok(())
}

/// A text that is stored and shown.
pub(super) fn check_text(method: &'static str, what: &str, text: &str) -> Result<()> {
    let reason = if text.len() > TEXT_BYTES {
        format!("{what} is longer than {TEXT_BYTES} bytes")
    } else if !is_plain_text(text) {
        format!("{what} has control or invisible characters")
    } else {
        return Ok(());
    };
    Err(Error::Contract { method, reason })
}

/// Pairs of texts that are stored and shown.
pub(super) fn check_pairs(
    method: &'static str,
    what: &str,
    pairs: &[(String, String)],
) -> Result<()> {
    if pairs.len() > PAIRS {
        let reason = format!("{what} has {} pairs; {PAIRS} are allowed", pairs.len());
        return Err(Error::Contract { method, reason });
    }
    if let Some(key) = repeated(pairs) {
        let key = crate::text::printable(key, crate::text::MESSAGE_BYTES);
        let reason = format!("{what} has the key `{key}` twice");
        return Err(Error::Contract { method, reason });
    }
    pairs.iter().try_for_each(|(key, value)| {
        check_text(method, what, key)?;
        check_text(method, what, value)
    })
}

/// What the answer to changing a share's size means.
pub(super) fn resized(
    share: &Share,
    new_size: u64,
    answer: Result<()>,
) -> (Result<()>, Vec<Change>) {
    match answer {
        Ok(()) => {
            let edit = ShareEdit {
                size: Some(new_size),
                status: Some(ShareStatus::Available),
                ..ShareEdit::default()
            };
            (Ok(()), vec![Change::EditShare(share.id.clone(), Box::new(edit))])
        }
        Err(error) => (Err(error), Vec::new()),
    }
}
