//! Replicas in the other pool: made, followed, promoted in both directions, lost, and removed; and
//! their snapshots.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use abaca::types::{
    AccessLevel, AccessRulesStatus, Error as DriverError, Replica, ReplicaSnapshot, ReplicaState,
    Share, Snapshot, SnapshotStatus,
};

use super::access::ip;
use super::{
    Home, driver_error, everything, in_pool, open, policy, property, run, succeeds, without,
};
use crate::support::{snapshot, tree, until};

/// A share and its replica in the other pool.
pub struct Pair {
    pub first: Share,
    pub second: Share,
}

impl Pair {
    /// Made, with something in it.
    pub async fn made(home: &Home) -> Pair {
        let active = Some(ReplicaState::Active);
        let first = Share { replica_state: active, ..in_pool("tank", 1) };
        let (first, directory) = home.made(&first).await;
        fs::write(directory.join("file"), "first").unwrap();
        let second = Share { share_id: first.share_id.clone(), ..in_pool("pond", 1) };
        let pair = Pair { first, second };
        let rules = [ip("10.0.0.1", AccessLevel::Rw), ip("10.1.0.0/24", AccessLevel::Ro)];
        let update = home
            .backend
            .create_replica(&pair.list(), &pair.list()[1], &rules, &[], None)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(update.replica_state, Some(ReplicaState::InSync));
        assert_eq!(update.access_rules_status, Some(AccessRulesStatus::Active));
        assert_eq!(update.export_locations.len(), 2);
        pair.now(home).await
    }

    /// As they are recorded.
    pub async fn now(&self, home: &Home) -> Pair {
        Pair { first: home.recorded(&self.first).await, second: home.recorded(&self.second).await }
    }

    pub fn list(&self) -> [Replica; 2] {
        [&self.first, &self.second]
            .map(|share| Replica { share: share.clone(), share_server: None })
    }

    /// Where both are mounted, and their datasets.
    fn places(&self, home: &Home) -> [(PathBuf, String); 2] {
        [("tank", &self.first), ("pond", &self.second)]
            .map(|(pool, share)| (home.directory(pool, share), Home::dataset(pool, share)))
    }

    /// Makes the replica that is not the active one follow.
    pub async fn follow(&self, home: &Home) -> ReplicaState {
        let list = self.list();
        let behind = list.iter().find(|one| one.share.replica_state != Some(ReplicaState::Active));
        let answer =
            home.backend.update_replica_state(&list, behind.unwrap(), &[], &[], None).await;
        answer.unwrap().unwrap()
    }

    /// Promotes the replica of this place in the list.
    pub async fn promote(&self, home: &Home, place: usize) -> Pair {
        let list = self.list();
        let rules = [ip("10.0.0.1", AccessLevel::Rw)];
        home.backend.promote_replica(&list, &list[place], &rules, None).await.unwrap();
        self.now(home).await
    }

    /// Removes both, the active one last.
    pub async fn remove(&self, home: &Home) {
        let list = self.list();
        let active = |one: &&Replica| one.share.replica_state == Some(ReplicaState::Active);
        let behind = list.iter().find(|one| !active(one)).unwrap();
        home.backend.delete_replica(&list, &[], behind, None).await.unwrap();
        let active = list.iter().find(active).unwrap();
        home.backend.delete_share(&active.share, None).await.unwrap();
    }
}

/// How many snapshots of a dataset there are that replicas are made by.
fn temporary(dataset: &str) -> usize {
    let beginning = format!("{dataset}@tmp_snapshot_for_replication_");
    everything().iter().filter(|name| name.starts_with(&beginning)).count()
}

