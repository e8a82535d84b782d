//! Two rules: where the one covers the other, it takes whatever the other takes, runs the same,
//! and asks for no less of it to be the backend's own. And the same of two rules about the lines of
//! files.

#![no_main]

use abaca_fuzz::grammar::{Args, Case, Words};
use abaca_policy::{Claim, GuestPath, Policy};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|case: (Args, Case)| {
    let (wide_args, Case { args: narrow_args, lines }) = case;
    written(&wide_args, &narrow_args, &lines);
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

fn written(wide_args: &Args, narrow_args: &Args, texts: &[Words]) {
    let parse = |args: &Args| Policy::parse(&args.content_policy(), "fuzzed.toml").ok();
    let (Some(wide), Some(narrow)) = (parse(wide_args), parse(narrow_args)) else { return };
    assert!(wide.covers(&wide) && narrow.covers(&narrow), "each covers itself");
    assert_eq!(wide.diff(&narrow).asks_more, !wide.covers(&narrow));
    if !wide.covers(&narrow) {
        return;
    }
    let place = GuestPath { root: "w".to_owned(), components: vec!["f".to_owned()] };
    for text in texts.iter().filter_map(Words::text) {
        let content = |policy: &Policy| {
            let grant = policy.decide_write(&place, text.as_bytes()).ok()?;
            let content = grant.content?;
            Some((policy.rebuilt(&content), content.claims))
        };
        let Some((asked, needed)) = content(&narrow) else { continue };
        let given = content(&wide);
        let (given, needs) = given.unwrap_or_else(|| panic!("{wide_args:?} {narrow_args:?} {text:?}"));
        assert_eq!(given, asked, "{wide_args:?} {narrow_args:?} {text:?}");
        assert!(needs.iter().all(|claim| needed.contains(claim)), "{needs:?} is more than {needed:?}");
    }
}
