//! Calls that end in the middle, wherever that is: by a refusal at each step, by being dropped, by
//! `kill -9`. The repeated call finds what there is and goes on, or removal leaves nothing.

use std::fs;
use std::process::Stdio;

use abaca::types::{Error as DriverError, Share, ShareStatus};

use super::replicas::Pair;
use super::{Home, driver_error, everything, in_pool, property, run};
use crate::support::{Desk, component, dropped_at, eventually, settled, snapshot, tree, until};

/// Each step of making a share, a copy and a replica is refused once.
#[tokio::test]
async fn a_refusal_at_each_step_is_made_good_by_the_repeated_call() {
    let Some(home) = Home::new(
        module_path!(),
        "a_refusal_at_each_step_is_made_good_by_the_repeated_call",
        "refusals at each step",
    )
    .await
    else {
        return;
    };
    let (first, directory) = home.made(&in_pool("tank", 1)).await;
    fs::write(directory.join("file"), "kept").unwrap();
    let taken = snapshot(&first);
    home.backend.create_snapshot(&taken, None).await.unwrap();
    let kept = tree(&directory);
    let steps = [
        "list",
        "create",
        "get",
        "send",
        "receive",
        "set-quota",
        "set-property",
        "set-read-only",
        "destroy-snapshot",
    ];
    for step in steps {
        let broken = home.broken(step).await;
        let (empty, copy) = (in_pool("tank", 1), in_pool("pond", 1));
        let answers = [
            broken.create_share(&empty, None).await,
            broken.create_share_from_snapshot(&copy, &taken, None).await,
        ];
        assert!(answers.iter().any(Result::is_err), "{step}");
        drop(broken);
        home.backend.create_share(&empty, None).await.unwrap();
        home.backend.create_share_from_snapshot(&copy, &taken, None).await.unwrap();
        assert!(tree(&home.directory("tank", &empty)).is_empty(), "{step}");
        assert_eq!(tree(&home.directory("pond", &copy)), kept, "{step}");
        for (pool, one) in [("tank", empty), ("pond", copy)] {
            let dataset = Home::dataset(pool, &one);
            assert_eq!(property("quota", &dataset), "1G", "{step}");
            fs::write(home.directory(pool, &one).join("written"), "x").unwrap();
            home.backend.delete_share(&one, None).await.unwrap();
        }
    }
    home.backend.delete_snapshot(&taken, None).await.unwrap();
    home.backend.delete_share(&first, None).await.unwrap();
    home.assert_bare().await;
}

/// The same of a replica: its making, its following, and its removal.
#[tokio::test]
async fn a_replica_that_was_cut_short_is_made_good() {
    let Some(home) = Home::new(
        module_path!(),
        "a_replica_that_was_cut_short_is_made_good",
        "replicas that are cut short",
    )
    .await
    else {
        return;
    };
    let pair = Pair::made(&home).await;
    let list = pair.list();
    let first = home.directory("tank", &pair.first);
    home.backend.delete_replica(&list, &[], &list[1], None).await.unwrap();
    for step in ["snapshot", "send", "receive", "set-read-only", "set-quota", "get"] {
        let broken = home.broken(step).await;
        let second = Share { share_id: pair.first.share_id.clone(), ..in_pool("pond", 1) };
        let pair = Pair { first: pair.first.clone(), second };
        let list = pair.list();
        broken.create_replica(&list, &list[1], &[], &[], None).await.unwrap_err();
        drop(broken);
        home.backend.create_replica(&list, &list[1], &[], &[], None).await.unwrap();
        let second = home.directory("pond", &pair.second);
        assert_eq!(tree(&first), tree(&second), "{step}");
        assert!(fs::write(second.join("file"), "x").is_err(), "{step}");

        fs::write(first.join("file"), format!("after {step}")).unwrap();
        let broken = home.broken("receive-changes").await;
        let pair = pair.now(&home).await;
        let list = pair.list();
        broken.update_replica_state(&list, &list[1], &[], &[], None).await.unwrap_err();
        drop(broken);
        home.backend.update_replica_state(&list, &list[1], &[], &[], None).await.unwrap();
        assert_eq!(tree(&first), tree(&second), "{step}");

        let broken = home.broken("destroy").await;
        broken.delete_replica(&list, &[], &list[1], None).await.unwrap_err();
        drop(broken);
        home.backend.delete_replica(&list, &[], &list[1], None).await.unwrap();
        assert_eq!(everything().len(), 3, "{step}: {:?}", everything());
    }
    home.backend.delete_share(&pair.first, None).await.unwrap();
    home.assert_bare().await;
}

/// Repeated, each call is the same as once.
#[tokio::test]
async fn what_is_repeated_succeeds_and_changes_nothing() {
    let Some(home) = Home::new(
        module_path!(),
        "what_is_repeated_succeeds_and_changes_nothing",
        "repeated calls",
    )
    .await
    else {
        return;
    };
    let one = in_pool("tank", 1);
    let (current, directory) = home.made(&one).await;
    fs::write(directory.join("file"), "kept").unwrap();
    let before = tree(&directory);
    home.backend.create_share(&one, None).await.unwrap();
    assert_eq!(tree(&directory), before);
    let taken = snapshot(&current);
    let copy = in_pool("tank", 1);
    for text in ["first", "second"] {
        home.backend.create_snapshot(&taken, None).await.unwrap();
        home.backend.create_share_from_snapshot(&copy, &taken, None).await.unwrap();
        let file = home.directory("tank", &copy).join("file");
        let expected = if text == "first" { "kept" } else { "first" };
        assert_eq!(fs::read_to_string(&file).unwrap(), expected);
        fs::write(file, text).unwrap();
    }
    for _ in 0..2 {
        home.backend.delete_snapshot(&taken, None).await.unwrap();
        home.backend.delete_share(&copy, None).await.unwrap();
        home.backend.delete_share(&one, None).await.unwrap();
    }
    home.assert_bare().await;
}

