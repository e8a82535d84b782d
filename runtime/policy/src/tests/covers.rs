//! Whether one policy grants all that another does.

use super::{EVERYTHING, everything, rules_of_x};
use crate::Policy;

/// True if a rule with the arguments `a` covers one with `b`.
fn covers(a: &str, b: &str) -> bool {
    let [a, b] = [a, b].map(|args| rules_of_x(&[args]).unwrap_or_else(|e| panic!("{args}: {e}")));
    a.covers(&b)
}

#[test]
fn holes_cover_what_they_accept() {
    for (wide, narrow) in [
        ("{ name = \"n\" }", "\"abc\""),
        ("{ name = \"n\" }", "{ one-of = [\"a\", \"b\"] }"),
        ("{ one-of = [\"a\", \"b\", \"-c\"] }", "{ one-of = [\"b\", \"-c\"] }"),
        ("{ size = { min = \"1B\", max = \"1KiB\" } }", "\"512\""),
        (
            "{ size = { min = \"1B\", max = \"1KiB\" } }",
            "{ size = { min = \"2B\", max = \"1KiB\" } }",
        ),
        ("{ csv = { any = [\"a\", \"b\"] } }", "{ csv = { must = [\"a\"] } }"),
    ] {
        assert!(covers(wide, narrow), "{wide} covers {narrow}");
        assert!(!covers(narrow, wide), "{narrow} does not cover {wide}");
    }
}

#[test]
fn nothing_is_covered_that_would_run_otherwise() {
    let path = |rest: &str| format!("{{ path = {{ root = \"r\", name = \"n\", {rest} }} }}");
    let dir = path("leaf = \"dir\"");
    for other in [
        "leaf = \"new\"",
        "leaf = \"dir\", pass = \"path\", looked-up = \"why\"",
        "leaf = \"dir\", under = \"a\"",
    ] {
        assert!(!covers(&dir, &path(other)), "{other}");
    }
    // `1K` would run as `1024`, a list would be sorted, a path resolved.
    assert!(!covers("{ size = { min = \"1B\", max = \"1KiB\" } }", "\"1K\""));
    assert!(!covers("{ csv = { any = [\"a\", \"b\"] } }", "\"b,a\""));
    assert!(!covers(&dir, "\"r:a\""));
    let suffixed = "{ size = { min = \"1B\", max = \"1KiB\", suffix = \"b\" } }";
    assert!(!covers("{ size = { min = \"1B\", max = \"1KiB\" } }", suffixed));
}

#[test]
fn words_that_may_be_absent_cover_both_cases() {
    let flag = "{ flag = \"-a\", value = { name = \"n\" }, optional = true }";
    let some =
        |min: u32, max: u32| format!("{{ repeat = {{ name = \"n\" }}, min = {min}, max = {max} }}");
    for (wide, narrow) in [
        (flag, ""),
        (flag, "\"-a\", \"b\""),
        ("{ optional = \"b\" }", ""),
        ("{ optional = \"b\" }", "\"b\""),
        (&some(0, 3), ""),
        (&some(0, 3), "\"a\", \"b\""),
        (&some(1, 4), &some(2, 3)),
        (&some(0, 2), "{ optional = \"b\" }"),
        (
            "{ repeat = { flag = \"-o\", value = { name = \"n\" } }, min = 0, max = 2 }",
            "\"-o\", \"b\"",
        ),
    ] {
        assert!(covers(wide, narrow), "{wide} covers {narrow}");
        assert!(!covers(narrow, wide), "{narrow} does not cover {wide}");
    }
}

/// Each edit makes the policy of the tests ask for more.
#[test]
fn an_upgrade_that_asks_for_more_is_not_covered() {
    for (old, new) in [
        ("/srv/abaca/shares", "/srv/abaca/others"),
        ("rest = \"a-z0-9-\"", "rest = \"a-z0-9_-\""),
        ("max = 64", "max = 65"),
        ("timeout = \"10m\"", "timeout = \"11m\""),
        ("timeout = \"10s\"", "timeout = \"11s\""),
        ("\"FOWNER\"", "\"FOWNER\", \"KILL\""),
        ("read = [\"snapshots\"]", "write = [\"snapshots\", \"shares\"] #"),
        ("stdout-max = \"1MiB\"", "stdout-max = \"2MiB\""),
        ("stdout-max = \"1MiB\"", "stderr-max = \"2MiB\""),
        ("stdout-max = \"1MiB\"", "stdin-max = \"1B\""),
        ("/usr/bin/cp", "/opt/bin/cp"),
        ("max = \"10TiB\"", "max = \"11TiB\""),
        ("must = [\"ro\"], any = [\"sync\", \"hard\"]", "any = [\"ro\", \"sync\", \"hard\"]"),
        ("verbs = [\"list\", \"make-dir\"]", "verbs = [\"list\", \"make-dir\", \"remove\"]"),
        ("depth = 2", "depth = 3"),
    ] {
        assert!(EVERYTHING.contains(old), "{old}");
        let upgrade = EVERYTHING.replacen(old, new, 1);
        let upgrade = upgrade.replacen("write = [\"shares\"]", "", usize::from(new.ends_with('#')));
        let upgrade = Policy::parse(&upgrade, "p.toml").unwrap_or_else(|e| panic!("{e}"));
        assert!(!everything().covers(&upgrade), "{old} -> {new}");
    }
}

#[test]
fn an_upgrade_that_asks_for_less_is_covered() {
    for (old, new) in [
        ("max = 64", "max = 60"),
        ("\"FOWNER\"", "\"CHOWN\""),
        ("any = [\"sync\", \"hard\"]", "any = [\"sync\"]"),
        ("timeout = \"10m\"", "timeout = \"1m\""),
        ("depth = 2", "depth = 1"),
        ("{ one-of = [\"linear\", \"striped\"] }", "\"linear\""),
        ("verbs = [\"list\", \"make-dir\"]", "verbs = [\"list\"]"),
        ("id = \"clone\"", "id = \"copy\""),
    ] {
        let upgrade = EVERYTHING.replacen(old, new, 1).replace("\"CHOWN\", \"CHOWN\"", "\"CHOWN\"");
        let upgrade = Policy::parse(&upgrade, "p.toml").unwrap_or_else(|e| panic!("{e}"));
        assert!(everything().covers(&upgrade), "{old} -> {new}");
    }
    assert!(everything().covers(&everything()));
}
