//! A service's own network in place of the standalone one: what it is asked, and what holds while it
//! takes its time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use abaca::network::{
    AllocationRequest, Lease, NetworkError, NetworkProvider, NetworkProviders, ShareNetwork,
};
use abaca::types::{
    AllocationLabel, NetworkAllocation, NetworkInfo, NetworkType, ShareServerStatus,
};
use abaca::{Backend, BackendConfiguration, Limits, OptionValue};

use super::servers::{addresses, info, records, set_up};
use super::{assert_busy, assert_driver, assert_invalid, pair, value};
use crate::support::{Ground, eventually, load, runtime};

/// It hands out what it has, from the end.
#[derive(Default)]
pub struct OwnNetwork {
    pub leases: Mutex<Vec<Lease>>,
    /// What its allocations say beside the address.
    pub says: Option<NetworkAllocation>,
    /// What it was asked.
    pub asked: Mutex<Vec<AllocationRequest>>,
    /// Called with each step, which it may hold up.
    pub hook: Option<Hook>,
}

pub type Hook = Box<dyn Fn(&str) + Send + Sync>;

impl fmt::Debug for OwnNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnNetwork").field("leases", &self.leases).finish_non_exhaustive()
    }
}

impl OwnNetwork {
    fn comes_to(&self, step: &str) {
        if let Some(hook) = &self.hook {
            hook(step);
        }
    }
}

impl NetworkProvider for OwnNetwork {
    fn allocate(
        &self,
        request: &AllocationRequest,
    ) -> Result<Vec<NetworkAllocation>, NetworkError> {
        self.asked.lock().unwrap().push(request.clone());
        let mut leases = self.leases.lock().unwrap();
        let of_it = |one: &&Lease| one.server_id == request.server_id;
        if leases.iter().any(|one| of_it(&one)) {
            return Ok(leases.iter().filter(of_it).map(|one| one.allocation.clone()).collect());
        }
        let plain = NetworkAllocation {
            id: String::new(),
            label: request.label,
            ip_address: String::new(),
            ip_version: 4,
            cidr: None,
            network_type: None,
            segmentation_id: None,
            mac_address: Some("52:54:00:00:00:01".to_owned()),
        };
        let allocation = NetworkAllocation {
            id: format!("{}-address", request.server_id),
            label: request.label,
            ip_address: format!("192.0.2.{}", 250 - leases.len()),
            ..self.says.clone().unwrap_or(plain)
        };
        let (server_id, request_id) = (request.server_id.clone(), request.request_id.clone());
        leases.push(Lease { server_id, request_id, allocation: allocation.clone() });
        Ok(vec![allocation])
    }

    fn deallocate(&self, server_id: &str) -> Result<(), NetworkError> {
        self.leases.lock().unwrap().retain(|one| one.server_id != server_id);
        self.comes_to("deallocated");
        Ok(())
    }

    fn leases(&self) -> Result<Vec<Lease>, NetworkError> {
        self.comes_to("to be read");
        let leases = self.leases.lock().unwrap().clone();
        self.comes_to("read");
        Ok(leases)
    }
}

/// The backend `dummy` on a service's own network.
pub async fn on(
    ground: &Ground,
    own: &Arc<OwnNetwork>,
    options: &[(&str, OptionValue)],
) -> Backend {
    let driver = load(&runtime(Limits::default()), "abaca-driver-dummy").await;
    let mut all = vec![("driver_handles_share_servers", OptionValue::Boolean(true))];
    all.extend_from_slice(options);
    let configuration = BackendConfiguration {
        name: "dummy".to_owned(),
        policy: ground.write("dummy.policy.toml", super::POLICY),
        approved: false,
        state: ground.state(),
        options: all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        networks: BTreeMap::new(),
    };
    let networks = NetworkProviders { user: Some(Arc::clone(own) as _), admin: None };
    Backend::open_with_networks(driver, configuration, networks).await.unwrap()
}

/// Holds a network up at one step until the sender is used or dropped; the receiver hears of it.
fn held_at(wanted: &'static str) -> (Hook, Receiver<()>, Sender<()>) {
    let ((told, hear), (release, wait)) = (channel(), channel());
    let wait = Mutex::new(wait);
    let hook = move |step: &str| {
        if step == wanted {
            let _ = told.send(());
            let _ = wait.lock().unwrap().recv();
        }
    };
    (Box::new(hook), hear, release)
}

