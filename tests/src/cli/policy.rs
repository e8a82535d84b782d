//! `abaca policy` as an operator uses it: what a policy grants and why, what another one asks
//! for more, what a trial needed, what old requests would become, what rootwrap's filters allow.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::audit::sealed;
use crate::support::{Desk, Ground};

const MEASURE: [&str; 5] = ["df", "--output=size,avail", "--block-size=1", "--", "shares:"];

/// The file of the policy of `home`, and where another one may be written.
fn files(ground: &Ground) -> (String, String) {
    let path = |name| ground.path().join(name).to_str().unwrap().to_owned();
    (path("home.policy.toml"), path("other.policy.toml"))
}

/// Answers this exit code, and says what was answered as JSON.
fn answers(desk: &Desk, code: i32, words: &[&str]) -> Value {
    let answer = desk.run(&[words, &["--json"]].concat());
    assert_eq!(answer.code, Some(code), "{words:?}: {answer:?}");
    serde_json::from_str(&answer.stdout).unwrap()
}

/// One of a list of objects.
fn find<'v>(list: &'v Value, key: &str, wanted: &str) -> &'v Value {
    let found = list.as_array().unwrap().iter().find(|one| one[key] == wanted);
    found.unwrap_or_else(|| panic!("no {key} is {wanted} in {list:#}"))
}

/// A trial of the backend: what it has is measured, a share and a snapshot come and go.
fn trial(desk: &Desk) {
    desk.json(&["backend", "check"]);
    desk.json(&["share", "create", "one", "--size", "1"]);
    desk.json(&["snapshot", "create", "one", "kept"]);
    desk.json(&["snapshot", "delete", "kept"]);
    desk.json(&["share", "delete", "one"]);
}

#[test]
fn a_granted_command_line_is_shown_with_its_walls() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    let words = [&["policy", "explain", "home", "--"], &MEASURE[..]].concat();
    let text = desk.run(&words).stdout;
    for word in [
        "granted by `measure`",
        "/usr/bin/df",
        &format!("shares ({})", ground.shares().display()),
        "10s",
        "R0, asks only",
    ] {
        assert!(text.contains(word), "{word} is not in {text}");
    }
    let words = [&["--json", "policy", "explain", "home", "--"], &MEASURE[..]].concat();
    let document: Value = serde_json::from_str(&desk.run(&words).stdout).unwrap();
    let walls = &document["walls"];
    assert_eq!(walls["program"], "/usr/bin/df");
    assert_eq!((&walls["timeout_ms"], &walls["stdout_max"]), (&10_000.into(), &4096.into()));
    assert_eq!(walls["read"][0]["path"], ground.shares().to_str().unwrap());
    assert_eq!((&walls["network"], &document["risks"][0]["class"]), (&false.into(), &"R0".into()));
    let denied = desk.run(&["--json", "policy", "explain", "home", "--", "rm", "x"]);
    assert_eq!(denied.code, Some(2), "{denied:?}");
    let denied: Value = serde_json::from_str(&denied.stdout).unwrap();
    assert_eq!((&denied["walls"], &denied["risks"]), (&Value::Null, &Value::Array(Vec::new())));
    // What the broker does itself is asked by its own words.
    let words = ["policy", "explain", "home", "--", "rename", "shares:one.partial", "shares:one"];
    let text = desk.run(&words).stdout;
    for word in
        ["granted by `share-copy + share-copy`", "risk R2", "is for make-dir, list, not rename"]
    {
        assert!(text.contains(word), "{word} is not in {text}");
    }
    let place = ground.shares().join("one");
    assert!(text.contains(&format!("shares:one = {}", place.display())), "{text}");
    let climbing = ["policy", "explain", "home", "--", "remove", "shares:../etc"];
    assert_eq!(desk.run(&climbing).code, Some(2));
}

#[test]
fn what_is_at_stake_is_told_most_dangerous_first() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    let (file, other) = files(&ground);
    let shell = "\n[[command]]\nid = \"shell\"\nprogram = \"/bin/sh\"\nargs = [\"-c\", \"true\"]\nroot-equivalent = \"none\"\n";
    fs::write(&other, ground.directory_policy() + shell).unwrap();
    let document = desk.json(&["policy", "check", &other]);
    let risks = document["risks"].as_array().unwrap();
    assert_eq!((&risks[0]["id"], &risks[0]["class"]), (&"shell".into(), &"R4".into()));
    let classes: Vec<_> = risks.iter().map(|one| one["class"].as_str().unwrap()).collect();
    assert!(classes.is_sorted_by(|one, next| one >= next), "{classes:?}");
    let text = desk.run(&["policy", "check", &other]).stdout;
    assert!(text.contains("1 as good as root"), "{text}");
    let text = desk.run(&["policy", "check", &file]).stdout;
    assert!(text.contains("nothing is as good as root"), "{text}");
}

