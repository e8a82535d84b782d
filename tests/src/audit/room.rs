//! Room: a driver that asks without end fills its own part, and others are called as before.

use std::path::Path;
use std::process::Command;

use abaca::audit::{AuditLog, AuditSettings};
use abaca::quarantine::Quarantine;
use abaca::{Backend, Runtime};

use super::{hostile_in, runs};
use crate::support::{Desk, Ground, attack_share, built, component, program, reaper, share};

/// So many calls fill every room of these tests several times over.
const CALLS: usize = 8;

fn runtime(settings: AuditSettings) -> Runtime {
    let mut patient = Quarantine::default();
    patient.strikes = 1_000;
    let builder = Runtime::builder().quarantine(patient).broker(program("abaca-broker"));
    built(builder.audit(settings))
}

/// Asks until there is no room left, and says how that was told.
async fn fills(backend: &Backend) -> String {
    for _ in 0..CALLS {
        // The call in which the room ends may be the driver's own end, or a limit's.
        let _ = backend.create_share(&attack_share("state-flood", &[]), None).await;
        let told = runs(backend, &["echo", "-n", "hello"]).await;
        if told != "ok:0:hello" {
            return told;
        }
    }
    panic!("the audit never has all that it may");
}

/// A share's whole life.
async fn lives(neighbour: &Backend, name: &str) {
    let share = share(name, 1);
    neighbour.create_share(&share, None).await.unwrap();
    neighbour.delete_share(&share, None).await.unwrap();
}

fn is_whole(ground: &Ground, backend: &str) {
    let found = AuditLog::open(&ground.state(), backend).unwrap().verify(Vec::new()).unwrap();
    assert!(found.is_whole(), "{found:?}");
}

#[tokio::test]
async fn an_audit_has_no_more_than_the_operator_lets_it() {
    const MIB: u64 = 1024 * 1024;
    let ground = Ground::new();
    let mut settings = AuditSettings::default();
    settings.file_bytes = MIB / 4;
    settings.backend_bytes = Some(MIB);
    let runtime = runtime(settings.clone());
    let backend = hostile_in(&ground, &runtime).await;
    let neighbour = ground.directory(&runtime, &[]).await;
    let told = fills(&backend).await;
    assert!(told.contains("it has all of the 1 MiB that `backend_mib`"), "{told}");
    lives(&neighbour, "beside").await;
    // What does not begin has no line, however often it is asked for.
    let lines = || ground.audit("hostile").len();
    let before = lines();
    for _ in 0..3 {
        let told = runs(&backend, &["echo", "-n", "hello"]).await;
        assert!(told.contains("it has all of"), "{told}");
    }
    assert_eq!(lines(), before);
    // What had begun has its end, and the bound is kept but for that.
    is_whole(&ground, "hostile");
    let log = AuditLog::open(&ground.state(), "hostile").unwrap();
    let bytes: u64 = log.files().unwrap().iter().map(|file| file.length).sum();
    assert!((MIB..MIB + MIB / 16).contains(&bytes), "{bytes}");
    drop((backend, neighbour, runtime));
    // Fewer files make room at once.
    settings.files_kept = Some(1);
    let runtime = self::runtime(settings);
    let backend = hostile_in(&ground, &runtime).await;
    assert_eq!(runs(&backend, &["echo", "-n", "hello"]).await, "ok:0:hello");
    is_whole(&ground, "hostile");
}

#[tokio::test]
async fn closed_files_go_where_the_operator_lets_them() {
    const KIB: u64 = 1024;
    let ground = Ground::new();
    let mut settings = AuditSettings::default();
    settings.file_bytes = 64 * KIB;
    settings.files_kept = Some(8);
    settings.backend_bytes = Some(256 * KIB);
    let backend = hostile_in(&ground, &runtime(settings)).await;
    // Some 2 KiB each, so that all that fits is written twice over.
    for _ in 0..256 {
        assert_eq!(runs(&backend, &["echo", "-n", "hello"]).await, "ok:0:hello");
    }
    is_whole(&ground, "hostile");
    let files = AuditLog::open(&ground.state(), "hostile").unwrap().files().unwrap();
    let bytes: u64 = files.iter().map(|file| file.length).sum();
    assert!(bytes < 288 * KIB && (2..=8).contains(&files.len()), "{files:?}");
}

/// What is mounted there goes with the test.
struct Small<'a>(&'a Path);

impl Small<'_> {
    fn new(place: &Path) -> Small<'_> {
        reaper::start();
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs"])
            .arg(place));
        Small(place)
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        run(Command::new("umount").arg("-l").arg(self.0));
    }
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

#[tokio::test]
async fn whoever_fills_a_small_file_system_stops_alone() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can mount a small file system");
        return;
    }
    let ground = Ground::new();
    let state = ground.state();
    let _small = Small::new(&state);
    let runtime = runtime(AuditSettings::default());
    let backend = hostile_in(&ground, &runtime).await;
    let neighbour = ground.directory(&runtime, &[]).await;
    let told = fills(&backend).await;
    assert!(told.contains("its part of the file system is"), "{told}");
    for round in 0..10 {
        let _ = backend.create_share(&attack_share("state-flood", &[]), None).await;
        lives(&neighbour, &format!("beside-{round}")).await;
    }
    is_whole(&ground, "hostile");
    is_whole(&ground, "home");
    // Its operator can still look, decide and read why.
    drop((backend, neighbour, runtime));
    let desk = Desk::text(&ground, "hostile", &component("abaca-guest-hostile"));
    let answer = Desk::with(&ground, &desk).run(&["audit", "tail", "--json", "-n", "3"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
}
