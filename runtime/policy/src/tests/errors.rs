//! Policies that must not load, and what is said about them.

use super::{EVERYTHING, source_of_x};
use crate::{Policy, PolicyError};

fn fault(source: &str) -> PolicyError {
    match Policy::parse(source, "p.toml") {
        Ok(_) => panic!("this policy loads:\n{source}"),
        Err(error) => error,
    }
}

/// The policy of the tests with one piece replaced.
fn with(old: &str, new: &str) -> String {
    assert!(EVERYTHING.contains(old), "{old}");
    EVERYTHING.replacen(old, new, 1)
}

#[test]
fn a_misspelt_key_is_shown_with_its_place_and_the_word_meant() {
    let source = with("timeout = \"10m\"", "timout = \"10m\"");
    let line = 1 + source.lines().position(|line| line.starts_with("timout")).unwrap();
    let error = fault(&source);
    let text = error.to_string();
    assert_eq!((error.line, error.column, source.get(error.span)), (line, 1, Some("timout")));
    assert!(
        text.starts_with(&format!("p.toml:{line}:1: unknown key in a command: \"timout\"\n")),
        "{text}"
    );
    assert!(text.contains("help: did you mean `timeout`? Allowed: id, program, "), "{text}");
}

#[test]
fn toml_faults_have_a_place_too() {
    let error = fault("schema = 1\ndriver = \nx = 1");
    assert_eq!((error.file.as_str(), error.line), ("p.toml", 2));
    assert!(error.message.starts_with("not TOML: "), "{error}");
    assert_eq!(fault("schema = 1\nschema = 1\ndriver = \"d\"").line, 2);
}

