//! A service is killed in the middle of setting up fifty share servers, or of tearing some down. What
//! it leaves is told truly to the next one: which servers are there, which are not, and which
//! addresses are whose. What lies between the end of the leases and the last record is the business
//! of `dummy/own_network`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use abaca::types::{ShareServer, ShareServerStatus};
use abaca::{Backend, BackendConfiguration, Limits, OptionValue};
use tokio::task::JoinSet;

use crate::dummy::servers::{addresses, assert_free, info, records, set_up};
use crate::dummy::{POLICY, pair, text};
use crate::support::{Ground, audit, held, load, runtime, until};

/// Tells the process that is killed where its ground is; without it there is nothing to do.
const GROUND: &str = "ABACA_TESTS_KILLED_GROUND";

/// How many servers are set up, and how many addresses there are for them.
const SERVERS: usize = 50;
const ADDRESSES: u32 = 60;

/// How many servers the driver never comes to an end with: fewer than run at the same time, so
/// that some are done and some under way when the process is killed, however fast it is.
const ENDLESS: usize = 10;

/// Servers that have addresses and no record: their service leased before it set up.
const LOST: [&str; 3] = ["lost-0", "lost-1", "lost-2"];

fn name(number: usize) -> String {
    format!("server-{number}")
}

/// The backend in this directory, as each of the two processes opens it.
async fn open(ground: &Path) -> Backend {
    open_with(ground, 0).await
}

/// The same, whose driver takes so many milliseconds for each call.
async fn open_with(ground: &Path, delay: i64) -> Backend {
    let ranges = OptionValue::TextList(vec!["10.7.0.10-10.7.0.69".to_owned()]);
    let options = [
        ("driver_handles_share_servers", OptionValue::Boolean(true)),
        ("standalone_network_plugin_gateway", text("10.7.0.1")),
        ("standalone_network_plugin_mask", text("24")),
        ("standalone_network_plugin_allowed_ip_ranges", ranges),
        ("dummy_delay_ms", OptionValue::Integer(delay)),
    ];
    let driver = load(&runtime(Limits::default()), "abaca-driver-dummy").await;
    let configuration = BackendConfiguration {
        name: "dummy".to_owned(),
        policy: ground.join("dummy.policy.toml"),
        approved: false,
        state: ground.join("state"),
        options: options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        networks: BTreeMap::new(),
    };
    Backend::open(driver, configuration).await.unwrap()
}

/// What the other process does until it is killed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it is the process that another test kills"]
async fn the_process_that_is_killed() {
    let Some(ground) = std::env::var_os(GROUND).map(PathBuf::from) else { return };
    let backend = open(&ground).await;
    for lost in LOST {
        backend.allocate_network(lost, None, None).await.unwrap();
    }
    let mut tasks = JoinSet::new();
    for number in 0..SERVERS {
        let backend = backend.clone();
        let endless = number % (SERVERS / ENDLESS) == 0;
        let metadata = if endless { vec![pair("sleep_ms", "600000")] } else { Vec::new() };
        tasks.spawn(async move { backend.setup_server(info(&name(number)), &metadata).await });
    }
    tasks.join_all().await;
}

/// How many servers are torn down by the other process, and with how many it never comes to an end.
const TORN_DOWN: usize = 20;
const NEVER: usize = 8;

/// What another one does until it is killed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it is the process that another test kills"]
async fn the_process_that_is_killed_while_it_tears_down() {
    let Some(ground) = std::env::var_os(GROUND).map(PathBuf::from) else { return };
    let (backend, endless) = (open(&ground).await, open_with(&ground, 600_000).await);
    let servers = at_once(&backend, (0..TORN_DOWN).map(name), set_up_one).await;
    let mut tasks = JoinSet::new();
    for (at, server) in servers.into_iter().enumerate() {
        let backend = if at < NEVER { endless.clone() } else { backend.clone() };
        tasks.spawn(async move { backend.teardown_server(&server, &[]).await });
    }
    tasks.join_all().await;
}

