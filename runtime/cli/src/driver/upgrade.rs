//! `abaca driver upgrade`, `pending`, `rollback` and `floor`: the versions of a backend's driver.
//! A new version that asks for nothing more goes on by itself where `abaca.toml` allows that; any
//! other one waits, and the old one keeps serving.
//!
//! ```text
//! upgrade ─▶ covered and allowed? ──yes──▶ does the backend open with it? ──yes──▶ current
//!                └──no──▶ pending ◀──────────────────no─────┘ ▲                       │
//!                          │ └── pending --approve ───────────┘      rollback ◀───────┘
//!                          └──── pending --refuse ───▶ gone             └─▶ the one before
//! ```

use std::path::Path;

use abaca::Consent::{Approved, Automatic};
use abaca::configuration::BackendEntry;
use abaca::policy::{Bound, Diff, Manifest};
use abaca::{Answers, Approval, Driver, Keeper, Version, Versions, read_policy};
use serde_json::{Value, json};

use super::approve::{answers, bind, show, truthful};
use super::consent::consent;
use crate::cli::{Floor, Pending, Upgrade};
use crate::failure::{Failure, Result};
use crate::output::{Output, complain, plain, write};
use crate::policy::changes;
use crate::service::Service;

/// What runs, and what was approved of it.
struct Running {
    entry: BackendEntry,
    driver: Driver,
    approval: Approval,
}

/// Records a new version of a backend's driver, and lets it run if it may.
///
/// # Errors
/// When the driver that runs was not approved, or the new one does not do.
pub async fn upgrade(asked: &Upgrade, service: &Service, output: Output) -> Result<()> {
    let running = running(&asked.backend, service, output).await?;
    let new = load(&asked.file, service, output).await?;
    let (old, manifest) = (truthful(&running.driver)?, truthful(&new)?);
    if old.driver() != manifest.driver() {
        return Err(Failure::refused(
            format!(
                "backend `{}` has the driver `{}`, and this is `{}`",
                asked.backend,
                old.driver(),
                manifest.driver()
            ),
            "a backend keeps its driver; configure another backend for this one",
        ));
    }
    let mut keeper = held(&running, service)?;
    let number = keeper.add(&asked.file, &new)?;
    let mut answers = known(&running.approval, manifest);
    if old.covers(manifest)
        && running.entry.allow_same_rights_upgrades
        && grants_no_more(&running, old, manifest, &answers)
    {
        let bound = bind(manifest, &mut answers).await?;
        // The reasons still hold: nothing is granted that was not.
        let mut reasons = running.approval.reasons;
        reasons.retain(|id, _| bound.policy.rule_risks().iter().any(|rule| rule.id == *id));
        let approval = Approval::now(&new, &bound, answers.roots, reasons)?;
        let beside = service.beside(&running.entry);
        if let Err(error) = keeper.activate(&new, &bound, &approval, beside, Automatic).await {
            complain(&format!(
                "version {number} asks for nothing more, and waits all the same: the backend does \
                 not start with it\n"
            ));
            return Err(service.located(&running.entry, error));
        }
        return told(
            &asked.backend,
            keeper.versions(),
            "it asks for nothing more, and runs from now on",
            output,
        );
    }
    let diff = difference(&running, old, manifest, &answers);
    if output.json {
        let document = document(&asked.backend, keeper.versions(), Some(&diff));
        return output.answer(&document, String::new);
    }
    write(changes(&diff).as_bytes())?;
    let waits = format!(
        "version {number} waits; `abaca driver pending {} --approve` lets it run, --refuse lets it \
         go",
        asked.backend
    );
    told(&asked.backend, keeper.versions(), &waits, output)
}

/// Shows what is pending, or decides on it.
///
/// # Errors
/// When nothing is pending, or the operator does not consent.
pub async fn pending(asked: &Pending, service: &Service, output: Output) -> Result<()> {
    // That there is such a backend is known first.
    service.entry(&asked.backend)?;
    let versions = service.versions_of(&asked.backend)?;
    let Some((versions, number)) = versions.and_then(|all| all.pending.map(|one| (all, one)))
    else {
        return Err(Failure::refused(
            format!("backend `{}` has no pending version", asked.backend),
            "`abaca driver upgrade` records one",
        ));
    };
    if asked.refuse {
        // What runs is not looked at: letting go changes nothing of it.
        let mut keeper = recorded(&asked.backend, service)?;
        let gone = format!("version {} is gone", keeper.refuse()?);
        return told(&asked.backend, keeper.versions(), &gone, output);
    }
    let running = running(&asked.backend, service, output).await?;
    let file = Versions::files(service.state(), &asked.backend, number).0;
    let new = load(&file, service, output).await?;
    let (old, manifest) = (truthful(&running.driver)?, truthful(&new)?);
    if !asked.approve {
        let diff = difference(&running, old, manifest, &known(&running.approval, manifest));
        let document = document(&asked.backend, &versions, Some(&diff));
        return output.answer(&document, || changes(&diff));
    }
    let mut given = answers(&asked.consent)?;
    for (name, path) in known(&running.approval, manifest).roots {
        given.roots.entry(name).or_insert(path);
    }
    let bound: Bound = bind(manifest, &mut given).await?;
    service.check_apart(&bound.policy)?;
    // With the directories that a new root got just now.
    let diff = difference(&running, old, manifest, &given);
    show(&changes(&diff), output)?;
    show(&format!("{}\n", bound.shown), output)?;
    let reasons = consent(manifest, &bound, &given, asked.consent.yes).await?;
    let approval = Approval::now(&new, &bound, given.roots, reasons)?;
    let mut keeper = held(&running, service)?;
    let beside = service.beside(&running.entry);
    let activated = keeper.activate(&new, &bound, &approval, beside, Approved).await;
    activated.map_err(|error| service.located(&running.entry, error))?;
    told(&asked.backend, keeper.versions(), "it runs from now on", output)
}

