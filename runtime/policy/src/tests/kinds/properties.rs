//! What must hold of every kind of matcher, for words near to what it takes and
//! for words of any kind.

use proptest::prelude::*;
use proptest::strategy::Union;

use crate::matcher::Matcher;
use crate::outline::Outline;
use crate::tests::{respelt, rules_of_x, words};
use crate::text::is_hidden;
use crate::{Argument, Claim, Policy};

/// Matchers of each kind. A device runs as it is named, so that what runs can be
/// asked for again.
fn kinds() -> Vec<BoxedStrategy<String>> {
    let bounds = || (0_u32..20, 0_u32..20).prop_map(|(a, b)| (a.min(b), a.max(b)));
    let name = || prop::sample::select(vec!["n", "d"]);
    // Fills a template's `@` with one of these.
    let filled = |template: &'static str, fillings: &[&'static str]| {
        prop::sample::select(fillings.to_vec())
            .prop_map(|filling| template.replace('@', filling))
            .boxed()
    };
    let within = ["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "fd00::/8", "::/0"];
    vec![
        filled("\"@\"", &["abc", "7", "-7", "0770", "ro,sync", "10.0.0.1", "tank/abc", "r:abc"]),
        filled("{ one-of = [@] }", &["\"-7\", \"7\", \"abc\", \"vg/abc\"", "\"7\""]),
        filled("{ name = \"@\" }", &["n", "d"]),
        bounds()
            .prop_map(|(min, max)| format!("{{ int = {{ min = {min}, max = {max} }} }}"))
            .boxed(),
        (bounds(), prop::sample::select(vec!["", ", suffix = \"b\""]))
            .prop_map(|((min, max), suffix)| {
                format!("{{ size = {{ min = \"{min}B\", max = \"{max}KiB\"{suffix} }} }}")
            })
            .boxed(),
        (bounds(), prop::sample::select(vec!["", ", of = \"VG\"", ", of = \"FREE\""]))
            .prop_map(|((min, max), of)| {
                format!("{{ percent = {{ min = {min}, max = {max}{of} }} }}")
            })
            .boxed(),
        filled("{ mode = { mask = \"@\" } }", &["0770", "0007", "2777", "0000", "0500"]),
        Just("{ uuid = true }".to_owned()).boxed(),
        filled("{ ip = { within = [\"@\"] } }", &within),
        Just("{ ip = {} }".to_owned()).boxed(),
        (prop::sample::select(within.to_vec()), 0_u32..33)
            .prop_map(|(network, min)| {
                format!("{{ cidr = {{ within = [\"{network}\"], min-prefix = {min} }} }}")
            })
            .boxed(),
        filled(
            "{ cidr = { within = [\"@\"], form = \"netmask\" } }",
            &["10.0.0.0/8", "10.1.0.0/16"],
        ),
        filled(
            "{ cidr = { within = [\"10.0.0.0/8\"], list = @ } }",
            &[
                "\":\"",
                "\",\"",
                "\" \"",
                "\" \", suffix = [\":rw\"]",
                "\" \", suffix = [\":rw\", \":ro\"]",
                "\",\", suffix = [\":rw\", \":ro:rw\"]",
                "\" \", suffix = [\":10.1.0.0/16\", \":10.0.0.1\", \":rw\"]",
                "\" \", suffix = [\",10.1.0.0/16:rw\", \",10.0.0.1\", \":rw\"]",
                "\",\", form = \"netmask\", suffix = [\":rw\"]",
            ],
        ),
        filled(
            "{ cidr = { within = [@], list = \",\", suffix = [\"(rw)\", \"(ro)\"] } }",
            &["\"10.0.0.0/8\"", "\"fd00::/8\", \"10.1.0.0/16\""],
        ),
        filled(
            "{ path = { root = \"r\", @ } }",
            &[
                "leaf = \"root\"",
                "leaf = \"dir\", name = \"n\"",
                "leaf = \"new\", name = \"n\"",
                "leaf = \"dir\", name = \"n\", owner = \"self\"",
            ],
        ),
        (name(), prop::sample::select(vec!["", ", snapshot = \"n\"", ", snapshot = \"d\""]))
            .prop_map(|(name, snapshot)| {
                format!("{{ dataset = {{ parent = \"tank\", name = \"{name}\"{snapshot} }} }}")
            })
            .boxed(),
        filled("{ device = { group = \"@\", name = \"n\", pass = \"name\" } }", &["vg", "x"]),
        filled(
            "{ device = { group = \"vg\", name = \"n\", pass = \"name\", owner = \"@\" } }",
            &["self", "new"],
        ),
        filled(
            "{ name = \"n\", owner = \"@ }",
            &[
                "self\", in = { group = \"vg\" }",
                "new\", in = { group = \"vg\" }",
                "self\", in = { space = \"s\" }",
            ],
        ),
        filled(
            "{ secret = \"@ }",
            &["abc\"", "vg\"", "abc\", pass = \"argument\", exposed = \"why\""],
        ),
        filled(
            "{ csv = { @ } }",
            &[
                "must = [\"ro\"]",
                "any = [\"sync\", \"ro\"]",
                "must = [\"7\"], any = [\"ro\"]",
                "any = [\"ro\"]",
            ],
        ),
    ]
}

