//! The least policy: what was seen is granted as before, what was not is gone, nothing is more.

use proptest::prelude::*;

use super::properties::line;
use super::{EVERYTHING, everything, words};
use crate::{Direction, GuestPath, LearnError, Learned, Policy, Request, Verb, learn};

const DIRECTORY: &str = include_str!("../../../../drivers/directory/policy.toml");

fn command(line: &[&str]) -> Request {
    Request::Command { program: line[0].to_owned(), args: words(&line[1..]) }
}

fn files(verb: Verb, path: &str) -> Request {
    Request::Files { verb, path: GuestPath::parse_argument(path).unwrap() }
}

fn learnt(source: &str, requests: &[Request]) -> Learned {
    learn(source, "p.toml", requests.iter().cloned()).unwrap_or_else(|error| panic!("{error}"))
}

/// What has become of a rule: `gone`, or each thing that is narrower.
fn told(learned: &Learned, id: &str) -> Vec<String> {
    let change = learned.diff.changes.iter().find(|change| change.id == id);
    let Some(change) = change else { return vec!["the same".to_owned()] };
    if change.direction == Direction::Gone {
        return vec!["gone".to_owned()];
    }
    assert_eq!(change.direction, Direction::Narrower, "{change:#?}");
    let side = |text: &Option<String>| text.clone().unwrap_or_default();
    let differences = change.differences.iter();
    differences.map(|one| format!("{}: {}", one.what, side(&one.to))).collect()
}

#[test]
fn what_was_seen_stays_and_the_rest_goes() {
    let learned = learnt(
        EVERYTHING,
        &[
            command(&["lvcreate", "-L", "1G", "-n", "abc", "--", "vg_shares"]),
            command(&["lvcreate", "-L", "3G", "-n", "a", "--", "vg_shares"]),
            command(&["lvcreate", "-L", "9T", "-n", "a", "--type", "mirror", "--", "vg_shares"]),
            files(Verb::MakeDir, "shares:abc"),
            files(Verb::List, "shares:"),
            files(Verb::Read, "shares:abc"),
        ],
    );
    assert_eq!((learned.granted, learned.denied.len()), (4, 2));
    assert_eq!(told(&learned, "clone"), ["gone"]);
    assert_eq!(told(&learned, "export"), ["gone"]);
    assert_eq!(
        told(&learned, "volume"),
        [
            "argument 2 size.min: 1GiB",
            "argument 2 size.max: 3GiB",
            "argument 4 name.first: a-z",
            "argument 4 name.rest: a-z",
            "argument 4 name.max: 3",
            "argument 5 of before: ",
            "argument 6 of before: ",
        ]
    );
    assert_eq!(
        told(&learned, "share-directories"),
        ["verbs: make-dir", "depth: 1", "name.first: a-z", "name.rest: a-z", "name.max: 3"]
    );
    assert_eq!(told(&learned, "share-root"), ["verbs: list"]);
    assert_eq!(told(&learned, "snapshots"), ["gone"], "a root that nothing uses");
    assert!(!learned.text.contains("[types.snapshot]") && learned.text.contains("[types.share]"));
}

