//! The socket of the door: where it is, who may open it, how many at once, and its end. What a
//! client says is `connection`'s business.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use abaca_broker::trusted::check_directory;
use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::connection::{Common, PERMIT_BYTES, serve};
use super::message::{Id, Response};
use super::{CALLS_PER_BACKEND, Door, Failure};
use crate::error::{Error, Result};

/// Clients that are connected at once. Each costs a descriptor and up to a line of memory.
pub const CONNECTIONS: usize = 256;

/// Requests of all clients that run, wait, or have an answer that is not read yet.
pub const CALLS: usize = 4 * CALLS_PER_BACKEND;

/// The text of all those requests, in bytes.
pub const REQUEST_BYTES: usize = 64 * 1024 * 1024;

/// Lists and schemas that are made or not read yet, of all clients: each may have a megabyte.
const LONG_ANSWERS: usize = 16;

/// Clients that wait to be accepted.
const BACKLOG: i32 = 128;

/// How long nobody is accepted when the machine has no descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// A socket that listens. Its file goes with it.
#[derive(Debug)]
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
    /// The device and inode of its file.
    identity: (u64, u64),
    /// Held, not used: says that a service listens here.
    _lock: File,
}

impl Listener {
    /// Waits for the next client: for a service that speaks another language than the door's.
    ///
    /// # Errors
    /// When the machine has no descriptor left, or the client is gone again.
    pub async fn accept(&self) -> std::io::Result<UnixStream> {
        self.listener.accept().await.map(|(client, _)| client)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Still under the lock; what somebody has put in its place is not this one's to remove.
        let there = rustix::fs::statat(CWD, &self.path, AtFlags::SYMLINK_NOFOLLOW);
        if there.is_ok_and(|there| (there.st_dev, there.st_ino) == self.identity) {
            let _ = rustix::fs::unlink(&self.path);
        }
    }
}

/// Listens at `path`, which only those can open whom `mode` lets: its bits are those of a file,
/// for example `0o660`. A socket that a dead service left is replaced. Beside it a file
/// `PATH.lock` stays.
///
/// # Errors
/// When another service listens there, when there is something else, when others can put another
/// socket in its place, or when the system refuses.
pub fn bind(path: &Path, mode: u32) -> Result<Listener> {
    let refused =
        |reason: String| Error::Invalid(format!("cannot listen at {}: {reason}", path.display()));
    let failed = |error: rustix::io::Errno| refused(error.to_string());
    let address = SocketAddrUnix::new(path).map_err(failed)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let user = rustix::process::geteuid().as_raw();
    check_directory(directory.unwrap_or(Path::new(".")), user).map_err(refused)?;
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let lock_path = PathBuf::from(lock_path);
    let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let lock = rustix::fs::open(&lock_path, flags, Mode::RUSR | Mode::WUSR).map_err(failed)?;
    rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        refused(format!("another service listens there: it holds {}", lock_path.display()))
    })?;
    match rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(there) if !is_socket(&there) => {
            return Err(refused("something else is there that is no socket".to_owned()));
        }
        Ok(_) if std::os::unix::net::UnixStream::connect(path).is_ok() => {
            return Err(refused("another program listens there".to_owned()));
        }
        Ok(_) => rustix::fs::unlink(path).map_err(failed)?,
        Err(rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(failed(error)),
    }
    let socket = listening(path, &address, mode).map_err(failed)?;
    let socket = std::os::unix::net::UnixListener::from(socket);
    let listener = UnixListener::from_std(socket).map_err(|error| refused(error.to_string()))?;
    let file = rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
    let identity = (file.st_dev, file.st_ino);
    Ok(Listener { listener, path: path.to_owned(), identity, _lock: lock.into() })
}

/// Nobody can connect before it listens, and then its permissions are set.
fn listening(path: &Path, address: &SocketAddrUnix, mode: u32) -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::bind(&socket, address)?;
    rustix::fs::chmod(path, Mode::from_raw_mode(mode & 0o777))?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

fn is_socket(there: &Stat) -> bool {
    FileType::from_raw_mode(there.st_mode) == FileType::Socket
}

impl Door {
    /// Serves clients until `stop` is done; then nobody is accepted, what runs is finished and
    /// answered, and all is closed. Dropping the future gives up what runs: whoever does not wait
    /// for a call that hangs drops it after a while, as `abaca serve` does.
    pub async fn serve(self, listener: Listener, stop: impl Future<Output = ()>) {
        let (tell, told) = watch::channel(false);
        let common = Common {
            door: Arc::new(self),
            places: Arc::new(Semaphore::new(CALLS)),
            request_bytes: Arc::new(Semaphore::new(REQUEST_BYTES / PERMIT_BYTES)),
            long_answers: Arc::new(Semaphore::new(LONG_ANSWERS)),
            stop: told,
        };
        let mut clients = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = listener.accept() => match accepted {
                    Ok(client) if clients.len() >= CONNECTIONS => turn_away(&client),
                    Ok(client) => {
                        clients.spawn(serve(common.clone(), client));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a client could not be accepted");
                        tokio::time::sleep(PAUSE).await;
                    }
                },
                Some(_) = clients.join_next() => {}
            }
        }
        drop(listener);
        let _ = tell.send(true);
        while clients.join_next().await.is_some() {}
    }
}

/// Says why, as far as that can be said without waiting.
fn turn_away(client: &UnixStream) {
    let busy = Failure::Busy(format!("{CONNECTIONS} clients are connected already"));
    if let Ok(mut line) = serde_json::to_vec(&Response::new(Id::none(), Err(busy))) {
        line.push(b'\n');
        let _ = client.try_write(&line);
    }
}
