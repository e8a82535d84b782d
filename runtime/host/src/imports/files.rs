//! `abaca:host/files`: files beneath granted roots, worked on by the broker. As with commands,
//! the policy is asked here and again there.

use abaca_broker::protocol::{
    Entry as BrokerEntry, EntryKind, ErrorKind, FilesReply, FilesRequest, Outcome, Place,
    RequestKind,
};
use abaca_policy::{Claim, Denial, FilesGrant, GuestPath, Object, Policy, Verb};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::command::milliseconds;
use crate::call::Room;
use crate::contract::bindings::abaca::host::files::{
    CopyRequest, Entry, Host, Kind, ListRequest, MakeDirRequest, ReadRequest, RemoveRequest,
    RenameRequest, SetModeRequest, SetOwnerRequest, TreeUsage, UsageRequest, WriteRequest,
};
use crate::contract::bindings::abaca::host::types::{Error, Path};
use crate::gate::{Claims, Crossing, Done, Ended, Gate, Make, Need, Powers, Refusal, Taken};
use crate::text::hex;

/// One verb: which paths it needs and for what, how the broker is asked, and what its reply means.
macro_rules! verbs {
    ($($function:ident($request:ident) -> $answer:ty = $word:literal, $verb:expr,
       |$this:ident, $gate:ident| [$($part:ident: $path:expr),+], $ask:expr, $contents:expr, |$reply:ident, $body:ident| $read:expr;)*) => {
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
                    rules.push(decide(&powers.policy, $verb, &path, $contents)?.rule.id.clone());
                )+
                Ok(Some(rules.join(" + ")))
            }

            fn granted(&self, gate: &Gate, powers: &Powers) -> Vec<(&'static str, Value)> {
                let ($this, $gate) = (self, gate);
                let request: FilesRequest = $ask;
                // Some verbs are asked alike whatever the gate says.
                let _ = $gate;
                let mut facts = vec![("granted", json!(request))];
                $(facts.extend(content(&powers.policy, $verb, &$path, $contents));)+
                facts
            }

            fn claims(&self, powers: &Powers) -> Result<Claims, Denial> {
                let $this = self;
                claims(&powers.policy, $verb, &[$((Part::$part, &$path)),+], $contents)
            }

            fn ended(result: &Result<Done<$answer>, Refusal>) -> Ended {
                match result {
                    Ok(_) => Ended::Proved,
                    // Somebody else was first.
                    Err(Refusal::Answer(Error::AlreadyExists(_) | Error::Denied(_))) => {
                        Ended::Refused
                    }
                    Err(_) => Ended::Unclear,
                }
            }

            async fn perform(
                self,
                gate: &mut Gate,
                powers: &Powers,
            ) -> Result<Done<$answer>, Refusal> {
                let ($this, $gate) = (&self, &*gate);
                let (request, contents): (FilesRequest, &[u8]) = ($ask, $contents);
                let deadline_ms = milliseconds($gate, None);
                let kind = RequestKind::Files { request, deadline_ms };
                let (outcome, $body) = powers
                    .broker
                    .ask(kind, contents)
                    .await?;
                let (resolved, $reply) = match outcome {
                    Outcome::Files { resolved, reply, .. } => (resolved, reply),
                    other => return Err(failure(other).into()),
                };
                let mut facts = vec![
                    ("resolved", json!(resolved)),
                    ("written_bytes", contents.len().into()),
                    ("read_bytes", $body.len().into()),
                ];
                if let FilesReply::Rebuilt { bytes, sha256 } = &$reply {
                    facts.push(("rebuilt", json!({ "bytes": bytes, "sha256": sha256 })));
                }
                let answer: Option<$answer> = $read;
                let answer = answer.ok_or_else(|| {
                    Error::Failed("the broker answered something else".to_owned())
                })?;
                Ok(Done { answer, facts })
            }
        })*
    };
}

verbs! {
    read(ReadRequest) -> Vec<u8> = "read", Verb::Read, |this, gate| [Uses: this.file],
        FilesRequest::Read { at: place(&this.file), offset: this.offset, length: this.length.into() }, &[],
        |reply, body| matches!(reply, FilesReply::Contents { .. }).then_some(body);
    write(WriteRequest) -> () = "write", Verb::Write, |this, gate| [Writes: this.file],
        FilesRequest::Write { at: place(&this.file), mode: this.mode, new: gate.must_be_new }, &this.contents,
        |reply, body| matches!(reply, FilesReply::Rebuilt { .. }).then_some(()).or(nothing(&reply));
    list(ListRequest) -> Vec<Entry> = "list", Verb::List, |this, gate| [Uses: this.directory],
        FilesRequest::List { at: place(&this.directory), after: this.after.clone(), limit: this.limit }, &[],
        |reply, body| matches!(reply, FilesReply::Entries { .. }).then(|| entries(&body)).flatten();
    make_dir(MakeDirRequest) -> () = "make-dir", Verb::MakeDir, |this, gate| [Makes: this.directory],
        FilesRequest::MakeDir { at: place(&this.directory), mode: this.mode }, &[],
        |reply, body| nothing(&reply);
    remove(RemoveRequest) -> () = "remove", Verb::Remove, |this, gate| [Ends: this.path],
        FilesRequest::Remove { at: place(&this.path), recursive: this.recursive }, &[],
        |reply, body| nothing(&reply);
    rename(RenameRequest) -> () = "rename", Verb::Rename, |this, gate| [Leaves: this.source, Arrives: this.destination],
        FilesRequest::Rename { from: place(&this.source), to: place(&this.destination) }, &[],
        |reply, body| nothing(&reply);
    copy(CopyRequest) -> () = "copy", Verb::Copy, |this, gate| [Uses: this.source, Makes: this.destination],
        FilesRequest::Copy { from: place(&this.source), to: place(&this.destination) }, &[],
        |reply, body| nothing(&reply);
    set_mode(SetModeRequest) -> () = "set-mode", Verb::SetMode, |this, gate| [Uses: this.path],
        FilesRequest::SetMode { at: place(&this.path), mode: this.mode }, &[],
        |reply, body| nothing(&reply);
    set_owner(SetOwnerRequest) -> () = "set-owner", Verb::SetOwner, |this, gate| [Uses: this.path],
        FilesRequest::SetOwner { at: place(&this.path), uid: this.user, gid: this.group }, &[],
        |reply, body| nothing(&reply);
    usage(UsageRequest) -> TreeUsage = "usage", Verb::Usage, |this, gate| [Uses: this.path],
        FilesRequest::Usage { at: place(&this.path) }, &[],
        |reply, body| match reply {
            FilesReply::Usage { allocated, apparent, entries } => Some(TreeUsage {
                allocated_bytes: allocated,
                apparent_bytes: apparent,
                entries,
            }),
            _ => None,
        };
}

