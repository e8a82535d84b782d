//! Mounts through the gate: a driver that is granted an image and a place mounts it, works in it
//! and unmounts it; what else it asks for is denied, written down, and mounts nothing.
//!
//! The broker has a namespace of mounts of its own, so that nothing outlasts a test.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use abaca::{Backend, Limits};

use crate::support::{Ground, attack_share, load, program, runtime_with, share};

/// Images in one root, mounted at places of another.
const POLICY: &str = r#"
schema = 1
driver = "hostile"

[roots.shares]
path = "@/shares"
[roots.snapshots]
path = "@/snapshots"

[types.share]
first = "a-z"
rest = "a-z0-9-"
max = 64

[[mount]]
id = "image"
source = { path = { root = "snapshots", leaf = "file", name = "share" } }
place = { root = "shares", name = "share" }
filesystem = ["ext4"]
options = { any = ["ro", "noexec"] }
root-equivalent = "a test"

[[files]]
id = "shares"
root = "shares"
verbs = ["read", "write", "remove"]
name = "share"
depth = 2
"#;

struct Arena {
    ground: Ground,
    hostile: Backend,
    home: Backend,
}

impl Arena {
    /// `words` stand before the broker on its command line.
    async fn with(words: &str) -> Arena {
        let ground = Ground::new();
        let broker = program("abaca-broker");
        let script = format!("#!/bin/sh\nexec {words} {} \"$@\"\n", broker.display());
        let script = ground.write("broker", &script);
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let runtime = runtime_with(Limits::default(), script);
        let policy = POLICY.replace('@', ground.path().to_str().unwrap());
        let driver = load(&runtime, "abaca-guest-hostile").await;
        let hostile = ground.backend("hostile", driver, &policy, &[]).await;
        let home = ground.directory(&runtime, &[]).await;
        Arena { ground, hostile, home }
    }

    async fn ask(&self, attack: &str, arguments: &[&str]) -> String {
        let one = attack_share(attack, arguments);
        self.hostile.create_share(&one, None).await.unwrap().remove(0).path
    }

    /// Lines of the audit of this kind about this import.
    fn audited(&self, event: &str, import: &str) -> Vec<serde_json::Value> {
        let lines = self.ground.audit("hostile").into_iter();
        lines.filter(|line| line["event"] == event && line["import"] == import).collect()
    }

    /// The neighbour in the same runtime is served.
    async fn serves(&self) {
        let one = share("neighbour", 1);
        self.home.create_share(&one, None).await.unwrap();
        self.home.delete_share(&one, None).await.unwrap();
    }
}

/// A broker whose mounts nobody else sees; none, and a line that says so, for whoever may not.
async fn arena(what: &str) -> Option<Arena> {
    let root = rustix::process::geteuid().is_root();
    let needed = ["/usr/sbin/mkfs.ext4", "/dev/loop-control"];
    if !root || !needed.iter().all(|path| Path::new(path).exists()) {
        eprintln!("SKIPPED (needs root and {}): {what}", needed.join(" and "));
        return None;
    }
    let arena = Arena::with("/usr/bin/unshare --mount").await;
    for place in ["a", "b"] {
        fs::create_dir(arena.ground.shares().join(place)).unwrap();
    }
    let contents = arena.ground.path().join("contents");
    fs::create_dir(&contents).unwrap();
    fs::write(contents.join("hello"), "from the image").unwrap();
    let image = arena.ground.snapshots().join("one");
    fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
    #[expect(clippy::disallowed_methods, reason = "makes a file system")]
    let made = Command::new(needed[0]).arg("-q").arg("-d").args([contents, image]).status();
    assert!(made.unwrap().success());
    Some(arena)
}

const IMAGE: [&str; 6] = ["path", "snapshots", "one", "shares", "a", "ext4"];

