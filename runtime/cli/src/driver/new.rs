//! `abaca driver new`: writes a driver to begin with: its crate, manifest, example policy, made-up
//! storage, and tests of every kind, which pass as they are.
//!
//! ```text
//! name ─▶ checkout ─▶ templates, filled ─▶ a directory beside the place ─▶ renamed to it, whole
//! ```

mod checkout;
mod templates;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use abaca::policy::Manifest;
use anyhow::Context;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::json;

use self::checkout::Checkout;
use self::templates::{TEMPLATES, filled};
use crate::cli::New;
use crate::failure::{Failure, Result};
use crate::output::{Output, plain};

/// The longest name: options begin with it, and have at most 64 characters.
const NAME_BYTES: usize = 40;

/// What is found out at the time, and stands in no template.
const POLICY: &str = "policy.toml";

/// What it begins with: how it came about.
const POLICY_HEAD: &str = "\
# What an operator has who lets this driver do what its manifest asks for: an example, written by
# `abaca driver new` as `abaca driver approve` writes it. `just policy` makes it anew.

";

/// Does what was asked.
///
/// # Errors
/// When the name is none, something is there already, no checkout is found, or a file cannot be
/// written; nothing is left behind then.
pub fn run(asked: &New, output: Output) -> Result<()> {
    let name = &asked.name;
    check(name)?;
    let directory = asked.directory.clone().unwrap_or_else(|| PathBuf::from(name));
    if directory.symlink_metadata().is_ok() {
        return Err(there_already(&directory));
    }
    let checkout = Checkout::find(asked.sdk.as_deref())?;
    let files = files(name, &checkout)?;
    write(&directory, &files)?;
    let names: Vec<_> = files.keys().collect();
    let document = json!({
        "name": name,
        "package": package(name),
        "directory": directory,
        "sdk": checkout.path(),
        "files": names,
    });
    output.answer(&document, || {
        let directory = plain(&directory.display().to_string());
        format!(
            "{directory}: {} files, built with the SDK in {}; README.md there says what each is\nnext: \
             cd {directory} && just unit    (`just test` runs everything)\n",
            names.len(),
            plain(checkout.path())
        )
    })
}

/// Whether it can be a driver's name: of crates, options and files too.
fn check(name: &str) -> Result<()> {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit())
    };
    let is_name = name.len() <= NAME_BYTES
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.split('-').all(word);
    if is_name {
        return Ok(());
    }
    Err(Failure::refused(
        format!("`{}` can be no driver's name", plain(name)),
        format!(
            "write words of a-z and 0-9 joined by `-`, a letter first, at most {NAME_BYTES} \
             characters: `my-array`"
        ),
    ))
}

fn package(name: &str) -> String {
    format!("abaca-driver-{name}")
}

fn there_already(directory: &Path) -> Failure {
    Failure::refused(
        format!("{} is there already, and nothing is written over", directory.display()),
        "move it away, choose another name, or name another place with --directory",
    )
}

/// Every file, by its place below the directory.
fn files(name: &str, checkout: &Checkout) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for (file, template) in TEMPLATES {
        files.insert((*file).to_owned(), filled(template, name, checkout.path()));
    }
    // The versions of everything that both are made of are the checkout's.
    files.extend(checkout.files()?);
    let manifest = files.get("manifest.toml").map(String::as_str).unwrap_or_default();
    let manifest = Manifest::parse(manifest, "manifest.toml").map_err(abaca::Error::from)?;
    let bound = manifest.bind(&BTreeMap::new()).context("the policy of a new driver")?;
    files.insert(POLICY.to_owned(), format!("{POLICY_HEAD}{}", bound.text));
    Ok(files)
}

/// Writes all of it or nothing.
#[expect(clippy::disallowed_methods, reason = "the author named this directory, and it is new")]
fn write(directory: &Path, files: &BTreeMap<String, String>) -> Result<()> {
    let failed = |path: &Path, source| abaca::Error::Write { path: path.to_owned(), source };
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    if !parent.is_dir() {
        return Err(Failure::refused(
            format!("{} is no directory, so nothing can be made in it", parent.display()),
            "make it first, or name another place with --directory",
        ));
    }
    // It goes with what is in it, unless the last step succeeds.
    let temporary = tempfile::Builder::new().prefix(".abaca-driver-new-").tempdir_in(parent);
    let temporary = temporary.map_err(|source| failed(parent, source))?;
    let made = temporary.path().join("made");
    for (name, text) in files {
        let file = made.join(name);
        let within = file.parent().unwrap_or(&made);
        std::fs::create_dir_all(within).map_err(|source| failed(within, source))?;
        std::fs::write(&file, text).map_err(|source| failed(&file, source))?;
    }
    match renameat_with(CWD, &made, CWD, directory, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::EXIST) => Err(there_already(directory)),
        renamed => Ok(renamed.map_err(|error| failed(directory, error.into()))?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_of_crates_options_and_files() {
        for name in ["a", "x1", "my-array", "a-1-b", "self", &"a".repeat(NAME_BYTES)] {
            assert!(check(name).is_ok(), "{name}");
        }
        let long = "a".repeat(NAME_BYTES + 1);
        for name in ["", "1a", "-a", "a-", "a--b", "A", "a_b", "a b", "a/b", "..", "ä", &long] {
            assert!(check(name).is_err(), "{name}");
        }
    }
}
