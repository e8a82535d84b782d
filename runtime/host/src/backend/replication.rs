//! `replication`: keeping a share in several places. Each replica is a share instance, recorded as
//! a share.

mod updates;

use wasmtime::Store;
use wasmtime::component::Instance;

use self::updates::{check, promoted, said};
use super::Backend;
use super::calling::ask;
use crate::call::Room;
use crate::contract::Interface;
use crate::contract::bindings::exports::abaca::driver::replication::GuestIndices;
use crate::error::{Error, Result};
use crate::records::{Beginning, Change, Condition, ShareEdit, is_transitional};
use crate::types::{
    AccessRule, AccessRulesStatus, Error as DriverError, Replica, ReplicaSnapshot,
    ReplicaSnapshotPair, ReplicaState, ReplicaUpdate, Share, ShareServer, ShareStatus, Snapshot,
    SnapshotStatus,
};

impl Backend {
    /// Makes a replica of the share whose replicas, the new one among them, are `replica_list`.
    /// An answer without a state leaves it out of sync and being made; with any state, `error` too, it
    /// is made. Where replicas are writable that is `active`. The rules are recorded as its own from now
    /// on. Upstream: `create_replica`.
    ///
    /// # Errors
    /// When the driver does not offer `replication`, there is no available active replica, its share
    /// server is not active, or there is another share of this identifier; what it says, or what ended the call: the replica is
    /// recorded in error then, or as it was where it was made before.
    pub async fn create_replica(
        &self,
        replica_list: &[Replica],
        new_replica: &Replica,
        access_rules: &[AccessRule],
        replica_snapshots: &[ReplicaSnapshotPair],
        share_server: Option<&ShareServer>,
    ) -> Result<Option<ReplicaUpdate>> {
        const METHOD: &str = "create-replica";
        let indices = self.replicating(METHOD)?;
        let active = |one: &&Replica| {
            one.share.replica_state == Some(ReplicaState::Active)
                && one.share.status == ShareStatus::Available
        };
        if !replica_list.iter().any(|one| active(&one)) {
            return Err(Error::Invalid(
                "a replica is made of an active one that is available, and there is none".into(),
            ));
        }
        let share = &new_replica.share;
        let mut conditions =
            as_recorded(replica_list.iter().filter(|one| one.share.id != share.id));
        let begun = Share {
            status: ShareStatus::Creating,
            replica_state: Some(ReplicaState::OutOfSync),
            ..share.clone()
        };
        conditions.push(Condition::ShareIsNew(Box::new(begun.clone())));
        let rules_in_error = Change::access_status(&share.id, AccessRulesStatus::Error);
        let mut beginning = Beginning {
            method: METHOD,
            changes_of: vec![share.id.clone(), replication_of(share)],
            uses: others(replica_list, &share.id),
            conditions,
            changes: vec![
                Change::PutShare(Box::new(begun.clone())),
                Change::PutRules(share.id.clone(), access_rules.to_vec()),
            ],
            if_failed: vec![in_error(&begun.id, ShareStatus::Error), rules_in_error],
        };
        self.share_on_server(&mut beginning, share, share_server)?;
        self.recorded(
            beginning,
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(
                    store,
                    instance,
                    indices.call_create_replica(
                        replica_list,
                        new_replica,
                        access_rules,
                        replica_snapshots,
                        share_server
                    )
                )
            },
            |answer| match answer
                .and_then(|update| check(METHOD, &[share], &update).map(|()| update))
            {
                Ok(update) => {
                    // A state, whatever it is, means that the replica is there.
                    let is_there = update.as_ref().is_some_and(|one| one.replica_state.is_some());
                    let edit = ShareEdit {
                        status: is_there.then_some(ShareStatus::Available),
                        launched_at: is_there.then(super::now),
                        ..ShareEdit::default()
                    };
                    // Its status last: also one that is made in error is made.
                    let mut changes: Vec<_> = update.iter().map(said).collect();
                    changes.insert(0, Change::access_status(&share.id, AccessRulesStatus::Active));
                    changes.push(Change::EditShare(share.id.clone(), Box::new(edit)));
                    (Ok(update), changes)
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// Removes a replica, which is never the last active one, with its snapshots. Upstream:
    /// `delete_replica`; unlike there, one that the back end does not know counts as removed, because
    /// a removal that was cut short is asked for again.
    ///
    /// # Errors
    /// When the driver does not offer `replication`, or no other replica is active; what it says, or
    /// what ended the call: the replica is recorded as `error-deleting` then.
    pub async fn delete_replica(
        &self,
        replica_list: &[Replica],
        replica_snapshots: &[ReplicaSnapshot],
        replica: &Replica,
        share_server: Option<&ShareServer>,
    ) -> Result<()> {
        const METHOD: &str = "delete-replica";
        let indices = self.replicating(METHOD)?;
        let id = &replica.share.id;
        let mut conditions = as_recorded(replica_list.iter().chain([replica]));
        if replica.share.replica_state == Some(ReplicaState::Active) {
            let others: Vec<_> = replica_list
                .iter()
                .map(|one| &one.share)
                .filter(|one| one.id != *id && one.replica_state == Some(ReplicaState::Active))
                .collect();
            // What another back end has is its service's to know.
            if others.iter().all(|one| one.host == replica.share.host) {
                let ids = others.iter().map(|one| one.id.clone()).collect();
                conditions.push(Condition::OneIsActive(ids));
            }
        }
        let status = |status| Change::share_status(id, status);
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![id.clone(), replication_of(&replica.share)],
                conditions,
                changes: vec![status(ShareStatus::Deleting)],
                if_failed: vec![in_error(id, ShareStatus::ErrorDeleting)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(
                    store,
                    instance,
                    indices.call_delete_replica(
                        replica_list,
                        replica_snapshots,
                        replica,
                        share_server
                    )
                )
            },
            |answer| match answer {
                Ok(()) | Err(Error::Driver(DriverError::ShareResourceNotFound(_))) => {
                    let mut changes = vec![Change::RemoveShare(id.clone())];
                    let snapshots = replica_snapshots.iter();
                    changes.extend(
                        snapshots
                            .filter(|one| &one.snapshot.share_instance_id == id)
                            .map(|one| Change::RemoveSnapshot(one.snapshot.id.clone())),
                    );
                    (Ok(()), changes)
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// Makes a replica the active one; an empty answer of the driver means that it is, and that
    /// the former one is out of sync. Answers the state of every replica that changed. Its own
    /// snapshots that were being made or removed are in error then. Upstream: `promote_replica`;
    /// unlike there, each update of the rules' status is that replica's own.
    ///
    /// # Errors
    /// When the driver does not offer `replication`, the replica is active already, or none is;
    /// what it says, or what ended the call: all replicas are recorded in error then, and what
    /// each was for its share is kept.
    pub async fn promote_replica(
        &self,
        replica_list: &[Replica],
        replica: &Replica,
        access_rules: &[AccessRule],
        share_server: Option<&ShareServer>,
    ) -> Result<Vec<ReplicaUpdate>> {
        const METHOD: &str = "promote-replica";
        let indices = self.replicating(METHOD)?;
        if replica.share.replica_state == Some(ReplicaState::Active) {
            return Err(Error::Invalid("the replica is the active one already".to_owned()));
        }
        if !replica_list.iter().any(|one| one.share.replica_state == Some(ReplicaState::Active)) {
            return Err(Error::Invalid(
                "a replica is promoted in place of the active one, and there is no active replica"
                    .to_owned(),
            ));
        }
        let shares: Vec<&Share> = replica_list.iter().map(|one| &one.share).collect();
        let all = |status| {
            let change = move |share: &&Share| Change::share_status(&share.id, status);
            shares.iter().map(change).collect::<Vec<_>>()
        };
        let mut changes_of = vec![replication_of(&replica.share)];
        changes_of.extend(shares.iter().map(|share| share.id.clone()));
        let beginning = Beginning {
            method: METHOD,
            changes_of,
            conditions: as_recorded(replica_list.iter().chain([replica])),
            changes: vec![Change::share_status(&replica.share.id, ShareStatus::ReplicationChange)],
            if_failed: all(ShareStatus::Error),
            ..Beginning::default()
        };
        let promote = async |store: &mut Store<Room>, instance: &Instance| {
            ask!(
                store,
                instance,
                indices.call_promote_replica(replica_list, replica, access_rules, share_server)
            )
        };
        let id = &replica.share.id;
        self.tracked(beginning, async |call: &str| {
            let unfinished = match self.unfinished_snapshots(id).await {
                Ok(unfinished) => unfinished,
                Err(error) => return (Err(error), Vec::new()),
            };
            self.judged(METHOD, call, promote, |answer| {
                let checked =
                    answer.and_then(|updates| check(METHOD, &shares, &updates).map(|()| updates));
                match checked {
                    Ok(mut updates) => {
                        if updates.is_empty() {
                            updates = promoted(&shares, id);
                        }
                        let mut changes = vec![Change::share_status(id, ShareStatus::Available)];
                        changes.extend(updates.iter().map(said));
                        changes.extend(unfinished);
                        (Ok(updates), changes)
                    }
                    Err(error) => (Err(error), Vec::new()),
                }
            })
            .await
        })
        .await
    }

    /// That the snapshots of a replica that are being made or removed will not be: nobody goes
    /// on with them.
    async fn unfinished_snapshots(&self, id: &str) -> Result<Vec<Change>> {
        let snapshots = self.records().snapshots().await?.into_iter().map(|one| one.snapshot);
        let unfinished = snapshots.filter(|one| {
            one.share_instance_id == id
                && matches!(one.status, SnapshotStatus::Creating | SnapshotStatus::Deleting)
        });
        let in_error = |one: Snapshot| Change::SnapshotStatus(one.id, SnapshotStatus::Error);
        Ok(unfinished.map(in_error).collect())
    }

    /// Brings a replica nearer to the active one and answers its state: `in-sync`,
    /// `out-of-sync` or `error`; none leaves the record, and so does `active`, which is ignored with a
    /// warning. One that was in error because a call failed
    /// is available again with either of the first two. Upstream: `update_replica_state`.
    ///
    /// # Errors
    /// When the driver does not offer `replication`, or the replica is active or being changed;
    /// what it says, or what ended the call: the replica is recorded in error then.
    pub async fn update_replica_state(
        &self,
        replica_list: &[Replica],
        replica: &Replica,
        access_rules: &[AccessRule],
        replica_snapshots: &[ReplicaSnapshotPair],
        share_server: Option<&ShareServer>,
    ) -> Result<Option<ReplicaState>> {
        const METHOD: &str = "update-replica-state";
        let indices = self.replicating(METHOD)?;
        let share = &replica.share;
        if share.replica_state == Some(ReplicaState::Active) || is_transitional(share.status) {
            return Err(Error::Invalid(
                "the state of a replica is asked when it is neither active nor being changed"
                    .into(),
            ));
        }
        let mut conditions = as_recorded(replica_list.iter().chain([replica]));
        conditions.push(Condition::ReplicaCanBeAsked(share.id.clone()));
        self.recorded(
            Beginning {
                method: METHOD,
                // Not the others, so that their users are not kept out while it catches up.
                changes_of: vec![share.id.clone(), replication_of(share)],
                conditions,
                if_failed: vec![in_error(&share.id, ShareStatus::Error)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(
                    store,
                    instance,
                    indices.call_update_replica_state(
                        replica_list,
                        replica,
                        access_rules,
                        replica_snapshots,
                        share_server
                    )
                )
            },
            |answer| match answer {
                Ok(Some(ReplicaState::Active)) => {
                    tracing::warn!(
                        backend = self.name(),
                        replica = share.id,
                        "the driver says that a replica which was not promoted is active: ignored"
                    );
                    (Ok(None), Vec::new())
                }
                Ok(None) => (Ok(None), Vec::new()),
                Ok(Some(state)) => {
                    let edit = ShareEdit {
                        replica_state: Some(state),
                        // The driver has it, so what failed before is over.
                        is_there: state != ReplicaState::Error,
                        ..ShareEdit::default()
                    };
                    let change = Change::EditShare(share.id.clone(), Box::new(edit));
                    (Ok(Some(state)), vec![change])
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    fn replicating(&self, method: &'static str) -> Result<&GuestIndices> {
        self.offered(Interface::Replication, method, self.driver().exports().replication.as_ref())
    }
}

/// What stands for a share's replication as a whole: one call about it at a time. Upstream:
/// `locked_share_replica_operation`.
fn replication_of(share: &Share) -> String {
    format!("the replication of {}", share.share_id)
}

/// The replicas beside one.
fn others(replica_list: &[Replica], id: &str) -> Vec<String> {
    let ids = replica_list.iter().map(|one| one.share.id.clone());
    ids.filter(|other| other != id).collect()
}

/// That each replica is what the caller takes it for: which one holds the data that clients write is
/// never taken from a copy that is older than the record. Upstream reads all of them anew under the
/// lock of their share.
fn as_recorded<'a>(replicas: impl Iterator<Item = &'a Replica>) -> Vec<Condition> {
    replicas.map(|one| Condition::ReplicaIsIfRecorded(Box::new(one.share.clone()))).collect()
}

/// A replica that failed is in error as an instance and as a replica.
fn in_error(id: &str, status: ShareStatus) -> Change {
    let edit = ShareEdit {
        status: Some(status),
        replica_state: Some(ReplicaState::Error),
        ..ShareEdit::default()
    };
    Change::EditShare(id.to_owned(), Box::new(edit))
}
