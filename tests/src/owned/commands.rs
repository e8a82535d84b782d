//! Commands whose arguments name what must be the backend's own, or make it.

use std::fs;

use abaca::{Limits, OwnedState};

use super::{Neighbours, STRANGE, command, file, state};
use crate::support::{Log, attack_share, until};

/// Every owner hole, with what another backend made and with what nobody is known to have made.
#[tokio::test]
async fn what_others_made_is_denied_in_every_hole() {
    let all = Neighbours::new().await;
    let shares = all.ground.shares();
    assert_eq!(command(&all.other, &["mkdir", "--", "shares:theirs"]).await, "ok:0:");
    fs::create_dir(shares.join("by-hand")).unwrap();
    for name in ["theirs-file", "by-hand-file"] {
        fs::write(shares.join(name), "x").unwrap();
    }
    for asked in [
        &["echo", "create", "theirs"][..],
        &["echo", "create", "tank/shares/theirs"],
        &["echo", "snapshot", "tank/shares/theirs@a"],
        &["echo", "start", "theirs"],
    ] {
        assert!(command(&all.other, asked).await.starts_with("ok:0:"), "{asked:?}");
    }
    for whose in ["theirs", "by-hand"] {
        let path = format!("shares:{whose}");
        let path_of_file = format!("shares:{whose}-file");
        let volume = format!("vg/{whose}");
        let dataset = format!("tank/shares/{whose}");
        let snapshot = format!("{dataset}@a");
        for asked in [
            &["du", "--", &path][..],
            &["cat", "--", &path_of_file],
            &["rmdir", "--", &path],
            &["echo", "show", &volume],
            &["echo", "name", &volume],
            &["echo", "remove", &volume],
            &["echo", "show", &dataset],
            &["echo", "remove", &dataset],
            &["echo", "rollback", &snapshot],
            &["echo", "snapshot", &snapshot],
            &["echo", "status", whose],
        ] {
            let answer = command(&all.mine, asked).await;
            assert!(answer.contains("Denied") && answer.contains(STRANGE), "{asked:?}: {answer}");
        }
    }
    assert_eq!(all.audited("denied").len(), 11 * 2);
    assert!(all.audited("intent").is_empty(), "nothing was begun");
    assert!(all.mine.records().owned().await.unwrap().is_empty());
    // What does not exist is not there, rather than somebody's.
    let answer = command(&all.mine, &["du", "--", "shares:nothing"]).await;
    assert!(answer.contains("is not there"), "{answer}");
    // And each of them is its maker's.
    for asked in [
        &["du", "--", "shares:theirs"][..],
        &["echo", "show", "vg/theirs"],
        &["echo", "name", "vg/theirs"],
        &["echo", "show", "tank/shares/theirs"],
        &["echo", "rollback", "tank/shares/theirs@a"],
        &["echo", "status", "theirs"],
    ] {
        assert!(command(&all.other, asked).await.starts_with("ok:0:"), "{asked:?}");
    }
}

/// A place is its own if something is there that was not there before, whatever the program says.
#[tokio::test]
async fn a_path_is_its_own_by_what_is_there() {
    let all = Neighbours::new().await;
    let (mine, shares) = (&all.mine, all.ground.shares());
    assert_eq!(command(mine, &["mkdir", "--", "shares:made"]).await, "ok:0:");
    assert_eq!(state(mine, "made").await, Some(OwnedState::Made));
    // The program fails after it has made it.
    let answer = command(mine, &["sh", "-c", "mkdir \"$0\"; exit 3", "shares:half"]).await;
    assert!(answer.starts_with("ok:3:") && shares.join("half").is_dir(), "{answer}");
    assert_eq!(file(mine, &["remove", "shares", "half"]).await, "ok:true");
    // It ends well and has made nothing: a name cannot be taken before it is used.
    assert!(command(mine, &["printf", "--", "shares:kept"]).await.starts_with("ok:0:"));
    assert_eq!(state(mine, "kept").await, None);
    assert_eq!(command(&all.other, &["mkdir", "--", "shares:kept"]).await, "ok:0:");
    let answer = command(mine, &["du", "--", "shares:kept"]).await;
    assert!(answer.contains(STRANGE), "{answer}");
    // It is there already, and stays whosever it is.
    let answer = command(mine, &["mkdir", "--", "shares:kept"]).await;
    assert!(answer.contains("exists already"), "{answer}");
    assert_eq!(state(mine, "kept").await, None);
    // What a command removes is given up.
    assert_eq!(command(mine, &["rmdir", "--", "shares:made"]).await, "ok:0:");
    assert_eq!(state(mine, "made").await, None);
}

