//! Mounts: granted things at granted places, with what is forced, and nothing anywhere else.
//!
//! Every broker here has a namespace of mounts of its own: what it mounts ends with it.

mod arena;

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use abaca_broker::protocol::{
    ErrorKind, FilesRequest, MountSource, MountsRequest, Outcome, Place, Status,
};
use rustix::fs::{CWD, RenameFlags};

use self::arena::{Arena, POLICY, changed, kind, on_loops, path};
use crate::harness::{AMPLE, Broker, at, command, eventually, root_for, write};

#[test]
fn an_image_is_mounted_worked_in_and_unmounted() {
    let Some(mut arena) = Arena::with_images("an image that is mounted") else { return };
    let image = arena.image("one");
    assert!(arena.read("a/hello").is_err());
    assert!(changed(&arena.mount("one", "a", &[])));
    let table = arena.mounts();
    assert!(table.len() == 1 && table[0].contains("nosuid,nodev"), "{table:?}");
    assert!(table[0].contains("errors=remount-ro"), "what the image says is not asked: {table:?}");
    assert!(on_loops().contains(&image));

    // Verbs and commands work in it.
    assert_eq!(arena.read("a/hello").unwrap(), "from the image\n");
    let written = FilesRequest::Write { at: at("a/new"), mode: None, new: false };
    arena.broker.file_done(written, b"into the image");
    assert_eq!(fs::read_to_string(arena.within("shares/a/new")).unwrap(), "into the image");
    let (done, listed) = arena.broker.done("ls", &["--", "shares:a"]);
    assert_eq!(done.status, Status::Exited(0));
    assert!(listed.contains("hello\n") && listed.contains("new\n"), "{listed}");
    // And the place itself is neither removed nor renamed beneath it.
    let gone = FilesRequest::Remove { at: at("a"), recursive: false };
    assert_eq!(kind(&arena.broker.files(gone, &[]).0), ErrorKind::OtherDevice);
    let moved = FilesRequest::Rename { from: at("a"), to: at("c") };
    assert!(matches!(arena.broker.files(moved, &[]).0, Outcome::Error { .. }));

    // Again it is the same; another one, or the same in another way, is not.
    assert!(!changed(&arena.mount("one", "a", &["nodev", "nosuid"])));
    arena.image("two");
    for (source, options) in [("two", &[][..]), ("one", &["ro"]), ("one", &["noexec"])] {
        let outcome = arena.mount(source, "a", options);
        assert_eq!(kind(&outcome), ErrorKind::AlreadyExists, "{source} {options:?}");
    }
    assert_eq!(kind(&arena.mount("one", "b", &[])), ErrorKind::Busy, "an image has one place");
    assert_eq!(arena.mounts(), table);

    assert!(changed(&arena.unmount("a")));
    assert!(!changed(&arena.unmount("a")), "nothing there is success");
    assert!(arena.mounts().is_empty() && arena.read("a/hello").is_err());
    eventually("the loop device is let go", || !on_loops().contains(&image));
    // What was written lies in the image.
    assert!(changed(&arena.mount("one", "b", &["ro", "noexec"])));
    assert_eq!(arena.read("b/new").unwrap(), "into the image");
    assert!(!changed(&arena.mount("one", "b", &["noexec", "ro"])));
    let written = FilesRequest::Write { at: at("b/new"), mode: None, new: false };
    assert_eq!(kind(&arena.broker.files(written, b"x").0), ErrorKind::NotPermitted);
}

#[test]
fn nothing_is_left_when_the_broker_ends() {
    let Some(mut arena) = Arena::with_images("mounts that end with their namespace") else {
        return;
    };
    let image = arena.image("one");
    assert!(changed(&arena.mount("one", "a", &[])));
    let Arena { broker } = arena;
    let kept = broker.directory.path().join("shares/a/hello");
    assert!(!kept.exists(), "nobody else sees it");
    drop(broker);
    eventually("the loop device is let go", || !on_loops().contains(&image));
}

