//! Calls given up in the middle of something: a program, a lock that is held, one that is waited
//! for, a place in the queue, a server that is being set up.

use abaca::types::{Share, ShareServerStatus, SnapshotStatus};
use abaca::{Backend, Limits};
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinHandle;

use super::{INTERRUPTED, assert_interrupted, free};
use crate::dummy::servers::{RANGE, addresses, assert_free, info, records, set_up};
use crate::dummy::{made, pair, serving};
use crate::support::{
    Ground, attack_share, eventually, held, load, processes_with, runtime, share, snapshot, tree,
    until,
};

/// Longer than any test waits, in milliseconds.
const FOR_EVER: &str = "600000";

/// Gives up a call, and sees that it was not over.
async fn give_up<T: std::fmt::Debug>(call: JoinHandle<T>) {
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
}

/// The hostile guest, which runs only so many calls at a time.
async fn hostile(ground: &Ground, places: usize) -> Backend {
    let mut limits = Limits::default();
    limits.concurrent_calls = places;
    let driver = load(&runtime(limits), "abaca-guest-hostile").await;
    ground.backend("hostile", driver, "schema = 1\ndriver = \"hostile\"\n", &[]).await
}

fn create(backend: &Backend, one: &Share) -> JoinHandle<Result<(), abaca::Error>> {
    let (backend, one) = (backend.clone(), one.clone());
    tokio::spawn(async move { backend.create_share(&one, None).await.map(drop) })
}

/// The methods of the calls that have begun in a sandbox and not ended.
fn at_work(ground: &Ground, backend: &str) -> Vec<String> {
    let mut open: Vec<(String, String)> = Vec::new();
    for line in ground.audit(backend) {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        match line["event"].as_str() {
            Some("call") => open.push((text("call"), text("method"))),
            Some("call-end") => open.retain(|(call, _)| *call != text("call")),
            _ => {}
        }
    }
    open.into_iter().map(|(_, method)| method).collect()
}

#[tokio::test]
async fn while_a_program_runs() {
    let ground = Ground::new();
    let backend = ground.directory(&runtime(Limits::default()), &[]).await;
    let one = made(&backend, &share("one", 1)).await;
    let directory = ground.shares().join(&one.name);
    for number in 0..1_000 {
        std::fs::write(directory.join(number.to_string()), "content").unwrap();
    }
    let taken = snapshot(&one);
    let taking = tokio::spawn({
        let (backend, taken) = (backend.clone(), taken.clone());
        async move { backend.create_snapshot(&taken, None).await }
    });
    // A program that is stopped does not come to its end before it is given up.
    let copy = format!("{}.partial", taken.name);
    until("the copy is stopped", || {
        let programs = processes_with(&copy);
        let stop = |id: &u32| {
            let id = Pid::from_raw(i32::try_from(*id).unwrap()).unwrap();
            kill_process(id, Signal::STOP).is_ok()
        };
        programs.iter().filter(|id| stop(id)).count() > 0
    })
    .await;
    give_up(taking).await;
    until("no program is left", || processes_with(&copy).is_empty()).await;
    until("nothing is held", || held(&ground, &backend).is_empty()).await;
    let record = eventually("the call has ended", async || {
        let record = backend.records().snapshots().await.unwrap().remove(0);
        (record.snapshot.status != SnapshotStatus::Creating).then_some(record)
    });
    let record = record.await;
    assert_eq!(record.snapshot.status, SnapshotStatus::Error);
    assert!(record.message.unwrap().contains(INTERRUPTED));
    assert!(!ground.snapshots().join(&taken.name).exists(), "what is not whole has no name");
    // The next call makes it whole.
    backend.create_snapshot(&taken, None).await.unwrap();
    assert_eq!(tree(&ground.snapshots().join(&taken.name)), tree(&directory));
    backend.delete_snapshot(&taken, None).await.unwrap();
    assert!(tree(&ground.snapshots()).is_empty());
}

#[tokio::test]
async fn while_a_lock_is_held() {
    let ground = Ground::new();
    let backend = hostile(&ground, 16).await;
    let one = attack_share("lock-hold", &["one", FOR_EVER]);
    let holding = create(&backend, &one);
    until("the lock is held", || !backend.locks().unwrap().is_empty()).await;
    give_up(holding).await;
    until("nothing is held", || held(&ground, &backend).is_empty()).await;
    assert_interrupted(&backend, &one).await;
    backend.create_share(&attack_share("lock-hold", &["one", "0", "0"]), None).await.unwrap();
}

