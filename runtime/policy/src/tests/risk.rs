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
             [[command]]\nid = \"use\"\nprogram = \"/bin/use\"\nread = [\"r\", \"etc\"]\nargs = [{{ name = \"n\" }}]\n\
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
    let load = |options: &str, reason: &str| {
        let source = format!(
            "schema = 1\ndriver = \"d\"\n[roots.r]\npath = \"/srv/r\"\n{options}\n[[command]]\nid = \"it\"\n\
             program = \"/bin/btrfs\"\nwrite = [\"r\"]\n{reason}\n\
             args = [\"receive\", {{ path = {{ root = \"r\", leaf = \"root\" }} }}]\n"
        );
        Policy::parse(&source, "p.toml").map_err(|error| error.to_string())
    };
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
}
