//! What one policy asks for more than another: 200 pairs and more that differ by one notch, in
//! every kind of matcher, every key of every rule, files verbs and roots.

mod notches;

use proptest::prelude::*;

use self::notches::{KEYS, NOTCHES, OF_SEVERAL_RULES, OTHERS, PLACES};
use super::manifest::asked;
use super::{everything, source_of_x, words};
use crate::{Change, Diff, Direction, Manifest, Policy, RiskClass, Subject};

/// The policy of `source_of_x` with three more types.
fn x(args: &str) -> Policy {
    Policy::parse(&source(args), "x.toml").unwrap_or_else(|error| panic!("{args}: {error}"))
}

fn source(args: &str) -> String {
    let types = "[types.longer]\nfirst = \"a-z\"\nrest = \"a-z\"\nmax = 10\n\
         [types.mixed]\nfirst = \"a-z\"\nrest = \"a-z0-9\"\nmax = 8\n\
         [types.upper]\nfirst = \"A-Za-z\"\nrest = \"a-z\"\nmax = 8\n[types.d]";
    let uses =
        "{ name = \"d\" }, { name = \"longer\" }, { name = \"mixed\" }, { name = \"upper\" }";
    source_of_x(&[args]).replacen("[types.d]", types, 1).replacen("{ name = \"d\" }", uses, 1)
}

/// The only change of a diff.
fn only(diff: &Diff) -> &Change {
    assert_eq!(diff.changes.len(), 1, "{diff:#?}");
    &diff.changes[0]
}

/// The new policy is wider in this rule and in this key, and nowhere else; and the other way
/// round it is narrower.
fn one_notch(narrow: &Policy, wide: &Policy, rule: &str, key: &str) {
    for (old, new, direction) in
        [(narrow, wide, Direction::Wider), (wide, narrow, Direction::Narrower)]
    {
        let diff = old.diff(new);
        let change = only(&diff);
        assert_eq!((change.direction, &*change.id), (direction, rule), "{change:#?}");
        assert_eq!(diff.asks_more, direction == Direction::Wider, "{diff:#?}");
        assert_eq!(change.asks_more, diff.asks_more, "{diff:#?}");
        assert!(change.was.is_none() && !change.differences.is_empty(), "{change:#?}");
        for difference in &change.differences {
            assert_eq!(difference.direction, direction, "{change:#?}");
            assert!(difference.from != difference.to, "{change:#?}");
        }
        let is_told = change.differences.iter().any(|difference| difference.what.contains(key));
        assert!(is_told, "{key} is not in {change:#?}");
        assert_eq!(old.diff(new).asks_more, !old.covers(new));
    }
    assert!(narrow.diff(narrow).changes.is_empty() && wide.diff(wide).changes.is_empty());
}

/// The same of the manifests of which these policies come: as vendors write them, where their roots
/// are known, and when they are bound.
fn one_notch_of_manifests(narrow: &str, wide: &str, rule: &str) {
    let ((narrow, paths), (wide, _)) = (asked(narrow), asked(wide));
    let [narrow, wide] = [narrow, wide].map(|source| Manifest::parse(&source, "m.toml").unwrap());
    for (old, new, direction) in
        [(&narrow, &wide, Direction::Wider), (&wide, &narrow, Direction::Narrower)]
    {
        let asks_more = direction == Direction::Wider;
        let [was, is] = [old, new].map(|manifest| manifest.bind(&paths).unwrap().policy);
        for diff in [old.diff(new), old.diff_bound(&paths, new, &paths), was.diff(&is)] {
            let change = only(&diff);
            assert_eq!((change.direction, &*change.id), (direction, rule), "{change:#?}");
            assert_eq!((diff.asks_more, change.asks_more), (asks_more, asks_more), "{diff:#?}");
        }
        assert_eq!((old.covers(new), was.covers(&is)), (!asks_more, !asks_more));
    }
}

/// The policy that has everything, after an edit.
fn edited(from: &str, to: &str) -> Policy {
    assert!(super::EVERYTHING.contains(from), "{from}");
    let source = super::EVERYTHING.replacen(from, to, 1);
    Policy::parse(&source, "e.toml").unwrap_or_else(|error| panic!("{to}: {error}"))
}