/// What a verb does with one of its paths.
#[derive(Clone, Copy)]
enum Part {
    /// Works on what is there.
    Uses,
    /// Makes it, where nothing is.
    Makes,
    /// Makes it, or replaces what is there.
    Writes,
    /// Removes it.
    Ends,
    /// Takes its name away.
    Leaves,
    /// Gives that thing this name, which nothing has.
    Arrives,
}

/// Which rule grants it; of a write, for these contents.
fn decide<'p>(
    policy: &'p Policy,
    verb: Verb,
    path: &GuestPath,
    contents: &[u8],
) -> Result<FilesGrant<'p>, Denial> {
    match verb {
        Verb::Write => policy.decide_write(path, contents),
        _ => policy.decide_files(verb, path),
    }
}

/// What a rule makes of what is to be written, where it says what that must look like: the lines
/// as they were asked with, the values of the holes, and the whole as the broker will write it if
/// all paths in it are what they must be.
fn content(
    policy: &Policy,
    verb: Verb,
    path: &Path,
    contents: &[u8],
) -> Option<(&'static str, Value)> {
    let place = GuestPath::parse_relative(&path.root, &path.path).ok()?;
    let content = decide(policy, verb, &place, contents).ok()?.content?;
    let rebuilt = policy.rebuilt(&content);
    let lines: Vec<_> = String::from_utf8_lossy(contents).lines().map(str::to_owned).collect();
    let (bytes, sha256) = (rebuilt.len(), hex(&Sha256::digest(&rebuilt)));
    let values = content.values;
    Some(("content", json!({ "asked": lines, "bytes": bytes, "sha256": sha256, "values": values })))
}

/// What a verb has to do with things that backends make.
fn claims(
    policy: &Policy,
    verb: Verb,
    paths: &[(Part, &Path)],
    contents: &[u8],
) -> Result<Claims, Denial> {
    let mut claims = Claims::default();
    for (part, path) in paths {
        let place = GuestPath::parse_relative(&path.root, &path.path)?;
        let FilesGrant { rule, content, .. } = decide(policy, verb, &place, contents)?;
        // What a file tells of must be this backend's own where its rule says so.
        for claim in content.into_iter().flat_map(|content| content.claims) {
            if let Claim::Needs(object) = claim {
                claims.needs.push(Need { rule: rule.id.clone(), object });
            }
        }
        // Nobody makes a root.
        let Some(object) = Object::at(&place) else { continue };
        if rule.own {
            let needed = match part {
                Part::Uses | Part::Ends | Part::Leaves => [Some(object.clone()), None],
                Part::Makes | Part::Writes => [parent(&place), None],
                // What is not its own does not become so under another name.
                Part::Arrives => [parent(&place), claims.renamed.clone()],
            };
            let need = |object| Need { rule: rule.id.clone(), object };
            claims.needs.extend(needed.into_iter().flatten().map(need));
        }
        let taken = match part {
            Part::Writes if rule.own => Taken::Denied,
            Part::Writes => Taken::Replaced,
            _ => Taken::Exists,
        };
        match part {
            Part::Uses => {}
            Part::Makes | Part::Writes | Part::Arrives => {
                claims.makes.push(Make { rule: rule.id.clone(), object, taken });
            }
            Part::Ends => claims.ends.push(object),
            Part::Leaves => {
                claims.renamed = Some(object.clone());
                claims.ends.push(object);
            }
        }
    }
    Ok(claims)
}

/// What a thing lies in, unless that is the root.
fn parent(place: &GuestPath) -> Option<Object> {
    let (_, parents) = place.components.split_last()?;
    Object::at(&GuestPath { root: place.root.clone(), components: parents.to_vec() })
}

fn nothing(reply: &FilesReply) -> Option<()> {
    matches!(reply, FilesReply::Nothing).then_some(())
}

pub(super) fn place(path: &Path) -> Place {
    Place { root: path.root.clone(), path: path.path.clone() }
}

/// A path as a policy and an argument spell it.
pub(super) fn spelled(path: &Path) -> String {
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
pub(crate) fn failure(outcome: Outcome) -> Error {
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
            ErrorKind::Busy => Error::Busy(message),
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
        Outcome::Hello(_) | Outcome::Done(_) | Outcome::Files { .. } | Outcome::Mounts { .. } => {
            Error::Failed("the broker answered something else".to_owned())
        }
    }
}
