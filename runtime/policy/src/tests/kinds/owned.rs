//! `owner` in every hole, and what a grant says of it; secrets, which are asked for by name.

use super::{covers, faulty};
use crate::tests::{rules_of_x, source_of_x, words};
use crate::{Argument, Claim, Container, GuestPath, Object, Policy, SecretPass};

const OWN: [(&str, &str, &str); 5] = [
    ("{ path = { root = \"r\", leaf = \"dir\", name = \"n\"@ } }", "r:abc", "root:r"),
    (
        "{ path = { root = \"r\", under = \"a\", leaf = \"file\", name = \"n\"@ } }",
        "r:a/b",
        "root:r",
    ),
    ("{ dataset = { parent = \"tank/s\", name = \"n\"@ } }", "tank/s/abc", "dataset:tank/s"),
    ("{ device = { group = \"vg\", name = \"n\", pass = \"dev\"@ } }", "vg/abc", "group:vg"),
    (
        "{ concat = [\"k=\", { device = { group = \"vg\", name = \"n\", pass = \"dev\"@ } }] }",
        "k=vg/a",
        "group:vg",
    ),
];

/// What a word asks of the record.
fn claims(args: &str, word: &str) -> Vec<Claim> {
    let policy = rules_of_x(&[args]).unwrap_or_else(|error| panic!("{args}: {error}"));
    let args = words(&[word]);
    let grant =
        policy.decide_command("x", &args).unwrap_or_else(|denial| panic!("{args:?}: {denial}"));
    grant.claims
}

fn object(container: &str, name: &str) -> Object {
    Object { container: container.parse().unwrap(), name: name.to_owned() }
}

#[test]
fn a_hole_says_whose_a_thing_must_be() {
    for (hole, word, container) in OWN {
        let (plain, own) = (hole.replace('@', ""), hole.replace('@', ", owner = \"self\""));
        assert!(claims(&plain, word).is_empty(), "{plain}");
        let name = word.rsplit_once(['/', ':']).unwrap().1;
        let name = if word == "r:a/b" { "a/b" } else { name };
        assert_eq!(claims(&own, word), [Claim::Needs(object(container, name))], "{own}");
        assert!(covers(&plain, &own), "{own} is narrower");
        assert!(!covers(&own, &plain) && covers(&own, &own), "{plain} is wider");
        assert!(rules_of_x(&[&plain, &own]).is_err(), "they take the same word");
    }
    // What a listed word does not have to be, a hole that asks for more does not cover.
    let own = "{ name = \"n\", owner = \"self\", in = { group = \"vg\" } }";
    assert!(covers("{ name = \"n\" }", own) && !covers(own, "\"abc\""));
    assert!(!covers(own, "{ one-of = [\"abc\"] }"));
    for other in ["dataset = \"vg\"", "space = \"vg\"", "group = \"v\""] {
        let other = own.replace("group = \"vg\"", other);
        assert!(!covers(own, &other) && !covers(&other, own), "{other}");
    }
    assert_eq!(claims(own, "abc"), [Claim::Needs(object("group:vg", "abc"))]);
}

#[test]
fn a_hole_says_what_is_made() {
    for (hole, word, made) in [
        (
            "{ path = { root = \"r\", leaf = \"new\", name = \"n\" } }",
            "r:abc",
            object("root:r", "abc"),
        ),
        (
            "{ name = \"n\", owner = \"new\", in = { group = \"vg\" } }",
            "abc",
            object("group:vg", "abc"),
        ),
        (
            "{ device = { group = \"vg\", name = \"n\", pass = \"name\", owner = \"new\" } }",
            "vg/abc",
            object("group:vg", "abc"),
        ),
        (
            "{ dataset = { parent = \"tank\", name = \"n\", owner = \"new\" } }",
            "tank/abc",
            object("dataset:tank", "abc"),
        ),
    ] {
        assert_eq!(claims(hole, word), [Claim::Makes(made)], "{hole}");
        let plain = hole.replace(", owner = \"new\"", "").replace(", in = { group = \"vg\" }", "");
        assert!(plain == hole || (!covers(&plain, hole) && !covers(hole, &plain)), "{hole}");
    }
    // A snapshot shows what is in its dataset, so that must be its own.
    let snapshot =
        "{ dataset = { parent = \"tank\", name = \"n\", snapshot = \"d\", owner = \"@\" } }";
    let needs = |name| Claim::Needs(object("dataset:tank", name));
    assert_eq!(
        claims(&snapshot.replace('@', "new"), "tank/abc@1"),
        [needs("abc"), Claim::Makes(object("dataset:tank", "abc@1"))]
    );
    assert_eq!(claims(&snapshot.replace('@', "self"), "tank/abc@1"), [needs("abc@1")]);
}

