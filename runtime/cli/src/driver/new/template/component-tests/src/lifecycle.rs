//! A share's life on the made-up array, told as a story: what a service asks, and what there is then.

use std::time::Duration;

use abaca::testing::{Called, Deed, Failure, Fault, Plan, Stage, samples};
use abaca::types::{AccessLevel, AccessType, Share};
use serde_json::{Value, json};

use super::stage::{driver, stage};

/// Calls a function of the driver by its name in the contract. The last argument is the share server,
/// which there is none of.
async fn call(stage: &Stage, function: &str, arguments: &[Value]) -> Called {
    let arguments = [arguments, &[Value::Null]].concat();
    stage.call(function, arguments.into()).await.unwrap()
}

/// The same, where it must answer well.
async fn done(stage: &Stage, function: &str, arguments: &[Value]) -> Value {
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

/// Every function of the driver once and most of them well. Also what `transcript` records.
pub async fn whole_life(stage: &Stage) {
    let snapshot = json!(samples::snapshot("share-snapshot-1", &share()));
    let share = json!(share());

    for function in ["do-setup", "check-for-setup-error"] {
        stage.call(function, json!([])).await.unwrap();
    }
    let stats = stage.call("get-share-stats", json!([])).await.unwrap();
    assert_eq!(stats.answer().unwrap()["free_capacity"], json!({ "gib": 100.0 }), "{stats}");

    let locations = done(stage, "create-share", &[share.clone()]).await;
    assert_eq!(locations[0]["path"], "192.0.2.10:/share-1");
    assert_eq!(
        array(stage),
        ["volume share-1: 2147483648 bytes, label = share-1-id, ro = , rw = "]
    );

    let rules = json!([
        samples::rule(AccessType::Ip, "192.0.2.7", AccessLevel::Rw),
        samples::rule(AccessType::Ip, "198.51.100.0/24", AccessLevel::Ro),
    ]);
    done(stage, "update-access", &[share.clone(), rules, json!([]), json!([])]).await;
    assert!(array(stage)[0].ends_with("ro = 198.51.100.0/24, rw = 192.0.2.7"));

    done(stage, "extend-share", &[share.clone(), json!(3)]).await;
    assert!(array(stage)[0].starts_with("volume share-1: 3221225472 bytes"));

    // More is in it than would fit: nothing is lost.
    fill(stage, "2G");
    let refused = call(stage, "shrink-share", &[share.clone(), json!(1)]).await;
    assert_eq!(refused.error(), Some("share-shrinking-possible-data-loss"), "{refused}");
    assert!(array(stage)[0].starts_with("volume share-1: 3221225472 bytes"));
    fill(stage, "500M");
    done(stage, "shrink-share", &[share.clone(), json!(1)]).await;

    done(stage, "create-snapshot", &[snapshot.clone()]).await;
    assert!(array(stage).contains(&"snapshot share-snapshot-1 of share-1".to_owned()));
    let refused = call(stage, "delete-share", &[share.clone()]).await;
    assert_eq!(refused.error(), Some("share-is-busy"), "{refused}");
    done(stage, "delete-snapshot", &[snapshot]).await;

    done(stage, "ensure-share", &[share.clone()]).await;
    done(stage, "delete-share", &[share]).await;
    assert!(array(stage).is_empty(), "nothing is left: {:?}", array(stage));
}

#[tokio::test]
async fn a_share_lives_and_leaves_nothing() {
    let driver = driver().await;
    let stage = stage(&driver).build().unwrap();
    whole_life(&stage).await;
    // What would be empty in a driver that asks for what its manifest has, of a tool that there is.
    assert_eq!(stage.refused(), Vec::<String>::new());
    assert_eq!(stage.unanswered(), Vec::<String>::new());
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
    let large = call(&stage, "create-share", &[json!(samples::share("share-2", 101))]).await;
    assert_eq!(large.error(), Some("backend-failed"), "{large}");
    assert!(array(&stage).is_empty(), "{:?}", array(&stage));
    // A volume that somebody removed by hand, an hour later.
    done(&stage, "create-share", &[json!(share())]).await;
    stage.advance(Duration::from_secs(3600));
    stage.perform(&Deed::DeleteVolume { name: "share-1".to_owned() }).unwrap();
    let gone = call(&stage, "ensure-share", &[json!(share())]).await;
    assert_eq!(gone.error(), Some("share-resource-not-found"), "{gone}");
}
