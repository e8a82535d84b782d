//! The interface `files` of a test's host, verb by verb as the broker does it. Called by `asking`;
//! how a test itself looks at the files, `looking` has.

use super::Host;
use super::asking::{Context, Request};
use super::place::{Place, denied};
use super::tree::{Contents, Node, What, missing, taken};
use super::volumes::Volumes;
use crate::HostError;
use crate::imports::files::{
    CopyRequest, Entry, Kind, ListRequest, MakeDirRequest, ReadRequest, RemoveRequest,
    RenameRequest, SetModeRequest, SetOwnerRequest, TreeUsage, UsageRequest, WriteRequest,
};

/// How much one request reads or writes, and how many entries it lists: the broker's.
const CONTENTS_MAX: u64 = 16 * 1024 * 1024;
const ENTRIES_MAX: u32 = 10_000;

/// All permission bits, the bits of a new file, and those that a file takes over.
const ALL_BITS: u32 = 0o7777;
const NEW_FILE: u32 = 0o640;
const CARRIED: u32 = 0o777;
const SET_USER: u32 = 0o4000;
const SET_GROUP: u32 = 0o2000;

/// Makes the requests: their names, their words, and what is done to the file systems.
macro_rules! verbs {
    ($($request:ident -> $answer:ty = $name:literal, |$this:ident| $words:expr,
       |$volumes:ident, $now:ident| $perform:expr;)+) => {$(
        impl Request for $request {
            const NAME: &'static str = concat!("files.", $name);
            type Answer = $answer;

            fn words(&self) -> String {
                let $this = self;
                $words
            }

            fn answer(&self, host: &Host, _: &Context) -> Result<$answer, HostError> {
                let $this = self;
                let mut world = host.world();
                let $now = i64::try_from(world.clock.now.as_secs()).unwrap_or(i64::MAX);
                let $volumes = &mut world.volumes;
                // Not every verb writes a time.
                let _ = $now;
                $perform
            }
        }
    )+};
}

verbs! {
    ReadRequest -> Vec<u8> = "read", |this| this.file.to_string(), |volumes, now| {
        let place = Place::parse(&this.file)?;
        if u64::from(this.length) > CONTENTS_MAX {
            return Err(too_much("reading", this.length.into()));
        }
        Ok(volumes.at(&place)?.as_file(&place)?.part(this.offset, this.length.into()))
    };
    WriteRequest -> () = "write", |this| this.file.to_string(), |volumes, now| {
        let place = Place::parse(&this.file)?;
        if this.contents.len() as u64 > CONTENTS_MAX {
            return Err(too_much("writing", this.contents.len() as u64));
        }
        this.mode.map_or(Ok(()), |mode| check_mode(mode, ALL_BITS & !SET_USER & !SET_GROUP))?;
        let (parent, leaf) = volumes.resolve_in_parent(&place)?;
        let names = volumes.names_mut(&parent, &place)?;
        let mut file = Node::file(Contents::Bytes(this.contents.clone()), NEW_FILE, now);
        if let Some(old) = names.get(leaf) {
            old.as_file(&place)?;
            file.mode = old.mode & CARRIED;
            (file.user, file.group) = (old.user, old.group);
        }
        file.mode = this.mode.unwrap_or(file.mode);
        names.insert(leaf.to_owned(), file);
        Ok(())
    };
    ListRequest -> Vec<Entry> = "list", |this| this.directory.to_string(), |volumes, now| {
        let place = Place::parse(&this.directory)?;
        if !(1..=ENTRIES_MAX).contains(&this.limit) {
            let message = format!("list gives 1 to {ENTRIES_MAX} entries, not {}", this.limit);
            return Err(HostError::Invalid(message));
        }
        let names = volumes.at(&place)?.as_directory(&place)?.iter();
        let after = names.filter(|(name, _)| this.after.as_ref().is_none_or(|after| *name > after));
        let limit = usize::try_from(this.limit).unwrap_or(usize::MAX);
        Ok(after.take(limit).map(|(name, node)| entry(name, node)).collect())
    };
    MakeDirRequest -> () = "make-dir", |this| format!("{} {:04o}", this.directory, this.mode),
    |volumes, now| {
        let place = Place::parse(&this.directory)?;
        check_mode(this.mode, ALL_BITS & !SET_USER)?;
        let (parent, leaf) = volumes.resolve_in_parent(&place)?;
        let names = volumes.names_mut(&parent, &place)?;
        if names.contains_key(leaf) {
            return Err(taken(&place));
        }
        names.insert(leaf.to_owned(), Node::directory(this.mode, now));
        Ok(())
    };
    RemoveRequest -> () = "remove",
    |this| [this.path.to_string(), if this.recursive { " with all in it" } else { "" }.to_owned()].concat(),
    |volumes, now| {
        let place = Place::parse(&this.path)?;
        let (parent, leaf) = volumes.resolve_in_parent(&place)?;
        let mut spot = parent.clone();
        spot.1.push(leaf.to_owned());
        let full = volumes.node(&spot, &place)?.entries().next().is_some();
        if full && !this.recursive {
            return Err(HostError::NotEmpty(format!("{place}: Directory not empty (os error 39)")));
        }
        volumes.expect_unmounted(&spot, &place)?;
        volumes.names_mut(&parent, &place)?.remove(leaf);
        Ok(())
    };
    RenameRequest -> () = "rename", |this| format!("{} {}", this.source, this.destination),
    |volumes, now| {
        let (from, to) = (Place::parse(&this.source)?, Place::parse(&this.destination)?);
        rename(volumes, &from, &to)
    };
    CopyRequest -> () = "copy", |this| format!("{} {}", this.source, this.destination),
    |volumes, now| {
        let (from, to) = (Place::parse(&this.source)?, Place::parse(&this.destination)?);
        let source = volumes.at(&from)?;
        source.as_file(&from)?;
        let source = source.clone();
        let mut copy = volumes.copied(&source);
        // A copy is the broker's own, and its bits are no more than those of reading and writing.
        (copy.mode, copy.user, copy.group, copy.modified) = (copy.mode & CARRIED, 0, 0, now);
        let (parent, leaf) = volumes.resolve_in_parent(&to)?;
        let names = volumes.names_mut(&parent, &to)?;
        if names.contains_key(leaf) {
            return Err(taken(&to));
        }
        names.insert(leaf.to_owned(), copy);
        Ok(())
    };
    SetModeRequest -> () = "set-mode", |this| format!("{} {:04o}", this.path, this.mode),
    |volumes, now| {
        let place = Place::parse(&this.path)?;
        check_mode(this.mode, ALL_BITS & !SET_USER)?;
        let node = volumes.at_mut(&place)?;
        refuse_link(node, &place)?;
        if this.mode & SET_GROUP != 0 && !node.is_directory() {
            let message = format!("{place} is no directory, and only those are set-group");
            return Err(HostError::Invalid(message));
        }
        node.mode = this.mode;
        Ok(())
    };
    SetOwnerRequest -> () = "set-owner",
    |this| format!("{} {}:{}", this.path, owner(this.user), owner(this.group)), |volumes, now| {
        let place = Place::parse(&this.path)?;
        if [this.user, this.group].contains(&Some(u32::MAX)) {
            return Err(HostError::Invalid(format!("{} is no user or group", u32::MAX)));
        }
        let node = volumes.at_mut(&place)?;
        refuse_link(node, &place)?;
        node.user = this.user.unwrap_or(node.user);
        node.group = this.group.unwrap_or(node.group);
        node.mode &= !(SET_USER | SET_GROUP);
        Ok(())
    };
    UsageRequest -> TreeUsage = "usage", |this| this.path.to_string(), |volumes, now| {
        let place = Place::parse(&this.path)?;
        let spot = volumes.resolve(&place)?;
        let sum = volumes.sum(&spot, volumes.node(&spot, &place)?);
        Ok(TreeUsage {
            allocated_bytes: sum.allocated,
            apparent_bytes: sum.apparent,
            entries: sum.entries,
        })
    };
}

