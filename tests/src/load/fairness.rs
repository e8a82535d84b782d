//! Guests that compute without end, and a neighbour in the same runtime: the neighbour's calls
//! are done before any of them has had the little time that it may compute. Nothing is measured
//! with a clock: what one backend gets is compared with what the others get.

use std::time::Duration;

use abaca::{Backend, Limits, Runtime};
use tokio::task::JoinSet;

use crate::support::{Ground, attack_share, load, runtime, share, until};

/// How many backends compute, in how many calls each, and how long each call may. If the neighbour
/// had to wait for all of them whenever it has waited for the host, which is some hundred times,
/// its calls would not be done before they are.
const SPINNERS: usize = 8;
const EACH: usize = 3;
const CPU: Duration = Duration::from_millis(500);

/// How many calls of the neighbour are done meanwhile, half of them to make shares.
const CALLS: usize = 20;

/// How often it is tried: once could be luck.
const TRIES: usize = 2;

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.cpu = CPU;
    limits
}

async fn hostile(ground: &Ground, runtime: &Runtime, name: &str) -> Backend {
    let driver = load(runtime, "abaca-guest-hostile").await;
    ground.backend(name, driver, "schema = 1\ndriver = \"hostile\"\n", &[]).await
}

/// Asserts that the neighbour's calls are done while every one of these backends computes.
async fn served_beside(ground: &Ground, runtime: &Runtime, spinning: &[Backend]) {
    let home = ground.directory(runtime, &[]).await;
    // What a first call costs once is not what is looked at.
    home.do_setup().await.unwrap();
    let mut calls = JoinSet::new();
    let before = begun(ground, spinning);
    for backend in spinning {
        let (backend, one) = (backend.clone(), attack_share("loop", &[]));
        calls.spawn(async move { backend.create_share(&one, None).await });
    }
    until("all of them compute", || begun(ground, spinning) == before + spinning.len()).await;
    // A task, as the others are: it stands in the same workers' queues.
    let neighbour = tokio::spawn(async move {
        for _ in 0..CALLS / 2 {
            let one = share("neighbour", 1);
            home.create_share(&one, None).await.unwrap();
            home.delete_share(&one, None).await.unwrap();
        }
    });
    neighbour.await.unwrap();
    let ended = calls.try_join_next();
    assert!(ended.is_none(), "one had all its time before the neighbour was done: {ended:?}");
    calls.shutdown().await;
}

/// How many calls of these backends have begun; each backend is counted once for each time that
/// it is listed.
fn begun(ground: &Ground, backends: &[Backend]) -> usize {
    let mut names: Vec<_> = backends.iter().map(Backend::name).collect();
    names.dedup();
    let calls = names
        .iter()
        .map(|name| ground.audit(name).into_iter().filter(|line| line["event"] == "call").count());
    calls.sum()
}

async fn many_backends() {
    let ground = Ground::new();
    let runtime = runtime(limits());
    let mut spinning = Vec::new();
    for number in 0..SPINNERS {
        let one = hostile(&ground, &runtime, &format!("spinner-{number}")).await;
        spinning.extend(vec![one; EACH]);
    }
    for _ in 0..TRIES {
        served_beside(&ground, &runtime, &spinning).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_is_served_while_many_backends_compute() {
    many_backends().await;
}

#[tokio::test]
async fn a_neighbour_is_served_while_many_backends_compute_on_one_thread() {
    many_backends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_is_served_while_one_backend_computes_in_many_calls() {
    let ground = Ground::new();
    let mut limits = limits();
    limits.concurrent_calls = SPINNERS * EACH;
    let runtime = runtime(limits);
    let one = hostile(&ground, &runtime, "spinner").await;
    served_beside(&ground, &runtime, &vec![one; SPINNERS * EACH]).await;
}
