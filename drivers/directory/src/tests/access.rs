//! Who is let in: the whole set of rules each time, as permission bits.

use abaca_sdk::testing::{self, rule};
use abaca_sdk::{Access, AccessLevel, AccessRule, AccessType, Error};

use super::{host, host_with_share, one};
use crate::Directory;

fn update(rules: &[AccessRule]) -> Result<(), Error> {
    Directory::update_access(one(), rules.to_vec(), Vec::new(), Vec::new(), None)
}

fn everyone(level: AccessLevel) -> AccessRule {
    rule(AccessType::User, "everyone", level)
}

#[test]
fn the_rules_that_hold_are_those_of_the_last_call() {
    let host = host_with_share();
    for (rules, mode) in [
        (vec![everyone(AccessLevel::Ro)], 0o755),
        (vec![everyone(AccessLevel::Rw)], 0o777),
        (vec![rule(AccessType::User, "group", AccessLevel::Rw)], 0o770),
        (vec![], 0o700),
    ] {
        host.run(|| update(&rules)).unwrap();
        assert_eq!(host.mode("shares:share-1"), Some(mode), "{rules:?}");
    }
}

#[test]
fn a_rule_that_cannot_be_keeps_no_other_from_ending() {
    let host = host_with_share();
    host.run(|| update(&[everyone(AccessLevel::Rw)])).unwrap();
    let ip = [rule(AccessType::Ip, "192.0.2.1", AccessLevel::Rw)];
    assert!(matches!(host.run(|| update(&ip)), Err(Error::InvalidShareAccess(_))));
    assert_eq!(host.mode("shares:share-1"), Some(0o700));
}

#[test]
fn a_share_that_is_gone_lets_nobody_in() {
    let answer = host().run(|| update(&[]));
    assert!(matches!(answer, Err(Error::ShareResourceNotFound(_))), "{answer:?}");
}

#[test]
fn access_survives_every_fault() {
    let call = || update(&[everyone(AccessLevel::Ro)]);
    testing::survives(host_with_share, call, |host, fault| {
        assert_eq!(host.mode("shares:share-1"), Some(0o755), "{fault}");
    });
}
