//! One question to a service's socket. Used by `abaca call --socket`.

use std::path::Path;

use abaca::ErrorDocument;
use anyhow::Context;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use crate::failure::{Failure, Result};

/// The one question of a connection.
const ID: u8 = 1;

/// The longest answer, in bytes: far more than a backend can answer.
const ANSWER_BYTES: u64 = 64 * 1024 * 1024;

#[derive(Serialize)]
struct Question<'a> {
    jsonrpc: &'a str,
    id: u8,
    method: &'a str,
    params: &'a RawValue,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    id: Option<u8>,
    #[serde(default, deserialize_with = "present")]
    result: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    data: ErrorDocument,
}

/// `null` is an answer, and not its absence.
fn present<'de, D: Deserializer<'de>>(
    from: D,
) -> std::result::Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(from).map(Some)
}

/// Asks, and waits for the answer. Dropping the future gives the call up.
///
/// # Errors
/// When nobody listens there, or what is answered.
pub async fn ask(socket: &Path, method: &str, params: &RawValue) -> Result<Box<RawValue>> {
    let place = socket.display();
    let stream = UnixStream::connect(socket).await.map_err(|error| {
        Failure::refused(
            format!("cannot connect to {place}: {error}"),
            "is `abaca serve` running there, and may you use its socket?",
        )
    })?;
    let mut line = serde_json::to_vec(&Question { jsonrpc: "2.0", id: ID, method, params })
        .context("the question as JSON")?;
    line.push(b'\n');
    let (read, mut write) = stream.into_split();
    // A service that turns clients away says why, and does not read.
    let asked = write.write_all(&line).await;
    let mut answer = Vec::new();
    let mut reader = BufReader::new(read).take(ANSWER_BYTES);
    let heard = reader.read_until(b'\n', &mut answer).await;
    if answer.last() != Some(&b'\n') {
        if answer.len() as u64 == ANSWER_BYTES {
            return Err(Failure::refused(
                format!("the answer has more than {ANSWER_BYTES} bytes"),
                "ask the service through a client that reads it piece by piece",
            ));
        }
        let why = asked.and(heard.map(|_| ())).err().map(|error| format!(": {error}"));
        return Err(Failure::refused(
            format!("the service at {place} went away{}", why.unwrap_or_default()),
            "it may have been stopped; if the call had begun, its record says how far it came",
        ));
    }
    match serde_json::from_slice(&answer) {
        Ok(Answer { error: Some(Refusal { data }), .. }) => Err(Failure::Remote(Box::new(data))),
        Ok(Answer { id: Some(ID), result: Some(result), .. }) => Ok(result),
        _ => Err(Failure::refused(
            format!("what listens at {place} does not answer as `abaca serve` does"),
            "is it the right socket, and of the same version?",
        )),
    }
}
