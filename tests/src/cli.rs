//! The `abaca` command: what it answers, its exit codes, and what it refuses before anything is
//! changed.

mod driver_new;
mod dummy;
mod locks;
mod policy;

use std::fs;

use crate::support::{Desk, Ground, component, programs, tree};

#[test]
fn a_share_lives_by_commands() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    desk.json(&["backend", "check"]);
    for name in ["one", "two", "three"] {
        let made = desk.json(&["share", "create", name, "--size", "1"]);
        assert_eq!((&made["name"], &made["status"]), (&name.into(), &"available".into()));
        let location = made["export_locations"][0].as_str().unwrap();
        fs::write(format!("{location}/file"), name).unwrap();
    }
    desk.json(&["snapshot", "create", "one", "kept"]);
    let one = desk.share("one")["export_locations"][0].as_str().unwrap().to_owned();
    fs::write(format!("{one}/file"), "changed").unwrap();
    desk.json(&["share", "create", "clone", "--from-snapshot", "kept"]);
    let clone = desk.share("clone")["export_locations"][0].as_str().unwrap().to_owned();
    assert_eq!(fs::read_to_string(format!("{clone}/file")).unwrap(), "one");
    assert_eq!(desk.json(&["share", "extend", "clone", "--size", "3"])["size_gib"], 3);
    assert_eq!(desk.json(&["share", "shrink", "clone", "--size", "2"])["size_gib"], 2);
    desk.json(&["access", "allow", "clone", "user", "everyone", "--level", "ro"]);
    let rules = desk.json(&["access", "list", "clone"]);
    assert_eq!(rules["rules"].as_array().unwrap().len(), 1, "{rules}");
    desk.json(&["access", "deny", "clone", "user", "everyone"]);

    // A share with snapshots is not removed, a name is not taken twice.
    let text = desk.fails(2, &["share", "delete", "one"]);
    assert!(text.contains("kept"), "{text}");
    desk.fails(2, &["share", "create", "one", "--size", "1"]);
    let text = desk.fails(2, &["share", "delete", "nobody"]);
    assert!(text.contains("nobody"), "{text}");
    desk.json(&["snapshot", "delete", "kept"]);
    for name in ["one", "two", "three", "clone"] {
        desk.json(&["share", "delete", name]);
    }
    assert!(tree(&ground.shares()).is_empty() && tree(&ground.snapshots()).is_empty());
    assert_eq!(desk.json(&["share", "list"])["shares"].as_array().unwrap().len(), 0);
}

#[test]
fn a_misspelt_key_is_found_before_anything_is_done() {
    let ground = Ground::new();
    let cases = [
        ("abaca.toml", "driver_handles_share_servers", "driver_handles_share_server", 9),
        ("abaca.toml", "policy = ", "polcy = ", 6),
        ("abaca.toml", "directory_export_root", "directory_export_rot", 10),
        ("abaca.toml", "schema = 1", "schema = 2", 1),
        ("home.policy.toml", "timeout = \"10s\"", "timeot = \"10s\"", 0),
        ("home.policy.toml", "accepts = [[\"df\"", "accepts = [[\"du\"", 0),
    ];
    for (file, right, wrong, line) in cases {
        let desk = Desk::home(&ground);
        desk.edit(file, right, wrong);
        let text = desk.fails(2, &["share", "create", "one", "--size", "1"]);
        assert!(text.contains(&format!("{file}:")), "{wrong}: {text}");
        if line > 0 {
            assert!(text.contains(&format!("{file}:{line}:")), "{wrong}: {text}");
        }
        if right.len() != wrong.len() {
            let key = right.split(' ').next().unwrap();
            assert!(text.contains(key), "{wrong}: the nearest key is not in {text}");
        }
        assert!(tree(&ground.shares()).is_empty());
        // The same as JSON, for programs.
        let answer = desk.run(&["share", "create", "one", "--size", "1", "--json"]);
        let document = answer.failure();
        assert_eq!(document["error"]["blame"], "operator");
        assert!(document["error"]["message"].is_string());
    }
    assert!(ground.audit("home").is_empty(), "no driver was called");
}

