//! The policies for shares on NFS are no wider than what the drivers need: they are those without
//! NFS and some rules more, each of which is used, and for nothing else than what was seen.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use abaca::policy::Policy;
use abaca::types::AccessLevel;

use super::directory::Home;
use super::ip;
use crate::storage::btrfs::FIRST_ALONE;
use crate::support::{Ground, share};
use crate::widths;

/// A policy that is shipped.
fn shipped(driver: &str, name: &str) -> Policy {
    let file = format!("../drivers/{driver}/{name}.toml");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    Policy::parse(&text, name).unwrap()
}

/// The rules by their identifiers.
fn rules(policy: &Policy) -> BTreeSet<String> {
    let commands = policy.commands().iter().map(|rule| &rule.id);
    let files = policy.files().iter().map(|rule| &rule.id);
    commands.chain(files).chain(policy.mounts().iter().map(|rule| &rule.id)).cloned().collect()
}

#[test]
fn with_nfs_there_are_rules_more_and_none_other() {
    for driver in ["directory", "btrfs"] {
        let (local, nfs) = (shipped(driver, "policy"), shipped(driver, "policy-nfs"));
        let more: Vec<_> = rules(&nfs).difference(&rules(&local)).cloned().collect();
        let less: Vec<_> = rules(&local).difference(&rules(&nfs)).cloned().collect();
        // There are no groups over NFS, and so nothing is granted for them.
        let mut of_groups = match driver {
            "btrfs" => FIRST_ALONE.to_vec(),
            _ => Vec::new(),
        };
        of_groups.sort_unstable();
        assert_eq!(less, of_groups, "{driver}");
        for id in &more {
            assert!(id.contains("export") || id.contains("mount"), "{driver}: {id}");
        }
        assert_eq!(nfs.covers(&local), less.is_empty(), "{driver}");
        assert!(!local.covers(&nfs), "{driver}");
        // Nothing of it is done as root, and nothing reaches the network.
        let commands = nfs.commands().iter().filter(|rule| more.contains(&rule.id));
        for rule in commands {
            assert!(rule.user.is_some() && rule.caps.is_empty() && !rule.network, "{}", rule.id);
        }
    }
}

#[tokio::test]
async fn every_rule_about_exports_is_needed() {
    let Some(home) = Home::new("the rules about exports").await else { return };
    let (one, _) = home.made(&share("one", 1)).await;
    for (to, other) in [("198.51.100.11", "198.51.100.12"), ("198.51.100.0/24", "203.0.113.0/24")] {
        home.rules(&one, &[ip(to, AccessLevel::Rw), ip(other, AccessLevel::Ro)]).await;
    }
    home.backend.delete_share(&one, None).await.unwrap();
    assert_close(&home.ground, "directory");
}

/// Asserts that what was done needs each rule that there is for NFS, and that these allow not much
/// more. The others are those of the policy without NFS, which has a test of its own.
pub fn assert_close(ground: &Ground, driver: &str) {
    let source = fs::read_to_string(ground.path().join("home.policy.toml")).unwrap();
    let asked = widths::asked(ground, "home");
    let (nfs, local) = (format!("{driver}/policy-nfs"), format!("{driver}/policy"));
    widths::assert_close_beyond(&local, &nfs, &source, asked);
}
