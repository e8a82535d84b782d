//! Trees that are sent and taken in: what comes is what was sent, and a stream that somebody made up
//! reaches nothing but the directory that it is for.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use abaca_broker::protocol::{
    About, Decoder, ErrorKind, FilesReply, FilesRequest, Frame, Item, Outcome, Tally, encode,
};
use rustix::pipe::pipe;

use crate::harness::{Broker, at};

const ABOUT: About =
    About { mode: 0o644, uid: 0, gid: 0, accessed: (1, 2), modified: (1_000_000_000, 5) };

fn receive(path: &str) -> FilesRequest {
    FilesRequest::Receive { at: at(path), ignore: vec!["kept".to_owned()] }
}

fn begin() -> (Item, Vec<u8>) {
    (Item::Begin { tally: Tally::default(), about: ABOUT }, Vec::new())
}

fn file(name: &[u8], size: u64) -> (Item, Vec<u8>) {
    (Item::File { about: ABOUT, size, number: None }, name.to_vec())
}

fn end(entries: u64, bytes: u64) -> (Item, Vec<u8>) {
    (Item::End { tally: Tally { entries, bytes } }, Vec::new())
}

const CLOSE: (Item, Vec<u8>) = (Item::Close, Vec::new());

fn data(offset: u64, bytes: &[u8]) -> (Item, Vec<u8>) {
    (Item::Data { offset }, bytes.to_vec())
}

/// Has the broker take in these items, as the directory `in`.
fn take_in(broker: &mut Broker, items: &[(Item, Vec<u8>)]) -> Outcome {
    let (out, into) = pipe().unwrap();
    let id = broker.send_with(receive("in"), &out);
    drop(out);
    let mut into = fs::File::from(into);
    for (item, body) in items {
        // It may have had enough.
        if into.write_all(&encode(item, body).unwrap()).is_err() {
            break;
        }
    }
    drop(into);
    let answer = broker.receive().unwrap();
    assert_eq!(answer.header.id, id);
    answer.header.result
}

