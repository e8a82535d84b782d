//! The file systems of a stage, in memory: each root is one, each device, remote and mounted image
//! has one, and a mount shows one at a place of another. It knows neither verbs nor policies. Called
//! by `files`, `mounts` and the deeds of scripts.
//!
//! ```text
//! shares:image-1/a ─ root `shares` ─▶ image-1 ─ a mount is here ─▶ what it shows ─▶ a
//! ```

use std::collections::{BTreeMap, BTreeSet};

use abaca_policy::{Denial, GuestPath};

use crate::contract::bindings::abaca::host::types::Error as HostError;

/// Where something is: the file system's name, then names from its top.
pub(super) type Spot = Vec<String>;

/// What a directory itself is counted with, in bytes.
pub(super) const BLOCK: u64 = 4096;

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Contents {
    Bytes(Vec<u8>),
    /// So many zeros, which take no memory here.
    Zeros(u64),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    Directory,
    File {
        contents: Contents,
        /// The file system in it, once it was mounted.
        inside: Option<String>,
    },
}

/// A directory or a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub mode: u32,
    pub user: u32,
    pub group: u32,
    /// Seconds since the epoch.
    pub modified: i64,
    pub what: What,
}

/// One mount.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mount {
    /// What a driver calls the place.
    pub place: String,
    /// What it shows.
    pub shows: Spot,
    pub filesystem: String,
    pub options: BTreeSet<String>,
}

/// All file systems.
#[derive(Clone, Debug, Default)]
pub(super) struct Storage {
    nodes: BTreeMap<Spot, Node>,
    pub mounts: BTreeMap<Spot, Mount>,
    made: u64,
}

/// What a tree holds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    pub allocated: u64,
    pub apparent: u64,
    pub entries: u64,
}

impl Contents {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Zeros(length) => *length,
        }
    }

    /// Up to `length` bytes from `offset` on.
    pub(super) fn part(&self, offset: u64, length: u64) -> Vec<u8> {
        let end = offset.saturating_add(length).min(self.len());
        let start = offset.min(end);
        let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
        match self {
            Self::Bytes(bytes) => bytes.get(at(start)..at(end)).unwrap_or_default().to_vec(),
            Self::Zeros(_) => vec![0; at(end.saturating_sub(start))],
        }
    }
}

impl Node {
    pub(super) fn directory(mode: u32, modified: i64) -> Self {
        Self { mode, user: 0, group: 0, modified, what: What::Directory }
    }

    pub(super) fn file(contents: Contents, mode: u32, modified: i64) -> Self {
        let what = What::File { contents, inside: None };
        Self { mode, user: 0, group: 0, modified, what }
    }

    pub(super) fn contents(&self, at: &GuestPath) -> Result<&Contents, HostError> {
        match &self.what {
            What::File { contents, .. } => Ok(contents),
            What::Directory => Err(HostError::Invalid(format!("{at} is not a regular file"))),
        }
    }

    fn expect_directory(&self, at: &GuestPath) -> Result<(), HostError> {
        match &self.what {
            What::Directory => Ok(()),
            What::File { .. } => Err(HostError::Invalid(format!("{at} is not a directory"))),
        }
    }
}

impl Storage {
    /// Makes a root, if there is none of this name.
    pub(super) fn grant(&mut self, root: &str) {
        self.make(&of_root(root));
    }

    /// Makes a file system of this name, if there is none.
    pub(super) fn make(&mut self, name: &str) -> Spot {
        let top = vec![name.to_owned()];
        self.nodes.entry(top.clone()).or_insert_with(|| Node::directory(0o755, 0));
        top
    }

    /// Where a place is, through all mounts on the way and on it. Whether anything is there is
    /// another question.
    pub(super) fn resolve(&self, place: &GuestPath) -> Result<Spot, HostError> {
        let mut spot = vec![of_root(&place.root)];
        if !self.nodes.contains_key(&spot) {
            return Err(denied(format!("the stage has no root `{}`", place.root)));
        }
        let last = place.components.len().saturating_sub(1);
        for (at, name) in place.components.iter().enumerate() {
            spot.push(name.clone());
            if let Some(mount) = self.mounts.get(&spot) {
                spot = mount.shows.clone();
            }
            if at < last {
                self.node(&spot, place)?.expect_directory(place)?;
            }
        }
        Ok(spot)
    }

    /// Where a new or present name is, whether something is mounted on it or not.
    pub(super) fn resolve_name(&self, place: &GuestPath) -> Result<Spot, HostError> {
        let (leaf, parents) = place
            .components
            .split_last()
            .ok_or_else(|| HostError::Invalid(format!("{place} is the root itself")))?;
        let parent = GuestPath { root: place.root.clone(), components: parents.to_vec() };
        let mut spot = self.resolve(&parent)?;
        self.node(&spot, place)?.expect_directory(&parent)?;
        spot.push(leaf.clone());
        Ok(spot)
    }

