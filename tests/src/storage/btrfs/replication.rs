//! Replicas in a second pool: kept up to date by what has changed, promoted, lost, cut short.

use std::fs;
use std::process::Stdio;
use std::slice::from_ref;

use abaca::policy::Container;
use abaca::types::{
    AccessLevel, AccessRule, AccessRulesStatus, AccessType, Error as DriverError, Replica,
    ReplicaState, Share, ShareStatus,
};

use super::two::{
    Two, another, assert_same, change, fill, furnish, is_read_only, now, policy, replicated,
};
use super::{Home, driver_error, faults, reserve, run, text};
use crate::storage::pool::SMALL;
use crate::support::{Desk, component, share, until};

/// Brings the second of two replicas into sync.
pub async fn update(two: &Two, replicas: &[Replica; 2], which: usize) -> Option<ReplicaState> {
    let replica = &replicas[which];
    two.backend().update_replica_state(replicas, replica, &[], &[], None).await.unwrap()
}

/// How many times something was sent since the last time: all of it, or a change.
fn sent(two: &Two, before: &mut usize) -> (usize, usize) {
    let lines = two.home.ground.audit("home");
    let asked = lines
        .iter()
        .skip(*before)
        .filter(|line| line["event"] == "intent" && line["import"] == "command.pipeline");
    let changes = asked.map(|line| line["asked"].to_string().contains("\"-p\""));
    let changes: Vec<_> = changes.collect();
    *before = lines.len();
    let count = |wanted: bool| changes.iter().filter(|change| **change == wanted).count();
    (count(false), count(true))
}

/// A replica becomes the active one and its share what the other one's was, with a limit of its
/// own; then the other way round.
pub async fn there_and_back(two: &Two) {
    let mut before = two.home.ground.audit("home").len();
    let replicas = replicated(two).await;
    let [one, other] = two.places(&replicas[0].share);
    assert_eq!(replicas[1].share.status, ShareStatus::Available);
    assert_eq!(replicas[1].share.replica_state, Some(ReplicaState::OutOfSync));
    assert!(one.is_dir() && !other.exists());
    furnish(&one);
    assert_eq!(update(two, &replicas, 1).await, Some(ReplicaState::InSync));
    assert_eq!(sent(two, &mut before), (1, 0));
    let [here, there] = two.copies();
    assert_eq!((here.len(), there.len()), (1, 1));
    assert_same(&one, &there[0]);

    // Only what has changed is sent; nothing, if nothing has.
    change(&one);
    assert_eq!(update(two, &replicas, 1).await, Some(ReplicaState::InSync));
    assert_eq!(sent(two, &mut before), (0, 1));
    let [here, there] = two.copies();
    assert_eq!((here.len(), there.len()), (1, 1), "the ones before are not needed any more");
    assert_same(&one, &there[0]);
    assert_eq!(update(two, &replicas, 1).await, Some(ReplicaState::InSync));
    assert_eq!(sent(two, &mut before), (0, 0));

    // Promoted, it has what was written last, too.
    fs::write(one.join("last"), "last").unwrap();
    let replicas = now(two, &replicas).await;
    let everybody = everyone();
    let rules = from_ref(&everybody);
    let updates =
        two.backend().promote_replica(&replicas, &replicas[1], rules, None).await.unwrap();
    let place = two.places(&replicas[1].share)[1].clone();
    let states: Vec<_> = updates.iter().map(|update| (&update.id, update.replica_state)).collect();
    assert_eq!(
        states,
        [
            (&replicas[1].share.id, Some(ReplicaState::Active)),
            (&replicas[0].share.id, Some(ReplicaState::OutOfSync)),
        ]
    );
    assert_eq!(updates[0].export_locations[0].path, text(&place));
    assert_eq!(updates[0].access_rules_status, Some(AccessRulesStatus::Active));
    assert!(!one.exists(), "no client goes on in the old one");
    assert_eq!(fs::read_to_string(place.join("last")).unwrap(), "last");
    let top = fs::metadata(&place).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&top) & 0o777, 0o777);
    reserve(&place, "too much", 1100).unwrap_err();
    assert_eq!(sent(two, &mut before), (0, 1));

    // The other way round there is a common one already.
    let replicas = now(two, &replicas).await;
    fs::write(place.join("after"), "after").unwrap();
    assert_eq!(update(two, &replicas, 0).await, Some(ReplicaState::InSync));
    assert_eq!(sent(two, &mut before), (0, 1));
    let replicas = now(two, &replicas).await;
    two.backend().promote_replica(&replicas, &replicas[0], rules, None).await.unwrap();
    let [one, _] = two.places(&replicas[0].share);
    assert_eq!(fs::read_to_string(one.join("after")).unwrap(), "after");
    assert!(!place.exists());
    reserve(&one, "too much", 1100).unwrap_err();

    let replicas = now(two, &replicas).await;
    two.backend().delete_replica(&replicas, &[], &replicas[1], None).await.unwrap();
    two.backend().delete_share(&replicas[0].share, None).await.unwrap();
}

