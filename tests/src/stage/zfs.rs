//! The driver `zfs` on its stage, OpenZFS: what no zfs-fuse can show, or only after a minute.

use std::time::Duration;

use abaca::testing::{Called, Deed, Failure, Fault, Plan, Stage, samples};
use abaca::types::{AccessLevel, AccessType, ReplicaState, Share, ShareProtocol};
use abaca::{Limits, OptionValue};
use serde_json::json;

use crate::support::{load, runtime};

const GIB: &str = "1G";

const SCRIPT: &str = include_str!("../../../drivers/zfs/stage.toml");

/// By what the stage says that it is OpenZFS.
const OPENZFS: &str = "stdout = \"zfs-2.2.2\\n\"";

async fn stage(options: &[(&str, OptionValue)]) -> Stage {
    scripted(SCRIPT, options).await
}

/// On a stage on which `zfs version` ends so.
async fn saying(version: &str) -> Stage {
    let script = SCRIPT.replace(OPENZFS, version);
    assert_ne!(script, SCRIPT);
    scripted(&script, &[]).await
}

async fn scripted(script: &str, options: &[(&str, OptionValue)]) -> Stage {
    let driver = load(&runtime(Limits::default()), "abaca-driver-zfs").await;
    let mut stage = Stage::builder(&driver).script_text(script);
    for (name, value) in options {
        stage = stage.option(name, value.clone());
    }
    stage.build().unwrap()
}

fn share(name: &str) -> Share {
    samples::share(name, 1)
}

fn dataset(share: &Share) -> String {
    format!("tank/manila_share_{}", share.id.replace('-', "_"))
}

/// How many programs a call ran.
fn programs(called: &Called) -> usize {
    called.requests.iter().filter(|request| request.is_command()).count()
}

#[tokio::test]
async fn a_share_in_use_is_waited_for_a_minute() {
    let stage = stage(&[]).await;
    let arguments = json!([share("one"), null]);
    stage.call("create-share", arguments.clone()).await.unwrap();
    let calm = stage.fork().call("delete-share", arguments.clone()).await.unwrap();
    let first = calm.requests.iter().position(|one| one.import == "mounts.unmount").unwrap() + 1;
    // Between two looks it asks what time it is, and sleeps.
    let busy = |looks: usize| -> Plan {
        let looks = (0..looks).map(|look| (first + 3 * look) as u64);
        looks.map(|look| (look, Fault::Fails(Failure::Busy))).collect()
    };
    let fork = stage.fork();
    let refused =
        fork.call_with("delete-share", arguments.clone(), None, &busy(100)).await.unwrap();
    assert_eq!(refused.error(), Some("share-is-busy"), "{refused}");
    let slept = refused.requests.iter().filter(|one| one.import == "clock.sleep").count();
    assert_eq!(slept, 30);
    let removed = stage.call_with("delete-share", arguments, None, &busy(5)).await.unwrap();
    assert!(removed.is_ok(), "{removed}");
    assert_eq!(stage.facts(), Vec::<String>::new());
}

#[tokio::test]
async fn clients_of_old_rules_are_left_to_openzfs_where_no_rule_grants_more() {
    let stage = stage(&[]).await;
    let share = share("one");
    stage.call("create-share", json!([share, null])).await.unwrap();
    let [old, kept] =
        ["10.0.0.1", "10.0.0.2"].map(|to| samples::rule(AccessType::Ip, to, AccessLevel::Rw));
    let both = json!([share, [old, kept], [], [], null]);
    assert!(stage.call("update-access", both).await.unwrap().is_ok());
    let one = json!([share, [kept], [], [old], null]);
    let updated = stage.call("update-access", one).await.unwrap();
    assert!(updated.is_ok(), "{updated}");
    assert!(stage.logged().iter().any(|line| line.contains("exportfs -u")), "{:?}", stage.logged());
    assert!(
        stage.facts().iter().any(|fact| fact.contains("sharenfs = rw=10.0.0.2,no_root_squash"))
    );
}

