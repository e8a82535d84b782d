//! Keeping a share in several places. A back end sees its own replicas alone, so what it
//! knows of the others is what the call says.
//!
//! ```text
//! create ──▶ out of sync ──update──▶ out of sync ──update──▶ in sync
//!                 ▲                        │                    │
//!                 └──── demoted ──── active ◀──── promote ──────┘
//! ```
//! Where replicas are `writable` each is active from the beginning, and all but the last can go.

use abaca_sdk::{
    AccessRule, AccessRulesStatus, Error, Replica, ReplicaSnapshot, ReplicaSnapshotPair,
    ReplicaState, ReplicaUpdate, Replication, Result, ShareServer,
};

use crate::call::Call;
use crate::held::{HeldReplica, SYNC_STEPS};
use crate::options::{Settings, WRITABLE};
use crate::world::World;
use crate::{Dummy, access, places, shares, snapshots};

impl Replication for Dummy {
    fn create_replica(
        replica_list: Vec<Replica>,
        new_replica: Replica,
        access_rules: Vec<AccessRule>,
        _: Vec<ReplicaSnapshotPair>,
        _: Option<ShareServer>,
    ) -> Result<Option<ReplicaUpdate>> {
        // The snapshots come with the first update, as the content does.
        Call::begin("create-replica", &new_replica.share.metadata)?
            .change(|world, settings| {
                create(world, settings, &replica_list, &new_replica, &access_rules)
            })
            .map(Some)
    }

    fn delete_replica(
        replica_list: Vec<Replica>,
        _: Vec<ReplicaSnapshot>,
        replica: Replica,
        _: Option<ShareServer>,
    ) -> Result<()> {
        Call::begin("delete-replica", &replica.share.metadata)?
            .change(|world, _| delete(world, &replica_list, &replica))
    }

    fn promote_replica(
        replica_list: Vec<Replica>,
        replica: Replica,
        access_rules: Vec<AccessRule>,
        _: Option<ShareServer>,
    ) -> Result<Vec<ReplicaUpdate>> {
        Call::begin("promote-replica", &replica.share.metadata)?.change(|world, settings| {
            promote(world, settings, &replica_list, &replica, &access_rules)
        })
    }

    fn update_replica_state(
        replica_list: Vec<Replica>,
        replica: Replica,
        access_rules: Vec<AccessRule>,
        replica_snapshots: Vec<ReplicaSnapshotPair>,
        _: Option<ShareServer>,
    ) -> Result<Option<ReplicaState>> {
        Call::begin("update-replica-state", &replica.share.metadata)?.change(|world, _| {
            update(world, &replica_list, &replica, &access_rules, &replica_snapshots)
        })
    }
}

/// The identifiers of the replicas that the service takes for active.
pub fn active(replicas: &[Replica]) -> impl Iterator<Item = &str> {
    replicas
        .iter()
        .filter(|replica| replica.share.replica_state == Some(ReplicaState::Active))
        .map(|replica| replica.share.id.as_str())
}

/// Makes a replica, or finds it; one that is new is out of sync, or active where all are.
fn create(
    world: &mut World,
    settings: &Settings,
    replicas: &[Replica],
    new: &Replica,
    rules: &[AccessRule],
) -> Result<ReplicaUpdate> {
    if active(replicas).next().is_none() {
        return Err(Error::ReplicationFailed(format!(
            "the share {} has no active replica to copy from",
            new.share.share_id
        )));
    }
    let id = &new.share.id;
    let export_locations = shares::make(world, settings, &new.share, new.share_server.as_ref())?;
    let held = world.share(id)?;
    let first = match settings.replication_type.as_str() {
        WRITABLE => HeldReplica::Active,
        _ => HeldReplica::Updated(0),
    };
    let replica = *held.replica.get_or_insert(first);
    Ok(ReplicaUpdate {
        id: id.clone(),
        export_locations,
        replica_state: Some(state(replica)),
        access_rules_status: Some(apply(world, id, rules)?),
    })
}

fn state(replica: HeldReplica) -> ReplicaState {
    match replica {
        HeldReplica::Active => ReplicaState::Active,
        HeldReplica::Updated(times) if times >= SYNC_STEPS => ReplicaState::InSync,
        HeldReplica::Updated(_) => ReplicaState::OutOfSync,
    }
}

