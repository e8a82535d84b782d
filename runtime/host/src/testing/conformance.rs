//! The conformance suite: one for every driver, choosing its checks by the interfaces exported. Each
//! check has an identifier, says what it means and why it matters, and fails in words for the
//! driver's author.
//!
//! ```text
//! Suite::run ─▶ setup, habits ─▶ each check on a bench of its own ─▶ finding ─▶ report
//!                                  └─ Ground: a copy of a stage, or a real backend
//! ```
//! A driver may declare checks that it is known to fail, with a reason: they are shown, never hidden,
//! and one that passes all the same is a failure, for the declaration is wrong.

mod access;
mod backend;
mod bench;
mod checks;
mod concurrency;
mod consistency_groups;
mod ground;
mod habits;
mod keeping;
mod managing;
mod migration;
mod misfortunes;
mod names;
mod operations;
mod recorded;
mod replication;
mod report;
mod share_servers;
mod shares;
mod sizes;
mod snapshots;

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::json;

pub(super) use self::bench::difference;
use self::bench::{Bench, Habits, Judged, SHUT_OUT, Stop};
use self::checks::Check;
use self::ground::Ground;
use self::habits::habits;
pub(super) use self::habits::rule_taken;
pub(super) use self::misfortunes::in_words;
use self::recorded::{RecordedCheck, Recordings};
pub use self::report::{CheckInfo, Finding, Report, Verdict};
use super::functions;
use super::real::Real;
use super::stage::{Client, Stage, StageBuilder};
use super::transcript::Transcript;
use crate::backend::Backend;
use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::options::OptionValue;
use crate::types::ShareProtocol;

/// The option by which an operator chooses.
const SERVERS: &str = "driver_handles_share_servers";

/// The check that comes before all others.
const SETUP: (&str, &str, &str) = (
    "setup",
    "`do-setup` and `check-for-setup-error` answer ok on a backend as it should be",
    "without it no service would start with this driver",
);

/// See above.
#[derive(Debug)]
pub struct Suite {
    /// Without share servers.
    plain: Option<Ground>,
    /// With them.
    served: Option<Ground>,
    /// In place of both.
    recorded: Option<Recordings>,
    clients: Vec<Client>,
    protocol: Option<ShareProtocol>,
    known: BTreeMap<String, String>,
    only: Vec<String>,
}

impl Suite {
    /// The suite on made-up worlds. `setting` says what is on the stage; it is asked once for each of
    /// the driver's modes.
    ///
    /// # Errors
    /// When a stage cannot be built.
    pub fn simulated<'d>(
        driver: &'d Driver,
        setting: impl Fn(StageBuilder<'d>) -> StageBuilder<'d>,
    ) -> Result<Self> {
        let modes = &driver.description().share_server_modes;
        let stage = |mode: bool| -> Result<Option<Ground>> {
            if !modes.contains(&mode) {
                return Ok(None);
            }
            let builder = setting(Stage::builder(driver));
            let stage = builder.option(SERVERS, OptionValue::Boolean(mode)).build()?;
            Ok(Some(Ground::Simulated(Box::new(stage))))
        };
        Ok(Self { plain: stage(false)?, served: stage(true)?, ..Self::nowhere() })
    }

    /// The suite against what transcripts hold of the storage.
    ///
    /// # Errors
    /// When a transcript is of another driver, or calls what this one does not offer.
    pub fn recorded(driver: &Driver, transcripts: Vec<Transcript>) -> Result<Self> {
        let name = &driver.description().name;
        for call in transcripts.iter().flat_map(|transcript| &transcript.calls) {
            if call.driver.name != *name {
                return Err(Error::Mismatch(format!(
                    "a transcript is of the driver `{}`, and this is `{name}`",
                    call.driver.name
                )));
            }
            functions::find(driver, &call.method)?;
        }
        let recorded = Some(Recordings::new(driver.clone(), transcripts));
        Ok(Self { recorded, ..Self::nowhere() })
    }

    fn nowhere() -> Self {
        let (clients, known, only) = (Vec::new(), BTreeMap::new(), Vec::new());
        let protocol = None;
        Self { plain: None, served: None, recorded: None, clients, protocol, known, only }
    }

    /// The suite on the storage of a backend. What it makes there it removes; share servers are left
    /// to the stage.
    #[must_use]
    pub fn real(backend: Backend) -> Self {
        let plain = Some(Ground::Real(Real::new(backend)));
        Self { plain, ..Self::nowhere() }
    }

    /// Whom the driver lets in, where ordinary addresses and names will not do.
    #[must_use]
    pub fn clients(mut self, clients: Vec<Client>) -> Self {
        self.clients.extend(clients);
        self
    }

    /// The protocol of the shares that are asked for, where it is not the first that the driver names.
    #[must_use]
    pub fn protocol(mut self, protocol: Option<ShareProtocol>) -> Self {
        self.protocol = protocol.or(self.protocol);
        self
    }

    /// Checks that the driver is known to fail, each with the reason.
    #[must_use]
    pub fn known(mut self, known: BTreeMap<String, String>) -> Self {
        self.known.extend(known);
        self
    }