/// All of it: made, followed, promoted there and back, removed.
pub async fn there_and_back(home: &Home) {
    let pair = Pair::made(home).await;
    let [(first, first_dataset), (second, second_dataset)] = pair.places(home);
    assert_eq!(tree(&first), tree(&second));
    let refused = fs::write(second.join("file"), "x").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnlyFilesystem);
    let read_only = "10.0.0.1:ro,no_root_squash 10.1.0.0/255.255.255.0:ro,no_root_squash";
    assert_eq!(property("sharenfs", &second_dataset), read_only);
    assert_eq!(property("quota", &second_dataset), "1G");

    // It follows, and what it was made by before is removed.
    for text in ["second", "third"] {
        fs::write(first.join("file"), text).unwrap();
        assert_ne!(tree(&first), tree(&second));
        assert_eq!(pair.follow(home).await, ReplicaState::InSync);
        assert_eq!(tree(&first), tree(&second));
        assert_eq!([&first_dataset, &second_dataset].map(|one| temporary(one)), [1, 1]);
        let refused = fs::write(second.join("file"), "x").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ReadOnlyFilesystem);
    }

    // Promoted, it has what was written until then; the other one is shut.
    fs::write(first.join("file"), "last").unwrap();
    let pair = pair.promote(home, 1).await;
    let states = [&pair.first, &pair.second].map(|share| share.replica_state.unwrap());
    assert_eq!(states, [ReplicaState::InSync, ReplicaState::Active]);
    assert_eq!(fs::read_to_string(second.join("file")).unwrap(), "last");
    let refused = fs::write(first.join("file"), "x").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnlyFilesystem);
    fs::write(second.join("file"), "beyond").unwrap();
    assert_eq!(property("sharenfs", &second_dataset), "10.0.0.1:rw,no_root_squash");
    assert_eq!(pair.follow(home).await, ReplicaState::InSync);
    assert_eq!(tree(&first), tree(&second));
    let refused = fs::write(first.join("file"), "x").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnlyFilesystem);

    // And back.
    let pair = pair.promote(home, 0).await;
    fs::write(first.join("file"), "home").unwrap();
    assert_eq!(pair.follow(home).await, ReplicaState::InSync);
    assert_eq!(fs::read_to_string(second.join("file")).unwrap(), "home");
    let refused = fs::write(second.join("file"), "x").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnlyFilesystem);

    let list = pair.list();
    home.backend.delete_replica(&list, &[], &list[1], None).await.unwrap();
    home.backend.delete_replica(&list, &[], &list[1], None).await.unwrap();
    assert_eq!(temporary(&first_dataset), 0, "{:?}", everything());
    assert_eq!(fs::read_to_string(first.join("file")).unwrap(), "home");
    home.backend.delete_share(&pair.first, None).await.unwrap();
}

#[tokio::test]
async fn a_replica_follows_and_is_promoted_there_and_back() {
    let Some(home) =
        Home::new(module_path!(), "a_replica_follows_and_is_promoted_there_and_back", "replicas")
            .await
    else {
        return;
    };
    there_and_back(&home).await;
    home.assert_bare().await;
}

/// While somebody reads it, it stays as it is, and is not promoted without what it lacks.
#[tokio::test]
async fn a_replica_that_is_read_follows_later() {
    let Some(home) =
        Home::new(module_path!(), "a_replica_that_is_read_follows_later", "a replica in use").await
    else {
        return;
    };
    let pair = Pair::made(&home).await;
    let [(first, first_dataset), (second, _)] = pair.places(&home);
    fs::write(first.join("file"), "newer").unwrap();
    let reader = fs::File::open(second.join("file")).unwrap();
    assert_eq!(pair.follow(&home).await, ReplicaState::OutOfSync);
    assert_eq!(fs::read_to_string(second.join("file")).unwrap(), "first");
    let list = pair.list();
    let error = driver_error(home.backend.promote_replica(&list, &list[1], &[], None).await);
    assert!(matches!(error, DriverError::ShareIsBusy(_)), "{error:?}");
    fs::write(first.join("file"), "newest").unwrap();
    drop(reader);
    let pair = pair.promote(&home, 1).await;
    assert_eq!(fs::read_to_string(second.join("file")).unwrap(), "newest");
    assert_eq!(pair.follow(&home).await, ReplicaState::InSync);
    assert_eq!(temporary(&first_dataset), 1);
    pair.now(&home).await.remove(&home).await;
    home.assert_bare().await;
}

/// A policy that knows nothing beneath `tank`.
fn without_tank(policy: &str) -> String {
    let policy =
        without(policy, "mounted-in-tank").replace("[\"pond\", \"tank\"]\nsys", "[\"pond\"]\nsys");
    let (before, after) = policy.split_once("[roots.tank]").unwrap();
    let (_, after) = after.split_once("\n\n").unwrap();
    format!("{before}{after}")
}

