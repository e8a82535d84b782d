//! One word, one place, the same word everywhere: the contract, its documentation, and the rooms
//! that stand for it. Reads our own sources; runs nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use abaca::{Import, Interface, Served};
use wit_parser::{FunctionKind, InterfaceId, PackageId, Resolve, Type, TypeDefKind, TypeOwner};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The words of one package: its files, without those that every package has.
fn words(package: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(workspace().join("wit").join(package)).unwrap();
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let stems = entries.map(|entry| stem(entry.unwrap().path()));
    stems.filter(|stem| stem != "types" && stem != "world").collect()
}

/// The contract as a parser reads it.
fn contract() -> (Resolve, [PackageId; 2]) {
    let mut resolve = Resolve::default();
    let (host, _) = resolve.push_dir(workspace().join("wit/host")).unwrap();
    let (driver, _) = resolve.push_dir(workspace().join("wit/driver")).unwrap();
    (resolve, [host, driver])
}

fn assert_file(path: &str) {
    assert!(workspace().join(path).is_file(), "{path} is missing");
}

#[test]
fn every_interface_is_a_row_and_every_row_an_interface() {
    let rows: BTreeSet<_> = Interface::ALL.iter().map(|one| one.name().to_owned()).collect();
    assert_eq!(rows, words("driver"));
    assert_eq!(rows.len(), Interface::ALL.len(), "no row twice");
    let rows: BTreeSet<_> = Import::ALL.iter().map(|one| one.name().to_owned()).collect();
    assert_eq!(rows, words("host"));
    assert_eq!(rows.len(), Import::ALL.len(), "no row twice");
}

#[test]
fn every_interface_has_its_rooms() {
    for one in Interface::ALL {
        let word = one.name().replace('-', "_");
        assert_file(&format!("guest-sdk/src/{word}.rs"));
        if one.served() == Served::Nowhere {
            continue;
        }
        // `backend` is the whole directory's word; its two rooms say what its functions do.
        match one {
            Interface::Backend => {
                assert_file("runtime/host/src/backend/setup.rs");
                assert_file("runtime/host/src/backend/stats.rs");
            }
            _ => assert_file(&format!("runtime/host/src/backend/{word}.rs")),
        }
    }
    for one in Import::ALL {
        assert_file(&format!("guest-sdk/src/{one}.rs"));
        if one.served() != Served::Nowhere {
            assert_file(&format!("runtime/host/src/imports/{one}.rs"));
        }
    }
}

#[test]
fn every_room_of_the_runtime_has_its_word() {
    for (rooms, package, others) in [
        (
            "runtime/host/src/backend",
            "driver",
            &[
                "admission",
                "answers",
                "calling",
                "host-migration",
                "opening",
                "owned",
                "reconcile",
                "setup",
                "stats",
            ][..],
        ),
        ("runtime/host/src/imports", "host", &[]),
    ] {
        for entry in fs::read_dir(workspace().join(rooms)).unwrap() {
            let path = entry.unwrap().path();
            let word = path.file_stem().unwrap().to_str().unwrap().replace('_', "-");
            let known = words(package).contains(&word) || others.contains(&word.as_str());
            assert!(known, "{} stands for no word of wit/{package}", path.display());
        }
    }
}

#[test]
fn no_import_has_another_way_than_the_gate() {
    let (resolve, [host, _]) = contract();
    let source = |path: &str| fs::read_to_string(workspace().join(path)).unwrap();
    let mut functions = 0;
    for one in Import::ALL.iter().filter(|one| one.served() != Served::Nowhere) {
        let text = source(&format!("runtime/host/src/imports/{one}.rs"));
        // What the engine calls: one block in each room, made by hand or by the room's macro.
        let (before, after) = text.split_once("impl Host for Room {\n").expect("a room");
        let indent = before.rsplit('\n').next().unwrap();
        let (block, rest) = after.split_once(&format!("\n{indent}}}\n")).expect("its end");
        assert!(!rest.contains("for Room"), "{one}: a second block");
        let mut bodies = 0;
        for function in block.split("async fn ").skip(1) {
            let (_, body) = function.split_once(" {\n").expect("a body");
            let (body, _) = body.split_once('}').expect("the body's end");
            let body = body.trim();
            let argument = body.strip_prefix("self.gate.cross(");
            let argument = argument.and_then(|rest| rest.strip_suffix(").await"));
            assert!(
                argument.is_some_and(|word| word.chars().all(char::is_alphanumeric)),
                "{one}: a function does something else than to cross the gate: {body}"
            );
            bodies += 1;
        }
        let interface = resolve.packages[host].interfaces[one.name()];
        let wanted = resolve.interfaces[interface].functions.len();
        // A macro writes one function for all of its rows.
        let by_macro = block.contains("$(async fn");
        assert!(by_macro && bodies == 1 || bodies == wanted, "{one}: {bodies} of {wanted}");
        functions += wanted;
    }
    assert!(functions > 25, "{functions}");
    // Nothing else is linked.
    let link = source("runtime/host/src/imports.rs");
    for line in link.lines().filter(|line| line.contains("add_to_linker")) {
        let word = line.trim().split("::").nth(1).unwrap();
        let known = Import::from_name(word).is_some_and(|one| one.served() != Served::Nowhere);
        assert!(known || word == "types", "{word} is linked");
    }
}

