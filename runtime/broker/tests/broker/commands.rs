//! Commands: what runs, on which files, and what comes back.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use abaca_broker::protocol::{ErrorKind, Outcome, RequestKind, Stage, Status};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::harness::{AMPLE, Broker, command, script, write};

fn kind(outcome: &Outcome) -> ErrorKind {
    match outcome {
        Outcome::Error { kind, .. } => *kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_permitted_command_runs_and_is_reported() {
    let mut broker = Broker::with("");
    write(&broker.path("shares/a"), "hello");
    let (done, text) = broker.done("cat", &["--", "shares:a"]);
    assert_eq!(text, "hello");
    assert_eq!(done.status, Status::Exited(0));
    let stage = &done.stages[0];
    assert_eq!(stage.rule, "show");
    assert_eq!(stage.argv, ["cat", "--", "<shares>/a"]);
    let inode = fs::metadata(broker.path("shares/a")).unwrap().ino();
    assert_eq!(stage.resolved[0].inode, inode);
}

#[test]
fn a_path_within_a_word_is_opened_like_a_word_of_its_own() {
    let rule = "[[command]]\nid = \"block-copy\"\nprogram = \"/usr/bin/dd\"\nargs = [\"status=none\",\n\
         { concat = [\"if=\", { path = { root = \"shares\", leaf = \"file\", name = \"share\" } }] },\n\
         { concat = [\"of=\", { path = { root = \"shares\", leaf = \"new\", name = \"share\" } }] }]\n\
         write = [\"shares\"]\n";
    let mut broker = Broker::with(rule);
    write(&broker.path("shares/a"), "hello");
    symlink("/etc/passwd", broker.path("shares/link")).unwrap();
    let (done, _) = broker.done("dd", &["status=none", "if=shares:a", "of=shares:b"]);
    assert_eq!(done.status, Status::Exited(0), "{done:?}");
    assert_eq!(fs::read_to_string(broker.path("shares/b")).unwrap(), "hello");
    let stage = &done.stages[0];
    assert_eq!(stage.argv, ["dd", "status=none", "if=<shares>/a", "of=<shares>/b"]);
    assert_eq!(stage.resolved.len(), 2);
    let (outcome, _) = broker.command("dd", &["status=none", "if=shares:link", "of=shares:c"]);
    assert_eq!(kind(&outcome), ErrorKind::SymbolicLink);
    let (outcome, _) = broker.command("dd", &["status=none", "if=shares:a", "of=shares:b"]);
    assert_eq!(kind(&outcome), ErrorKind::AlreadyExists);
}

#[test]
fn what_no_rule_permits_is_denied() {
    let mut broker = Broker::with("");
    for (program, args) in [
        ("cat", &["--", "shares:../x"][..]),
        ("cat", &["shares:a"]),
        ("cat", &["--", "/etc/passwd"]),
        ("rm", &["-rf", "/"]),
        ("/usr/bin/cat", &["--", "shares:a"]),
    ] {
        let (outcome, _) = broker.command(program, args);
        assert!(matches!(outcome, Outcome::Denied { .. }), "{program} {args:?}: {outcome:?}");
    }
    let (outcome, _) = broker.ask(command("cat", &["--", "shares:a"], AMPLE), b"input");
    assert!(matches!(outcome, Outcome::Denied { rule: Some(_), .. }), "{outcome:?}");
}

#[test]
fn a_tree_is_cloned_to_a_new_name_only() {
    let mut broker = Broker::with("");
    fs::create_dir(broker.path("snapshots/s1")).unwrap();
    write(&broker.path("snapshots/s1/f"), "data");
    let args = ["--archive", "--no-target-directory", "--", "snapshots:s1", "shares:new"];
    let (done, _) = broker.done("cp", &args);
    assert_eq!(done.status, Status::Exited(0), "{done:?}");
    assert_eq!(fs::read_to_string(broker.path("shares/new/f")).unwrap(), "data");
    assert_eq!(kind(&broker.command("cp", &args).0), ErrorKind::AlreadyExists);
}

#[test]
fn links_are_refused_wherever_they_stand() {
    let mut broker = Broker::with("");
    symlink("/etc", broker.path("snapshots/link")).unwrap();
    symlink("/etc/passwd", broker.path("shares/link")).unwrap();
    fs::create_dir(broker.path("shares/dir")).unwrap();
    let (outcome, _) = broker.command("cat", &["--", "shares:link"]);
    assert_eq!(kind(&outcome), ErrorKind::SymbolicLink);
    let args = ["--archive", "--no-target-directory", "--", "snapshots:link", "shares:new"];
    assert_eq!(kind(&broker.command("cp", &args).0), ErrorKind::SymbolicLink);
    assert_eq!(kind(&broker.command("cat", &["--", "shares:dir"]).0), ErrorKind::NotAFile);
    assert_eq!(kind(&broker.command("cat", &["--", "shares:none"]).0), ErrorKind::NotFound);
}

#[test]
fn a_swap_in_the_middle_never_leads_out() {
    let mut broker = Broker::with("");
    fs::create_dir(broker.path("outside")).unwrap();
    write(&broker.path("outside/secret"), "secret");
    fs::create_dir(broker.path("snapshots/swap")).unwrap();
    write(&broker.path("snapshots/swap/inside"), "fine");
    symlink(broker.path("outside"), broker.path("snapshots/other")).unwrap();
    let (a, b) = (broker.path("snapshots/swap"), broker.path("snapshots/other"));
    let stop = AtomicBool::new(false);
    let (mut copied, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let start = Instant::now();
        for round in 0.. {
            if start.elapsed() > Duration::from_secs(2) {
                break;
            }
            let new = format!("shares:r{round}");
            let args = ["--archive", "--no-target-directory", "--", "snapshots:swap", &new];
            match broker.command("cp", &args).0 {
                Outcome::Done(_) => copied += 1,
                Outcome::Error { kind: ErrorKind::SymbolicLink | ErrorKind::NotFound, .. } => {
                    refused += 1;
                }
                other => {
                    stop.store(true, Ordering::Relaxed);
                    panic!("{other:?}")
                }
            }
            let there = broker.path(&format!("shares/r{round}"));
            assert!(!there.join("secret").exists(), "round {round} escaped");
            assert!(!there.is_symlink(), "round {round} copied the link");
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(copied > 0 && refused > 0, "the race never happened: {copied} {refused}");
}

#[test]
fn a_root_that_was_replaced_is_not_used() {
    let mut broker = Broker::with("");
    write(&broker.path("shares/a"), "old");
    fs::rename(broker.path("shares"), broker.path("gone")).unwrap();
    fs::create_dir(broker.path("shares")).unwrap();
    write(&broker.path("shares/a"), "new");
    let (outcome, _) = broker.command("cat", &["--", "shares:a"]);
    assert_eq!(kind(&outcome), ErrorKind::Changed);
    fs::remove_dir_all(broker.path("shares")).unwrap();
    let (missing, _) = broker.command("cat", &["--", "shares:a"]);
    assert_eq!(kind(&missing), ErrorKind::Changed);
    // The guest learns which root, and not where on the host it lies.
    for outcome in [outcome, missing] {
        let Outcome::Error { message, .. } = outcome else { panic!("{outcome:?}") };
        assert!(message.contains("<shares>"), "{message}");
        assert!(!message.contains(broker.directory.path().to_str().unwrap()), "{message}");
    }
}

#[test]
fn input_arrives_and_a_command_that_does_not_read_it_is_no_error() {
    let mut broker = Broker::with(&script("deaf", "exec true", "stdin-max = \"1MiB\""));
    let body = vec![b'x'; 1024 * 1024];
    let (outcome, text) = broker.ask(command("wc", &["-c"], AMPLE), &body);
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(text, b"1048576\n");
    let (outcome, _) = broker.ask(command("sh", &["-c", "exec true"], AMPLE), &body);
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
}

#[test]
fn a_flood_is_cut_and_the_command_still_ends() {
    let flood = "yes | head -c 20000000; yes x | head -c 5000000 >&2; exit 3";
    let limits = "stdout-max = \"64KiB\"\nstderr-max = \"1KiB\"";
    let mut broker = Broker::with(&script("flood", flood, limits));
    let (done, text) = broker.done("sh", &["-c", flood]);
    assert_eq!((text.len(), done.stdout_truncated), (64 * 1024, true));
    assert_eq!((done.stderr_len, done.stderr_truncated), (1024, true));
    assert_eq!(done.status, Status::Exited(3));
}

#[test]
fn a_command_that_prints_too_much_is_read_to_its_end() {
    // Without a shell between, which would not notice that nobody reads.
    for (to, text) in
        [("out", "exec head -c 20000000 /dev/zero"), ("err", "exec head -c 20000000 /dev/zero >&2")]
    {
        let mut broker =
            Broker::with(&script("flood", text, "stdout-max = \"1KiB\"\nstderr-max = \"1KiB\""));
        let (done, _) = broker.done("sh", &["-c", text]);
        assert_eq!(done.status, Status::Exited(0), "{text}");
        let [out, err] = [done.stdout_len, done.stderr_len];
        assert_eq!([out, err], if to == "out" { [1024, 0] } else { [0, 1024] }, "{text}");
    }
}

#[test]
fn a_pipeline_joins_its_stages_and_fails_with_the_last_that_failed() {
    let rules = [
        script("half", "cat; echo one >&2; exit 4", "stdin-max = \"1KiB\""),
        script("kill", "cat >/dev/null; kill -9 $$", "stdin-max = \"1KiB\""),
    ];
    let mut broker = Broker::with(&rules.concat());
    let stage = |program: &str, args: &[&str]| Stage {
        program: program.to_owned(),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
    };
    let half = stage("sh", &["-c", "cat; echo one >&2; exit 4"]);
    let stages = vec![half.clone(), stage("wc", &["-c"])];
    let (outcome, body) = broker
        .ask(RequestKind::Pipeline { stages, secrets: Vec::new(), deadline_ms: AMPLE }, b"12345");
    let Outcome::Done(done) = outcome else { panic!("{outcome:?}") };
    assert_eq!(body, b"5\none\n");
    assert_eq!((done.status, done.stages.len()), (Status::Exited(4), 2));
    assert_eq!((done.stdout_len, done.stderr_len), (2, 4));

    let stages = vec![half.clone(), stage("sh", &["-c", "cat >/dev/null; kill -9 $$"])];
    let (outcome, _) =
        broker.ask(RequestKind::Pipeline { stages, secrets: Vec::new(), deadline_ms: AMPLE }, b"1");
    let Outcome::Done(done) = outcome else { panic!("{outcome:?}") };
    assert_eq!(done.status, Status::Signalled(9));

    let stages = vec![half, stage("rm", &["-rf"])];
    let (outcome, _) =
        broker.ask(RequestKind::Pipeline { stages, secrets: Vec::new(), deadline_ms: AMPLE }, b"1");
    let Outcome::Denied { reason, .. } = outcome else { panic!("{outcome:?}") };
    assert!(reason.starts_with("stage 2 of 2"), "{reason}");
}
