//! How large the audit's files become, how many are kept, and how often its chain is anchored.
//! Data only: `[audit]` of a configuration, or what an embedder gives to
//! [`Builder::audit`](crate::runtime::Builder::audit).

use std::path::PathBuf;
use std::time::Duration;

/// How audits are kept. Construct with `AuditSettings::default()` and change fields.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditSettings {
    /// A file that has so many bytes is closed, and another one is begun.
    pub file_bytes: u64,
    /// How many closed files are kept. None keeps all: an audit that forgets by itself is one that
    /// a driver can make forget, by filling it.
    pub files_kept: Option<u32>,
    /// How many bytes the files of one backend's audit may have together. One that has them is not
    /// called. None: backends have equal parts of the file system of their state.
    pub backend_bytes: Option<u64>,
    /// How many backends have a part at least. A configuration says how many it has.
    pub backends: u64,
    /// After so many lines the chain is anchored in the system log.
    pub anchor_lines: u64,
    /// A line is anchored after so long at the latest.
    pub anchor_every: Duration,
    /// The socket of the system log.
    pub system_log: PathBuf,
}

/// Some 110,000 lines, for one has 600 bytes on average: 16,000 calls of the directory driver, which
/// is two days of a backend that is called every ten seconds; and what an editor still opens. A
/// driver that asks as often as it may nearly fills it in one call.
const FILE_BYTES: u64 = 64 * 1024 * 1024;
/// Some hundred calls: what somebody could rewrite unseen.
const ANCHOR_LINES: u64 = 1_000;
/// The same in time.
const ANCHOR_EVERY: Duration = Duration::from_secs(60);
/// Where every Linux system with a log has it.
const SYSTEM_LOG: &str = "/dev/log";

impl Default for AuditSettings {
    fn default() -> Self {
        Self {
            file_bytes: FILE_BYTES,
            files_kept: None,
            backend_bytes: None,
            backends: 1,
            anchor_lines: ANCHOR_LINES,
            anchor_every: ANCHOR_EVERY,
            system_log: PathBuf::from(SYSTEM_LOG),
        }
    }
}