/// The call is given up after its first step, after its second, and so on; then it is repeated.
#[tokio::test]
async fn a_call_that_is_dropped_is_made_good() {
    let Some(home) =
        Home::new(module_path!(), "a_call_that_is_dropped_is_made_good", "dropped calls").await
    else {
        return;
    };
    for point in 0.. {
        let one = in_pool("tank", 1);
        let answer = dropped_at(2 * point + 1, home.backend.create_share(&one, None)).await;
        if answer.is_some() {
            home.backend.delete_share(&one, None).await.unwrap();
            break;
        }
        let recorded = home.backend.records().share(&one.id).await.unwrap();
        if recorded.is_some_and(|record| record.share.status == ShareStatus::Creating) {
            settled(&home.backend, &one.id, ShareStatus::Error).await;
        }
        home.backend.create_share(&one, None).await.unwrap();
        assert!(home.directory("tank", &one).is_dir());
        home.backend.delete_share(&one, None).await.unwrap();
    }
    home.assert_bare().await;
}

/// The process that makes shares is killed at each step; removal by the next one leaves nothing.
#[tokio::test]
async fn kill_9_at_each_step() {
    let Some(home) = Home::new(module_path!(), "kill_9_at_each_step", "kill -9").await else {
        return;
    };
    let text = Desk::text(&home.ground, "home", &component("abaca-driver-zfs"));
    let options = "zfs_zpool_list = [\"tank\"]\nzfs_share_export_ip = \"192.0.2.1\"\n\
                   zfs_service_ip = \"192.0.2.1\"\n\
                   zfs_dataset_creation_options = [\"compression=gzip\"]\n";
    let desk = Desk::with(&home.ground, &(text + options));
    desk.json(&["share", "create", "first", "--size", "1"]);
    desk.json(&["snapshot", "create", "first", "monday"]);
    let there = everything();
    let empty: &[&str] = &[];
    let copy: &[&str] = &["--from-snapshot", "monday"];
    for (number, (step, words)) in [
        ("list", empty),
        ("create", empty),
        ("get", empty),
        ("send | receive", copy),
        ("set-quota", copy),
        ("destroy-snapshot", copy),
    ]
    .into_iter()
    .enumerate()
    {
        let before = home.ground.audit("home").len();
        let name = format!("share-{number}");
        let words = [&["share", "create", &name, "--size", "1"], words].concat();
        let mut command = desk.command(&words);
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let came = |step: &str| {
            let lines = home.ground.audit("home");
            lines.iter().skip(before).any(|line| line["rule"] == step)
        };
        let mut ended = false;
        until("it comes to the step, or to its end", || {
            ended = process.try_wait().unwrap().is_some();
            came(step) || ended
        })
        .await;
        assert!(came(step), "{step} is a step");
        let _ = process.kill();
        process.wait().unwrap();
        assert!(!desk.share(&name).is_null(), "{step}: what was begun is known");
        // What the dead process had started may not have been ended yet.
        eventually("it is removed", async || {
            let answer = desk.run(&["share", "delete", &name]);
            if answer.code != Some(0) {
                eprintln!("{step}: {}", answer.stderr);
            }
            (answer.code == Some(0)).then_some(())
        })
        .await;
        assert_eq!(everything(), there, "{step}");
    }
    // zfs-fuse sends by itself, into a pipe that `zfs send` hands over. Where both ends of that were
    // killed it may wait inside of itself for ever, and holds the snapshot until it is started anew.
    // Then the truth is that the snapshot is busy and stays as it was.
    let delete = ["snapshot", "delete", "monday"];
    let answers: Vec<_> =
        (0..10).map(|_| desk.run(&delete)).take_while(|one| one.code != Some(0)).collect();
    if answers.len() == 10 {
        for answer in answers {
            assert_eq!(answer.code, Some(2), "{answer:?}");
            assert!(answer.stderr.contains("the snapshot is busy"), "{answer:?}");
        }
        assert_eq!(desk.json(&["snapshot", "list"])["snapshots"][0]["status"], "available");
        assert_eq!(everything(), there);
        return;
    }
    desk.json(&["share", "delete", "first"]);
    assert_eq!(everything(), ["pond", "tank"]);
}

/// What somebody else has put in a share's place is neither handed out nor removed.
#[tokio::test]
async fn what_is_not_ours_stays() {
    let Some(home) =
        Home::new(module_path!(), "what_is_not_ours_stays", "the datasets of others").await
    else {
        return;
    };
    let (first, _) = home.made(&in_pool("tank", 1)).await;
    let taken = snapshot(&first);
    home.backend.create_snapshot(&taken, None).await.unwrap();
    let one = in_pool("tank", 1);
    let theirs = home.directory("tank", &one);
    run("zfs", &["create", &Home::dataset("tank", &one)]);
    fs::write(theirs.join("file"), "theirs").unwrap();
    for _ in 0..2 {
        let answers = [
            home.backend.create_share(&one, None).await,
            home.backend.create_share_from_snapshot(&one, &taken, None).await,
        ];
        for answer in answers {
            let error = driver_error(answer);
            assert!(matches!(error, DriverError::BackendFailed(_)), "{error:?}");
        }
        home.backend.delete_share(&one, None).await.unwrap();
    }
    assert_eq!(fs::read_to_string(theirs.join("file")).unwrap(), "theirs");
}
