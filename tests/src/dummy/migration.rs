//! Moving a share by its drivers, in two phases, and how this driver says that it is mounted.

use std::collections::BTreeMap;

use abaca::types::{MigrationDestination, Share, ShareStatus};
use abaca::{Backend, Error, MigrationPhase, OptionValue, ShareRecord};

use super::{
    assert_busy, assert_driver, assert_invalid, calls, dummy, made, message, open, pair, recorded,
    text,
};
use crate::support::{Ground, eventually, share, snapshot, until};

/// Another back end of the same driver.
pub async fn there(ground: &Ground) -> Backend {
    let options = [
        ("driver_handles_share_servers", OptionValue::Boolean(false)),
        ("dummy_export_host", text("192.0.2.9")),
    ];
    open(ground, "there", &options, BTreeMap::new()).await.unwrap()
}

pub fn destination() -> MigrationDestination {
    MigrationDestination { host: "test@there#alpha".to_owned(), capabilities: Vec::new() }
}

#[tokio::test]
async fn a_share_moves_in_two_phases() {
    let ground = Ground::new();
    let (here, there) = (dummy(&ground, &[]).await, there(&ground).await);
    let one = made(&here, &share("one", 3)).await;
    let info = there.migration_get_driver_info(&one, None).await.unwrap();
    let started = here.migration_start(&one, None, &destination(), &info, false).await.unwrap();
    assert!(started.moved && started.export_locations.is_empty());
    let moving = recorded(&here, &one.id).await;
    assert_eq!(moving.status, ShareStatus::Migrating);
    assert_eq!(moving.export_locations, one.export_locations, "clients find it where it was");
    for percent in [25, 50, 75, 100, 100] {
        let progress = here.migration_get_progress(&moving, None, &info).await;
        assert_eq!(progress.unwrap(), percent);
    }
    let found = here.migration_complete(&moving, None, &info).await.unwrap();
    assert_eq!(found[0].path, format!("192.0.2.9:/shares/{}", one.name));
    let moved = recorded(&here, &one.id).await;
    assert_eq!((moved.status, &moved.export_locations), (ShareStatus::Available, &found));
    // It is there now, and not here.
    let ensured = there.ensure_share(&moved, None).await.unwrap();
    assert_eq!(ensured[0].path, found[0].path);
    assert_eq!(recorded(&there, &one.id).await.export_locations, ensured);
    assert_driver!(here.ensure_share(&moved, None).await, ShareResourceNotFound);
}

#[tokio::test]
async fn a_question_and_a_share_that_has_gone_leave_nothing_behind() {
    let ground = Ground::new();
    let (here, there) = (dummy(&ground, &[]).await, there(&ground).await);
    let one = made(&here, &share("one", 3)).await;
    let info = there.migration_get_driver_info(&one, None).await.unwrap();
    // A question changes nothing: the place is free.
    let other = Share { name: one.name.clone(), ..share("other", 1) };
    there.create_share(&other, None).await.unwrap();
    there.delete_share(&other, None).await.unwrap();
    here.migration_start(&one, None, &destination(), &info, false).await.unwrap();
    let moving = recorded(&here, &one.id).await;
    while here.migration_get_progress(&moving, None, &info).await.unwrap() < 100 {}
    here.migration_complete(&moving, None, &info).await.unwrap();
    // So it is at the source when it has gone.
    here.create_share(&other, None).await.unwrap();
    there.ensure_share(&recorded(&here, &one.id).await, None).await.unwrap();
    let refused = there.create_share(&other, None).await.unwrap_err();
    assert!(refused.to_string().contains("is where the share"), "{refused}");
    // What was not sent there does not come by being asked for.
    let lost = share("lost", 1);
    assert_driver!(there.ensure_share(&lost, None).await, ShareResourceNotFound);
}