/// Each edit of a good policy, and a piece of what must be said.
#[test]
fn every_check_refuses_and_says_why() {
    for (old, new, said) in [
        ("schema = 1", "schema = 2", "`schema` must be 1"),
        ("schema = 1", "schema = \"1\"", "must be a number"),
        ("schema = 1", "", "needs the key `schema`"),
        ("driver = \"everything\"", "driver = \"Every Thing\"", "lower-case"),
        ("driver = \"everything\"", "driver = \"d\"\nowner = 1", "\"owner\""),
        ("[roots.shares]", "[roots.Shares]", "a root's name"),
        ("/srv/abaca/shares", "srv/abaca", "is not absolute"),
        ("/srv/abaca/shares", "/", "`/` itself"),
        ("/srv/abaca/shares", "/srv/abaca/../x", "plain spelling"),
        ("/srv/abaca/shares", "/srv/abaca/", "plain spelling"),
        ("/srv/abaca/shares", "/srv//abaca", "plain spelling"),
        ("/srv/abaca/shares", "/srv/abaca", "lies within the root `shares`"),
        ("/srv/abaca/shares", "/srv/abaca/snapshots", "lies within"),
        (
            "[types.share]",
            "[roots.spare]\npath = \"/x\"\n[types.share]",
            "no rule uses the root `spare`",
        ),
        (
            "[types.share]",
            "[types.spare]\nfirst=\"a\"\nrest=\"a\"\nmax=1\n[types.share]",
            "type `spare`",
        ),
        ("first = \"a-z0-9\"", "first = \"a-z-\"", "neither `-` nor `.`"),
        ("first = \"a-z0-9\"", "first = \"a-z.\"", "neither `-` nor `.`"),
        ("rest = \"a-z0-9-\"", "rest = \"a-z/\"", "without `/`"),
        ("rest = \"a-z0-9-\"", "rest = \"a-zé\"", "visible ASCII"),
        ("rest = \"a-z0-9-\"", "rest = \"a-z \"", "visible ASCII"),
        ("rest = \"a-z0-9-\"", "rest = \"a\\u0000\"", "invisible character"),
        ("max = 64", "max = 256", "1 to 255"),
        ("max = 64", "max = 0", "1 to 255"),
        ("[defaults]", "[defaults]\nread = []", "key in `defaults`"),
        ("timeout = \"10m\"", "timeout = \"0s\"", "no timeout"),
        ("timeout = \"10m\"", "timeout = \"25h\"", "no timeout"),
        ("timeout = \"10m\"", "timeout = \"1441m\"", "no timeout"),
        ("stdout-max = \"1MiB\"", "stdout-max = \"1MB\"", "no limit of bytes"),
        ("stdout-max = \"1MiB\"", "stdout-max = \"2GiB\"", "no limit of bytes"),
        ("id = \"volume\"", "id = \"clone\"", "used twice"),
        ("id = \"share-root\"", "id = \"clone\"", "used twice"),
        ("/usr/bin/cp", "cp", "is not absolute"),
        ("/usr/bin/cp", "/usr/bin/find", "`root-equivalent = \"why\"`"),
        ("/usr/bin/cp", "/srv/abaca/shares/cp", "may be replaced"),
        ("\"FOWNER\"", "\"FOWNR\"", "did you mean `FOWNER`?"),
        ("\"FOWNER\"", "\"CAP_FOWNER\"", "did you mean `FOWNER`?"),
        ("\"FOWNER\"", "\"CHOWN\"", "names this twice"),
        ("read = [\"snapshots\"]", "read = [\"snapshot\"]", "did you mean `snapshots`?"),
        ("read = [\"snapshots\"]", "", "add `read = [\"snapshots\"]`"),
        ("\"--archive\", \"--\", {", "\"\", {", "must not be empty"),
        ("\"--archive\", \"--\", {", "\"a\\nb\", {", "invisible character"),
        ("\"--archive\", \"--\", {", "\"\\u202E\", {", "invisible character"),
        ("\"--archive\", \"--\", {", "7, {", "must be a table"),
        ("\"--archive\", \"--\", {", "{}, {", "an empty table is no matcher"),
        ("\"--archive\", \"--\", {", "{ nmae = \"share\" }, {", "did you mean `name`?"),
        ("{ name = \"share\" }", "{ name = \"shara\" }", "did you mean `share`?"),
        ("{ name = \"share\" }", "{ name = \"share\", max = 3 }", "key in a matcher"),
        (
            "{ name = \"share\" }",
            "{ flag = \"-x\", value = \"y\" }",
            "`flag` cannot stand within another",
        ),
        ("flag = \"-n\"", "flag = \"n\"", "begins with `-`"),
        ("one-of = [\"linear\", \"striped\"]", "one-of = []", "offers nothing"),
        ("one-of = [\"linear\", \"striped\"]", "one-of = [\"a\", \"a\"]", "twice"),
        ("min = \"1MiB\"", "min = \"11TiB\"", "no size lies between"),
        ("min = \"1MiB\"", "min = \"1M\"", "is not a size"),
        ("suffix = \"b\"", "suffix = \"k\"", "does not mean bytes"),
        ("must = [\"ro\"]", "must = [\"sync\"]", "in `must` and in `any`"),
        ("must = [\"ro\"]", "must = [\"ro,rw\"]", "cannot stand in a list"),
        ("must = [\"ro\"]", "must = [\"-o\"]", "cannot stand in a list"),
        ("leaf = \"new\"", "leaf = \"now\"", "did you mean `new`?"),
        ("leaf = \"root\"", "leaf = \"root\", name = \"share\"", "leave out `under`, `parent`"),
        ("leaf = \"file\", name = \"share\"", "leaf = \"file\"", "needs the key `name`"),
        ("under = \"a/b\"", "under = \"a/../b\"", "is `.` or `..`"),
        ("under = \"a/b\"", "under = \"/a\"", "is empty"),
        ("pass = \"path\"", "pass = \"text\"", "allowed: fd, path"),
        ("optional = true", "optional = \"yes\"", "true or false"),
        ("\"--\", \"vg_shares\"]", "\"--type\", \"vg_shares\"]", "may be taken for it"),
        ("reason = \"shares", "reason = \" \" #", "must say something"),
        (
            "\"cp\", \"--archive\", \"--\", \"snapshots:snap-1\"",
            "\"cp\", \"-a\"",
            "does not accept this example",
        ),
        ("[\"cp\", \"-r\", \"shares:../x\"]", "[\"mv\"]", "of this rule's program"),
        ("[\"cp\", \"-r\", \"shares:../x\"]", "[]", "of this rule's program"),
        (
            "[\"cp\", \"-r\", \"shares:../x\"]",
            "[\"cp\", \"--archive\", \"--\", \"snapshots:s\", \"shares:a\"]",
            "must be refused, and `clone` accepts it",
        ),
        ("\"make-dir\", \"remove\"", "\"mkdir\"", "allowed: read, write"),
        ("\"make-dir\", \"remove\"", "", "at least one verb"),
        ("depth = 2", "depth = 33", "1 to 32"),
        ("name = \"share\"\ndepth = 2", "depth = 2", "`depth` without `name`"),
        ("name = \"share\"\ndepth = 2", "", "may both grant the same verb"),
        ("[[files]]", "[files]", "not TOML"),
        ("# ", "#\u{202E}", "invisible"),
    ] {
        // The last row needs a comment to hide in.
        let source =
            if EVERYTHING.contains(old) { with(old, new) } else { format!("{EVERYTHING}{new}") };
        let text = fault(&source).to_string();
        assert!(text.contains(said), "{old} -> {new}\n{text}");
    }
}

