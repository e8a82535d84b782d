//! Every method and option of upstream's share driver has its place here, and the README says
//! which. `ABACA_UPDATE_README=1` writes the table anew.

use std::fs;
use std::path::PathBuf;

use abaca::Interface;
use abaca::options::common;

/// What upstream has, as `method NAME` and `option NAME`.
const UPSTREAM: &str = include_str!("../data/upstream-methods.txt");

const BEGIN: &str = "<!-- upstream's methods: written by tests/src/methods.rs -->";
const END: &str = "<!-- end of upstream's methods -->";

/// Methods that are functions of an interface of their own name, by interface.
const FUNCTIONS: &[(Interface, &[&str])] = &[
    (Interface::Backend, &["do_setup", "check_for_setup_error", "get_share_stats"]),
    (Interface::Shares, &["create_share", "delete_share", "ensure_share"]),
    (Interface::Pools, &["get_pool"]),
    (Interface::Extending, &["extend_share"]),
    (Interface::Shrinking, &["shrink_share"]),
    (Interface::Snapshots, &["create_snapshot", "delete_snapshot"]),
    (Interface::Clones, &["create_share_from_snapshot"]),
    (Interface::Access, &["update_access"]),
    (Interface::AccessByRule, &["allow_access", "deny_access"]),
    (Interface::Managing, &["manage_existing", "unmanage"]),
    (Interface::ManagingSnapshots, &["manage_existing_snapshot", "unmanage_snapshot"]),
    (
        Interface::ShareServers,
        &[
            "get_network_allocations_number",
            "get_admin_network_allocations_number",
            "setup_server",
            "teardown_server",
            "get_share_server_pools",
        ],
    ),
    (
        Interface::ServerChoice,
        &["choose_share_server_compatible_with_share", "choose_share_server_compatible_with_cg"],
    ),
    (
        Interface::ConsistencyGroups,
        &[
            "create_consistency_group",
            "create_consistency_group_from_cgsnapshot",
            "delete_consistency_group",
            "create_cgsnapshot",
            "delete_cgsnapshot",
        ],
    ),
    (
        Interface::Replication,
        &["create_replica", "delete_replica", "promote_replica", "update_replica_state"],
    ),
    (
        Interface::ReplicatedSnapshots,
        &["create_replicated_snapshot", "delete_replicated_snapshot", "update_replicated_snapshot"],
    ),
    (
        Interface::Migration,
        &[
            "migration_start",
            "migration_complete",
            "migration_cancel",
            "migration_get_progress",
            "migration_get_driver_info",
        ],
    ),
    (Interface::MigrationInfo, &["migration_get_info"]),
    (Interface::PeriodicHook, &["get_periodic_hook_data"]),
];

/// Where a method is that is no function of an interface of its own name. An empty place is none, and
/// `note` says why.
struct Elsewhere {
    method: &'static str,
    interface: &'static str,
    sdk: &'static str,
    library: &'static str,
    note: &'static str,
}

