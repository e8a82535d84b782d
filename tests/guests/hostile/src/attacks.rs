//! The attacks by name. Those that the host answers bring the answer back as texts:
//! `ok:…` or `err:…`; the others should not come back at all.
//!
//! Called by `create_share` with what the share's metadata says.

use core::hint::black_box;
use core::time::Duration;

use abaca_sdk::command::{Command, ExitStatus, Output};
use abaca_sdk::{Error, Path, Result, clock, config, files, lock, log, state};

/// Log lines of `log-flood`; more than any call may write.
const LOG_LINES: u32 = 1_000_000;
/// Locations of `huge-list`, and the bytes of each.
const LOCATIONS: usize = 1_000_000;
const LOCATION_BYTES: usize = 100;
/// Locations of `aliased-list`.
const ALIASES: usize = 16 * 1024;
/// Requests of `host-call-flood`; more than any call may make.
const HOST_CALLS: u32 = 10_000_000;
/// What `memory` takes at a time, and the length of the long line of `log-controls`.
const MEBIBYTE: usize = 1 << 20;
/// What a file attack reads at most, and lists at most.
const FILE_MAX: u64 = 1 << 20;
const LIST_MAX: usize = 10_000;
/// Bytes of each value of `state-flood`.
const STATE_VALUE_BYTES: usize = 1024;

/// Runs the attack of this name.
pub fn run(attack: &str, arguments: &[&str]) -> Result<Vec<String>> {
    match attack {
        "echo" => Ok(arguments.iter().map(|&argument| argument.to_owned()).collect()),
        "loop" => spin(),
        "recursion" => Ok(vec![format!("ok:{}", recurse(0))]),
        "memory" => eat_memory(),
        "trap" => std::process::abort(),
        "panic" => panic_with(arguments.first().copied().unwrap_or("hostile panic")),
        "log-flood" => Ok(log_flood()),
        "log-controls" => Ok(log_controls()),
        "huge-list" => huge_list(arguments),
        "aliased-list" => Ok(aliased_list()),
        "command" => command(arguments),
        "retry" => Command::new(argument(arguments, 0)?)
            .args(arguments.get(1..).unwrap_or_default())
            .retry()
            .allow_any()
            .output()
            .map(|output| told(&output)),
        "insist" => Command::new(argument(arguments, 0)?)
            .args(arguments.get(1..).unwrap_or_default())
            .output()
            .map(|output| told(&output)),
        "hold" => {
            drop(command(arguments)?);
            spin()
        }
        "file" => file(arguments),
        "config" => Ok(answered(config::get(argument(arguments, 0)?))),
        "state-flood" => Ok(state_flood()),
        "host-call-flood" => Ok(host_call_flood()),
        "denial-flood" => Ok(denial_flood()),
        "sleep" => {
            let milliseconds = number(argument(arguments, 0)?)?;
            Ok(answered(clock::sleep(Duration::from_millis(milliseconds))))
        }
        "lock-hold" => lock_hold(arguments),
        unknown => Err(Error::InvalidShare(format!("no attack is called `{unknown}`"))),
    }
}

