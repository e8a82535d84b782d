//! Rules in the property `sharenfs`: from behind the walls zfs-fuse tells no server of them, so the
//! property is what is looked at, and what zfs-fuse itself makes of it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::slice::from_ref;

use abaca::types::{AccessLevel, AccessRule, AccessType, Error as DriverError};

use super::{Home, driver_error, in_pool, property};
use crate::support::{Log, rule};

/// A rule for an address or a network.
pub fn ip(access_to: &str, access_level: AccessLevel) -> AccessRule {
    AccessRule { access_type: AccessType::Ip, ..rule(access_to, access_level) }
}

/// What zfs-fuse asks of `exportfs` where an operator has a share served by its rules. A program that
/// only writes that down stands for it, so that zfs-fuse then finds nobody served.
fn asked_of_exportfs(home: &Home, dataset: &str) -> Vec<String> {
    let program = home.ground.write("exportfs", "#!/bin/sh\necho \"$@\" >> \"$0.asked\"\n");
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", home.ground.path().display(), std::env::var("PATH").unwrap());
    #[expect(clippy::disallowed_methods, reason = "has a share served, as an operator does")]
    let shared = Command::new("zfs").args(["share", dataset]).env("PATH", path).output().unwrap();
    assert!(!shared.status.success(), "{shared:?}");
    let asked = fs::read_to_string(home.ground.path().join("exportfs.asked")).unwrap();
    asked.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn rules_are_set_all_together() {
    let Some(home) = Home::new(module_path!(), "rules_are_set_all_together", "access rules").await
    else {
        return;
    };
    let one = in_pool("tank", 1);
    let (current, directory) = home.made(&one).await;
    let dataset = Home::dataset("tank", &one);
    let shown = || property("sharenfs", &dataset);
    assert_eq!(shown(), "off");
    let (rw, ro) = (ip("10.0.0.1", AccessLevel::Rw), ip("10.1.0.0/24", AccessLevel::Ro));
    let both = [rw.clone(), ro.clone()];
    let update = async |all: &[AccessRule], add: &[AccessRule], remove: &[AccessRule]| {
        home.backend.update_access(&current, all, add, remove, None).await
    };
    update(from_ref(&rw), from_ref(&rw), &[]).await.unwrap();
    assert_eq!(shown(), "10.0.0.1:rw,no_root_squash");
    update(&both, from_ref(&ro), &[]).await.unwrap();
    let all = "10.0.0.1:rw,no_root_squash 10.1.0.0/255.255.255.0:ro,no_root_squash";
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
    assert_eq!(shown(), "10.0.0.1:rw,no_root_squash");
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
    assert_eq!(shown(), "10.0.0.1:rw,no_root_squash");
    update(&both, &[], &[]).await.unwrap();
    // A single address is none of a network.
    update(&[ip("10.0.0.7/32", AccessLevel::Ro)], &[], &[]).await.unwrap();
    assert_eq!(shown(), "10.0.0.7:ro,no_root_squash");
    update(&both, &[], &[]).await.unwrap();
    // They are there after a restart of the service.
    home.backend.ensure_share(&current, None).await.unwrap();
    assert_eq!(shown(), all);

    // Each client with what it may do; beside those that may write, others that may read.
    let more = [ip("10.1.2.0/24", AccessLevel::Ro), ip("10.0.0.2", AccessLevel::Rw), rw, ro];
    let log = Log::capture();
    update(&more, &more[..2], &[]).await.unwrap();
    assert_eq!(
        shown(),
        "10.0.0.2:rw,no_root_squash 10.0.0.1:rw,no_root_squash \
         10.1.2.0/255.255.255.0:ro,no_root_squash 10.1.0.0/255.255.255.0:ro,no_root_squash"
    );
    assert!(log.text().contains(&format!("`zfs share {dataset}`, run by root")), "{}", log.text());
    let place = directory.display();
    let asked = asked_of_exportfs(&home, &dataset);
    for (asked, (level, client)) in asked.iter().zip([
        ("rw", "10.0.0.2"),
        ("rw", "10.0.0.1"),
        ("ro", "10.1.2.0/255.255.255.0"),
        ("ro", "10.1.0.0/255.255.255.0"),
    ]) {
        let options = asked.strip_prefix(&format!("-o {level},no_root_squash,fsid="));
        let (_, export) = options.unwrap_or_else(|| panic!("{asked}")).split_once(' ').unwrap();
        assert_eq!(export, format!("{client}:{place}"));
    }
    assert_eq!(asked.len(), more.len());
    update(&[], &[], &more).await.unwrap();
    assert_eq!(shown(), "off");
    assert!(log.text().contains("10.1.0.0/255.255.255.0 may come in until"), "{}", log.text());
    home.backend.delete_share(&current, None).await.unwrap();
    home.assert_bare().await;
}
