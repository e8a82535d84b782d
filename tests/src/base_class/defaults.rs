//! A driver that exports only what every driver must gets what upstream's base class has for it:
//! an answer where upstream's method does nothing, and a refusal before the driver is called
//! where it raises `NotImplementedError`.

use std::path::Path;
use std::slice::from_ref;

use abaca::types::{
    AccessLevel, Cgsnapshot, ConsistencyGroupStatus, ExportLocation, Share, ShareServer,
    ShareServerStatus, ShareStatus, SnapshotStatus,
};
use abaca::{Backend, Error, Interface, Limits};

use super::states::{active, replica_snapshot};
use super::{calls, mode, open};
use crate::dummy::migration::destination;
use crate::dummy::servers::info;
use crate::dummy::{assert_driver, assert_invalid, group, made, recorded};
use crate::support::{Ground, rule, runtime, share, snapshot};

/// The backend of the smallest driver.
async fn minimal(ground: &Ground) -> Backend {
    ground.minimal(&runtime(Limits::default())).await
}

/// Asserts that the driver lacks what was asked, and names it.
#[track_caller]
fn assert_lacks<T: std::fmt::Debug>(answer: Result<T, Error>, wanted: Interface) {
    match answer {
        Err(Error::NotOffered { interface, driver, .. }) => {
            assert_eq!((interface, driver.as_str()), (wanted, "minimal"));
        }
        other => panic!("not refused for the lack of {wanted}: {other:?}"),
    }
}

fn server() -> ShareServer {
    ShareServer {
        id: "one".to_owned(),
        host: "test@minimal".to_owned(),
        share_network_id: "network".to_owned(),
        status: ShareServerStatus::Active,
        backend_details: Vec::new(),
        network_allocations: Vec::new(),
    }
}

fn cgsnapshot() -> Cgsnapshot {
    Cgsnapshot {
        id: "c".to_owned(),
        consistency_group_id: "g".to_owned(),
        name: None,
        description: None,
        project_id: "project".to_owned(),
        status: ConsistencyGroupStatus::Creating,
        members: Vec::new(),
    }
}

#[tokio::test]
async fn required_interfaces_are_what_every_driver_has() {
    let ground = Ground::new();
    let backend = minimal(&ground).await;
    let offers = backend.driver().inspect().offers;
    assert_eq!(offers, [Interface::Backend, Interface::Shares, Interface::Access]);
    assert!(!backend.driver_handles_share_servers());
    assert!(backend.broker().await.unwrap().is_none(), "it asks for nothing that needs one");
    assert!(backend.locks().unwrap().is_empty());
    backend.do_setup().await.unwrap();
    backend.check_for_setup_error().await.unwrap();
    backend.get_share_stats(true).await.unwrap();
    let one = share("one", 1);
    let locations = backend.create_share(&one, None).await.unwrap();
    assert_eq!(locations[0].path, format!("192.0.2.1:/minimal/{}", one.name));
    let one = recorded(&backend, &one.id).await;
    assert_eq!((one.status, &one.export_locations), (ShareStatus::Available, &locations));
    assert_eq!(backend.ensure_share(&one, None).await.unwrap(), locations);
    let rules = [rule("somebody", AccessLevel::Rw)];
    backend.update_access(&one, &rules, &rules, &[], None).await.unwrap();
    assert_eq!(backend.records().access_rules(&one.id).await.unwrap(), rules);
    backend.deny_access(&one, &rules[0], None).await.unwrap();
    assert!(backend.records().access_rules(&one.id).await.unwrap().is_empty());
    backend.allow_access(&one, &rules[0], None).await.unwrap();
    assert_eq!(backend.records().access_rules(&one.id).await.unwrap(), rules);
    assert_eq!(calls(&ground, "minimal"), 8, "each of them is the driver's own");
    backend.delete_share(&one, None).await.unwrap();
    assert!(backend.records().shares().await.unwrap().is_empty());
}

