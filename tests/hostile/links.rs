//! Places outside of what is granted, behind links that a tenant has planted, or where something
//! else has come to lie.

use std::fs;
use std::os::unix::fs::symlink;

use super::paths::plant;
use super::{Range, Setup, attacks};

/// A program that walks through a directory which it is given, and follows what it finds there.
fn walking() -> Setup {
    Setup::rules(
        "[roots.shop]\npath = \"@/shop\"\n[[command]]\nid = \"walk\"\nprogram = \"/usr/bin/cp\"\n\
         args = [\"--recursive\", \"--dereference\", \"--\", { path = { root = \"lair\", leaf = \"dir\", \
         name = \"word\" } }, { path = { root = \"shop\", leaf = \"new\", name = \"word\" } }]\n\
         read = [\"lair\"]\nwrite = [\"shop\"]\n",
    )
}

/// What another tenant has beneath the same root, and a link to it in the attacker's own directory.
fn beside_each_other(range: &Range) {
    let lair = range.lair();
    for name in ["theirs", "mine", "plain"] {
        fs::create_dir(lair.join(name)).unwrap();
        fs::write(lair.join(name).join("file"), "content").unwrap();
    }
    fs::write(lair.join("theirs/secret"), &range.canary).unwrap();
    symlink("../theirs", lair.join("mine/directory")).unwrap();
    symlink(lair.join("theirs/secret"), lair.join("mine/secret")).unwrap();
}

