//! Logical volumes: making, resizing and removing them, and which there are. Called by the
//! interfaces. The command lines are upstream's but for `lvs`, `lvchange` and `lvreduce`.

use abaca_sdk::command::{self, Command, Output};
use abaca_sdk::{CommandFailure, Error, Result};

use crate::answers::{self, Volume};
use crate::options;

/// What the tools say of a volume in use.
const BUSY: [&str; 3] = ["in use", "is used by another device", "is busy"];

/// What `lvcreate` says of a volume that is there.
const EXISTS: &str = "already exists in";

/// What `lvextend` says of a volume that is in use and has snapshots.
const HAS_SNAPSHOTS: &str = "Snapshot origin volumes can be resized only while inactive";

/// From so many GiB on, 1.5 TiB, copies are kept in regions of more than LVM's own size.
const LARGE_GIB: u64 = 1536;

/// GiB in a TiB.
const GIB_IN_TIB: u64 = 1024;

/// How a program is told a volume: the policy makes a path of it where the program needs one.
pub fn named(name: &str) -> Result<String> {
    Ok(format!("{}/{name}", options::group()?))
}

/// Fails if the group is not there. Upstream: `check_for_setup_error`.
pub fn check_group() -> Result<()> {
    let group = options::group()?;
    let output = command::run("vgs", ["--noheadings", "-o", "name"])?;
    match output.stdout_text()?.lines().any(|line| line.trim() == group) {
        true => Ok(()),
        false => Err(Error::BadConfiguration(format!(
            "there is no volume group `{group}`; make it with `vgcreate`, or name another one in \
             lvm_share_volume_group and in the policy"
        ))),
    }
}

/// The size of the group and what is free of it, in GiB.
pub fn space() -> Result<(f64, f64)> {
    let output = command::run("vgs", [&options::group()?, "--rows", "--units", "g"])?;
    answers::space(output.stdout_text()?)
        .map_err(|why| Error::BackendFailed(format!("what `vgs` says: {why}")))
}

/// All volumes of the group.
fn all() -> Result<Vec<Volume>> {
    let output = Command::new("lvs")
        .args(["--noheadings", "--separator", "/", "--units", "b", "--nosuffix"])
        .args(["-o", "lv_name,lv_size,origin"])
        .arg(options::group()?)
        .output()?;
    answers::volumes(output.stdout_text()?)
        .map_err(|why| Error::BackendFailed(format!("what `lvs` says: {why}")))
}

/// The volume of this name, if it is there.
pub fn find(name: &str) -> Result<Option<Volume>> {
    Ok(all()?.into_iter().find(|volume| volume.name == name))
}

/// A snapshot of this volume, if there is one.
pub fn snapshot_of(name: &str) -> Result<Option<String>> {
    let found = all()?.into_iter().find(|volume| volume.origin.as_deref() == Some(name));
    Ok(found.map(|volume| volume.name))
}

/// Makes a volume of so many GiB. One that is there was begun for this, and has its size; its device
/// may not have appeared yet.
pub fn create(name: &str, gib: u64) -> Result<()> {
    if find(name)?.is_some() {
        return activate(name);
    }
    let size = format!("{gib}G");
    let create = Command::new("lvcreate").args(["-L", &size, "-n", name, &options::group()?]);
    let create = match options::mirrors()? {
        0 => create,
        // What lies beneath a new file system need not be alike.
        mirrors => {
            let create = create.arg("-m").arg(mirrors).arg("--nosync");
            region(gib).iter().fold(create, |create, mib| create.arg("-R").arg(mib))
        }
    };
    match made(create.retry().output())? {
        Made::Now => Ok(()),
        Made::Before => activate(name),
    }
}

/// How large the regions are, in MiB, in which copies of a large volume are kept alike: as many as
/// the volume has TiB, rounded up to a power of two.
fn region(gib: u64) -> Option<u64> {
    (gib >= LARGE_GIB).then(|| gib.div_ceil(GIB_IN_TIB).next_power_of_two())
}

/// When a volume was made.
enum Made {
    Now,
    /// By an earlier attempt of the same command, which failed all the same.
    Before,
}

