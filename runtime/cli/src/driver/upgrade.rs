//! `abaca driver upgrade`, `pending`, `rollback` and `floor`: the versions of a backend's driver.
//! A new version that asks for nothing more goes on by itself where `abaca.toml` allows that; any
//! other one waits, and the old one keeps serving.
//!
//! ```text
//! upgrade ─▶ covered and allowed? ──yes──▶ current
//!                └──no──▶ pending ── pending --approve ──▶ current ── rollback ──▶ the one before
//!                             └───── pending --refuse ───▶ gone
//! ```

use std::path::Path;

use abaca::configuration::BackendEntry;
use abaca::policy::{Bound, Diff, Manifest};
use abaca::{Answers, Approval, Driver, Keeper, Versions};
use serde_json::{Value, json};

use super::approve::{answers, bind, show, truthful};
use super::consent::consent;
use crate::cli::{Floor, Pending, Upgrade};
use crate::failure::{Failure, Result};
use crate::output::{Output, plain, write};
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
    let mut keeper = service.versions(&running.entry)?;
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
        keeper.activate(&bound, &approval)?;
        return told(
            &asked.backend,
            keeper.versions(),
            "it asks for nothing more, and runs from now on",
            output,
        );
    }
    let diff = old.diff(manifest);
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
    let running = running(&asked.backend, service, output).await?;
    let versions = Versions::read(service.state(), &asked.backend)?;
    let Some((versions, number)) = versions.and_then(|all| all.pending.map(|one| (all, one)))
    else {
        return Err(Failure::refused(
            format!("backend `{}` has no pending version", asked.backend),
            "`abaca driver upgrade` records one",
        ));
    };
    if asked.refuse {
        let mut keeper = service.versions(&running.entry)?;
        keeper.refuse()?;
        let gone = format!("version {number} is gone");
        return told(&asked.backend, keeper.versions(), &gone, output);
    }
    let file = Versions::files(service.state(), &asked.backend, number).0;
    let new = load(&file, service, output).await?;
    let (old, manifest) = (truthful(&running.driver)?, truthful(&new)?);
    let diff = old.diff(manifest);
    if !asked.approve {
        let document = document(&asked.backend, &versions, Some(&diff));
        return output.answer(&document, || changes(&diff));
    }
    let mut given = answers(&asked.consent)?;
    for (name, path) in known(&running.approval, manifest).roots {
        given.roots.entry(name).or_insert(path);
    }
    let bound: Bound = bind(manifest, &mut given).await?;
    if !output.json {
        write(changes(&diff).as_bytes())?;
    }
    show(manifest, &bound, output)?;
    let reasons = consent(manifest, &bound, &given, asked.consent.yes).await?;
    let approval = Approval::now(&new, &bound, given.roots, reasons)?;
    let mut keeper = service.versions(&running.entry)?;
    keeper.activate(&bound, &approval)?;
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

async fn running(backend: &str, service: &Service, output: Output) -> Result<Running> {
    let entry = service.active(service.entry(backend)?)?;
    let approval = Approval::read(&entry.policy)?.ok_or_else(|| {
        Failure::refused(
            format!("what backend `{backend}` runs was never approved"),
            "approve it with `abaca driver approve` first: upgrades go by what was approved",
        )
    })?;
    let driver = load(&entry.driver, service, output).await?;
    if approval.component != driver.digest() {
        let changed = abaca::Changed::Component;
        return Err(abaca::Error::Unapproved { policy: entry.policy, changed }.into());
    }
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
