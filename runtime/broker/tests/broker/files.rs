//! Verbs on files, beneath their root and nowhere else.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

use abaca_broker::protocol::{
    Entry, EntryKind, ErrorKind, FilesReply, FilesRequest, Outcome, Place,
};

use crate::harness::{Broker, at, root_for, write};

fn error(broker: &mut Broker, request: FilesRequest) -> ErrorKind {
    match broker.files(request, &[]).0 {
        Outcome::Error { kind, .. } => kind,
        other => panic!("{other:?}"),
    }
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn remove(path: &str, recursive: bool) -> FilesRequest {
    FilesRequest::Remove { at: at(path), recursive }
}

#[test]
fn what_is_written_is_read_and_replaced_whole() {
    let mut broker = Broker::with("");
    let file = FilesRequest::Write { at: at("a"), mode: Some(0o604), new: false };
    broker.file_done(file, b"hello world");
    assert_eq!(mode(&broker.path("shares/a")), 0o604);
    let before = fs::metadata(broker.path("shares/a")).unwrap().ino();
    broker.file_done(FilesRequest::Write { at: at("a"), mode: None, new: false }, b"second text");
    assert_eq!(mode(&broker.path("shares/a")), 0o604, "the bits stay");
    assert_ne!(fs::metadata(broker.path("shares/a")).unwrap().ino(), before);
    let request = FilesRequest::Read { at: at("a"), offset: 7, length: 100 };
    let (reply, body) = broker.file_done(request, &[]);
    assert_eq!((reply, body.as_slice()), (FilesReply::Contents { size: 11 }, &b"text"[..]));
    // Nothing is left of the making.
    assert_eq!(fs::read_dir(broker.path("shares")).unwrap().count(), 1);
}

#[test]
fn only_granted_verbs_and_places() {
    let mut broker = Broker::with("");
    let elsewhere = Place { root: "snapshots".into(), path: "a".into() };
    for request in [
        FilesRequest::Write { at: elsewhere.clone(), mode: None, new: false },
        FilesRequest::Rename { from: at("../a"), to: at("b") },
        FilesRequest::Copy { from: at("a"), to: elsewhere },
        FilesRequest::Remove { at: at(""), recursive: true },
        FilesRequest::Read { at: at("UPPER"), offset: 0, length: 1 },
        FilesRequest::Read { at: at("a/b/c/d/e"), offset: 0, length: 1 },
    ] {
        let (outcome, _) = broker.files(request, &[]);
        assert!(matches!(outcome, Outcome::Denied { .. }), "{outcome:?}");
    }
    let wrong = FilesRequest::SetMode { at: at("a"), mode: 0o10000 };
    assert_eq!(error(&mut broker, wrong), ErrorKind::Invalid);
}

#[test]
fn links_are_never_followed() {
    let mut broker = Broker::with("");
    fs::create_dir(broker.path("outside")).unwrap();
    write(&broker.path("outside/f"), "secret");
    symlink(broker.path("outside"), broker.path("shares/dir")).unwrap();
    symlink(broker.path("outside/f"), broker.path("shares/file")).unwrap();
    for request in [
        FilesRequest::Read { at: at("file"), offset: 0, length: 9 },
        FilesRequest::Read { at: at("dir/f"), offset: 0, length: 9 },
        FilesRequest::Write { at: at("file"), mode: None, new: false },
        FilesRequest::Write { at: at("dir/f"), mode: None, new: false },
        FilesRequest::SetMode { at: at("file"), mode: 0o777 },
        FilesRequest::SetOwner { at: at("file"), uid: Some(1), gid: None },
        FilesRequest::List { at: at("dir"), after: None, limit: 9 },
        FilesRequest::Copy { from: at("file"), to: at("new") },
        FilesRequest::Remove { at: at("dir/f"), recursive: true },
        FilesRequest::MakeDir { at: at("dir/new"), mode: 0o700 },
    ] {
        let shown = format!("{request:?}");
        assert_eq!(error(&mut broker, request), ErrorKind::SymbolicLink, "{shown}");
    }
    // Removing a link removes the link.
    broker.file_done(remove("dir", true), &[]);
    assert_eq!(fs::read_to_string(broker.path("outside/f")).unwrap(), "secret");
    assert!(!broker.path("shares/dir").is_symlink());
}

#[test]
fn directories_are_made_listed_renamed() {
    let mut broker = Broker::with("");
    for name in ["c", "a", "b"] {
        let request = FilesRequest::MakeDir { at: at(name), mode: 0o2775 };
        broker.file_done(request.clone(), &[]);
        assert_eq!(error(&mut broker, request), ErrorKind::AlreadyExists);
    }
    assert_eq!(mode(&broker.path("shares/a")), 0o2775);
    let list = |after: Option<&str>, limit| FilesRequest::List {
        at: at(""),
        after: after.map(str::to_owned),
        limit,
    };
    let (reply, body) = broker.file_done(list(None, 2), &[]);
    assert_eq!(reply, FilesReply::Entries { more: true, unspeakable: 0 });
    let names = |body: &[u8]| -> Vec<(String, EntryKind)> {
        let entries: Vec<Entry> = serde_json::from_slice(body).unwrap();
        entries.into_iter().map(|entry| (entry.name, entry.kind)).collect()
    };
    let directory = |name: &str| (name.to_owned(), EntryKind::Directory);
    assert_eq!(names(&body), [directory("a"), directory("b")]);
    let (reply, body) = broker.file_done(list(Some("b"), 2), &[]);
    assert_eq!(reply, FilesReply::Entries { more: false, unspeakable: 0 });
    assert_eq!(names(&body), [directory("c")]);

    let rename = |from: &str, to: &str| FilesRequest::Rename { from: at(from), to: at(to) };
    assert_eq!(error(&mut broker, rename("a", "b")), ErrorKind::AlreadyExists);
    assert_eq!(error(&mut broker, rename("none", "x")), ErrorKind::NotFound);
    broker.file_done(rename("a", "x"), &[]);
    assert!(broker.path("shares/x").is_dir() && !broker.path("shares/a").exists());
    let across = FilesRequest::Rename {
        from: at("x"),
        to: Place { root: "snapshots".into(), path: "x".into() },
    };
    broker.file_done(across, &[]);
    assert!(broker.path("snapshots/x").is_dir());
}

#[test]
fn a_copy_is_whole_and_takes_a_free_name() {
    let mut broker = Broker::with("");
    write(&broker.path("shares/a"), "data");
    fs::set_permissions(broker.path("shares/a"), fs::Permissions::from_mode(0o4751)).unwrap();
    let copy = FilesRequest::Copy { from: at("a"), to: at("b") };
    broker.file_done(copy.clone(), &[]);
    assert_eq!(fs::read_to_string(broker.path("shares/b")).unwrap(), "data");
    assert_eq!(mode(&broker.path("shares/b")), 0o751);
    assert_eq!(error(&mut broker, copy), ErrorKind::AlreadyExists);
}

/// Whoever writes in a share says how large a file looks; a copy must not take the disk for that.
#[test]
fn a_copy_has_the_holes_of_what_it_copies() {
    const MIB: u64 = 1 << 20;
    let mut broker = Broker::with("");
    for (name, data, size) in [
        ("hole-at-the-end", &[0, 3 * MIB][..], 900 * MIB),
        ("data-at-the-end", &[500 * MIB, 900 * MIB - 4], 900 * MIB),
        ("nothing-else", &[], 900 * MIB),
        ("nothing", &[], 0),
    ] {
        let file = fs::File::create(broker.path("shares").join(name)).unwrap();
        file.set_len(size).unwrap();
        for place in data {
            file.write_all_at(b"data", *place).unwrap();
        }
        let copied = format!("{name}-copied");
        broker.file_done(FilesRequest::Copy { from: at(name), to: at(&copied) }, &[]);
        let copy = fs::File::open(broker.path("shares").join(&copied)).unwrap();
        assert_eq!(copy.metadata().unwrap().len(), size, "{name}");
        assert!(copy.metadata().unwrap().blocks() * 512 < MIB, "{name}");
        for place in data {
            let mut there = [0; 4];
            copy.read_exact_at(&mut there, *place).unwrap();
            assert_eq!(&there, b"data", "{name}");
        }
    }
}

#[test]
fn trees_are_removed_however_deep_and_wide() {
    let mut broker = Broker::with("");
    fs::create_dir(broker.path("outside")).unwrap();
    write(&broker.path("outside/kept"), "x");
    let top = broker.path("shares/tree");
    let mut deep = top.clone();
    for level in 0..150 {
        deep.push(format!("d{level}"));
    }
    fs::create_dir_all(&deep).unwrap();
    for number in 0..3000 {
        write(&top.join(format!("f{number}")), "");
    }
    symlink(broker.path("outside"), deep.join("link")).unwrap();
    assert_eq!(error(&mut broker, remove("tree", false)), ErrorKind::NotEmpty);
    broker.file_done(remove("tree", true), &[]);
    assert!(!top.exists());
    assert!(broker.path("outside/kept").exists());
    assert_eq!(error(&mut broker, remove("tree", true)), ErrorKind::NotFound);
}

#[test]
fn bits_and_owners() {
    let mut broker = Broker::with("");
    write(&broker.path("shares/a"), "");
    broker.file_done(FilesRequest::SetMode { at: at("a"), mode: 0o1770 }, &[]);
    assert_eq!(mode(&broker.path("shares/a")), 0o1770);
    let owner = FilesRequest::SetOwner { at: at("a"), uid: Some(1234), gid: Some(4321) };
    if !root_for("setting another owner") {
        assert_eq!(error(&mut broker, owner), ErrorKind::NotPermitted);
        return;
    }
    broker.file_done(owner, &[]);
    let stat = fs::metadata(broker.path("shares/a")).unwrap();
    assert_eq!((stat.uid(), stat.gid()), (1234, 4321));
}

#[test]
fn nothing_is_set_user_and_only_directories_are_set_group() {
    let mut broker = Broker::with("");
    let file = broker.path("shares/a");
    write(&file, "old");
    let set = |name: &str, mode| FilesRequest::SetMode { at: at(name), mode };
    for bits in [0o4755, 0o2755, 0o6755] {
        assert_eq!(error(&mut broker, set("a", bits)), ErrorKind::Invalid, "{bits:o}");
        let request = FilesRequest::Write { at: at("a"), mode: Some(bits), new: false };
        assert_eq!(error(&mut broker, request), ErrorKind::Invalid, "{bits:o}");
    }
    let request = FilesRequest::MakeDir { at: at("d"), mode: 0o4755 };
    assert_eq!(error(&mut broker, request), ErrorKind::Invalid);
    broker.file_done(FilesRequest::MakeDir { at: at("d"), mode: 0o755 }, &[]);
    assert_eq!(error(&mut broker, set("d", 0o4755)), ErrorKind::Invalid);
    broker.file_done(set("d", 0o3775), &[]);
    assert_eq!(mode(&broker.path("shares/d")), 0o3775);
    // Nor does a file lend the bits that it has to new contents.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o6755)).unwrap();
    broker.file_done(FilesRequest::Write { at: at("a"), mode: None, new: false }, b"new");
    assert_eq!(mode(&file), 0o755);
}

#[test]
fn a_file_that_is_replaced_keeps_its_owner() {
    if !root_for("a file of somebody else") {
        return;
    }
    let mut broker = Broker::with("");
    let file = broker.path("shares/a");
    write(&file, "old");
    chown(&file, Some(1234), Some(4321)).unwrap();
    broker.file_done(FilesRequest::Write { at: at("a"), mode: None, new: false }, b"new");
    let stat = fs::metadata(file).unwrap();
    assert_eq!((stat.uid(), stat.gid()), (1234, 4321));
}

#[test]
fn usage_counts_a_file_with_two_names_once() {
    let mut broker = Broker::with("");
    let directory = broker.path("shares/a");
    fs::create_dir(&directory).unwrap();
    let before = broker.file_done(FilesRequest::Usage { at: at("a") }, &[]).0;
    fs::write(directory.join("f"), vec![1; 100_000]).unwrap();
    fs::hard_link(directory.join("f"), directory.join("g")).unwrap();
    let after = broker.file_done(FilesRequest::Usage { at: at("a") }, &[]).0;
    let (
        FilesReply::Usage { allocated: a, apparent: p, entries: e },
        FilesReply::Usage { allocated, apparent, entries },
    ) = (before, after)
    else {
        panic!()
    };
    assert_eq!((e, entries), (1, 3));
    assert_eq!(apparent - p, 100_000);
    assert!((100_000..200_000).contains(&(allocated - a)), "{allocated} {a}");
}

#[test]
fn a_new_file_replaces_nothing_and_a_look_says_what_is_there() {
    let mut broker = Broker::with("");
    let new = || FilesRequest::Write { at: at("a"), mode: None, new: true };
    let look =
        |broker: &mut Broker, path: &str| broker.files(FilesRequest::Look { at: at(path) }, b"").0;
    let there = |outcome: &Outcome| match outcome {
        Outcome::Files { reply: FilesReply::There { there }, .. } => *there,
        other => panic!("{other:?}"),
    };
    assert!(!there(&look(&mut broker, "a")) && !there(&look(&mut broker, "none/a")));
    broker.file_done(new(), b"first");
    assert!(there(&look(&mut broker, "a")));
    let (outcome, _) = broker.files(new(), b"second");
    assert!(
        matches!(outcome, Outcome::Error { kind: ErrorKind::AlreadyExists, .. }),
        "{outcome:?}"
    );
    assert_eq!(fs::read_to_string(broker.path("shares/a")).unwrap(), "first");
    symlink("nowhere", broker.path("shares/link")).unwrap();
    assert!(there(&look(&mut broker, "link")), "a link is something");
    // Nobody is told of places that no rule is about, nor led out of the root.
    for path in ["../outside", ".hidden", "a/b/c/d/e"] {
        let outcome = look(&mut broker, path);
        assert!(matches!(outcome, Outcome::Denied { .. }), "{path}: {outcome:?}");
    }
    let outside = FilesRequest::Look { at: Place { root: "elsewhere".into(), path: "a".into() } };
    assert!(matches!(broker.files(outside, b"").0, Outcome::Denied { .. }));
}
