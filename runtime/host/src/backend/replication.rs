//! `replication`: keeping a share in several places. Each replica is a share instance, recorded as
//! a share.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::{Backend, check_locations};
use crate::call::Room;
use crate::contract::Interface;
use crate::contract::bindings::exports::abaca::driver::replication::GuestIndices;
use crate::error::{Error, Result};
use crate::records::{Beginning, Change, ShareEdit};
use crate::types::{
    AccessRule, AccessRulesStatus, Replica, ReplicaSnapshot, ReplicaSnapshotPair, ReplicaState,
    ReplicaUpdate, Share, ShareServer, ShareStatus,
};

impl Backend {
    /// Makes a replica of the share whose replicas, the new one among them, are `replica_list`.
    /// An answer without a state leaves it out of sync. Upstream: `create_replica`.
    ///
    /// # Errors
    /// When the driver does not offer `replication`, or there is no available active replica;
    /// what it says, or what ended the call: the replica is recorded in error then.
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
        let begun = Share {
            status: ShareStatus::Creating,
            replica_state: Some(ReplicaState::OutOfSync),
            ..share.clone()
        };
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![share.id.clone()],
                uses: others(replica_list, &share.id),
                changes: vec![Change::PutShare(Box::new(begun.clone()))],
                if_failed: vec![in_error(&begun, ShareStatus::Error)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                let guest = indices.load(&mut *store, instance)?;
                guest
                    .call_create_replica(
                        store,
                        replica_list,
                        new_replica,
                        access_rules,
                        replica_snapshots,
                        share_server,
                    )
                    .await
            },
            |answer| match answer
                .and_then(|update| check(METHOD, &[share], &update).map(|()| update))
            {
                Ok(update) => {
                    let mut made = begun.clone();
                    made.access_rules_status = AccessRulesStatus::Active;
                    if let Some(update) = &update {
                        made = updated(&made, update);
                        // A state, whatever it is, means that the replica is there.
                        if update.replica_state.is_some() && made.status == ShareStatus::Creating {
                            made.status = ShareStatus::Available;
                            made.launched_at = Some(super::now());
                        }
                    }
                    (Ok(update), vec![Change::PutShare(Box::new(made))])
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// Removes a replica, which is never the active one, with its snapshots. Upstream:
    /// `delete_replica`.
    ///
    /// # Errors
    /// When the driver does not offer `replication` or the replica is active; what it says, or
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
        if replica.share.replica_state == Some(ReplicaState::Active) {
            return Err(Error::Invalid("the active replica cannot be removed".to_owned()));
        }
        let id = &replica.share.id;
        let status = |status| Change::share_status(id, status);
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![id.clone()],
                changes: vec![status(ShareStatus::Deleting)],
                if_failed: vec![in_error(&replica.share, ShareStatus::ErrorDeleting)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                let guest = indices.load(&mut *store, instance)?;
                guest
                    .call_delete_replica(
                        store,
                        replica_list,
                        replica_snapshots,
                        replica,
                        share_server,
                    )
                    .await
            },
            |answer| match answer {
                Ok(()) => {
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
    /// the former one is out of sync. Answers the state of every replica that changed. Upstream:
    /// `promote_replica`; unlike there, each update of the rules' status is that replica's own.
    ///
    /// # Errors
    /// When the driver does not offer `replication`, or the replica is active already; what it
    /// says, or what ended the call: all replicas are recorded in error then, and what each was
    /// for its share is kept.
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
        let shares: Vec<&Share> = replica_list.iter().map(|one| &one.share).collect();
        let all = |status| {
            let change = move |share: &&Share| Change::share_status(&share.id, status);
            shares.iter().map(change).collect::<Vec<_>>()
        };
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: shares.iter().map(|share| share.id.clone()).collect(),
                changes: vec![Change::share_status(
                    &replica.share.id,
                    ShareStatus::ReplicationChange,
                )],
                if_failed: all(ShareStatus::Error),
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                let guest = indices.load(&mut *store, instance)?;
                guest
                    .call_promote_replica(store, replica_list, replica, access_rules, share_server)
                    .await
            },
            |answer| match answer
                .and_then(|updates| check(METHOD, &shares, &updates).map(|()| updates))
            {
                Ok(updates) => {
                    let updates = if updates.is_empty() {
                        promoted(&shares, &replica.share.id)
                    } else {
                        updates
                    };
                    let mut changes =
                        vec![Change::share_status(&replica.share.id, ShareStatus::Available)];
                    changes.extend(updates.iter().filter_map(|update| {
                        let share = shares.iter().find(|share| share.id == update.id)?;
                        let mut share = updated(share, update);
                        if share.id == replica.share.id && share.status != ShareStatus::Error {
                            share.status = ShareStatus::Available;
                        }
                        Some(Change::PutShare(Box::new(share)))
                    }));
                    (Ok(updates), changes)
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// Brings a replica nearer to the active one and answers its state: `in-sync`,
    /// `out-of-sync` or `error`; none leaves the record. Upstream: `update_replica_state`.
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
        let moving = matches!(
            share.status,
            ShareStatus::Creating | ShareStatus::Deleting | ShareStatus::ReplicationChange
        );
        if share.replica_state == Some(ReplicaState::Active) || moving {
            return Err(Error::Invalid(
                "the state of a replica is asked when it is neither active nor being changed"
                    .into(),
            ));
        }
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![share.id.clone()],
                uses: others(replica_list, &share.id),
                if_failed: vec![in_error(share, ShareStatus::Error)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                let guest = indices.load(&mut *store, instance)?;
                guest
                    .call_update_replica_state(
                        store,
                        replica_list,
                        replica,
                        access_rules,
                        replica_snapshots,
                        share_server,
                    )
                    .await
            },
            |answer| match answer {
                Ok(Some(ReplicaState::Active)) => {
                    let reason = "a replica becomes active by being promoted only".to_owned();
                    (Err(Error::Contract { method: METHOD, reason }), Vec::new())
                }
                Ok(None) => (Ok(None), Vec::new()),
                Ok(Some(state)) => {
                    let share = Share { replica_state: Some(state), ..share.clone() };
                    let share = match state {
                        ReplicaState::Error => Share { status: ShareStatus::Error, ..share },
                        _ => share,
                    };
                    (Ok(Some(state)), vec![Change::PutShare(Box::new(share))])
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

/// The replicas beside one.
fn others(replica_list: &[Replica], id: &str) -> Vec<String> {
    let ids = replica_list.iter().map(|one| one.share.id.clone());
    ids.filter(|other| other != id).collect()
}

/// A replica that failed is in error as an instance and as a replica.
fn in_error(share: &Share, status: ShareStatus) -> Change {
    let edit = ShareEdit {
        status: Some(status),
        replica_state: Some(ReplicaState::Error),
        access_rules_status: Some(AccessRulesStatus::Error),
        ..ShareEdit::default()
    };
    Change::EditShare(share.id.clone(), Box::new(edit))
}

/// The share with what was said about it.
fn updated(share: &Share, update: &ReplicaUpdate) -> Share {
    let mut share = share.clone();
    if !update.export_locations.is_empty() {
        share.export_locations.clone_from(&update.export_locations);
    }
    if let Some(state) = update.replica_state {
        share.replica_state = Some(state);
        if state == ReplicaState::Error {
            share.status = ShareStatus::Error;
        }
    }
    if let Some(status) = update.access_rules_status {
        share.access_rules_status = status;
    }
    share
}

/// What a driver that says nothing means by a promotion.
fn promoted(shares: &[&Share], id: &str) -> Vec<ReplicaUpdate> {
    let update = |share: &&Share| {
        let state = if share.id == id {
            ReplicaState::Active
        } else if share.replica_state == Some(ReplicaState::Active) {
            ReplicaState::OutOfSync
        } else {
            return None;
        };
        Some(ReplicaUpdate {
            id: share.id.clone(),
            export_locations: Vec::new(),
            replica_state: Some(state),
            access_rules_status: None,
        })
    };
    shares.iter().filter_map(update).collect()
}

/// Only replicas that were given can be spoken of.
fn check<'a>(
    method: &'static str,
    shares: &[&Share],
    updates: impl IntoIterator<Item = &'a ReplicaUpdate>,
) -> Result<()> {
    for update in updates {
        if !shares.iter().any(|share| share.id == update.id) {
            let reason = "it speaks of a replica that it was not given".to_owned();
            return Err(Error::Contract { method, reason });
        }
        check_locations(method, &update.export_locations)?;
    }
    Ok(())
}
