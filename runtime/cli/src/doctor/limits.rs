//! `abaca doctor --limits`: hits each limit of a call with a driver made for it, and tells what was
//! asked and what came. The limits are set low, so that it takes seconds: what enforces a small
//! figure enforces a large one. What is tried of each is in `trials`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use abaca::types::Error as DriverError;
use abaca::{Backend, BackendConfiguration, COMPONENT_BYTES, Error, Limits, OptionValue};
use anyhow::Context;
use serde::Serialize;
use tracing::instrument::WithSubscriber;
use tracing::level_filters::LevelFilter;

use super::trials::{Expected, NAP, TRIALS, Trial};
use crate::cli::Global;
use crate::failure::Result;

/// The wall time of those that do not wait for it: far more than they need.
const LONG: Duration = Duration::from_secs(60);

/// What the drivers may do.
const POLICY: &str = "schema = 1\ndriver = \"doctor\"\n[[command]]\nid = \"sleep\"\n\
                      program = \"/usr/bin/sleep\"\nargs = [\"1\"]\ntimeout = \"2m\"\n\
                      [[command]]\nid = \"seq\"\nprogram = \"/usr/bin/seq\"\n\
                      args = [\"100000\"]\nstdout-max = \"1KiB\"\n";

/// What the log writes between the call and the import, and a message in them.
const SPANS: &[u8] = b"}: ";

/// What the log writes after a message.
const BESIDE: &[u8] = b" backend=";

/// The most bytes of the mark that stands where a line is cut.
const MARK: usize = 64;

/// How much of a [`NAP`] two ends are apart at least: what comes before the nap takes some of it.
const NEARLY: f32 = 0.8;

/// What came of hitting a limit.
#[derive(Debug, Serialize)]
pub struct TriedLimit {
    /// Its name.
    pub limit: &'static str,
    /// What it was set to.
    pub set_to: &'static str,
    /// What the driver asked for.
    pub asked: &'static str,
    /// What it got.
    pub got: String,
    /// Whether that was the limit's doing.
    pub holds: bool,
}

/// Hits every limit, one after the other.
///
/// # Errors
/// When it cannot be tried: nothing temporary can be made.
pub async fn try_all(global: &Global) -> Result<Vec<TriedLimit>> {
    let mut tried = Vec::new();
    for trial in TRIALS {
        let (got, holds) = trial.run(global).await?;
        let Trial { limit, set_to, asked, .. } = *trial;
        tried.push(TriedLimit { limit, set_to, asked, got, holds });
    }
    Ok(tried)
}

impl Trial {
    async fn run(&self, global: &Global) -> Result<(String, bool)> {
        let mut limits = Limits::default();
        limits.wall = LONG;
        (self.set)(&mut limits);
        let log = Log::default();
        let place = tempfile::Builder::new()
            .prefix("abaca-limits-")
            .tempdir()
            .context("a temporary directory")?;
        let hit = self.hit(limits, global, place.path());
        let (came, apart) = hit.with_subscriber(log.subscriber()).await?;
        let longest = log.longest_line();
        let holds = match (&self.expected, &came) {
            (Expected::Ended(limit), Err(Error::Limit { limit: hit, .. }))
            | (Expected::NotLoaded(limit), Err(Error::Limit { limit: hit, .. })) => limit == hit,
            (Expected::Late(during), Err(Error::Deadline { part, .. })) => during(part),
            (Expected::Refused(why), Err(Error::Driver(DriverError::Other(told)))) => {
                told.contains(why)
            }
            (Expected::NotCompiled(why), Err(Error::Compile { error, .. })) => why(error),
            (Expected::TooLarge, Err(error)) => error.to_string().contains("it is larger than"),
            (Expected::Unread(why), Err(error)) => error.to_string().contains(why),
            (Expected::OneByOne(words), Ok(())) => {
                apart >= NAP.mul_f32(NEARLY) && log.says(words.as_bytes())
            }
            (Expected::Logged(most), Ok(())) => (1..=*most + MARK).contains(&longest),
            _ => false,
        };
        let got = match (&self.expected, came) {
            (Expected::Logged(_), Ok(())) => format!("a line of {longest} bytes"),
            (Expected::OneByOne(_), Ok(())) => {
                format!("one ended {} ms after the other", apart.as_millis())
            }
            (_, Ok(())) => "all of it".to_owned(),
            (_, Err(error)) => error.to_string(),
        };
        Ok((got, holds))
    }

    /// The inner error is what the limit, or something else, answered; and how far apart two ended.
    async fn hit(
        &self,
        limits: Limits,
        global: &Global,
        place: &Path,
    ) -> Result<(Result<(), Error>, Duration)> {
        let runtime = super::builder(global).limits(limits).build()?;
        let mut bytes = self.driver.to_vec();
        if matches!(self.expected, Expected::TooLarge) {
            bytes.resize(
                usize::try_from(COMPONENT_BYTES)
                    .context("the bound of a component")?
                    .saturating_add(1),
                0,
            );
        }
        let driver = match runtime.load_bytes("doctor", bytes).await {
            Ok(driver) => driver,
            Err(error) => return Ok((Err(error), Duration::ZERO)),
        };
        let backend = Backend::open(driver, configuration(place)?).await?;
        let began = Instant::now();
        let one = async || (backend.do_setup().await, began.elapsed());
        Ok(match self.expected {
            Expected::OneByOne(_) => {
                let ((first, at), (second, later)) = tokio::join!(one(), one());
                (first.and(second), at.abs_diff(later))
            }
            _ => (one().await.0, Duration::ZERO),
        })
    }
}

/// A backend of the drivers, that may do nothing.
fn configuration(place: &Path) -> Result<BackendConfiguration> {
    let mut policy =
        tempfile::NamedTempFile::new_in(place).context("a temporary file for a policy")?;
    policy.write_all(POLICY.as_bytes()).context("writing a policy")?;
    let (_, policy) = policy.keep().context("keeping a policy")?;
    Ok(BackendConfiguration {
        name: "doctor".to_owned(),
        policy,
        approved: false,
        state: place.to_owned(),
        options: BTreeMap::from([(
            "driver_handles_share_servers".to_owned(),
            OptionValue::Boolean(false),
        )]),
        networks: BTreeMap::new(),
    })
}

/// What is logged meanwhile: it is looked at, and does not reach the terminal.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn subscriber(&self) -> impl tracing::Subscriber + use<> {
        let log = self.clone();
        tracing_subscriber::fmt()
            .with_writer(move || log.clone())
            .with_max_level(LevelFilter::DEBUG)
            .with_ansi(false)
            .without_time()
            .with_level(false)
            .with_target(false)
            .finish()
    }

    fn says(&self, what: &[u8]) -> bool {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.windows(what.len()).any(|part| part == what)
    }

    /// The longest message of the driver in bytes, without what stands beside it.
    fn longest_line(&self) -> usize {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = bytes.split(|byte| *byte == b'\n');
        let place = |line: &[u8], part: &[u8]| line.windows(part.len()).position(|at| at == part);
        let message = |line: &[u8]| {
            let before = place(line, SPANS).map_or(0, |at| at + SPANS.len());
            place(line, BESIDE).unwrap_or(line.len()).saturating_sub(before)
        };
        lines.map(message).max().unwrap_or_default()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
