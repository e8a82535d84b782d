//! `abaca:host/log`: what a driver says to the operator, through `tracing` with the target
//! `abaca::driver`. Bounded by lines and bytes; every control character is escaped. The one
//! import that works while a driver describes itself.

use serde_json::Map;

use crate::audit::Event;
use crate::call::Room;
use crate::contract::bindings::abaca::host::log::{Host, Level, WriteRequest};
use crate::contract::bindings::abaca::host::types::Error;
use crate::gate::{Crossing, Done, Gate, Powers, Refusal, Told};
use crate::text::printable;

/// What has been written in this call, and what has not.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    lines: u32,
    /// How many lines were dropped, for the end of the call.
    pub dropped: u32,
}

impl Host for Room {
    async fn write(&mut self, request: WriteRequest) -> wasmtime::Result<Result<(), Error>> {
        self.gate.cross(request).await
    }
}

impl Crossing for WriteRequest {
    const IMPORT: &'static str = "log.write";
    const PRIVILEGED: bool = false;
    // What it says is in the log, with the same call.
    const TOLD: Told = Told::Counted;
    type Answer = ();

    fn facts(&self) -> Vec<(&'static str, serde_json::Value)> {
        Vec::new()
    }

    fn permitted(&self, _: &Powers) -> Result<Option<String>, abaca_policy::Denial> {
        Ok(None)
    }

    async fn perform(self, gate: &mut Gate, _: &Powers) -> Result<Done<()>, Refusal> {
        admit(gate)??;
        write(gate, &self);
        Ok(Done::plain(()))
    }

    fn alone(&self, gate: &mut Gate) -> Option<Result<(), Error>> {
        let admitted = admit(gate).ok()?;
        if admitted.is_ok() {
            write(gate, self);
        }
        Some(admitted)
    }
}

/// Counts a line. Over the limit the first one is told to the audit, and all are dropped.
fn admit(gate: &mut Gate) -> crate::error::Result<Result<(), Error>> {
    let allowed = gate.limits.log_lines;
    if gate.log.lines < allowed {
        gate.log.lines += 1;
        return Ok(Ok(()));
    }
    gate.log.dropped = gate.log.dropped.saturating_add(1);
    let limit = format!("{allowed} log lines in one call");
    if gate.log.dropped == 1 {
        let mut line = Map::new();
        line.insert("import".into(), WriteRequest::IMPORT.into());
        line.insert("limit".into(), limit.clone().into());
        gate.audit(Event::Limit, line)?;
    }
    Ok(Err(Error::Limit(limit)))
}

fn write(gate: &Gate, request: &WriteRequest) {
    let limit = gate.limits.log_line_bytes;
    let message = printable(&gate.hidden(&request.message), limit);
    let fields: String = request
        .fields
        .iter()
        .take(limit)
        .map(|(name, value)| {
            let (name, value) = (gate.hidden(name), gate.hidden(value));
            format!(" {}={:?}", printable(&name, limit), printable(&value, limit))
        })
        .collect();
    // Message and fields are one line together.
    let fields = printable(&fields, limit.saturating_sub(message.len()));
    let (backend, call) = (gate.backend(), gate.call.as_str());
    match request.level {
        Level::Error => {
            tracing::error!(target: "abaca::driver", backend, call, "{message}{fields}");
        }
        Level::Warning => {
            tracing::warn!(target: "abaca::driver", backend, call, "{message}{fields}");
        }
        Level::Info => tracing::info!(target: "abaca::driver", backend, call, "{message}{fields}"),
        Level::Debug => {
            tracing::debug!(target: "abaca::driver", backend, call, "{message}{fields}");
        }
    }
}