/// Where the active one is lost, its replica takes its place with what it has; what comes back
/// follows it.
#[tokio::test]
async fn a_replica_takes_the_place_of_one_that_is_lost() {
    let Some(mut home) = Home::new(
        module_path!(),
        "a_replica_takes_the_place_of_one_that_is_lost",
        "a lost active replica",
    )
    .await
    else {
        return;
    };
    let pair = Pair::made(&home).await;
    let [(first, _), (second, _)] = pair.places(&home);
    fs::write(first.join("file"), "never sent").unwrap();
    let vdev = home.pool("tank").with_file_name("tank.vdev");
    // Nobody holds what is lost.
    home.backend = open(&home.ground, &without_tank(&policy(&home.daemon))).await;
    until("the pool is gone", || succeeds("zpool", &["export", "tank"])).await;

    let error = driver_error(
        home.backend.update_replica_state(&pair.list(), &pair.list()[1], &[], &[], None).await,
    );
    assert!(matches!(error, DriverError::CommandFailed(_)), "{error:?}");
    let pair = pair.promote(&home, 1).await;
    let states = [&pair.first, &pair.second].map(|share| share.replica_state.unwrap());
    assert_eq!(states, [ReplicaState::OutOfSync, ReplicaState::Active]);
    assert_eq!(fs::read_to_string(second.join("file")).unwrap(), "first");
    fs::write(second.join("file"), "went on").unwrap();

    let directory = vdev.parent().unwrap();
    run("zpool", &["import", "-d", directory.to_str().unwrap(), "tank"]);
    // A root that is mounted anew is used after a restart.
    home.backend = open(&home.ground, &policy(&home.daemon)).await;
    assert_eq!(fs::read_to_string(first.join("file")).unwrap(), "never sent");
    assert_eq!(pair.follow(&home).await, ReplicaState::InSync);
    assert_eq!(tree(&first), tree(&second));
    let refused = fs::write(first.join("file"), "x").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnlyFilesystem);

    // One that has nothing in common with it any more is left as it is, whichever is asked for: which of
    // both is the good one, nobody knows here.
    let pair = pair.now(&home).await;
    let [_, (_, second_dataset)] = pair.places(&home);
    let of_second = format!("{second_dataset}@");
    for name in everything().iter().filter(|name| name.starts_with(&of_second)) {
        run("zfs", &["destroy", name]);
    }
    fs::write(second.join("file"), "anew").unwrap();
    let (old, kept) = (tree(&first), everything());
    assert_eq!(pair.follow(&home).await, ReplicaState::OutOfSync);
    assert_eq!((tree(&first), everything()), (old.clone(), kept));
    let both = instances(&pair);
    let updates = home.backend.create_replicated_snapshot(&pair.list(), &both, None).await.unwrap();
    let status = |id: &str| updates.iter().find(|one| one.id == id).unwrap().status;
    assert_eq!(status(&both[0].snapshot.id), SnapshotStatus::Error);
    assert_eq!(status(&both[1].snapshot.id), SnapshotStatus::Available);
    assert_eq!(tree(&first), old);
    home.backend.delete_replicated_snapshot(&pair.list(), &both, None).await.unwrap();
    let pair = pair.promote(&home, 0).await;
    let states = [&pair.first, &pair.second].map(|share| share.replica_state.unwrap());
    assert_eq!(states, [ReplicaState::Active, ReplicaState::OutOfSync]);
    assert_eq!(tree(&first), old);
    assert_eq!(fs::read_to_string(second.join("file")).unwrap(), "anew");

    // Removed, and made anew.
    let list = pair.list();
    home.backend.delete_replica(&list, &[], &list[1], None).await.unwrap();
    home.backend.delete_share(&pair.first, None).await.unwrap();
    home.assert_bare().await;
}

