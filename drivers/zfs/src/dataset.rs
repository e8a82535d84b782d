//! Datasets and their snapshots: making, resizing, mounting and removing them, and what the tool
//! says of one. Called by the interfaces and by `copying`.

use core::time::Duration;

use abaca_sdk::mounts::{self, MountSource};
use abaca_sdk::{Error, HostError, Result, clock, log};

use crate::record::Record;
use crate::{answers, places, tool};

/// How long a share that is to be removed may be in use still, and how often that is looked at.
/// Upstream: `_delete_dataset_or_snapshot_with_retry`.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_secs(2);

/// How it is tried to remove something.
#[derive(Clone, Copy)]
struct Tries {
    /// How often, where the tool says that it is in use. Under load it says so of what nobody uses.
    busy: u32,
    /// Between two tries.
    pause: Duration,
}

/// Of what is there for long.
const OLD: Tries = Tries { busy: 5, pause: Duration::from_secs(1) };

/// Of a snapshot that has just come with what was received. Upstream: `execute_with_retry`, for three
/// minutes.
const NEW: Tries = Tries { busy: 12, pause: Duration::from_secs(5) };

/// How often, whatever else the tool says.
const TRIES: u32 = 2;

/// Makes an empty dataset with these properties. One that is there is not touched.
pub fn create(record: &Record, properties: &[String]) -> Result<()> {
    let mut command = tool::zfs(["create"]);
    for property in properties {
        command = command.arg("-o").arg(property);
    }
    let Err(error) = command.arg(&record.dataset).output() else { return Ok(()) };
    // A repeated call finds what the first one made; and OpenZFS may have made it, and not have been
    // let to mount it.
    match is_there(record)? {
        true => mount(record),
        false => Err(error),
    }
}

/// Whether the dataset is there.
///
/// # Errors
/// Also where its parent is not in the list: then nothing can be said by that.
pub fn is_there(record: &Record) -> Result<bool> {
    let parent = record.dataset.rsplit_once('/').map_or("", |(parent, _)| parent);
    let list = tool::ask(["list", "-r", parent])?;
    if !answers::names(&list).any(|name| name == parent) {
        return Err(Error::BackendFailed(format!("`zfs list -r {parent}` does not list {parent}")));
    }
    Ok(answers::names(&list).any(|name| name == record.dataset))
}

/// The tags of all snapshots of the dataset, oldest first; none of one that is not there.
pub fn snapshots(record: &Record) -> Result<Vec<String>> {
    let parent = record.dataset.rsplit_once('/').map_or("", |(parent, _)| parent);
    let text = tool::ask(["list", "-r", "-t", "snapshot", parent])?;
    let tags = answers::names(&text).filter_map(|name| name.split_once('@'));
    Ok(tags
        .filter(|(dataset, _)| *dataset == record.dataset)
        .map(|(_, tag)| tag.to_owned())
        .collect())
}

