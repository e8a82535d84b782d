//! `abaca:host/files`: files beneath granted roots, worked on by the broker. As with commands,
//! the policy is asked here and again there.

use abaca_broker::protocol::{
    Entry as BrokerEntry, EntryKind, ErrorKind, FilesReply, FilesRequest, Outcome, Place,
    RequestKind,
};
use abaca_policy::{Denial, GuestPath, Verb};
use serde_json::{Value, json};

use super::command::milliseconds;
use crate::call::Room;
use crate::contract::bindings::abaca::host::files::{
    CopyRequest, Entry, Host, Kind, ListRequest, MakeDirRequest, ReadRequest, RemoveRequest,
    RenameRequest, SetModeRequest, SetOwnerRequest, TreeUsage, UsageRequest, WriteRequest,
};
use crate::contract::bindings::abaca::host::types::{Error, Path};
use crate::gate::{Crossing, Done, Gate, Powers, Refusal};

/// One verb: which paths it needs, how the broker is asked, and what its reply means.
macro_rules! verbs {
    ($($function:ident($request:ident) -> $answer:ty = $word:literal, $verb:expr,
       |$this:ident| [$($path:expr),+], $ask:expr, $contents:expr, |$reply:ident, $body:ident| $read:expr;)*) => {
        impl Host for Room {
            $(async fn $function(
                &mut self,
                request: $request,
            ) -> wasmtime::Result<Result<$answer, Error>> {
                self.gate.cross(request).await
            })*
        }

        $(impl Crossing for $request {
            const IMPORT: &'static str = concat!("files.", $word);
            const PRIVILEGED: bool = true;
            type Answer = $answer;

            fn facts(&self) -> Vec<(&'static str, Value)> {
                let $this = self;
                vec![("asked", vec![$(spelled(&$path)),+].into())]
            }

            fn permitted(&self, powers: &Powers) -> Result<Option<String>, Denial> {
                let $this = self;
                let mut rules: Vec<String> = Vec::new();
                $(
                    let path = GuestPath::parse_relative(&$path.root, &$path.path)?;
                    rules.push(powers.policy.decide_files($verb, &path)?.rule.id.clone());
                )+
                Ok(Some(rules.join(" + ")))
            }

            async fn perform(
                self,
                gate: &mut Gate,
                powers: &Powers,
            ) -> Result<Done<$answer>, Refusal> {
                let $this = &self;
                let (request, contents): (FilesRequest, &[u8]) = ($ask, $contents);
                let deadline_ms = milliseconds(gate, None);
                let kind = RequestKind::Files { request, deadline_ms };
                let (outcome, $body) = powers
                    .broker
                    .ask(kind, contents)
                    .await?;
                let (resolved, $reply) = match outcome {
                    Outcome::Files { resolved, reply, .. } => (resolved, reply),
                    other => return Err(failure(other).into()),
                };
                let answer: Option<$answer> = $read;
                let answer = answer.ok_or_else(|| {
                    Error::Failed("the broker answered something else".to_owned())
                })?;
                Ok(Done { answer, facts: vec![("resolved", json!(resolved))] })
            }
        })*
    };
}

