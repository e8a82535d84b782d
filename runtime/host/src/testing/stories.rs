//! Made-up stories of calls, with faults at random requests: fault injection for a whole driver. A
//! seed makes the same stories on every machine; a story that fails is cut down to the shortest one
//! that still does.
//!
//! ```text
//! seed ─▶ story ─▶ a world with faults: each call until it is ok ─┐
//!              └─▶ a world without                              ─┴─▶ the same? ─no─▶ shorten
//! ```
//! Whatever happens on the way, after each call that was repeated both worlds must be the same, and
//! when all is removed, as they were in the beginning.

mod steps;

use std::time::Instant;

use serde::Serialize;
use serde_json::{Value, json};

pub use self::steps::{Action, Step};
use self::steps::{Actors, Dice};
use super::called::Called;
use super::samples;
use super::stage::{Client, Fault, Plan, Stage, StageBuilder};
use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::options::OptionValue;
use crate::types::{AccessRule, Share, ShareProtocol};

/// How many steps a story has at most.
const STEPS: u64 = 14;

/// How many shorter stories are tried: one that hangs costs seconds.
const SHORTER: usize = 200;

/// How often the dice are thrown for a step that can be done.
const TRIES: usize = 50;

/// How often a call is asked again until it must be ok: nothing happens to it any more.
const AGAIN: usize = 2;

/// See above.
#[derive(Debug)]
pub struct Stories {
    stage: Stage,
    seed: u64,
    clients: Vec<Client>,
    protocol: Option<ShareProtocol>,
}

/// What came of all stories.
#[derive(Clone, Debug, Serialize)]
pub struct StoriesTold {
    /// The driver's name.
    pub driver: String,
    /// Where they began.
    pub seed: u64,
    /// How many there were.
    pub stories: u64,
    /// How many calls they made.
    pub calls: u64,
    /// How many requests were hit.
    pub faults: u64,
    /// The first that failed, if one did.
    pub failure: Option<BadStory>,
    /// How long they took.
    pub took_ms: u64,
}

/// A story that ends badly.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BadStory {
    /// Which one, from 1.
    pub story: u64,
    /// What is wrong, in a sentence.
    pub reason: String,
    /// The shortest sequence that was found that still fails.
    pub steps: Vec<Step>,
    /// How many steps it had before.
    pub length: usize,
}

/// How a story went.
#[derive(Debug, Default)]
struct Went {
    calls: u64,
    faults: u64,
    reason: Option<String>,
}

