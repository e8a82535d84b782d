//! Verbs on files beneath a root, done in a hand.
//!
//! Every place was granted before (`job`) and is reached through `roots`: no symbolic link is
//! followed, no other file system entered. What is made is made under another name first and
//! put in its place whole.

mod attributes;
mod contents;
mod directories;
mod fresh;
mod removing;
mod usage;

use abaca_broker::protocol::{ErrorKind, FilesReply, FilesRequest, Identity};
use abaca_policy::{FileContent, GuestPath};
use sha2::{Digest, Sha256};

use crate::arguments;
use crate::failure::Failure;
use crate::ground::Ground;
use crate::job::Files;
use crate::roots::{self, Root};

/// What was done.
pub struct Performed {
    pub rules: Vec<String>,
    pub resolved: Vec<Identity>,
    pub reply: FilesReply,
    pub body: Vec<u8>,
}

/// A granted place and the root it is under.
#[derive(Clone, Copy)]
struct Target<'a> {
    root: &'a Root,
    components: &'a [String],
    /// The same for messages.
    place: roots::Place<'a>,
}

impl Target<'_> {
    /// A failure of a system call at this place.
    fn failed(&self, errno: rustix::io::Errno) -> Failure {
        Failure::system(self.place, errno)
    }

    /// Which file it is now; of what is not there (any more), its parent.
    fn identity(&self) -> Result<Identity, Failure> {
        let found = self.root.find(self.components).or_else(|failure| {
            match self.components.split_last() {
                Some((_, parents)) if failure.kind == ErrorKind::NotFound => {
                    self.root.find(parents)
                }
                _ => Err(failure),
            }
        })?;
        Ok(roots::identity(&found.1))
    }
}

/// Does what was permitted.
///
/// # Errors
/// When it cannot be done. Except for a recursive `remove`, nothing has changed then.
pub fn perform(ground: &Ground, files: Files<'_>) -> Result<Performed, Failure> {
    let targets =
        files.places.iter().map(|place| target(ground, place)).collect::<Result<Vec<_>, _>>()?;
    if let (FilesRequest::Look { .. }, [at]) = (&files.request, targets.as_slice()) {
        return look(*at, files.rules);
    }
    if let (FilesRequest::Write { mode, new, .. }, [at], Some(content)) =
        (&files.request, targets.as_slice(), &files.content)
    {
        return rebuild(ground, *at, content, (*mode, *new), files.rules);
    }
    let resolved = targets.iter().map(Target::identity).collect::<Result<Vec<_>, _>>()?;
    let (reply, body) = match (files.request, targets.as_slice()) {
        (FilesRequest::Read { offset, length, .. }, [at]) => contents::read(*at, offset, length)?,
        (FilesRequest::List { after, limit, .. }, [at]) => {
            directories::list(*at, after.as_deref(), limit)?
        }
        (FilesRequest::Usage { .. }, [at]) => (usage::usage(*at)?, Vec::new()),
        (request, targets) => {
            change(request, targets, &files.body.take())?;
            (FilesReply::Nothing, Vec::new())
        }
    };
    let rules = files.rules.into_iter().map(str::to_owned).collect();
    Ok(Performed { rules, resolved, reply, body })
}

/// Writes what the rule says, with the paths in it that are there now.
fn rebuild(
    ground: &Ground,
    at: Target<'_>,
    content: &FileContent,
    (mode, new): (Option<u32>, bool),
    rules: Vec<&str>,
) -> Result<Performed, Failure> {
    let (text, named) = arguments::text(ground, content)?;
    let resolved = std::iter::once(at.identity()?).chain(named).collect();
    contents::write_governed(at, mode, new, text.as_bytes())?;
    let sha256 = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    let reply = FilesReply::Rebuilt { bytes: text.len() as u64, sha256 };
    let rules = rules.into_iter().map(str::to_owned).collect();
    Ok(Performed { rules, resolved, reply, body: Vec::new() })
}

/// Whether anything is there. Where the way to it ends before, nothing is.
fn look(at: Target<'_>, rules: Vec<&str>) -> Result<Performed, Failure> {
    let there = match at.root.find(at.components) {
        Ok(_) => true,
        Err(Failure { kind: ErrorKind::NotFound, .. }) => false,
        Err(failure) => return Err(failure),
    };
    let rules = rules.into_iter().map(str::to_owned).collect();
    let reply = FilesReply::There { there };
    Ok(Performed { rules, resolved: Vec::new(), reply, body: Vec::new() })
}

fn change(request: FilesRequest, targets: &[Target<'_>], body: &[u8]) -> Result<(), Failure> {
    match (request, targets) {
        (FilesRequest::Write { mode, new, .. }, [at]) => contents::write(*at, mode, new, body),
        (FilesRequest::MakeDir { mode, .. }, [at]) => directories::make(*at, mode),
        (FilesRequest::Remove { recursive, .. }, [at]) => removing::remove(*at, recursive),
        (FilesRequest::Rename { .. }, [from, to]) => directories::rename(*from, *to),
        (FilesRequest::Copy { .. }, [from, to]) => contents::copy(*from, *to),
        (FilesRequest::SetMode { mode, .. }, [at]) => attributes::set_mode(*at, mode),
        (FilesRequest::SetOwner { uid, gid, .. }, [at]) => attributes::set_owner(*at, uid, gid),
        _ => Err(Failure::new(ErrorKind::Invalid, "a verb without its places")),
    }
}

fn target<'a>(ground: &'a Ground, place: &'a GuestPath) -> Result<Target<'a>, Failure> {
    let root = ground.roots.get(&place.root)?;
    let components = place.components.as_slice();
    Ok(Target { root, components, place: roots::Place { root: &place.root, components } })
}
