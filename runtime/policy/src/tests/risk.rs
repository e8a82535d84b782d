//! Which class each kind of rule is in, and that it is told why.

use super::{EVERYTHING, everything};
use crate::{Policy, RiskClass, Subject};

#[test]
fn risks_have_their_reasons() {
    use RiskClass::{R0, R1, R2, R3, R4};
    let class = |rule: &str| {
        let source = format!(
            "schema = 1\ndriver = \"d\"\n[roots.r]\npath = \"/srv/r\"\n[roots.etc]\npath = \"/etc/exports.d\"\n\
             [types.n]\nfirst = \"a-z\"\nrest = \"a-z\"\nmax = 8\n\
             [types.d]\nfirst = \"0-9\"\nrest = \"0-9\"\nmax = 8\n\
             [[command]]\nid = \"use\"\nprogram = \"/bin/use\"\nread = [\"r\", \"etc\"]\nargs = [{{ name = \"n\" }}, {{ name = \"d\" }}]\n\
             [[command]]\nid = \"it\"\n{rule}\n"
        );
        let policy = Policy::parse(&source, "risk.toml").unwrap_or_else(|error| panic!("{error}"));
        let risk = policy.command_risk(policy.command("it").unwrap());
        assert!(
            risk.reasons.iter().all(|reason| reason.class <= risk.class && !reason.why.is_empty())
        );
        assert_eq!(risk.class == R0, risk.reasons.is_empty());
        risk.class
    };
    for (rule, expected) in [
        ("program = \"/bin/df\"\nargs = []", R0),
        ("program = \"/bin/df\"\nargs = []\nread = [\"r\"]", R0),
        ("program = \"/bin/df\"\nargs = []\nread = [\"etc\"]", R3),
        ("program = \"/bin/cp\"\nargs = []\nwrite = [\"r\"]", R1),
        ("program = \"/bin/cp\"\nargs = []\nwrite = [\"etc\"]", R4),
        ("program = \"/bin/df\"\nargs = []\ncaps = [\"DAC_READ_SEARCH\"]", R2),
        ("program = \"/bin/df\"\nargs = []\ncaps = [\"SYS_TIME\"]", R3),
        ("program = \"/bin/df\"\nargs = []\ncaps = [\"SYS_ADMIN\"]", R4),
        ("program = \"/bin/df\"\nargs = []\nnetwork = true", R2),
        ("program = \"/bin/df\"\nargs = []\nsyscalls = [\"local-sockets\"]", R4),
        ("program = \"/bin/df\"\nargs = []\nsyscalls = [\"local-sockets\"]\nuser = \"nobody\"", R3),
        ("program = \"/bin/df\"\nargs = []\nsyscalls = [\"attributes\"]", R2),
        ("program = \"/bin/df\"\nargs = []\nsyscalls = [\"semaphores\"]", R3),
        ("program = \"/bin/df\"\nargs = []\nstdin-max = \"1B\"", R3),
        ("program = \"/sbin/btrfs\"\nargs = [\"receive\"]", R4),
        // In whatever way the rule says the word, and wherever the program looks for it.
        ("program = \"/sbin/btrfs\"\nargs = [{ one-of = [\"list\", \"receive\"] }]", R4),
        ("program = \"/sbin/btrfs\"\nargs = [\"rece\"]", R4),
        ("program = \"/bin/x\"\nargs = [\"rece\"]", R0),
        ("program = \"/bin/x\"\nargs = [{ concat = [\"receiv\", { one-of = [\"e\"] }] }]", R4),
        ("program = \"/bin/x\"\nargs = [{ concat = [\"re\", { name = \"n\" }] }]", R4),
        ("program = \"/bin/x\"\nargs = [{ csv = { must = [\"receive\"] } }]", R4),
        ("program = \"/bin/x\"\nargs = [{ csv = { must = [\"a\"], any = [\"receive\"] } }]", R0),
        ("program = \"/bin/x\"\nargs = [{ optional = { csv = { any = [\"restore\"] } } }]", R4),
        ("program = \"/bin/x\"\nargs = [{ name = \"n\" }]", R0),
        (
            "program = \"/sbin/zfs\"\nargs = [{ flag = \"-t\", value = \"a\" }, { name = \"n\" }]",
            R4,
        ),
        (
            "program = \"/sbin/zfs\"\nargs = [{ optional = \"-a\" }, { optional = \"A\" }, { name = \"n\" }]",
            R4,
        ),
        ("program = \"/sbin/zfs\"\nargs = [{ name = \"d\" }, \"list\", { name = \"n\" }]", R0),
        ("program = \"/sbin/lvcreate\"\nargs = [{ flag = \"-n\", value = { name = \"n\" } }]", R0),
        ("program = \"/bin/x\"\nargs = [{ concat = [\"share-\", { name = \"n\" }] }]", R0),
        ("program = \"/sbin/btrfs\"\nargs = [{ flag = \"-q\", value = { name = \"n\" } }]", R4),
        ("program = \"/sbin/btrfs\"\nargs = [\"device\", { name = \"n\" }]", R4),
        ("program = \"/sbin/btrfs\"\nargs = [\"device\", \"stats\", { name = \"n\" }]", R0),
        ("program = \"/sbin/btrfs\"\nargs = [\"subvolume\", \"del\"]", R2),
        ("program = \"/sbin/zfs\"\nargs = [{ concat = [\"destr\", { one-of = [\"oy\"] }] }]", R2),
        ("program = \"/sbin/zfs\"\nargs = [{ one-of = [\"destroy\"] }]", R2),
        (
            "program = \"/sbin/lvs\"\nargs = [{ device = { group = \"vg\", name = \"n\", pass = \"dev\" } }]",
            R3,
        ),
        (
            "program = \"/bin/x\"\nargs = [{ path = { root = \"r\", leaf = \"dir\", name = \"n\" } }]\nwrite = [\"r\"]",
            R2,
        ),
        (
            "program = \"/bin/x\"\nargs = [{ path = { root = \"r\", leaf = \"new\", name = \"n\" } }]\nwrite = [\"r\"]",
            R1,
        ),
        (
            "program = \"/bin/x\"\nargs = [{ path = { root = \"r\", leaf = \"new\", name = \"n\", pass = \"path\", looked-up = \"why\" } }]\nwrite = [\"r\"]",
            R3,
        ),
        (
            "program = \"/bin/x\"\nargs = [{ path = { root = \"r\", leaf = \"file\", name = \"n\", pass = \"path\", looked-up = \"why\" } }]\nread = [\"r\"]",
            R2,
        ),
        ("program = \"/bin/sh\"\nargs = []\nroot-equivalent = \"why\"", R4),
        ("program = \"/bin/x\"\nargs = []\nroot-equivalent = \"why\"", R4),
    ] {
        assert_eq!(class(rule), expected, "{rule}");
    }
}

