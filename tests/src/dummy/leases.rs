//! Leases: what drivers may lease by themselves, through the import, and what backends lease from
//! one network, in one process and in several.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use abaca::types::{Error as DriverError, SetupError};
use abaca::{Backend, Error, Limits, OptionValue};
use serde_json::Value;

use super::servers::{info, set_up};
use super::{open_in, pair, serving, text, value};
use crate::support::{Ground, load, runtime, share};

const RANGE: &str = "10.7.0.10-10.7.0.14";

/// Makes the driver lease two more addresses for each share server.
const TWO_MORE: (&str, OptionValue) = ("dummy_more_allocations", OptionValue::Integer(2));

/// What is leased, as `server address`.
async fn leases(backend: &Backend) -> Vec<String> {
    let leases = backend.orphaned_leases().await.unwrap().into_iter();
    leases.map(|one| format!("{} {}", one.server_id, one.allocation.ip_address)).collect()
}

/// The audit's lines about an import, of one kind.
fn audited(ground: &Ground, backend: &str, event: &str, import: &str) -> Vec<Value> {
    let lines = ground.audit(backend).into_iter();
    lines.filter(|line| line["event"] == event && line["import"] == import).collect()
}

#[tokio::test]
async fn a_driver_leases_more_while_it_sets_up_a_server() {
    let ground = Ground::new();
    let backend = serving(&ground, RANGE, &[TWO_MORE]).await;
    let server = set_up(&backend, "one").await;
    let details = &server.backend_details;
    assert_eq!(value(details, "address"), Some("10.7.0.10"));
    assert_eq!(value(details, "more_addresses"), Some("10.7.0.11,10.7.0.12"));
    let two = backend.allocate_network("two", None, Some(2)).await.unwrap();
    assert_eq!(two[0].ip_address, "10.7.0.13", "the others are taken");
    backend.deallocate_network("two").await.unwrap();
    // In the call that tears it down it may end what it has.
    backend.teardown_server(&server, &[]).await.unwrap();
    let all = backend.allocate_network("all", None, Some(5)).await.unwrap();
    assert_eq!(all[0].ip_address, "10.7.0.10");
    for import in ["network.allocate", "network.deallocate"] {
        assert_eq!(audited(&ground, "dummy", "outcome", import).len(), 1, "{import}");
    }

    // What it leased goes with a setup that fails afterwards.
    backend.deallocate_network("all").await.unwrap();
    let failing = pair("fail", "setup-server:backend-failed");
    backend.setup_server(info("three"), &[failing]).await.unwrap_err();
    assert_eq!(leases(&backend).await, [""; 0]);
}

#[tokio::test]
async fn a_call_leases_so_often_and_no_more() {
    let ground = Ground::new();
    let times = |times| [TWO_MORE, ("dummy_allocate_times", OptionValue::Integer(times))];
    let backend = serving(&ground, RANGE, &times(64)).await;
    let one = set_up(&backend, "one").await;
    backend.teardown_server(&one, &[]).await.unwrap();
    let backend = serving(&ground, RANGE, &times(65)).await;
    let refused = backend.setup_server(info("two"), &[]).await.unwrap_err().to_string();
    assert!(refused.contains("64 requests about addresses in one call"), "{refused}");
    assert_eq!(audited(&ground, "dummy", "outcome", "network.allocate").len(), 64 + 65);
}

