//! `owner = "self"`: a driver may use what its backend has made, by the host's own record, and
//! nothing else, however things got their names and whatever broke off in between.

mod commands;
mod ended;
mod files;
mod operator;
mod reconcile;
mod retried;

use std::path::Path;

use abaca::{Backend, Limits, OptionValue, OwnedState};

use self::retried::FAILS;
use crate::support::{Ground, attack_share, load, runtime};

/// What every owner hole says of what is not its own.
const STRANGE: &str = "was not made by this backend";

/// What fails and may be tried again is tried twice.
const TWICE: [(&str, OptionValue); 1] = [("num_shell_tries", OptionValue::Integer(2))];

/// One driver in two backends over the same two directories.
struct Neighbours {
    ground: Ground,
    mine: Backend,
    other: Backend,
}

impl Neighbours {
    async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    async fn with(limits: Limits) -> Self {
        Self::open(Ground::new(), limits).await
    }

    /// The same over a ground where there may be something already.
    async fn over(ground: Ground) -> Self {
        Self::open(ground, Limits::default()).await
    }

    async fn open(ground: Ground, limits: Limits) -> Self {
        let runtime = runtime(limits);
        let text = policy(ground.path());
        let mut backends = Vec::new();
        for name in ["mine", "other"] {
            let driver = load(&runtime, "abaca-guest-hostile").await;
            backends.push(ground.backend(name, driver, &text, &TWICE).await);
        }
        let [mine, other] = backends.try_into().unwrap();
        Self { ground, mine, other }
    }

    /// The lines of one kind in the audit of `mine`.
    fn audited(&self, event: &str) -> Vec<serde_json::Value> {
        self.ground.audit("mine").into_iter().filter(|line| line["event"] == event).collect()
    }
}

/// Does a verb on files, and says what came of it.
async fn file(backend: &Backend, asked: &[&str]) -> String {
    let one = attack_share("file", asked);
    backend.create_share(&one, None).await.unwrap().remove(0).path
}

/// Runs a command, and says what came of it.
async fn command(backend: &Backend, asked: &[&str]) -> String {
    let one = attack_share("command", asked);
    backend.create_share(&one, None).await.unwrap().remove(0).path
}

/// What is recorded of a name, in whatever container.
async fn state(backend: &Backend, name: &str) -> Option<OwnedState> {
    let owned = backend.records().owned().await.unwrap();
    owned.into_iter().find(|one| one.name == name).map(|one| one.state)
}

