//! Leases, proved on real database files: who gets which address, when it comes back, and what is
//! said when there is none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use abaca_policy::Manifest;

use super::leases::Leases;
use super::options::StandaloneOptions;
use super::power::NetworkPower;
use super::standalone::StandaloneNetwork;
use super::{
    AllocationRequest, DRIVER_REQUEST, NetworkError, NetworkProvider, SETUP_REQUEST,
    validate_segmentation,
};
use crate::error::Error;
use crate::options::{OptionValue, OptionValues};
use crate::types::{self, AllocationLabel, NetworkAllocation, NetworkType};

const USER: AllocationLabel = AllocationLabel::User;
const ADMIN: AllocationLabel = AllocationLabel::Admin;

fn described(gateway: &str, mask: &str, ranges: &[&str]) -> StandaloneOptions {
    StandaloneOptions {
        gateway: gateway.to_owned(),
        mask: mask.to_owned(),
        network_type: None,
        segmentation_id: None,
        allowed_ip_ranges: ranges.iter().map(|text| (*text).to_owned()).collect(),
        max_addresses: None,
        ip_version: if gateway.contains(':') { 6 } else { 4 },
    }
}

fn open(directory: &tempfile::TempDir, options: &StandaloneOptions) -> StandaloneNetwork {
    open_as("one", directory, options)
}

/// The network as this backend has it.
fn open_as(
    backend: &str,
    directory: &tempfile::TempDir,
    options: &StandaloneOptions,
) -> StandaloneNetwork {
    StandaloneNetwork::new(options, Leases::open(directory.path(), backend).unwrap()).unwrap()
}

fn refused(options: &StandaloneOptions) -> String {
    let directory = tempfile::tempdir().unwrap();
    match StandaloneNetwork::new(options, Leases::open(directory.path(), "one").unwrap()) {
        Err(NetworkError::BadConfiguration(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

fn request(server_id: &str, label: AllocationLabel, count: u32) -> AllocationRequest {
    AllocationRequest::new(server_id, label, count, SETUP_REQUEST)
}

fn addresses(allocations: &[NetworkAllocation]) -> Vec<&str> {
    allocations.iter().map(|one| one.ip_address.as_str()).collect()
}

#[test]
fn the_lowest_free_address_comes_first_and_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let network = open(&directory, &described("10.9.0.1", "24", &["10.9.0.10-10.9.0.20"]));
    let first = network.allocate(&request("one", USER, 2)).unwrap();
    assert_eq!(addresses(&first), ["10.9.0.10", "10.9.0.11"]);
    let second = network.allocate(&request("two", USER, 2)).unwrap();
    assert_eq!(addresses(&second), ["10.9.0.12", "10.9.0.13"]);
    network.deallocate("one").unwrap();
    let third = network.allocate(&request("three", USER, 3)).unwrap();
    assert_eq!(addresses(&third), ["10.9.0.10", "10.9.0.11", "10.9.0.14"]);
}

#[test]
fn a_lease_says_what_a_driver_must_know() {
    let directory = tempfile::tempdir().unwrap();
    let options = StandaloneOptions {
        network_type: Some(NetworkType::Vlan),
        segmentation_id: Some(77),
        ..described("10.9.0.1", "255.255.255.0", &[])
    };
    let network = open(&directory, &options);
    let mut leased = network.allocate(&request("one", ADMIN, 1)).unwrap();
    let lease = leased.pop().unwrap();
    let wanted = NetworkAllocation {
        id: lease.id.clone(),
        label: ADMIN,
        ip_address: "10.9.0.2".to_owned(),
        ip_version: 4,
        cidr: Some("10.9.0.0/24".to_owned()),
        network_type: Some(NetworkType::Vlan),
        segmentation_id: Some(77),
        mac_address: None,
    };
    assert_eq!(lease, wanted);
    assert!(uuid::Uuid::parse_str(&lease.id).is_ok());
}

#[test]
fn the_same_request_has_the_same_answer() {
    let directory = tempfile::tempdir().unwrap();
    let options = described("fd00::1", "64", &[]);
    let first = open(&directory, &options).allocate(&request("one", USER, 2)).unwrap();
    assert_eq!(addresses(&first), ["fd00::2", "fd00::3"]);
    // Another handle: another process, or this one after it was killed.
    let network = open(&directory, &options);
    assert_eq!(network.allocate(&request("one", USER, 2)).unwrap(), first);
    assert!(matches!(
        network.allocate(&request("one", USER, 3)),
        Err(NetworkError::Conflict { leased: 2, wanted: 3, label: "user", .. })
    ));
    // Another side and another request are other leases, and no address comes twice.
    let admin = network.allocate(&request("one", ADMIN, 1)).unwrap();
    assert_eq!(addresses(&admin), ["fd00::4"]);
    let more =
        AllocationRequest { request_id: DRIVER_REQUEST.to_owned(), ..request("one", USER, 1) };
    assert_eq!(addresses(&network.allocate(&more).unwrap()), ["fd00::5"]);
}

#[test]
fn all_or_none() {
    let directory = tempfile::tempdir().unwrap();
    let network = open(&directory, &described("10.0.0.1", "29", &[]));
    network.allocate(&request("one", USER, 3)).unwrap();
    let refusal = network.allocate(&request("two", USER, 3)).unwrap_err();
    assert!(matches!(refusal, NetworkError::Exhausted { wanted: 3, free: 2, .. }), "{refusal}");
    assert!(refusal.to_string().contains("10.0.0.0/29"), "{refusal}");
    let upstreams = Error::from(refusal);
    assert!(matches!(upstreams, Error::Driver(types::Error::NetworkBadConfiguration(_))));
    assert!(network.leases().unwrap().iter().all(|lease| lease.server_id == "one"));
    assert_eq!(network.allocate(&request("two", USER, 2)).unwrap().len(), 2);
}

#[test]
fn no_address_is_leased_twice_by_fifty_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let options = described("10.0.0.1", "24", &["10.0.0.100-10.0.0.159"]);
    // Two handles stand for two processes.
    let handles = [open(&directory, &options), open(&directory, &options)];
    let leased: Vec<String> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..50)
            .map(|at| {
                let network = &handles[at % 2];
                scope.spawn(move || {
                    network.allocate(&request(&format!("server-{at}"), USER, 1)).unwrap()
                })
            })
            .collect();
        asking.into_iter().flat_map(|one| one.join().unwrap()).map(|one| one.ip_address).collect()
    });
    let lowest: BTreeSet<String> = (100..150).map(|last| format!("10.0.0.{last}")).collect();
    assert_eq!(leased.len(), 50);
    assert_eq!(leased.into_iter().collect::<BTreeSet<_>>(), lowest);
    assert!(handles[0].allocate(&request("ten more", USER, 10)).is_ok());
    assert!(handles[1].allocate(&request("one more", USER, 1)).is_err());
}

