//! Two processes serve one state root, as when a service is started twice: they make the same
//! shares and snapshots at the same moment, others beside them, and remove what both know of. One
//! call at a time is at work on each, nothing is made twice, what is in it is never lost, and the
//! audit is one chain.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use abaca::audit::AuditLog;
use abaca::types::{Share, ShareStatus, Snapshot, SnapshotStatus};
use abaca::{Backend, BackendConfiguration, Error, Limits, OptionValue, Result};
use tokio::task::JoinSet;

use crate::support::{Ground, held, load, runtime, share, snapshot, until};

/// Tells a process where the ground is, and which of the two it is.
const GROUND: &str = "ABACA_TESTS_TWO_PROCESSES_GROUND";
const WHICH: &str = "ABACA_TESTS_TWO_PROCESSES_WHICH";

/// How many shares both make, and how many each makes besides.
const SHARED: usize = 24;
const OWN: usize = 12;

/// The moments that both wait for, each with what is done from then on.
const STEPS: [&str; 3] = ["make", "snapshot", "remove"];

/// A share that every process describes alike; `of` tells those of one process from those of all.
fn one(of: usize, number: usize) -> Share {
    let id = format!("{of:08}-0000-4000-8000-{number:012}");
    let name = format!("share-{id}");
    Share { share_id: id.clone(), name, id, ..share("one of many", 1) }
}

fn taken(of: &Share) -> Snapshot {
    let id = of.id.replace("-0000-", "-0001-");
    let name = format!("share-snapshot-{id}");
    Snapshot { snapshot_id: id.clone(), name, id, ..snapshot(of) }
}

/// The backend in this directory, as each process opens it.
async fn open(ground: &Path) -> Backend {
    let root = ground.join("shares").to_str().unwrap().to_owned();
    let options = [
        ("driver_handles_share_servers", OptionValue::Boolean(false)),
        ("directory_export_root", OptionValue::Text(root)),
    ];
    let configuration = BackendConfiguration {
        name: "home".to_owned(),
        policy: ground.join("home.policy.toml"),
        approved: false,
        state: ground.join("state"),
        options: options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        networks: BTreeMap::new(),
    };
    let driver = load(&runtime(Limits::default()), "abaca-driver-directory").await;
    Backend::open(driver, configuration).await.unwrap()
}

/// How one request ended: `ok`, or that somebody else is at it.
fn ended<T>(answer: Result<T>) -> &'static str {
    match answer {
        Ok(_) => "ok",
        Err(Error::Busy(_)) => "busy",
        Err(other) => panic!("{other:?}"),
    }
}

/// One of the two processes.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it is a process that another test starts"]
async fn one_of_two() {
    let Some(ground) = std::env::var_os(GROUND).map(PathBuf::from) else { return };
    let which: usize = std::env::var(WHICH).unwrap().parse().unwrap();
    let backend = open(&ground).await;
    for step in STEPS {
        std::fs::write(ground.join(format!("{step}-{which}")), "").unwrap();
        until("both have come so far", || ground.join(format!("{step}-go")).exists()).await;
        let mut calls = JoinSet::new();
        for number in 0..SHARED {
            let (backend, place) = (backend.clone(), ground.join("shares"));
            calls.spawn(async move {
                let one = one(0, number);
                let said = match step {
                    "make" => ended(backend.create_share(&one, None).await),
                    "snapshot" => ended(backend.create_snapshot(&taken(&one), None).await),
                    // Every other one.
                    _ if number % 2 == 0 => "kept",
                    _ => match ended(backend.delete_snapshot(&taken(&one), None).await) {
                        "ok" => ended(backend.delete_share(&one, None).await),
                        other => other,
                    },
                };
                if (step, said) == ("make", "ok") {
                    // Who has been told that it is there keeps something in it.
                    std::fs::write(place.join(&one.name).join(which.to_string()), "kept").unwrap();
                }
                (number, said)
            });
        }
        for number in 0..OWN {
            let backend = backend.clone();
            calls.spawn(async move {
                let one = one(which, number);
                let recorded = backend.records().share(&one.id).await.unwrap();
                let one = recorded.map_or(one, |record| record.share);
                let said = match step {
                    "make" => ended(backend.create_share(&one, None).await),
                    "snapshot" => ended(backend.extend_share(&one, 2, None).await),
                    _ => "ok",
                };
                (SHARED + number, said)
            });
        }
        let mut said = calls.join_all().await;
        said.sort_unstable();
        let said: Vec<_> = said.into_iter().map(|(_, said)| said).collect();
        std::fs::write(ground.join(format!("{step}-said-{which}")), said.join(" ")).unwrap();
    }
}

fn start(ground: &Ground, which: usize) -> Child {
    #[expect(clippy::disallowed_methods, reason = "other processes are what is tested")]
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["two_processes::one_of_two", "--exact", "--ignored"]);
    command.env(GROUND, ground.path()).env(WHICH, which.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap()
}

