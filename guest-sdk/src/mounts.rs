//! Mounting granted things at granted places, through `abaca:host/mounts`. Called
//! by drivers; the host forces `nosuid` and `nodev` unless the policy says
//! otherwise.

use crate::bindings::abaca::host::mounts as host;
use crate::{HostError, Path};

pub use host::MountSource;

/// Mounts `source` at the directory `place`, with options as a set; the same thing
/// there already is success.
///
/// # Errors
/// What the host answers.
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
/// What the host answers.
pub fn unmount(place: &Path) -> Result<(), HostError> {
    host::unmount(&host::UnmountRequest { place: place.clone() })
}
