//! How a test makes and looks at files of its host, as somebody who may do everything: not by
//! requests, so nothing of it is counted or can fail as one. Called by tests.

use super::Host;
use super::place::{Place, mistaken};
use super::tree::{Contents, Node, What};
use super::volumes::Volumes;
use crate::HostError;

/// The bits of what a test makes.
const DIRECTORY: u32 = 0o700;
const FILE: u32 = 0o640;

impl Host {
    /// Grants a root of this name, empty, in a file system of its own.
    pub fn root(&self, name: &str) -> Self {
        let mut world = self.world();
        let made = world.volumes.make(0);
        world.volumes.grant(name, made);
        drop(world);
        self.clone()
    }

    /// Grants a root of this name, empty, in the file system of another: between the two, things
    /// can be renamed.
    ///
    /// # Panics
    /// When there is no such other root.
    #[track_caller]
    pub fn root_beside(&self, name: &str, other: &str) -> Self {
        let mut world = self.world();
        let Some((beside, _)) = world.volumes.roots.get(other).cloned() else {
            drop(world);
            mistaken(&format!("there is no root `{other}` for `{name}` to lie beside"));
        };
        world.volumes.grant(name, beside);
        drop(world);
        self.clone()
    }

    /// Makes a directory, and those it lies in.
    ///
    /// # Panics
    /// When something else is there.
    #[track_caller]
    pub fn put_dir(&self, path: &str) -> Self {
        self.put_node(path, Node::directory(DIRECTORY, 0))
    }

    /// Makes or replaces a file, and the directories it lies in.
    ///
    /// # Panics
    /// When something else is there.
    #[track_caller]
    pub fn put(&self, path: &str, contents: impl Into<Vec<u8>>) -> Self {
        self.put_node(path, Node::file(Contents::Bytes(contents.into()), FILE, 0))
    }

    /// Makes or replaces a file of so many zeros, which take no memory; as [`Host::put`].
    ///
    /// # Panics
    /// When something else is there.
    #[track_caller]
    pub fn put_zeros(&self, path: &str, bytes: u64) -> Self {
        self.put_node(path, Node::file(Contents::Zeros(bytes), FILE, 0))
    }

    /// Makes a symbolic link, which no request follows.
    ///
    /// # Panics
    /// When something else is there.
    #[track_caller]
    pub fn put_link(&self, path: &str) -> Self {
        let link = Node { mode: 0o777, user: 0, group: 0, modified: 0, what: What::Link };
        self.put_node(path, link)
    }

    /// Removes whatever is there, with all that is in it.
    ///
    /// # Panics
    /// When nothing is there.
    #[track_caller]
    pub fn take(&self, path: &str) {
        let place = Place::of(path);
        let volumes = &mut self.world().volumes;
        let taken = volumes.resolve_in_parent(&place).and_then(|(parent, leaf)| {
            Ok(volumes.names_mut(&parent, &place)?.remove(leaf).is_some())
        });
        if !matches!(taken, Ok(true)) {
            mistaken(&format!("`{path}` is not there to be taken"));
        }
    }

    /// Copies whatever is there, with all that is in it, to a place that is free: what `cp
    /// --archive` does.
    ///
    /// # Errors
    /// [`HostError::NotFound`] when nothing is there, [`HostError::AlreadyExists`] when the place
    /// is not free.
    pub fn copy_tree(&self, from: &str, to: &str) -> Result<(), HostError> {
        let (from, to) = (Place::of(from), Place::of(to));
        let volumes = &mut self.world().volumes;
        let source = volumes.at(&from)?.clone();
        let copy = volumes.copied(&source);
        let (parent, leaf) = volumes.resolve_in_parent(&to)?;
        let names = volumes.names_mut(&parent, &to)?;
        if names.contains_key(leaf) {
            return Err(super::tree::taken(&to));
        }
        names.insert(leaf.to_owned(), copy);
        Ok(())
    }

    /// Whether anything is there.
    #[must_use]
    #[track_caller]
    pub fn is_there(&self, path: &str) -> bool {
        self.look(path, |_, _| ()).is_some()
    }

    /// Whether a directory is there.
    #[must_use]
    #[track_caller]
    pub fn is_dir(&self, path: &str) -> bool {
        self.look(path, |node, _| node.is_directory()).unwrap_or(false)
    }

    /// What the file there holds.
    #[must_use]
    #[track_caller]
    pub fn contents(&self, path: &str) -> Option<Vec<u8>> {
        self.look(path, |node, _| match &node.what {
            What::File { contents, .. } => Some(contents.part(0, contents.len())),
            _ => None,
        })?
    }

    /// What is in the directory there, sorted; nothing where there is none.
    #[must_use]
    #[track_caller]
    pub fn names(&self, path: &str) -> Vec<String> {
        let names =
            self.look(path, |node, _| node.entries().map(|(name, _)| name.clone()).collect());
        names.unwrap_or_default()
    }

    /// The permission bits of what is there.
    #[must_use]
    #[track_caller]
    pub fn mode(&self, path: &str) -> Option<u32> {
        self.look(path, |node, _| node.mode)
    }

    /// User and group of what is there.
    #[must_use]
    #[track_caller]
    pub fn owner(&self, path: &str) -> Option<(u32, u32)> {
        self.look(path, |node, _| (node.user, node.group))
    }

    /// The bytes that a tree takes, as `files.usage` and `du` count them; 0 where there is none.
    #[must_use]
    #[track_caller]
    pub fn used(&self, path: &str) -> u64 {
        let place = Place::of(path);
        let used = self.look(path, |node, volumes| {
            volumes.resolve(&place).map_or(0, |spot| volumes.sum(&spot, node).allocated)
        });
        used.unwrap_or_default()
    }

    #[track_caller]
    fn look<T>(&self, path: &str, read: impl FnOnce(&Node, &Volumes) -> T) -> Option<T> {
        let place = Place::of(path);
        let world = self.world();
        Some(read(world.volumes.at(&place).ok()?, &world.volumes))
    }

    #[track_caller]
    fn put_node(&self, path: &str, mut node: Node) -> Self {
        let place = Place::of(path);
        let now = i64::try_from(self.now().as_secs()).unwrap_or(i64::MAX);
        node.modified = now;
        if let Err(error) = put(&mut self.world().volumes, &place, node, now) {
            mistaken(&format!("`{path}` cannot be put there: {error:?}"));
        }
        self.clone()
    }
}

/// Puts something at a place, with the directories on the way. A directory that is there stays.
fn put(volumes: &mut Volumes, place: &Place, node: Node, now: i64) -> Result<(), HostError> {
    let mut way = Place { root: place.root.clone(), way: Vec::new() };
    let Some((_, parents)) = place.way.split_last() else { return volumes.at(place).map(drop) };
    for name in parents {
        let spot = volumes.resolve(&way)?;
        let names = volumes.names_mut(&spot, &way)?;
        names.entry(name.clone()).or_insert_with(|| Node::directory(DIRECTORY, now));
        way.way.push(name.clone());
    }
    let (parent, leaf) = volumes.resolve_in_parent(place)?;
    let names = volumes.names_mut(&parent, place)?;
    match (names.get(leaf), node.is_directory()) {
        (Some(old), true) => old.as_directory(place).map(drop),
        (Some(old), false) if old.is_directory() => Err(super::tree::taken(place)),
        _ => {
            names.insert(leaf.to_owned(), node);
            Ok(())
        }
    }
}
