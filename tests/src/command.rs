//! `command`: what the runtime does beyond running a program once.

use abaca::{Limits, OptionValue};

use crate::support::{Ground, load, runtime, share};

/// `try_execute` of upstream: the host tries again, so that no guest sleeps.
#[tokio::test]
async fn try_execute_tries_a_failing_command_again() {
    let ground = Ground::new();
    let driver = load(&runtime(Limits::default()), "abaca-guest-hostile").await;
    let rule = |name: &str| {
        format!("\n[[command]]\nid = \"{name}\"\nprogram = \"/usr/bin/{name}\"\nargs = []\n")
    };
    let policy = format!("schema = 1\ndriver = \"hostile\"\n{}{}", rule("false"), rule("true"));
    let tries = [("num_shell_tries", OptionValue::Integer(2))];
    let backend = ground.backend("hostile", driver, &policy, &tries).await;
    for (program, code, attempts) in [("false", "ok:1:", 2), ("true", "ok:0:", 1)] {
        let mut one = share(program, 1);
        for (key, value) in [("attack", "retry"), ("argument", program)] {
            one.metadata.push((key.to_owned(), value.to_owned()));
        }
        assert_eq!(backend.create_share(&one, None).await.unwrap()[0].path, code);
        let outcome = ground.audit("hostile").into_iter().rfind(|line| line["event"] == "outcome");
        assert_eq!(outcome.unwrap()["attempts"], attempts, "{program}");
    }
}
