//! Calls that are given up: wherever that is, nothing of them keeps running or is kept, their
//! records say so, and the next call works.
//!
//! `everywhere` drops each call at every point where it waits; `at_work` drops calls that are
//! known to be in the middle of something.

mod at_work;
mod everywhere;

use abaca::types::{Share, ShareStatus};
use abaca::{Backend, Error, ShareRecord};

use crate::support::eventually;

/// What a record says of a call that was given up.
const INTERRUPTED: &str = "interrupted";

/// Statuses that a call gives a share while it lasts.
const UNDER_WAY: [ShareStatus; 4] =
    [ShareStatus::Creating, ShareStatus::Deleting, ShareStatus::Extending, ShareStatus::Shrinking];

/// The share's record, once no call is under way on it.
async fn settled(backend: &Backend, id: &str) -> Option<ShareRecord> {
    eventually("the share's call has ended", async || {
        let record = backend.records().share(id).await.unwrap();
        let ended = |record: &ShareRecord| !UNDER_WAY.contains(&record.share.status);
        record.as_ref().is_none_or(ended).then_some(record)
    })
    .await
}

/// Asserts that a share whose call was given up is recorded so.
async fn assert_interrupted(backend: &Backend, one: &Share) {
    let record = settled(backend, &one.id).await.expect("a record");
    assert_eq!(record.share.status, ShareStatus::Error);
    assert!(record.message.as_ref().is_some_and(|text| text.contains(INTERRUPTED)), "{record:?}");
}

/// Asks until no call that was given up is in the way any more.
async fn free<T>(mut ask: impl AsyncFnMut() -> Result<T, Error>) -> T {
    eventually("what was given up is out of the way", async || match ask().await {
        Err(Error::Busy(_)) => None,
        answer => Some(answer.unwrap()),
    })
    .await
}