/// Where the active one is lost, the others follow the one that takes its place, by what they have in
/// common; all are told to write their rules anew.
#[tokio::test]
async fn the_others_follow_the_one_that_takes_its_place() {
    let Some(mut home) = Home::new(
        module_path!(),
        "the_others_follow_the_one_that_takes_its_place",
        "three replicas",
    )
    .await
    else {
        return;
    };
    let pair = Pair::made(&home).await;
    let third = Share { share_id: pair.first.share_id.clone(), ..in_pool("pond", 1) };
    let all = |shares: [&Share; 3]| {
        shares.map(|share| Replica { share: share.clone(), share_server: None })
    };
    let list = all([&pair.first, &pair.second, &third]);
    home.backend.create_replica(&list, &list[2], &[], &[], None).await.unwrap();
    let [(first, _), (second, second_dataset)] = pair.places(&home);
    let third_directory = home.directory("pond", &third);
    // The second one is behind the third, which follows by a snapshot that both have.
    fs::write(first.join("file"), "second").unwrap();
    let recorded = home.recorded(&third).await;
    let list = all([&pair.first, &pair.second, &recorded]);
    let both = instances(&pair);
    home.backend.create_replicated_snapshot(&list, &both, None).await.unwrap();
    let update = home.backend.update_replica_state(&list, &list[1], &[], &[], None).await;
    assert_eq!(update.unwrap(), Some(ReplicaState::InSync));
    assert!(temporary(&second_dataset) > 1, "what the third one follows by is kept");

    home.backend = open(&home.ground, &without_tank(&policy(&home.daemon))).await;
    until("the pool is gone", || succeeds("zpool", &["export", "tank"])).await;
    let pair = pair.now(&home).await;
    let list = all([&pair.first, &pair.second, &recorded]);
    let updates = home.backend.promote_replica(&list, &list[1], &[], None).await.unwrap();
    let told = |id: &str| {
        let update = updates.iter().find(|one| one.id == id).unwrap();
        (update.replica_state.unwrap(), update.access_rules_status.unwrap())
    };
    let behind = AccessRulesStatus::OutOfSync;
    assert_eq!(told(&pair.first.id), (ReplicaState::OutOfSync, behind));
    assert_eq!(told(&third.id), (ReplicaState::InSync, behind));
    assert_eq!(told(&pair.second.id), (ReplicaState::Active, AccessRulesStatus::Active));
    assert_eq!(tree(&second), tree(&third_directory));
    assert_eq!(fs::read_to_string(third_directory.join("file")).unwrap(), "second");
}

/// A snapshot and its instance on the replica, as a service makes them.
fn instances(pair: &Pair) -> [ReplicaSnapshot; 2] {
    let first = snapshot(&pair.first);
    let second = Snapshot { snapshot_id: first.snapshot_id.clone(), ..snapshot(&pair.second) };
    [first, second].map(|snapshot| ReplicaSnapshot { snapshot, progress: 0 })
}

async fn recorded(home: &Home, instance: &ReplicaSnapshot) -> Option<ReplicaSnapshot> {
    let all = home.backend.records().snapshots().await.unwrap();
    let found = all.into_iter().find(|one| one.snapshot.id == instance.snapshot.id)?;
    Some(ReplicaSnapshot { snapshot: found.snapshot, progress: 0 })
}

#[tokio::test]
async fn a_snapshot_is_on_all_replicas() {
    let Some(home) =
        Home::new(module_path!(), "a_snapshot_is_on_all_replicas", "replicated snapshots").await
    else {
        return;
    };
    snapshots(&home).await;
    home.assert_bare().await;
}

