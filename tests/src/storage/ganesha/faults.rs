//! The server stops, starts and is not there; calls end in the middle. What clients find
//! afterwards is what was last said.

use std::fs;
use std::process::Stdio;

use abaca::types::{AccessLevel, Error as DriverError};

use super::directory::{Home, driver_error, open, opened};
use super::{assert_says, ip};
use crate::support::{Desk, Ground, component, share, until};

use AccessLevel::{Ro, Rw};

#[tokio::test]
async fn exports_are_there_again_when_the_server_is() {
    let Some(mut home) = Home::new("an NFS server that starts again").await else { return };
    let (one, location) = home.made(&share("one", 1)).await;
    let (two, hidden) = home.made(&share("two", 1)).await;
    let (gone, past) = home.made(&share("gone", 1)).await;
    let rules = [ip(home.nfs.client(0).address(), Rw), ip(home.nfs.client(1).address(), Ro)];
    home.rules(&one, &rules).await;
    home.rules(&gone, &rules).await;
    home.nfs.client(0).write(&location, "file", "content").unwrap();
    home.backend.delete_share(&gone, None).await.unwrap();
    for _ in 0..2 {
        home.nfs.kill();
        home.nfs.start().await;
        for number in [0, 1] {
            let client = home.nfs.client(number);
            assert_eq!(client.read(&location, "file").unwrap(), "content");
            assert_says(client.read(&hidden, "file"), "NFS4ERR_NOENT");
            assert_says(client.read(&past, "file"), "NFS4ERR_NOENT");
        }
        assert_says(home.nfs.client(1).write(&location, "more", "x"), "NFS4ERR_ROFS");
    }
    // It is the same export to whoever changes it.
    home.rules(&one, &rules[1..]).await;
    assert_says(home.nfs.client(0).read(&location, "file"), "NFS4ERR_NOENT");
    for share in [&one, &two] {
        home.backend.delete_share(share, None).await.unwrap();
    }
    home.assert_bare();
}

/// While the server is not there, what cannot be said to it fails, and is repeated when it is.
#[tokio::test]
async fn a_server_that_is_away_is_named() {
    let Some(mut home) = Home::new("an NFS server that is away").await else { return };
    let (one, location) = home.made(&share("one", 1)).await;
    home.rules(&one, &[ip(home.nfs.client(0).address(), Rw)]).await;
    home.nfs.client(0).write(&location, "file", "content").unwrap();
    home.nfs.kill();
    let rules = [ip(home.nfs.client(1).address(), Rw)];
    let two = share("two", 1);
    let answers = [
        home.backend.update_access(&one, &rules, &[], &[], None).await,
        home.backend.create_share(&two, None).await.map(drop),
        home.backend.ensure_share(&one, None).await.map(drop),
        home.backend.check_for_setup_error().await,
        home.backend.delete_share(&one, None).await,
    ];
    for answer in answers {
        let error = driver_error(answer);
        let DriverError::BackendFailed(why) = error else { panic!("{error:?}") };
        assert!(why.contains("start nfs-ganesha"), "{why}");
    }
    // What was removed is not exported again, and what was said last holds.
    home.nfs.start().await;
    assert_eq!(home.nfs.client(0).shares(), Vec::<String>::new());
    let path = home.nfs.pool.path().join("shares").join(&one.name).join("file");
    assert!(path.exists(), "a share that was not removed is whole");
    home.backend.delete_share(&one, None).await.unwrap();
    let (two, location) = home.made(&two).await;
    home.rules(&two, &rules).await;
    home.nfs.client(1).write(&location, "file", "x").unwrap();
    home.backend.delete_share(&two, None).await.unwrap();
    home.assert_bare();
}

/// Two back ends of one server give the same number: the second one's share is refused with what to
/// do, and to remove it takes nothing from the first one's clients.
#[tokio::test]
async fn another_back_ends_export_is_left_alone() {
    let Some(home) = Home::new("two back ends with the same numbers").await else { return };
    let (one, location) = home.made(&share("one", 1)).await;
    home.rules(&one, &[ip(home.nfs.client(0).address(), Rw)]).await;
    home.nfs.client(0).write(&location, "file", "content").unwrap();
    let (pool, exports) = (home.nfs.pool.path(), home.nfs.exports());
    let mut policy = home.nfs.policy("directory");
    for place in [exports, pool.join("shares"), pool.join("snapshots")] {
        let other = place.with_extension("other");
        fs::create_dir(&other).unwrap();
        fs::set_permissions(&other, fs::metadata(&place).unwrap().permissions()).unwrap();
        policy = policy.replace(place.to_str().unwrap(), other.to_str().unwrap());
    }
    let ground = Ground::new();
    let other = open(&ground, &home.nfs, &policy).await.unwrap();
    let two = share("two", 1);
    let DriverError::BackendFailed(why) = driver_error(other.create_share(&two, None).await) else {
        panic!()
    };
    assert!(why.contains("`…_ganesha_export_ids`") && why.contains(&one.name), "{why}");
    other.delete_share(&two, None).await.unwrap();
    assert_eq!(home.nfs.client(0).read(&location, "file").unwrap(), "content");
    // With numbers of its own it has shares.
    drop(other);
    let own = [("directory_ganesha_export_ids", "20001-40000")];
    let other = opened(&ground, &home.nfs, &policy, &own).await.unwrap();
    other.create_share(&two, None).await.unwrap();
    other.delete_share(&two, None).await.unwrap();
    assert_eq!(home.nfs.client(0).read(&location, "file").unwrap(), "content");
    home.backend.delete_share(&one, None).await.unwrap();
    home.assert_bare();
}

