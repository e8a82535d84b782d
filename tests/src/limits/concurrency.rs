//! Calls of one backend, and commands of all, that run at the same time.

use std::time::Duration;

use abaca::{Backend, Blame, Error, Limits, Part, Runtime};

use super::{attack, hostile, late};
use crate::support::{
    Ground, Log, attack_share, load, processes_with, runtime, unique_sleep, until,
};

#[tokio::test]
async fn concurrent_calls() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| limits.concurrent_calls = 1).await;
    let (held, share) = (backend.clone(), attack_share("sleep", &["60000"]));
    let holding = tokio::spawn(async move { held.create_share(&share, None).await });
    until("the first call holds the place", || !ground.audit("hostile").is_empty()).await;
    let short = tokio::time::timeout(Duration::from_millis(300), attack(&backend, "echo", &["a"]));
    assert!(short.await.is_err(), "the place is taken");
    holding.abort();
    // The place is free again.
    assert_eq!(attack(&backend, "echo", &["a"]).await.unwrap(), "a");
}

#[tokio::test]
async fn concurrent_calls_wait_no_longer_than_a_call_may() {
    let ground = Ground::new();
    // No place at all: whoever waits ends with its own time.
    let backend = hostile(&ground, |limits| {
        limits.concurrent_calls = 0;
        limits.wall = Duration::from_millis(300);
    })
    .await;
    match attack(&backend, "echo", &["a"]).await {
        Err(error @ Error::Deadline { part: Part::Queue, .. }) => {
            assert_eq!(error.blame(), Blame::Runtime);
        }
        other => panic!("{other:?}"),
    }
}

/// A backend whose driver may run a `sleep` that no other process does, and how it is asked.
async fn sleeper(ground: &Ground, runtime: &Runtime, name: &str) -> (Backend, String) {
    let seconds = unique_sleep();
    let policy = format!(
        "schema = 1\ndriver = \"hostile\"\n\
         [[command]]\nid = \"hold\"\nprogram = \"/usr/bin/sleep\"\nargs = [\"{seconds}\"]\n\
         timeout = \"60m\"\n\
         [[command]]\nid = \"brief\"\nprogram = \"/usr/bin/true\"\nargs = []\n"
    );
    let driver = load(runtime, "abaca-guest-hostile").await;
    (ground.backend(name, driver, &policy, &[]).await, seconds)
}

/// One backend's commands fill all places but those that others have to themselves, and a place
/// that becomes free goes to the next backend, not to the next command of whoever asked most.
#[tokio::test]
async fn concurrent_commands() {
    let log = Log::capture();
    let ground = Ground::new();
    let mut limits = Limits::default();
    limits.concurrent_commands = 1;
    let runtime = runtime(limits);
    let (greedy, long) = sleeper(&ground, &runtime, "greedy").await;
    let (modest, brief) = sleeper(&ground, &runtime, "modest").await;
    let start = |backend: &Backend, seconds: &str| {
        let (backend, one) = (backend.clone(), attack_share("command", &["sleep", seconds]));
        tokio::spawn(async move { backend.create_share(&one, None).await })
    };
    let running = |seconds: &str| processes_with(seconds).len();
    let waiting = || log.text().matches("waits for a place").count();

    // Its own place and the one for all, and three more that wait for either.
    let mut held: Vec<_> = (0..5).map(|_| start(&greedy, &long)).collect();
    until("all others wait", || waiting() == 3).await;
    until("two run", || running(&long) == 2).await;

    // Another backend has a place of its own: what it asks for one after another is done.
    for _ in 0..3 {
        let answer = attack(&modest, "command", &["true"]).await.unwrap();
        assert!(answer.starts_with("ok:0:"), "{answer}");
    }
    // Its second at a time stands in line, in which it is the next backend.
    let mut others: Vec<_> = (0..2).map(|_| start(&modest, &brief)).collect();
    until("one waits", || waiting() == 4).await;
    until("one runs", || running(&brief) == 1).await;
    assert_eq!(running(&long), 2, "no more than there are places");

    // Whoever gives up, running or waiting, lets the next one go on: in the end all of them.
    while let Some(one) = held.pop() {
        one.abort();
        let left = held.len() + others.len();
        let wanted = left.min(3);
        until("the places are used", || running(&long) + running(&brief) == wanted).await;
    }
    until("only the others run", || (running(&long), running(&brief)) == (0, 2)).await;
    others.drain(..).for_each(|one| one.abort());
    until("nothing runs", || running(&brief) == 0).await;
    let answer = attack(&greedy, "command", &["true"]).await.unwrap();
    assert!(answer.starts_with("ok:0:"), "{answer}");
}

/// A command that gets no place waits no longer than its call may last.
#[tokio::test]
async fn concurrent_commands_wait_no_longer_than_a_call_may() {
    let ground = Ground::new();
    let mut limits = Limits::default();
    limits.concurrent_commands = 0;
    limits.wall = Duration::from_secs(2);
    let (backend, seconds) = sleeper(&ground, &runtime(limits), "sleeper").await;
    let asked = ["sleep", seconds.as_str()];
    let first = attack(&backend, "command", &asked);
    let second = async {
        until("the place is taken", || processes_with(&seconds).len() == 1).await;
        attack(&backend, "command", &asked).await
    };
    let (first, second) = tokio::join!(first, second);
    late(first, "the import command.run");
    // The first one's place may be its own for the moment that is left of its time.
    late(second, "the import command.run");
}