attacks! { PathsAndRaces:
    /// Has a program that walks through its directory be led into another tenant's, beneath the same
    /// root; as one does, too, who swaps a directory for a link while it walks.
    led_into_another_tenants_directory {
        setup: walking(),
        given: beside_each_other,
        attack: async |range| {
            let walk = ["cp", "--recursive", "--dereference", "--", "lair:mine", "shop:copy"];
            let told = range.asks("command", &walk).await;
            let copied = |name: &str| range.shop().join("copy").join(name).exists();
            assert!(!copied("secret") && !copied("directory/secret"), "{told}");
            told
        },
        contained: "of a root to read, its fence opens what the arguments name and no more",
        refused: "Permission denied",
        twin: async |range| {
            let walk = ["cp", "--recursive", "--dereference", "--", "lair:plain", "shop:other"];
            range.asks("command", &walk).await
        },
        answers: "ok:0:",
    }

    /// Runs a command on a link that a tenant has planted, to the outside and within.
    a_link_for_a_command {
        given: plant,
        attack: async |range| {
            range
                .each(
                    "command",
                    &[
                        &["cat", "--", "lair:leaf"],
                        &["cat", "--", "lair:relative"],
                        &["cat", "--", "lair:within"],
                        &["cat", "--", "lair:magic"],
                        &["head", "--", "lair:deep/secret"],
                    ],
                )
                .await
        },
        contained: "the command is not started: no link is followed, wherever it leads",
        refused: "err:Error::Denied(",
        twin: async |range| range.asks("command", &["cat", "--", "lair:file"]).await,
        answers: "ok:0:content",
    }

    /// Reads through links: at the end, on the way, within, and through those of the kernel.
    reading_through_a_link {
        given: plant,
        attack: async |range| {
            range
                .each(
                    "file",
                    &[
                        &["read", "lair", "leaf"],
                        &["read", "lair", "relative"],
                        &["read", "lair", "within"],
                        &["read", "lair", "aside/inner"],
                        &["read", "lair", "parent/secret"],
                        &["read", "lair", "magic/etc/passwd"],
                        &["list", "lair", "parent"],
                        &["list", "lair", "magic"],
                        &["list", "lair", "cwd"],
                        &["usage", "lair", "parent/secret"],
                    ],
                )
                .await
        },
        contained: "nothing is read: no link is followed",
        refused: "err:Error::Denied(",
        twin: async |range| range.asks("file", &["read", "lair", "file"]).await,
        answers: "ok:\"content\"",
    }

    /// Changes something through links.
    changing_through_a_link {
        given: plant,
        attack: async |range| {
            range
                .each(
                    "file",
                    &[
                        &["write", "lair", "parent/new", "x"],
                        &["write", "lair", "aside/new", "x"],
                        &["write", "lair", "parent/secret", "x"],
                        &["make-dir", "lair", "parent/new", "755"],
                        &["set-mode", "lair", "leaf", "777"],
                        &["set-mode", "lair", "parent/secret", "777"],
                        &["rename", "lair", "file", "lair", "parent/new"],
                        &["rename", "lair", "parent/secret", "lair", "new"],
                        &["copy", "lair", "leaf", "lair", "new"],
                        &["copy", "lair", "file", "lair", "parent/new"],
                    ],
                )
                .await
        },
        contained: "nothing is changed, not even a time: no link is followed",
        refused: "err:Error::Denied(",
        twin: async |range| range.asks("file", &["write", "lair", "directory/new", "x"]).await,
        answers: "ok:()",
    }

    /// Removes what a link leads to.
    removing_through_a_link {
        given: plant,
        attack: async |range| {
            range
                .each(
                    "file",
                    &[
                        &["remove", "lair", "parent/secret"],
                        &["remove-tree", "lair", "parent/secret"],
                        &["remove-tree", "lair", "parent/directory"],
                    ],
                )
                .await
        },
        contained: "nothing is removed; a link itself may be, and what it leads to stays",
        refused: "err:Error::Denied(",
        twin: async |range| {
            let gone = range
                .each("file", &[&["remove-tree", "lair", "parent"], &["remove", "lair", "leaf"]])
                .await;
            assert!(range.ground.outside().join("secret").exists());
            gone
        },
        answers: "ok:true",
    }

    /// Follows a chain of more links than the kernel does.
    a_chain_of_links {
        given: plant,
        attack: async |range| {
            range
                .each(
                    "file",
                    &[
                        &["list", "lair", "chain-41"],
                        &["list", "lair", "chain-1"],
                        &["list", "lair", "chain-0"],
                    ],
                )
                .await
        },
        contained: "refused at the first link",
        refused: "err:Error::Denied(",
        twin: async |range| range.asks("file", &["list", "lair", "directory"]).await,
        answers: "ok:[",
    }

    /// Renames and copies over what is there.
    replacing_what_is_there {
        given: plant,
        attack: async |range| {
            range
                .each(
                    "file",
                    &[
                        &["rename", "lair", "directory", "lair", "file"],
                        &["rename", "lair", "file", "lair", "leaf"],
                        &["copy", "lair", "file", "lair", "leaf"],
                        &["copy", "lair", "file", "lair", "within"],
                        &["make-dir", "lair", "leaf", "755"],
                    ],
                )
                .await
        },
        contained: "refused: neither a file nor a link is replaced",
        refused: "err:Error::AlreadyExists(",
        twin: async |range| range.asks("file", &["copy", "lair", "file", "lair", "new"]).await,
        answers: "ok:()",
    }

    /// Finds a link where its root was when the broker began.
    a_root_that_has_become_a_link {
        given: plant,
        attack: async |range| {
            let (lair, aside) = (range.lair(), range.ground.state().join("aside"));
            fs::rename(&lair, &aside).unwrap();
            symlink(range.ground.outside(), &lair).unwrap();
            let told = vec![
                range.asks("file", &["read", "lair", "secret"]).await,
                range.asks("file", &["write", "lair", "secret", "x"]).await,
                range.asks("command", &["cat", "--", "lair:secret"]).await,
            ];
            fs::remove_file(&lair).unwrap();
            fs::rename(&aside, &lair).unwrap();
            told
        },
        contained: "refused until it is the same directory again",
        refused: "the host is not as the operator set it up",
        twin: async |range| range.asks("file", &["read", "lair", "file"]).await,
        answers: "ok:\"content\"",
    }

    /// Finds another directory where its root was when the broker began.
    a_root_that_has_become_another {
        given: plant,
        attack: async |range| {
            let (lair, aside) = (range.lair(), range.ground.state().join("aside"));
            fs::rename(&lair, &aside).unwrap();
            fs::create_dir(&lair).unwrap();
            fs::write(lair.join("file"), "another's").unwrap();
            let told = vec![
                range.asks("file", &["read", "lair", "file"]).await,
                range.asks("command", &["cat", "--", "lair:file"]).await,
            ];
            fs::remove_dir_all(&lair).unwrap();
            fs::rename(&aside, &lair).unwrap();
            told
        },
        contained: "refused until it is the same directory again",
        refused: "the host is not as the operator set it up",
        twin: async |range| range.asks("file", &["read", "lair", "file"]).await,
        answers: "ok:\"content\"",
    }

    /// Has another file system within its root, when it runs as root.
    another_file_system_within_a_root {
        given: |range| {
            plant(range);
            // A mount of its own is root's to make; an ordinary user has none to enter.
            fs::create_dir(range.lair().join("mounted")).unwrap();
        },
        attack: async |range| {
            let place = range.lair().join("mounted");
            let mount = |words: &[&str]| {
                let mut command = std::process::Command::new("/usr/bin/mount");
                command.args(words).arg(&place).stderr(std::process::Stdio::null());
                command.status().is_ok_and(|status| status.success())
            };
            let outside = range.ground.outside();
            if !mount(&["--bind", outside.to_str().unwrap()]) {
                eprintln!("SKIPPED: nothing can be mounted here");
                return range.asks("file", &["read", "lair", "leaf"]).await;
            }
            let told = range.asks("file", &["list", "lair", "mounted"]).await;
            let read = range.asks("file", &["read", "lair", "mounted/secret"]).await;
            rustix::mount::unmount(&place, rustix::mount::UnmountFlags::DETACH).unwrap();
            assert!(read.contains("err:Error::Denied("), "{read}");
            told
        },
        contained: "not entered: a root ends where its file system does",
        refused: "err:Error::Denied(",
        twin: async |range| range.asks("file", &["list", "lair", "mounted"]).await,
        answers: "ok:[]",
    }
}