verbs! {
    read(ReadRequest) -> Vec<u8> = "read", Verb::Read, |this| [this.file],
        FilesRequest::Read { at: place(&this.file), offset: this.offset, length: this.length.into() }, &[],
        |reply, body| matches!(reply, FilesReply::Contents { .. }).then_some(body);
    write(WriteRequest) -> () = "write", Verb::Write, |this| [this.file],
        FilesRequest::Write { at: place(&this.file), mode: this.mode }, &this.contents,
        |reply, _body| nothing(&reply);
    list(ListRequest) -> Vec<Entry> = "list", Verb::List, |this| [this.directory],
        FilesRequest::List { at: place(&this.directory), after: this.after.clone(), limit: this.limit }, &[],
        |reply, body| matches!(reply, FilesReply::Entries { .. }).then(|| entries(&body)).flatten();
    make_dir(MakeDirRequest) -> () = "make-dir", Verb::MakeDir, |this| [this.directory],
        FilesRequest::MakeDir { at: place(&this.directory), mode: this.mode }, &[],
        |reply, _body| nothing(&reply);
    remove(RemoveRequest) -> () = "remove", Verb::Remove, |this| [this.path],
        FilesRequest::Remove { at: place(&this.path), recursive: this.recursive }, &[],
        |reply, _body| nothing(&reply);
    rename(RenameRequest) -> () = "rename", Verb::Rename, |this| [this.source, this.destination],
        FilesRequest::Rename { from: place(&this.source), to: place(&this.destination) }, &[],
        |reply, _body| nothing(&reply);
    copy(CopyRequest) -> () = "copy", Verb::Copy, |this| [this.source, this.destination],
        FilesRequest::Copy { from: place(&this.source), to: place(&this.destination) }, &[],
        |reply, _body| nothing(&reply);
    set_mode(SetModeRequest) -> () = "set-mode", Verb::SetMode, |this| [this.path],
        FilesRequest::SetMode { at: place(&this.path), mode: this.mode }, &[],
        |reply, _body| nothing(&reply);
    set_owner(SetOwnerRequest) -> () = "set-owner", Verb::SetOwner, |this| [this.path],
        FilesRequest::SetOwner { at: place(&this.path), uid: this.user, gid: this.group }, &[],
        |reply, _body| nothing(&reply);
    usage(UsageRequest) -> TreeUsage = "usage", Verb::Usage, |this| [this.path],
        FilesRequest::Usage { at: place(&this.path) }, &[],
        |reply, _body| match reply {
            FilesReply::Usage { allocated, apparent, entries } => Some(TreeUsage {
                allocated_bytes: allocated,
                apparent_bytes: apparent,
                entries,
            }),
            _ => None,
        };
}

fn nothing(reply: &FilesReply) -> Option<()> {
    matches!(reply, FilesReply::Nothing).then_some(())
}

fn place(path: &Path) -> Place {
    Place { root: path.root.clone(), path: path.path.clone() }
}

/// A path as a policy and an argument spell it.
fn spelled(path: &Path) -> String {
    format!("{}:{}", path.root, path.path)
}

fn entries(body: &[u8]) -> Option<Vec<Entry>> {
    let entries: Vec<BrokerEntry> = serde_json::from_slice(body).ok()?;
    let entry = |entry: BrokerEntry| Entry {
        name: entry.name,
        kind: match entry.kind {
            EntryKind::File => Kind::File,
            EntryKind::Directory => Kind::Directory,
            EntryKind::Link => Kind::Symlink,
            EntryKind::Other => Kind::Other,
        },
        size: entry.size,
        modified: entry.modified,
    };
    Some(entries.into_iter().map(entry).collect())
}

/// What the broker did not do, as a driver is told it.
pub(super) fn failure(outcome: Outcome) -> Error {
    match outcome {
        Outcome::Denied { rule, reason } => Denial { rule, reason }.into(),
        Outcome::Deadline { rule } => {
            Error::Deadline(format!("the time of rule `{rule}` or of this request ran out"))
        }
        Outcome::Cancelled { .. } => Error::Deadline("the call was given up".to_owned()),
        Outcome::Failed { message } => Error::Failed(message),
        Outcome::Error { kind, message } => match kind {
            ErrorKind::NotFound => Error::NotFound(message),
            ErrorKind::AlreadyExists => Error::AlreadyExists(message),
            ErrorKind::NotEmpty => Error::NotEmpty(message),
            ErrorKind::NoSpace => Error::NoSpace(message),
            ErrorKind::TooLarge | ErrorKind::Limit => Error::Limit(message),
            ErrorKind::Invalid | ErrorKind::NotADirectory | ErrorKind::NotAFile => {
                Error::Invalid(message)
            }
            ErrorKind::SymbolicLink | ErrorKind::OtherDevice => {
                Denial { rule: None, reason: message }.into()
            }
            ErrorKind::NotPermitted | ErrorKind::Io => Error::Failed(message),
            // These name places of the host, which are the operator's to know.
            ErrorKind::Changed | ErrorKind::Wall => {
                tracing::error!(message, "the broker refuses to work here");
                Error::Failed("the host is not as the operator set it up; its log says why".into())
            }
        },
        Outcome::Hello(_) | Outcome::Done(_) | Outcome::Files { .. } => {
            Error::Failed("the broker answered something else".to_owned())
        }
    }
}