#[test]
fn a_directory_is_bound_without_what_is_mounted_in_it() {
    let Some(mut arena) = Arena::new("a directory that is bound") else { return };
    let deep = arena.broker.path("snapshots/trees/one/deep");
    let (done, _) = arena.among(&["mount", "-t", "tmpfs", "none", deep.to_str().unwrap()]);
    assert!(done);
    fs::write(arena.within("snapshots/trees/one/deep/inner"), "x").unwrap();
    assert!(changed(&arena.mount("trees/one", "0/a", &["ro"])));
    assert!(!changed(&arena.mount("trees/one", "0/a", &["ro"])));
    assert_eq!(kind(&arena.mount("trees/one", "0/a", &[])), ErrorKind::AlreadyExists);
    let table = arena.mounts();
    let bound = table.iter().find(|line| line.contains("shares/0/a")).unwrap();
    assert!(bound.contains(" ro,nosuid,nodev"), "{bound}");
    assert!(fs::read_dir(arena.within("shares/0/a/deep")).unwrap().next().is_none());
    assert!(fs::write(arena.within("shares/0/a/hello"), "x").is_err(), "it is read only");
    assert!(fs::write(arena.within("snapshots/trees/one/hello"), "y").is_ok(), "its source is not");
    assert!(changed(&arena.unmount("0/a")));
    assert!(changed(&arena.mount("trees/one", "0/a", &[])));
}

#[test]
fn what_is_mounted_later_in_a_bound_directory_does_not_follow() {
    let Some(mut arena) = Arena::new("mounts that propagate") else { return };
    assert!(arena.among(&["mount", "--make-rshared", "/"]).0);
    assert!(changed(&arena.mount("trees/one", "0/a", &[])));
    let deep = arena.broker.path("snapshots/trees/one/deep");
    assert!(arena.among(&["mount", "-t", "tmpfs", "none", deep.to_str().unwrap()]).0);
    assert_eq!(arena.mounts().len(), 2, "{:?}", arena.mounts());
}

#[test]
fn a_device_is_mounted_by_its_name_in_the_group_and_lent_by_nobody() {
    let Some(mut arena) = Arena::with_images("a device that is mounted") else { return };
    let image = arena.image("one");
    // A group that only the broker sees, in a directory that every system has.
    assert!(arena.among(&["mount", "-t", "tmpfs", "none", "/dev/shm"]).0);
    let (done, device) = arena.among(&["losetup", "-f", "--show", image.to_str().unwrap()]);
    assert!(done);
    let device = Loop(device.trim_end().to_owned());
    assert!(arena.among(&["ln", "-s", &device.0, "/dev/shm/one"]).0);
    assert!(arena.among(&["ln", "-s", image.to_str().unwrap(), "/dev/shm/file"]).0);
    let volume = |name: &str| MountSource::Device { name: format!("shm/{name}") };
    assert_eq!(kind(&arena.ask(volume("file"), "1/a", "ext4", &[])), ErrorKind::Invalid);
    // While somebody else has it mounted, his options would be ours.
    let outside = arena.broker.path("outside").to_str().unwrap().to_owned();
    assert!(arena.among(&["mount", "-o", "suid,dev", &device.0, &outside]).0);
    assert_eq!(kind(&arena.ask(volume("one"), "1/a", "ext4", &[])), ErrorKind::Busy);
    assert!(arena.among(&["umount", &outside]).0);
    assert!(changed(&arena.ask(volume("one"), "1/a", "ext4", &[])));
    assert!(!changed(&arena.ask(volume("one"), "1/a", "ext4", &[])));
    let table = arena.mounts();
    assert!(table.len() == 1 && table[0].contains("nosuid,nodev"), "{table:?}");
    assert!(changed(&arena.unmount("1/a")));
}

/// A loop device of the test's own; detached with it.
struct Loop(String);

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["-d", &self.0]).status();
    }
}

#[test]
fn set_user_id_files_and_devices_in_an_image_are_inert_unless_granted() {
    let Some(mut arena) = Arena::with_images("a set-user-id file in an image") else { return };
    for directory in ["", "shares", "shares/3"] {
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(arena.broker.path(directory), open).unwrap();
    }
    for (name, place, trusted) in [("one", "a", false), ("two", "3/a", true)] {
        arena.image(name);
        assert!(changed(&arena.mount(name, place, &[])));
        let there = arena.broker.path("shares").join(place);
        let inside = |file: &str| there.join(file).to_str().unwrap().to_owned();
        let mode = fs::metadata(arena.within("shares").join(place).join("id")).unwrap().mode();
        assert_eq!(mode & 0o7777, 0o4755, "the bit is there");
        let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        let (done, user) = arena.among(&[&nobody[..], &[&inside("id"), "-u"]].concat());
        assert!(done);
        assert_eq!(user, if trusted { "0\n" } else { "65534\n" });
        let (opened, _) = arena.among(&["cat", &inside("null")]);
        assert_eq!(opened, trusted, "the device node");
    }
}

