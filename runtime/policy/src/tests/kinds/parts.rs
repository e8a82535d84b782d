//! Words of several parts, and words that may be absent or come again.

use super::{covers, faulty, meet, one, refuses, takes};
use crate::tests::{rules_of_x, words};
use crate::{Argument, Policy, Verdict};

const QUOTA: &str = "{ concat = [\"quota=\", { size = { min = \"1GiB\", max = \"1TiB\" } }] }";
const CLIENT: &str = "{ concat = [{ ip = { within = [\"10.0.0.0/8\"] } }, \":\", \
                      { path = { root = \"r\", leaf = \"dir\", name = \"n\", pass = \"path\", looked-up = \"why\" } }] }";

#[test]
fn a_path_that_is_looked_up_again_needs_its_reason() {
    let fault = |hole: &str| {
        let source = format!(
            "schema = 1\ndriver = \"d\"\n[roots.r]\npath = \"/srv/r\"\n[types.n]\nfirst = \"a-z\"\nrest = \
             \"a-z\"\nmax = 8\n[[command]]\nid = \"it\"\nprogram = \"/bin/it\"\nread = [\"r\"]\nargs = \
             [{{ path = {{ root = \"r\", leaf = \"dir\", name = \"n\"{hole} }} }}]\n"
        );
        Policy::parse(&source, "p.toml").err().map(|error| error.to_string())
    };
    assert_eq!(fault(", pass = \"path\", looked-up = \"it stores it\""), None);
    assert_eq!(fault(", pass = \"fd\""), None);
    for (hole, said) in [
        (", pass = \"path\"", "add `looked-up = \"why\"`"),
        (", pass = \"path\", looked-up = \" \"", "must say something"),
        (", pass = \"fd\", looked-up = \"why\"", "for `pass = \"path\"` only"),
        (", looked-up = \"why\"", "for `pass = \"path\"` only"),
    ] {
        let fault = fault(hole).unwrap();
        assert!(fault.contains(said), "{hole}: {fault}");
    }
}

#[test]
fn a_word_is_put_together_from_its_parts() {
    takes(QUOTA, &[("quota=1G", "quota=1073741824"), ("quota=1073741824", "quota=1073741824")]);
    refuses(
        QUOTA,
        &[
            "",
            "quota=",
            "quota",
            "1G",
            "quota=0",
            "Quota=1G",
            "quota==1G",
            "refquota=1G",
            "quota=1G,",
        ],
    );
    takes(CLIENT, &[("10.0.0.1:r:abc", "10.0.0.1:<r>/abc")]);
    refuses(
        CLIENT,
        &["10.0.0.1", "10.0.0.1:", ":r:abc", "11.0.0.1:r:abc", "10.0.0.1:r:..", "10.0.0.1::r:abc"],
    );
    let client =
        "{ concat = [\"rw=\", { ip = { within = [\"0.0.0.0/0\"] } }, \",no_root_squash\"] }";
    takes(client, &[("rw=10.0.0.1,no_root_squash", "rw=10.0.0.1,no_root_squash")]);
    refuses(
        client,
        &[
            "rw=10.0.0.1",
            "rw=,no_root_squash",
            "rw=10.0.0.1,no_root_squash,rw=1.1.1.1,no_root_squash",
        ],
    );
}

