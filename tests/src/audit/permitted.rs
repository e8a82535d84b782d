//! What every driver is granted has its line too: one for each decision, about what it was and never
//! what is kept; and how often the two that have none were permitted.

use abaca::Backend;
use abaca::audit::AuditSettings;
use serde_json::{Value, json};

use super::hostile;
use crate::support::{Desk, Ground, attack_share, component};

/// What must stand nowhere.
const VALUE: &str = "a value that is the driver's own business";

async fn asks(backend: &Backend, attack: &str, words: &[&str]) -> String {
    let answer = backend.create_share(&attack_share(attack, words), None).await;
    answer.map_or_else(|error| error.to_string(), |mut said| said.remove(0).path)
}

/// Import and facts of the lines `permitted`.
fn permitted(ground: &Ground) -> Vec<Value> {
    let lines = ground.audit("hostile").into_iter().filter(|line| line["event"] == "permitted");
    let facts = ["import", "name", "entity", "key", "count", "changes", "milliseconds"];
    let told = lines.map(|line| {
        assert!(line["call"].is_string() && line["request"].is_u64(), "{line}");
        let facts = facts.map(|name| (name, line[name].clone()));
        facts.into_iter().filter(|(_, value)| !value.is_null()).collect()
    });
    told.collect()
}

#[tokio::test]
async fn each_decision_about_what_is_the_backends_own_is_a_line() {
    let ground = Ground::new();
    let backend = hostile(&ground, AuditSettings::default()).await;
    for (attack, words) in [
        ("state", &["set", "share one", "export", VALUE][..]),
        ("state", &["get", "share one", "export"]),
        ("state", &["all", "share one"]),
        ("state", &["find", "export"]),
        ("state", &["clear", "share one"]),
        ("config", &["hostile_text"]),
        // Denied: it is another line.
        ("config", &["no_such_option"]),
        ("lock-hold", &["exports", "1"]),
    ] {
        asks(&backend, attack, words).await;
    }
    assert_eq!(
        permitted(&ground),
        [
            json!({ "import": "state.apply", "count": 1,
                    "changes": [["set", "share one", "export"]] }),
            json!({ "import": "state.get", "entity": "share one", "key": "export" }),
            json!({ "import": "state.get-all", "entity": "share one" }),
            json!({ "import": "state.find", "key": "export" }),
            json!({ "import": "state.apply", "count": 1, "changes": [["remove", "share one"]] }),
            json!({ "import": "config.get", "name": "hostile_text" }),
            json!({ "import": "lock.acquire", "name": "exports" }),
            json!({ "import": "clock.sleep", "milliseconds": 1 }),
            json!({ "import": "lock.release", "name": "exports" }),
        ]
    );
    let lines = ground.audit("hostile");
    assert!(lines.iter().all(|line| !line.to_string().contains(VALUE)));
    assert_eq!(lines.iter().filter(|line| line["event"] == "denied").count(), 1);
    // What has no line of its own is counted, where there was any.
    let ends = lines.iter().filter(|line| line["event"] == "call-end");
    let counted: Vec<_> = ends.filter_map(|line| line.get("counted")).collect();
    assert_eq!(counted, [&json!({ "clock.now": 2 })]);
}

#[tokio::test]
async fn what_the_driver_says_is_bounded_and_acts_nowhere() {
    let ground = Ground::new();
    let backend = hostile(&ground, AuditSettings::default()).await;
    // Refused by their names, after they were permitted.
    asks(&backend, "state", &["get", "\u{1b}[2J\n{\"seq\":1}", &"k".repeat(1 << 20)]).await;
    asks(&backend, "state", &["batch", "2000"]).await;
    let told = permitted(&ground);
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0]["entity"], "\\u{1b}[2J\\u{a}{\"seq\":1}");
    assert_eq!(told[1]["count"], 2000);
    for line in &told {
        assert!(line.to_string().len() < 20 << 10, "{} bytes", line.to_string().len());
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_tells_what_it_has_counted() {
    let ground = Ground::new();
    let backend = hostile(&ground, AuditSettings::default()).await;
    let call = attack_share("lock-hold", &["exports", "600000"]);
    let asked = backend.create_share(&call, None);
    let given_up = tokio::time::timeout(std::time::Duration::from_secs(5), asked).await;
    assert!(given_up.is_err());
    drop(backend);
    let lines = ground.audit("hostile");
    let end = lines.iter().rfind(|line| line["event"] == "call-end").unwrap();
    assert_eq!((&end["outcome"], &end["counted"]["clock.now"]), (&"interrupted".into(), &1.into()));
}

#[tokio::test]
async fn people_choose_them_and_no_policy_is_asked_about_them() {
    let ground = Ground::new();
    let backend = hostile(&ground, AuditSettings::default()).await;
    asks(&backend, "state", &["set", "one", "export", VALUE]).await;
    asks(&backend, "lock-hold", &["exports", "1"]).await;
    asks(&backend, "command", &["echo", "-n", "hello"]).await;
    drop(backend);
    let desk =
        Desk::with(&ground, &Desk::text(&ground, "hostile", &component("abaca-guest-hostile")));
    let rows = desk.run(&["audit", "tail", "-n", "100"]).stdout;
    assert!(rows.contains("state.apply set one export\n"), "{rows}");
    assert!(rows.contains("lock.acquire exports\n"), "{rows}");
    let chosen = |words: &[&str]| {
        let answer = desk.run(&[&["audit", "show", "--json"], words].concat());
        answer
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect::<Vec<Value>>()
    };
    let lines = chosen(&["--verdict", "permitted"]);
    assert_eq!(lines.len(), permitted(&ground).len());
    assert_eq!(chosen(&["--import", "lock"]).len(), 2);
    assert!(chosen(&["--verdict", "granted"]).iter().all(|line| line["rule"] == "say"));
    // Old decisions and what is learnt from them are those on which a policy decides.
    let policy = ground.path().join("hostile.policy.toml");
    let answer = desk.run(&["policy", "simulate", "--json", policy.to_str().unwrap()]);
    let document: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!((answer.code, &document["requests"]), (Some(0), &1.into()), "{document}");
    let learnt = desk.json(&["policy", "learn", "hostile"]);
    assert_eq!((&learnt["granted"], &learnt["unknown"]), (&1.into(), &0.into()), "{learnt}");
}