#[test]
fn everything_in_the_contract_says_what_it_is() {
    let (resolve, packages) = contract();
    let mut silent = Vec::new();
    let mut seen = 0;
    let mut check = |name: String, docs: &Option<String>| {
        seen += 1;
        if docs.as_ref().is_none_or(|text| text.trim().is_empty()) {
            silent.push(name);
        }
    };
    for package in packages {
        for (interface_name, id) in &resolve.packages[package].interfaces {
            let interface = &resolve.interfaces[*id];
            check(interface_name.clone(), &interface.docs.contents);
            for (name, function) in &interface.functions {
                check(format!("{interface_name}.{name}"), &function.docs.contents);
            }
            for (name, id) in &interface.types {
                let definition = &resolve.types[*id];
                let name = format!("{interface_name}.{name}");
                match &definition.kind {
                    // A word that is `use`d is explained where it comes from.
                    TypeDefKind::Type(Type::Id(other))
                        if resolve.types[*other].owner != definition.owner =>
                    {
                        continue;
                    }
                    TypeDefKind::Record(record) => {
                        for field in &record.fields {
                            check(format!("{name}.{}", field.name), &field.docs.contents);
                        }
                    }
                    TypeDefKind::Variant(variant) => {
                        for case in &variant.cases {
                            check(format!("{name}.{}", case.name), &case.docs.contents);
                        }
                    }
                    // The cases of an enumeration are their names.
                    _ => {}
                }
                check(name, &definition.docs.contents);
            }
        }
    }
    assert!(seen > 300, "{seen} things were looked at");
    assert!(silent.is_empty(), "without a word: {silent:#?}");
}

#[test]
fn interfaces_ask_and_answer_and_hold_nothing() {
    let (resolve, packages) = contract();
    for (_, definition) in &resolve.types {
        let holds = matches!(
            definition.kind,
            TypeDefKind::Resource
                | TypeDefKind::Handle(_)
                | TypeDefKind::Stream(_)
                | TypeDefKind::Future(_)
        );
        assert!(!holds, "{:?} is a resource, a stream or a future", definition.name);
    }
    for package in packages {
        for (name, id) in &resolve.packages[package].interfaces {
            let interface = &resolve.interfaces[*id];
            let functions = interface.functions.values();
            assert!(functions.clone().all(|one| one.kind == FunctionKind::Freestanding), "{name}");
            match name.as_str() {
                "types" => assert_eq!(functions.len(), 0, "types has no function"),
                _ => assert_ne!(functions.len(), 0, "{name} has functions"),
            }
        }
    }
}

#[test]
fn an_exported_interface_uses_the_words_of_types_only() {
    // Two that used each other's words could not be exported by one driver.
    let (resolve, [_, driver]) = contract();
    let types = resolve.packages[driver].interfaces["types"];
    for (name, id) in &resolve.packages[driver].interfaces {
        for used in used_by(&resolve, *id) {
            assert_eq!(used, types, "{name} uses words of another interface than `types`");
        }
    }
}

/// The interfaces whose types an interface takes over.
fn used_by(resolve: &Resolve, id: InterfaceId) -> BTreeSet<InterfaceId> {
    let types = resolve.interfaces[id].types.values();
    types
        .filter_map(|one| match resolve.types[*one].kind {
            TypeDefKind::Type(Type::Id(other)) => match resolve.types[other].owner {
                TypeOwner::Interface(owner) if owner != id => Some(owner),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

#[test]
fn every_guest_attacks_or_serves_some_test() {
    let mut tests = String::new();
    let mut open = ["tests/src", "tests/hostile"].map(|place| workspace().join(place)).to_vec();
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                tests += &fs::read_to_string(path).unwrap();
            }
        }
    }
    for entry in fs::read_dir(workspace().join("tests/guests")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(tests.contains(&format!("\"abaca-guest-{name}\"")), "no test loads {name}");
    }
    // Each attack that the hostile guest knows is made by a test.
    let attacks = workspace().join("tests/guests/hostile/src/attacks.rs");
    let attacks = fs::read_to_string(attacks).unwrap();
    let (_, list) = attacks.split_once("match attack {").unwrap();
    let (list, _) = list.split_once("unknown =>").unwrap();
    let arms = list.lines().filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" =>"));
    let names: Vec<_> = arms.map(|(name, _)| name).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(tests.contains(&format!("\"{name}\"")), "no test makes the attack {name}");
    }
}
