//! Access rules after a failure: the same command again applies all of them anew.

use super::{desk, failing, list, text};
use crate::support::Ground;

#[test]
fn the_same_rule_again_applies_what_failed() {
    let ground = Ground::new();
    let desk = desk(&ground);
    desk.json(&["share", "create", "one", "--size", "1"]);
    let allow = ["access", "allow", "one", "ip", "192.0.2.7"];
    let broken = failing(&desk, "update-access:backend-failed=no answer");
    broken.fails(4, &allow);
    let rules = desk.json(&["access", "list", "one"]);
    assert_eq!((text(&rules, "status"), list(&rules, "rules").len()), ("error", 1));
    assert!(text(&desk.share("one"), "message").contains("no answer"));
    // Another level is another rule, which must be taken back first.
    let refused = desk.fails(2, &[&allow[..], &["--level", "ro"]].concat());
    assert!(refused.contains("abaca access deny"), "{refused}");
    let rules = desk.json(&allow);
    assert_eq!((text(&rules, "status"), list(&rules, "rules").len()), ("active", 1));
    assert!(desk.share("one")["message"].is_null(), "what went wrong is over");
    let refused = desk.fails(2, &allow);
    assert!(refused.contains("already"), "{refused}");
}
