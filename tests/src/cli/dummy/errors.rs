//! Every error that a driver can answer, as the command tells it.

use serde_json::{Value, json};

use super::{desk, failing};
use crate::support::Ground;

/// The exit codes of whose fault it is.
const OPERATOR: i32 = 2;
const DRIVER: i32 = 3;
const BACKEND: i32 = 4;

/// Every case of the contract with its exit code.
const CASES: [(&str, i32); 26] = [
    ("unsupported", OPERATOR),
    ("invalid-share", OPERATOR),
    ("invalid-snapshot", OPERATOR),
    ("invalid-share-access", OPERATOR),
    ("invalid-share-access-level", OPERATOR),
    ("share-access-exists", OPERATOR),
    ("share-resource-not-found", OPERATOR),
    ("share-is-busy", OPERATOR),
    ("snapshot-resource-not-found", OPERATOR),
    ("share-snapshot-is-busy", OPERATOR),
    ("share-shrinking-possible-data-loss", OPERATOR),
    ("manage-invalid-share", OPERATOR),
    ("manage-type-mismatch", OPERATOR),
    ("manage-invalid-snapshot", OPERATOR),
    ("unmanage-invalid-share", OPERATOR),
    ("unmanage-invalid-snapshot", OPERATOR),
    ("share-server-failed", DRIVER),
    ("network-bad-configuration", OPERATOR),
    ("replication-failed", DRIVER),
    ("migration-failed", DRIVER),
    ("bad-configuration", OPERATOR),
    ("backend-failed", BACKEND),
    ("command-failed", BACKEND),
    ("denied", OPERATOR),
    ("deadline", BACKEND),
    ("other", DRIVER),
];

/// What the dummy driver says with a case.
fn said(case: &str, text: &str) -> Value {
    match case {
        "command-failed" => json!({ "program": "dummy", "code": 1, "stderr": text }),
        "denied" => json!({ "rule": "dummy", "reason": text }),
        _ => json!(text),
    }
}

#[test]
fn every_error_keeps_its_case_and_says_whose_fault_it_is() {
    let ground = Ground::new();
    let desk = desk(&ground);
    for (case, code) in CASES {
        let text = format!("what {case} says: ü");
        let broken = failing(&desk, &format!("create-share:{case}={text}"));
        let answer = broken.run(&["share", "create", case, "--size", "1", "--json"]);
        assert_eq!(answer.code, Some(code), "{case}: {answer:?}");
        assert!(answer.stdout.is_empty(), "{case}: {answer:?}");
        let document = answer.failure();
        let error = &document["error"];
        assert_eq!(error["driver"], json!({ case: said(case, &text) }), "{case}");
        let blame = ["operator", "driver", "backend"][usize::try_from(code - OPERATOR).unwrap()];
        assert_eq!(error["blame"], blame, "{case}");
        assert!(error["message"].as_str().unwrap().contains(&text), "{case}: {error}");
        let share = desk.share(case);
        assert_eq!(share["status"], "error", "{case}");
        assert!(share["message"].as_str().unwrap().contains(&text), "{case}: {share}");
    }
}

/// The contract has no case that is not tried here.
#[test]
fn no_error_is_left_out() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit/driver/types.wit");
    let contract = std::fs::read_to_string(file).unwrap();
    let body = contract.split_once("variant error {").unwrap().1.split_once("\n    }").unwrap().0;
    let lines = body.lines().map(str::trim).filter(|line| !line.starts_with("///"));
    let names: Vec<_> = lines.filter_map(|line| Some(line.split_once('(')?.0)).collect();
    assert_eq!(names, CASES.map(|(name, _)| name));
}

#[test]
fn what_no_driver_said_has_no_case() {
    let ground = Ground::new();
    let desk = desk(&ground);
    let answer = desk.run(&["share", "show", "nobody", "--json"]);
    let document = answer.failure();
    assert_eq!(document["error"]["driver"], Value::Null);
}
