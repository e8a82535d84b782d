//! Twenty backends of two drivers in one runtime, asked for the same things at once: what each of
//! them makes is its own, though its shares are called as everybody else's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use abaca::types::{AccessLevel, Share, ShareStatus, Snapshot};
use abaca::{Backend, Driver, Limits, OptionValue};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::audited;
use crate::dummy::{ip, kept, recorded};
use crate::support::{Ground, held, load, rule, runtime, share, snapshot};

/// How many backends there are of each driver.
const EACH: u64 = 10;

/// One of the backends.
#[derive(Clone)]
struct Neighbour {
    backend: Backend,
    /// Tells it from the others: it is the size of its shares, less one.
    number: u64,
    /// Where the shares and snapshots of a directory are.
    roots: Option<[PathBuf; 2]>,
}

impl Neighbour {
    async fn dummy(ground: &Ground, driver: Driver, number: u64) -> Self {
        let host = [("dummy_export_host", OptionValue::Text(format!("192.0.2.{number}")))];
        let policy = "schema = 1\ndriver = \"dummy\"\n";
        let backend = ground.backend(&format!("dummy-{number}"), driver, policy, &host).await;
        Self { backend, number, roots: None }
    }

    async fn directory(ground: &Ground, driver: Driver, number: u64) -> Self {
        let name = format!("directory-{number}");
        let roots =
            ["shares", "snapshots"].map(|root| ground.path().join(format!("{name}-{root}")));
        let mut policy = ground.directory_policy();
        for (root, shared) in roots.iter().zip([ground.shares(), ground.snapshots()]) {
            fs::create_dir(root).unwrap();
            policy = policy.replace(shared.to_str().unwrap(), root.to_str().unwrap());
        }
        let export = OptionValue::Text(roots[0].to_str().unwrap().to_owned());
        let options = [("directory_export_root", export)];
        let backend = ground.backend(&name, driver, &policy, &options).await;
        Self { backend, number, roots: Some(roots) }
    }

    /// Where clients find a share of this backend.
    fn location(&self, one: &Share) -> String {
        match &self.roots {
            Some([shares, _]) => shares.join(&one.name).to_str().unwrap().to_owned(),
            None => format!("192.0.2.{}:/shares/{}", self.number, one.name),
        }
    }

    /// The share as this backend shall make it.
    fn own(&self, one: &Share) -> Share {
        Share { size: 1 + self.number, ..one.clone() }
    }

    /// Rules as this backend's driver knows them; their level is this backend's own.
    fn rules(&self) -> Vec<abaca::types::AccessRule> {
        let level =
            if (self.number / 2).is_multiple_of(2) { AccessLevel::Rw } else { AccessLevel::Ro };
        match self.roots {
            Some(_) => vec![rule("everyone", level)],
            None => (0..=self.number % 3).map(|at| ip(&format!("10.0.0.{at}"), level)).collect(),
        }
    }

    /// Makes, fills, opens, keeps and enlarges the first two shares, and removes the third.
    async fn work(&self, shares: &[Share; 3], taken: &Snapshot) {
        let backend = &self.backend;
        backend.do_setup().await.unwrap();
        let [first, second, third] = shares.each_ref().map(|one| self.own(one));
        for one in [&first, &second, &third] {
            let found = backend.create_share(one, None).await.unwrap();
            assert_eq!(found[0].path, self.location(one));
            if let Some([shares, _]) = &self.roots {
                fs::write(shares.join(&one.name).join("whose"), self.number.to_string()).unwrap();
            }
        }
        let taken = Snapshot { size: first.size, ..taken.clone() };
        let rules = self.rules();
        let opened = recorded(backend, &second.id).await;
        let (kept, opened, removed) = tokio::join!(
            backend.create_snapshot(&taken, None),
            backend.update_access(&opened, &rules, &rules, &[], None),
            backend.delete_share(&third, None),
        );
        for answer in [kept, opened, removed] {
            answer.unwrap();
        }
        let second = recorded(backend, &second.id).await;
        backend.extend_share(&second, second.size + 100, None).await.unwrap();
        backend.get_share_stats(true).await.unwrap();
    }

    /// Asserts that it has what it made, and nothing of the others'.
    async fn assert_own(&self, ground: &Ground, shares: &[Share; 3], taken: &Snapshot) {
        let backend = &self.backend;
        let records = backend.records().shares().await.unwrap();
        let sizes: Vec<_> = records.iter().map(|one| one.share.size).collect();
        assert_eq!(sizes, [1 + self.number, 101 + self.number]);
        for record in &records {
            assert_eq!(record.share.status, ShareStatus::Available);
            assert_eq!(record.share.export_locations[0].path, self.location(&record.share));
            // The driver's own state says the same.
            let found = backend.ensure_share(&record.share, None).await.unwrap();
            assert_eq!(found, record.share.export_locations);
        }
        let wanted = self.rules();
        let in_force = backend.records().access_rules(&shares[1].id).await.unwrap();
        assert_eq!(in_force.len(), wanted.len());
        assert!(in_force.iter().all(|one| one.access_level == wanted[0].access_level));
        assert_eq!(kept(backend, &taken.id).await.unwrap().size, 1 + self.number);
        if let Some([shares_root, snapshots_root]) = &self.roots {
            let names = |root: &PathBuf| -> BTreeSet<String> {
                let entries = fs::read_dir(root).unwrap();
                entries.map(|one| one.unwrap().file_name().into_string().unwrap()).collect()
            };
            let there = [&shares[0].name, &shares[1].name].map(String::clone);
            assert_eq!(names(shares_root), BTreeSet::from(there));
            assert_eq!(names(snapshots_root), BTreeSet::from([taken.name.clone()]));
            let whose = fs::read_to_string(snapshots_root.join(&taken.name).join("whose"));
            assert_eq!(whose.unwrap(), self.number.to_string());
        }
        assert_eq!(held(ground, backend), [""; 0]);
        let asked = [
            ("create-share", 3),
            ("create-snapshot", 1),
            ("delete-share", 1),
            ("do-setup", 1),
            ("ensure-share", 2),
            ("extend-share", 1),
            ("get-share-stats", 1),
            ("update-access", 1),
        ];
        let asked = asked.map(|(method, count)| (method.to_owned(), count));
        assert_eq!(audited(ground, backend.name()), BTreeMap::from(asked));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_backends_of_two_drivers_have_nothing_in_common() {
    let ground = Ground::new();
    let runtime = runtime(Limits::default());
    let (dummy, directory) = (
        load(&runtime, "abaca-driver-dummy").await,
        load(&runtime, "abaca-driver-directory").await,
    );
    let mut neighbours = Vec::new();
    for number in 0..EACH {
        neighbours.push(Neighbour::dummy(&ground, dummy.clone(), 2 * number).await);
        neighbours.push(Neighbour::directory(&ground, directory.clone(), 2 * number + 1).await);
    }
    let shares = [share("one", 1), share("two", 1), share("three", 1)];
    let taken = snapshot(&shares[0]);
    let begin = Arc::new(Barrier::new(neighbours.len()));
    let mut tasks = JoinSet::new();
    for one in neighbours.clone() {
        let (shares, taken, begin) = (shares.clone(), taken.clone(), Arc::clone(&begin));
        tasks.spawn(async move {
            begin.wait().await;
            Box::pin(one.work(&shares, &taken)).await;
        });
    }
    tasks.join_all().await;
    for one in &neighbours {
        one.assert_own(&ground, &shares, &taken).await;
    }
}
