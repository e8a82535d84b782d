//! A service goes on with what `abaca driver upgrade` and `rollback` decide while it runs: it
//! looks which version each backend should run, opens that beside the old one, and puts it in the
//! old one's place. Calls that have begun end as they began; nobody waits.
//!
//! ```text
//! look ─▶ another one wanted? ──no──▶ look
//!            └──yes──▶ open ──▶ in the old one's place
//!                       └── cannot be ──▶ told, `behind`; again after a while, at once for another
//! ```
//! Called by `serve`. Each backend is followed by itself: one that is slow keeps none waiting.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use abaca::door::Door;
use tokio::task::JoinSet;

use crate::failure::{Failure, Result};
use crate::output::{Output, complain, plain};
use crate::service::Service;

/// How often it looks: an operator who has upgraded should not wonder. It costs the reading of
/// one small file for each backend.
const LOOK: Duration = Duration::from_millis(500);

/// How soon a version that could not be used is tried again; each time after it twice as late.
const FIRST_DELAY: Duration = Duration::from_secs(1);

/// How late at most: what keeps it may be the storage, and that comes back some time.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// The numbers of the versions that backends were opened with, by name; of a backend whose driver
/// was never upgraded there is none.
pub type Opened = BTreeMap<String, Option<u32>>;

/// A version that could not be used.
#[derive(Clone, Copy)]
struct Failing {
    wanted: Option<u32>,
    /// When it is tried again.
    again: Instant,
    delay: Duration,
}

/// Follows the versions as long as it is polled.
pub async fn follow(service: Arc<Service>, door: Door, opened: Opened, output: Output) {
    let mut each = JoinSet::new();
    for (name, version) in opened {
        each.spawn(follow_one(Arc::clone(&service), door.clone(), name, version, output));
    }
    while let Some(ended) = each.join_next().await {
        if let Err(error) = ended {
            complain(&format!("warning: a backend's versions are not followed: {error}\n"));
        }
    }
    std::future::pending::<()>().await;
}

async fn follow_one(
    service: Arc<Service>,
    door: Door,
    name: String,
    mut version: Option<u32>,
    output: Output,
) {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing: Option<Failing> = None;
    loop {
        look.tick().await;
        // What cannot be read just now may be read the next time.
        let Ok(wanted) = service.version(&name) else { continue };
        if wanted == version {
            if failing.take().is_some() {
                door.keeps_up(&name);
            }
            continue;
        }
        let before = failing.filter(|one| one.wanted == wanted);
        if before.is_some_and(|one| Instant::now() < one.again) {
            continue;
        }
        let number = wanted.map_or_else(|| "configured".to_owned(), |number| number.to_string());
        match Box::pin(replace(&service, &door, &name, output)).await {
            Ok(()) => {
                (version, failing) = (wanted, None);
                complain(&format!("{name} runs version {number} from now on\n"));
            }
            Err(failure) => {
                let twice = |one: Failing| one.delay.saturating_mul(2).min(LONGEST_DELAY);
                let delay = before.map_or(FIRST_DELAY, twice);
                complain(&format!(
                    "warning: {name}: version {number} cannot be used, and the one before goes \
                     on; tried again in {} s: {}\n",
                    delay.as_secs(),
                    plain(&failure.to_string())
                ));
                door.falls_behind(&name, wanted, &of_library(failure));
                failing = Some(Failing { wanted, again: Instant::now() + delay, delay });
            }
        }
    }
}

/// Opens the version that should run now, and lets it answer from now on.
async fn replace(service: &Service, door: &Door, name: &str, output: Output) -> Result<()> {
    let backend = service.served(service.entry(name)?, output).await?;
    door.replace(backend);
    Ok(())
}

fn of_library(failure: Failure) -> abaca::Error {
    match failure {
        Failure::Library(error) => error,
        other => abaca::Error::Runtime(other.to_string()),
    }
}