#[test]
fn values_and_paths_keep_their_places() {
    let policy = one(CLIENT);
    let grant = policy.decide_command("x", &words(&["10.0.0.1:r:abc"])).unwrap();
    let values: Vec<_> =
        grant.values.iter().map(|(label, value)| (label.as_str(), value.as_str())).collect();
    assert_eq!(values, [("ip", "10.0.0.1"), ("n", "r:abc")]);
    let [Argument::Joined(parts)] = grant.argv.as_slice() else { panic!("{:?}", grant.argv) };
    assert!(
        matches!(parts.as_slice(), [Argument::Text(ip), Argument::Path(_)] if ip == "10.0.0.1:")
    );
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    for (parts, said) in [
        ("\"a\"", "too few"),
        ("", "too few"),
        ("{ name = \"n\" }, { name = \"d\" }", "nothing tells"),
        ("{ name = \"n\" }, \"b\"", "may have its first character"),
        ("{ csv = { any = [\"a\"] } }, \",b\"", "may have its first character"),
        ("{ ip = {} }, \":\"", "may have its first character"),
        (
            "{ dataset = { parent = \"tank\", name = \"n\", snapshot = \"n\" } }, \"@\"",
            "may have its first character",
        ),
        ("{ size = { min = \"1B\", max = \"2B\" } }, \"K\"", "may have its first character"),
        ("\"a\", \"b\"", "are one text"),
        ("\"a\", { concat = [\"b\", { name = \"n\" }] }", "part of another"),
        ("\"a\", { flag = \"-b\", value = \"c\" }", "`flag` cannot stand within another"),
        ("\"a\", { optional = \"c\" }", "`optional` cannot stand within another"),
        ("\"a\", \"\"", "must not be empty"),
    ] {
        faulty(&format!("{{ concat = [{parts}] }}"), said);
    }
}

#[test]
fn joined_words_meet_and_cover_part_by_part() {
    let quota = |min: &str, max: &str| {
        format!("{{ concat = [\"quota=\", {{ size = {{ min = \"{min}\", max = \"{max}\" }} }}] }}")
    };
    assert!(meet(QUOTA, &quota("1B", "1GiB")) && !meet(QUOTA, &quota("1B", "1MiB")));
    assert!(!meet(QUOTA, "{ concat = [\"refquota=\", { int = { min = 0, max = 9 } }] }"));
    assert!(!meet(QUOTA, "{ concat = [\"quota=\", { name = \"n\" }] }"));
    assert!(meet(QUOTA, "{ concat = [\"quota=1\", { size = { min = \"1B\", max = \"1KiB\" } }] }"));
    assert!(meet(QUOTA, "\"quota=2G\"") && !meet(QUOTA, "\"quota=none\""));
    assert!(!meet(CLIENT, "{ path = { root = \"r\", leaf = \"dir\", name = \"n\" } }"));
    assert!(covers(QUOTA, &quota("2GiB", "3GiB")) && !covers(QUOTA, &quota("1B", "3GiB")));
    assert!(covers(QUOTA, "\"quota=1073741824\"") && !covers(QUOTA, "\"quota=1G\""));
    assert!(covers(CLIENT, CLIENT) && !covers(CLIENT, "\"10.0.0.1:r:abc\""));
}

/// Which of the lines a rule with these arguments takes.
fn taken(args: &str, lines: &[&[&str]]) -> Vec<bool> {
    let policy = rules_of_x(&[args]).unwrap_or_else(|error| panic!("{args}: {error}"));
    lines.iter().map(|line| policy.decide_command("x", &words(line)).is_ok()).collect()
}

#[test]
fn an_optional_word_is_there_or_not() {
    let args = "\"a\", { optional = { name = \"d\" } }, { name = \"n\" }, { optional = \"-v\" }";
    let lines: &[&[&str]] =
        &[&["a", "b"], &["a", "1", "b"], &["a", "b", "-v"], &["a", "1", "b", "-v"]];
    assert_eq!(taken(args, lines), [true; 4]);
    let lines: &[&[&str]] =
        &[&["a"], &["a", "1"], &["a", "1", "2", "b"], &["a", "b", "1"], &["a", "b", "-v", "-v"]];
    assert_eq!(taken(args, lines), [false; 5]);
    for args in [
        "{ optional = { name = \"n\" } }, \"a\"",
        "{ optional = \"a\" }, { optional = { name = \"n\" } }",
        "{ repeat = { name = \"n\" }, min = 0, max = 2 }, { name = \"n\" }",
        "{ repeat = { flag = \"-o\", value = { name = \"n\" } }, min = 1, max = 2 }, \"-o\"",
    ] {
        let error = rules_of_x(&[args]).unwrap_err().to_string();
        assert!(error.contains("may be taken for it"), "{args}: {error}");
    }
}

