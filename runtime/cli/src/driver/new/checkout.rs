//! The checkout of Abaca that a new driver is built with: where its crates are, and of which versions.
//! Called by `new`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use abaca::read_text;
use anyhow::Context;

use crate::failure::{Failure, Result};

/// Where the one is that this program was built from.
const BUILT_FROM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// What a checkout has that a driver is built with.
const PARTS: [&str; 3] = ["guest-sdk/Cargo.toml", "runtime/host/Cargo.toml", "wit/driver"];

/// What a new driver has as the checkout has it: versions, and the compiler's.
const COPIED: [&str; 3] = ["Cargo.lock", "rust-toolchain.toml", "rustfmt.toml"];

/// The largest of them, in bytes.
const FILE_BYTES: u64 = 4 << 20;

/// See above.
#[derive(Debug)]
pub struct Checkout {
    /// Absolute, and of characters that files of every kind take as they are.
    path: String,
}

impl Checkout {
    /// The one that was named; else the one that this is called in; else the one that this program
    /// was built from.
    ///
    /// # Errors
    /// When there is none, or its path cannot stand in the files of a driver.
    pub fn find(named: Option<&Path>) -> Result<Self> {
        if let Some(named) = named {
            return match PARTS.iter().find(|part| !named.join(part).exists()) {
                None => Self::at(named),
                Some(missing) => Err(Failure::refused(
                    format!("{} is no checkout of Abaca: it has no {missing}", named.display()),
                    "name the directory that README.md and guest-sdk/ are in",
                )),
            };
        }
        let here = std::env::current_dir().context("the directory that this is called in")?;
        let found = here.ancestors().chain([Path::new(BUILT_FROM)]).find(|place| is_one(place));
        let found = found.ok_or_else(|| {
            Failure::refused(
                "no checkout of Abaca is found, and a driver is built with its SDK",
                "name one with --sdk PATH: the directory that README.md and guest-sdk/ are in",
            )
        })?;
        Self::at(found)
    }

    fn at(place: &Path) -> Result<Self> {
        let path = place.canonicalize();
        let path = path.map_err(|source| abaca::Error::Read { path: place.to_owned(), source })?;
        let plain = |one: char| one.is_ascii_alphanumeric() || "/._-+@~ ".contains(one);
        match path.to_str().filter(|text| text.chars().all(plain)) {
            Some(text) => Ok(Self { path: text.to_owned() }),
            None => Err(Failure::refused(
                format!(
                    "{}: such a path cannot stand in the driver's files as it is",
                    path.display()
                ),
                "move the checkout to a path of letters, digits and `/._-+@~`",
            )),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The files that a new driver has as they are here.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn files(&self) -> Result<BTreeMap<String, String>> {
        let read = |name: &str| {
            let text = read_text(&PathBuf::from(&self.path).join(name), FILE_BYTES)?;
            Ok((name.to_owned(), text))
        };
        COPIED.into_iter().map(read).collect()
    }
}

fn is_one(place: &Path) -> bool {
    PARTS.iter().all(|part| place.join(part).exists())
}
