//! The policy is no wider than what the driver needs: each rule is used, and no capability is given.

use abaca::types::{AccessLevel, Error as DriverError, Share, Snapshot};

use super::access::ip;
use super::{Home, driver_error, in_pool, managing, property, replicas, run};
use crate::support::snapshot;
use crate::widths;

/// All that the driver does.
async fn everything(home: &Home) {
    let (current, _) = home.made(&in_pool("tank", 1)).await;
    let dataset = Home::dataset("tank", &current);
    let taken = snapshot(&current);
    home.backend.create_snapshot(&taken, None).await.unwrap();
    let copy = in_pool("pond", 1);
    home.backend.create_share_from_snapshot(&copy, &taken, None).await.unwrap();
    home.backend.extend_share(&current, 2, None).await.unwrap();
    home.backend.shrink_share(&home.recorded(&current).await, 1, None).await.unwrap();
    let both = [ip("10.0.0.1", AccessLevel::Rw), ip("10.1.0.0/24", AccessLevel::Ro)];
    let gone = [ip("10.2.0.1", AccessLevel::Rw)];
    for rules in [&both[..1], &both[1..], &both[..], &[]] {
        home.backend.update_access(&current, rules, &[], &gone, None).await.unwrap();
    }
    home.backend.update_access(&current, &both, &[], &[], None).await.unwrap();
    // After a restart of the machine, on which somebody has unmounted it.
    run("zfs", &["unmount", &dataset]);
    home.backend.ensure_share(&current, None).await.unwrap();
    home.backend.get_share_stats(true).await.unwrap();
    home.backend.check_for_setup_error().await.unwrap();
    managing::taken_over(home).await;
    replicas::there_and_back(home).await;
    of_a_type(home, &taken).await;
    home.backend.delete_snapshot(&taken, None).await.unwrap();
    home.backend.delete_share(&current, None).await.unwrap();
    home.backend.delete_share(&copy, None).await.unwrap();
}

/// New and copied, a share has what its type asks for.
async fn of_a_type(home: &Home, taken: &Snapshot) {
    let spec = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let specs = vec![spec("dedupe", "<is> True"), spec("zfsonlinux:compression", "gzip-9")];
    let [new, copy] =
        ["tank", "pond"].map(|pool| Share { extra_specs: specs.clone(), ..in_pool(pool, 1) });
    home.backend.create_share(&new, None).await.unwrap();
    home.backend.create_share_from_snapshot(&copy, taken, None).await.unwrap();
    for (pool, share) in [("tank", &new), ("pond", &copy)] {
        let dataset = Home::dataset(pool, share);
        let shown = ["dedup", "compression"].map(|name| property(name, &dataset));
        assert_eq!(shown, ["on", "gzip-9"]);
        home.backend.delete_share(share, None).await.unwrap();
    }
    // The operator has some compression for all shares.
    let off = vec![spec("zfsonlinux:compression", "off")];
    let refused = Share { extra_specs: off, ..in_pool("tank", 1) };
    let error = driver_error(home.backend.create_share(&refused, None).await);
    assert!(matches!(error, DriverError::InvalidShare(_)), "{error:?}");
    home.backend.delete_share(&refused, None).await.unwrap();
}

#[tokio::test]
async fn every_rule_of_the_policy_is_needed() {
    let Some(home) =
        Home::new(module_path!(), "every_rule_of_the_policy_is_needed", "the rules of the policy")
            .await
    else {
        return;
    };
    everything(&home).await;
    home.assert_bare().await;
    let lines = home.ground.audit("home");
    widths::assert_close(
        "zfs/policy",
        &widths::shipped("zfs/policy"),
        widths::asked(&home.ground, "home"),
    );
    let policy = home.backend.policy();
    assert!(policy.files().is_empty());
    assert!(policy.commands().iter().all(|rule| rule.caps.is_empty() && !rule.network));
    let denied: Vec<_> = lines.iter().filter(|line| line["verdict"] == "denied").collect();
    assert!(denied.is_empty(), "{denied:?}");
}