#[test]
fn a_driver_is_shown_before_it_is_trusted() {
    let ground = Ground::new();
    let desk = Desk::with(&ground, "this is no configuration, and none is needed");
    let file = component("abaca-driver-directory");
    let file = file.to_str().unwrap();
    let answer = desk.run(&["driver", "inspect", file]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    for word in ["directory", "Abaca", "snapshots", "command", "directory_export_root", "sha256"] {
        assert!(answer.stdout.contains(word), "{word} is not in {}", answer.stdout);
    }
    let document = desk.json(&["driver", "inspect", file]);
    let names = |key: &str| -> Vec<String> {
        let list = document[key].as_array().unwrap().iter();
        list.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(document["name"], "directory");
    assert!(names("offers").contains(&"clones".to_owned()));
    assert!(names("lacks").contains(&"managing".to_owned()));
    assert!(!names("asks_for").contains(&"http".to_owned()));
    assert_eq!(document["digest"].as_str().unwrap().len(), 64);
    let damaged = ground.write("damaged.wasm", "no component");
    desk.fails(3, &["driver", "inspect", damaged.to_str().unwrap()]);
    desk.fails(2, &["driver", "inspect", "/nowhere/driver.wasm"]);
}

#[test]
fn a_snapshot_that_the_driver_cannot_take_is_refused_before_it_is_called() {
    let ground = Ground::new();
    ground.write("minimal.policy.toml", "schema = 1\ndriver = \"minimal\"\n");
    let text = Desk::text(&ground, "minimal", &component("abaca-guest-minimal"));
    let desk = Desk::with(&ground, &text);
    desk.json(&["share", "create", "one", "--size", "1"]);
    let before = ground.audit("minimal").len();
    let text = desk.fails(2, &["snapshot", "create", "one", "kept"]);
    assert!(text.contains("`snapshots`") && text.contains("minimal"), "{text}");
    let after = ground.audit("minimal");
    let calls: Vec<_> = after.iter().skip(before).filter(|line| line["event"] == "call").collect();
    assert!(calls.iter().all(|line| line["method"] != "create-snapshot"), "{calls:?}");
    let list = desk.json(&["snapshot", "list"]);
    assert_eq!(list["snapshots"].as_array().unwrap().len(), 0, "{list}");
}

#[test]
fn a_policy_explains_itself() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    let file = ground.path().join("home.policy.toml");
    let file = file.to_str().unwrap();
    desk.json(&["policy", "check", file]);
    let granted = ["df", "--output=size,avail", "--block-size=1", "--", "shares:"];
    let answer = desk.run(&[&["policy", "explain", file, "--"], &granted[..]].concat());
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(answer.stdout.contains("measure"), "{}", answer.stdout);
    for who in [file, "home", "directory"] {
        let answer = desk.run(&["policy", "explain", who, "--", "rm", "-rf", "/"]);
        assert_eq!(answer.code, Some(2), "{who}: {answer:?}");
    }
}

#[test]
fn a_policy_tells_of_mounts_and_users() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    let file = ground.write(
        "other.policy.toml",
        r#"
schema = 1
driver = "other"
[roots.shares]
path = "/srv/shares"
filesystem = "xfs"
mount-options = ["nosuid"]
[types.share]
first = "a-z"
rest = "a-z"
max = 9
[[command]]
id = "say"
program = "/usr/bin/echo"
args = ["hello"]
user = "nobody"
[[mount]]
id = "volume"
source = { device = { group = "vg", name = "share", pass = "dev" } }
place = { root = "shares", name = "share" }
filesystem = ["xfs"]
options = { any = ["ro"] }
suid = true
root-equivalent = "volumes are ours"
"#,
    );
    let file = file.to_str().unwrap();
    let told = desk.json(&["policy", "check", file]);
    assert_eq!(told["commands"][0]["user"], "nobody");
    let mount = &told["mounts"][0];
    assert_eq!(
        (&mount["suid"], &mount["root_equivalent"]),
        (&true.into(), &"volumes are ours".into())
    );
    let text = desk.run(&["policy", "check", file]).stdout;
    let rule = "<vg/NAME:share device> at <shares/NAME:share dir> as xfs with nodev,[ro]";
    for word in ["nobody", rule, "set-user-ID programs work in it", "xfs nosuid"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let explain = |words: &[&str]| desk.run(&[&["policy", "explain", file, "--"], words].concat());
    assert!(explain(&["echo", "hello"]).stdout.contains("as the user nobody"));
    let granted = explain(&["mount", "vg/one", "shares:one", "xfs", "ro"]);
    assert_eq!(granted.code, Some(0), "{granted:?}");
    assert!(granted.stdout.contains("granted by `volume`") && granted.stdout.contains("nodev,ro"));
    let denied = explain(&["mount", "vg/one", "shares:one", "xfs", "ro,rw"]);
    assert_eq!(denied.code, Some(2), "{denied:?}");
    assert!(denied.stdout.contains("options among [ro]"), "{denied:?}");
}

#[test]
fn the_records_are_told_without_driver_and_policy() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    desk.json(&["share", "create", "one", "--size", "1"]);
    fs::remove_file(ground.path().join("home.policy.toml")).unwrap();
    desk.edit("abaca.toml", "abaca_driver_directory.wasm", "gone.wasm");
    assert_eq!(desk.share("one")["status"], "available");
    assert_eq!(desk.json(&["share", "show", "one"])["name"], "one");
    desk.fails(2, &["share", "delete", "one"]);
    assert_eq!(desk.share("one")["status"], "available", "nothing was changed");
}