    /// Only these checks: whole identifiers, or their beginnings with a `*` behind them.
    #[must_use]
    pub fn only(mut self, ids: impl IntoIterator<Item = String>) -> Self {
        self.only.extend(ids);
        self
    }

    /// All checks that there are, in the order in which they run.
    #[must_use]
    pub fn checks() -> Vec<CheckInfo> {
        let (id, meaning, why) = SETUP;
        let setup = CheckInfo { id: id.to_owned(), meaning: meaning.to_owned(), why };
        let info = |check: Check| CheckInfo {
            id: check.id,
            meaning: check.meaning.into_owned(),
            why: check.why,
        };
        let mut all: Vec<_> =
            std::iter::once(setup).chain(checks::all().into_iter().map(info)).collect();
        for RecordedCheck { id, meaning, why, .. } in recorded::all() {
            if !all.iter().any(|check| check.id == id) {
                all.push(CheckInfo { id, meaning: meaning.into_owned(), why });
            }
        }
        all
    }

    /// How many checks it runs for this driver.
    #[must_use]
    pub fn count(&self) -> usize {
        match &self.recorded {
            Some(recordings) => self.chosen_of(recordings).count(),
            None => self.chosen().len().saturating_add(1),
        }
    }

    fn is_wanted(&self, id: &str) -> bool {
        let fits = |one: &String| match one.strip_suffix('*') {
            Some(begin) => id.starts_with(begin),
            None => id == one,
        };
        self.only.is_empty() || self.only.iter().any(fits)
    }