#[test]
fn two_backends_on_one_network_share_no_address() {
    let directory = tempfile::tempdir().unwrap();
    let in_segment = |network_type, segmentation_id| StandaloneOptions {
        network_type,
        segmentation_id,
        ..described("10.9.0.1", "24", &["10.9.0.10-10.9.0.13"])
    };
    let flat = in_segment(Some(NetworkType::Flat), None);
    let first = open_as("one", &directory, &flat);
    // The same wire in other words, and with another mask.
    let nameless =
        StandaloneOptions { mask: "255.255.0.0".to_owned(), ..in_segment(None, Some(0)) };
    let second = open_as("two", &directory, &nameless);
    // Both have a server of the same identifier.
    let leased = |network: &StandaloneNetwork, server| {
        let leased = network.allocate(&request(server, USER, 1)).unwrap();
        leased.into_iter().map(|one| one.ip_address).collect::<Vec<_>>()
    };
    assert_eq!(leased(&first, "server"), ["10.9.0.10"]);
    assert_eq!(leased(&second, "server"), ["10.9.0.11"]);
    assert_eq!(leased(&first, "server"), ["10.9.0.10"], "asked again");
    assert_eq!(leased(&first, "more"), ["10.9.0.12"]);
    // Another segment has the same addresses once more, and is one for both.
    let vlan = in_segment(Some(NetworkType::Vlan), Some(7));
    assert_eq!(leased(&open_as("one", &directory, &vlan), "other"), ["10.9.0.10"]);
    assert_eq!(leased(&open_as("two", &directory, &vlan), "other"), ["10.9.0.11"]);
    let vlan = in_segment(Some(NetworkType::Vlan), Some(8));
    assert_eq!(leased(&open_as("two", &directory, &vlan), "third"), ["10.9.0.10"]);

    // What one ends and lists is its own.
    second.deallocate("server").unwrap();
    assert_eq!(second.leases().unwrap().len(), 2);
    assert_eq!(first.leases().unwrap().len(), 3);
    assert_eq!(leased(&second, "last"), ["10.9.0.11"]);
    assert_eq!(leased(&second, "very last"), ["10.9.0.13"]);
    let refusal = first.allocate(&request("none left", USER, 1)).unwrap_err().to_string();
    assert!(refusal.contains("0 are left") && refusal.contains("another"), "{refusal}");
}

