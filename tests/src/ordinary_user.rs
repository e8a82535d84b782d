//! Everything works without being root: the command, the broker and a share's life as a user who
//! owns nothing but the two roots and the state.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;

use crate::support::{Desk, Ground, component, program, tree};

/// Nobody, in most systems.
const USER: u32 = 65534;

/// The desk of the backend `home`, at which this user sits; only root can give the place up.
pub fn desk(ground: &Ground) -> Desk {
    let public = |path: &PathBuf| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    // The programs and the component, where this user can reach them.
    public(&ground.path().to_owned());
    let programs = ["abaca", "abaca-broker", "abaca-compiler"].map(program);
    for file in programs.into_iter().chain([component("abaca-driver-directory")]) {
        let copy = ground.path().join(file.file_name().unwrap());
        fs::copy(&file, &copy).unwrap();
        public(&copy);
    }
    for path in [ground.shares(), ground.snapshots(), ground.state()] {
        chown(path, Some(USER), Some(USER)).unwrap();
    }
    let desk = Desk::home(ground);
    let driver = component("abaca-driver-directory");
    desk.edit("abaca.toml", driver.to_str().unwrap(), "abaca_driver_directory.wasm");
    let words = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];
    let mut first: Vec<PathBuf> = words.iter().map(PathBuf::from).collect();
    first.push(ground.path().join("abaca"));
    desk.with_first(first)
}

#[test]
fn a_share_lives_without_root() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: the whole suite runs as an ordinary user already");
        return;
    }
    let ground = Ground::new();
    let desk = desk(&ground);
    desk.json(&["backend", "check"]);
    let made = desk.json(&["share", "create", "one", "--size", "1"]);
    let location = made["export_locations"][0].as_str().unwrap().to_owned();
    assert_eq!(fs::metadata(&location).unwrap().uid(), USER);
    fs::write(format!("{location}/file"), "content").unwrap();
    chown(format!("{location}/file"), Some(USER), Some(USER)).unwrap();
    desk.json(&["snapshot", "create", "one", "kept"]);
    desk.json(&["share", "create", "two", "--from-snapshot", "kept", "--size", "2"]);
    let clone = desk.share("two")["export_locations"][0].as_str().unwrap().to_owned();
    assert_eq!(fs::read_to_string(format!("{clone}/file")).unwrap(), "content");
    desk.json(&["share", "extend", "two", "--size", "3"]);
    desk.json(&["share", "shrink", "two", "--size", "1"]);
    desk.json(&["access", "allow", "two", "user", "group"]);
    assert_eq!(fs::metadata(&clone).unwrap().mode() & 0o777, 0o770);
    desk.json(&["snapshot", "delete", "kept"]);
    desk.json(&["share", "delete", "one"]);
    desk.json(&["share", "delete", "two"]);
    assert!(tree(&ground.shares()).is_empty() && tree(&ground.snapshots()).is_empty());

    // A file that only root can read is not copied around the kernel's refusal.
    let made = desk.json(&["share", "create", "three", "--size", "1"]);
    let location = made["export_locations"][0].as_str().unwrap().to_owned();
    fs::write(format!("{location}/private"), "root's").unwrap();
    fs::set_permissions(format!("{location}/private"), fs::Permissions::from_mode(0o600)).unwrap();
    let text = desk.fails(4, &["snapshot", "create", "three", "kept"]);
    assert!(text.contains("cp"), "{text}");
}
