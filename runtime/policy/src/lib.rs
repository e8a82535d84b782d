//! Abaca's policy language: what one driver may ask the broker to do.
//!
//! This crate is text in, decisions out. It parses a policy file, checks it,
//! and decides whether a command line or a file operation is granted; when it
//! is, the answer holds the argv *rebuilt* from the rule, never the words that
//! were asked with. It does no I/O: whether a path exists, or is a symbolic
//! link, is for whoever resolves the answer to find out.
//!
//! The broker calls it to decide, the runtime to show what a driver is granted,
//! and the command line tool to explain. It knows none of them.
//!
//! ```text
//! text ─ load ─▶ Policy ─ decide_command ─▶ CommandGrant │ Denial
//!                       ─ decide_files   ─▶ FilesGrant   │ Denial
//!                       ─ explain_command ▶ Explanation
//! ```

mod capability;
mod error;
mod explain;
mod grant;
mod guest_path;
mod launcher;
mod load;
mod matcher;
mod policy;
mod rule;
mod template;
mod text;
mod units;

#[cfg(test)]
mod tests;

pub use error::PolicyError;
pub use explain::{Explanation, RuleExplanation, Verdict};
pub use grant::{Argument, CommandGrant, Denial, FilesGrant, Leaf, Pass, PathArgument};
pub use guest_path::GuestPath;
pub use matcher::name::NameType;
pub use policy::Policy;
pub use rule::{CommandRule, FilesRule, Root, Verb};
pub use template::Template;
