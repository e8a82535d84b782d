//! `abaca owned`: what backends have made, as their operator sees and corrects it. The gate asks the
//! same record where a policy says `owner = "self"`.

use abaca::configuration::BackendEntry;
use abaca::policy::Container;
use abaca::{OwnedRecord, OwnedState};
use serde_json::{Value, json};

use crate::cli::{OwnedCommand, OwnedThing};
use crate::failure::{Failure, Result};
use crate::output::{Output, plain, table, time, word};
use crate::service::Service;

/// Does what was asked.
///
/// # Errors
/// What is refused, and what the library answers.
pub async fn run(command: OwnedCommand, service: &Service, output: Output) -> Result<()> {
    match command {
        OwnedCommand::List { name: None } => list(service.entries(), service, output).await,
        OwnedCommand::List { name: Some(name) } => {
            list([service.entry(&name)?].into_iter(), service, output).await
        }
        OwnedCommand::Add(thing) => change(&thing, true, service, output).await,
        OwnedCommand::Remove(thing) => change(&thing, false, service, output).await,
    }
}

/// The records alone answer: a backend whose driver or policy is broken is listed too.
async fn list<'a>(
    entries: impl Iterator<Item = &'a BackendEntry>,
    service: &Service,
    output: Output,
) -> Result<()> {
    let mut all = Vec::new();
    for entry in entries {
        let owned = service.records(entry).await?.owned().await?;
        all.extend(owned.into_iter().map(|one| (&entry.name, one)));
    }
    let document: Vec<_> = all.iter().map(|(backend, one)| document(backend, one)).collect();
    output.answer(&json!({ "owned": document }), || {
        let rows = all.iter().map(|(backend, one)| {
            [
                (*backend).clone(),
                one.container.clone(),
                one.name.clone(),
                state(one).to_owned(),
                time(one.since),
            ]
        });
        table(["backend", "container", "name", "state", "since"], rows)
    })
}

fn document(backend: &str, one: &OwnedRecord) -> Value {
    json!({
        "backend": backend, "container": one.container, "name": one.name,
        "state": word(&one.state), "call": one.call, "since": one.since,
    })
}

/// The state as people read it.
fn state(one: &OwnedRecord) -> &'static str {
    match (one.state, &one.call) {
        (OwnedState::Made, None) => "added",
        (OwnedState::Made, Some(_)) => "made",
        (OwnedState::Open, _) => "open",
        (OwnedState::Maybe, _) => "maybe: add or remove it",
    }
}

async fn change(
    thing: &OwnedThing,
    is_added: bool,
    service: &Service,
    output: Output,
) -> Result<()> {
    let OwnedThing { name, container, thing } = thing;
    let entry = service.entry(name)?;
    let at: Container = container.parse().map_err(|why: String| {
        Failure::refused(why, format!("`abaca owned list {name}` shows those there are"))
    })?;
    let opening = Box::pin(service.backend(entry));
    let backend = output.wait(&format!("opening {name}"), opening).await?;
    match is_added {
        true => backend.add_owned(&at, thing).await?,
        false => backend.remove_owned(&at, thing).await?,
    }
    let done = if is_added { "added" } else { "removed" };
    output.answer(
        &json!({ done: { "backend": name, "container": container, "name": thing } }),
        || format!("{done} {} {}\n", plain(container), plain(thing)),
    )
}
