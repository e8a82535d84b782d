//! What is granted, and what exactly runs.

use std::time::Duration;

use super::{everything, words};
use crate::{Argument, GuestPath, Leaf, Pass, PathArgument, Policy, Verb, Verdict};

#[test]
fn a_command_is_rebuilt_from_its_rule() {
    let policy = everything();
    let args = words(&["--archive", "--", "snapshots:snap-1", "shares:share-1"]);
    let grant = policy.decide_command("cp", &args).unwrap();
    assert_eq!(grant.rule.program, "/usr/bin/cp");
    assert_eq!(
        grant.argv.last(),
        Some(&Argument::Path(PathArgument {
            root: "shares".to_owned(),
            components: words(&["share-1"]),
            leaf: Leaf::New,
            pass: Pass::Fd,
        }))
    );
    let shown: Vec<String> = grant.argv.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["--archive", "--", "<snapshots>/snap-1", "<shares>/share-1"]);
    let value = |label: &str, canonical: &str| (label.to_owned(), canonical.to_owned());
    assert_eq!(
        grant.values,
        [value("snapshot", "snapshots:snap-1"), value("share", "shares:share-1")]
    );
}

#[test]
fn optional_flags_come_and_go_in_their_place() {
    let policy = everything();
    for (given, runs) in [
        (&["-L", "10G", "-n", "v", "--", "vg_shares"][..], "-L 10737418240b -n v -- vg_shares"),
        (
            &["-L", "1M", "-n", "v", "--type", "linear", "--", "vg_shares"],
            "-L 1048576b -n v --type linear -- vg_shares",
        ),
    ] {
        let grant = policy.decide_command("lvcreate", &words(given)).unwrap();
        let argv: Vec<String> = grant.argv.iter().map(ToString::to_string).collect();
        assert_eq!(argv.join(" "), runs);
    }
    for refused in [
        &["-n", "v", "-L", "10G", "--", "vg_shares"][..],
        &["-L", "10G", "-n", "v", "--type", "--", "vg_shares"],
        &["-L", "10G", "-n", "v", "--type", "mirror", "--", "vg_shares"],
        &["-L", "10G", "-n", "v", "--type", "linear", "--type", "linear", "--", "vg_shares"],
        &["-L", "10G", "-n", "v", "--"],
        &["-L", "10G", "-n", "v", "--", "vg_shares", "x"],
        &["-L10G", "-n", "v", "--", "vg_shares"],
    ] {
        assert!(policy.decide_command("lvcreate", &words(refused)).is_err(), "{refused:?}");
    }
}

#[test]
fn limits_come_from_the_rule_then_the_defaults_then_us() {
    let policy = everything();
    let clone = policy.command("clone").unwrap();
    assert_eq!(
        (clone.timeout, clone.caps.as_slice()),
        (Duration::from_secs(600), &["CHOWN", "FOWNER"][..])
    );
    let export = policy.command("export").unwrap();
    assert_eq!((export.timeout, export.caps.as_slice()), (Duration::from_secs(10), &["CHOWN"][..]));
    assert_eq!((export.stdout_max, export.stderr_max, export.stdin_max), (1 << 20, 65_536, 0));
}

#[test]
fn a_rule_reads_like_a_command_line() {
    let policy = everything();
    let shown: Vec<String> = policy.commands().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "cp --archive -- <snapshots/NAME:snapshot dir> <shares/NAME:share new>",
            "lvcreate -L <SIZE:1MiB..10TiB> -n <NAME:share> [--type <linear|striped>] -- vg_shares",
            "exportfs -o <ro,[hard],[sync]> <shares/a/b/NAME:share file> <shares root>",
        ]
    );
}

#[test]
fn a_denial_names_the_nearest_rule_and_the_word() {
    let denial = everything()
        .decide_command("cp", &words(&["--archive", "--", "snapshots:../x", "shares:a"]))
        .unwrap_err();
    assert_eq!(denial.rule.as_deref(), Some("clone"));
    assert_eq!(
        denial.reason,
        r#"argument 3 should be <snapshots/NAME:snapshot dir>, not "snapshots:../x""#
    );
}

#[test]
fn an_explanation_goes_through_all_rules() {
    let policy = everything();
    let explanation =
        policy.explain_command("cp", &words(&["--archive", "--", "snapshots:s", "shares:a"]));
    assert_eq!(explanation.outcome.as_deref(), Ok("clone"));
    assert!(matches!(explanation.rules[0].verdict, Verdict::Matched { .. }));
    assert!(matches!(explanation.rules[1].verdict, Verdict::Refused { at: None, .. }));
    assert!(explanation.to_string().starts_with("granted by `clone`\n  clone: matches"));

    let refused = policy.explain_command("cp", &words(&["--archive", "-R"]));
    assert!(matches!(refused.rules[0].verdict, Verdict::Refused { at: Some(1), .. }));
    assert!(policy.explain_command("cp", &words(&["a\nb"])).rules.is_empty());
}