#[test]
fn a_network_that_cannot_be_is_refused() {
    let reason = refused(&described("10.0.0.1", "24", &["10.0.1.5"]));
    assert!(reason.contains("10.0.1.5") && reason.contains("10.0.0.0/24"), "{reason}");
    let reason = refused(&StandaloneOptions { ip_version: 6, ..described("10.0.0.1", "24", &[]) });
    assert!(reason.contains("ip_version`: it is 6"), "{reason}");
    let segmented = StandaloneOptions {
        network_type: Some(NetworkType::Vlan),
        segmentation_id: Some(4095),
        ..described("10.0.0.1", "24", &[])
    };
    assert!(refused(&segmented).contains("from 1 to 4094"));
}

#[test]
fn each_network_type_has_its_segments() {
    use NetworkType::{Flat, Gre, Vlan, Vxlan};
    for (network_type, good, bad) in [
        (None, vec![None, Some(0)], vec![Some(1)]),
        (Some(Flat), vec![None, Some(0)], vec![Some(1), Some(u32::MAX)]),
        (Some(Vlan), vec![Some(1), Some(4094)], vec![None, Some(0), Some(4095)]),
        (Some(Vxlan), vec![Some(1), Some(16_777_215)], vec![None, Some(0), Some(16_777_216)]),
        (Some(Gre), vec![Some(1), Some(4_294_967_295)], vec![None, Some(0)]),
    ] {
        for id in good {
            assert!(validate_segmentation(network_type, id).is_ok(), "{network_type:?} {id:?}");
        }
        for id in bad {
            assert!(validate_segmentation(network_type, id).is_err(), "{network_type:?} {id:?}");
        }
    }
}

/// What an operator wrote, made a power with one section called `storage`.
fn configured(
    own: &[(&str, OptionValue)],
    section: &[(&str, OptionValue)],
) -> Result<(NetworkPower, tempfile::TempDir), NetworkError> {
    let map = |given: &[(&str, OptionValue)]| -> BTreeMap<String, OptionValue> {
        given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    };
    let mut own = map(own);
    own.insert("driver_handles_share_servers".to_owned(), OptionValue::Boolean(true));
    let options = OptionValues::resolve(&[], &own, "/nowhere").unwrap();
    let sections = BTreeMap::from([("storage".to_owned(), map(section))]);
    let directory = tempfile::tempdir().unwrap();
    NetworkPower::configured(&options, &sections, directory.path(), "one")
        .map(|power| (power, directory))
}

fn text(text: &str) -> OptionValue {
    OptionValue::Text(text.to_owned())
}

#[tokio::test]
async fn each_side_has_the_network_that_its_option_names() {
    let gateway = ("standalone_network_plugin_gateway", text("10.0.0.1"));
    let mask = ("standalone_network_plugin_mask", text("24"));
    let section = [
        ("standalone_network_plugin_gateway", text("10.1.0.1")),
        ("standalone_network_plugin_mask", text("24")),
        ("standalone_network_plugin_network_type", text("vxlan")),
        ("standalone_network_plugin_segmentation_id", OptionValue::Integer(5000)),
        (
            "standalone_network_plugin_allowed_ip_ranges",
            OptionValue::TextList(vec!["10.1.0.7".to_owned()]),
        ),
    ];
    let (power, _directory) = configured(&[], &section).unwrap();
    assert!(!power.has(USER) && !power.has(ADMIN), "a section serves nobody who does not name it");

    let by_name = ("admin_network_config_group", text("storage"));
    let (power, _directory) = configured(&[gateway, mask, by_name], &section).unwrap();
    let user = power.allocate(request("one", USER, 1)).await.unwrap();
    assert_eq!(addresses(&user), ["10.0.0.2"]);
    let admin = power.allocate(request("one", ADMIN, 1)).await.unwrap();
    assert_eq!(addresses(&admin), ["10.1.0.7"]);
    assert_eq!(admin[0].network_type, Some(NetworkType::Vxlan));
    assert_eq!(admin[0].segmentation_id, Some(5000));

    let by_name = ("network_config_group", text("storage"));
    let (power, _directory) = configured(&[by_name], &section).unwrap();
    let user = power.allocate(request("one", USER, 1)).await.unwrap();
    assert_eq!(addresses(&user), ["10.1.0.7"]);
    assert!(!power.has(ADMIN));
}

