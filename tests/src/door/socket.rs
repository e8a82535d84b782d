//! The socket: who may open it, and what may be in its place.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::process::Stdio;

use serde_json::json;

use crate::support::{Desk, Ground, Service, dummy_desk, program};

fn refused(desk: &Desk, ground: &Ground, words: &[&str]) -> String {
    let path = ground.path().join("door.sock");
    let mut all = vec!["serve", "--socket", path.to_str().unwrap()];
    all.extend(words);
    desk.fails(2, &all)
}

#[test]
fn the_permissions_are_those_asked_for() {
    let ground = Ground::new();
    let desk = dummy_desk(&ground, "");
    for (words, mode) in
        [(&[][..], 0o600), (&["--mode", "0660"], 0o660), (&["--mode", "606"], 0o606)]
    {
        let service = Service::start(&ground, &desk, words);
        let found = fs::metadata(&service.socket).unwrap();
        assert!(found.file_type().is_socket());
        assert_eq!(found.permissions().mode() & 0o777, mode, "{words:?}");
        assert_eq!(service.stop(), Some(0));
    }
    for wrong in ["8", "1777", "rw", ""] {
        let answer = desk.run(&["serve", "--socket", "/tmp/x", "--mode", wrong]);
        assert_eq!(answer.code, Some(2), "{wrong}: {answer:?}");
        assert!(answer.stderr.contains("octal"), "{answer:?}");
    }
}

#[test]
fn another_user_is_kept_out() {
    if !rustix::process::getuid().is_root() {
        eprintln!("not tried: it needs root to become another user");
        return;
    }
    let ground = Ground::new();
    // So that only the socket's own permissions are in the way.
    fs::set_permissions(ground.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let desk = dummy_desk(&ground, "");
    let abaca = ground.path().join("abaca");
    fs::copy(program("abaca"), &abaca).unwrap();
    fs::set_permissions(&abaca, fs::Permissions::from_mode(0o755)).unwrap();
    let connects = |socket: &std::path::Path| {
        #[expect(clippy::disallowed_methods, reason = "another user's process")]
        let mut other = std::process::Command::new("/usr/bin/setpriv");
        other.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&abaca);
        other.args(["call", "dummy", "list_shares", "--socket"]).arg(socket);
        other.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    };
    let service = Service::start(&ground, &desk, &[]);
    assert!(!connects(&service.socket));
    assert_eq!(service.stop(), Some(0));
    let service = Service::start(&ground, &desk, &["--mode", "0666"]);
    assert!(connects(&service.socket), "the test can tell");
}

#[test]
fn what_is_in_its_place_is_not_lost() {
    let ground = Ground::new();
    let desk = dummy_desk(&ground, "");
    let path = ground.path().join("door.sock");
    fs::write(&path, "precious").unwrap();
    let text = refused(&desk, &ground, &[]);
    assert!(text.contains("no socket") && text.contains("door.sock"), "{text}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    fs::remove_file(&path).unwrap();
    symlink(ground.path().join("elsewhere"), &path).unwrap();
    assert!(refused(&desk, &ground, &[]).contains("no socket"));
    assert!(!ground.path().join("elsewhere").exists());
    fs::remove_file(&path).unwrap();

    // One that lives is not replaced, whoever it is; one that was killed is.
    let service = Service::start(&ground, &desk, &[]);
    assert!(refused(&desk, &ground, &[]).contains("another service"));
    service.client().ok("list_backends", &json!({}));
    drop(service);
    assert!(path.exists(), "it was killed");
    let service = Service::start(&ground, &desk, &[]);
    service.client().ok("list_backends", &json!({}));
    assert_eq!(service.stop(), Some(0));
    let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(refused(&desk, &ground, &[]).contains("another program"));
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    let ground = Ground::new();
    let desk = dummy_desk(&ground, "");
    fs::set_permissions(ground.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let text = refused(&desk, &ground, &[]);
    assert!(text.contains("others may write") && text.contains("chmod go-w"), "{text}");
    // The sticky bit keeps nobody from being first.
    fs::set_permissions(ground.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    assert!(refused(&desk, &ground, &[]).contains("others may write"));
    // Above it, it keeps others from putting something else in its place; nothing else does.
    let below = ground.path().join("below");
    fs::create_dir(&below).unwrap();
    fs::set_permissions(&below, fs::Permissions::from_mode(0o755)).unwrap();
    let socket = below.join("door.sock");
    fs::set_permissions(ground.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let text = desk.fails(2, &["serve", "--socket", socket.to_str().unwrap()]);
    assert!(text.contains("others may write"), "{text}");
    fs::set_permissions(ground.path(), fs::Permissions::from_mode(0o700)).unwrap();
    if rustix::process::getuid().is_root() {
        std::os::unix::fs::chown(&below, Some(65534), None).unwrap();
        let text = desk.fails(2, &["serve", "--socket", socket.to_str().unwrap()]);
        assert!(text.contains("belongs to another user"), "{text}");
    }
    let long = below.join("x".repeat(200));
    let text = desk.fails(2, &["serve", "--socket", long.to_str().unwrap()]);
    assert!(text.contains("cannot listen"), "{text}");
    assert_eq!(fs::read_dir(&below).unwrap().count(), 0, "nothing was left");
}

#[test]
fn what_somebody_puts_in_its_place_is_not_removed_at_the_end() {
    let ground = Ground::new();
    let desk = dummy_desk(&ground, "");
    let service = Service::start(&ground, &desk, &[]);
    let path = service.socket.clone();
    fs::remove_file(&path).unwrap();
    fs::write(&path, "another's").unwrap();
    assert_eq!(service.stop(), Some(0));
    assert_eq!(fs::read_to_string(&path).unwrap(), "another's");
}
