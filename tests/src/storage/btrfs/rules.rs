//! The policy is no wider than what the driver needs: each rule is used, and without any one
//! capability something fails.

use super::{Home, groups, managing, open, policy};
use crate::support::{share, snapshot};
use crate::widths;

/// All that the driver does, of shares of root's and of a client's.
pub async fn everything(home: &Home) {
    let (current, _) = home.made(&share("one", 1)).await;
    let taken = snapshot(&current);
    home.backend.create_snapshot(&taken, None).await.unwrap();
    // Repeated, it asks whose the snapshot is.
    home.backend.create_snapshot(&taken, None).await.unwrap();
    home.backend.create_share_from_snapshot(&share("two", 1), &taken, None).await.unwrap();
    home.backend.extend_share(&current, 2, None).await.unwrap();
    home.backend.shrink_share(&home.recorded(&current).await, 1, None).await.unwrap();
    home.backend.update_access(&current, &[], &[], &[], None).await.unwrap();
    home.backend.get_share_stats(true).await.unwrap();
    home.backend.check_for_setup_error().await.unwrap();
    managing::taken_over(home).await;
    groups::life(home).await;
    home.backend.delete_snapshot(&taken, None).await.unwrap();
    home.backend.delete_share(&current, None).await.unwrap();
}

#[tokio::test]
async fn every_rule_of_the_policy_is_needed() {
    let Some(home) = Home::new("the rules of the policy").await else { return };
    everything(&home).await;
    assert_close(&home, "btrfs/policy");
}

/// Asserts that what was done needs all of the policy, and that it allows not much more.
pub fn assert_close(home: &Home, shipped: &str) {
    widths::assert_close(shipped, &widths::shipped(shipped), widths::asked(&home.ground, "home"));
}

/// The policy without one capability of one rule.
pub fn without(policy: &str, id: &str, capability: &str) -> String {
    let wanted = format!("\nid = {id:?}\n");
    let pieces = policy.split("\n[").map(|piece| match piece.split_once("\ncaps = [") {
        Some((before, after)) if piece.contains(&wanted) => {
            let (caps, after) = after.split_once(']').unwrap();
            let kept = caps.split(", ").filter(|one| *one != format!("{capability:?}"));
            format!("{before}\ncaps = [{}]{after}", kept.collect::<Vec<_>>().join(", "))
        }
        _ => piece.to_owned(),
    });
    let changed = pieces.collect::<Vec<_>>().join("\n[");
    assert!(changed.len() < policy.len(), "{id} has {capability}");
    changed
}

#[tokio::test(flavor = "multi_thread")]
async fn every_capability_of_the_policy_is_needed() {
    let Some(home) = Home::new("the capabilities of the policy").await else { return };
    let shipped = policy(&home.pool);
    let rules = home.backend.policy().commands().iter();
    let all = rules.flat_map(|rule| rule.caps.iter().map(|one| (rule.id.clone(), *one)));
    let all: Vec<_> = all.collect();
    drop(home);
    let mut idle = Vec::new();
    for (id, capability) in all {
        let Some(Home { ground, pool, backend }) = Home::new("").await else { return };
        drop(backend);
        let policy = without(&shipped, &id, capability);
        let path = super::text(&pool.path()).to_owned();
        let policy = policy.replace(first_path(&shipped), &path);
        let backend = open(&ground, &pool, &policy).await;
        let home = Home { backend, ground, pool };
        // What is refused ends it, wherever that is.
        if tokio::spawn(async move { everything(&home).await }).await.is_ok() {
            idle.push(format!("{id}: {capability}"));
        }
    }
    assert!(idle.is_empty(), "the driver can do without {idle:?}");
}

/// Where the pool lies that a policy is for.
fn first_path(policy: &str) -> &str {
    let (_, after) = policy.split_once("path = \"").unwrap();
    after.split_once("/shares\"").unwrap().0
}