#[test]
fn what_another_policy_asks_for_more_comes_first() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    let (file, other) = files(&ground);
    let policy = ground.directory_policy();
    let wider = policy
        .replace("timeout = \"30m\"", "timeout = \"31m\"")
        .replace("verbs = [\"make-dir\", \"list\"]", "verbs = [\"list\"]")
        + "\n[[command]]\nid = \"shell\"\nprogram = \"/bin/sh\"\nargs = [\"-c\", \"true\"]\nroot-equivalent = \"none\"\n";
    fs::write(&other, wider).unwrap();
    let text = desk.run(&["policy", "diff", "home", &other]).stdout;
    let place = |word: &str| text.find(word).unwrap_or_else(|| panic!("{word} is not in {text}"));
    assert!(place("NEW       R4  command shell") < place("WIDER     R2  command usage"));
    assert!(place("timeout: ") < place("NARROWER  "), "{text}");
    assert!(text.contains("2 ask for more, 1 of them as good as root"), "{text}");
    let document = answers(&desk, 2, &["policy", "diff", &file, &other]);
    assert_eq!(
        (&document["asks_more"], &document["to"]["driver"]),
        (&true.into(), &"directory".into())
    );
    let usage = find(&document["changes"], "id", "usage");
    assert_eq!((&usage["direction"], &usage["asks_more"]), (&"wider".into(), &true.into()));
    assert_eq!(usage["differences"][0]["what"], "timeout");
    let back = answers(&desk, 2, &["policy", "diff", &other, &file]);
    let shell = find(&back["changes"], "id", "shell");
    assert_eq!((&shell["direction"], &shell["asks_more"]), (&"gone".into(), &false.into()));
    let same = desk.run(&["policy", "diff", "home", &file]);
    assert_eq!((same.code, same.stdout.trim()), (Some(0), "they grant the same"));
    desk.fails(2, &["policy", "diff", "home", "nobody"]);
}

#[test]
fn a_trial_tells_the_least_policy() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    let (file, other) = files(&ground);
    let text = desk.fails(2, &["policy", "learn", "home"]);
    assert!(text.contains("no audit yet"), "{text}");
    trial(&desk);
    let answer = desk.run(&["policy", "learn", "home"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(answer.stdout.contains("# never used: command clone"), "{}", answer.stdout);
    assert!(answer.stdout.contains("# narrower: "), "{}", answer.stdout);
    // What is printed is a policy, asks for nothing more, and suffices for the same trial.
    fs::write(&other, &answer.stdout).unwrap();
    desk.json(&["policy", "check", &other]);
    answers(&desk, 0, &["policy", "diff", "home", &other]);
    desk.edit("abaca.toml", "home.policy.toml", "other.policy.toml");
    trial(&desk);
    let text = desk.run(&["share", "create", "two", "--size", "1"]);
    assert_eq!(text.code, Some(0), "{text:?}");
    desk.json(&["snapshot", "create", "two", "kept"]);
    let refused = desk.run(&["share", "create", "three", "--from-snapshot", "kept"]);
    assert_ne!(refused.code, Some(0), "cloning was not part of the trial: {refused:?}");
    let document = desk.json(&["policy", "learn", &file, "--audit", audit(&ground).as_str()]);
    assert!(document["policy"].as_str().unwrap().contains("[[command]]"));
    assert_eq!(find(&document["changes"], "id", "clone")["direction"], "gone");
}

/// What `just demo` does with a share.
fn demo(desk: &Desk) {
    desk.json(&["backend", "check"]);
    desk.json(&["share", "create", "papers", "--size", "2"]);
    desk.json(&["share", "extend", "papers", "--size", "3"]);
    desk.json(&["snapshot", "create", "papers", "before"]);
    desk.json(&["share", "create", "old-papers", "--from-snapshot", "before"]);
    desk.json(&["access", "allow", "papers", "user", "everyone", "--level", "ro"]);
    desk.json(&["access", "deny", "papers", "user", "everyone"]);
    desk.json(&["share", "shrink", "papers", "--size", "1"]);
    desk.json(&["share", "delete", "old-papers"]);
    desk.json(&["snapshot", "delete", "before"]);
    desk.json(&["share", "delete", "papers"]);
}

#[test]
fn the_demo_runs_under_the_policy_that_it_taught() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    let (_, other) = files(&ground);
    demo(&desk);
    let document = desk.json(&["policy", "learn", "home"]);
    assert_eq!((&document["not_granted"], &document["unknown"]), (&0.into(), &0.into()));
    let changes = document["changes"].as_array().unwrap();
    assert!(!changes.is_empty(), "the driver's policy is wider than one trial");
    for change in changes {
        let direction = change["direction"].as_str().unwrap();
        assert!(matches!(direction, "narrower" | "gone"), "{change:#}");
    }
    fs::write(&other, document["policy"].as_str().unwrap()).unwrap();
    desk.json(&["policy", "check", &other]);
    let before = answers(&desk, 0, &["policy", "simulate", &other]);
    desk.edit("abaca.toml", "home.policy.toml", "other.policy.toml");
    demo(&desk);
    let after = answers(&desk, 0, &["policy", "simulate", "home"]);
    assert!(after["requests"].as_u64() > before["requests"].as_u64(), "{after}");
    assert_eq!(after["counts"]["same"], after["requests"]);
}

