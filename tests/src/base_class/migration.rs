//! In which states a share can begin to move, go on and come back, and how far it can be.

use abaca::types::{Share, ShareStatus};
use abaca::{Backend, Error};

use super::states::{SHARE_STATUSES, recorded_replica};
use super::{calls, obedient};
use crate::dummy::migration::destination;
use crate::dummy::{assert_invalid, pair, recorded};
use crate::support::Ground;

/// A share that is recorded in this state.
async fn held(backend: &Backend, status: ShareStatus) -> Share {
    recorded_replica(backend, None, status).await.share
}

/// Asks about shares of every status, and asserts that only this one is let through, and what it
/// is then.
async fn assert_only<T: std::fmt::Debug>(
    allowed: ShareStatus,
    then: ShareStatus,
    ask: impl AsyncFn(&Backend, &Share) -> Result<T, Error>,
) {
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    for (status, _) in SHARE_STATUSES {
        let one = held(&backend, status).await;
        let before = calls(&ground, "obedient");
        let answer = ask(&backend, &one).await;
        let now = recorded(&backend, &one.id).await.status;
        if status == allowed {
            answer.unwrap();
            assert_eq!((now, calls(&ground, "obedient")), (then, before + 1));
        } else {
            assert_invalid!(answer);
            assert_eq!((now, calls(&ground, "obedient")), (status, before));
            // What is recorded decides, not what an old copy says.
            let copy = Share { status: allowed, ..one.clone() };
            assert_invalid!(ask(&backend, &copy).await);
            let now = recorded(&backend, &one.id).await.status;
            assert_eq!((now, calls(&ground, "obedient")), (status, before));
        }
    }
}

#[tokio::test]
async fn migration_start_moves_what_is_available() {
    assert_only(ShareStatus::Available, ShareStatus::Migrating, async |backend, one| {
        backend.migration_start(one, None, &destination(), &[], false).await
    })
    .await;
}

#[tokio::test]
async fn migration_complete_ends_what_is_migrating() {
    assert_only(ShareStatus::Migrating, ShareStatus::Available, async |backend, one| {
        backend.migration_complete(one, None, &[]).await
    })
    .await;
}

#[tokio::test]
async fn migration_cancel_ends_what_is_migrating() {
    assert_only(ShareStatus::Migrating, ShareStatus::Available, async |backend, one| {
        backend.migration_cancel(one, None, &[]).await
    })
    .await;
}

#[tokio::test]
async fn migration_get_progress_asks_what_is_migrating() {
    assert_only(ShareStatus::Migrating, ShareStatus::Migrating, async |backend, one| {
        backend.migration_get_progress(one, None, &[]).await
    })
    .await;
}

#[tokio::test]
async fn migration_get_progress_is_100_at_most() {
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    let mut one = held(&backend, ShareStatus::Migrating).await;
    for progress in 0..=u8::MAX {
        one.metadata = vec![pair("progress", &progress.to_string())];
        let answer = backend.migration_get_progress(&one, None, &[]).await;
        match progress {
            0..=100 => assert_eq!(answer.unwrap(), progress),
            _ => assert!(matches!(answer, Err(Error::Contract { .. })), "{progress}: {answer:?}"),
        }
    }
}
