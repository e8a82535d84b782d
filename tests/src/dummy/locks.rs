//! The named lock between the calls of one backend: whoever has it is alone, and it goes with
//! its call, however that ends.

use std::time::{Duration, Instant};

use abaca::{Backend, Error, Limits};

use crate::support::{Ground, attack_share, load, runtime, until};

async fn hostile(ground: &Ground, wall: Duration) -> Backend {
    let mut limits = Limits::default();
    limits.wall = wall;
    let runtime = runtime(limits);
    let driver = load(&runtime, "abaca-guest-hostile").await;
    ground.backend("hostile", driver, "schema = 1\ndriver = \"hostile\"\n", &[]).await
}

/// Holds a lock for so many milliseconds, waiting at most as long as the last argument says, and
/// answers what the guest says of it.
async fn hold(backend: &Backend, arguments: &[&str]) -> Result<Vec<String>, Error> {
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
