//! `command`: what the runtime does beyond running a program once.

use abaca::{Backend, Limits, OptionValue};

use super::{mode, open};
use crate::support::{Ground, load, runtime, share, until};

/// How long the waits before the second and the third try are together, in milliseconds: the
/// squares of 1 and 2 in seconds.
const TWO_WAITS: u64 = 5_000;

/// A backend whose driver may run `false` and `true`.
async fn backend(ground: &Ground, tries: i64) -> Backend {
    backend_with(ground, Limits::default(), tries).await
}

async fn backend_with(ground: &Ground, limits: Limits, tries: i64) -> Backend {
    let driver = load(&runtime(limits), "abaca-guest-hostile").await;
    let rule = |name: &str| {
        format!("\n[[command]]\nid = \"{name}\"\nprogram = \"/usr/bin/{name}\"\nargs = []\n")
    };
    let policy = format!("schema = 1\ndriver = \"hostile\"\n{}{}", rule("false"), rule("true"));
    let tries = [("num_shell_tries", OptionValue::Integer(tries))];
    ground.backend("hostile", driver, &policy, &tries).await
}

/// Runs a program, answers its ending, how often it was tried and how long that took.
async fn run(
    ground: &Ground,
    backend: &Backend,
    attack: &str,
    program: &str,
) -> (String, u64, u64) {
    let mut one = share(program, 1);
    for (key, value) in [("attack", attack), ("argument", program)] {
        one.metadata.push((key.to_owned(), value.to_owned()));
    }
    let ending = backend.create_share(&one, None).await.unwrap().remove(0).path;
    let outcome = ground.audit("hostile").into_iter().rfind(|line| line["event"] == "outcome");
    let outcome = outcome.unwrap();
    let number = |name: &str| outcome[name].as_u64().unwrap();
    (ending, number("attempts"), number("duration_ms"))
}

/// `_try_execute` of upstream: the host tries again, so that no guest sleeps.
#[tokio::test]
async fn try_execute_waits_the_square_of_the_attempt_in_seconds() {
    let ground = Ground::new();
    let backend = backend(&ground, 3).await;
    let (ending, attempts, took) = run(&ground, &backend, "retry", "false").await;
    assert_eq!((ending.as_str(), attempts), ("ok:1:", 3));
    // Were it to wait after the last try too, that would be 9 seconds more.
    assert!((TWO_WAITS..TWO_WAITS + 9_000).contains(&took), "{took} ms");
    // What succeeds is not tried again, and neither is what did not ask for it.
    for (attack, program, wanted) in [("retry", "true", "ok:0:"), ("command", "false", "ok:1:")] {
        let (ending, attempts, took) = run(&ground, &backend, attack, program).await;
        assert_eq!((ending.as_str(), attempts), (wanted, 1));
        assert!(took < TWO_WAITS, "{took} ms");
    }
}

#[tokio::test]
async fn try_execute_tries_as_often_as_num_shell_tries_says() {
    let ground = Ground::new();
    for tries in [1, 2] {
        let backend = backend(&ground, tries).await;
        let (ending, attempts, _) = run(&ground, &backend, "retry", "false").await;
        assert_eq!((ending.as_str(), attempts), ("ok:1:", u64::try_from(tries).unwrap()));
    }
    for tries in [0, -1] {
        let options = [mode(false), ("num_shell_tries", OptionValue::Integer(tries))];
        let error = open(&ground, "abaca-guest-minimal", &options).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("num_shell_tries") && text.contains("at least 1"), "{text}");
    }
}

#[tokio::test]
async fn try_execute_has_no_place_among_the_commands_while_it_waits() {
    let ground = Ground::new();
    let mut limits = Limits::default();
    // None beside the backend's own.
    limits.concurrent_commands = 0;
    // It waits for half a minute in all.
    let backend = backend_with(&ground, limits, 5).await;
    let mut one = share("false", 1);
    for (key, value) in [("attack", "retry"), ("argument", "false")] {
        one.metadata.push((key.to_owned(), value.to_owned()));
    }
    let trying = tokio::spawn({
        let backend = backend.clone();
        async move { backend.create_share(&one, None).await }
    });
    until("it is tried", || ground.audit("hostile").iter().any(|line| line["event"] == "intent"))
        .await;
    let (ending, _, _) = run(&ground, &backend, "command", "true").await;
    assert_eq!(ending, "ok:0:");
    assert!(!trying.is_finished(), "the other one ran while this one waited");
    trying.abort();
}