fn everyone() -> AccessRule {
    AccessRule {
        access_type: AccessType::User,
        ..crate::support::rule("everyone", AccessLevel::Rw)
    }
}

#[tokio::test]
async fn a_share_lives_on_in_the_other_pool() {
    let Some(two) = Two::new("replicas in a second pool").await else { return };
    there_and_back(&two).await;
    two.assert_bare().await;
}

/// The size is the share's: a replica that is promoted has what the active one had last, though it
/// was made when the share was smaller, or larger.
#[tokio::test]
async fn a_replica_has_the_size_that_its_share_has() {
    let Some(two) = Two::new("replicas of shares that are resized").await else { return };
    let mut replicas = replicated(&two).await;
    for (wanted, promoted) in [(3, 1), (2, 0)] {
        let active = replicas[1 - promoted].share.clone();
        match wanted > active.size {
            true => two.backend().extend_share(&active, wanted, None).await.unwrap(),
            false => two.backend().shrink_share(&active, wanted, None).await.unwrap(),
        }
        replicas = now(&two, &replicas).await;
        assert_eq!(replicas.each_ref().map(|replica| replica.share.size), [wanted, wanted]);
        let there = two.places(&active)[1 - promoted].clone();
        fill(&there, "large", 64);
        update(&two, &replicas, promoted).await;
        replicas = now(&two, &replicas).await;
        let new = &replicas[promoted];
        two.backend().promote_replica(&replicas, new, &[everyone()], None).await.unwrap();
        replicas = now(&two, &replicas).await;
        // It holds as much as the share, and no more.
        let place = two.places(&replicas[promoted].share)[promoted].clone();
        assert!(place.join("large").exists());
        reserve(&place, "fits", wanted * 1024 - 200).unwrap();
        reserve(&place, "more", 200).unwrap_err();
        for name in ["large", "fits", "more"] {
            fs::remove_file(place.join(name)).unwrap();
        }
    }
    // Both are what they were at first: the first one is active.
    two.backend().delete_replica(&replicas, &[], &replicas[1], None).await.unwrap();
    two.backend().delete_share(&replicas[0].share, None).await.unwrap();
    two.assert_bare().await;
}

#[tokio::test]
async fn the_last_copy_outlives_the_active_replica() {
    let Some(two) = Two::new("an active replica that is lost").await else { return };
    let replicas = replicated(&two).await;
    let [one, _] = two.places(&replicas[0].share);
    furnish(&one);
    // Without anything there is nothing to promote, and the active one goes on.
    update(&two, &replicas, 1).await;
    let [_, there] = two.copies();
    let kept = super::two::census(&there[0]);
    fs::write(one.join("lost"), "lost").unwrap();
    // All that the first pool had of it is gone.
    let [here, _] = two.copies();
    for path in here.iter().chain([&one]) {
        run("btrfs", &["subvolume", "delete", text(path)]);
    }
    assert_eq!(update(&two, &replicas, 1).await, Some(ReplicaState::OutOfSync));
    let replicas = now(&two, &replicas).await;
    two.backend().promote_replica(&replicas, &replicas[1], &[], None).await.unwrap();
    let [_, place] = two.places(&replicas[1].share);
    let found = super::two::census(&place);
    for (path, facts) in kept.iter().filter(|(path, _)| !path.as_os_str().is_empty()) {
        assert_eq!(Some(facts), found.get(path), "{}", path.display());
    }
    assert!(!place.join("lost").exists());
    // Nothing is common to both any more: all of it is sent.
    let mut before = two.home.ground.audit("home").len();
    let replicas = now(&two, &replicas).await;
    assert_eq!(update(&two, &replicas, 0).await, Some(ReplicaState::InSync));
    assert_eq!(sent(&two, &mut before), (1, 0));
    assert_same(&place, &two.copies()[0][0]);
    let replicas = now(&two, &replicas).await;
    two.backend().delete_replica(&replicas, &[], &replicas[0], None).await.unwrap();
    two.backend().delete_share(&replicas[1].share, None).await.unwrap();
    // What somebody else has removed stays written down until an operator says that it is gone.
    let shares = Container::Root("shares".to_owned());
    two.backend().remove_owned(&shares, &replicas[0].share.name).await.unwrap();
    two.assert_bare().await;
}

