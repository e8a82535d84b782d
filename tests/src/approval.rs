//! An operator approves what he was shown, and only that runs.

mod typed;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use abaca::policy::review;
use serde_json::Value;

use crate::manifest::MINIMAL;
use crate::support::components::{MANIFEST, with_manifest, with_section, written};
use crate::support::{Desk, Ground, component};

/// A rule that is as good as root, for the directory driver's manifest.
const ROOTED: &str = "[[command]]\nid = \"rooted\"\nprogram = \"/usr/bin/find\"\nargs = [\"x\"]\n\
                      root-equivalent = \"the vendor says so\"\n";

/// A desk whose backend `home` must be approved, and a component to approve.
fn desk(ground: &Ground, file: &std::path::Path) -> Desk {
    // It need not be said.
    let text = Desk::text(ground, "home", file).replace("approved = false\n", "");
    let export_root = format!("directory_export_root = {:?}\n", ground.shares());
    Desk::with(ground, &(text + &export_root))
}

/// The words that approve a component into `home.policy.toml`, with its roots.
fn words(ground: &Ground, file: &std::path::Path) -> Vec<String> {
    let at = |name: &str| ground.path().join(name).to_str().unwrap().to_owned();
    vec![
        "driver".to_owned(),
        "approve".to_owned(),
        file.to_str().unwrap().to_owned(),
        "--policy".to_owned(),
        at("home.policy.toml"),
        "--root".to_owned(),
        format!("shares={}", at("shares")),
        "--root".to_owned(),
        format!("snapshots={}", at("snapshots")),
    ]
}

/// The words, and more of them.
fn and<'a>(words: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    words.iter().map(String::as_str).chain(more.iter().copied()).collect()
}

fn answers(ground: &Ground, text: &str) -> String {
    ground.write("answers.toml", text).to_str().unwrap().to_owned()
}

/// What was shown without the needs in it, and without the first line, which counts them too.
fn without_needs(shown: &str) -> Vec<&str> {
    let shown = shown.split("\n\napproved: ").next().unwrap();
    let parts = shown.trim_end().split("\n\n").skip(1);
    parts.filter(|part| !part.contains("\n[needs")).collect()
}

/// A policy without its first line.
fn rules_of(policy: &str) -> Vec<&str> {
    policy.trim_end().split("\n\n").skip(1).collect()
}

fn is_written(ground: &Ground) -> bool {
    ["home.policy.toml", "home.policy.lock"].iter().any(|name| ground.path().join(name).exists())
}

#[test]
fn what_was_shown_is_written_and_runs() {
    let ground = Ground::new();
    let file = component("abaca-driver-directory");
    let desk = desk(&ground, &file);
    let answers = answers(&ground, &desk.consents(&file));
    let answer = desk.run(&and(&words(&ground, &file), &["--answers", &answers]));
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let policy = fs::read_to_string(ground.path().join("home.policy.toml")).unwrap();
    assert_eq!(without_needs(&answer.stdout), rules_of(&policy), "it is not what was shown");
    assert_eq!(review(&policy, "p").unwrap(), policy);
    assert_eq!(review(&ground.directory_policy(), "p").unwrap(), policy);
    desk.json(&["share", "create", "one", "--size", "1"]);
    // Once more: what approval wrote, it may write again.
    let document = desk.json(&and(&words(&ground, &file), &["--answers", &answers]));
    assert_eq!(document["approval"]["driver"], "directory");
    let asked = document["asked"].as_str().unwrap();
    assert_eq!(without_needs(asked), rules_of(&policy));
    assert!(document["approval"]["by"].as_str().unwrap().starts_with("uid "));
    desk.json(&["share", "delete", "one"]);
}

