//! Many calls at once: each answer belongs to its own request, the records tell exactly what was
//! done, the audit has one beginning and one end for each call, and nothing is kept that another
//! call would wait for. How fast that is, is not asked here.

mod crowd;
mod fairness;
mod neighbours;
mod others;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::Ground;

/// How many calls of each method there were. Each has one beginning and one end, in this order,
/// every other line is of one of them, and all are of this backend.
fn audited(ground: &Ground, backend: &str) -> BTreeMap<String, usize> {
    let audit = ground.audit(backend);
    let mut calls: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for line in &audit {
        assert_eq!(line["backend"], backend);
        let call = calls.entry(line["call"].as_str().unwrap()).or_default();
        call.push(line);
    }
    let mut methods = BTreeMap::new();
    for (call, lines) in calls {
        let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
        let (first, last) = (lines[0], lines[lines.len() - 1]);
        assert_eq!(events.iter().filter(|event| event.starts_with("call")).count(), 2, "{call}");
        assert_eq!(
            (events[0], events[events.len() - 1]),
            ("call", "call-end"),
            "{call}: {events:?}"
        );
        assert_eq!(first["method"], last["method"]);
        assert_eq!(last["outcome"], "ok", "{last}");
        *methods.entry(last["method"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    methods
}
