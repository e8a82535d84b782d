//! A share's life on the made-up array, told as a story: what a service asks, and what there is then.

use std::time::Duration;

use abaca::policy::Policy;
use abaca::testing::{Called, Deed, Failure, Fault, Plan, Stage, samples};
use abaca::types::{AccessLevel, AccessType, Share};
use serde_json::{Value, json};

use super::stage::{driver, file, stage};

/// Calls a function of the driver by its name in the contract. Its arguments are an array; the last
/// one is mostly the share server, which there is none of.
async fn call(stage: &Stage, function: &str, arguments: Value) -> Called {
    stage.call(function, arguments).await.unwrap()
}

/// The same, where it must answer well.
async fn done(stage: &Stage, function: &str, arguments: Value) -> Value {
    let called = call(stage, function, arguments).await;
    called.answer().cloned().unwrap_or_else(|| panic!("{called}"))
}

/// The array, a volume or a snapshot each.
fn array(stage: &Stage) -> Vec<String> {
    stage.facts()
}

fn share() -> Share {
    samples::share("share-1", 2)
}

/// Clients write so much.
fn fill(stage: &Stage, size: &str) {
    let (name, size) = ("share-1".to_owned(), size.to_owned());
    stage.perform(&Deed::FillVolume { name, size }).unwrap();
}

/// Every function of the driver, and what there is after each. Also what `transcript` records.
pub async fn whole_life(stage: &Stage) {
    let share = share();
    let snapshot = samples::snapshot("share-snapshot-1", &share);

    done(stage, "do-setup", json!([])).await;
    done(stage, "check-for-setup-error", json!([])).await;
    let stats = done(stage, "get-share-stats", json!([])).await;
    assert_eq!(stats["free_capacity"], json!({ "gib": 100.0 }));

    let locations = done(stage, "create-share", json!([share, null])).await;
    assert_eq!(locations[0]["path"], "192.0.2.10:/share-1");
    let volume = "volume share-1: 2147483648 bytes, label = share-1-id, ro = , rw = ";
    assert_eq!(array(stage), [volume]);

    // The whole set, then what is new in it and what is gone.
    let rules = [
        samples::rule(AccessType::Ip, "192.0.2.7", AccessLevel::Rw),
        samples::rule(AccessType::Ip, "198.51.100.0/24", AccessLevel::Ro),
    ];
    done(stage, "update-access", json!([share, rules, rules, [], null])).await;
    assert!(array(stage)[0].ends_with("ro = 198.51.100.0/24, rw = 192.0.2.7"));

    done(stage, "extend-share", json!([share, 3, null])).await;
    assert!(array(stage)[0].starts_with("volume share-1: 3221225472 bytes"));

    // More is in it than would fit: nothing is lost.
    fill(stage, "2G");
    let refused = call(stage, "shrink-share", json!([share, 1, null])).await;
    assert_eq!(refused.error(), Some("share-shrinking-possible-data-loss"), "{refused}");
    assert!(array(stage)[0].starts_with("volume share-1: 3221225472 bytes"));
    fill(stage, "500M");
    done(stage, "shrink-share", json!([share, 1, null])).await;
    assert!(array(stage)[0].starts_with("volume share-1: 1073741824 bytes"));

    done(stage, "create-snapshot", json!([snapshot, null])).await;
    assert!(array(stage).contains(&"snapshot share-snapshot-1 of share-1".to_owned()));
    let refused = call(stage, "delete-share", json!([share, null])).await;
    assert_eq!(refused.error(), Some("share-is-busy"), "{refused}");
    done(stage, "delete-snapshot", json!([snapshot, null])).await;

    done(stage, "ensure-share", json!([share, null])).await;
    done(stage, "delete-share", json!([share, null])).await;
    assert!(array(stage).is_empty(), "{:?}", array(stage));
}

#[tokio::test]
async fn a_share_lives_and_leaves_nothing() {
    let driver = driver().await;
    let stage = stage(&driver).build().unwrap();
    whole_life(&stage).await;
    // It asked for nothing that the manifest has not, and ran nothing that stage.toml does not know.
    assert_eq!(stage.refused(), Vec::<String>::new());
    assert_eq!(stage.unanswered(), Vec::<String>::new());
}

#[tokio::test]
async fn the_example_policy_is_enough() {
    let driver = driver().await;
    let text = std::fs::read_to_string(file("policy.toml")).unwrap();
    let policy = Policy::parse(&text, "policy.toml").unwrap();
    whole_life(&stage(&driver).policy(policy).build().unwrap()).await;
}

#[tokio::test]
async fn a_call_that_is_killed_anywhere_is_made_again() {
    let driver = driver().await;
    let before = stage(&driver).build().unwrap();
    let arguments = json!([share(), null]);
    let undisturbed = before.fork();
    let requests = undisturbed.call("create-share", arguments.clone()).await.unwrap().requests;
    for number in 1..=requests.len() as u64 {
        for fault in [Fault::EndsBefore, Fault::EndsAfter, Fault::Fails(Failure::Failed)] {
            // A copy of the world, so that each fault hits the first call.
            let world = before.fork();
            let plan = Plan::from([(number, fault)]);
            let hit =
                world.call_with("create-share", arguments.clone(), None, &plan).await.unwrap();
            assert!(!hit.is_ok(), "{fault:?} at request {number}: {hit}");
            let again = world.call("create-share", arguments.clone()).await.unwrap();
            assert!(again.is_ok(), "after {fault:?} at request {number}: {again}");
            assert_eq!(array(&world), array(&undisturbed), "{fault:?} at request {number}");
        }
    }
}

#[tokio::test]
async fn the_array_is_found_full_and_gone() {
    let driver = driver().await;
    let stage = stage(&driver).build().unwrap();
    let large = samples::share("share-2", 101);
    let large = call(&stage, "create-share", json!([large, null])).await;
    assert_eq!(large.error(), Some("backend-failed"), "{large}");
    assert!(array(&stage).is_empty(), "{:?}", array(&stage));
    // A volume that somebody removed by hand, an hour later.
    done(&stage, "create-share", json!([share(), null])).await;
    stage.advance(Duration::from_secs(3600));
    stage.perform(&Deed::DeleteVolume { name: "share-1".to_owned() }).unwrap();
    let gone = call(&stage, "ensure-share", json!([share(), null])).await;
    assert_eq!(gone.error(), Some("share-resource-not-found"), "{gone}");
}