#[test]
fn a_backend_starts_only_as_it_was_approved() {
    let ground = Ground::new();
    let file = component("abaca-driver-directory");
    let copy = written(&ground, "copy.wasm", &fs::read(&file).unwrap());
    let desk = desk(&ground, &copy);
    let refused = |why: &str| {
        let text = desk.fails(2, &["share", "create", "one", "--size", "1"]);
        assert!(text.contains(why), "{why}: {text}");
        assert!(ground.audit("home").is_empty(), "{why}: the driver was called");
    };
    ground.write("home.policy.toml", &ground.directory_policy());
    refused("was not approved");
    fs::remove_file(ground.path().join("home.policy.toml")).unwrap();
    let answers = answers(&ground, &desk.consents(&copy));
    desk.json(&and(&words(&ground, &copy), &["--answers", &answers]));
    let kept = |name: &str| fs::read(ground.path().join(name)).unwrap();
    let (policy, lock) = (kept("home.policy.toml"), kept("home.policy.lock"));
    let restore = || {
        fs::write(ground.path().join("home.policy.toml"), &policy).unwrap();
        fs::write(ground.path().join("home.policy.lock"), &lock).unwrap();
    };
    // One comment more in the policy.
    fs::write(ground.path().join("home.policy.toml"), [&policy[..], b"# more\n"].concat()).unwrap();
    refused("it is not as it was approved");
    restore();
    // The same driver, but for one byte more.
    fs::write(&copy, with_section("abaca-driver-directory", "more", b"x")).unwrap();
    refused("the component is another one");
    fs::write(&copy, fs::read(&file).unwrap()).unwrap();
    let document: toml::Table = toml::from_str(std::str::from_utf8(&lock).unwrap()).unwrap();
    let digest = document["manifest"].as_str().unwrap().to_owned();
    desk.edit("home.policy.lock", &digest, &digest.chars().rev().collect::<String>());
    refused("the manifest is another one");
    restore();
    desk.edit("home.policy.lock", "schema = 1", "schema = 2");
    refused("no lock file of this version");
    fs::remove_file(ground.path().join("home.policy.lock")).unwrap();
    refused("was not approved");
    restore();
    desk.json(&["share", "create", "one", "--size", "1"]);
}

#[test]
fn nothing_is_approved_without_consent() {
    let ground = Ground::new();
    let file = component("abaca-driver-directory");
    let desk = desk(&ground, &file);
    let words = words(&ground, &file);
    let refused = |more: &[&str], why: &str| {
        let text = desk.fails(2, &and(&words, more));
        assert!(text.contains(why), "{why}: {text}");
        assert!(!is_written(&ground), "{why}");
    };
    refused(&[], "next: prepare --answers FILE with driver = \"directory\", manifest = \"");
    refused(&["--yes"], "--yes does for R0 and R1 only");
    let other = answers(&ground, "driver = \"dummy\"\n");
    refused(&["--answers", &other], "the answers are for the driver");
    let reason = answers(&ground, "driver = \"directory\"\n[reasons]\nclone = \"x\"\n");
    refused(&["--answers", &reason], "no rule as good as root");
    let stale = format!("driver = \"directory\"\nmanifest = \"{}\"\n", "0".repeat(64));
    let stale = answers(&ground, &stale);
    refused(&["--answers", &stale], "the answers are for another manifest");
    let unknown = answers(&ground, "driver = \"directory\"\nyes = true\n");
    refused(&["--answers", &unknown], "answers.toml:2");
    // Answers for whatever comes next are none.
    let any = answers(&ground, "driver = \"directory\"\n");
    refused(&["--answers", &any], "do not say for which manifest they are");
    let twice = answers(&ground, "driver = \"directory\"\n[roots]\nshares = \"/elsewhere\"\n");
    refused(&["--answers", &twice], "twice");
    let good = answers(&ground, &desk.consents(&file));
    refused(&["--answers", &good, "--root", "etc=/etc"], "asks for no root");
    // A root that is missing, and one within another.
    let text = desk.fails(2, &and(&words[..7], &["--answers", &good]));
    assert!(text.contains("--root snapshots=PATH"), "{text}");
    let inner = format!("snapshots={}/inner", ground.shares().display());
    let text = desk.fails(2, &and(&words[..7], &["--answers", &good, "--root", &inner]));
    assert!(text.contains("lies within"), "{text}");
    assert!(!is_written(&ground));
    // What somebody wrote by hand is not lost.
    ground.write("home.policy.toml", "by hand");
    let text = desk.fails(2, &and(&words, &["--answers", &good]));
    assert!(text.contains("by hand"), "{text}");
    assert_eq!(fs::read_to_string(ground.path().join("home.policy.toml")).unwrap(), "by hand");
}