#[tokio::test]
async fn a_driver_mounts_works_in_and_unmounts_what_it_is_granted() {
    let Some(arena) = arena("an image that a driver mounts").await else { return };
    let read = ["read", "shares", "a/hello"];
    assert!(arena.ask("file", &read).await.contains("NotFound"));
    for changed in [true, false] {
        assert_eq!(arena.ask("mount", &[&IMAGE[..], &["noexec"]].concat()).await, "ok:()");
        let outcome = arena.audited("outcome", "mounts.mount").pop().unwrap();
        assert_eq!((&outcome["rule"], &outcome["changed"]), (&"image".into(), &changed.into()));
        let asked = ["snapshots:one", "shares:a", "ext4", "noexec"];
        assert_eq!(outcome["asked"], serde_json::json!(asked));
    }
    assert_eq!(arena.audited("intent", "mounts.mount").len(), 2, "written down before it is done");
    assert_eq!(arena.ask("file", &read).await, "ok:\"from the image\"");
    assert_eq!(arena.ask("file", &["write", "shares", "a/new", "x"]).await, "ok:()");
    assert!(!arena.ground.shares().join("a/new").exists(), "it is in the image");
    // Other options, and another place for an image that is mounted.
    assert!(arena.ask("mount", &IMAGE).await.starts_with("err:Error::AlreadyExists"));
    let elsewhere = ["path", "snapshots", "one", "shares", "b", "ext4"];
    assert!(arena.ask("mount", &elsewhere).await.starts_with("err:Error::Busy"));
    for _ in 0..2 {
        assert_eq!(arena.ask("unmount", &["shares", "a"]).await, "ok:()");
    }
    assert!(arena.ask("file", &read).await.contains("NotFound"));
    arena.serves().await;
}

#[tokio::test]
async fn what_no_rule_grants_is_denied_and_written_down() {
    let Some(arena) = arena("mounts that a driver is denied").await else { return };
    symlink(arena.ground.outside(), arena.ground.shares().join("link")).unwrap();
    let asked: &[&[&str]] = &[
        &["path", "snapshots", "one", "shares", "", "ext4"],
        &["path", "snapshots", "one", "shares", "../outside", "ext4"],
        &["path", "snapshots", "one", "shares", "a/b", "ext4"],
        &["path", "snapshots", "one", "snapshots", "a", "ext4"],
        &["path", "snapshots", "one", "", "/etc", "ext4"],
        &["path", "snapshots", "../outside/secret", "shares", "a", "ext4"],
        &["path", "shares", "a", "shares", "b", "bind"],
        &["path", "", "/", "shares", "a", "bind"],
        &["device", "/dev/vda", "shares", "a", "ext4"],
        &["remote", "192.0.2.1:/", "shares", "a", "nfs4"],
        &["path", "snapshots", "one", "shares", "a", "xfs"],
        &["path", "snapshots", "one", "shares", "a", "bind"],
        &["path", "snapshots", "one", "shares", "a", "fuse.sh"],
        &["path", "snapshots", "one", "shares", "a", "ext4", "suid"],
        &["path", "snapshots", "one", "shares", "a", "ext4", "dev"],
        &["path", "snapshots", "one", "shares", "a", "ext4", "ro", "rw"],
        &["path", "snapshots", "one", "shares", "a", "ext4", "ro,rw"],
        &["path", "snapshots", "one", "shares", "a", "ext4", "remount"],
        &["path", "snapshots", "one", "shares", "a", "ext4", "loop"],
    ];
    for asked in asked {
        let answer = arena.ask("mount", asked).await;
        assert!(answer.starts_with("err:Error::Denied"), "{asked:?}: {answer}");
    }
    let places: &[&[&str]] = &[&["shares", ""], &["shares", ".."], &["snapshots", "one"]];
    for place in places {
        let answer = arena.ask("unmount", place).await;
        assert!(answer.starts_with("err:Error::Denied"), "{place:?}: {answer}");
    }
    assert_eq!(arena.audited("denied", "mounts.mount").len(), asked.len());
    assert_eq!(arena.audited("denied", "mounts.unmount").len(), places.len());
    assert!(arena.audited("intent", "mounts.mount").is_empty(), "nothing was begun");
    // A link is granted as a place, and is none when it is looked at.
    let link = ["path", "snapshots", "one", "shares", "link", "ext4"];
    let answer = arena.ask("mount", &link).await;
    assert!(answer.starts_with("err:Error::Denied"), "{answer}");
    arena.serves().await;
}

#[tokio::test]
async fn without_the_power_to_mount_a_driver_is_told() {
    // As root this power is given up first; others never had it.
    let words = match rustix::process::geteuid().is_root() {
        true => "/usr/bin/setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin",
        false => "",
    };
    let arena = Arena::with(words).await;
    fs::create_dir(arena.ground.shares().join("a")).unwrap();
    for (attack, arguments) in [("mount", &IMAGE[..]), ("unmount", &["shares", "a"])] {
        let answer = arena.ask(attack, arguments).await;
        let told = answer.starts_with("err:Error::Failed") && answer.contains("CAP_SYS_ADMIN");
        assert!(told, "{attack}: {answer}");
    }
    arena.serves().await;
}
