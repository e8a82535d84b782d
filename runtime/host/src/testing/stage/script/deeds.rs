//! What a script's programs do to the simulated storage, deed by deed. Called by `script`, and by a
//! test that changes the storage as somebody else would.

use abaca_policy::GuestPath;

use super::words::{emptied, filled};
use super::{Deed, Holes, Trouble};
use crate::testing::stage::pool::{Pool, Snapshot, Volume};
use crate::testing::stage::storage::{Contents, Node, Storage, What};

impl Deed {
    /// Does it.
    pub(in crate::testing::stage) fn perform(
        &self,
        holes: &mut Holes,
        storage: &mut Storage,
        pool: &mut Pool,
    ) -> Result<(), Trouble> {
        let say = |text: &str| filled(text, holes);
        match self {
            Self::MakeDirectory { at } => {
                let place = place(&say(at))?;
                let spot = storage.resolve_name(&place)?;
                if storage.get(&spot).is_some() {
                    return Err(Trouble::Exists(format!("{place} exists")));
                }
                storage.put(spot, Node::directory(0o755, 0));
            }
            Self::MakeFile { at, size } => {
                let (place, size) = (place(&say(at))?, bytes(&say(size))?);
                let spot = storage.resolve_name(&place)?;
                if storage.get(&spot).is_some() {
                    return resize(storage, &place, size);
                }
                storage.put(spot, Node::file(Contents::Zeros(size), 0o640, 0));
            }
            Self::ResizeFile { at, size } => {
                let (place, size) = (place(&say(at))?, bytes(&say(size))?);
                resize(storage, &place, size)?;
            }
            Self::Expect { at } => storage.at(&place(&say(at))?).map(drop)?,
            Self::Copy { from, to } => {
                let (from, to) = (place(&say(from))?, place(&say(to))?);
                let (old, new) = (storage.resolve(&from)?, storage.resolve_name(&to)?);
                storage.node(&old, &from)?;
                if storage.get(&new).is_some() {
                    return Err(Trouble::Exists(format!("{to} exists")));
                }
                storage.copy(&old, &new);
            }
            Self::Remove { at } => {
                let place = place(&say(at))?;
                let spot = storage.resolve_name(&place)?;
                storage.node(&spot, &place)?;
                storage.expect_unmounted(&spot, &place)?;
                storage.remove(&spot);
            }
            Self::Measure { at } => {
                let place = place(&say(at))?;
                let spot = storage.resolve(&place)?;
                storage.node(&spot, &place)?;
                let allocated = storage.sum(&spot).allocated;
                holes.insert("bytes".to_owned(), allocated.to_string());
                holes.insert("kib".to_owned(), (allocated / 1024).to_string());
            }
            Self::CreateVolume { name, size } => pool.create(&say(name), bytes(&say(size))?)?,
            Self::DeleteVolume { name } => pool.delete(&say(name))?,
            Self::ResizeVolume { name, size } => pool.resize(&say(name), bytes(&say(size))?)?,
            Self::CreateSnapshot { volume, name } => pool.snapshot(&say(volume), &say(name))?,
            Self::DeleteSnapshot { volume, name } => {
                pool.delete_snapshot(&say(volume), &say(name))?;
            }
            Self::CloneSnapshot { volume, snapshot, name } => {
                pool.clone_snapshot(&say(volume), &say(snapshot), &say(name))?;
            }
            Self::FillVolume { name, size } => {
                let size = bytes(&say(size))?;
                let volume = pool.volume_mut(&say(name))?;
                if size > volume.size {
                    return Err(Trouble::Full(format!("its quota is {} bytes", volume.size)));
                }
                volume.used = size;
            }
            Self::ShowVolume { name } => {
                let volume = pool.volume(&say(name))?;
                holes.extend(sizes(volume.size, volume.used));
            }
            Self::ListVolumes { each, beginning } => {
                let beginning = say(beginning);
                let line = |(name, volume): (&String, &Volume)| {
                    let mut own = volume.properties.clone();
                    own.extend(sizes(volume.size, volume.used));
                    own.insert("name".to_owned(), name.clone());
                    emptied(&filled(each, &own))
                };
                let named = pool.volumes.iter().filter(|(name, _)| name.starts_with(&beginning));
                let list = named.map(line).collect();
                holes.insert("list".to_owned(), list);
            }
            Self::ListSnapshots { volume, each } => {
                let volume = say(volume);
                let list = lines(each, &volume, pool.volume(&volume)?);
                holes.insert("list".to_owned(), list);
            }
            Self::ListAllSnapshots { each, beginning } => {
                let beginning = say(beginning);
                let named = pool.volumes.iter().filter(|(name, _)| name.starts_with(&beginning));
                let list = named.map(|(name, volume)| lines(each, name, volume)).collect();
                holes.insert("list".to_owned(), list);
            }
            Self::ShowSnapshot { volume, name } => {
                let Snapshot { size, used, .. } = pool.snapshot_of(&say(volume), &say(name))?;
                let own = sizes(*size, *used);
                holes.extend(own);
            }
            Self::Replicate { volume, snapshot, name, part, since } => {
                let (from, to) = (say(volume), say(name));
                pool.replicate(&from, &say(snapshot), *part, &say(since), &to)?;
            }
            Self::RemoveDevice { name } => storage.remove_device(&say(name))?,
            Self::CopyDevice { from, to } => storage.copy_device(&say(from), &say(to)),
            Self::DeviceFits { name, size } => {
                let (name, size) = (say(name), bytes(&say(size))?);
                if storage.held_by_device(&name) > size {
                    return Err(Trouble::TooSmall(format!("{name} holds more than {size} bytes")));
                }
            }
            Self::Set { volume, key, value } => {
                let (key, value) = (say(key), say(value));
                pool.volume_mut(&say(volume))?.properties.insert(key, value);
            }
            Self::Get { volume, key, hole } => {
                let value = pool.volume(&say(volume))?.properties.get(&say(key)).cloned();
                holes.insert(hole.clone(), value.unwrap_or_default());
            }
        }
        Ok(())
    }
}