#[test]
fn what_is_not_granted_is_denied_and_nothing_is_mounted() {
    let Some(mut arena) = Arena::with_images("mounts that are refused") else { return };
    arena.image("one");
    let device = |name: &str| MountSource::Device { name: name.to_owned() };
    let remote = |name: &str| MountSource::Remote { name: name.to_owned() };
    let outside = MountSource::Path {
        at: Place { root: "shares".to_owned(), path: "../outside".to_owned() },
    };
    for (source, place, filesystem, options) in [
        // Places.
        (path("one"), "", "ext4", &[][..]),
        (path("one"), ".", "ext4", &[]),
        (path("one"), "..", "ext4", &[]),
        (path("one"), "../outside", "ext4", &[]),
        (path("one"), "a/..", "ext4", &[]),
        (path("one"), "a/b", "ext4", &[]),
        (path("one"), "0", "ext4", &[]),
        (path("one"), "0/a", "ext4", &[]),
        (path("one"), "/etc", "ext4", &[]),
        // Sources.
        (path("../outside"), "a", "ext4", &[]),
        (path("../outside/secret"), "a", "ext4", &[]),
        (path("/dev/vda"), "a", "ext4", &[]),
        (path("trees/one"), "a", "bind", &[]),
        (path(""), "0/a", "bind", &[]),
        (outside, "0/a", "bind", &[]),
        (device("/dev/vda"), "1/a", "ext4", &[]),
        (device("shm/../vda"), "1/a", "ext4", &[]),
        (device("shm/a"), "a", "ext4", &[]),
        (remote("192.0.2.1:/etc"), "2/a", "nfs4", &[]),
        // File systems.
        (path("one"), "a", "bind", &[]),
        (path("one"), "a", "btrfs", &[]),
        (path("one"), "a", "proc", &[]),
        (path("one"), "a", "fuse.sh", &[]),
        (path("trees/one"), "0/a", "ext4", &[]),
        // Options.
        (path("one"), "a", "ext4", &["suid"]),
        (path("one"), "a", "ext4", &["dev"]),
        (path("one"), "a", "ext4", &["exec"]),
        (path("one"), "a", "ext4", &["loop"]),
        (path("one"), "a", "ext4", &["bind"]),
        (path("one"), "a", "ext4", &["remount"]),
        (path("one"), "a", "ext4", &["ro", "rw"]),
        (path("one"), "a", "ext4", &["ro,rw"]),
        (path("one"), "a", "ext4", &["ro", "ro"]),
        (path("one"), "a", "ext4", &["noexec", "X-mount.mkdir=0777"]),
        (path("one"), "a", "ext4", &["journal_path=/dev/vda"]),
    ] {
        let asked = format!("{source:?} {place} {filesystem} {options:?}");
        let outcome = arena.ask(source, place, filesystem, options);
        assert!(matches!(outcome, Outcome::Denied { .. }), "{asked}: {outcome:?}");
    }
    for place in ["", "..", "../outside", "0", "a/b", "/", "snapshots"] {
        let outcome = arena.unmount(place);
        let fine = matches!(outcome, Outcome::Denied { .. })
            || (place == "snapshots" && kind(&outcome) == ErrorKind::NotFound);
        assert!(fine, "{place}: {outcome:?}");
    }
    assert!(arena.mounts().is_empty());
}

#[test]
fn what_is_granted_but_is_not_what_it_should_be_is_refused() {
    let Some(mut arena) = Arena::with_images("mounts that fail") else { return };
    arena.image("one");
    let (shares, snapshots) = (arena.broker.path("shares"), arena.broker.path("snapshots"));
    let outside = arena.broker.path("outside");
    symlink(&outside, shares.join("link")).unwrap();
    symlink("a", shares.join("link-within")).unwrap();
    write(&shares.join("file"), "x");
    symlink(snapshots.join("one"), snapshots.join("link")).unwrap();
    symlink(&outside, snapshots.join("trees/link")).unwrap();
    fs::create_dir(snapshots.join("directory")).unwrap();
    write(&snapshots.join("trees/file"), "x");
    write(&snapshots.join("noise"), &"noise".repeat(1 << 18));
    File::create(snapshots.join("empty")).unwrap();
    for (source, place, filesystem, wanted) in [
        ("one", "link", "ext4", ErrorKind::SymbolicLink),
        ("one", "link-within", "ext4", ErrorKind::SymbolicLink),
        ("one", "file", "ext4", ErrorKind::NotADirectory),
        ("one", "missing", "ext4", ErrorKind::NotFound),
        ("link", "a", "ext4", ErrorKind::SymbolicLink),
        ("missing", "a", "ext4", ErrorKind::NotFound),
        ("directory", "a", "ext4", ErrorKind::NotAFile),
        ("trees/link", "0/a", "bind", ErrorKind::SymbolicLink),
        ("trees/file", "0/a", "bind", ErrorKind::NotADirectory),
        ("noise", "a", "ext4", ErrorKind::Invalid),
        ("empty", "a", "ext4", ErrorKind::Io),
        ("one", "a", "xfs", ErrorKind::Invalid),
    ] {
        let outcome = arena.ask(path(source), place, filesystem, &[]);
        assert_eq!(kind(&outcome), wanted, "{source} at {place}: {outcome:?}");
    }
    let volume = MountSource::Device { name: "shm/no-such".to_owned() };
    assert_eq!(kind(&arena.ask(volume, "1/a", "ext4", &[])), ErrorKind::NotFound);
    // The kernel would have to be told an address, and a name is none.
    let export = MountSource::Remote { name: "filer".to_owned() };
    assert_eq!(kind(&arena.ask(export, "2/a", "nfs4", &[])), ErrorKind::Invalid);
    assert!(arena.mounts().is_empty());
    eventually("no image stays attached", || {
        on_loops().iter().all(|file| !file.starts_with(arena.broker.directory.path()))
    });
    assert!(changed(&arena.mount("one", "a", &[])), "and the right one is mounted");
}