#[tokio::test]
async fn a_migration_is_given_up_between_the_phases() {
    let ground = Ground::new();
    let (here, there) = (dummy(&ground, &[]).await, there(&ground).await);
    let one = made(&here, &share("one", 3)).await;
    let info = there.migration_get_driver_info(&one, None).await.unwrap();
    // Before it has begun there is nothing to ask, to complete or to cancel.
    let before = calls(&ground).len();
    assert_invalid!(here.migration_get_progress(&one, None, &info).await);
    assert_invalid!(here.migration_complete(&one, None, &info).await);
    assert_invalid!(here.migration_cancel(&one, None, &info).await);
    assert_eq!(calls(&ground).len(), before);
    here.migration_start(&one, None, &destination(), &info, false).await.unwrap();
    let moving = recorded(&here, &one.id).await;
    assert_invalid!(here.migration_start(&moving, None, &destination(), &info, false).await);
    // A cancel that fails leaves it on its way.
    let broken = super::failing(&moving, "migration-cancel:migration-failed");
    assert_driver!(here.migration_cancel(&broken, None, &info).await, MigrationFailed);
    assert_eq!(recorded(&here, &one.id).await.status, ShareStatus::Migrating);
    here.migration_cancel(&moving, None, &info).await.unwrap();
    assert_eq!(recorded(&here, &one.id).await, one);
    assert_eq!(here.ensure_share(&one, None).await.unwrap(), one.export_locations);
    // Switching over too early changes nothing: it goes on, and ends.
    here.migration_start(&one, None, &destination(), &info, false).await.unwrap();
    assert_driver!(here.migration_complete(&moving, None, &info).await, MigrationFailed);
    assert_eq!(recorded(&here, &one.id).await, moving);
    assert!(message(&here, &one.id).await.contains("0 %"));
    while here.migration_get_progress(&moving, None, &info).await.unwrap() < 100 {}
    here.migration_complete(&moving, None, &info).await.unwrap();
}

/// A share whose driver takes so long for one of the calls that it can be given up.
fn slow(one: &Share) -> Share {
    Share { metadata: vec![pair("sleep_ms", "600000")], ..one.clone() }
}

/// Gives a call up while its driver works on it.
async fn give_up<T>(ground: &Ground, method: &str, call: impl Future<Output = T>) {
    let begun = || calls(ground).iter().filter(|one| *one == method).count();
    let before = begun();
    tokio::select! {
        _ = call => panic!("{method} has ended"),
        () = until("the driver is called", || begun() > before) => {}
    }
}

#[tokio::test]
async fn what_was_interrupted_can_still_be_asked_after_completed_and_cancelled() {
    let ground = Ground::new();
    let (here, there) = (dummy(&ground, &[]).await, there(&ground).await);
    let one = made(&here, &share("one", 3)).await;
    let info = there.migration_get_driver_info(&one, None).await.unwrap();
    let to = destination();
    let starting = tokio::spawn({
        let (here, slow, to, info) = (here.clone(), slow(&one), to.clone(), info.clone());
        async move { here.migration_start(&slow, None, &to, &info, false).await }
    });
    eventually("it is on its way", async || {
        let moving = recorded(&here, &one.id).await;
        here.migration_get_progress(&moving, None, &info).await.ok()
    })
    .await;
    starting.abort();
    let record = interrupted(&here, &one).await;
    assert_eq!(here.records().migrations().await.unwrap()[0].destination, to);
    // Nobody removes what may be elsewhere, and the driver can be asked to give it up.
    assert_invalid!(here.delete_share(&record.share, None).await);
    assert_invalid!(here.unmanage(&record.share).await);
    // It is completed when the driver has said that all of it is there.
    let refused = assert_invalid!(here.migration_complete(&record.share, None, &info).await);
    assert!(refused.contains("the first phase of the migration is not done"), "{refused}");
    assert_eq!(here.records().migrations().await.unwrap()[0].phase, MigrationPhase::InProgress);
    while here.migration_get_progress(&record.share, None, &info).await.unwrap() < 100 {}
    assert_eq!(here.records().migrations().await.unwrap()[0].phase, MigrationPhase::Phase1Done);
    here.migration_cancel(&record.share, None, &info).await.unwrap();
    assert_eq!(recorded(&here, &one.id).await, one);
    assert!(here.records().migrations().await.unwrap().is_empty());

    here.migration_start(&one, None, &to, &info, false).await.unwrap();
    let moving = recorded(&here, &one.id).await;
    while here.migration_get_progress(&moving, None, &info).await.unwrap() < 100 {}
    let slow_one = slow(&moving);
    give_up(&ground, "migration-complete", here.migration_complete(&slow_one, None, &info)).await;
    let record = interrupted(&here, &one).await;
    assert_invalid!(here.delete_share(&record.share, None).await);
    let found = here.migration_complete(&record.share, None, &info).await.unwrap();
    assert!(found[0].path.starts_with("192.0.2.9:"), "{found:?}");
    // It is recorded here until it is forgotten, and until then nobody removes it either.
    let gone = recorded(&here, &one.id).await;
    assert_invalid!(here.delete_share(&gone, None).await);
    here.forget_share(&gone).await.unwrap();
}

