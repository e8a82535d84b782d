//! What a share service checks of a share before it calls a driver: upstream's API does the same.
//! Each check refuses with what to do instead. Called by all nouns that work on shares.

use abaca::Records;
use abaca::types::ShareStatus;

use crate::failure::{Failure, Result};
use crate::naming::Named;
use crate::output::word;
use crate::recorded::WholeShare;

/// Where the back end has the share and serves it: a resize that failed has changed nothing of
/// that, and is no reason to refuse the next one or anything else.
const SERVED: [ShareStatus; 3] =
    [ShareStatus::Available, ShareStatus::ExtendingError, ShareStatus::ShrinkingError];

/// Refuses a share that the back end does not serve.
///
/// # Errors
/// When its status is none of [`SERVED`].
pub fn check_served(whole: &WholeShare) -> Result<()> {
    check_idle(whole)?;
    let share = whole.share();
    if SERVED.contains(&share.status) {
        return Ok(());
    }
    let served = SERVED.each_ref().map(word);
    Err(Failure::refused(
        format!(
            "the share's status is {}, and this needs {}",
            word(&share.status),
            served.join(" or ")
        ),
        format!("`abaca share show {}` says why it is", share.share_id),
    ))
}

/// Refuses a share that a call works on, or that is or was on its way to somewhere else. A call
/// that died left another status.
///
/// # Errors
/// When its status is one of those that hold during a call, or it has gone.
pub fn check_idle(whole: &WholeShare) -> Result<()> {
    use ShareStatus as S;
    let share = whole.share();
    if let Some(going) = &whole.migration {
        let (host, id) = (&going.destination.host, &share.share_id);
        match share.status {
            S::Available => {
                return Err(Failure::refused(
                    format!("the share has gone to {host}, and its record not yet"),
                    format!("`abaca migration complete {id}` lets it follow"),
                ));
            }
            _ => {
                return Err(Failure::refused(
                    format!("the share is on its way to {host}"),
                    format!("end that first: `abaca migration complete {id}` or `cancel`"),
                ));
            }
        }
    }
    if !matches!(
        share.status,
        S::Creating
            | S::Deleting
            | S::Managing
            | S::Unmanaging
            | S::Extending
            | S::Shrinking
            | S::Migrating
            | S::ReplicationChange
    ) {
        return Ok(());
    }
    Err(Failure::refused(
        format!("the share's status is {}: another call works on it", word(&share.status)),
        "wait until that has ended; `abaca share list` shows when",
    ))
}

/// Refuses to remove what was not made here, or was on its way to be let go: its data are
/// somebody else's.
///
/// # Errors
/// When the share's status says so.
pub fn check_ours(whole: &WholeShare) -> Result<()> {
    let share = whole.share();
    if !matches!(share.status, ShareStatus::ManageError | ShareStatus::UnmanageError) {
        return Ok(());
    }
    Err(Failure::refused(
        format!(
            "the share's status is {}: removing it could remove data that are not ours",
            word(&share.status)
        ),
        format!("let go of it: `abaca share unmanage {}`", share.share_id),
    ))
}

/// Refuses a share that has replicas beside the active one.
///
/// # Errors
/// When it has.
pub fn check_alone(whole: &WholeShare) -> Result<()> {
    let Some(replica) = whole.others.first() else { return Ok(()) };
    Err(Failure::refused(
        format!("the share has replicas beside the active one: {}", whole.others.len()),
        format!("remove them first: `abaca replica delete {}`", replica.share.id),
    ))
}

/// Refuses a share that has snapshots.
///
/// # Errors
/// When it has, or the records cannot be read.
pub async fn check_no_snapshots(whole: &WholeShare, records: &Records) -> Result<()> {
    let snapshots = whole.snapshots(records).await?;
    let Some((snapshot, others)) = snapshots.split_first() else { return Ok(()) };
    let others = match others.len() {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    let name = snapshot.name().unwrap_or_default();
    Err(Failure::refused(
        format!("the share has snapshots: `{name}` ({}){others}", snapshot.id()),
        format!(
            "remove them first: `{} {}`",
            crate::recorded::WholeSnapshot::REMOVE,
            snapshot.id()
        ),
    ))
}

/// Refuses a share whose content a cgsnapshot keeps.
///
/// # Errors
/// When one does, or the records cannot be read.
pub async fn check_not_in_cgsnapshot(whole: &WholeShare, records: &Records) -> Result<()> {
    let taken = records.cgsnapshots().await?;
    let of_it = taken.iter().map(|one| &one.cgsnapshot).find(|one| {
        one.members.iter().any(|member| member.share.share_id == whole.share().share_id)
    });
    let Some(cgsnapshot) = of_it else { return Ok(()) };
    let name = cgsnapshot.name.as_deref().unwrap_or_default();
    Err(Failure::refused(
        format!("the share is a member of the cgsnapshot `{name}` ({})", cgsnapshot.id),
        format!("remove that first: `abaca cgsnapshot delete {}`", cgsnapshot.id),
    ))
}