/// Waits on a thread of its own.
async fn heard(hear: Receiver<()>) {
    tokio::task::spawn_blocking(move || hear.recv().unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_service_can_bring_its_own_network() {
    let ground = Ground::new();
    let own = Arc::new(OwnNetwork::default());
    let backend = on(&ground, &own, &[]).await;
    let server = set_up(&backend, "one").await;
    assert_eq!(addresses(&server), ["192.0.2.250"]);
    assert_eq!(value(&server.backend_details, "address"), Some("192.0.2.250"));
    backend.allocate_network("lost", None, Some(1)).await.unwrap();
    assert_eq!(backend.orphaned_leases().await.unwrap()[0].server_id, "lost");
    backend.deallocate_network("lost").await.unwrap();
    backend.teardown_server(&server, &[]).await.unwrap();
    assert!(own.leases.lock().unwrap().is_empty());
}

#[tokio::test]
async fn no_server_is_set_up_while_leases_of_its_name_end() {
    let ground = Ground::new();
    let (hook, hear, release) = held_at("deallocated");
    let own = Arc::new(OwnNetwork { hook: Some(hook), ..OwnNetwork::default() });
    let backend = on(&ground, &own, &[]).await;
    backend.allocate_network("one", None, Some(1)).await.unwrap();
    let ending = tokio::spawn({
        let backend = backend.clone();
        async move { backend.deallocate_network("one").await }
    });
    heard(hear).await;
    // What it leased now would be taken away from it.
    assert_busy!(backend.setup_server(info("one"), &[]).await);
    drop(release);
    ending.await.unwrap().unwrap();
    set_up(&backend, "one").await;
    assert_invalid!(backend.deallocate_network("one").await);
    assert_eq!(own.leases.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_set_up_or_torn_down_meanwhile_has_no_orphaned_leases() {
    for (step, torn_down) in [("to be read", false), ("read", true)] {
        let ground = Ground::new();
        let (hook, hear, release) = held_at(step);
        let own = Arc::new(OwnNetwork { hook: Some(hook), ..OwnNetwork::default() });
        let backend = on(&ground, &own, &[]).await;
        backend.allocate_network("lost", None, Some(1)).await.unwrap();
        let early = if torn_down { Some(set_up(&backend, "one").await) } else { None };
        let looking = tokio::spawn({
            let backend = backend.clone();
            async move { backend.orphaned_leases().await }
        });
        heard(hear).await;
        match early {
            Some(server) => backend.teardown_server(&server, &[]).await.unwrap(),
            None => drop(set_up(&backend, "one").await),
        }
        drop(release);
        let found = looking.await.unwrap().unwrap();
        let found: Vec<_> = found.iter().map(|lease| lease.server_id.as_str()).collect();
        assert_eq!(found, ["lost"], "{step}");
        assert_eq!(records(&backend).await.len(), usize::from(!torn_down));
    }
}

#[tokio::test]
async fn a_record_names_no_address_that_somebody_else_may_have() {
    for setup_fails in [true, false] {
        let ground = Ground::new();
        let (hook, hear, release) = held_at("deallocated");
        let own = Arc::new(OwnNetwork { hook: Some(hook), ..OwnNetwork::default() });
        let backend = on(&ground, &own, &[]).await;
        let fail = [pair("fail", "setup-server:backend-failed")];
        let call = tokio::spawn({
            let backend = backend.clone();
            async move {
                if setup_fails {
                    drop(backend.setup_server(info("one"), &fail).await);
                } else {
                    let server = set_up(&backend, "one").await;
                    drop(backend.teardown_server(&server, &[]).await);
                }
            }
        });
        heard(hear).await;
        // The leases have ended, and nothing after that is written down yet.
        assert!(own.leases.lock().unwrap().is_empty());
        let during = records(&backend).await.remove(0).share_server;
        assert_eq!(addresses(&during), Vec::<&str>::new(), "{setup_fails}");
        call.abort();
        drop(release);
        let after = eventually("the call is recorded as interrupted", async || {
            let record = records(&backend).await.remove(0);
            record.message.is_some().then_some(record.share_server)
        })
        .await;
        assert_eq!(after.status, ShareServerStatus::Error);
        assert_eq!(addresses(&after), Vec::<&str>::new(), "{setup_fails}");
        backend.teardown_server(&after, &[]).await.unwrap();
        assert!(records(&backend).await.is_empty());
    }
}

#[tokio::test]
async fn a_network_is_told_for_which_share_network_it_leases() {
    let ground = Ground::new();
    let own = Arc::new(OwnNetwork::default());
    let more = [("dummy_more_allocations", OptionValue::Integer(1))];
    let backend = on(&ground, &own, &more).await;
    let wanted = NetworkInfo {
        neutron_net_id: Some("net".to_owned()),
        neutron_subnet_id: Some("subnet".to_owned()),
        ..info("one")
    };
    let metadata = [pair("project_id", "project")];
    let network = ShareNetwork::from(&wanted);
    assert_eq!(network.neutron_subnet_id.as_deref(), Some("subnet"));
    backend.setup_server(wanted, &metadata).await.unwrap();
    // What the runtime asks, and what the driver does by itself.
    let asked = std::mem::take(&mut *own.asked.lock().unwrap());
    assert_eq!(
        asked.iter().map(|one| &*one.request_id).collect::<Vec<_>>(),
        ["setup-server", "driver"]
    );
    assert!(asked.iter().all(|one| one.share_network.as_ref() == Some(&network)), "{asked:?}");
    assert_eq!(asked[0].metadata, metadata);
    let network = ShareNetwork { project_id: Some("project".to_owned()), ..network };
    backend.allocate_network("two", Some(&network), Some(1)).await.unwrap();
    assert_eq!(own.asked.lock().unwrap()[0].share_network, Some(network));
}

#[tokio::test]
async fn what_is_leased_says_what_the_network_is() {
    let (vlan, flat) = (Some(NetworkType::Vlan), Some(NetworkType::Flat));
    // What the lease says, and what the service does: only the lease counts.
    for (leased, said, fits) in
        [((vlan, Some(42)), (flat, Some(7)), true), ((vlan, None), (flat, Some(0)), false)]
    {
        let ground = Ground::new();
        let says = NetworkAllocation {
            id: String::new(),
            label: AllocationLabel::User,
            ip_address: String::new(),
            ip_version: 4,
            cidr: Some("192.0.2.0/24".to_owned()),
            network_type: leased.0,
            segmentation_id: leased.1,
            mac_address: None,
        };
        let own = Arc::new(OwnNetwork { says: Some(says), ..OwnNetwork::default() });
        let backend = on(&ground, &own, &[]).await;
        let wanted = NetworkInfo { network_type: said.0, segmentation_id: said.1, ..info("one") };
        let answer = backend.setup_server(wanted, &[]).await;
        if fits {
            assert_eq!(addresses(&answer.unwrap().unwrap()), ["192.0.2.250"]);
        } else {
            let refused = assert_driver!(answer, NetworkBadConfiguration);
            assert!(refused.contains("vlan"), "{refused}");
            assert!(own.leases.lock().unwrap().is_empty());
        }
    }
}
