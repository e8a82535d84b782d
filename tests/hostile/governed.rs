//! Paths in files whose content a rule says, and ways around such a rule: a server that reads the
//! file would follow them with more rights than any driver has.

use std::fs;
use std::os::unix::fs::symlink;

use super::contents::{block, exports, twin};
use super::{Range, attacks};

/// Asks to write a block about each of these paths.
async fn names(range: &Range, paths: &[&str]) -> Vec<String> {
    let mut told = Vec::new();
    for path in paths {
        let text = block("lair:own", path);
        told.push(range.asks("file", &["write", "exports", "mine", &text]).await);
    }
    told
}

/// What others have put into the root.
fn strangers(range: &Range) {
    fs::create_dir(range.lair().join("strange")).unwrap();
    fs::create_dir_all(range.lair().join("strange/own")).unwrap();
}

attacks! { PathsAndRaces:
    /// Lets a server export what lies outside: by a path of the host, upwards, and in disguise.
    a_path_of_the_host_in_a_file {
        setup: exports(),
        given: strangers,
        attack: async |range| {
            names(
                range,
                &[
                    "/",
                    "/etc",
                    "lair:",
                    "lair:.",
                    "lair:..",
                    "lair:own/..",
                    "lair:../outside",
                    "lair:/etc",
                    "lair:own/",
                    "lair:strange/own",
                    "exports:mine",
                    "shares:share-held",
                    "lair:own\"; Path = \"/",
                    "lair:own#",
                    "lair:own\\",
                    "lair:$HOME",
                    "LAIR:own",
                ],
            )
            .await
        },
        contained: "nothing is written: a path is a name beneath its root, and nothing else",
        refused: "rule: Some(\"export\")",
        twin: twin,
        answers: "Export_Id = 8;",
    }

    /// Lets a server export a directory that somebody else has made.
    a_path_of_another_owner_in_a_file {
        setup: exports(),
        given: strangers,
        attack: async |range| names(range, &["lair:strange"]).await,
        contained: "nothing is written: the host's record says whose a directory is",
        refused: "was not made by this backend",
        twin: twin,
        answers: "Export_Id = 8;",
    }

    /// Lets a server follow a link that a tenant has put in the place of its own directory.
    a_link_for_a_path_in_a_file {
        setup: exports(),
        attack: async |range| {
            let mut told = Vec::new();
            for target in ["../outside/directory", "/", "nowhere"] {
                let place = range.lair().join("own");
                let made = range.asks("file", &["make-dir", "lair", "own", "750"]).await;
                assert_eq!(made, "ok:()");
                fs::remove_dir(&place).unwrap();
                symlink(target, &place).unwrap();
                told.extend(names(range, &["lair:own"]).await);
                assert_eq!(range.asks("file", &["remove", "lair", "own"]).await, "ok:true");
            }
            told
        },
        contained: "nothing is written: what a path leads to is looked at, and no link is followed",
        refused: "is a symbolic link",
        twin: twin,
        answers: "Export_Id = 8;",
    }

    /// Puts a file of its own where a server reads: renamed, copied, made anew, opened to others.
    around_what_a_rule_says {
        setup: exports(),
        attack: async |range| {
            let evil = ["write", "lair", "evil", "EXPORT { Path = /; }\n"];
            assert_eq!(range.asks("file", &evil).await, "ok:()");
            range
                .each(
                    "file",
                    &[
                        &["rename", "lair", "evil", "exports", "mine"],
                        &["copy", "lair", "evil", "exports", "mine"],
                        &["make-dir", "exports", "mine", "777"],
                        &["set-mode", "exports", "mine", "666"],
                        &["set-owner", "exports", "mine", "65534"],
                        &["write", "exports", ".hidden", "EXPORT { Path = /; }\n"],
                        &["write", "exports", "mine/inner", "EXPORT { Path = /; }\n"],
                        &["write", "exports", "", "EXPORT { Path = /; }\n"],
                    ],
                )
                .await
        },
        contained: "nothing gets there but what the rule says",
        refused: "err:Error::Denied(",
        twin: twin,
        answers: "Export_Id = 8;",
    }

    /// Starts with a policy in which another rule passes by what a rule says of files.
    a_policy_that_passes_it_by {
        attack: async |range| {
            let mut told = Vec::new();
            for more in [
                "[[files]]\nid = \"past\"\nroot = \"exports\"\nname = \"word\"\nverbs = [\"rename\"]\n",
                "[[files]]\nid = \"past\"\nroot = \"exports\"\nname = \"word\"\nverbs = [\"copy\"]\n",
                "[[files]]\nid = \"past\"\nroot = \"exports\"\nname = \"word\"\nverbs = [\"set-mode\"]\n",
                "[[files]]\nid = \"past\"\nroot = \"exports\"\nname = \"word\"\nverbs = [\"receive\"]\n",
                "[[files]]\nid = \"past\"\nroot = \"exports\"\nverbs = [\"list\", \"receive\"]\n",
                "[[files]]\nid = \"past\"\nroot = \"exports\"\nverbs = [\"set-mode\"]\n",
                "[[command]]\nid = \"past\"\nprogram = \"/usr/bin/cp\"\nargs = []\nwrite = [\"exports\"]\n",
                "[[mount]]\nid = \"past\"\nsource = { remote = \"192.0.2.1:/\" }\n\
                 place = { root = \"exports\", name = \"word\" }\nfilesystem = [\"nfs4\"]\n",
            ] {
                told.push(range.opens(&opened(more), &[]).await);
            }
            told
        },
        contained: "the backend is not opened: the operator is told which rule",
        refused: "past what `export` says of the content of files",
        twin: async |range| range.opens(&opened(""), &[]).await,
        answers: "opened",
    }
}

/// A policy of the attacked driver with files that a rule says, and more.
fn opened(more: &str) -> String {
    format!(
        "schema = 1\ndriver = \"hostile\"\n[roots.exports]\npath = \"@/exports\"\n\
         [types.word]\nfirst = \"a-z0-9\"\nrest = \"a-z0-9-\"\nmax = 64\n\
         [[files]]\nid = \"export\"\nroot = \"exports\"\nname = \"word\"\nverbs = [\"write\"]\n\
         content = [{{ concat = [\"Id = \", {{ int = {{ min = 1, max = 9 }} }}] }}]\n{more}"
    )
}