/// Starts that process: this program once more, for this one test.
fn start(ground: &Ground, test: &str) -> Child {
    #[expect(clippy::disallowed_methods, reason = "another process is what is tested")]
    let mut command = Command::new(std::env::current_exe().unwrap());
    let test = format!("killed::{test}");
    command.args([&test, "--exact", "--ignored"]).env(GROUND, ground.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// How many servers the driver has begun a method with, and with how many it has come to an end.
fn progress(ground: &Ground, method: &str) -> (usize, usize) {
    let lines = audit(&ground.state().join("dummy"));
    let count = |event: &str| {
        let about = |line: &&serde_json::Value| line["method"] == method;
        lines.iter().filter(about).filter(|line| line["event"] == event).count()
    };
    (count("call"), count("call-end"))
}

/// Sets up servers, or tears them down, all at once.
async fn at_once<X: Send + 'static, T: Send + 'static, F>(
    backend: &Backend,
    all: impl IntoIterator<Item = X>,
    call: fn(Backend, X) -> F,
) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for one in all {
        tasks.spawn(call(backend.clone(), one));
    }
    tasks.join_all().await
}

async fn tear_down(backend: Backend, server: ShareServer) {
    backend.teardown_server(&server, &[]).await.unwrap();
}

async fn set_up_one(backend: Backend, id: String) -> ShareServer {
    set_up(&backend, &id).await
}

/// The recorded servers of this status.
async fn with_status(backend: &Backend, status: ShareServerStatus) -> Vec<ShareServer> {
    let all = records(backend).await.into_iter().map(|one| one.share_server);
    all.filter(|server| server.status == status).collect()
}

/// Asserts that each server has one address, that nobody else has, and which is leased to it.
async fn assert_agree(backend: &Backend, servers: &[ShareServer]) {
    let all: BTreeSet<_> = servers.iter().flat_map(addresses).collect();
    assert_eq!(all.len(), servers.len());
    for server in servers {
        // Asked again, the leases are the same ones, down to their identifiers.
        let leased = backend.allocate_network(&server.id, None, Some(1)).await.unwrap();
        assert_eq!(leased, server.network_allocations);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_fifty_servers_are_set_up() {
    use ShareServerStatus::{Active, Error};
    let ground = Ground::new();
    ground.write("dummy.policy.toml", POLICY);
    let mut process = start(&ground, "the_process_that_is_killed");
    until("some are done and some under way", || {
        let (begun, ended) = progress(&ground, "setup-server");
        ended >= 10 && begun > ended
    })
    .await;
    process.kill().unwrap();
    process.wait().unwrap();
    let (_, ended) = progress(&ground, "setup-server");

    let backend = open(ground.path()).await;
    let (done, broken) = (with_status(&backend, Active).await, with_status(&backend, Error).await);
    // What the audit says has ended may have died just before it was recorded.
    assert!(!done.is_empty() && done.len() <= ended && !broken.is_empty());
    assert_eq!(records(&backend).await.len(), done.len() + broken.len(), "none is under way");
    assert!(backend.locks().unwrap().is_empty());
    // A call that had ended when the process died may have left its mark's file, which nobody holds.
    let left = held(&ground, &backend);
    for one in records(&backend).await {
        let interrupted = one.message.is_some_and(|text| text.contains("interrupted"));
        assert_eq!(interrupted, one.share_server.status == Error, "{}", one.share_server.id);
    }
    assert_agree(&backend, &done).await;
    let orphans = backend.orphaned_leases().await.unwrap();
    let orphans: Vec<_> = orphans.iter().map(|lease| lease.server_id.as_str()).collect();
    assert_eq!(orphans, LOST, "every other lease has its server");

    // The interrupted ones are torn down, the lost addresses released: what is left is in use.
    at_once(&backend, broken, tear_down).await;
    for lost in LOST {
        backend.deallocate_network(lost).await.unwrap();
    }
    assert!(backend.orphaned_leases().await.unwrap().is_empty());
    assert_free(&backend, ADDRESSES - u32::try_from(done.len()).unwrap()).await;

    // There is room for fifty again, beside nobody.
    let there: BTreeSet<_> = done.iter().map(|server| server.id.clone()).collect();
    let missing: Vec<_> = (0..SERVERS).map(name).filter(|id| !there.contains(id)).collect();
    at_once(&backend, missing, set_up_one).await;
    let all = with_status(&backend, Active).await;
    assert_eq!(all.len(), SERVERS);
    assert_agree(&backend, &all).await;
    at_once(&backend, all, tear_down).await;
    assert!(records(&backend).await.is_empty());
    assert!(backend.orphaned_leases().await.unwrap().is_empty());
    assert_free(&backend, ADDRESSES).await;
    assert_eq!(held(&ground, &backend), left);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_servers_are_torn_down() {
    use ShareServerStatus::{Active, Error};
    let ground = Ground::new();
    ground.write("dummy.policy.toml", POLICY);
    let mut process = start(&ground, "the_process_that_is_killed_while_it_tears_down");
    until("some are gone and some never will be", || {
        let (begun, ended) = progress(&ground, "teardown-server");
        ended >= 5 && begun >= ended + NEVER
    })
    .await;
    process.kill().unwrap();
    process.wait().unwrap();

    let backend = open(ground.path()).await;
    let (there, broken) = (with_status(&backend, Active).await, with_status(&backend, Error).await);
    assert_eq!(records(&backend).await.len(), there.len() + broken.len(), "none is under way");
    assert!(broken.len() >= NEVER, "{broken:?}");
    // One whose driver had ended may have died between the end of its leases and its record: it names
    // no address then. All others have theirs.
    let (with, without): (Vec<_>, Vec<_>) =
        broken.into_iter().partition(|server| !server.network_allocations.is_empty());
    assert!(with.len() >= NEVER, "{with:?}");
    assert_agree(&backend, &with).await;
    assert!(backend.orphaned_leases().await.unwrap().is_empty(), "every lease has its server");
    for one in records(&backend).await {
        let interrupted = one.message.is_some_and(|text| text.contains("interrupted"));
        assert_eq!(interrupted, one.share_server.status == Error, "{}", one.share_server.id);
    }
    at_once(&backend, [there, with, without].concat(), tear_down).await;
    assert!(records(&backend).await.is_empty());
    assert_free(&backend, ADDRESSES).await;
}
