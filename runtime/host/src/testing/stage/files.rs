//! The interface `files` of a stage, verb by verb as the broker does it. Called by `world`.

use abaca_broker::protocol::{CONTENTS_MAX, ENTRIES_MAX};
use abaca_policy::{Denial, GuestPath, Policy, Verb};
use serde_json::Value;

use super::storage::{Contents, Node, Storage, What, denied, missing, taken};
use super::world::{said, told};
use crate::contract::bindings::abaca::host::files::{
    CopyRequest, Entry, Kind, ListRequest, MakeDirRequest, ReadRequest, RemoveRequest,
    RenameRequest, SetModeRequest, SetOwnerRequest, TreeUsage, UsageRequest, WriteRequest,
};
use crate::contract::bindings::abaca::host::types::{Error as HostError, Path};
use crate::gate::Seen;
use crate::types::bytes::Bytes;

/// All permission bits, those of a new file, and those that a file takes over.
const ALL_BITS: u32 = 0o7777;
const NEW_FILE: u32 = 0o640;
const CARRIED: u32 = 0o777;
const SET_USER: u32 = 0o4000;
const SET_GROUP: u32 = 0o2000;

/// Does one verb.
pub(super) fn answer(
    storage: &mut Storage,
    policy: &Policy,
    now: i64,
    verb: &str,
    request: Value,
) -> Seen {
    match verb {
        "read" => {
            let ReadRequest { file, offset, length } = said(request)?;
            let place = granted(policy, Verb::Read, &file)?;
            bounded("reading", length.into())?;
            let part = storage.at(&place)?.contents(&place)?.part(offset, length.into());
            told(&Bytes::from(part.as_slice()))
        }
        "write" => told(&write(storage, policy, now, said(request)?)?),
        "list" => told(&list(storage, policy, &said(request)?)?),
        "make-dir" => {
            let MakeDirRequest { directory, mode } = said(request)?;
            let place = granted(policy, Verb::MakeDir, &directory)?;
            check_mode(mode, ALL_BITS & !SET_USER)?;
            let spot = free(storage, &place)?;
            storage.put(spot, Node::directory(mode, now));
            told(&())
        }
        "remove" => {
            let RemoveRequest { path, recursive } = said(request)?;
            let place = granted(policy, Verb::Remove, &path)?;
            let spot = storage.resolve_name(&place)?;
            storage.node(&spot, &place)?;
            if !recursive && storage.entries(&spot).next().is_some() {
                let reason = format!("{place}: Directory not empty (os error 39)");
                return Err(HostError::NotEmpty(reason));
            }
            storage.expect_unmounted(&spot, &place)?;
            storage.remove(&spot);
            told(&())
        }
        "rename" => {
            let RenameRequest { source, destination } = said(request)?;
            let from = granted(policy, Verb::Rename, &source)?;
            let to = granted(policy, Verb::Rename, &destination)?;
            let old = storage.resolve_name(&from)?;
            storage.node(&old, &from)?;
            storage.expect_unmounted(&old, &from)?;
            let new = free(storage, &to)?;
            if old.first() != new.first() {
                return Err(denied(format!("{from}: Invalid cross-device link (os error 18)")));
            }
            if new.starts_with(&old) {
                return Err(HostError::Failed(format!("{from}: Invalid argument (os error 22)")));
            }
            storage.rename(&old, &new);
            told(&())
        }
        "copy" => {
            let CopyRequest { source, destination } = said(request)?;
            let from = granted(policy, Verb::Copy, &source)?;
            let to = granted(policy, Verb::Copy, &destination)?;
            let old = storage.resolve(&from)?;
            storage.node(&old, &from)?.contents(&from)?;
            let new = free(storage, &to)?;
            storage.copy(&old, &new);
            let copy = storage.node_mut(&new, &to)?;
            // A copy is the broker's own, and its bits are no more than those of reading and writing.
            (copy.mode, copy.user, copy.group, copy.modified) = (copy.mode & CARRIED, 0, 0, now);
            told(&())
        }
        "set-mode" => {
            let SetModeRequest { path, mode } = said(request)?;
            let place = granted(policy, Verb::SetMode, &path)?;
            check_mode(mode, ALL_BITS & !SET_USER)?;
            let spot = storage.resolve(&place)?;
            let node = storage.node_mut(&spot, &place)?;
            if mode & SET_GROUP != 0 && node.what != What::Directory {
                let reason = format!("{place} is no directory, and only those are set-group");
                return Err(HostError::Invalid(reason));
            }
            node.mode = mode;
            told(&())
        }
        "set-owner" => {
            let SetOwnerRequest { path, user, group } = said(request)?;
            let place = granted(policy, Verb::SetOwner, &path)?;
            if [user, group].contains(&Some(u32::MAX)) {
                return Err(HostError::Invalid(format!("{} is no user or group", u32::MAX)));
            }
            let spot = storage.resolve(&place)?;
            let node = storage.node_mut(&spot, &place)?;
            node.user = user.unwrap_or(node.user);
            node.group = group.unwrap_or(node.group);
            node.mode &= !(SET_USER | SET_GROUP);
            told(&())
        }
        "usage" => {
            let UsageRequest { path } = said(request)?;
            let place = granted(policy, Verb::Usage, &path)?;
            let spot = storage.resolve(&place)?;
            storage.node(&spot, &place)?;
            let sum = storage.sum(&spot);
            told(&TreeUsage {
                allocated_bytes: sum.allocated,
                apparent_bytes: sum.apparent,
                entries: sum.entries,
            })
        }
        _ => Err(HostError::Failed(format!("a stage has no files.{verb}"))),
    }
}

