//! Networks as an operator writes them: what is wrong is told with its place, its name, and what
//! would be right.

use super::{configuration, list, serving, without_leases};
use crate::support::{Desk, Ground};

/// A network that could be.
const NET: &str = "[networks.net]\nstandalone_network_plugin_gateway = \"10.7.0.1\"\n\
                   standalone_network_plugin_mask = \"24\"\n";

#[test]
fn a_network_that_cannot_be_is_told_with_its_place() {
    let ground = Ground::new();
    let name = |part: &str, value: &str| format!("standalone_network_plugin_{part} = {value}\n");
    let (gateway, mask) = (name("gateway", "\"10.7.0.1\""), name("mask", "\"24\""));
    let own = |more: String| format!("{gateway}{mask}{more}");
    let section = |more: String| format!("[networks.net]\n{}", own(more));
    for (lines, place, words) in [
        // Of the backend itself; what is missing has the place of the backend.
        (gateway.clone(), "4:1", ["plugin_mask`", "a network needs it"]),
        (name("gateway", "\"10.7\"") + &mask, "10:1", ["plugin_gateway`", "not an IP address"]),
        (gateway.clone() + &name("mask", "\"33\""), "11:1", ["plugin_mask`", "up to 32"]),
        (own(name("allowed_ip_ranges", "[\"10.8.0.1\"]")), "12:1", ["ranges`", "10.7.0.0/24"]),
        (own(name("ip_version", "6")), "12:1", ["plugin_ip_version`", "it is 6"]),
        (own(name("segmentation_id", "7")), "12:1", ["plugin_segmentation_id`", "has none"]),
        (own(name("network_type", "\"ether\"")), "12:1", ["network_type`", "vxlan or gre"]),
        // Networks that are named, and are not there.
        (format!("network_config_group = \"nett\"\n{NET}"), "10:1", ["`nett`", "are `net`"]),
        ("network_config_group = \"nett\"\n".into(), "10:1", ["`nett`", "[networks.nett]"]),
        // Networks that no backend names.
        (section(name("gatewey", "\"a\"")), "13:1", ["network `net`", "plugin_gateway`?"]),
        (section(name("ip_version", "\"4\"")), "13:1", ["network `net`", "a whole number"]),
        (format!("[networks.net]\n{mask}"), "10:11", ["network `net`", "a network needs it"]),
        ("[networks.net]\n".into(), "10:11", ["network `net`", "a network needs it"]),
    ] {
        let desk = Desk::with(&ground, &(configuration(&ground) + &lines));
        let said = desk.fails(2, &["backend", "check"]);
        assert!(said.contains(&format!("abaca.toml:{place}: ")), "{lines}{said}");
        for word in words {
            assert!(said.contains(word), "{lines}{word}: {said}");
        }
        assert!(!said.contains("badly configured"), "{lines}{said}");
    }
    let named = format!("network_config_group = \"net\"\n{NET}");
    Desk::with(&ground, &(configuration(&ground) + &named)).json(&["backend", "check"]);
}

#[test]
fn what_a_call_says_of_a_network_is_said_once() {
    let ground = Ground::new();
    let desk = without_leases(&ground);
    let wrong = ["share-server", "setup", "--network-type", "flat", "--segmentation-id", "7"];
    let said = desk.fails(2, &wrong);
    assert!(said.contains("the network does not fit: it has the segmentation id 7"), "{said}");
}

#[test]
fn the_help_says_what_holds_of_leases() {
    let ground = Ground::new();
    let options = serving(&ground).json(&["backend", "options", "dummy"]);
    let ranges = list(&options, "options")
        .iter()
        .find(|row| row["name"] == "standalone_network_plugin_allowed_ip_ranges")
        .unwrap();
    let help = ranges["help"].as_str().unwrap();
    assert!(help.contains("No address is leased twice among all backends"), "{help}");
}

/// Two backends on a network of six addresses, one of which wants four for each share server.
#[test]
fn a_backend_leases_its_part_and_leaves_the_others() {
    let ground = Ground::new();
    let greedy = configuration(&ground).replace("share_servers = false", "share_servers = true")
        + "network_config_group = \"net\"\ndummy_network_allocations = ";
    let header = greedy.find("[backends.dummy]").unwrap();
    let modest = greedy.split_at(header).1.replace("backends.dummy", "backends.modest");
    let ranges = "standalone_network_plugin_allowed_ip_ranges = [\"10.7.0.10-10.7.0.15\"]\n";
    let net = format!("{NET}{ranges}");
    let desk = |more: &str| Desk::with(&ground, &format!("{greedy}4\n{modest}1\n{net}{more}"));
    let equal = desk("");
    let setup = |backend| ["--backend", backend, "share-server", "setup"];
    let said = equal.fails(2, &setup("dummy"));
    assert!(said.contains("may have 3 addresses of 10.7.0.10-10.7.0.15 and has 0"), "{said}");
    assert!(said.contains("`standalone_network_plugin_max_addresses`"), "{said}");
    for _ in 0..3 {
        equal.json(&setup("modest"));
    }
    let said = equal.fails(2, &setup("modest"));
    assert!(said.contains("has 3, and 1 more are asked for"), "{said}");
    // An operator who trusts both says a number.
    let trusted = desk("standalone_network_plugin_max_addresses = 4\n");
    trusted.json(&setup("modest"));
    let said = trusted.fails(2, &setup("dummy"));
    assert!(said.contains("2 are left"), "{said}");
    let said = desk("standalone_network_plugin_max_addresses = 0\n").fails(2, &setup("modest"));
    assert!(said.contains("it must be from 1"), "{said}");
}
