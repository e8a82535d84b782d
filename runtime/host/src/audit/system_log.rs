//! Anchors in the system log: one datagram for each, and how they are found again in what the log
//! was written to. The text names backend and chain, so that those of several do not mix.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use super::kept::{Anchor, AnchorSource};
use super::line::Link;

/// Facility `authpriv`, which most systems keep from ordinary users; severity `notice`.
const PRIORITY: u8 = 10 * 8 + 5;

/// What the log shows as the program.
const TAG: &str = "abaca-audit";

/// How long a log that is full is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Length of a hash in hexadecimal.
const HASH: usize = 64;

/// Tells the system log where a chain stands.
///
/// # Errors
/// When nobody listens there, or does not take it.
pub(super) fn tell(socket: &Path, backend: &str, chain: &str, link: &Link) -> std::io::Result<()> {
    let Link { seq, hash } = link;
    let text = format!(
        "<{PRIORITY}>{TAG}[{}]: backend={backend} chain={chain} seq={seq} sha256={hash}",
        std::process::id()
    );
    let log = UnixDatagram::unbound()?;
    log.set_write_timeout(Some(PATIENCE))?;
    log.send_to(text.as_bytes(), socket).map(|_| ())
}

/// The anchor in a line that the system log wrote, whatever it puts before it, and the backend whose
/// it is; none if it is another program's line.
#[must_use]
pub fn logged_anchor(line: &str) -> Option<(String, Anchor)> {
    let (_, said) = line.split_once(TAG)?;
    let mut words = said.split_whitespace().skip(1);
    let backend = words.next()?.strip_prefix("backend=")?;
    let chain = words.next()?.strip_prefix("chain=")?;
    let seq = words.next()?.strip_prefix("seq=")?.parse().ok()?;
    let hash = words.next()?.strip_prefix("sha256=")?;
    let is_hash =
        |text: &str| text.len() == HASH && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hash(chain) || !is_hash(hash) {
        return None;
    }
    let link = Link { seq, hash: hash.to_owned() };
    let source = AnchorSource::SystemLog;
    Some((backend.to_owned(), Anchor { chain: chain.to_owned(), link, time: None, source }))
}