const fn elsewhere(
    method: &'static str,
    [interface, sdk, library]: [&'static str; 3],
    note: &'static str,
) -> Elsewhere {
    Elsewhere { method, interface, sdk, library, note }
}

const ELSEWHERE: &[Elsewhere] = &[
    elsewhere("init_execute_mixin", ["", "", ""], "nothing to prepare: `command` is an import"),
    elsewhere("set_execute", ["", "", ""], "nobody chooses how commands run: the broker runs them"),
    elsewhere(
        "_try_execute",
        ["command", "command::Command::retry", ""],
        "an import, with `retry`",
    ),
    elsewhere("init_ganesha_mixin", ["", "", "options::common"], "the options `ganesha_*`"),
    elsewhere(
        "admin_network_api",
        ["network", "network::allocate", "network::NetworkProvider"],
        "the option `admin_network_config_group`, or a service's own provider",
    ),
    elsewhere(
        "driver_handles_share_servers",
        ["", "config::get", "Backend::driver_handles_share_servers"],
        "an option",
    ),
    elsewhere(
        "replication_domain",
        ["", "config::get", "BackendStats::replication_domain"],
        "an option",
    ),
    elsewhere(
        "_verify_share_server_handling",
        ["backend", "Description::share_server_modes", "Backend::open"],
        "a mode that the driver lacks is refused",
    ),
    elsewhere("_get_mount_command", ["", "", "Backend::migration_get_info"], "its default"),
    elsewhere("_get_mount_export", ["", "", "Backend::migration_get_info"], "its default"),
    elsewhere("_get_unmount_command", ["", "", "Backend::migration_get_info"], "its default"),
    elsewhere(
        "allocate_network",
        ["network", "network::allocate", "Backend::allocate_network"],
        "an import; the library calls it around `setup-server`",
    ),
    elsewhere(
        "allocate_admin_network",
        ["network", "network::allocate", "Backend::allocate_admin_network"],
        "an import; the library calls it around `setup-server`",
    ),
    elsewhere(
        "deallocate_network",
        ["network", "network::deallocate", "Backend::deallocate_network"],
        "an import; the library calls it after `teardown-server`",
    ),
    elsewhere(
        "_setup_server",
        ["share-servers", "ShareServers::setup_server", "Backend::setup_server"],
        "what a driver does of `setup_server`",
    ),
    elsewhere(
        "_teardown_server",
        ["share-servers", "ShareServers::teardown_server", "Backend::teardown_server"],
        "what a driver does of `teardown_server`",
    ),
    elsewhere(
        "_has_redefined_driver_methods",
        ["", "export!", "Driver::offers"],
        "the exports are the capabilities",
    ),
    elsewhere(
        "snapshots_are_supported",
        ["", "export!", "BackendStats::snapshot_support"],
        "`snapshots` and `clones` are exported",
    ),
    elsewhere(
        "_update_share_stats",
        ["backend", "Backend::get_share_stats", "Backend::get_share_stats"],
        "the library merges the common fields",
    ),
];

fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn upstream(kind: &str) -> Vec<&'static str> {
    UPSTREAM.lines().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' ')).collect()
}

/// The row of a method, or none.
fn row(method: &str) -> Option<String> {
    let code = |place: &str| match place {
        "" => String::new(),
        place => format!("`{place}`"),
    };
    if let Some(one) = ELSEWHERE.iter().find(|one| one.method == method) {
        let [interface, sdk, library] = [one.interface, one.sdk, one.library].map(code);
        let (door, note) = (door(method), one.note);
        return Some(format!("| `{method}` | {interface} | {sdk} | {library} | {door} | {note} |"));
    }
    let (interface, _) = FUNCTIONS.iter().find(|(_, methods)| methods.contains(&method))?;
    let (name, door) = (trait_name(*interface), door(method));
    Some(format!(
        "| `{method}` | `{interface}` | `{name}::{method}` | `Backend::{method}` | {door} | |"
    ))
}

/// The trait in the SDK of an interface: the same word.
fn trait_name(interface: Interface) -> String {
    let words = interface.name().split('-').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}

/// The method's name at the door, where it has one.
fn door(method: &str) -> String {
    let there = abaca::door::methods().any(|one| one.name == method);
    if there { format!("`{method}`") } else { String::new() }
}

#[test]
fn every_method_of_upstream_has_a_row_in_the_readme() {
    let methods = upstream("method");
    assert!(methods.len() >= 60, "{} methods", methods.len());
    let mut table = String::from(
        "| upstream | interface | SDK | library | JSON-RPC | |\n|---|---|---|---|---|---|\n",
    );
    for method in methods {
        table += &row(method).unwrap_or_else(|| panic!("{method} has no row"));
        table.push('\n');
    }
    let file = workspace().join("README.md");
    let readme = fs::read_to_string(&file).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has the table's place");
    let (found, after) = rest.split_once(END).expect("the table's place has an end");
    let wanted = format!("\n{table}");
    if std::env::var_os("ABACA_UPDATE_README").is_some() {
        fs::write(&file, format!("{before}{BEGIN}{wanted}{END}{after}")).unwrap();
    } else {
        assert_eq!(found, wanted, "run this test with ABACA_UPDATE_README=1");
    }
}