#[test]
fn files_verbs_are_granted_by_root_type_and_depth() {
    let policy = everything();
    let decide = |verb, path: &str| {
        let path = GuestPath::parse_argument(path).unwrap();
        policy.decide_files(verb, &path).map(|grant| grant.rule.id.clone()).ok()
    };
    assert_eq!(decide(Verb::MakeDir, "shares:a").as_deref(), Some("share-directories"));
    assert_eq!(decide(Verb::Remove, "shares:a/-any.NAME ").as_deref(), Some("share-directories"));
    assert_eq!(decide(Verb::MakeDir, "shares:").as_deref(), Some("share-root"));
    for (verb, path) in [
        (Verb::List, "shares:a"),
        (Verb::Remove, "shares:"),
        (Verb::MakeDir, "shares:a/b/c"),
        (Verb::MakeDir, "shares:-a"),
        (Verb::MakeDir, "shares:A"),
        (Verb::MakeDir, "snapshots:a"),
        (Verb::MakeDir, "others:a"),
    ] {
        assert_eq!(decide(verb, path), None, "{verb} {path}");
    }
}

#[test]
fn a_path_made_by_hand_is_checked_like_one_that_was_read() {
    let path = |components: &[&str]| GuestPath {
        root: "shares".to_owned(),
        components: words(components),
    };
    let policy = everything();
    assert!(policy.decide_files(Verb::Remove, &path(&["a", "b"])).is_ok());
    for components in [&["a", ".."][..], &["a", ""], &["a", "b/c"], &["a", "."], &["a", "\n"]] {
        assert!(policy.decide_files(Verb::Remove, &path(components)).is_err(), "{components:?}");
    }
}

#[test]
fn verbs_have_one_spelling() {
    for verb in Verb::ALL {
        assert_eq!(verb.to_string().parse(), Ok(verb));
    }
    assert!("Read".parse::<Verb>().is_err() && "".parse::<Verb>().is_err());
}

#[test]
fn the_digest_is_that_of_the_text() {
    let policy = Policy::parse("schema = 1\ndriver = \"d\"\n", "d.toml").unwrap();
    // printf 'schema = 1\ndriver = "d"\n' | sha256sum
    assert_eq!(policy.digest(), "06292bbf1c719f55f9a08e80d3c1c80a128d8e80ddb83f2210023cdf3a8762e0");
    assert_eq!(policy.driver(), "d");
}

#[test]
fn verbs_on_files_are_explained_rule_by_rule() {
    let source = super::EVERYTHING.replace(
        "verbs = [\"make-dir\", \"remove\"]",
        "verbs = [\"remove\", \"rename\"]\nowner = \"self\"",
    );
    let policy = Policy::parse(&source, "f.toml").unwrap();
    let explain = |verb, line: &[&str]| policy.explain_files(verb, &words(line));
    let granted = explain(Verb::Remove, &["shares:a/b"]);
    assert_eq!(granted.outcome.as_deref(), Ok("share-directories"));
    let Verdict::Matched { argv, values, needs, .. } = &granted.rules[0].verdict else {
        panic!("{granted}")
    };
    assert_eq!(argv, &["shares:a/b"]);
    assert_eq!(values, &[("shares:a/b".to_owned(), "/srv/abaca/shares/a/b".to_owned())]);
    assert!(needs[0].contains("a/b"), "{needs:?}");
    assert_eq!(
        granted.rules[1].verdict.to_string(),
        "is for list, make-dir, not remove",
        "every rule says why not"
    );
    let two = explain(Verb::Rename, &["shares:a", "shares:b"]);
    assert_eq!(two.outcome.as_deref(), Ok("share-directories + share-directories"));
    let denied = explain(Verb::Remove, &["shares:a/b/c"]);
    assert!(denied.outcome.is_err());
    assert_eq!(
        denied.rules[0].verdict.to_string(),
        "argument 1 should be <shares/NAME:share 2 deep own>, not \"shares:a/b/c\""
    );
    for (verb, line) in [
        (Verb::Rename, &["shares:a"][..]),
        (Verb::List, &[]),
        (Verb::List, &["shares:a", "shares:b"]),
        (Verb::List, &["/etc"]),
        (Verb::List, &["shares:../etc"]),
    ] {
        let refused = explain(verb, line);
        assert!(refused.outcome.is_err() && refused.rules.is_empty(), "{line:?}: {refused}");
    }
}
