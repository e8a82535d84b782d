//! The named lock between the calls of one backend: whoever has it is alone, and it goes with
//! its call, however that ends.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use abaca::{Backend, BackendConfiguration, Error, Limits};

use crate::support::{Ground, attack_share, load, runtime, until};

async fn hostile(ground: &Ground, wall: Duration) -> Backend {
    hostile_in(ground.path(), wall).await
}

/// The same in a ground that may be another process's.
pub async fn hostile_in(ground: &Path, wall: Duration) -> Backend {
    let mut limits = Limits::default();
    limits.wall = wall;
    let runtime = runtime(limits);
    let driver = load(&runtime, "abaca-guest-hostile").await;
    let policy = ground.join("hostile.policy.toml");
    std::fs::write(&policy, "schema = 1\ndriver = \"hostile\"\n").unwrap();
    let handled = ("driver_handles_share_servers".to_owned(), abaca::OptionValue::Boolean(false));
    let configuration = BackendConfiguration {
        name: "hostile".to_owned(),
        policy,
        approved: false,
        state: ground.join("state"),
        options: [handled].into(),
        networks: std::collections::BTreeMap::new(),
    };
    Backend::open(driver, configuration).await.unwrap()
}

/// Holds a lock for so many milliseconds, waiting at most as long as the last argument says, and
/// answers what the guest says of it.
pub async fn hold(backend: &Backend, arguments: &[&str]) -> Result<Vec<String>, Error> {
    let locations = backend.create_share(&attack_share("lock-hold", arguments), None).await?;
    Ok(locations.into_iter().map(|location| location.path).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_take_the_same_lock_run_one_after_the_other() {
    let ground = Ground::new();
    let backend = hostile(&ground, Limits::default().wall).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let backend = backend.clone();
        tasks.spawn(async move { hold(&backend, &["one", "150"]).await.unwrap() });
    }
    let mut times: Vec<Vec<u64>> = tasks
        .join_all()
        .await
        .into_iter()
        .map(|times| times.iter().map(|time| time.parse().unwrap()).collect())
        .collect();
    times.sort_unstable();
    assert!(times.windows(2).all(|pair| pair[0][1] <= pair[1][0]), "{times:?}");
    assert!(backend.locks().unwrap().is_empty(), "each has given it back");

    // Another lock is nobody else's business.
    let both = tokio::join!(hold(&backend, &["one", "600"]), hold(&backend, &["two", "600"]));
    let times = [both.0.unwrap(), both.1.unwrap()];
    let time = |call: usize, end: usize| times[call][end].parse::<u64>().unwrap();
    assert!(time(0, 0) < time(1, 1) && time(1, 0) < time(0, 1), "both at once: {times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_waited_for_only_so_long() {
    let ground = Ground::new();
    let backend = hostile(&ground, Limits::default().wall).await;
    let holding = tokio::spawn({
        let backend = backend.clone();
        async move { hold(&backend, &["one", "60000"]).await }
    });
    until("the lock is held", || !backend.locks().unwrap().is_empty()).await;
    assert_eq!(backend.locks().unwrap()[0].name, "one");
    let late = hold(&backend, &["one", "0", "100"]).await.unwrap();
    assert!(late[0].contains("Deadline"), "{late:?}");
    // Its call is given up, and the lock with it.
    holding.abort();
    let began = Instant::now();
    assert_eq!(hold(&backend, &["one", "0"]).await.unwrap().len(), 2);
    assert!(began.elapsed() < Duration::from_secs(20));
    until("nobody holds it", || backend.locks().unwrap().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_ends_with_a_call_whose_time_is_over() {
    let ground = Ground::new();
    let backend = hostile(&ground, Duration::from_secs(1)).await;
    let answer = hold(&backend, &["one", "60000"]).await;
    assert!(matches!(answer, Err(Error::Deadline { .. })), "{answer:?}");
    assert_eq!(hold(&backend, &["one", "0"]).await.unwrap().len(), 2);
    assert!(backend.locks().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_are_listed_while_others_come_and_go() {
    let ground = Ground::new();
    let backend = hostile(&ground, Limits::default().wall).await;
    let listing = tokio::task::spawn_blocking({
        let backend = backend.clone();
        move || {
            let began = Instant::now();
            let mut seen = 0;
            while began.elapsed() < Duration::from_secs(2) {
                seen += backend.locks().unwrap().len();
            }
            seen
        }
    });
    let mut turns = 0;
    while !listing.is_finished() {
        drop(backend.hold_share_network(&format!("network {turns}")).await.unwrap());
        turns += 1;
    }
    assert!(listing.await.unwrap() > 0 && turns > 10, "{turns}");
}

/// Where the process below finds the ground, and which one it is.
const GROUND: &str = "ABACA_TEST_LOCKS_GROUND";
const NUMBER: &str = "ABACA_TEST_LOCKS_NUMBER";

/// Holds the lock for a moment once it has it, and writes down who did and when.
async fn takes_its_turn(ground: &Path, backend: &Backend, number: &str) {
    let times = hold(backend, &["one", "50"]).await.unwrap();
    let mut turns =
        std::fs::File::options().create(true).append(true).open(ground.join("turns")).unwrap();
    turns.write_all(format!("{number} {}\n", times.join(" ")).as_bytes()).unwrap();
}

#[tokio::test]
#[ignore = "a process of its own, which the test below starts"]
async fn a_process_that_takes_its_turn() {
    let Some(ground) = std::env::var_os(GROUND).map(PathBuf::from) else { return };
    let backend = hostile_in(&ground, Limits::default().wall).await;
    takes_its_turn(&ground, &backend, &std::env::var(NUMBER).unwrap()).await;
}

fn process(ground: &Ground, number: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "dummy::locks::a_process_that_takes_its_turn"]);
    command.env(GROUND, ground.path()).env(NUMBER, number);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// How many wait for a lock of this ground, in whatever process.
fn waiting(ground: &Ground) -> usize {
    let tickets = std::fs::read_dir(ground.state().join("hostile/locks-waiting")).unwrap();
    tickets
        .filter(|one| !one.as_ref().unwrap().file_name().to_str().unwrap().contains("new"))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_came_first_is_served_first_in_whatever_process() {
    let ground = Ground::new();
    let backend = hostile(&ground, Limits::default().wall).await;
    let holding = tokio::spawn({
        let backend = backend.clone();
        async move { hold(&backend, &["one", "600000"]).await }
    });
    until("the lock is held", || !backend.locks().unwrap().is_empty()).await;
    let (mut processes, mut tasks) = (Vec::new(), Vec::new());
    for (at, number) in ["1", "2", "3", "killed", "4", "5"].into_iter().enumerate() {
        if number == "2" || number == "4" {
            let (ground, backend) = (ground.path().to_owned(), backend.clone());
            tasks
                .push(tokio::spawn(async move { takes_its_turn(&ground, &backend, number).await }));
        } else {
            processes.push((number, process(&ground, number)));
        }
        until("it waits for its turn", || waiting(&ground) == at + 1).await;
    }
    let (_, killed) = processes.iter_mut().find(|(number, _)| *number == "killed").unwrap();
    killed.kill().unwrap();
    holding.abort();
    for task in tasks {
        task.await.unwrap();
    }
    for (number, mut process) in processes {
        assert_eq!(process.wait().unwrap().success(), number != "killed", "{number}");
    }
    let turns = std::fs::read_to_string(ground.path().join("turns")).unwrap();
    let mut turns: Vec<Vec<u64>> = turns
        .lines()
        .map(|line| line.split(' ').map(|word| word.parse().unwrap()).collect())
        .collect();
    turns.sort_by_key(|turn| turn[1]);
    assert_eq!(turns.iter().map(|turn| turn[0]).collect::<Vec<_>>(), [1, 2, 3, 4, 5], "{turns:?}");
    assert!(turns.windows(2).all(|pair| pair[0][2] <= pair[1][1]), "one at a time: {turns:?}");
    assert_eq!((waiting(&ground), backend.locks().unwrap().len()), (0, 0));
}
