//! Races: another process, which is no part of Abaca, swaps a directory and a link as fast as it
//! can, and a file and a link, while the driver works on them. No escape is one too few: whatever
//! would be changed or read outside is seen by the trial's look at the world.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{Range, Setup, attacks};
use crate::support::eventually;

/// In which directory the process that swaps finds its work.
const PLACE: &str = "ABACA_RACE";

/// How long files are raced for.
const LONG: Duration = Duration::from_secs(10);
/// And commands.
const SHORT: Duration = Duration::from_secs(1);

/// Fewer attempts of the driver prove nothing, and fewer of them on each side of the swap.
const ATTEMPTS: u64 = 200;
const OF_EACH: u64 = 20;
/// Fewer swaps than this prove nothing either.
const SWAPS: u64 = 1_000;
/// On a machine with other work a race goes on for longer, until it means something.
const PATIENCE: Duration = Duration::from_secs(120);

/// Swaps between two looks at whether it shall stop.
const TURN: u64 = 64;

/// The process that swaps.
struct Swapper {
    process: Child,
    place: PathBuf,
}

impl Swapper {
    /// Starts it, and waits until it has begun.
    async fn start(range: &Range) -> Self {
        let lair = range.lair();
        let place = range.ground.state().join("race");
        fs::create_dir(&place).unwrap();
        symlink(&lair, place.join("lair")).unwrap();
        // This test program again, which is one more process with no ties to the runtime.
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "hostile::race::swaps_until_it_shall_stop", "--ignored"])
            .env(PLACE, &place)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let swapper = Self { process, place };
        eventually("the other process swaps", async || (swapper.swaps() > 0).then_some(())).await;
        swapper
    }

    fn swaps(&self) -> u64 {
        let text = fs::read_to_string(self.place.join("swaps")).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }

    /// Ends it, and says how often it has swapped.
    fn stop(mut self) -> u64 {
        fs::write(self.place.join("stop"), "").unwrap();
        assert!(self.process.wait().unwrap().success());
        let swaps = self.swaps();
        fs::remove_dir_all(&self.place).unwrap();
        swaps
    }
}

/// Not a test but the other process.
#[test]
#[ignore = "the races start it"]
fn swaps_until_it_shall_stop() {
    let Some(place) = std::env::var_os(PLACE) else { return };
    let (place, parent) = (Path::new(&place), rustix::process::getppid());
    let lair = fs::read_link(place.join("lair")).unwrap();
    let [swapped, link, leaf, leaf_link] =
        ["swapped", "link", "leaf", "leaf-link"].map(|name| lair.join(name));
    let mut swaps = 0_u64;
    // Whoever started it may be killed: then nobody says that it shall stop.
    while !place.join("stop").exists() && rustix::process::getppid() == parent {
        for _ in 0..TURN {
            renameat_with(CWD, &swapped, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            renameat_with(CWD, &leaf, CWD, &leaf_link, RenameFlags::EXCHANGE).unwrap();
        }
        swaps += 2 * TURN;
        // Whole, for it is read meanwhile.
        fs::write(place.join("new"), swaps.to_string()).unwrap();
        fs::rename(place.join("new"), place.join("swaps")).unwrap();
    }
}

/// The directory, the file, and the links that they are swapped with.
fn prepare(range: &Range) {
    let (lair, outside) = (range.lair(), range.ground.outside());
    for directory in [lair.join("swapped"), outside.join("directory")] {
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("inside"), "inside").unwrap();
    }
    fs::write(outside.join("directory/inside"), &range.canary).unwrap();
    symlink(outside.join("directory"), lair.join("link")).unwrap();
    fs::write(lair.join("leaf"), "leaf").unwrap();
    fs::write(lair.join("kept"), "kept").unwrap();
    symlink(outside.join("secret"), lair.join("leaf-link")).unwrap();
}

/// A request of the driver that is under way.
type Asking<'a> = Pin<Box<dyn Future<Output = String> + 'a>>;