#[test]
fn whose_a_root_is_decides() {
    use RiskClass::{R0, R1, R3, R4};
    let class = |path: &str, use_of_it: &str| {
        let source = format!(
            "schema = 1\ndriver = \"d\"\n[roots.r]\npath = {path:?}\n[[command]]\nid = \"it\"\n\
             program = \"/bin/df\"\nargs = []\n{use_of_it} = [\"r\"]\n"
        );
        let policy = Policy::parse(&source, "root.toml").unwrap_or_else(|error| panic!("{error}"));
        policy.command_risk(policy.command("it").unwrap()).class
    };
    for (path, read, written) in [
        ("/srv/abaca/shares", R0, R1),
        // A directory that a user has set aside, his home, and everybody's.
        ("/home/ada/abaca/shares", R0, R1),
        ("/home/ada", R3, R3),
        ("/home", R3, R3),
        ("/opt", R3, R4),
        ("/opt/tool", R3, R4),
        ("/homes", R0, R1),
    ] {
        assert_eq!((class(path, "read"), class(path, "write")), (read, written), "{path}");
    }
}

#[test]
fn what_is_as_good_as_root_comes_first() {
    let shell = "[[command]]\nid = \"shell\"\nprogram = \"/bin/sh\"\nargs = []\nroot-equivalent = \"why\"\n\
         write = [\"snapshots\"]\n";
    let policy = Policy::parse(&format!("{EVERYTHING}{shell}"), "p.toml").unwrap();
    let risks = policy.risks();
    assert!(risks.windows(2).all(|two| two[0].risk.class >= two[1].risk.class), "{risks:#?}");
    let first: Vec<_> = risks.iter().take(2).map(|one| (one.subject, &*one.id)).collect();
    // What one rule makes of a root is told after the rule.
    assert_eq!(first, [(Subject::Command, "shell"), (Subject::Root, "snapshots")]);
    let all = |policy: &Policy| {
        policy.roots().count()
            + policy.commands().len()
            + policy.files().len()
            + policy.mounts().len()
    };
    assert_eq!(risks.len(), all(&policy), "nothing is left out");
    assert_eq!(everything().risks().len(), all(&everything()));
}

