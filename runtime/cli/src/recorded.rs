//! What is recorded, as its user means it: a share with its replicas, a snapshot with what there is
//! of it on each replica, and the rest one record each. Read by `service`, meant by `naming`; what
//! the commands make of it is in the nouns' files.

mod gathering;

use abaca::configuration::BackendEntry;
use abaca::types::{ReplicaState, Share, Snapshot, SnapshotStatus};
use abaca::{
    CgsnapshotRecord, ConsistencyGroupRecord, MigrationRecord, Records, ShareRecord,
    ShareServerRecord, SnapshotRecord,
};

use self::gathering::gathered;
use crate::failure::Result;
use crate::naming::{Named, Placed};

/// What a backend has records of.
pub trait Recorded: Named + Sized {
    /// The name of its lists in JSON.
    const LIST: &'static str;

    /// All of them.
    async fn all(records: &Records) -> abaca::Result<Vec<Self>>;

    /// Leaves out what is nothing by itself, among those of all backends.
    fn settle(_all: &mut Vec<Placed<'_, Self>>) {}
}

/// A share with its replicas. Most have none but itself.
#[derive(Debug)]
pub struct WholeShare {
    /// The active one, or where there is none the first.
    pub active: ShareRecord,
    /// The others.
    pub others: Vec<ShareRecord>,
    /// Where it is going, or has gone.
    pub migration: Option<MigrationRecord>,
}

/// A snapshot with its instances: one on each replica of its share, so most have one.
#[derive(Debug)]
pub struct WholeSnapshot {
    /// One that is available, or where there is none the first.
    pub first: SnapshotRecord,
    /// The others.
    pub others: Vec<SnapshotRecord>,
}

/// One replica of a share.
#[derive(Debug)]
pub struct ReplicaRecord(pub ShareRecord);

/// One thing as it is recorded after a call that made or changed it.
///
/// # Errors
/// When its record is gone, or none can be read.
pub async fn again<'a, T: Recorded>(
    entry: &'a BackendEntry,
    records: &Records,
    id: &str,
) -> Result<Placed<'a, T>> {
    match T::all(records).await?.into_iter().find(|one| one.id() == id) {
        Some(record) => Ok(Placed { entry, record }),
        None => Err(anyhow::anyhow!("the {} {id} is done, and its record is gone", T::NOUN).into()),
    }
}

impl WholeShare {
    /// What commands about the share are about.
    pub fn share(&self) -> &Share {
        &self.active.share
    }

    /// Every instance of it, the active one first.
    pub fn instances(&self) -> impl Iterator<Item = &Share> {
        std::iter::once(&self.active).chain(&self.others).map(|one| &one.share)
    }

    /// Its snapshots.
    pub async fn snapshots(&self, records: &Records) -> abaca::Result<Vec<WholeSnapshot>> {
        let mut snapshots = WholeSnapshot::all(records).await?;
        snapshots.retain(|one| one.snapshot().share_id == self.share().share_id);
        Ok(snapshots)
    }
}

impl WholeSnapshot {
    /// What commands about the snapshot are about.
    pub fn snapshot(&self) -> &Snapshot {
        &self.first.snapshot
    }

    /// Every record of it.
    pub fn records(&self) -> impl Iterator<Item = &SnapshotRecord> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Every instance of it.
    pub fn instances(&self) -> impl Iterator<Item = &Snapshot> {
        self.records().map(|one| &one.snapshot)
    }

    /// What holds of the whole: whatever is not over, or not well, on any replica. Upstream:
    /// `aggregate_status`.
    pub fn status(&self) -> SnapshotStatus {
        use SnapshotStatus as S;
        let first = [S::Deleting, S::Creating, S::ErrorDeleting, S::Error].into_iter();
        let mut found = first.filter(|status| self.instances().any(|one| one.status == *status));
        found.next().unwrap_or(self.snapshot().status)
    }
}

impl Named for WholeShare {
    const NOUN: &'static str = "share";
    const MAKE: &'static str = "abaca share create";
    const REMOVE: &'static str = "abaca share delete";

    fn id(&self) -> &str {
        let Share { share_id, .. } = self.share();
        share_id
    }

    fn name(&self) -> Option<&str> {
        self.share().display_name.as_deref()
    }
}

impl Recorded for WholeShare {
    const LIST: &'static str = "shares";

