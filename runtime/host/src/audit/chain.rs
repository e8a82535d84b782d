//! The chain that is written: each line appended under the lock of `audit.head`, after a look
//! whether the file is as it was left.
//!
//! ```text
//! lock ─▶ as it was left? ──yes──────────────────────────▶ large enough? ─▶ line ─▶ head ─▶ unlock
//!            ├── longer: whole lines that follow are kept,      └─▶ close it, begin another:
//!            │           what is torn stays, and a line `torn`       a line `file`
//!            └── shorter: a line `gap`
//! ```
//! Nothing is ever taken out of a file, but a line that could not be written whole.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use cap_std::fs::Dir;
use serde_json::{Map, Value, json};

use super::files::{self, FILE, closed};
use super::head::{Head, HeadFile};
use super::keeper::Written;
use super::kept::Kept;
use super::line::{AuditLine, Link, News, read, seal};
use super::pieces::Torn;
use super::room::Room;
use super::settings::AuditSettings;
use super::{Event, Need, Subject};
use crate::text::hex;

/// Size of the random number that names a chain, in bytes: that of a hash.
const NAME_BYTES: usize = 32;

/// What went wrong, in one sentence.
pub(super) type Outcome<T> = Result<T, String>;

/// The writing end of a backend's audit.
#[derive(Debug)]
pub(super) struct Chain {
    pub directory: Dir,
    pub settings: AuditSettings,
    pub subject: Subject,
    pub kept: Kept,
    room: Room,
    head: Arc<HeadFile>,
    file: Arc<File>,
    /// The number of `file`; none until it was compared with the head.
    number: Option<u64>,
}

/// Where the chain stands under the lock; `head.length` is the file's size.
struct Stand {
    head: Head,
    /// The file's last line has no end yet.
    unended: bool,
}

impl Chain {
    /// Opens the files, or makes them; writes nothing.
    ///
    /// # Errors
    /// When one cannot be written.
    pub(super) fn open(
        directory: Dir,
        settings: AuditSettings,
        room: Room,
        subject: Subject,
        kept: Kept,
    ) -> Outcome<Self> {
        let head = Arc::new(HeadFile::open(&directory).map_err(said)?);
        let file = Arc::new(files::open(&directory).map_err(said)?);
        Ok(Self { directory, settings, subject, kept, room, head, file, number: None })
    }

    /// Appends a line for each, all or none.
    ///
    /// # Errors
    /// When they cannot be written whole, or the lock is not to be had.
    pub(super) fn append(
        &mut self,
        call: Option<&str>,
        news: &[News],
        need: Need,
    ) -> Outcome<Written> {
        loop {
            let head = Arc::clone(&self.head);
            let _locked = head.lock().map_err(said)?;
            if !head.is_in(&self.directory).map_err(said)? {
                // Somebody removed it: its lock keeps nobody away any more.
                self.head = Arc::new(HeadFile::open(&self.directory).map_err(said)?);
                continue;
            }
            let mut stand = self.settle()?;
            if stand.head.length >= self.settings.file_bytes {
                let kept = self.settings.files_kept;
                let kept = kept.map(|kept| usize::try_from(kept).unwrap_or(usize::MAX));
                self.begin_file(&mut stand, kept)?;
            }
            if need == Need::Begins {
                self.make_room(&mut stand)?;
            }
            let before = stand.head.length;
            self.put(&mut stand, call, news)?;
            self.room.written(stand.head.length.saturating_sub(before));
            let Head { chain, link, .. } = stand.head;
            return Ok(Written { chain, link, file: Arc::clone(&self.file) });
        }
    }

    /// Writes lines behind `stand`, and the head.
    fn put(&self, stand: &mut Stand, call: Option<&str>, news: &[News]) -> Outcome<()> {
        let mut bytes = if stand.unended { b"\n".to_vec() } else { Vec::new() };
        let mut link = stand.head.link.clone();
        for one in news {
            let (line, its) = seal(&link, call, &self.subject, one)?;
            bytes.extend(line);
            link = its;
        }
        if let Err(error) = (&*self.file).write_all(&bytes) {
            // A piece of it may be there. Where it cannot be taken back, the next line tells of it.
            let _ = self.file.set_len(stand.head.length);
            return Err(said(error));
        }
        stand.unended = false;
        stand.head.length += bytes.len() as u64;
        stand.head.link = link;
        self.head.write(&stand.head).map_err(said)
    }