/// A broker, and the directory `in` with something kept and something else.
fn arena() -> Broker {
    let broker = Broker::with("");
    let top = broker.path("shares/in");
    fs::create_dir_all(top.join("before/deep")).unwrap();
    fs::create_dir(top.join("kept")).unwrap();
    fs::write(top.join("kept/file"), "kept").unwrap();
    fs::write(broker.path("outside"), "outside").unwrap();
    symlink(broker.directory.path(), top.join("link")).unwrap();
    broker
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_was_sent_is_taken_in_and_replaces_what_was_there() {
    let mut broker = arena();
    let from = broker.path("shares/from");
    fs::create_dir_all(from.join("a/b")).unwrap();
    fs::write(from.join("a/b/file"), "contents").unwrap();
    fs::write(from.join("left out"), "").unwrap();
    fs::hard_link(from.join("a/b/file"), from.join("again")).unwrap();
    fs::set_permissions(from.join("a"), fs::Permissions::from_mode(0o750)).unwrap();

    let (out, into) = pipe().unwrap();
    let ignore = vec!["left out".to_owned()];
    broker.send_with(FilesRequest::Send { at: at("from"), ignore }, &into);
    drop(into);
    let mut sent = Vec::new();
    fs::File::from(out).read_to_end(&mut sent).unwrap();
    let tally = Tally { entries: 4, bytes: 8 };
    let tree = |outcome| match outcome {
        Outcome::Files { reply: FilesReply::Tree { tally }, .. } => tally,
        other => panic!("{other:?}"),
    };
    assert_eq!(tree(broker.receive().unwrap().header.result), tally);
    let mut decoder = Decoder::default();
    decoder.push(&sent);
    let mut items = Vec::new();
    while let Some(Frame { header, body }) = decoder.next::<Item>().unwrap() {
        items.push((header, body));
    }
    assert!(matches!(&items[0].0, Item::Begin { tally: one, .. } if *one == tally));
    assert_eq!(items.last().unwrap().0, Item::End { tally });

    assert_eq!(tree(take_in(&mut broker, &items)), tally);
    let top = broker.path("shares/in");
    assert_eq!(names(&top), ["a", "again", "kept"]);
    assert_eq!(fs::read(top.join("a/b/file")).unwrap(), b"contents");
    assert_eq!(fs::metadata(top.join("a")).unwrap().permissions().mode() & 0o7777, 0o750);
    let ino = |name: &str| fs::metadata(top.join(name)).unwrap().ino();
    assert_eq!(ino("again"), ino("a/b/file"));
    assert_eq!(fs::read(top.join("kept/file")).unwrap(), b"kept");
}

#[test]
fn a_stream_that_is_made_up_reaches_nothing_else() {
    let directory = |name: &[u8]| (Item::Directory { about: ABOUT }, name.to_vec());
    let link = |body: &[u8]| (Item::Link { about: ABOUT }, body.to_vec());
    let long = [b'x'; 256];
    let deep: Vec<_> =
        std::iter::once(begin()).chain(std::iter::repeat_n(directory(b"d"), 300)).collect();
    let bad: Vec<Vec<(Item, Vec<u8>)>> = vec![
        vec![],
        vec![file(b"early", 0)],
        vec![begin(), begin()],
        vec![begin(), file(b"..", 0)],
        vec![begin(), file(b".", 0)],
        vec![begin(), file(b"", 0)],
        vec![begin(), file(b"../outside", 0)],
        vec![begin(), file(b"/etc/shadow", 0)],
        vec![begin(), file(b"nul\0", 0)],
        vec![begin(), file(&long, 0)],
        // What is kept aside.
        vec![begin(), directory(b"kept")],
        vec![begin(), file(b".abaca-links", 0)],
        // Twice, and through a link.
        vec![begin(), file(b"a", 0), CLOSE, file(b"a", 0)],
        vec![begin(), link(b"out\0.."), directory(b"out")],
        vec![begin(), link(b"out\0../outside"), file(b"out", 3), data(0, b"new")],
        vec![begin(), link(b"no target")],
        vec![begin(), (Item::Again { number: 7 }, b"a".to_vec())],
        // Bytes of nothing, beyond the end, and after it.
        vec![begin(), data(0, b"x")],
        vec![begin(), file(b"a", 2), data(1, b"xy")],
        vec![begin(), file(b"a", 2), data(u64::MAX, b"x")],
        vec![begin(), file(b"a", 9), (Item::Attribute, b"user.a\0b".to_vec()), data(0, b"x")],
        vec![begin(), file(b"a", 1), file(b"b", 1)],
        vec![begin(), (Item::Attribute, b"user.a".to_vec())],
        vec![begin(), CLOSE],
        vec![begin(), directory(b"d"), end(1, 0)],
        // Not what was sent.
        vec![begin(), file(b"a", 1), CLOSE, end(2, 1)],
        vec![begin(), file(b"a", 1), CLOSE, end(1, 2)],
        // It ends too early.
        vec![begin(), file(b"a", 1), CLOSE],
        deep,
    ];
    let mut broker = arena();
    for items in bad {
        let outcome = take_in(&mut broker, &items);
        assert!(matches!(outcome, Outcome::Error { .. }), "{items:?}: {outcome:?}");
        let outside = fs::read(broker.path("outside")).unwrap();
        assert_eq!(outside, b"outside", "{items:?}");
        assert_eq!(names(&broker.path("shares")), ["in"], "{items:?}");
        assert_eq!(
            names(broker.directory.path()),
            ["outside", "policy.toml", "shares", "snapshots"]
        );
        assert_eq!(fs::read(broker.path("shares/in/kept/file")).unwrap(), b"kept");
    }
    // After all of that, a good one finds its place free.
    let good = [begin(), file(b"a", 5), data(3, b"xy"), CLOSE, end(1, 5)];
    let outcome = take_in(&mut broker, &good);
    assert!(matches!(outcome, Outcome::Files { .. }), "{outcome:?}");
    assert_eq!(names(&broker.path("shares/in")), ["a", "kept"]);
    assert_eq!(fs::read(broker.path("shares/in/a")).unwrap(), b"\0\0\0xy");
}

#[test]
fn what_lends_rights_is_dropped_where_it_would_have_an_effect() {
    let mut broker = arena();
    let about = About { mode: 0o6755, ..ABOUT };
    let program = (Item::File { about, size: 0, number: None }, b"program".to_vec());
    let outcome = take_in(&mut broker, &[begin(), program, CLOSE, end(1, 0)]);
    assert!(matches!(outcome, Outcome::Files { .. }), "{outcome:?}");
    let made = fs::metadata(broker.path("shares/in/program")).unwrap();
    let is_nosuid = rustix::fs::statvfs(broker.path("shares"))
        .unwrap()
        .f_flag
        .contains(rustix::fs::StatVfsMountFlags::NOSUID);
    assert_eq!(made.permissions().mode() & 0o7777, if is_nosuid { 0o6755 } else { 0o755 });
    assert_eq!((made.mtime(), made.mtime_nsec()), (1_000_000_000, 5));
}

#[test]
fn a_tree_needs_a_pipe_of_its_own() {
    let mut broker = arena();
    let refused = |outcome| match outcome {
        Outcome::Error { kind: ErrorKind::Invalid, .. } => {}
        other => panic!("{other:?}"),
    };
    refused(broker.files(receive("in"), &[]).0);
    // Neither a file nor a directory of the runtime's is written to or read from.
    let file = fs::File::create(broker.path("mine")).unwrap();
    for request in [receive("in"), FilesRequest::Send { at: at("in"), ignore: vec![] }] {
        broker.send_with(request, &file);
        refused(broker.receive().unwrap().header.result);
    }
    assert_eq!(fs::metadata(broker.path("mine")).unwrap().len(), 0);
    assert_eq!(names(&broker.path("shares/in")), ["before", "kept", "link"]);
    // No rule lets the root itself be sent.
    let (_out, into) = pipe().unwrap();
    broker.send_with(FilesRequest::Send { at: at(""), ignore: vec![] }, &into);
    let outcome = broker.receive().unwrap().header.result;
    assert!(matches!(outcome, Outcome::Denied { .. }), "{outcome:?}");
}