/// What `lvcreate` came to, where no volume of the name was there before it.
fn made(output: Result<Output>) -> Result<Made> {
    match output {
        Ok(_) => Ok(Made::Now),
        Err(Error::CommandFailed(CommandFailure { ref stderr, .. })) if stderr.contains(EXISTS) => {
            Ok(Made::Before)
        }
        Err(error) => Err(error),
    }
}

/// Keeps what a volume holds now, in a volume with room for so many GiB of changes.
pub fn snapshot(name: &str, gib: u64, origin: &str) -> Result<()> {
    match find(name)? {
        Some(volume) if volume.origin.as_deref() == Some(origin) => return Ok(()),
        // LVM makes a volume first and a snapshot of it then, and was cut short in between.
        Some(_) => remove(name, Error::ShareSnapshotIsBusy)?,
        None => {}
    }
    let (size, of) = (format!("{gib}G"), named(origin)?);
    let create = Command::new("lvcreate").args(["-L", &size, "--name", name, "--snapshot", &of]);
    match made(create.retry().output())? {
        Made::Now => Ok(()),
        Made::Before => match find(name)? {
            Some(volume) if volume.origin.as_deref() == Some(origin) => Ok(()),
            _ => {
                Err(Error::BackendFailed(format!("{} is no snapshot yet; try again", named(name)?)))
            }
        },
    }
}

/// Makes a volume larger; one that is large enough is left as it is.
pub fn extend(volume: &Volume, gib: u64) -> Result<()> {
    if volume.size >= answers::bytes(gib) {
        return Ok(());
    }
    let (size, name) = (format!("{gib}G"), named(&volume.name)?);
    let extended = Command::new("lvextend").args(["-L", &size, "-n", &name]).retry().output();
    extended.map(drop).map_err(|error| match error {
        Error::CommandFailed(CommandFailure { ref stderr, .. })
            if stderr.contains(HAS_SNAPSHOTS) =>
        {
            Error::ShareIsBusy(format!(
                "{name} has snapshots, so it cannot grow; remove them first"
            ))
        }
        error => error,
    })
}

/// Makes a volume smaller, whose file system is no larger; one that is small enough is left as
/// it is.
pub fn reduce(volume: &Volume, gib: u64) -> Result<()> {
    if volume.size <= answers::bytes(gib) {
        return Ok(());
    }
    let name = named(&volume.name)?;
    command::run("lvreduce", ["-f", "-L", &format!("{gib}G"), &name]).map(drop)
}

/// Makes a volume's device appear, after the machine was started.
pub fn activate(name: &str) -> Result<()> {
    command::run("lvchange", ["-a", "y", &named(name)?]).map(drop)
}

/// Removes a volume; none there is success. What is in use is tried several times, because the
/// system looks at new devices by itself. `busy` is the error for what stays in use.
pub fn remove(name: &str, busy: fn(String) -> Error) -> Result<()> {
    if find(name)?.is_none() {
        return Ok(());
    }
    let removed = Command::new("lvremove").args(["-f", &named(name)?]).retry().output();
    removed.map(drop).map_err(|error| match error {
        Error::CommandFailed(CommandFailure { ref stderr, .. }) if is_busy(stderr) => {
            busy(stderr.trim().to_owned())
        }
        error => error,
    })
}

fn is_busy(stderr: &str) -> bool {
    BUSY.iter().any(|text| stderr.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_large_mirrors_are_upstreams() {
        for (gib, mib) in [
            (1, None),
            (1535, None),
            (1536, Some(2)),
            (2048, Some(2)),
            (2049, Some(4)),
            (4096, Some(4)),
            (5000, Some(8)),
            (1 << 20, Some(1024)),
        ] {
            assert_eq!(region(gib), mib, "{gib}");
        }
    }

    /// By the words of LVM 2.03.
    #[test]
    fn what_is_in_use_is_told_from_what_is_not_there() {
        for text in [
            "  Logical volume lvm-shares/share-1 contains a filesystem in use.",
            "  Logical volume lvm-shares/share-1 in use.",
            "  Logical volume lvm-shares/share-1 is used by another device.",
        ] {
            assert!(is_busy(text), "{text}");
        }
        assert!(!is_busy("  Failed to find logical volume \"lvm-shares/share-1\""));
    }
}
