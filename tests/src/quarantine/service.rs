//! Quarantine as operators and services see it: in the configuration, on the command line, and
//! through the door.

use abaca::configuration::Configuration;
use serde_json::{Value, json};

use crate::support::{Client, Desk, Ground, Service, attack_share, component, figures};

/// A desk with the hostile driver, and these lines as the section `[quarantine]`.
fn desk(ground: &Ground, lines: &str) -> Desk {
    ground.write("hostile.policy.toml", super::POLICY);
    let text = Desk::text(ground, "hostile", &component("abaca-guest-hostile"));
    Desk::with(ground, &format!("{text}\n[quarantine]\n{lines}"))
}

/// The parameters that make the hostile driver do this.
fn asking(attack: &str) -> Value {
    json!({ "share": attack_share(attack, &["a"]) })
}

/// The same for the door.
fn asking_it(attack: &str) -> Value {
    let mut params = asking(attack);
    params["backend"] = "hostile".into();
    params
}

fn listed(desk: &Desk) -> Value {
    desk.json(&["backend", "list"])["backends"][0]["standing"].clone()
}

fn crash(client: &mut Client) {
    let error = client.fails("create_share", &asking_it("trap"));
    assert_eq!(error["data"]["kind"], "trap", "{error}");
}

#[test]
fn what_makes_no_sense_in_the_configuration_is_refused_with_its_place() {
    let ground = Ground::new();
    for (line, words) in [
        ("strikes = 0", &["begins with a strike"][..]),
        ("window_seconds = 0", &["no strike would count"]),
        ("denials = 0", &["every call would be a strike"]),
        ("delay_seconds = 3601", &["3601 s", "3600 s", "longest_delay_seconds"]),
        ("longest_delay_seconds = 1", &["30 s", "1 s"]),
        ("delay_seconds = -1", &["expected u32"]),
        ("strike = 1", &["unknown field", "did you mean `strikes`"]),
    ] {
        let said = desk(&ground, &format!("{line}\n")).fails(2, &["backend", "list"]);
        assert!(said.contains("abaca.toml:12:"), "{line}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{line}: {said}");
    }
    let text = "strikes = 7\nwindow_seconds = 1\ndenials = 2\ndelay_seconds = 0\n\
                longest_delay_seconds = 9\n";
    let configuration = Configuration::load(desk(&ground, text).file).unwrap();
    let rules = configuration.quarantine();
    assert_eq!((rules.strikes, rules.denials), (7, 2));
    let seconds = [rules.window, rules.delay, rules.longest_delay].map(|one| one.as_secs());
    assert_eq!(seconds, [1, 0, 9]);
}

