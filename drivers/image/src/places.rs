//! Where things are: the four roots, and what belongs to one share; the options about them. Called
//! by every interface of this driver.

use abaca_sdk::local::{Options, Pool};
use abaca_sdk::lock::{self, Guard};
use abaca_sdk::{Error, ExportLocation, HostError, Path, Result, Root, files};

/// Where the shares' images are.
pub const IMAGES: Root = Root("images");

/// Where the snapshots' images are.
pub const SNAPSHOTS: Root = Root("snapshots");

/// Where clients find the shares.
pub const SHARES: Root = Root("shares");

/// Where an image is mounted that is no share yet.
pub const STAGING: Root = Root("staging");

/// What the operator sets.
pub const OPTIONS: Options = Options {
    export_root: "image_export_root",
    capacity: "image_capacity_gib",
    mode: "image_mode",
};

/// What shares are promised of.
pub const POOL: Pool = Pool { root: IMAGES, options: OPTIONS };

/// How the name of an image ends that is being made.
pub const PARTIAL: &str = ".partial";

/// How the name of an image ends that is whole and takes another's place.
const WHOLE: &str = ".whole";

/// What belongs to one share.
#[derive(Debug)]
pub struct Places {
    /// The share's name.
    pub name: String,
    /// Its image.
    pub image: Path,
    /// The image while it is made.
    pub partial: Path,
    /// The image while it takes the place of the old one.
    pub whole: Path,
    /// Where it is mounted for clients.
    pub share: Path,
    /// Where an image is mounted that is being made.
    pub staged: Path,
    /// Only one call at a time works on an image.
    _guard: Guard,
}

impl Places {
    /// Those of the share of this name, which are this call's alone from now on.
    pub fn of(name: &str) -> Result<Self> {
        check(name)?;
        Ok(Self {
            name: name.to_owned(),
            image: IMAGES.join(name),
            partial: IMAGES.join(&format!("{name}{PARTIAL}")),
            whole: IMAGES.join(&format!("{name}{WHOLE}")),
            share: SHARES.join(name),
            staged: STAGING.join(name),
            _guard: lock::acquire(name, None)?,
        })
    }

    /// That the share is not there.
    pub fn not_found(&self) -> Error {
        Error::ShareResourceNotFound(format!("`{}` is not there", self.image))
    }

    /// What is there though nothing was promised is somebody else's. Its content is neither handed
    /// out nor removed.
    pub fn foreign(&self, place: &Path) -> Error {
        Error::BackendFailed(format!(
            "`{place}` is there and was not made for this share; move it away"
        ))
    }

    /// Where clients find the share.
    pub fn locations(&self) -> Result<Vec<ExportLocation>> {
        Ok(vec![ExportLocation::new(OPTIONS.export_location(&self.name)?)])
    }
}

/// Refuses a name that an unfinished image of another could have.
pub fn check(name: &str) -> Result<()> {
    match [PARTIAL, WHOLE].into_iter().find(|end| name.ends_with(end)) {
        None => Ok(()),
        Some(end) => Err(Error::InvalidShare(format!(
            "the name `{name}` ends in `{end}`, as unfinished images do"
        ))),
    }
}

/// How long an image is in bytes; none if there is none.
pub fn length(image: &Path) -> Result<Option<u64>> {
    match files::usage(image) {
        Ok(usage) => Ok(Some(usage.apparent_bytes)),
        Err(HostError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_image_has_a_name_that_no_share_has() {
        assert!(check("share-1").is_ok());
        assert!(check("share-1.partial").is_err());
        assert!(check("share-1.whole").is_err());
    }
}