    /// Compares the file with the head, and tells in the chain what does not fit.
    fn settle(&mut self) -> Outcome<Stand> {
        let known = self.head.read().map_err(said)?;
        let is_named = files::is_in(&self.file, &self.directory, FILE).map_err(said)?;
        if let Some(head) = &known
            && is_named
            && self.number == Some(head.file)
            && self.length()? == head.length
        {
            return Ok(Stand { head: head.clone(), unended: false });
        }
        if !is_named {
            self.file = Arc::new(files::open(&self.directory).map_err(said)?);
        }
        let (mut head, mut is_shorter) = match known {
            Some(head) => (head, false),
            None => self.found()?,
        };
        if self.directory.try_exists(closed(head.file)).map_err(said)? {
            // Whoever closed it came no further.
            head.file += 1;
            head.length = 0;
        }
        self.number = Some(head.file);
        let length = self.length()?;
        is_shorter |= length < head.length;
        if !is_shorter {
            return self.follow(head, length);
        }
        let facts = facts(json!({ "last": head.link, "bytes": length, "bytes_were": head.length }));
        head.length = length;
        let mut stand = Stand { unended: !self.is_ended(length)?, head };
        self.put(&mut stand, None, &[News { event: Event::Gap, facts }])?;
        Ok(stand)
    }

    /// Goes on over what was written without a head: by somebody who came no further.
    fn follow(&self, mut head: Head, length: u64) -> Outcome<Stand> {
        let mut pieces = files::pieces(&self.file, head.length, length).map_err(said)?;
        let (mut torn, mut is_torn, mut ended) = (Torn::default(), false, true);
        while let Some(piece) = pieces.next().map_err(said)? {
            ended = piece.ended;
            match read(&piece.bytes).filter(|line| !is_torn && follows(line, &head.link)) {
                Some(line) => head.link = line.link,
                None => {
                    is_torn = true;
                    torn.add(&piece);
                }
            }
        }
        head.length = length;
        let mut stand = Stand { head, unended: !ended };
        if is_torn {
            let (bytes, sha256) = torn.finish();
            let facts = facts(json!({ "torn_bytes": bytes, "torn_sha256": sha256 }));
            self.put(&mut stand, None, &[News { event: Event::Torn, facts }])?;
        }
        Ok(stand)
    }

    /// Where the chain stands when the head does not say: what the state knows, and what the file
    /// has; and whether lines are missing. A new chain where there is neither.
    fn found(&self) -> Outcome<(Head, bool)> {
        let kept = self.kept.last().map_err(|error| error.to_string())?;
        let last_closed = files::all_closed(&self.directory).map_err(said)?.pop();
        let file = last_closed.map_or(1, |last| last + 1);
        let size = self.length()?;
        let mut pieces = files::pieces(&self.file, 0, size).map_err(said)?;
        let (mut chain, mut at, mut length, mut has_kept) = (None, None::<Link>, 0, false);
        while let Some(piece) = pieces.next().map_err(said)? {
            let Some(line) = read(&piece.bytes) else { break };
            if at.as_ref().is_some_and(|at| !follows(&line, at)) {
                break;
            }
            has_kept |= kept.as_ref().is_some_and(|kept| kept.link == line.link);
            chain.get_or_insert(line.prev);
            at = Some(line.link);
            length = piece.end();
        }
        let is_new = kept.is_none() && at.is_none() && size == 0 && last_closed.is_none();
        if !is_new {
            tracing::warn!(
                backend = self.subject.backend,
                "the audit's head is gone; it is made anew"
            );
        }
        let (chain, link, is_shorter) = match (kept, at, chain) {
            (Some(kept), Some(at), _) if has_kept => (kept.chain, at, false),
            (Some(kept), ..) => (kept.chain, kept.link, true),
            (None, Some(at), Some(chain)) => (chain, at, false),
            (None, ..) => {
                let chain = new_name()?;
                (chain.clone(), Link { seq: 0, hash: chain }, !is_new)
            }
        };
        Ok((Head { chain, file, length, link }, is_shorter))
    }

