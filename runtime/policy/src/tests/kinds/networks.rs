//! Addresses and networks.

use super::{covers, faulty, meet, one, refuses, takes};

#[test]
fn an_address_has_one_spelling() {
    let ip = "{ ip = {} }";
    takes(ip, &[("10.0.0.1", "10.0.0.1"), ("FE80:0::1", "fe80::1"), ("::", "::")]);
    takes(ip, &[("64:ff9b::10.0.0.1", "64:ff9b::a00:1")]);
    refuses(
        ip,
        &[
            "",
            "10.0.0",
            "10.0.0.01",
            "010.0.0.1",
            "10.0.0.256",
            "0x0a000001",
            "167772161",
            "10.0.0.1/32",
            "::ffff:10.0.0.1",
            "::FFFF:a00:1",
            "fe80::1%eth0",
            "[::1]",
            "1::2::3",
            "localhost",
            "-1",
            " ::1",
            "10.0.0.1 ",
            "１０.0.0.1",
            "*",
        ],
    );
}

#[test]
fn an_address_lies_within_the_networks() {
    let ip = |within: &str| format!("{{ ip = {{ within = [{within}] }} }}");
    let tenant = ip("\"10.1.0.0/16\", \"fd00:1::/32\"");
    takes(&tenant, &[("10.1.255.255", "10.1.255.255"), ("fd00:1::a", "fd00:1::a")]);
    refuses(&tenant, &["10.2.0.0", "10.0.255.255", "fd00:2::a", "::10.1.0.0"]);
    for (within, said) in [
        ("", "names no network"),
        ("\"10.0.0.1/8\"", "is no network"),
        ("\"10.0.0.0\"", "is no network"),
        ("\"::ffff:10.0.0.0/104\"", "is no network"),
        ("\"10.0.0.0/8\", \"10.0.0.0/8\"", "twice"),
    ] {
        faulty(&ip(within), said);
    }
    assert!(meet(&tenant, &ip("\"10.0.0.0/8\"")));
    assert!(!meet(&tenant, &ip("\"10.2.0.0/16\", \"fd00:2::/32\"")));
    assert!(covers("{ ip = {} }", &tenant) && !covers(&tenant, "{ ip = {} }"));
    assert!(covers(&ip("\"10.0.0.0/9\", \"10.128.0.0/9\""), &ip("\"10.0.0.0/8\"")));
    assert!(covers(&tenant, "\"10.1.0.1\"") && !covers(&tenant, "\"10.2.0.1\""));
    assert!(!covers(&tenant, "\"FD00:1::a\""), "it would run in lower case");
}

#[test]
fn a_network_has_no_host_bits_and_a_prefix_between_bounds() {
    let cidr =
        "{ cidr = { within = [\"10.0.0.0/8\", \"fd00::/8\"], min-prefix = 16, max-prefix = 64 } }";
    takes(cidr, &[("10.1.0.0/16", "10.1.0.0/16"), ("10.1.2.3/32", "10.1.2.3/32")]);
    takes(cidr, &[("FD00:0::/16", "fd00::/16")]);
    refuses(
        cidr,
        &[
            "",
            "10.1.0.0",
            "10.1.0.0/",
            "10.0.0.0/8",
            "10.1.0.1/16",
            "11.1.0.0/16",
            "10.1.0.0/016",
            "10.1.0.0/33",
            "fd00::/8",
            "fd00::1/128",
            "::ffff:10.1.0.0/112",
            "10.1.0.0/255.255.0.0",
            "10.1.0.0/16,10.2.0.0/16",
        ],
    );
}

#[test]
fn a_list_holds_networks_and_addresses() {
    let list = |within: &str, separator: &str| {
        format!("{{ cidr = {{ within = [{within}], form = \"netmask\", list = {separator:?} }} }}")
    };
    let tens = list("\"10.0.0.0/8\"", ":");
    takes(
        &tens,
        &[
            ("10.0.0.1", "10.0.0.1"),
            ("10.1.0.0/24", "10.1.0.0/255.255.255.0"),
            ("10.0.0.1:10.1.0.0/16:10.0.0.2", "10.0.0.1:10.1.0.0/255.255.0.0:10.0.0.2"),
        ],
    );
    refuses(&tens, &["", ":", "10.0.0.1:", "10.0.0.1:11.0.0.1", "10.0.0.1,10.0.0.2", "10.1.0.0/7"]);
    let one = "{ cidr = { within = [\"10.1.0.0/16\"], form = \"netmask\" } }";
    assert!(covers(&tens, one) && covers(&tens, &tens) && !covers(one, &tens));
    assert!(!covers(&tens, &list("\"10.0.0.0/8\"", ",")) && meet(&tens, one));
    assert!(!covers(&list("\"10.1.0.0/16\"", ":"), &tens));
    faulty(&list("\"10.0.0.0/8\"", ";"), "separator");
    faulty(&list("\"10.0.0.0/8\"", "  "), "separator");
    let six = "{ cidr = { within = [\"fd00::/8\"], list = \":\" } }";
    faulty(six, "hold colons");
    takes(&six.replace("\":\"", "\",\""), &[("fd00::1,fd01::/16", "fd00::1,fd01::/16")]);
}

