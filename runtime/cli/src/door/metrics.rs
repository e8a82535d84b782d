//! `abaca serve --metrics`: the figures of the service over HTTP, for Prometheus. It answers `GET
//! /metrics` and nothing else, and nothing that a client sends is kept.
//!
//! A request's head is read by `httparse`, for a parser of our own would be one more to get wrong;
//! what follows it is never read, for no request has a body here, and the connection ends with its
//! one answer. A whole HTTP server would bring much that is not needed. Here are the bounds: how many
//! clients at once, how much each may say, and how long it may take.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use abaca::Runtime;
use abaca::door::{Door, Listener, bind};
use httparse::{EMPTY_HEADER, Error as HttpError, Request, Status};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::failure::{Failure, Result};

/// Clients at once; others wait to be accepted. One Prometheus asks with one connection.
const CLIENTS: usize = 16;

/// How long a client may take to say what it wants: its request is a few lines.
const HEADER: Duration = Duration::from_secs(5);

/// How long a client may take to read its answer.
const ANSWER: Duration = Duration::from_secs(10);

/// How long what a client says behind its request is read, and thrown away.
const LINGER: Duration = Duration::from_secs(1);

/// The most lines of a request's head, and the most bytes of it: several times what Prometheus and
/// browsers send.
const HEADER_LINES: usize = 64;
const HEADER_BYTES: usize = 8 * 1024;

/// The most bytes that are thrown away behind a request, so that its sender sees the answer.
const UNREAD_BYTES: u64 = 64 * 1024;

/// How long nobody is accepted when the machine has no descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// The one path that is answered.
const PATH: &str = "/metrics";

/// The form of the answer: OpenMetrics, which Prometheus reads.
const FORM: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where the figures shall be shown.
#[derive(Clone, Debug)]
pub enum Place {
    /// An address with a port; 0 takes any.
    Address(SocketAddr),
    /// A Unix socket.
    Socket(PathBuf),
}

/// What listens there.
#[derive(Debug)]
pub enum Listening {
    Tcp(TcpListener, SocketAddr),
    Unix(Listener, PathBuf),
}

impl std::str::FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some("") => Err("name the socket behind `unix:`".to_owned()),
            Some(path) => Ok(Self::Socket(path.into())),
            None => text.parse().map(Self::Address).map_err(|_| {
                "write an address with its port, for example 127.0.0.1:9464, or unix:PATH"
                    .to_owned()
            }),
        }
    }
}

/// Listens; a Unix socket has the permissions `mode`.
///
/// # Errors
/// When the system refuses, or another program listens there.
pub async fn listen(place: &Place, mode: u32) -> Result<Listening> {
    match place {
        Place::Socket(path) => Ok(Listening::Unix(bind(path, mode)?, path.clone())),
        Place::Address(address) => {
            let refused = |error: std::io::Error| {
                Failure::refused(
                    format!("metrics cannot be shown at {address}: {error}"),
                    "choose another address, or a port that is free",
                )
            };
            let listener = TcpListener::bind(address).await.map_err(refused)?;
            let address = listener.local_addr().map_err(refused)?;
            Ok(Listening::Tcp(listener, address))
        }
    }
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(_, address) => write!(f, "{address}"),
            Self::Unix(_, path) => write!(f, "unix:{}", Path::display(path)),
        }
    }
}

/// What is shown.
#[derive(Clone)]
pub struct Figures {
    pub runtime: Runtime,
    /// How its backends stand is looked at for whoever asks: time and other processes change it.
    pub door: Door,
}