/// A line for each snapshot of a volume.
fn lines(each: &str, name: &str, volume: &Volume) -> String {
    let line = |snapshot: &Snapshot| {
        let own = [("name", snapshot.name.as_str()), ("volume", name)];
        filled(each, &own.map(|(hole, text)| (hole.to_owned(), text.to_owned())).into())
    };
    volume.snapshots.iter().map(line).collect()
}

/// How large something is, and how much is in it: in bytes, and in whole MiB and GiB, where what was begun
/// counts.
fn sizes(size: u64, used: u64) -> Holes {
    let mut holes = Holes::new();
    for (name, bytes) in [("size", size), ("used", used)] {
        for (unit, shift) in [("", 0), ("-mib", 20), ("-gib", 30)] {
            holes.insert(format!("{name}{unit}"), bytes.div_ceil(1 << shift).to_string());
        }
    }
    holes
}

fn resize(storage: &mut Storage, place: &GuestPath, size: u64) -> Result<(), Trouble> {
    let spot = storage.resolve(place)?;
    match &mut storage.node_mut(&spot, place)?.what {
        What::File { contents, .. } => *contents = Contents::Zeros(size),
        What::Directory => return Err(Trouble::Invalid(format!("{place} is a directory"))),
    }
    Ok(())
}

fn place(text: &str) -> Result<GuestPath, Trouble> {
    GuestPath::parse_argument(text).map_err(|denial| Trouble::Invalid(denial.reason))
}

/// A size in bytes: a number, or one with K, M, G or T behind it, and `iB` or `B` behind that.
fn bytes(text: &str) -> Result<u64, Trouble> {
    let invalid = || Trouble::Invalid(format!("`{text}` is no size"));
    let bare = text.trim_end_matches('B').trim_end_matches('i');
    let (number, shift) = match bare.char_indices().last() {
        Some((at, unit)) if !unit.is_ascii_digit() => {
            let shift = "KMGT".find(unit.to_ascii_uppercase()).ok_or_else(invalid)?;
            (bare.get(..at).unwrap_or_default(), 10 * (shift + 1))
        }
        _ => (bare, 0),
    };
    let number: u64 = number.parse().map_err(|_| invalid())?;
    number.checked_mul(1 << shift).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_bytes_or_has_a_unit() {
        for (text, wanted) in [("7", 7), ("2K", 2048), ("3GiB", 3 << 30), ("1T", 1 << 40)] {
            assert_eq!(bytes(text), Ok(wanted), "{text}");
        }
        for text in ["", "G", "1X", "-1", "99999999999999T"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
