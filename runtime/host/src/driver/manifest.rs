//! The manifest that a component carries, and whether it tells the truth about the component.
//!
//! It grants nothing: an operator's policy does. Called by `Driver::load`, by `Driver::inspect`,
//! and by whoever opens a backend or lets one be approved.

use std::collections::BTreeSet;

use abaca_policy::{MANIFEST_SECTION, Manifest, Needs, Rated, UnboundRoot};
use serde::Serialize;
use wasmparser::{Parser, Payload};

use crate::contract::{Import, Interface};
use crate::limits::Limits;
use crate::types::Description;

/// A manifest as `abaca driver inspect` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct ManifestInspection {
    /// SHA-256 of its text.
    pub digest: String,
    /// The whole of it in one spelling, the most dangerous rules first.
    pub text: String,
    /// The directories that the operator has to choose.
    pub roots: Vec<UnboundRoot>,
    /// Its rules with their risks, the most dangerous first.
    pub rules: Vec<Rated>,
    /// What it needs beside rules.
    pub needs: Needs,
}

impl From<&Manifest> for ManifestInspection {
    fn from(manifest: &Manifest) -> Self {
        Self {
            digest: manifest.digest().to_owned(),
            text: manifest.text(),
            roots: manifest.roots(),
            rules: manifest.rules().rule_risks(),
            needs: manifest.needs().clone(),
        }
    }
}

/// The manifest in a component's bytes, if it carries one.
///
/// # Errors
/// One sentence: the manifest is wrong, or there are several.
pub(crate) fn find(bytes: &[u8]) -> Result<Option<Manifest>, String> {
    let mut found = None;
    // A module inside carries the section: that is where the linker puts what a crate embeds.
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| format!("it is damaged or cut short: {error}"))?;
        let Payload::CustomSection(section) = payload else { continue };
        if section.name() != MANIFEST_SECTION {
            continue;
        }
        if found.replace(section.data()).is_some() {
            return Err(format!("it has more than one section `{MANIFEST_SECTION}`"));
        }
    }
    let parsed = found.map(|bytes| Manifest::from_bytes(bytes, "its manifest")).transpose();
    parsed.map_err(|error| error.to_string())
}

/// Where manifest and component do not say the same, a sentence each.
pub(super) fn findings(
    manifest: &Manifest,
    description: &Description,
    imports: &[Import],
    offers: &[Interface],
) -> Vec<String> {
    let mut findings = Vec::new();
    if manifest.driver() != description.name {
        let (there, here) = (manifest.driver(), &description.name);
        findings.push(format!("the manifest is of the driver `{there}`, the driver is `{here}`"));
    }
    let (rules, needs) = (manifest.rules(), manifest.needs());
    // What asks for an import, and where a manifest would ask for it.
    let asked = [
        (Import::Command, !rules.commands().is_empty(), "[[command]]"),
        (Import::Files, !rules.files().is_empty(), "[[files]]"),
        (Import::Mounts, !rules.mounts().is_empty(), "[[mount]]"),
        (Import::Ssh, !needs.remotes.is_empty(), "[needs.remotes]"),
        (Import::Http, !needs.origins.is_empty(), "[needs.origins]"),
        (Import::Network, !needs.networks.is_empty(), "[needs.networks]"),
        (Import::State, needs.state.is_some(), "`state` in [needs]"),
    ];
    for (import, asked, place) in asked {
        let imported = imports.contains(&import);
        if imported && !asked {
            findings.push(format!("it imports `{import}`, and the manifest has no {place}"));
        }
        // Share servers are given addresses before they are set up, without any import.
        let used =
            imported || import == Import::Network && offers.contains(&Interface::ShareServers);
        if asked && !used {
            findings.push(format!("the manifest has {place}, and it does not import `{import}`"));
        }
    }
    let declared: BTreeSet<_> =
        description.options.iter().map(|option| (option.name.as_str(), option.secret)).collect();
    let needed: BTreeSet<_> =
        needs.options.iter().map(|option| (option.name.as_str(), option.secret)).collect();
    let secret = |secret: &bool| if *secret { "secret option" } else { "option" };
    for (name, is_secret) in declared.difference(&needed) {
        let what = secret(is_secret);
        findings.push(format!("it declares the {what} `{name}`, which [needs.options] lacks"));
    }
    for (name, is_secret) in needed.difference(&declared) {
        let what = secret(is_secret);
        findings.push(format!("the manifest needs the {what} `{name}`, which it does not declare"));
    }
    findings
}

/// The limits that hold for a driver with these needs: its own where they are less.
pub(super) fn bounded(limits: &Limits, needs: &Needs) -> Limits {
    let mut limits = limits.clone();
    if let Some(wall) = needs.limits.wall {
        limits.wall = limits.wall.min(wall);
    }
    if let Some(cpu) = needs.limits.cpu {
        limits.cpu = limits.cpu.min(cpu);
    }
    if let Some(memory) = needs.limits.memory {
        limits.memory_bytes =
            limits.memory_bytes.min(usize::try_from(memory).unwrap_or(usize::MAX));
    }
    limits.state_bytes = limits.state_bytes.min(needs.state.unwrap_or(0));
    limits
}