#[tokio::test]
async fn optional_interfaces_that_upstream_does_not_implement_are_refused() {
    use Interface as I;
    let ground = Ground::new();
    let backend = minimal(&ground).await;
    let one = made(&backend, &share("one", 2)).await;
    let taken = snapshot(&one);
    let found = abaca::types::Snapshot { provider_location: Some("a".into()), ..taken.clone() };
    let at = ExportLocation { path: "a".into(), is_admin_only: false, metadata: Vec::new() };
    let foreign = Share { export_locations: vec![at], ..share("foreign", 1) };
    let (group, groups) = (group("g", &[]), I::ConsistencyGroups);
    let replica = active();
    let (all, instance) =
        (from_ref(&replica), replica_snapshot(&replica, SnapshotStatus::Creating));
    let instances = from_ref(&instance);
    let before = calls(&ground, "minimal");

    assert_lacks(backend.extend_share(&one, 3, None).await, I::Extending);
    assert_lacks(backend.shrink_share(&one, 1, None).await, I::Shrinking);
    assert_lacks(backend.create_snapshot(&taken, None).await, I::Snapshots);
    assert_lacks(backend.delete_snapshot(&taken, None).await, I::Snapshots);
    let clone = share("two", 2);
    assert_lacks(backend.create_share_from_snapshot(&clone, &taken, None).await, I::Clones);
    assert_lacks(backend.manage_existing(&foreign, &[]).await, I::Managing);
    let answer = backend.manage_existing_snapshot(&found, &one, &[]).await;
    assert_lacks(answer, I::ManagingSnapshots);
    assert_lacks(backend.get_network_allocations_number().await, I::ShareServers);
    assert_lacks(backend.allocate_network("one", None, None).await, I::ShareServers);
    assert_lacks(backend.create_consistency_group(&group, None).await, groups);
    let answer =
        backend.create_consistency_group_from_cgsnapshot(&group, &cgsnapshot(), None).await;
    assert_lacks(answer, groups);
    assert_lacks(backend.delete_consistency_group(&group, None).await, groups);
    assert_lacks(backend.create_cgsnapshot(&cgsnapshot(), None).await, groups);
    assert_lacks(backend.delete_cgsnapshot(&cgsnapshot(), None).await, groups);
    assert_lacks(backend.create_replica(all, &replica, &[], &[], None).await, I::Replication);
    assert_lacks(backend.delete_replica(all, &[], &replica, None).await, I::Replication);
    assert_lacks(backend.promote_replica(all, &replica, &[], None).await, I::Replication);
    let answer = backend.update_replica_state(all, &replica, &[], &[], None).await;
    assert_lacks(answer, I::Replication);
    let answer = backend.create_replicated_snapshot(all, instances, None).await;
    assert_lacks(answer, I::ReplicatedSnapshots);
    let answer = backend.delete_replicated_snapshot(all, instances, None).await;
    assert_lacks(answer, I::ReplicatedSnapshots);
    let answer = backend.update_replicated_snapshot(all, &replica, instances, &instance, None);
    assert_lacks(answer.await, I::ReplicatedSnapshots);
    // Nothing is ever on its way, so there is nothing to complete either.
    assert_lacks(backend.migration_complete(&one, None, &[]).await, I::Migration);
    assert_lacks(backend.migration_cancel(&one, None, &[]).await, I::Migration);
    assert_lacks(backend.migration_get_progress(&one, None, &[]).await, I::Migration);

    assert_eq!(calls(&ground, "minimal"), before, "the driver was not called");
    assert_eq!(backend.records().shares().await.unwrap().len(), 1);
    assert_eq!(recorded(&backend, &one.id).await, one);
    assert!(backend.records().snapshots().await.unwrap().is_empty());
    assert!(backend.records().consistency_groups().await.unwrap().is_empty());
    assert!(backend.records().cgsnapshots().await.unwrap().is_empty());
}

