//! What the broker stands on for all its life: the policy it loaded itself, the roots it
//! holds open, the walls it can build. Made once by `main`, read by everything.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use abaca_broker::protocol::{CONTENTS_MAX, ErrorKind, Hello, VERSION};
use abaca_broker::trusted;
use abaca_policy::Policy;

use crate::confine::Walls;
use crate::failure::Failure;
use crate::roots::Roots;
use crate::{programs, tree};

/// The longest policy file read: the policy's own limit is 1 MiB, and one byte more is
/// enough for it to say so.
const POLICY_MAX: u64 = 1024 * 1024 + 1;

/// All that requests are decided and done with.
pub struct Ground {
    pub policy: Policy,
    pub roots: Roots,
    pub walls: Walls,
    /// The user that the broker runs as.
    pub user: u32,
}

impl Ground {
    /// Loads the policy and opens everything it names.
    ///
    /// # Errors
    /// For the operator: what is wrong with which file.
    pub fn load(policy: &str) -> Result<Ground, Failure> {
        let user = rustix::process::geteuid().as_raw();
        let source = read(policy, user)?;
        let policy = Policy::parse(&source, policy)
            .map_err(|error| Failure::new(ErrorKind::Invalid, error.to_string()))?;
        let roots = Roots::open(&policy)?;
        for rule in policy.commands() {
            programs::open(rule, user, &roots).map_err(|failure| {
                Failure::new(failure.kind, format!("rule {}: {failure}", rule.id))
            })?;
            if rule.stdout_max.saturating_add(rule.stderr_max) > CONTENTS_MAX {
                let message = format!(
                    "rule {}: stdout-max and stderr-max together are over {CONTENTS_MAX} bytes, \
                     which is all that one answer carries; lower them",
                    rule.id
                );
                return Err(Failure::new(ErrorKind::Invalid, message));
            }
        }
        tree::check()?;
        Ok(Ground { walls: Walls::prepare(&policy)?, roots, policy, user })
    }

    /// How the broker introduces itself.
    pub fn hello(&self) -> Hello {
        Hello {
            version: VERSION,
            policy_digest: self.policy.digest().to_owned(),
            driver: self.policy.driver().to_owned(),
            roots: self.roots.identities(),
            landlock_abi: self.walls.landlock(),
            user: self.user,
            walls: self.walls.available(),
        }
    }
}

/// The policy's text, if only root and `user` can change it: as careful as with the programs that it
/// names.
#[expect(clippy::disallowed_methods, reason = "the policy, by the path that the broker was given")]
fn read(path: &str, user: u32) -> Result<String, Failure> {
    let failed = |error| Failure::new(ErrorKind::Io, format!("the policy {path}: {error}"));
    let file = File::open(path).map_err(failed)?;
    trusted::check(Path::new(path), &file, user)
        .map_err(|reason| Failure::new(ErrorKind::Changed, format!("the policy: {reason}")))?;
    let mut source = String::new();
    file.take(POLICY_MAX).read_to_string(&mut source).map_err(failed)?;
    Ok(source)
}
