//! Share servers: what is leased for them, what is recorded of them, and what is left of either
//! when something fails.

use std::collections::{BTreeMap, BTreeSet};

use abaca::types::{
    AllocationLabel, ConsistencyGroup, Error as DriverError, NetworkInfo, NetworkType,
    SecurityService, SecurityServiceType, ShareServer, ShareServerStatus, ShareStatus,
};
use abaca::{Backend, Error, OptionValue, ShareServerRecord};

use super::{
    assert_busy, assert_driver, assert_invalid, calls, pair, serving, serving_options, share_on,
    text, value,
};
use crate::support::{Ground, built, eventually, load, program, settled, share, until};

/// Three addresses.
pub const RANGE: &str = "10.7.0.10-10.7.0.12";

/// What a service knows of a server that it wants.
pub fn info(server_id: &str) -> NetworkInfo {
    NetworkInfo {
        server_id: server_id.to_owned(),
        share_network_id: Some("network".to_owned()),
        cidr: None,
        network_type: None,
        segmentation_id: None,
        neutron_net_id: None,
        neutron_subnet_id: None,
        nova_net_id: None,
        network_allocations: Vec::new(),
        admin_network_allocations: Vec::new(),
        security_services: Vec::new(),
        backend_details: Vec::new(),
    }
}

pub async fn set_up(backend: &Backend, id: &str) -> ShareServer {
    backend.setup_server(info(id), &[]).await.unwrap().expect("share servers are handled")
}

pub async fn records(backend: &Backend) -> Vec<ShareServerRecord> {
    backend.records().share_servers().await.unwrap()
}

pub fn addresses(server: &ShareServer) -> Vec<&str> {
    server.network_allocations.iter().map(|one| one.ip_address.as_str()).collect()
}

/// Asserts that so many addresses can be leased and no more.
pub async fn assert_free(backend: &Backend, free: u32) {
    let more = backend.allocate_network("probe", None, Some(free + 1)).await;
    assert_driver!(more, NetworkBadConfiguration);
    assert_eq!(
        backend.allocate_network("probe", None, Some(free)).await.unwrap().len(),
        free as usize
    );
    backend.deallocate_network("probe").await.unwrap();
}

/// A directory service with this password.
fn ldap(password: &str) -> SecurityService {
    SecurityService {
        id: "service".to_owned(),
        service_type: SecurityServiceType::Ldap,
        name: None,
        dns_ip: None,
        server: None,
        domain: None,
        user: Some("somebody".to_owned()),
        password: Some(password.to_owned()),
    }
}

#[tokio::test]
async fn the_password_of_a_security_service_is_in_no_transcript() {
    const PASSWORD: &str = "kept-from-everybody-5150";
    let ground = Ground::new();
    let (policy, file) =
        (ground.path().join("policy.toml"), ground.path().join("transcript.jsonl"));
    std::fs::write(&policy, "schema = 1\ndriver = \"dummy\"\n").unwrap();
    let runtime = built(abaca::Runtime::builder().broker(program("abaca-broker")).record(&file));
    let configuration = abaca::BackendConfiguration {
        name: "dummy".to_owned(),
        policy,
        approved: false,
        state: ground.state(),
        options: serving_options(RANGE),
        networks: BTreeMap::new(),
    };
    let driver = load(&runtime, "abaca-driver-dummy").await;
    let backend = Backend::open(driver, configuration).await.unwrap();
    let mut wanted = info("one");
    wanted.security_services.push(ldap(PASSWORD));
    backend.setup_server(wanted, &[]).await.unwrap().unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("setup-server") && text.contains("<secret password>"), "{text}");
    assert!(!text.contains(PASSWORD), "{text}");
}

