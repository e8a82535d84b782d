//! The attacks by name. Those that the host answers bring the answer back as texts:
//! `ok:…` or `err:…`; the others should not come back at all.
//!
//! Called by `create_share` with what the share's metadata says.

mod commands;
mod keeping;
mod places;
mod slips;

use core::hint::black_box;
use core::time::Duration;

use abaca_sdk::mounts::{self, MountSource};
use abaca_sdk::{Error, Result, clock, config, log, network, state};

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
/// Runs the attack of this name.
pub fn run(attack: &str, arguments: &[&str]) -> Result<Vec<String>> {
    match attack {
        "echo" => Ok(arguments.iter().map(|&argument| argument.to_owned()).collect()),
        "loop" => spin(),
        "recursion" => Ok(vec![format!("ok:{}", recurse(0))]),
        "recurse" => Ok(vec![format!("ok:{}", descend(number(argument(arguments, 0)?)?))]),
        "ask" => ask(arguments),
        "lift" => lift(arguments),
        "lower" => lower(arguments),
        "memory" => eat_memory(),
        "trap" => std::process::abort(),
        "panic" => panic_with(arguments.first().copied().unwrap_or("hostile panic")),
        "log-flood" => Ok(log_flood()),
        "log-controls" => Ok(log_controls()),
        "huge-list" => huge_list(arguments),
        "aliased-list" => Ok(aliased_list()),
        "command" => commands::run(arguments),
        "retry" => commands::retry(arguments),
        "insist" => commands::insist(arguments),
        "feed" => commands::feed(arguments),
        "feed-much" => commands::feed_much(arguments),
        "timed" => commands::timed(arguments),
        "pipeline" => commands::pipeline(arguments),
        "hold" => {
            drop(commands::run(arguments)?);
            spin()
        }
        "file" => places::file(arguments),
        "race" => places::race(arguments),
        "config" => Ok(answered(config::get(argument(arguments, 0)?))),
        "let-slip" => slips::let_slip(arguments),
        "state" => keeping::state(arguments),
        "state-flood" => Ok(keeping::flood()),
        "host-call-flood" => Ok(host_call_flood()),
        "denial-flood" => Ok(denial_flood()),
        "sleep" => {
            let milliseconds = number(argument(arguments, 0)?)?;
            Ok(answered(clock::sleep(Duration::from_millis(milliseconds))))
        }
        "lock-hold" => keeping::lock_hold(arguments),
        "locks" => Ok(keeping::locks(arguments)),
        "log" => Ok(logged(arguments)),
        "fail" => Err(Error::BackendFailed(argument(arguments, 0)?.to_owned())),
        "network" => network(arguments),
        "mount" => mount(arguments),
        "unmount" => Ok(answered(mounts::unmount(&places::path(arguments, 0)?))),
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

/// Calls itself as often as is said, and comes back.
fn descend(calls: u64) -> u64 {
    if black_box(calls) == 0 { 0 } else { black_box(descend(black_box(calls - 1))).wrapping_add(1) }
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

/// Logs all arguments as one line each, and the last two as a field too.
fn logged(arguments: &[&str]) -> Vec<String> {
    for text in arguments {
        log::warning(*text);
    }
    if let [.., name, value] = arguments {
        log::write(log::Level::Info, "field", &[(name, value)]);
    }
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

/// Asks for the time again and again, whatever the answer.
fn host_call_flood() -> Vec<String> {
    for _ in 0..HOST_CALLS {
        drop(black_box(clock::now()));
    }
    vec![format!("ok:{HOST_CALLS}")]
}

/// Asks for the time as often as is said.
fn ask(arguments: &[&str]) -> Result<Vec<String>> {
    let count = number(argument(arguments, 0)?)?;
    for _ in 0..count {
        drop(black_box(clock::now()));
    }
    Ok(vec![format!("ok:{count}")])
}

/// Sends the host so many texts of so many bytes; what it answers does not matter.
fn lift(arguments: &[&str]) -> Result<Vec<String>> {
    let count = number(argument(arguments, 0)?)?;
    let length = usize::try_from(number(argument(arguments, 1)?)?).unwrap_or(usize::MAX);
    let text = "x".repeat(length);
    for _ in 0..count {
        drop(black_box(state::Entity("hostile").get(&text)));
    }
    Ok(vec![format!("ok:{count}")])
}

/// Asks for the option `hostile_text` as often as is said, and says how long it was in all.
fn lower(arguments: &[&str]) -> Result<Vec<String>> {
    let mut taken = 0;
    for _ in 0..number(argument(arguments, 0)?)? {
        taken += config::text("hostile_text")?.map_or(0, |text| text.len());
    }
    Ok(vec![format!("ok:{taken}")])
}

/// Asks for an option that it has not, again and again.
fn denial_flood() -> Vec<String> {
    for _ in 0..HOST_CALLS {
        drop(black_box(config::get("no_such_option")));
    }
    vec![format!("ok:{HOST_CALLS}")]
}

/// `allocate` or `deallocate` for the share server of the second argument.
fn network(arguments: &[&str]) -> Result<Vec<String>> {
    let server_id = argument(arguments, 1)?;
    Ok(match argument(arguments, 0)? {
        "allocate" => answered(network::allocate(server_id, Some(1), network::Label::User)),
        _ => answered(network::deallocate(server_id)),
    })
}

/// Mounts a `path`, `device` or `remote` with the second and, for a path, the third argument; a
/// root and a path to mount at, the file system, and options follow.
fn mount(arguments: &[&str]) -> Result<Vec<String>> {
    let name = argument(arguments, 1)?;
    let (source, at) = match argument(arguments, 0)? {
        "path" => (MountSource::Path(places::path(arguments, 1)?), 3),
        "device" => (MountSource::Device(name.to_owned()), 2),
        _ => (MountSource::Remote(name.to_owned()), 2),
    };
    let options = arguments.get(at + 3..).unwrap_or_default();
    let filesystem = argument(arguments, at + 2)?;
    Ok(answered(mounts::mount(source, &places::path(arguments, at)?, filesystem, options)))
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

fn number(text: &str) -> Result<u64> {
    text.parse().map_err(|error| Error::InvalidShare(format!("`{text}` is not a number: {error}")))
}
