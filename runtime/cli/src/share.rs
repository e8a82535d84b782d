//! `abaca share`: makes, shows, resizes and removes shares. What a share service checks before
//! it calls a driver is checked here; everything after that is the library's. Making one is in
//! `create`.

mod create;

use abaca::configuration::BackendEntry;
use abaca::types::{Error as DriverError, Share, ShareStatus};
use abaca::{Error, Records, ShareRecord};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::{Resize, ShareCommand};
use crate::failure::{Failure, Result};
use crate::found::Found;
use crate::naming::Placed;
use crate::output::{Output, facts, notes, plain, table, time, word};
use crate::service::Service;

/// Where the back end has the share and serves it: a resize that failed has changed nothing of
/// that, and is no reason to refuse the next one or anything else.
const SERVED: [ShareStatus; 3] =
    [ShareStatus::Available, ShareStatus::ExtendingError, ShareStatus::ShrinkingError];

/// What the command shows of a share, in this order.
#[derive(Debug, Serialize)]
struct View {
    id: String,
    name: Option<String>,
    backend: String,
    host: String,
    status: String,
    size_gib: u64,
    protocol: String,
    export_locations: Vec<String>,
    access_rules_status: String,
    from_snapshot: Option<String>,
    metadata: serde_json::Map<String, Value>,
    created_at: Option<String>,
    launched_at: Option<String>,
    message: Option<String>,
}

/// The answer to `list`.
#[derive(Serialize)]
struct List<'a> {
    shares: &'a [View],
    unreadable: Vec<Value>,
}

/// The answer to `show`: another share of the same name may be where nothing could be read.
#[derive(Serialize)]
struct One {
    #[serde(flatten)]
    share: View,
    unreadable: Vec<Value>,
}

/// Does what was asked.
///
/// # Errors
/// What the service or the driver answers.
pub async fn run(command: ShareCommand, service: &Service, output: Output) -> Result<()> {
    match command {
        ShareCommand::Create(asked) => create::create(asked, service, output).await,
        ShareCommand::List => list(service, output).await,
        ShareCommand::Show { share } => show_one(&share, service, output).await,
        ShareCommand::Delete { share } => delete(&share, service, output).await,
        ShareCommand::Extend(asked) => resize(&asked, Direction::Larger, service, output).await,
        ShareCommand::Shrink(asked) => resize(&asked, Direction::Smaller, service, output).await,
    }
}

async fn list(service: &Service, output: Output) -> Result<()> {
    let Found { all, unreadable } = service.shares().await;
    let views: Vec<_> = all.iter().map(View::new).collect();
    let document = List { shares: &views, unreadable: unreadable.documents() };
    output.answer(&document, || {
        if views.is_empty() {
            return format!("no shares{}\n", unreadable.reservation());
        }
        let rows = views.iter().map(|view| {
            let name = view.name.clone().unwrap_or_default();
            let size = format!("{} GiB", view.size_gib);
            let location = view.export_locations.first().cloned().unwrap_or_default();
            [name, view.id.clone(), view.backend.clone(), view.status.clone(), size, location]
        });
        let headers = ["name", "id", "backend", "status", "size", "export location"];
        table(headers, rows) + &notes(views.iter().map(|view| (&view.id, &view.message)))
    })?;
    unreadable.into_outcome(output)
}

async fn show_one(wanted: &str, service: &Service, output: Output) -> Result<()> {
    let (share, unreadable) = service.shares().await.one(wanted)?;
    unreadable.warn(output);
    let one = One { share: View::new(&share), unreadable: unreadable.documents() };
    output.answer(&one, || one.share.text())
}

fn show(share: &Placed<'_, ShareRecord>, output: Output) -> Result<()> {
    let view = View::new(share);
    output.answer(&view, || view.text())
}

/// Shows what is recorded after a call.
async fn show_again(
    id: &str,
    entry: &BackendEntry,
    records: &Records,
    output: Output,
) -> Result<()> {
    match records.share(id).await? {
        Some(record) => show(&Placed { entry, record }, output),
        None => Err(anyhow::anyhow!("the share {id} was made, and its record is gone").into()),
    }
}

