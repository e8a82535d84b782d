//! A panic outside of the driver: in what a service lends the runtime, or in a host function. It
//! ends one call, is told as nobody's fault but the runtime's side, and the next call works.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use abaca::network::{
    AllocationRequest, Lease, NetworkError, NetworkProvider, NetworkProviders, SETUP_REQUEST,
};
use abaca::types::{NetworkAllocation, ShareServerStatus, ShareStatus};
use abaca::{Backend, BackendConfiguration, Blame, Error, Limits, OptionValue};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::dummy::{POLICY, servers};
use crate::support::{Ground, attack_share, load, runtime};

/// What the panics say; the escape must not reach a terminal.
const WORDS: &str = "the provider\u{1b}[31m broke";
const SHOWN: &str = "the provider\\u{1b}[31m broke";

/// A service's network that panics when it is asked for some addresses, and when it is to give up
/// any, until it is mended.
#[derive(Debug)]
struct Broken {
    at_setup: bool,
    mended: AtomicBool,
}

impl NetworkProvider for Broken {
    fn allocate(
        &self,
        request: &AllocationRequest,
    ) -> Result<Vec<NetworkAllocation>, NetworkError> {
        let setup = request.request_id == SETUP_REQUEST;
        assert!(setup != self.at_setup || self.mended.load(Ordering::SeqCst), "{WORDS}");
        let number = if setup { 1 } else { 2 };
        Ok(vec![NetworkAllocation {
            id: format!("{}-{number}", request.server_id),
            label: request.label,
            ip_address: format!("192.0.2.{number}"),
            ip_version: 4,
            cidr: None,
            network_type: None,
            segmentation_id: None,
            mac_address: None,
        }])
    }

    fn deallocate(&self, _: &str) -> Result<(), NetworkError> {
        assert!(self.mended.load(Ordering::SeqCst), "{WORDS}");
        Ok(())
    }

    fn leases(&self) -> Result<Vec<Lease>, NetworkError> {
        Ok(Vec::new())
    }
}

/// A backend on that network, whose driver asks for one address more in `setup-server`.
async fn on_broken_network(ground: &Ground, at_setup: bool) -> (Backend, Arc<Broken>) {
    let driver = load(&runtime(Limits::default()), "abaca-driver-dummy").await;
    let options = [
        ("driver_handles_share_servers", OptionValue::Boolean(true)),
        ("dummy_more_allocations", OptionValue::Integer(1)),
    ];
    let configuration = BackendConfiguration {
        name: "dummy".to_owned(),
        policy: ground.write("dummy.policy.toml", POLICY),
        approved: false,
        state: ground.state(),
        options: BTreeMap::from(options.map(|(name, value)| (name.to_owned(), value))),
        networks: BTreeMap::new(),
    };
    let broken = Arc::new(Broken { at_setup, mended: AtomicBool::new(false) });
    let networks = NetworkProviders { user: Some(Arc::clone(&broken) as _), admin: None };
    let backend = Backend::open_with_networks(driver, configuration, networks).await.unwrap();
    (backend, broken)
}

/// Asserts that a panic ended it, that whoever is told is told that, and whose fault it is.
fn panicked<T: std::fmt::Debug>(answer: Result<T, Error>, wanted: &str) -> String {
    let error = answer.unwrap_err();
    assert_eq!(error.blame(), Blame::Runtime);
    assert!(matches!(&error, Error::Panic { part, .. } if *part == wanted), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("a panic: "), "{text}");
    text
}

async fn a_broken_network(at_setup: bool) {
    let ground = Ground::new();
    let (backend, broken) = on_broken_network(&ground, at_setup).await;
    let told =
        panicked(backend.setup_server(servers::info("one"), &[]).await, "the network provider");
    assert!(told.contains(SHOWN), "{told}");
    let held = servers::records(&backend).await;
    assert_eq!(held[0].share_server.status, ShareServerStatus::Error);
    assert!(held[0].message.as_ref().is_some_and(|message| message.contains(SHOWN)), "{held:?}");
    let audit = ground.audit("dummy");
    let ended = audit.iter().rfind(|line| line["event"] == "call-end");
    if at_setup {
        assert!(audit.iter().all(|line| line["method"] != "setup-server"), "never called");
    } else {
        let ended = ended.unwrap();
        assert_eq!((&ended["outcome"], &ended["blame"]), (&"failed".into(), &"runtime".into()));
        let outcome = audit.iter().rfind(|line| line["event"] == "outcome").unwrap();
        assert!(outcome["error"].as_str().unwrap().contains(SHOWN), "{outcome}");
    }
    panicked(backend.deallocate_network("lost").await, "the network provider");

    // Nobody else is ended, and when the service has mended it, it is used again.
    backend.get_share_stats(true).await.unwrap();
    broken.mended.store(true, Ordering::SeqCst);
    let server = servers::set_up(&backend, "two").await;
    assert!(servers::addresses(&server).contains(&"192.0.2.1"), "{server:?}");
}

#[tokio::test]
async fn a_provider_that_panics_in_the_import_ends_one_call() {
    a_broken_network(false).await;
}

#[tokio::test]
async fn a_provider_that_panics_while_addresses_are_leased_ends_one_call() {
    a_broken_network(true).await;
}

/// A service's log that panics when it is told of the gate's next decision.
struct BrokenLog(AtomicBool);

impl Subscriber for BrokenLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() == "abaca::gate" {
            assert!(!self.0.swap(false, Ordering::SeqCst), "the log is full");
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_panic_in_a_host_function_ends_one_call() {
    let ground = Ground::new();
    let driver = load(&runtime(Limits::default()), "abaca-guest-hostile").await;
    let policy = "schema = 1\ndriver = \"hostile\"\n";
    let backend = ground.backend("hostile", driver, policy, &[]).await;
    let _log = tracing::subscriber::set_default(BrokenLog(AtomicBool::new(true)));

    // The guest is in the middle of its work, and waits for the answer of the host.
    let one = attack_share("config", &["no_such_option"]);
    let told = panicked(backend.create_share(&one, None).await, "create-share");
    assert!(told.contains("the log is full"), "{told}");
    let record = backend.records().share(&one.id).await.unwrap().unwrap();
    assert_eq!(record.share.status, ShareStatus::Error);
    assert_eq!(record.message.as_deref(), Some(told.as_str()));
    let audit = ground.audit("hostile");
    let last = audit.last().unwrap();
    assert_eq!((&last["event"], &last["outcome"]), (&"call-end".into(), &"failed".into()));
    assert_eq!(last["blame"], "runtime");

    // The same request once more: nothing of the first is in its way.
    let two = attack_share("config", &["no_such_option"]);
    let answer = backend.create_share(&two, None).await.unwrap();
    assert!(answer[0].path.starts_with("err:Error::Denied"), "{answer:?}");
}