/// The server is asked to start with what each step of a change leaves, and the call repeated.
#[tokio::test]
async fn a_refusal_at_each_step_is_made_good_by_the_repeated_call() {
    let Some(mut home) = Home::new("refusals at each step of an export").await else { return };
    let whole = home.nfs.policy("directory");
    let steps = ["export-block", "export-index", "exports-root", "export-update"];
    for step in steps.into_iter().chain(["export-remove", "export-show-live", "export-remove-live"])
    {
        let (one, location) = home.made(&share(step, 1)).await;
        let first = [ip(home.nfs.client(0).address(), Rw)];
        home.rules(&one, &first).await;
        home.nfs.client(0).write(&location, "file", step).unwrap();
        let broken = without(&whole, step);
        let Home { backend, ground, mut nfs } = home;
        drop(backend);
        let backend = opened(&ground, &nfs, &broken, &[]).await.unwrap();
        let second = [ip(nfs.client(1).address(), Rw)];
        let two = share("two", 1);
        let answers = [
            backend.create_share(&two, None).await.map(drop),
            backend.update_access(&one, &second, &[], &[], None).await,
            backend.delete_share(&one, None).await,
        ];
        assert!(answers.iter().any(Result::is_err), "{step} is not needed");
        drop(backend);
        // Whatever there is now, the server starts with it and lets nobody in whom no one named.
        nfs.kill();
        nfs.start().await;
        assert_says(nfs.client(1).read(&format!("198.51.100.1:/{}", two.name), "file"), "NOENT");
        let backend = open(&ground, &nfs, &whole).await.unwrap();
        home = Home { backend, ground, nfs };
        home.backend.create_share(&two, None).await.unwrap();
        home.rules(&two, &second).await;
        let second = home.nfs.client(1);
        second.write(&format!("198.51.100.1:/{}", two.name), "file", step).unwrap();
        for share in [&one, &two] {
            home.backend.delete_share(share, None).await.unwrap();
        }
        home.assert_bare();
    }
}

/// A policy without this rule, and without the type that it alone uses.
fn without(policy: &str, id: &str) -> String {
    let pieces = policy.split("\n[");
    let rule = format!("\nid = {id:?}\n");
    let kept: Vec<_> = pieces
        .filter(|piece| !piece.contains(&rule))
        .filter(|piece| id != "export-index" || !piece.starts_with("types.index]"))
        .collect();
    assert!(kept.join("\n[").len() < policy.len(), "there is no rule {id}");
    kept.join("\n[")
}

/// The whole program is killed between the file and the server; another run ends right.
#[tokio::test]
async fn kill_9_at_each_step() {
    let Some(home) = Home::new("kill -9 while an export is made").await else { return };
    let Home { backend, ground, mut nfs } = home;
    drop(backend);
    let options: String = nfs
        .options("directory")
        .into_iter()
        .filter_map(|(name, value)| match value {
            abaca::OptionValue::Text(text) => Some(format!("{name} = {text:?}\n")),
            _ => None,
        })
        .collect();
    let text = Desk::text(&ground, "home", &component("abaca-driver-directory"));
    let desk = Desk::with(&ground, &(text + &options));
    let steps = [
        ("create", "export-block"),
        ("create", "export-index"),
        ("create", "export-update"),
        ("allow", "export-block"),
        ("allow", "export-update"),
        ("delete", "export-index"),
        ("delete", "export-remove"),
        ("delete", "export-show-live"),
        ("delete", "export-remove-live"),
    ];
    for (number, (what, step)) in steps.into_iter().enumerate() {
        let name = format!("share-{number}");
        let address = nfs.client(0).address();
        let create = ["share", "create", &name, "--size", "1"];
        let allow = ["access", "allow", &name, "ip", address];
        let delete = ["share", "delete", &name];
        let words: &[&str] = match what {
            "create" => &create,
            "allow" => &allow,
            _ => &delete,
        };
        if what != "create" {
            assert_eq!(desk.run(&create).code, Some(0));
        }
        let before = ground.audit("home").len();
        let mut command = desk.command(words);
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("it comes to the step", || {
            let lines = ground.audit("home");
            lines.iter().skip(before).any(|line| line["rule"] == step)
        })
        .await;
        process.kill().unwrap();
        process.wait().unwrap();
        nfs.kill();
        nfs.start().await;
        if what != "delete" {
            // What the dead process had started may not have been ended yet.
            until("it is removed", || desk.run(&delete).code == Some(0)).await;
        } else {
            until("it is removed", || {
                desk.run(&delete).code == Some(0) || desk.share(&name).is_null()
            })
            .await;
        }
        assert_eq!(nfs.client(0).shares(), Vec::<String>::new(), "{what} {step}");
        assert_eq!(nfs.blocks(), Vec::<String>::new(), "{what} {step}");
    }
    let shares = nfs.pool.path().join("shares");
    assert_eq!(fs::read_dir(shares).unwrap().count(), 0);
}
