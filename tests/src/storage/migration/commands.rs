//! `abaca migration` where the drivers do not move a share: the command copies it, says how far it
//! is, survives being killed, and switches over.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use super::{DIRECTORY, IMAGE, assert_same, policy, prepare, seen, shares};
use crate::storage::pool::{LARGE, Pool};
use crate::support::{Desk, Ground, component, until};

/// Both backends in one configuration; the pool goes last.
struct Place {
    desk: Desk,
    ground: Ground,
    pool: Pool,
}

fn place(skipped: &str) -> Option<Place> {
    let pool = Pool::xfs(skipped, LARGE)?;
    let ground = Ground::new();
    let mut text = format!("schema = 1\nstate = {:?}\n", ground.state());
    for driver in [IMAGE, DIRECTORY] {
        prepare(&pool, driver);
        ground.write(&format!("{driver}.policy.toml"), &policy(&pool, driver));
        text += &format!(
            "\n[backends.{driver}]\ndriver = {:?}\npolicy = \"{driver}.policy.toml\"\napproved = false\n\n\
             [backends.{driver}.options]\ndriver_handles_share_servers = false\n\
             {driver}_export_root = {:?}\n",
            component(&format!("abaca-driver-{driver}")),
            shares(&pool, driver)
        );
    }
    let desk = Desk::with(&ground, &text);
    Some(Place { desk, ground, pool })
}

/// Makes the share `one`, with something in it, and says where it is.
fn made(place: &Place, backend: &str) -> PathBuf {
    let words = ["share", "create", "one", "--size", "1", "--backend", backend];
    let made = place.desk.json(&words);
    let directory = PathBuf::from(made["export_locations"][0].as_str().unwrap());
    fs::create_dir(directory.join("inner")).unwrap();
    for number in 0..40_u32 {
        let block = number.to_le_bytes().repeat(1 << 20);
        fs::write(directory.join(format!("inner/{number}")), block).unwrap();
    }
    directory
}

fn location(share: &Value) -> PathBuf {
    PathBuf::from(share["export_locations"][0].as_str().unwrap())
}

