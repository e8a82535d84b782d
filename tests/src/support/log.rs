//! The runtime's log, as a test sees it.

use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::format::FmtSpan;

/// What is logged on this thread while it is kept.
pub struct Log {
    written: Arc<Mutex<Vec<u8>>>,
    _subscriber: tracing::subscriber::DefaultGuard,
}

impl Log {
    pub fn capture() -> Self {
        Self::with(FmtSpan::NONE)
    }

    /// As [`capture`](Self::capture), with a line for each span when it ends.
    pub fn with_spans() -> Self {
        Self::with(FmtSpan::CLOSE)
    }

    fn with(spans: FmtSpan) -> Self {
        let written = Arc::new(Mutex::new(Vec::new()));
        let writer = {
            let written = Arc::clone(&written);
            move || Written(Arc::clone(&written))
        };
        let subscriber = tracing_subscriber::fmt()
            .with_writer(writer)
            .with_ansi(false)
            .with_span_events(spans)
            .with_max_level(tracing::Level::DEBUG)
            .finish();
        Self { written, _subscriber: tracing::subscriber::set_default(subscriber) }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.written.lock().unwrap().clone()).unwrap()
    }
}

struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