#[test]
fn every_matcher_is_narrowed_to_what_it_took() {
    let source = "schema = 1\ndriver = \"d\"\n[roots.r]\npath = \"/r\"\n\
        # Names of shares.\n[types.n]\nfirst = \"A-Za-z\"\nrest = \"a-z0-9_-\"\nmax = 32\n\
        [types.o]\nfirst = \"o\"\nrest = \"o\"\nmax = 2\n\
        [[command]]\nid = \"it\"\nprogram = \"/bin/x\"\nread = [\"r\"]\nargs = [\n\
        { one-of = [\"a\", \"b\", \"c\"] }, # which\n\
        { int = { min = 0, max = 100 } },\n\
        { percent = { min = 0, max = 100, of = \"VG\" } },\n\
        { mode = { mask = \"0777\" } },\n\
        { csv = { any = [\"ro\", \"rw\", \"sync\"] } },\n\
        { ip = {} },\n\
        { cidr = { within = [\"10.0.0.0/8\"], form = \"netmask\" } },\n\
        { dataset = { parent = \"tank\", name = \"n\", snapshot = \"n\" } },\n\
        { concat = [\"k=\", { int = { min = 0, max = 9 } }, \":\", { name = \"n\" }] },\n\
        { optional = \"-v\" },\n\
        { flag = \"-f\", value = { name = \"o\" }, optional = true },\n\
        { repeat = { path = { root = \"r\", leaf = \"dir\", name = \"n\" } }, min = 0, max = 5 },\n\
        ]\naccepts = []\n";
    let line = |rest: &[&str]| {
        let begin = [
            "x",
            "b",
            "7",
            "5%VG",
            "750",
            "sync,ro",
            "10.0.0.1",
            "10.1.0.0/16",
            "tank/ab@cd",
            "k=4:ef",
            "-v",
        ];
        command(&[&begin[..], rest].concat())
    };
    let learned = learnt(source, &[line(&["r:abcd"]), line(&["r:ab", "r:cd"])]);
    assert_eq!(
        told(&learned, "it"),
        [
            "argument 1 one-of: \"b\"",
            "argument 2 int.min: 7",
            "argument 2 int.max: 7",
            "argument 3 percent.min: 5",
            "argument 3 percent.max: 5",
            "argument 4 mode.mask: 0750",
            "argument 5 csv.any: ",
            "argument 5 csv.must: \"ro\", \"sync\"",
            "argument 6 ip.within: 10.0.0.1/32",
            "argument 7 cidr.within: 10.1.0.0/16",
            "argument 7 cidr.min-prefix: 16",
            "argument 7 cidr.max-prefix: 16",
            "argument 8 dataset.name.first: a-z",
            "argument 8 dataset.name.rest: a-z",
            "argument 8 dataset.name.max: 4",
            "argument 8 dataset.snapshot.first: a-z",
            "argument 8 dataset.snapshot.rest: a-z",
            "argument 8 dataset.snapshot.max: 4",
            "argument 9 concat part 2: int.min: 4",
            "argument 9 concat part 2: int.max: 4",
            "argument 9 concat part 4: name.first: a-z",
            "argument 9 concat part 4: name.rest: a-z",
            "argument 9 concat part 4: name.max: 4",
            "argument 10: must be there",
            "argument 11 of before: ",
            "argument 12 of before: ",
            "argument 11 path.name.first: a-z",
            "argument 11 path.name.rest: a-z",
            "argument 11 path.name.max: 4",
            "argument 11: must be there",
            "argument 12 path.name.first: a-z",
            "argument 12 path.name.rest: a-z",
            "argument 12 path.name.max: 4",
            "argument 15 of before: ",
            "argument 16 of before: ",
            "argument 17 of before: ",
        ]
    );
    assert!(!learned.text.contains("[types.o]"), "a type that nothing uses any more");
    assert!(learned.text.contains("# Names of shares.") && learned.text.contains("# which"));
    assert!(learned.text.contains("accepts = [[\"x\", \"b\","), "{}", learned.text);
}

/// What a list of clients ends in is a closed set; who the clients are is not.
#[test]
fn of_a_list_of_networks_the_suffixes_are_learnt() {
    let source = "schema = 1\ndriver = \"d\"\n\
        [[command]]\nid = \"it\"\nprogram = \"/bin/x\"\nreason = \"it is asked for\"\nargs = [\n\
        { concat = [\"k=\", { cidr = { within = [\"10.0.0.0/8\"], form = \"netmask\", \
        list = \" \", suffix = [\":rw\", \":ro\", \":ro:rw\"] } }] },\n]\n";
    let one = command(&["x", "k=10.1.0.0/16:rw 10.0.0.1:ro:rw"]);
    let learned = learnt(source, &[one.clone(), command(&["x", "k=10.0.0.2:rw"])]);
    assert_eq!(
        told(&learned, "it"),
        ["argument 1 concat part 2: cidr.suffix: \":ro:rw\", \":rw\""]
    );
    assert_eq!(learnt(source, &[command(&["x", "k=10.0.0.2:ro"]), one]).diff.changes.len(), 0);
}

