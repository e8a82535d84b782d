//! The two cases of updating access rules, as a set and rule by rule. What drivers refuse is
//! tested in `dummy`.

use std::slice::from_ref;

use abaca::types::{AccessLevel, AccessRulesStatus};

use super::obedient;
use crate::dummy::access::{NO_SETS, asked, in_force};
use crate::dummy::{assert_driver, assert_invalid, dummy, failing, ip, made, recorded};
use crate::support::{Ground, rule, share};

#[tokio::test]
async fn update_access_adds_and_deletes_in_one_set() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let one = made(&backend, &share("one", 1)).await;
    let rules = [ip("192.0.2.7", AccessLevel::Rw), ip("192.0.2.0/24", AccessLevel::Ro)];
    backend.update_access(&one, &rules, &rules, &[], None).await.unwrap();
    assert_eq!(backend.records().access_rules(&one.id).await.unwrap(), rules);
    assert_eq!(in_force(&backend, &one).await, "2");
    // A rule that the protocol does not know is dropped again, and the others stay.
    let user = rule("somebody", AccessLevel::Rw);
    let more = [rules[0].clone(), rules[1].clone(), user.clone()];
    let answer = backend.update_access(&one, &more, from_ref(&user), &[], None).await;
    assert_driver!(answer, InvalidShareAccess);
    assert_eq!(backend.records().access_rules(&one.id).await.unwrap(), rules);
    let record = recorded(&backend, &one.id).await;
    assert_eq!(record.access_rules_status, AccessRulesStatus::Active);
    assert_eq!(in_force(&backend, &one).await, "2");
    let twice = [rules[0].clone(), rules[0].clone()];
    assert_invalid!(backend.update_access(&one, &twice, &[], &[], None).await);
    backend.update_access(&one, &rules[..1], &[], &rules[1..], None).await.unwrap();
    assert_eq!(in_force(&backend, &one).await, "1");
    assert!(asked(&ground).iter().all(|method| method == "update-access"));
}

#[tokio::test]
async fn update_access_applies_every_rule_anew_after_an_error() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let one = made(&backend, &share("one", 1)).await;
    let rules = [ip("192.0.2.7", AccessLevel::Rw), ip("192.0.2.8", AccessLevel::Ro)];
    backend.update_access(&one, &rules, &rules, &[], None).await.unwrap();
    let broken = failing(&one, "update-access:backend-failed");
    let answer = backend.update_access(&broken, &rules[..1], &[], &rules[1..], None).await;
    assert_driver!(answer, BackendFailed);
    let status = async || recorded(&backend, &one.id).await.access_rules_status;
    assert_eq!(status().await, AccessRulesStatus::Error);
    assert_eq!(in_force(&backend, &one).await, "2", "what was to be denied still is in force");
    // Neither added nor deleted rules: these are all, and whatever else was in force goes.
    backend.update_access(&one, &rules[..1], &[], &[], None).await.unwrap();
    assert_eq!(status().await, AccessRulesStatus::Active);
    assert_eq!(in_force(&backend, &one).await, "1");
    assert_eq!(backend.records().access_rules(&one.id).await.unwrap(), rules[..1]);
    assert_eq!(asked(&ground), ["update-access"; 3]);
}

#[tokio::test]
async fn update_access_falls_back_to_allow_and_deny() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let one = failing(&made(&backend, &share("one", 1)).await, NO_SETS);
    let rules = [ip("192.0.2.7", AccessLevel::Rw), ip("192.0.2.8", AccessLevel::Ro)];
    backend.update_access(&one, &rules, &rules, &[], None).await.unwrap();
    assert_eq!(asked(&ground), ["update-access", "allow-access", "allow-access"]);
    assert_eq!(in_force(&backend, &one).await, "2");
    // What is added comes before what is removed.
    let new = ip("192.0.2.9", AccessLevel::Rw);
    let wanted = [rules[0].clone(), new.clone()];
    backend.update_access(&one, &wanted, from_ref(&new), &rules[1..], None).await.unwrap();
    assert_eq!(asked(&ground)[3..], ["update-access", "allow-access", "deny-access"]);
    assert_eq!(in_force(&backend, &one).await, "2");
    assert_eq!(backend.records().access_rules(&one.id).await.unwrap(), wanted);
    // Applied anew, every rule is allowed again.
    backend.update_access(&one, &wanted, &[], &[], None).await.unwrap();
    assert_eq!(asked(&ground)[6..], ["update-access", "allow-access", "allow-access"]);
    assert_eq!(in_force(&backend, &one).await, "2");
    let record = recorded(&backend, &one.id).await;
    assert_eq!(record.access_rules_status, AccessRulesStatus::Active);
}

#[tokio::test]
async fn update_access_goes_rule_by_rule_where_the_driver_knows_no_sets() {
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    let one = made(&backend, &share("one", 1)).await;
    let rules = [ip("192.0.2.7", AccessLevel::Rw), ip("192.0.2.8", AccessLevel::Ro)];
    let methods = || {
        let lines = ground.audit("obedient").into_iter().filter(|line| line["event"] == "call");
        let methods = lines.map(|line| line["method"].as_str().unwrap().to_owned());
        methods.filter(|method| method != "create-share").collect::<Vec<_>>()
    };
    // Both are added, then one goes; applied anew, what is left is allowed again.
    backend.update_access(&one, &rules, &rules, &[], None).await.unwrap();
    backend.update_access(&one, &rules[..1], &[], &rules[1..], None).await.unwrap();
    backend.update_access(&one, &rules[..1], &[], &[], None).await.unwrap();
    let wanted = ["allow-access", "allow-access", "deny-access", "allow-access"];
    assert_eq!(methods(), wanted);
    assert_eq!(backend.records().access_rules(&one.id).await.unwrap(), rules[..1]);
}
