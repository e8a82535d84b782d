//! Two rules: where the one covers the other, it takes whatever the other takes, runs the same,
//! and asks for no less of it to be the backend's own.

#![no_main]

use abaca_fuzz::grammar::{Args, Case, Words};
use abaca_policy::{Claim, Policy};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|case: (Args, Case)| {
    let (wide_args, Case { args: narrow_args, lines }) = case;
    let parse = |args: &Args| Policy::parse(&args.policy(), "fuzzed.toml").ok();
    let (Some(wide), Some(narrow)) = (parse(&wide_args), parse(&narrow_args)) else { return };
    assert!(wide.covers(&wide) && narrow.covers(&narrow), "each covers itself");
    if !wide.covers(&narrow) {
        return;
    }
    for Words(words) in lines {
        let Ok(asked) = narrow.decide_command("x", &words) else { continue };
        let given = wide.decide_command("x", &words);
        let given = given.unwrap_or_else(|denial| panic!("{wide_args:?} {narrow_args:?} {words:?}: {denial}"));
        assert_eq!(given.argv, asked.argv, "{wide_args:?} {narrow_args:?} {words:?}");
        for claim in &given.claims {
            assert!(asked.claims.contains(claim), "{claim:?} is asked for by the wider one only");
        }
        for claim in asked.claims.iter().filter(|claim| matches!(claim, Claim::Makes(_))) {
            assert!(given.claims.contains(claim), "{claim:?} is made by the narrower one only");
        }
    }
});