#[test]
fn a_rule_for_a_program_that_runs_programs_needs_its_reason() {
    let source = with("\"/usr/bin/cp\"", "\"/usr/bin/find\"").replace("[\"cp\"", "[\"find\"");
    fault(&source);
    let taken = source.replacen("reason =", "root-equivalent =", 1);
    let policy = Policy::parse(&taken, "p.toml").unwrap();
    let why = policy.command("clone").unwrap().root_equivalent.as_deref();
    assert_eq!(why, Some("shares are made from snapshots"));
}

/// Two rules for a program of the same name in different directories.
fn two(args: &str, other: &str) -> String {
    source_of_x(&[args, other]).replacen("/bin/x", "/usr/bin/x", 1)
}

#[test]
fn rules_that_accept_the_same_words_are_refused() {
    let name = "{ name = \"n\" }";
    let digits = "{ name = \"d\" }";
    let size = "{ size = { min = \"0B\", max = \"1KiB\" } }";
    let path = "{ path = { root = \"r\", leaf = \"dir\", name = \"n\" } }";
    let file = "{ path = { root = \"r\", leaf = \"file\", name = \"n\" } }";
    let flag = "{ flag = \"-a\", value = \"b\", optional = true }";
    for (a, b) in [
        ("", ""),
        ("\"a\"", "\"a\""),
        ("\"a\"", name),
        (name, name),
        ("{ one-of = [\"-x\", \"abc\"] }", name),
        (size, digits),
        (size, "\"1K\""),
        (path, file),
        (path, "\"r:abc\""),
        (flag, ""),
        (flag, "\"-a\", \"b\""),
        ("{ csv = { any = [\"a\", \"b\"] } }", "\"b,a\""),
        ("{ csv = { any = [\"a\"] } }", name),
    ] {
        for source in [two(a, b), two(b, a)] {
            let error = fault(&source);
            assert!(error.message.contains("may both accept"), "{a} | {b}: {error}");
        }
    }
    for (a, b) in [
        ("", "\"a\""),
        ("\"a\"", "\"b\""),
        (name, digits),
        (name, "\"A\""),
        (size, path),
        (size, "\"2K\""),
        (name, path),
        (path, "{ path = { root = \"r\", leaf = \"root\" } }"),
        (path, "{ path = { root = \"r\", leaf = \"dir\", under = \"u\", name = \"n\" } }"),
        (flag, "\"-a\", \"c\""),
        ("{ csv = { must = [\"a\"] } }", "{ csv = { any = [\"b\"] } }"),
    ] {
        for source in [two(a, b), two(b, a)] {
            assert!(Policy::parse(&source, "p.toml").is_ok(), "{a} | {b}");
        }
    }
}

