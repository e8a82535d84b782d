//! What a service does for each of its backends by itself, so that one that is slow or hangs keeps
//! none waiting: it prepares it, again and again until that succeeds, and then goes on with what
//! `abaca driver upgrade` and `rollback` decide while it runs. It looks which version the backend
//! should run, opens that beside the old one, and puts it in the old one's place. Calls that have
//! begun end as they began; nobody waits.
//!
//! ```text
//! prepare ──ready──▶ served ─▶ look ─▶ another one wanted? ──no──▶ look
//!  ▲  │ cannot be                         └──yes──▶ open ──▶ in the old one's place
//!  └──┴─ told; after a while                         └── cannot be ──▶ told, `behind`; again
//!                                                        after a while, at once for another
//! ```
//! Called by `serve`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use abaca::Error;
use abaca::door::Door;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

use crate::failure::{Failure, Result};
use crate::output::{Output, complain, plain};
use crate::service::Service;

/// How often it looks: an operator who has upgraded should not wonder. It costs the reading of
/// one small file for each backend.
const LOOK: Duration = Duration::from_millis(500);

/// How soon what could not be used is tried again; each time after it twice as late.
const FIRST_DELAY: Duration = Duration::from_secs(1);

/// How late at most: what keeps it may be the storage, and that comes back some time.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// A backend's name, and how an attempt to prepare it ended.
pub type Attempt = (String, Result<()>);

/// A version that could not be used.
#[derive(Clone, Copy)]
struct Failing {
    wanted: Option<u32>,
    /// When it is tried again.
    again: Instant,
    delay: Duration,
}

/// Waits for ever, and says if a backend is not kept any more.
pub async fn watch(mut kept: JoinSet<()>) {
    while let Some(ended) = kept.join_next().await {
        if let Err(error) = ended {
            complain(&format!(
                "warning: a backend is not prepared or followed any more: {error}\n"
            ));
        }
    }
    std::future::pending::<()>().await;
}

/// Prepares a backend and follows its versions, as long as it is polled. How each attempt to
/// prepare it ended is told, as long as somebody listens.
pub async fn keep(
    service: Arc<Service>,
    door: Door,
    name: String,
    told: UnboundedSender<Attempt>,
    output: Output,
) {
    let version = prepare(&service, &door, &name, &told, output).await;
    drop(told);
    follow(&service, &door, &name, version, output).await;
}

/// Lets the backend answer as soon as it can; the number of the version that it was opened with,
/// if its driver was ever upgraded.
async fn prepare(
    service: &Service,
    door: &Door,
    name: &str,
    told: &UnboundedSender<Attempt>,
    output: Output,
) -> Option<u32> {
    let mut said: Option<String> = None;
    let mut delay = FIRST_DELAY;
    loop {
        // Before it is opened: what is decided meanwhile is noticed then.
        let version = service.version(name).ok().flatten();
        let failure = match Box::pin(attempt(service, door, name, said.is_none(), output)).await {
            Ok(()) => {
                let late = told.send((name.to_owned(), Ok(()))).is_err();
                if late || said.is_some() {
                    complain(&format!("{name} is served from now on\n"));
                }
                return version;
            }
            Err(failure) => failure,
        };
        let text = plain(&failure.to_string());
        // Once, not with every attempt.
        if said.as_ref() != Some(&text) {
            complain(&format!("warning: {name}: {text}\n"));
        }
        said = Some(text);
        match &failure {
            Failure::Library(error) => door.breaks(name, error),
            other => door.breaks(name, &Error::Runtime(other.to_string())),
        }
        // When nobody listens any more, the door tells it.
        let _ = told.send((name.to_owned(), Err(failure)));
        let again = Instant::now() + delay;
        delay = delay.saturating_mul(2).min(LONGEST_DELAY);
        while Instant::now() < again {
            tokio::time::sleep(LOOK).await;
            if service.version(name).is_ok_and(|wanted| wanted != version) {
                delay = FIRST_DELAY;
                break;
            }
        }
    }
}

/// One attempt. One that is in quarantine was prepared by a service before this one; if it came
/// there by failing here it never was, and is not to be called before it is.
async fn attempt(
    service: &Service,
    door: &Door,
    name: &str,
    first: bool,
    output: Output,
) -> Result<()> {
    let entry = service.entry(name)?;
    let backend = match first {
        true => service.served(entry, output).await?,
        false => service.working(entry, output).await?,
    };
    door.replace(backend);
    Ok(())
}

async fn follow(
    service: &Service,
    door: &Door,
    name: &str,
    mut version: Option<u32>,
    output: Output,
) {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing: Option<Failing> = None;
    loop {
        look.tick().await;
        // What cannot be read just now may be read the next time.
        let Ok(wanted) = service.version(name) else { continue };
        if wanted == version {
            if failing.take().is_some() {
                door.keeps_up(name);
            }
            continue;
        }
        let before = failing.filter(|one| one.wanted == wanted);
        if before.is_some_and(|one| Instant::now() < one.again) {
            continue;
        }
        let number = wanted.map_or_else(|| "configured".to_owned(), |number| number.to_string());
        match Box::pin(replace(service, door, name, output)).await {
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
                door.falls_behind(name, wanted, &of_library(failure));
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

fn of_library(failure: Failure) -> Error {
    match failure {
        Failure::Library(error) => error,
        other => Error::Runtime(other.to_string()),
    }
}
