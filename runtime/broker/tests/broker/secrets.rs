//! Secrets on the wire: brought in the body, as many as the rules pass on, and not told again.

use abaca_broker::protocol::{ErrorKind, Outcome, RequestKind, Secret, Stage, Status};

use crate::harness::{AMPLE, Broker};

const RULES: &str = r#"
[[command]]
id = "show-secret"
program = "/usr/bin/cat"
args = [{ secret = "test_token" }]

[[command]]
id = "show-file"
program = "/usr/bin/stat"
args = ["--dereference", "--format=%a %F", { secret = "test_token" }]

[[command]]
id = "say"
program = "/usr/bin/echo"
args = [{ secret = "test_token", pass = "argument", exposed = "a test" }]
"#;

fn secret(option: &str, bytes: u32) -> Secret {
    Secret { option: option.to_owned(), bytes }
}

fn asked(program: &str, args: &[&str], secrets: Vec<Secret>) -> RequestKind {
    let args = args.iter().map(|&arg| arg.to_owned()).collect();
    RequestKind::Command { program: program.to_owned(), args, secrets, deadline_ms: AMPLE }
}

fn printed(broker: &mut Broker, kind: RequestKind, body: &[u8]) -> String {
    match broker.ask(kind, body) {
        (Outcome::Done(done), body) => {
            assert_eq!(done.status, Status::Exited(0), "{done:?}");
            assert!(!format!("{done:?}").contains("hush"), "{done:?}");
            assert!(
                done.stages
                    .iter()
                    .all(|one| one.argv.contains(&"<secret test_token>".into())
                        || one.rule == "count")
            );
            String::from_utf8(body).unwrap()
        }
        (other, _) => panic!("{other:?}"),
    }
}

#[test]
fn a_secret_comes_by_a_file_that_can_only_be_read() {
    let mut broker = Broker::with(RULES);
    let token = || vec![secret("test_token", 4)];
    let said = printed(&mut broker, asked("cat", &["test_token"], token()), b"hush");
    assert_eq!(said, "<secret test_token>");
    let args = ["--dereference", "--format=%a %F", "test_token"];
    let said = printed(&mut broker, asked("stat", &args, token()), b"hush");
    assert_eq!(said, "444 regular file\n");
    let said = printed(&mut broker, asked("echo", &["test_token"], token()), b"hush");
    assert_eq!(said, "<secret test_token>\n");
    // Of a pipeline, no stage hands it on unseen: what counts the bytes has them all.
    let stage =
        |program: &str, arg: &str| Stage { program: program.into(), args: vec![arg.into()] };
    let stages = vec![stage("cat", "test_token"), stage("wc", "-c")];
    let kind = RequestKind::Pipeline { stages, secrets: token(), deadline_ms: AMPLE };
    assert_eq!(printed(&mut broker, kind, b"hush").trim(), "4");
}

#[test]
fn a_request_brings_the_secrets_of_its_rules_and_no_other() {
    let mut broker = Broker::with(RULES);
    for (args, secrets, body) in [
        (&["test_token"][..], vec![], &b""[..]),
        (&["test_token"], vec![secret("test_other", 4)], b"hush"),
        (&["test_token"], vec![secret("test_token", 4), secret("test_other", 1)], b"hush!"),
        (&["test_token"], vec![secret("test_token", 2), secret("test_token", 2)], b"hush"),
        (&["test_token"], vec![secret("test_token", 5)], b"hush"),
        (&["test_token"], vec![secret("test_token", 0)], b"hush"),
        (&["--", "shares:a"], vec![secret("test_token", 4)], b"hush"),
    ] {
        let (outcome, _) = broker.ask(asked("cat", args, secrets), body);
        let Outcome::Error { kind: ErrorKind::Invalid, message } = outcome else {
            panic!("{args:?}: {outcome:?}");
        };
        assert!(!message.contains("hush"), "{message}");
    }
    // One that cannot be an argument.
    let kind = asked("echo", &["test_token"], vec![secret("test_token", 3)]);
    let (outcome, _) = broker.ask(kind, b"a\0b");
    assert!(matches!(outcome, Outcome::Error { kind: ErrorKind::Invalid, .. }), "{outcome:?}");
}