#[test]
fn a_root_holds_nothing_of_abacas_own() {
    let ground = Ground::new();
    let file = component("abaca-driver-directory");
    let desk = desk(&ground, &file);
    let answers = answers(&ground, &desk.consents(&file));
    let words = words(&ground, &file);
    let with = |shares: &std::path::Path, policy: &std::path::Path| {
        let mut words = words.clone();
        words[4] = policy.to_str().unwrap().to_owned();
        words[6] = format!("shares={}", shares.display());
        desk.run(&and(&words, &["--answers", &answers]))
    };
    // The policy itself: a root around it is refused before it is written.
    let inner = ground.shares().join("home.policy.toml");
    let answer = with(&ground.shares(), &inner);
    assert_eq!(answer.code, Some(2), "{answer:?}");
    assert!(answer.stderr.contains("is not apart from its policy"), "{answer:?}");
    assert!(!inner.exists());
    // The rest is known when a backend is opened: the state, in or around a root.
    let policy = ground.path().join("home.policy.toml");
    fs::create_dir(ground.state().join("inner")).unwrap();
    for shares in [ground.state(), ground.state().join("inner")] {
        assert_eq!(with(&shares, &policy).code, Some(0));
        let text = desk.fails(2, &["backend", "check"]);
        assert!(
            text.contains("the root `shares`") && text.contains("apart from the state"),
            "{text}"
        );
    }
    // The configuration that the command reads, and where compiled drivers are kept.
    assert_eq!(with(&ground.shares(), &policy).code, Some(0));
    let text = fs::read_to_string(&desk.file).unwrap();
    let cached =
        text.replace("schema = 1\n", &format!("schema = 1\ncache = {:?}\n", ground.shares()));
    ground.write("abaca.toml", &cached);
    let said = desk.fails(2, &["backend", "check"]);
    assert!(said.contains("apart from the cache"), "{said}");
    let within = ground.shares().join("abaca.toml");
    let policy = format!("policy = {policy:?}\n");
    fs::write(&within, text.replace("policy = \"home.policy.toml\"\n", &policy)).unwrap();
    let said = desk.beside(within).fails(2, &["backend", "check"]);
    assert!(said.contains("apart from the configuration"), "{said}");
    desk.beside(ground.write("other.toml", &text)).json(&["backend", "check"]);
}

#[test]
fn what_others_can_change_is_not_gone_by() {
    let ground = Ground::new();
    let file = component("abaca-driver-directory");
    let desk = desk(&ground, &file);
    let answers = answers(&ground, &desk.consents(&file));
    desk.json(&and(&words(&ground, &file), &["--answers", &answers]));
    let mode = |name: &str, bits| {
        let path = ground.path().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
    };
    for name in ["abaca.toml", "home.policy.toml", "home.policy.lock"] {
        for bits in [0o664, 0o646] {
            mode(name, bits);
            let text = desk.fails(2, &["backend", "check"]);
            assert!(text.contains("others may write to") && text.contains(name), "{text}");
        }
        mode(name, 0o600);
        desk.json(&["backend", "check"]);
    }
    mode(".", 0o770);
    let text = desk.fails(2, &["backend", "check"]);
    assert!(text.contains("others may write to"), "{text}");
    mode(".", 0o700);
    if rustix::process::geteuid().is_root() {
        let policy = ground.path().join("home.policy.toml");
        std::os::unix::fs::chown(policy, Some(65534), None).unwrap();
        let text = desk.fails(2, &["backend", "check"]);
        assert!(text.contains("belongs to user 65534"), "{text}");
    }
}