    pub(super) fn get(&self, spot: &Spot) -> Option<&Node> {
        self.nodes.get(spot)
    }

    pub(super) fn node(&self, spot: &Spot, at: &GuestPath) -> Result<&Node, HostError> {
        self.nodes.get(spot).ok_or_else(|| missing(at))
    }

    pub(super) fn node_mut(&mut self, spot: &Spot, at: &GuestPath) -> Result<&mut Node, HostError> {
        self.nodes.get_mut(spot).ok_or_else(|| missing(at))
    }

    /// What is at a place.
    pub(super) fn at(&self, place: &GuestPath) -> Result<&Node, HostError> {
        self.node(&self.resolve(place)?, place)
    }

    pub(super) fn put(&mut self, spot: Spot, node: Node) {
        self.nodes.insert(spot, node);
    }

    /// What lies in a directory, by name.
    pub(super) fn entries<'s>(
        &'s self,
        spot: &'s Spot,
    ) -> impl Iterator<Item = (&'s str, &'s Node)> {
        let depth = spot.len().saturating_add(1);
        self.beneath(spot)
            .filter(move |(inner, _)| inner.len() == depth)
            .filter_map(|(inner, node)| Some((inner.last()?.as_str(), node)))
    }

    /// The place of a directory of this name: what is mounted somewhere, or lies at the top of a root.
    pub(super) fn directory_called(&self, name: &str) -> Option<String> {
        let ends = |place: &&str| place.rsplit(['/', ':']).next() == Some(name);
        let mounted = self.mounts.values().map(|mount| mount.place.as_str()).find(ends);
        if let Some(place) = mounted {
            return Some(place.to_owned());
        }
        self.nodes.iter().find_map(|(spot, node)| match (spot.as_slice(), &node.what) {
            ([top, leaf], What::Directory) if leaf == name => {
                Some(format!("{}:{name}", top.strip_prefix("root ")?))
            }
            _ => None,
        })
    }

    fn beneath<'s>(&'s self, spot: &'s Spot) -> impl Iterator<Item = (&'s Spot, &'s Node)> {
        self.nodes
            .range(spot.clone()..)
            .skip_while(move |(inner, _)| *inner == spot)
            .take_while(move |(inner, _)| inner.starts_with(spot))
    }

    /// Refuses to take away what something is mounted on, or within.
    pub(super) fn expect_unmounted(&self, spot: &Spot, at: &GuestPath) -> Result<(), HostError> {
        match self.mounts.keys().any(|mounted| mounted.starts_with(spot)) {
            false => Ok(()),
            true => Err(HostError::Busy(format!("{at} is in use: something is mounted there"))),
        }
    }

    /// Removes a tree.
    pub(super) fn remove(&mut self, spot: &Spot) {
        let gone: Vec<_> = self.beneath(spot).map(|(inner, _)| inner.clone()).collect();
        for inner in gone.iter().chain([spot]) {
            let node = self.nodes.remove(inner);
            if let Some(Node { what: What::File { inside: Some(inside), .. }, .. }) = node {
                self.remove(&vec![inside]);
            }
        }
    }

    /// Gives a tree another name.
    pub(super) fn rename(&mut self, from: &Spot, to: &Spot) {
        let moved: Vec<_> = self.beneath(from).map(|(inner, _)| inner.clone()).collect();
        for inner in moved.into_iter().chain([from.clone()]) {
            let Some(node) = self.nodes.remove(&inner) else { continue };
            let rest = inner.get(from.len()..).unwrap_or_default();
            self.nodes.insert(to.iter().chain(rest).cloned().collect(), node);
        }
    }

    /// Copies a tree: an image in it gets a file system of its own.
    pub(super) fn copy(&mut self, from: &Spot, to: &Spot) {
        let Some(top) = self.nodes.get(from).cloned() else { return };
        let inner = self.beneath(from).map(|(inner, node)| (inner.clone(), node.clone()));
        let all: Vec<_> = inner.chain([(from.clone(), top)]).collect();
        for (inner, mut node) in all {
            if let What::File { inside: Some(inside), .. } = &mut node.what {
                let own = self.fresh();
                self.copy(&vec![inside.clone()], &vec![own.clone()]);
                *inside = own;
            }
            let rest = inner.get(from.len()..).unwrap_or_default();
            self.nodes.insert(to.iter().chain(rest).cloned().collect(), node);
        }
    }

    /// The file system in an image: made when it is first asked for.
    pub(super) fn image(&mut self, spot: &Spot, at: &GuestPath) -> Result<Spot, HostError> {
        self.node(spot, at)?.contents(at)?;
        let fresh = self.fresh();
        let What::File { inside, .. } = &mut self.node_mut(spot, at)?.what else {
            return Err(missing(at));
        };
        let name = inside.get_or_insert(fresh).clone();
        Ok(self.make(&name))
    }

    /// Forgets what a device holds.
    pub(super) fn remove_device(&mut self, name: &str) -> Result<(), HostError> {
        let top = vec![of_device(name)];
        match self.mounts.values().find(|mount| mount.shows == top) {
            Some(mount) => Err(HostError::Busy(format!("{name} is mounted at {}", mount.place))),
            None => {
                self.remove(&top);
                Ok(())
            }
        }
    }

    /// Has one device hold what another one does.
    pub(super) fn copy_device(&mut self, from: &str, to: &str) {
        let (from, to) = (vec![of_device(from)], vec![of_device(to)]);
        self.remove(&to);
        self.copy(&from, &to);
    }

    /// How much a device holds, in bytes.
    pub(super) fn held_by_device(&self, name: &str) -> u64 {
        self.sum(&vec![of_device(name)]).allocated
    }

    fn fresh(&mut self) -> String {
        self.made = self.made.saturating_add(1);
        format!("image {}", self.made)
    }

    /// Adds up a tree without what is mounted in it.
    pub(super) fn sum(&self, spot: &Spot) -> Sum {
        let top = self.nodes.get(spot).into_iter();
        let nodes = top.chain(self.beneath(spot).map(|(_, node)| node));
        nodes.fold(Sum::default(), |sum, node| {
            let (apparent, allocated) = match &node.what {
                What::Directory => (BLOCK, BLOCK),
                What::File { contents, .. } => {
                    (contents.len(), contents.len().div_ceil(BLOCK).saturating_mul(BLOCK))
                }
            };
            Sum {
                allocated: sum.allocated.saturating_add(allocated),
                apparent: sum.apparent.saturating_add(apparent),
                entries: sum.entries.saturating_add(1),
            }
        })
    }

    /// All that lies beneath the roots and in what they show, a sentence each: times are left out,
    /// for they say nothing about what is there.
    pub(super) fn facts(&self) -> impl Iterator<Item = String> {
        // A root is the operator's; the top of an image is its driver's.
        let is_root = |spot: &Spot| matches!(spot.as_slice(), [top] if top.starts_with("root "));
        let nodes =
            self.nodes.iter().filter(move |(spot, _)| !is_root(spot)).map(|(spot, node)| {
                let place = self.called(spot);
                let Node { mode, user, group, what, .. } = node;
                let what = match what {
                    What::Directory => "directory".to_owned(),
                    What::File { contents: Contents::Bytes(bytes), .. } => {
                        format!("file of {} bytes, {:08x}", bytes.len(), checksum(bytes))
                    }
                    What::File { contents, .. } => format!("file of {} bytes", contents.len()),
                };
                format!("{place}: {what}, mode {mode:04o}, owner {user}:{group}")
            });
        let mounts = self.mounts.values().map(|mount| {
            let Mount { place, shows, filesystem, options } = mount;
            let options = options.iter().map(String::as_str).collect::<Vec<_>>().join(",");
            format!("{place}: mount of {}, {filesystem}, {options}", self.called(shows))
        });
        nodes.chain(mounts)
    }
}

