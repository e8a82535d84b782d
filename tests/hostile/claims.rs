//! Things of others that a driver would like to be its own: by another name, in another place, over
//! its own, after its own has gone. The policy lets it rename whatever lies in its root; only
//! what it has made itself it may remove, by the host's record of that.

use std::fs;

use super::{Range, Setup, attacks};

/// A root in which everything may be written, renamed and copied, and its own be removed.
fn shop() -> Setup {
    Setup::rules(
        "[roots.shop]\npath = \"@/shop\"\n[[files]]\nid = \"any\"\nroot = \"shop\"\nverbs = \
         [\"read\", \"write\", \"list\", \"make-dir\", \"rename\", \"copy\"]\nname = \"word\"\n\
         depth = 3\n[[files]]\nid = \"own\"\nroot = \"shop\"\nverbs = [\"remove\", \"set-mode\"]\n\
         name = \"word\"\ndepth = 3\nowner = \"self\"\n",
    )
}

/// What somebody else has put there.
fn precious(range: &Range) {
    let shop = range.shop();
    for directory in ["theirs", "precious", "precious/deep"] {
        fs::create_dir(shop.join(directory)).unwrap();
    }
    fs::write(shop.join("precious/file"), "precious").unwrap();
    fs::write(shop.join("precious/deep/file"), "precious").unwrap();
}

/// Does what the policy allows, then asks for what it does not, and tells what came of that.
async fn after(range: &Range, allowed: &[&[&str]], asked: &[&[&str]]) -> Vec<String> {
    for one in allowed {
        let answer = range.asks("file", one).await;
        assert!(answer.starts_with("ok:"), "{one:?} is allowed: {answer}");
    }
    let told = range.each("file", asked).await;
    assert_eq!(everything(range), 2, "nothing precious was removed");
    told
}

/// How many of the precious files there are, wherever they are now.
fn everything(range: &Range) -> usize {
    let mut open = vec![range.shop()];
    let mut found = 0;
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => found += usize::from(fs::read_to_string(path).unwrap() == "precious"),
            }
        }
    }
    found
}

/// Makes something of its own and removes that.
async fn own(range: &Range) -> String {
    assert_eq!(range.asks("file", &["write", "shop", "mine", "x"]).await, "ok:()");
    range.asks("file", &["remove", "shop", "mine"]).await
}

attacks! { PathsAndRaces:
    /// Makes a file in another's directory, and gives that directory's name to another one, in which
    /// such a file lies.
    a_directory_in_the_place_of_another {
        setup: shop(),
        given: precious,
        attack: async |range| {
            after(
                range,
                &[
                    &["write", "shop", "theirs/file", "x"],
                    &["make-dir", "shop", "theirs/deep", "755"],
                    &["rename", "shop", "theirs", "shop", "away"],
                    &["rename", "shop", "precious", "shop", "theirs"],
                ],
                &[
                    &["remove", "shop", "theirs/file"],
                    &["remove-tree", "shop", "theirs/deep"],
                    &["set-mode", "shop", "theirs/file", "777"],
                    &["remove-tree", "shop", "theirs"],
                ],
            )
            .await
        },
        contained: "denied: what was its own in a directory went away with that",
        refused: "was not made by this backend",
        twin: own,
        answers: "ok:true",
    }

    /// Moves its own away, and another's to where it was: by renaming, by removing, and by a
    /// directory that it has made above it.
    another_in_the_place_of_its_own {
        setup: shop(),
        given: precious,
        attack: async |range| {
            after(
                range,
                &[
                    &["make-dir", "shop", "one", "755"],
                    &["write", "shop", "one/file", "x"],
                    &["rename", "shop", "one", "shop", "two"],
                    &["rename", "shop", "precious", "shop", "one"],
                    &["remove-tree", "shop", "two"],
                    &["rename", "shop", "one", "shop", "two"],
                ],
                &[
                    &["remove", "shop", "two/file"],
                    &["remove-tree", "shop", "two"],
                    &["set-mode", "shop", "two/deep", "777"],
                ],
            )
            .await
        },
        contained: "denied: a name that is free is nobody's, whoever had it",
        refused: "was not made by this backend",
        twin: own,
        answers: "ok:true",
    }

    /// Moves another's into a directory of its own, where everything is its own.
    anothers_within_its_own {
        setup: shop(),
        given: precious,
        attack: async |range| {
            after(
                range,
                &[&["make-dir", "shop", "own", "755"]],
                &[
                    &["rename", "shop", "precious", "shop", "own/precious"],
                    &["rename", "shop", "precious/file", "shop", "own/file"],
                    &["rename", "shop", "precious/deep", "shop", "own/deep"],
                ],
            )
            .await
        },
        contained: "denied: nothing becomes its own by being moved",
        refused: "and what would be renamed to it is not",
        twin: own,
        answers: "ok:true",
    }
}