#[test]
fn what_makes_no_network_is_named() {
    let name = |part: &str| format!("standalone_network_plugin_{part}");
    for (part, value, about) in [
        ("mask", text("24"), "gateway"),
        ("gateway", text("10.0.0.1"), "mask"),
        ("network_type", text("ether"), "network_type"),
        ("segmentation_id", OptionValue::Integer(-1), "segmentation_id"),
    ] {
        let refusal = configured(&[(&name(part), value)], &[]).unwrap_err().to_string();
        assert!(refusal.contains(&name(about)), "{refusal}");
    }
    for (section, about) in [
        (vec![], "it says nothing"),
        (vec![(name("gatewey"), text("10.0.0.1"))], "plugin_gateway"),
        (vec![(name("gateway"), OptionValue::Integer(10))], "it must be a text"),
        (vec![(name("segmentation_id"), text("7"))], "it must be a whole number"),
    ] {
        let section: Vec<_> =
            section.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let own = [("admin_network_config_group", text("storage"))];
        let refusal = configured(&own, &section).unwrap_err().to_string();
        assert!(refusal.contains("network `storage`") && refusal.contains(about), "{refusal}");
    }
    let own = [("network_config_group", text("storge"))];
    let refusal = configured(&own, &[]).unwrap_err().to_string();
    assert!(refusal.contains("`storage`?"), "{refusal}");
}

#[tokio::test]
async fn one_power_for_both_sides() {
    let directory = tempfile::tempdir().unwrap();
    let user = Arc::new(open(&directory, &described("10.0.0.1", "24", &[])));
    let mut power = NetworkPower { user: Some(user), ..NetworkPower::default() };
    assert!(power.has(USER) && !power.has(ADMIN));
    // As upstream: no admin network is an error only for a driver that wants addresses of it.
    assert!(power.allocate(request("one", ADMIN, 0)).await.unwrap().is_empty());
    let refusal = power.allocate(request("one", ADMIN, 1)).await;
    assert!(matches!(refusal, Err(NetworkError::BadConfiguration(_))));
    let refusal = power.allocate(request("one", USER, 257)).await;
    assert!(matches!(refusal, Err(NetworkError::Limit(_))));

    power.admin = Some(Arc::new(open(&directory, &described("10.1.0.1", "24", &[]))));
    for server in ["one", "two"] {
        power.allocate(request(server, USER, 2)).await.unwrap();
        power.allocate(request(server, ADMIN, 1)).await.unwrap();
    }
    let leases = power.leases().await.unwrap();
    assert_eq!(leases.len(), 6);
    let named: Vec<_> = leases
        .iter()
        .filter(|lease| lease.server_id == "one")
        .map(|lease| (lease.server_id.as_str(), lease.allocation.ip_address.as_str()))
        .collect();
    assert_eq!(named, [("one", "10.0.0.2"), ("one", "10.0.0.3"), ("one", "10.1.0.2")]);

    power.deallocate("one").await.unwrap();
    power.deallocate("never seen").await.unwrap();
    let left = power.leases().await.unwrap();
    assert!(left.len() == 3 && left.iter().all(|lease| lease.server_id == "two"));
}

#[tokio::test]
async fn what_a_version_before_has_leased_ends_where_the_manifest_asks_for_no_addresses() {
    let directory = tempfile::tempdir().unwrap();
    let user = || {
        let user = Arc::new(open(&directory, &described("10.0.0.1", "24", &[])));
        NetworkPower { user: Some(user), ..NetworkPower::default() }
    };
    user().allocate(request("one", USER, 2)).await.unwrap();
    let manifest = |needs: &str| {
        let text = format!("schema = 1\ndriver = \"dummy\"\n{needs}");
        Manifest::parse(&text, "manifest.toml").unwrap()
    };
    let admin = "[needs.networks.admin]\npurpose = \"to be reached\"\n";
    for needs in ["", admin] {
        let power = user().needed_by(Some(&manifest(needs)));
        assert!(!power.has(USER));
        let refusal = power.allocate(request("two", USER, 1)).await.unwrap_err().to_string();
        assert!(refusal.contains("[needs.networks.user]"), "{refusal}");
        assert_eq!(power.leases().await.unwrap().len(), 2);
    }
    let refusal = user().allocate(request("two", ADMIN, 1)).await.unwrap_err().to_string();
    assert!(refusal.contains("has no network on the admin side"), "{refusal}");
    user().needed_by(Some(&manifest(""))).deallocate("one").await.unwrap();
    assert!(user().leases().await.unwrap().is_empty());
}