    async fn all(records: &Records) -> abaca::Result<Vec<Self>> {
        let mut migrations = records.migrations().await?;
        let is_active = |one: &ShareRecord| one.share.replica_state == Some(ReplicaState::Active);
        let all = gathered(records.shares().await?, |one| &one.share.share_id, is_active);
        let whole = all.map(|(active, others)| {
            let goes = |one: &mut MigrationRecord| one.share_instance_id == active.share.id;
            let migration = migrations.extract_if(.., goes).next();
            Self { active, others, migration }
        });
        Ok(whole.collect())
    }

    /// An instance into which a share is being copied is not a share yet.
    fn settle(all: &mut Vec<Placed<'_, Self>>) {
        let copies: Vec<String> = all
            .iter()
            .filter_map(|one| one.record.migration.as_ref()?.copy.as_ref())
            .map(|copy| copy.share_instance_id.clone())
            .collect();
        all.retain(|one| !copies.contains(&one.record.share().id));
    }
}

impl Named for WholeSnapshot {
    const NOUN: &'static str = "snapshot";
    const MAKE: &'static str = "abaca snapshot create";
    const REMOVE: &'static str = "abaca snapshot delete";

    fn id(&self) -> &str {
        let Snapshot { snapshot_id, .. } = self.snapshot();
        snapshot_id
    }

    fn name(&self) -> Option<&str> {
        self.snapshot().display_name.as_deref()
    }
}

impl Recorded for WholeSnapshot {
    const LIST: &'static str = "snapshots";

    async fn all(records: &Records) -> abaca::Result<Vec<Self>> {
        let is_available = |one: &SnapshotRecord| one.snapshot.status == SnapshotStatus::Available;
        let all =
            gathered(records.snapshots().await?, |one| &one.snapshot.snapshot_id, is_available);
        Ok(all.map(|(first, others)| Self { first, others }).collect())
    }
}

impl Named for ReplicaRecord {
    const NOUN: &'static str = "replica";
    const MAKE: &'static str = "abaca replica create";
    const REMOVE: &'static str = "abaca replica delete";

    fn id(&self) -> &str {
        &self.0.share.id
    }

    /// The name is that of all replicas of a share.
    fn name(&self) -> Option<&str> {
        None
    }
}

impl Recorded for ReplicaRecord {
    const LIST: &'static str = "replicas";

    async fn all(records: &Records) -> abaca::Result<Vec<Self>> {
        let shares = records.shares().await?.into_iter();
        Ok(shares.filter(|one| one.share.replica_state.is_some()).map(Self).collect())
    }
}

impl Named for ShareServerRecord {
    const NOUN: &'static str = "share server";
    const MAKE: &'static str = "abaca share-server setup";
    const REMOVE: &'static str = "abaca share-server teardown";

    fn id(&self) -> &str {
        &self.share_server.id
    }

    fn name(&self) -> Option<&str> {
        None
    }
}

impl Recorded for ShareServerRecord {
    const LIST: &'static str = "share_servers";

    async fn all(records: &Records) -> abaca::Result<Vec<Self>> {
        records.share_servers().await
    }
}

impl Named for ConsistencyGroupRecord {
    const NOUN: &'static str = "consistency group";
    const MAKE: &'static str = "abaca consistency-group create";
    const REMOVE: &'static str = "abaca consistency-group delete";

    fn id(&self) -> &str {
        &self.consistency_group.id
    }

    fn name(&self) -> Option<&str> {
        self.consistency_group.name.as_deref()
    }
}

impl Recorded for ConsistencyGroupRecord {
    const LIST: &'static str = "consistency_groups";

    async fn all(records: &Records) -> abaca::Result<Vec<Self>> {
        records.consistency_groups().await
    }
}

impl Named for CgsnapshotRecord {
    const NOUN: &'static str = "cgsnapshot";
    const MAKE: &'static str = "abaca cgsnapshot create";
    const REMOVE: &'static str = "abaca cgsnapshot delete";

    fn id(&self) -> &str {
        &self.cgsnapshot.id
    }

    fn name(&self) -> Option<&str> {
        self.cgsnapshot.name.as_deref()
    }
}

impl Recorded for CgsnapshotRecord {
    const LIST: &'static str = "cgsnapshots";

    async fn all(records: &Records) -> abaca::Result<Vec<Self>> {
        records.cgsnapshots().await
    }
}