/// A hole of every kind that can say whose a thing is, on programs that do nothing to it.
fn policy(ground: &Path) -> String {
    let ground = ground.display();
    format!(
        r#"
schema = 1
driver = "hostile"

[roots.shares]
path = "{ground}/shares"
[roots.snapshots]
path = "{ground}/snapshots"

[types.name]
first = "a-z"
rest = "a-z0-9-"
max = 32

[[command]]
id = "show-directory"
program = "/usr/bin/du"
args = ["--", {{ path = {{ root = "shares", leaf = "dir", name = "name", owner = "self" }} }}]
read = ["shares"]

[[command]]
id = "show-file"
program = "/usr/bin/cat"
args = ["--", {{ path = {{ root = "shares", leaf = "file", name = "name", owner = "self" }} }}]
read = ["shares"]

[[command]]
id = "drop-directory"
program = "/usr/bin/rmdir"
args = ["--", {{ path = {{ root = "shares", leaf = "dir", name = "name", owner = "self", pass = "path", looked-up = "a test" }} }}]
write = ["shares"]
removes = true

[[command]]
id = "make-directory"
program = "/usr/bin/mkdir"
args = ["--", {{ path = {{ root = "shares", leaf = "new", name = "name" }} }}]
write = ["shares"]

[[command]]
id = "pretend-to-make"
program = "/usr/bin/printf"
args = ["--", {{ path = {{ root = "shares", leaf = "new", name = "name" }} }}]
write = ["shares"]

[[command]]
id = "make-and-fail"
program = "/usr/bin/sh"
args = ["-c", 'mkdir "$0"; exit 3', {{ path = {{ root = "shares", leaf = "new", name = "name" }} }}]
write = ["shares"]
root-equivalent = "a test"

[[command]]
id = "fail-with-directory"
program = "/usr/bin/sh"
args = ["-c", '{FAILS}', {{ path = {{ root = "snapshots", leaf = "dir", name = "name" }} }},
    {{ path = {{ root = "shares", leaf = "dir", name = "name", owner = "self" }} }}]
read = ["shares"]
write = ["snapshots"]
root-equivalent = "a test"

[[command]]
id = "fail-with-volume"
program = "/usr/bin/sh"
args = ["-c", '{FAILS}', {{ path = {{ root = "snapshots", leaf = "dir", name = "name" }} }},
    {{ device = {{ group = "vg", name = "name", pass = "name", owner = "self" }} }}]
write = ["snapshots"]
root-equivalent = "a test"

[[command]]
id = "hang-and-make"
program = "/usr/bin/dash"
args = ["-c", 'sleep 600; mkdir "$0"', {{ path = {{ root = "shares", leaf = "new", name = "name" }} }}]
write = ["shares"]
root-equivalent = "a test"

[[command]]
id = "make-and-hang"
program = "/usr/bin/bash"
args = ["-c", 'mkdir "$0"; sleep 600', {{ path = {{ root = "shares", leaf = "new", name = "name" }} }}]
write = ["shares"]
timeout = "20m"
root-equivalent = "a test"

[[command]]
id = "volume-made"
program = "/usr/bin/echo"
args = ["create", {{ name = "name", owner = "new", in = {{ group = "vg" }} }}]

[[command]]
id = "volume-not-made"
program = "/usr/bin/false"
args = ["create", {{ name = "name", owner = "new", in = {{ group = "vg" }} }}]

[[command]]
id = "volume-shown"
program = "/usr/bin/echo"
args = ["show", {{ device = {{ group = "vg", name = "name", pass = "dev", owner = "self" }} }}]

[[command]]
id = "volume-named"
program = "/usr/bin/echo"
args = ["name", {{ concat = ["vg/", {{ name = "name", owner = "self", in = {{ group = "vg" }} }}] }}]

[[command]]
id = "volume-removed"
program = "/usr/bin/echo"
args = ["remove", {{ device = {{ group = "vg", name = "name", pass = "name", owner = "self" }} }}]
removes = true

[[command]]
id = "volume-not-removed"
program = "/usr/bin/false"
args = ["remove", {{ device = {{ group = "vg", name = "name", pass = "name", owner = "self" }} }}]
removes = true

[[command]]
id = "dataset-made"
program = "/usr/bin/echo"
args = ["create", {{ dataset = {{ parent = "tank/shares", name = "name", owner = "new" }} }}]

[[command]]
id = "dataset-shown"
program = "/usr/bin/echo"
args = ["show", {{ dataset = {{ parent = "tank/shares", name = "name", owner = "self" }} }}]

[[command]]
id = "dataset-removed"
program = "/usr/bin/echo"
args = ["remove", {{ dataset = {{ parent = "tank/shares", name = "name", owner = "self" }} }}]
removes = true

[[command]]
id = "snapshot-made"
program = "/usr/bin/echo"
args = ["snapshot", {{ dataset = {{ parent = "tank/shares", name = "name", snapshot = "name", owner = "new" }} }}]

[[command]]
id = "snapshot-shown"
program = "/usr/bin/echo"
args = ["rollback", {{ dataset = {{ parent = "tank/shares", name = "name", snapshot = "name", owner = "self" }} }}]

[[command]]
id = "service-made"
program = "/usr/bin/echo"
args = ["start", {{ name = "name", owner = "new", in = {{ space = "services" }} }}]

[[command]]
id = "service-shown"
program = "/usr/bin/echo"
args = ["status", {{ name = "name", owner = "self", in = {{ space = "services" }} }}]

[[files]]
id = "own"
root = "shares"
verbs = ["read", "write", "list", "make-dir", "remove", "rename", "copy", "set-mode", "set-owner", "usage"]
name = "name"
depth = 3
owner = "self"

[[files]]
id = "any"
root = "snapshots"
verbs = ["read", "write", "list", "make-dir", "rename", "copy"]
name = "name"
depth = 2

[[files]]
id = "own-snapshots"
root = "snapshots"
verbs = ["remove", "set-mode"]
name = "name"
depth = 2
owner = "self"
"#
    )
}
