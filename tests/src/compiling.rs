//! Drivers are compiled by another process: behind its walls, within its limits, and gone whenever
//! nobody waits for it. The runtime goes on whatever becomes of it.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use abaca::{Blame, CompileError, Error, ErrorDocument, ErrorKind, Limits, Runtime};

use crate::support::{Ground, component, processes_with, program, share, until};

/// The benign twin of everything here.
const TWIN: &str = "abaca-guest-minimal";

/// A runtime that keeps nothing: each driver is compiled.
fn runtime(change: impl FnOnce(&mut Limits)) -> Runtime {
    with_compiler(&program("abaca-compiler"), change)
}

fn with_compiler(compiler: &Path, change: impl FnOnce(&mut Limits)) -> Runtime {
    let mut limits = Limits::default();
    change(&mut limits);
    let builder = Runtime::builder().limits(limits).broker(program("abaca-broker"));
    builder.compiler(compiler).build().unwrap()
}

/// What cannot be compiled, and why.
async fn refused(runtime: &Runtime, bytes: Vec<u8>) -> CompileError {
    match runtime.load_bytes("bomb", bytes).await.unwrap_err() {
        error @ Error::Compile { .. } => {
            let told = error.to_string();
            assert!(told.starts_with("bomb is not a driver that can be loaded: "), "{told}");
            let (blame, kind) = (error.blame(), ErrorDocument::from(&error).kind);
            assert!(!error.advice().is_empty());
            let Error::Compile { error, .. } = error else { panic!("{error:?}") };
            let wanted = match error {
                CompileError::Compiler(_) => (Blame::Runtime, ErrorKind::Runtime),
                _ => (Blame::Driver, ErrorKind::Component),
            };
            assert_eq!((blame, kind), wanted, "{told}");
            error
        }
        other => panic!("{other:?}"),
    }
}

/// Asserts that the runtime is as it was: it makes a share.
async fn works(runtime: &Runtime) {
    let ground = Ground::new();
    let backend = ground.minimal(runtime).await;
    backend.create_share(&share("one", 1), None).await.unwrap();
}

/// A component that passes the scan, is small, and takes long and much to compile: functions of as
/// many local variables as there may be, and of loops around each other's uses of them.
fn bomb(functions: usize) -> Vec<u8> {
    let locals = "i64 ".repeat(4_900);
    let body =
        "(loop (br_if 0 (i32.wrap_i64 (local.tee 1 (i64.add (local.get 0) (local.get 1))))))"
            .repeat(4_000);
    let function = format!("(func (local {locals}) {body})");
    let text = format!("(component (core module {}))", function.repeat(functions));
    wat::parse_str(text).unwrap()
}

#[tokio::test]
async fn compile_cpu() {
    let limited = runtime(|limits| limits.compile_cpu = Duration::from_secs(1));
    match refused(&limited, bomb(20)).await {
        error @ CompileError::Cpu(_) => {
            assert_eq!(error.to_string(), "compiling it took more than 1 s of computing");
        }
        other => panic!("{other:?}"),
    }
    works(&limited).await;
}

#[tokio::test]
async fn compile_wall() {
    let slow = script("exec sleep 3600");
    let limited = with_compiler(&slow.1, |limits| limits.compile_wall = Duration::from_secs(1));
    let error = refused(&limited, fs::read(component(TWIN)).unwrap()).await;
    assert!(matches!(error, CompileError::Wall(_)), "{error:?}");
    assert_eq!(error.to_string(), "compiling it took longer than 1 s");
    assert_eq!(children(), [0; 0], "killed, and waited for");
    works(&runtime(|limits| limits.compile_wall = Duration::from_secs(600))).await;
}

#[tokio::test]
async fn compile_memory_bytes() {
    let limited = runtime(|limits| limits.compile_memory_bytes = 100 << 20);
    match refused(&limited, bomb(20)).await {
        error @ CompileError::Memory(_) => {
            let words = "compiling it needed more than 104857600 bytes of memory";
            assert_eq!(error.to_string(), words);
        }
        other => panic!("{other:?}"),
    }
    works(&limited).await;
}

#[tokio::test]
async fn compiled_bytes() {
    let limited = runtime(|limits| limits.compiled_bytes = 10_000);
    let error = refused(&limited, fs::read(component(TWIN)).unwrap()).await;
    assert!(matches!(error, CompileError::Size(10_000)), "{error:?}");
    assert_eq!(children(), [0; 0]);
    works(&runtime(|limits| limits.compiled_bytes = 10_000_000)).await;
}

/// A program of this text, in a directory that is removed with it.
fn script(text: &str) -> (tempfile::TempDir, PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("compiler");
    fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    (directory, file)
}

/// The processes that this one has started and that are there, dead ones that nobody has waited
/// for included.
fn children() -> Vec<u32> {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let threads = threads.map(|thread| thread.unwrap().path().join("children"));
    let listed = threads.map(|file| fs::read_to_string(file).unwrap_or_default());
    listed
        .flat_map(|line| line.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>())
        .collect()
}

#[tokio::test]
async fn a_compiler_that_fails_is_told_as_what_it_is() {
    let twin = fs::read(component(TWIN)).unwrap();
    for (text, words) in [
        ("exit 0", "answered what this engine cannot run"),
        ("cat > /dev/null; echo '\u{1b}[31mno'; exit 1", "it cannot be compiled: \\u{1b}[31mno"),
        ("echo no wall; exit 3", "refuses to work here: no wall"),
        ("kill -9 $$", "signal: 9"),
        ("cat > /dev/null; head -c 100000 /dev/zero", "answered what this engine cannot run"),
        ("exit 7", "exit status: 7"),
    ] {
        let broken = script(text);
        let error = refused(&with_compiler(&broken.1, |_| {}), twin.clone()).await;
        assert!(error.to_string().contains(words), "{text}: {error}");
    }
    let error = refused(&with_compiler(Path::new("/nowhere/abaca-compiler"), |_| {}), twin).await;
    assert!(error.to_string().contains("is not at /nowhere/abaca-compiler"), "{error}");
    assert_eq!(children(), [0; 0]);
}