/// zfs-fuse that a server hears of: each client by itself, and nobody is taken out of its table.
#[tokio::test]
async fn zfs_fuse_has_each_client_by_itself() {
    let stage = saying("exits = 2\nstderr = \"unrecognized command 'version'\\n\"").await;
    let share = share("one");
    stage.call("create-share", json!([share, null])).await.unwrap();
    let rule = |to: &str, level| samples::rule(AccessType::Ip, to, level);
    let (old, less) = (rule("10.0.0.1", AccessLevel::Rw), rule("10.0.0.3", AccessLevel::Rw));
    let both = json!([share, [old, less], [], [], null]);
    assert!(stage.call("update-access", both).await.unwrap().is_ok());
    assert!(stage.logged().is_empty(), "{:?}", stage.logged());
    let rules = [rule("10.1.0.0/16", AccessLevel::Ro), rule("10.0.0.3", AccessLevel::Ro)];
    let two = json!([share, rules, [], [old, less], null]);
    let updated = stage.call("update-access", two).await.unwrap();
    assert!(updated.is_ok(), "{updated}");
    let value = "10.1.0.0/255.255.0.0:ro,no_root_squash 10.0.0.3:ro,no_root_squash";
    let set = |fact: &String| fact.contains(&format!("sharenfs = {value}"));
    assert!(stage.facts().iter().any(set), "{:#?}", stage.facts());
    // Which of the two it is, is asked once; and who may only do less is not shut out.
    let asked = |called: &Called| {
        let commands = called.requests.iter().filter(|one| one.is_command());
        commands.filter(|one| one.to_string().contains("version")).count()
    };
    assert_eq!(asked(&updated), 1, "{updated}");
    let said = |client: &str| {
        let words = format!("{client} may come in until root says `exportfs -u");
        stage.logged().iter().any(|line| line.contains(&words))
    };
    assert!(said("shared, 10.0.0.1"), "{:?}", stage.logged());
    // Nor is anybody shut out of the table who was the last one.
    let none = json!([share, [], [], [rules[0]], null]);
    assert!(stage.call("update-access", none).await.unwrap().is_ok());
    assert!(said("shared, 10.1.0.0/255.255.0.0"), "{:?}", stage.logged());
}

