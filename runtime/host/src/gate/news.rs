//! What the audit is told of a call's requests: at once, or with the call's next line. Called by the
//! gate for each request, and when its call ends.

use abaca_policy::Denial;
use serde_json::{Map, Value};

use super::facts::{SUBJECT_BYTES, bounded};
use super::{Ending, Gate, Powers};
use crate::audit::{Event, News};
use crate::contract::bindings::abaca::host::types as host;
use crate::error::Error;
use crate::text::printable;

/// The most lines that wait for the next one: what a driver says in them is held in memory.
const NEWS: usize = 64;

impl Gate {
    /// Writes a line, or ends the call: what is not written down is not done.
    pub(crate) fn audit(&mut self, event: Event, line: Map<String, Value>) -> Result<(), Error> {
        self.news(event, line);
        self.audit_now()
    }

    /// Leaves a line to be written with the next one.
    pub(super) fn audit_later(
        &mut self,
        event: Event,
        line: Map<String, Value>,
    ) -> Result<(), Error> {
        self.news(event, line);
        if self.news.len() < NEWS { Ok(()) } else { self.audit_now() }
    }

    fn news(&mut self, event: Event, line: Map<String, Value>) {
        if let Some(powers) = &self.powers {
            self.news.push(News { event, facts: powers.revealed.hidden_line(line) });
        }
    }

    /// Writes what was left to be written, or ends the call.
    pub(crate) fn audit_now(&mut self) -> Result<(), Error> {
        let news = std::mem::take(&mut self.news);
        match &self.powers {
            Some(powers) if !news.is_empty() => powers.audit.write_all(&self.call, &news),
            _ => Ok(()),
        }
    }

    /// Writes what was left to be written of what was answered, also where no more may begin.
    pub(super) fn audit_rest(&mut self) -> Result<(), Error> {
        let news = std::mem::take(&mut self.news);
        match &self.powers {
            Some(powers) if !news.is_empty() => powers.audit.write_rest(&self.call, &news),
            _ => Ok(()),
        }
    }

    /// Writes a denial down, and answers it.
    pub(super) fn deny(
        &mut self,
        import: &'static str,
        powers: &Powers,
        denial: Denial,
        mut line: Map<String, Value>,
        subject: &str,
    ) -> Result<host::Error, Ending> {
        let rule = denial.rule.as_ref();
        tracing::info!(
            target: "abaca::gate",
            backend = powers.backend,
            "denied: {subject}: {}{}",
            // It may quote what was to be written.
            printable(&powers.revealed.hidden(denial.reason.clone()), SUBJECT_BYTES),
            rule.map(|rule| format!(" (nearest rule `{rule}`)")).unwrap_or_default()
        );
        line.insert("rule".into(), denial.rule.clone().into());
        line.insert("reason".into(), bounded(denial.reason.clone().into()));
        powers.metrics.asked(import, false);
        self.audit(Event::Denied, line)?;
        self.tally.deny();
        self.meter.denied(&self.limits)?;
        Ok(denial.into())
    }
}