    /// Closes the file and begins another, whose first line says so; then closed files of which too
    /// many are kept go.
    fn begin_file(&mut self, stand: &mut Stand, kept: Option<usize>) -> Outcome<()> {
        self.file.sync_data().map_err(said)?;
        let previous = closed(stand.head.file);
        self.directory.rename(FILE, &self.directory, &previous).map_err(said)?;
        self.file = Arc::new(files::open(&self.directory).map_err(said)?);
        stand.head.file += 1;
        stand.head.length = 0;
        stand.unended = false;
        self.number = Some(stand.head.file);
        let (mut told, gone) = (facts(json!({ "previous": previous })), self.too_many(kept)?);
        if let Some((through, names)) = &gone {
            told.insert("removed".to_owned(), json!(names));
            told.insert("removed_through".to_owned(), json!(through));
        }
        self.put(stand, None, &[News { event: Event::File, facts: told }])?;
        for name in gone.into_iter().flat_map(|(_, names)| names) {
            self.directory.remove_file(name).map_err(said)?;
        }
        Ok(())
    }

    /// Makes sure of room for something that begins. Where the operator lets closed files go, as many
    /// of the oldest go as there is too much, and an eighth of a file, so that none becomes tiny; the one
    /// that is closed for it stays.
    fn make_room(&mut self, stand: &mut Stand) -> Outcome<()> {
        let Err(full) = self.room.check(&self.directory) else { return Ok(()) };
        if self.settings.files_kept.is_none() {
            return Err(full.reason);
        }
        let mut over = full.bytes.saturating_add(self.settings.file_bytes / 8);
        let all = files::all_closed(&self.directory).map_err(said)?;
        let mut kept = all.len() + 1;
        for number in all {
            if over == 0 {
                break;
            }
            let length = self.directory.metadata(closed(number)).map_err(said)?.len();
            over = over.saturating_sub(length);
            kept -= 1;
        }
        if over > 0 {
            return Err(full.reason);
        }
        self.begin_file(stand, Some(kept))?;
        self.room.check(&self.directory).map_err(|full| full.reason)
    }

    /// The closed files of which too many are kept, and the last line in them. None where the file
    /// after them does not begin as it should: then they may be needed.
    fn too_many(&self, kept: Option<usize>) -> Outcome<Option<(Link, Vec<String>)>> {
        let Some(kept) = kept else { return Ok(None) };
        let mut all = files::all_closed(&self.directory).map_err(said)?;
        let rest = all.split_off(all.len().saturating_sub(kept));
        let (Some(oldest), false) = (rest.first(), all.is_empty()) else { return Ok(None) };
        let file = self.directory.open(closed(*oldest)).map_err(said)?.into_std();
        let length = file.metadata().map_err(said)?.len();
        let first = files::pieces(&file, 0, length).and_then(|mut pieces| pieces.next());
        let first = first.map_err(said)?.and_then(|piece| read(&piece.bytes));
        Ok(first.map(|first| {
            let through = Link { seq: first.link.seq.saturating_sub(1), hash: first.prev };
            (through, all.into_iter().map(closed).collect())
        }))
    }

    fn length(&self) -> Outcome<u64> {
        Ok(self.file.metadata().map_err(said)?.len())
    }

    /// Whether the file is empty or ends with a line's end.
    fn is_ended(&self, length: u64) -> Outcome<bool> {
        let Some(last) = length.checked_sub(1) else { return Ok(true) };
        let mut byte = [0];
        self.file.read_exact_at(&mut byte, last).map_err(said)?;
        Ok(byte == *b"\n")
    }
}

/// Whether a line is the next one after a place.
pub(super) fn follows(line: &AuditLine, link: &Link) -> bool {
    line.link.seq.checked_sub(1) == Some(link.seq) && line.prev == link.hash
}

fn new_name() -> Outcome<String> {
    let mut bytes = [0; NAME_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random number: {error}"))?;
    Ok(hex(&bytes))
}

fn facts(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(facts) => facts,
        _ => Map::new(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn said(error: std::io::Error) -> String {
    error.to_string()
}
