//! Quarantine: what counts against a driver and what does not, when its backend is no longer
//! called, how it is tried again, and that nobody else notices. Here by the library; as operators
//! and services see it in `service`.
//!
//! No test waits for a clock: a quarantine lasts as its rules say when somebody looks, so a test
//! makes them longer or shorter.

mod service;

use std::time::Duration;

use abaca::quarantine::{State, StrikeKind};
use abaca::types::AccessLevel;
use abaca::{Backend, Blame, Error, Limits, Quarantine};

use crate::support::{Ground, attack_share, load, rule, runtime_strict, share, until};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// What the hostile driver may do.
const POLICY: &str = "schema = 1\ndriver = \"hostile\"\n\n[[command]]\nid = \"fail\"\n\
                      program = \"/usr/bin/false\"\nargs = []\n";

/// Two strikes begin a quarantine, and it does not end by itself while a test runs.
fn rules() -> Quarantine {
    let mut rules = Quarantine::default();
    rules.strikes = 2;
    rules.window = HOUR;
    rules.delay = HOUR;
    rules.longest_delay = 5 * HOUR;
    rules
}

/// The same, but a quarantine is over as soon as it has begun.
fn short() -> Quarantine {
    let mut rules = rules();
    rules.delay = Duration::ZERO;
    rules
}

async fn hostile(ground: &Ground, limits: Limits, rules: Quarantine) -> Backend {
    let driver = load(&runtime_strict(limits, rules), "abaca-guest-hostile").await;
    ground.backend("hostile", driver, POLICY, &[]).await
}

async fn attack(backend: &Backend, name: &str, arguments: &[&str]) -> Result<String, Error> {
    let locations = backend.create_share(&attack_share(name, arguments), None).await?;
    Ok(locations.into_iter().map(|location| location.path).collect::<Vec<_>>().join("\n"))
}

async fn crash(backend: &Backend) {
    let error = attack(backend, "trap", &[]).await.unwrap_err();
    assert!(matches!(error, Error::Trap { .. }), "{error:?}");
}

/// Asserts that a call is refused because of a quarantine, and answers its state.
async fn refused(backend: &Backend) -> State {
    let error = attack(backend, "echo", &["a"]).await.unwrap_err();
    assert_eq!(error.blame(), Blame::Driver);
    match error {
        Error::Quarantined { standing, .. } => standing.state,
        other => panic!("{other:?}"),
    }
}

async fn strikes(backend: &Backend) -> u32 {
    backend.conduct().standing().await.unwrap().strikes
}