/// A matcher of several parts around one or two others.
fn parts(one: BoxedStrategy<String>, two: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let after = (prop::sample::select(vec!["k=", "-k=", "7"]), one.clone())
        .prop_map(|(key, part)| format!("{{ concat = [\"{key}\", {part}] }}"));
    let between = (one, prop::sample::select(vec![";", ",", ":"]), two)
        .prop_map(|(one, text, two)| format!("{{ concat = [{one}, \"{text}\", {two}] }}"));
    prop_oneof![after, between].boxed()
}

fn matcher() -> BoxedStrategy<String> {
    let simple = || Union::new(kinds()).boxed();
    prop_oneof![simple(), parts(simple(), simple())].boxed()
}

/// Two matchers, most of them of the same kind.
fn pair() -> impl Strategy<Value = (String, String)> {
    let same = prop::sample::select(kinds()).prop_flat_map(|kind| {
        let parts = parts(kind.clone(), kind.clone());
        prop_oneof![(kind.clone(), kind), (parts.clone(), parts)]
    });
    prop_oneof![1 => (matcher(), matcher()), 2 => same]
}

/// Lists of networks and addresses, each with one of some endings.
fn clients() -> impl Strategy<Value = String> {
    let client = "(10\\.0\\.0\\.1|10\\.1\\.0\\.0/16|10\\.1\\.0\\.0/255\\.255\\.0\\.0|fd00::1)\
                  (|:rw|:rw|:ro|:ro:rw|:10\\.0\\.0\\.1|,10\\.1\\.0\\.0/16:rw|\\(rw\\)|\\(ro\\))";
    (prop::collection::vec(client, 1..4), "[ ,:]").prop_map(|(all, between)| all.join(&between))
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[0-9]{1,2}",
        2 => "[0-9]{1,2}[KMb]",
        2 => "[0-9]{1,2}%(VG|FREE)?",
        2 => "[0-7]{3,4}",
        1 => "[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9A-F]{4}-[0-9a-f]{12}",
        2 => "10\\.[01]\\.[0-9]\\.[0-9]{1,3}",
        2 => "10\\.[01]\\.0\\.0/(8|16|24|255\\.255\\.0\\.0)",
        2 => "([fF][dD]00|fe80)::[0-9a-f]{0,3}(/(8|64|128))?",
        3 => clients(),
        2 => "[a-z]{1,4}",
        1 => "abc|vg",
        2 => "(r|tank|vg|x)[:/]([a-z.]{0,2}|7)",
        2 => "tank/([a-z]|7)@([a-z]{0,2}|7)",
        2 => "(ro|sync|7)(,(ro|sync|7)){0,2}",
        1 => prop::sample::select(vec!["", "-", "--", "-7", "..", "/", "\u{202E}", "a\u{200B}", "７", "a\n", "é"])
            .prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => piece(),
        1 => ("(k=|-k=|7)", piece()).prop_map(|(key, piece)| key + &piece),
        1 => (piece(), "[;,:]", piece()).prop_map(|(one, between, two)| one + &between + &two),
    ]
}

