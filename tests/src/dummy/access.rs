//! Access rules: as a whole set, rule by rule where a driver has no sets, and applied anew. Also
//! what hooks are told, which is how many rules are really in force.

use std::slice::from_ref;
use std::time::Instant;

use abaca::types::{AccessLevel, AccessRule, AccessRulesStatus, Share};
use abaca::{Backend, Limits};

use super::{assert_driver, calls, dummy, failing, ip, made, message, recorded, value};
use crate::support::{Ground, Log, PATIENCE, rule, runtime, share};

/// Makes a share's calls go rule by rule.
pub const NO_SETS: &str = "update-access:unsupported";

/// How many rules the driver holds for a share.
pub async fn in_force(backend: &Backend, share: &Share) -> String {
    let facts = backend.get_periodic_hook_data(from_ref(share)).await.unwrap();
    value(&facts[0].data, "access_rules").unwrap().to_owned()
}

/// The calls about access, oldest first.
pub fn asked(ground: &Ground) -> Vec<String> {
    calls(ground).into_iter().filter(|method| method.contains("access")).collect()
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
async fn one_rule_comes_and_goes() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let one = made(&backend, &share("one", 1)).await;
    let rules = [ip("192.0.2.7", AccessLevel::Rw), ip("192.0.2.8", AccessLevel::Ro)];
    for rule in [&rules[0], &rules[1], &rules[0]] {
        backend.allow_access(&one, rule, None).await.unwrap();
    }
    assert_eq!(backend.records().access_rules(&one.id).await.unwrap(), rules);
    assert_eq!(in_force(&backend, &one).await, "2");
    assert_eq!(asked(&ground), ["allow-access"; 3]);

    // Who is in has one rule: another one is refused before the driver is asked.
    let other = AccessRule { access_level: AccessLevel::Ro, ..rules[0].clone() };
    for other in [other, ip("192.0.2.7", AccessLevel::Rw)] {
        let answer = backend.allow_access(&one, &other, None).await;
        let said = assert_driver!(answer, ShareAccessExists);
        assert!(said.contains(&rules[0].id) && said.contains("192.0.2.7"), "{said}");
    }
    assert_eq!(asked(&ground).len(), 3);
    // What the driver refuses is not kept.
    let user = rule("somebody", AccessLevel::Rw);
    let answer = backend.allow_access(&one, &user, None).await;
    assert_driver!(answer, InvalidShareAccess);
    assert_eq!(backend.records().access_rules(&one.id).await.unwrap(), rules);

    for _ in 0..2 {
        backend.deny_access(&one, &rules[0], None).await.unwrap();
        assert_eq!(backend.records().access_rules(&one.id).await.unwrap(), rules[1..]);
        assert_eq!(in_force(&backend, &one).await, "1");
    }
    let record = recorded(&backend, &one.id).await;
    assert_eq!(record.access_rules_status, AccessRulesStatus::Active);
    assert_eq!(asked(&ground)[3..], ["allow-access", "deny-access", "deny-access"]);
}

#[tokio::test]
async fn one_rule_that_fails_may_be_in_force() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let plain = made(&backend, &share("one", 1)).await;
    let old = ip("192.0.2.7", AccessLevel::Rw);
    let broken = failing(&plain, "allow-access:backend-failed=no answer");
    assert_driver!(backend.allow_access(&broken, &old, None).await, BackendFailed);
    assert_eq!(backend.records().access_rules(&plain.id).await.unwrap(), from_ref(&old));
    let record = recorded(&backend, &plain.id).await;
    assert_eq!(record.access_rules_status, AccessRulesStatus::Error);
    assert!(message(&backend, &plain.id).await.contains("no answer"));
    backend.allow_access(&plain, &old, None).await.unwrap();

    let broken = failing(&plain, "deny-access:backend-failed");
    assert_driver!(backend.deny_access(&broken, &old, None).await, BackendFailed);
    assert_eq!(backend.records().access_rules(&plain.id).await.unwrap(), from_ref(&old));
    assert_eq!(in_force(&backend, &plain).await, "1");
    backend.deny_access(&plain, &old, None).await.unwrap();
    assert!(backend.records().access_rules(&plain.id).await.unwrap().is_empty());
    let record = recorded(&backend, &plain.id).await;
    assert_eq!(record.access_rules_status, AccessRulesStatus::Active);
}

#[tokio::test]
async fn one_rule_goes_through_the_set_where_there_is_nothing_else() {
    let ground = Ground::new();
    let log = Log::capture();
    let backend = ground.minimal(&runtime(Limits::default())).await;
    let one = made(&backend, &share("one", 1)).await;
    let rules = [ip("192.0.2.7", AccessLevel::Rw), ip("192.0.2.8", AccessLevel::Ro)];
    for rule in &rules {
        backend.allow_access(&one, rule, None).await.unwrap();
    }
    assert_eq!(backend.records().access_rules(&one.id).await.unwrap(), rules);
    backend.deny_access(&one, &rules[0], None).await.unwrap();
    assert_eq!(backend.records().access_rules(&one.id).await.unwrap(), rules[1..]);
    let told: Vec<_> = log.text().lines().filter_map(counted).collect();
    assert_eq!(told, ["1", "2", "1"], "the whole set each time: {}", log.text());
}

/// How many rules the minimal driver says it was given.
fn counted(line: &str) -> Option<String> {
    Some(line.split_once(" rules")?.0.rsplit(' ').next()?.to_owned())
}

/// Each rule is kept, or refused and tried again, as the refusal says.
#[tokio::test(flavor = "multi_thread")]
async fn rules_that_come_at_once_are_not_lost() {
    const RULES: usize = 40;
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let one = made(&backend, &share("one", 1)).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 1..=RULES {
        let (backend, one) = (backend.clone(), one.clone());
        let rule = ip(&format!("192.0.2.{number}"), AccessLevel::Rw);
        tasks.spawn(async move {
            let deadline = Instant::now() + PATIENCE;
            while let Err(error) = backend.allow_access(&one, &rule, None).await {
                let refused = matches!(&error, abaca::Error::Busy(_));
                assert!(refused && Instant::now() < deadline, "{error:?}");
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(backend.records().access_rules(&one.id).await.unwrap().len(), RULES);
    assert_eq!(in_force(&backend, &one).await, RULES.to_string());
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
}
