//! Our drivers that are upstream's in meaning, beside what upstream's executed: each step of a trace is
//! called here too, on a stage, and must change the storage by the same commands in the same order, keep the
//! same private storage, and answer the same. Where a request of the broker's replaces a command, or
//! something is deliberately otherwise, a driver's room says so in a table, and a line of a table that no
//! step needs is an error.
//!
//! `tests/data/traces` has what upstream's drivers did, step by step: the command lines with what they
//! were answered, what was written to private storage, and what the caller got.

pub mod lvm;
mod zfs;

use serde::Deserialize;
use serde_json::Value;

/// One call of upstream's driver.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The method, and in words what is particular to this call of it.
    pub call: String,
    /// What it ran, in order.
    pub commands: Vec<Command>,
    /// What it wrote to private storage, in order.
    #[serde(default)]
    pub private: Vec<Private>,
    /// What it returned; null for nothing.
    #[serde(default)]
    pub answer: Value,
    /// What it raised.
    pub error: Option<Exception>,
}

/// A command that it ran, and how that ended.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    pub argv: Vec<String>,
    #[serde(default)]
    pub exit: i32,
    #[serde(default)]
    pub stdout: String,
    #[serde(default)]
    pub stderr: String,
}

/// A change of private storage.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
pub enum Private {
    /// These keys are set.
    Update { entity: String, details: serde_json::Map<String, Value> },
    /// One key is removed, or all.
    Delete { entity: String, key: Option<String> },
}

/// What a call raised.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    #[serde(rename = "type")]
    pub class: String,
    pub msg: String,
}

/// A trace's steps.
pub fn steps(trace: &str) -> Vec<Step> {
    let steps: Vec<Step> = serde_json::from_str(trace).unwrap();
    assert!(steps.len() > 10);
    steps
}
