//! `abaca driver approve`: binds the roots of a driver's manifest, shows what comes of it, asks,
//! and writes the policy with its lock file.
//!
//! ```text
//! load ─▶ true to its manifest? ─▶ bind roots ─▶ show ─▶ consent ─▶ policy, then lock
//! ```

use std::path::{Path, PathBuf};

use abaca::policy::{BindError, Bound, Manifest};
use abaca::{Answers, Approval, Driver, Runtime, check_apart};
use serde_json::json;

use super::consent::{self, consent};
use crate::cli::{Approve, Consent};
use crate::failure::{Failure, Result};
use crate::output::{Output, complain, plain, write};

/// Does what was asked.
///
/// # Errors
/// When the driver does not do, the operator does not consent, or a file cannot be written.
pub async fn run(asked: &Approve, output: Output) -> Result<()> {
    let runtime = Runtime::builder().build()?;
    let what = format!("compiling {}", asked.file.display());
    let driver = output.wait(&what, Box::pin(runtime.load(&asked.file))).await?;
    let manifest = truthful(&driver)?;
    let name = manifest.driver();
    let policy =
        asked.policy.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.policy.toml")));
    is_ours(&policy)?;
    let mut answers = answers(&asked.consent)?;
    let bound = bind(manifest, &mut answers).await?;
    check_apart(&bound.policy, [("its policy", policy.as_path())])?;
    // Every line is visible ASCII: nothing in it acts on a terminal.
    show(&format!("{}\n", bound.shown), output)?;
    let reasons = consent(manifest, &bound, &answers, asked.consent.yes).await?;
    let approval = Approval::now(&driver, &bound, answers.roots, reasons)?;
    approval.write(&policy, &bound)?;
    let lock = Approval::file(&policy);
    let document = json!({
        "policy_file": policy, "lock_file": lock, "approval": approval, "asked": bound.shown,
    });
    output.answer(&document, || {
        let (policy, lock) = (policy.display().to_string(), lock.display().to_string());
        format!(
            "approved: {} and {} are written\nin abaca.toml, in [backends.NAME]:\n  driver = \
             {:?}\n  policy = {policy:?}\n",
            plain(&policy),
            plain(&lock),
            asked.file.display().to_string(),
        )
    })
}

/// The manifest of a driver that keeps to it.
///
/// # Errors
/// When it has none, component and manifest do not say the same, or no policy can grant what it asks
/// for.
pub fn truthful(driver: &Driver) -> Result<&Manifest> {
    let name = &driver.description().name;
    let manifest = driver.manifest().ok_or_else(|| {
        Failure::refused(
            format!("the driver `{name}` carries no manifest, so there is nothing to approve"),
            "write its policy by hand, as README says, or ask its vendor",
        )
    })?;
    let findings = driver.findings();
    if !findings.is_empty() {
        return Err(Failure::refused(
            format!(
                "the driver `{name}` does not keep to its own manifest: {}",
                findings.join("; ")
            ),
            "report it to its vendor; such a driver is not run",
        ));
    }
    match driver.only_tested() {
        Some(reason) => Err(Failure::refused(reason, "wait for a version of Abaca that serves it")),
        None => Ok(manifest),
    }
}

/// What the operator has said beforehand, in a file and on the command line.
///
/// # Errors
/// When the file cannot be read, or a root is given twice.
pub fn answers(given: &Consent) -> Result<Answers> {
    let mut answers = given.answers.as_deref().map(Answers::load).transpose()?.unwrap_or_default();
    for (name, path) in &given.roots {
        if answers.roots.insert(name.clone(), path.clone()).is_some_and(|other| other != *path) {
            return Err(Failure::refused(
                format!("the root `{}` is given twice", plain(name)),
                "leave it out in one of the two places",
            ));
        }
    }
    Ok(answers)
}

/// Binds the roots to the directories of the answers; people are asked for those that are
/// missing, and the answers are completed. Optional ones are left out, unless they are given.
///
/// # Errors
/// When a directory is missing and nobody can be asked, or does not do.
pub async fn bind(manifest: &Manifest, answers: &mut Answers) -> Result<Bound> {
    if let Err(BindError::Missing(roots)) = manifest.bind(&answers.roots) {
        let names: Vec<_> = roots.iter().map(|root| format!("--root {}=PATH", root.name)).collect();
        consent::somebody_is_there(&format!("add {}", names.join(" ")))?;
        for root in roots {
            let question = format!("directory for `{}` ({}): ", root.name, plain(&root.purpose));
            answers.roots.insert(root.name, consent::ask(&question).await?);
        }
    }
    manifest.bind(&answers.roots).map_err(|error| match error {
        BindError::Policy(error) => abaca::Error::from(error).into(),
        other => Failure::refused(
            other.to_string(),
            "`abaca driver inspect FILE` shows the roots and what they are for",
        ),
    })
}

/// Shows what a person decides on: on standard output, or, where a document will stand there, on
/// standard error, if somebody is there to be asked.
///
/// # Errors
/// When standard output does not take it.
pub fn show(text: &str, output: Output) -> Result<()> {
    if !output.json {
        return write(text.as_bytes());
    }
    if consent::is_somebody_there() {
        complain(text);
    }
    Ok(())
}

/// Whether a policy may be written there: nothing is lost that somebody wrote by hand.
fn is_ours(policy: &Path) -> Result<()> {
    if !policy.exists() || Approval::read(policy)?.is_some() {
        return Ok(());
    }
    Err(Failure::refused(
        format!("{} is there and has no lock file, so somebody wrote it by hand", policy.display()),
        "move it away, or name another file with --policy",
    ))
}
