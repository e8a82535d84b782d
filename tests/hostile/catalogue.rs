//! The list of all attacks: enough of them, each named once, each saying what it is; and the
//! table of them in `README.md`, which `ABACA_UPDATE_README=1` writes anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{Attack, Surface};

const BEGIN: &str = "<!-- all attacks: written by tests/hostile/catalogue.rs -->";
const END: &str = "<!-- end of all attacks -->";

/// How many attacks there are at least.
const LEAST: usize = 100;

/// All surfaces.
const SURFACES: [(Surface, &str); 15] = [
    (Surface::ComponentBytes, "component bytes"),
    (Surface::Engine, "engine"),
    (Surface::LiftedData, "lifted data"),
    (Surface::Arguments, "arguments"),
    (Surface::PathsAndRaces, "paths and races"),
    (Surface::EscapingCommands, "commands that escape"),
    (Surface::Streams, "streams"),
    (Surface::OutputFloods, "output floods"),
    (Surface::Resources, "resources"),
    (Surface::HostCalls, "host-call abuse"),
    (Surface::State, "state"),
    (Surface::Config, "config"),
    (Surface::Log, "log"),
    (Surface::Concurrency, "concurrency"),
    (Surface::Door, "JSON door"),
];

/// The attacks of every file.
fn all() -> Vec<&'static Attack> {
    let files = [
        super::component_bytes::ALL,
        super::bombs::ALL,
        super::engine::ALL,
        super::allocator::ALL,
        super::lifted_data::ALL,
        super::arguments::ALL,
        super::holes::ALL,
        super::names::ALL,
        super::spellings::ALL,
        super::contents::ALL,
        super::rootwrap::ALL,
        super::paths::ALL,
        super::links::ALL,
        super::governed::ALL,
        super::claims::ALL,
        super::race::ALL,
        super::commands::ALL,
        super::powers::ALL,
        super::sockets::ALL,
        super::streams::ALL,
        super::floods::ALL,
        super::resources::ALL,
        super::host_calls::ALL,
        super::state::ALL,
        super::config::ALL,
        super::log::ALL,
        super::concurrency::ALL,
        super::requests::ALL,
        super::door::ALL,
    ];
    files.into_iter().flatten().collect()
}

#[test]
fn every_attack_says_what_it_is() {
    let all = all();
    assert!(all.len() >= LEAST, "{} attacks", all.len());
    let names: BTreeSet<_> = all.iter().map(|attack| attack.name).collect();
    assert_eq!(names.len(), all.len(), "each name is there once");
    let mut counted: BTreeMap<Surface, usize> = BTreeMap::new();
    for attack in &all {
        *counted.entry(attack.surface).or_default() += 1;
        for text in [attack.does, attack.contained, attack.refused, attack.answers] {
            assert!(!text.trim().is_empty(), "{} says nothing", attack.name);
        }
    }
    for (surface, name) in SURFACES {
        assert!(counted.contains_key(&surface), "nothing attacks {name}");
    }
    assert_eq!(counted.len(), SURFACES.len());
}

#[test]
fn the_list_is_in_the_readme() {
    let all = all();
    let mut table = format!("\n{} attacks.\n", all.len());
    for (surface, name) in SURFACES {
        let of_it: Vec<_> = all.iter().filter(|attack| attack.surface == surface).collect();
        table += &format!("\n### {name}: {}\n\n", of_it.len());
        table += "| attack | what it does | containment | refused because |\n|---|---|---|---|\n";
        for attack in of_it {
            let cell = |text: &str| text.trim().replace('|', "\\|");
            // A reason may have backticks of its own, which two of them keep apart.
            table += &format!(
                "| `{}` | {} | {} | `` {} `` |\n",
                attack.name,
                cell(attack.does),
                cell(attack.contained),
                cell(attack.refused),
            );
        }
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("hostile/README.md");
    let readme = fs::read_to_string(&file).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has the list's place");
    let (found, after) = rest.split_once(END).expect("the list's place has an end");
    if std::env::var_os("ABACA_UPDATE_README").is_some() {
        fs::write(&file, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert!(found == table, "the list has changed: run this test with ABACA_UPDATE_README=1");
    }
}