/// Goes back to the version before.
///
/// # Errors
/// When there is none, or it may not run any more.
pub fn rollback(backend: &str, service: &Service, output: Output) -> Result<()> {
    let mut keeper = recorded(backend, service)?;
    let number = keeper.rollback()?;
    let back = format!("version {number} runs again from now on");
    told(backend, keeper.versions(), &back, output)
}

/// Says below which version of the driver none runs.
///
/// # Errors
/// When the current one is below it, or it would be lowered.
pub fn floor(asked: &Floor, service: &Service, output: Output) -> Result<()> {
    let mut keeper = recorded(&asked.backend, service)?;
    keeper.raise_floor(&asked.version)?;
    let floor = format!("nothing below version {} of the driver runs any more", asked.version);
    told(&asked.backend, keeper.versions(), &floor, output)
}

/// The versions of a backend whose driver was upgraded before, or is approved.
fn recorded(backend: &str, service: &Service) -> Result<Keeper> {
    service.versions(&service.active(service.entry(backend)?)?)
}

/// The versions, held for a change, while still that runs with which the new one was compared.
fn held(running: &Running, service: &Service) -> Result<Keeper> {
    let keeper = service.versions(&running.entry)?;
    let versions = keeper.versions();
    let Approval { component, policy, .. } = &running.approval;
    let is_it = |now: &&Version| now.component == *component && now.policy.as_ref() == Some(policy);
    if versions.version(versions.current).filter(is_it).is_some() {
        return Ok(keeper);
    }
    Err(Failure::refused(
        format!(
            "backend `{}` has gone to version {} meanwhile, and the new one was compared with what \
             ran before",
            running.entry.name, versions.current
        ),
        "ask again",
    ))
}

async fn running(backend: &str, service: &Service, output: Output) -> Result<Running> {
    let entry = service.active(service.entry(backend)?)?;
    let approval = Approval::read(&entry.policy)?.ok_or_else(|| {
        Failure::refused(
            format!("what backend `{backend}` runs was never approved"),
            "approve it with `abaca driver approve` first: upgrades go by what was approved",
        )
    })?;
    let driver = load(&entry.driver, service, output).await?;
    // What a new version is compared with is what was approved, or "nothing more" means nothing.
    approval.check(&driver, &read_policy(&entry.policy)?, &entry.policy)?;
    Ok(Running { entry, driver, approval })
}

async fn load(file: &Path, service: &Service, output: Output) -> Result<Driver> {
    let what = format!("compiling {}", file.display());
    let runtime = service.runtime()?;
    Ok(output.wait(&what, Box::pin(runtime.load(file))).await?)
}

/// Whether what would come of a new manifest grants nothing that the old one did not here: rules
/// that were left out, because the operator gave no directory for an optional root, stay out.
fn grants_no_more(running: &Running, old: &Manifest, new: &Manifest, answers: &Answers) -> bool {
    match (old.bind(&running.approval.roots), new.bind(&answers.roots)) {
        (Ok(old), Ok(new)) => old.policy.covers(&new.policy),
        // Somebody has to be asked for a directory, which may bring such rules back.
        _ => false,
    }
}

/// What would be in force with the new one, more and less than what is.
fn difference(running: &Running, old: &Manifest, new: &Manifest, answers: &Answers) -> Diff {
    old.diff_bound(&running.approval.roots, new, &answers.roots)
}

/// The directories that the operator has chosen before, for the roots that there still are.
fn known(approval: &Approval, manifest: &Manifest) -> Answers {
    let mut roots = approval.roots.clone();
    roots.retain(|name, _| manifest.roots().iter().any(|root| root.name == *name));
    Answers { roots, ..Answers::default() }
}

fn told(backend: &str, versions: &Versions, what: &str, output: Output) -> Result<()> {
    let version = |number| versions.version(number).map_or("", |one| one.version.as_str());
    output.answer(&document(backend, versions, None), || {
        let current = versions.current;
        format!("{what}\n{backend} runs version {current} ({})\n", plain(version(current)))
    })
}

fn document(backend: &str, versions: &Versions, diff: Option<&Diff>) -> Value {
    json!({
        "backend": backend,
        "versions": versions,
        "asks_more": diff.map(|diff| diff.asks_more),
        "changes": diff.map(|diff| &diff.changes),
    })
}
