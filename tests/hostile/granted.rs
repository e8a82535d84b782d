//! What is granted works: the walls are none to what a policy allows. The other half of the
//! corpus, for a wall that lets nothing through would pass all of its attacks.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Range, Setup};
use crate::support::tree;

#[tokio::test]
async fn every_granted_verb_works() {
    let range = Range::new(Setup::default()).await;
    let steps: &[(&[&str], &str)] = &[
        (&["make-dir", "lair", "one", "750"], "ok:()"),
        (&["write", "lair", "one/file", "hello"], "ok:()"),
        (&["read", "lair", "one/file"], "ok:\"hello\""),
        (&["copy", "lair", "one/file", "lair", "one/copy"], "ok:()"),
        (&["set-mode", "lair", "one/copy", "640"], "ok:()"),
        (&["rename", "lair", "one/copy", "lair", "one/moved"], "ok:()"),
        (&["remove", "lair", "one/file"], "ok:true"),
        (&["remove", "lair", "one/file"], "ok:false"),
    ];
    for (asked, wanted) in steps {
        assert_eq!(range.asks("file", asked).await, *wanted, "{asked:?}");
    }
    let found = tree(&range.lair());
    assert_eq!(found.len(), 2, "{found:?}");
    let (mode, contents) = &found[Path::new("one/moved")];
    assert_eq!((mode & 0o7777, contents.as_slice()), (0o640, &b"hello"[..]));
    let directory = std::fs::metadata(range.lair().join("one")).unwrap();
    assert_eq!(directory.permissions().mode() & 0o7777, 0o750);
    assert!(range.asks("file", &["list", "lair", ""]).await.contains("\"one\""));
    assert!(range.asks("file", &["usage", "lair", "one"]).await.contains("entries: 2"));
    assert_eq!(range.asks("file", &["remove-tree", "lair", "one"]).await, "ok:true");
    assert!(tree(&range.lair()).is_empty());
}

#[tokio::test]
async fn the_audit_tells_what_was_done_and_how_each_call_ended() {
    let range = Range::new(Setup::default()).await;
    assert_eq!(range.asks("command", &["echo", "-n", "hello"]).await, "ok:0:hello\nstderr:");
    let (intent, outcome) = (range.audited("intent"), range.audited("outcome"));
    assert_eq!((intent.len(), outcome.len()), (1, 1));
    assert_eq!((&intent[0]["rule"], &outcome[0]["rule"]), (&"say".into(), &"say".into()));
    assert_eq!(range.audited("call-end")[0]["outcome"], "ok");

    let error = range.asks("loop", &[]).await;
    let end = range.audited("call-end").pop().unwrap();
    assert_eq!((&end["outcome"], &end["blame"]), (&"failed".into(), &"driver".into()));
    assert!(error.ends_with(end["error"].as_str().unwrap()), "{error}: {end}");
    let record = range.hostile.records().shares().await.unwrap();
    assert!(record.iter().any(|one| one.message.is_some()), "the record tells it as well");
}
