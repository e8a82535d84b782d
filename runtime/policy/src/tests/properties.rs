//! What must hold for every command line and every pair of rules.

use proptest::prelude::*;

use super::{everything, respelt, source_of_x};
use crate::text::is_hidden;
use crate::{Policy, PolicyError, Verdict};

/// Words near to what the rules accept, and words of any kind.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9-]{1,8}",
        4 => "(shares|snapshots|other):[a-z0-9._/-]{0,8}",
        4 => "shares:a/b/[a-z0-9-]{1,4}",
        3 => "[0-9]{1,14}[KMGTb]?",
        3 => "(ro|sync|hard|rw)(,(ro|sync|hard))?(,(ro|sync))?",
        2 => prop::sample::select(vec!["linear", "striped", "shares:", "shares:.", "--", "-L"])
            .prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

/// Command lines whose literals are right, so that the holes are reached.
pub(super) fn line() -> impl Strategy<Value = (&'static str, Vec<String>)> {
    let text = |word: &'static str| Just(word.to_owned());
    prop_oneof![
        (text("--archive"), text("--"), word(), word())
            .prop_map(|(a, b, c, d)| ("cp", vec![a, b, c, d])),
        (word(), word(), prop::option::of(word())).prop_map(|(size, name, kind)| {
            let mut args = vec!["-L".to_owned(), size, "-n".to_owned(), name];
            args.extend(kind.into_iter().flat_map(|kind| ["--type".to_owned(), kind]));
            args.extend(["--".to_owned(), "vg_shares".to_owned()]);
            ("lvcreate", args)
        }),
        (text("-o"), word(), word(), word())
            .prop_map(|(a, b, c, d)| ("exportfs", vec![a, b, c, d])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_granted_is_canonical_and_harmless((program, args) in line()) {
        let policy = everything();
        if let Ok(grant) = policy.decide_command(program, &args) {
            let again = respelt(&grant.argv);
            let second = policy.decide_command(program, &again);
            prop_assert!(second.is_ok(), "{:?} is not accepted", again);
            if let Ok(second) = second {
                prop_assert_eq!(&second.argv, &grant.argv);
                prop_assert_eq!(&second.values, &grant.values);
                prop_assert_eq!(&second.rule.id, &grant.rule.id);
            }
            for (label, value) in &grant.values {
                prop_assert!(!value.is_empty() && !value.starts_with('-'), "{}={:?}", label, value);
                prop_assert!(!value.chars().any(is_hidden), "{}={:?}", label, value);
            }
        }
    }

    #[test]
    fn no_input_panics(program in any::<String>(), args in prop::collection::vec(any::<String>(), 0..6)) {
        let policy = everything();
        let granted = policy.decide_command(&program, &args).is_ok();
        prop_assert_eq!(granted, policy.explain_command(&program, &args).outcome.is_ok());
    }

    #[test]
    fn no_text_panics(source in "(schema|driver|roots|\\[|\\]|=|\"|\\.|1|\n|a| |\\{|\\}|command|args){0,40}") {
        prop_assert!(Policy::parse(&source, "p.toml").is_err());
    }
}

/// Elements of `args` whose words collide in many ways.
const ELEMENTS: [&str; 16] = [
    r#""-a""#,
    r#""b""#,
    r#""r:b""#,
    r#""1""#,
    r#"{ one-of = ["-a", "b"] }"#,
    r#"{ name = "n" }"#,
    r#"{ size = { min = "1B", max = "9B" } }"#,
    r#"{ path = { root = "r", leaf = "dir", name = "n" } }"#,
    r#"{ path = { root = "r", leaf = "root" } }"#,
    r#"{ csv = { any = ["b", "1", "r:b"] } }"#,
    r#"{ flag = "-a", value = "b", optional = true }"#,
    r#"{ flag = "-a", value = { name = "n" }, optional = true }"#,
    r#"{ optional = "b" }"#,
    r#"{ optional = { one-of = ["-a", "1"] } }"#,
    r#"{ repeat = { name = "n" }, min = 0, max = 2 }"#,
    r#"{ repeat = { flag = "-a", value = "b" }, min = 1, max = 2 }"#,
];

fn elements() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(ELEMENTS.to_vec()), 0..4)
        .prop_map(|elements| elements.join(", "))
}

/// Rules for `/bin/x` whose type `n` has names that look like much else.
fn policy_of(rules: &[&str]) -> Result<Policy, PolicyError> {
    let (plain, odd) = ("first = \"a-z\"\nrest = \"a-z\"", "first = \"a-z1\"\nrest = \"a-z:,\"");
    Policy::parse(&source_of_x(rules).replacen(plain, odd, 1), "p.toml")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The loader's `overlaps` never lets two rules through that meet.
    #[test]
    fn loaded_rules_never_meet(a in elements(), b in elements(), c in elements()) {
        if let Ok(policy) = policy_of(&[&a, &b, &c]) {
            for args in short_lines() {
                let matched = policy
                    .explain_command("x", &args)
                    .rules
                    .iter()
                    .filter(|rule| matches!(rule.verdict, Verdict::Matched { .. }))
                    .count();
                prop_assert!(matched <= 1, "{:?} suits {} rules:\n{}\n{}\n{}", args, matched, a, b, c);
            }
        }
    }

    /// What covers grants no less, and grants it with the same argv.
    #[test]
    fn a_covering_rule_grants_the_same_argv(a in elements(), b in elements()) {
        if let (Ok(wide), Ok(narrow)) = (policy_of(&[&a]), policy_of(&[&b])) {
            prop_assert!(wide.covers(&wide), "{} does not cover itself", a);
            if wide.covers(&narrow) {
                for args in short_lines() {
                    if let Ok(grant) = narrow.decide_command("x", &args) {
                        let wider = wide.decide_command("x", &args).map(|grant| grant.argv);
                        prop_assert_eq!(wider, Ok(grant.argv), "{} covers {}", a, b);
                    }
                }
            }
        }
    }
}

/// Every line of up to three of the words that the elements are about.
fn short_lines() -> Vec<Vec<String>> {
    const WORDS: [&str; 8] = ["-a", "b", "r:b", "r:", "1", "1,b", "r:b,b", "c"];
    let mut lines = vec![Vec::new()];
    let mut longest = lines.clone();
    for _ in 0..3 {
        longest = longest
            .iter()
            .flat_map(|line: &Vec<String>| {
                WORDS.map(|word| line.iter().cloned().chain([word.to_owned()]).collect())
            })
            .collect();
        lines.extend(longest.iter().cloned());
    }
    lines
}
