//! `abaca backend`: whether the backends work. Which there are is in `list`, whether they are called
//! at all in `conduct`, whether what they have made is as it is recorded in `reconcile`.

mod conduct;
mod list;
mod reconcile;

use std::time::Instant;

use abaca::configuration::BackendEntry;
use abaca::types::Capacity;
use abaca::{Backend, BackendStats};
use serde_json::{Value, json};

use self::conduct::Change;
use crate::cli::BackendCommand;
use crate::failure::{Failure, Result, last};
use crate::output::{Output, facts, table, word};
use crate::service::Service;

/// What was found out about one backend: the steps until one failed.
struct Checked {
    name: String,
    steps: Vec<Step>,
    stats: Option<BackendStats>,
    failure: Option<Failure>,
}

struct Step {
    name: &'static str,
    milliseconds: u128,
    done: bool,
}

/// Does what was asked.
///
/// # Errors
/// What kept a backend from working.
pub async fn run(
    command: BackendCommand,
    verbose: bool,
    service: &Service,
    output: Output,
) -> Result<()> {
    match command {
        BackendCommand::List { locks } => list::list(locks || verbose, service, output).await,
        BackendCommand::Reconcile { name, ensure } => {
            let entries = match name {
                Some(name) => vec![service.entry(&name)?],
                None => service.entries().collect(),
            };
            reconcile::reconcile(entries, ensure, service, output).await
        }
        BackendCommand::Release { name } => {
            conduct::change(Change::Release, &name, service, output).await
        }
        BackendCommand::Disable { name, reason } => {
            conduct::change(Change::Disable(reason), &name, service, output).await
        }
        BackendCommand::Enable { name } => {
            conduct::change(Change::Enable, &name, service, output).await
        }
        BackendCommand::Options { name } => {
            crate::options::show(name.as_deref(), service, output).await
        }
        BackendCommand::Check { name: Some(name) } => {
            report(vec![check(service.entry(&name)?, service, output).await], output)
        }
        BackendCommand::Check { name: None } => {
            let mut all = Vec::new();
            for entry in service.entries() {
                all.push(check(entry, service, output).await);
            }
            report(all, output)
        }
    }
}

/// Takes the steps in turn, and stops at the first that fails.
async fn check(entry: &BackendEntry, service: &Service, output: Output) -> Checked {
    let mut checked =
        Checked { name: entry.name.clone(), steps: Vec::new(), stats: None, failure: None };
    let opening = Box::pin(service.backend(entry));
    let Some(backend) = checked.step("open", output, opening).await else { return checked };
    let done = async |checked: &mut Checked, backend: &Backend| {
        let setup = Box::pin(async { Ok(backend.do_setup().await?) });
        checked.step("do-setup", output, setup).await?;
        let asking = Box::pin(async { Ok(backend.check_for_setup_error().await?) });
        checked.step("check-for-setup-error", output, asking).await?;
        let measuring = Box::pin(async { Ok(backend.get_share_stats(true).await?) });
        checked.step("get-share-stats", output, measuring).await
    };
    checked.stats = done(&mut checked, &backend).await;
    checked
}

impl Checked {
    /// What the step answers, or none: then the failure is kept.
    async fn step<T>(
        &mut self,
        name: &'static str,
        output: Output,
        work: impl Future<Output = Result<T>>,
    ) -> Option<T> {
        let began = Instant::now();
        let answer = output.wait(&format!("{}: {name}", self.name), work).await;
        let milliseconds = began.elapsed().as_millis();
        self.steps.push(Step { name, milliseconds, done: answer.is_ok() });
        answer.map_err(|failure| self.failure = Some(failure)).ok()
    }

    fn document(&self) -> Value {
        let steps = self.steps.iter().map(
            |step| json!({ "step": step.name, "ok": step.done, "milliseconds": step.milliseconds }),
        );
        json!({
            "name": self.name,
            "ok": self.failure.is_none(),
            "steps": steps.collect::<Vec<_>>(),
            "error": self.failure.as_ref().map(Failure::document),
            "stats": self.stats.as_ref().map(stats_document),
        })
    }

