//! The whole driver interface, served by the reference driver: each method is called through the
//! library, and both the answer and what is recorded are looked at. One module for each theme.
//!
//! What happens to real files is the business of `lifecycle`, and limits are that of `limits`.

pub mod access;
pub mod errors;
pub mod groups;
mod leases;
pub mod locks;
mod managing;
pub mod migration;
mod newer;
mod options;
pub mod own_network;
pub mod replicas;
mod replicated_snapshots;
mod secrets;
mod server_choice;
pub mod servers;

use std::collections::BTreeMap;
use std::path::Path;

use abaca::types::{
    AccessLevel, AccessRule, AccessType, ConsistencyGroup, ConsistencyGroupStatus, Share,
    ShareServer, ShareStatus, Snapshot,
};
use abaca::{Backend, BackendConfiguration, Error, Limits, OptionValue};

use crate::support::{Ground, load, runtime, share};

pub const POLICY: &str = "schema = 1\ndriver = \"dummy\"\n";

/// Asserts that the error is the driver's own of this case, and answers its text.
macro_rules! assert_driver {
    ($answer:expr, $case:ident) => {
        match $answer {
            Err(abaca::Error::Driver(abaca::types::Error::$case(text))) => text,
            other => panic!("not {}: {other:?}", stringify!($case)),
        }
    };
}

/// Asserts that the runtime refused before the driver was called, and answers why.
macro_rules! assert_invalid {
    ($answer:expr) => {
        match $answer {
            Err(abaca::Error::Invalid(text)) => text,
            other => panic!("not refused: {other:?}"),
        }
    };
}

/// Asserts that something else was under way on the same thing, and answers what.
macro_rules! assert_busy {
    ($answer:expr) => {
        match $answer {
            Err(abaca::Error::Busy(text)) => text,
            other => panic!("not busy: {other:?}"),
        }
    };
}

pub(crate) use {assert_busy, assert_driver, assert_invalid};

pub fn text(value: &str) -> OptionValue {
    OptionValue::Text(value.to_owned())
}

pub fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// The value of a name in what a driver said.
pub fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
}

/// A backend of this driver, or why there is none.
pub async fn open(
    ground: &Ground,
    name: &str,
    options: &[(&str, OptionValue)],
    networks: BTreeMap<String, BTreeMap<String, OptionValue>>,
) -> Result<Backend, Error> {
    open_in(ground.path(), name, options, networks).await
}

/// The same in a ground that may be another process's.
async fn open_in(
    ground: &Path,
    name: &str,
    options: &[(&str, OptionValue)],
    networks: BTreeMap<String, BTreeMap<String, OptionValue>>,
) -> Result<Backend, Error> {
    open_with(Limits::default(), ground, name, options, networks).await
}

/// The same with these limits.
async fn open_with(
    limits: Limits,
    ground: &Path,
    name: &str,
    options: &[(&str, OptionValue)],
    networks: BTreeMap<String, BTreeMap<String, OptionValue>>,
) -> Result<Backend, Error> {
    let driver = load(&runtime(limits), "abaca-driver-dummy").await;
    let policy = ground.join(format!("{name}.policy.toml"));
    std::fs::write(&policy, POLICY).unwrap();
    let configuration = BackendConfiguration {
        name: name.to_owned(),
        policy,
        approved: false,
        state: ground.join("state"),
        options: options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        networks,
    };
    Backend::open(driver, configuration).await
}

/// The backend `dummy`, without share servers.
pub async fn dummy(ground: &Ground, options: &[(&str, OptionValue)]) -> Backend {
    let mut all = vec![("driver_handles_share_servers", OptionValue::Boolean(false))];
    all.extend_from_slice(options);
    open(ground, "dummy", &all, BTreeMap::new()).await.unwrap()
}

/// The backend `dummy`, with share servers whose network is described among its options: the
/// VLAN 42 of 10.7.0.0/24, of which these addresses may be leased.
pub async fn serving(ground: &Ground, range: &str, options: &[(&str, OptionValue)]) -> Backend {
    serving_with(Limits::default(), ground, range, options).await
}

/// The same with these limits.
pub async fn serving_with(
    limits: Limits,
    ground: &Ground,
    range: &str,
    options: &[(&str, OptionValue)],
) -> Backend {
    let all = serving_options(range);
    let mut all: Vec<_> = all.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    all.extend_from_slice(options);
    open_with(limits, ground.path(), "dummy", &all, BTreeMap::new()).await.unwrap()
}

/// The options of a backend that handles share servers, with addresses of this range.
pub fn serving_options(range: &str) -> BTreeMap<String, OptionValue> {
    let ranges = OptionValue::TextList(vec![range.to_owned()]);
    let all = [
        ("driver_handles_share_servers", OptionValue::Boolean(true)),
        ("standalone_network_plugin_gateway", text("10.7.0.1")),
        ("standalone_network_plugin_mask", text("255.255.255.0")),
        ("standalone_network_plugin_network_type", text("vlan")),
        ("standalone_network_plugin_segmentation_id", OptionValue::Integer(42)),
        ("standalone_network_plugin_allowed_ip_ranges", ranges),
    ];
    all.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The share as it is recorded.
pub async fn recorded(backend: &Backend, id: &str) -> Share {
    backend.records().share(id).await.unwrap().expect("a record").share
}

/// What is said of the share's last failure.
pub async fn message(backend: &Backend, id: &str) -> String {
    backend.records().share(id).await.unwrap().expect("a record").message.unwrap_or_default()
}

/// A share that was made, as it is recorded.
pub async fn made(backend: &Backend, one: &Share) -> Share {
    backend.create_share(one, None).await.unwrap();
    let one = recorded(backend, &one.id).await;
    assert_eq!(one.status, ShareStatus::Available);
    one
}

/// The share, asking the driver for a failure.
pub fn failing(one: &Share, request: &str) -> Share {
    Share { metadata: vec![pair("fail", request)], ..one.clone() }
}

/// The snapshot as it is recorded, if it is.
pub async fn kept(backend: &Backend, id: &str) -> Option<Snapshot> {
    let all = backend.records().snapshots().await.unwrap().into_iter();
    all.map(|one| one.snapshot).find(|one| one.id == id)
}

/// The methods that the driver was called with, oldest first.
pub fn calls(ground: &Ground) -> Vec<String> {
    let lines = ground.audit("dummy").into_iter().filter(|line| line["event"] == "call");
    lines.map(|line| line["method"].as_str().unwrap().to_owned()).collect()
}

/// A rule that lets an address in.
pub fn ip(address: &str, access_level: AccessLevel) -> AccessRule {
    let access_type = AccessType::Ip;
    AccessRule { access_type, ..crate::support::rule(address, access_level) }
}

/// A group of these shares as a service describes it.
pub fn group(id: &str, shares: &[Share]) -> ConsistencyGroup {
    ConsistencyGroup {
        id: id.to_owned(),
        name: None,
        description: None,
        project_id: "project".to_owned(),
        host: "test@dummy".to_owned(),
        status: ConsistencyGroupStatus::Available,
        source_cgsnapshot_id: None,
        share_network_id: None,
        share_server_id: None,
        share_type_ids: Vec::new(),
        shares: shares.to_vec(),
    }
}

/// A share that shall lie on a server.
pub fn share_on(server: &ShareServer, display_name: &str) -> Share {
    Share { share_server_id: Some(server.id.clone()), ..share(display_name, 1) }
}
