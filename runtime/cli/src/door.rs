//! `abaca serve`, `abaca call` and `abaca schema`: the library's door as a service, from the shell,
//! and as a description for programmers.
//!
//! ```text
//! serve:                 backends ─▶ prepared ─▶ the door ─▶ socket, until SIGTERM or SIGINT;
//!                        what takes long is prepared while the door is open, and versions that
//!                        change meanwhile are followed
//! call:                  backend  ─▶ prepared ─▶ the door, once
//! call --socket PATH:    a line to the socket, and the line that answers it
//! ```

mod client;
mod following;
pub mod metrics;

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use abaca::door::{Door, Failure as DoorFailure, LINE_BYTES, bind, schema, schema_of};
use anyhow::Context;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use crate::cli::{Call, Global, Schema, Serve};
use crate::failure::{Failure, Result};
use crate::interruption::SERVING;
use crate::output::{Output, complain, escaped, plain, write};
use crate::service::Service;

use self::following::{keep, watch};

/// How long the door waits for backends that are not prepared yet while there are others: whoever
/// starts a service wants to find it whole, and most are prepared in less. A driver may hang for as
/// long as a call may last, and the others' clients shall not wait for that.
const PREPARING: Duration = Duration::from_secs(10);

/// Serves the backends until it is told to stop. What runs then is finished first; what takes longer
/// than that is waited for is given up, and all of it when the service is told again.
///
/// # Errors
/// When it cannot listen there, or when no backend at all can be used.
pub async fn serve(asked: &Serve, service: Service, output: Output) -> Result<()> {
    let listener = bind(&asked.socket, asked.mode)?;
    let shown = match &asked.metrics {
        Some(place) => Some((metrics::listen(place, asked.mode).await?, service.runtime()?)),
        None => None,
    };
    more_descriptors();
    let stop = || anyhow::Ok((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?));
    let (mut terminate, mut interrupt) = stop().context("signals")?;
    let service = Arc::new(service);
    let (door, kept) = tokio::select! {
        door = open(&service, output) => door?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    let at = shown.as_ref().map(|(listening, _)| listening.to_string());
    let listening =
        json!({ "listening": asked.socket, "metrics": at, "backends": door.backends().await });
    output.answer(&listening, || {
        let names = door.names();
        let path = asked.socket.display().to_string();
        let metrics = at.as_ref().map(|at| format!("; metrics at {}", plain(at)));
        let metrics = metrics.unwrap_or_default();
        format!("listening at {}; backends: {}{metrics}\n", plain(&path), names.join(", "))
    })?;
    let figured = door.clone();
    // Until the end, while what runs is finished too.
    let showing = async {
        match shown {
            Some((listening, runtime)) => {
                metrics::show(listening, metrics::Figures { runtime, door: figured }).await;
            }
            None => std::future::pending().await,
        }
    };
    let told = Arc::new(Notify::new());
    let stop = Arc::clone(&told);
    let again = async {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        let grace = asked.grace;
        complain(&format!(
            "stopping when what runs is done, or after {grace} s; once more to give it up now\n"
        ));
        told.notify_one();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = tokio::time::sleep(Duration::from_secs(grace)) => {}
        }
    };
    let following = watch(kept);
    tokio::select! {
        () = door.serve(listener, async move { stop.notified().await }) => Ok(()),
        () = again => Err(Failure::Interrupted(SERVING)),
        () = showing => Err(anyhow::anyhow!("the metrics are no longer shown").into()),
        () = following => Ok(()),
    }
}

/// Clients, calls under way and backends each hold descriptors: as many are allowed as the system
/// lets. Where it lets no more, clients wait.
fn more_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

