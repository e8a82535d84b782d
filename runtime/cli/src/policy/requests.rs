//! Where `learn` and `simulate` have their requests from: the audits that were named, or the
//! backend's own, read as `abaca audit` reads them.

use std::path::{Path, PathBuf};

use abaca::asked::Asked;
use abaca::audit::{AuditFile, Entry};

use crate::audit::Filter;
use crate::cli::{Audits, Global};
use crate::failure::{Failure, Result};
use crate::service::Service;

/// What some audits hold.
pub(super) struct Requests {
    /// The files, in the order in which they were read.
    pub(super) files: Vec<PathBuf>,
    /// How many lines are not as an audit's were written.
    pub(super) unsound: usize,
}

/// Gives every request of these audits to `each`; without any, of the audit of the backend that
/// `of` names, or else of the only one.
pub(super) fn each(
    audits: Audits,
    of: Option<&str>,
    global: &Global,
    mut each: impl FnMut(&Path, Asked),
) -> Result<Requests> {
    let files = if audits.files.is_empty() {
        of_backend(of, global)?
    } else {
        audits.files.iter().map(|path| AuditFile::open(path)).collect::<abaca::Result<_>>()?
    };
    let filter = Filter::new(audits.which, Vec::new());
    let mut unsound = 0;
    for file in &files {
        file.entries(0, |entry, _| {
            match entry {
                Entry::Line(line) if filter.admits(&line) => {
                    if let Some(asked) = Asked::of(&line) {
                        each(file.path(), asked);
                    }
                }
                Entry::Line(_) => {}
                Entry::Unsound(_) => unsound += 1,
            }
            true
        })?;
    }
    let files = files.iter().map(|file| file.path().to_owned()).collect();
    Ok(Requests { files, unsound })
}

fn of_backend(of: Option<&str>, global: &Global) -> Result<Vec<AuditFile>> {
    let service = Service::open(global)?;
    let entry = match of.and_then(|name| service.entries().find(|entry| entry.name == name)) {
        Some(entry) => entry,
        None => service.only()?,
    };
    let files = service.audit(entry)?.files()?;
    if files.is_empty() {
        return Err(Failure::refused(
            format!("the backend `{}` has no audit yet: no call was made", entry.name),
            "make the calls of a trial first, or name an audit with --audit FILE",
        ));
    }
    Ok(files)
}