#[test]
fn exit_codes_say_whose_fault_it_is() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    assert_eq!(desk.run(&["--help"]).code, Some(0));
    assert_eq!(desk.run(&["--version"]).code, Some(0));
    for wrong in [
        &[][..],
        &["share"],
        &["share", "create"],
        &["shar"],
        &["share", "create", "a", "--size", "0"],
    ] {
        assert_eq!(desk.run(wrong).code, Some(2), "{wrong:?}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let answer = desk.run(&["completions", shell]);
        assert_eq!(answer.code, Some(0));
        assert!(answer.stdout.contains("abaca"), "{shell}");
    }
    // The storage: somebody else's directory is in the way of nothing but a missing root.
    fs::remove_dir(ground.snapshots()).unwrap();
    let text = desk.fails(2, &["backend", "check"]);
    assert!(text.contains("snapshots"), "{text}");
    fs::create_dir(ground.snapshots()).unwrap();
    // The runtime: a state that is no database.
    fs::create_dir_all(ground.state().join("home")).unwrap();
    fs::write(ground.state().join("home/state.db"), "x".repeat(8192)).unwrap();
    let text = desk.fails(5, &["share", "list"]);
    assert!(text.contains("state.db"), "{text}");
}

#[test]
fn the_broker_is_found_from_where_one_is() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    for (words, code) in [(&["--broker", "abaca-broker"], 0), (&["--broker", "abaca-broke"], 5)] {
        let mut command = desk.command(&[&words[..], &["backend", "check"]].concat());
        let output = command.current_dir(programs()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
    }
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    let hostile = "a\u{1b}[2J\u{202e}b";
    let answer = desk.run(&["share", "create", hostile, "--size", "1"]);
    // Refused or escaped, as long as it does not act: `run` looks at every character.
    assert!(!answer.stdout.contains('\u{202e}') && !answer.stderr.contains('\u{202e}'));
    let answer = desk.run(&["share", "list"]);
    assert!(!answer.stdout.contains('\u{202e}'));
    let answer = desk.run(&["share", "show", hostile]);
    assert!(!answer.stderr.contains('\u{202e}'));
}