/// While a command waits for its turn to run, nothing is its backend's own: another one may be first.
#[tokio::test]
async fn what_others_make_while_a_command_waits_is_theirs() {
    let log = Log::capture();
    let mut limits = Limits::default();
    limits.concurrent_commands = 0;
    let all = Neighbours::with(limits).await;
    let start = |asked: &[&str]| {
        let (mine, one) = (all.mine.clone(), attack_share("command", asked));
        tokio::spawn(async move {
            mine.create_share(&one, None).await.map(|mut told| told.remove(0).path)
        })
    };
    // The one place that each backend has to itself.
    let holding = start(&["bash", "-c", "mkdir \"$0\"; sleep 600", "shares:held"]);
    let held = all.ground.shares().join("held");
    until("it runs", || held.is_dir()).await;
    let waiting = start(&["mkdir", "--", "shares:first"]);
    let given_up = start(&["mkdir", "--", "shares:second"]);
    until("both wait", || log.text().matches("waits for a place").count() == 2).await;
    for name in ["shares:first", "shares:second"] {
        assert_eq!(command(&all.other, &["mkdir", "--", name]).await, "ok:0:");
    }
    given_up.abort();
    holding.abort();
    let answer = waiting.await.unwrap().unwrap();
    assert!(answer.contains("exists already"), "{answer}");
    for name in ["first", "second"] {
        assert_eq!(state(&all.mine, name).await, None, "{name}");
        let answer = command(&all.mine, &["du", "--", &format!("shares:{name}")]).await;
        assert!(answer.contains(STRANGE), "{answer}");
    }
}

/// At names nobody can look: a clean exit makes them its own, and nothing else does.
#[tokio::test]
async fn a_name_is_its_own_after_a_clean_exit_only() {
    let all = Neighbours::new().await;
    let mine = &all.mine;
    assert!(command(mine, &["false", "create", "one"]).await.starts_with("ok:1:"));
    assert_eq!(state(mine, "one").await, Some(OwnedState::Maybe));
    let answer = command(mine, &["echo", "show", "vg/one"]).await;
    assert!(answer.contains("Denied") && answer.contains("is not known"), "{answer}");
    // Made after all.
    assert!(command(mine, &["echo", "create", "one"]).await.starts_with("ok:0:"));
    assert!(command(mine, &["echo", "show", "vg/one"]).await.contains("/dev/vg/one"));
    // One that was made stays so, though making it again fails; and until its removal is known.
    for asked in [&["false", "create", "one"][..], &["false", "remove", "vg/one"]] {
        assert!(command(mine, asked).await.starts_with("ok:1:"), "{asked:?}");
        assert_eq!(state(mine, "one").await, Some(OwnedState::Made), "{asked:?}");
    }
    assert!(command(mine, &["echo", "remove", "vg/one"]).await.starts_with("ok:0:"));
    assert_eq!(state(mine, "one").await, None);
    assert!(command(mine, &["echo", "show", "vg/one"]).await.contains(STRANGE));
    // A name in one container is none in another.
    assert!(command(mine, &["echo", "start", "two"]).await.starts_with("ok:0:"));
    assert!(command(mine, &["echo", "show", "vg/two"]).await.contains(STRANGE));
    assert!(command(mine, &["du", "--", "shares:two"]).await.contains("is not there"));
    // With a dataset go its snapshots.
    for asked in [
        &["echo", "create", "tank/shares/set"][..],
        &["echo", "snapshot", "tank/shares/set@a"],
        &["echo", "remove", "tank/shares/set"],
    ] {
        assert!(command(mine, asked).await.starts_with("ok:0:"), "{asked:?}");
    }
    assert_eq!(state(mine, "set@a").await, None);
}
