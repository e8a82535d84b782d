//! The file systems of a test's host, and which is where: each root lies in one, each device,
//! remote and mounted image has one; a mount shows one at a place of another. Called by `files` and `mounts`.
//!
//! ```text
//! shares:image-1/a ─ root `shares` ─▶ image-1 ─ a mount is here ─▶ what it shows ─▶ a
//! ```

use std::collections::BTreeMap;

use super::place::{Place, denied};
use super::tree::{BLOCK, Node, What, missing};
use crate::HostError;

/// A thing in a file system: which one, and the way from its top.
pub(super) type Spot = (u64, Vec<String>);

/// One mount.
#[derive(Clone, Debug)]
pub(super) struct Mount {
    /// What a driver calls the place.
    pub called: String,
    /// Where it is.
    pub at: Spot,
    /// What it shows.
    pub shows: Spot,
    pub filesystem: String,
    pub options: Vec<String>,
}

/// All file systems.
#[derive(Debug, Default)]
pub(super) struct Volumes {
    trees: BTreeMap<u64, Node>,
    /// Each a directory of one.
    pub roots: BTreeMap<String, Spot>,
    /// By their names.
    pub devices: BTreeMap<String, u64>,
    /// By the remote's own names.
    pub remotes: BTreeMap<String, u64>,
    pub mounts: Vec<Mount>,
    made: u64,
}

/// What a tree holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub allocated: u64,
    pub apparent: u64,
    pub entries: u64,
}

impl Volumes {
    /// Makes an empty file system.
    pub(super) fn make(&mut self, modified: i64) -> u64 {
        self.keep(Node::directory(0o755, modified))
    }

    /// Makes a file system of a tree.
    fn keep(&mut self, tree: Node) -> u64 {
        self.made = self.made.saturating_add(1);
        self.trees.insert(self.made, tree);
        self.made
    }

    /// Grants a root: a directory of its name in a file system.
    pub(super) fn grant(&mut self, name: &str, volume: u64) {
        if let Some(Node { what: What::Directory(names), .. }) = self.trees.get_mut(&volume) {
            names.insert(name.to_owned(), Node::directory(0o755, 0));
        }
        self.roots.insert(name.to_owned(), (volume, vec![name.to_owned()]));
    }

    /// Where a place is, through all mounts on the way and on it.
    pub(super) fn resolve(&self, place: &Place) -> Result<Spot, HostError> {
        let root = self.roots.get(&place.root).ok_or_else(|| {
            denied(format!("no rule grants the root `{}`; Host::root makes one", place.root))
        })?;
        let mut spot = root.clone();
        for name in &place.way {
            spot.1.push(name.clone());
            if let Some(mount) = self.mount_at(&spot) {
                spot = mount.shows.clone();
            }
        }
        Ok(spot)
    }

    /// Where the directory is that holds a place, and the place's name there; whether something
    /// is mounted on it or not.
    pub(super) fn resolve_in_parent<'p>(
        &self,
        place: &'p Place,
    ) -> Result<(Spot, &'p str), HostError> {
        let (parent, leaf) = place.parent()?;
        let spot = self.resolve(&parent)?;
        self.node(&spot, place)?.as_directory(&parent)?;
        Ok((spot, leaf))
    }

    /// What is mounted at a spot.
    pub(super) fn mount_at(&self, spot: &Spot) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.at == *spot)
    }

    /// Refuses to take away what something is mounted on, or within.
    pub(super) fn expect_unmounted(&self, spot: &Spot, place: &Place) -> Result<(), HostError> {
        let within = |mount: &&Mount| mount.at.0 == spot.0 && mount.at.1.starts_with(&spot.1);
        match self.mounts.iter().find(within) {
            None => Ok(()),
            Some(_) => Err(denied(format!("{place} is in use: something is mounted there"))),
        }
    }

    pub(super) fn node(&self, spot: &Spot, place: &Place) -> Result<&Node, HostError> {
        self.trees.get(&spot.0).ok_or_else(|| missing(place))?.find(&spot.1, place)
    }

    pub(super) fn node_mut(&mut self, spot: &Spot, place: &Place) -> Result<&mut Node, HostError> {
        self.trees.get_mut(&spot.0).ok_or_else(|| missing(place))?.find_mut(&spot.1, place)
    }

    /// What is at a place.
    pub(super) fn at(&self, place: &Place) -> Result<&Node, HostError> {
        self.node(&self.resolve(place)?, place)
    }

    /// What is at a place, to be changed.
    pub(super) fn at_mut(&mut self, place: &Place) -> Result<&mut Node, HostError> {
        let spot = self.resolve(place)?;
        self.node_mut(&spot, place)
    }

    /// The names in the directory at a spot, to be changed.
    pub(super) fn names_mut(
        &mut self,
        spot: &Spot,
        place: &Place,
    ) -> Result<&mut BTreeMap<String, Node>, HostError> {
        self.node_mut(spot, place)?.as_directory_mut(place)
    }

    /// The file system in an image: made when it is first asked for.
    pub(super) fn image(&mut self, spot: &Spot, place: &Place) -> Result<u64, HostError> {
        let node = self.node(spot, place)?;
        node.as_file(place)?;
        if let What::File { inside: Some(inside), .. } = node.what {
            return Ok(inside);
        }
        let made = self.make(node.modified);
        if let What::File { inside, .. } = &mut self.node_mut(spot, place)?.what {
            *inside = Some(made);
        }
        Ok(made)
    }

    /// A copy of a tree that shares nothing with it: an image in it has a file system of its own.
    pub(super) fn copied(&mut self, node: &Node) -> Node {
        let mut copy = node.clone();
        self.part(&mut copy);
        copy
    }

    fn part(&mut self, node: &mut Node) {
        match &mut node.what {
            What::Directory(entries) => entries.values_mut().for_each(|entry| self.part(entry)),
            What::File { inside, .. } => {
                let tree = inside.and_then(|volume| self.trees.get(&volume).cloned());
                *inside = tree.map(|tree| {
                    let own = self.copied(&tree);
                    self.keep(own)
                });
            }
            What::Link => {}
        }
    }

    /// Adds up a tree without what is mounted in it.
    pub(super) fn sum(&self, spot: &Spot, node: &Node) -> Sum {
        let (apparent, allocated) = match &node.what {
            What::Directory(_) => (BLOCK, BLOCK),
            What::File { contents, .. } => {
                (contents.len(), contents.len().div_ceil(BLOCK).saturating_mul(BLOCK))
            }
            What::Link => (0, 0),
        };
        let own = Sum { allocated, apparent, entries: 1 };
        node.entries().fold(own, |sum, (name, entry)| {
            let mut inner = spot.clone();
            inner.1.push(name.clone());
            if self.mount_at(&inner).is_some() {
                return sum;
            }
            let more = self.sum(&inner, entry);
            Sum {
                allocated: sum.allocated.saturating_add(more.allocated),
                apparent: sum.apparent.saturating_add(more.apparent),
                entries: sum.entries.saturating_add(more.entries),
            }
        })
    }
}
