//! How many addresses a share server gets, on which side, and how it loses them. What a network
//! may be is tested beside the code that leases.

use std::collections::BTreeMap;

use abaca::types::{AllocationLabel, NetworkAllocation};
use abaca::{Backend, OptionValue};

use crate::dummy::servers::{RANGE, addresses, assert_free, info, set_up};
use crate::dummy::{assert_driver, calls, open, serving, text, value};
use crate::support::Ground;

fn count(name: &'static str, count: i64) -> (&'static str, OptionValue) {
    (name, OptionValue::Integer(count))
}

fn listed(leased: &[NetworkAllocation]) -> Vec<&str> {
    leased.iter().map(|one| one.ip_address.as_str()).collect()
}

/// A backend with a network of the operator's beside that of the users.
async fn operated(ground: &Ground, options: &[(&str, OptionValue)]) -> Backend {
    let network = |gateway| {
        BTreeMap::from([
            ("standalone_network_plugin_gateway".to_owned(), text(gateway)),
            ("standalone_network_plugin_mask".to_owned(), text("24")),
        ])
    };
    let mut all = vec![
        ("driver_handles_share_servers", OptionValue::Boolean(true)),
        ("network_config_group", text("users")),
        ("admin_network_config_group", text("operators")),
    ];
    all.extend_from_slice(options);
    let networks = BTreeMap::from([
        ("users".to_owned(), network("10.7.0.1")),
        ("operators".to_owned(), network("10.9.0.1")),
    ]);
    open(ground, "dummy", &all, networks).await.unwrap()
}

#[tokio::test]
async fn get_network_allocations_number_is_the_drivers_on_both_sides() {
    let ground = Ground::new();
    let options =
        [count("dummy_network_allocations", 3), count("dummy_admin_network_allocations", 2)];
    let backend = serving(&ground, RANGE, &options).await;
    assert_eq!(backend.get_network_allocations_number().await.unwrap(), 3);
    assert_eq!(backend.get_admin_network_allocations_number().await.unwrap(), 2);
    let backend = serving(&ground, RANGE, &[count("dummy_network_allocations", 0)]).await;
    assert_eq!(backend.get_network_allocations_number().await.unwrap(), 0);
    assert_eq!(backend.get_admin_network_allocations_number().await.unwrap(), 0);
}

#[tokio::test]
async fn allocate_network_asks_the_driver_where_no_count_is_given() {
    let ground = Ground::new();
    let backend = serving(&ground, RANGE, &[count("dummy_network_allocations", 2)]).await;
    let leased = backend.allocate_network("one", None, None).await.unwrap();
    assert_eq!(listed(&leased), ["10.7.0.10", "10.7.0.11"]);
    assert!(leased.iter().all(|one| one.label == AllocationLabel::User));
    assert_eq!(calls(&ground), ["get-network-allocations-number"]);
    // A count that is given is not asked for, and nobody gets what somebody has.
    let leased = backend.allocate_network("two", None, Some(1)).await.unwrap();
    assert_eq!(listed(&leased), ["10.7.0.12"]);
    assert_driver!(backend.allocate_network("three", None, Some(1)).await, NetworkBadConfiguration);
    // The same request again is the same leases; another one of the same server is refused.
    assert_eq!(backend.allocate_network("two", None, Some(1)).await.unwrap(), leased);
    assert_driver!(backend.allocate_network("one", None, Some(1)).await, ShareServerFailed);
    assert_eq!(calls(&ground).len(), 1);
}

#[tokio::test]
async fn allocate_network_leases_nothing_for_zero() {
    let ground = Ground::new();
    let options = [
        ("driver_handles_share_servers", OptionValue::Boolean(true)),
        count("dummy_network_allocations", 0),
    ];
    // There is no network at all, and none is needed.
    let backend = open(&ground, "dummy", &options, BTreeMap::new()).await.unwrap();
    assert!(backend.allocate_network("one", None, None).await.unwrap().is_empty());
    assert!(backend.allocate_network("one", None, Some(0)).await.unwrap().is_empty());
    let server = set_up(&backend, "one").await;
    assert!(server.network_allocations.is_empty());
    assert_eq!(value(&server.backend_details, "address"), Some("192.0.2.1"));
    let refused = backend.allocate_network("one", None, Some(1)).await;
    assert!(assert_driver!(refused, NetworkBadConfiguration).contains("the user side"));
}

#[tokio::test]
async fn allocate_admin_network_asks_the_driver_where_no_count_is_given() {
    let ground = Ground::new();
    let options =
        [count("dummy_network_allocations", 0), count("dummy_admin_network_allocations", 2)];
    let backend = operated(&ground, &options).await;
    let leased = backend.allocate_admin_network("one", None, None).await.unwrap();
    assert_eq!(listed(&leased), ["10.9.0.2", "10.9.0.3"]);
    assert!(leased.iter().all(|one| one.label == AllocationLabel::Admin));
    let leased = backend.allocate_admin_network("two", None, Some(1)).await.unwrap();
    assert_eq!(listed(&leased), ["10.9.0.4"]);
    assert!(backend.allocate_admin_network("three", None, Some(0)).await.unwrap().is_empty());
    assert_eq!(calls(&ground), ["get-admin-network-allocations-number"]);
    // A server gets both sides at once; here the users' side needs none.
    let server = set_up(&backend, "four").await;
    assert_eq!(addresses(&server), ["10.9.0.5", "10.9.0.6"]);
    assert_eq!(value(&server.backend_details, "admin_address"), Some("10.9.0.5"));
    assert_eq!(value(&server.backend_details, "address"), Some("192.0.2.1"));
}

#[tokio::test]
async fn allocate_admin_network_needs_a_network_of_the_operator() {
    let ground = Ground::new();
    let backend = serving(&ground, RANGE, &[count("dummy_admin_network_allocations", 1)]).await;
    for answer in [
        backend.allocate_admin_network("one", None, None).await,
        backend.allocate_admin_network("one", None, Some(2)).await,
        backend.setup_server(info("one"), &[]).await.map(|_| Vec::new()),
    ] {
        let refused = assert_driver!(answer, NetworkBadConfiguration);
        assert!(refused.contains("the admin side"), "{refused}");
    }
    // What was leased on the other side meanwhile has ended.
    assert_free(&backend, 3).await;
    assert!(!calls(&ground).contains(&"setup-server".to_owned()));
    // Where none are needed, no network is.
    let backend = serving(&ground, RANGE, &[]).await;
    assert!(backend.allocate_admin_network("two", None, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn deallocate_network_ends_the_leases_of_both_sides() {
    let ground = Ground::new();
    let backend = operated(&ground, &[]).await;
    for server in ["one", "two"] {
        backend.allocate_network(server, None, Some(1)).await.unwrap();
        backend.allocate_admin_network(server, None, Some(1)).await.unwrap();
    }
    // One that has none is success, and so is one that has none any more.
    for server in ["nobody", "one", "one"] {
        backend.deallocate_network(server).await.unwrap();
    }
    let left = backend.orphaned_leases().await.unwrap();
    let left: Vec<_> = left
        .iter()
        .map(|one| (one.server_id.as_str(), one.allocation.ip_address.as_str()))
        .collect();
    assert_eq!(left, [("two", "10.7.0.3"), ("two", "10.9.0.3")]);
    // What has ended is for others.
    assert_eq!(
        listed(&backend.allocate_network("three", None, Some(1)).await.unwrap()),
        ["10.7.0.2"]
    );
}