#[test]
fn what_is_as_good_as_root_needs_a_reason_each() {
    let ground = Ground::new();
    let bytes = with_manifest("directory", |text| {
        text.replacen("[[command]]", &format!("{ROOTED}\n[[command]]"), 1)
    });
    let file = written(&ground, "rooted.wasm", &bytes);
    let desk = desk(&ground, &file);
    let words = words(&ground, &file);
    let name = answers(&ground, &desk.consents(&file));
    let answer = desk.run(&and(&words, &["--answers", &name]));
    assert_eq!(answer.code, Some(2), "{answer:?}");
    assert!(answer.stderr.contains("[reasons] rooted = "), "{answer:?}");
    let (_, first) = answer.stdout.split_once("[[").unwrap();
    assert!(first.starts_with("command]]\nid = \"rooted\"\n"), "not first");
    let empty = format!("{}[reasons]\nrooted = \" \"\n", desk.consents(&file));
    let empty = answers(&ground, &empty);
    desk.fails(2, &and(&words, &["--answers", &empty]));
    assert!(!is_written(&ground));
    let full = format!("{}[reasons]\nrooted = \"we know it\"\n", desk.consents(&file));
    let full = answers(&ground, &full);
    let document: Value = desk.json(&and(&words, &["--answers", &full]));
    assert_eq!(document["approval"]["reasons"]["rooted"], "we know it");
    let lock = fs::read_to_string(ground.path().join("home.policy.lock")).unwrap();
    assert!(lock.contains("rooted = \"we know it\""), "{lock}");
}

#[test]
fn needs_are_shown_by_their_danger_among_the_rules() {
    let ground = Ground::new();
    let file = component("abaca-driver-dummy");
    let desk = Desk::with(&ground, &Desk::text(&ground, "dummy", &file));
    let answers = answers(&ground, &desk.consents(&file));
    let policy = ground.path().join("dummy.policy.toml");
    let (file, policy) = (file.to_str().unwrap(), policy.to_str().unwrap());
    let words = ["driver", "approve", file, "--policy", policy, "--answers", &answers];
    let shown = desk.run(&words).stdout;
    let first = shown.lines().next().unwrap();
    assert!(first.starts_with("# Rules and needs, the most dangerous first: 1 R3 ("), "{shown}");
    let secret = "# R3, reaches devices, services, secrets, or what is others': it uses the secret \
                  `dummy_secret`\n[needs.options.dummy_secret]\n";
    let place = |text: &str| shown.find(text).unwrap_or_else(|| panic!("{text}: {shown}"));
    assert!(place(secret) < place("\n# R2, ") && place("\n# R2, ") < place("\n# R0, "), "{shown}");
}

#[test]
fn a_yes_does_for_what_is_harmless() {
    let ground = Ground::new();
    let minimal = with_section("abaca-guest-minimal", MANIFEST, MINIMAL.as_bytes());
    let file: PathBuf = written(&ground, "minimal.wasm", &minimal);
    let text = Desk::text(&ground, "minimal", &file);
    let desk = Desk::with(&ground, &text);
    let policy = ground.path().join("minimal.policy.toml");
    let words = ["driver", "approve", file.to_str().unwrap(), "--policy", policy.to_str().unwrap()];
    desk.fails(2, &words);
    assert!(!policy.exists());
    desk.json(&[&words[..], &["--yes"]].concat());
    desk.json(&["share", "create", "one", "--size", "1"]);
    // Without a manifest there is nothing to approve.
    let bare = component("abaca-guest-minimal");
    let text = desk.fails(2, &["driver", "approve", bare.to_str().unwrap(), "--yes"]);
    assert!(text.contains("carries no manifest"), "{text}");
}
