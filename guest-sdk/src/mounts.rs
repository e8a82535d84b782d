//! Mounting granted things at granted places, through `abaca:host/mounts`. Called
//! by drivers; the host forces `nosuid` and `nodev` unless the policy says
//! otherwise. What is mounted stays so after the call, and [`files`](crate::files) and
//! [`command`](crate::command) work in it.

use crate::imports::mounts as host;
use crate::{HostError, Path};

pub use host::MountSource;

/// The file system's type that shows a directory once more.
pub const BIND: &str = "bind";

/// An image or a directory.
impl From<Path> for MountSource {
    fn from(path: Path) -> Self {
        Self::Path(path)
    }
}

/// Mounts `source` at the directory `place`, with options as a set; the same thing
/// there already is success. The type of a directory's mount is [`BIND`].
///
/// # Errors
/// [`HostError::AlreadyExists`] when something else is mounted there,
/// [`HostError::Busy`] when the source is mounted elsewhere, and what the host answers.
pub fn mount(
    source: MountSource,
    place: &Path,
    filesystem: &str,
    options: &[&str],
) -> Result<(), HostError> {
    host::mount(&host::MountRequest {
        source,
        place: place.clone(),
        filesystem: filesystem.to_owned(),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
    })
}

/// Unmounts what is at `place`; nothing there is success.
///
/// # Errors
/// [`HostError::Busy`] while something works there, and what the host answers.
pub fn unmount(place: &Path) -> Result<(), HostError> {
    host::unmount(&host::UnmountRequest { place: place.clone() })
}