/// The backends, all prepared at the same time, and what goes on with each of them. One that cannot
/// be used is named and does not keep the others, nor does one that takes long; one that is not to be
/// called now is served, and refuses until that has changed.
async fn open(service: &Arc<Service>, output: Output) -> Result<(Door, JoinSet<()>)> {
    let door = Door::new();
    let mut kept = JoinSet::new();
    let mut waiting = BTreeSet::new();
    let (tell, mut told) = mpsc::unbounded_channel();
    for entry in service.entries() {
        let name = entry.name.clone();
        let preparing = format!("the backend `{name}` is being prepared");
        door.breaks(&name, &abaca::Error::Busy(preparing));
        waiting.insert(name.clone());
        kept.spawn(keep(Arc::clone(service), door.clone(), name, tell.clone(), output));
    }
    drop(tell);
    let (mut usable, mut last) = (false, None);
    let mut bound = std::pin::pin!(tokio::time::sleep(PREPARING));
    while !waiting.is_empty() {
        let (name, attempt) = tokio::select! {
            attempt = told.recv() => attempt.context("preparing a backend broke off")?,
            // Before anything is known of any of them there is nobody whom it could serve.
            () = &mut bound, if usable || last.is_some() => break,
        };
        waiting.remove(&name);
        match attempt {
            Ok(()) => usable = true,
            Err(Failure::Library(error)) => last = Some(error),
            Err(other) => return Err(other),
        }
    }
    for name in &waiting {
        complain(&format!("warning: {name} is still being prepared; the others are served\n"));
    }
    match last {
        Some(error) if !usable && waiting.is_empty() => Err(error.into()),
        _ => Ok((door, kept)),
    }
}

/// Calls a method once, and prints the answer on one line of JSON.
///
/// # Errors
/// When there is no such method, its parameters do not do, and what the call answers.
pub async fn call(asked: Call, global: &Global, output: Output) -> Result<()> {
    let Call { name, method, parameters, socket } = asked;
    let parameters = parameters_of(parameters, &name)?;
    let answer = match socket {
        Some(socket) => {
            let work = client::ask(&socket, &method, &parameters);
            output.wait(&format!("{method} of {name}"), work).await?
        }
        None => {
            let service = Service::open(global)?;
            let entry = service.entry(&name)?;
            // A door without backends looks at method and parameters, and at nothing else.
            match Door::new().call(&method, parameters.clone()).await {
                Err(DoorFailure::UnknownBackend { .. }) => {}
                Err(wrong) => return Err(wrong.into()),
                Ok(answer) => return print(&answer),
            }
            let backend = service.ready(entry, output).await?;
            let door = Door::new().with(backend);
            let work = Box::pin(door.call(&method, parameters));
            output.wait(&format!("{method} of {name}"), work).await?
        }
    };
    print(&answer)
}

/// Prints all methods as one OpenRPC document, or one method as a JSON Schema.
///
/// # Errors
/// When there is no such method.
pub fn describe(asked: &Schema) -> Result<()> {
    let document = match &asked.method {
        None => schema(),
        Some(method) => schema_of(method)?,
    };
    Output { json: true }.answer(&document, String::new)
}

fn print(answer: &RawValue) -> Result<()> {
    write(format!("{}\n", escaped(answer.get())).as_bytes())
}

/// The object of the parameters with the backend as its first one. Nothing else of it is touched:
/// the door judges it as it would judge a message.
fn parameters_of(text: String, backend: &str) -> Result<Box<RawValue>> {
    let text = if text == "-" { from_stdin()? } else { text };
    let wrong = |why: &str| {
        Failure::refused(
            format!("the parameters are no JSON object: {why}"),
            "`abaca schema METHOD` shows what they are; `backend` is what the command line names",
        )
    };
    let value: &RawValue = serde_json::from_str(&text).map_err(|why| wrong(&why.to_string()))?;
    let inner = value.get().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let inner = inner.ok_or_else(|| wrong("it does not begin with `{`"))?;
    let comma = if inner.trim().is_empty() { "" } else { "," };
    let name = serde_json::to_string(backend).context("a name as JSON")?;
    let whole = format!("{{\"backend\":{name}{comma}{inner}}}");
    Ok(RawValue::from_string(whole).context("the parameters as JSON")?)
}

fn from_stdin() -> Result<String> {
    let most = LINE_BYTES as u64;
    let mut text = String::new();
    let read = std::io::stdin().lock().take(most + 1).read_to_string(&mut text);
    read.context("standard input")?;
    if text.len() > LINE_BYTES {
        let message = format!("standard input has more than {LINE_BYTES} bytes");
        return Err(Failure::refused(message, "ask for less at once"));
    }
    Ok(text)
}
