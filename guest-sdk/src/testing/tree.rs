//! What a file system of a test's host holds: directories, files and links in memory, by their
//! ways from its top. Called by `volumes`; it knows neither roots nor mounts.

use std::collections::BTreeMap;

use super::place::{Place, denied};
use crate::HostError;

/// What a directory itself is counted with.
pub(super) const BLOCK: u64 = 4096;

/// One thing in a tree.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub mode: u32,
    pub user: u32,
    pub group: u32,
    /// Seconds since the epoch.
    pub modified: i64,
    pub what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Directory(BTreeMap<String, Node>),
    File {
        contents: Contents,
        /// The file system in it, once it was mounted.
        inside: Option<u64>,
    },
    /// A symbolic link, which nothing follows.
    Link,
}

/// What a file holds.
#[derive(Clone, Debug)]
pub(super) enum Contents {
    Bytes(Vec<u8>),
    /// So many zeros, which take no memory here.
    Zeros(u64),
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
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        match self {
            Self::Bytes(bytes) => bytes.get(place(start)..place(end)).unwrap_or_default().to_vec(),
            Self::Zeros(_) => vec![0; place(end.saturating_sub(start))],
        }
    }
}

impl Node {
    pub(super) fn directory(mode: u32, modified: i64) -> Self {
        Self { mode, user: 0, group: 0, modified, what: What::Directory(BTreeMap::new()) }
    }

    pub(super) fn file(contents: Contents, mode: u32, modified: i64) -> Self {
        let what = What::File { contents, inside: None };
        Self { mode, user: 0, group: 0, modified, what }
    }

    pub(super) fn is_directory(&self) -> bool {
        matches!(self.what, What::Directory(_))
    }

    /// What it is called in a directory; nothing in it for what is none.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&String, &Self)> {
        let entries = match &self.what {
            What::Directory(entries) => Some(entries),
            _ => None,
        };
        entries.into_iter().flatten()
    }

    /// Refuses what is no directory.
    pub(super) fn as_directory(&self, at: &Place) -> Result<&BTreeMap<String, Self>, HostError> {
        match &self.what {
            What::Directory(entries) => Ok(entries),
            other => Err(unlike(other, at, "a directory")),
        }
    }

    /// Refuses what is no directory.
    pub(super) fn as_directory_mut(
        &mut self,
        at: &Place,
    ) -> Result<&mut BTreeMap<String, Self>, HostError> {
        match &mut self.what {
            What::Directory(entries) => Ok(entries),
            other => Err(unlike(other, at, "a directory")),
        }
    }

    /// Refuses what is no regular file.
    pub(super) fn as_file(&self, at: &Place) -> Result<&Contents, HostError> {
        match &self.what {
            What::File { contents, .. } => Ok(contents),
            other => Err(unlike(other, at, "a regular file")),
        }
    }

    /// What is there, itself a link or not; `at` is what messages call it.
    pub(super) fn find(&self, way: &[String], at: &Place) -> Result<&Self, HostError> {
        way.iter().try_fold(self, |node, name| {
            node.as_directory(at)?.get(name).ok_or_else(|| missing(at))
        })
    }

    /// As [`Node::find`], to be changed.
    pub(super) fn find_mut(&mut self, way: &[String], at: &Place) -> Result<&mut Self, HostError> {
        way.iter().try_fold(self, |node, name| {
            node.as_directory_mut(at)?.get_mut(name).ok_or_else(|| missing(at))
        })
    }
}

/// Nothing is there.
pub(super) fn missing(at: &Place) -> HostError {
    HostError::NotFound(format!("{at}: No such file or directory (os error 2)"))
}

/// Something is there.
pub(super) fn taken(at: &Place) -> HostError {
    HostError::AlreadyExists(format!("{at}: File exists (os error 17)"))
}

/// Something else is there than what is wanted.
fn unlike(what: &What, at: &Place, wanted: &str) -> HostError {
    match what {
        What::Link => denied(format!("{at} is a symbolic link, and none is followed")),
        _ => HostError::Invalid(format!("{at} is not {wanted}")),
    }
}
