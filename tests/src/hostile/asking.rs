//! Attacks that ask for more than is granted: other programs, other arguments, other places.

use std::fs;
use std::os::unix::fs::symlink;

use abaca::{Blame, Error};

use super::Arena;
use crate::support::tree;

/// A bidirectional override, which makes a text look like another one.
const BIDI: &str = "a\u{202e}b";

#[tokio::test]
async fn a_command_runs_only_as_a_rule_says() {
    let arena = Arena::new().await;
    fs::write(arena.ground.shares().join("file"), "content").unwrap();
    let refused: &[&[&str]] = &[
        // Another program, or this one said otherwise.
        &["sh", "-c", "id"],
        &["rm", "-rf", "/"],
        &["/usr/bin/echo", "-n", "a"],
        &["../bin/echo", "-n", "a"],
        &["echo\0", "-n", "a"],
        &["ECHO", "-n", "a"],
        &["", "-n", "a"],
        &[" echo", "-n", "a"],
        // Other arguments: none, too few, too many, options, hidden characters.
        &["echo"],
        &["echo", "-n"],
        &["echo", "-n", "a", "b"],
        &["echo", "-n", ""],
        &["echo", "-n", "-e"],
        &["echo", "-n", "--help"],
        &["echo", "-n", "a\0b"],
        &["echo", "-n", "a\nb"],
        &["echo", "-n", BIDI],
        &["echo", "-n", "a b"],
        &["echo", "-n", "$(id)"],
        &["echo", "-n", "a;id"],
        &["echo", "-n", "\u{ff41}"],
        // Other places than beneath the root.
        &["cat", "--", "shares:../outside/secret"],
        &["cat", "--", "shares:.."],
        &["cat", "--", "shares:a/../file"],
        &["cat", "--", "shares:./file"],
        &["cat", "--", "shares:/etc/passwd"],
        &["cat", "--", "shares://file"],
        &["cat", "--", "shares:file/"],
        &["cat", "--", "shares:"],
        &["cat", "--", "shares:-n"],
        &["cat", "--", "shares:.hidden"],
        &["cat", "--", "outside:secret"],
        &["cat", "--", "shares-evil:file"],
        &["cat", "--", "/etc/passwd"],
        &["cat", "--", "file"],
        &["cat", "shares:file"],
        &["cat", "-n", "shares:file"],
        &["cat", "--", "shares:file", "/etc/passwd"],
        &["head", "--", "shares:deep/../file"],
        &["head", "--", "shares:file"],
    ];
    for (at, asked) in (1..).zip(refused) {
        let answer = arena.attack("command", asked).await.unwrap();
        assert!(
            answer[0].starts_with("err:") && answer[0].contains("Denied"),
            "{asked:?}: {answer:?}"
        );
        let denied = arena.audited("denied");
        assert_eq!(denied.len(), at, "{asked:?}");
        assert_eq!(denied[at - 1]["import"], "command.run");
        assert!(!denied[at - 1]["reason"].as_str().unwrap().is_empty());
    }
    assert!(arena.audited("intent").is_empty(), "nothing was begun");

    let said = arena.attack("command", &["echo", "-n", "hello"]).await.unwrap();
    assert_eq!(said, ["ok:0:hello", "stderr:"]);
    let shown = arena.attack("command", &["cat", "--", "shares:file"]).await.unwrap();
    assert_eq!(shown, ["ok:0:content", "stderr:"]);
    let outcome = arena.audited("outcome");
    assert_eq!((&outcome[0]["rule"], &outcome[1]["rule"]), (&"say".into(), &"show".into()));
}

#[tokio::test]
async fn as_many_arguments_as_there_can_be_are_refused_at_once() {
    let arena = Arena::new().await;
    let mut asked = vec!["echo"];
    asked.resize(100_001, "x");
    let answer = arena.attack("command", &asked).await.unwrap();
    assert!(answer[0].contains("128 arguments"), "{answer:?}");
    let line = arena.audited("denied").remove(0).to_string();
    assert!(line.len() < 64 * 1024, "the audit's line is bounded: {}", line.len());
    let long = "x".repeat(1024 * 1024);
    let answer = arena.attack("command", &["echo", "-n", &long]).await.unwrap();
    assert!(answer[0].contains("64 KiB"), "{answer:?}");
}