/// What both said of one step, request by request.
async fn said(ground: &Ground, step: &str) -> Vec<[String; 2]> {
    let at = |what: String| ground.path().join(format!("{step}-{what}"));
    until("both processes are ready", || (1..=2).all(|one| at(one.to_string()).exists())).await;
    ground.write(&format!("{step}-go"), "");
    let of = |which: usize| -> Vec<String> {
        let text = std::fs::read_to_string(at(format!("said-{which}"))).unwrap_or_default();
        text.split_whitespace().map(ToOwned::to_owned).collect()
    };
    let all = SHARED + OWN;
    until("both have answered", || of(1).len() == all && of(2).len() == all).await;
    of(1).into_iter().zip(of(2)).map(|(one, other)| [one, other]).collect()
}

/// How many calls of a method have ended well.
fn done(ground: &Ground, method: &str) -> usize {
    let is_it = |line: &serde_json::Value| {
        line["event"] == "call-end" && line["method"] == method && line["outcome"] == "ok"
    };
    ground.audit("home").into_iter().filter(is_it).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_twice_and_nothing_is_lost() {
    let ground = Ground::new();
    // Writes the policy; it is not at work when the two are.
    drop(ground.directory(&runtime(Limits::default()), &[]).await);
    let mut both = [1, 2].map(|which| start(&ground, which));

    let mut keepers = Vec::new();
    for (step, method) in [("make", "create-share"), ("snapshot", "create-snapshot")] {
        let said = said(&ground, step).await;
        let (shared, own) = said.split_at(SHARED);
        for (number, pair) in shared.iter().enumerate() {
            // At the same moment one of them is turned away; who comes after the other has made it is
            // told what there is.
            let is_right = pair.iter().all(|said| said == "ok" || said == "busy");
            assert!(is_right && pair.iter().any(|said| said == "ok"), "{step} {number}: {pair:?}");
        }
        assert!(own.iter().flatten().all(|said| said == "ok"), "{step}: {own:?}");
        if step == "make" {
            keepers = shared.to_vec();
        }
        // Whoever was turned away has not called the driver.
        let others = if step == "make" { 2 * OWN } else { 0 };
        let answered = shared.iter().flatten().filter(|said| *said == "ok").count();
        assert_eq!(done(&ground, method), answered + others, "{method}");
    }
    let removed = said(&ground, "remove").await;
    for (number, pair) in removed.iter().enumerate().take(SHARED) {
        let wanted = if number % 2 == 0 { "kept" } else { "ok" };
        assert!(pair.iter().any(|said| said == wanted), "removal of share {number}: {pair:?}");
    }
    for process in &mut both {
        assert!(process.wait().unwrap().success());
    }

    // Records, storage and audit tell the same.
    let backend = open(ground.path()).await;
    let kept = (0..SHARED).step_by(2).map(|number| one(0, number));
    let own = (1..=2).flat_map(|which| (0..OWN).map(move |number| one(which, number)));
    let wanted: BTreeMap<_, _> = kept.clone().map(|one| (one.name, 1)).collect();
    let wanted: BTreeMap<_, _> = wanted.into_iter().chain(own.map(|one| (one.name, 2))).collect();
    let records = backend.records().shares().await.unwrap();
    assert!(records.iter().all(|record| record.share.status == ShareStatus::Available));
    let found: BTreeMap<_, _> =
        records.iter().map(|record| (record.share.name.clone(), record.share.size)).collect();
    assert_eq!((found.len(), &found), (records.len(), &wanted));
    let names = |at: PathBuf| -> BTreeSet<String> {
        let entries = std::fs::read_dir(at).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names(ground.shares()), wanted.into_keys().collect());
    for (number, pair) in keepers.iter().enumerate().step_by(2) {
        let files = (1..).zip(pair).filter(|(_, said)| *said == "ok");
        let files: BTreeSet<_> = files.map(|(which, _)| which.to_string()).collect();
        assert_eq!(names(ground.shares().join(one(0, number).name)), files, "{number}");
        assert_eq!(names(ground.snapshots().join(taken(&one(0, number)).name)), files, "{number}");
    }
    let snapshots = backend.records().snapshots().await.unwrap();
    assert!(snapshots.iter().all(|one| one.snapshot.status == SnapshotStatus::Available));
    let wanted: BTreeSet<_> = kept.map(|one| taken(&one).name).collect();
    assert_eq!(snapshots.len(), wanted.len());
    assert_eq!(names(ground.snapshots()), wanted);
    assert_eq!(held(&ground, &backend), [""; 0]);
    drop(backend);
    let log = AuditLog::open(&ground.state(), "home").unwrap();
    let found = log.verify(Vec::new()).unwrap();
    assert!(found.is_whole() && found.notes.is_empty(), "{found:?}");
}
