//! Many at once: calls, commands, locks, and callers who give up.

use std::time::Duration;

use tokio::task::JoinSet;

use super::range::told;
use super::{Range, Setup, attacks};
use crate::support::{attack_share, processes_with, settled, until};

/// Makes the driver do this, so many times side by side.
async fn crowd(range: &Range, count: usize, attack: &str, arguments: &[&str]) -> Vec<String> {
    let mut calls = JoinSet::new();
    for _ in 0..count {
        let (hostile, one) = (range.hostile.clone(), attack_share(attack, arguments));
        calls.spawn(async move { told(hostile.create_share(&one, None).await) });
    }
    calls.join_all().await
}

attacks! { Concurrency:
    /// Computes, sleeps and holds commands in eight calls at once, all for as long as they may.
    eight_attacks_at_once {
        setup: Setup::limits(|limits| {
            limits.cpu = Duration::from_secs(600);
            limits.wall = Duration::from_secs(600);
        }),
        attack: async |range| {
            let mut calls = JoinSet::new();
            for number in 0..8 {
                let (hostile, seconds) = (range.hostile.clone(), range.seconds.clone());
                let one = match number % 4 {
                    0 | 2 => attack_share("sleep", &["600000"]),
                    1 => attack_share("hold", &["sleep", &seconds]),
                    _ => attack_share("loop", &[]),
                };
                calls.spawn(async move { hostile.create_share(&one, None).await });
            }
            let under_way = || range.audited("call").len() - range.audited("call-end").len();
            until("all attacks have begun", || under_way() == 8).await;
            range.neighbour_lives().await;
            // The same driver, too: each call has an instance of its own.
            range.attacker_is_served().await;
            assert!(calls.try_join_next().is_none(), "no attack has ended meanwhile");
            calls.abort_all();
            while calls.join_next().await.is_some() {}
            until("the commands are gone", || processes_with(&range.seconds).is_empty()).await;
            "given up".to_owned()
        },
        contained: "the neighbour lives while they last, and so do other calls of the same driver",
        refused: "given up",
        twin: async |range| crowd(range, 8, "echo", &["a"]).await,
        answers: "a",
    }

    /// Makes a thousand calls at once, each of which crashes.
    a_thousand_crashes {
        attack: async |range| crowd(range, 1_000, "trap", &[]).await,
        contained: "sixteen at a time; each ends by itself",
        refused: "Trap by the driver: the driver crashed in create-share",
        twin: async |range| crowd(range, 20, "echo", &["a"]).await,
        answers: "a",
    }

    /// Takes all memory that a call may have, forty times at once.
    forty_calls_that_eat_memory {
        setup: Setup::limits(|limits| {
            limits.memory_bytes = 8 << 20;
            limits.cpu = Duration::from_secs(20);
        }),
        attack: async |range| crowd(range, 40, "memory", &[]).await,
        contained: "sixteen at a time, each within its own limit",
        refused: "it used up its limit of memory",
        twin: async |range| crowd(range, 20, "echo", &["a"]).await,
        answers: "a",
    }

    /// Holds all places that there are for its backend's calls.
    all_places_taken {
        setup: Setup::limits(|limits| {
            limits.wall = Duration::from_secs(5);
            limits.concurrent_calls = 4;
        }),
        attack: async |range| crowd(range, 12, "sleep", &["3600000"]).await,
        contained: "its own calls wait and end at their deadlines; nobody else's notice",
        refused: "create-share was ended: its 5 s ran out during ",
        twin: async |range| crowd(range, 12, "echo", &["a"]).await,
        answers: "a",
    }

    /// Runs forty commands at once that never end.
    forty_commands_that_hang {
        setup: Setup::limits(|limits| {
            limits.wall = Duration::from_secs(10);
            limits.concurrent_calls = 40;
        }),
        attack: async |range| {
            let told = crowd(range, 40, "command", &["sleep", &range.seconds]).await;
            assert_eq!(processes_with(&range.seconds), [0; 0]);
            told
        },
        contained: "a bounded number runs and all end with their calls; the neighbour has a \
         broker of its own",
        refused: "its 10 s ran out during the import command.run sleep",
        twin: async |range| crowd(range, 20, "command", &["echo", "-n", "a"]).await,
        answers: "ok:0:a",
    }

    /// Holds a lock that its neighbour wants, by the same name.
    a_lock_of_the_neighbours_name {
        setup: Setup::limits(|limits| limits.wall = Duration::from_secs(5)),
        attack: async |range| {
            let names = range.home.locks().unwrap();
            assert!(names.is_empty());
            let holding = range.asks("lock-hold", &["shares", "3600000"]);
            let (held, ()) = tokio::join!(holding, range.neighbour_lives());
            held
        },
        contained: "locks are each backend's own",
        refused: "its 5 s ran out",
        twin: async |range| range.asks("lock-hold", &["shares", "1"]).await,
        answers: "1",
    }

    /// Lets twenty calls wait for a lock that one of them never gives back.
    a_crowd_at_one_lock {
        setup: Setup::limits(|limits| {
            limits.wall = Duration::from_secs(5);
            limits.concurrent_calls = 32;
        }),
        attack: async |range| {
            let told = crowd(range, 20, "lock-hold", &["one", "3600000"]).await;
            assert!(range.hostile.locks().unwrap().is_empty());
            told
        },
        contained: "all end at their deadlines, and the lock is free again",
        refused: "its 5 s ran out during ",
        twin: async |range| crowd(range, 4, "lock-hold", &["one", "1"]).await,
        answers: "1",
    }

    /// Is given up by its caller twenty times while its commands run.
    calls_that_are_given_up {
        setup: Setup::limits(|limits| limits.concurrent_calls = 32),
        attack: async |range| {
            let shares: Vec<_> =
                (0..20).map(|_| attack_share("hold", &["sleep", &range.seconds])).collect();
            let mut calls = JoinSet::new();
            for one in shares.clone() {
                let hostile = range.hostile.clone();
                calls.spawn(async move { hostile.create_share(&one, None).await });
            }
            until("some commands run", || processes_with(&range.seconds).len() > 3).await;
            calls.abort_all();
            while calls.join_next().await.is_some() {}
            let mut told = Vec::new();
            for one in &shares {
                let record =
                    settled(&range.hostile, &one.id, abaca::types::ShareStatus::Error).await;
                told.push(record.message.unwrap());
            }
            assert_eq!(processes_with(&range.seconds), [0; 0], "recorded when nothing is left");
            told
        },
        contained: "their commands end with them, and the records say so when nothing is left",
        refused: "interrupted",
        twin: async |range| range.asks("command", &["echo", "-n", "a"]).await,
        answers: "ok:0:a",
    }

    /// Makes the same share from ten calls at once.
    one_share_ten_times {
        attack: async |range| {
            let one = attack_share("sleep", &["200"]);
            let mut calls = JoinSet::new();
            for _ in 0..10 {
                let (hostile, one) = (range.hostile.clone(), one.clone());
                calls.spawn(async move { told(hostile.create_share(&one, None).await) });
            }
            let told = calls.join_all().await;
            assert!(told.iter().any(|text| text == "ok:()"), "{told:?}");
            let records = range.hostile.records().shares().await.unwrap();
            assert_eq!(records.iter().filter(|record| record.share.id == one.id).count(), 1);
            vec![format!("{} answers", told.len())]
        },
        contained: "one record of it, whoever came first",
        refused: "10 answers",
        twin: async |range| range.asks("echo", &["a"]).await,
        answers: "a",
    }

    /// Changes the same keys from twenty calls at once.
    a_crowd_at_the_state {
        setup: Setup::limits(|limits| limits.state_keys = 10),
        attack: async |range| crowd(range, 20, "state-flood", &[]).await,
        contained: "together they keep no more than one would",
        refused: "err:Error::Limit(\"10 keys in the state\")",
        twin: async |range| range.asks("state", &["find", "key-0"]).await,
        answers: "ok:1",
    }
}