    fn chosen_of<'s>(
        &'s self,
        recordings: &'s Recordings,
    ) -> impl Iterator<Item = RecordedCheck> + 's {
        let checks = recorded::all().into_iter();
        checks.filter(|check| recordings.has(check) && self.is_wanted(&check.id))
    }

    fn chosen(&self) -> Vec<Check> {
        let Some(ground) = self.plain.as_ref().or(self.served.as_ref()) else { return Vec::new() };
        let driver = ground.driver();
        let is_about = |check: &Check| check.is_about(|one| driver.offers(one));
        let checks = checks::all().into_iter();
        checks.filter(|check| is_about(check) && self.is_wanted(&check.id)).collect()
    }

    /// Runs it; `told` hears of each check when it has ended.
    ///
    /// # Errors
    /// When it cannot be run: a known failure or a chosen check that there is not, or a fault of the
    /// runtime. What the driver does is no error.
    pub async fn run(&self, mut told: impl FnMut(&Finding)) -> Result<Report> {
        self.check_names()?;
        if let Some(recordings) = &self.recorded {
            return self.run_recorded(recordings, told).await;
        }
        let Some(main) = self.plain.as_ref().or(self.served.as_ref()) else {
            return Err(Error::Mismatch("the driver has no share-server mode".to_owned()));
        };
        let began = Instant::now();
        let mut findings = Vec::new();
        let setup = self.setup().await;
        let benches = match setup {
            Ok(benches) => {
                let finding = self.finding(SETUP.0, SETUP.1, SETUP.2, Ok(()), began)?;
                told(&finding);
                findings.push(finding);
                benches
            }
            Err(stop) => {
                let finding = self.finding(SETUP.0, SETUP.1, SETUP.2, Err(stop), began)?;
                told(&finding);
                return Ok(Report::new(main.driver(), main.is_copied(), vec![finding], began));
            }
        };
        for check in self.chosen() {
            let began = Instant::now();
            let judged = match benches.of(&check).await {
                Ok(bench) => Box::pin(check.run(bench)).await,
                Err(stop) => Err(stop),
            };
            let left = main.clean_up().await?;
            let judged = match left.first() {
                Some(left) => judged.and(Err(Stop::Fails(format!(
                    "what the check made could not be removed: {left}"
                )))),
                None => judged,
            };
            let finding = self.finding(&check.id, &check.meaning, check.why, judged, began)?;
            told(&finding);
            findings.push(finding);
        }
        let notes = self.notes(&benches, &findings);
        Ok(Report::new(main.driver(), main.is_copied(), findings, began).noting(notes))
    }

    /// What there is to say that is no check's.
    fn notes(&self, benches: &Benches, findings: &[Finding]) -> Vec<String> {
        let all = [&benches.plain, &benches.served].map(Option::as_ref);
        let mut notes = Vec::new();
        let is_shut_out = |finding: &&Finding| matches!(&finding.verdict, Verdict::Skipped { reason } if reason == SHUT_OUT);
        let shut_out = findings.iter().filter(is_shut_out).count();
        if shut_out > 0 {
            notes.push(format!("no access rule was accepted: {shut_out} checks did not run"));
        }
        // In each mode rules may be used that are not in the other.
        let unused = all.iter().flatten().map(|bench| bench.ground().unused_rules());
        let unused = unused.reduce(|mut one, other| {
            one.retain(|rule| other.contains(rule));
            one
        });
        let unused = unused.filter(|_| self.only.is_empty()).unwrap_or_default();
        if !unused.is_empty() {
            notes.push(format!("asked for and used by no check: {}", unused.join(", ")));
        }
        notes
    }

    async fn run_recorded(
        &self,
        recordings: &Recordings,
        mut told: impl FnMut(&Finding),
    ) -> Result<Report> {
        let began = Instant::now();
        let mut findings = Vec::new();
        for check in self.chosen_of(recordings) {
            let began = Instant::now();
            let judged = Box::pin(recordings.run(&check)).await;
            let finding = self.finding(&check.id, &check.meaning, check.why, judged, began)?;
            told(&finding);
            findings.push(finding);
        }
        Ok(Report::against(&recordings.driver, "recorded", findings, began))
    }

    fn check_names(&self) -> Result<()> {
        let all = Self::checks();
        let exists = |id: &str| all.iter().any(|check| check.id == id);
        let known = self.known.keys().find(|id| !exists(id));
        let begins = |begin: &str| all.iter().any(|check| check.id.starts_with(begin));
        let chosen = self.only.iter().find(|one| match one.strip_suffix('*') {
            Some(begin) => !begins(begin),
            None => !exists(one),
        });
        if let Some(id) = known.or(chosen) {
            let mut begins = all.iter().filter(|check| check.id.starts_with(&format!("{id}/")));
            let meant = match begins.next() {
                Some(_) => format!("did you mean `{id}/*`? "),
                None => String::new(),
            };
            return Err(Error::Invalid(format!(
                "there is no check `{id}`; {meant}`abaca test --list` names them all"
            )));
        }
        if self.known.contains_key(SETUP.0) {
            return Err(Error::Invalid(format!(
                "`{}` cannot be declared as known to fail: no other check can be run then",
                SETUP.0
            )));
        }
        let is_nothing = match &self.recorded {
            Some(recordings) => self.chosen_of(recordings).next().is_none(),
            None => self.chosen().is_empty() && !self.is_wanted(SETUP.0),
        };
        match is_nothing {
            true => Err(Error::Invalid(
                "nothing is left to check: no transcript has a call, or none of the chosen checks is \
                 about what this driver offers"
                    .to_owned(),
            )),
            false => Ok(()),
        }
    }

    async fn setup(&self) -> Judged<Benches> {
        let mut benches = Benches { plain: None, served: None };
        for (ground, is_served) in [(&self.plain, false), (&self.served, true)] {
            let Some(ground) = ground else { continue };
            let fresh = ground.is_copied().then(|| ground.fork());
            let nobody = Habits::unknown();
            let bench = Bench::new(ground.clone(), nobody).of_protocol(self.protocol);
            let bench = bench.begun_in(fresh);
            bench.ok("do-setup", json!([])).await?;
            bench.ok("check-for-setup-error", json!([])).await?;
            let bench = if is_served { bench.served() } else { bench };
            let habits = habits(&bench, &self.clients).await?;
            let bench = bench.with_habits(habits);
            let place = if is_served { &mut benches.served } else { &mut benches.plain };
            *place = Some(bench);
        }
        Ok(benches)
    }

    fn finding(
        &self,
        id: &str,
        meaning: &str,
        why: &'static str,
        judged: Judged,
        began: Instant,
    ) -> Result<Finding> {
        let verdict = match (judged, self.known.get(id)) {
            (Ok(()), None) => Verdict::Passed,
            (Ok(()), Some(reason)) => Verdict::Failed {
                reason: format!(
                    "it passes, and is declared as known to fail ({reason}): remove the declaration"
                ),
            },
            (Err(Stop::Fails(found)), Some(reason)) => {
                Verdict::Known { reason: reason.clone(), found }
            }
            (Err(Stop::Fails(reason)), None) => Verdict::Failed { reason },
            (Err(Stop::Skips(reason)), None) => Verdict::Skipped { reason },
            (Err(Stop::Skips(reason)), Some(known)) => {
                Verdict::Skipped { reason: format!("{reason} (known to fail: {known})") }
            }
            (Err(Stop::Breaks(error)), _) => return Err(error),
        };
        Ok(Finding {
            id: id.to_owned(),
            meaning: meaning.to_owned(),
            why,
            verdict,
            took: began.elapsed(),
        })
    }
}

/// What the checks of a driver stand on.
struct Benches {
    plain: Option<Bench>,
    served: Option<Bench>,
}

impl Benches {
    /// A bench for one check.
    async fn of(&self, check: &Check) -> Judged<Bench> {
        match (&self.plain, &self.served, check.served) {
            (_, Some(served), true) => Ok(served.apart()),
            (None, Some(served), false) => {
                let bench = served.apart();
                let server = operations::set_up(&bench).await.map_err(|stop| match stop {
                    Stop::Fails(reason) => {
                        Stop::Skips(format!("no share server can be set up: {reason}"))
                    }
                    stop => stop,
                })?;
                Ok(bench.on(server))
            }
            (Some(plain), _, false) => Ok(plain.apart()),
            (_, None, true) => Err(Stop::Skips("the driver handles no share servers".to_owned())),
            (None, None, false) => Err(Stop::Skips("the driver has no mode".to_owned())),
        }
    }
}