#[test]
fn two_hundred_pairs_that_differ_by_one_notch() {
    let mut pairs = 0;
    for (narrow, wide, aspect, common, beyond) in NOTCHES {
        for (place, line) in PLACES {
            let lines = [narrow, wide].map(|matcher| place.replace('@', matcher));
            let [narrow, wide] = [&lines[0], &lines[1]].map(|line| x(line));
            one_notch(&narrow, &wide, "x0", aspect);
            one_notch_of_manifests(&source(&lines[0]), &source(&lines[1]), "x0");
            // The notch is what it is said to be: sampled values agree.
            let granted = |policy: &Policy, word: &str| {
                let line: Vec<String> = line.iter().map(|one| one.replace('@', word)).collect();
                policy.decide_command("x", &line).ok().map(|grant| grant.argv)
            };
            let runs = granted(&wide, common);
            assert!(runs.is_some() && runs == granted(&narrow, common), "{common} {place}");
            assert!(granted(&narrow, beyond).is_none(), "{beyond} {place}");
            assert!(granted(&wide, beyond).is_some(), "{beyond} {place}");
            pairs += 1;
        }
    }
    for (one, other, aspect) in OTHERS {
        for (place, _) in PLACES {
            let [one, other] = [one, other].map(|matcher| x(&place.replace('@', matcher)));
            for (old, new) in [(&one, &other), (&other, &one)] {
                let diff = old.diff(new);
                let change = only(&diff);
                assert_eq!(change.direction, Direction::Changed, "{change:#?}");
                assert!(change.asks_more && diff.asks_more, "{change:#?}");
                let is_told = change.differences.iter().any(|one| one.what.contains(aspect));
                assert!(is_told, "{aspect} is not in {change:#?}");
            }
            pairs += 1;
        }
    }
    for (from, to, rule, key) in KEYS {
        let edited = edited(from, to);
        let (narrow, wide, key) = match key.strip_prefix('!') {
            Some(key) => (edited, everything(), key),
            None => (everything(), edited, key),
        };
        if OF_SEVERAL_RULES.contains(&from) {
            let (there, back) = (narrow.diff(&wide), wide.diff(&narrow));
            assert!(there.changes.iter().all(|one| one.direction == Direction::Wider));
            assert!(back.changes.iter().all(|one| one.direction == Direction::Narrower));
            let change = there.changes.iter().find(|change| change.id == rule);
            let is_told = change.unwrap().differences.iter().any(|one| one.what == key);
            assert!(is_told && there.asks_more && !back.asks_more, "{key}");
        } else {
            one_notch(&narrow, &wide, rule, key);
        }
        pairs += 1;
    }
    assert!(pairs >= 200, "{pairs} pairs");
}

#[test]
fn mounts_and_users_are_compared_as_well() {
    let with = |rule: &str, more: &str| {
        let stdout = "stdout-max = \"1MiB\"";
        let source = super::EVERYTHING.replacen(stdout, &format!("{stdout}\n{more}"), 1);
        let source = format!(
            "{source}[[mount]]\nid = \"bound\"\nsource = {{ path = {{ root = \"snapshots\", \
             leaf = \"dir\", name = \"snapshot\" }} }}\nplace = {{ root = \"shares\", name = \"share\" }}\n\
             filesystem = [\"bind\"]\n{rule}\n"
        );
        Policy::parse(&source, "m.toml").unwrap_or_else(|error| panic!("{error}"))
    };
    let narrow = with("options = { must = [\"ro\"] }", "");
    one_notch(&narrow, &with("options = { any = [\"ro\"] }", ""), "bound", "options.");
    let many = with("options = { must = [\"ro\"], any = [\"noexec\"] }", "");
    one_notch(&narrow, &many, "bound", "options.any");
    for key in ["suid", "dev"] {
        let wide = with(&format!("options = {{ must = [\"ro\"] }}\n{key} = true"), "");
        one_notch(&narrow, &wide, "bound", key);
    }
    let other = with("options = { must = [\"ro\"] }", "user = \"nobody\"");
    for (old, new) in [(&narrow, &other), (&other, &narrow)] {
        let diff = old.diff(new);
        let change = only(&diff);
        assert_eq!((change.direction, change.asks_more), (Direction::Changed, true));
        assert!(change.differences.iter().any(|one| one.what == "user"), "{change:#?}");
    }
    let suid = with("suid = true", "");
    assert_eq!(suid.mount_risk(&suid.mounts()[0]).class, RiskClass::R4);
    assert_eq!(narrow.mount_risk(&narrow.mounts()[0]).class, RiskClass::R2);
    let diff = everything().diff(&narrow);
    let change = only(&diff);
    assert_eq!((change.direction, change.subject), (Direction::New, Subject::Mount));
}

