//! The room `files`.

use abaca_sdk::testing::Host;
use abaca_sdk::{Path, files};

use crate::{SHARES, at, case};

fn host() -> Host {
    Host::new().root("shares").put("shares:dir/file", "0123456789").put_link("shares:link")
}

#[test]
fn a_directory_is_made_once_and_where_its_parent_is() {
    host().run(|| {
        assert_eq!(case(files::make_dir(&at("new"), 0o750)), "ok");
        assert_eq!(case(files::make_dir(&at("new"), 0o750)), "already-exists");
        assert_eq!(case(files::make_dir(&at("dir/file"), 0o750)), "already-exists");
        assert_eq!(case(files::make_dir(&at("no/new"), 0o750)), "not-found");
        assert_eq!(case(files::make_dir(&at("dir/file/new"), 0o750)), "invalid");
        assert_eq!(case(files::make_dir(&at("more"), 0o4755)), "invalid");
        assert_eq!(case(files::make_dir(&SHARES.path(), 0o750)), "invalid");
    });
}

#[test]
fn nothing_outside_of_a_granted_root_is_there() {
    host().run(|| {
        for path in ["..", "dir/../..", "/etc", "dir//file", "dir/", "a\u{0}b", "a\u{202e}b"] {
            assert_eq!(case(files::list_after(&at(path), None, 1)), "denied", "{path:?}");
        }
        let other = Path { root: "other".to_owned(), path: String::new() };
        assert_eq!(case(files::list_after(&other, None, 1)), "denied");
        assert_eq!(case(files::read(&at("link"), 10)), "denied");
        assert_eq!(case(files::read(&at("link/file"), 10)), "denied");
        assert_eq!(case(files::set_mode(&at("link"), 0o700)), "denied");
    });
}

#[test]
fn a_file_is_read_and_written_as_a_whole() {
    let host = host();
    host.run(|| {
        assert_eq!(files::read(&at("dir/file"), 10).unwrap(), b"0123456789");
        assert_eq!(case(files::read(&at("dir/file"), 9)), "limit");
        assert_eq!(case(files::read(&at("dir"), 9)), "invalid");
        assert_eq!(case(files::read(&at("none"), 9)), "not-found");
        files::write(&at("new"), "x").unwrap();
        files::set_mode(&at("new"), 0o600).unwrap();
        files::set_owner(&at("new"), Some(7), None).unwrap();
        files::write(&at("new"), "y").unwrap();
        assert_eq!(case(files::write(&at("dir"), "y")), "invalid");
        assert_eq!(case(files::write(&at("link"), "y")), "denied");
    });
    assert_eq!(host.contents("shares:new").unwrap(), b"y");
    // What is replaced keeps bits and owner.
    assert_eq!((host.mode("shares:new"), host.owner("shares:new")), (Some(0o600), Some((7, 0))));
}

#[test]
fn a_list_is_sorted_and_comes_in_pieces() {
    let host = Host::new().root("shares");
    for name in ["b", "a", "c", "B"] {
        host.put_dir(&format!("shares:{name}"));
    }
    host.run(|| {
        let names = |after: Option<&str>, limit| -> Vec<String> {
            let entries = files::list_after(&SHARES.path(), after, limit).unwrap();
            entries.into_iter().map(|entry| entry.name).collect()
        };
        assert_eq!(names(None, 9), ["B", "a", "b", "c"]);
        assert_eq!(names(Some("a"), 1), ["b"]);
        assert_eq!(names(Some("aa"), 1), ["b"]);
        assert_eq!(names(Some("c"), 9), Vec::<String>::new());
        assert_eq!(case(files::list_after(&SHARES.path(), None, 0)), "invalid");
        assert_eq!(case(files::list(&SHARES.path(), 3)), "limit");
    });
}

#[test]
fn what_is_removed_was_there_and_empty_or_was_asked_for_as_a_whole() {
    host().run(|| {
        assert_eq!(files::remove(&at("none")), Ok(false));
        assert_eq!(case(files::remove(&at("dir"))), "not-empty");
        assert_eq!(files::remove(&at("link")), Ok(true));
        assert_eq!(files::remove_tree(&at("dir")), Ok(true));
        assert_eq!(files::remove_tree(&at("dir")), Ok(false));
    });
}

#[test]
fn a_rename_replaces_nothing_and_stays_in_its_file_system() {
    let host = host().root_beside("beside", "shares").root("apart").put_dir("shares:empty");
    let to = |root: &str| Path { root: root.to_owned(), path: "dir".to_owned() };
    host.run(|| {
        assert_eq!(case(files::rename(&at("dir"), &at("empty"))), "already-exists");
        assert_eq!(case(files::rename(&at("none"), &at("new"))), "not-found");
        assert_eq!(case(files::rename(&at("dir"), &at("dir/in"))), "failed");
        assert_eq!(case(files::rename(&at("dir"), &to("apart"))), "denied");
        assert_eq!(case(files::rename(&at("dir"), &to("beside"))), "ok");
    });
    assert!(!host.is_there("shares:dir"));
    assert_eq!(host.contents("beside:dir/file").unwrap(), b"0123456789");
}

#[test]
fn only_a_regular_file_is_copied_and_only_to_where_nothing_is() {
    let host = host();
    host.run(|| {
        assert_eq!(case(files::copy(&at("dir"), &at("new"))), "invalid");
        assert_eq!(case(files::copy(&at("link"), &at("new"))), "denied");
        assert_eq!(case(files::copy(&at("dir/file"), &at("dir"))), "already-exists");
        assert_eq!(case(files::copy(&at("dir/file"), &at("new"))), "ok");
        files::write(&at("new"), "changed").unwrap();
    });
    assert_eq!(host.contents("shares:dir/file").unwrap(), b"0123456789");
}

#[test]
fn usage_counts_blocks_lengths_and_entries() {
    let host = host().put_zeros("shares:dir/large", 1 << 40);
    let usage = host.run(|| files::usage(&at("dir"))).unwrap();
    assert_eq!(usage.entries, 3);
    assert_eq!(usage.apparent_bytes, 4096 + 10 + (1 << 40));
    assert_eq!(usage.allocated_bytes, 4096 + 4096 + (1 << 40));
}

#[test]
fn set_group_is_for_directories() {
    host().run(|| {
        assert_eq!(case(files::set_mode(&at("dir"), 0o2770)), "ok");
        assert_eq!(case(files::set_mode(&at("dir/file"), 0o2770)), "invalid");
        assert_eq!(case(files::set_mode(&at("none"), 0o770)), "not-found");
        assert_eq!(case(files::set_owner(&at("dir"), Some(u32::MAX), None)), "invalid");
    });
}