/// Whoever restores a stream into a root may make anything there.
#[test]
fn a_stream_is_restored_only_where_nothing_comes_of_it() {
    let load_word = |word: &str, options: &str, reason: &str| {
        let source = format!(
            "schema = 1\ndriver = \"d\"\n[types.word]\nfirst = \"a-z\"\nrest = \"a-z\"\nmax = 9\n\
             [[command]]\nid = \"use\"\nprogram = \"/bin/use\"\nargs = [{{ name = \"word\" }}]\n\
             [roots.r]\npath = \"/srv/r\"\n{options}\n[[command]]\nid = \"it\"\n\
             program = \"/bin/btrfs\"\nwrite = [\"r\"]\n{reason}\n\
             args = [{word}, {{ path = {{ root = \"r\", leaf = \"root\" }} }}]\n"
        );
        Policy::parse(&source, "p.toml").map_err(|error| error.to_string())
    };
    let load = |options: &str, reason: &str| load_word("\"receive\"", options, reason);
    let (both, why) =
        ("mount-options = [\"nodev\", \"nosuid\"]", "root-equivalent = \"copies of shares\"");
    assert!(load(both, why).is_ok());
    for (options, reason, said) in [
        ("", why, "`nosuid`"),
        ("mount-options = [\"nosuid\"]", why, "`nodev`"),
        ("mount-options = [\"nodev\"]", why, "`nosuid`"),
        (both, "", "as good as root"),
    ] {
        let error = load(options, reason).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    for word in [
        "{ one-of = [\"receive\"] }",
        "{ concat = [\"receiv\", { one-of = [\"e\"] }] }",
        "{ concat = [{ one-of = [\"rest\"] }, \"ore\"] }",
        "{ csv = { must = [\"receive\"] } }",
        "{ name = \"word\" }",
        "{ flag = \"-q\", value = { name = \"word\" } }",
        "\"recei\"",
    ] {
        assert!(load_word(word, both, why).is_ok(), "{word}");
        let error = load_word(word, both, "").unwrap_err();
        assert!(error.contains("as good as root") && error.contains("one-of"), "{word}: {error}");
        assert!(error.contains("p.toml:19:8"), "{word}: {error}");
        let error = load_word(word, "", why).unwrap_err();
        assert!(error.contains("`nosuid`"), "{word}: {error}");
    }
    for word in ["\"list\"", "{ csv = { must = [\"received\"] } }", "\"list\", { name = \"word\" }"]
    {
        // `btrfs list NAME` might be an order of two words.
        let loaded = load_word(word, both, "");
        assert_eq!(loaded.is_ok(), !word.contains("name"), "{word}: {loaded:?}");
    }
}
