//! A simulated storage backend: one pool with volumes, snapshots and quotas. Programs of a script
//! work on it; nothing else does. Called by `script`.

use std::collections::BTreeMap;

use super::script::{Part, Trouble};

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
    /// Oldest first.
    pub snapshots: Vec<Snapshot>,
    /// What else programs have set.
    pub properties: BTreeMap<String, String>,
}

/// What a volume was.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Snapshot {
    pub name: String,
    /// The volume's quota then, in bytes.
    pub size: u64,
    /// How much was in it, in bytes.
    pub used: u64,
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
        if let Some(snapshot) = self.volume(name)?.snapshots.first() {
            return Err(Trouble::Busy(format!("volume {name} has the snapshot {}", snapshot.name)));
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
        if of.place(name).is_some() {
            return Err(Trouble::Exists(format!("snapshot {name} of {volume} exists")));
        }
        of.snapshots.push(Snapshot { name: name.to_owned(), size: of.size, used: of.used });
        Ok(())
    }

    /// A snapshot that is there.
    pub(super) fn snapshot_of(&self, volume: &str, name: &str) -> Result<&Snapshot, Trouble> {
        let mut all = self.volume(volume)?.snapshots.iter();
        let found = all.find(|one| one.name == name);
        found.ok_or_else(|| missing(&format!("snapshot {name} of {volume}")))
    }

    /// Has the volume `name` hold what `volume` did at a snapshot, and have that snapshot. It is a new
    /// one, or of one that follows goes back to the snapshot that both have first.
    pub(super) fn replicate(
        &mut self,
        volume: &str,
        snapshot: &str,
        part: Part,
        base: &str,
        name: &str,
    ) -> Result<(), Trouble> {
        let last = self.snapshot_of(volume, snapshot)?.clone();
        let before: Vec<_> = self.volume(volume)?.up_to(snapshot).cloned().collect();
        let Snapshot { size, used, .. } = last;
        let snapshots = match part {
            Part::Alone => vec![last],
            Part::All => before,
            Part::Changes => return self.catch_up(volume, before, base, name),
        };
        self.add(name, Volume { size, used, snapshots, ..Volume::default() })
    }

    fn catch_up(
        &mut self,
        volume: &str,
        before: Vec<Snapshot>,
        base: &str,
        name: &str,
    ) -> Result<(), Trouble> {
        self.snapshot_of(volume, base)?;
        self.snapshot_of(name, base)?;
        let used = before.last().map(|last| last.used);
        let since = before.into_iter().skip_while(|one| one.name != base).skip(1);
        let copy = self.volume_mut(name)?;
        copy.snapshots = copy.up_to(base).cloned().chain(since).collect();
        copy.used = used.unwrap_or(copy.used);
        Ok(())
    }

    /// Removes a snapshot that nothing was cloned from.
    pub(super) fn delete_snapshot(&mut self, volume: &str, name: &str) -> Result<(), Trouble> {
        let origin = Some((volume.to_owned(), name.to_owned()));
        if let Some((clone, _)) = self.volumes.iter().find(|(_, one)| one.origin == origin) {
            return Err(Trouble::Busy(format!("{clone} was cloned from {name} of {volume}")));
        }
        self.snapshot_of(volume, name)?;
        self.volume_mut(volume)?.snapshots.retain(|one| one.name != name);
        Ok(())
    }

    pub(super) fn clone_snapshot(
        &mut self,
        volume: &str,
        snapshot: &str,
        name: &str,
    ) -> Result<(), Trouble> {
        let Snapshot { size, used, .. } = *self.snapshot_of(volume, snapshot)?;
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
            let snapshots =
                snapshots.iter().map(move |one| format!("snapshot {} of {name}", one.name));
            let used = volume.used;
            let held = (used > 0).then(|| format!("volume {name}: holds {used} bytes"));
            std::iter::once(itself).chain(held).chain(snapshots)
        })
    }
}

impl Volume {
    fn place(&self, snapshot: &str) -> Option<usize> {
        self.snapshots.iter().position(|one| one.name == snapshot)
    }

    /// Its snapshots up to this one.
    fn up_to(&self, snapshot: &str) -> impl Iterator<Item = &Snapshot> {
        let count = self.place(snapshot).map_or(0, |place| place.saturating_add(1));
        self.snapshots.iter().take(count)
    }
}

fn missing(what: &str) -> Trouble {
    Trouble::Missing(format!("{what} does not exist"))
}
