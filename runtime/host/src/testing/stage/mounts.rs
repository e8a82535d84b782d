//! The interface `mounts` of a stage: granted sources shown at granted places. Called by `world`.

use std::collections::BTreeSet;

use abaca_policy::{GuestPath, MountSource as Wanted, Policy};
use serde_json::Value;

use super::storage::{Mount, Spot, Storage, What, of_device};
use super::world::{said, told};
use crate::contract::bindings::abaca::host::mounts::{MountRequest, MountSource, UnmountRequest};
use crate::contract::bindings::abaca::host::types::Error as HostError;
use crate::gate::Seen;

/// Mounts or unmounts.
pub(super) fn answer(storage: &mut Storage, policy: &Policy, verb: &str, request: Value) -> Seen {
    match verb {
        "mount" => told(&mount(storage, policy, said(request)?)?),
        "unmount" => told(&unmount(storage, policy, &said(request)?)?),
        _ => Err(HostError::Failed(format!("a stage has no mounts.{verb}"))),
    }
}

fn mount(storage: &mut Storage, policy: &Policy, request: MountRequest) -> Result<(), HostError> {
    let MountRequest { source, place, filesystem, options } = request;
    let place = GuestPath::parse_relative(&place.root, &place.path)?;
    let source = match source {
        MountSource::Path(path) => Wanted::Path(GuestPath::parse_relative(&path.root, &path.path)?),
        MountSource::Device(name) => Wanted::Device(name),
        MountSource::Remote(name) => Wanted::Remote(name),
    };
    let grant = policy.decide_mount(&source, &place, &filesystem, &options)?;
    let options: BTreeSet<String> = grant.options.iter().map(ToString::to_string).collect();
    let at = storage.resolve_name(&place)?;
    if storage.node(&at, &place)?.what != What::Directory {
        return Err(HostError::Invalid(format!("{place} is not a directory")));
    }
    let shows = shown(storage, &source)?;
    let mount = Mount { place: place.to_string(), shows, filesystem, options };
    match storage.mounts.get(&at) {
        Some(there) if *there == mount => Ok(()),
        Some(_) => Err(HostError::Busy(format!("something else is mounted at {place}"))),
        None => {
            storage.mounts.insert(at, mount);
            Ok(())
        }
    }
}

/// The file system or directory that a source shows.
fn shown(storage: &mut Storage, source: &Wanted) -> Result<Spot, HostError> {
    match source {
        Wanted::Path(path) => {
            let spot = storage.resolve(path)?;
            match storage.node(&spot, path)?.what {
                What::Directory => Ok(spot),
                What::File { .. } => storage.image(&spot, path),
            }
        }
        Wanted::Device(name) => Ok(storage.make(&of_device(name))),
        Wanted::Remote(name) => Ok(storage.make(&format!("remote {name}"))),
    }
}

fn unmount(
    storage: &mut Storage,
    policy: &Policy,
    request: &UnmountRequest,
) -> Result<(), HostError> {
    let place = GuestPath::parse_relative(&request.place.root, &request.place.path)?;
    policy.decide_unmount(&place)?;
    let at = storage.resolve_name(&place)?;
    if let Some(mount) = storage.mounts.get(&at) {
        let top = mount.shows.clone();
        if storage.mounts.keys().any(|inner| inner.starts_with(&top)) {
            return Err(HostError::Busy(format!("something is mounted beneath {place}")));
        }
        storage.mounts.remove(&at);
    }
    Ok(())
}
