//! The audit as it is read: its files as they are at one moment, and the lines in them. It writes
//! nothing and judges nothing; `verify` does that. For `abaca audit`, and for services.

use std::fs::File;
use std::path::{Path, PathBuf};

use cap_std::fs::Dir;

use super::files::{self, FILE, closed};
use super::finding::Verification;
use super::head::{Head, HeadFile};
use super::kept::{Anchor, Kept};
use super::line::{AuditLine, read};
use super::verify::verify;
use crate::backend::check_name;
use crate::database::{self, Database};
use crate::error::{Error, Result};
use crate::storage::{self, existing_private_directory};

/// The audit of one backend.
#[derive(Debug)]
pub struct AuditLog {
    backend: String,
    path: PathBuf,
    /// None where the backend has never been opened, or somebody removed all that it had.
    directory: Option<Dir>,
}

/// One of its files, as large as it was when it was looked at.
#[derive(Debug)]
pub struct AuditFile {
    /// Its name.
    pub name: String,
    /// Its number; files that were closed keep it.
    pub number: u64,
    /// Its size then, in bytes.
    pub length: u64,
    pub(super) file: File,
    path: PathBuf,
}

/// What stands in one line of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// As it was written.
    Line(AuditLine),
    /// Something else; the number of the line, from 1.
    Unsound(u64),
}

/// All of it at one moment, when nobody wrote.
#[derive(Debug, Default)]
pub(super) struct Moment {
    /// The outer none: there is no `audit.head`; the inner: it is damaged.
    pub head: Option<Option<Head>>,
    pub files: Vec<AuditFile>,
}

impl AuditLog {
    /// The audit of the backend of this name beneath `state`, the directory that holds the state
    /// of all backends; it has no files where the backend has never been opened. Neither its driver
    /// nor its policy is needed.
    ///
    /// # Errors
    /// When the name cannot be a backend's, or its directory is not this user's alone.
    pub fn open(state: &Path, backend: &str) -> Result<Self> {
        check_name(backend)?;
        let path = state.join(backend);
        let directory = existing_private_directory(&path)
            .map_err(|reason| Error::Audit { path: path.clone(), reason })?;
        Ok(Self { backend: backend.to_owned(), path, directory })
    }

    /// The backend's name.
    #[must_use]
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// Its files, the oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn files(&self) -> Result<Vec<AuditFile>> {
        Ok(self.moment()?.files)
    }

    /// Looks whether all is as it was written, by the chain itself, by what the backend's state
    /// knows, and by these anchors.
    ///
    /// # Errors
    /// When something cannot be read. What is wrong with it is no error: see
    /// [`Verification::is_whole`].
    pub fn verify(&self, mut anchors: Vec<Anchor>) -> Result<Verification> {
        // Before the files: what is written meanwhile must not look as if it were missing.
        let has_state = self.directory.as_ref().is_some_and(|own| own.is_file(database::FILE));
        if has_state {
            let database = Database::open(&self.path.join(database::FILE), &database::BACKEND)?;
            anchors.extend(Kept(database).all()?);
        }
        verify(&self.backend, &self.moment()?, &anchors, has_state)
    }

    fn moment(&self) -> Result<Moment> {
        let now = || {
            let Some(directory) = &self.directory else { return Ok(Moment::default()) };
            let head = match HeadFile::open_existing(directory) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                other => Some(other?),
            };
            let _locked = head.as_ref().map(HeadFile::lock).transpose()?;
            let said = head.as_ref().map(HeadFile::read).transpose()?;
            let numbers = files::all_closed(directory)?;
            let next = numbers.last().map_or(1, |last| last + 1);
            let mut files = Vec::new();
            let named = numbers.into_iter().map(|number| (closed(number), number));
            for (name, number) in named.chain([(FILE.to_owned(), next)]) {
                match directory.open(&name) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    file => {
                        let file = file?.into_std();
                        let length = file.metadata()?.len();
                        let path = self.path.join(&name);
                        files.push(AuditFile { name, number, length, file, path });
                    }
                }
            }
            Ok(Moment { head: said, files })
        };
        now().map_err(|error: std::io::Error| failed(&self.path.join(FILE), &error))
    }
}

impl AuditFile {
    /// A file of an audit wherever it lies: a copy of one, or one of another machine. It has no
    /// number: 0.
    ///
    /// # Errors
    /// When it cannot be read, or is no file.
    pub fn open(path: &Path) -> Result<Self> {
        let file = storage::open(path)?;
        let unreadable = |source| Error::Read { path: path.to_owned(), source };
        let found = file.metadata().map_err(unreadable)?;
        if !found.is_file() {
            let reason = "it is no regular file: name a file of an audit";
            let kind = std::io::ErrorKind::InvalidInput;
            return Err(unreadable(std::io::Error::new(kind, reason)));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, number: 0, length: found.len(), file, path: path.to_owned() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hands its lines out from an offset on, which must be the beginning of one, each with the
    /// offset of the next; a last one that has no end yet is left out. Goes on as long as `each`
    /// answers true.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn entries(&self, from: u64, mut each: impl FnMut(Entry, u64) -> bool) -> Result<()> {
        let failed = |error| failed(&self.path, &error);
        let mut pieces = files::pieces(&self.file, from, self.length).map_err(failed)?;
        while let Some(piece) = pieces.next().map_err(failed)? {
            let entry = read(&piece.bytes).map_or(Entry::Unsound(piece.line), Entry::Line);
            if piece.ended && !each(entry, piece.end()) {
                break;
            }
        }
        Ok(())
    }
}

pub(super) fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::Audit { path: path.to_owned(), reason: error.to_string() }
}
