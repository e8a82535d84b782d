//! Calls that are cut short at every step, refused, repeated; and what others have put in the way.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use abaca::types::{Error as DriverError, Share, ShareStatus};

use super::{Home, KINDS, LONGEST, driver_error, mounts, reserve};
use crate::support::{Desk, component, dropped_at, settled, share, snapshot, tree, until};

/// Repeated, each call is the same as once.
#[tokio::test]
async fn what_is_repeated_succeeds_and_changes_nothing() {
    for kind in KINDS {
        let Some(home) = Home::new(kind, "repeated calls").await else { return };
        let one = share("one", 1);
        let (current, directory) = home.made(&one).await;
        fs::write(directory.join("file"), "kept").unwrap();
        let before = tree(&directory);
        home.backend.create_share(&one, None).await.unwrap();
        assert_eq!(tree(&directory), before);
        let taken = snapshot(&current);
        let clone = share("clone", 1);
        for _ in 0..2 {
            home.backend.create_snapshot(&taken, None).await.unwrap();
            home.backend.create_share_from_snapshot(&clone, &taken, None).await.unwrap();
            assert_eq!(tree(&home.shares().join(&clone.name)), before);
        }
        for _ in 0..2 {
            home.backend.delete_snapshot(&taken, None).await.unwrap();
            home.backend.delete_share(&clone, None).await.unwrap();
            home.backend.delete_share(&one, None).await.unwrap();
        }
        home.assert_bare().await;
    }
}

/// The call is given up after its first step, after its second, and so on; and asked for again.
#[tokio::test]
async fn a_share_that_was_dropped_while_it_was_made_is_made_or_removed() {
    let Some(home) = Home::new("ext4", "dropped calls").await else { return };
    for point in 0.. {
        let one = share("one", 1);
        let answer = dropped_at(2 * point + 1, home.backend.create_share(&one, None)).await;
        if answer.is_none() {
            let recorded = home.backend.records().share(&one.id).await.unwrap();
            if recorded.is_some_and(|record| record.share.status == ShareStatus::Creating) {
                settled(&home.backend, &one.id, ShareStatus::Error).await;
            }
            // Every other time it is made after all.
            if point % 2 == 0 {
                home.made(&one).await;
            }
        }
        home.backend.delete_share(&one, None).await.unwrap();
        home.assert_bare().await;
        if answer.is_some() {
            assert!(point > 20, "it was dropped at {point} points only");
            break;
        }
    }
}

/// As above, of a share that is resized: it never loses what is in it.
#[tokio::test]
async fn a_share_that_was_dropped_while_it_was_resized_keeps_what_is_in_it() {
    let Some(home) = Home::new("ext4", "resizing that is dropped").await else { return };
    let (current, directory) = home.made(&share("one", 1)).await;
    fs::write(directory.join("file"), vec![b'k'; 3 << 20]).unwrap();
    let before = tree(&directory);
    for point in 0.. {
        let now = home.recorded(&current).await;
        let answer = dropped_at(4 * point + 1, home.backend.extend_share(&now, 2, None)).await;
        if answer.is_none() {
            let now = home.recorded(&current).await;
            if now.status == ShareStatus::Extending {
                settled(&home.backend, &current.id, ShareStatus::ExtendingError).await;
            }
            // Whatever comes next finds the share whole.
            home.ensure(&current).await;
            assert_eq!(tree(&directory), before, "point {point}");
            home.assert_nothing_half_made();
        }
        if home.recorded(&current).await.size == 1 {
            home.extend(&current, 2).await;
        }
        assert_eq!(tree(&directory), before, "point {point}");
        home.shrink(&current, 1).await;
        assert_eq!(tree(&directory), before, "point {point}");
        if answer.is_some() {
            assert!(point > 10, "it was dropped at {point} points only");
            break;
        }
    }
    home.backend.delete_share(&home.recorded(&current).await, None).await.unwrap();
    home.assert_bare().await;
}

/// A configuration for `abaca` beside the one of the test.
fn desk(home: &Home, kind: &str) -> Desk {
    let text = Desk::text(&home.ground, "home", &component("abaca-driver-image"));
    let shares = home.shares();
    let options = format!("image_export_root = {shares:?}\nimage_filesystem = \"{kind}\"\n");
    Desk::with(&home.ground, &(text + &options))
}

/// Runs a command and kills it, with all that it has started, when it is about to do a step.
async fn killed_at(home: &Home, desk: &Desk, step: &str, words: &[&str]) {
    let before = home.ground.audit("home").len();
    let mut command = desk.command(words);
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until(&format!("it comes to the step {step}"), || {
        let lines = home.ground.audit("home");
        lines.iter().skip(before).any(|line| line["rule"] == step)
    })
    .await;
    process.kill().unwrap();
    process.wait().unwrap();
}

/// The whole program is killed when it is about to do each step; another run of it removes what
/// is there, or makes it.
#[tokio::test]
async fn kill_9_at_each_step_of_making_a_share() {
    for (kind, format) in KINDS.into_iter().zip(["format-ext4", "format-xfs"]) {
        let Some(home) = Home::new(kind, "kill -9 of shares that are made").await else { return };
        let desk = desk(&home, kind);
        let steps = ["make-image", format, "set-aside", "staged", "image + image", "serve"];
        for (number, step) in steps.into_iter().enumerate() {
            let name = format!("share-{number}");
            killed_at(&home, &desk, step, &["share", "create", &name, "--size", "1"]).await;
            assert!(!desk.share(&name).is_null(), "{step}: what was begun is known");
            // What the dead process had started may not have been ended yet.
            until("it is removed", || desk.run(&["share", "delete", &name]).code == Some(0)).await;
            home.assert_bare().await;
        }
    }
}

