//! What a manifest asks for is shown, bound and enforced as one thing; what hides is refused.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::EVERYTHING;
use crate::{BindError, Direction, MANIFEST_BYTES, Manifest, Policy, RiskClass, Subject, review};

/// Policies of real drivers.
const REAL: [&str; 3] =
    [include_str!("real/lvm.toml"), include_str!("real/zfs.toml"), include_str!("real/other.toml")];

/// The smallest manifest with one rule of each kind.
const SMALL: &str = "schema = 1\ndriver = \"small\"\n[roots.shares]\npurpose = \"the shares\"\n\
    [[command]]\nid = \"use\"\nprogram = \"/bin/du\"\nread = [\"shares\"]\n\
    args = [{ path = { root = \"shares\", leaf = \"root\" } }]\n\
    [[files]]\nid = \"look\"\nroot = \"shares\"\nverbs = [\"list\"]\n";

/// The manifest of which this policy would come, and the paths of its roots.
pub(super) fn asked(policy: &str) -> (String, BTreeMap<String, String>) {
    let mut paths = BTreeMap::new();
    let mut root: Option<String> = None;
    let mut source = String::new();
    for line in policy.lines() {
        if let Some(header) = line.strip_prefix('[') {
            root = header.strip_prefix("roots.").map(|name| name.trim_end_matches(']').to_owned());
        }
        match (&root, line.strip_prefix("path = ")) {
            (Some(root), Some(path)) => {
                paths.insert(root.clone(), path.trim_matches('"').to_owned());
                source.push_str("purpose = \"a place\"\n");
            }
            _ => source.push_str(&format!("{line}\n")),
        }
    }
    (source, paths)
}

/// What a policy grants, whatever the order of its rules.
fn granted(policy: &Policy) -> Vec<String> {
    let commands = policy.commands().iter().map(|rule| format!("{rule:?}"));
    let files = policy.files().iter().map(|rule| format!("{rule:?}"));
    let mounts = policy.mounts().iter().map(|rule| format!("{rule:?}"));
    let roots = policy.roots().map(|root| format!("{root:?}"));
    let revealed = policy.revealed().map(|option| format!("reveals {option}"));
    let mut all: Vec<_> =
        commands.chain(files).chain(mounts).chain(roots).chain(revealed).collect();
    all.sort();
    all
}

/// Shown, bound, written and read again: one and the same.
fn is_one_thing(policy: &str) {
    let (source, paths) = asked(policy);
    let manifest = Manifest::parse(&source, "m.toml").unwrap();
    let text = manifest.text();
    assert!(text.is_ascii(), "{text}");
    assert_eq!(Manifest::parse(&text, "shown").unwrap().text(), text);
    let bound = manifest.bind(&paths).unwrap();
    assert_eq!(granted(&bound.policy), granted(&Policy::parse(policy, "p.toml").unwrap()));
    assert_eq!(review(policy, "p.toml").unwrap(), bound.text);
    assert_eq!(review(&bound.text, "bound").unwrap(), bound.text);
    for rule in bound.policy.commands() {
        assert!(bound.text.contains(&format!("[[command]]\nid = \"{}\"\n", rule.id)));
    }
}

#[test]
fn what_is_asked_shown_bound_and_enforced_is_one_thing() {
    for policy in REAL.into_iter().chain([EVERYTHING]) {
        is_one_thing(policy);
    }
    let revealing = format!("{EVERYTHING}\n[options]\nreveal = [\"token\"]\n");
    is_one_thing(&revealing);
    let shown = review(&revealing, "p.toml").unwrap();
    assert!(shown.contains("[options]\nreveal = [\"token\"]"), "{shown}");
}

#[test]
fn the_most_dangerous_stands_first() {
    let (source, _) = asked(REAL[1]);
    let manifest = Manifest::parse(&source, "zfs").unwrap();
    let rules = manifest.rules().rule_risks();
    let classes: Vec<_> = rules.into_iter().map(|rule| rule.risk.class).collect();
    assert!(classes.is_sorted_by(|a, b| a >= b), "{classes:?}");
    assert_eq!((classes.first(), classes.last()), (Some(&RiskClass::R4), Some(&RiskClass::R0)));
    let text = manifest.text();
    let (before, _) = text.split_once("[[").unwrap();
    let heading = before.lines().last().unwrap();
    assert!(heading.starts_with("# R4, as good as root: "), "{text}");
}

