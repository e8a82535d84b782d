//! Where a driver is checked: on a stage, or on real storage by a backend. One door for both. Called
//! by `Bench`.

use std::time::Duration;

use serde_json::Value;

use super::super::real::Real;
use super::operations::takes_back;
use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::testing::{Called, Deed, Plan, Stage};
use crate::types::Share;

/// See above.
#[derive(Clone, Debug)]
pub(super) enum Ground {
    /// A made-up world, of which each check has a copy.
    Simulated(Box<Stage>),
    /// The storage, which all checks share.
    Real(Real),
}

impl Ground {
    pub(super) fn driver(&self) -> &Driver {
        match self {
            Self::Simulated(stage) => stage.driver(),
            Self::Real(real) => real.driver(),
        }
    }

    /// Whether a fork is a world of its own.
    pub(super) fn is_copied(&self) -> bool {
        matches!(self, Self::Simulated(_))
    }

    pub(super) fn fork(&self) -> Self {
        match self {
            Self::Simulated(stage) => Self::Simulated(Box::new(stage.fork())),
            Self::Real(real) => Self::Real(real.clone()),
        }
    }

    pub(super) async fn call(
        &self,
        function: &str,
        arguments: Value,
        server: Option<&str>,
        plan: &Plan,
    ) -> Result<Called> {
        match self {
            Self::Simulated(stage) => stage.call_with(function, arguments, server, plan).await,
            Self::Real(real) => {
                let undone = takes_back(function, &arguments, None);
                let called = real.call_with(function, arguments, plan).await?;
                if let Some((function, arguments)) = undone {
                    // What was refused may be refused again.
                    let is_there = called.is_ok() || called.was_ended();
                    real.owes(function, arguments, is_there);
                }
                Ok(called)
            }
        }
    }

    /// Lets time pass, where it is made up.
    pub(super) fn pass(&self, by: Duration) {
        match self {
            Self::Simulated(stage) => stage.advance(by),
            Self::Real(_) => {}
        }
    }

    /// All that there is; of storage that others share, what has this in its name.
    pub(super) fn facts(&self, token: &str) -> Result<Vec<String>> {
        match self {
            Self::Simulated(stage) => Ok(stage.facts()),
            Self::Real(real) => real.facts(token),
        }
    }

    /// Has clients write to a share. False where it is not known how.
    pub(super) fn fill(&self, share: &Share, bytes: u64) -> Result<bool> {
        match self {
            Self::Simulated(stage) => stage.fill(&share.name, bytes),
            Self::Real(real) => real.fill(&share.name, bytes),
        }
    }

    /// How large the storage is, in bytes, where that is known.
    pub(super) fn pool_bytes(&self) -> Option<u64> {
        match self {
            Self::Simulated(stage) => stage.pool_bytes(),
            Self::Real(_) => None,
        }
    }

    /// Has somebody else give the volume of a share another size. False where it has none.
    pub(super) fn resize(&self, share: &Share, bytes: u64) -> bool {
        let (name, size) = (share.name.clone(), bytes.to_string());
        match self {
            Self::Simulated(stage) => stage.perform(&Deed::ResizeVolume { name, size }).is_ok(),
            Self::Real(_) => false,
        }
    }

    /// The rules of what is granted that nothing has come to.
    pub(super) fn unused_rules(&self) -> Vec<String> {
        match self {
            Self::Simulated(stage) => stage.unused_rules(),
            Self::Real(_) => Vec::new(),
        }
    }

    /// Leases addresses for a share server, as the runtime does before it is set up.
    pub(super) fn lease(&self, server: &str, count: u32, is_admin: bool) -> Result<Value> {
        match self {
            Self::Simulated(stage) => stage.lease(server, count, is_admin),
            Self::Real(_) => Err(Error::Invalid(
                "share servers are checked on a stage alone: addresses of a real network are not \
                 for tests"
                    .to_owned(),
            )),
        }
    }

    /// Removes what a check has made on storage that is not its own, and says what could not be removed.
    /// A world that was made up goes with the check.
    pub(super) async fn clean_up(&self) -> Result<Vec<String>> {
        match self {
            Self::Simulated(_) => Ok(Vec::new()),
            Self::Real(real) => real.clean_up().await,
        }
    }

    /// Programs that nobody answers for, and requests that the policy refuses.
    pub(super) fn unserved(&self) -> (Vec<String>, Vec<String>) {
        match self {
            Self::Simulated(stage) => (stage.unanswered(), stage.refused()),
            Self::Real(_) => (Vec::new(), Vec::new()),
        }
    }
}