/// Applies the rules and says how that went: a rule that cannot be applied does not keep a
/// replica from being one.
fn apply(world: &mut World, id: &str, rules: &[AccessRule]) -> Result<AccessRulesStatus> {
    Ok(match access::apply(world, id, rules)? {
        None => AccessRulesStatus::Active,
        Some(_) => AccessRulesStatus::Error,
    })
}

/// Removes a replica with its snapshots; one that is not there is success.
fn delete(world: &mut World, replicas: &[Replica], replica: &Replica) -> Result<()> {
    let id = &replica.share.id;
    let held = world.shares.get(id).and_then(|held| held.replica);
    let is_active = held == Some(HeldReplica::Active)
        || replica.share.replica_state == Some(ReplicaState::Active);
    if is_active && !active(replicas).any(|other| other != id) {
        return Err(Error::ReplicationFailed(format!(
            "the replica {id} is the only active one; promote another first"
        )));
    }
    world.snapshots.retain(|_, snapshot| snapshot.share != *id);
    world.shares.remove(id);
    Ok(())
}

/// Makes a replica the active one and the former one out of sync. It need not be in sync:
/// when the active one is lost, an older copy is better than none.
fn promote(
    world: &mut World,
    settings: &Settings,
    replicas: &[Replica],
    replica: &Replica,
    rules: &[AccessRule],
) -> Result<Vec<ReplicaUpdate>> {
    let id = &replica.share.id;
    world.share(id)?.replica = Some(HeldReplica::Active);
    let access_rules_status = Some(apply(world, id, rules)?);
    let held = world.share(id)?.clone();
    let mut updates = vec![ReplicaUpdate {
        id: id.clone(),
        export_locations: places::locations(world, settings, &held)?,
        replica_state: Some(ReplicaState::Active),
        access_rules_status,
    }];
    for former in active(replicas).filter(|former| former != id) {
        if let Some(held) = world.shares.get_mut(former) {
            held.replica = Some(HeldReplica::Updated(0));
        }
        updates.push(ReplicaUpdate {
            id: former.to_owned(),
            export_locations: Vec::new(),
            replica_state: Some(ReplicaState::OutOfSync),
            access_rules_status: None,
        });
    }
    Ok(updates)
}

