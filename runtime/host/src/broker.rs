//! The runtime's end of the broker: starts one for a backend, asks it, and lets it end.
//!
//! It decides nothing and trusts the answers only as far as their types go. Called by the
//! imports that need privilege (`command`, `files`, `mounts`), through the gate.
//!
//! ```text
//! absent ──first ask──▶ starting ──hello, same policy──▶ connected ──EOF──▶ absent
//!                          └──failed, other policy──▶ error to whoever asked, absent
//! ```
//! A request whose asker goes away is cancelled: the broker then ends every process of it.

use std::collections::HashMap;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use abaca_broker::protocol::{
    self, Decoder, Frame, Hello, Outcome, Request, RequestKind, Response, UNASKED, encode,
};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex as AsyncMutex, Notify, mpsc, oneshot};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::records::Presence;
use crate::storage::absolute;

/// The program's file name.
pub(crate) const PROGRAM: &str = "abaca-broker";

/// How long a broker may take to say hello: it opens the roots and checks every program.
const HELLO: Duration = Duration::from_secs(10);

/// How long the end of what was given up is waited for. The broker kills at once; a process that
/// hangs in the kernel cannot be waited for longer.
const QUIET: Duration = Duration::from_secs(30);

/// How much is read from the socket at once.
const READ: usize = 64 * 1024;

type Answer = Frame<Response>;
/// Who waits for which answer; none once the broker is gone. Nobody waits for a request that was
/// given up, but the broker has still to say that nothing of it is left.
type Waiting = Arc<Mutex<Option<HashMap<u64, Option<oneshot::Sender<Answer>>>>>>;

/// The broker of one backend.
#[derive(Debug)]
pub(crate) struct Broker {
    program: PathBuf,
    policy: PathBuf,
    digest: String,
    connection: Mutex<Option<Arc<Connection>>>,
    /// Held while one is started, so that there is never a second.
    starting: AsyncMutex<()>,
    /// Gives each broker the file whose lock says that it or something that it started lives.
    presence: Presence,
}

impl Broker {
    /// A broker that is started when it is first asked. `digest` is that of the policy which
    /// the runtime has read: a broker that has read another one is not used.
    pub(crate) fn new(
        program: PathBuf,
        policy: PathBuf,
        digest: String,
        presence: Presence,
    ) -> Self {
        let (connection, starting) = (Mutex::new(None), AsyncMutex::new(()));
        Self { program, policy, digest, connection, starting, presence }
    }

    /// Whether every request that was given up has ended.
    pub(crate) fn is_quiet(&self) -> bool {
        lock(&self.connection).as_ref().is_none_or(|connection| connection.is_quiet())
    }

    /// Waits until every request that was given up has ended, with all that it had started.
    pub(crate) async fn quiet(&self) {
        let Some(connection) = lock(&self.connection).clone() else { return };
        let quiet = async {
            loop {
                let mut ended = std::pin::pin!(connection.ended.notified());
                // From here on no ending is missed.
                ended.as_mut().enable();
                if connection.is_quiet() {
                    break;
                }
                ended.await;
            }
        };
        if tokio::time::timeout(QUIET, quiet).await.is_err() {
            tracing::error!(
                "what a call had started could not be ended; the broker goes on trying"
            );
        }
    }

    /// Asks, and waits for the answer and its body. Dropping the future cancels the request.
    ///
    /// # Errors
    /// When the broker cannot be started, or ends before it answers.
    pub(crate) async fn ask(&self, kind: RequestKind, body: &[u8]) -> Result<(Outcome, Vec<u8>)> {
        self.ask_with(kind, body, None).await
    }