/// Computes for ever without asking the host for anything.
fn spin() -> ! {
    let mut turns: u64 = 0;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Calls itself for ever; the addition after the call keeps it from becoming a loop.
fn recurse(depth: u64) -> u64 {
    if black_box(true) { black_box(recurse(black_box(depth + 1))).wrapping_add(1) } else { depth }
}

/// Takes memory and touches it until there is none, then ends in a trap.
fn eat_memory() -> ! {
    let mut eaten = Vec::new();
    loop {
        eaten.push(black_box(vec![0xa5_u8; MEBIBYTE]));
    }
}

#[expect(clippy::panic, reason = "the attack is a panic")]
fn panic_with(text: &str) -> ! {
    panic!("{text}")
}

fn log_flood() -> Vec<String> {
    for line in 0..LOG_LINES {
        log::info(format!("line {line}"));
    }
    vec![format!("ok:{LOG_LINES}")]
}

/// Lines that would forge others, recolour a terminal, turn text around, or be long.
fn log_controls() -> Vec<String> {
    log::info("first\n{\"forged\":true}\r\nthird");
    log::warning("\u{1b}[2J\u{1b}[31mred\u{7}\u{9b}0m");
    log::error("\u{202e}dlrow olleh\u{2066}\0end");
    log::debug("x".repeat(MEBIBYTE));
    log::write(log::Level::Info, "field", &[("na\nme", "va\u{1b}[0mlue"), ("", "")]);
    vec!["ok:logged".to_owned()]
}

/// As many locations as the first argument says.
fn huge_list(arguments: &[&str]) -> Result<Vec<String>> {
    let count = match arguments.first() {
        Some(text) => usize::try_from(number(text)?).unwrap_or(usize::MAX),
        None => LOCATIONS,
    };
    Ok((0..count).map(|index| format!("{index:0LOCATION_BYTES$}")).collect())
}

/// Many locations whose texts are all the same mebibyte of memory: small here, 16 GiB for
/// whoever copies each of them.
#[expect(unsafe_code, reason = "the attack is a list that no safe code can make")]
fn aliased_list() -> Vec<String> {
    let text: &'static mut [u8] = vec![b'a'; MEBIBYTE].leak();
    let alias = || {
        // SAFETY: none is needed beyond the sandbox's. The texts are never freed: the host ends
        // the call while it copies them.
        unsafe { String::from_raw_parts(text.as_ptr().cast_mut(), MEBIBYTE, MEBIBYTE) }
    };
    (0..ALIASES).map(|_| alias()).collect()
}

/// Runs the first argument with the others; any ending is an answer.
fn command(arguments: &[&str]) -> Result<Vec<String>> {
    let program = argument(arguments, 0)?;
    let command = Command::new(program).args(arguments.iter().skip(1)).allow_any();
    Ok(match command.output() {
        Ok(output) => told(&output),
        Err(error) => vec![format!("err:{error:?}")],
    })
}

fn told(output: &Output) -> Vec<String> {
    let ending = match output.status {
        ExitStatus::Exited(code) => code.to_string(),
        ExitStatus::Signalled(signal) => format!("signal-{signal}"),
    };
    vec![
        format!("ok:{ending}:{}", String::from_utf8_lossy(&output.stdout).escape_debug()),
        format!("stderr:{}", String::from_utf8_lossy(&output.stderr).escape_debug()),
    ]
}

/// A verb, a root and a path; `rename` and `copy` take a second root and path,
/// `write` a content, `make-dir` and `set-mode` an octal mode, `set-owner` a number.
fn file(arguments: &[&str]) -> Result<Vec<String>> {
    let path = path(arguments, 1)?;
    Ok(match argument(arguments, 0)? {
        "read" => answered(
            files::read(&path, FILE_MAX)
                .map(|contents| String::from_utf8_lossy(&contents).into_owned()),
        ),
        "write" => answered(files::write(&path, argument(arguments, 3)?)),
        "list" => answered(files::list(&path, LIST_MAX)),
        "make-dir" => answered(files::make_dir(&path, mode(arguments)?)),
        "remove" => answered(files::remove(&path)),
        "remove-tree" => answered(files::remove_tree(&path)),
        "rename" => answered(files::rename(&path, &self::path(arguments, 3)?)),
        "copy" => answered(files::copy(&path, &self::path(arguments, 3)?)),
        "set-mode" => answered(files::set_mode(&path, mode(arguments)?)),
        "set-owner" => {
            let user = u32::try_from(number(argument(arguments, 3)?)?).unwrap_or(u32::MAX);
            answered(files::set_owner(&path, Some(user), None))
        }
        "usage" => answered(files::usage(&path)),
        unknown => {
            return Err(Error::InvalidShare(format!("no file attack is called `{unknown}`")));
        }
    })
}

/// Sets keys until the host refuses, and says how many it took.
fn state_flood() -> Vec<String> {
    let value = "v".repeat(STATE_VALUE_BYTES);
    let mut taken: u64 = 0;
    loop {
        match state::Entity("hostile").set(&format!("key-{taken}"), &value) {
            Ok(()) => taken += 1,
            Err(error) => return vec![format!("ok:{taken}"), format!("err:{error:?}")],
        }
    }
}

/// Asks for the time again and again, whatever the answer.
fn host_call_flood() -> Vec<String> {
    for _ in 0..HOST_CALLS {
        drop(black_box(clock::now()));
    }
    vec![format!("ok:{HOST_CALLS}")]
}

/// Asks for an option that it has not, again and again.
fn denial_flood() -> Vec<String> {
    for _ in 0..HOST_CALLS {
        drop(black_box(config::get("no_such_option")));
    }
    vec![format!("ok:{HOST_CALLS}")]
}

/// Takes the lock of the first argument within the milliseconds of the third, or as long as the
/// call may take, and holds it for those of the second. Says from when to when it held it.
fn lock_hold(arguments: &[&str]) -> Result<Vec<String>> {
    let milliseconds = |text: &str| number(text).map(Duration::from_millis);
    let held_for = milliseconds(argument(arguments, 1)?)?;
    let patience = arguments.get(2).map(|text| milliseconds(text)).transpose()?;
    let _guard = match lock::acquire(argument(arguments, 0)?, patience) {
        Ok(guard) => guard,
        Err(error) => return Ok(vec![format!("err:{error:?}")]),
    };
    let from = clock::now()?;
    clock::sleep(held_for)?;
    Ok(vec![format!("{}", from.as_millis()), format!("{}", clock::now()?.as_millis())])
}

/// What the host said, in one text.
fn answered<T: core::fmt::Debug, E: core::fmt::Debug>(answer: Result<T, E>) -> Vec<String> {
    vec![match answer {
        Ok(value) => format!("ok:{value:?}"),
        Err(error) => format!("err:{error:?}"),
    }]
}

fn argument<'a>(arguments: &[&'a str], index: usize) -> Result<&'a str> {
    arguments
        .get(index)
        .copied()
        .ok_or_else(|| Error::InvalidShare(format!("the attack needs `argument` {index}")))
}

/// The path whose root is this argument and whose way is the next one.
fn path(arguments: &[&str], index: usize) -> Result<Path> {
    let (root, path) = (argument(arguments, index)?, argument(arguments, index + 1)?);
    Ok(Path { root: root.to_owned(), path: path.to_owned() })
}

fn mode(arguments: &[&str]) -> Result<u32> {
    let text = argument(arguments, 3)?;
    u32::from_str_radix(text, 8)
        .map_err(|error| Error::InvalidShare(format!("`{text}` is not an octal mode: {error}")))
}

fn number(text: &str) -> Result<u64> {
    text.parse().map_err(|error| Error::InvalidShare(format!("`{text}` is not a number: {error}")))
}