#[test]
fn an_operator_sees_it_releases_disables_and_enables() {
    let ground = Ground::new();
    let desk = desk(&ground, "strikes = 2\nwindow_seconds = 86400\ndelay_seconds = 3600\n");
    // Nothing is made by looking.
    assert_eq!(listed(&desk)["state"], "ok");
    assert!(!ground.state().join("hostile").exists());
    let call = |attack: &str| {
        let params = asking(attack).to_string();
        let answer = desk.run(&["call", "hostile", "create_share", &params, "--json"]);
        // The log may have said before it that a quarantine begins.
        let last = answer.stderr.lines().last().unwrap_or_default();
        let error: Value = serde_json::from_str(last).unwrap_or_default();
        (answer.code, error["error"].clone())
    };
    for strikes in 1..=2 {
        assert_eq!(call("trap").1["kind"], "trap");
        assert_eq!(listed(&desk)["strikes"], strikes);
    }
    // Each command is a process of its own.
    let (code, error) = call("echo");
    assert_eq!(
        (code, &error["kind"], &error["blame"]),
        (Some(3), &json!("quarantined"), &json!("driver"))
    );
    let standing = listed(&desk);
    assert_eq!(
        (&standing["state"], &error["next_try"]),
        (&json!("quarantined"), &standing["next_try"])
    );
    assert_eq!(standing["last_strike"]["kind"], "trap");
    let text = desk.run(&["backend", "list"]).stdout;
    for word in ["STATE", "STRIKES", "NEXT TRY", "quarantined", "last error at 2", "a trap: "] {
        assert!(text.contains(word), "{word} is not in {text}");
    }
    let said = desk.fails(3, &["backend", "check"]);
    assert!(said.contains("in quarantine until 2") && said.contains("backend release"), "{said}");

    let said = desk.run(&["backend", "release", "hostile"]).stdout;
    assert_eq!(said, "hostile: it is called\n");
    assert_eq!(call("echo").0, Some(0));

    desk.json(&["backend", "disable", "hostile", "--reason", "the filer moves"]);
    let (code, error) = call("echo");
    assert_eq!((code, &error["kind"]), (Some(2), &json!("disabled")));
    assert!(desk.run(&["backend", "list"]).stdout.contains("the filer moves"));
    let said = desk.fails(2, &["backend", "release", "hostile"]);
    assert!(said.contains("abaca backend enable hostile"), "{said}");
    desk.fails(2, &["backend", "disable", "hostile", "--reason", "a\nb"]);
    let standing = desk.json(&["backend", "enable", "hostile"]);
    assert_eq!(standing["standing"]["state"], "ok");
    assert_eq!(call("echo").0, Some(0));
    // Who has decided what stands in the audit, in words that people can read.
    let tail = desk.run(&["audit", "tail", "-n", "100"]).stdout;
    for words in [
        "strike ",
        "a trap in create-share: 2 strikes count, quarantined until 2",
        "release ",
        "disable ",
        ": the filer moves",
        "enable ",
    ] {
        assert!(tail.contains(words), "{words} is not in {tail}");
    }
    let decided = ground.audit("hostile").into_iter();
    let decided: Vec<_> = decided
        .filter(|line| line["by"].as_str().is_some_and(|by| by.starts_with("uid ")))
        .map(|line| line["event"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(decided, ["release", "disable", "enable"]);
    for verb in ["release", "disable", "enable"] {
        assert!(desk.fails(2, &["backend", verb, "nobody"]).contains("no backend `nobody`"));
    }
}

#[test]
fn a_service_refuses_by_kind_and_hears_of_a_release_at_once() {
    let ground = Ground::new();
    let desk = desk(&ground, "strikes = 2\nwindow_seconds = 86400\ndelay_seconds = 3600\n");
    let socket = ground.path().join("metrics.sock");
    let place = format!("unix:{}", socket.display());
    let service = Service::start(&ground, &desk, &["--metrics", &place]);
    let states = || {
        let text = figures(&socket);
        let of_state =
            |line: &&str| line.starts_with("abaca_backend_state{") && line.ends_with(" 1");
        text.lines().filter(of_state).map(str::to_owned).collect::<Vec<_>>()
    };
    let state = |state: &str| {
        vec![format!("abaca_backend_state{{backend=\"hostile\",state=\"{state}\"}} 1")]
    };
    assert_eq!(states(), state("ok"));
    let mut client = service.client();
    crash(&mut client);
    crash(&mut client);
    assert_eq!(states(), state("quarantined"));
    let error = client.fails("create_share", &asking_it("echo"));
    let data = &error["data"];
    assert_eq!((&error["code"], &data["kind"]), (&json!(-32003), &json!("quarantined")));
    assert!(data["next_try"].as_u64().is_some() && data["advice"].as_str().is_some());
    let backends = client.ok("list_backends", &json!({}));
    assert_eq!((&backends[0]["error"], &backends[0]["standing"]), (&Value::Null, &listed(&desk)));
    let records = client.ok("list_shares", &json!({ "backend": "hostile" }));
    assert_eq!(records.as_array().unwrap().len(), 2, "the refused call has no record");
    // What another process decides is seen as well.
    desk.json(&["backend", "disable", "hostile"]);
    assert_eq!(states(), state("disabled"));
    desk.json(&["backend", "enable", "hostile"]);
    desk.json(&["backend", "release", "hostile"]);
    assert_eq!(states(), state("ok"));
    client.ok("create_share", &asking_it("echo"));

    // One that begins while it may not be called serves it nevertheless.
    crash(&mut client);
    crash(&mut client);
    drop((client, service));
    let service = Service::start(&ground, &desk, &[]);
    let mut client = service.client();
    assert_eq!(service.listening["backends"][0]["standing"]["state"], "quarantined");
    assert_eq!(client.fails("create_share", &asking_it("echo"))["data"]["kind"], "quarantined");
    desk.json(&["backend", "release", "hostile"]);
    client.ok("create_share", &asking_it("echo"));
    desk.json(&["backend", "disable", "hostile"]);
    let error = client.fails("create_share", &asking_it("echo"));
    assert_eq!((&error["code"], &error["data"]["kind"]), (&json!(-32002), &json!("disabled")));
    desk.json(&["backend", "enable", "hostile"]);
    client.ok("create_share", &asking_it("echo"));
}