/// Renames, if the new place is free.
fn rename(volumes: &mut Volumes, from: &Place, to: &Place) -> Result<(), HostError> {
    let (old_parent, old) = volumes.resolve_in_parent(from)?;
    let (new_parent, new) = volumes.resolve_in_parent(to)?;
    let mut spot = old_parent.clone();
    spot.1.push(old.to_owned());
    volumes.node(&spot, from)?;
    if old_parent.0 != new_parent.0 {
        return Err(denied(format!("{from}: Invalid cross-device link (os error 18)")));
    }
    volumes.expect_unmounted(&spot, from)?;
    if volumes.names_mut(&new_parent, to)?.contains_key(new) {
        return Err(taken(to));
    }
    if new_parent.1.starts_with(&spot.1) {
        return Err(HostError::Failed(format!("{from}: Invalid argument (os error 22)")));
    }
    let moved = volumes.names_mut(&old_parent, from)?.remove(old).ok_or_else(|| missing(from))?;
    volumes.names_mut(&new_parent, to)?.insert(new.to_owned(), moved);
    Ok(())
}

fn entry(name: &str, node: &Node) -> Entry {
    let (kind, size) = match &node.what {
        What::Directory(_) => (Kind::Directory, super::tree::BLOCK),
        What::File { contents, .. } => (Kind::File, contents.len()),
        What::Link => (Kind::Symlink, 0),
    };
    Entry { name: name.to_owned(), kind, size, modified: node.modified }
}

fn refuse_link(node: &Node, place: &Place) -> Result<(), HostError> {
    match node.what {
        What::Link => Err(denied(format!("{place} is a symbolic link, and none is followed"))),
        _ => Ok(()),
    }
}

fn check_mode(mode: u32, most: u32) -> Result<(), HostError> {
    if mode & !most == 0 {
        return Ok(());
    }
    Err(HostError::Invalid(format!(
        "the permission bits {mode:o} are not among {most:o} (octal): set-user is given to nothing, \
         and set-group to directories only"
    )))
}

fn too_much(what: &str, bytes: u64) -> HostError {
    HostError::Limit(format!("{what} {bytes} bytes is over the {CONTENTS_MAX} of one request"))
}

/// A user or group, or that it stays.
fn owner(id: Option<u32>) -> String {
    id.map_or_else(String::new, |id| id.to_string())
}
