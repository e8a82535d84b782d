//! A real backend under test: functions of its driver called by name, past the records, with faults
//! at the gate. Its policy, its broker and its storage are those of the operator's configuration.
//! Called by the conformance suite.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use abaca_policy::Policy;
use serde_json::Value;

use super::called::{Called, Crossed};
use super::functions;
use super::stage::{Fault, Plan};
use crate::backend::Backend;
use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::gate::{After, Asked, Before, Ending, Seen, Waiting, Witness};

/// How deep the roots are looked through: shares and snapshots lie at the top.
const DEPTH: usize = 6;

/// What removes something that was made.
#[derive(Debug)]
struct Owed {
    function: &'static str,
    arguments: Value,
    /// Whether it is there for all that is known.
    is_there: bool,
}

/// See above.
#[derive(Clone, Debug)]
pub(super) struct Real {
    backend: Backend,
    /// What removes what was made, in the order in which it was made.
    owed: Arc<Mutex<Vec<Owed>>>,
}

impl Real {
    pub(super) fn new(backend: Backend) -> Self {
        Self { backend, owed: Arc::default() }
    }

    /// Notes what removes what was made, or may have been.
    pub(super) fn owes(&self, function: &'static str, arguments: Value, is_there: bool) {
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |one: &&mut Owed| one.function == function && one.arguments == arguments;
        match owed.iter_mut().find(same) {
            Some(one) => one.is_there |= is_there,
            None => owed.push(Owed { function, arguments, is_there }),
        }
    }

    /// Removes what was made, the last first: a snapshot before its share. What could not be removed is
    /// told.
    pub(super) async fn clean_up(&self) -> Result<Vec<String>> {
        let mut left = Vec::new();
        let owed = std::mem::take(&mut *self.owed.lock().unwrap_or_else(PoisonError::into_inner));
        for Owed { function, arguments, is_there } in owed.into_iter().rev() {
            let undone = self.call_with(function, arguments, &Plan::new()).await?.settled();
            if is_there && !undone.is_ok() {
                left.push(undone.to_string());
            }
        }
        Ok(left)
    }

    pub(super) fn driver(&self) -> &Driver {
        self.backend.driver()
    }

    pub(super) async fn call_with(
        &self,
        function: &str,
        arguments: Value,
        plan: &Plan,
    ) -> Result<Called> {
        let driver = self.driver();
        let function = functions::find(driver, function)?;
        let Value::Array(arguments) = arguments else {
            return Err(Error::Invalid(format!("the arguments of {} are an array", function.name)));
        };
        let witness = Arc::new(Hits { plan: plan.clone(), crossed: Mutex::default() });
        let answer = functions::run(
            driver,
            &function,
            &arguments,
            &crate::backend::fresh_id(),
            Some(self.backend.powers()),
            Arc::clone(&witness) as Arc<dyn Witness>,
            &driver.limits(),
        )
        .await;
        // What a call that was ended had started must not be at work in the next one.
        self.backend.powers().broker.quiet().await;
        let crossed =
            std::mem::take(&mut *witness.crossed.lock().unwrap_or_else(PoisonError::into_inner));
        Called::new(function.name, arguments, crossed, answer)
    }

    /// What lies beneath the roots and has this in its path, a sentence each.
    pub(super) fn facts(&self, token: &str) -> Result<Vec<String>> {
        let policy: &Policy = self.backend.policy();
        let mut facts = Vec::new();
        for root in policy.roots() {
            look(Path::new(&root.path), &root.name, "", DEPTH, token, &mut facts)?;
        }
        facts.sort();
        Ok(facts)
    }

    /// On real storage nothing is written in clients' place.
    pub(super) fn fill(&self, _: &str, _: u64) -> Result<bool> {
        Ok(false)
    }
}

/// Looks through a directory.
fn look(
    directory: &Path,
    root: &str,
    beneath: &str,
    depth: usize,
    token: &str,
    facts: &mut Vec<String>,
) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let failed = |source| Error::Read { path: directory.to_owned(), source };
    #[expect(clippy::disallowed_methods, reason = "the operator's own roots, looked at by a test")]
    let entries = match std::fs::read_dir(directory) {
        // What is removed meanwhile is not there.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let path = format!("{beneath}{}", entry.file_name().to_string_lossy());
        let Ok(metadata) = entry.metadata() else { continue };
        if path.contains(token) {
            let kind = if metadata.is_dir() { "directory" } else { "file" };
            let (mode, user, group) = (metadata.mode() & 0o7777, metadata.uid(), metadata.gid());
            facts.push(format!("{root}:{path}: {kind}, mode {mode:04o}, owner {user}:{group}"));
        }
        if metadata.is_dir() && depth > 0 {
            look(&entry.path(), root, &format!("{path}/"), depth.saturating_sub(1), token, facts)?;
        }
    }
    Ok(())
}

/// The witness that brings faults to the gate of a real backend.
#[derive(Debug)]
struct Hits {
    plan: Plan,
    crossed: Mutex<Vec<Crossed>>,
}

impl Hits {
    fn crossed(&self, asked: &Asked, answered: Option<Seen>) {
        let crossed = Crossed::new(asked, answered);
        self.crossed.lock().unwrap_or_else(PoisonError::into_inner).push(crossed);
    }

    fn killed() -> Ending {
        Ending::Killed("a fault of the test ends it".to_owned())
    }
}

impl Witness for Hits {
    fn before<'a>(&'a self, asked: &'a Asked) -> Waiting<'a, Before> {
        let before = match self.plan.get(&asked.number) {
            Some(Fault::Fails(failure)) => Before::Answer(Err(failure.error())),
            Some(Fault::EndsBefore) => {
                self.crossed(asked, None);
                Before::End(Self::killed())
            }
            _ => Before::Go,
        };
        Box::pin(std::future::ready(before))
    }

    fn after<'a>(&'a self, asked: &'a Asked, answer: &'a Seen) -> Waiting<'a, After> {
        self.crossed(asked, Some(answer.clone()));
        let after = match self.plan.get(&asked.number) {
            Some(Fault::EndsAfter) => After::End(Self::killed()),
            Some(Fault::Disconnects) => After::End(Ending::Fault(Error::Broker(
                "ended before it answered: a fault of the test".to_owned(),
            ))),
            _ => After::Keep,
        };
        Box::pin(std::future::ready(after))
    }
}
