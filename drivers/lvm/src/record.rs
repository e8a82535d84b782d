//! What is written down of shares and snapshots. Called by every interface.
//!
//! ```text
//! (nothing) ─ about to be made ─▶ volume ─ has its file system ─▶ volume, filled ─ removed ─▶ (nothing)
//! ```

use abaca_sdk::state::Entity;
use abaca_sdk::{Error, Result, Share};

use crate::answers::Volume;
use crate::volumes;

const VOLUME: &str = "volume";
const FILLED: &str = "filled";

/// The volume of a share or snapshot; none of one that was never begun, or is removed.
pub fn volume(id: &str) -> Result<Option<String>> {
    Ok(Entity(id).get(VOLUME)?)
}

/// The volume of a share that is there.
pub fn known(share: &Share) -> Result<String> {
    volume(&share.id)?.ok_or_else(|| {
        Error::ShareResourceNotFound(format!("no volume was made for the share {}", share.id))
    })
}

/// The volume of a share that is there, as LVM has it.
pub fn present(share: &Share) -> Result<Volume> {
    volumes::find(&known(share)?)?.ok_or_else(|| {
        Error::ShareResourceNotFound(format!("the volume of the share {} is not there", share.id))
    })
}

/// Writes down what is about to be made; or finds that it was begun before. What is there without
/// a record is somebody else's.
pub fn begin(id: &str, name: &str) -> Result<String> {
    if let Some(volume) = volume(id)? {
        return Ok(volume);
    }
    if volumes::find(name)?.is_some() {
        return Err(Error::BackendFailed(format!(
            "the volume {} is there and was not made for this; rename it",
            volumes::named(name)?
        )));
    }
    Entity(id).set(VOLUME, name)?;
    Ok(name.to_owned())
}

/// Whether a share has its file system.
pub fn is_filled(id: &str) -> Result<bool> {
    Ok(Entity(id).get(FILLED)?.is_some())
}

/// Writes down that it has.
pub fn set_filled(id: &str) -> Result<()> {
    Ok(Entity(id).set(FILLED, "yes")?)
}

/// Forgets a share or snapshot.
pub fn forget(id: &str) -> Result<()> {
    Ok(Entity(id).clear()?)
}