/// A row names functions; each is really there, in the contract, in the SDK, in the library and at
/// the door.
#[test]
fn every_row_tells_the_truth() {
    for (interface, methods) in FUNCTIONS {
        let wit = workspace().join(format!("wit/driver/{interface}.wit"));
        let wit = fs::read_to_string(wit).unwrap();
        let room = interface.name().replace('-', "_");
        let rooms: String = match interface {
            Interface::Backend => ["setup", "stats"].map(library).concat(),
            _ => library(&room),
        };
        let sdk = read(&format!("guest-sdk/src/{room}.rs"));
        let name = trait_name(*interface);
        for method in *methods {
            let kebab = method.replace('_', "-");
            assert!(wit.contains(&format!("    {kebab}: func(")), "{kebab} is not in {interface}");
            let function = format!("pub async fn {method}(");
            assert!(rooms.contains(&function), "{method} is not in backend/{room}.rs");
            assert!(!door(method).is_empty(), "{method} is not at the door");
            // The driver that implements all of them is compiled against the SDK: a trait or a
            // function that is not there has no implementation.
            let implemented = read(&format!("drivers/dummy/src/{room}.rs"));
            let (_, body) = implemented.split_once(&format!("impl {name} for Dummy {{")).unwrap();
            let body = body.split_once("\n}\n").unwrap().0;
            assert!(body.contains(&format!("fn {method}(")), "{name}::{method} is not in the SDK");
        }
        let sdk: String = sdk.split_whitespace().collect();
        assert!(sdk.contains(&format!("interface!({name},")), "{name} is not in the SDK");
    }
}

/// The other rows too: what each names is declared where it says.
#[test]
fn every_row_of_what_is_elsewhere_tells_the_truth() {
    let declares = |place: &str, files: &[&str]| {
        let name = place.rsplit("::").next().unwrap().trim_end_matches('!');
        let text: String = files.iter().map(|file| read(file)).collect();
        let declared = [
            format!("fn {name}("),
            format!("fn {name}<"),
            format!("pub {name}: "),
            format!("trait {name}"),
            format!("macro_rules! {name} "),
        ];
        assert!(declared.iter().any(|one| text.contains(one)), "{place} is not in {files:?}");
    };
    for one in ELSEWHERE {
        match one.interface {
            "" => assert!(!one.note.is_empty(), "{}", one.method),
            import @ ("command" | "network") => {
                assert!(workspace().join(format!("wit/host/{import}.wit")).is_file());
            }
            interface => assert!(workspace().join(format!("wit/driver/{interface}.wit")).is_file()),
        }
        match one.sdk {
            "" => {}
            place @ ("ShareServers::setup_server" | "ShareServers::teardown_server") => {
                declares(place, &["drivers/dummy/src/share_servers.rs"]);
            }
            "Backend::get_share_stats" => declares(one.sdk, &["drivers/dummy/src/backend.rs"]),
            place => {
                let room = place.split("::").next().unwrap();
                let file = match room {
                    "Description" => "guest-sdk/src/describe.rs".to_owned(),
                    "export!" => "guest-sdk/src/interface.rs".to_owned(),
                    room => format!("guest-sdk/src/{room}.rs"),
                };
                declares(place, &[&file]);
            }
        }
        let files: &[&str] = match one.library.split("::").next().unwrap() {
            "" => continue,
            "Backend" => &[
                "runtime/host/src/backend.rs",
                "runtime/host/src/backend/migration_info.rs",
                "runtime/host/src/backend/share_servers.rs",
                "runtime/host/src/backend/stats.rs",
            ],
            "BackendStats" => &["runtime/host/src/backend/stats.rs"],
            "Driver" => &["runtime/host/src/driver.rs"],
            "network" => &["runtime/host/src/network.rs"],
            "options" => &["runtime/host/src/options/common.rs"],
            other => panic!("{other}"),
        };
        declares(one.library, files);
    }
}

fn read(file: &str) -> String {
    fs::read_to_string(workspace().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn library(room: &str) -> String {
    read(&format!("runtime/host/src/backend/{room}.rs"))
}

#[test]
fn every_option_of_upstream_is_declared() {
    let declared = common();
    for option in upstream("option") {
        assert!(declared.iter().any(|one| one.name == option), "{option} is not declared");
    }
}