#[tokio::test]
async fn optional_interfaces_that_upstream_has_an_answer_for_are_answered() {
    let ground = Ground::new();
    let backend = minimal(&ground).await;
    let one = made(&backend, &share("one", 2)).await;
    let before = calls(&ground, "minimal");

    assert_eq!(backend.get_pool(&one).await.unwrap(), None);
    assert_eq!(backend.get_admin_network_allocations_number().await.unwrap(), 0);
    assert!(backend.allocate_network("one", None, Some(0)).await.unwrap().is_empty());
    assert_driver!(backend.allocate_network("one", None, Some(1)).await, NetworkBadConfiguration);
    assert!(backend.allocate_admin_network("one", None, None).await.unwrap().is_empty());
    assert_driver!(
        backend.allocate_admin_network("one", None, Some(1)).await,
        NetworkBadConfiguration
    );
    backend.deallocate_network("one").await.unwrap();
    assert!(backend.orphaned_leases().await.unwrap().is_empty());
    assert_eq!(backend.setup_server(info("one"), &[]).await.unwrap(), None);
    backend.teardown_server(&server(), &[]).await.unwrap();
    assert!(backend.get_share_server_pools(&server()).await.unwrap().is_empty());
    let servers = [server()];
    let answer = backend.choose_share_server_compatible_with_share(&servers, &one, None, None);
    assert_eq!(answer.await.unwrap().as_deref(), Some("one"));
    let group = group("g", &[]);
    let answer = backend.choose_share_server_compatible_with_cg(&servers, &group, None);
    assert_eq!(answer.await.unwrap().as_deref(), Some("one"));
    let info = backend.migration_get_driver_info(&one, None).await.unwrap();
    assert!(info.is_empty());
    let started = backend.migration_start(&one, None, &destination(), &info, false).await.unwrap();
    assert!(!started.moved && started.export_locations.is_empty(), "it is the service's to copy");
    assert_eq!(recorded(&backend, &one.id).await, one);
    let commands = backend.migration_get_info(&one, None).await.unwrap();
    assert_eq!(commands.mount[3], one.export_locations[0].path);

    assert_eq!(calls(&ground, "minimal"), before, "the driver was not called");
    assert_eq!(backend.records().shares().await.unwrap().len(), 1);
    assert!(backend.records().share_servers().await.unwrap().is_empty());
}

#[tokio::test]
async fn get_periodic_hook_data_gives_the_shares_back_unchanged() {
    let ground = Ground::new();
    let backend = minimal(&ground).await;
    let shares = [share("two", 2), share("one", 1), share("three", 3)];
    let facts = backend.get_periodic_hook_data(&shares).await.unwrap();
    let told: Vec<_> = facts.iter().map(|one| &one.share_id).collect();
    let given: Vec<_> = shares.iter().map(|one| &one.id).collect();
    assert_eq!(told, given);
    assert!(facts.iter().all(|one| one.data.is_empty()));
    assert!(backend.get_periodic_hook_data(&[]).await.unwrap().is_empty());
    assert_eq!(calls(&ground, "minimal"), 0, "the driver was not called");
}

/// For most drivers there is nothing to do, as upstream's base class has it.
#[tokio::test]
async fn unmanage_needs_nothing_of_the_driver() {
    let ground = Ground::new();
    let backend = minimal(&ground).await;
    let one = made(&backend, &share("one", 2)).await;
    let before = calls(&ground, "minimal");
    backend.unmanage(&one).await.unwrap();
    assert!(backend.records().shares().await.unwrap().is_empty(), "it is nobody's here now");
    assert_eq!(calls(&ground, "minimal"), before);
    // Not with share servers, and not from under a snapshot: hence the hostile guest, which
    // takes some and does not know this either.
    let options = [mode(false)];
    let taking = open(&ground, "abaca-guest-hostile", &options).await.unwrap();
    let mut one = share("one", 1);
    one.metadata = vec![("attack".into(), "echo".into()), ("argument".into(), "a".into())];
    let one = made(&taking, &one).await;
    let taken = snapshot(&one);
    taking.create_snapshot(&taken, None).await.unwrap();
    assert!(assert_invalid!(taking.unmanage(&one).await).contains("1 snapshots"));
    taking.unmanage_snapshot(&taken).await.unwrap();
    assert!(taking.records().snapshots().await.unwrap().is_empty());
    taking.unmanage(&one).await.unwrap();
    assert!(taking.records().shares().await.unwrap().is_empty());
    let serving = open(&ground, "abaca-guest-obedient", &[mode(true)]).await.unwrap();
    assert_invalid!(serving.unmanage(&one).await);
    assert_invalid!(serving.unmanage_snapshot(&taken).await);
}

/// Each method of upstream's that is a backend's is asked here.
#[test]
fn required_and_optional_interfaces_leave_no_method_out() {
    let upstream = include_str!("../../data/upstream-methods.txt");
    let rooms = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/host/src/backend");
    let rooms = std::fs::read_dir(rooms).unwrap().map(|room| room.unwrap().path());
    let rooms = rooms.filter(|room| room.is_file());
    let library: String = rooms.map(|room| std::fs::read_to_string(room).unwrap()).collect();
    let methods = upstream.lines().filter_map(|line| line.strip_prefix("method "));
    let ours = methods.filter(|method| library.contains(&format!("pub async fn {method}(")));
    let ours: Vec<_> = ours.collect();
    assert!(ours.len() > 40, "{ours:?}");
    for method in ours {
        let asked = format!(".{method}(");
        assert!(include_str!("defaults.rs").contains(&asked), "{method} is not asked here");
    }
}