#[test]
fn hostile_documents_end_in_an_error() {
    let deep = format!("schema = {}", "[".repeat(500_000));
    let dotted = format!("{} = 1", vec!["a"; 300_000].join("."));
    let long_key = format!("{} = 1", "k".repeat(1 << 19));
    let rules = "[[command]]\n".repeat(513);
    let many_args = two(&"\"a\",".repeat(129), "");
    for source in ["", "\u{FEFF}schema = 1", "\0", "[[roots]]", "command = 1", "roots = []"] {
        assert!(fault(source).line >= 1);
    }
    for source in
        [deep, dotted, long_key, format!("schema = 1\ndriver = \"d\"\n{rules}"), many_args]
    {
        assert!(fault(&source).to_string().len() < 2_000);
    }
    let too_long = format!("#{}", "x".repeat(1 << 20));
    assert_eq!(fault(&too_long).message, "a policy may not be longer than 1024 KiB");
}

#[test]
fn rules_too_alike_to_compare_are_refused_in_time() {
    let flags: String = (0..60)
        .map(|n| format!("{{ flag = \"-{n}\", value = \"v\", optional = true }},"))
        .collect();
    let mut source = two("\"first\"", "\"second\"");
    for n in 0..200 {
        source.push_str(&format!(
            "[[command]]\nid = \"c{n}\"\nprogram = \"/bin/y\"\nargs = [{flags} \"{n}\"]\n"
        ));
    }
    let error = fault(&source);
    assert!(error.message.contains("too many optional flags"), "{error}");
}

/// A manifest is read before anybody has looked at it: telling its rules apart costs no more than the
/// bound, however little it says itself.
#[test]
fn rules_that_take_long_to_tell_apart_are_refused_in_bounded_time() {
    // No two lists have a text in common but the last, and each is compared with all of the others.
    let list = |number: usize, texts: usize| {
        let texts: Vec<_> = (0..texts).map(|text| format!("\"{number}x{text}\"")).collect();
        format!("{{ one-of = [{}, \"zz\"] }}", texts.join(","))
    };
    let repeated = |rules: usize, texts: usize| -> Vec<String> {
        let rule = |number| {
            format!("{{ repeat = {}, min = 0, max = 127 }}, \"-{number}\"", list(number, texts))
        };
        (0..rules).map(rule).collect()
    };
    let varied = |rules: usize, lists: usize, texts: usize| -> Vec<String> {
        let rule = |rule: usize| {
            let lists = (0..lists).map(|at| list(rule * lists + at, texts).replace(", \"zz\"", ""));
            let lists: Vec<_> = lists.map(|list| format!("{{ optional = {list} }}")).collect();
            format!("{}, \"-{rule}\"", lists.join(","))
        };
        (0..rules).map(rule).collect()
    };
    let load = |rules: Vec<String>| {
        let source = source_of_x(&rules.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(source.len() <= 1 << 20, "{}", source.len());
        let began = std::time::Instant::now();
        let loaded = Policy::parse(&source, "p.toml").map(drop);
        (loaded, began.elapsed())
    };
    for (rules, why) in [
        (repeated(36, 255), "too many optional flags to tell `x"),
        (varied(40, 30, 12), "too many optional flags to tell `x"),
        (varied(2, 127, 64), "too many optional arguments to tell this one"),
    ] {
        let (refused, took) = load(rules);
        let error = refused.expect_err(why);
        assert!(error.message.contains(why) && error.help.is_some(), "{error}");
        assert!(took < std::time::Duration::from_secs(20), "{took:?}");
    }
    // What is repeated is compared once: the same few rules are told apart.
    assert!(load(repeated(8, 255)).0.is_ok());
    assert!(load(varied(3, 8, 12)).0.is_ok());
}
