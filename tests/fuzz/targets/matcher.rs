//! A rule and a command line: the policy says what the slow reader says.

#![no_main]

use abaca_fuzz::grammar::{Case, Words};
use abaca_fuzz::reference::ways;
use abaca_policy::Policy;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|case: Case| {
    let Case { args, lines } = case;
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
