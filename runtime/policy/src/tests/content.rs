//! What a files rule says of the content of files: what fits is rebuilt, all else is denied, and
//! nothing else that a policy grants passes it by.

mod loading;
mod properties;

use super::words;
use crate::{
    Claim, Direction, GuestPath, Manifest, Policy, Request, RiskClass, Verb, Verdict, learn, review,
};

/// Exports of an NFS server: a block of configuration in a file for each share.
const EXPORTS: &str = r#"schema = 1
driver = "exporting"

[roots.exports]
path = "/srv/abaca/exports"
[roots.shares]
path = "/srv/abaca/shares"

[types.share]
first = "a-z0-9"
rest = "a-z0-9-"
max = 64

# The blocks that the server reads.
[[files]]
id = "export"
root = "exports"
name = "share"
verbs = ["write"]
content = [
    "EXPORT {",
    { concat = ["  Export_Id = ", { int = { min = 1, max = 65535 } }, ";"] },
    { concat = ["  Path = ", { path = { root = "shares", leaf = "dir", name = "share", pass = "path", looked-up = "the NFS server looks it up", owner = "self" } }, ";"] },
    { optional = { concat = ["  Pseudo = /", { name = "share" }, ";"] } },
    "  FSAL { Name = VFS; }",
    { repeat = { concat = ["  CLIENT { Clients = ", { cidr = { within = ["198.51.100.0/24", "2001:db8::/32"] } }, "; Access_Type = ", { one-of = ["RO", "RW"] }, "; }"] }, min = 0, max = 3 },
    "}",
]
accepts = [["EXPORT {", "  Export_Id = 7;", "  Path = shares:share-1;", "  FSAL { Name = VFS; }", "}"]]
refuses = [["EXPORT {", "  Export_Id = 7;", "  Path = /;", "  FSAL { Name = VFS; }", "}"], []]

[[files]]
id = "export-remove"
root = "exports"
name = "share"
verbs = ["read", "list", "remove"]
"#;

/// The policy with other keys in the place of `content` and its examples, and more at the end.
fn with_content(content: &str, more: &str) -> String {
    let (before, rest) = EXPORTS.split_once("content = [").unwrap();
    let (_, after) = rest.split_once("\n\n[[files]]").unwrap();
    format!("{before}{content}\n\n[[files]]{after}{more}")
}

fn exports() -> Policy {
    Policy::parse(EXPORTS, "exports.toml").unwrap_or_else(|error| panic!("{error}"))
}

/// The lines of a block with these clients.
fn block(clients: &[&str]) -> Vec<String> {
    let mut lines = words(&[
        "EXPORT {",
        "  Export_Id = 7;",
        "  Path = shares:share-1;",
        "  Pseudo = /share-1;",
        "  FSAL { Name = VFS; }",
    ]);
    lines.extend(clients.iter().map(|client| format!("  CLIENT {{ Clients = {client}; }}")));
    lines.push("}".to_owned());
    lines
}

fn text(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
}

fn at(path: &str) -> GuestPath {
    GuestPath::parse_argument(path).unwrap()
}

/// What is written in the place of these bytes, or why nothing is.
fn rebuilt(policy: &Policy, bytes: &[u8]) -> Result<String, String> {
    let grant = policy.decide_write(&at("exports:share-1"), bytes);
    let grant = grant.map_err(|denial| denial.reason)?;
    Ok(policy.rebuilt(&grant.content.expect("the rule says what is written")))
}

#[test]
fn what_fits_is_rebuilt_with_the_path_of_the_host() {
    let policy = exports();
    let lines =
        block(&["198.51.100.0/25; Access_Type = RO", "2001:DB8:0::1/128; Access_Type = RW"]);
    let grant = policy.decide_write(&at("exports:share-1"), &text(&lines)).unwrap();
    assert_eq!((grant.rule.id.as_str(), grant.root.name.as_str()), ("export", "exports"));
    let content = grant.content.unwrap();
    assert_eq!(
        policy.rebuilt(&content),
        "EXPORT {\n  Export_Id = 7;\n  Path = /srv/abaca/shares/share-1;\n  Pseudo = /share-1;\n  \
         FSAL { Name = VFS; }\n  CLIENT { Clients = 198.51.100.0/25; Access_Type = RO; }\n  \
         CLIENT { Clients = 2001:db8::1/128; Access_Type = RW; }\n}\n"
    );
    let shown: Vec<_> = content.lines.iter().map(ToString::to_string).collect();
    assert_eq!(shown[2], "  Path = <shares>/share-1;");
    let values: Vec<_> =
        content.values.iter().map(|(label, value)| format!("{label}={value}")).collect();
    assert_eq!(
        values,
        [
            "int=7",
            "share=shares:share-1",
            "share=share-1",
            "cidr=198.51.100.0/25",
            "one-of=RO",
            "cidr=2001:db8::1/128",
            "one-of=RW"
        ]
    );
    let [Claim::Needs(object)] = content.claims.as_slice() else { panic!("{:?}", content.claims) };
    assert_eq!(object.to_string(), "shares:share-1");
}