/// A list, each of which ends in one of some texts.
fn ending(within: &str, separator: &str, suffixes: &[&str]) -> String {
    format!(
        "{{ cidr = {{ within = [{within}], form = \"netmask\", list = {separator:?}, \
         suffix = {suffixes:?} }} }}"
    )
}

#[test]
fn each_of_a_list_ends_in_a_suffix() {
    let (rw, ro) = (":rw,no_root_squash", ":ro,no_root_squash");
    let both = ending("\"10.0.0.0/8\"", " ", &[rw, ro]);
    takes(
        &both,
        &[
            ("10.0.0.1:rw,no_root_squash", "10.0.0.1:rw,no_root_squash"),
            (
                "10.1.0.0/24:ro,no_root_squash 10.0.0.1:rw,no_root_squash",
                "10.1.0.0/255.255.255.0:ro,no_root_squash 10.0.0.1:rw,no_root_squash",
            ),
            (
                "10.1.0.0/255.255.255.0:ro,no_root_squash",
                "10.1.0.0/255.255.255.0:ro,no_root_squash",
            ),
        ],
    );
    refuses(
        &both,
        &[
            "",
            " ",
            "10.0.0.1",
            "10.0.0.1:",
            "10.0.0.1:rw",
            ":rw,no_root_squash",
            "-:rw,no_root_squash",
            "*:rw,no_root_squash",
            "11.0.0.1:rw,no_root_squash",
            "10.0.0.1:rw,no_root_squash ",
            " 10.0.0.1:rw,no_root_squash",
            "10.0.0.1 :rw,no_root_squash",
            "10.0.0.1:rw,no_root_squash  10.0.0.2:rw,no_root_squash",
            "10.0.0.1:rw,no_root_squash\t10.0.0.2:rw,no_root_squash",
            "10.0.0.1:rw,no_root_squash\n10.0.0.2:rw,no_root_squash",
            "10.0.0.1:rw,no_root_squash 10.0.0.2",
            "10.0.0.1:rw,no_root_squash,10.0.0.2:rw,no_root_squash",
            "10.0.0.1:rw,no_root_squash:ro,no_root_squash",
            "10.0.0.1:rw,no_root_squash;id",
            "10.0.0.1:RW,no_root_squash",
            "10.0.0.1\u{202E}:rw,no_root_squash",
            "10.0.0.1/33:rw,no_root_squash",
        ],
    );
    // One that is the end of another is not read for it.
    let within = ending("\"10.0.0.0/8\"", ",", &[":w", ":r:w"]);
    takes(&within, &[("10.0.0.1:w,10.0.0.1:r:w", "10.0.0.1:w,10.0.0.1:r:w")]);
    refuses(&within, &["10.0.0.1:r", "10.0.0.1:w:w", "10.0.0.1:r:r:w"]);
    let plain = both.replace(&format!(", suffix = [{rw:?}, {ro:?}]"), "");
    takes(&plain, &[("10.0.0.1 10.1.0.0/24", "10.0.0.1 10.1.0.0/255.255.255.0")]);
    refuses(
        &plain,
        &["10.0.0.1  10.0.0.2", "10.0.0.1 ", " 10.0.0.1", "10.0.0.1:rw,no_root_squash"],
    );
    let six = "{ cidr = { within = [\"fd00::/8\"], list = \" \", suffix = [\"(rw)\"] } }";
    takes(six, &[("FD00:0::1(rw) fd00::/16(rw)", "fd00::1(rw) fd00::/16(rw)")]);
}

#[test]
fn suffixes_that_could_be_misread_are_refused() {
    let four = |separator: &str, suffix: &str| ending("\"10.0.0.0/8\"", separator, &[suffix]);
    for (matcher, said) in [
        (four(" ", ""), "must not be empty"),
        (four(" ", ":rw "), "no visible ASCII"),
        (four(",", ":rw,no_root_squash"), "holds what separates"),
        (four(":", ":rw"), "holds what separates"),
        (four(" ", "@:rw").replace('@', "\u{202E}"), "invisible"),
        (four(" ", ":r\u{e9}"), "no visible ASCII"),
        (four(" ", ":\t"), "invisible"),
        (four(" ", "0:rw"), "a character that a network may have"),
        (four(" ", ".:rw"), "a character that a network may have"),
        (four(" ", "/:rw"), "a character that a network may have"),
        (ending("\"10.0.0.0/8\"", " ", &[":rw", ":rw"]), "twice"),
        (ending("\"10.0.0.0/8\"", " ", &[]), "names no text"),
    ] {
        faulty(&matcher, said);
    }
    let six = |suffix: &str| {
        format!("{{ cidr = {{ within = [\"::/0\"], list = \" \", suffix = [{suffix:?}] }} }}")
    };
    for suffix in [":rw", "a", "F"] {
        faulty(&six(suffix), "a character that a network may have");
    }
    assert!(one(&six("-rw")).covers(&one(&six("-rw"))));
    faulty("{ cidr = { within = [\"10.0.0.0/8\"], suffix = [\":rw\"] } }", "of a list");
}

