//! Tells others where the chain stands: the backend's state soon after each line, the system log at
//! intervals and when the audit is closed. A thread of its own, so that no call waits for it.
//!
//! ```text
//! a line ─▶ a moment for others that follow it ─▶ file on disk ─▶ state ─▶ anchor due? ─▶ system log
//! ```
//! The file is on the disk before the state is told: a power cut cannot make the state know more
//! lines than there are.

use std::fs::File;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::kept::{AnchorSource, Kept};
use super::line::Link;
use super::settings::AuditSettings;
use super::system_log;

/// How far the state is behind at most: a commit costs some milliseconds, a call has many lines.
const BEHIND: Duration = Duration::from_millis(250);

/// The last line that was written, and where.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub chain: String,
    pub link: Link,
    pub file: Arc<File>,
}

/// The thread, started with the first line; dropping this waits for its last work.
#[derive(Debug)]
pub(super) struct Keeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    backend: String,
    settings: AuditSettings,
    kept: Kept,
    news: Mutex<News>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct News {
    /// The number of the first line that it was told.
    first: Option<u64>,
    last: Option<Written>,
    closing: bool,
}

impl Keeper {
    pub(super) fn new(backend: String, settings: AuditSettings, kept: Kept) -> Self {
        let (news, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { backend, settings, kept, news, changed });
        Self { shared, thread: Mutex::default() }
    }

    /// Tells it the last line.
    ///
    /// # Errors
    /// One sentence: its thread cannot be started.
    pub(super) fn tell(&self, written: Written) -> Result<(), String> {
        let mut news = self.shared.news();
        news.first.get_or_insert(written.link.seq);
        // Writers may get here in another order than they wrote in.
        if news.last.as_ref().is_none_or(|last| last.link.seq < written.link.seq) {
            news.last = Some(written);
        }
        drop(news);
        self.shared.changed.notify_all();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let shared = Arc::clone(&self.shared);
            let named = std::thread::Builder::new().name("abaca-audit".to_owned());
            let started = named.spawn(move || shared.run());
            *thread = Some(started.map_err(|error| format!("its thread: {error}"))?);
        }
        Ok(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.news().closing = true;
        self.shared.changed.notify_all();
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // The last to hold the audit may be a transaction of a call that was given up, and the
        // thread waits for that one's database: it ends by itself then.
        if crate::database::is_writing() {
            return;
        }
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!(backend = self.shared.backend, "the audit's keeper has panicked");
        }
    }
}

impl Shared {
    fn news(&self) -> MutexGuard<'_, News> {
        // Each use is one assignment: a holder that panicked has left it whole.
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        // What was before this process is its own processes' to anchor.
        let before = self.news().first.map_or(0, |first| first.saturating_sub(1));
        let (mut kept, mut anchored, mut since) = (before, before, Instant::now());
        let mut failing = false;
        loop {
            let (written, closing) = self.wait(anchored, &mut since);
            let Some(written) = written else { return };
            let seq = written.link.seq;
            if kept < seq {
                let told = self.keep(&written, AnchorSource::State);
                if told.is_ok() {
                    kept = seq;
                }
                self.complain(told, &mut failing);
            }
            let lines = seq.saturating_sub(anchored);
            let is_due = lines >= self.settings.anchor_lines
                || since.elapsed() >= self.settings.anchor_every;
            if lines > 0 && (closing || is_due) {
                let told = self.anchor(&written);
                if told.is_ok() {
                    anchored = seq;
                }
                self.complain(told, &mut failing);
            }
            if closing {
                return;
            }
        }
    }

    /// Waits for lines after `anchored`, and a moment longer; `since` is when they were first seen.
    fn wait(&self, anchored: u64, since: &mut Instant) -> (Option<Written>, bool) {
        let is_new = |news: &News| news.last.as_ref().is_some_and(|last| last.link.seq > anchored);
        let mut news = self.news();
        while !news.closing && !is_new(&news) {
            news = self.changed.wait(news).unwrap_or_else(PoisonError::into_inner);
            *since = Instant::now();
        }
        let (news, _) = self
            .changed
            .wait_timeout_while(news, BEHIND, |news| !news.closing)
            .unwrap_or_else(PoisonError::into_inner);
        (news.last.clone(), news.closing)
    }

    fn keep(&self, written: &Written, source: AnchorSource) -> Result<(), String> {
        written.file.sync_data().map_err(|error| error.to_string())?;
        let kept = self.kept.keep(&written.chain, &written.link, source);
        kept.map_err(|error| error.to_string())
    }

    fn anchor(&self, written: &Written) -> Result<(), String> {
        let socket = &self.settings.system_log;
        let source = match system_log::tell(socket, &self.backend, &written.chain, &written.link) {
            Ok(()) => AnchorSource::StateAndSystemLog,
            Err(error) => {
                // Said once, in whatever process, and not again until a log has taken one.
                let (backend, socket) = (&self.backend, socket.display());
                let said = "no system log takes the audit's anchors: the state alone says how far \
                            it went";
                match self.kept.last_anchored() {
                    Ok(Some(AnchorSource::StateOnly)) => {
                        tracing::debug!(backend, %socket, %error, "{said}");
                    }
                    _ => tracing::warn!(backend, %socket, %error, "{said}"),
                }
                AnchorSource::StateOnly
            }
        };
        self.keep(written, source)
    }

    /// Says once that it fails, and not again until it has not.
    fn complain(&self, told: Result<(), String>, failing: &mut bool) {
        match told {
            Ok(()) => *failing = false,
            Err(reason) if !*failing => {
                *failing = true;
                let backend = &self.backend;
                tracing::error!(backend, reason, "the state cannot be told how far the audit is");
            }
            Err(_) => {}
        }
    }
}
