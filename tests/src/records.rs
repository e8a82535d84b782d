//! What the records say after the worst has happened: the command is killed, its user gives up,
//! the broker is killed. Nothing keeps running, and what was begun can be cleaned up.

use std::process::Stdio;

use abaca::types::ShareStatus;
use abaca::{Error, Limits};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{
    Desk, Ground, attack_share, component, load, processes_with, runtime, settled, share, snapshot,
    unique_sleep, until,
};

/// A backend whose driver runs a `sleep` for ever.
struct Holding {
    ground: Ground,
    seconds: String,
}

impl Holding {
    fn new() -> Self {
        Self { ground: Ground::new(), seconds: unique_sleep() }
    }

    fn policy(&self) -> String {
        format!(
            "schema = 1\ndriver = \"hostile\"\n\n[[command]]\nid = \"hold\"\n\
             program = \"/usr/bin/sleep\"\nargs = [\"{}\"]\ntimeout = \"60m\"\n",
            self.seconds
        )
    }

    fn desk(&self) -> Desk {
        self.ground.write("hostile.policy.toml", &self.policy());
        let text = Desk::text(&self.ground, "hostile", &component("abaca-guest-hostile"));
        Desk::with(&self.ground, &text)
    }

    /// Starts `abaca share create victim`, and waits until its command runs.
    async fn begin(&self, desk: &Desk) -> std::process::Child {
        let argument = format!("argument2={}", self.seconds);
        let words = ["share", "create", "victim", "--size", "1", "--metadata", "attack=hold"];
        let more = ["--metadata", "argument1=sleep", "--metadata", &argument];
        let mut command = desk.command(&[&words[..], &more[..]].concat());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("the command has begun", || {
            self.ground.audit("hostile").iter().any(|line| line["event"] == "intent")
        })
        .await;
        // The child itself, and what it has started.
        until("the command runs", || processes_with(&self.seconds).len() >= 2).await;
        child
    }

    /// Waits until nothing of it is left: neither what it ran nor the broker.
    async fn nothing_left(&self) {
        let ground = self.ground.path().to_str().unwrap();
        until("the command is gone", || processes_with(&self.seconds).is_empty()).await;
        until("the broker is gone", || processes_with(ground).is_empty()).await;
    }

    /// The victim's record tells what happened, and the share can be removed.
    fn cleaned_up(&self, desk: &Desk) {
        let victim = desk.share("victim");
        assert_eq!(victim["status"], "error", "{victim}");
        assert!(victim["message"].as_str().unwrap().contains("interrupted"), "{victim}");
        desk.json(&["share", "delete", "victim"]);
        assert!(desk.share("victim").is_null());
        assert!(
            std::fs::read_dir(self.ground.state().join("hostile/calls")).unwrap().next().is_none()
        );
    }
}

#[tokio::test]
async fn a_killed_command_leaves_an_honest_record_and_nothing_that_runs() {
    let holding = Holding::new();
    let desk = holding.desk();
    let mut child = holding.begin(&desk).await;
    assert_eq!(desk.share("victim")["status"], "creating", "it is told while it lasts");
    child.kill().unwrap();
    child.wait().unwrap();
    holding.nothing_left().await;
    holding.cleaned_up(&desk);
}

#[tokio::test]
async fn a_command_that_its_user_gives_up_ends_with_130() {
    let holding = Holding::new();
    let desk = holding.desk();
    let mut child = holding.begin(&desk).await;
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    holding.nothing_left().await;
    holding.cleaned_up(&desk);
}

#[tokio::test]
async fn a_killed_broker_takes_its_commands_with_it_and_another_one_is_started() {
    let holding = Holding::new();
    let runtime = runtime(Limits::default());
    let driver = load(&runtime, "abaca-guest-hostile").await;
    let backend = holding.ground.backend("hostile", driver, &holding.policy(), &[]).await;
    let one = attack_share("command", &["sleep", &holding.seconds]);
    let policy = holding.ground.path().join("hostile.policy.toml");
    let brokers = || processes_with(policy.to_str().unwrap());
    let kill = async {
        until("the command runs", || !processes_with(&holding.seconds).is_empty()).await;
        for id in brokers() {
            // Hands may have ended with the broker meanwhile.
            let _ = kill_process(Pid::from_raw(id as i32).unwrap(), Signal::KILL);
        }
    };
    let (answer, ()) = tokio::join!(backend.create_share(&one, None), kill);
    // It is the host's own fault: the driver is not asked what to make of it.
    let error = answer.unwrap_err();
    assert!(matches!(&error, Error::Broker(_)), "{error:?}");
    assert_eq!(error.blame(), abaca::Blame::Runtime);
    until("the command is gone", || processes_with(&holding.seconds).is_empty()).await;

    assert!(backend.broker().await.unwrap().is_some(), "another one is started");
    let twin = attack_share("echo", &["a"]);
    assert_eq!(backend.create_share(&twin, None).await.unwrap()[0].path, "a");
    drop(backend);
    drop(runtime);
    until("the broker ends with its backend", || brokers().is_empty()).await;
}