/// Each edit of a block that is accepted, and a piece of why it is not.
#[test]
fn nothing_else_is_accepted() {
    let policy = exports();
    let good = String::from_utf8(text(&block(&["198.51.100.0/25; Access_Type = RO"]))).unwrap();
    assert!(rebuilt(&policy, good.as_bytes()).is_ok());
    for (old, new, why) in [
        ("Export_Id = 7", "Export_Id = 0", "line 2 should be"),
        ("Export_Id = 7", "Export_Id = 07", "line 2 should be"),
        ("Export_Id = 7;", "Export_Id = 7; Path = /;", "line 2 should be"),
        ("Export_Id = 7;", "Export_Id = 7;\n  Path = /;", "line 3 should be"),
        ("shares:share-1", "/srv/abaca/shares/share-1", "line 3 should be"),
        ("shares:share-1", "shares:../exports", "line 3 should be"),
        ("shares:share-1", "shares:a/b", "line 3 should be"),
        ("shares:share-1", "shares:", "line 3 should be"),
        ("shares:share-1", "exports:share-1", "line 3 should be"),
        ("shares:share-1;", "shares:share-1; Squash = None;", "line 3 should be"),
        ("shares:share-1", "shares:a\";Path=\"/", "line 3 should be"),
        ("shares:share-1", "shares:a#", "line 3 should be"),
        ("198.51.100.0/25", "198.51.101.0/25", "line 6 should be"),
        ("198.51.100.0/25", "198.51.100.0/23", "line 6 should be"),
        ("198.51.100.0/25", "0.0.0.0/0", "line 6 should be"),
        ("198.51.100.0/25", "*", "line 6 should be"),
        ("Access_Type = RO", "Access_Type = None", "line 6 should be"),
        ("}\n", "} \n", "line 5 should be"),
        ("EXPORT {\n", "EXPORT {\r\n", "line 1 has a control or invisible character"),
        ("EXPORT {\n", "EXPORT {\u{85}\n", "line 1 has a control"),
        ("EXPORT {\n", "EXPORT\u{2028}{\n", "line 1 has a control"),
        ("EXPORT {\n", "EXPORT\u{a0}{\n", "line 1 has a control"),
        ("EXPORT {\n", "\u{feff}EXPORT {\n", "line 1 has a control"),
        ("EXPORT {\n", "EXPORT {\n\n", "line 2 is empty"),
        ("EXPORT {\n", "\nEXPORT {\n", "line 1 is empty"),
        ("EXPORT {\n", "EXPORT {\0\n", "line 1 has a control"),
        ("EXPORT {\n", "", "line 1 should be"),
    ] {
        assert!(good.contains(old), "{old}");
        let said = rebuilt(&policy, good.replacen(old, new, 1).as_bytes()).unwrap_err();
        assert!(said.starts_with("what is written: ") && said.contains(why), "{new:?}: {said}");
    }
    let with = |end: &str| rebuilt(&policy, format!("{}{end}", good.trim_end()).as_bytes());
    assert_eq!(with("\n").unwrap().lines().count(), 7);
    assert!(with("").unwrap_err().contains("does not end with a line feed"));
    assert!(with("\n\n").unwrap_err().contains("line 8 is empty"));
    assert!(with("\n%include /etc/shadow\n").unwrap_err().contains("should be nothing more"));
    assert!(
        rebuilt(&policy, b"")
            .unwrap_err()
            .contains("line 1 should be \"EXPORT {\", not nothing more")
    );
    assert!(
        rebuilt(&policy, b"EXPORT {\n\xff\n").unwrap_err().contains("byte 10 begins no character")
    );
    let client = "198.51.100.0/25; Access_Type = RO";
    assert!(rebuilt(&policy, &text(&block(&[client; 3]))).is_ok());
    assert!(
        rebuilt(&policy, &text(&block(&[client; 4]))).unwrap_err().contains("line 9 should be }")
    );
}