#[tokio::test]
async fn a_pool_that_is_gone_does_not_keep_the_other_one() {
    let Some(two) = Two::new("a pool that is lost").await else { return };
    let replicas = replicated(&two).await;
    let [one, _] = two.places(&replicas[0].share);
    fs::write(one.join("file"), "kept").unwrap();
    update(&two, &replicas, 1).await;
    run("umount", &["--lazy", "--recursive", text(&two.home.pool.path())]);
    assert_eq!(update(&two, &replicas, 1).await, Some(ReplicaState::OutOfSync));
    let replicas = now(&two, &replicas).await;
    two.backend().promote_replica(&replicas, &replicas[1], &[], None).await.unwrap();
    let [_, place] = two.places(&replicas[1].share);
    assert_eq!(fs::read_to_string(place.join("file")).unwrap(), "kept");
}

#[tokio::test]
async fn what_cannot_be_a_replica_is_refused() {
    let Some(home) = Home::new("a pool that is alone").await else { return };
    let new = Share { replica_state: Some(ReplicaState::Active), ..share("one", 1) };
    let (current, _) = home.made(&new).await;
    let active = Replica { share: current, share_server: None };
    let all = [active.clone(), another(&active)];
    let answer = home.backend.create_replica(&all, &all[1], &[], &[], None).await;
    let DriverError::ReplicationFailed(why) = driver_error(answer) else { panic!() };
    assert!(why.contains("btrfs_second_export_root"), "{why}");

    let Some(two) = Two::new("a third replica").await else { return };
    let [first, second] = replicated(&two).await;
    let third = another(&first);
    let all = [first.clone(), second.clone(), third.clone()];
    let answer = two.backend().create_replica(&all, &third, &[], &[], None).await;
    assert!(matches!(driver_error(answer), DriverError::ReplicationFailed(_)));
    let beside = Replica {
        share: Share { pool: Some("first".into()), ..another(&first).share },
        share_server: None,
    };
    let answer = two
        .backend()
        .create_replica(&[first.clone(), beside.clone()], &beside, &[], &[], None)
        .await;
    assert!(matches!(driver_error(answer), DriverError::ReplicationFailed(_)));
    // Nothing has arrived: what is active stays so, and clients go on writing.
    let all = [first.clone(), second.clone()];
    let [one, _] = two.places(&first.share);
    let broken = two.with_policy(|policy| faults::without(&policy, "send")).await;
    let answer = broken.promote_replica(&all, &second, &[], None).await;
    assert!(matches!(driver_error(answer), DriverError::ReplicationFailed(_)));
    fs::write(one.join("file"), "on").unwrap();
    drop(broken);
    let stats = two.backend().get_share_stats(true).await.unwrap();
    let pools: Vec<_> = stats.pools.iter().map(|pool| pool.name.as_str()).collect();
    assert_eq!((pools, stats.replication_type.as_deref()), (vec!["first", "second"], Some("dr")));
    let pool = two.backend().get_pool(&second.share).await.unwrap();
    assert_eq!(pool.as_deref(), Some("second"));
}

#[tokio::test]
async fn a_full_pool_is_told_and_nothing_is_left_half_sent() {
    let Some(two) = Two::of("a second pool that is full", SMALL).await else { return };
    let replicas = replicated(&two).await;
    let [one, _] = two.places(&replicas[0].share);
    fill(&one, "large", 300);
    let answer = two.backend().update_replica_state(&replicas, &replicas[1], &[], &[], None).await;
    let DriverError::BackendFailed(why) = driver_error(answer) else { panic!() };
    assert!(why.contains("the pool `second` is full"), "{why}");
    assert!(two.copies().iter().all(Vec::is_empty), "{:?}", two.copies());
    fs::remove_file(one.join("large")).unwrap();
    fs::write(one.join("small"), "small").unwrap();
    // Until the room of what was received is free again.
    run("btrfs", &["subvolume", "sync", text(&two.second.path())]);
    let replicas = now(&two, &replicas).await;
    assert_eq!(update(&two, &replicas, 1).await, Some(ReplicaState::InSync));
    assert_same(&one, &two.copies()[1][0]);
    let replicas = now(&two, &replicas).await;
    assert_eq!(replicas[1].share.status, ShareStatus::Available);
    two.backend().delete_replica(&replicas, &[], &replicas[1], None).await.unwrap();
    two.backend().delete_share(&replicas[0].share, None).await.unwrap();
    two.assert_bare().await;
}

