//! The runtime, its broker and the NFS server are killed at random moments of shares' lives, as
//! subvolumes on NFS. Afterwards nothing is there that `abaca backend reconcile` does not find and
//! name, every record tells the truth, and what is said to be done about it is enough.
//!
//! ```text
//! step ─ step ─ step, killed in the middle ─▶ settled ─▶ reconcile: is everything there accounted for?
//!                                              └─ records: is everything recorded there, and served?
//! ─▶ steps to the end, or what the messages advise ─▶ nothing is left
//! ```
//! `ABACA_KILLS` says in how many lives (10 if nothing is said; `just test-kills` does 100), and
//! `ABACA_KILLS_SEED` begins the same moments again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use abaca::Records;
use abaca::types::{AccessRulesStatus, ShareStatus, SnapshotStatus};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{Nfs, run, text};
use crate::support::{Desk, Ground, component, eventually, until};

/// How many lives there are.
const LIVES: (&str, u64) = ("ABACA_KILLS", 10);

/// Where the random moments begin.
const SEED: (&str, u64) = ("ABACA_KILLS_SEED", 6);

/// The latest moment of a step: a little more than most steps take here.
const LATEST: u64 = 160;

/// The pieces of a share's life. `S` is the share, `T` its snapshot, `C` what is made of that, and
/// `A` a client's address.
const STEPS: [&[&str]; 10] = [
    &["share", "create", "S", "--size", "1"],
    &["access", "allow", "S", "ip", "A", "--level", "rw"],
    &["snapshot", "create", "S", "T"],
    &["share", "create", "C", "--from-snapshot", "T"],
    &["share", "extend", "S", "--size", "2"],
    &["share", "shrink", "S", "--size", "1"],
    &["share", "delete", "C"],
    &["snapshot", "delete", "T"],
    &["access", "deny", "S", "ip", "A"],
    &["share", "delete", "S"],
];

#[derive(Clone, Copy, Debug)]
enum Victim {
    Runtime,
    Broker,
    Server,
}

/// Numbers that look random, and are the same for the same seed (xorshift).
struct Moments(u64);

impl Moments {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A number that the environment sets.
fn set((name, otherwise): (&str, u64)) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

struct Scene {
    // Dropped in this order: whoever works in the pool before the pool.
    desk: Desk,
    ground: Ground,
    nfs: Nfs,
    mounts: PathBuf,
}

impl Scene {
    async fn new() -> Option<Scene> {
        let nfs = Nfs::new("kill -9 of the runtime, the broker and the NFS server").await?;
        let mounts = nfs.pool.mounts();
        let ground = Ground::new();
        let policy = nfs.policy("btrfs").replace("/run/abaca-nfs/mounts", text(&mounts));
        ground.write("home.policy.toml", &policy);
        let mut configuration = Desk::text(&ground, "home", &component("abaca-driver-btrfs"));
        for (name, value) in nfs.options("btrfs") {
            if let abaca::OptionValue::Text(value) = value {
                configuration += &format!("{name} = {value:?}\n");
            }
        }
        let desk = Desk::with(&ground, &configuration);
        desk.json(&["backend", "check"]);
        Some(Scene { desk, ground, nfs, mounts })
    }

    /// A step of the life of this number.
    fn words(&self, step: usize, life: u64) -> Vec<String> {
        let word = |word: &&str| match *word {
            name @ ("S" | "C" | "T") => format!("{name}-{life}").to_lowercase(),
            "A" => self.nfs.client(0).address().to_owned(),
            other => other.to_owned(),
        };
        STEPS[step].iter().map(word).collect()
    }

    fn run(&self, words: &[String]) -> Option<i32> {
        self.desk.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).code
    }

    /// Takes a step, in the middle of which somebody is killed. Whether it came to its end.
    async fn killed(&mut self, words: &[String], victim: Victim, moment: Duration) -> bool {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let mut command = self.desk.command(&words);
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(moment).await;
        match victim {
            Victim::Runtime => process.kill().unwrap(),
            Victim::Broker => brokers(&process).into_iter().for_each(|broker| {
                let _ = kill_process(broker, Signal::KILL);
            }),
            Victim::Server => self.nfs.kill(),
        }
        let status = tokio::task::spawn_blocking(move || process.wait()).await.unwrap().unwrap();
        if matches!(victim, Victim::Server) {
            self.nfs.start().await;
        }
        status.success()
    }

    async fn records(&self) -> Records {
        Records::open(&self.ground.state(), "home").await.unwrap()
    }