#[tokio::test]
async fn a_failure_is_recorded_with_its_message_and_the_share_can_be_removed() {
    let ground = Ground::new();
    let backend = ground.directory(&runtime(Limits::default()), &[]).await;
    let one = share("one", 1);
    std::fs::create_dir(ground.shares().join(&one.name)).unwrap();
    let error = backend.create_share(&one, None).await.unwrap_err();
    let record = backend.records().share(&one.id).await.unwrap().unwrap();
    assert_eq!(record.share.status, ShareStatus::Error);
    assert_eq!(record.message.unwrap(), error.to_string());
    std::fs::remove_dir(ground.shares().join(&one.name)).unwrap();
    backend.delete_share(&record.share, None).await.unwrap();
    assert!(backend.records().share(&one.id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_call_on_an_old_picture_of_a_share_is_refused() {
    let ground = Ground::new();
    let backend = ground.directory(&runtime(Limits::default()), &[]).await;
    let one = share("one", 1);
    backend.create_share(&one, None).await.unwrap();
    let old = backend.records().share(&one.id).await.unwrap().unwrap().share;
    backend.extend_share(&old, 5, None).await.unwrap();
    // To the old picture 3 GiB are more; to the share they are less, and nobody has looked at what
    // is in it.
    let error = backend.extend_share(&old, 3, None).await.unwrap_err();
    assert!(error.to_string().contains("has changed"), "{error}");
    let now = backend.records().share(&one.id).await.unwrap().unwrap().share;
    assert_eq!((now.size, now.status), (5, ShareStatus::Available));
    backend.delete_share(&now, None).await.unwrap();
    let error = backend.extend_share(&now, 6, None).await.unwrap_err();
    assert!(error.to_string().contains("not recorded"), "{error}");
    assert!(backend.records().shares().await.unwrap().is_empty(), "it has not come back");
}

#[tokio::test]
async fn what_a_call_works_on_is_not_taken_from_under_it() {
    let ground = Ground::new();
    let backend = ground.directory(&runtime(Limits::default()), &[]).await;
    let one = share("one", 1);
    backend.create_share(&one, None).await.unwrap();
    let one = backend.records().share(&one.id).await.unwrap().unwrap().share;
    let taken = snapshot(&one);
    backend.create_snapshot(&taken, None).await.unwrap();
    let error = backend.delete_share(&one, None).await.unwrap_err();
    assert!(error.to_string().contains("1 snapshots"), "{error}");

    let policy = "schema = 1\ndriver = \"hostile\"\n";
    let driver = load(&runtime(Limits::default()), "abaca-guest-hostile").await;
    let slow = ground.backend("hostile", driver, policy, &[]).await;
    let mut held = share("held", 1);
    let metadata = [("attack", "sleep"), ("argument", "60000")];
    held.metadata.extend(metadata.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let making = tokio::spawn({
        let (slow, held) = (slow.clone(), held.clone());
        async move { slow.create_share(&held, None).await }
    });
    until("the call has begun", || {
        ground.audit("hostile").iter().any(|line| line["event"] == "call")
    })
    .await;
    let error = slow.delete_share(&held, None).await.unwrap_err();
    assert!(
        matches!(&error, Error::Busy(text) if text.contains("create-share is under way")),
        "{error}"
    );
    making.abort();
    assert!(making.await.unwrap_err().is_cancelled());
    let record = settled(&slow, &held.id, ShareStatus::Error).await;
    assert!(record.message.unwrap().contains("interrupted"));
    slow.delete_share(&held, None).await.unwrap();
}

#[tokio::test]
async fn a_repeated_key_is_refused_before_anything_is_written_down() {
    let ground = Ground::new();
    let backend = ground.directory(&runtime(Limits::default()), &[]).await;
    let mut one = share("one", 1);
    let pair = |value: &str| ("key".to_owned(), value.to_owned());
    one.metadata = vec![pair("a"), pair("b")];
    let error = backend.create_share(&one, None).await.unwrap_err();
    assert!(
        matches!(&error, Error::Invalid(text) if text.contains("\"key\" is repeated")),
        "{error}"
    );
    assert!(backend.records().shares().await.unwrap().is_empty());
    assert!(ground.audit("home").is_empty(), "the driver was not called");
    // A record that could be written is read in its order.
    one.metadata = vec![("z".to_owned(), "1".to_owned()), pair("a")];
    backend.create_share(&one, None).await.unwrap();
    let record = backend.records().share(&one.id).await.unwrap().unwrap();
    assert_eq!(record.share.metadata, one.metadata);
}
