//! Where things are: the two roots, and names below them; the options about them. Called by every
//! interface of this driver.

use abaca_sdk::command::Command;
use abaca_sdk::local::{Options, Pool};
use abaca_sdk::{Error, HostError, Path, Result, Root, files};

/// Where the shares' directories are.
pub const SHARES: Root = Root("shares");

/// Where the snapshots' directories are.
pub const SNAPSHOTS: Root = Root("snapshots");

/// What the operator sets.
pub const OPTIONS: Options = Options {
    export_root: "directory_export_root",
    capacity: "directory_capacity_gib",
    mode: "directory_mode",
};

/// What shares are promised of.
pub const POOL: Pool = Pool { root: SHARES, options: OPTIONS };

/// How the name of a copy ends that is not whole yet.
const PARTIAL: &str = ".partial";

/// Where a share's or snapshot's directory is, and where a copy becomes it.
#[derive(Debug)]
pub struct Place {
    /// The directory.
    pub path: Path,
    /// The copy while it is made.
    pub partial: Path,
}

impl Place {
    /// The place of this name; a name that a copy of another could have is refused.
    pub fn new(root: Root, name: &str) -> Result<Self> {
        if name.ends_with(PARTIAL) {
            return Err(Error::InvalidShare(format!(
                "the name `{name}` ends in `{PARTIAL}`, as unfinished copies do"
            )));
        }
        Ok(Self { path: root.join(name), partial: root.join(&format!("{name}{PARTIAL}")) })
    }

    /// Whether the directory is there.
    pub fn is_there(&self) -> Result<bool> {
        match files::list_after(&self.path, None, 1) {
            Ok(_) => Ok(true),
            Err(HostError::NotFound(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Why a request for the directory failed, where it should have been there.
    pub fn failed(&self, error: HostError) -> Error {
        match error {
            HostError::NotFound(_) => self.not_found(),
            error => error.into(),
        }
    }

    /// That the directory is not there.
    pub fn not_found(&self) -> Error {
        Error::ShareResourceNotFound(format!("`{}` is not there", self.path))
    }

    /// Removes the directory and what an unfinished copy left.
    pub fn remove(&self) -> Result<()> {
        files::remove_tree(&self.partial)?;
        files::remove_tree(&self.path)?;
        Ok(())
    }

    /// Fills the place with a copy of a directory, whose own permission bits are
    /// then `mode`. Where the copy is already, it is left as it is.
    pub fn copy_from(&self, source: &Path, mode: u32) -> Result<()> {
        if self.is_there()? {
            return Ok(());
        }
        files::remove_tree(&self.partial)?;
        let copied = Command::new("cp")
            .args(["--archive", "--reflink=auto", "--no-target-directory", "--"])
            .arg(source)
            .arg(&self.partial)
            .output();
        if copied.is_err() {
            // It may have filled the storage. What cannot be removed now, the next call removes.
            drop(files::remove_tree(&self.partial));
        }
        copied?;
        files::set_mode(&self.partial, mode)?;
        files::rename(&self.partial, &self.path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_a_name_that_nothing_else_has() {
        let place = Place::new(SHARES, "share-1").unwrap();
        assert_eq!(place.path.to_string(), "shares:share-1");
        assert_eq!(place.partial.to_string(), "shares:share-1.partial");
        assert!(Place::new(SHARES, "share-1.partial").is_err());
    }
}