fn write(
    storage: &mut Storage,
    policy: &Policy,
    now: i64,
    request: WriteRequest,
) -> Result<(), HostError> {
    let WriteRequest { file, contents, mode } = request;
    let place = GuestPath::parse_relative(&file.root, &file.path)?;
    let content = policy.decide_write(&place, &contents)?.content;
    // What a rule makes of it is written, as the broker does it.
    let contents = content.map_or(contents, |content| policy.rebuilt(&content).into_bytes());
    bounded("writing", contents.len() as u64)?;
    mode.map_or(Ok(()), |mode| check_mode(mode, ALL_BITS & !SET_USER & !SET_GROUP))?;
    let spot = storage.resolve_name(&place)?;
    let mut node = Node::file(Contents::Bytes(contents), NEW_FILE, now);
    if let Some(old) = storage.get(&spot) {
        old.contents(&place)?;
        node.mode = old.mode & CARRIED;
        (node.user, node.group) = (old.user, old.group);
        storage.remove(&spot);
    }
    node.mode = mode.unwrap_or(node.mode);
    storage.put(spot, node);
    Ok(())
}

fn list(
    storage: &Storage,
    policy: &Policy,
    request: &ListRequest,
) -> Result<Vec<Entry>, HostError> {
    let place = granted(policy, Verb::List, &request.directory)?;
    if !(1..=ENTRIES_MAX).contains(&request.limit) {
        let reason = format!("list gives 1 to {ENTRIES_MAX} entries, not {}", request.limit);
        return Err(HostError::Invalid(reason));
    }
    let spot = storage.resolve(&place)?;
    if storage.node(&spot, &place)?.what != What::Directory {
        return Err(HostError::Invalid(format!("{place} is not a directory")));
    }
    let entry = |(name, node): (&str, &Node)| {
        let (kind, size) = match &node.what {
            What::Directory => (Kind::Directory, super::storage::BLOCK),
            What::File { contents, .. } => (Kind::File, contents.len()),
        };
        Entry { name: name.to_owned(), kind, size, modified: node.modified }
    };
    let after = |name: &str| request.after.as_deref().is_none_or(|after| name > after);
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    Ok(storage.entries(&spot).filter(|(name, _)| after(name)).take(limit).map(entry).collect())
}

fn granted(policy: &Policy, verb: Verb, path: &Path) -> Result<GuestPath, Denial> {
    let place = GuestPath::parse_relative(&path.root, &path.path)?;
    policy.decide_files(verb, &place)?;
    Ok(place)
}

/// A place where nothing is.
fn free(storage: &Storage, place: &GuestPath) -> Result<super::storage::Spot, HostError> {
    let spot = storage.resolve_name(place).map_err(|error| match error {
        HostError::NotFound(_) => missing(place),
        error => error,
    })?;
    match storage.get(&spot) {
        Some(_) => Err(taken(place)),
        None => Ok(spot),
    }
}

fn bounded(doing: &str, bytes: u64) -> Result<(), HostError> {
    match bytes <= CONTENTS_MAX {
        true => Ok(()),
        false => Err(HostError::Limit(format!("{doing} {bytes} bytes; {CONTENTS_MAX} at once"))),
    }
}

fn check_mode(mode: u32, allowed: u32) -> Result<(), HostError> {
    match mode & !allowed {
        0 => Ok(()),
        _ => Err(HostError::Invalid(format!("the mode {mode:o} has more bits than {allowed:o}"))),
    }
}
