//! A rule and a command line: the policy says what the slow reader says. And the same of a rule
//! about the lines of a file, and a text.

#![no_main]

use abaca_fuzz::grammar::{Args, Case, Words};
use abaca_fuzz::reference::ways;
use abaca_policy::{GuestPath, Policy};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|case: Case| {
    let Case { args, lines } = case;
    written(&args, &lines);
    let source = args.policy();
    // A rule that could be read in two ways does not load.
    let Ok(policy) = Policy::parse(&source, "fuzzed.toml") else { return };
    for Words(words) in lines {
        let ways = ways(&args, &words);
        match policy.decide_command("x", &words) {
            Ok(grant) => {
                let runs: Vec<_> = grant.argv.iter().map(ToString::to_string).collect();
                assert_eq!(ways, [runs], "{source}\n{words:?}");
            }
            Err(denial) => assert!(ways.is_empty(), "{source}\n{words:?}: {denial}, not {ways:?}"),
        }
    }
});

/// What is written under a rule with these lines.
fn written(args: &Args, texts: &[Words]) {
    let source = args.content_policy();
    let Ok(policy) = Policy::parse(&source, "fuzzed.toml") else { return };
    let place = GuestPath { root: "w".to_owned(), components: vec!["f".to_owned()] };
    for words in texts {
        let Some(text) = words.text() else { continue };
        let ways = ways(args, &words.0);
        match policy.decide_write(&place, text.as_bytes()) {
            Ok(grant) => {
                let content = grant.content.unwrap_or_else(|| panic!("{source} says nothing"));
                let lines: Vec<_> = content.lines.iter().map(ToString::to_string).collect();
                assert_eq!(ways, [lines], "{source}\n{words:?}");
                let file = policy.rebuilt(&content);
                assert_eq!(file.lines().count(), words.0.len(), "{source}\n{words:?}");
            }
            Err(denial) => assert!(ways.is_empty(), "{source}\n{words:?}: {denial}, not {ways:?}"),
        }
    }
}
