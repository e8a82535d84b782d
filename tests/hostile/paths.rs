//! Places outside of what is granted, said outright, and things that are not what they are taken
//! for. What lies behind links is in `links`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};

use rustix::fs::{FileType, Mode};

use super::{Range, attacks};

/// What a tenant plants: links to the outside, within, and to places that the kernel makes up.
pub fn plant(range: &Range) {
    let (lair, outside) = (range.lair(), range.ground.outside());
    fs::write(lair.join("file"), "content").unwrap();
    fs::create_dir(lair.join("directory")).unwrap();
    symlink(outside.join("secret"), lair.join("leaf")).unwrap();
    symlink("../outside/secret", lair.join("relative")).unwrap();
    fs::write(lair.join("directory/inner"), "content").unwrap();
    symlink("file", lair.join("within")).unwrap();
    symlink("directory", lair.join("aside")).unwrap();
    symlink(&outside, lair.join("parent")).unwrap();
    symlink(&outside, lair.join("deep")).unwrap();
    symlink("/proc/self/root", lair.join("magic")).unwrap();
    symlink("/proc/self/cwd", lair.join("cwd")).unwrap();
    // As many links as the kernel follows at most, and one more.
    symlink("directory", lair.join("chain-0")).unwrap();
    for number in 1..=41 {
        symlink(format!("chain-{}", number - 1), lair.join(format!("chain-{number}"))).unwrap();
    }
}

/// Places that say another place than they look like, or none.
const ELSEWHERE: [&str; 17] = [
    "..",
    "../outside/secret",
    "a/../../outside/secret",
    "./file",
    ".",
    "a/.",
    "a/..",
    "/etc/passwd",
    "//file",
    "a//b",
    "file/",
    "-rf",
    ".hidden",
    "a\0b",
    "a/b\nc",
    "a/\u{202e}b",
    "File",
];

/// Names of files that no rule of a driver has.
const TENANTS: [&str; 8] = [
    "-rf",
    "--checkpoint-action=exec=sh",
    "a\nb",
    "$(id)",
    ".hidden",
    "a b",
    "File",
    "\u{202e}txt",
];

/// Every verb on one place.
async fn every_verb(range: &Range, root: &str, path: &str) -> Vec<String> {
    range
        .each(
            "file",
            &[
                &["read", root, path],
                &["list", root, path],
                &["usage", root, path],
                &["remove", root, path],
                &["remove-tree", root, path],
                &["write", root, path, "x"],
                &["make-dir", root, path, "755"],
                &["set-mode", root, path, "777"],
                &["rename", "lair", "file", root, path],
                &["rename", root, path, "lair", "new"],
                &["copy", "lair", "file", root, path],
                &["copy", root, path, "lair", "new"],
            ],
        )
        .await
}

