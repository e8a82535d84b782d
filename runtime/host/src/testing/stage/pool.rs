//! A simulated storage backend: one pool with volumes, snapshots and quotas. Programs of a script
//! work on it; nothing else does. Called by `script`.

use std::collections::BTreeMap;

use super::script::Trouble;

/// How large a pool is unless a script says otherwise: 100 GiB.
const SIZE: u64 = 100 << 30;

/// A volume.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Volume {
    /// Its quota, in bytes.
    pub size: u64,
    /// How much is in it, in bytes.
    pub used: u64,
    /// The volume and the snapshot that it was cloned from.
    pub origin: Option<(String, String)>,
    /// By name, with the size that the volume had then, and how much was in it.
    pub snapshots: BTreeMap<String, (u64, u64)>,
    /// What else programs have set.
    pub properties: BTreeMap<String, String>,
}

/// All that a pool has.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pool {
    /// In bytes.
    pub size: u64,
    pub volumes: BTreeMap<String, Volume>,
}

impl Default for Pool {
    fn default() -> Self {
        Self { size: SIZE, volumes: BTreeMap::new() }
    }
}

impl Pool {
    /// What is promised to no volume, in bytes.
    pub(super) fn free(&self) -> u64 {
        let promised = self.volumes.values().map(|volume| volume.size);
        self.size.saturating_sub(promised.fold(0, u64::saturating_add))
    }

    pub(super) fn volume(&self, name: &str) -> Result<&Volume, Trouble> {
        self.volumes.get(name).ok_or_else(|| missing(&format!("volume {name}")))
    }

    pub(super) fn volume_mut(&mut self, name: &str) -> Result<&mut Volume, Trouble> {
        self.volumes.get_mut(name).ok_or_else(|| missing(&format!("volume {name}")))
    }

    pub(super) fn create(&mut self, name: &str, size: u64) -> Result<(), Trouble> {
        self.add(name, Volume { size, ..Volume::default() })
    }

    fn add(&mut self, name: &str, volume: Volume) -> Result<(), Trouble> {
        if self.volumes.contains_key(name) {
            return Err(Trouble::Exists(format!("volume {name} exists")));
        }
        self.expect_room(volume.size)?;
        self.volumes.insert(name.to_owned(), volume);
        Ok(())
    }

    fn expect_room(&self, more: u64) -> Result<(), Trouble> {
        match more <= self.free() {
            true => Ok(()),
            false => Err(Trouble::Full(format!("{more} bytes asked, {} are free", self.free()))),
        }
    }

    /// Removes a volume without snapshots.
    pub(super) fn delete(&mut self, name: &str) -> Result<(), Trouble> {
        if let Some(snapshot) = self.volume(name)?.snapshots.keys().next() {
            return Err(Trouble::Busy(format!("volume {name} has the snapshot {snapshot}")));
        }
        self.volumes.remove(name);
        Ok(())
    }

    pub(super) fn resize(&mut self, name: &str, size: u64) -> Result<(), Trouble> {
        let Volume { size: now, used, .. } = *self.volume(name)?;
        if size < used {
            return Err(Trouble::TooSmall(format!("volume {name} holds {used} bytes")));
        }
        self.expect_room(size.saturating_sub(now))?;
        self.volume_mut(name)?.size = size;
        Ok(())
    }

    pub(super) fn snapshot(&mut self, volume: &str, name: &str) -> Result<(), Trouble> {
        let of = self.volume_mut(volume)?;
        if of.snapshots.contains_key(name) {
            return Err(Trouble::Exists(format!("snapshot {name} of {volume} exists")));
        }
        of.snapshots.insert(name.to_owned(), (of.size, of.used));
        Ok(())
    }

    /// Removes a snapshot that nothing was cloned from.
    pub(super) fn delete_snapshot(&mut self, volume: &str, name: &str) -> Result<(), Trouble> {
        let origin = Some((volume.to_owned(), name.to_owned()));
        if let Some((clone, _)) = self.volumes.iter().find(|(_, one)| one.origin == origin) {
            return Err(Trouble::Busy(format!("{clone} was cloned from {name} of {volume}")));
        }
        let gone = self.volume_mut(volume)?.snapshots.remove(name);
        gone.map(drop).ok_or_else(|| missing(&format!("snapshot {name} of {volume}")))
    }

    pub(super) fn clone_snapshot(
        &mut self,
        volume: &str,
        snapshot: &str,
        name: &str,
    ) -> Result<(), Trouble> {
        let of = self.volume(volume)?;
        let then = of.snapshots.get(snapshot).copied();
        let (size, used) =
            then.ok_or_else(|| missing(&format!("snapshot {snapshot} of {volume}")))?;
        let origin = Some((volume.to_owned(), snapshot.to_owned()));
        self.add(name, Volume { size, used, origin, ..Volume::default() })
    }

    /// All that is in it, a sentence each.
    pub(super) fn facts(&self) -> impl Iterator<Item = String> {
        self.volumes.iter().flat_map(|(name, volume)| {
            let Volume { size, origin, snapshots, properties, .. } = volume;
            let origin = origin.as_ref().map(|(of, at)| format!(", cloned from {at} of {of}"));
            let origin = origin.unwrap_or_default();
            let set = properties.iter().map(|(key, value)| format!(", {key} = {value}"));
            let itself = format!("volume {name}: {size} bytes{origin}{}", set.collect::<String>());
            let snapshots = snapshots.keys().map(move |one| format!("snapshot {one} of {name}"));
            let used = volume.used;
            let held = (used > 0).then(|| format!("volume {name}: holds {used} bytes"));
            std::iter::once(itself).chain(held).chain(snapshots)
        })
    }
}

fn missing(what: &str) -> Trouble {
    Trouble::Missing(format!("{what} does not exist"))
}