    /// The same with a descriptor, for a request that has one.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub(crate) async fn ask_with(
        &self,
        kind: RequestKind,
        body: &[u8],
        stream: Option<OwnedFd>,
    ) -> Result<(Outcome, Vec<u8>)> {
        let connection = self.connected().await?;
        let id = connection.next.fetch_add(1, Ordering::Relaxed);
        let bytes = encode(&Request { id, kind }, body)
            .map_err(|error| Error::Broker(format!("cannot be asked this: {error}")))?;
        let (sender, receiver) = oneshot::channel();
        let ended = || Error::Broker("ended before it answered".to_owned());
        lock(&connection.waiting).as_mut().ok_or_else(ended)?.insert(id, Some(sender));
        let asked = Asked { id, connection: &connection };
        let message = Message { bytes: Zeroizing::new(bytes), stream };
        connection.outgoing.send(message).map_err(|_| ended())?;
        let frame = receiver.await.map_err(|_| ended())?;
        drop(asked);
        Ok((frame.header.result, frame.body))
    }

    /// Starts the broker if none runs, and says what it is.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub(crate) async fn hello(&self) -> Result<Hello> {
        Ok(self.connected().await?.hello.clone())
    }

    async fn connected(&self) -> Result<Arc<Connection>> {
        let _starting = self.starting.lock().await;
        let running = lock(&self.connection).clone();
        match running {
            Some(connection) if lock(&connection.waiting).is_some() => Ok(connection),
            _ => {
                let connection = Arc::new(self.start().await?);
                *lock(&self.connection) = Some(Arc::clone(&connection));
                Ok(connection)
            }
        }
    }

    async fn start(&self) -> Result<Connection> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            Error::Broker(format!("{} {what}: {error}", self.program.display()))
        };
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()
            .and_then(|(ours, theirs)| ours.set_nonblocking(true).map(|()| (ours, theirs)))
            .map_err(|error| failed("cannot be given a socket", &error))?;
        let (file, mark) =
            self.presence.mark().map_err(|error| failed("cannot be marked", &error))?;
        // The socket is its standard input, and the file that says that it lives its standard
        // output: the descriptors that a child gets without any unsafe code here. Its
        // environment is empty, and its process group its own: what a terminal sends to us is
        // for us to pass on.
        #[expect(clippy::disallowed_methods, reason = "the one place that starts the broker")]
        let mut child = tokio::process::Command::new(&self.program)
            .arg("--policy")
            .arg(&self.policy)
            .args(["--socket-fd", "0"])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(file))
            .process_group(0)
            .spawn()
            .map_err(|error| failed("cannot be started", &error))?;
        tokio::spawn(async move {
            // Only so that it does not stay a zombie; how it ended is seen on the socket.
            let _ = child.wait().await;
        });
        let stream =
            UnixStream::from_std(ours).map_err(|error| failed("cannot be reached", &error))?;
        let (mut reader, writer) = stream.into_split();
        let mut decoder = Decoder::default();
        let hello = tokio::time::timeout(HELLO, receive(&mut reader, &mut decoder))
            .await
            .map_err(|_| failed("does not answer", &"it said nothing for ten seconds"))?
            .map_err(|reason| failed("does not answer", &reason))?;
        let hello = match hello.map(|frame| frame.header.result) {
            Some(Outcome::Hello(hello)) => *hello,
            Some(Outcome::Failed { message }) => return Err(Error::Mismatch(message)),
            _ => return Err(failed("does not answer", &"it ended without a word")),
        };
        if hello.version != protocol::VERSION {
            return Err(failed("does not fit", &"it is of another version of Abaca"));
        }
        if hello.policy_digest != self.digest {
            return Err(Error::Mismatch(format!(
                "{} has changed since it was loaded; load the backend again",
                self.policy.display()
            )));
        }
        let waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        let ended = Arc::new(Notify::new());
        let (outgoing, queue) = mpsc::unbounded_channel();
        tokio::spawn(write(writer, queue));
        tokio::spawn(read(reader, decoder, Arc::clone(&waiting), Arc::clone(&ended)));
        let (next, presence) = (AtomicU64::new(UNASKED + 1), self.presence.clone());
        Ok(Connection { hello, next, waiting, ended, outgoing, presence, mark })
    }
}

/// What is to be sent to a broker.
#[derive(Debug)]
struct Message {
    /// Wiped when they are sent: secrets are among them.
    bytes: Zeroizing<Vec<u8>>,
    /// What goes with the first of them.
    stream: Option<OwnedFd>,
}

/// One running broker. When the last handle is dropped its socket closes and it ends.
#[derive(Debug)]
struct Connection {
    hello: Hello,
    next: AtomicU64,
    waiting: Waiting,
    /// Told whenever a request has been answered.
    ended: Arc<Notify>,
    outgoing: mpsc::UnboundedSender<Message>,
    presence: Presence,
    /// The name of the file whose lock the broker holds.
    mark: String,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.is_quiet() {
            self.presence.remove(&self.mark);
        }
    }
}

