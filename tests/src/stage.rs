//! The stage: a made-up world for a driver, as a driver's author uses it from Rust.

mod zfs;

use std::time::Duration;

use abaca::Limits;
use abaca::testing::{Deed, Failure, Fault, Plan, Stage, samples};
use abaca::types::{AccessLevel, AccessType, Share};
use abaca::{Driver, OptionValue};
use serde_json::{Value, json};

use crate::support::{load, runtime};

const GIB: u64 = 1 << 30;

async fn directory() -> Driver {
    load(&runtime(Limits::default()), "abaca-driver-directory").await
}

fn stage(driver: &Driver) -> Stage {
    let root = OptionValue::Text("/srv/shares".to_owned());
    Stage::builder(driver).option("directory_export_root", root).build().unwrap()
}

fn located(share: Share, answer: Option<&Value>) -> Share {
    let export_locations = serde_json::from_value(answer.unwrap().clone()).unwrap();
    Share { export_locations, ..share }
}

#[tokio::test]
async fn a_life_of_a_share_reads_like_a_story() {
    let stage = stage(&directory().await);
    let share = samples::share("share-1", 3);

    let made = stage.call("create-share", json!([share, null])).await.unwrap();
    assert!(made.is_ok(), "{made}");
    let share = located(share, made.answer());
    assert_eq!(share.export_locations[0].path, "/srv/shares/share-1");
    assert!(stage.facts().contains(&"shares:share-1: directory, mode 0700, owner 0:0".to_owned()));

    let everyone = samples::rule(AccessType::User, "everyone", AccessLevel::Ro);
    let opened = json!([share, [everyone], [everyone], [], null]);
    assert!(stage.call("update-access", opened).await.unwrap().is_ok());
    let facts = stage.facts();
    assert!(
        facts.contains(&"shares:share-1: directory, mode 0755, owner 0:0".to_owned()),
        "{facts:?}"
    );

    // Clients write two GiB, and the share does not become smaller than that.
    assert!(stage.fill("share-1", 2 * GIB).unwrap());
    let shrunk = stage.call("shrink-share", json!([share, 1, null])).await.unwrap();
    assert_eq!(shrunk.error(), Some("share-shrinking-possible-data-loss"), "{shrunk}");

    let removed = stage.call("delete-share", json!([share, null])).await.unwrap();
    assert!(removed.is_ok(), "{removed}");
    assert_eq!(stage.facts(), Vec::<String>::new());
}

#[tokio::test]
async fn a_fork_is_a_world_of_its_own() {
    let stage = stage(&directory().await);
    let made = |name: &str| json!([samples::share(name, 1), null]);
    stage.call("create-share", made("share-1")).await.unwrap();
    let fork = stage.fork();
    fork.call("create-share", made("share-2")).await.unwrap();
    assert!(!stage.facts().iter().any(|fact| fact.contains("share-2")));
    assert!(fork.facts().iter().any(|fact| fact.contains("share-1")));
}

#[tokio::test]
async fn requests_fail_and_calls_end_where_the_test_says() {
    let stage = stage(&directory().await);
    let arguments = json!([samples::share("share-1", 1), null]);
    let calm = stage.fork().call("create-share", arguments.clone()).await.unwrap();
    let made =
        calm.requests.iter().position(|one| one.import == "files.make-dir").unwrap() as u64 + 1;

    let full = Plan::from([(made, Fault::Fails(Failure::NoSpace))]);
    let fork = stage.fork();
    let failed = fork.call_with("create-share", arguments.clone(), None, &full).await.unwrap();
    assert!(failed.error().is_some(), "{failed}");
    assert!(!fork.facts().iter().any(|fact| fact.starts_with("shares:")));

    let killed = Plan::from([(made, Fault::EndsAfter)]);
    let ended = stage.call_with("create-share", arguments.clone(), None, &killed).await.unwrap();
    assert!(ended.was_ended(), "{ended}");
    assert_eq!(ended.requests.len() as u64, made);
    // It was done, and asked again it is found.
    assert!(stage.facts().iter().any(|fact| fact.starts_with("shares:share-1:")));
    assert!(stage.call("create-share", arguments).await.unwrap().is_ok());
}

#[tokio::test]
async fn programs_do_what_the_script_says() {
    let runtime = runtime(Limits::default());
    let driver = load(&runtime, "abaca-driver-lvm").await;
    let script = include_str!("../../drivers/lvm/stage.toml");
    let stage = Stage::builder(&driver).script_text(script).build().unwrap();
    let share = samples::share("share-1", 2);
    let made = stage.call("create-share", json!([share, null])).await.unwrap();
    assert!(made.is_ok(), "{made}");
    assert!(stage.facts().contains(&format!("volume share-1: {} bytes", 2 * GIB)));
    // Somebody else took the rest of the group.
    let rest = Deed::CreateVolume { name: "other".to_owned(), size: "98G".to_owned() };
    stage.perform(&rest).unwrap();
    let other = json!([samples::share("share-2", 1), null]);
    let refused = stage.call("create-share", other).await.unwrap();
    assert_eq!(refused.error(), Some("command-failed"), "{refused}");
}

#[tokio::test]
async fn only_what_is_granted_is_answered() {
    let driver = directory().await;
    let policy = "schema = 1\ndriver = \"directory\"\n";
    let policy = abaca::policy::Policy::parse(policy, "narrow.toml").unwrap();
    let root = OptionValue::Text("/srv/shares".to_owned());
    let stage = Stage::builder(&driver).policy(policy).root("shares").root("snapshots");
    let stage = stage.option("directory_export_root", root).build().unwrap();
    let arguments = json!([samples::share("share-1", 1), null]);
    let made = stage.call("create-share", arguments).await.unwrap();
    assert_eq!(made.error(), Some("denied"), "{made}");
    assert!(stage.refused()[0].starts_with("files.list"), "{:?}", stage.refused());
}

#[tokio::test]
async fn time_is_the_test_s() {
    let driver = load(&runtime(Limits::default()), "abaca-driver-dummy").await;
    let sleeping = |ms| {
        let delay = OptionValue::Integer(ms);
        Stage::builder(&driver).option("dummy_delay_ms", delay).build().unwrap()
    };
    let began = std::time::Instant::now();
    let called = sleeping(1_200_000).call("get-share-stats", json!([])).await.unwrap();
    assert!(called.is_ok(), "{called}");
    assert!(called.requests.iter().any(|one| one.import == "clock.sleep"), "{called:?}");
    // Where time is real, half an hour is the end of a call.
    let called = sleeping(3_600_000).call("get-share-stats", json!([])).await.unwrap();
    assert!(called.hung() && called.to_string().contains("1800 s"), "{called}");
    assert!(began.elapsed() < Duration::from_secs(600), "an hour passed in truth");
}
