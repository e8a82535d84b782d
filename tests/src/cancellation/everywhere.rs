//! Each call dropped wherever it waits for something: after its first step, after its second, and
//! so on until it comes to its end; each time both at once and when what it waited for is there.

use abaca::types::{
    AccessLevel, AccessRulesStatus, Share, ShareServer, ShareServerStatus, ShareStatus,
    SnapshotStatus,
};
use abaca::{Backend, Error, Limits};

use super::{INTERRUPTED, free, settled};
use crate::dummy::servers::{RANGE, assert_free, info, records, set_up};
use crate::dummy::{dummy, ip, made, serving};
use crate::support::{
    Ground, dropped_at, eventually, held, processes_with, runtime, share, snapshot, tree, until,
};

/// The fewest points at which any call waits: its record at both ends, and what is between.
const POINTS: usize = 6;

/// Has a call dropped at each of its points, each time on something new, and what that left
/// looked at.
async fn everywhere<X, T>(
    new: impl AsyncFn() -> X,
    call: impl AsyncFn(&X) -> Result<T, Error>,
    after: impl AsyncFn(X),
) {
    for point in 0.. {
        let subject = new().await;
        let answer = dropped_at(point, call(&subject)).await;
        after(subject).await;
        if let Some(answer) = answer {
            answer.map(drop).unwrap();
            assert!(point >= POINTS, "it was dropped at {point} points only");
            break;
        }
    }
}

/// Asserts that a share whose call was given up is as it was, or as the call would have made it,
/// or in error and says why; none is no record. Then removes it.
async fn assert_one_of(
    ground: &Ground,
    backend: &Backend,
    one: &Share,
    in_error: ShareStatus,
    others: &[Option<ShareStatus>],
) {
    let record = settled(backend, &one.id).await;
    let status = record.as_ref().map(|record| record.share.status);
    if status == Some(in_error) {
        let message = record.unwrap().message.unwrap();
        assert!(message.contains(INTERRUPTED), "{message}");
    } else {
        assert!(others.contains(&status), "{status:?}");
    }
    free(async || backend.delete_share(one, None).await).await;
    nothing_held(ground, backend).await;
}

async fn nothing_held(ground: &Ground, backend: &Backend) {
    until("nothing is held", || held(ground, backend).is_empty()).await;
}

#[tokio::test]
async fn create_share() {
    use ShareStatus::{Available, Error};
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    everywhere(
        async || share("one", 1),
        async |one| backend.create_share(one, None).await,
        async |one| assert_one_of(&ground, &backend, &one, Error, &[None, Some(Available)]).await,
    )
    .await;
}

#[tokio::test]
async fn extend_share() {
    use ShareStatus::{Available, ExtendingError};
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    everywhere(
        async || made(&backend, &share("one", 1)).await,
        async |one| backend.extend_share(one, 2, None).await,
        async |one| {
            let available = [Some(Available)];
            assert_one_of(&ground, &backend, &one, ExtendingError, &available).await;
        },
    )
    .await;
}

#[tokio::test]
async fn delete_share() {
    use ShareStatus::{Available, ErrorDeleting};
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    everywhere(
        async || made(&backend, &share("one", 1)).await,
        async |one| backend.delete_share(one, None).await,
        async |one| {
            let others = [None, Some(Available)];
            assert_one_of(&ground, &backend, &one, ErrorDeleting, &others).await;
        },
    )
    .await;
}

#[tokio::test]
async fn update_access() {
    use AccessRulesStatus::{Active, Error};
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let rules = [ip("192.0.2.7", AccessLevel::Rw)];
    everywhere(
        async || made(&backend, &share("one", 1)).await,
        async |one| backend.update_access(one, &rules, &rules, &[], None).await,
        async |one| {
            let status = eventually("the rules are settled", async || {
                let record = settled(&backend, &one.id).await.unwrap();
                let status = record.share.access_rules_status;
                (status != AccessRulesStatus::Updating).then_some(status)
            });
            let status = status.await;
            assert!(matches!(status, Active | Error), "{status:?}");
            // Applied anew, they are in force whatever was before.
            free(async || backend.update_access(&one, &rules, &[], &[], None).await).await;
            let record = settled(&backend, &one.id).await.unwrap().share;
            assert_eq!((record.access_rules_status, record.status), (Active, one.status));
            nothing_held(&ground, &backend).await;
        },
    )
    .await;
}

