//! Every kind of matcher by itself: which words it takes, what runs, which rules
//! meet and which cover one another, and what must hold of all of them.
//!
//! A kind is tested through the policy file, as operators write it.

mod networks;
mod numbers;
mod owned;
mod parts;
mod properties;
mod storage;

use super::{rules_of_x, words};
use crate::Policy;

/// A policy whose only rule for `/bin/x` takes one word.
fn one(matcher: &str) -> Policy {
    rules_of_x(&[matcher]).unwrap_or_else(|error| panic!("{matcher}: {error}"))
}

/// What runs for a word, or nothing.
fn runs(policy: &Policy, word: &str) -> Option<String> {
    let grant = policy.decide_command("x", &words(&[word])).ok()?;
    grant.argv.first().map(ToString::to_string)
}

/// The matcher takes each of these words and runs what stands beside it.
fn takes(matcher: &str, cases: &[(&str, &str)]) {
    let policy = one(matcher);
    for (word, canonical) in cases {
        assert_eq!(runs(&policy, word).as_deref(), Some(*canonical), "{matcher} {word}");
    }
}

/// The matcher takes none of these words.
fn refuses(matcher: &str, cases: &[&str]) {
    let policy = one(matcher);
    for word in cases {
        assert_eq!(runs(&policy, word), None, "{matcher} {word:?}");
    }
}

/// The matcher does not load, and this is said.
fn faulty(matcher: &str, said: &str) {
    match rules_of_x(&[matcher]) {
        Ok(_) => panic!("{matcher} loads"),
        Err(error) => assert!(error.to_string().contains(said), "{matcher}: {error}"),
    }
}

/// Whether two rules may stand beside each other.
fn meet(a: &str, b: &str) -> bool {
    let both = [rules_of_x(&[a, b]), rules_of_x(&[b, a])].map(|policy| policy.is_err());
    assert_eq!(both[0], both[1], "{a} {b}");
    both[0]
}

/// Whether a rule with the one covers a rule with the other.
fn covers(a: &str, b: &str) -> bool {
    one(a).covers(&one(b))
}
