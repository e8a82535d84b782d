//! Files whose content a rule says: they are rebuilt from the rule, with the paths that are there,
//! or nothing is written.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use abaca_broker::protocol::{ErrorKind, FilesReply, FilesRequest, Outcome, Place};
use sha2::{Digest, Sha256};

use crate::harness::{Broker, write};

/// Blocks of a server's configuration, one for each share.
const POLICY: &str = r#"
schema = 1
driver = "test"

[roots.shares]
path = "@/shares"
[roots.snapshots]
path = "@/snapshots"

[types.share]
first = "a-z0-9"
rest = "a-z0-9-"
max = 64

[[files]]
id = "export"
root = "snapshots"
name = "share"
verbs = ["write"]
content = [
    "EXPORT {",
    { concat = ["  Export_Id = ", { int = { min = 1, max = 99 } }, ";"] },
    { concat = ["  Path = \"", { path = { root = "shares", leaf = "dir", name = "share", pass = "path", looked-up = "the NFS server looks it up", owner = "self" } }, "\";"] },
    { repeat = { concat = ["  Clients = ", { ip = { within = ["198.51.100.0/24"] } }, ";"] }, min = 0, max = 2 },
    "}",
]

[[files]]
id = "exports"
root = "snapshots"
name = "share"
verbs = ["read", "remove", "make-dir"]
"#;

fn at(path: &str) -> Place {
    Place { root: "snapshots".to_owned(), path: path.to_owned() }
}

/// A broker with a share that is there.
fn broker() -> Broker {
    let mut broker = Broker::start(POLICY);
    broker.hello();
    fs::create_dir(broker.path("shares/share-1")).unwrap();
    broker
}

fn export(path: &str, mode: Option<u32>) -> FilesRequest {
    FilesRequest::Write { at: at(path), mode, new: false }
}

fn block(id: &str, path: &str, clients: &[&str]) -> String {
    let clients: String = clients.iter().map(|one| format!("  Clients = {one};\n")).collect();
    format!("EXPORT {{\n  Export_Id = {id};\n  Path = \"{path}\";\n{clients}}}\n")
}

