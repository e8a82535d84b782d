//! Whole lives by commands, with the reference driver: every interface of the contract has its
//! commands, and each is walked through here with what it answers, refuses and leaves.

mod access;
mod errors;
mod groups;
mod managing;
mod migration;
mod networks;
mod replicas;
mod servers;

use serde_json::Value;

use crate::support::{Desk, Ground, component};

/// The text of a configuration with the backend `dummy`, which more options may follow.
fn configuration(ground: &Ground) -> String {
    ground.write("dummy.policy.toml", "schema = 1\ndriver = \"dummy\"\n");
    Desk::text(ground, "dummy", &component("abaca-driver-dummy"))
}

/// A desk with the backend `dummy`, without share servers.
fn desk(ground: &Ground) -> Desk {
    Desk::with(ground, &configuration(ground))
}

/// A desk with the backend `dummy`, with share servers, whose addresses are 10.7.0.10 to 12.
fn serving(ground: &Ground) -> Desk {
    let text = configuration(ground).replace("share_servers = false", "share_servers = true");
    let network = "standalone_network_plugin_gateway = \"10.7.0.1\"\n\
                   standalone_network_plugin_mask = \"24\"\n\
                   standalone_network_plugin_network_type = \"vlan\"\n\
                   standalone_network_plugin_segmentation_id = 42\n\
                   standalone_network_plugin_allowed_ip_ranges = [\"10.7.0.10-10.7.0.12\"]\n";
    Desk::with(ground, &(text + network))
}

/// The same desk, whose servers need no addresses: what a call says of their network holds then.
fn without_leases(ground: &Ground) -> Desk {
    let text = std::fs::read_to_string(&serving(ground).file).unwrap();
    Desk::with(ground, &(text + "dummy_network_allocations = 0\n"))
}

/// The same desk, whose driver answers an error that is asked for.
fn failing(desk: &Desk, request: &str) -> Desk {
    let text = std::fs::read_to_string(&desk.file).unwrap();
    let file = desk.file.with_file_name("failing.toml");
    std::fs::write(&file, format!("{text}dummy_fail = {request:?}\n")).unwrap();
    desk.beside(file)
}

/// A field of what a command answered.
fn text<'a>(document: &'a Value, field: &str) -> &'a str {
    document[field].as_str().unwrap_or_else(|| panic!("no text `{field}` in {document}"))
}

/// A list of what a command answered.
fn list<'a>(document: &'a Value, field: &str) -> &'a [Value] {
    document[field].as_array().unwrap_or_else(|| panic!("no list `{field}` in {document}"))
}