#[test]
fn a_repeated_word_comes_as_often_as_the_rule_says() {
    let args = "{ repeat = { name = \"n\" }, min = 1, max = 3 }, \"--\"";
    let lines: &[&[&str]] = &[&["a", "--"], &["a", "b", "--"], &["a", "b", "c", "--"]];
    assert_eq!(taken(args, lines), [true; 3]);
    let lines: &[&[&str]] = &[&["--"], &["a"], &["a", "b", "c", "d", "--"], &["a", "1", "--"]];
    assert_eq!(taken(args, lines), [false; 4]);
    let flags = "{ repeat = { flag = \"-o\", value = { name = \"n\" } }, min = 0, max = 2 }, \"x\"";
    let lines: &[&[&str]] = &[&["x"], &["-o", "a", "x"], &["-o", "a", "-o", "b", "x"]];
    assert_eq!(taken(flags, lines), [true; 3]);
    let lines: &[&[&str]] = &[
        &["-o", "x"],
        &["-o", "a", "-o", "x"],
        &["-o", "a", "b", "x"],
        &["-o", "a", "-o", "b", "-o", "c", "x"],
    ];
    assert_eq!(taken(flags, lines), [false; 4]);
    for (repeat, said) in [
        ("repeat = \"a\", min = 2, max = 1", "no number of times"),
        ("repeat = \"a\", min = 0, max = 0", "`max` must be 1 to 128"),
        ("repeat = \"a\", min = 0, max = 129", "`max` must be 1 to 128"),
        ("repeat = \"a\", min = 0", "needs the key `max`"),
        ("repeat = { optional = \"a\" }, min = 0, max = 2", "cannot stand within another"),
        (
            "repeat = { flag = \"-a\", value = \"b\", optional = true }, min = 0, max = 2",
            "write `min = 0`",
        ),
        ("repeat = { flag = \"-a\", value = \"b\" }, min = 0, max = 65", "too many arguments"),
    ] {
        faulty(&format!("{{ {repeat} }}"), said);
    }
}

fn explained(policy: &Policy, line: &[&str]) -> (Option<usize>, String, String) {
    let mut rules = policy.explain_command("x", &words(line)).rules;
    match rules.pop().map(|rule| rule.verdict) {
        Some(Verdict::Refused { at, expected, got }) => (at, expected, got),
        verdict => panic!("{verdict:?}"),
    }
}

#[test]
fn an_explanation_names_all_that_might_have_come() {
    let args = format!(
        "{QUOTA}, {{ optional = {{ name = \"d\" }} }}, {{ flag = \"-o\", value = {{ name = \"n\" }}, optional = true }}"
    );
    let policy = rules_of_x(&[&args]).unwrap();
    let refused = |at, expected: &str, got: &str| (Some(at), expected.to_owned(), got.to_owned());
    assert_eq!(
        explained(&policy, &["quota=1"]),
        refused(0, "quota=<SIZE:1GiB..1TiB>", "\"quota=1\"")
    );
    assert_eq!(
        explained(&policy, &["quota=1G", "x"]),
        refused(1, "<NAME:d> or -o or nothing more", "\"x\"")
    );
    assert_eq!(explained(&policy, &["quota=1G", "-o"]), refused(2, "<NAME:n>", "nothing more"));
    let rule = policy.commands().last().map(ToString::to_string);
    assert_eq!(rule.as_deref(), Some("x quota=<SIZE:1GiB..1TiB> [<NAME:d>] [-o <NAME:n>]"));
    let repeated = rules_of_x(&["{ repeat = { uuid = true }, min = 1, max = 3 }"]).unwrap();
    assert_eq!(
        repeated.commands().last().map(ToString::to_string).as_deref(),
        Some("x (<UUID>){1..3}")
    );
}
