//! The policy is no wider than what the driver needs: each rule is used, and without any one
//! capability something fails.

use std::os::unix::fs::chown;

use abaca::types::Error as DriverError;

use super::{Home, KINDS, driver_error, open, policy};
use crate::support::{share, snapshot};
use crate::widths;

/// All that the driver does.
async fn everything(home: &Home, kind: &str) {
    let (current, directory) = home.made(&share("one", 1)).await;
    // A client's own, whom root has no right to look over the shoulder of.
    chown(&directory, Some(1000), Some(1000)).unwrap();
    let taken = snapshot(&current);
    home.backend.create_snapshot(&taken, None).await.unwrap();
    home.backend.create_share_from_snapshot(&share("two", 2), &taken, None).await.unwrap();
    home.extend(&current, 2).await;
    if kind == "ext4" {
        home.shrink(&current, 1).await;
    }
    home.backend.update_access(&current, &[], &[], &[], None).await.unwrap();
    home.backend.get_share_stats(true).await.unwrap();
    home.backend.check_for_setup_error().await.unwrap();
    home.backend.delete_snapshot(&taken, None).await.unwrap();
    home.backend.delete_share(&home.recorded(&current).await, None).await.unwrap();
}

#[tokio::test]
async fn every_rule_of_the_policy_is_needed() {
    let mut asked = Vec::new();
    for kind in KINDS {
        let Some(home) = Home::new(kind, "the rules of the policy").await else { return };
        everything(&home, kind).await;
        asked.extend(widths::asked(&home.ground, "home"));
    }
    widths::assert_close("image/policy", &widths::shipped("image/policy"), asked);
}

#[tokio::test]
async fn every_capability_of_the_policy_is_needed() {
    let Some(home) = Home::new("ext4", "the capabilities of the policy").await else { return };
    let shipped = policy(&home.pool);
    let rules = home.backend.policy().commands().iter();
    let all = rules.flat_map(|rule| rule.caps.iter().map(|one| (rule.id.clone(), *one)));
    let all: Vec<_> = all.collect();
    let tried = ["used", "sync"].map(|id| (id.to_owned(), "DAC_READ_SEARCH"));
    assert_eq!(all, tried, "each is tried here");
    let Home { ground, pool, backend } = home;
    drop(backend);
    // Neither rule has it: of a snapshot only `sync` is asked, of shrinking only `used`.
    let backend = open(&ground, &pool, &shipped.replace("\"DAC_READ_SEARCH\"", ""), "ext4").await;
    let home = Home { backend, ground, pool };
    let (current, directory) = home.made(&share("one", 2)).await;
    chown(&directory, Some(1000), Some(1000)).unwrap();
    let taken = home.backend.create_snapshot(&snapshot(&current), None).await.map(drop);
    let shrunk = home.backend.shrink_share(&home.recorded(&current).await, 1, None).await;
    for answer in [taken, shrunk] {
        let error = driver_error(answer);
        assert!(matches!(error, DriverError::CommandFailed(_)), "it can do without: {error:?}");
    }
}