/// The record of a migration that was given up, once nothing of the call is left.
async fn interrupted(backend: &Backend, one: &Share) -> ShareRecord {
    let record = eventually("the call is recorded as interrupted", async || {
        let record = backend.records().share(&one.id).await.unwrap().unwrap();
        record.message.is_some().then_some(record)
    })
    .await;
    assert_eq!(record.share.status, ShareStatus::Migrating);
    let message = record.message.clone().unwrap();
    assert!(message.contains("interrupted") && message.contains("progress"), "{message}");
    record
}

/// Upstream: a share is asked after and given up in `migration_driver_in_progress`, which is while
/// `migration_start` runs.
#[tokio::test]
async fn a_migration_is_asked_after_and_given_up_while_it_begins() {
    // Given up for ever, and ending by itself after it was given up.
    for sleep in ["600000", "3000"] {
        let ground = Ground::new();
        let (here, there) = (dummy(&ground, &[]).await, there(&ground).await);
        let one = made(&here, &share("one", 3)).await;
        let info = there.migration_get_driver_info(&one, None).await.unwrap();
        let slow = Share { metadata: vec![pair("sleep_ms", sleep)], ..one.clone() };
        let starting = tokio::spawn({
            let (here, info) = (here.clone(), info.clone());
            async move { here.migration_start(&slow, None, &destination(), &info, false).await }
        });
        let progress = eventually("it is on its way", async || {
            let moving = here.records().share(&one.id).await.unwrap()?.share;
            let asked = here.migration_get_progress(&moving, None, &info).await;
            asked.ok().map(|progress| (moving, progress))
        });
        let (moving, progress) = progress.await;
        assert_eq!((moving.status, progress), (ShareStatus::Migrating, 25));
        assert_busy!(here.migration_complete(&moving, None, &info).await);
        here.migration_cancel(&moving, None, &info).await.unwrap();
        assert_eq!(recorded(&here, &one.id).await, one);
        assert!(here.records().migrations().await.unwrap().is_empty());
        if sleep == "600000" {
            assert_busy!(here.extend_share(&one, 4, None).await);
            starting.abort();
        } else {
            let given_up = assert_driver!(starting.await.unwrap(), MigrationFailed);
            assert!(given_up.contains("given up"), "{given_up}");
        }
        // However it ends, the share is where it was.
        eventually("nothing is at work on it", async || {
            match here.extend_share(&one, 4, None).await {
                Err(Error::Busy(_)) => None,
                Ok(()) => Some(()),
                Err(other) => panic!("{other}"),
            }
        })
        .await;
        let wanted = Share { size: 4, ..one.clone() };
        assert_eq!(recorded(&here, &one.id).await, wanted);
    }
}

#[tokio::test]
async fn what_the_drivers_cannot_move_is_left_to_the_service() {
    let ground = Ground::new();
    let here = dummy(&ground, &[]).await;
    let one = made(&here, &share("one", 3)).await;
    let foreign = [pair("driver", "another")];
    let started = here.migration_start(&one, None, &destination(), &foreign, false).await.unwrap();
    assert!(!started.moved);
    assert_eq!(recorded(&here, &one.id).await, one);
    // So it is when the driver says that it cannot.
    let info = there(&ground).await.migration_get_driver_info(&one, None).await.unwrap();
    let taken = snapshot(&one);
    here.create_snapshot(&taken, None).await.unwrap();
    let answer = here.migration_start(&one, None, &destination(), &info, false).await;
    assert_driver!(answer, MigrationFailed);
    assert_eq!(recorded(&here, &one.id).await, one);
    here.delete_snapshot(&taken, None).await.unwrap();
    // Who asks to be notified has no second phase.
    let started = here.migration_start(&one, None, &destination(), &info, true).await.unwrap();
    assert!(started.moved);
    let moved = recorded(&here, &one.id).await;
    assert_eq!(moved.status, ShareStatus::Available);
    assert_eq!(moved.export_locations, started.export_locations);
    assert!(moved.export_locations[0].path.starts_with("192.0.2.9:"), "{moved:?}");
}

#[tokio::test]
async fn a_service_is_told_how_to_mount() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let one = made(&backend, &share("one", 1)).await;
    let commands = backend.migration_get_info(&one, None).await.unwrap();
    let admin = format!("192.0.2.1:/admin/shares/{}", one.name);
    assert_eq!(commands.mount, ["mount", "-t", "nfs", &admin, "%(path)s"]);
    assert_eq!(commands.unmount, ["umount", "%(path)s"]);
}