impl Connection {
    fn is_quiet(&self) -> bool {
        lock(&self.waiting).as_ref().is_none_or(|all| all.values().all(Option::is_some))
    }
}

/// A request under way: dropped before its answer came, it cancels.
struct Asked<'a> {
    id: u64,
    connection: &'a Connection,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let given_up = lock(&self.connection.waiting)
            .as_mut()
            .and_then(|waiting| waiting.get_mut(&self.id))
            .is_some_and(|sender| sender.take().is_some());
        if given_up {
            let id = self.connection.next.fetch_add(1, Ordering::Relaxed);
            let cancel = Request { id, kind: RequestKind::Cancel { target: self.id } };
            if let Ok(bytes) = encode(&cancel, &[]) {
                // A broker that is gone has ended its processes itself.
                let message = Message { bytes: Zeroizing::new(bytes), stream: None };
                let _ = self.connection.outgoing.send(message);
            }
        }
    }
}

async fn write(mut writer: OwnedWriteHalf, mut queue: mpsc::UnboundedReceiver<Message>) {
    while let Some(Message { bytes, stream }) = queue.recv().await {
        let sent = match stream {
            Some(stream) => send_with(&writer, &bytes, stream).await,
            None => Ok(0),
        };
        let Some(rest) = sent.ok().and_then(|sent| bytes.get(sent..)) else { break };
        if writer.write_all(rest).await.is_err() {
            break;
        }
    }
}

/// Sends the first bytes of a message with its descriptor, and says how many.
async fn send_with(
    writer: &OwnedWriteHalf,
    bytes: &[u8],
    stream: OwnedFd,
) -> std::io::Result<usize> {
    let socket: &UnixStream = writer.as_ref();
    loop {
        socket.writable().await?;
        let sent = socket.try_io(Interest::WRITABLE, || {
            let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut beside = SendAncillaryBuffer::new(&mut room);
            let streams = [stream.as_fd()];
            beside.push(SendAncillaryMessage::ScmRights(&streams));
            let bytes = [IoSlice::new(bytes)];
            Ok(sendmsg(socket, &bytes, &mut beside, SendFlags::NOSIGNAL)?)
        });
        match sent {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            sent => return sent,
        }
    }
}

/// Hands out answers until the broker ends, then tells everybody who still waits by dropping
/// their senders.
async fn read(
    mut reader: OwnedReadHalf,
    mut decoder: Decoder,
    waiting: Waiting,
    ended: Arc<Notify>,
) {
    loop {
        match receive(&mut reader, &mut decoder).await {
            Ok(Some(frame)) => {
                let sender = lock(&waiting).as_mut().and_then(|all| all.remove(&frame.header.id));
                ended.notify_waiters();
                if let Some(Some(sender)) = sender {
                    // An asker that went away meanwhile has no use for it.
                    let _ = sender.send(frame);
                }
            }
            Ok(None) => break,
            Err(reason) => {
                tracing::error!(reason, "the broker broke its protocol; it is left");
                break;
            }
        }
    }
    *lock(&waiting) = None;
    ended.notify_waiters();
}

async fn receive(
    reader: &mut OwnedReadHalf,
    decoder: &mut Decoder,
) -> std::result::Result<Option<Answer>, String> {
    let mut buffer = vec![0; READ];
    loop {
        if let Some(frame) = decoder.next::<Response>().map_err(|error| error.to_string())? {
            return Ok(Some(frame));
        }
        let count = reader.read(&mut buffer).await.map_err(|error| error.to_string())?;
        match buffer.get(..count) {
            Some([]) | None => return Ok(None),
            Some(bytes) => decoder.push(bytes),
        }
    }
}

/// Where the broker is: what the embedder said, or beside the running program.
///
/// # Errors
/// When neither is a file.
pub(crate) fn locate(given: Option<&Path>) -> Result<PathBuf> {
    let candidate = match given {
        Some(path) => path.to_owned(),
        None => std::env::current_exe()
            .map_err(|error| Error::Broker(format!("cannot be looked for: {error}")))?
            .with_file_name(PROGRAM),
    };
    if candidate.is_file() {
        // It is started in another directory.
        absolute(&candidate)
    } else {
        Err(Error::Broker(format!("is not at {}", candidate.display())))
    }
}

/// A holder that panicked has not left the map half changed: each use is one operation.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
