//! One thing that a driver asks for, as a value: for whoever puts the same question to several
//! policies. It decides nothing: [`Policy::decide`] asks what the gate and the broker ask.

use crate::grant::Denial;
use crate::guest_path::GuestPath;
use crate::owned::Claim;
use crate::policy::Policy;
use crate::rule::Verb;

/// A question to a policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Request {
    /// May this command line run?
    Command {
        /// The program's file name.
        program: String,
        /// The arguments, without the program.
        args: Vec<String>,
    },
    /// May this be done there?
    Files {
        /// What.
        verb: Verb,
        /// Where.
        path: GuestPath,
    },
    /// May this text be written there? Of a write whose text is not known, only the place can be
    /// asked about.
    Write {
        /// Where.
        path: GuestPath,
        /// The lines, without their ends.
        lines: Vec<String>,
    },
    /// May this be mounted there?
    Mount {
        /// What, as the rule of the place spells it.
        source: String,
        /// Where.
        place: GuestPath,
        /// As what.
        filesystem: String,
        /// With which options.
        options: Vec<String>,
    },
    /// May what is mounted there be unmounted?
    Unmount {
        /// Where.
        place: GuestPath,
    },
}

/// A request that a policy grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted<'p> {
    /// The id of the rule.
    pub rule: &'p str,
    /// Whether it is granted only if something is the backend's own, which no policy knows.
    pub needs_own: bool,
}

impl Policy {
    /// Which rule grants a request.
    ///
    /// # Errors
    /// A [`Denial`] unless exactly one rule grants it.
    pub fn decide(&self, request: &Request) -> Result<Granted<'_>, Denial> {
        match request {
            Request::Command { program, args } => {
                let grant = self.decide_command(program, args)?;
                let needs_own = grant.claims.iter().any(Claim::is_need);
                Ok(Granted { rule: &grant.rule.id, needs_own })
            }
            Request::Files { verb, path } => {
                let grant = self.decide_files(*verb, path)?;
                Ok(Granted { rule: &grant.rule.id, needs_own: grant.rule.own })
            }
            Request::Write { path, lines } => {
                let grant = self.decide_lines(path, lines)?;
                let claims = grant.content.iter().flat_map(|content| &content.claims);
                let needs_own = grant.rule.own || claims.into_iter().any(Claim::is_need);
                Ok(Granted { rule: &grant.rule.id, needs_own })
            }
            Request::Mount { source, place, filesystem, options } => {
                // The rule of the place says what kind of source the word is.
                let source = self.decide_unmount(place)?.spelled(source);
                let grant = self.decide_mount(&source, place, filesystem, options)?;
                Ok(Granted { rule: &grant.rule.id, needs_own: false })
            }
            Request::Unmount { place } => {
                Ok(Granted { rule: &self.decide_unmount(place)?.id, needs_own: false })
            }
        }
    }
}