#[tokio::test]
async fn a_server_lives_from_its_setup_to_its_teardown() {
    let ground = Ground::new();
    let backend = serving(&ground, RANGE, &[]).await;
    assert_eq!(backend.get_network_allocations_number().await.unwrap(), 1);
    assert_eq!(backend.get_admin_network_allocations_number().await.unwrap(), 0);
    let mut wanted = info("one");
    wanted.security_services.push(ldap("hidden"));
    let server = backend.setup_server(wanted, &[]).await.unwrap().unwrap();
    assert_eq!((server.id.as_str(), server.status), ("one", ShareServerStatus::Active));
    assert_eq!(server.share_network_id, "network");
    assert_eq!(addresses(&server), ["10.7.0.10"]);
    let lease = &server.network_allocations[0];
    assert_eq!((lease.label, lease.ip_version), (AllocationLabel::User, 4));
    assert_eq!(lease.cidr.as_deref(), Some("10.7.0.0/24"));
    assert_eq!((lease.network_type, lease.segmentation_id), (Some(NetworkType::Vlan), Some(42)));
    let details = &server.backend_details;
    assert_eq!(value(details, "address"), Some("10.7.0.10"));
    assert_eq!(value(details, "netmask"), Some("255.255.255.0"));
    assert_eq!(value(details, "security_services"), Some("ldap"));
    let held = records(&backend).await;
    assert_eq!(held, [ShareServerRecord { share_server: server.clone(), message: None }]);
    assert!(!format!("{held:?}").contains("hidden"), "no password is recorded");

    // A share lies on it, and it stays while it does.
    let pools = backend.get_share_server_pools(&server).await.unwrap();
    assert_eq!(pools, ["alpha", "beta"]);
    let one = share_on(&server, "one");
    let locations = backend.create_share(&one, Some(&server)).await.unwrap();
    assert_eq!(locations[0].path, format!("10.7.0.10:/shares/{}", one.name));
    let refused = assert_invalid!(backend.teardown_server(&server, &[]).await);
    assert!(refused.contains("carries 1 shares and 0 consistency groups"), "{refused}");
    assert_invalid!(backend.deallocate_network(&server.id).await);
    let held = records(&backend).await;
    assert_eq!(held[0].share_server, server, "nothing has happened to it");
    assert_free(&backend, 2).await;

    // Nothing of it is left, and its address is the next one's.
    backend.delete_share(&one, Some(&server)).await.unwrap();
    backend.teardown_server(&held[0].share_server, &[]).await.unwrap();
    assert!(records(&backend).await.is_empty());
    assert_driver!(backend.get_share_server_pools(&server).await, ShareServerFailed);
    assert_eq!(addresses(&set_up(&backend, "two").await), ["10.7.0.10"]);
    assert_eq!(addresses(&set_up(&backend, "three").await), ["10.7.0.11"]);
}

#[tokio::test]
async fn a_failed_setup_leaves_its_details_and_no_leases() {
    let ground = Ground::new();
    let backend = serving(&ground, RANGE, &[]).await;
    let request = pair("fail", "setup-server:backend-failed=the disks are full");
    match backend.setup_server(info("one"), &[request]).await {
        Err(Error::Setup(answer)) => {
            assert!(matches!(&answer.error, DriverError::BackendFailed(text)
                if text == "the disks are full"));
            assert_eq!(value(&answer.server_details, "address"), Some("10.7.0.10"));
        }
        other => panic!("{other:?}"),
    }
    let held = records(&backend).await;
    let server = &held[0].share_server;
    assert_eq!(server.status, ShareServerStatus::Error);
    assert_eq!(value(&server.backend_details, "server_id"), Some("one"));
    assert!(server.network_allocations.is_empty(), "{server:?}");
    assert!(held[0].message.as_ref().unwrap().contains("the disks are full"));
    assert_free(&backend, 3).await;
    // With the details it can be torn down.
    backend.teardown_server(server, &[]).await.unwrap();
    assert_driver!(backend.get_share_server_pools(server).await, ShareServerFailed);
    assert!(records(&backend).await.is_empty());
}