fn audit(ground: &Ground) -> String {
    ground.state().join("home/audit.jsonl").to_str().unwrap().to_owned()
}

#[test]
fn old_requests_are_decided_again() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    let (_, other) = files(&ground);
    trial(&desk);
    let same = answers(&desk, 0, &["policy", "simulate", "home"]);
    assert!(same["requests"].as_u64().unwrap() > 5, "{same}");
    assert_eq!(same["counts"]["same"], same["requests"]);
    // Files that were closed are read as well, and what is looked at may be chosen.
    let file = Path::new(&audit(&ground)).to_owned();
    fs::rename(&file, file.with_file_name("audit.000001.jsonl")).unwrap();
    let closed = answers(&desk, 0, &["policy", "simulate", "home"]);
    assert_eq!(closed["requests"], same["requests"]);
    let before = ["policy", "simulate", "home", "--until", "2001-01-01T00:00:00Z"];
    assert_eq!(answers(&desk, 0, &before)["requests"], 0);
    fs::rename(file.with_file_name("audit.000001.jsonl"), &file).unwrap();
    // Without one verb, and two rules under other names, of which one is about its own only.
    let policy = ground
        .directory_policy()
        .replace("verbs = [\"make-dir\", \"list\"]", "verbs = [\"make-dir\"]")
        .replace("id = \"measure\"", "id = \"room\"")
        .replace("id = \"take-snapshot\"", "id = \"copy\"");
    fs::write(&other, policy).unwrap();
    let audit = audit(&ground);
    let words = ["policy", "simulate", "--audit", &audit, &other];
    let document = answers(&desk, 2, &words);
    let differences = &document["differences"];
    let measured = find(differences, "outcome", "another-rule");
    assert_eq!((&measured["was"], &measured["now"]), (&"measure".into(), &"room".into()));
    let copied = find(differences, "was", "take-snapshot");
    assert_eq!(copied["outcome"], "unknown", "{copied}");
    assert!(copied["now"].as_str().unwrap().contains("the backend's own"), "{copied}");
    assert_eq!(find(differences, "outcome", "denied-now")["import"], "files.list");
    let text = desk.run(&words).stdout;
    assert!(text.contains("denied now: files.list shares:"), "{text}");
    // What was denied, what an audit has only in part, and what is none of its lines.
    let line = |event: &str, asked: &[&str]| {
        let asked = serde_json::json!(asked);
        let line = format!(
            "{{\"seq\":1,\"prev\":\"p\",\"time\":1.0,\"event\":\"{event}\",\"call\":\"c\",\
             \"import\":\"command.run\",\"asked\":{asked},\"hash\":\"\"}}"
        );
        sealed(&line, "p").0
    };
    let lines = [
        line("denied", &MEASURE),
        line("denied", &["rm", "-rf", "/"]),
        line("denied", &["rm", "\\u{202e}x"]),
        line("intent", &["cp", "aaaa… (9 bytes more)"]),
        line("outcome", &["rm", "-rf", "/"]),
        // Changed after it was written, and torn.
        line("denied", &["echo", "hello"]).replace("hello", "other"),
        "{\"torn".to_owned(),
        String::new(),
    ];
    let odd = ground.write("odd.jsonl", &lines.join("\n"));
    let odd = odd.to_str().unwrap();
    let document = answers(&desk, 2, &["policy", "simulate", "home", "--audit", odd]);
    assert_eq!(document["counts"]["granted-now"], 1, "{document:#}");
    assert_eq!(document["counts"]["same"], 2, "{document:#}");
    assert_eq!(document["counts"]["unknown"], 1, "{document:#}");
    assert_eq!(document["unsound_lines"], 2);
    for nothing in ["/nowhere/audit.jsonl", "/tmp"] {
        desk.fails(2, &["policy", "simulate", "home", "--audit", nothing]);
    }
}

