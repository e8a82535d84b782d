//! What kind of thing a policy grants: what a risk, or a change, is about.

use std::fmt;

use serde::Serialize;

/// One of the things that a policy grants. Written in kebab-case, as in the policy file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A directory: `[roots.NAME]`.
    Root,
    /// A command rule.
    Command,
    /// A files rule.
    Files,
    /// A mount rule.
    Mount,
    /// A secret option that is revealed to the driver.
    Secret,
    /// What a manifest asks for beside rules: `[needs]`.
    Need,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Subject::Root => "root",
            Subject::Command => "command",
            Subject::Files => "files",
            Subject::Mount => "mount",
            Subject::Secret => "secret",
            Subject::Need => "need",
        })
    }
}