impl Storage {
    /// Where something is, in words: what is in an image, beneath the image's own place.
    fn called(&self, spot: &Spot) -> String {
        let Some((top, rest)) = spot.split_first() else { return String::new() };
        let is_image = |node: &Node| match &node.what {
            What::File { inside, .. } => inside.as_ref() == Some(top),
            What::Directory => false,
        };
        let image = self.nodes.iter().find(|(_, node)| is_image(node));
        match (top.strip_prefix("root "), image) {
            (Some(root), _) => format!("{root}:{}", rest.join("/")),
            (None, Some((image, _))) => format!("in {}:{}", self.called(image), rest.join("/")),
            (None, None) => format!("{top}:{}", rest.join("/")),
        }
    }
}

/// The file system on a device.
pub(super) fn of_device(name: &str) -> String {
    format!("device {name}")
}

/// The file system of a root.
fn of_root(root: &str) -> String {
    format!("root {root}")
}

/// Tells contents apart; nothing depends on it but a sentence for people.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// A refusal without a rule.
pub(super) fn denied(reason: String) -> HostError {
    Denial { rule: None, reason }.into()
}

/// Nothing is there.
pub(super) fn missing(at: &GuestPath) -> HostError {
    HostError::NotFound(format!("{at}: No such file or directory (os error 2)"))
}

/// Something is there.
pub(super) fn taken(at: &GuestPath) -> HostError {
    HostError::AlreadyExists(format!("{at}: File exists (os error 17)"))
}
