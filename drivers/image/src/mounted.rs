//! Images that are mounted: for clients at their share's place, and aside where no client comes.
//! Called by the interfaces and by `image`.

use core::time::Duration;

use abaca_sdk::{Error, HostError, Path, Result, clock, files, mounts};

use crate::filesystem::Filesystem;
use crate::places::Places;

/// The bits of a directory that something is to be mounted on: while nothing is, nobody comes in.
const CLOSED: u32 = 0o000;

/// How often it is looked whether an image that was just unmounted is free: who looks at block
/// devices by himself, as udev does, holds it for a moment.
const TRIES: u32 = 20;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

impl Places {
    /// Mounts the share's image for clients; mounted already is success.
    pub fn attach(&self, filesystem: Filesystem) -> Result<()> {
        ready(&self.share)?;
        mount(&self.image, &self.share, filesystem).map_err(|error| match error {
            HostError::Busy(text) => Error::ShareIsBusy(format!(
                "the image of the share is in use elsewhere, so it cannot be mounted for clients; \
                 when that has ended, ask again: {text}"
            )),
            error => error.into(),
        })
    }

    /// Takes the share from its clients, if none of them works in it.
    pub fn detach(&self) -> Result<()> {
        match mounts::unmount(&self.share) {
            Ok(()) | Err(HostError::NotFound(_)) => Ok(()),
            Err(HostError::Busy(text)) => Err(Error::ShareIsBusy(format!(
                "a client works in the share; when it has left, ask again: {text}"
            ))),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes sure that an image that was just unmounted is mounted nowhere else, as it could be
    /// for a service with mounts of its own: what that writes to an image would be lost when
    /// another took its place.
    pub fn expect_free(&self, filesystem: Filesystem) -> Result<()> {
        for _ in 0..TRIES {
            match aside_once(self, &self.image, filesystem, |_| Ok(()))? {
                Some(()) => return Ok(()),
                None => clock::sleep(PAUSE)?,
            }
        }
        Err(Error::ShareIsBusy(
            "a service that has mounts of its own has mounted the share; stop it, then ask again"
                .to_owned(),
        ))
    }

    /// Removes the directory where the share was mounted.
    pub fn close(&self) -> Result<()> {
        files::remove(&self.share)?;
        Ok(())
    }
}

/// Does something in an image that is mounted where no client comes, and nowhere else.
pub fn aside(
    places: &Places,
    image: &Path,
    filesystem: Filesystem,
    work: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    match aside_once(places, image, filesystem, work)? {
        Some(()) => Ok(()),
        None => Err(Error::ShareIsBusy(format!("`{image}` is mounted elsewhere"))),
    }
}

/// The same; none where the image is in use.
fn aside_once(
    places: &Places,
    image: &Path,
    filesystem: Filesystem,
    work: impl FnOnce(&Path) -> Result<()>,
) -> Result<Option<()>> {
    let place = &places.staged;
    ready(place)?;
    let done = match mount(image, place, filesystem) {
        Ok(()) => work(place).map(Some),
        Err(HostError::Busy(_)) => Ok(None),
        Err(error) => Err(error.into()),
    };
    clear(place)?;
    done
}

/// Unmounts what is at a place aside, and removes the place; nothing there is success.
pub fn clear(place: &Path) -> Result<()> {
    match mounts::unmount(place) {
        Ok(()) | Err(HostError::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    files::remove(place)?;
    Ok(())
}

fn mount(image: &Path, place: &Path, filesystem: Filesystem) -> Result<(), HostError> {
    mounts::mount(image.clone().into(), place, filesystem.name(), filesystem.mount_options())
}

/// Makes the directory to mount on, if it is not there.
fn ready(place: &Path) -> Result<()> {
    match files::make_dir(place, CLOSED) {
        Ok(()) | Err(HostError::AlreadyExists(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