#[test]
fn the_filters_of_a_share_service_are_as_good_as_root() {
    let ground = Ground::new();
    let desk = Desk::with(&ground, "this is no configuration, and none is needed");
    let data = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/rootwrap").join(name);
        path.to_str().unwrap().to_owned()
    };
    let document = answers(&desk, 2, &["policy", "lint", &data("share.filters")]);
    let filters = document["filters"].as_array().unwrap();
    let verdicts = |wanted: &str| -> Vec<&str> {
        let found = filters.iter().filter(|one| one["verdict"] == wanted);
        found.map(|one| one["name"].as_str().unwrap()).collect()
    };
    assert_eq!(filters.len(), 52);
    assert_eq!(verdicts("bounded"), ["stat", "df", "ls"]);
    assert!(verdicts("unproved").iter().all(|name| name.starts_with("mm")), "{document:#}");
    for name in [
        "chown",
        "cat",
        "dd",
        "find",
        "ip",
        "mount",
        "rsync",
        "ssh",
        "shcat",
        "rmconf",
        "dbus-addexport",
    ] {
        assert!(verdicts("root-equivalent").contains(&name), "{name}");
        let filter = find(&document["filters"], "name", name);
        assert!(!filter["reasons"][0].as_str().unwrap().is_empty());
        assert!(!filter["instead"].as_str().unwrap().is_empty(), "{filter}");
    }
    let document = answers(&desk, 2, &["policy", "lint", &data("classes.filters")]);
    for (name, verdict, reason) in [
        ("from-default", "bounded", "any arguments"),
        ("by-path", "root-equivalent", "set-user-ID"),
        ("by-other", "unproved", "nobody"),
        ("with-words", "bounded", "not looked at"),
        ("unheard-of", "unproved", "manual"),
        ("any-text", "root-equivalent", "any text"),
        ("alternatives", "root-equivalent", "outside of a group"),
        ("grouped", "bounded", "newline"),
        ("split-by-comma", "root-equivalent", "commas"),
        ("climbing", "root-equivalent", "`..`"),
        ("fixed", "bounded", "newline"),
        ("images", "root-equivalent", "/srv/images-evil"),
        ("pinned", "unproved", "/srv/images-evil"),
        ("environment", "root-equivalent", "LD_PRELOAD"),
        ("reload", "bounded", "another process"),
        ("links", "root-equivalent", "-batch"),
        ("in-namespace", "root-equivalent", "/tmp/evil/cat"),
        ("nicely", "root-equivalent", "/tmp/evil/cat"),
        ("lvm-conf", "bounded", "nothing else"),
        ("of-yesterday", "unproved", "in silence"),
        ("twice", "root-equivalent", "any device"),
    ] {
        let filter = find(&document["filters"], "name", name);
        assert_eq!(filter["verdict"], verdict, "{filter:#}");
        assert!(filter["reasons"].to_string().contains(reason), "{reason}: {filter:#}");
    }
    assert!(document["faults"][0].as_str().unwrap().contains("`twice`"), "{document:#}");
    let harmless = ground.write("harmless.filters", "[Filters]\ndf: CommandFilter, df, root\n");
    let answer = desk.run(&["policy", "lint", harmless.to_str().unwrap()]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(answer.stdout.contains("privsep-helper"), "{}", answer.stdout);
    let misspelt = ground.write("misspelt.filters", "[Filter]\ndf: CommandFilter, df, root\n");
    let misspelt = answers(&desk, 2, &["policy", "lint", misspelt.to_str().unwrap()]);
    assert_eq!(misspelt["filters"].as_array().map(Vec::len), Some(0), "{misspelt:#}");
    // It is no policy, and is never taken for one.
    desk.fails(2, &["policy", "check", &data("share.filters")]);
    desk.fails(2, &["policy", "lint", "/nowhere/share.filters"]);
}