/// Taken, used on the replica, followed, and removed.
pub async fn snapshots(home: &Home) {
    let pair = Pair::made(home).await;
    let [(first, first_dataset), (_, second_dataset)] = pair.places(home);
    let both = instances(&pair);
    let updates = home.backend.create_replicated_snapshot(&pair.list(), &both, None).await.unwrap();
    assert!(updates.iter().all(|one| one.status == SnapshotStatus::Available), "{updates:?}");
    assert_eq!(updates.len(), 2);
    let kept = |dataset: &str| {
        let beginning = format!("{dataset}@manila_share_snapshot_");
        everything().iter().filter(|name| name.starts_with(&beginning)).count()
    };
    assert_eq!([kept(&first_dataset), kept(&second_dataset)], [1, 1]);

    // What follows it keeps it.
    fs::write(first.join("file"), "after").unwrap();
    pair.follow(home).await;
    assert_eq!([kept(&first_dataset), kept(&second_dataset)], [1, 1]);
    // What was made in the active one's own name stays there until a replica is removed.
    assert_eq!([temporary(&first_dataset), temporary(&second_dataset)], [2, 1]);

    // Promoted, the replica has it, and a copy can be made of it there.
    let pair = pair.promote(home, 1).await;
    let there = recorded(home, &both[1]).await.unwrap().snapshot;
    let copy = in_pool("tank", 1);
    home.backend.create_share_from_snapshot(&copy, &there, None).await.unwrap();
    let text = fs::read_to_string(home.directory("tank", &copy).join("file")).unwrap();
    assert_eq!(text, "first");
    home.backend.delete_share(&copy, None).await.unwrap();

    // One that was not there when it was taken comes with what follows.
    let broken = home.broken("receive-changes").await;
    let later = instances(&pair);
    let updates = broken.create_replicated_snapshot(&pair.list(), &later, None).await.unwrap();
    let states: Vec<_> = updates.iter().map(|one| (one.id.as_str(), one.status)).collect();
    assert!(states.contains(&(later[1].snapshot.id.as_str(), SnapshotStatus::Available)));
    assert!(states.contains(&(later[0].snapshot.id.as_str(), SnapshotStatus::Error)));
    drop(broken);
    // Its instance stays in error, as with upstream; the snapshot itself comes with what follows.
    assert_eq!(pair.follow(home).await, ReplicaState::InSync);
    assert_eq!([kept(&first_dataset), kept(&second_dataset)], [2, 2]);

    for one in [both, later] {
        let updates =
            home.backend.delete_replicated_snapshot(&pair.list(), &one, None).await.unwrap();
        assert!(updates.iter().all(|one| one.status == SnapshotStatus::Deleted));
        // Repeated, nothing is there.
        home.backend.delete_replicated_snapshot(&pair.list(), &one, None).await.unwrap();
    }
    assert_eq!([kept(&first_dataset), kept(&second_dataset)], [0, 0]);
    pair.now(home).await.remove(home).await;
}

/// A promotion that was cut short when the replica was open already is not followed by another
/// copy over what clients have written.
#[tokio::test]
async fn a_promotion_that_was_cut_short_loses_nothing() {
    let Some(home) = Home::new(
        module_path!(),
        "a_promotion_that_was_cut_short_loses_nothing",
        "a promotion that is cut short",
    )
    .await
    else {
        return;
    };
    let pair = Pair::made(&home).await;
    let [(first, _), (second, second_dataset)] = pair.places(&home);
    fs::write(first.join("file"), "last").unwrap();
    // Nothing but a refusal of the last step leaves what a killed process leaves.
    let broken = home.broken("let-in-each").await;
    let list = pair.list();
    let rules = [ip("10.0.0.1", AccessLevel::Rw)];
    let updates = broken.promote_replica(&list, &list[1], &rules, None).await.unwrap();
    let new = updates.iter().find(|one| one.id == pair.second.id).unwrap();
    assert_eq!(new.access_rules_status, Some(AccessRulesStatus::Error));
    drop(broken);
    fs::write(second.join("file"), "since").unwrap();
    // A service that says what it knew before is told so: the record knows better.
    let old = home.backend.update_replica_state(&list, &list[1], &rules, &[], None).await;
    assert!(matches!(old, Err(abaca::Error::Invalid(_))), "{old:?}");
    let pair = pair.now(&home).await;
    home.backend.update_access(&pair.second, &rules, &[], &[], None).await.unwrap();
    assert_eq!(fs::read_to_string(second.join("file")).unwrap(), "since");
    assert_eq!(property("sharenfs", &second_dataset), "10.0.0.1:rw,no_root_squash");
    let pair = pair.now(&home).await;
    assert_eq!(pair.follow(&home).await, ReplicaState::InSync);
    assert_eq!(tree(&first), tree(&second));
    pair.now(&home).await.remove(&home).await;
    home.assert_bare().await;
}