/// Killed by somebody else in the middle of its work, and given up by its asker: gone both times.
#[tokio::test]
async fn a_compiler_that_is_killed_or_given_up_is_gone() {
    let runtime = runtime(|_| {});
    let loading = runtime.load_bytes("bomb", bomb(40));
    let killing = async {
        until("it is at work", || children().len() == 1).await;
        let id = rustix::process::Pid::from_raw(children()[0].cast_signed()).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
    };
    let (answer, ()) = tokio::join!(loading, killing);
    let error = answer.unwrap_err();
    assert_eq!(error.blame(), Blame::Runtime);
    assert!(error.to_string().contains("ended before it was done (signal: 9"), "{error}");
    assert!(error.advice().contains("abaca-compiler"));

    tokio::select! {
        answer = runtime.load_bytes("bomb", bomb(40)) => panic!("{answer:?}"),
        () = until("it is at work", || children().len() == 1) => {}
    }
    until("it is gone", || children().is_empty()).await;
    works(&runtime).await;
}

/// A runtime that is killed ends no compiler itself: the kernel does.
#[tokio::test]
async fn a_compiler_ends_with_its_runtime() {
    let ground = Ground::new();
    let file = ground.path().join("bomb.wasm");
    fs::write(&file, bomb(40)).unwrap();
    let mut command = Command::new(program("abaca"));
    command.args(["driver", "inspect"]).arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
    let mut runtime = command.spawn().unwrap();
    // As `/proc` has it: words with a zero byte after each.
    let words = format!("--parent\0{}\0", runtime.id());
    until("it is at work", || processes_with(&words).len() == 1).await;
    runtime.kill().unwrap();
    runtime.wait().unwrap();
    until("it is gone", || processes_with(&words).is_empty()).await;
}

/// The compiler as the runtime starts it, in this test's hands.
fn started(words: &[&str]) -> Child {
    let mut command = Command::new(program("abaca-compiler"));
    command.args(words).args(["--parent", &std::process::id().to_string()]);
    command.args(["--cpu-seconds", "60", "--memory-bytes", "2000000000"]);
    command.env_clear().current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().unwrap()
}

fn answer(child: &mut Child) -> Vec<u8> {
    let mut answer = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut answer).unwrap();
    answer
}

/// What the walls forbid is tried from within: no socket of any kind, no file, no program, no
/// signal to others.
#[test]
fn the_compiler_can_reach_nothing() {
    let mut child = started(&["--prove"]);
    let told = String::from_utf8(answer(&mut child)).unwrap();
    assert!(child.wait().unwrap().success());
    let tried: Vec<_> = told.lines().map(|line| line.split(' ').next().unwrap()).collect();
    let wanted =
        ["inet", "inet6", "netlink", "unix", "file", "directory", "program", "signal", "thread"];
    assert_eq!(tried, wanted, "{told}");
    for line in told.lines() {
        assert!(line.contains(" refused: "), "{line}");
    }
}

/// While it waits for the component its walls stand already, and the kernel says so.
#[tokio::test]
async fn the_walls_stand_before_a_byte_is_read() {
    // A descriptor that it would inherit.
    let leaked = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 50).unwrap();
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    let mut child = started(&[]);
    let own = PathBuf::from(format!("/proc/{}", child.id()));
    let status = || fs::read_to_string(own.join("status")).unwrap();
    let field = |name: &str| {
        let status = status();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().to_owned()
    };
    until("it has closed its last wall", || field("Seccomp:") == "2").await;
    assert_eq!(field("NoNewPrivs:"), "1");
    assert_eq!(field("Threads:"), "1");
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    let open = fs::read_dir(own.join("fd")).unwrap();
    let mut open: Vec<_> = open.map(|entry| entry.unwrap().file_name()).collect();
    open.sort();
    assert_eq!(open, ["0", "1", "2"]);
    assert_eq!(fs::read_link(own.join("cwd")).unwrap(), Path::new("/"));
    assert_eq!(fs::read(own.join("environ")).unwrap(), b"");
    if rustix::process::geteuid().is_root() {
        let network = |of: &Path| fs::read_link(of.join("ns/net")).unwrap();
        assert_ne!(network(&own), network(Path::new("/proc/self")), "a network of its own");
    }
    let limits = fs::read_to_string(own.join("limits")).unwrap();
    let limit = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(limit("Max cpu time"), ["60", "61"]);
    assert_eq!(limit("Max file size"), ["0", "0"]);
    assert_eq!(limit("Max core file size"), ["0", "0"]);
    assert_eq!(limit("Max processes"), ["0", "0"]);
    assert_eq!(limit("Max open files"), ["3", "3"]);
    assert_eq!(limit("Max address space"), ["2000000000", "2000000000"]);

    // Behind them it does its work.
    let twin = fs::read(component(TWIN)).unwrap();
    child.stdin.take().unwrap().write_all(&twin).unwrap();
    let code = answer(&mut child);
    assert!(child.wait().unwrap().success());
    assert!(code.starts_with(b"\x7fELF"), "compiled code");
}

#[test]
fn the_compiler_refuses_a_parent_that_is_not_its_own() {
    let mut command = Command::new(program("abaca-compiler"));
    command.args(["--parent", "1", "--cpu-seconds", "60", "--memory-bytes", "2000000000"]);
    command.stdin(Stdio::null());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("its parent is"), "{told}");
}