#[test]
fn an_owner_that_means_nothing_is_refused() {
    for (hole, said) in [
        ("{ path = { root = \"r\", leaf = \"root\", owner = \"self\" } }", "what is there already"),
        ("{ path = { root = \"r\", leaf = \"new\", name = \"n\", owner = \"self\" } }", "already"),
        (
            "{ path = { root = \"r\", leaf = \"dir\", name = \"n\", owner = \"new\" } }",
            "allowed: self",
        ),
        (
            "{ path = { root = \"r\", leaf = \"dir\", name = \"n\", owner = \"all\" } }",
            "unknown owner",
        ),
        ("{ dataset = { parent = \"tank\", name = \"n\", owner = true } }", "must be a text"),
        ("{ name = \"n\", owner = \"self\" }", "needs the key `in`"),
        ("{ name = \"n\", in = { group = \"vg\" } }", "without `owner`"),
        ("{ name = \"n\", owner = \"self\", in = {} }", "names one place"),
        (
            "{ name = \"n\", owner = \"self\", in = { group = \"a\", space = \"b\" } }",
            "names one place",
        ),
        ("{ name = \"n\", owner = \"self\", in = { root = \"r\" } }", "unknown key"),
        ("{ int = { min = 0, max = 1, owner = \"self\" } }", "unknown key"),
    ] {
        faulty(hole, said);
    }
    let rule = |more: &str| {
        let source = source_of_x(&["{ name = \"n\" }"]) + more;
        Policy::parse(&source, "p.toml").err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(rule("removes = true\n").contains("without anything of the backend's own"));
    assert_eq!(rule("removes = false\n"), "");
    let files = "[[files]]\nid = \"f\"\nroot = \"r\"\nverbs = [\"list\"]\nowner = \"self\"\n";
    assert!(rule(files).contains("`owner` without `name`"));
    assert_eq!(rule(&format!("{files}name = \"n\"\n")), "");
}

#[test]
fn files_of_its_own_are_narrower() {
    let policy = |more: &str| {
        let files = "[[files]]\nid = \"f\"\nroot = \"r\"\nverbs = [\"remove\"]\nname = \"n\"\n";
        Policy::parse(&(source_of_x(&[]) + files + more), "p.toml").unwrap()
    };
    let (any, own) = (policy(""), policy("owner = \"self\"\n"));
    assert!(any.covers(&own) && !own.covers(&any) && own.covers(&own));
    assert!(own.files()[0].own && !any.files()[0].own);
}

#[test]
fn a_rule_that_removes_is_another_than_one_that_does_not() {
    let own = "{ device = { group = \"vg\", name = \"n\", pass = \"dev\", owner = \"self\" } }";
    let keeps = rules_of_x(&[own]).unwrap();
    let removes = Policy::parse(&(source_of_x(&[own]) + "removes = true\n"), "p.toml").unwrap();
    assert!(!keeps.covers(&removes) && !removes.covers(&keeps) && removes.covers(&removes));
    assert!(removes.commands()[1].removes);
}

/// What a rule takes beyond its arguments counts as well.
#[test]
fn more_network_or_system_calls_or_contents_are_not_covered() {
    let plain = rules_of_x(&["\"a\""]).unwrap();
    let pinned = format!("sha256 = \"{}\"\n", "a".repeat(64));
    for more in ["network = true\n", "syscalls = [\"quota\"]\n"] {
        let wider = Policy::parse(&(source_of_x(&["\"a\""]) + more), "p.toml").unwrap();
        assert!(!plain.covers(&wider) && wider.covers(&plain), "{more}");
    }
    let narrower = Policy::parse(&(source_of_x(&["\"a\""]) + &pinned), "p.toml").unwrap();
    assert!(plain.covers(&narrower) && !narrower.covers(&plain));
}

#[test]
fn a_look_is_for_where_a_rule_reaches() {
    let path = "{ concat = [\"if=\", { path = { root = \"r\", under = \"a\", leaf = \"file\", name = \"n\" } }] }";
    let policy = rules_of_x(&[path]).unwrap();
    let look = |place: &str| policy.decide_look(&GuestPath::parse_argument(place).unwrap()).is_ok();
    assert!(look("r:a/b"));
    for other in ["r:b", "r:a", "r:a/b/c", "r:a/7", "r:", "q:a/b"] {
        assert!(!look(other), "{other}");
    }
}

#[test]
fn containers_are_spelt_in_one_way() {
    for text in ["root:shares", "group:vg0", "dataset:tank/shares", "space:volumes"] {
        assert_eq!(text.parse::<Container>().unwrap().to_string(), text);
    }
    for text in ["", "root", "root:", "vg:one", "shares", "Root:a", "root:a\u{202E}"] {
        assert!(text.parse::<Container>().is_err(), "{text:?}");
    }
    let policy = rules_of_x(
        &[OWN[0].0, OWN[2].0, OWN[3].0]
            .map(|hole| hole.replace('@', ""))
            .each_ref()
            .map(String::as_str),
    )
    .unwrap();
    let all: Vec<_> = policy.containers().iter().map(ToString::to_string).collect();
    assert_eq!(all, ["root:r"], "of the others nothing says whose they are");
}

#[test]
fn what_lies_in_a_thing_goes_with_it() {
    assert_eq!(object("root:r", "a/b/c").lineage(), ["a", "a/b", "a/b/c"]);
    assert_eq!(object("dataset:tank", "a@b").lineage(), ["a@b"]);
    assert_eq!(object("group:vg", "a").beneath(), None);
    assert_eq!(object("dataset:tank", "a").beneath().as_deref(), Some("a@"));
    assert_eq!(object("root:r", "a").beneath().as_deref(), Some("a/"));
    assert_eq!(Object::at(&GuestPath::parse_argument("r:").unwrap()), None);
}

#[test]
fn a_secret_is_asked_for_by_the_name_of_its_option() {
    let secret = "{ secret = \"d_token\" }";
    let policy = rules_of_x(&[secret]).unwrap();
    let asked = words(&["d_token"]);
    let grant = policy.decide_command("x", &asked).unwrap();
    assert_eq!(grant.argv[0].to_string(), "<secret d_token>");
    let secrets = grant.secrets();
    assert_eq!((secrets[0].option.as_str(), secrets[0].pass), ("d_token", SecretPass::Fd));
    assert!(!matches!(grant.argv[0], Argument::Text(_)), "it is no text that could run");
    for word in ["", "d_toke", "d_tokens", "D_TOKEN", "-d_token", "/proc/self/fd/100", "d_token "] {
        assert!(policy.decide_command("x", &words(&[word])).is_err(), "{word:?}");
    }
    let explained = policy.explain_command("x", &asked).to_string();
    assert!(explained.contains("runs with: <secret d_token>"), "{explained}");
    let within = "{ concat = [\"pass=\", { secret = \"d_token\" }] }";
    let policy = rules_of_x(&[within]).unwrap();
    let asked = words(&["pass=d_token"]);
    assert_eq!(policy.decide_command("x", &asked).unwrap().secrets().len(), 1);
    assert_eq!(policy.secrets().collect::<Vec<_>>(), [("x0", "d_token")]);

    let exposed = "{ secret = \"d_token\", pass = \"argument\", exposed = \"why\" }";
    assert!(covers(secret, secret) && covers(exposed, exposed));
    assert!(!covers(secret, exposed) && !covers(exposed, secret));
    assert!(!covers(secret, "\"d_token\"") && !covers("\"d_token\"", secret));
    assert!(!covers("{ name = \"n\" }", "{ secret = \"abc\" }"));
    for other in [exposed, "\"d_token\"", "{ one-of = [\"a\", \"d_token\"] }"] {
        assert!(rules_of_x(&[secret, other]).is_err(), "{other} takes the same word");
    }
    for (hole, said) in [
        ("{ secret = \"d_token\", pass = \"argument\" }", "exposed = \"why\""),
        ("{ secret = \"d_token\", pass = \"argument\", exposed = \" \" }", "must say something"),
        ("{ secret = \"d_token\", exposed = \"why\" }", "`pass = \"argument\"` only"),
        ("{ secret = \"d_token\", pass = \"stdin\" }", "allowed: fd, argument"),
        ("{ secret = \"D-token\" }", "no name of an option"),
        ("{ secret = \"\" }", "no name of an option"),
    ] {
        faulty(hole, said);
    }
}
