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

/// Methods that have another place, and where that is.
const ELSEWHERE: &[(&str, &str)] = &[
    ("init_execute_mixin", "nothing to prepare: `command` is an import"),
    ("set_execute", "nobody chooses how commands run: the broker runs them"),
    ("_try_execute", "`command.run` with `retry`; `Command::retry` in the SDK"),
    ("init_ganesha_mixin", "the options `ganesha_*`"),
    ("admin_network_api", "the option `admin_network_config_group`; `NetworkProvider`"),
    ("driver_handles_share_servers", "`Backend::driver_handles_share_servers`"),
    ("replication_domain", "the option of that name, in `BackendStats`"),
    ("_verify_share_server_handling", "`Backend::open` refuses a mode that the driver lacks"),
    ("_get_mount_command", "`Backend::migration_get_info`"),
    ("_get_mount_export", "`Backend::migration_get_info`"),
    ("_get_unmount_command", "`Backend::migration_get_info`"),
    ("allocate_network", "`Backend::allocate_network`; the import `network`"),
    ("allocate_admin_network", "`Backend::allocate_admin_network`; the import `network`"),
    ("deallocate_network", "`Backend::deallocate_network`; the import `network`"),
    ("_setup_server", "`share-servers`: `setup-server`"),
    ("_teardown_server", "`share-servers`: `teardown-server`"),
    ("_has_redefined_driver_methods", "the exports are the capabilities"),
    (
        "snapshots_are_supported",
        "`snapshots` and `clones` exported; `BackendStats::snapshot_support`",
    ),
    ("_update_share_stats", "`Backend::get_share_stats` merges the common fields"),
];

fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn upstream(kind: &str) -> Vec<&'static str> {
    UPSTREAM.lines().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' ')).collect()
}

/// The row of a method, or none.
fn row(method: &str) -> Option<String> {
    if let Some((_, place)) = ELSEWHERE.iter().find(|(name, _)| *name == method) {
        return Some(format!("| `{method}` | {place} | | | {} |", door(method)));
    }
    let (interface, _) = FUNCTIONS.iter().find(|(_, methods)| methods.contains(&method))?;
    let words = interface.name().split('-').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    let name: String = words.collect();
    Some(format!(
        "| `{method}` | `{interface}` | `{name}::{method}` | `Backend::{method}` | {} |",
        door(method)
    ))
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
        "| upstream | interface | SDK | library | JSON-RPC |\n|---|---|---|---|---|\n",
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

/// A row names functions; each is really there, in the contract, in the library and at the door.
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
        for method in *methods {
            let kebab = method.replace('_', "-");
            assert!(wit.contains(&format!("    {kebab}: func(")), "{kebab} is not in {interface}");
            let function = format!("pub async fn {method}(");
            assert!(rooms.contains(&function), "{method} is not in backend/{room}.rs");
            assert!(!door(method).is_empty(), "{method} is not at the door");
        }
    }
}

fn library(room: &str) -> String {
    let file = workspace().join(format!("runtime/host/src/backend/{room}.rs"));
    fs::read_to_string(file).unwrap()
}

#[test]
fn every_option_of_upstream_is_declared() {
    let declared = common();
    for option in upstream("option") {
        assert!(declared.iter().any(|one| one.name == option), "{option} is not declared");
    }
}
