//! Which lines of an audit are meant. Pure.

use abaca::audit::AuditLine;

use crate::cli::{Verdict, Which};

/// What a line has to be.
#[derive(Clone, Debug)]
pub struct Filter {
    which: std::sync::Arc<Which>,
    seq: Vec<u64>,
}

impl Filter {
    /// All that is asked must hold; of `seq` one, unless it is empty.
    pub fn new(which: Which, seq: Vec<u64>) -> Self {
        Self { which: std::sync::Arc::new(which), seq }
    }

    /// Whether a line is meant.
    pub fn admits(&self, line: &AuditLine) -> bool {
        let Which { rule, verdict, import, call, since, until } = &*self.which;
        let time = time(line);
        let is = |wanted: &Option<String>, fits: &dyn Fn(&str) -> bool| {
            wanted.as_deref().is_none_or(fits)
        };
        (self.seq.is_empty() || self.seq.contains(&line.link.seq))
            // Pipelines and requests about two places have several.
            && is(rule, &|rule| line.word("rule").split([' ', '|', '+']).any(|one| one == rule))
            && is(import, &|import| names(line.word("import"), import))
            && is(call, &|call| line.word("call").starts_with(call))
            && verdict.is_none_or(|verdict| became(line, verdict))
            && since.is_none_or(|since| time >= since)
            && until.is_none_or(|until| time < until)
    }
}

/// When a line was written, in seconds since the epoch.
pub fn time(line: &AuditLine) -> f64 {
    line.fields.get("time").and_then(serde_json::Value::as_f64).unwrap_or_default()
}

/// Whether an import, `command.run`, is meant by its name or its interface's.
fn names(import: &str, wanted: &str) -> bool {
    import == wanted || import.split_once('.').is_some_and(|(interface, _)| interface == wanted)
}

fn became(line: &AuditLine, verdict: Verdict) -> bool {
    let (event, outcome) = (line.word("event"), line.word("outcome"));
    match verdict {
        Verdict::Granted => matches!(event, "intent" | "outcome"),
        Verdict::Permitted => matches!(event, "permitted" | "reveal"),
        Verdict::Denied => event == "denied",
        Verdict::Ok => event == "call-end" && outcome == "ok",
        Verdict::Failed => match event {
            "call-end" => outcome == "failed",
            "outcome" => failed(line),
            _ => false,
        },
        Verdict::Interrupted => matches!(event, "call-end" | "outcome") && outcome == "interrupted",
    }
}

/// Whether a request was not done, or its command did not end with 0.
fn failed(line: &AuditLine) -> bool {
    let ended_well = serde_json::json!({ "exited": 0 });
    let status = line.fields.get("status");
    line.fields.contains_key("error") || status.is_some_and(|status| *status != ended_well)
}
