//! How a backend stands: what an operator, a service and a refusal tell of it. Data, arithmetic
//! and words only; read by `conduct`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Quarantine;
use crate::text::printable_time;

/// Whether a backend's driver is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is.
    #[default]
    Ok,
    /// Not before its next try.
    Quarantined,
    /// Its time is over: the next call is on trial, and if it behaves, others are let in again.
    Due,
    /// A call is on trial now, and others are refused until it ends.
    Trial,
    /// Not until the operator enables it.
    Disabled,
}

impl State {
    pub(crate) const ALL: [Self; 5] =
        [Self::Ok, Self::Quarantined, Self::Due, Self::Trial, Self::Disabled];

    /// The word for it in metrics: that of JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Quarantined => "quarantined",
            Self::Due => "due",
            Self::Trial => "trial",
            Self::Disabled => "disabled",
        }
    }
}

/// What a driver did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StrikeKind {
    /// It crashed.
    Trap,
    /// It broke the contract.
    Contract,
    /// It computed until the call's time ran out.
    Deadline,
    /// It used up a limit.
    Limit,
    /// It went on asking for what it does not get.
    Denials,
}

impl StrikeKind {
    /// The word for it, in the state, in JSON and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Contract => "contract",
            Self::Deadline => "deadline",
            Self::Limit => "limit",
            Self::Denials => "denials",
        }
    }

    /// The kind of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let all = [Self::Trap, Self::Contract, Self::Deadline, Self::Limit, Self::Denials];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

/// A call that was the driver's fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Strike {
    /// When it ended, in seconds since the epoch.
    pub at: u64,
    /// What the driver did wrong.
    pub kind: StrikeKind,
    /// What was asked.
    pub method: String,
    /// The call, as in records and audit.
    pub call: String,
    /// What was told of it.
    pub message: String,
}

/// How a backend stands now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// Whether its driver is called.
    pub state: State,
    /// The strikes that count now.
    pub strikes: u32,
    /// How many quarantines there were without a calm between them, the present one among them.
    pub quarantines: u32,
    /// Since when it is in quarantine, in seconds since the epoch.
    pub since: Option<u64>,
    /// When a call is let in again, in seconds since the epoch.
    pub next_try: Option<u64>,
    /// Since when it is disabled, in seconds since the epoch.
    pub disabled_since: Option<u64>,
    /// Why, as the operator said.
    pub disabled_reason: Option<String>,
    /// The newest strike, whether or not it still counts.
    pub last_strike: Option<Strike>,
}

impl Standing {
    /// Of one in quarantine: until when, and why; to be said behind its name.
    pub(crate) fn quarantined(&self) -> String {
        let until = match (self.state, self.next_try) {
            (State::Trial, _) => ", and another call is on trial now".to_owned(),
            (_, Some(until)) => format!(" until {}", printable_time(until)),
            _ => String::new(),
        };
        let last =
            self.last_strike.as_ref().map(|last| format!("; most recently, {}", last.message));
        let last = last.unwrap_or_default();
        format!("{until}, because its driver was at fault again and again{last}")
    }

    /// Of one that is disabled: since when, and why; to be said behind its name.
    pub(crate) fn disabled(&self) -> String {
        let since = self.disabled_since.map(|since| format!(" since {}", printable_time(since)));
        let reason = self.disabled_reason.as_ref().map(|reason| format!(": {reason}"));
        since.unwrap_or_default() + &reason.unwrap_or_default()
    }
}

/// The database's row.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub cleared: i64,
    pub quarantines: u32,
    pub since: Option<f64>,
    pub disabled: Option<f64>,
    pub reason: Option<String>,
}

impl Row {
    /// What it means at a time, with the strikes that count then. Whether a call is on trial is
    /// not in it.
    pub(super) fn standing(
        &self,
        rules: &Quarantine,
        strikes: u32,
        last_strike: Option<Strike>,
        now: f64,
    ) -> Standing {
        let until = self.since.map(|since| since + rules.lasts(self.quarantines).as_secs_f64());
        let state = match (self.disabled, until) {
            (Some(_), _) => State::Disabled,
            (None, Some(until)) if now < until => State::Quarantined,
            (None, Some(_)) => State::Due,
            (None, None) => State::Ok,
        };
        Standing {
            state,
            strikes,
            quarantines: self.quarantines,
            since: self.since.map(whole),
            // Whoever comes back then must not come a moment too early.
            next_try: until.map(|until| whole(until.ceil())),
            disabled_since: self.disabled.map(whole),
            disabled_reason: self.reason.clone(),
            last_strike,
        }
    }
}

/// Whole seconds since the epoch.
pub(super) fn whole(seconds: f64) -> u64 {
    std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs()
}