#[test]
fn a_text_is_bounded_as_it_is_asked_for_and_as_it_is_rebuilt() {
    let policy = exports();
    let said = rebuilt(&policy, &vec![b'a'; (64 << 10) + 1]).unwrap_err();
    assert!(said.contains("larger than 64 KiB"), "{said}");
    let said = rebuilt(&policy, &b"a\n".repeat(1025)).unwrap_err();
    assert!(said.contains("more than 1024 lines"), "{said}");
    // A short word of the driver's, a long path of the host's.
    let long = format!("/{}", "a/".repeat(2000) + "a");
    let source = EXPORTS
        .replace("/srv/abaca/shares", &long)
        .replace("{ concat = [\"  Path = \", {", "{ repeat = { concat = [\"  Path = \", {")
        .replace(
            "owner = \"self\" } }, \";\"] },",
            "owner = \"self\" } }, \";\"] }, min = 1, max = 20 },",
        );
    let policy = Policy::parse(&source, "long.toml").unwrap_or_else(|error| panic!("{error}"));
    let many = |count: usize| {
        let mut lines = block(&[]);
        (1..count).for_each(|_| lines.insert(2, "  Path = shares:share-1;".to_owned()));
        rebuilt(&policy, &text(&lines))
    };
    assert!(many(16).is_ok());
    assert!(many(17).unwrap_err().contains("rebuilt it is larger than 64 KiB"));
}

#[test]
fn a_write_is_not_decided_by_its_place_alone() {
    let policy = exports();
    let denial = policy.decide_files(Verb::Write, &at("exports:share-1")).unwrap_err();
    assert_eq!(denial.rule.as_deref(), Some("export"));
    let place = Request::Files { verb: Verb::Write, path: at("exports:share-1") };
    assert!(policy.decide(&place).is_err());
    let write = |lines| Request::Write { path: at("exports:share-1"), lines };
    let granted = policy.decide(&write(block(&[]))).unwrap();
    assert_eq!((granted.rule, granted.needs_own), ("export", true));
    assert!(policy.decide(&write(words(&["EXPORT {"]))).is_err());
    // Elsewhere, and where nothing is said of it, all is as it was.
    assert!(policy.decide_write(&at("shares:share-1"), b"x").is_err());
    let used = "\n[[files]]\nid = \"use\"\nroot = \"shares\"\nverbs = [\"list\"]\n";
    let free = Policy::parse(&with_content("", used), "free.toml");
    let free = free.unwrap_or_else(|error| panic!("{error}"));
    let grant = free.decide_write(&at("exports:share-1"), b"\xff\0 anything").unwrap();
    assert!(grant.content.is_none());
    assert!(free.covers(&free) && !exports().covers(&free));
}

#[test]
fn what_may_be_named_in_it_may_be_looked_at_and_be_owned() {
    let policy = exports();
    assert_eq!(policy.decide_look(&at("shares:share-1")).unwrap(), "export");
    assert!(policy.decide_look(&at("shares:a/b")).is_err());
    let containers: Vec<_> = policy.containers().iter().map(ToString::to_string).collect();
    assert_eq!(containers, ["root:exports", "root:shares"]);
}