/// Rules are in a form that only one of the two reads.
#[tokio::test]
async fn no_rules_are_set_where_it_is_not_known_who_reads_them() {
    let stage = saying("exits = 1\nstderr = \"internal error: out of memory\\n\"").await;
    let share = share("one");
    stage.call("create-share", json!([share, null])).await.unwrap();
    let before = stage.facts();
    let rule = samples::rule(AccessType::Ip, "10.0.0.1", AccessLevel::Rw);
    let one = json!([share, [rule], [rule], [], null]);
    let refused = stage.call("update-access", one).await.unwrap();
    assert_eq!(refused.error(), Some("backend-failed"), "{refused}");
    assert_eq!(stage.facts(), before);
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything() {
    let stage = stage(&[]).await;
    let cifs = Share { protocol: ShareProtocol::Cifs, ..share("one") };
    let spec = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let off = Share { extra_specs: vec![spec("zfsonlinux:compression", "off")], ..share("one") };
    let odd = Share { extra_specs: vec![spec("dedupe", "<is> perhaps")], ..share("one") };
    for wrong in [&cifs, &off, &odd] {
        let made = stage.call("create-share", json!([wrong, null])).await.unwrap();
        assert_eq!((made.error(), programs(&made)), (Some("invalid-share"), 0), "{made}");
    }
    let active = samples::replica(&share("one"), ReplicaState::Active);
    let new = samples::replica(&cifs, ReplicaState::OutOfSync);
    let arguments = json!([[active, new], new, [], [], null]);
    let made = stage.call("create-replica", arguments).await.unwrap();
    assert_eq!((made.error(), programs(&made)), (Some("invalid-share"), 0), "{made}");
    assert_eq!(stage.facts(), Vec::<String>::new());
}

#[tokio::test]
async fn a_full_share_does_not_become_as_small_as_what_it_holds() {
    let stage = stage(&[]).await;
    let share = Share { size: 2, ..share("one") };
    stage.call("create-share", json!([share, null])).await.unwrap();
    let full = Deed::FillVolume { name: dataset(&share), size: GIB.to_owned() };
    stage.perform(&full).unwrap();
    let shrunk = stage.call("shrink-share", json!([share, 1, null])).await.unwrap();
    assert_eq!(shrunk.error(), Some("share-shrinking-possible-data-loss"), "{shrunk}");
}

#[tokio::test]
async fn options_are_upstreams() {
    let text = |text: &str| OptionValue::Text(text.to_owned());
    let list =
        |all: &[&str]| OptionValue::TextList(all.iter().map(|one| (*one).to_owned()).collect());
    for name in ["zfs_share_export_ip", "zfs_service_ip"] {
        let setup = stage(&[(name, text("2001:db8::1"))]).await.call("do-setup", json!([])).await;
        assert_eq!(setup.unwrap().error(), Some("bad-configuration"), "{name}");
    }
    let no_domain = ("replication_domain", text(""));
    let creation = ("zfs_dataset_creation_options", list(&["compression=gzip", "refquota=1G"]));
    let stage = stage(&[("zfs_zpool_list", list(&["tank/"])), creation, no_domain]).await;
    assert!(stage.call("do-setup", json!([])).await.unwrap().is_ok());
    let stats = stage.call("get-share-stats", json!([])).await.unwrap();
    let answer = stats.answer().unwrap();
    assert!(answer["replication_type"].is_null(), "{stats}");
    assert!(answer["pools"][0]["replication_type"].is_null(), "{stats}");
    let made = stage.call("create-share", json!([share("one"), null])).await.unwrap();
    assert!(made.is_ok(), "{made}");
    let options = stage.state_of(&share("one").id, "used_options").unwrap();
    assert_eq!(options, "quota=1G compression=gzip readonly=off");
}

/// A replica is promoted though the service knows of no active one; one that may have been written to
/// is not made to follow, and another one does.
#[tokio::test]
async fn no_active_replica_is_needed_to_promote_one() {
    let stage = stage(&[]).await;
    let shares =
        ["one", "two", "three"].map(|name| Share { share_id: "all".to_owned(), ..share(name) });
    stage.call("create-share", json!([shares[0], null])).await.unwrap();
    let states = |first: ReplicaState| {
        [first, ReplicaState::InSync, ReplicaState::InSync]
            .iter()
            .zip(&shares)
            .map(|(state, share)| samples::replica(share, *state))
            .collect::<Vec<_>>()
    };
    let list = states(ReplicaState::Active);
    for new in &list[1..] {
        stage.advance(Duration::from_secs(1));
        let made = stage.call("create-replica", json!([list, new, [], [], null])).await.unwrap();
        assert!(made.is_ok(), "{made}");
    }
    stage.advance(Duration::from_secs(1));
    let updated = stage.call("update-replica-state", json!([list, list[2], [], [], null])).await;
    assert_eq!(updated.unwrap().answer(), Some(&json!("in-sync")));

    let lost = states(ReplicaState::Error);
    stage.advance(Duration::from_secs(1));
    // The third one has more than the second, and keeps it.
    let told = |called: &Called, share: &Share| {
        let updates = called.answer().unwrap_or_else(|| panic!("{called}")).as_array().unwrap();
        let update = updates.iter().find(|one| one["id"] == share.id.as_str()).unwrap();
        assert_eq!(update["access_rules_status"] == "active", update["replica_state"] == "active");
        update["replica_state"].as_str().unwrap().to_owned()
    };
    let before = stage.facts();
    let fork = stage.fork();
    let second = fork.call("promote-replica", json!([lost, lost[1], [], null])).await.unwrap();
    let states = [&shares[0], &shares[1], &shares[2]].map(|share| told(&second, share));
    assert_eq!(states, ["out-of-sync", "active", "out-of-sync"]);
    let gone: Vec<_> = before.iter().filter(|fact| fact.starts_with("snapshot")).collect();
    assert!(gone.iter().all(|fact| fork.facts().contains(fact)), "{:#?}", fork.facts());
    // The second one follows the third.
    let third = stage.call("promote-replica", json!([lost, lost[2], [], null])).await.unwrap();
    let states = [&shares[0], &shares[1], &shares[2]].map(|share| told(&third, share));
    assert_eq!(states, ["out-of-sync", "in-sync", "active"]);
}
