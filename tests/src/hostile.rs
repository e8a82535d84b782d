//! A hostile driver: each of its attacks is contained, told as what it is, written into the
//! audit, and a neighbour in the same runtime is served meanwhile. For each kind there is a
//! benign twin, so that a wall which lets nothing through would be noticed.

mod asking;
mod exhausting;
mod lying;

use abaca::types::Share;
use abaca::{Backend, Error, Limits};
use std::time::Duration;

use crate::support::{Ground, PATIENCE, load, runtime, share, unique_sleep};

/// A hostile backend and a peaceful one in one runtime.
struct Arena {
    ground: Ground,
    hostile: Backend,
    home: Backend,
    /// What the granted `sleep` must be asked with.
    seconds: String,
}

/// Small, so that running into them is quick.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.cpu = Duration::from_millis(300);
    limits.wall = Duration::from_secs(2);
    limits.host_calls = 5_000;
    limits.log_lines = 100;
    limits.state_keys = 20;
    limits
}

impl Arena {
    async fn new() -> Self {
        Self::with(limits()).await
    }

    async fn with(limits: Limits) -> Self {
        let ground = Ground::new();
        let runtime = runtime(limits);
        let seconds = unique_sleep();
        let driver = load(&runtime, "abaca-guest-hostile").await;
        let policy = policy(&ground, &seconds);
        let hostile = ground.backend("hostile", driver, &policy, &[]).await;
        let home = ground.directory(&runtime, &[]).await;
        Self { ground, hostile, home, seconds }
    }

    /// Attacks while the neighbour makes and removes a share, and says what the attack brought.
    async fn attack(&self, attack: &str, arguments: &[&str]) -> Result<Vec<String>, Error> {
        let one = attack_share(attack, arguments);
        let (answer, ()) = tokio::join!(self.hostile.create_share(&one, None), serves(&self.home));
        let status = self.hostile.records().share(&one.id).await.unwrap().unwrap();
        assert_eq!(answer.is_err(), status.message.is_some(), "the record tells how it ended");
        let end = self.ended();
        match &answer {
            Ok(_) => assert_eq!(end["outcome"], "ok"),
            Err(error) => {
                assert_eq!(end["outcome"], "failed");
                assert_eq!(end["blame"], error.blame().to_string());
                assert_eq!(end["error"], error.to_string());
            }
        }
        // And the attacker itself can be called again.
        let twin = attack_share("echo", &["still here"]);
        let locations = self.hostile.create_share(&twin, None).await.unwrap();
        assert_eq!(locations[0].path, "still here");
        answer.map(|locations| locations.into_iter().map(|location| location.path).collect())
    }

    /// The audit's last line about the end of a call.
    fn ended(&self) -> serde_json::Value {
        let audit = self.ground.audit("hostile");
        audit.into_iter().rfind(|line| line["event"] == "call-end").expect("a call has ended")
    }

    /// The audit's lines of one kind.
    fn audited(&self, event: &str) -> Vec<serde_json::Value> {
        let audit = self.ground.audit("hostile");
        audit.into_iter().filter(|line| line["event"] == event).collect()
    }
}

/// A share that makes the hostile driver do this.
fn attack_share(attack: &str, arguments: &[&str]) -> Share {
    let mut one = share(attack, 1);
    one.metadata.push(("attack".to_owned(), attack.to_owned()));
    one.metadata
        .extend(arguments.iter().map(|argument| ("argument".to_owned(), (*argument).to_owned())));
    one
}

/// The whole way of a share on a peaceful backend.
async fn serves(backend: &Backend) {
    let life = async {
        let one = share("neighbour", 1);
        backend.create_share(&one, None).await.unwrap();
        backend.delete_share(&one, None).await.unwrap();
    };
    tokio::time::timeout(PATIENCE, life).await.expect("the neighbour is served");
}

/// What the hostile driver may do: a little of everything.
fn policy(ground: &Ground, seconds: &str) -> String {
    let shares = ground.shares();
    let shares = shares.display();
    format!(
        r#"
schema = 1
driver = "hostile"

[roots.shares]
path = "{shares}"

[types.share]
first = "a-z0-9"
rest = "a-z0-9-"
max = 64

[[command]]
id = "say"
program = "/usr/bin/echo"
args = ["-n", {{ name = "share" }}]

[[command]]
id = "fail"
program = "/usr/bin/false"
args = []

[[command]]
id = "show"
program = "/usr/bin/cat"
args = ["--", {{ path = {{ root = "shares", leaf = "file", name = "share" }} }}]
read = ["shares"]

[[command]]
id = "show-deep"
program = "/usr/bin/head"
args = ["--", {{ path = {{ root = "shares", under = "deep", leaf = "file", name = "share" }} }}]
read = ["shares"]

[[command]]
id = "hold"
program = "/usr/bin/sleep"
args = ["{seconds}"]
timeout = "60m"

[[command]]
id = "hold-briefly"
program = "/usr/bin/timeout"
args = ["{seconds}", "/usr/bin/sleep", "{seconds}"]
timeout = "300ms"
root-equivalent = "a command that is slower than its rule allows"

[[command]]
id = "daemon"
program = "/usr/bin/setsid"
args = ["--fork", "/usr/bin/sleep", "{seconds}"]
root-equivalent = "a command that leaves something behind"

[[files]]
id = "root"
root = "shares"
verbs = ["list"]

[[files]]
id = "tree"
root = "shares"
verbs = ["read", "write", "list", "make-dir", "remove", "rename", "copy", "set-mode", "usage"]
name = "share"
depth = 3
"#
    )
}