#[tokio::test]
async fn while_a_lock_is_waited_for() {
    let ground = Ground::new();
    let backend = hostile(&ground, 16).await;
    let holder = attack_share("lock-hold", &["one", FOR_EVER]);
    let holding = create(&backend, &holder);
    until("the lock is held", || !backend.locks().unwrap().is_empty()).await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let one = attack_share("lock-hold", &["one", "0"]);
        waiting.push((create(&backend, &one), one));
    }
    until("all are at work", || at_work(&ground, "hostile").len() == 4).await;
    // The middle one leaves the queue; who held the lock still does.
    let (call, one) = waiting.remove(1);
    give_up(call).await;
    assert_interrupted(&backend, &one).await;
    assert_eq!(backend.locks().unwrap().len(), 1);
    give_up(holding).await;
    // The others come to their turn, whoever has left.
    for (call, _) in waiting {
        call.await.unwrap().unwrap();
    }
    assert_interrupted(&backend, &holder).await;
    until("nothing is held", || held(&ground, &backend).is_empty()).await;
}

#[tokio::test]
async fn while_a_place_is_waited_for() {
    let ground = Ground::new();
    let backend = hostile(&ground, 1).await;
    let busy = attack_share("sleep", &[FOR_EVER]);
    let working = create(&backend, &busy);
    until("the place is taken", || at_work(&ground, "hostile").len() == 1).await;
    let mut queued = Vec::new();
    for _ in 0..3 {
        let one = attack_share("echo", &["a"]);
        queued.push((create(&backend, &one), one));
    }
    for (_, one) in &queued {
        eventually("it is recorded", async || {
            backend.records().share(&one.id).await.unwrap().map(drop)
        })
        .await;
    }
    let (call, one) = queued.remove(1);
    give_up(call).await;
    assert_interrupted(&backend, &one).await;
    let calls = ground.audit("hostile").into_iter().filter(|line| line["event"] == "call");
    assert_eq!(calls.count(), 1, "it never came to work");
    // The place goes to the others, in turn, and to whoever comes then.
    give_up(working).await;
    for (call, _) in queued {
        call.await.unwrap().unwrap();
    }
    assert_interrupted(&backend, &busy).await;
    backend.create_share(&attack_share("echo", &["a"]), None).await.unwrap();
    until("nothing is held", || held(&ground, &backend).is_empty()).await;
}

#[tokio::test]
async fn more_often_than_there_are_places() {
    let ground = Ground::new();
    let backend = hostile(&ground, 2).await;
    for _ in 0..5 {
        let one = attack_share("sleep", &[FOR_EVER]);
        let call = create(&backend, &one);
        until("it is at work", || at_work(&ground, "hostile").len() == 1).await;
        give_up(call).await;
        // The audit is told at once, the record when nothing of it is left.
        let end = ground.audit("hostile").pop().unwrap();
        assert_eq!((&end["event"], &end["outcome"]), (&"call-end".into(), &"interrupted".into()));
        assert_interrupted(&backend, &one).await;
        free(async || backend.delete_share(&one, None).await).await;
    }
    until("nothing is held", || held(&ground, &backend).is_empty()).await;
}

#[tokio::test]
async fn while_a_server_is_set_up() {
    let ground = Ground::new();
    let backend = serving(&ground, RANGE, &[]).await;
    let setting_up = tokio::spawn({
        let backend = backend.clone();
        async move { backend.setup_server(info("one"), &[pair("sleep_ms", FOR_EVER)]).await }
    });
    let at_setup = || at_work(&ground, "dummy") == ["setup-server"];
    until("the driver sets it up", at_setup).await;
    give_up(setting_up).await;
    let record = eventually("the call has ended", async || {
        let record = records(&backend).await.remove(0);
        (record.share_server.status != ShareServerStatus::Creating).then_some(record)
    });
    let record = record.await;
    assert_eq!(record.share_server.status, ShareServerStatus::Error);
    assert!(record.message.unwrap().contains(INTERRUPTED));
    // Its address may be in use, so it stays its own until it is torn down.
    assert!(backend.orphaned_leases().await.unwrap().is_empty());
    let other = set_up(&backend, "two").await;
    assert_eq!(addresses(&other), ["10.7.0.11"]);
    for one in [&record.share_server, &other] {
        free(async || backend.teardown_server(one, &[]).await).await;
    }
    assert!(records(&backend).await.is_empty());
    assert_free(&backend, 3).await;
    until("nothing is held", || held(&ground, &backend).is_empty()).await;
    set_up(&backend, "one").await;
}