#[test]
fn needs_stand_among_the_rules_by_their_danger() {
    let needs = "[needs]\nstate = \"1MiB\"\n\
        [needs.options.token]\npurpose = \"the key\"\nsecret = true\n\
        [needs.options.size]\npurpose = \"how large\"\n\
        [needs.remotes.filer]\npurpose = \"makes the shares\"\n";
    let rooted = "[[command]]\nid = \"rooted\"\nprogram = \"/bin/sh\"\nargs = []\n\
        root-equivalent = \"why\"\n";
    let manifest = Manifest::parse(&format!("{SMALL}{rooted}{needs}"), "m").unwrap();
    let text = manifest.text();
    assert_eq!(Manifest::parse(&text, "shown").unwrap().text(), text);
    let first = "# Rules and needs, the most dangerous first: 1 R4 (as good as root), 1 R3 (";
    assert!(text.starts_with(first), "{text}");
    let paths = BTreeMap::from([("shares".to_owned(), "/srv/shares".to_owned())]);
    let bound = manifest.bind(&paths).unwrap();
    for text in [&text, &bound.shown] {
        let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
        let order = [
            "id = \"rooted\"",
            ": it uses the secret `token`\n[needs.options.token]\n",
            ": it runs programs on other machines\n[needs.remotes.filer]\n",
            ": it keeps a state of its own\n[needs]\n",
            "id = \"use\"",
        ];
        assert!(order.map(place).is_sorted(), "{text}");
        assert!(text.contains("# R0, asks only\n[needs.options.size]\n"), "{text}");
    }
    // Without the needs, and without what the first line counts, it is what is enforced.
    let parts = |text: &str| -> Vec<String> {
        let parts = text.trim_end().split("\n\n").skip(1);
        parts.filter(|part| !part.contains("\n[needs")).map(str::to_owned).collect()
    };
    assert_eq!(parts(&bound.shown), parts(&bound.text));
}

#[test]
fn where_a_root_is_bound_says_how_dangerous_its_rules_are() {
    let writing = SMALL.replace("\"list\"", "\"write\"").replace("verbs", "name = \"n\"\nverbs")
        + "[types.n]\nfirst = \"a-z\"\nrest = \"a-z\"\nmax = 8\n";
    let manifest = Manifest::parse(&writing, "m").unwrap();
    let first = |path: &str| {
        let paths = BTreeMap::from([("shares".to_owned(), path.to_owned())]);
        let bound = manifest.bind(&paths).unwrap();
        assert_eq!(review(&bound.text, "bound").unwrap(), bound.text);
        let first = bound.policy.rule_risks().swap_remove(0);
        let heading = format!("# {}, {}", first.risk.class, first.risk.class.meaning());
        assert!(bound.text.contains(&heading), "{}", bound.text);
        (first.subject, first.risk.class)
    };
    assert_eq!(first("/srv/shares"), (Subject::Files, RiskClass::R2));
    assert_eq!(first("/etc/cron.d"), (Subject::Files, RiskClass::R4));
}

#[test]
fn what_hides_is_refused() {
    let refused = |source: &str, why: &str| {
        let error = Manifest::parse(source, "m.toml").unwrap_err().to_string();
        assert!(error.contains(why), "{why}: {error}");
    };
    let with = |from: &str, to: &str| {
        assert!(SMALL.contains(from));
        SMALL.replacen(from, to, 1)
    };
    refused(&with("the shares", "the\0shares"), "invisible");
    refused(&with("the shares", "the \u{202e}shares"), "invisible");
    refused(&with("the shares", "the \\u202eshares"), "invisible");
    refused(&with("the shares", "the \\u0000shares"), "invisible");
    refused(&format!("\u{feff}{SMALL}"), "invisible");
    refused(&format!("{SMALL}\0[[command]]\n"), "invisible");
    refused(&format!("{SMALL}---\nschema = 1\n"), "not TOML");
    // A document after the document: two sections that a linker has joined.
    refused(&format!("{SMALL}{SMALL}"), "not TOML");
    refused(&with("driver = ", "driver = \"other\"\ndriver = "), "not TOML");
    refused(&with("read = ", "read = []\nread = "), "not TOML");
    refused(&with("\"use\"", "\"us\u{435}\""), "an id cannot be");
    refused(&with("roots.shares", "roots.sh\u{430}res"), "not TOML");
    refused(&with("roots.shares", "roots.\"sh\u{430}res\""), "a root's name cannot be");
    refused(&with("purpose", "path"), "unknown key in a root");
    refused(&with("purpose = \"the shares\"", ""), "needs the key `purpose`");
    refused(&with("[[files]]", "[needs.secrets]\n[[files]]"), "unknown key in `needs`");
    refused(&format!("{SMALL}[needs.networks.all]\npurpose = \"x\"\n"), "unknown kind of network");
    refused(&format!("{SMALL}# {}\n", "x".repeat(MANIFEST_BYTES)), "longer than 256 KiB");
    refused(&with("the shares", &"x".repeat(1001)), "`purpose` is too long");
    let deep = format!("{SMALL}deep = {}{}\n", "[".repeat(10_000), "]".repeat(10_000));
    refused(&deep, "not TOML");
    let error = Manifest::from_bytes(b"schema = 1\ndriver = \"\xff\"", "m.toml").unwrap_err();
    assert_eq!((error.line, error.message.as_str()), (2, "not UTF-8 text"));
    let error = Policy::parse(&format!("{SMALL}[needs]\nstate = \"1B\"\n"), "p").unwrap_err();
    assert!(error.message.contains("needs"), "a policy has no needs: {error}");
}

