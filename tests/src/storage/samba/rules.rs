//! The policy for Samba is no wider than what the driver needs: each rule is used.

use std::fs;

use abaca::types::AccessLevel;

use super::{Home, READER, WRITER, cifs, ip, user};
use crate::support::snapshot;
use crate::widths;

#[tokio::test]
async fn every_rule_of_the_policy_is_needed() {
    let Some(home) = Home::new("the rules of the policy for Samba").await else { return };
    let rules = [user(WRITER, AccessLevel::Rw), user(READER, AccessLevel::Ro)];
    let share = home.made(&rules).await;
    home.client(0, WRITER, &share, "mkdir kept").unwrap();
    home.let_in(&share, &[ip("198.51.100.0/24")]).await;
    let taken = snapshot(&share);
    home.backend.create_snapshot(&taken, None).await.unwrap();
    let copy = cifs("two");
    home.backend.create_share_from_snapshot(&copy, &taken, None).await.unwrap();
    let copy = home.backend.records().share(&copy.id).await.unwrap().unwrap().share;
    home.let_in(&copy, &rules).await;
    assert!(home.client(1, READER, &copy, "ls").unwrap().contains("kept"));
    home.backend.extend_share(&share, 2, None).await.unwrap();
    let larger = home.backend.records().share(&share.id).await.unwrap().unwrap().share;
    home.backend.shrink_share(&larger, 1, None).await.unwrap();
    home.backend.delete_snapshot(&taken, None).await.unwrap();
    for one in [&share, &copy] {
        let now = home.backend.records().share(&one.id).await.unwrap().unwrap().share;
        home.backend.delete_share(&now, None).await.unwrap();
    }
    let source = fs::read_to_string(home.ground.path().join("home.policy.toml")).unwrap();
    widths::assert_close("directory/policy-cifs", &source, widths::asked(&home.ground, "home"));
}
