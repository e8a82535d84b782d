//! The interface `mounts` of a test's host: a table of mounts, beneath whose places files and
//! commands work. Called by `asking`, and by tests.

use super::Host;
use super::asking::{Context, Request};
use super::place::{Place, denied};
use super::volumes::{Mount, Spot, Volumes};
use crate::HostError;
use crate::imports::mounts::{MountRequest, MountSource, UnmountRequest};
use crate::mounts::BIND;

/// The options that every mount has or has not, by which two mounts are alike.
const WORDS: [&str; 4] = ["nodev", "noexec", "nosuid", "ro"];

/// Those that the runtime forces, so that they may be left out.
const FORCED: [&str; 2] = ["nodev", "nosuid"];

impl Request for MountRequest {
    const NAME: &'static str = "mounts.mount";
    type Answer = ();

    fn words(&self) -> String {
        let source = match &self.source {
            MountSource::Path(path) => path.to_string(),
            MountSource::Device(name) | MountSource::Remote(name) => name.clone(),
        };
        let words = [source, self.place.to_string(), self.filesystem.clone()];
        words.into_iter().chain(self.options.iter().cloned()).collect::<Vec<_>>().join(" ")
    }

    fn answer(&self, host: &Host, _: &Context) -> Result<(), HostError> {
        let place = Place::parse(&self.place)?;
        let volumes = &mut host.world().volumes;
        let shows = source(volumes, &self.source, &self.filesystem)?;
        let at = spot(volumes, &place)?;
        let mut options = self.options.clone();
        for word in FORCED {
            if !options.iter().any(|option| option == word) {
                options.push(word.to_owned());
            }
        }
        options.sort_unstable();
        options.dedup();
        let called = self.place.to_string();
        let wanted = Mount { called, at, shows, filesystem: self.filesystem.clone(), options };
        if let Some(there) = volumes.mount_at(&wanted.at) {
            return expect_same(there, &wanted, &place);
        }
        volumes.node(&wanted.at, &place)?.as_directory(&place)?;
        let elsewhere = |mount: &Mount| mount.shows == wanted.shows;
        let exclusive = !matches!(self.source, MountSource::Remote(_)) && self.filesystem != BIND;
        if exclusive && volumes.mounts.iter().any(elsewhere) {
            let message = format!("{place}: what is to be mounted is mounted elsewhere");
            return Err(HostError::Busy(message));
        }
        volumes.mounts.push(wanted);
        Ok(())
    }
}

impl Request for UnmountRequest {
    const NAME: &'static str = "mounts.unmount";
    type Answer = ();

    fn words(&self) -> String {
        self.place.to_string()
    }

    fn answer(&self, host: &Host, _: &Context) -> Result<(), HostError> {
        let place = Place::parse(&self.place)?;
        let volumes = &mut host.world().volumes;
        let at = spot(volumes, &place)?;
        let Some(mount) = volumes.mount_at(&at) else {
            return volumes.node(&at, &place)?.as_directory(&place).map(drop);
        };
        let within = |other: &Mount| {
            other.at != at && other.at.0 == mount.shows.0 && other.at.1.starts_with(&mount.shows.1)
        };
        // Of a directory's mount, the same lies beneath the directory itself: it is not in use.
        if mount.filesystem != BIND && volumes.mounts.iter().any(within) {
            return Err(HostError::Busy(format!("{place} is in use: something is mounted within")));
        }
        volumes.mounts.retain(|mount| mount.at != at);
        Ok(())
    }
}

/// What a source shows.
fn source(
    volumes: &mut Volumes,
    source: &MountSource,
    filesystem: &str,
) -> Result<Spot, HostError> {
    let granted = |volume: Option<&u64>, name: &str| {
        let top = volume.map(|volume| (*volume, Vec::new()));
        top.ok_or_else(|| {
            denied(format!("no rule grants `{name}`; Host::device and Host::remote make one"))
        })
    };
    match source {
        MountSource::Device(name) => granted(volumes.devices.get(name), name),
        MountSource::Remote(name) => granted(volumes.remotes.get(name), name),
        MountSource::Path(path) => {
            let place = Place::parse(path)?;
            let spot = volumes.resolve(&place)?;
            if filesystem == BIND {
                volumes.node(&spot, &place)?.as_directory(&place)?;
                return Ok(spot);
            }
            Ok((volumes.image(&spot, &place)?, Vec::new()))
        }
    }
}

/// The directory that something is mounted on; never a root itself.
fn spot(volumes: &Volumes, place: &Place) -> Result<Spot, HostError> {
    let (mut spot, leaf) = volumes.resolve_in_parent(place)?;
    spot.1.push(leaf.to_owned());
    Ok(spot)
}

fn expect_same(there: &Mount, wanted: &Mount, place: &Place) -> Result<(), HostError> {
    let differs = |what: &str| {
        Err(HostError::AlreadyExists(format!("{place}: {what} is mounted there already")))
    };
    if there.shows != wanted.shows {
        return differs("something else");
    }
    if there.filesystem != wanted.filesystem {
        return differs("it, as another file system,");
    }
    let has = |mount: &Mount, word: &str| mount.options.iter().any(|option| option == word);
    match WORDS.iter().all(|word| has(there, word) == has(wanted, word)) {
        true => Ok(()),
        false => differs("it, with other options,"),
    }
}

impl Host {
    /// Makes a device that can be mounted by this name, with an empty file system.
    pub fn device(&self, name: &str) -> Self {
        let mut world = self.world();
        let made = world.volumes.make(0);
        world.volumes.devices.insert(name.to_owned(), made);
        drop(world);
        self.clone()
    }

    /// There is no such device any more.
    pub fn remove_device(&self, name: &str) {
        self.world().volumes.devices.remove(name);
    }

    /// Makes an export that can be mounted by this name, for example `192.0.2.1:/export`.
    pub fn remote(&self, name: &str) -> Self {
        let mut world = self.world();
        let made = world.volumes.make(0);
        world.volumes.remotes.insert(name.to_owned(), made);
        drop(world);
        self.clone()
    }

    /// The places where something is mounted, in the order in which it was.
    #[must_use]
    pub fn mounted(&self) -> Vec<String> {
        self.world().volumes.mounts.iter().map(|mount| mount.called.clone()).collect()
    }
}