async fn delete(wanted: &str, service: &Service, output: Output) -> Result<()> {
    let Placed { entry, record } = service.share(wanted, output).await?;
    let share = record.share;
    check_idle(&share)?;
    let records = service.records(entry).await?;
    let snapshots = records.snapshots().await?;
    let mut of_it = snapshots.iter().map(|one| &one.snapshot);
    if let Some(snapshot) = of_it.find(|snapshot| snapshot.share_instance_id == share.id) {
        let others = of_it.filter(|snapshot| snapshot.share_instance_id == share.id).count();
        let others = if others > 0 { format!(" and {others} more") } else { String::new() };
        let name = snapshot.display_name.as_deref().unwrap_or_default();
        return Err(Failure::refused(
            format!("the share has snapshots: `{name}` ({}){others}", snapshot.id),
            format!("remove them first: `abaca snapshot delete {}`", snapshot.id),
        ));
    }
    let rules = records.access_rules(&share.id).await?;
    let backend = service.ready(entry, output).await?;
    let what = format!("removing the share {}", share.id);
    let work = async {
        // As upstream's manager: first nobody is let in any more, then the data go.
        if !rules.is_empty() {
            match backend.update_access(&share, &[], &[], &rules, None).await {
                Ok(()) | Err(Error::Driver(DriverError::ShareResourceNotFound(_))) => {}
                Err(error) => return Err(error),
            }
        }
        backend.delete_share(&share, None).await
    };
    output.wait(&what, Box::pin(work)).await?;
    let name = share.display_name.unwrap_or_default();
    output.answer(&json!({ "deleted": { "id": share.id, "name": name } }), || {
        format!("deleted the share {} ({})\n", plain(&name), share.id)
    })
}

#[derive(Clone, Copy)]
enum Direction {
    Larger,
    Smaller,
}

async fn resize(
    asked: &Resize,
    direction: Direction,
    service: &Service,
    output: Output,
) -> Result<()> {
    let Placed { entry, record } = service.share(&asked.share, output).await?;
    let share = record.share;
    check_served(&share)?;
    let backend = service.ready(entry, output).await?;
    let what = format!("giving the share {} GiB", asked.size);
    let work = async {
        match direction {
            Direction::Larger => backend.extend_share(&share, asked.size, None).await,
            Direction::Smaller => backend.shrink_share(&share, asked.size, None).await,
        }
    };
    output.wait(&what, Box::pin(work)).await?;
    show_again(&share.id, entry, backend.records(), output).await
}

/// Refuses a share that the back end does not serve.
///
/// # Errors
/// When its status is none of [`SERVED`].
pub fn check_served(share: &Share) -> Result<()> {
    check_idle(share)?;
    if SERVED.contains(&share.status) {
        return Ok(());
    }
    let served = SERVED.each_ref().map(word);
    Err(Failure::refused(
        format!(
            "the share's status is {}, and this needs {}",
            word(&share.status),
            served.join(" or ")
        ),
        format!("`abaca share show {}` says why it is", share.id),
    ))
}

/// Refuses a share that a call works on. One that died left another status.
///
/// # Errors
/// When its status is one of those that hold during a call.
pub fn check_idle(share: &Share) -> Result<()> {
    use ShareStatus as S;
    if !matches!(share.status, S::Creating | S::Deleting | S::Extending | S::Shrinking) {
        return Ok(());
    }
    Err(Failure::refused(
        format!("the share's status is {}: another call works on it", word(&share.status)),
        "wait until that has ended; `abaca share list` shows when",
    ))
}

impl View {
    fn new(placed: &Placed<'_, ShareRecord>) -> Self {
        let ShareRecord { share, message } = &placed.record;
        Self {
            id: share.id.clone(),
            name: share.display_name.clone(),
            backend: placed.entry.name.clone(),
            host: share.host.clone(),
            status: word(&share.status),
            size_gib: share.size,
            protocol: word(&share.protocol),
            export_locations: share.export_locations.iter().map(|one| one.path.clone()).collect(),
            access_rules_status: word(&share.access_rules_status),
            from_snapshot: share.snapshot_id.clone(),
            metadata: share
                .metadata
                .iter()
                .cloned()
                .map(|(key, value)| (key, value.into()))
                .collect(),
            created_at: share.created_at.map(time),
            launched_at: share.launched_at.map(time),
            message: message.clone(),
        }
    }

    fn text(&self) -> String {
        let or_nothing = |value: &Option<String>| value.clone().unwrap_or_default();
        let metadata: Vec<_> = self
            .metadata
            .iter()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
            .collect();
        facts([
            ("name", or_nothing(&self.name)),
            ("id", self.id.clone()),
            ("host", self.host.clone()),
            ("status", self.status.clone()),
            ("message", or_nothing(&self.message)),
            ("size", format!("{} GiB", self.size_gib)),
            ("protocol", self.protocol.clone()),
            ("export locations", self.export_locations.join("  ")),
            ("access rules", self.access_rules_status.clone()),
            ("from snapshot", or_nothing(&self.from_snapshot)),
            ("metadata", metadata.join("  ")),
            ("created", or_nothing(&self.created_at)),
            ("available since", or_nothing(&self.launched_at)),
        ])
    }
}