    /// Waits until nothing is under way any more: what the dead had started may live a little longer.
    async fn settled(&self) {
        let records = self.records().await;
        eventually("what was killed has ended", async || {
            let shares = records.shares().await.unwrap();
            let snapshots = records.snapshots().await.unwrap();
            let busy = shares.iter().any(|one| {
                use ShareStatus::{Creating, Deleting, Extending, Shrinking};
                let status = one.share.status;
                matches!(status, Creating | Deleting | Extending | Shrinking)
                    || !matches!(
                        one.share.access_rules_status,
                        AccessRulesStatus::Active | AccessRulesStatus::Error
                    )
            });
            let busy = busy
                || snapshots.iter().any(|one| {
                    use SnapshotStatus::{Creating, Deleting};
                    matches!(one.snapshot.status, Creating | Deleting)
                });
            (!busy).then_some(())
        })
        .await;
    }

    /// What reconciliation finds in the only backend.
    fn reconciled(&self, more: &[&str]) -> Value {
        let words = [&["backend", "reconcile", "--json"], more].concat();
        let answer = self.desk.run(&words);
        assert!(matches!(answer.code, Some(0 | 2)), "{answer:?}");
        let document: Value = serde_json::from_str(&answer.stdout).unwrap();
        let found = document["backends"][0].clone();
        assert!(found["error"].is_null(), "{found:#}");
        assert_eq!(answer.code == Some(0), is_in_order(&found), "{found:#}");
        found
    }

    /// All that is on the storage, each with what it is called there: directories of shares,
    /// snapshots and what is being made; places of mounts; blocks of exports, and exports that the
    /// server has.
    fn there(&self) -> BTreeSet<(String, String)> {
        let mut all = BTreeSet::new();
        let pool = self.nfs.pool.path();
        let roots = ["shares", "snapshots", "staging"].map(|root| (root, pool.join(root)));
        for (root, path) in roots.into_iter().chain([("mounts", self.mounts.clone())]) {
            for entry in fs::read_dir(path).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                all.insert((format!("root:{root}"), name));
            }
        }
        all.extend(self.nfs.blocks().into_iter().map(|name| ("root:exports".to_owned(), name)));
        let index = fs::read_to_string(self.nfs.exports().join("_index.conf")).unwrap();
        let included = index.lines().filter_map(|line| line.rsplit('/').next());
        let included = included.filter(|name| name.contains("share-"));
        all.extend(
            included.map(|name| ("the index".to_owned(), name.trim_end_matches('"').into())),
        );
        let shares = self.nfs.client(0).shares();
        all.extend(shares.into_iter().map(|name| ("the server".to_owned(), name)));
        all
    }

    /// Asserts that what is there is accounted for, and that what is recorded is true.
    async fn assert_true(&self, what: &str) {
        let found = self.reconciled(&[]);
        let records = self.records().await;
        let (shares, snapshots) =
            (records.shares().await.unwrap(), records.snapshots().await.unwrap());
        let of_shares = shares.iter().map(|one| &one.share.name);
        let known: Vec<_> =
            of_shares.chain(snapshots.iter().map(|one| &one.snapshot.name)).collect();
        let named = |container: &str, name: &str| {
            let lists = ["left_over", "missing", "unclear"].map(|list| &found["found"][list]);
            let mut all = lists.iter().flat_map(|list| list.as_array().unwrap());
            all.any(|one| one["container"] == container && one["name"] == name)
        };
        for (container, name) in self.there() {
            let own = known
                .iter()
                .any(|known| name == **known || name.strip_prefix(known.as_str()) == Some(".conf"));
            assert!(own || named(&container, &name), "{what}: {container} {name}: {found:#}");
        }
        let unfinished = found["found"]["unfinished"].as_array().unwrap();
        for one in &shares {
            let share = &one.share;
            let place = self.nfs.pool.path().join("shares").join(&share.name);
            let is_named = unfinished.iter().any(|found| found["id"] == share.id);
            let is_well = share.status == ShareStatus::Available
                && share.access_rules_status == AccessRulesStatus::Active;
            assert!(is_well || is_named, "{what}: {one:?}: {found:#}");
            assert!(is_well || one.message.is_some(), "{what}: {one:?}");
            if share.status == ShareStatus::Available {
                assert_eq!(limit(&place), Some(share.size << 30), "{what}: {one:?}");
            }
        }
        for one in &snapshots {
            let snapshot = &one.snapshot;
            let is_named = unfinished.iter().any(|found| found["id"] == snapshot.id);
            let place = self.nfs.pool.path().join("snapshots").join(&snapshot.name);
            match snapshot.status {
                SnapshotStatus::Available => assert!(place.is_dir(), "{what}: {one:?}"),
                _ => assert!(is_named && one.message.is_some(), "{what}: {one:?}: {found:#}"),
            }
        }
        // What is available is served, or is again.
        let found = self.reconciled(&["--ensure"]);
        assert_eq!(found["unserved"], Value::Array(Vec::new()), "{what}");
        for one in shares.iter().filter(|one| one.share.status == ShareStatus::Available) {
            let rules = records.access_rules(&one.share.id).await.unwrap();
            if one.share.access_rules_status == AccessRulesStatus::Active && !rules.is_empty() {
                let location = &one.share.export_locations[0].path;
                self.nfs.client(0).names(location).unwrap();
            }
        }
    }

    /// Takes what a life has left away, as its messages advise.
    async fn removed(&self, life: u64) {
        let name = |kind: &str| format!("{kind}-{life}");
        for (noun, name) in [("share", name("c")), ("snapshot", name("t")), ("share", name("s"))] {
            let words = [noun, "delete", &name].map(str::to_owned);
            let list = self.desk.json(&[noun, "list"]);
            let all = list[format!("{noun}s")].as_array().unwrap();
            if all.iter().any(|one| one["name"] == name) {
                // What the dead process had started may not have been ended yet.
                until("it is removed", || self.run(&words) == Some(0)).await;
            }
        }
    }

    async fn assert_bare(&self, what: &str) {
        assert_eq!(self.there(), BTreeSet::new(), "{what}");
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        assert!(!mounts.contains(&format!(" {}/", text(&self.mounts))), "{what}: {mounts}");
        let found = self.reconciled(&[]);
        assert!(is_in_order(&found), "{what}: {found:#}");
        assert!(self.records().await.shares().await.unwrap().is_empty(), "{what}");
        let shared = found["found"]["shared"].as_array().unwrap();
        assert!(shared.iter().all(|one| one["name"] == "_index.conf"), "{what}: {shared:?}");
    }
}

