//! `abaca test`: the conformance suite for a driver, on a stage, against transcripts, or on real
//! storage; and stories with faults. What a check is, `abaca::testing` knows.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use abaca::configuration::Configuration;
use abaca::options::OptionValue;
use abaca::policy::Policy;
use abaca::testing::{
    BadStory, Client, Finding, Report, Script, StageBuilder, Stories, StoriesTold, Suite,
    Transcript, Verdict,
};
use abaca::types::ShareProtocol;
use abaca::{Driver, Runtime, read_policy};
use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::{Against, Global, Test};
use crate::failure::{Failure, Result};
use crate::output::{Output, complain, plain};
use crate::service::Service;

/// The exit code where a check fails: the driver's.
const FAILS: u8 = 3;

/// How many stories, unless it is said.
const STORIES: u64 = 100;

/// Does what was asked.
///
/// # Errors
/// When a file is wrong, the component is no driver, or the storage cannot be used.
pub async fn run(asked: Test, global: &Global, output: Output) -> Result<ExitCode> {
    if asked.list {
        return list(&asked.only, output).map(|()| ExitCode::SUCCESS);
    }
    check(&asked)?;
    if let Some(file) = &asked.junit {
        // Before minutes are spent on what cannot be kept.
        writable(file)?;
    }
    let file = asked.driver.as_deref().context("clap asks for it")?;
    let runtime = Runtime::builder().build()?;
    let what = format!("compiling {}", file.display());
    let driver = output.wait(&what, Box::pin(runtime.load(file))).await?;
    let setting = Setting::of(&asked, global)?;
    if asked.faults {
        return faults(&asked, &driver, &setting, output).await;
    }
    let suite = match asked.against {
        Against::Simulated => Suite::simulated(&driver, |stage| setting.on(stage))?,
        Against::Recorded => {
            let transcripts = asked.transcripts.iter().map(Transcript::load);
            Suite::recorded(&driver, transcripts.collect::<abaca::Result<_>>()?)?
        }
        Against::Real => real(&driver, global).await?,
    };
    let suite = suite.known(setting.known()).clients(setting.clients());
    let suite = suite.protocol(setting.protocol()).only(asked.only.iter().cloned());
    let told = Told::new(output, global.verbose > 0, suite.count());
    let report = Box::pin(suite.run(|finding| told.tell(finding))).await?;
    told.finish();
    output.answer(&report, || summary(&report))?;
    // Last, for whatever becomes of the file, what was found is told.
    if let Some(file) = &asked.junit {
        report.write_junit(file)?;
    }
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::from(FAILS) })
}

/// Whether a file can be written: it is made, if it is not there, and kept as it is.
#[expect(clippy::disallowed_methods, reason = "the user named this file")]
fn writable(file: &Path) -> Result<()> {
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
    let failed = |source| abaca::Error::Write { path: file.to_owned(), source };
    opened.map(drop).map_err(|source| failed(source).into())
}

/// Refuses what would be left out of account.
fn check(asked: &Test) -> Result<()> {
    let (what, next) = match asked.against {
        // A flag is always there, so that clap does not see what needs it.
        _ if !asked.faults && (asked.seed.is_some() || asked.stories.is_some()) => {
            ("--seed and --stories are for --faults", "say so, or leave them out")
        }
        Against::Real | Against::Recorded if asked.policy.is_some() => {
            ("--policy is for a stage", "real storage has its own, and transcripts need none")
        }
        Against::Simulated | Against::Real if !asked.transcripts.is_empty() => {
            ("--transcript is for --against recorded", "say so, or leave it out")
        }
        _ => return Ok(()),
    };
    Err(Failure::refused(what, next))
}

/// What the operator and the author say of a stage.
struct Setting {
    policy: Option<Policy>,
    script: Option<Script>,
    options: BTreeMap<String, OptionValue>,
}

