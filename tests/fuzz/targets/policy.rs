//! Any text as a policy: it parses or is refused with a place and words, and what parses means the
//! same when it is parsed again.

#![no_main]

use abaca_policy::Policy;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &str| {
    match Policy::parse(source, "fuzzed.toml") {
        Ok(policy) => {
            let again = Policy::parse(source, "fuzzed.toml").expect("it has been parsed before");
            assert_eq!(policy.digest(), again.digest());
            assert!(policy.covers(&again) && again.covers(&policy), "a policy covers itself");
            // A comment at its end changes the text and nothing else.
            if let Ok(longer) = Policy::parse(&format!("{source}\n# the end"), "fuzzed.toml") {
                assert_ne!(policy.digest(), longer.digest());
                assert!(policy.covers(&longer) && longer.covers(&policy));
            }
            for rule in policy.commands() {
                let explained = policy.explain_command(rule.program_name(), &[]);
                assert_eq!(explained.outcome.is_ok(), policy.decide_command(rule.program_name(), &[]).is_ok());
                drop(format!("{rule} {explained}"));
            }
        }
        Err(error) => {
            assert!(error.line > 0 && error.column > 0 && !error.message.is_empty());
            assert!(error.span.start <= error.span.end && error.span.end <= source.len());
        }
    }
});