/// What runs for a word, if anything does.
fn argv(policy: &Policy, word: &str) -> Option<Vec<Argument>> {
    policy.decide_command("x", &words(&[word])).ok().map(|grant| grant.argv)
}

/// What is asked of the record for a word, if anything does run.
fn claims(policy: &Policy, word: &str) -> Option<Vec<Claim>> {
    policy.decide_command("x", &words(&[word])).ok().map(|grant| grant.claims)
}

/// Matchers of kinds that take few words, and all words that one of the kind can take.
fn finite() -> Vec<(BoxedStrategy<String>, Vec<String>)> {
    let bounds = || (0_u32..20, 0_u32..20).prop_map(|(a, b)| (a.min(b), a.max(b)));
    let numbers = || (0_u32..20).map(|number| number.to_string());
    let texts = ["a", "b", "c"];
    let some = || prop::sample::subsequence(texts.to_vec(), 1..=texts.len());
    let lists = [
        "a", "b", "c", "a,b", "a,c", "b,a", "b,c", "c,a", "c,b", "a,b,c", "a,c,b", "b,a,c",
        "b,c,a", "c,a,b", "c,b,a",
    ];
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    vec![
        (
            bounds()
                .prop_map(|(min, max)| format!("{{ int = {{ min = {min}, max = {max} }} }}"))
                .boxed(),
            numbers().collect(),
        ),
        (
            bounds()
                .prop_map(|(min, max)| {
                    format!("{{ percent = {{ min = {min}, max = {max}, of = \"VG\" }} }}")
                })
                .boxed(),
            numbers().map(|number| number + "%VG").collect(),
        ),
        (
            bounds()
                .prop_map(|(min, max)| {
                    format!("{{ size = {{ min = \"{min}B\", max = \"{max}B\" }} }}")
                })
                .boxed(),
            numbers().flat_map(|number| [number.clone(), number + "b"]).collect(),
        ),
        (
            (0_u32..0o1000)
                .prop_map(|mask| format!("{{ mode = {{ mask = \"{mask:04o}\" }} }}"))
                .boxed(),
            (0_u32..0o1000).map(|mode| format!("{mode:04o}")).collect(),
        ),
        (some().prop_map(|texts| format!("{{ one-of = {texts:?} }}")).boxed(), owned(&texts)),
        (
            (some(), some())
                .prop_map(|(must, any)| {
                    let any: Vec<_> = any.into_iter().filter(|one| !must.contains(one)).collect();
                    match any.is_empty() {
                        true => format!("{{ csv = {{ must = {must:?} }} }}"),
                        false => format!("{{ csv = {{ must = {must:?}, any = {any:?} }} }}"),
                    }
                })
                .boxed(),
            owned(&lists),
        ),
    ]
}