#[test]
fn mounts_are_narrowed_to_what_was_mounted() {
    let source = "schema = 1\ndriver = \"d\"\n[roots.r]\npath = \"/r\"\n[roots.s]\npath = \"/s\"\n\
        [types.n]\nfirst = \"A-Za-z\"\nrest = \"a-z0-9_-\"\nmax = 32\n\
        [types.p]\nfirst = \"A-Za-z\"\nrest = \"a-z0-9_-\"\nmax = 32\n\
        [[mount]]\nid = \"it\"\nsource = { path = { root = \"r\", leaf = \"file\", name = \"n\" } }\n\
        place = { root = \"s\", name = \"p\" }\nfilesystem = [\"ext4\", \"xfs\"]\n\
        root-equivalent = \"images\"\n\
        [[mount]]\nid = \"other\"\nsource = { path = { root = \"s\", leaf = \"dir\", name = \"n\" } }\n\
        place = { root = \"r\", under = \"u\", name = \"p\" }\nfilesystem = [\"bind\"]\n";
    let place = GuestPath::parse_argument("s:abc").unwrap();
    let mount = Request::Mount {
        source: "r:image".to_owned(),
        place: place.clone(),
        filesystem: "xfs".to_owned(),
        options: Vec::new(),
    };
    let learned = learnt(source, &[mount, Request::Unmount { place }]);
    assert_eq!(told(&learned, "other"), ["gone"]);
    assert_eq!(
        told(&learned, "it"),
        [
            "place path.name.first: a-z",
            "place path.name.rest: a-z",
            "place path.name.max: 3",
            "filesystem: xfs"
        ]
    );
}

#[test]
fn a_shipped_policy_keeps_its_comments_and_loses_its_rules() {
    let learned = learnt(
        DIRECTORY,
        &[
            command(&["df", "--output=size,avail", "--block-size=1", "--", "shares:"]),
            files(Verb::List, "shares:"),
        ],
    );
    assert_eq!(learned.policy.commands().len() + learned.policy.files().len(), 2);
    assert!(learned.text.contains("# How large the file system is"), "{}", learned.text);
    assert!(!learned.text.contains("# How much is in a share"), "{}", learned.text);
    assert!(!learned.text.contains("snapshots\""), "{}", learned.text);
}

#[test]
fn what_cannot_be_learnt_is_said() {
    let nothing = learn(EVERYTHING, "p.toml", [command(&["rm", "-rf", "/"])]);
    assert!(matches!(nothing, Err(LearnError::Nothing { requests: 1 })), "{nothing:?}");
    assert!(matches!(learn("schema = 2", "p.toml", []), Err(LearnError::Policy(_))));
    let inline = "schema = 1\ndriver = \"d\"\n\
        command = [{ id = \"a\", program = \"/bin/a\", args = [] }, { id = \"b\", program = \"/bin/b\", args = [] }]\n";
    let inline = learn(inline, "p.toml", [command(&["a"])]);
    assert!(matches!(inline, Err(LearnError::Layout { .. })), "{inline:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever was asked: what is learnt is covered by what it was learnt from, grants all of it
    /// as before, and learning again from the same changes nothing.
    #[test]
    fn what_is_learnt_is_less_and_enough(lines in prop::collection::vec(line(), 1..12)) {
        let requests: Vec<Request> = lines
            .into_iter()
            .map(|(program, args)| Request::Command { program: program.to_owned(), args })
            .collect();
        let Ok(learned) = learn(EVERYTHING, "p.toml", requests.iter().cloned()) else {
            let granted = requests.iter().any(|request| everything().decide(request).is_ok());
            prop_assert!(!granted);
            return Ok(());
        };
        let old = everything();
        prop_assert!(old.covers(&learned.policy));
        for request in &requests {
            let Request::Command { program, args } = request else { continue };
            let runs = |policy: &Policy| policy.decide_command(program, args).ok().map(|grant| grant.argv);
            prop_assert_eq!(runs(&old), runs(&learned.policy), "{:?}", request);
        }
        let again = learn(&learned.text, "p.toml", requests);
        prop_assert_eq!(again.ok().map(|again| again.text), Some(learned.text));
    }
}