#[tokio::test]
async fn a_failed_teardown_keeps_the_leases() {
    let ground = Ground::new();
    let fail = [("dummy_fail", text("teardown-server:backend-failed"))];
    let backend = serving(&ground, RANGE, &fail).await;
    let server = set_up(&backend, "one").await;
    assert_driver!(backend.teardown_server(&server, &[]).await, BackendFailed);
    let held = records(&backend).await;
    assert_eq!(held[0].share_server.status, ShareServerStatus::Error);
    assert_eq!(addresses(&held[0].share_server), ["10.7.0.10"]);
    assert_free(&backend, 2).await;
    assert!(backend.orphaned_leases().await.unwrap().is_empty());
    // The same backend, opened again without the fault.
    let backend = serving(&ground, RANGE, &[]).await;
    backend.teardown_server(&held[0].share_server, &[]).await.unwrap();
    assert!(records(&backend).await.is_empty());
    assert_free(&backend, 3).await;
}

#[tokio::test]
async fn an_old_copy_of_a_server_says_no_more_than_which_one_it_is() {
    let ground = Ground::new();
    let fail = [("dummy_fail", text("teardown-server:backend-failed"))];
    let backend = serving(&ground, RANGE, &fail).await;
    let server = set_up(&backend, "one").await;
    let copy = ShareServer {
        share_network_id: "another".to_owned(),
        backend_details: Vec::new(),
        network_allocations: Vec::new(),
        ..server.clone()
    };
    assert_driver!(backend.teardown_server(&copy, &[]).await, BackendFailed);
    let wanted = ShareServer { status: ShareServerStatus::Error, ..server.clone() };
    assert_eq!(records(&backend).await[0].share_server, wanted);
    // One that is not recorded is not removed, and not recorded by that either.
    let before = calls(&ground).len();
    let ghost = ShareServer { id: "ghost".to_owned(), ..server };
    let refused = assert_invalid!(backend.teardown_server(&ghost, &[]).await);
    assert!(refused.contains("not recorded"), "{refused}");
    assert_eq!((calls(&ground).len(), records(&backend).await.len()), (before, 1));
    // The driver gets the details that are recorded.
    let backend = serving(&ground, RANGE, &[]).await;
    backend.teardown_server(&copy, &[]).await.unwrap();
    assert_driver!(backend.get_share_server_pools(&copy).await, ShareServerFailed);
    assert!(records(&backend).await.is_empty());
    assert_free(&backend, 3).await;
}

#[tokio::test]
async fn what_has_no_identifier_is_refused() {
    let ground = Ground::new();
    let backend = serving(&ground, RANGE, &[]).await;
    assert_invalid!(backend.setup_server(info(""), &[]).await);
    assert_invalid!(backend.allocate_network("", None, Some(1)).await);
    assert_invalid!(backend.deallocate_network("").await);
    assert_invalid!(backend.create_consistency_group(&super::group("", &[]), None).await);
    assert!(records(&backend).await.is_empty() && calls(&ground).is_empty());
}