/// Brings a replica one step nearer to the active one, and its snapshots and rules with it.
/// Without an active one there is nothing to come nearer to.
fn update(
    world: &mut World,
    replicas: &[Replica],
    replica: &Replica,
    rules: &[AccessRule],
    pairs: &[ReplicaSnapshotPair],
) -> Result<Option<ReplicaState>> {
    let id = &replica.share.id;
    let held = world.share(id)?;
    let Some(HeldReplica::Updated(times)) = held.replica else { return Ok(None) };
    if active(replicas).next().is_none() {
        return Ok(Some(ReplicaState::OutOfSync));
    }
    let stepped = HeldReplica::Updated(times.saturating_add(1).min(SYNC_STEPS));
    held.replica = Some(stepped);
    apply(world, id, rules)?;
    for pair in pairs {
        snapshots::take(world, &pair.share_replica_snapshot.snapshot)?;
    }
    Ok(Some(state(stepped)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{replica, replica_snapshot, rule, settings, with_share};
    use abaca_sdk::{AccessLevel, AccessType, SnapshotStatus};

    fn two() -> [Replica; 2] {
        [replica("a", ReplicaState::Active), replica("b", ReplicaState::OutOfSync)]
    }

    /// The active share `a` with a new replica `b`.
    fn replicated() -> World {
        let mut world = with_share("a", 1);
        let [_, new] = two();
        let update = create(&mut world, &settings(), &two(), &new, &[]).unwrap();
        assert_eq!(update.replica_state, Some(ReplicaState::OutOfSync));
        assert_eq!(update.access_rules_status, Some(AccessRulesStatus::Active));
        assert_eq!(update.export_locations.len(), 2);
        world
    }

    #[test]
    fn a_replica_comes_into_sync_in_two_steps() {
        let mut world = replicated();
        let [_, b] = two();
        let pair = ReplicaSnapshotPair {
            active_replica_snapshot: replica_snapshot("s", "a", SnapshotStatus::Available),
            share_replica_snapshot: replica_snapshot("t", "b", SnapshotStatus::Available),
        };
        let rules = [rule(AccessType::Ip, "10.0.0.1", AccessLevel::Rw)];
        let mut update = || update(&mut world, &two(), &b, &rules, core::slice::from_ref(&pair));
        assert_eq!(update(), Ok(Some(ReplicaState::OutOfSync)));
        assert_eq!(update(), Ok(Some(ReplicaState::InSync)));
        assert_eq!(update(), Ok(Some(ReplicaState::InSync)));
        assert_eq!(world.snapshots["t"].share, "b");
        assert_eq!(world.shares["b"].rules.len(), 1);
    }

    #[test]
    fn without_an_active_one_nothing_is_made_and_nothing_moves() {
        let mut world = replicated();
        let [_, b] = two();
        let alone = [b.clone()];
        let result = create(&mut world, &settings(), &alone, &b, &[]);
        assert!(matches!(result, Err(Error::ReplicationFailed(_))));
        for _ in 0..3 {
            let state = update(&mut world, &alone, &b, &[], &[]);
            assert_eq!(state, Ok(Some(ReplicaState::OutOfSync)));
        }
    }

    #[test]
    fn promoting_turns_both_round() {
        let mut world = replicated();
        let [a, b] = two();
        let updates = promote(&mut world, &settings(), &two(), &b, &[]).unwrap();
        let states: Vec<_> =
            updates.iter().map(|update| (update.id.as_str(), update.replica_state)).collect();
        assert_eq!(
            states,
            [("b", Some(ReplicaState::Active)), ("a", Some(ReplicaState::OutOfSync))]
        );
        assert_eq!(promote(&mut world, &settings(), &two(), &b, &[]), Ok(updates));
        assert_eq!(update(&mut world, &two(), &b, &[], &[]), Ok(None));
        let state = update(&mut world, &two(), &a, &[], &[]);
        assert_eq!(state, Ok(Some(ReplicaState::OutOfSync)));
        let now = [replica("a", ReplicaState::OutOfSync), replica("b", ReplicaState::Active)];
        let result = delete(&mut world, &now, &now[1]);
        assert!(matches!(result, Err(Error::ReplicationFailed(_))));
    }

    #[test]
    fn where_all_are_written_to_all_but_the_last_can_go() {
        let writable = Settings { replication_type: WRITABLE.to_owned(), ..settings() };
        let mut world = with_share("a", 1);
        let [a, new] = two();
        let update = create(&mut world, &writable, &two(), &new, &[]).unwrap();
        assert_eq!(update.replica_state, Some(ReplicaState::Active));
        let b = replica("b", ReplicaState::Active);
        delete(&mut world, &[a.clone(), b.clone()], &a).unwrap();
        let result = delete(&mut world, core::slice::from_ref(&b), &b);
        assert!(matches!(result, Err(Error::ReplicationFailed(_))));
    }

    #[test]
    fn a_replica_goes_with_its_snapshots() {
        let mut world = replicated();
        let [a, b] = two();
        let one = replica_snapshot("t", "b", SnapshotStatus::Available);
        snapshots::take(&mut world, &one.snapshot).unwrap();
        let result = delete(&mut world, &two(), &a);
        assert!(matches!(result, Err(Error::ReplicationFailed(_))));
        delete(&mut world, &two(), &b).unwrap();
        delete(&mut world, &two(), &b).unwrap();
        assert_eq!(world, with_share("a", 1));
        let result = promote(&mut world, &settings(), &two(), &b, &[]);
        assert!(matches!(result, Err(Error::ShareResourceNotFound(_))));
    }

    #[test]
    fn a_rule_that_cannot_be_applied_is_said() {
        let mut world = with_share("a", 1);
        let [_, b] = two();
        let rules = [rule(AccessType::User, "somebody", AccessLevel::Rw)];
        let update = create(&mut world, &settings(), &two(), &b, &rules).unwrap();
        assert_eq!(update.access_rules_status, Some(AccessRulesStatus::Error));
    }
}
