//! What must hold for every text and every pair of contents.

use proptest::prelude::*;

use super::{at, exports, text, with_content};
use crate::tests::respelt;
use crate::text::is_hidden;
use crate::{Policy, PolicyError, Request};

/// Words for the holes: what they take, what is near, and anything.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[0-9]{1,6}",
        4 => "(shares|exports):[a-z0-9./-]{0,6}",
        4 => "(198.51.100|10.0.0).[0-9]{1,3}/(2[0-9]|3[0-3])",
        3 => prop::sample::select(vec!["RO", "RW", "share-1", "shares:share-1", "198.51.100.0/24"])
            .prop_map(str::to_owned),
        2 => "[ -~]{0,6}",
        1 => any::<String>(),
    ]
}

/// Lines whose texts are right, so that the holes are reached, and some others among them.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let wild = prop::option::weighted(0.05, any::<String>());
    let client = (word(), word());
    let clients = prop::collection::vec(client, 0..4);
    (word(), word(), prop::option::of(word()), clients, wild, 0_usize..9).prop_map(
        |(id, path, pseudo, clients, wild, at)| {
            let mut lines = vec![
                "EXPORT {".to_owned(),
                format!("  Export_Id = {id};"),
                format!("  Path = {path};"),
            ];
            lines.extend(pseudo.map(|pseudo| format!("  Pseudo = /{pseudo};")));
            lines.push("  FSAL { Name = VFS; }".to_owned());
            lines.extend(clients.into_iter().map(|(network, access)| {
                format!("  CLIENT {{ Clients = {network}; Access_Type = {access}; }}")
            }));
            lines.push("}".to_owned());
            if let Some(wild) = wild {
                let at = at.min(lines.len());
                lines.insert(at, wild);
            }
            lines
        },
    )
}

/// Lines of which most fit.
fn fitting() -> impl Strategy<Value = Vec<String>> {
    let name = "[a-z0-9][a-z0-9-]{0,5}";
    let client = ("[0-9]{1,2}", prop::sample::select(vec!["RO", "RW", "NO"]));
    (1_u32..70_000, name, prop::option::of(name), prop::collection::vec(client, 0..5)).prop_map(
        |(id, path, pseudo, clients)| {
            let mut lines = vec![
                "EXPORT {".to_owned(),
                format!("  Export_Id = {id};"),
                format!("  Path = shares:{path};"),
            ];
            lines.extend(pseudo.map(|pseudo| format!("  Pseudo = /{pseudo};")));
            lines.push("  FSAL { Name = VFS; }".to_owned());
            lines.extend(clients.into_iter().map(|(host, access)| {
                format!("  CLIENT {{ Clients = 198.51.100.{host}/32; Access_Type = {access}; }}")
            }));
            lines.push("}".to_owned());
            lines
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is accepted is canonical: asked for again, the same file comes of it. And nothing of
    /// the driver's in it is more than a hole may hold.
    #[test]
    fn what_is_granted_is_canonical_and_harmless(lines in prop_oneof![lines(), fitting()]) {
        let policy = exports();
        let place = at("exports:share-1");
        let Ok(grant) = policy.decide_write(&place, &text(&lines)) else { return Ok(()) };
        let content = grant.content.unwrap();
        let again = respelt(&content.lines);
        let second = policy.decide_write(&place, &text(&again)).map(|grant| grant.content.unwrap());
        prop_assert!(second.is_ok(), "{:?} is not accepted", again);
        let second = second.unwrap();
        prop_assert_eq!(&second.lines, &content.lines);
        prop_assert_eq!(&second.values, &content.values);
        prop_assert_eq!(&second.claims, &content.claims);
        let file = policy.rebuilt(&content);
        prop_assert_eq!(&policy.rebuilt(&second), &file);
        prop_assert_eq!(file.lines().count(), lines.len());
        let odd = ['"', '#', '\\', '\''];
        let ends = file.ends_with("}\n");
        prop_assert!(ends && file.is_ascii() && !file.contains(odd));
        prop_assert!(!file.chars().any(|c| is_hidden(c) && c != '\n'));
        // Each `;` and brace is one of the rule's texts.
        let clients = lines.iter().filter(|line| line.starts_with("  CLIENT")).count();
        let pseudo = lines.iter().filter(|line| line.starts_with("  Pseudo")).count();
        prop_assert_eq!(file.matches(';').count(), 3 + pseudo + 2 * clients);
        prop_assert_eq!(file.matches('{').count(), 2 + clients);
    }

    /// Every door says the same of it, and no bytes are too much for any.
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), lines in lines()) {
        let policy = exports();
        let place = at("exports:share-1");
        prop_assert!(policy.decide_write(&place, &bytes).is_err());
        let by_bytes = policy.decide_write(&place, &text(&lines)).is_ok();
        let request = Request::Write { path: place, lines: lines.clone() };
        if !lines.iter().any(|line| line.contains('\n')) {
            prop_assert_eq!(policy.decide(&request).is_ok(), by_bytes);
        }
        let words: Vec<_> = std::iter::once("exports:share-1".to_owned()).chain(lines).collect();
        let explained = policy.explain_files(crate::Verb::Write, &words);
        prop_assert_eq!(explained.outcome.is_ok(), policy.decide(&request).is_ok());
    }
}

