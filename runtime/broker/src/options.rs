//! The command line of `abaca-broker`. Few options, read by hand: a parser would be the
//! largest dependency of a program that should have few.

use std::ffi::OsString;
use std::os::fd::RawFd;

use abaca_broker::protocol::{TRY_MEMORY, TRY_PROCESSES, TRY_WALLS, TRY_WALLS_ALONE};

/// Standard input: what a program that starts us can hand over without leaving the descriptor
/// open to whatever else it starts at that moment.
pub const STANDARD_INPUT: RawFd = 0;

/// The first descriptor that is no stream.
const AFTER_STREAMS: RawFd = 3;

const HELP: &str = "\
Runs the commands and file operations that one backend's policy permits.

Usage: abaca-broker --policy FILE --socket-fd N

  --policy FILE    the policy, which the broker loads itself
  --socket-fd N    the inherited stream socket over which requests come: 0, or 3 or more
  --try-walls      tries from inside the walls that it stands behind, and prints what came of it;
                   for `abaca doctor`, which runs it as a command
  --help           this text
  --version        the version

It is started by the Abaca runtime. It ends when the other end of the socket closes, and
with it everything it runs.";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    Serve(Options),
    /// Try the walls, and whether without starting many threads.
    TryWalls {
        alone: bool,
    },
    /// Try to have more processes and threads than a command may.
    TryProcesses,
    /// Try to have more memory than the group that is made for this.
    TryMemory,
    /// Print this.
    Text(String),
}

/// What is needed to serve.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    pub policy: String,
    pub socket: RawFd,
}

impl Options {
    /// Reads the arguments, the program's name not among them.
    ///
    /// # Errors
    /// What is wrong with them, for the operator.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Asked, String> {
        let mut arguments = arguments.into_iter();
        let (mut policy, mut socket) = (None, None);
        while let Some(option) = arguments.next() {
            let option = text(option)?;
            let mut value = || {
                let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
                text(value)
            };
            match option.as_str() {
                "--help" => return Ok(Asked::Text(HELP.to_owned())),
                TRY_WALLS => return Ok(Asked::TryWalls { alone: false }),
                TRY_WALLS_ALONE => return Ok(Asked::TryWalls { alone: true }),
                TRY_PROCESSES => return Ok(Asked::TryProcesses),
                TRY_MEMORY => return Ok(Asked::TryMemory),
                "--version" => {
                    let version = format!("abaca-broker {}", env!("CARGO_PKG_VERSION"));
                    return Ok(Asked::Text(version));
                }
                "--policy" if policy.is_none() => policy = Some(value()?),
                "--socket-fd" if socket.is_none() => socket = Some(descriptor(&value()?)?),
                "--policy" | "--socket-fd" => return Err(format!("{option} is given twice")),
                _ => {
                    return Err(format!(
                        "no option {option:?}; there are --policy, --socket-fd, --try-walls, --help, \
                         --version"
                    ));
                }
            }
        }
        match (policy, socket) {
            (Some(policy), Some(socket)) => Ok(Asked::Serve(Options { policy, socket })),
            (None, _) => Err("--policy FILE is missing; see --help".to_owned()),
            (_, None) => Err("--socket-fd N is missing; see --help".to_owned()),
        }
    }
}

fn text(argument: OsString) -> Result<String, String> {
    argument.into_string().map_err(|argument| format!("{argument:?} is not UTF-8"))
}

fn descriptor(text: &str) -> Result<RawFd, String> {
    match text.parse() {
        Ok(number) if number == STANDARD_INPUT || number >= AFTER_STREAMS => Ok(number),
        _ => Err(format!("--socket-fd takes 0, or a number from {AFTER_STREAMS} on, not {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Asked, String> {
        Options::read(arguments.iter().map(OsString::from))
    }

    #[test]
    fn both_options_are_needed_once() {
        let options = Options { policy: "p.toml".into(), socket: 7 };
        let read_back = read(&["--socket-fd", "7", "--policy", "p.toml"]);
        assert_eq!(read_back, Ok(Asked::Serve(options)));
        for wrong in [
            &["--policy", "p"][..],
            &["--socket-fd", "7"],
            &["--policy"],
            &["--policy", "p", "--socket-fd", "2"],
            &["--policy", "p", "--socket-fd", "x"],
            &["--policy", "p", "--policy", "q", "--socket-fd", "3"],
            &["--polcy", "p", "--socket-fd", "3"],
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
