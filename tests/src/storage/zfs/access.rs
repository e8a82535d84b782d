//! Rules in the property `sharenfs`: zfs-fuse serves nobody by it, so the property is what is
//! looked at.

use std::slice::from_ref;

use abaca::types::{AccessLevel, AccessRule, AccessType, Error as DriverError};

use super::{Home, driver_error, in_pool, property};
use crate::support::rule;

/// A rule for an address or a network.
pub fn ip(access_to: &str, access_level: AccessLevel) -> AccessRule {
    AccessRule { access_type: AccessType::Ip, ..rule(access_to, access_level) }
}

#[tokio::test]
async fn rules_are_set_all_together() {
    let Some(home) = Home::new(module_path!(), "rules_are_set_all_together", "access rules").await
    else {
        return;
    };
    let one = in_pool("tank", 1);
    let (current, _) = home.made(&one).await;
    let dataset = Home::dataset("tank", &one);
    let shown = || property("sharenfs", &dataset);
    assert_eq!(shown(), "off");
    let (rw, ro) = (ip("10.0.0.1", AccessLevel::Rw), ip("10.1.0.0/24", AccessLevel::Ro));
    let both = [rw.clone(), ro.clone()];
    let update = async |all: &[AccessRule], add: &[AccessRule], remove: &[AccessRule]| {
        home.backend.update_access(&current, all, add, remove, None).await
    };
    update(from_ref(&rw), from_ref(&rw), &[]).await.unwrap();
    assert_eq!(shown(), "rw=10.0.0.1,no_root_squash");
    update(&both, from_ref(&ro), &[]).await.unwrap();
    let all = "rw=10.0.0.1,no_root_squash,ro=10.1.0.0/255.255.255.0,no_root_squash";
    assert_eq!(shown(), all);

    // One of another kind changes nothing, and keeps nobody from being shut out.
    let user = rule("alice", AccessLevel::Rw);
    let with = [rw.clone(), ro.clone(), user.clone()];
    let error = driver_error(update(&with, from_ref(&user), &[]).await);
    assert!(matches!(error, DriverError::InvalidShareAccess(_)), "{error:?}");
    assert_eq!(shown(), all);
    let with = [rw.clone(), user.clone()];
    let error = driver_error(update(&with, from_ref(&user), from_ref(&ro)).await);
    assert!(matches!(error, DriverError::InvalidShareAccess(_)), "{error:?}");
    assert_eq!(shown(), "rw=10.0.0.1,no_root_squash");
    update(&both, from_ref(&ro), &[]).await.unwrap();
    update(&both, &[], from_ref(&user)).await.unwrap();
    assert_eq!(shown(), all);

    // What cannot be changes nothing when it is new, and does not keep others when it is old.
    let wrong = ip("2001:db8::/32", AccessLevel::Rw);
    let with = [rw.clone(), ro.clone(), wrong.clone()];
    let error = driver_error(update(&with, from_ref(&wrong), &[]).await);
    assert!(matches!(error, DriverError::InvalidShareAccess(_)), "{error:?}");
    assert_eq!(shown(), all);
    let error = driver_error(update(&[rw.clone(), wrong], &[], from_ref(&ro)).await);
    assert!(matches!(error, DriverError::InvalidShareAccess(_)), "{error:?}");
    assert_eq!(shown(), "rw=10.0.0.1,no_root_squash");
    update(&both, &[], &[]).await.unwrap();
    // A single address is none of a network.
    update(&[ip("10.0.0.7/32", AccessLevel::Ro)], &[], &[]).await.unwrap();
    assert_eq!(shown(), "ro=10.0.0.7,no_root_squash");
    update(&both, &[], &[]).await.unwrap();
    // They are there after a restart of the service.
    home.backend.ensure_share(&current, None).await.unwrap();
    assert_eq!(shown(), all);
    update(&[], &[], &both).await.unwrap();
    assert_eq!(shown(), "off");
    home.backend.delete_share(&current, None).await.unwrap();
    home.assert_bare().await;
}
