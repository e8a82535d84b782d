//! Verbs on files, where a rule says `owner = "self"`.

use std::fs;

use abaca::OwnedState;

use super::{Neighbours, STRANGE, file, state};
use crate::support::tree;

/// Another backend's, and one that somebody made by hand.
#[tokio::test]
async fn what_others_made_is_neither_read_nor_changed() {
    let all = Neighbours::new().await;
    let shares = all.ground.shares();
    assert_eq!(file(&all.other, &["make-dir", "shares", "theirs", "755"]).await, "ok:()");
    assert_eq!(file(&all.other, &["write", "shares", "theirs/file", "x"]).await, "ok:()");
    assert_eq!(file(&all.other, &["write", "shares", "note", "x"]).await, "ok:()");
    fs::create_dir(shares.join("by-hand")).unwrap();
    fs::write(shares.join("by-hand/file"), "x").unwrap();
    assert_eq!(file(&all.mine, &["make-dir", "shares", "mine", "755"]).await, "ok:()");
    let before = tree(&shares);
    for whose in ["theirs", "by-hand"] {
        let file_in = format!("{whose}/file");
        let new_in = format!("{whose}/new");
        for asked in [
            &["list", "shares", whose][..],
            &["usage", "shares", whose],
            &["read", "shares", &file_in],
            &["write", "shares", &file_in, "mine"],
            &["write", "shares", &new_in, "mine"],
            &["make-dir", "shares", &new_in, "755"],
            &["remove", "shares", &file_in],
            &["remove-tree", "shares", whose],
            &["set-mode", "shares", whose, "777"],
            &["set-owner", "shares", whose, "0"],
            &["rename", "shares", whose, "shares", "taken"],
            &["rename", "shares", whose, "shares", "mine/taken"],
            &["rename", "shares", whose, "snapshots", "taken"],
            &["rename", "shares", &file_in, "shares", "mine/taken"],
            &["rename", "shares", "mine", "shares", &new_in],
            &["copy", "shares", &file_in, "shares", "mine/copied"],
        ] {
            let answer = file(&all.mine, asked).await;
            assert!(answer.contains("Denied") && answer.contains(STRANGE), "{asked:?}: {answer}");
            assert_eq!(tree(&shares), before, "{asked:?}");
        }
    }
    let answer = file(&all.mine, &["write", "shares", "note", "mine"]).await;
    assert!(answer.contains(STRANGE), "{answer}");
    let denied = all.audited("denied");
    assert_eq!(denied.len(), 16 * 2 + 1, "each is in the audit");
    let other = denied.iter().find(|line| line["rule"] != "own");
    assert!(other.is_none(), "{other:?}");
    assert_eq!(tree(&shares), before);
}

#[tokio::test]
async fn what_a_backend_made_is_its_own_with_all_that_is_in_it() {
    let all = Neighbours::new().await;
    for (asked, wanted) in [
        (&["make-dir", "shares", "one", "750"][..], "ok:()"),
        (&["write", "shares", "one/file", "hello"], "ok:()"),
        (&["write", "shares", "one/file", "again"], "ok:()"),
        (&["read", "shares", "one/file"], "ok:\"again\""),
        (&["copy", "shares", "one/file", "shares", "one/copy"], "ok:()"),
        (&["copy", "shares", "one/file", "shares", "file"], "ok:()"),
        (&["set-mode", "shares", "file", "600"], "ok:()"),
        (&["rename", "shares", "one", "shares", "two"], "ok:()"),
        (&["read", "shares", "two/copy"], "ok:\"again\""),
        // What has gone is not there, rather than somebody else's.
        (&["remove", "shares", "one"], "ok:false"),
        (&["remove-tree", "shares", "two"], "ok:true"),
        (&["remove-tree", "shares", "two"], "ok:false"),
        (&["remove", "shares", "file"], "ok:true"),
    ] {
        assert_eq!(file(&all.mine, asked).await, wanted, "{asked:?}");
    }
    assert!(tree(&all.ground.shares()).is_empty());
    assert!(all.mine.records().owned().await.unwrap().is_empty(), "nothing is left on record");
    assert!(all.audited("denied").is_empty());
}