/// What a race has come to.
#[derive(Debug, Default)]
struct Tally {
    done: u64,
    links: u64,
    failed: u64,
}

impl Tally {
    fn attempts(&self) -> u64 {
        self.done + self.links + self.failed
    }
}

/// Races for this long and until it means something, one round of attempts after another.
async fn race(
    range: &Range,
    time: Duration,
    round: impl AsyncFn(&Range, &mut Tally),
) -> Vec<String> {
    let swapper = Swapper::start(range).await;
    let (began, mut tally) = (Instant::now(), Tally::default());
    loop {
        round(range, &mut tally).await;
        let enough = tally.attempts() >= ATTEMPTS
            && tally.done.min(tally.links) >= OF_EACH
            && swapper.swaps() >= SWAPS;
        if began.elapsed() >= PATIENCE || (enough && began.elapsed() >= time) {
            break;
        }
    }
    let swaps = swapper.stop();
    println!(
        "{} attempts ({} done, {} met a link, {} failed otherwise) and {swaps} swaps in {:.1?}",
        tally.attempts(),
        tally.done,
        tally.links,
        tally.failed,
        began.elapsed(),
    );
    assert!(tally.attempts() >= ATTEMPTS && swaps >= SWAPS, "too few to mean anything");
    assert!(tally.done.min(tally.links) >= OF_EACH, "one side was hardly met: {tally:?}");
    vec![format!("{} attempts met a link", tally.links)]
}