#[test]
fn lists_with_suffixes_meet_and_cover_by_what_they_share() {
    let ten = "\"10.0.0.0/8\"";
    let (rw, ro) = (ending(ten, " ", &[":rw"]), ending(ten, " ", &[":ro"]));
    let both = ending(ten, " ", &[":rw", ":ro"]);
    assert!(covers(&both, &rw) && !covers(&rw, &both) && !covers(&rw, &ro));
    assert!(meet(&both, &rw) && !meet(&rw, &ro));
    assert!(!meet(&rw, &ending("\"11.0.0.0/8\"", " ", &[":rw"])));
    let bare = "{ cidr = { within = [\"10.0.0.0/8\"], form = \"netmask\", list = \" \" } }";
    let single = "{ cidr = { within = [\"10.0.0.0/8\"], form = \"netmask\" } }";
    for other in [bare, single] {
        assert!(!meet(&rw, other) && !covers(&rw, other) && !covers(other, &rw), "{other}");
    }
    assert!(!covers(&both, &ending(ten, ",", &[":rw"])));
    assert!(!meet(&rw, "{ ip = { within = [\"0.0.0.0/0\"] } }") && !meet(&rw, "\"off\""));
    // A suffix may hold what separates the other list, and the rest of a word.
    let colons = "{ cidr = { within = [\"10.0.0.0/8\"], form = \"netmask\", list = \":\" } }";
    let odd = ending(ten, " ", &[":10.0.0.2"]);
    takes(colons, &[("10.0.0.1:10.0.0.2", "10.0.0.1:10.0.0.2")]);
    takes(&odd, &[("10.0.0.1:10.0.0.2", "10.0.0.1:10.0.0.2")]);
    assert!(meet(colons, &odd) && !covers(colons, &odd));
}

#[test]
fn a_network_runs_with_a_netmask_if_the_rule_says_so() {
    let cidr = "{ cidr = { within = [\"10.0.0.0/8\"], form = \"netmask\" } }";
    takes(cidr, &[("10.1.0.0/16", "10.1.0.0/255.255.0.0"), ("10.0.0.0/8", "10.0.0.0/255.0.0.0")]);
    takes(cidr, &[("10.1.0.0/255.255.0.0", "10.1.0.0/255.255.0.0")]);
    refuses(
        cidr,
        &[
            "10.1.0.0/255.0.255.0",
            "10.1.0.1/255.255.0.0",
            "10.0.0.0/0.0.0.0",
            "10.1.0.0/0.0.255.255",
        ],
    );
    takes(
        "{ cidr = { within = [\"0.0.0.0/0\"], form = \"netmask\" } }",
        &[("0.0.0.0/0", "0.0.0.0/0.0.0.0"), ("1.2.3.4/32", "1.2.3.4/255.255.255.255")],
    );
    faulty("{ cidr = { within = [\"::/0\"], form = \"netmask\" } }", "knows no netmasks");
}

#[test]
fn networks_meet_and_cover_by_place_and_prefix() {
    let cidr = |within: &str, min: u32, max: u32| {
        format!(
            "{{ cidr = {{ within = [\"{within}\"], min-prefix = {min}, max-prefix = {max} }} }}"
        )
    };
    faulty(&cidr("10.0.0.0/8", 0, 7), "lies within 10.0.0.0/8");
    faulty(&cidr("10.0.0.0/8", 33, 64), "lies within 10.0.0.0/8");
    faulty("{ cidr = {} }", "needs the key `within`");
    assert!(meet(&cidr("10.0.0.0/8", 8, 16), &cidr("10.1.0.0/16", 16, 32)));
    assert!(!meet(&cidr("10.0.0.0/8", 8, 15), &cidr("10.1.0.0/16", 16, 32)));
    assert!(!meet(&cidr("10.0.0.0/8", 8, 32), &cidr("11.0.0.0/8", 8, 32)));
    assert!(!meet("{ ip = {} }", &cidr("0.0.0.0/0", 32, 32)));
    assert!(covers(&cidr("10.0.0.0/8", 8, 24), &cidr("10.1.0.0/16", 0, 24)));
    assert!(!covers(&cidr("10.0.0.0/8", 8, 24), &cidr("10.1.0.0/16", 0, 32)));
    assert!(!covers(&cidr("10.0.0.0/8", 17, 24), &cidr("10.1.0.0/16", 0, 24)));
    assert!(!covers(&cidr("10.0.0.0/8", 8, 24), &cidr("11.0.0.0/16", 16, 24)));
    let masked = "{ cidr = { within = [\"10.0.0.0/8\"], form = \"netmask\" } }";
    assert!(!covers(&cidr("10.0.0.0/8", 0, 128), masked), "it would run otherwise");
}