#[tokio::test]
async fn nothing_is_made_on_a_server_that_is_not_there_or_goes() {
    let ground = Ground::new();
    let backend = serving(&ground, RANGE, &[]).await;
    let server = set_up(&backend, "one").await;
    let ghost = ShareServer { id: "ghost".to_owned(), ..server.clone() };
    let before = calls(&ground).len();
    for (one, given) in [
        (share_on(&ghost, "ghostly"), Some(&ghost)),
        (share_on(&ghost, "ghostly"), None),
        (share_on(&server, "two servers"), Some(&ghost)),
        (share("unnamed", 1), Some(&server)),
    ] {
        assert_invalid!(backend.create_share(&one, given).await);
        assert!(backend.records().share(&one.id).await.unwrap().is_none());
    }
    assert_eq!(calls(&ground).len(), before, "the driver was not asked");
    // A group keeps its server, with members or without.
    let group =
        ConsistencyGroup { share_server_id: Some(server.id.clone()), ..super::group("group", &[]) };
    assert_invalid!(backend.create_consistency_group(&group, Some(&ghost)).await);
    backend.create_consistency_group(&group, Some(&server)).await.unwrap();
    let refused = assert_invalid!(backend.teardown_server(&server, &[]).await);
    assert!(refused.contains("1 consistency groups"), "{refused}");
    backend.delete_consistency_group(&group, Some(&server)).await.unwrap();

    // While it goes nothing begins on it, and it does not go while something begins.
    let slow = serving(&ground, RANGE, &[("dummy_delay_ms", OptionValue::Integer(600_000))]).await;
    let at_work = |method: &str| calls(&ground).last().is_some_and(|last| last == method);
    let one = share_on(&server, "one");
    let making = tokio::spawn({
        let (slow, one, server) = (slow.clone(), one.clone(), server.clone());
        async move { slow.create_share(&one, Some(&server)).await }
    });
    until("the share is being made", || at_work("create-share")).await;
    assert_busy!(backend.teardown_server(&server, &[]).await);
    making.abort();
    settled(&backend, &one.id, ShareStatus::Error).await;
    backend.delete_share(&one, Some(&server)).await.unwrap();
    let removing = tokio::spawn({
        let (slow, server) = (slow.clone(), server.clone());
        async move { slow.teardown_server(&server, &[]).await }
    });
    until("the server is being removed", || at_work("teardown-server")).await;
    assert_busy!(backend.create_share(&one, Some(&server)).await);
    assert_busy!(backend.create_consistency_group(&group, Some(&server)).await);
    removing.abort();
    // What was given up is in error, and carries nothing new either.
    let refused = eventually("the teardown has ended", async || {
        match backend.create_share(&one, Some(&server)).await {
            Err(Error::Busy(_)) => None,
            answer => Some(assert_invalid!(answer)),
        }
    });
    assert!(refused.await.contains("not active"));
    backend.teardown_server(&server, &[]).await.unwrap();
    assert_free(&backend, 3).await;
}

#[tokio::test]
async fn a_network_that_does_not_fit_is_found_before_the_driver_is_called() {
    let ground = Ground::new();
    // Nothing is leased, so what the service says of its network holds.
    let none = [("dummy_network_allocations", OptionValue::Integer(0))];
    let backend = serving(&ground, RANGE, &none).await;
    let flat = NetworkInfo {
        network_type: Some(NetworkType::Flat),
        segmentation_id: Some(42),
        ..info("one")
    };
    let refused = assert_driver!(backend.setup_server(flat, &[]).await, NetworkBadConfiguration);
    assert!(refused.contains("42") && refused.contains("flat"), "{refused}");
    assert!(!calls(&ground).contains(&"setup-server".to_owned()));
    assert_eq!(records(&backend).await[0].share_server.status, ShareServerStatus::Error);
    assert_free(&backend, 3).await;
    // Too few addresses: none of them is kept.
    let backend =
        serving(&ground, RANGE, &[("dummy_network_allocations", OptionValue::Integer(4))]).await;
    let answer = backend.setup_server(info("two"), &[]).await;
    assert!(assert_driver!(answer, NetworkBadConfiguration).contains("3 are left"));
    assert_free(&backend, 3).await;
}

#[tokio::test]
async fn leases_without_a_server_are_found() {
    let ground = Ground::new();
    let backend = serving(&ground, RANGE, &[]).await;
    set_up(&backend, "known").await;
    let leased = backend.allocate_network("lost", None, None).await.unwrap();
    assert_eq!(backend.allocate_network("lost", None, None).await.unwrap(), leased, "asked again");
    let found = backend.orphaned_leases().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].server_id.as_str(), &found[0].allocation), ("lost", &leased[0]));
    backend.deallocate_network("lost").await.unwrap();
    backend.deallocate_network("lost").await.unwrap();
    assert!(backend.orphaned_leases().await.unwrap().is_empty());
}

