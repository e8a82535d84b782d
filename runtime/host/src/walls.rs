//! Which walls stand around commands on this machine, found out by trying each: a broker with a
//! policy of one rule runs its own program as a command, which does from inside what each wall is
//! there to prevent. The way is that of any driver's command, but for the driver.
//!
//! Called by whoever wants to know before drivers are loaded, as `abaca doctor` does.

use std::io::Write;
use std::path::Path;

use abaca_broker::protocol::{
    ErrorKind, Hello, Outcome, RequestKind, Status, TRIED_MEMORY, TRY_MEMORY, TRY_PROCESSES,
    TRY_WALLS, TRY_WALLS_ALONE, TriedWall, Wall,
};
use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::broker::{self, Broker};
use crate::error::{Error, Result};
use crate::records::Records;
use crate::runtime::Runtime;
use crate::storage::new_file;

/// The policy's file, and its only rule.
const POLICY: &str = "policy.toml";
const DRIVER: &str = "walls";

/// What the kernel kills with: `SIGKILL`.
const KILL: i32 = 9;

/// How long the attempts may take: they wait for nothing.
const PATIENCE_MS: u64 = 30_000;

/// What is tried by commands of their own, for whatever tries it is ended: the wall, the word for the
/// broker's program, and what that does.
const FATAL: [(Wall, &str, &str); 2] = [
    (Wall::Memory, TRY_MEMORY, "to fill 128 MiB where its group has 64"),
    (Wall::Watch, TRY_PROCESSES, "to start 1,100 threads"),
];

/// The walls of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walls {
    /// What the broker says of itself.
    pub broker: Hello,
    /// Each wall that is needed or possible here, in the order in which they are documented.
    pub walls: Vec<TriedWall>,
}

impl Walls {
    /// Whether every wall stands without which no command runs.
    #[must_use]
    pub fn all_required_stand(&self) -> bool {
        self.walls.iter().all(|one| one.stands || !one.wall.is_required())
    }
}

impl Runtime {
    /// Tries every wall that commands of drivers are put behind.
    ///
    /// # Errors
    /// When the broker is missing or does not start, or no file can be made for temporary use.
    pub async fn try_walls(&self) -> Result<Walls> {
        let failed = |error: std::io::Error| Error::Runtime(format!("trying the walls: {error}"));
        let program = broker::locate(self.shared().broker.as_deref())?;
        // Private to this user, and gone with the end of this function.
        let place = tempfile::Builder::new().prefix("abaca-walls-").tempdir().map_err(failed)?;
        let policy = policy(&program)?;
        Dir::open_ambient_dir(place.path(), ambient_authority())
            .and_then(|directory| directory.open_with(POLICY, &new_file()))
            .and_then(|mut file| file.write_all(policy.as_bytes()))
            .map_err(failed)?;
        let file = place.path().join(POLICY);
        let digest = crate::backend::read_policy(&file)?.digest().to_owned();
        let records = Records::open(place.path(), DRIVER).await?;
        let broker = Broker::new(program, file, digest, records.presence());
        let hello = broker.hello().await?;
        let how = if hello.walls.contains(&Wall::Watch) { TRY_WALLS_ALONE } else { TRY_WALLS };
        let ask = |how: &str| RequestKind::Command {
            program: broker::PROGRAM.to_owned(),
            args: vec![how.to_owned()],
            secrets: Vec::new(),
            deadline_ms: PATIENCE_MS,
        };
        let (outcome, body) = broker.ask(ask(how), &[]).await?;
        let mut tried = read(&outcome, &body);
        if let Ok(tried) = &mut tried {
            for (wall, word, what) in FATAL {
                if hello.walls.contains(&wall) {
                    let (outcome, body) = broker.ask(ask(word), &[]).await?;
                    tried.push(survived(wall, what, &outcome, &body));
                }
            }
        }
        Ok(Walls { walls: judge(&hello, &tried), broker: hello })
    }
}

/// The broker's program, and nothing else.
fn policy(program: &Path) -> Result<String> {
    let unusable = || Error::Broker(format!("has a path that is not UTF-8: {}", program.display()));
    // What JSON writes for a text, TOML reads.
    let program = serde_json::to_string(program.to_str().ok_or_else(unusable)?)
        .map_err(|error| Error::Broker(error.to_string()))?;
    Ok(format!(
        "schema = 1\ndriver = \"{DRIVER}\"\n[[command]]\nid = \"try\"\nprogram = {program}\n\
         args = [{{ one-of = [\"{TRY_WALLS}\", \"{TRY_WALLS_ALONE}\", \"{TRY_PROCESSES}\", \
         \"{TRY_MEMORY}\"] }}]\n"
    ))
}

/// What the command printed; why it did not, in one sentence.
fn read(outcome: &Outcome, body: &[u8]) -> Result<Vec<TriedWall>, String> {
    match outcome {
        Outcome::Done(_) => serde_json::from_slice(body)
            .map_err(|error| format!("what tried it did not come to its end: {error}")),
        Outcome::Error { message, .. } => Err(format!("no command runs here: {message}")),
        Outcome::Denied { reason, .. } => Err(format!("what tries it is denied: {reason}")),
        _ => Err("what tried it was ended by its deadline".to_owned()),
    }
}

/// What came of a command that a wall ends, if it stands; what it printed, if it came so far.
fn survived(wall: Wall, what: &str, outcome: &Outcome, body: &[u8]) -> TriedWall {
    let (got, stands) = match (wall, outcome) {
        (Wall::Memory, Outcome::Done(done)) if done.status == Status::Signalled(KILL) => {
            (format!("killed by the kernel at {} MiB", TRIED_MEMORY >> 20), true)
        }
        (Wall::Watch, Outcome::Error { kind: ErrorKind::Limit, message }) => {
            (message.clone(), true)
        }
        _ => match read(outcome, body) {
            Ok(tried) => match tried.into_iter().find(|one| one.wall == wall) {
                Some(one) => return one,
                None => ("it does not say what came of it".to_owned(), false),
            },
            Err(why) => (why, false),
        },
    };
    TriedWall { wall, tried: what.to_owned(), got, stands }
}

/// Joins what the broker promises with what came of the attempts.
fn judge(hello: &Hello, tried: &Result<Vec<TriedWall>, String>) -> Vec<TriedWall> {
    let expected = Wall::ALL.into_iter().filter(|wall| match wall {
        // One of the two keeps commands from the network.
        Wall::Network => !hello.walls.contains(&Wall::Sockets),
        Wall::Sockets => hello.walls.contains(&Wall::Sockets),
        // And one of these bounds their number.
        Wall::Processes => !hello.walls.contains(&Wall::Watch),
        Wall::Watch => hello.walls.contains(&Wall::Watch),
        _ => true,
    });
    expected
        .map(|wall| {
            let promised = hello.walls.contains(&wall);
            let found = match tried {
                Ok(all) => all.iter().find(|one| one.wall == wall).cloned(),
                Err(why) => Some(untried(wall, why, false)),
            };
            match found {
                Some(found) if promised || found.stands => found,
                None if promised => untried(wall, "nothing tries it", false),
                _ => untried(wall, wall.needs(), false),
            }
        })
        .collect()
}

fn untried(wall: Wall, got: &str, stands: bool) -> TriedWall {
    TriedWall { wall, tried: "nothing".to_owned(), got: got.to_owned(), stands }
}
