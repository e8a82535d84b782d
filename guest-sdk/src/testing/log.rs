//! The interface `log` of a test's host: what a driver said, line by line. Called by `asking`, and
//! by tests.

use super::Host;
use super::asking::{Context, Request};
use crate::HostError;
use crate::imports::log::{Level, WriteRequest};

/// How many lines one call may write: the runtime's own default.
const LINES: usize = 1000;

/// A line that a driver wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub message: String,
    /// Named values beside it.
    pub fields: Vec<(String, String)>,
}

impl Request for WriteRequest {
    const NAME: &'static str = "log.write";
    type Answer = ();

    fn words(&self) -> String {
        format!("{:?}: {}", self.level, self.message)
    }

    fn answer(&self, host: &Host, context: &Context) -> Result<(), HostError> {
        if context.lines >= LINES {
            return Err(HostError::Limit(format!("{LINES} log lines in one call")));
        }
        host.world().log.push(Line {
            level: self.level,
            message: self.message.clone(),
            fields: self.fields.clone(),
        });
        Ok(())
    }
}

impl Host {
    /// The lines that drivers of this host wrote so far, in order.
    #[must_use]
    pub fn logged(&self) -> Vec<Line> {
        self.world().log.clone()
    }
}
