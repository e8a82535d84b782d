//! Image files: how one is made, copied, and takes the place of another. Called by the interfaces;
//! mounting is the business of `mounted`, what is in an image that of `filesystem`.
//!
//! ```text
//! (none) ─▶ partial ─ build ─▶ whole ─ the old image removed ─▶ image
//!   ▲          │                 │ the old one is there still
//!   └─recover──┴─────────────────┘
//! ```

use abaca_sdk::command::Command;
use abaca_sdk::{Error, GIB, Path, Result, files};

use crate::filesystem::Filesystem;
use crate::mounted;
use crate::places::{OPTIONS, Places, length};

/// Makes a sparse file of so many GiB where nothing is.
pub fn create(image: &Path, size: u64) -> Result<()> {
    let length = format!("--size={}", bytes(size));
    Command::new("truncate").args([&length, "--"]).arg(image).output().map(drop)
}

/// Makes a file so many GiB long.
pub fn set_length(image: &Path, size: u64) -> Result<()> {
    let length = format!("--size={}", bytes(size));
    Command::new("truncate").args(["--no-create", &length, "--"]).arg(image).output().map(drop)
}

/// Copies an image to where nothing is, in one step: it shares all blocks, and whoever writes to the
/// one meanwhile has written before, or after.
pub fn copy(source: &Path, image: &Path) -> Result<()> {
    Command::new("cp")
        .args(["--reflink=always", "--no-target-directory", "--"])
        .arg(source)
        .arg(image)
        .output()
        .map(drop)
}

/// So many GiB in bytes.
pub fn bytes(size: u64) -> u64 {
    size.saturating_mul(GIB)
}

impl Places {
    /// Sets right what a call that was cut short has left, and says whether the share has an image.
    pub fn recover(&self) -> Result<bool> {
        self.tidy()?;
        let is_there = length(&self.image)?.is_some();
        if is_there {
            // Clients may have worked in the old one since.
            files::remove(&self.whole)?;
        } else if length(&self.whole)?.is_some() {
            files::rename(&self.whole, &self.image)?;
            return Ok(true);
        }
        Ok(is_there)
    }

    /// Makes the share's image by what `make` does to `partial`, in place of the one that there
    /// may be, which is mounted nowhere. When it fails all is as before.
    pub fn replace(&self, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        if let Err(error) = make(&self.partial) {
            // If that fails too, the next call does it.
            drop(self.tidy());
            return Err(error);
        }
        files::rename(&self.partial, &self.whole)?;
        files::remove(&self.image)?;
        Ok(files::rename(&self.whole, &self.image)?)
    }

    /// Mounts what is being made where no client comes, and shuts clients out of it until rules
    /// are set. That replays a journal, and fails for what is not sound.
    pub fn shut(&self, filesystem: Filesystem) -> Result<()> {
        let mode = OPTIONS.mode()?;
        mounted::aside(self, &self.partial, filesystem, |top| Ok(files::set_mode(top, mode)?))
    }

    /// Removes all that there is of a share that nobody has mounted.
    pub fn remove(&self) -> Result<()> {
        self.tidy()?;
        files::remove(&self.whole)?;
        files::remove(&self.image)?;
        Ok(())
    }

    /// Removes what was being made.
    fn tidy(&self) -> Result<()> {
        mounted::clear(&self.staged)?;
        files::remove(&self.partial)?;
        Ok(())
    }
}

/// Refuses a new size that is not what an operation is for.
pub fn check_not_smaller(length: u64, size: u64) -> Result<()> {
    if length <= bytes(size) {
        return Ok(());
    }
    Err(Error::InvalidShare(format!(
        "a share of {size} GiB cannot hold what is {length} bytes long"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_is_no_smaller_than_its_snapshot() {
        assert!(check_not_smaller(GIB, 1).is_ok());
        assert!(check_not_smaller(GIB, 2).is_ok());
        assert!(matches!(check_not_smaller(GIB + 1, 1), Err(Error::InvalidShare(_))));
        assert!(check_not_smaller(u64::MAX, u64::MAX).is_ok());
    }
}