#[tokio::test]
async fn shares_are_not_taken_over_where_servers_are_handled() {
    let ground = Ground::new();
    let backend = serving(&ground, RANGE, &[]).await;
    let one = share("one", 1);
    for refused in [
        assert_invalid!(backend.manage_existing(&one, &[]).await),
        assert_invalid!(backend.unmanage(&one).await),
    ] {
        assert!(refused.contains("driver_handles_share_servers = false"), "{refused}");
    }
    let taken = crate::support::snapshot(&one);
    assert_invalid!(backend.manage_existing_snapshot(&taken, &one, &[]).await);
    assert_invalid!(backend.unmanage_snapshot(&taken).await);
    assert!(calls(&ground).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_servers_at_once_share_no_address_and_leave_none() {
    let ground = Ground::new();
    let backend = serving(&ground, "10.7.0.10-10.7.0.69", &[]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..50 {
        let backend = backend.clone();
        tasks.spawn(async move { set_up(&backend, &format!("server-{number}")).await });
    }
    let servers = tasks.join_all().await;
    let all: BTreeSet<_> = servers.iter().flat_map(addresses).collect();
    assert_eq!(all.len(), 50);
    assert_eq!(records(&backend).await.len(), 50);
    assert_free(&backend, 10).await;
    let mut tasks = tokio::task::JoinSet::new();
    for server in servers {
        let backend = backend.clone();
        tasks.spawn(async move { backend.teardown_server(&server, &[]).await.unwrap() });
    }
    tasks.join_all().await;
    assert!(records(&backend).await.is_empty());
    assert!(backend.orphaned_leases().await.unwrap().is_empty());
    assert_free(&backend, 60).await;
}

/// Setups and teardowns among each other: each server goes and comes back while others do.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_servers_that_come_and_go_share_no_address() {
    let ground = Ground::new();
    let backend = serving(&ground, "10.7.0.10-10.7.0.69", &[]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..50 {
        let backend = backend.clone();
        tasks.spawn(async move {
            let id = format!("server-{number}");
            for _ in 0..2 {
                let server = set_up(&backend, &id).await;
                backend.teardown_server(&server, &[]).await.unwrap();
            }
            set_up(&backend, &id).await
        });
    }
    let servers = tasks.join_all().await;
    let all: BTreeSet<_> = servers.iter().flat_map(addresses).collect();
    assert_eq!((all.len(), records(&backend).await.len()), (50, 50));
    for server in &servers {
        let leased = backend.allocate_network(&server.id, None, Some(1)).await.unwrap();
        assert_eq!(leased, server.network_allocations, "what it was told is what it has");
    }
    assert_free(&backend, 10).await;
    assert!(backend.orphaned_leases().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_server_that_is_there_is_not_set_up_once_more() {
    let ground = Ground::new();
    let backend = serving(&ground, RANGE, &[]).await;
    let server = set_up(&backend, "one").await;
    let before = calls(&ground).len();
    let fail = pair("fail", "setup-server:backend-failed");
    let refused = assert_invalid!(backend.setup_server(info("one"), &[fail]).await);
    assert!(refused.contains("there is a share server"), "{refused}");
    assert_eq!(calls(&ground).len(), before);
    assert_eq!(records(&backend).await[0].share_server, server);
    // Its address is still its own.
    assert_eq!(addresses(&set_up(&backend, "two").await), ["10.7.0.11"]);
}

/// The operator takes the network away while a server uses it.
#[tokio::test]
async fn leases_end_without_the_network_that_they_are_of() {
    let ground = Ground::new();
    let backend = serving(&ground, RANGE, &[]).await;
    let server = set_up(&backend, "one").await;
    backend.allocate_network("lost", None, None).await.unwrap();
    drop(backend);
    let handled = [("driver_handles_share_servers", OptionValue::Boolean(true))];
    let without = super::open(&ground, "dummy", &handled, BTreeMap::new()).await.unwrap();
    let refused =
        assert_driver!(without.allocate_network("two", None, None).await, NetworkBadConfiguration);
    assert!(refused.contains("has no network on the user side"), "{refused}");
    let found = without.orphaned_leases().await.unwrap();
    assert_eq!(found.iter().map(|one| one.server_id.as_str()).collect::<Vec<_>>(), ["lost"]);
    without.deallocate_network("lost").await.unwrap();
    without.teardown_server(&server, &[]).await.unwrap();
    drop(without);
    assert_free(&serving(&ground, RANGE, &[]).await, 3).await;
}
