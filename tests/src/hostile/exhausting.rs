//! Attacks that take what there is: time, memory, stack, the host's attention, its log, its
//! disk.

use std::time::{Duration, Instant};

use abaca::{Blame, Error, Limit, Part};

use super::{Arena, attack_share, limits, serves};
use crate::support::{processes_with, until};

/// Asserts that a limit ended the call, and which.
fn ended_by<T: std::fmt::Debug>(answer: Result<T, Error>, wanted: Limit) {
    let error = answer.unwrap_err();
    assert_eq!(error.blame(), Blame::Driver);
    assert!(matches!(error, Error::Limit { limit, .. } if limit == wanted), "{error:?}");
}

#[tokio::test]
async fn a_loop_ends_with_its_computing_time() {
    let arena = Arena::new().await;
    let began = Instant::now();
    ended_by(arena.attack("loop", &[]).await, Limit::Cpu);
    assert!(began.elapsed() < limits().wall, "the computing time ended it, not the deadline");
}

#[tokio::test]
async fn a_recursion_ends_with_its_stack() {
    ended_by(Arena::new().await.attack("recursion", &[]).await, Limit::Stack);
}

#[tokio::test]
async fn memory_is_taken_up_to_the_limit() {
    ended_by(Arena::new().await.attack("memory", &[]).await, Limit::Memory);
}

#[tokio::test]
async fn a_huge_list_is_not_taken_out_of_the_guest() {
    // Making the list takes a while in itself.
    let mut limits = limits();
    limits.cpu = Duration::from_secs(20);
    limits.wall = Duration::from_secs(20);
    let arena = Arena::with(limits).await;
    ended_by(arena.attack("huge-list", &["60000"]).await, Limit::LiftedBytes);
    ended_by(arena.attack("huge-list", &[]).await, Limit::Memory);
    // One that fits, but no share has so many locations.
    let error = arena.attack("huge-list", &["65"]).await.unwrap_err();
    assert!(matches!(error, Error::Contract { .. }), "{error:?}");
    assert_eq!(arena.attack("huge-list", &["64"]).await.unwrap().len(), 64);
}

#[tokio::test]
async fn a_small_list_that_says_the_same_mebibyte_thousands_of_times_is_not_copied() {
    let arena = Arena::new().await;
    ended_by(arena.attack("aliased-list", &[]).await, Limit::LiftedBytes);
}

#[tokio::test]
async fn requests_are_counted() {
    let arena = Arena::new().await;
    ended_by(arena.attack("host-call-flood", &[]).await, Limit::HostCalls);
}

#[tokio::test]
async fn a_log_is_not_flooded() {
    let arena = Arena::new().await;
    let log = crate::support::Log::capture();
    ended_by(arena.attack("log-flood", &[]).await, Limit::HostCalls);
    let lines = log.text().lines().filter(|line| line.contains("line ")).count();
    assert_eq!(lines, limits().log_lines as usize);
    assert!(log.text().contains("dropped lines"));
    assert_eq!(arena.audited("limit").len(), 1, "once, not once for each line");
}

#[tokio::test]
async fn the_state_is_bounded() {
    let arena = Arena::new().await;
    let answer = arena.attack("state-flood", &[]).await.unwrap();
    assert_eq!(answer[0], format!("ok:{}", limits().state_keys));
    assert!(answer[1].starts_with("err:") && answer[1].contains("Limit"), "{answer:?}");
}

#[tokio::test]
async fn a_sleep_ends_with_the_call() {
    let arena = Arena::new().await;
    let error = arena.attack("sleep", &["3600000"]).await.unwrap_err();
    match &error {
        Error::Deadline { part: Part::Import(what), .. } => assert!(what.contains("clock.sleep")),
        other => panic!("{other:?}"),
    }
    assert_eq!(error.blame(), Blame::Backend);
    assert_eq!(arena.attack("sleep", &["5"]).await.unwrap(), ["ok:()"]);
}

#[tokio::test]
async fn a_command_ends_with_the_call() {
    let arena = Arena::new().await;
    let error = arena.attack("hold", &["sleep", &arena.seconds]).await.unwrap_err();
    match &error {
        Error::Deadline { part: Part::Import(what), .. } => assert!(what.contains("sleep")),
        other => panic!("{other:?}"),
    }
    assert_eq!(error.blame(), Blame::Backend);
    assert_eq!(processes_with(&arena.seconds), [0; 0], "what it had started is gone");
    assert_eq!(arena.audited("intent").len(), 1);
    assert!(arena.audited("outcome")[0]["error"].as_str().unwrap().contains("Deadline"));
}

#[tokio::test]
async fn a_command_ends_with_the_time_of_its_rule() {
    let arena = Arena::new().await;
    let asked = ["timeout", &arena.seconds, "/usr/bin/sleep", &arena.seconds];
    let answer = arena.attack("command", &asked).await.unwrap();
    assert!(answer[0].contains("Deadline") && answer[0].contains("hold-briefly"), "{answer:?}");
    assert_eq!(processes_with(&arena.seconds), [0; 0]);
}

#[tokio::test]
async fn what_a_command_leaves_behind_ends_with_it() {
    let arena = Arena::new().await;
    let asked = ["setsid", "--fork", "/usr/bin/sleep", &arena.seconds];
    let began = Instant::now();
    let answer = arena.attack("command", &asked).await.unwrap();
    assert!(answer[0].starts_with("ok:0:"), "{answer:?}");
    assert!(began.elapsed() < limits().wall);
    assert_eq!(processes_with(&arena.seconds), [0; 0]);
}

#[tokio::test]
async fn a_call_that_is_given_up_takes_its_commands_with_it() {
    // Neither its own deadline nor its rule's would end it while this test waits.
    let mut limits = limits();
    limits.wall = Duration::from_secs(600);
    let arena = Arena::with(limits).await;
    let one = attack_share("hold", &["sleep", &arena.seconds]);
    {
        let call = arena.hostile.create_share(&one, None);
        let started = until("the command runs", || !processes_with(&arena.seconds).is_empty());
        tokio::select! {
            answer = call => panic!("{answer:?}"),
            () = started => {}
        }
    }
    until("the command is gone", || processes_with(&arena.seconds).is_empty()).await;
    let record = arena.hostile.records().share(&one.id).await.unwrap().unwrap();
    assert_eq!(record.share.status, abaca::types::ShareStatus::Error);
    assert!(record.message.unwrap().starts_with("interrupted"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_are_served_while_attacks_last() {
    let mut limits = limits();
    limits.cpu = Duration::from_secs(60);
    limits.wall = Duration::from_secs(60);
    let arena = Arena::with(limits).await;
    let mut attacks = tokio::task::JoinSet::new();
    for number in 0..8 {
        let hostile = arena.hostile.clone();
        let one = match number % 4 {
            0 => attack_share("sleep", &["60000"]),
            1 => attack_share("hold", &["sleep", &arena.seconds]),
            _ => attack_share("loop", &[]),
        };
        attacks.spawn(async move { hostile.create_share(&one, None).await });
    }
    until("all attacks have begun", || arena.audited("call").len() == 8).await;
    for _ in 0..3 {
        serves(&arena.home).await;
    }
    // The same driver, too: each call has an instance of its own.
    let twin = attack_share("echo", &["a"]);
    assert_eq!(arena.hostile.create_share(&twin, None).await.unwrap()[0].path, "a");
    assert!(attacks.try_join_next().is_none(), "no attack has ended meanwhile");
    attacks.shutdown().await;
    until("the commands are gone", || processes_with(&arena.seconds).is_empty()).await;
}
