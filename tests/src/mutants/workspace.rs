//! The workspace in which all mutants are built by one cargo: a package for each, which takes all
//! it needs from the repository and finds in its target directory what is built already.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Subject, root};
use crate::support::programs;

/// The target of components, and the profile of their building.
const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "component";

/// The linker of components, which comes with the toolchain.
const LINKER: &str = "wasm-component-ld";

/// A component of the workspace by its crate's name.
pub fn component(package: &str) -> PathBuf {
    let file = format!("{}.wasm", package.replace('-', "_"));
    target().join(TARGET).join(PROFILE).join(file)
}

/// Builds all of them.
pub fn build(subjects: &[Subject]) {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants");
    fs::create_dir_all(&home).unwrap();
    // Given back when this test is done with building, however it ends.
    let lock = fs::File::create(home.join(".lock")).unwrap();
    lock.lock().unwrap();
    write(&home, subjects);
    let built = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--workspace", "--keep-going", "--manifest-path"])
        .arg(home.join("Cargo.toml"))
        .args(["--target", TARGET, "--profile", PROFILE, "--target-dir"])
        .arg(target())
        .env("PATH", path())
        // The toolchain and the settings of the repository.
        .current_dir(root())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "a mutant must build:\n{told}");
}

/// Where cargo puts what it builds.
fn target() -> PathBuf {
    programs().parent().unwrap().to_owned()
}

/// The path of programs, with the linker on it.
fn path() -> OsString {
    let asked =
        Command::new("rustc").args(["--print", "sysroot"]).current_dir(root()).output().unwrap();
    let sysroot = String::from_utf8(asked.stdout).unwrap();
    let hosts = fs::read_dir(Path::new(sysroot.trim()).join("lib/rustlib")).unwrap();
    let mut programs = hosts.map(|host| host.unwrap().path().join("bin"));
    let own = programs.find(|programs| programs.join(LINKER).is_file());
    let own = own.unwrap_or_else(|| panic!("{LINKER} is not in {}", sysroot.trim()));
    let others = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths([own].into_iter().chain(std::env::split_paths(&others))).unwrap()
}

/// Writes the workspace as it must be. What is so already is not touched: cargo does not build it
/// again then.
fn write(home: &Path, subjects: &[Subject]) {
    let packages: Vec<_> = subjects.iter().map(Subject::package).collect();
    put(&home.join("Cargo.toml"), &manifest(&packages));
    put(&home.join("Cargo.lock"), &fs::read_to_string(root().join("Cargo.lock")).unwrap());
    for (subject, package) in subjects.iter().zip(&packages) {
        for (file, text) in sources(subject, package) {
            put(&home.join(package).join(file), &text);
        }
    }
}

/// The repository's own table of versions, lints and profiles, for these members.
fn manifest(packages: &[String]) -> String {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut table: toml::Table = text.parse().unwrap();
    let workspace = table["workspace"].as_table_mut().unwrap();
    workspace.remove("exclude");
    let members = packages.iter().map(|package| package.clone().into()).collect();
    workspace.insert("members".to_owned(), toml::Value::Array(members));
    for (_, dependency) in workspace["dependencies"].as_table_mut().unwrap() {
        if let Some(path) = dependency.get_mut("path") {
            let whole = root().join(path.as_str().unwrap());
            *path = whole.to_str().unwrap().into();
        }
    }
    // Nobody waits for what they do; everybody waits while they are built. Nothing else differs, so
    // that macros and their like are those of the components.
    let profile = table["profile"][PROFILE].as_table_mut().unwrap();
    profile.insert("opt-level".to_owned(), 0.into());
    toml::to_string(&table).unwrap()
}

/// The files of a driver's crate under another name, with the mistake in it.
fn sources(subject: &Subject, package: &str) -> BTreeMap<String, String> {
    let crate_of = root().join("drivers").join(subject.driver);
    let mut files = BTreeMap::new();
    read(&crate_of, "", &mut files);
    if let Some(patch) = &subject.patch {
        let prefix = format!("drivers/{}/", subject.driver);
        patch.apply(&prefix, &mut files).unwrap_or_else(|reason| {
            panic!("tests/mutants/{}/{}.patch: {reason}", subject.driver, patch.name)
        });
    }
    let cargo = files.get_mut("Cargo.toml").unwrap();
    let (own, other) =
        (format!("name = \"abaca-driver-{}\"", subject.driver), format!("name = \"{package}\""));
    assert!(cargo.contains(&own), "{cargo}");
    *cargo = cargo.replace(&own, &other);
    files
}

/// All files of a directory, by their paths in it.
fn read(directory: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        match path.is_dir() {
            true => read(&path, &format!("{name}/"), files),
            false => drop(files.insert(name, fs::read_to_string(&path).unwrap())),
        }
    }
}

/// Writes a file, unless it says so already.
fn put(file: &Path, text: &str) {
    if fs::read_to_string(file).is_ok_and(|now| now == text) {
        return;
    }
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}