/// Whether the dataset has this snapshot. Of one that is not there the tool says so.
pub fn has_snapshot(record: &Record, tag: &str) -> Result<bool> {
    let name = format!("{}@{tag}", record.dataset);
    match tool::ask(["list", "-r", "-t", "snapshot", &name]) {
        Ok(text) if answers::names(&text).any(|found| found == name) => Ok(true),
        Ok(text) if text.contains(tool::NONE) => Ok(false),
        Ok(_) => Err(Error::BackendFailed(format!("`zfs list` does not list {name}"))),
        Err(error) if tool::is_missing(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A property; none for one without a value.
pub fn get(record: &Record, property: &str) -> Result<Option<String>> {
    read(&tool::ask(["get", property, &record.dataset])?, property, record)
}

/// A property that is a size, in bytes.
pub fn size(record: &Record, property: &str) -> Result<u64> {
    // Without `-p` the tools round to three digits, and with it zfs-fuse's columns do not stand
    // beneath their headings.
    let text = tool::ask(["get", "-H", "-p", "-o", "value", property, &record.dataset])?;
    let size = answers::size(Some(text.trim())).map_err(Error::BackendFailed)?;
    Ok(size.unwrap_or_default())
}

fn read(text: &str, property: &str, record: &Record) -> Result<Option<String>> {
    answers::property(text, property, &record.dataset)
        .map_err(|why| Error::BackendFailed(format!("what `zfs get` says: {why}")))
}

/// Where the dataset is mounted, or would be.
pub fn mountpoint(record: &Record) -> Result<String> {
    match get(record, "mountpoint")? {
        Some(path) if path.starts_with('/') => Ok(path),
        other => Err(Error::BackendFailed(format!(
            "the dataset {} is mounted nowhere: its `mountpoint` is `{}`",
            record.dataset,
            other.unwrap_or_default()
        ))),
    }
}

/// Sets a property, `NAME=VALUE`.
pub fn set(record: &Record, assignment: &str) -> Result<()> {
    match tool::zfs(["set", assignment, &record.dataset]).output() {
        // OpenZFS keeps to it at once, and only cannot tell the mount so.
        Err(error) if tool::is_only_set(&error) => {
            log::debug(error.text());
            Ok(())
        }
        answer => answer.map(drop),
    }
}

/// Sets how much the dataset and its snapshots may hold.
pub fn set_quota(record: &Record, gib: u64) -> Result<()> {
    set(record, &format!("quota={gib}G"))
}

/// Keeps what the dataset holds now, or finds that it was kept.
pub fn snapshot(record: &Record, tag: &str) -> Result<()> {
    match tool::zfs(["snapshot", &format!("{}@{tag}", record.dataset)]).output() {
        Err(error) if tool::is_taken(&error) => Ok(()),
        answer => answer.map(drop),
    }
}

/// Removes a snapshot; none there is success.
pub fn destroy_snapshot(record: &Record, tag: &str) -> Result<()> {
    destroy(&format!("{}@{tag}", record.dataset), OLD, || {})
}

/// The same of one that a copy has just been received with.
pub fn destroy_new_snapshot(record: &Record, tag: &str) -> Result<()> {
    destroy(&format!("{}@{tag}", record.dataset), NEW, || {})
}

/// Removes the dataset with all that is in it but its snapshots, which have to be gone; none there
/// is success.
///
/// # Errors
/// `share-is-busy`, where it stays in use.
pub fn destroy_whole(record: &Record) -> Result<()> {
    unmount_patiently(record)?;
    destroy(&record.dataset, OLD, || {
        // Removed and made beside others, it may be mounted though the tool takes it for unmounted.
        if let Err(error) = unmount(record) {
            log::debug(error.text());
        }
    })
}

/// Removes something, and tries again after a pause where that fails.
fn destroy(name: &str, tries: Tries, between: impl Fn()) -> Result<()> {
    let mut attempt = 1;
    loop {
        let error = match tool::zfs(["destroy", "-f", name]).output() {
            Ok(_) => return Ok(()),
            Err(error) if tool::is_missing(&error) => return Ok(()),
            Err(error) => error,
        };
        let most = match &error {
            error if tool::is_busy(error) => tries.busy,
            Error::CommandFailed(_) => TRIES,
            // The policy or the host says no, not the tool.
            _ => 1,
        };
        if attempt >= most {
            return Err(error);
        }
        attempt += 1;
        log::info(format!("{name} is tried to be removed once more: {}", error.text()));
        clock::sleep(tries.pause)?;
        between();
    }
}

/// Unmounts a dataset that is to be removed, as soon as nobody uses it any more.
fn unmount_patiently(record: &Record) -> Result<()> {
    let began = clock::now()?;
    loop {
        match unmount(record) {
            Err(Error::ShareIsBusy(_)) if clock::now()?.saturating_sub(began) < PATIENCE => {
                clock::sleep(LOOK)?;
            }
            answer => return answer,
        }
    }
}

/// Unmounts the dataset. The broker does: a program that it runs cannot, and the broker refuses
/// while something works there, which upstream finds out with `lsof`.
pub fn unmount(record: &Record) -> Result<()> {
    match mounts::unmount(&places::place(record)) {
        Ok(()) | Err(HostError::NotFound(_)) => Ok(()),
        Err(HostError::Busy(text)) => Err(Error::ShareIsBusy(text)),
        Err(error) => Err(error.into()),
    }
}

/// Sees to it that the dataset is mounted.
pub fn mount(record: &Record) -> Result<()> {
    if get(record, "mounted")?.as_deref() == Some("yes") {
        return Ok(());
    }
    if tool::is_fuse()? {
        // The daemon mounts.
        return tool::zfs(["mount", &record.dataset]).output().map(drop);
    }
    let source = MountSource::Device(record.dataset.clone());
    let read_only = get(record, "readonly")?.as_deref() == Some("on");
    let options: &[&str] = if read_only { &["ro"] } else { &[] };
    Ok(mounts::mount(source, &places::place(record), "zfs", options)?)
}
