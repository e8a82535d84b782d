//! The array, by its tool: one function for each thing that it can do, and what it complains of as a
//! type. Called by every interface of this driver; nothing else here runs a program.

use abaca_sdk::command::{self, Output};
use abaca_sdk::{CommandFailure, Error, Result, Share};

use crate::access::Clients;
use crate::answers::{self, Space, Volume};

/// Why the tool did not do it. Each interface says which of them are no error to it; `?` makes the
/// contract's error of the others.
#[derive(Debug)]
pub enum Trouble {
    /// There is one of this name.
    Exists(String),
    /// There is none.
    Missing(String),
    /// The array is full.
    NoRoom(String),
    /// Something depends on it.
    InUse(String),
    /// More is in it than would fit.
    HoldsMore(String),
    /// Everything else: denied by the policy, out of time, another exit code.
    Other(Error),
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Missing(why) => Self::ShareResourceNotFound(why),
            Trouble::InUse(why) => Self::ShareIsBusy(why),
            Trouble::HoldsMore(why) => Self::ShareShrinkingPossibleDataLoss(why),
            Trouble::Exists(why) | Trouble::NoRoom(why) => Self::BackendFailed(why),
            Trouble::Other(error) => error,
        }
    }
}

/// Makes a volume of so many GiB, labelled as this share's.
pub fn create(share: &Share) -> Result<(), Trouble> {
    let size = gib(share.size);
    arrayctl(&["create", "--size", &size, "--label", &share.id, "--", &share.name]).map(drop)
}

/// The volume of a share, if there is one.
///
/// # Errors
/// When there is one of its name that is somebody else's, or the tool answers nonsense.
pub fn find(share: &Share) -> Result<Option<Volume>> {
    let output = match arrayctl(&["show", "--", &share.name]) {
        Err(Trouble::Missing(_)) => return Ok(None),
        answer => answer?,
    };
    let volume = answers::volume(output.stdout_text()?)?;
    if volume.label != share.id {
        return Err(Error::BackendFailed(format!(
            "the volume `{}` is not this share's: it is labelled `{}`",
            share.name, volume.label
        )));
    }
    Ok(Some(volume))
}

/// The volume of a share that must have one.
pub fn expect(share: &Share) -> Result<Volume> {
    find(share)?.ok_or_else(|| {
        Error::ShareResourceNotFound(format!("the array has no volume `{}`", share.name))
    })
}

/// Gives a volume another size: the one that it shall have, not how much more, so that it may be
/// told twice.
pub fn resize(name: &str, size: u64) -> Result<(), Trouble> {
    arrayctl(&["resize", "--size", &gib(size), "--", name]).map(drop)
}

/// Removes a volume with all that is in it.
pub fn delete(name: &str) -> Result<(), Trouble> {
    arrayctl(&["delete", "--", name]).map(drop)
}

/// Keeps what a volume holds now.
pub fn snapshot(volume: &str, name: &str) -> Result<(), Trouble> {
    arrayctl(&["snapshot", "--", volume, name]).map(drop)
}

/// Removes a snapshot.
pub fn delete_snapshot(volume: &str, name: &str) -> Result<(), Trouble> {
    arrayctl(&["delete-snapshot", "--", volume, name]).map(drop)
}

/// Lets these clients in, and nobody else.
pub fn set_access(name: &str, clients: &Clients) -> Result<(), Trouble> {
    let (writers, readers) = (clients.writers(), clients.readers());
    let mut words = vec!["access"];
    for (flag, list) in [("--rw", &writers), ("--ro", &readers)] {
        if !list.is_empty() {
            words.extend([flag, list]);
        }
    }
    words.extend(["--", name]);
    arrayctl(&words).map(drop)
}

/// How much there is.
pub fn space() -> Result<Space> {
    answers::space(arrayctl(&["space"])?.stdout_text()?)
}

/// A size as the tool wants it.
fn gib(size: u64) -> String {
    format!("{size}G")
}

/// Runs the tool. Its exit codes are part of its manual; where yours has none, look for words in
/// `stderr`, and keep real outputs as tests.
fn arrayctl(words: &[&str]) -> Result<Output, Trouble> {
    command::run("arrayctl", words).map_err(|error| match error {
        Error::CommandFailed(CommandFailure { code: Some(code), ref stderr, .. }) => {
            let why = format!("arrayctl: {}", stderr.trim());
            match code {
                10 => Trouble::Exists(why),
                11 => Trouble::Missing(why),
                12 => Trouble::NoRoom(why),
                13 => Trouble::InUse(why),
                14 => Trouble::HoldsMore(why),
                _ => Trouble::Other(error),
            }
        }
        error => Trouble::Other(error),
    })
}
