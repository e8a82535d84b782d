//! Calls that are given up and processes that are killed while something is being made: whatever
//! is there afterwards is the backend's own, and nothing else is.

use std::process::{Child, Stdio};
use std::time::Duration;

use abaca::{Error, Limits, OwnedState};

use super::{Neighbours, STRANGE, command, file, policy, state};
use crate::support::{Desk, Ground, attack_share, component, eventually, until};

/// A command that makes a directory and never ends.
const HANGS: [&str; 3] = ["bash", "-c", "mkdir \"$0\"; sleep 600"];

fn hanging(place: &str) -> Vec<&str> {
    HANGS.into_iter().chain([place]).collect()
}

#[tokio::test]
async fn what_a_call_made_whose_time_ran_out() {
    let mut limits = Limits::default();
    limits.wall = Duration::from_secs(3);
    let all = Neighbours::with(limits).await;
    let one = attack_share("command", &hanging("shares:late"));
    let error = all.mine.create_share(&one, None).await.unwrap_err();
    assert!(matches!(error, Error::Deadline { .. }), "{error:?}");
    assert!(all.ground.shares().join("late").is_dir());
    assert!(file(&all.other, &["remove", "shares", "late"]).await.contains(STRANGE));
    assert_eq!(file(&all.mine, &["remove", "shares", "late"]).await, "ok:true");
}

#[tokio::test]
async fn what_a_call_made_that_was_given_up() {
    let all = Neighbours::new().await;
    let one = attack_share("command", &hanging("shares:dropped"));
    let made = all.ground.shares().join("dropped");
    tokio::select! {
        answer = all.mine.create_share(&one, None) => panic!("{answer:?}"),
        () = until("it is made", || made.is_dir()) => {}
    }
    assert_eq!(state(&all.mine, "dropped").await, Some(OwnedState::Open));
    assert!(file(&all.other, &["remove", "shares", "dropped"]).await.contains(STRANGE));
    assert_eq!(file(&all.mine, &["remove", "shares", "dropped"]).await, "ok:true");
    assert_eq!(state(&all.mine, "dropped").await, None);
}

/// A call that makes nothing until its time is over, at a place where somebody else would make
/// something meanwhile, to have that for its own.
#[tokio::test]
async fn nobody_makes_anything_where_a_call_is_at_work() {
    let mut limits = Limits::default();
    limits.wall = Duration::from_secs(3);
    let all = Neighbours::with(limits).await;
    let one = attack_share("command", &["dash", "-c", "sleep 600; mkdir \"$0\"", "shares:wanted"]);
    let make = ["mkdir", "--", "shares:wanted"];
    let meanwhile = async {
        until_state(&all.mine, "wanted", Some(OwnedState::Open)).await;
        assert!(command(&all.other, &make).await.contains("just being made"));
    };
    let (ended, ()) = tokio::join!(all.mine.create_share(&one, None), meanwhile);
    assert!(matches!(ended.unwrap_err(), Error::Deadline { .. }));
    // It was looked at, and nothing was there.
    assert_eq!(command(&all.other, &make).await, "ok:0:");
    assert!(file(&all.mine, &["remove", "shares", "wanted"]).await.contains(STRANGE));
}

/// The same with a call that is given up, so that nobody looks until somebody asks.
#[tokio::test]
async fn nobody_makes_anything_where_a_call_was_at_work_that_is_not_settled() {
    let all = Neighbours::new().await;
    let one = attack_share("command", &["dash", "-c", "sleep 600; mkdir \"$0\"", "shares:wanted"]);
    let make = ["mkdir", "--", "shares:wanted"];
    tokio::select! {
        answer = all.mine.create_share(&one, None) => panic!("{answer:?}"),
        () = until_state(&all.mine, "wanted", Some(OwnedState::Open)) => {}
    }
    assert!(command(&all.other, &make).await.contains("just being made"));
    assert_eq!(file(&all.mine, &["remove", "shares", "wanted"]).await, "ok:false");
    assert_eq!(command(&all.other, &make).await, "ok:0:");
    assert!(file(&all.mine, &["remove", "shares", "wanted"]).await.contains(STRANGE));
}

/// Waits until this is recorded.
async fn until_state(backend: &abaca::Backend, name: &str, wanted: Option<OwnedState>) {
    eventually("it is recorded", async || (state(backend, name).await == wanted).then_some(()))
        .await;
}

/// The backend `mine` at a desk, as a process of its own.
fn desk(ground: &Ground) -> Desk {
    ground.write("mine.policy.toml", &policy(ground.path()));
    Desk::with(ground, &Desk::text(ground, "mine", &component("abaca-guest-hostile")))
}

/// The command line of a share whose making does this.
fn line<'a>(name: &'a str, words: &[&'a str]) -> (Vec<&'a str>, Vec<String>) {
    let first = vec!["share", "create", name, "--size", "1", "--metadata", "attack=command"];
    let arguments = words.iter().enumerate().map(|(at, word)| format!("argument-{at}={word}"));
    (first, arguments.collect())
}

fn start(desk: &Desk, name: &str, words: &[&str]) -> Child {
    let (mut all, arguments) = line(name, words);
    for argument in &arguments {
        all.extend(["--metadata", argument]);
    }
    desk.command(&all).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[tokio::test]
async fn what_a_process_made_that_was_killed() {
    let ground = Ground::new();
    let desk = desk(&ground);
    let made = ground.shares().join("killed");
    let mut process = start(&desk, "one", &hanging("shares:killed"));
    until("it is made", || made.is_dir()).await;
    process.kill().unwrap();
    process.wait().unwrap();

    let all = Neighbours::over(ground).await;
    assert_eq!(state(&all.mine, "killed").await, Some(OwnedState::Open), "it was written down");
    // The broker of the dead process may not have ended its command yet.
    let removed = eventually("it is nobody else's any more", async || {
        let answer = file(&all.mine, &["remove", "shares", "killed"]).await;
        (!answer.contains("just being made")).then_some(answer)
    });
    assert_eq!(removed.await, "ok:true");
    assert!(!made.exists());
}

/// What was only about to be made is nobody's, should somebody else make it later.
#[tokio::test]
async fn what_a_killed_process_had_not_made_yet() {
    let ground = Ground::new();
    let desk = desk(&ground);
    let place = ground.shares().join("never");
    // The same command, which makes the directory and is killed; then it is taken away by hand.
    let mut process = start(&desk, "one", &hanging("shares:never"));
    until("it is made", || place.is_dir()).await;
    process.kill().unwrap();
    process.wait().unwrap();
    std::fs::remove_dir(&place).unwrap();

    let all = Neighbours::over(ground).await;
    let answer = eventually("nothing works on it any more", async || {
        let answer = command(&all.mine, &["du", "--", "shares:never"]).await;
        (!answer.contains("just being made")).then_some(answer)
    });
    assert!(answer.await.contains("is not there"));
    assert_eq!(state(&all.mine, "never").await, None);
    assert_eq!(command(&all.other, &["mkdir", "--", "shares:never"]).await, "ok:0:");
    assert!(file(&all.mine, &["remove", "shares", "never"]).await.contains(STRANGE));
}