fn mode(broker: &Broker, name: &str) -> u32 {
    fs::symlink_metadata(broker.path(name)).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_fits_is_written_as_the_rule_says_it_and_in_one_step() {
    let mut broker = broker();
    let path = broker.path("shares/share-1");
    let (outcome, body) =
        broker.files(export("a", None), block("7", "shares:share-1", &["198.51.100.7"]).as_bytes());
    let Outcome::Files { rules, resolved, reply, .. } = outcome else { panic!("{outcome:?}") };
    let expected = block("7", path.to_str().unwrap(), &["198.51.100.7"]);
    let file = broker.path("snapshots/a");
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
    assert_eq!((rules.as_slice(), body.len()), (&["export".to_owned()][..], 0));
    let sha256: String =
        Sha256::digest(&expected).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(reply, FilesReply::Rebuilt { bytes: expected.len() as u64, sha256 });
    // The directory, for the file was not there, and the share.
    let inode = |name: &str| fs::metadata(broker.path(name)).unwrap().ino();
    let inodes: Vec<u64> = resolved.iter().map(|identity| identity.inode).collect();
    assert_eq!(inodes, [inode("snapshots"), inode("shares/share-1")]);
    // Replaced as a whole: who has the old one open reads the old one.
    let before = inode("snapshots/a");
    broker.file_done(export("a", None), block("8", "shares:share-1", &[]).as_bytes());
    assert_eq!(fs::read_to_string(&file).unwrap(), block("8", path.to_str().unwrap(), &[]));
    assert_ne!(fs::metadata(&file).unwrap().ino(), before);
    assert_eq!(fs::read_dir(broker.path("snapshots")).unwrap().count(), 1);
}

#[test]
fn what_does_not_fit_is_denied_and_nothing_is_written() {
    let mut broker = broker();
    fs::create_dir(broker.path("shares/b")).unwrap();
    let good = block("7", "shares:share-1", &["198.51.100.7"]);
    broker.file_done(export("kept", None), good.as_bytes());
    let kept = fs::read(broker.path("snapshots/kept")).unwrap();
    for (bad, why) in [
        (format!("{good}EXPORT {{\n"), "line 6 should be nothing more"),
        (good.replace("}\n", "  Squash = None;\n}\n"), "line 5 should be"),
        (good.replace("198.51.100.7", "203.0.113.1"), "line 4 should be"),
        (good.replace("198.51.100.7", "0.0.0.0/0"), "line 4 should be"),
        (good.replace("shares:share-1", "/"), "line 3 should be"),
        (good.replace("shares:share-1", "shares:.."), "line 3 should be"),
        (good.replace("shares:share-1", "shares:share-1/../.."), "line 3 should be"),
        (good.replace("shares:share-1", "snapshots:kept"), "line 3 should be"),
        (good.replace("share-1\"", "share-1\"; Path = \"/\""), "line 3 should be"),
        (good.replace(" = 7;", " = 7;\r"), "line 2 has a control"),
        (good.replace(" = 7;", " = 7;\0"), "line 2 has a control"),
        (good.trim_end().to_owned(), "does not end with a line feed"),
        ("#".repeat(70_000), "larger than 64 KiB"),
        (String::new(), "line 1 should be"),
    ] {
        for name in ["kept", "new"] {
            let outcome = broker.files(export(name, None), bad.as_bytes()).0;
            let Outcome::Denied { rule, reason } = outcome else { panic!("{bad:?}: {outcome:?}") };
            assert_eq!(rule.as_deref(), Some("export"));
            assert!(reason.contains(why), "{bad:?}: {reason}");
        }
    }
    let outcome = broker.files(export("new", None), b"EXPORT \xff\n").0;
    assert!(matches!(outcome, Outcome::Denied { .. }), "{outcome:?}");
    assert_eq!(fs::read(broker.path("snapshots/kept")).unwrap(), kept);
    assert_eq!(fs::read_dir(broker.path("snapshots")).unwrap().count(), 1);
}

#[test]
fn a_path_in_it_must_be_what_the_rule_says() {
    let mut broker = broker();
    fs::create_dir(broker.path("outside")).unwrap();
    symlink(broker.path("outside"), broker.path("shares/link")).unwrap();
    symlink("nowhere", broker.path("shares/dangling")).unwrap();
    write(&broker.path("shares/file"), "");
    for (name, expected) in [
        ("none", ErrorKind::NotFound),
        ("file", ErrorKind::NotADirectory),
        ("link", ErrorKind::SymbolicLink),
        ("dangling", ErrorKind::SymbolicLink),
    ] {
        let body = block("7", &format!("shares:{name}"), &[]);
        let outcome = broker.files(export("a", None), body.as_bytes()).0;
        let Outcome::Error { kind, message } = outcome else { panic!("{outcome:?}") };
        assert_eq!(kind, expected, "{message}");
        let host = broker.directory.path().to_str().unwrap();
        assert!(!message.contains(host), "a guest learns no path of the host: {message}");
    }
    assert_eq!(fs::read_dir(broker.path("snapshots")).unwrap().count(), 0);
    // Nor is the place itself anything but a file beneath its root.
    fs::create_dir(broker.path("snapshots/directory")).unwrap();
    symlink(broker.path("outside/f"), broker.path("snapshots/link")).unwrap();
    let good = block("7", "shares:share-1", &[]);
    for (name, expected) in [("directory", ErrorKind::NotAFile), ("link", ErrorKind::SymbolicLink)]
    {
        let outcome = broker.files(export(name, None), good.as_bytes()).0;
        assert!(matches!(outcome, Outcome::Error { kind, .. } if kind == expected), "{outcome:?}");
    }
    assert_eq!(fs::read_dir(broker.path("outside")).unwrap().count(), 0);
    // The root was moved away, and another directory stands in its place.
    fs::rename(broker.path("shares"), broker.path("moved")).unwrap();
    fs::create_dir_all(broker.path("shares/share-1")).unwrap();
    let outcome = broker.files(export("a", None), good.as_bytes()).0;
    assert!(matches!(outcome, Outcome::Error { kind: ErrorKind::Changed, .. }), "{outcome:?}");
    assert!(!broker.path("snapshots/a").exists());
}

#[test]
fn nobody_else_may_write_what_a_rule_has_said() {
    let mut broker = broker();
    let good = block("7", "shares:share-1", &[]);
    for bits in [0o666, 0o620, 0o602, 0o777, 0o1777] {
        let outcome = broker.files(export("a", Some(bits)), good.as_bytes()).0;
        assert!(matches!(outcome, Outcome::Denied { .. }), "{bits:o}: {outcome:?}");
    }
    assert!(!broker.path("snapshots/a").exists());
    broker.file_done(export("a", None), good.as_bytes());
    assert_eq!(mode(&broker, "snapshots/a"), 0o640);
    broker.file_done(export("a", Some(0o644)), good.as_bytes());
    assert_eq!(mode(&broker, "snapshots/a"), 0o644);
    // What stood there lends nobody else the right.
    let open = fs::Permissions::from_mode(0o666);
    fs::set_permissions(broker.path("snapshots/a"), open).unwrap();
    broker.file_done(export("a", None), good.as_bytes());
    assert_eq!(mode(&broker, "snapshots/a"), 0o644);
    // A name that is taken stays taken.
    let new = FilesRequest::Write { at: at("a"), mode: None, new: true };
    let outcome = broker.files(new, good.as_bytes()).0;
    assert!(
        matches!(outcome, Outcome::Error { kind: ErrorKind::AlreadyExists, .. }),
        "{outcome:?}"
    );
}

#[test]
fn no_other_verb_leads_there() {
    let mut broker = broker();
    write(&broker.path("snapshots/a"), "kept");
    let place = |path: &str| at(path);
    for request in [
        FilesRequest::Rename { from: place("b"), to: place("a") },
        FilesRequest::Copy { from: place("b"), to: place("a") },
        FilesRequest::SetMode { at: place("a"), mode: 0o666 },
        FilesRequest::SetOwner { at: place("a"), uid: Some(0), gid: None },
    ] {
        let outcome = broker.files(request, &[]).0;
        assert!(matches!(outcome, Outcome::Denied { .. }), "{outcome:?}");
    }
    assert_eq!(fs::read_to_string(broker.path("snapshots/a")).unwrap(), "kept");
}