/// Eight calls of the driver, each of them with every verb in turn.
async fn files(range: &Range, tally: &mut Tally) {
    let rounds = (0..8).map(|_| Box::pin(range.asks("race", &["4"])) as Asking<'_>);
    for told in join(rounds).await {
        assert!(!told.contains(&range.canary), "it was read: {told}");
        let numbers: Vec<u64> = told.lines().filter_map(|line| line.parse().ok()).collect();
        let [done, links, failed] = numbers[..] else { panic!("{told}") };
        tally.done += done;
        tally.links += links;
        tally.failed += failed;
    }
}

/// Waits for all of them side by side.
async fn join<'a>(futures: impl IntoIterator<Item = Asking<'a>>) -> Vec<String> {
    let mut waiting: Vec<_> = futures.into_iter().collect();
    let mut told = Vec::new();
    std::future::poll_fn(|context| {
        waiting.retain_mut(|future| match future.as_mut().poll(context) {
            Poll::Ready(text) => {
                told.push(text);
                false
            }
            Poll::Pending => true,
        });
        if waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    told
}

/// Commands with path holes of both kinds, which read, write, and change modes and times.
const COMMANDS: &str = r#"
[[command]]
id = "read-fd"
program = "/usr/bin/cat"
args = [
    "-n",
    "--",
    { path = { root = "lair", under = "swapped", leaf = "file", name = "word" } },
]
read = ["lair"]

[[command]]
id = "read-path"
program = "/usr/bin/tail"
args = [
    "--",
    { path = { root = "lair", under = "swapped", leaf = "file", name = "word", pass = "path", looked-up = "a test" } },
]
read = ["lair"]

[[command]]
id = "leaf-path"
program = "/usr/bin/nl"
args = [{ path = { root = "lair", leaf = "file", name = "word", pass = "path", looked-up = "a test" } }]
read = ["lair"]

[[command]]
id = "write-fd"
program = "/usr/bin/cp"
args = [
    "--",
    { path = { root = "lair", leaf = "file", name = "word" } },
    { path = { root = "lair", under = "swapped", leaf = "new", name = "word" } },
]
write = ["lair"]

[[command]]
id = "write-path"
program = "/usr/bin/install"
args = [
    "--",
    { path = { root = "lair", leaf = "file", name = "word" } },
    { path = { root = "lair", under = "swapped", leaf = "new", name = "word", pass = "path", looked-up = "a test" } },
]
write = ["lair"]
syscalls = ["attributes"]
root-equivalent = "it can strip with a program of its own"

[[command]]
id = "mode-path"
program = "/usr/bin/chmod"
args = [
    { mode = { mask = "0777" } },
    { path = { root = "lair", leaf = "file", name = "word", pass = "path", looked-up = "a test" } },
]
write = ["lair"]
syscalls = ["attributes"]

[[command]]
id = "mode-deep-path"
program = "/usr/bin/chmod"
args = [
    "--",
    { mode = { mask = "0777" } },
    { path = { root = "lair", under = "swapped", leaf = "file", name = "word", pass = "path", looked-up = "a test" } },
]
write = ["lair"]
syscalls = ["attributes"]

[[command]]
id = "time-path"
program = "/usr/bin/touch"
args = [
    "--date=@0",
    { path = { root = "lair", leaf = "file", name = "word", pass = "path", looked-up = "a test" } },
]
write = ["lair"]
syscalls = ["attributes"]
"#;

/// Each command once, side by side, and then what they have made is removed.
async fn commands(range: &Range, tally: &mut Tally) {
    let number = tally.attempts();
    let (one, two) = (format!("lair:swapped/fd-{number}"), format!("lair:swapped/path-{number}"));
    let lines: [&[&str]; 8] = [
        &["cat", "-n", "--", "lair:swapped/inside"],
        &["tail", "--", "lair:swapped/inside"],
        &["nl", "lair:leaf"],
        &["cp", "--", "lair:kept", &one],
        &["install", "--", "lair:kept", &two],
        &["chmod", "0666", "lair:leaf"],
        &["chmod", "--", "0666", "lair:swapped/inside"],
        &["touch", "--date=@0", "lair:leaf"],
    ];
    for told in join(lines.map(|line| Box::pin(range.asks("command", line)) as Asking<'_>)).await {
        assert!(!told.contains(&range.canary), "it was read: {told}");
        match told.as_str() {
            told if told.starts_with("ok:0:") => tally.done += 1,
            told if told.starts_with("err:Error::Denied(") => tally.links += 1,
            _ => tally.failed += 1,
        }
    }
}

attacks! { PathsAndRaces:
    /// Works with every verb on files for ten seconds, while another process swaps a directory and
    /// a file with links to the outside.
    ten_seconds_of_swapping_under_files {
        setup: Setup::limits(|limits| limits.cpu = Duration::from_secs(60)),
        given: prepare,
        attack: async |range| race(range, LONG, files).await,
        contained: "no verb ever reaches the outside, in hundreds of attempts on each side of a \
         swap",
        refused: "attempts met a link",
        twin: async |range| range.asks("file", &["read", "lair", "kept"]).await,
        answers: "ok:\"kept\"",
    }

    /// Reads a file by its path while everybody may swap the directory that it lies in.
    a_path_through_what_others_change {
        setup: Setup::rules(COMMANDS),
        given: prepare,
        attack: async |range| {
            let swapped = range.lair().join("swapped");
            let mode = |bits| fs::set_permissions(&swapped, fs::Permissions::from_mode(bits));
            let mut told = Vec::new();
            for bits in [0o777, 0o775, 0o1777] {
                mode(bits).unwrap();
                told.push(range.asks("command", &["tail", "--", "lair:swapped/inside"]).await);
            }
            mode(0o755).unwrap();
            told
        },
        contained: "refused before the program starts: who may change the way decides where it leads",
        refused: "may be changed by others",
        twin: async |range| range.asks("command", &["tail", "--", "lair:swapped/inside"]).await,
        answers: "ok:0:inside",
    }

    /// Runs commands with path holes of both kinds for a second, while another process swaps.
    a_second_of_swapping_under_commands {
        setup: Setup::rules(COMMANDS).and_limits(|limits| limits.cpu = Duration::from_secs(60)),
        given: prepare,
        attack: async |range| race(range, SHORT, commands).await,
        contained: "no command ever reaches the outside: a descriptor does not move, and a path \
         meets the fence",
        refused: "attempts met a link",
        twin: async |range| {
            range.asks("command", &["cp", "--", "lair:kept", "lair:swapped/last"]).await
        },
        answers: "ok:0:",
    }
}
