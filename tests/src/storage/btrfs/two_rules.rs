//! The policy for two pools is no wider than what the driver needs: its rules for the second pool
//! are those for the first, each rule is used, and without any one capability of those that the
//! policy for one pool lacks something fails.

use std::fs;
use std::sync::Arc;

use abaca::policy::Policy;
use abaca::types::{Error as DriverError, ExportLocation, Share, Snapshot};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::two::{CLIENT, Two};
use super::{driver_error, migration, replicated_snapshots, replication, rules, run, text};
use crate::storage::pool::LARGE;
use crate::support::{share, snapshot};

/// The rules that the second pool does not have, nor NFS: groups lie in the first pool alone.
pub const FIRST_ALONE: [&str; 6] =
    ["show-group", "take-cgsnapshot", "remove-group", "groups-root", "member-there", "member"];

/// How many trials run at once: they wait for their file systems more than they compute.
const AT_ONCE: usize = 4;

fn shipped(name: &str) -> Policy {
    let path = format!("{}/../drivers/btrfs/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    Policy::parse(&fs::read_to_string(path).unwrap(), name).unwrap()
}

/// What a rule says, as if it were one of the first pool.
fn plain(rule: &impl std::fmt::Debug) -> String {
    let text = format!("{rule:?}").replace("second-", "");
    // What comparing costs goes by how long names are.
    let mut parts = text.split("weight: ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.trim_start_matches(|one: char| one.is_ascii_digit()))
}

#[test]
fn the_second_pool_has_the_rules_of_the_first() {
    let two = shipped("policy-two-pools");
    let commands = two.commands().iter().map(|rule| (rule.id.clone(), plain(rule)));
    let files = two.files().iter().map(|rule| (rule.id.clone(), plain(rule)));
    let (second, first): (Vec<_>, Vec<_>) =
        commands.chain(files).partition(|(id, _)| id.starts_with("second-"));
    for (id, rule) in &first {
        // What is made aside there is never a group, which has members to be named and removed.
        if id == "staged" {
            continue;
        }
        let mirrored = second.iter().find(|(other, _)| other.strip_prefix("second-") == Some(id));
        match mirrored {
            Some((_, other)) => assert_eq!(rule, other),
            None => assert!(FIRST_ALONE.contains(&id.as_str()), "the second pool lacks {id}"),
        }
    }
    assert_eq!(first.len(), second.len() + FIRST_ALONE.len());
    // And the first pool has those of the policy for one.
    let one = shipped("policy");
    for rule in one.commands() {
        assert_eq!(format!("{rule:?}"), format!("{:?}", two.command(&rule.id).unwrap()));
    }
    for rule in one.files() {
        let same = two.files().iter().find(|other| other.id == rule.id).unwrap();
        assert_eq!(format!("{rule:?}"), format!("{same:?}"));
    }
}

/// A subvolume and a snapshot in the second pool are taken over.
async fn taken_over(two: &Two) {
    let [_, shares] = two.roots("shares");
    let [_, snapshots] = two.roots("snapshots");
    let (old, monday) = (shares.join("Alice"), snapshots.join("Monday"));
    run("btrfs", &["subvolume", "create", text(&old)]);
    fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    std::os::unix::fs::chown(&old, Some(CLIENT), Some(CLIENT)).unwrap();
    run("btrfs", &["subvolume", "snapshot", "-r", text(&old), text(&monday)]);
    let owned = |root: &str| abaca::policy::Container::Root(root.to_owned());
    two.backend().add_owned(&owned("second-shares"), "Alice").await.unwrap();
    two.backend().add_owned(&owned("second-snapshots"), "Monday").await.unwrap();
    let path = text(&old).to_owned();
    let location = ExportLocation { path, is_admin_only: false, metadata: Vec::new() };
    let wanted = Share { export_locations: vec![location], ..share("alice", 0) };
    two.backend().manage_existing(&wanted, &[]).await.unwrap();
    let current = two.home.recorded(&wanted).await;
    assert!(two.places(&current)[1].is_dir());
    let before = Snapshot { provider_location: Some("Monday".into()), ..snapshot(&current) };
    two.backend().manage_existing_snapshot(&before, &current, &[]).await.unwrap();
    let clone = Share { pool: Some("second".into()), ..share("clone", 1) };
    two.backend().create_share_from_snapshot(&clone, &before, None).await.unwrap();
    let elsewhere = Share { pool: Some("first".into()), ..share("elsewhere", 1) };
    let answer = two.backend().create_share_from_snapshot(&elsewhere, &before, None).await;
    assert!(matches!(driver_error(answer), DriverError::InvalidShare(_)));
    two.backend().delete_snapshot(&before, None).await.unwrap();
    two.backend().delete_share(&elsewhere, None).await.unwrap();
    for one in [&clone, &current] {
        two.backend().delete_share(one, None).await.unwrap();
    }
}

/// All that goes between the pools.
async fn between(two: &Two) {
    replication::there_and_back(two).await;
    replicated_snapshots::in_both_pools(two).await;
    migration::there_and_back(two).await;
}

/// What a killed process leaves in the second pool's staging directory is removed.
async fn left_over(two: &Two) {
    let cut = |policy: String| {
        let policy = super::faults::without(&policy, "second-limit");
        super::faults::without(&policy, "second-remove-staged")
    };
    let broken = two.with_policy(cut).await;
    let one = Share { pool: Some("second".into()), ..share("cut short", 1) };
    let answer = broken.create_share(&one, None).await;
    assert!(matches!(driver_error(answer), DriverError::Denied(_)));
    drop(broken);
    two.backend().create_share(&one, None).await.unwrap();
    two.backend().delete_share(&one, None).await.unwrap();
}

/// A share whose move comes to nothing at its last step is opened again to its clients.
async fn opened_again(two: &Two) {
    for (from, to, step) in
        [("first", "second", "second-bring-share"), ("second", "first", "bring-share")]
    {
        let one = two.made(from).await;
        let moving = migration::started(two, &one, to).await;
        while migration::progress(two.backend(), &moving).await < 100 {}
        let broken = two.with_policy(|policy| super::faults::without(&policy, step)).await;
        let answer = broken.migration_complete(&moving, None, &[]).await;
        assert!(matches!(driver_error(answer), DriverError::Denied(_)), "{step}");
        drop(broken);
        let moving = two.home.recorded(&one).await;
        two.backend().migration_cancel(&moving, None, &[]).await.unwrap();
        two.backend().delete_share(&two.home.recorded(&one).await, None).await.unwrap();
    }
}

#[tokio::test]
async fn every_rule_for_two_pools_is_needed() {
    let Some(two) = Two::new("the rules for two pools").await else { return };
    rules::everything(&two.home).await;
    taken_over(&two).await;
    left_over(&two).await;
    between(&two).await;
    opened_again(&two).await;
    rules::assert_close(&two.home, "btrfs/policy-two-pools");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_capability_of_what_goes_between_is_needed() {
    let (one, two) = (shipped("policy"), shipped("policy-two-pools"));
    let new = two
        .commands()
        .iter()
        .filter(|rule| one.command(&rule.id).is_none() && !rule.id.starts_with("second-"));
    let all = new.flat_map(|rule| rule.caps.iter().map(|one| (rule.id.clone(), *one)));
    let mut trials = JoinSet::new();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    for (id, capability) in all.collect::<Vec<_>>() {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let edit = |policy: String| rules::without(&policy, &id, capability);
        let skipped = "the capabilities of what goes between two pools";
        let Some(two) = Two::with(skipped, LARGE, edit).await else { return };
        trials.spawn(async move {
            // What is refused ends it, wherever that is.
            let done = tokio::spawn(async move { between(&two).await }).await.is_ok();
            drop(place);
            done.then(|| format!("{id}: {capability}"))
        });
    }
    let idle: Vec<_> = trials.join_all().await.into_iter().flatten().collect();
    assert!(idle.is_empty(), "the driver can do without {idle:?}");
}
