//! Abaca's policy language: what one driver may ask the broker to do.
//!
//! This crate is text in, decisions out. It parses a policy file, checks it,
//! and decides whether a command line, a file operation or a mount is granted; when it
//! is, the answer holds the argv *rebuilt* from the rule, never the words that
//! were asked with. It does no I/O: whether a path exists, or is a symbolic
//! link, is for whoever resolves the answer to find out.
//!
//! The broker calls it to decide, the runtime to show what a driver is granted,
//! and the command line tool to explain. It knows none of them.
//!
//! ```text
//! manifest ─ load ─▶ Manifest ─ bind ─▶ text of a policy, as people review it
//! text ─ load ─▶ Policy ─ decide_command ─▶ CommandGrant │ Denial
//!                       ─ decide_files   ─▶ FilesGrant   │ Denial; and decide_write
//!                       ─ decide_mount   ─▶ MountGrant   │ Denial
//!                       ─ explain_command ▶ Explanation
//!                       ─ decide         ─▶ rule │ Denial: of a request, whatever it is
//!                       ─ diff           ─▶ Diff: does another policy ask for more?
//! ```

mod aspect;
mod capability;
mod class;
mod content;
mod diff;
mod document;
mod error;
mod explain;
mod grant;
mod guest_path;
mod launcher;
mod learn;
mod load;
mod manifest;
mod matcher;
mod mount;
mod mount_options;
mod needs;
mod network;
mod outline;
mod owned;
mod policy;
mod request;
mod review;
mod risk;
mod rule;
mod subject;
mod syscalls;
mod template;
mod text;
mod units;
mod user;

#[cfg(test)]
mod tests;

pub use content::Content;
pub use diff::{Change, Diff, Difference, Direction};
pub use error::PolicyError;
pub use explain::{Explanation, RuleExplanation, Verdict};
pub use grant::{
    Argument, CommandGrant, Denial, FileContent, FilesGrant, GrantedSource, Leaf, MountGrant, Pass,
    PathArgument, SecretArgument, SecretPass,
};
pub use guest_path::GuestPath;
pub use launcher::{is_launcher, is_launcher_behind};
pub use learn::{LearnError, Learned, learn};
pub use manifest::{BindError, Bound, MANIFEST_BYTES, MANIFEST_SECTION, Manifest, UnboundRoot};
pub use matcher::name::NameType;
pub use mount::{MountRule, MountSource};
pub use needs::{LimitNeeds, NamedNeed, Needs, OptionNeed};
pub use owned::{Claim, Container, Object};
pub use policy::Policy;
pub use request::{Granted, Request};
pub use review::review;
pub use risk::{Rated, Risk, RiskClass, RiskReason};
pub use rule::{CommandRule, FilesRule, Root, Verb};
pub use subject::Subject;
pub use syscalls::SyscallGroup;
pub use template::Template;
pub use text::is_hidden;
pub use user::User;