#[test]
fn rules_and_roots_come_and_go() {
    let rule = "[[command]]\nid = \"more\"\nprogram = \"/usr/sbin/zfs\"\nargs = [\"receive\", \"tank/a\"]\n";
    let files = "[[files]]\nid = \"kept\"\nroot = \"snapshots\"\nverbs = [\"list\"]\n";
    for (text, subject, id, class) in [
        (rule, Subject::Command, "more", RiskClass::R4),
        (files, Subject::Files, "kept", RiskClass::R0),
    ] {
        let more = Policy::parse(&(super::EVERYTHING.to_owned() + text), "more.toml").unwrap();
        let diff = everything().diff(&more);
        let change = only(&diff);
        assert_eq!((change.direction, change.subject, &*change.id), (Direction::New, subject, id));
        assert!(diff.asks_more && change.asks_more);
        assert_eq!(change.risk.class, class, "{change:#?}");
        let diff = more.diff(&everything());
        let change = only(&diff);
        assert_eq!((change.direction, change.subject, &*change.id), (Direction::Gone, subject, id));
        assert!(!diff.asks_more && !change.asks_more);
    }
    let elsewhere = edited("/srv/abaca/shares", "/srv/others");
    let diff = everything().diff(&elsewhere);
    let change = only(&diff);
    assert_eq!((change.direction, change.subject), (Direction::Changed, Subject::Root));
    assert_eq!(change.differences[0].to.as_deref(), Some("/srv/others"));
    assert!(diff.asks_more);
}

#[test]
fn a_rule_is_known_by_what_it_grants() {
    // Another name asks for nothing more, and a narrower rule may have any name.
    assert!(everything().diff(&edited("id = \"clone\"", "id = \"copy\"")).changes.is_empty());
    let renamed = super::EVERYTHING
        .replace("id = \"clone\"", "id = \"copy\"")
        .replace("timeout = \"10m\"", "timeout = \"9m\"");
    let renamed = Policy::parse(&renamed, "r.toml").unwrap();
    let diff = everything().diff(&renamed);
    let change = only(&diff);
    assert_eq!((change.direction, change.was.as_deref()), (Direction::Narrower, Some("clone")));
    // A name that now means another program hides nothing.
    let taken = edited("program = \"/usr/bin/cp\"", "program = \"/opt/bin/cp\"");
    let diff = everything().diff(&taken);
    let change = only(&diff);
    assert_eq!((change.direction, change.asks_more), (Direction::Changed, true));
    assert_eq!(change.differences[0].what, "program");
    // A verb that goes from one rule to another asks for nothing more.
    let one = "schema = 1\ndriver = \"d\"\n[roots.r]\npath = \"/r\"\n\
         [[files]]\nid = \"a\"\nroot = \"r\"\nverbs = [\"list\", \"remove\"]\n\
         [[files]]\nid = \"b\"\nroot = \"r\"\nverbs = [\"usage\"]\n";
    let moved = one.replace("\"list\", ", "").replace("\"usage\"", "\"usage\", \"list\"");
    let [one, moved] = [one, &moved].map(|source| Policy::parse(source, "f.toml").unwrap());
    let diff = one.diff(&moved);
    assert!(!diff.asks_more && diff.changes.iter().all(|change| !change.asks_more), "{diff:#?}");
}

#[test]
fn a_rule_of_a_manifest_is_as_dangerous_as_where_its_root_is() {
    let (narrow, _) = asked(&source("\"ab\"").replace("read = [\"r\"]", "write = [\"r\"]"));
    let wide = narrow.replace("[\"ab\"]", "[{ one-of = [\"ab\", \"cd\"] }]");
    let [old, new] = [&narrow, &wide].map(|text| Manifest::parse(text, "m.toml").unwrap());
    for (path, class) in [("/srv/r", RiskClass::R1), ("/etc/cron.d", RiskClass::R4)] {
        let paths = [("r".to_owned(), path.to_owned())].into();
        let diff = old.diff_bound(&paths, &new, &paths);
        let change = only(&diff);
        assert_eq!((change.direction, change.risk.class), (Direction::Wider, class), "{change:#?}");
        let bound = new.bind(&paths).unwrap().policy;
        assert_eq!(bound.command_risk(bound.command(&change.id).unwrap()), change.risk);
    }
}