/// Where the rule says so, what is mounted elsewhere is mounted once more, and is one file system:
/// also where only a namespace of somebody else has it any more.
#[test]
fn what_is_mounted_elsewhere_is_the_same_once_more() {
    let Some(mut arena) = Arena::with_images("an image that is mounted twice") else { return };
    let image = arena.image("one");
    fs::create_dir_all(arena.within("shares/4/a")).unwrap();
    assert!(changed(&arena.mount("one", "a", &[])));
    assert!(changed(&arena.mount("one", "4/a", &[])));
    let table = arena.mounts();
    assert!(table.len() == 2 && table.iter().all(|row| row.contains("nosuid,nodev")), "{table:?}");
    assert_eq!(on_loops().iter().filter(|one| **one == image).count(), 1, "one device");
    fs::write(arena.within("shares/4/a/new"), "seen in both").unwrap();
    assert_eq!(arena.read("a/new").unwrap(), "seen in both");
    // The other rule goes on refusing it.
    assert!(changed(&arena.unmount("a")));
    assert_eq!(kind(&arena.mount("one", "a", &[])), ErrorKind::Busy);
    assert!(changed(&arena.unmount("4/a")));
    eventually("the loop device is let go", || !on_loops().contains(&image));
    // And what is mounted nowhere is mounted as ever.
    assert!(changed(&arena.mount("one", "4/a", &[])));
    assert_eq!(fs::read_to_string(arena.within("shares/4/a/new")).unwrap(), "seen in both");
}

#[test]
fn what_is_in_use_stays() {
    let Some(mut arena) = Arena::with_images("a mount that is in use") else { return };
    arena.image("one");
    assert!(changed(&arena.mount("one", "a", &[])));
    let user = File::open(arena.within("shares/a/hello")).unwrap();
    assert_eq!(kind(&arena.unmount("a")), ErrorKind::Busy);
    assert_eq!(arena.read("a/hello").unwrap(), "from the image\n");
    drop(user);
    assert!(changed(&arena.unmount("a")));
}

#[test]
fn a_mount_of_somebody_else_at_a_granted_place_is_left_alone() {
    let Some(mut arena) = Arena::with_images("a foreign mount") else { return };
    arena.image("one");
    let place = arena.broker.path("shares/a");
    let place = place.to_str().unwrap();
    let (done, _) = arena.among(&["mount", "-t", "tmpfs", "-o", "nodev", "none", place]);
    assert!(done);
    fs::write(arena.within("shares/a/hello"), "foreign").unwrap();
    let refused = arena.read("a/hello").unwrap_err();
    let Outcome::Error { kind: ErrorKind::OtherDevice, message } = &refused else {
        panic!("{refused:?}")
    };
    assert!(message.contains("lacks nosuid"), "{message}");
    assert_eq!(kind(&arena.unmount("a")), ErrorKind::OtherDevice);
    assert_eq!(kind(&arena.mount("one", "a", &[])), ErrorKind::AlreadyExists);
    assert!(fs::exists(arena.within("shares/a/hello")).unwrap());
    // With what is forced it may be entered: it bears all that the rule wants.
    assert!(arena.among(&["mount", "-o", "remount,nosuid,nodev", place]).0);
    assert_eq!(arena.read("a/hello").unwrap(), "foreign");
    // A mount within the mount is no place of any rule.
    fs::create_dir(arena.within("shares/a/b")).unwrap();
    let within = format!("{place}/b");
    assert!(arena.among(&["mount", "-t", "tmpfs", "-o", "nosuid,nodev", "none", &within]).0);
    assert_eq!(kind(&arena.read("a/b/x").unwrap_err()), ErrorKind::OtherDevice);
}