    fn text(&self) -> String {
        let rows = self.steps.iter().map(|step| {
            let outcome = if step.done { "ok" } else { "failed" };
            [step.name.to_owned(), outcome.to_owned(), format!("{} ms", step.milliseconds)]
        });
        let mut text =
            format!("backend {}\n{}", self.name, table(["step", "outcome", "took"], rows));
        if let Some(stats) = &self.stats {
            text.push_str(&format!("\n{}", stats_text(stats)));
        }
        text
    }
}

/// Shows all, and answers the last failure; the others are told before it. In JSON each stands
/// with its backend.
fn report(all: Vec<Checked>, output: Output) -> Result<()> {
    let document: Vec<_> = all.iter().map(Checked::document).collect();
    output.answer(&json!({ "backends": document }), || {
        all.iter().map(Checked::text).collect::<Vec<_>>().join("\n")
    })?;
    last(all.into_iter().filter_map(|checked| checked.failure).collect(), output)
}

fn stats_document(stats: &BackendStats) -> Value {
    let pools = stats.pools.iter().map(|pool| {
        json!({
            "name": pool.name,
            "total_capacity_gib": capacity(pool.total_capacity),
            "free_capacity_gib": capacity(pool.free_capacity),
            "reserved_percentage": pool.reserved_percentage,
            "max_over_subscription_ratio": pool.max_over_subscription_ratio,
        })
    });
    json!({
        "share_backend_name": stats.share_backend_name,
        "driver_handles_share_servers": stats.driver_handles_share_servers,
        "vendor_name": stats.vendor_name,
        "driver_version": stats.driver_version,
        "storage_protocol": stats.storage_protocol.iter().map(word).collect::<Vec<_>>(),
        "total_capacity_gib": capacity(stats.total_capacity),
        "free_capacity_gib": capacity(stats.free_capacity),
        "reserved_percentage": stats.reserved_percentage,
        "max_over_subscription_ratio": stats.max_over_subscription_ratio,
        "qos": stats.qos,
        "snapshot_support": stats.snapshot_support,
        "replication_domain": stats.replication_domain,
        "replication_type": stats.replication_type,
        "consistency_group_support": stats.consistency_group_support,
        "pools": pools.collect::<Vec<_>>(),
        "extra": stats.extra,
    })
}

/// A number of GiB, `infinite` or `unknown`, as upstream.
fn capacity(capacity: Capacity) -> Value {
    match capacity {
        Capacity::Gib(gib) => json!(gib),
        Capacity::Infinite => json!("infinite"),
        Capacity::Unknown => json!("unknown"),
    }
}

fn stats_text(stats: &BackendStats) -> String {
    let gib = |capacity: Capacity| match capacity {
        Capacity::Gib(gib) => format!("{gib:.1} GiB"),
        Capacity::Infinite => "infinite".to_owned(),
        Capacity::Unknown => "unknown".to_owned(),
    };
    let yes = |yes| if yes { "yes" } else { "no" }.to_owned();
    let mut text = facts([
        ("backend name", stats.share_backend_name.clone()),
        ("driver", format!("{} {}", stats.vendor_name, stats.driver_version)),
        ("protocols", stats.storage_protocol.iter().map(word).collect::<Vec<_>>().join(", ")),
        ("handles share servers", yes(stats.driver_handles_share_servers)),
        ("total", gib(stats.total_capacity)),
        ("free", gib(stats.free_capacity)),
        ("reserved", format!("{} %", stats.reserved_percentage)),
        ("may be promised", format!("{} times", stats.max_over_subscription_ratio)),
        ("snapshots and clones", yes(stats.snapshot_support)),
    ]);
    if !stats.pools.is_empty() {
        let rows = stats
            .pools
            .iter()
            .map(|pool| [pool.name.clone(), gib(pool.total_capacity), gib(pool.free_capacity)]);
        text.push_str(&table(["pool", "total", "free"], rows));
    }
    text
}