#[test]
fn confusable_words_are_shown_escaped() {
    let source = SMALL.replace("the shares", "th\u{435} sh\u{430}res");
    let text = Manifest::parse(&source, "m").unwrap().text();
    assert!(text.contains(r#"purpose = "th\u0435 sh\u0430res""#), "{text}");
}

#[test]
fn roots_are_bound_one_and_all() {
    let manifest = Manifest::parse(SMALL, "m").unwrap();
    let bind = |paths: &[(&str, &str)]| {
        let own = |(name, path): &(&str, &str)| ((*name).to_owned(), (*path).to_owned());
        manifest.bind(&paths.iter().map(own).collect())
    };
    assert!(matches!(bind(&[]), Err(BindError::Missing(roots)) if roots.len() == 1));
    let unknown = bind(&[("shares", "/srv"), ("etc", "/etc")]);
    assert!(matches!(unknown, Err(BindError::Unknown { name, .. }) if name == "etc"));
    for wrong in ["srv", "/", "/srv/", "/srv/../etc", "/bin", "/a\u{202e}b", "/a\"\npath = \"/etc"]
    {
        assert!(matches!(bind(&[("shares", wrong)]), Err(BindError::Policy(_))), "{wrong:?}");
    }
    let bound = bind(&[("shares", "/srv/a \"b\"")]).unwrap();
    assert_eq!(bound.policy.root("shares").unwrap().path, "/srv/a \"b\"");
}

#[test]
fn an_optional_root_is_left_out_with_all_that_names_it() {
    let more = "[roots.second]\npurpose = \"another place\"\noptional = true\n\
        [types.n]\nfirst = \"a-z\"\nrest = \"a-z\"\nmax = 8\n\
        [[command]]\nid = \"copy\"\nprogram = \"/bin/cp\"\nread = [\"shares\"]\nwrite = [\"second\"]\n\
        args = [{ path = { root = \"second\", leaf = \"new\", name = \"n\" } }]\n\
        [[files]]\nid = \"look-there\"\nroot = \"second\"\nverbs = [\"list\"]\n\
        [[command]]\nid = \"measure\"\nprogram = \"/bin/df\"\nread = [\"shares\"]\n\
        only-with = \"second\"\nargs = [{ path = { root = \"shares\", leaf = \"root\" } }]\n";
    let manifest = Manifest::parse(&format!("{SMALL}{more}"), "m").unwrap();
    let optional: Vec<_> =
        manifest.roots().into_iter().map(|root| (root.name, root.optional)).collect();
    assert_eq!(optional, [("second".to_owned(), true), ("shares".to_owned(), false)]);
    assert_eq!(Manifest::parse(&manifest.text(), "shown").unwrap().text(), manifest.text());
    let bind = |names: &[&str]| {
        let path = |name: &&str| ((*name).to_owned(), format!("/srv/{name}"));
        manifest.bind(&names.iter().map(path).collect())
    };
    let small = Manifest::parse(SMALL, "m").unwrap();
    let shares = BTreeMap::from([("shares".to_owned(), "/srv/shares".to_owned())]);
    assert_eq!(bind(&["shares"]).unwrap().text, small.bind(&shares).unwrap().text);
    let both = bind(&["shares", "second"]).unwrap();
    assert!(both.policy.command("copy").is_some() && both.policy.root("second").is_some());
    assert!(both.policy.command("measure").is_some());
    assert!(!both.text.contains("optional") && !both.text.contains("only-with"), "{}", both.text);
    // The other one is not.
    assert!(matches!(bind(&["second"]), Err(BindError::Missing(roots)) if roots.len() == 1));
    for (word, said) in [("\"yes\"", "true or false"), ("1", "true or false")] {
        let source =
            format!("{SMALL}{more}").replace("optional = true", &format!("optional = {word}"));
        let error = Manifest::parse(&source, "m").unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let policy = "schema = 1\ndriver = \"d\"\n[roots.r]\npath = \"/srv/r\"\noptional = true\n";
    assert!(Policy::parse(policy, "p").unwrap_err().message.contains("unknown key in a root"));
    let policy = SMALL.replace("purpose = \"the shares\"", "path = \"/srv\"");
    let policy = policy.replace("read = ", "only-with = \"shares\"\nread = ");
    assert!(Policy::parse(&policy, "p").unwrap_err().message.contains("is for manifests"));
}

/// What an operator is told of a new version is what changes for him.
#[test]
fn a_rule_that_comes_into_force_is_new() {
    let more = "[roots.second]\npurpose = \"another place\"\noptional = true\n\
        [[files]]\nid = \"look-there\"\nroot = \"second\"\nverbs = [\"list\"]\n\
        [[command]]\nid = \"tool\"\nprogram = \"/usr/bin/perl\"\nargs = []\n\
        root-equivalent = \"why\"\nonly-with = \"second\"\n";
    let parse = |text: &str| Manifest::parse(&format!("{SMALL}{text}"), "m").unwrap();
    let only_with = parse(more);
    let always = parse(&more.replace("only-with = \"second\"\n", ""));
    let path = |name: &str| (name.to_owned(), format!("/srv/{name}"));
    let [one, both] = [vec!["shares"], vec!["shares", "second"]]
        .map(|names| names.into_iter().map(path).collect());
    // To whoever has given no second root it is; it grants the same to whoever has.
    assert!(only_with.covers(&always) && only_with.diff(&always).changes.is_empty());
    assert!(only_with.diff_bound(&both, &always, &both).changes.is_empty());
    let diff = only_with.diff_bound(&one, &always, &one);
    let told: Vec<_> =
        diff.changes.iter().map(|one| (one.direction, one.asks_more, &*one.id)).collect();
    assert_eq!((diff.asks_more, told), (true, vec![(Direction::New, true, "tool")]));
    assert_eq!(diff.changes[0].risk.class, RiskClass::R4);
    let diff = always.diff_bound(&one, &only_with, &one);
    let gone: Vec<_> = diff.changes.iter().map(|one| (one.direction, &*one.id)).collect();
    assert_eq!((diff.asks_more, gone), (false, vec![(Direction::Gone, "tool")]));
    // With a directory for it all three are.
    let diff = only_with.diff_bound(&one, &only_with, &both);
    let ids: Vec<_> = diff.changes.iter().map(|one| (one.direction, &*one.id)).collect();
    let new = |id| (Direction::New, id);
    assert_eq!(ids, [new("tool"), new("second"), new("look-there")]);
    // An optional root that has become one that must be given is asked for.
    let demanded =
        parse(&more.replace("optional = true\n", "").replace("only-with = \"second\"\n", ""));
    let diff = only_with.diff_bound(&one, &demanded, &one);
    assert!(diff.asks_more && diff.changes.iter().any(|one| one.id == "second"), "{diff:#?}");
    // What is asked for more in a rule that stays left out is told all the same.
    let wider = parse(&more.replace("\"list\"]", "\"list\", \"usage\"]"));
    let diff = only_with.diff_bound(&one, &wider, &one);
    let told: Vec<_> = diff.changes.iter().map(|one| (one.direction, &*one.id)).collect();
    assert_eq!((diff.asks_more, told), (true, vec![(Direction::Wider, "look-there")]));
}

#[test]
fn needs_are_read_shown_and_compared() {
    let needs = "[needs]\nstate = \"1MiB\"\n\
        [needs.options.small_token]\npurpose = \"the key\"\nsecret = true\n\
        [needs.options.small_size]\npurpose = \"how large\"\n\
        [needs.networks.user]\npurpose = \"of share servers\"\n\
        [needs.remotes.filer]\npurpose = \"makes the shares\"\n\
        [needs.limits]\nwall = \"30m\"\ncpu = \"5s\"\nmemory = \"64MiB\"\n";
    let parse = |needs: &str| Manifest::parse(&format!("{SMALL}{needs}"), "m").unwrap();
    let (all, none) = (parse(needs), parse(""));
    assert_eq!(Manifest::parse(&all.text(), "shown").unwrap().needs(), all.needs());
    assert!(all.needs().options.iter().any(|one| one.secret && one.name == "small_token"));
    assert!(all.covers(&all) && none.covers(&none) && !none.covers(&all));
    let mut bounded = none.needs().clone();
    bounded.limits = all.needs().limits.clone();
    assert!(none.needs().covers(&bounded) && !bounded.covers(none.needs()));
    for (from, to, covered) in [
        ("1MiB", "2MiB", false),
        ("1MiB", "1KiB", true),
        ("small_token]", "small_other]", false),
        ("small_size]", "small_other]", true),
        ("purpose = \"how large\"", "purpose = \"how large\"\nsecret = true", false),
        ("networks.user]", "networks.admin]", false),
        ("remotes.filer]", "remotes.other]", false),
        ("wall = \"30m\"", "wall = \"31m\"", false),
        ("wall = \"30m\"\n", "", false),
        ("memory = \"64MiB\"", "memory = \"32MiB\"", true),
    ] {
        assert!(needs.contains(from), "{from}");
        let other = parse(&needs.replace(from, to));
        assert_eq!(all.covers(&other), covered, "{from} -> {to}");
        // What is told of it says the same.
        let diff = all.diff(&other);
        assert_eq!(diff.asks_more, !covered, "{diff:#?}");
        assert_eq!(diff.changes.iter().any(|change| change.asks_more), !covered, "{diff:#?}");
        assert!(!diff.changes.is_empty(), "{from} -> {to}");
        assert!(diff.changes.iter().all(|change| change.subject == Subject::Need), "{diff:#?}");
    }
    assert!(all.diff(&all).changes.is_empty());
    let wall = all.diff(&parse(&needs.replace("\"30m\"", "\"31m\""))).changes.swap_remove(0);
    assert_eq!((&*wall.id, wall.direction), ("limits.wall", Direction::Wider));
    let new: Vec<_> =
        none.diff(&all).changes.into_iter().map(|one| (one.direction, one.id)).collect();
    assert_eq!(new.first(), Some(&(Direction::New, "options.small_token".to_owned())), "{new:?}");
    assert!(new.contains(&(Direction::Narrower, "limits.wall".to_owned())), "{new:?}");
}

/// A text of TOML, escaped by its own reader's library.
fn toml_text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

proptest! {
    #[test]
    fn what_is_shown_parses_to_what_is_enforced(
        reason in "\\PC{0,20}",
        purpose in "\\PC{1,20}",
        word in "[!-~\u{e9}\u{430}\u{4e2d}]{1,12}",
        example in prop::collection::vec(any::<String>(), 0..3),
        caps in prop::sample::subsequence(vec!["CHOWN", "FOWNER", "SYS_ADMIN", "NET_ADMIN"], 0..3),
        network in any::<bool>(),
        timeout in 1_u32..2000,
        verbs in prop::sample::subsequence(vec!["list", "read", "remove", "set-mode"], 1..4),
        max in 1_u32..200,
    ) {
        let example: Vec<_> = example.iter().map(|word| toml_text(word)).collect();
        let quoted = |words: &[&str]| words.iter().map(|w| format!("{w:?}")).collect::<Vec<_>>().join(",");
        let policy = format!(
            "schema = 1\ndriver = \"d\"\n[roots.r]\npath = \"/srv/r\"\n\
             [types.t]\nfirst = \"a-z\"\nrest = \"a-z0-9\"\nmax = {max}\n\
             [[files]]\nid = \"f\"\nroot = \"r\"\nname = \"t\"\nverbs = [{}]\n\
             [[command]]\nid = \"c\"\nprogram = \"/bin/x\"\nwrite = [\"r\"]\ncaps = [{}]\n\
             network = {network}\ntimeout = \"{timeout}ms\"\nreason = {}\n\
             args = [{}, {{ path = {{ root = \"r\", leaf = \"new\", name = \"t\" }} }}]\n\
             refuses = [[\"x\"{}]]\n",
            quoted(&verbs), quoted(&caps), toml_text(&format!("because {reason}")),
            toml_text(&word),
            example.iter().map(|word| format!(", {word}")).collect::<String>(),
        );
        let (source, paths) = asked(&policy);
        let source = source.replace("\"a place\"", &toml_text(&format!("for {purpose}")));
        // Whatever is refused shows nothing; whatever is not is one thing.
        if let Ok(manifest) = Manifest::parse(&source, "m") {
            let text = manifest.text();
            prop_assert!(text.is_ascii());
            prop_assert_eq!(Manifest::parse(&text, "shown").unwrap().text(), text);
            let bound = manifest.bind(&paths).unwrap();
            let wanted = Policy::parse(&policy, "p").unwrap();
            prop_assert_eq!(granted(&bound.policy), granted(&wanted));
            prop_assert_eq!(review(&bound.text, "bound").unwrap(), bound.text);
        } else {
            let hides = purpose.chars().any(crate::text::is_hidden);
            prop_assert!(hides || Policy::parse(&policy, "p").is_err());
        }
    }
}