#[test]
fn an_explanation_shows_the_line_or_the_whole_file() {
    let policy = exports();
    let explain = |lines: Vec<String>| {
        let words: Vec<_> = std::iter::once("exports:share-1".to_owned()).chain(lines).collect();
        policy.explain_files(Verb::Write, &words)
    };
    let granted = explain(block(&[]));
    assert_eq!(granted.outcome, Ok("export".to_owned()));
    let Verdict::Matched { content, needs, values, .. } = &granted.rules[0].verdict else {
        panic!("{granted}")
    };
    assert_eq!(content[2], "  Path = /srv/abaca/shares/share-1;");
    assert_eq!((content.len(), needs.as_slice()), (6, &["shares:share-1".to_owned()][..]));
    assert!(
        values.contains(&("exports:share-1".to_owned(), "/srv/abaca/exports/share-1".to_owned()))
    );
    assert!(
        granted.to_string().contains("\n    |   Path = /srv/abaca/shares/share-1;"),
        "{granted}"
    );
    let mut lines = block(&[]);
    lines[1] = "  Export_Id = 70000;".to_owned();
    let denied = explain(lines);
    assert_eq!(
        denied.to_string(),
        "denied: what is written: line 2 should be \"  Export_Id = \"<INT:1..65535>;, not \"  \
         Export_Id = 70000;\"\n  export: line 2 should be \"  Export_Id = \"<INT:1..65535>;, not \"  \
         Export_Id = 70000;\"\n  export-remove: is for read, list, remove, not \"write\"".replace("\"write\"", "write"),
    );
    assert!(matches!(denied.rules[0].verdict, Verdict::Unlike { line: Some(2), .. }));
    assert!(explain(Vec::new()).outcome.unwrap_err().contains("line 1 should be"));
    let two = policy.explain_files(Verb::Remove, &words(&["exports:a", "exports:b"]));
    assert!(two.outcome.is_err());
}

#[test]
fn less_is_asked_for_by_a_rule_that_says_more() {
    let edited = |old: &str, new: &str| {
        assert!(EXPORTS.contains(old), "{old}");
        let source = EXPORTS.replace(old, new);
        Policy::parse(&source, "e.toml").unwrap_or_else(|error| panic!("{error}"))
    };
    let (narrow, same) = (exports(), exports());
    assert!(narrow.diff(&same).changes.is_empty());
    let use_of_shares =
        "\n[[files]]\nid = \"use\"\nroot = \"shares\"\nverbs = [\"list\"]\n".to_owned();
    let used = format!("{EXPORTS}{use_of_shares}");
    let anything = with_content("", &use_of_shares);
    let [used, anything] = [used, anything]
        .map(|source| Policy::parse(&source, "a.toml").unwrap_or_else(|error| panic!("{error}")));
    for (narrow, wide, what) in [
        (&narrow, edited("max = 65535", "max = 65536"), "line 2 concat part 2: int.max"),
        (&narrow, edited("198.51.100.0/24", "198.51.0.0/16"), "line 6 concat part 2: cidr.within"),
        (
            &narrow,
            edited("\"RO\", \"RW\"", "\"RO\", \"RW\", \"MDONLY\""),
            "line 6 concat part 4: one-of",
        ),
        (&narrow, edited("max = 3 }", "max = 4 }"), "line 9"),
        (&narrow, edited(", owner = \"self\"", ""), "line 3 concat part 2: path.owner"),
        (&used, anything, "content"),
    ] {
        assert!(wide.covers(narrow) && !narrow.covers(&wide), "{what}");
        for (old, new, direction) in
            [(narrow, &wide, Direction::Wider), (&wide, narrow, Direction::Narrower)]
        {
            let diff = old.diff(new);
            assert_eq!(diff.asks_more, direction == Direction::Wider, "{what}: {diff:#?}");
            let change = diff.changes.iter().find(|change| change.id == "export").unwrap();
            assert_eq!(change.direction, direction, "{change:#?}");
            let told = change.differences.iter().find(|one| one.what.starts_with(what));
            assert_eq!(told.map(|one| one.direction), Some(direction), "{what}: {change:#?}");
        }
    }
    for other in [edited("Export_Id", "Export_ID"), edited("Name = VFS", "Name = XFS")] {
        assert!(!narrow.covers(&other) && !other.covers(&narrow));
        assert!(narrow.diff(&other).asks_more);
    }
}

/// As many lines as there may be are compared in the time that an operator waits.
#[test]
fn the_longest_contents_are_compared() {
    let policy = |max: u32| {
        let source = EXPORTS.replace("max = 3 }", &format!("max = {max} }}"));
        Policy::parse(&source, "l.toml").unwrap_or_else(|error| panic!("{error}"))
    };
    let (wide, narrow) = (policy(1018), policy(1017));
    assert!(wide.covers(&narrow) && !narrow.covers(&wide));
    assert_eq!(wide.diff(&narrow).changes.len(), 1);
    let client = "198.51.100.0/25; Access_Type = RO";
    assert!(rebuilt(&wide, &text(&block(&[client; 900]))).is_ok());
}