#[tokio::test]
async fn a_symbolic_link_leads_no_command_out_of_its_root() {
    let arena = Arena::new().await;
    let (shares, outside) = (arena.ground.shares(), arena.ground.outside());
    symlink(outside.join("secret"), shares.join("leaf")).unwrap();
    symlink("../outside/secret", shares.join("leaf-relative")).unwrap();
    symlink(&outside, shares.join("deep")).unwrap();
    symlink("file", shares.join("within")).unwrap();
    fs::write(shares.join("file"), "content").unwrap();
    fs::create_dir(shares.join("directory")).unwrap();
    let asked: &[&[&str]] = &[
        &["cat", "--", "shares:leaf"],
        &["cat", "--", "shares:leaf-relative"],
        &["cat", "--", "shares:within"],
        &["head", "--", "shares:deep/secret"],
    ];
    for asked in asked {
        let answer = arena.attack("command", asked).await.unwrap();
        assert!(
            answer[0].starts_with("err:") && answer[0].contains("Denied"),
            "{asked:?}: {answer:?}"
        );
        let outcome = arena.audited("outcome");
        assert!(outcome.last().unwrap()["error"].is_string(), "{asked:?}");
    }
    // Not a link, but not what the rule names either.
    for wrong in ["shares:directory", "shares:nothing"] {
        let answer = arena.attack("command", &["cat", "--", wrong]).await.unwrap();
        assert!(answer[0].starts_with("err:"), "{wrong}: {answer:?}");
    }
}

#[tokio::test]
async fn files_are_reached_only_where_a_rule_says() {
    let arena = Arena::new().await;
    let (shares, outside) = (arena.ground.shares(), arena.ground.outside());
    symlink(outside.join("secret"), shares.join("leaf")).unwrap();
    symlink(&outside, shares.join("parent")).unwrap();
    fs::write(shares.join("file"), "content").unwrap();
    let before = tree(arena.ground.path().join("outside").as_path());
    let listing = tree(&shares);

    let long = "x".repeat(300);
    let places: &[(&str, &str)] = &[
        ("shares", "../outside/secret"),
        ("shares", ".."),
        ("shares", "a/../../outside/secret"),
        ("shares", "./file"),
        ("shares", "/etc/passwd"),
        ("shares", "a//b"),
        ("shares", "file/"),
        ("shares", "-rf"),
        ("shares", ".hidden"),
        ("shares", "a\0b"),
        ("shares", "a/b\nc"),
        ("shares", "a/\u{202e}b"),
        ("shares", &long),
        ("shares", "a/b/c/d"),
        ("outside", "secret"),
        ("shares-evil", "secret"),
        ("", "secret"),
        ("/", "etc/passwd"),
    ];
    for (root, path) in places {
        for verb in ["read", "list", "remove", "remove-tree", "usage"] {
            let answer = arena.attack("file", &[verb, root, path]).await.unwrap();
            assert!(answer[0].contains("Denied"), "{verb} {root}:{path:?}: {answer:?}");
        }
        for verb in ["write", "make-dir", "set-mode"] {
            let answer = arena.attack("file", &[verb, root, path, "777"]).await.unwrap();
            assert!(answer[0].contains("Denied"), "{verb} {root}:{path:?}: {answer:?}");
        }
        for verb in ["rename", "copy"] {
            let there = arena.attack("file", &[verb, "shares", "file", root, path]).await.unwrap();
            assert!(there[0].contains("Denied"), "{verb} {root}:{path:?}: {there:?}");
            let back = arena.attack("file", &[verb, root, path, "shares", "new"]).await.unwrap();
            assert!(back[0].contains("Denied"), "{verb} {root}:{path:?}: {back:?}");
        }
    }
    let asked = places.len() * (5 + 3 + 2 * 2);
    assert_eq!(arena.audited("denied").len(), asked, "each refusal is in the audit");
    // A verb that no rule grants, and the root, of which only the list is granted.
    for asked in [&["set-owner", "shares", "file", "0"][..], &["remove-tree", "shares", ""]] {
        let answer = arena.attack("file", asked).await.unwrap();
        assert!(answer[0].contains("Denied"), "{asked:?}: {answer:?}");
    }
    assert!(arena.audited("intent").is_empty(), "nothing was begun");
    assert_eq!(tree(&outside), before);
    assert_eq!(tree(&shares), listing);
}