#[tokio::test]
async fn what_only_a_driver_can_do_wrong_is_a_strike() {
    let ground = Ground::new();
    let mut limits = Limits::default();
    limits.cpu = Duration::from_millis(200);
    let mut rules = rules();
    (rules.strikes, rules.denials) = (u32::MAX, 3);
    let backend = hostile(&ground, limits.clone(), rules.clone()).await;
    let mut counted = 0;
    for (name, arguments, kind) in [
        ("trap", &[][..], StrikeKind::Trap),
        ("loop", &[], StrikeKind::Limit),
        ("echo", &["a\nb"], StrikeKind::Contract),
    ] {
        attack(&backend, name, arguments).await.unwrap_err();
        counted += 1;
        let standing = backend.conduct().standing().await.unwrap();
        let last = standing.last_strike.unwrap();
        assert_eq!((standing.strikes, last.kind), (counted, kind), "{name}");
        assert_eq!(last.method, "create-share");
        assert!(last.message.contains("create-share") || kind == StrikeKind::Trap, "{last:?}");
    }
    // The time of the call, used up by computing.
    let mut late = limits;
    (late.cpu, late.wall) = (HOUR, Duration::from_millis(300));
    let backend = hostile(&ground, late, rules.clone()).await;
    attack(&backend, "loop", &[]).await.unwrap_err();
    let last = backend.conduct().standing().await.unwrap().last_strike.unwrap();
    assert_eq!(last.kind, StrikeKind::Deadline);
    // Requests that are denied again and again, in a call that ends well.
    let mut strict = rules;
    strict.denials = 1;
    let backend = hostile(&ground, Limits::default(), strict).await;
    assert!(attack(&backend, "command", &["ls"]).await.unwrap().contains("Denied"));
    let standing = backend.conduct().standing().await.unwrap();
    assert_eq!(standing.last_strike.unwrap().kind, StrikeKind::Denials);
    assert_eq!((standing.strikes, standing.state), (5, State::Ok));
    let strikes = ground.audit("hostile").into_iter().filter(|one| one["event"] == "strike");
    let kinds: Vec<_> = strikes.map(|one| one["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["trap", "limit", "contract", "deadline", "denials"]);
}

#[tokio::test]
async fn what_others_do_wrong_is_none() {
    let ground = Ground::new();
    let mut limits = Limits::default();
    limits.wall = Duration::from_millis(500);
    let backend = hostile(&ground, limits, rules()).await;
    for _ in 0..3 {
        // The driver answers an error, as a driver does.
        assert_eq!(attack(&backend, "none", &[]).await.unwrap_err().blame(), Blame::Operator);
        // A program fails, and the driver says so.
        assert!(attack(&backend, "command", &["false"]).await.unwrap().contains("ok:1"));
        // Its policy is too narrow.
        assert!(attack(&backend, "command", &["ls"]).await.unwrap().contains("Denied"));
        // What it waits for hangs.
        let hangs = attack(&backend, "sleep", &["60000"]).await.unwrap_err();
        assert_eq!(hangs.blame(), Blame::Backend);
        // Its caller goes away.
        let began = ground.audit("hostile").len();
        let call = std::pin::pin!(attack(&backend, "loop", &[]));
        tokio::select! {
            ended = call => panic!("{ended:?}"),
            () = until("it runs", || ground.audit("hostile").len() > began) => {}
        }
        // The request makes no sense.
        let share = share("none", 0);
        assert!(matches!(backend.create_share(&share, None).await, Err(Error::Invalid(_))));
    }
    let standing = backend.conduct().standing().await.unwrap();
    assert_eq!(standing, abaca::quarantine::Standing::default());
}

#[tokio::test]
async fn a_quarantine_refuses_at_once_and_nobody_else_notices() {
    let ground = Ground::new();
    let runtime = runtime_strict(Limits::default(), rules());
    let driver = load(&runtime, "abaca-guest-hostile").await;
    let backend = ground.backend("hostile", driver, POLICY, &[]).await;
    let home = ground.directory(&runtime, &[]).await;
    crash(&backend).await;
    assert_eq!(attack(&backend, "echo", &["a"]).await.unwrap(), "a");
    crash(&backend).await;
    let (records, audit) = (backend.records().shares().await.unwrap(), ground.audit("hostile"));
    // In this process, and in any other.
    let other = hostile(&ground, Limits::default(), rules()).await;
    for backend in [&backend, &other] {
        assert_eq!(refused(backend).await, State::Quarantined);
        let stats = backend.get_share_stats(true).await.unwrap_err();
        assert!(matches!(stats, Error::Quarantined { .. }), "{stats:?}");
        let delete = backend.delete_share(&records[0].share, None).await.unwrap_err();
        let document = abaca::ErrorDocument::from(&delete);
        let standing = backend.conduct().standing().await.unwrap();
        assert_eq!(document.next_try, standing.next_try);
        assert_eq!(standing.next_try, standing.since.map(|since| since + HOUR.as_secs() + 1));
        let text = delete.to_string();
        for word in ["`hostile`", " until 2", "at fault", "the driver crashed in create-share"] {
            assert!(text.contains(word), "{word} is not in {text}");
        }
        assert!(delete.advice().contains("abaca backend release"));
        // What is recorded can be read all the same.
        assert_eq!(backend.records().shares().await.unwrap(), records);
    }
    assert_eq!(ground.audit("hostile"), audit, "no call has begun");
    let one = share("neighbour", 1);
    home.create_share(&one, None).await.unwrap();
    home.delete_share(&one, None).await.unwrap();

    other.conduct().release().await.unwrap();
    assert_eq!(attack(&backend, "echo", &["a"]).await.unwrap(), "a");
    assert_eq!(strikes(&backend).await, 0);
}

#[tokio::test]
async fn each_quarantine_lasts_twice_as_long_up_to_the_longest() {
    let ground = Ground::new();
    let quick = hostile(&ground, Limits::default(), short()).await;
    let slow = hostile(&ground, Limits::default(), rules()).await;
    let lasts = async || {
        let standing = slow.conduct().standing().await.unwrap();
        assert_eq!(refused(&slow).await, State::Quarantined);
        // A moment is rounded up, so that nobody comes too early.
        (standing.next_try.unwrap() - standing.since.unwrap()) / HOUR.as_secs()
    };
    crash(&quick).await;
    crash(&quick).await;
    for hours in [1, 2, 4, 5, 5] {
        assert_eq!(lasts().await, hours);
        // The next call is on trial, and one strike is enough.
        assert_eq!(quick.conduct().standing().await.unwrap().state, State::Due);
        crash(&quick).await;
    }
    assert_eq!(quick.conduct().standing().await.unwrap().quarantines, 6);
    // A trial that goes well ends it; a driver that begins anew is not forgiven what was.
    assert_eq!(attack(&quick, "echo", &["a"]).await.unwrap(), "a");
    let standing = slow.conduct().standing().await.unwrap();
    assert_eq!((standing.state, standing.strikes), (State::Ok, 0));
    assert!(standing.last_strike.is_some(), "what it was for is still told");
    crash(&slow).await;
    crash(&slow).await;
    assert_eq!(lasts().await, 5);
    // An operator forgives all.
    slow.conduct().release().await.unwrap();
    crash(&slow).await;
    crash(&slow).await;
    assert_eq!(lasts().await, 1);
    let audit = ground.audit("hostile");
    assert_eq!(audit.iter().filter(|one| one["event"] == "quarantine-end").count(), 1);
}

#[tokio::test]
async fn one_call_at_a_time_is_on_trial() {
    let ground = Ground::new();
    let backend = hostile(&ground, Limits::default(), short()).await;
    let other = hostile(&ground, Limits::default(), short()).await;
    crash(&backend).await;
    crash(&backend).await;
    let began = ground.audit("hostile").len();
    {
        let trial = std::pin::pin!(attack(&backend, "sleep", &["60000"]));
        let others = async {
            until("the trial runs", || ground.audit("hostile").len() > began).await;
            for backend in [&backend, &other] {
                assert_eq!(refused(backend).await, State::Trial);
                let standing = backend.conduct().standing().await.unwrap();
                assert_eq!(standing.state, State::Trial);
            }
        };
        tokio::select! { ended = trial => panic!("{ended:?}"), () = others => {} }
    }
    // It was given up, so it says nothing, and the next one is on trial: here one that takes
    // several steps.
    assert_eq!(other.conduct().standing().await.unwrap().state, State::Due);
    let records = other.records().shares().await.unwrap();
    let one = records.iter().find(|one| one.share.display_name.as_deref() == Some("trap"));
    let one = &one.unwrap().share;
    let rules = [rule("anybody", AccessLevel::Ro)];
    other.update_access(one, &rules, &[], &[], None).await.unwrap();
    assert_eq!(backend.conduct().standing().await.unwrap().state, State::Ok);
    assert_eq!(attack(&backend, "echo", &["a"]).await.unwrap(), "a");
}

#[tokio::test]
async fn calls_that_end_late_do_not_prolong_it() {
    let ground = Ground::new();
    let mut limits = Limits::default();
    limits.cpu = Duration::from_millis(300);
    let backend = hostile(&ground, limits, rules()).await;
    // All were let in before the second strike.
    let crashes = (0..6).map(|_| {
        let backend = backend.clone();
        tokio::spawn(async move { attack(&backend, "loop", &[]).await.is_err() })
    });
    let crashes: Vec<_> = crashes.collect();
    for crash in crashes {
        assert!(crash.await.unwrap());
    }
    let standing = backend.conduct().standing().await.unwrap();
    assert_eq!((standing.state, standing.quarantines), (State::Quarantined, 1));
}

#[tokio::test]
async fn strikes_count_within_their_window_alone() {
    let ground = Ground::new();
    let mut narrow = rules();
    narrow.window = Duration::ZERO;
    let backend = hostile(&ground, Limits::default(), narrow).await;
    for _ in 0..4 {
        crash(&backend).await;
        assert_eq!(strikes(&backend).await, 0);
    }
    // They are remembered, and count again for somebody with a longer memory.
    let backend = hostile(&ground, Limits::default(), rules()).await;
    assert_eq!(strikes(&backend).await, 4);
}

#[tokio::test]
async fn a_disabled_backend_is_called_by_nobody_until_it_is_enabled() {
    let ground = Ground::new();
    let backend = hostile(&ground, Limits::default(), rules()).await;
    for reason in ["a\nb", &"x".repeat(600)] {
        let error = backend.conduct().disable(Some(reason)).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error:?}");
    }
    backend.conduct().disable(Some("the filer is being moved")).await.unwrap();
    match attack(&backend, "echo", &["a"]).await.unwrap_err() {
        error @ Error::Disabled { .. } => {
            assert_eq!(error.blame(), Blame::Operator);
            assert!(error.to_string().contains(": the filer is being moved"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert!(backend.records().shares().await.unwrap().is_empty());
    // Who has decided it is all that there is to tell.
    let lines = ground.audit("hostile");
    assert_eq!((lines.len(), &lines[0]["event"]), (1, &"disable".into()));
    assert_eq!(lines[0]["reason"], "the filer is being moved");
    backend.conduct().enable().await.unwrap();
    assert_eq!(attack(&backend, "echo", &["a"]).await.unwrap(), "a");
    // A quarantine outlasts it.
    crash(&backend).await;
    crash(&backend).await;
    backend.conduct().disable(None).await.unwrap();
    assert_eq!(backend.conduct().standing().await.unwrap().state, State::Disabled);
    backend.conduct().enable().await.unwrap();
    assert_eq!(refused(&backend).await, State::Quarantined);
}