/// Files are copied by a program that the broker runs.
#[tokio::test]
async fn create_snapshot() {
    use SnapshotStatus::{Available, Creating, Error};
    let ground = Ground::new();
    let backend = ground.directory(&runtime(Limits::default()), &[]).await;
    let one = made(&backend, &share("one", 1)).await;
    let directory = ground.shares().join(&one.name);
    for number in 0..20 {
        std::fs::write(directory.join(number.to_string()), vec![number; 1000]).unwrap();
    }
    let content = tree(&directory);
    everywhere(
        async || snapshot(&one),
        async |taken| backend.create_snapshot(taken, None).await,
        async |taken| {
            let record = eventually("the snapshot's call has ended", async || {
                let all = backend.records().snapshots().await.unwrap().into_iter();
                let record = all.into_iter().find(|record| record.snapshot.id == taken.id);
                let ended = record.as_ref().is_none_or(|one| one.snapshot.status != Creating);
                ended.then_some(record)
            });
            match record.await.map(|record| (record.snapshot.status, record.message)) {
                None | Some((Available, _)) => {}
                Some((Error, Some(message))) => assert!(message.contains(INTERRUPTED), "{message}"),
                other => panic!("{other:?}"),
            }
            until("no program runs", || processes_with(&taken.name).is_empty()).await;
            nothing_held(&ground, &backend).await;
            // Asked again, it is whole; and it goes without a trace.
            free(async || backend.create_snapshot(&taken, None).await).await;
            assert_eq!(tree(&ground.snapshots().join(&taken.name)), content);
            backend.delete_snapshot(&taken, None).await.unwrap();
            assert!(tree(&ground.snapshots()).is_empty());
        },
    )
    .await;
}

/// The server's record, once no call is under way on it.
async fn settled_server(backend: &Backend, id: &str) -> Option<ShareServer> {
    eventually("the server's call has ended", async || {
        let record = records(backend).await.into_iter().find(|one| one.share_server.id == id);
        let status = record.as_ref().map(|one| one.share_server.status);
        if status == Some(ShareServerStatus::Error) {
            let message = record.as_ref().unwrap().message.as_ref().unwrap();
            assert!(message.contains(INTERRUPTED), "{message}");
        }
        let under_way = [ShareServerStatus::Creating, ShareServerStatus::Deleting].map(Some);
        (!under_way.contains(&status)).then(|| record.map(|one| one.share_server))
    })
    .await
}

/// Tears down whatever server is recorded, and asserts that every address is free then.
async fn assert_all_free(ground: &Ground, backend: &Backend) {
    assert!(backend.orphaned_leases().await.unwrap().is_empty(), "each lease has its server");
    for one in records(backend).await {
        free(async || backend.teardown_server(&one.share_server, &[]).await).await;
    }
    nothing_held(ground, backend).await;
    assert!(records(backend).await.is_empty());
    assert_free(backend, 3).await;
}

#[tokio::test]
async fn setup_server() {
    let ground = Ground::new();
    let backend = serving(&ground, RANGE, &[]).await;
    everywhere(
        async || uuid::Uuid::new_v4().to_string(),
        async |id| backend.setup_server(info(id), &[]).await,
        async |id| {
            nothing_held(&ground, &backend).await;
            settled_server(&backend, &id).await;
            assert_all_free(&ground, &backend).await;
        },
    )
    .await;
}

#[tokio::test]
async fn teardown_server() {
    let ground = Ground::new();
    let backend = serving(&ground, RANGE, &[]).await;
    everywhere(
        async || set_up(&backend, &uuid::Uuid::new_v4().to_string()).await,
        async |server| backend.teardown_server(server, &[]).await,
        async |server| {
            nothing_held(&ground, &backend).await;
            if let Some(record) = settled_server(&backend, &server.id).await {
                // Its record goes on to say what it has, for that may still be in use, until its
                // leases begin to end: then they may be anybody's.
                let named = record.network_allocations;
                if !named.is_empty() {
                    assert_eq!(named, server.network_allocations);
                    let leased = backend.allocate_network(&server.id, None, Some(1)).await;
                    assert_eq!(leased.unwrap(), named);
                }
            }
            assert_all_free(&ground, &backend).await;
        },
    )
    .await;
}
