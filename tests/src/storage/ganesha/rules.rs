//! The policies for shares on NFS are no wider than what the drivers need: they are those without
//! NFS and some rules more, each of which is used.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use abaca::Backend;
use abaca::policy::Policy;
use abaca::types::AccessLevel;

use super::directory::Home;
use super::ip;
use crate::support::{Ground, share};

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
        assert!(rules(&local).is_subset(&rules(&nfs)), "{driver}");
        for id in &more {
            assert!(id.contains("export") || id.contains("mount"), "{driver}: {id}");
        }
        assert!(nfs.covers(&local) && !local.covers(&nfs), "{driver}");
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
    home.rules(&one, &[ip("198.51.100.11", AccessLevel::Rw)]).await;
    home.rules(&one, &[ip("198.51.100.0/24", AccessLevel::Ro)]).await;
    home.backend.delete_share(&one, None).await.unwrap();
    assert_used(&home.ground, &home.backend, "directory");
}

/// Asserts that each rule which there is for NFS was used by what was done.
pub fn assert_used(ground: &Ground, backend: &Backend, driver: &str) {
    let lines = ground.audit("home");
    let used = lines.iter().filter_map(|line| line["rule"].as_str());
    let used: BTreeSet<_> = used.flat_map(|rules| rules.split(" + ")).collect();
    let (local, all) = (rules(&shipped(driver, "policy")), rules(backend.policy()));
    let unused: Vec<_> = all.difference(&local).filter(|id| !used.contains(id.as_str())).collect();
    assert!(unused.is_empty(), "the driver never needs {unused:?}");
}
