//! `abaca policy simulate`: what a policy would have decided on requests of the past. Nothing is
//! run: the answers are those of the policy crate, which the broker asks as well.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use abaca::asked::{Asked, Decision};
use abaca::read_policy;
use serde::Serialize;
use serde_json::json;

use super::requests::{self, Requests};
use super::{DECIDES_OTHERWISE, find};
use crate::cli::{Audits, Global};
use crate::failure::Result;
use crate::output::{Output, plain, word};
use crate::service::Service;

/// How a decision differs. The order is that in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    /// It was denied, and would be granted.
    GrantedNow,
    /// It was granted, and would be denied.
    DeniedNow,
    /// Another rule would grant it.
    AnotherRule,
    /// The audit does not say enough.
    Unknown,
    /// It is decided as it was.
    Same,
}

impl Outcome {
    fn told(self) -> &'static str {
        match self {
            Outcome::GrantedNow => "granted now",
            Outcome::DeniedNow => "denied now",
            Outcome::AnotherRule => "another rule",
            Outcome::Unknown => "cannot be said",
            Outcome::Same => "as before",
        }
    }
}

/// A request that is decided otherwise, and how often it stands in the audits.
#[derive(Debug, Serialize)]
struct Difference {
    outcome: Outcome,
    import: String,
    asked: Vec<String>,
    /// The rule that granted it.
    was: Option<String>,
    /// The rule that would grant it, or why none would, or why that cannot be said.
    now: String,
    times: usize,
    /// Where it stands first.
    file: PathBuf,
    seq: u64,
    call: String,
}

/// Answers with exit code 0 if all is decided as it was.
pub(super) fn simulate(
    policy: Option<&str>,
    audits: Audits,
    global: &Global,
    output: Output,
) -> Result<ExitCode> {
    let wanted = match policy {
        Some(wanted) => find(wanted, global)?,
        None => {
            // What is enforced now, not what was configured before an upgrade.
            let service = Service::open(global)?;
            read_policy(&service.active(service.only()?)?.policy)?
        }
    };
    let mut differences: BTreeMap<(Outcome, String, Vec<String>, Option<String>), Difference> =
        BTreeMap::new();
    let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
    let read = requests::each(audits, policy, global, |file, asked| {
        let (outcome, now) = compared(&asked, asked.decide(&wanted));
        *counts.entry(outcome).or_default() += 1;
        if outcome != Outcome::Same {
            let key = (outcome, asked.import.clone(), asked.words.clone(), asked.granted.clone());
            differences.entry(key).or_insert_with(|| first(file, asked, outcome, now)).times += 1;
        }
    })?;
    let differences: Vec<Difference> = differences.into_values().collect();
    let by_word: BTreeMap<String, usize> =
        counts.iter().map(|(outcome, count)| (word(outcome), *count)).collect();
    let document = json!({
        "policy": { "driver": wanted.driver(), "digest": wanted.digest() },
        "audits": read.files, "unsound_lines": read.unsound,
        "requests": counts.values().sum::<usize>(),
        "counts": by_word,
        "differences": differences,
    });
    output.answer(&document, || told(&differences, &counts, &read))?;
    Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DECIDES_OTHERWISE) })
}

fn compared(asked: &Asked, decision: Decision) -> (Outcome, String) {
    match (&asked.granted, decision) {
        (_, Decision::Unknown(why)) => (Outcome::Unknown, why),
        (Some(rule), Decision::Granted(now)) if *rule == now => (Outcome::Same, now),
        (Some(_), Decision::Granted(now)) => (Outcome::AnotherRule, now),
        (Some(_), Decision::Denied(why)) => (Outcome::DeniedNow, why),
        (None, Decision::Granted(now)) => (Outcome::GrantedNow, now),
        (None, Decision::Denied(why)) => (Outcome::Same, why),
    }
}

fn first(file: &Path, asked: Asked, outcome: Outcome, now: String) -> Difference {
    let Asked { seq, call, import, words, granted, .. } = asked;
    let file = file.to_owned();
    Difference { outcome, import, asked: words, was: granted, now, times: 0, file, seq, call }
}

fn told(differences: &[Difference], counts: &BTreeMap<Outcome, usize>, read: &Requests) -> String {
    let mut text = String::new();
    for difference in differences {
        let Difference { outcome, import, asked, was, now, times, file, seq, .. } = difference;
        let was = was.as_ref().map_or("denied".to_owned(), |rule| format!("granted by `{rule}`"));
        let now = match outcome {
            Outcome::GrantedNow | Outcome::AnotherRule => format!("granted by `{now}`"),
            Outcome::DeniedNow => format!("denied: {now}"),
            Outcome::Unknown | Outcome::Same => now.clone(),
        };
        let asked = plain(&asked.join(" "));
        let _ = writeln!(text, "{}: {import} {asked}", outcome.told());
        let _ = writeln!(text, "    was {}, now {}", plain(&was), plain(&now));
        let _ = writeln!(
            text,
            "    {times} times, first in line {seq} of {}",
            plain(&file.display().to_string())
        );
    }
    let requests: usize = counts.values().sum();
    let counts: Vec<_> =
        counts.iter().map(|(outcome, count)| format!("{count} {}", outcome.told())).collect();
    let _ = writeln!(text, "{requests} requests: {}", counts.join(", "));
    if read.unsound > 0 {
        let _ = writeln!(
            text,
            "{} lines are not as they were written; `abaca audit verify` says more",
            read.unsound
        );
    }
    text
}