/// Asserts that nothing is left in either backend.
fn assert_bare(place: &Place) {
    let listed = place.desk.json(&["share", "list"]);
    assert!(listed["shares"].as_array().unwrap().is_empty(), "{listed}");
    for driver in [IMAGE, DIRECTORY] {
        for root in fs::read_dir(place.pool.path().join(driver)).unwrap() {
            let left: Vec<_> = fs::read_dir(root.unwrap().path()).unwrap().collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }
}

const TO_IMAGE: [&str; 5] = ["migration", "start", "one", "--to", "image#image"];

#[test]
fn a_share_is_copied_and_switched_over() {
    let Some(place) = place("copying by command") else { return };
    let desk = &place.desk;
    let directory = made(&place, DIRECTORY);
    desk.json(&["access", "allow", "one", "user", "everyone"]);
    let before = seen(&directory, &[]);
    let started = desk.json(&TO_IMAGE);
    assert_eq!((&started["status"], &started["progress"]), (&"migrating".into(), &100.into()));
    assert!(started["destination"].as_str().unwrap().ends_with("@image#image"), "{started}");
    // It is one share to its user, whatever instances there are.
    let listed = desk.json(&["share", "list"]);
    assert_eq!(listed["shares"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(desk.json(&["migration", "progress", "one"])["progress"], 100);
    assert!(desk.run(&["migration", "progress", "one"]).stdout.contains("100 %"));
    let refused = desk.fails(2, &["share", "delete", "one"]);
    assert!(refused.contains("abaca migration complete"), "{refused}");

    let moved = desk.json(&["migration", "complete", "one"]);
    assert_eq!((&moved["backend"], &moved["status"]), (&"image".into(), &"available".into()));
    assert_same(&seen(&location(&moved), &["lost+found"]), &before, "it differs");
    assert!(!directory.exists());
    let rules = desk.json(&["access", "list", "one"]);
    assert_eq!(rules["rules"].as_array().unwrap().len(), 1, "{rules}");
    desk.json(&["share", "extend", "one", "--size", "2"]);

    // And back, without asking the drivers; then given up.
    let words = ["migration", "start", "one", "--to", "directory#directory", "--force-host-copy"];
    desk.json(&words);
    let back = desk.json(&["migration", "cancel", "one"]);
    assert_eq!((&back["backend"], &back["status"]), (&"image".into(), &"available".into()));
    assert_same(&seen(&location(&back), &["lost+found"]), &before, "it differs");
    let refused = desk.fails(2, &["migration", "complete", "one"]);
    assert!(refused.contains("abaca migration start"), "{refused}");
    desk.json(&["share", "delete", "one"]);
    assert_bare(&place);
}

/// The whole program is killed when it is about to do each step; the same command goes on, or the
/// migration is cancelled.
#[tokio::test]
async fn killed_at_each_step_the_same_command_goes_on() {
    let Some(place) = place("killed copies") else { return };
    let (desk, ground) = (&place.desk, &place.ground);
    let directory = made(&place, DIRECTORY);
    desk.json(&["access", "allow", "one", "user", "everyone"]);
    let before = seen(&directory, &[]);
    let lines = |backend: &str| ground.audit(backend).len();
    for (backend, step) in [
        (DIRECTORY, "share-copy"),
        (IMAGE, "make-image"),
        (IMAGE, "serve"),
        (DIRECTORY, "migration"),
        (IMAGE, "migration"),
    ] {
        for cancels in [true, false] {
            let was = lines(backend);
            let mut command = desk.command(&TO_IMAGE);
            let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            until(&format!("it comes to {step} of {backend}"), || {
                ground.audit(backend).iter().skip(was).any(|line| line["rule"] == step)
            })
            .await;
            process.kill().unwrap();
            process.wait().unwrap();
            let known = desk.share("one");
            assert_eq!(known["status"], "migrating", "{step}: {known}");
            if !cancels {
                // What the dead process had started may not have ended yet.
                until("it is copied", || desk.run(&TO_IMAGE).code == Some(0)).await;
                assert_eq!(desk.json(&["migration", "progress", "one"])["progress"], 100);
            }
            let cancel = ["migration", "cancel", "one"];
            until("it is given up", || desk.run(&cancel).code == Some(0)).await;
            let back = desk.share("one");
            assert_eq!(
                (&back["backend"], &back["status"]),
                (&"directory".into(), &"available".into())
            );
            assert_same(&seen(&directory, &[]), &before, step);
            assert_eq!(fs::read_dir(shares(&place.pool, IMAGE)).unwrap().count(), 0);
        }
    }
    // Between the steps of switching over, there is only one way.
    desk.json(&TO_IMAGE);
    for step in ["share", "share-copy"] {
        if desk.share("one")["backend"] == "image" {
            // It was killed when it was over.
            break;
        }
        let backend = if step == "share" { IMAGE } else { DIRECTORY };
        let was = lines(backend);
        let mut command = desk.command(&["migration", "complete", "one"]);
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until(&format!("it comes to {step} of {backend}"), || {
            ground.audit(backend).iter().skip(was).any(|line| line["rule"] == step)
        })
        .await;
        process.kill().unwrap();
        process.wait().unwrap();
        if desk.share("one")["backend"] == "directory" {
            let refused = desk.fails(2, &["migration", "cancel", "one"]);
            assert!(refused.contains("complete"), "{refused}");
        }
    }
    until("it is switched over", || {
        let answer = desk.run(&["migration", "complete", "one"]);
        answer.code == Some(0) || desk.share("one")["backend"] == "image"
    })
    .await;
    let moved = desk.share("one");
    assert_eq!((&moved["backend"], &moved["status"]), (&"image".into(), &"available".into()));
    assert_same(&seen(&location(&moved), &["lost+found"]), &before, "it differs");
    desk.json(&["share", "delete", "one"]);
    assert_bare(&place);
}