#[test]
fn the_most_dangerous_comes_first() {
    let new = super::EVERYTHING
        .replace("timeout = \"10m\"", "timeout = \"11m\"")
        .replace("verbs = [\"list\", \"make-dir\"]", "verbs = [\"make-dir\"]")
        .replace("max = \"10TiB\"", "max = \"11TiB\"")
        + "[[command]]\nid = \"shell\"\nprogram = \"/bin/sh\"\nargs = []\nroot-equivalent = \"why\"\n";
    let diff = everything().diff(&Policy::parse(&new, "n.toml").unwrap());
    let order: Vec<_> =
        diff.changes.iter().map(|change| (change.risk.class, &*change.id)).collect();
    assert_eq!(order[0], (RiskClass::R4, "shell"));
    assert_eq!(
        diff.changes.last().map(|change| (&*change.id, change.asks_more)),
        Some(("share-root", false))
    );
    assert!(diff.changes[0].risk.reasons[0].why.contains("runs other programs"), "{diff:#?}");
    let wider: Vec<_> = diff.changes.iter().filter(|one| one.asks_more).collect();
    assert!(wider.windows(2).all(|two| two[0].risk.class >= two[1].risk.class), "{order:?}");
    assert_eq!(wider.len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any two policies of the table: more is asked for exactly where `covers` says no, every
    /// word that is said to be no more is granted as before, and what is wider one way is
    /// narrower the other way.
    #[test]
    fn a_diff_agrees_with_sampled_words(
        a in 0..NOTCHES.len(), b in 0..NOTCHES.len(), wide_a: bool, wide_b: bool, place in 0..PLACES.len(),
    ) {
        let matcher = |at: usize, wide: bool| if wide { NOTCHES[at].1 } else { NOTCHES[at].0 };
        let (args, line) = PLACES[place];
        let old = x(&args.replace('@', matcher(a, wide_a)));
        let new = x(&args.replace('@', matcher(b, wide_b)));
        let diff = old.diff(&new);
        prop_assert_eq!(diff.asks_more, !old.covers(&new));
        prop_assert_eq!(diff.asks_more, diff.changes.iter().any(|change| change.asks_more));
        let back = new.diff(&old);
        prop_assert_eq!(diff.changes.len(), back.changes.len());
        for (there, here) in diff.changes.iter().zip(&back.changes) {
            let opposite = match there.direction {
                Direction::Wider => Direction::Narrower,
                Direction::Narrower => Direction::Wider,
                other => other,
            };
            prop_assert_eq!(here.direction, opposite);
        }
        for word in NOTCHES.iter().flat_map(|(.., common, beyond)| [common, beyond]) {
            let line: Vec<String> = words(line).iter().map(|one| one.replace('@', word)).collect();
            let before = old.decide_command("x", &line).ok().map(|grant| grant.argv);
            let after = new.decide_command("x", &line).ok().map(|grant| grant.argv);
            if !diff.asks_more {
                prop_assert!(after.is_none() || after == before, "{:?}", line);
            }
        }
    }
}

#[test]
fn a_secret_that_is_revealed_is_new_and_dangerous() {
    let with = |options: &str| {
        let source = format!("schema = 1\ndriver = \"d\"\n{options}");
        Policy::parse(&source, "s.toml").unwrap_or_else(|error| panic!("{error}"))
    };
    let (none, one) = (with(""), with("[options]\nreveal = [\"token\"]\n"));
    let diff = none.diff(&one);
    let change = only(&diff);
    assert_eq!((change.direction, change.subject), (Direction::New, Subject::Secret));
    assert_eq!((change.id.as_str(), change.risk.class), ("token", RiskClass::R3));
    assert!(diff.asks_more && change.asks_more && !none.covers(&one));
    let back = one.diff(&none);
    assert_eq!((only(&back).direction, back.asks_more), (Direction::Gone, false));
    assert!(one.risks().iter().any(|rated| rated.subject == Subject::Secret));
}