#[tokio::test]
async fn a_symbolic_link_leads_no_file_verb_out_of_its_root() {
    let arena = Arena::new().await;
    let (shares, outside) = (arena.ground.shares(), arena.ground.outside());
    symlink(outside.join("secret"), shares.join("leaf")).unwrap();
    symlink(&outside, shares.join("parent")).unwrap();
    fs::write(shares.join("file"), "content").unwrap();
    let before = tree(&outside);
    let refused: &[&[&str]] = &[
        &["read", "shares", "leaf"],
        &["read", "shares", "parent/secret"],
        &["write", "shares", "parent/new", "x"],
        &["write", "shares", "parent/secret", "x"],
        &["list", "shares", "parent"],
        &["list", "shares", "parent/secret"],
        &["make-dir", "shares", "parent/new", "755"],
        &["remove", "shares", "parent/secret"],
        &["remove-tree", "shares", "parent/secret"],
        &["rename", "shares", "file", "shares", "parent/new"],
        &["rename", "shares", "parent/secret", "shares", "new"],
        &["copy", "shares", "leaf", "shares", "new"],
        &["copy", "shares", "file", "shares", "parent/new"],
        &["set-mode", "shares", "leaf", "777"],
        &["set-mode", "shares", "parent/secret", "777"],
        &["usage", "shares", "parent/secret"],
    ];
    for asked in refused {
        let answer = arena.attack("file", asked).await.unwrap();
        assert!(answer[0].starts_with("err:"), "{asked:?}: {answer:?}");
        let outcome = arena.audited("outcome");
        assert!(outcome.last().unwrap()["error"].is_string(), "{asked:?}");
        assert_eq!(tree(&outside), before, "{asked:?}");
        assert_eq!(fs::read_to_string(shares.join("file")).unwrap(), "content", "{asked:?}");
    }
    // What a link takes is what the link takes, not what it leads to.
    let usage = arena.attack("file", &["usage", "shares", "parent"]).await.unwrap();
    assert!(usage[0].contains("entries: 1"), "{usage:?}");
    // Writing over a link replaces the link; removing one removes the link.
    for asked in [&["write", "shares", "leaf", "mine"][..], &["remove-tree", "shares", "parent"]] {
        let _ = arena.attack("file", asked).await.unwrap();
        assert_eq!(tree(&outside), before, "{asked:?}");
    }
}

#[tokio::test]
async fn what_is_granted_works() {
    let arena = Arena::new().await;
    let shares = arena.ground.shares();
    let steps: &[(&[&str], &str)] = &[
        (&["make-dir", "shares", "one", "750"], "ok:()"),
        (&["write", "shares", "one/file", "hello"], "ok:()"),
        (&["read", "shares", "one/file"], "ok:\"hello\""),
        (&["copy", "shares", "one/file", "shares", "one/copy"], "ok:()"),
        (&["set-mode", "shares", "one/copy", "640"], "ok:()"),
        (&["rename", "shares", "one/copy", "shares", "one/moved"], "ok:()"),
        (&["remove", "shares", "one/file"], "ok:true"),
        (&["remove", "shares", "one/file"], "ok:false"),
    ];
    for (asked, wanted) in steps {
        let answer = arena.attack("file", asked).await.unwrap();
        assert_eq!(answer[0], *wanted, "{asked:?}");
    }
    let found = tree(&shares);
    assert_eq!(found.len(), 2, "{found:?}");
    let (mode, contents) = &found[std::path::Path::new("one/moved")];
    assert_eq!((mode & 0o7777, contents.as_slice()), (0o640, &b"hello"[..]));
    let listed = arena.attack("file", &["list", "shares", ""]).await.unwrap();
    assert!(listed[0].contains("\"one\""), "{listed:?}");
    assert_eq!(arena.attack("file", &["remove-tree", "shares", "one"]).await.unwrap(), ["ok:true"]);
    assert!(tree(&shares).is_empty());
}

#[tokio::test]
async fn a_refusal_that_a_driver_passes_on_keeps_its_fault() {
    let arena = Arena::new().await;
    let cases: [(&[&str], Blame, &str); 3] = [
        (&["sh", "-c", "id"], Blame::Operator, "the policy does not allow it"),
        (&["false"], Blame::Backend, "ended with code 1"),
        (&["cat", "--", "shares:nothing"], Blame::Driver, "nothing"),
    ];
    for (asked, blame, words) in cases {
        let error = arena.attack("insist", asked).await.unwrap_err();
        assert!(matches!(error, Error::Create(_)), "{asked:?}: {error:?}");
        assert_eq!(error.blame(), blame, "{asked:?}: {error}");
        assert!(error.to_string().contains(words), "{asked:?}: {error}");
    }
    assert_eq!(arena.attack("insist", &["echo", "-n", "a"]).await.unwrap()[0], "ok:0:a");
}
