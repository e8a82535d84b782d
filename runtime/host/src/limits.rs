//! What one call may use, and what one backend may use. Every limit is a named constant with
//! its reason, can be set by the embedder, and is enforced where the field's text says.
//!
//! Called by: `Runtime::builder`, and whoever enforces a limit.

use std::time::Duration;

/// A mebibyte, in bytes.
const MIB: usize = 1024 * 1024;

/// The bounds of a driver call. Construct with `Limits::default()` and change fields.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Linear memory of all memories of one call together, in bytes. Enforced by the store's
    /// limiter.
    pub memory_bytes: usize,
    /// Elements of all tables of one call together. Enforced by the store's limiter.
    pub table_elements: usize,
    /// Core instances in one call. Enforced by the store.
    pub instances: usize,
    /// Linear memories in one call. Enforced by the store.
    pub memories: usize,
    /// Tables in one call. Enforced by the store.
    pub tables: usize,
    /// Time that the guest itself may compute in one call; waiting for the host does not
    /// count. Looked at with each epoch and each request.
    pub cpu: Duration,
    /// Time that one call may take from its beginning to its end: guest, host and child
    /// processes. Enforced by epochs, by each import and by the broker.
    pub wall: Duration,
    /// Requests to the host in one call. Enforced by the gate.
    pub host_calls: u32,
    /// Requests of one call that may be denied. Enforced by the gate.
    pub denials: u32,
    /// Bytes that one request may lift out of the guest, and that one result may. Enforced by
    /// the engine.
    pub lifted_bytes: usize,
    /// Lines that one call may log. Enforced by the `log` import.
    pub log_lines: u32,
    /// Bytes of one log line with its fields; what is longer is cut. Enforced by the `log`
    /// import.
    pub log_line_bytes: usize,
    /// Keys that a driver may keep for one backend. Enforced by the `state` import.
    pub state_keys: u64,
    /// Bytes of all keys and values that a driver may keep for one backend. Enforced by the
    /// `state` import.
    pub state_bytes: u64,
    /// Bytes of one value in the state. Enforced by the `state` import.
    pub state_value_bytes: usize,
    /// Calls that one backend runs at the same time; others wait within their own wall time.
    /// Enforced by the backend.
    pub concurrent_calls: usize,
}

/// Enough for any driver seen (the directory driver needs 1.2 MiB); with 16 calls at once a
/// backend stays below one GiB.
const MEMORY_BYTES: usize = 64 * MIB;
/// A large driver has some thousand functions in its table.
const TABLE_ELEMENTS: usize = 20_000;
/// A component of one module has about ten core instances: the module and its adapters.
const INSTANCES: usize = 64;
/// One module, one memory; some room for adapters.
const MEMORIES: usize = 4;
/// A module's own table and those of its adapters.
const TABLES: usize = 8;
/// A driver asks and decides; it never works on data itself.
const CPU: Duration = Duration::from_secs(5);
/// Copying a large share is the longest thing that a driver waits for.
const WALL: Duration = Duration::from_secs(30 * 60);
/// A call with a thousand requests is a mistake already; this leaves room for large groups.
const HOST_CALLS: u32 = 100_000;
/// A driver that is denied so often is looking for something; each denial is a line in the audit.
const DENIALS: u32 = 1_000;
/// The largest request is a file to write or an answer with a long list.
const LIFTED_BYTES: usize = 4 * MIB;
/// More than anybody reads of one call.
const LOG_LINES: u32 = 1_000;
/// A line that fits on a screen, with room for fields.
const LOG_LINE_BYTES: usize = 4 * 1024;
/// Some keys for each of a thousand shares with snapshots.
const STATE_KEYS: u64 = 10_000;
/// 10,000 keys of 1.6 KiB.
const STATE_BYTES: u64 = 16 * MIB as u64;
/// Sixty times what upstream's private storage holds in one value.
const STATE_VALUE_BYTES: usize = 64 * 1024;
/// As many as the broker runs hands at once.
const CONCURRENT_CALLS: usize = 16;

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: MEMORY_BYTES,
            table_elements: TABLE_ELEMENTS,
            instances: INSTANCES,
            memories: MEMORIES,
            tables: TABLES,
            cpu: CPU,
            wall: WALL,
            host_calls: HOST_CALLS,
            denials: DENIALS,
            lifted_bytes: LIFTED_BYTES,
            log_lines: LOG_LINES,
            log_line_bytes: LOG_LINE_BYTES,
            state_keys: STATE_KEYS,
            state_bytes: STATE_BYTES,
            state_value_bytes: STATE_VALUE_BYTES,
            concurrent_calls: CONCURRENT_CALLS,
        }
    }
}

/// The largest component that is read at all, in bytes: generic components that carry an
/// interpreter are about 50 MiB.
pub const COMPONENT_BYTES: u64 = 64 * MIB as u64;

/// How often the engine looks whether a guest has had its time. A tenth of a second would be
/// felt by others; a millisecond would cost each guest.
pub(crate) const EPOCH_TICK: Duration = Duration::from_millis(10);

/// How much longer than its deadline a call is waited for, so that the broker can say that
/// everything it had started is gone.
pub(crate) const KILL_GRACE: Duration = Duration::from_secs(10);

/// Time for `describe`, which has nothing to wait for.
pub(crate) const DESCRIBE_WALL: Duration = Duration::from_secs(5);