/// Elements of `content` whose lines collide in many ways.
const ELEMENTS: [&str; 12] = [
    r#""a""#,
    r#""b c""#,
    r#"{ one-of = ["a", "b c", "7"] }"#,
    r#"{ name = "share" }"#,
    r#"{ int = { min = 1, max = 9 } }"#,
    r#"{ concat = ["b ", { name = "share" }] }"#,
    r#"{ concat = ["b ", { int = { min = 7, max = 8 } }] }"#,
    r#"{ path = { root = "shares", leaf = "dir", name = "share", pass = "path", looked-up = "the NFS server looks it up" } }"#,
    r#"{ path = { root = "shares", leaf = "dir", name = "share", pass = "path", looked-up = "the NFS server looks it up", owner = "self" } }"#,
    r#"{ optional = "a" }"#,
    r#"{ optional = { name = "share" } }"#,
    r#"{ repeat = { one-of = ["a", "7"] }, min = 0, max = 2 }"#,
];

fn policy_of(elements: &[&str]) -> Result<Policy, PolicyError> {
    let content = format!("content = [{}]", elements.join(", "));
    let used =
        "\n[[files]]\nid = \"use\"\nroot = \"shares\"\nname = \"share\"\nverbs = [\"list\"]\n";
    Policy::parse(&with_content(&content, used), "p.toml")
}

fn elements() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(ELEMENTS.to_vec()), 1..4)
}

/// Every text of up to three of the lines that the elements are about.
fn short_texts() -> Vec<Vec<String>> {
    const LINES: [&str; 8] = ["a", "b c", "7", "b 7", "b 9", "shares:a", "shares:", "share-1"];
    let mut texts = vec![Vec::new()];
    let mut longest = texts.clone();
    for _ in 0..3 {
        longest = longest
            .iter()
            .flat_map(|text: &Vec<String>| {
                LINES.map(|line| text.iter().cloned().chain([line.to_owned()]).collect())
            })
            .collect();
        texts.extend(longest.iter().cloned());
    }
    texts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// What covers grants no less, the same file comes of it, and it asks for no more of it to be
    /// the backend's own; and a diff says so.
    #[test]
    fn what_covers_writes_the_same(a in elements(), b in elements()) {
        let (Ok(wide), Ok(narrow)) = (policy_of(&a), policy_of(&b)) else { return Ok(()) };
        prop_assert!(wide.covers(&wide), "{:?} does not cover itself", a);
        prop_assert_eq!(wide.diff(&narrow).asks_more, !wide.covers(&narrow));
        if !wide.covers(&narrow) {
            return Ok(());
        }
        let place = at("exports:share-1");
        for lines in short_texts() {
            let Ok(grant) = narrow.decide_write(&place, &text(&lines)) else { continue };
            let content = grant.content.unwrap();
            let wider = wide.decide_write(&place, &text(&lines)).map(|grant| grant.content.unwrap());
            prop_assert!(wider.is_ok(), "{:?} covers {:?} but for {:?}", a, b, lines);
            let wider = wider.unwrap();
            prop_assert_eq!(wide.rebuilt(&wider), narrow.rebuilt(&content));
            prop_assert!(wider.claims.iter().all(|claim| content.claims.contains(claim)));
        }
    }
}
