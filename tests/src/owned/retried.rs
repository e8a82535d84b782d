//! Commands that failed and are tried again: whose a thing is, and whether a place is free, is asked
//! before each attempt.

use std::fs;

use abaca::OwnedState;

use super::{Neighbours, command, file, state};
use crate::support::{attack_share, until};

/// What fails when it is let go, and says in a directory of its own that it was tried.
pub const FAILS: &str =
    r#"echo tried >> "$0/tried"; until [ -e "$0/go" ]; do sleep 0.05; done; exit 1"#;

/// Has a command with `thing` fail, and does something meanwhile. How it ended, and how often it was
/// tried.
async fn tried(
    all: &Neighbours,
    thing: &str,
    meanwhile: impl Future<Output = ()>,
) -> (String, u64) {
    assert_eq!(file(&all.mine, &["make-dir", "snapshots", "marks", "755"]).await, "ok:()");
    let marks = all.ground.snapshots().join("marks");
    let one = attack_share("retry", &["sh", "-c", FAILS, "snapshots:marks", thing]);
    let changing = async {
        until("it is tried", || marks.join("tried").exists()).await;
        meanwhile.await;
        fs::write(marks.join("go"), "").unwrap();
    };
    let (answer, ()) = tokio::join!(all.mine.create_share(&one, None), changing);
    let outcomes = all.audited("outcome");
    let last = outcomes.iter().rfind(|line| line.get("attempts").is_some()).unwrap();
    let told = last["attempts"].as_u64().unwrap();
    let lines = fs::read_to_string(marks.join("tried")).unwrap().lines().count();
    assert_eq!(told, u64::try_from(lines).unwrap(), "{last}");
    (answer.unwrap().remove(0).path, told)
}

#[tokio::test]
async fn what_stays_its_own_is_tried_again() {
    for (made, thing) in [
        (&["mkdir", "--", "shares:thing"][..], "shares:thing"),
        (&["echo", "create", "thing"], "vg/thing"),
    ] {
        let all = Neighbours::new().await;
        assert!(command(&all.mine, made).await.starts_with("ok:0:"));
        let (answer, attempts) = tried(&all, thing, async {}).await;
        assert_eq!((answer.as_str(), attempts), ("ok:1:", 2), "{thing}");
    }
}

/// Between two attempts it is removed, and somebody else makes one by the same name.
#[tokio::test]
async fn what_has_become_anothers_is_not_tried_again() {
    for (made, removed, thing) in [
        (
            &["mkdir", "--", "shares:thing"][..],
            &["rmdir", "--", "shares:thing"][..],
            "shares:thing",
        ),
        (&["echo", "create", "thing"], &["echo", "remove", "vg/thing"], "vg/thing"),
    ] {
        let all = Neighbours::new().await;
        assert!(command(&all.mine, made).await.starts_with("ok:0:"));
        let exchange = async {
            assert!(command(&all.mine, removed).await.starts_with("ok:0:"));
            assert!(command(&all.other, made).await.starts_with("ok:0:"));
        };
        let (answer, attempts) = tried(&all, thing, exchange).await;
        assert_eq!((answer.as_str(), attempts), ("ok:1:", 1), "{thing}");
        assert_eq!(state(&all.mine, "thing").await, None, "{thing}");
        assert_eq!(state(&all.other, "thing").await, Some(OwnedState::Made), "{thing}");
    }
}

/// Nor is anything where nothing is any more.
#[tokio::test]
async fn what_is_gone_is_not_tried_again() {
    let all = Neighbours::new().await;
    assert_eq!(command(&all.mine, &["mkdir", "--", "shares:thing"]).await, "ok:0:");
    let by_hand = async { fs::remove_dir(all.ground.shares().join("thing")).unwrap() };
    let (answer, attempts) = tried(&all, "shares:thing", by_hand).await;
    assert_eq!((answer.as_str(), attempts), ("ok:1:", 1));
}

/// What the first attempt has made although it failed is the backend's own, and told as it was: a second
/// one would find its place taken.
#[tokio::test]
async fn what_has_made_something_is_not_tried_again() {
    let all = Neighbours::new().await;
    let one = attack_share("retry", &["sh", "-c", "mkdir \"$0\"; exit 3", "shares:half"]);
    let answer = all.mine.create_share(&one, None).await.unwrap().remove(0).path;
    assert!(answer.starts_with("ok:3:"), "{answer}");
    assert_eq!(all.audited("outcome").pop().unwrap()["attempts"], 1);
    assert_eq!(state(&all.mine, "half").await, Some(OwnedState::Made));
}