attacks! { PathsAndRaces:
    /// Climbs out by `..`, begins at the root of all, and says empty, hidden and unprintable parts,
    /// with a verb that reads.
    places_that_climb_out {
        given: plant,
        attack: async |range| {
            let mut told = Vec::new();
            for path in ELSEWHERE {
                told.push(range.asks("file", &["read", "lair", path]).await);
            }
            told
        },
        contained: "denied before the broker is asked, whatever the spelling",
        refused: "err:Error::Denied(",
        twin: async |range| range.asks("file", &["read", "lair", "file"]).await,
        answers: "ok:\"content\"",
    }

    /// The same with every verb, and as what commands are given.
    climbing_out_with_every_verb {
        given: plant,
        attack: async |range| {
            let mut told = every_verb(range, "lair", "../outside/secret").await;
            for path in ELSEWHERE {
                told.push(range.asks("command", &["cat", "--", &format!("lair:{path}")]).await);
            }
            told
        },
        contained: "denied before anything is begun",
        refused: "err:Error::Denied(",
        twin: async |range| range.asks("command", &["cat", "--", "lair:file"]).await,
        answers: "ok:0:content",
    }

    /// Names roots of others, none, and a sibling whose name begins like its own.
    roots_of_others {
        given: plant,
        attack: async |range| {
            let mut told = Vec::new();
            for root in
                ["shares", "outside", "lair-evil", "lai", "Lair", "", "/", "..", "lair/..", "*"]
            {
                told.push(range.asks("file", &["read", root, "file"]).await);
                told.push(range.asks("command", &["cat", "--", &format!("{root}:file")]).await);
            }
            told
        },
        contained: "denied: a driver has the roots of its own policy",
        refused: "err:Error::Denied(",
        twin: async |range| range.asks("file", &["read", "lair", "file"]).await,
        answers: "ok:\"content\"",
    }

    /// Names what its neighbour has: the neighbour's share by its path and by its root.
    the_neighbours_share {
        given: plant,
        attack: async |range| {
            let held = range.ground.shares().join("share-held/file");
            let mut told = every_verb(range, "shares", "share-held").await;
            told.extend(
                range
                    .each(
                        "command",
                        &[
                            &["cat", "--", "shares:share-held/file"],
                            &["cat", "--", held.to_str().unwrap()],
                        ],
                    )
                    .await,
            );
            told
        },
        contained: "denied: no policy names another's root",
        refused: "err:Error::Denied(",
        twin: async |range| range.asks("file", &["read", "lair", "file"]).await,
        answers: "ok:\"content\"",
    }

    /// Goes one level deeper than its rule, and says a name that no file can have.
    too_deep_and_too_long {
        given: plant,
        attack: async |range| {
            range
                .each(
                    "file",
                    &[
                        &["list", "lair", "a/b/c/d"],
                        &["make-dir", "lair", &"a/".repeat(2_000), "755"],
                        &["list", "lair", &"x".repeat(300)],
                        &["list", "lair", &"x".repeat(65)],
                    ],
                )
                .await
        },
        contained: "denied: depth and names are the rule's",
        refused: "err:Error::Denied(",
        twin: async |range| range.asks("file", &["list", "lair", "directory"]).await,
        answers: "ok:[",
    }

    /// Asks for verbs that no rule grants, and for the root itself.
    verbs_that_are_not_granted {
        given: plant,
        attack: async |range| {
            range
                .each(
                    "file",
                    &[
                        &["set-owner", "lair", "file", "0"],
                        &["remove-tree", "lair", ""],
                        &["set-mode", "lair", "", "777"],
                        &["rename", "lair", "", "lair", "other"],
                        &["write", "lair", "", "x"],
                        &["usage", "lair", ""],
                    ],
                )
                .await
        },
        contained: "denied: a verb is granted by name, and of the root only its list",
        refused: "err:Error::Denied(",
        twin: async |range| range.asks("file", &["list", "lair", "directory"]).await,
        answers: "ok:[",
    }

    /// Reads a pipe on which nobody writes, which would wait for ever.
    a_pipe_for_a_file {
        given: |range| {
            plant(range);
            let pipe = range.lair().join("pipe");
            rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
        },
        attack: async |range| {
            vec![
                range.asks("file", &["read", "lair", "pipe"]).await,
                range.asks("file", &["copy", "lair", "pipe", "lair", "new"]).await,
                range.asks("command", &["cat", "--", "lair:pipe"]).await,
            ]
        },
        contained: "refused at once: a file is a regular file",
        refused: "is not a regular file",
        twin: async |range| range.asks("file", &["read", "lair", "file"]).await,
        answers: "ok:\"content\"",
    }

    /// Reads a socket that somebody listens to.
    a_socket_for_a_file {
        given: |range| {
            plant(range);
            drop(std::os::unix::net::UnixListener::bind(range.lair().join("socket")).unwrap());
        },
        attack: async |range| {
            vec![
                range.asks("file", &["read", "lair", "socket"]).await,
                range.asks("command", &["cat", "--", "lair:socket"]).await,
            ]
        },
        contained: "refused: a file is a regular file",
        refused: "is not a regular file",
        twin: async |range| range.asks("file", &["read", "lair", "file"]).await,
        answers: "ok:\"content\"",
    }

    /// Takes a directory for a file and a file for a directory.
    a_directory_for_a_file {
        given: plant,
        attack: async |range| {
            range
                .each(
                    "file",
                    &[
                        &["read", "lair", "directory"],
                        &["list", "lair", "file"],
                        &["write", "lair", "file/new", "x"],
                        &["copy", "lair", "directory", "lair", "new"],
                    ],
                )
                .await
        },
        contained: "refused: nothing is taken for what it is not",
        refused: "err:Error::Invalid(",
        twin: async |range| range.asks("file", &["list", "lair", "directory"]).await,
        answers: "ok:[",
    }

    /// Sets the bits that make a program run as its owner.
    bits_that_lend_power {
        given: plant,
        attack: async |range| {
            range
                .each(
                    "file",
                    &[
                        &["set-mode", "lair", "file", "4755"],
                        &["set-mode", "lair", "file", "2755"],
                        &["set-mode", "lair", "file", "6777"],
                        &["set-mode", "lair", "directory", "4755"],
                        &["make-dir", "lair", "new", "4755"],
                        &["set-mode", "lair", "file", "37777777777"],
                    ],
                )
                .await
        },
        contained: "refused: nobody sets them, whatever the policy",
        refused: "err:Error::Invalid(",
        twin: async |range| range.asks("file", &["set-mode", "lair", "file", "755"]).await,
        answers: "ok:()",
    }

    /// Moves a directory into itself, where nobody would ever find it again.
    into_itself {
        given: |range| {
            plant(range);
            fs::create_dir(range.lair().join("directory/deep")).unwrap();
        },
        attack: async |range| {
            range
                .each(
                    "file",
                    &[
                        &["rename", "lair", "directory", "lair", "directory/self"],
                        &["rename", "lair", "directory", "lair", "directory/deep/self"],
                        &["rename", "lair", "directory/deep", "lair", "directory/deep/self"],
                    ],
                )
                .await
        },
        contained: "refused, and nothing has changed",
        refused: "Invalid argument",
        twin: async |range| {
            range.asks("file", &["rename", "lair", "file", "lair", "directory/file"]).await
        },
        answers: "ok:()",
    }

    /// Says the root itself as what a verb makes, changes, moves and removes, and what is above it.
    the_root_as_a_place {
        given: plant,
        attack: async |range| {
            let mut told = Vec::new();
            for root in ["", ".", "./", "./.", "directory/..", "/"] {
                for asked in [
                    &["read", "lair", root][..],
                    &["write", "lair", root, "x"],
                    &["make-dir", "lair", root, "777"],
                    &["set-mode", "lair", root, "777"],
                    &["usage", "lair", root],
                    &["remove", "lair", root],
                    &["remove-tree", "lair", root],
                    &["rename", "lair", root, "lair", "new"],
                    &["rename", "lair", "directory", "lair", root],
                    &["copy", "lair", "file", "lair", root],
                ] {
                    told.push(range.asks("file", asked).await);
                }
            }
            assert!(range.lair().join("directory/inner").exists(), "all is still there");
            told
        },
        contained: "denied: of the root only its list is granted, and by two spellings only",
        refused: "err:Error::Denied(",
        twin: async |range| {
            let page = |root| ["list-after", "lair", root, "directory", "1"];
            range.each("file", &[&page(""), &page(".")]).await
        },
        answers: "file",
    }

    /// Copies a file that says it has eight tebibytes and holds a word.
    a_file_that_is_mostly_nothing {
        given: |range| {
            let file = fs::File::create(range.lair().join("sparse")).unwrap();
            file.write_all_at(b"content", 4 << 30).unwrap();
            file.set_len(8 << 40).unwrap();
        },
        attack: async |range| {
            let copied = range.asks("file", &["copy", "lair", "sparse", "lair", "copied"]).await;
            assert_eq!(copied, "ok:()");
            range.asks("file", &["usage", "lair", "copied"]).await
        },
        contained: "what holds nothing takes nothing: the copy has the same holes, and the disk its room",
        refused: "apparent-bytes: 8796093022208",
        twin: async |range| {
            let copied = fs::metadata(range.lair().join("copied")).unwrap();
            assert!(copied.blocks() < 1 << 10, "{} blocks", copied.blocks());
            range.asks("file", &["write", "lair", "file", "x"]).await
        },
        answers: "ok:()",
    }

    /// Asks how much is in a tree that is deeper than anybody walks, and says how deep it is.
    a_tree_without_a_bottom {
        given: |range| {
            fs::create_dir_all(range.lair().join("deep").join("d/".repeat(600))).unwrap();
        },
        attack: async |range| range.asks("file", &["usage", "lair", "deep"]).await,
        contained: "refused: no directory costs more than a bounded number of descriptors",
        refused: "is too deep to be walked",
        twin: async |range| range.asks("file", &["remove-tree", "lair", "deep"]).await,
        answers: "ok:true",
    }

    /// Says names that tenants can give and no rule grants, where such files are.
    names_that_tenants_give {
        given: |range| {
            fs::create_dir(range.lair().join("planted")).unwrap();
            for place in ["", "planted"] {
                let place = range.lair().join(place);
                for name in TENANTS {
                    fs::write(place.join(name), "content").unwrap();
                }
                fs::write(place.join(OsStr::from_bytes(b"\xff\xfe")), "content").unwrap();
            }
        },
        attack: async |range| {
            let mut told = Vec::new();
            for name in TENANTS {
                told.extend(every_verb(range, "lair", name).await);
                told.push(range.asks("command", &["cat", "--", &format!("lair:{name}")]).await);
            }
            told
        },
        contained: "denied: a name is the rule's, whatever lies there",
        refused: "err:Error::Denied(",
        twin: async |range| range.asks("file", &["remove-tree", "lair", "planted"]).await,
        answers: "ok:true",
    }
}
