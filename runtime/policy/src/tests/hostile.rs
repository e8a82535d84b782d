//! Command lines that must not get through, whoever writes them.

use super::{everything, words};

/// Words that fit no hole, whatever it is for.
const HOSTILE: &[&str] = &[
    "",
    "-",
    "--",
    "-x",
    "--help",
    "-1G",
    ".",
    "..",
    "/",
    "//",
    "/srv/abaca/shares/a",
    "/srv/abaca/shares-evil",
    "/proc/self/root/etc/shadow",
    "../x",
    "Shares",
    "shares:a/",
    "shares:/a",
    "shares:/etc/passwd",
    "shares://a",
    "shares:a//b",
    "shares:..",
    "shares:../shares-evil/a",
    "shares:a/..",
    "shares:a/../b",
    "shares:./a",
    "shares:a/.",
    "shares:-a",
    "shares:.a",
    "shares:a/b/-c",
    "shares:a/b/../b/c",
    "shares:a\n",
    "shares:a\0",
    "shares-evil:a",
    "Shares:a",
    ":a",
    "snapshots:-s",
    "snapshots:..",
    "snapshots:s/t",
    "a\n",
    "\na",
    "a\r",
    "a\0",
    "a\0b",
    "a b",
    "\u{202E}a",
    "a\u{200B}",
    "ａ",
    "１G",
    "1０G",
    "é",
    "$(id)",
    "`id`",
    "a;id",
    "a|b",
    "*",
    "ro,rw",
    "ro,ro",
    "ro,",
    ",ro",
    "ro,no_root_squash",
];

/// Valid command lines of each rule, and which arguments are holes.
const LINES: [(&str, &[&str], &[usize]); 3] = [
    ("cp", &["--archive", "--", "snapshots:snap-1", "shares:share-1"], &[2, 3]),
    ("lvcreate", &["-L", "10G", "-n", "v", "--type", "linear", "--", "vg_shares"], &[1, 3, 5]),
    ("exportfs", &["-o", "sync,ro", "shares:a/b/c", "shares:"], &[1, 2, 3]),
];

#[test]
fn no_hole_takes_a_hostile_word() {
    let policy = everything();
    for (program, line, holes) in LINES {
        assert!(policy.decide_command(program, &words(line)).is_ok(), "control: {line:?}");
        for hole in holes {
            for word in HOSTILE {
                let mut args = words(line);
                args[*hole] = (*word).to_owned();
                let decision = policy.decide_command(program, &args);
                assert!(decision.is_err(), "{program} {args:?} runs {decision:?}");
            }
        }
    }
}

#[test]
fn no_word_may_be_added_or_left_out() {
    let policy = everything();
    for (program, line, _) in LINES {
        for at in 0..=line.len() {
            for word in HOSTILE.iter().chain(["a", "shares:a", "1G"].iter()) {
                let mut longer = words(line);
                longer.insert(at, (*word).to_owned());
                assert!(policy.decide_command(program, &longer).is_err(), "{program} {longer:?}");
            }
            let mut shorter = words(line);
            if at < line.len() {
                shorter.remove(at);
                assert!(policy.decide_command(program, &shorter).is_err(), "{program} {shorter:?}");
            }
        }
    }
}

#[test]
fn an_empty_argv_is_denied() {
    let policy = everything();
    assert!(policy.decide_command("", &[]).is_err());
    assert!(policy.decide_command("cp", &[]).is_err());
    assert!(policy.explain_command("", &[]).outcome.is_err());
}

#[test]
fn programs_are_named_without_directory() {
    let policy = everything();
    let args = words(LINES[0].1);
    for program in [
        "/usr/bin/cp",
        "./cp",
        "bin/cp",
        "/tmp/evil/cp",
        "cp\n",
        "cp\0",
        "CP",
        "cp ",
        "mv",
        "\u{202E}pc",
    ] {
        let denial = policy.decide_command(program, &args).unwrap_err();
        assert!(!denial.to_string().contains(['\n', '\0', '\u{202E}']), "{denial:?}");
    }
    assert!(policy.decide_command(&"c".repeat(1 << 20), &args).is_err());
}

#[test]
fn size_is_checked_before_rules() {
    let policy = everything();
    let many = vec!["a".to_owned(); 1_000_000];
    assert_eq!(policy.decide_command("cp", &many).unwrap_err().reason, "more than 128 arguments");
    let long = ["a".repeat(1 << 20)];
    let denial = policy.decide_command("cp", &long).unwrap_err();
    assert_eq!(denial.reason, "more than 64 KiB of arguments");
}

#[test]
fn messages_escape_and_cut_what_they_quote() {
    let policy = everything();
    let word = format!("\u{1B}[31m{}", "x".repeat(10_000));
    let denial = policy.decide_command("cp", &[word]).unwrap_err().to_string();
    assert!(!denial.contains('\u{1B}') && denial.len() < 300, "{denial}");
}