/// Resizes a share that may have that size already; see [`super::free`].
async fn resized(desk: &Desk, words: &[&str]) {
    let deadline = Instant::now() + LONGEST;
    loop {
        let answer = desk.run(words);
        if answer.code == Some(0) || answer.stderr.contains("needs") {
            return;
        }
        assert!(Instant::now() < deadline, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn kill_9_at_each_step_of_resizing_a_share() {
    let Some(home) = Home::new("ext4", "kill -9 of shares that are resized").await else { return };
    let desk = desk(&home, "ext4");
    let made = desk.json(&["share", "create", "one", "--size", "1"]);
    let place = made["export_locations"][0].as_str().unwrap().to_owned();
    let directory = Path::new(&place);
    fs::write(directory.join("file"), vec![b'k'; 3 << 20]).unwrap();
    let before = tree(directory);
    for (words, steps) in [
        (["share", "extend", "one", "--size", "2"], ["copy-image", "resize-image", "grow"]),
        (["share", "shrink", "one", "--size", "1"], ["mend", "shrink", "resize-image"]),
    ] {
        for step in steps.into_iter().chain(["image + image", "image", "serve"]) {
            killed_at(&home, &desk, step, &words).await;
            // Asked for again, it is done, unless it was done when it was killed.
            resized(&desk, &words).await;
            assert_eq!(tree(directory), before, "{words:?} at {step}");
            home.assert_nothing_half_made();
            assert_eq!(mounts(&home.pool).len(), 2, "the pool and the share");
            let back = match words[1] {
                "extend" => ["share", "shrink", "one", "--size", "1"],
                _ => ["share", "extend", "one", "--size", "2"],
            };
            resized(&desk, &back).await;
            assert_eq!(tree(directory), before);
        }
        resized(&desk, &words).await;
        assert_eq!(tree(directory), before);
    }
    assert!(reserve(directory, "too much", 1000).is_err());
    desk.json(&["share", "delete", "one"]);
    home.assert_bare().await;
}

#[tokio::test]
async fn kill_9_at_each_step_of_snapshots_and_clones() {
    for kind in KINDS {
        let Some(home) = Home::new(kind, "kill -9 of snapshots").await else { return };
        let desk = desk(&home, kind);
        let made = desk.json(&["share", "create", "one", "--size", "1"]);
        let directory = made["export_locations"][0].as_str().unwrap().to_owned();
        fs::write(Path::new(&directory).join("file"), "kept").unwrap();
        for step in ["sync", "take-snapshot", "snapshot + snapshot"] {
            killed_at(&home, &desk, step, &["snapshot", "create", "one", "kept"]).await;
            until("it is removed", || desk.run(&["snapshot", "delete", "kept"]).code == Some(0))
                .await;
            home.assert_nothing_half_made();
        }
        desk.json(&["snapshot", "create", "one", "kept"]);
        let mended = (kind == "ext4").then_some(["mend", "identify"]).into_iter().flatten();
        for step in ["clone", "set-aside", "image + image", "serve"].into_iter().chain(mended) {
            let words = ["share", "create", "two", "--from-snapshot", "kept"];
            killed_at(&home, &desk, step, &words).await;
            until("it is removed", || desk.run(&["share", "delete", "two"]).code == Some(0)).await;
            home.assert_nothing_half_made();
        }
        let clone = desk.json(&["share", "create", "two", "--from-snapshot", "kept"]);
        let directory = clone["export_locations"][0].as_str().unwrap().to_owned();
        assert_eq!(fs::read(Path::new(&directory).join("file")).unwrap(), b"kept");
        desk.json(&["share", "delete", "two"]);
        desk.json(&["snapshot", "delete", "kept"]);
        desk.json(&["share", "delete", "one"]);
        home.assert_bare().await;
    }
}

/// What somebody else has put in a share's place is neither handed out nor removed.
#[tokio::test]
async fn what_is_not_ours_stays() {
    let Some(home) = Home::new("ext4", "the images of others").await else { return };
    let foreign = |error: DriverError| assert!(matches!(error, DriverError::BackendFailed(_)));
    let one = share("one", 1);
    let theirs = home.images().join(&one.name);
    fs::write(&theirs, "theirs").unwrap();
    foreign(driver_error(home.backend.create_share(&one, None).await));
    foreign(driver_error(home.backend.delete_share(&one, None).await));
    assert_eq!(fs::read(&theirs).unwrap(), b"theirs");

    let two = share("two", 1);
    let place = home.shares().join(&two.name);
    fs::create_dir(&place).unwrap();
    fs::write(place.join("file"), "theirs").unwrap();
    foreign(driver_error(home.backend.create_share(&two, None).await));
    foreign(driver_error(home.backend.delete_share(&two, None).await));
    assert_eq!(fs::read(place.join("file")).unwrap(), b"theirs");
    assert!(!home.images().join(&two.name).exists());

    // An image that is none: the share is not served, and nothing of it is removed.
    let three = share("three", 1);
    let (current, directory): (Share, _) = home.made(&three).await;
    rustix::mount::unmount(&directory, rustix::mount::UnmountFlags::empty()).unwrap();
    let image = home.images().join(&three.name);
    let whole = fs::read(&image).unwrap();
    fs::write(&image, vec![0; 1 << 20]).unwrap();
    home.backend.ensure_share(&current, None).await.unwrap_err();
    assert!(!home.is_mounted(&current));
    fs::write(&image, whole).unwrap();
    home.ensure(&current).await;
    home.backend.delete_share(&current, None).await.unwrap();
    assert!(!image.exists());
}
