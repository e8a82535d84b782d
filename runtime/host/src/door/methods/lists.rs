//! What the door tells of itself and of what is recorded, which upstream reads from its database.
//! A new method is one entry here.

use super::{Answer, Method, methods, read, write};
use crate::backend::Reconciliation;
use crate::door::{BackendSummary, Door};
use crate::locks::HeldLock;
use crate::network::Lease;
use crate::owned::OwnedRecord;
use crate::records::{
    CgsnapshotRecord, ConsistencyGroupRecord, MigrationRecord, ShareRecord, ShareServerRecord,
    SnapshotRecord,
};
use crate::types::AccessRule;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

methods! {
    /// The backends that are served, and those that cannot be.
    list_backends() -> Vec<BackendSummary> = |door| door.backends().await;
    /// The shares, replicas among them, as they are recorded.
    list_shares(backend: String) -> Vec<ShareRecord> = |door| {
        door.backend(&backend)?.records().shares().await?
    };
    /// The access rules that are wanted for a share instance.
    list_access_rules(backend: String, share_instance_id: String) -> Vec<AccessRule> = |door| {
        door.backend(&backend)?.records().access_rules(&share_instance_id).await?
    };
    /// The snapshots as they are recorded.
    list_snapshots(backend: String) -> Vec<SnapshotRecord> = |door| {
        door.backend(&backend)?.records().snapshots().await?
    };
    /// The share servers as they are recorded.
    list_share_servers(backend: String) -> Vec<ShareServerRecord> = |door| {
        door.backend(&backend)?.records().share_servers().await?
    };
    /// The consistency groups as they are recorded.
    list_consistency_groups(backend: String) -> Vec<ConsistencyGroupRecord> = |door| {
        door.backend(&backend)?.records().consistency_groups().await?
    };
    /// The group snapshots as they are recorded.
    list_cgsnapshots(backend: String) -> Vec<CgsnapshotRecord> = |door| {
        door.backend(&backend)?.records().cgsnapshots().await?
    };
    /// The shares that are going or have gone to another back end.
    list_migrations(backend: String) -> Vec<MigrationRecord> = |door| {
        door.backend(&backend)?.records().migrations().await?
    };
    /// The addresses that are leased to share servers which are not recorded.
    list_orphaned_leases(backend: String) -> Vec<Lease> = |door| {
        door.backend(&backend)?.orphaned_leases().await?
    };
    /// What the backend has made, and so may use where its policy says `owner = "self"`.
    list_owned(backend: String) -> Vec<OwnedRecord> = |door| {
        door.backend(&backend)?.records().owned().await?
    };
    /// What does not fit between the records and the storage.
    reconcile(backend: String) -> Reconciliation = |door| {
        door.backend(&backend)?.reconcile().await?
    };
    /// The locks that calls hold now.
    list_locks(backend: String) -> Vec<HeldLock> = |door| door.backend(&backend)?.locks()?;
}