/// Answers clients until it is dropped.
pub async fn show(listening: Listening, figures: Figures) {
    let places = Arc::new(Semaphore::new(CLIENTS));
    let mut clients = JoinSet::new();
    loop {
        // Nobody closes the places.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        while clients.try_join_next().is_some() {}
        let accepted = match &listening {
            Listening::Tcp(listener, _) => listener.accept().await.map(|(client, _)| {
                clients.spawn(serve(client, figures.clone(), place));
            }),
            Listening::Unix(listener, _) => listener.accept().await.map(|client| {
                clients.spawn(serve(client, figures.clone(), place));
            }),
        };
        if accepted.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What a client is told.
struct Answer {
    /// Status and reason.
    status: &'static str,
    /// A further line of the head, with its end; empty if there is none.
    line: String,
    body: String,
}

impl Answer {
    fn new(status: &'static str, body: impl Into<String>) -> Self {
        Self { status, line: String::new(), body: body.into() }
    }

    /// As it goes over the wire; without its body for whoever asks for the head alone.
    fn bytes(&self, is_head: bool) -> Vec<u8> {
        let Self { status, line, body } = self;
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{line}Connection: close\r\n\r\n",
            body.len()
        );
        let body = if is_head { "" } else { body };
        [head.as_bytes(), body.as_bytes()].concat()
    }
}

/// One client, with one request.
async fn serve(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    figures: Figures,
    place: OwnedSemaphorePermit,
) {
    // What a client says wrong, or too late, is its own business.
    let Ok(Ok(bytes)) = timeout(HEADER, answer(&mut client, &figures)).await else { return };
    let told = async {
        client.write_all(&bytes).await?;
        client.shutdown().await
    };
    if let Ok(Ok(())) = timeout(ANSWER, told).await {
        // A connection that is closed with bytes unread is reset, and the answer may be lost.
        let mut rest = AsyncReadExt::take(&mut client, UNREAD_BYTES);
        let _ = timeout(LINGER, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
    }
    drop(place);
}

/// Reads a request, and answers what goes back.
async fn answer(
    client: &mut (impl AsyncRead + Unpin),
    figures: &Figures,
) -> std::io::Result<Vec<u8>> {
    let mut said = Vec::new();
    loop {
        let mut piece = [0; 1024];
        let count = client.read(&mut piece).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        said.extend(piece.iter().take(count));
        let mut lines = [EMPTY_HEADER; HEADER_LINES];
        let mut request = Request::new(&mut lines);
        let answer = match request.parse(&said) {
            Ok(Status::Complete(_)) => {
                let method = request.method.unwrap_or_default();
                let target = request.path.unwrap_or_default();
                // It is told to the figures by being looked at.
                figures.door.backends().await;
                let answer = answer_to(method, target, &figures.runtime);
                return Ok(answer.bytes(method == "HEAD"));
            }
            Ok(Status::Partial) if said.len() < HEADER_BYTES => continue,
            Ok(Status::Partial) | Err(HttpError::TooManyHeaders) => {
                Answer::new("431 Request Header Fields Too Large", "")
            }
            Err(_) => Answer::new("400 Bad Request", ""),
        };
        return Ok(answer.bytes(false));
    }
}

fn answer_to(method: &str, target: &str, runtime: &Runtime) -> Answer {
    // What is behind a question mark chooses nothing here.
    if target.split('?').next() != Some(PATH) {
        return Answer::new("404 Not Found", format!("the figures are at {PATH}\n"));
    }
    if !["GET", "HEAD"].contains(&method) {
        let line = "Allow: GET, HEAD\r\n".to_owned();
        return Answer { line, ..Answer::new("405 Method Not Allowed", "") };
    }
    match runtime.metrics() {
        Ok(text) => {
            let line = format!("Content-Type: {FORM}\r\n");
            Answer { line, ..Answer::new("200 OK", text) }
        }
        Err(error) => Answer::new("500 Internal Server Error", format!("{error}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_place_is_an_address_with_its_port_or_a_socket() {
        assert!(matches!("127.0.0.1:0".parse(), Ok(Place::Address(_))));
        assert!(matches!("[::1]:9464".parse(), Ok(Place::Address(_))));
        assert!(matches!("unix:/run/m".parse(), Ok(Place::Socket(_))));
        for wrong in ["", "unix:", "127.0.0.1", "9464", "localhost:9464"] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }
}
