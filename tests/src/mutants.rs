//! Seeded mutants: each patch in `tests/mutants` is a mistake that a driver's author could make,
//! and says which checks of the conformance suite find it. Here they are built and the suite is
//! put to its proof. How to write one: `tests/mutants/README.md`.
//!
//! ```text
//! drivers/NAME ─ copy ─ patch ─▶ target/tmp/mutants/NAME-MUTANT ─┐ one workspace,
//! drivers/NAME ─ copy ─────────▶ target/tmp/mutants/NAME ────────┤ one cargo
//!                                                                └─▶ components ─▶ Suite
//! ```
//! Whichever test comes first builds them all, while the others wait; then each test has its part.

mod patch;
mod workspace;

use std::fs;
use std::path::{Path, PathBuf};

use abaca::testing::{Script, Suite, Verdict};
use abaca::{Limits, Runtime};

use self::patch::Patch;
use crate::support::runtime;

/// The drivers that there are mutants of.
const DRIVERS: [&str; 2] = ["directory", "dummy"];

/// How many there must be at least.
const ENOUGH: usize = 25;

/// How many tests share the mutants, so that they use several processors.
const PARTS: usize = 4;

/// A driver, as it is or with a mistake in it.
struct Subject {
    driver: &'static str,
    patch: Option<Patch>,
}

impl Subject {
    /// Its crate's name.
    fn package(&self) -> String {
        match &self.patch {
            Some(patch) => format!("abaca-mutant-{}-{}", self.driver, patch.name),
            None => format!("abaca-mutant-{}", self.driver),
        }
    }
}

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All mutants of a driver, by name.
fn patches(driver: &str) -> Vec<Patch> {
    let directory = root().join("tests/mutants").join(driver);
    let files = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    files.iter().map(|file| Patch::read(file)).collect()
}

/// All that is built: each driver as it is, and its mutants.
fn subjects() -> Vec<Subject> {
    let of = |driver: &'static str| {
        let mutants = patches(driver).into_iter().map(Some);
        [None].into_iter().chain(mutants).map(move |patch| Subject { driver, patch })
    };
    DRIVERS.into_iter().flat_map(of).collect()
}

/// What the checks came to that are named.
async fn judged(runtime: &Runtime, subject: &Subject, ids: &[String]) -> Vec<(String, Verdict)> {
    let component = workspace::component(&subject.package());
    let driver = runtime.load(component).await.unwrap();
    let stage = root().join("drivers").join(subject.driver).join("stage.toml");
    let script = stage.is_file().then(|| Script::load(&stage).unwrap());
    let suite = Suite::simulated(&driver, |stage| match &script {
        Some(script) => stage.script(script.clone()),
        None => stage,
    });
    let clients = script.iter().flat_map(|script| script.clients.clone()).collect();
    let suite = suite.unwrap().clients(clients).only(ids.iter().cloned());
    let report = Box::pin(suite.run(|_| {})).await.unwrap();
    let of = |id: &String| {
        let finding = report.findings.iter().find(|finding| finding.id == *id);
        let verdict = finding.map(|finding| finding.verdict.clone());
        let not_run = || Verdict::Skipped { reason: "the suite did not come so far".to_owned() };
        (id.clone(), verdict.unwrap_or_else(not_run))
    };
    ids.iter().map(of).collect()
}

/// Has the suite look at every mutant of one part, and names those that it lets pass.
async fn part_is_caught(part: usize) {
    let subjects = subjects();
    workspace::build(&subjects);
    let runtime = runtime(Limits::default());
    let mut survivors = Vec::new();
    for subject in subjects.iter().skip(part).step_by(PARTS) {
        let Some(patch) = &subject.patch else { continue };
        for (id, verdict) in judged(&runtime, subject, &patch.caught_by).await {
            if !matches!(verdict, Verdict::Failed { .. }) {
                let package = subject.package();
                survivors.push(format!("{package} is not caught by {id}: {verdict:?}"));
            }
        }
    }
    assert!(survivors.is_empty(), "{}", survivors.join("\n"));
}

#[tokio::test]
async fn mutants_are_caught_in_the_first_part() {
    part_is_caught(0).await;
}

#[tokio::test]
async fn mutants_are_caught_in_the_second_part() {
    part_is_caught(1).await;
}

#[tokio::test]
async fn mutants_are_caught_in_the_third_part() {
    part_is_caught(2).await;
}

#[tokio::test]
async fn mutants_are_caught_in_the_fourth_part() {
    part_is_caught(3).await;
}

#[tokio::test]
async fn without_a_patch_the_same_checks_pass() {
    let subjects = subjects();
    workspace::build(&subjects);
    let runtime = runtime(Limits::default());
    for subject in subjects.iter().filter(|subject| subject.patch.is_none()) {
        let mutants = patches(subject.driver);
        let mut ids: Vec<_> = mutants.into_iter().flat_map(|patch| patch.caught_by).collect();
        ids.sort();
        ids.dedup();
        for (id, verdict) in judged(&runtime, subject, &ids).await {
            assert_eq!(verdict, Verdict::Passed, "{}: {id}", subject.driver);
        }
    }
}

#[test]
fn there_are_enough_mutants_and_each_names_checks_that_exist() {
    let checks = Suite::checks();
    let mut count = 0;
    for patch in DRIVERS.iter().flat_map(|driver| patches(driver)) {
        count += 1;
        for id in &patch.caught_by {
            let exists = checks.iter().any(|check| check.id == *id);
            assert!(exists, "{} names {id}, which is no check", patch.name);
        }
    }
    assert!(count >= ENOUGH, "there are {count} mutants");
}