/// A name that is free again is nobody's, whoever had it.
#[tokio::test]
async fn what_was_removed_and_made_by_another_is_no_longer_its_own() {
    let all = Neighbours::new().await;
    for verb in ["remove", "rename"] {
        assert_eq!(file(&all.mine, &["make-dir", "shares", "one", "755"]).await, "ok:()");
        let asked = [verb, "shares", "one", "shares", "elsewhere"];
        file(&all.mine, if verb == "rename" { &asked } else { &asked[..3] }).await;
        assert_eq!(file(&all.other, &["make-dir", "shares", "one", "755"]).await, "ok:()");
        let answer = file(&all.mine, &["remove", "shares", "one"]).await;
        assert!(answer.contains(STRANGE), "after {verb}: {answer}");
        assert_eq!(file(&all.other, &["remove", "shares", "one"]).await, "ok:true");
    }
}

/// Where a rule lets a driver rename and write what is not its own, it does not become so.
#[tokio::test]
async fn nothing_becomes_its_own_under_another_name_or_by_being_written_over() {
    let all = Neighbours::new().await;
    let snapshots = all.ground.snapshots();
    for name in ["theirs", "note"] {
        fs::write(snapshots.join(name), "theirs").unwrap();
    }
    let mine = &all.mine;
    let renamed = file(mine, &["rename", "snapshots", "theirs", "snapshots", "taken"]).await;
    assert_eq!(renamed, "ok:()", "the rule does allow this");
    assert_eq!(file(mine, &["write", "snapshots", "note", "mine"]).await, "ok:()");
    for name in ["taken", "note"] {
        let answer = file(mine, &["remove", "snapshots", name]).await;
        assert!(answer.contains(STRANGE), "{name}: {answer}");
        assert_eq!(state(mine, name).await, None, "{name}");
    }
    // Nor by being moved into what is its own.
    assert_eq!(file(mine, &["make-dir", "snapshots", "own", "755"]).await, "ok:()");
    let answer = file(mine, &["rename", "snapshots", "taken", "snapshots", "own/taken"]).await;
    assert!(answer.contains("Denied") && snapshots.join("taken").exists(), "{answer}");
    // A copy of it is new, and so is a file where nothing was.
    for asked in [
        &["copy", "snapshots", "taken", "snapshots", "copy"][..],
        &["write", "snapshots", "fresh", "mine"],
    ] {
        assert_eq!(file(mine, asked).await, "ok:()", "{asked:?}");
    }
    for name in ["copy", "fresh", "own"] {
        assert_eq!(state(mine, name).await, Some(OwnedState::Made), "{name}");
        assert_eq!(file(mine, &["remove", "snapshots", name]).await, "ok:true", "{name}");
    }
}

/// What it made in somebody else's directory goes away with that; what then lies under the same
/// name, because another directory was given the first one's, is not its own.
#[tokio::test]
async fn what_it_made_in_anothers_directory_is_not_its_own_in_the_next_of_that_name() {
    let all = Neighbours::new().await;
    let snapshots = all.ground.snapshots();
    for name in ["theirs", "precious"] {
        fs::create_dir(snapshots.join(name)).unwrap();
    }
    fs::write(snapshots.join("precious/file"), "precious").unwrap();
    let mine = &all.mine;
    for asked in [
        &["write", "snapshots", "theirs/file", "mine"][..],
        &["rename", "snapshots", "theirs", "snapshots", "away"],
        &["rename", "snapshots", "precious", "snapshots", "theirs"],
    ] {
        assert_eq!(file(mine, asked).await, "ok:()", "the rule allows {asked:?}");
    }
    let answer = file(mine, &["remove", "snapshots", "theirs/file"]).await;
    assert!(answer.contains(STRANGE), "{answer}");
    assert_eq!(fs::read_to_string(snapshots.join("theirs/file")).unwrap(), "precious");
    assert!(mine.records().owned().await.unwrap().is_empty(), "nothing is left on record");
}
