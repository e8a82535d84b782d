//! Access rules: as a whole set, rule by rule where a driver has no sets, and applied anew. Also
//! what hooks are told, which is how many rules are really in force.

use std::slice::from_ref;

use abaca::types::{AccessLevel, AccessRulesStatus, Share};
use abaca::{Backend, Limits};

use super::{
    assert_driver, assert_invalid, calls, dummy, failing, ip, made, message, recorded, value,
};
use crate::support::{Ground, rule, runtime, share};

/// Makes a share's calls go rule by rule.
const NO_SETS: &str = "update-access:unsupported";

/// How many rules the driver holds for a share.
async fn in_force(backend: &Backend, share: &Share) -> String {
    let facts = backend.get_periodic_hook_data(from_ref(share)).await.unwrap();
    value(&facts[0].data, "access_rules").unwrap().to_owned()
}

/// The calls about access, oldest first.
fn asked(ground: &Ground) -> Vec<String> {
    calls(ground).into_iter().filter(|method| method.contains("access")).collect()
}

#[tokio::test]
async fn a_set_is_applied_at_once() {
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
async fn without_sets_it_goes_rule_by_rule() {
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
async fn a_rule_that_is_refused_is_dropped_and_a_failure_is_not() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let plain = made(&backend, &share("one", 1)).await;
    let one = failing(&plain, NO_SETS);
    let old = ip("192.0.2.7", AccessLevel::Rw);
    backend.update_access(&one, from_ref(&old), from_ref(&old), &[], None).await.unwrap();
    let other = ip("192.0.2.7", AccessLevel::Ro);
    let both = [old.clone(), other.clone()];
    let answer = backend.update_access(&one, &both, from_ref(&other), &[], None).await;
    assert_driver!(answer, ShareAccessExists);
    assert_eq!(backend.records().access_rules(&one.id).await.unwrap(), from_ref(&old));

    // After any other failure every rule may be in force.
    let broken = failing(&plain, "update-access:backend-failed=no answer");
    let answer = backend.update_access(&broken, &[], &[], from_ref(&old), None).await;
    assert_driver!(answer, BackendFailed);
    assert_eq!(backend.records().access_rules(&one.id).await.unwrap(), from_ref(&old));
    let record = recorded(&backend, &one.id).await;
    assert_eq!(record.access_rules_status, AccessRulesStatus::Error);
    assert!(message(&backend, &one.id).await.contains("no answer"));
}

#[tokio::test]
async fn hooks_are_told_what_the_driver_knows() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let mut one = share("one", 4);
    one.metadata.push(super::pair("used_gib", "3"));
    let one = made(&backend, &one).await;
    backend.create_snapshot(&crate::support::snapshot(&one), None).await.unwrap();
    let unknown = share("unknown", 1);
    let facts = backend.get_periodic_hook_data(&[unknown.clone(), one.clone()]).await.unwrap();
    assert_eq!(facts.len(), 1, "of what is not there nothing is known");
    assert_eq!(facts[0].share_id, one.id);
    for (name, wanted) in
        [("pool", "alpha"), ("size_gib", "4"), ("used_gib", "3"), ("snapshots", "1")]
    {
        assert_eq!(value(&facts[0].data, name), Some(wanted), "{name}");
    }
    // A driver without facts leaves each share as it is.
    let minimal = ground.minimal(&runtime(Limits::default())).await;
    let facts = minimal.get_periodic_hook_data(&[unknown.clone(), one.clone()]).await.unwrap();
    let ids: Vec<_> = facts.iter().map(|one| &one.share_id).collect();
    assert_eq!(ids, [&unknown.id, &one.id]);
    assert!(facts.iter().all(|one| one.data.is_empty()));
    assert!(ground.audit("minimal").is_empty());
}