impl Setting {
    fn of(asked: &Test, global: &Global) -> Result<Self> {
        let mut setting = Self { policy: None, script: None, options: BTreeMap::new() };
        // Only one that was named here: what lies about, or stands in the environment for all commands,
        // is about real storage.
        let ambient = std::env::var_os("ABACA_CONFIG");
        let named = global.config.as_deref().filter(|file| {
            asked.against == Against::Simulated && ambient.as_deref() != Some(file.as_os_str())
        });
        if let Some(file) = named {
            let configuration = Configuration::load(file)?;
            let mut entries = configuration
                .backends()
                .iter()
                .filter(|entry| global.backend.as_ref().is_none_or(|chosen| *chosen == entry.name));
            let (Some(entry), None) = (entries.next(), entries.next()) else {
                return Err(Failure::refused(
                    format!("{} does not say which backend is meant", file.display()),
                    "choose one with --backend",
                ));
            };
            setting.options = entry.options.clone();
            setting.policy = Some(read_policy(&entry.policy)?);
        }
        if let Some(file) = &asked.policy {
            setting.policy = Some(read_policy(file)?);
        }
        setting.script = asked.stage.as_ref().map(Script::load).transpose()?;
        Ok(setting)
    }

    fn on<'d>(&self, stage: StageBuilder<'d>) -> StageBuilder<'d> {
        let options = self.options.iter();
        let stage = options.fold(stage, |stage, (name, value)| stage.option(name, value.clone()));
        let stage = match &self.policy {
            Some(policy) => stage.policy(policy.clone()),
            None => stage,
        };
        match &self.script {
            Some(script) => stage.script(script.clone()),
            None => stage,
        }
    }

    fn clients(&self) -> Vec<Client> {
        self.script.as_ref().map(|script| script.clients.clone()).unwrap_or_default()
    }

    fn protocol(&self) -> Option<ShareProtocol> {
        self.script.as_ref().and_then(|script| script.protocol)
    }

    fn known(&self) -> BTreeMap<String, String> {
        self.script.as_ref().map(|script| script.known.clone()).unwrap_or_default()
    }
}

/// The suite on the storage of the configured backend, which must have this driver.
async fn real(driver: &Driver, global: &Global) -> Result<Suite> {
    let service = Service::open(global)?;
    let entry = service.only()?;
    let backend = service.backend(entry).await?;
    if backend.driver().digest() != driver.digest() {
        return Err(Failure::refused(
            format!("the backend `{}` has another component of this driver", entry.name),
            "name the component that its configuration names",
        ));
    }
    Ok(Suite::real(backend))
}

/// Runs stories with faults instead of the checks.
async fn faults(
    asked: &Test,
    driver: &Driver,
    setting: &Setting,
    output: Output,
) -> Result<ExitCode> {
    if asked.against != Against::Simulated {
        return Err(Failure::refused(
            "stories are told on a stage: nobody can copy real storage",
            "leave --against out",
        ));
    }
    let seed = asked.seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::from(now.subsec_nanos()) ^ now.as_secs()
    });
    let stories = Stories::simulated(driver, seed, |stage| setting.on(stage))?;
    let stories = stories.clients(setting.clients()).protocol(setting.protocol());
    let count = asked.stories.unwrap_or(STORIES);
    let told = Told::new(output, false, usize::try_from(count).unwrap_or(usize::MAX));
    let came = Box::pin(stories.run(count, |story| told.step(story))).await?;
    told.finish();
    output.answer(&came, || story_text(&came, asked))?;
    Ok(if came.failure.is_none() { ExitCode::SUCCESS } else { ExitCode::from(FAILS) })
}

fn story_text(came: &StoriesTold, asked: &Test) -> String {
    let StoriesTold { driver, seed, stories, calls, faults, failure, took_ms } = came;
    let mut text = String::new();
    if let Some(BadStory { story, reason, steps, length }) = failure {
        let _ = writeln!(text, "FAIL  story {story}: {}", plain(reason));
        let shortest = steps.len();
        let _ =
            writeln!(text, "      the shortest that still fails, {shortest} of {length} steps:");
        for step in steps {
            let _ = writeln!(text, "      - {}", plain(&step.to_string()));
        }
        let words = [&asked.driver, &asked.policy, &asked.stage];
        let flags = ["", "--policy ", "--stage "];
        let words = flags.into_iter().zip(words).filter_map(|(flag, file)| {
            Some(format!(" {flag}{}", plain(&file.as_ref()?.display().to_string())))
        });
        let words: String = words.collect();
        let _ = writeln!(
            text,
            "      once more: abaca test{words} --faults --seed {seed} --stories {story}"
        );
    }
    let _ = writeln!(
        text,
        "{}: {stories} stories, {calls} calls, {faults} faults, seed {seed}, in {:.1} s",
        plain(driver),
        Duration::from_millis(*took_ms).as_secs_f64()
    );
    text
}