/// How often at least something is mounted while its place is swapped for a link.
const ATTEMPTS: u32 = 300;

/// How often at most, until each way in which that can end was seen.
const ATTEMPTS_MAX: u32 = 30_000;

#[test]
fn a_place_that_becomes_a_link_meanwhile_leads_no_mount_outside() {
    let Some(mut arena) = Arena::new("a place that is swapped for a link") else { return };
    let shares = arena.broker.path("shares/0");
    symlink(arena.broker.path("outside"), shares.join("b")).unwrap();
    let (done, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut attempts, mut mounted, mut refused, mut moved) = (0, 0, 0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let (a, b) = (shares.join("a"), shares.join("b"));
                // In the test's own namespace nothing is mounted there.
                let _ = rustix::fs::renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE);
                swaps.fetch_add(1, Ordering::Relaxed);
            }
        });
        let end = Ending(&done);
        while attempts < ATTEMPTS || mounted * refused * moved == 0 && attempts < ATTEMPTS_MAX {
            attempts += 1;
            match arena.mount("trees/one", "0/a", &[]) {
                Outcome::Mounts { .. } => mounted += 1,
                Outcome::Error { kind: ErrorKind::Changed, .. } => {
                    moved += 1;
                    assert!(arena.mounts().is_empty(), "what landed elsewhere is taken away");
                }
                _ => refused += 1,
            }
            let table = arena.mounts();
            assert!(table.iter().all(|line| !line.contains("/outside")), "{table:?}");
            // What stands at either name by now; a link is refused.
            while !arena.mounts().is_empty() {
                let _ = arena.unmount("0/a");
                let _ = arena.unmount("0/b");
            }
        }
        drop(end);
    });
    assert_eq!(fs::read_to_string(arena.broker.path("outside/secret")).unwrap(), "outside\n");
    let swaps = swaps.into_inner();
    println!(
        "{attempts} attempts, {swaps} swaps: {mounted} mounted, {refused} refused, {moved} moved \
         meanwhile, 0 outside"
    );
    assert!(mounted > 0 && refused > 0 && moved > 0);
}

/// Ends the other thread also when the test fails.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn two_that_mount_at_one_place_make_one_mount() {
    let Some(mut arena) = Arena::new("two mounts at the same moment") else { return };
    for _ in 0..30 {
        let asked = |arena: &mut Arena| {
            let request = MountsRequest::Mount {
                source: path("trees/one"),
                at: at("0/a"),
                filesystem: "bind".to_owned(),
                options: Vec::new(),
            };
            let kind = abaca_broker::protocol::RequestKind::Mounts { request, deadline_ms: AMPLE };
            arena.broker.send(kind, &[]);
        };
        (0..8).for_each(|_| asked(&mut arena));
        let answers: Vec<_> =
            (0..8).map(|_| arena.broker.receive().unwrap().header.result).collect();
        let made =
            answers.iter().filter(|one| matches!(one, Outcome::Mounts { changed: true, .. }));
        assert_eq!(made.count(), 1, "{answers:?}");
        assert_eq!(arena.mounts().len(), 1, "{:?} {answers:?}", arena.mounts());
        assert!(changed(&arena.unmount("0/a")));
    }
}

#[test]
fn a_broker_that_may_not_mount_says_so() {
    if !root_for("root without the power to mount") {
        return;
    }
    let first = ["/usr/bin/setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"];
    let mut broker = Broker::started_by(&first, POLICY);
    broker.hello();
    let outcome = broker.mounts(MountsRequest::Unmount { at: at("a") });
    let Outcome::Error { kind: ErrorKind::NotPermitted, message } = &outcome else {
        panic!("{outcome:?}")
    };
    assert!(message.contains("CAP_SYS_ADMIN") && message.contains("as root"), "{message}");
}

#[test]
fn a_command_has_no_mounts_of_its_own() {
    // The benign twin is every other test: what the broker does, its commands may not.
    let Some(mut arena) = Arena::with_images("a command that looks into a mount") else { return };
    arena.image("one");
    assert!(changed(&arena.mount("one", "a", &[])));
    let id = arena.broker.send(command("ls", &["--", "shares:a"], AMPLE), &[]);
    let frame = arena.broker.receive().unwrap();
    assert_eq!(frame.header.id, id);
    // Nobody keeps the mount when the command is over.
    assert!(changed(&arena.unmount("a")));
}