impl Stories {
    /// Stories on a stage; `setting` says what is on it.
    ///
    /// # Errors
    /// When the stage cannot be built, or the driver has no shares without share servers.
    pub fn simulated<'d>(
        driver: &'d Driver,
        seed: u64,
        setting: impl Fn(StageBuilder<'d>) -> StageBuilder<'d>,
    ) -> Result<Self> {
        if !driver.description().share_server_modes.contains(&false) {
            return Err(Error::Mismatch(
                "stories are of shares without share servers, and the driver has none".to_owned(),
            ));
        }
        let mode = OptionValue::Boolean(false);
        let builder = setting(Stage::builder(driver));
        let stage = builder.option("driver_handles_share_servers", mode).build()?;
        Ok(Self { stage, seed, clients: Vec::new(), protocol: None })
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

    /// Runs so many; the first that fails ends it. `told` hears the number of each before it begins.
    ///
    /// # Errors
    /// For a fault of the runtime. What the driver does is no error.
    pub async fn run(&self, stories: u64, mut told: impl FnMut(u64)) -> Result<StoriesTold> {
        let began = Instant::now();
        let rule = self.set_up().await?;
        let mut told_in_all = StoriesTold {
            driver: self.stage.driver().description().name.clone(),
            seed: self.seed,
            stories: 0,
            calls: 0,
            faults: 0,
            failure: None,
            took_ms: 0,
        };
        for story in 1..=stories {
            told(story);
            let steps = self.steps(story, rule.as_ref());
            let went = self.go(&steps, rule.as_ref()).await?;
            told_in_all.stories = story;
            told_in_all.calls += went.calls;
            told_in_all.faults += went.faults;
            if let Some(reason) = went.reason {
                let length = steps.len();
                let (steps, reason) = self.shortened(steps, reason, rule.as_ref()).await?;
                told_in_all.failure = Some(BadStory { story, reason, steps, length });
                break;
            }
        }
        told_in_all.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(told_in_all)
    }

    /// One story again, as it was printed.
    ///
    /// # Errors
    /// For a fault of the runtime.
    pub async fn again(&self, steps: &[Step]) -> Result<Option<String>> {
        let rule = self.set_up().await?;
        Ok(self.go(steps, rule.as_ref()).await?.reason)
    }

    /// Sets the backend up, and finds out which rule the driver takes.
    async fn set_up(&self) -> Result<Option<AccessRule>> {
        let setup = self.stage.call("do-setup", Value::Array(Vec::new())).await?;
        if !setup.is_ok() {
            return Err(Error::Mismatch(format!("the backend cannot be set up: {setup}")));
        }
        let share = samples::share("first", 1);
        let share = Share { protocol: self.protocol_here(), ..share };
        let made = self.stage.fork().call("create-share", json!([share, null])).await?;
        if !made.is_ok() {
            return Err(Error::Mismatch(format!(
                "no share can be made here, so that stories would tell nothing: {made}; the suite, without \
                 stories, says more"
            )));
        }
        super::conformance::rule_taken(&self.stage, &self.clients, self.protocol).await
    }

    /// Whose shares a story is about, none of which is made.
    fn actors(&self, rule: Option<&AccessRule>) -> Actors {
        Actors::new(self.stage.driver(), rule, self.protocol_here())
    }

    /// The protocol of all shares.
    fn protocol_here(&self) -> ShareProtocol {
        let protocols = &self.stage.driver().description().protocols;
        let protocol = self.protocol.or_else(|| protocols.first().copied());
        protocol.unwrap_or(ShareProtocol::Nfs)
    }

    /// The story of this number: of what can be done at each step.
    fn steps(&self, story: u64, rule: Option<&AccessRule>) -> Vec<Step> {
        let mut dice = Dice::of(self.seed, story);
        let actions = Action::offered_by(self.stage.driver());
        let length = dice.below(STEPS).saturating_add(2);
        let mut actors = self.actors(rule);
        let mut steps = Vec::new();
        for _ in 0..length {
            let step = (0..TRIES).find_map(|_| {
                let step = Step::thrown(&mut dice, &actions)?;
                actors.act(&step).map(|_| step)
            });
            let Some(step) = step else { continue };
            actors.did(&step, None);
            steps.push(step);
        }
        steps
    }

    async fn go(&self, steps: &[Step], rule: Option<&AccessRule>) -> Result<Went> {
        let (hit, calm) = (self.stage.fork(), self.stage.fork());
        let before = calm.facts();
        let mut actors = self.actors(rule);
        let mut went = Went::default();
        let rest = Step::removals();
        for step in steps.iter().chain(&rest) {
            // What does not apply, because a step before it is not there, is left out.
            let Some((function, arguments)) = actors.act(step) else { continue };
            let quiet = calm.call(function, arguments.clone()).await?.settled();
            if quiet.was_ended() {
                went.reason = Some(format!("without any fault, {quiet}, at {step}"));
                return Ok(went);
            }
            let plan: Plan = step.fault.iter().map(|(number, fault)| (*number, *fault)).collect();
            let mut called =
                hit.call_with(function, arguments.clone(), None, &plan).await?.settled();
            went.calls += 1;
            let was_hit = step.fault.is_some_and(|(number, _)| number <= asked(&called));
            went.faults += u64::from(was_hit);
            if called.was_ended() && !step.fault.is_some_and(|(_, fault)| ends(fault)) {
                went.reason = Some(format!("{called}, at {step}"));
                return Ok(went);
            }
            for _ in 0..AGAIN {
                if called.is_ok() == quiet.is_ok() && !called.was_ended() {
                    break;
                }
                called = hit.call(function, arguments.clone()).await?.settled();
                went.calls += 1;
            }
            // What is refused without faults is refused with them, and nothing is otherwise by it.
            if called.is_ok() != quiet.is_ok() {
                let reason =
                    format!("asked again and again, {called}, at {step}; without faults {quiet}");
                went.reason = Some(reason);
                return Ok(went);
            }
            let (wanted, found) = (calm.facts(), hit.facts());
            if wanted != found {
                let differs = super::conformance::difference(&wanted, &found);
                went.reason = Some(format!("after {step} the world is another one: {differs}"));
                return Ok(went);
            }
            if quiet.is_ok() {
                actors.did(step, called.answer());
            }
        }
        let left = super::conformance::difference(&before, &calm.facts());
        went.reason = (!left.is_empty()).then(|| format!("when all is removed: {left}"));
        Ok(went)
    }

    /// Leaves out whatever can be left out: steps first, then faults.
    async fn shortened(
        &self,
        steps: Vec<Step>,
        reason: String,
        rule: Option<&AccessRule>,
    ) -> Result<(Vec<Step>, String)> {
        let (mut steps, mut reason) = (steps, reason);
        let mut tried: usize = 0;
        loop {
            let mut shorter = None;
            let without = (0..steps.len()).map(|left_out| {
                let kept = steps.iter().enumerate().filter(|(at, _)| *at != left_out);
                kept.map(|(_, step)| step.clone()).collect::<Vec<_>>()
            });
            let calmer = (0..steps.len()).filter_map(|calmed| {
                let mut steps = steps.clone();
                steps.get_mut(calmed)?.fault.take()?;
                Some(steps)
            });
            for candidate in without.chain(calmer).collect::<Vec<_>>() {
                tried = tried.saturating_add(1);
                if tried > SHORTER {
                    return Ok((steps, reason));
                }
                if let Some(still) = self.go(&candidate, rule).await?.reason {
                    shorter = Some((candidate, still));
                    break;
                }
            }
            match shorter {
                Some(found) => (steps, reason) = found,
                None => return Ok((steps, reason)),
            }
        }
    }
}

fn asked(called: &Called) -> u64 {
    called.requests.len().try_into().unwrap_or(u64::MAX)
}

fn ends(fault: Fault) -> bool {
    matches!(fault, Fault::EndsBefore | Fault::EndsAfter | Fault::Disconnects)
}