#[tokio::test]
async fn no_driver_leases_for_another_server() {
    let ground = Ground::new();
    let backend = serving(&ground, RANGE, &[]).await;
    backend.allocate_network("other", None, Some(1)).await.unwrap();
    let straying = [TWO_MORE, ("dummy_allocate_for", text("other"))];
    let straying = serving(&ground, RANGE, &straying).await;
    match straying.setup_server(info("one"), &[]).await {
        Err(Error::Driver(DriverError::Denied(denial)))
        | Err(Error::Setup(SetupError { error: DriverError::Denied(denial), .. })) => {
            assert!(denial.reason.contains("its own share server"), "{denial:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(audited(&ground, "dummy", "denied", "network.allocate").len(), 1);
    assert_eq!(leases(&backend).await, ["other 10.7.0.10"]);
}

#[tokio::test]
async fn no_other_call_leases_or_ends_leases() {
    let ground = Ground::new();
    let driver = load(&runtime(Limits::default()), "abaca-guest-hostile").await;
    let network = [
        ("standalone_network_plugin_gateway", text("10.7.0.1")),
        ("standalone_network_plugin_mask", text("24")),
    ];
    let policy = "schema = 1\ndriver = \"hostile\"\n";
    let backend = ground.backend("hostile", driver, policy, &network).await;
    backend.allocate_network("one", None, Some(1)).await.unwrap();
    for verb in ["allocate", "deallocate"] {
        for server in ["one", "two", "", "a\nb"] {
            let mut attack = share("attack", 1);
            let word = |at: &str, word: &str| pair(&format!("argument{at}"), word);
            attack.metadata = vec![pair("attack", "network"), word("1", verb), word("2", server)];
            let answer = backend.create_share(&attack, None).await.unwrap();
            assert!(answer[0].path.starts_with("err:Error::Denied"), "{verb} {server}: {answer:?}");
        }
        let import = format!("network.{verb}");
        assert_eq!(audited(&ground, "hostile", "denied", &import).len(), 4);
    }
    assert_eq!(leases(&backend).await, ["one 10.7.0.2"]);
}

/// A backend on the network `storage`, which others may be on too.
async fn on_storage(ground: &Path, name: &str, ranges: &str) -> Backend {
    let network = BTreeMap::from([
        ("standalone_network_plugin_gateway".to_owned(), text("10.7.0.1")),
        ("standalone_network_plugin_mask".to_owned(), text("16")),
        (
            "standalone_network_plugin_allowed_ip_ranges".to_owned(),
            OptionValue::TextList(vec![ranges.to_owned()]),
        ),
    ]);
    let options = [
        ("driver_handles_share_servers", OptionValue::Boolean(true)),
        ("network_config_group", text("storage")),
    ];
    let networks = BTreeMap::from([("storage".to_owned(), network)]);
    open_in(ground, name, &options, networks).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_backends_on_one_network_share_no_address() {
    let ground = Ground::new();
    let range = "10.7.0.10-10.7.0.49";
    let backends = [
        on_storage(ground.path(), "one", range).await,
        on_storage(ground.path(), "two", range).await,
    ];
    // Both have servers of the same identifiers, and all are set up at once.
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let backend = backends[number % 2].clone();
        tasks.spawn(async move { set_up(&backend, &format!("server-{}", number / 2)).await });
    }
    let servers = tasks.join_all().await;
    let addresses: BTreeSet<_> =
        servers.iter().map(|one| one.network_allocations[0].ip_address.clone()).collect();
    assert_eq!(addresses.len(), 40);
    for backend in &backends {
        assert!(backend.allocate_network("more", None, None).await.is_err());
        assert_eq!(leases(backend).await, [""; 0], "each knows all servers of its own");
    }
    // What one gives back, the other can have.
    let [one, two] = &backends;
    let given = servers.iter().find(|server| server.host == "one").unwrap();
    one.teardown_server(given, &[]).await.unwrap();
    let more = two.allocate_network("more", None, None).await.unwrap();
    assert_eq!(more[0].ip_address, given.network_allocations[0].ip_address);
}

/// Where the process below finds the ground, which backend it is, and how many servers it wants.
const GROUND: &str = "ABACA_TEST_GROUND";
const NAME: &str = "ABACA_TEST_BACKEND";
const SERVERS: &str = "ABACA_TEST_SERVERS";

/// The addresses of the whole network, but for those below.
const MANY: &str = "10.7.1.0-10.7.255.254";

#[tokio::test]
#[ignore = "a process of its own, which the test below starts"]
async fn a_process_that_leases() {
    let variable = |name| std::env::var(name).expect(name);
    let ground = PathBuf::from(variable(GROUND));
    let backend = on_storage(&ground, &variable(NAME), MANY).await;
    for number in 0..variable(SERVERS).parse().unwrap() {
        backend.allocate_network(&format!("server-{number}"), None, Some(2)).await.unwrap();
        eprintln!("leased {number}");
    }
}

fn process(ground: &Ground, name: &str, servers: u32) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "--nocapture", "dummy::leases::a_process_that_leases"]);
    command.env(GROUND, ground.path()).env(NAME, name).env(SERVERS, servers.to_string());
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[tokio::test]
async fn processes_share_no_address_and_one_that_is_killed_leaves_whole_leases() {
    let ground = Ground::new();
    let (endless, some) = (10_000, 20);
    let mut killed = process(&ground, "killed", endless);
    let mut other = process(&ground, "other", some);
    // In the middle of its work: it has leased, and wants much more.
    let mut said = String::new();
    let mut lines = BufReader::new(killed.stderr.take().unwrap());
    while said.matches("leased").count() <= 10 {
        assert_ne!(lines.read_line(&mut said).unwrap(), 0, "it ended by itself:\n{said}");
    }
    killed.kill().unwrap();
    assert_eq!(killed.wait().unwrap().code(), None, "it did not end by itself");
    assert!(other.wait().unwrap().success());

    let mut addresses = BTreeSet::new();
    let mut count = 0;
    for (name, at_least) in [("killed", 11), ("other", some as usize)] {
        let backend = on_storage(ground.path(), name, MANY).await;
        let mut servers: BTreeMap<String, u32> = BTreeMap::new();
        for lease in backend.orphaned_leases().await.unwrap() {
            *servers.entry(lease.server_id).or_default() += 1;
            addresses.insert(lease.allocation.ip_address);
            count += 1;
        }
        assert!(servers.len() >= at_least, "{name}: {}", servers.len());
        assert!(servers.values().all(|leased| *leased == 2), "{name}: {servers:?}");
    }
    assert_eq!(addresses.len(), count, "no address is leased twice");
    // They are the lowest, and the next one follows them.
    let next =
        on_storage(ground.path(), "next", MANY).await.allocate_network("one", None, Some(1)).await;
    let mut lowest = (256..).map(|at: usize| format!("10.7.{}.{}", at / 256, at % 256));
    assert_eq!(lowest.clone().take(count).collect::<BTreeSet<_>>(), addresses);
    assert_eq!(next.unwrap()[0].ip_address, lowest.nth(count).unwrap());
}