/// Two matchers of one such kind.
fn finite_pair() -> impl Strategy<Value = (String, String, Vec<String>)> {
    (0..finite().len()).prop_flat_map(|at| {
        let (kind, words) = finite().swap_remove(at);
        (kind.clone(), kind, Just(words))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// What runs is harmless, and asked for again it is the same.
    #[test]
    fn what_is_accepted_is_canonical_and_harmless(
        matcher in matcher(),
        sample in prop::collection::vec(word(), 64),
    ) {
        // A concat that could be read in two ways does not load.
        let Ok(policy) = rules_of_x(&[&matcher]) else { return Ok(()) };
        for word in &sample {
            let Ok(grant) = policy.decide_command("x", &words(&[word])) else { continue };
            let again = respelt(&grant.argv);
            let second = policy.decide_command("x", &again);
            prop_assert!(second.is_ok(), "{} takes {:?} and not {:?}", matcher, word, again);
            if let Ok(second) = second {
                prop_assert_eq!(&second.argv, &grant.argv, "{} {:?}", matcher, word);
                prop_assert_eq!(&second.values, &grant.values, "{} {:?}", matcher, word);
            }
            for (label, value) in grant.values.iter().filter(|(label, _)| label != "one-of") {
                prop_assert!(!value.is_empty() && !value.starts_with('-'), "{}={:?}", label, value);
            }
            prop_assert!(!again.concat().chars().any(is_hidden), "{:?}", again);
        }
    }

    /// The outline by which kinds are told apart leaves out no word.
    #[test]
    fn what_is_accepted_fits_the_outline(
        matcher in matcher(),
        sample in prop::collection::vec(word(), 64),
    ) {
        let Ok(policy) = rules_of_x(&[&matcher]) else { return Ok(()) };
        let outline = policy.commands().last().and_then(|rule| rule.args.first()).map(Matcher::outline);
        let outline = outline.unwrap_or_default();
        for word in sample.iter().filter(|word| argv(&policy, word).is_some()) {
            prop_assert!(outline.meets(&Outline::default().text(word)), "{} {:?}", matcher, word);
        }
    }

    /// Two rules that take the same word do not load together.
    #[test]
    fn what_two_take_makes_them_meet(
        (a, b) in pair(),
        sample in prop::collection::vec(word(), 64),
    ) {
        let (Ok(one), Ok(two)) = (rules_of_x(&[&a]), rules_of_x(&[&b])) else { return Ok(()) };
        let shared = sample.iter().find(|word| argv(&one, word).is_some() && argv(&two, word).is_some());
        if let Some(word) = shared {
            prop_assert!(rules_of_x(&[&a, &b]).is_err(), "{} and {} take {:?}", a, b, word);
            prop_assert!(rules_of_x(&[&b, &a]).is_err(), "{} and {} take {:?}", b, a, word);
        }
    }

    /// What is covered runs the same, and everything covers itself.
    #[test]
    fn what_covers_runs_the_same(
        (a, b) in pair(),
        sample in prop::collection::vec(word(), 64),
    ) {
        let (Ok(wide), Ok(narrow)) = (rules_of_x(&[&a]), rules_of_x(&[&b])) else { return Ok(()) };
        prop_assert!(wide.covers(&wide), "{} does not cover itself", a);
        if wide.covers(&narrow) {
            for word in &sample {
                if let Some(runs) = argv(&narrow, word) {
                    prop_assert_eq!(argv(&wide, word), Some(runs), "{} covers {}: {:?}", a, b, word);
                }
                if let (Some(less), Some(more)) = (claims(&wide, word), claims(&narrow, word)) {
                    prop_assert!(less.iter().all(|one| more.contains(one)), "{} covers {}", a, b);
                }
            }
        }
    }

    /// Of kinds that take few words: one covers another exactly if it takes every word that this
    /// takes, and runs the same.
    #[test]
    fn what_runs_the_same_is_covered((a, b, every) in finite_pair()) {
        let (Ok(wide), Ok(narrow)) = (rules_of_x(&[&a]), rules_of_x(&[&b])) else { return Ok(()) };
        let taken: Vec<_> = every.iter().filter_map(|word| Some((word, argv(&narrow, word)?))).collect();
        prop_assert!(!taken.is_empty(), "{} takes nothing", b);
        let all = taken.into_iter().all(|(word, runs)| argv(&wide, word) == Some(runs));
        prop_assert_eq!(wide.covers(&narrow), all, "{} and {}", a, b);
    }
}