/// Tells of each check as it ends.
struct Told {
    bar: ProgressBar,
    is_verbose: bool,
}

impl Told {
    fn new(output: Output, is_verbose: bool, count: usize) -> Self {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let bar = if output.json { ProgressBar::hidden() } else { ProgressBar::new(count) };
        if let Ok(style) = ProgressStyle::with_template("{pos}/{len} {wide_bar} {msg}") {
            bar.set_style(style);
        }
        Self { bar, is_verbose: is_verbose && !output.json }
    }

    fn tell(&self, finding: &Finding) {
        self.bar.set_message(finding.id.clone());
        self.bar.inc(1);
        if self.is_verbose {
            self.bar.suspend(|| complain(&line(finding)));
        }
    }

    fn step(&self, number: u64) {
        self.bar.set_position(number.saturating_sub(1));
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A check in a line.
fn line(finding: &Finding) -> String {
    let Finding { id, verdict, took, .. } = finding;
    let ms = took.as_millis();
    match verdict {
        Verdict::Passed => format!("ok    {id} ({ms} ms)\n"),
        Verdict::Failed { .. } => format!("FAIL  {id} ({ms} ms)\n"),
        Verdict::Known { .. } => format!("known {id} ({ms} ms)\n"),
        Verdict::Skipped { reason } => format!("skip  {id}: {}\n", plain(reason)),
    }
}

/// What there is to say in the end: what failed, with all that its author needs, and how many.
fn summary(report: &Report) -> String {
    let mut text = String::new();
    let known = report.findings.iter().filter(|one| matches!(one.verdict, Verdict::Known { .. }));
    let told = known.map(|one| (one, Vec::new())).chain(report.folded());
    for (Finding { id, meaning, why, verdict, .. }, others) in told {
        let (head, found, reason) = match verdict {
            Verdict::Failed { reason } => ("FAIL ", reason, None),
            Verdict::Known { reason, found } => ("known", found, Some(reason)),
            Verdict::Passed | Verdict::Skipped { .. } => continue,
        };
        let _ = writeln!(text, "{head} {id}");
        let _ = writeln!(text, "      means: {}", plain(meaning));
        let _ = writeln!(text, "      found: {}", plain(found));
        let _ = writeln!(text, "      why:   {}", plain(why));
        if let Some(reason) = reason {
            let _ = writeln!(text, "      known: {}", plain(reason));
        }
        if !others.is_empty() {
            let count = others.len();
            let _ = writeln!(
                text,
                "      and {count} more with the same difference: {}",
                plain(&others.join(", "))
            );
        }
        text.push('\n');
    }
    for note in &report.notes {
        let _ = writeln!(text, "note: {}", plain(note));
    }
    let [passed, failed, known, skipped] = report.counts();
    let _ = writeln!(
        text,
        "{} {} against {}: {passed} passed, {failed} failed, {known} known to fail, {skipped} skipped, \
         in {:.1} s",
        plain(&report.driver),
        plain(&report.version),
        report.against,
        report.took.as_secs_f64()
    );
    text
}

fn list(only: &[String], output: Output) -> Result<()> {
    let is_meant = |id: &str| {
        let fits = |wanted: &String| match wanted.strip_suffix('*') {
            Some(begin) => id.starts_with(begin),
            None => id == wanted,
        };
        only.is_empty() || only.iter().any(fits)
    };
    let mut checks = Suite::checks();
    checks.retain(|check| is_meant(&check.id));
    output.answer(&checks, || {
        checks.iter().fold(String::new(), |mut text, check| {
            let _ = writeln!(
                text,
                "{}\n      means: {}\n      why:   {}",
                check.id, check.meaning, check.why
            );
            text
        })
    })
}