/// Each step of an update and of a promotion is refused once; the next call makes it good.
#[tokio::test]
async fn a_refusal_at_each_step_is_made_good_by_the_next_call() {
    let Some(two) = Two::new("refusals at each step of a replica").await else { return };
    let mut replicas = replicated(&two).await;
    let [one, _] = two.places(&replicas[0].share);
    furnish(&one);
    update(&two, &replicas, 1).await;
    let steps = [
        "sync",
        "show-share",
        "copy-share",
        "send",
        "second-receive",
        "show-copy",
        "second-show-copy",
        "remove-copy",
        "second-remove-copy",
        "second-sync",
    ];
    for step in steps {
        fs::write(one.join("step"), step).unwrap();
        let broken = two.with_policy(|policy| faults::without(&policy, step)).await;
        let answer = broken.update_replica_state(&replicas, &replicas[1], &[], &[], None).await;
        assert!(matches!(driver_error(answer), DriverError::Denied(_)), "{step}");
        drop(broken);
        replicas = now(&two, &replicas).await;
        assert_eq!(update(&two, &replicas, 1).await, Some(ReplicaState::InSync), "{step}");
        assert_same(&one, &two.copies()[1][0]);
        assert_eq!(two.copies().map(|copies| copies.len()), [1, 1], "{step}");
        replicas = now(&two, &replicas).await;
    }
    for step in ["second-bring-share", "second-show-staged", "second-limit", "second-share-name"] {
        fs::write(one.join("step"), step).unwrap();
        let broken = two.with_policy(|policy| faults::without(&policy, step)).await;
        let answer = broken.promote_replica(&replicas, &replicas[1], &[], None).await;
        assert!(matches!(driver_error(answer), DriverError::Denied(_)), "{step}");
        drop(broken);
        fs::write(one.join("step"), "the active one goes on").unwrap();
        replicas = now(&two, &replicas).await;
        assert_eq!(replicas[0].share.replica_state, Some(ReplicaState::Active), "{step}");
        update(&two, &replicas, 1).await;
        replicas = now(&two, &replicas).await;
    }
    two.backend().promote_replica(&replicas, &replicas[1], &[], None).await.unwrap();
    let [_, place] = two.places(&replicas[1].share);
    assert_eq!(fs::read_to_string(place.join("step")).unwrap(), "the active one goes on");
    let replicas = now(&two, &replicas).await;
    two.backend().delete_replica(&replicas, &[], &replicas[0], None).await.unwrap();
    two.backend().delete_share(&replicas[1].share, None).await.unwrap();
    two.assert_bare().await;
}

/// The whole program is killed in the middle of a stream. What had arrived is no replica, and the
/// next update removes it.
#[tokio::test]
async fn kill_9_in_the_middle_of_a_receive() {
    let Some(two) = Two::new("kill -9 while a replica is received").await else { return };
    let Two { home: Home { backend, ground, pool: first }, second } = two;
    drop(backend);
    ground.write("home.policy.toml", &policy(&first, &second));
    let desk = Desk::text(&ground, "home", &component("abaca-driver-btrfs"));
    let [here, there] = [&first, &second].map(|pool| pool.path().join("shares"));
    let options = format!("btrfs_export_root = {here:?}\nbtrfs_second_export_root = {there:?}\n");
    let desk = Desk::with(&ground, &format!("{desk}{options}"));
    desk.json(&["share", "create", "one", "--size", "1", "--replicated"]);
    let replica = desk.json(&["replica", "create", "one"])["id"].as_str().unwrap().to_owned();
    let share = fs::read_dir(&here).unwrap().next().unwrap().unwrap().path();
    fill(&share, "large", 256);
    let arriving = || {
        let ways = fs::read_dir(second.path().join("replicas")).unwrap();
        let copy = ways.last().unwrap().unwrap().path().join("sync-1");
        fs::read_dir(&copy).ok()?.next().map(|_| copy)
    };
    let mut command = desk.command(&["replica", "update"]);
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("something arrives", || arriving().is_some()).await;
    process.kill().unwrap();
    process.wait().unwrap();
    let copy = arriving().unwrap();
    assert!(!is_read_only(&copy), "all of it had arrived already");
    // What the dead process had started may not have been ended yet.
    until("it is brought into sync", || {
        let updated = desk.run(&["replica", "update", "--json"]);
        updated.code == Some(0) && updated.stdout.contains("in-sync")
    })
    .await;
    let ways = fs::read_dir(second.path().join("replicas")).unwrap();
    let way = ways.last().unwrap().unwrap().path();
    let copies: Vec<_> = fs::read_dir(&way).unwrap().map(|copy| copy.unwrap().path()).collect();
    assert_eq!(copies.len(), 1);
    assert!(is_read_only(&copies[0]));
    assert_same(&share, &copies[0]);
    desk.json(&["replica", "delete", &replica]);
    desk.json(&["share", "delete", "one"]);
    for root in [here, there, first.path().join("replicas"), second.path().join("replicas")] {
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0, "{}", root.display());
    }
}