/// Whether nothing was found but what all shares have in common.
fn is_in_order(found: &Value) -> bool {
    let lists = ["unfinished", "left_over", "missing", "unclear"].map(|list| &found["found"][list]);
    let mut all = lists.into_iter().chain([&found["unserved"]]);
    all.all(|list| list.as_array().unwrap().is_empty())
}

/// The limit of a subvolume in bytes; none if there is none, or nothing is there.
fn limit(place: &Path) -> Option<u64> {
    if !place.is_dir() {
        return None;
    }
    let said = run("btrfs", &["subvolume", "show", "--raw", text(place)]);
    let line = said.lines().find_map(|line| line.trim().strip_prefix("Limit referenced:"))?;
    line.trim().parse().ok()
}

/// The brokers that a process has started.
fn brokers(of: &Child) -> Vec<Pid> {
    let parent = format!("PPid:\t{}", of.id());
    let all = fs::read_dir("/proc").unwrap().flatten();
    let mine = all.filter_map(|entry| {
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let is_mine = status.lines().any(|line| line == parent)
            && status.starts_with("Name:\tabaca-broker\n");
        let id = entry.file_name().to_str()?.parse().ok()?;
        if is_mine { Pid::from_raw(id) } else { None }
    });
    mine.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_killed_nothing_is_lost_from_sight() {
    let Some(mut scene) = Scene::new().await else { return };
    let seed = set(SEED);
    let mut moments = Moments(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut cut = [0; 3];
    for life in 0..set(LIVES) {
        let at = usize::try_from(moments.below(STEPS.len() as u64)).unwrap();
        let moment = Duration::from_millis(moments.below(LATEST));
        let victim = [Victim::Runtime, Victim::Broker, Victim::Server][(life % 3) as usize];
        for step in 0..STEPS.len() {
            let words = scene.words(step, life);
            let what =
                format!("seed {seed}, life {life}, {victim:?} after {moment:?} of {words:?}");
            if step != at {
                assert_eq!(scene.run(&words), Some(0), "{what}: {words:?}");
                continue;
            }
            let is_done = scene.killed(&words, victim, moment).await;
            scene.settled().await;
            scene.assert_true(&what).await;
            if !is_done {
                cut[(life % 3) as usize] += 1;
                scene.removed(life).await;
                scene.assert_bare(&what).await;
                break;
            }
        }
        scene.removed(life).await;
        scene.assert_bare(&format!("seed {seed}, life {life}")).await;
    }
    println!(
        "cut short: {} by the runtime's end, {} by the broker's, {} by the server's",
        cut[0], cut[1], cut[2]
    );
}