#[test]
fn what_is_learnt_is_no_wider_than_what_was_written() {
    let lines =
        block(&["198.51.100.128/25; Access_Type = RO", "198.51.100.7/32; Access_Type = RO"]);
    let write = Request::Write { path: at("exports:share-1"), lines: lines.clone() };
    let other = Request::Write { path: at("exports:b"), lines: words(&["EXPORT {"]) };
    let unknown = Request::Files { verb: Verb::Write, path: at("exports:b") };
    let learned =
        learn(EXPORTS, "p.toml", [write, other, unknown]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((learned.granted, learned.denied.len()), (1, 2));
    let differences: Vec<_> = learned
        .diff
        .changes
        .iter()
        .flat_map(|change| {
            change.differences.iter().map(move |one| format!("{} {}", change.id, one.what))
        })
        .collect();
    for what in [
        "export line 2 concat part 2: int.min",
        "export line 2 concat part 2: int.max",
        "export line 4",
        "export line 6 concat part 2: cidr.within",
        "export line 6 concat part 4: one-of",
    ] {
        assert!(differences.iter().any(|one| one == what), "{what}: {differences:#?}");
    }
    let text = &learned.text;
    assert!(text.contains("{ int = { min = 7, max = 7 } }"), "{text}");
    assert!(text.contains("# The blocks that the server reads."), "{text}");
    assert!(text.contains("min = 2, max = 2"), "{text}");
    assert!(text.contains("accepts = [[\"EXPORT {\", \"  Export_Id = 7;\""), "{text}");
    assert!(!text.contains("optional") && !text.contains("export-remove"), "{text}");
    let grant = learned.policy.decide_write(&at("exports:share-1"), &self::text(&lines));
    assert_eq!(learned.policy.rebuilt(&grant.unwrap().content.unwrap()).lines().count(), 8);
}

#[test]
fn what_is_shown_is_what_is_enforced() {
    let shown = review(EXPORTS, "p.toml").unwrap();
    assert!(
        shown.contains("\ncontent = [\n    \"EXPORT {\",\n    { concat = [\"  Export_Id = \", "),
        "{shown}"
    );
    let again = Policy::parse(&shown, "shown.toml").unwrap_or_else(|error| panic!("{error}"));
    assert!(exports().diff(&again).changes.is_empty());
    assert_eq!(review(&shown, "shown.toml").unwrap(), shown);
    let manifest = EXPORTS
        .replace("path = \"/srv/abaca/exports\"", "purpose = \"blocks\"")
        .replace("path = \"/srv/abaca/shares\"", "purpose = \"shares\"");
    let manifest = Manifest::parse(&manifest, "m.toml").unwrap();
    assert_eq!(Manifest::parse(&manifest.text(), "m.toml").unwrap().text(), manifest.text());
    let bind = |shares: &str| {
        let roots = [("exports", "/srv/abaca/exports"), ("shares", shares)];
        let roots = roots.map(|(name, path)| (name.to_owned(), path.to_owned()));
        manifest.bind(&roots.into_iter().collect())
    };
    assert!(exports().diff(&bind("/srv/abaca/shares").unwrap().policy).changes.is_empty());
    let error = bind("/srv/a b").unwrap_err().to_string();
    assert!(error.contains("the path of the root `shares` has the character ' '"), "{error}");
}

#[test]
fn it_is_as_dangerous_as_what_it_leaves_open() {
    let class = |source: &str| {
        let policy = Policy::parse(source, "r.toml").unwrap_or_else(|error| panic!("{error}"));
        policy.risks().into_iter().find(|rated| rated.id == "export").unwrap().risk
    };
    let risk = class(EXPORTS);
    assert_eq!(risk.class, RiskClass::R2);
    let says = |what: &str| risk.reasons.iter().any(|reason| reason.why.contains(what));
    assert!(says("tells whoever reads the file where things in `shares` are"), "{risk:?}");
    // What would be as good as root, if anything could be written, is not.
    let etc = EXPORTS.replace("/srv/abaca/exports", "/etc/ganesha/exports.d");
    assert_eq!(class(&etc).class, RiskClass::R3);
    let root = exports().risks().into_iter().find(|rated| rated.id == "shares").unwrap();
    assert_eq!(root.risk.class, RiskClass::R2);
}
