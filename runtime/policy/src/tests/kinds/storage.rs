//! Datasets and devices: names inside a container that the operator names.

use super::{covers, faulty, meet, refuses, takes};

#[test]
fn a_dataset_lies_directly_below_its_parent() {
    let dataset = "{ dataset = { parent = \"tank/shares\", name = \"n\" } }";
    let snapshot = "{ dataset = { parent = \"tank/shares\", name = \"n\", snapshot = \"d\" } }";
    takes(dataset, &[("tank/shares/abc", "tank/shares/abc")]);
    takes(snapshot, &[("tank/shares/abc@1", "tank/shares/abc@1")]);
    refuses(
        dataset,
        &[
            "",
            "tank",
            "tank/shares",
            "tank/shares/",
            "tank/shares/a/b",
            "tank/shares//a",
            "tank/shares/-a",
            "tank/shares/..",
            "tank/sharesabc",
            "/tank/shares/a",
            "tank/shares/a@1",
            "tank/shares/a#1",
            "tank/shares/a%b",
            "tank/shares/a,b",
            "pond/shares/a",
            "-r",
            "abc",
            "tank/shares/a\u{202E}",
        ],
    );
    refuses(
        snapshot,
        &[
            "tank/shares/abc",
            "tank/shares/abc@",
            "tank/shares/@1",
            "tank/shares/a@1@1",
            "tank/shares@1",
        ],
    );
    assert!(meet(dataset, dataset) && !meet(dataset, snapshot));
    assert!(!meet(dataset, "{ dataset = { parent = \"tank\", name = \"n\" } }"));
    assert!(covers(dataset, dataset) && covers(dataset, "\"tank/shares/abc\""));
    assert!(!covers(dataset, snapshot) && !covers(snapshot, dataset));
}

#[test]
fn a_dataset_may_have_several_parents() {
    let one = |parent: &str| format!("{{ dataset = {{ parent = {parent}, name = \"n\" }} }}");
    let (tank, pond, both) = (one("\"tank\""), one("[\"pond/a\"]"), one("[\"tank\", \"pond/a\"]"));
    takes(&both, &[("tank/abc", "tank/abc"), ("pond/a/abc", "pond/a/abc")]);
    refuses(&both, &["pond/abc", "tank/a/abc", "tank", "pond/a", "lake/abc", "tank/abc@1"]);
    assert!(meet(&both, &tank) && meet(&both, &pond) && !meet(&tank, &pond));
    assert!(covers(&both, &tank) && covers(&both, &pond) && covers(&both, &both));
    assert!(!covers(&tank, &both) && !covers(&pond, &tank));
    faulty(&one("[\"tank\", \"tank/\"]"), "is no dataset");
    faulty(&one("[]"), "names no dataset");
}

#[test]
fn a_dataset_has_a_sound_parent_and_sound_names() {
    for parent in
        ["", "/tank", "tank/", "tank//a", "-tank", "tank/-a", "tank/..", "tank@a", "tank,a"]
    {
        let dataset = format!("{{ dataset = {{ parent = \"{parent}\", name = \"n\" }} }}");
        faulty(&dataset, "is no dataset");
    }
    let names = "rest = \"a-z\"\nmax = 8\n";
    for (rest, said) in [("a-z@", "cannot have"), ("a-z,", "cannot have"), ("a-z_.:-", "")] {
        let source =
            "schema = 1\ndriver = \"d\"\n[types.n]\nfirst = \"a-z\"\nrest = \"a-z\"\nmax = 8\n\
             [[command]]\nid = \"x\"\nprogram = \"/bin/x\"\n\
             args = [{ dataset = { parent = \"tank\", name = \"n\" } }]\n"
                .replace(names, &format!("rest = \"{rest}\"\nmax = 8\n"));
        let fault = crate::Policy::parse(&source, "p.toml").err().map(|error| error.to_string());
        match fault {
            None => assert!(said.is_empty(), "{rest} loads"),
            Some(fault) => assert!(!said.is_empty() && fault.contains(said), "{rest}: {fault}"),
        }
    }
}

#[test]
fn a_device_is_named_in_its_group_and_told_as_the_rule_says() {
    let device = |pass: &str| {
        format!("{{ device = {{ group = \"lvm-shares\", name = \"n\", pass = \"{pass}\" }} }}")
    };
    takes(&device("name"), &[("lvm-shares/abc", "lvm-shares/abc")]);
    takes(&device("dev"), &[("lvm-shares/abc", "/dev/lvm-shares/abc")]);
    takes(&device("mapper"), &[("lvm-shares/abc", "/dev/mapper/lvm--shares-abc")]);
    refuses(
        &device("dev"),
        &[
            "",
            "abc",
            "lvm-shares",
            "lvm-shares/",
            "lvm-shares/-a",
            "lvm-shares/a/b",
            "lvm-shares/..",
            "/dev/lvm-shares/abc",
            "/dev/sda",
            "rootvg/root",
            "lvm-shares/../sda",
            "lvm-sharesabc",
        ],
    );
    for group in ["", "-vg", "/dev/vg", "vg/lv", ".", "v g"] {
        let device =
            format!("{{ device = {{ group = \"{group}\", name = \"n\", pass = \"dev\" }} }}");
        faulty(&device, "no name of a volume group");
    }
    faulty(&device("path"), "allowed: name, dev, mapper");
    assert!(meet(&device("name"), &device("dev")), "they are written alike");
    assert!(covers(&device("dev"), &device("dev")) && !covers(&device("dev"), &device("name")));
    assert!(covers(&device("name"), "\"lvm-shares/abc\""));
    assert!(!covers(&device("dev"), "\"lvm-shares/abc\""), "it would run otherwise");
}

#[test]
fn a_directory_of_a_named_type_may_lie_between() {
    let path =
        |keys: &str| format!("{{ path = {{ root = \"r\", {keys}leaf = \"dir\", name = \"n\" }} }}");
    let (between, beneath) = (path("parent = \"n\", "), path("under = \"u\", parent = \"n\", "));
    takes(&between, &[("r:a/b", "<r>/a/b"), ("r:u/b", "<r>/u/b")]);
    refuses(
        &between,
        &["r:", "r:a", "r:a/b/c", "r:A/b", "r:a/B", "r:../b", "r:/b", "r:a/", "s:a/b"],
    );
    takes(&beneath, &[("r:u/a/b", "<r>/u/a/b")]);
    refuses(&beneath, &["r:a/b", "r:u/b", "r:v/a/b", "r:u/a/b/c"]);
    assert!(covers(&between, &between) && !covers(&path(""), &between));
    assert!(!covers(&between, &path("")) && !covers(&between, &path("under = \"u\", ")));
    // What is between may be what another rule says outright.
    assert!(meet(&between, &path("under = \"u\", ")) && !meet(&between, &path("")));
    assert!(meet(&between, &between) && !meet(&between, &beneath));
    assert!(meet(&beneath, &path("under = \"u/a\", ")));
    assert!(!meet(&beneath, &path("under = \"v/a\", ")));
}
