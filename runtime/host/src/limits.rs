//! What one call may use, and what one backend may use. Every limit is a named constant with
//! its reason, can be set by the embedder, and is enforced where the field's text says.
//!
//! Called by: `Runtime::builder`, and whoever enforces a limit.

use std::time::Duration;

/// A mebibyte, in bytes.
const MIB: usize = 1024 * 1024;

/// The bounds of a driver: of each call, and of compiling it. Construct with `Limits::default()` and change fields.
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
    /// Handles of the guest's own resources in one call; the contract has none. Enforced by the
    /// store.
    pub component_handles: usize,
    /// Bytes of stack that the guest has in one call. Enforced by the engine.
    pub stack_bytes: usize,
    /// Time that the guest itself may compute in one call; waiting for the host does not
    /// count. Looked at with each epoch and each request.
    pub cpu: Duration,
    /// Time that one call may take from its beginning to its end: guest, host and child
    /// processes. Enforced by epochs, by each import and by the broker.
    pub wall: Duration,
    /// Requests to the host in one call. Enforced by the gate.
    pub host_calls: u32,
    /// Requests that one call may make at once, before `host_calls_per_second` holds. Enforced by
    /// the gate.
    pub host_call_burst: u32,
    /// Requests that one call may make in a second; one that asks faster waits, within its wall
    /// time. 0 counts as 1. Enforced by the gate.
    pub host_calls_per_second: u32,
    /// Requests of one call that may be denied. Enforced by the gate.
    pub denials: u32,
    /// Bytes that one request may lift out of the guest, and that one result may. Enforced by
    /// the engine.
    pub lifted_bytes: usize,
    /// Bytes that all requests of one call together may lift out of the guest. Enforced by the
    /// gate.
    pub lifted_bytes_in_all: usize,
    /// Bytes that all answers to one call's requests together may lower into the guest. Enforced by
    /// the gate.
    pub lowered_bytes: usize,
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
    /// Commands that run at the same time for all backends of a runtime, beside one for each
    /// backend, which it has to itself; others wait within their call's wall time, and the backends
    /// take turns. Enforced by the gate.
    pub concurrent_commands: usize,
    /// The processor's time that compiling one driver may take, in whole seconds. Enforced by the
    /// kernel on the compiler's process.
    pub compile_cpu: Duration,
    /// The time that compiling one driver may take from its beginning to its end. Enforced by the
    /// runtime, which kills the compiler's process.
    pub compile_wall: Duration,
    /// Bytes of address space that the compiler may have, its own program included. Enforced by the
    /// kernel on the compiler's process.
    pub compile_memory_bytes: u64,
    /// Bytes of a driver's compiled code. Enforced by the runtime while it reads them.
    pub compiled_bytes: u64,
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
/// Drivers make none: the contract has no resources.
const COMPONENT_HANDLES: usize = 1_000;
/// The engine's default; a driver that needs more recurses without end.
const STACK_BYTES: usize = 512 * 1024;
/// A driver asks and decides; it never works on data itself.
const CPU: Duration = Duration::from_secs(5);
/// Copying a large share is the longest thing that a driver waits for.
const WALL: Duration = Duration::from_secs(30 * 60);
/// A call with a thousand requests is a mistake already; this leaves room for large groups.
const HOST_CALLS: u32 = 100_000;
/// A call of an ordinary driver makes some ten requests, of a large one some hundred; only a flood
/// ever waits.
const HOST_CALL_BURST: u32 = 5_000;
/// Each request may be a line in the audit and a message to the broker: a flood that leaves room
/// for the requests of others.
const HOST_CALLS_PER_SECOND: u32 = 5_000;
/// A driver that is denied so often is looking for something; each denial is a line in the audit.
const DENIALS: u32 = 1_000;
/// The largest request is a file to write or an answer with a long list.
const LIFTED_BYTES: usize = 4 * MIB;
/// Eight of the largest requests.
const LIFTED_BYTES_IN_ALL: usize = 32 * MIB;
/// Half of the memory that a guest could put it in: it has to be of use, too.
const LOWERED_BYTES: usize = 32 * MIB;
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
/// As many as two backends run at most; what storage tools wait for is the same disks.
const CONCURRENT_COMMANDS: usize = 32;
/// A driver in Rust takes a second, a large interpreter one or two minutes where nothing is
/// optimised.
const COMPILE_CPU: Duration = Duration::from_secs(5 * 60);
/// On a machine with much other work.
const COMPILE_WALL: Duration = Duration::from_secs(30 * 60);
/// A driver in Rust takes 100 MiB, a large interpreter one GiB.
const COMPILE_MEMORY_BYTES: u64 = 2048 * MIB as u64;
/// Four times the largest component.
pub(crate) const COMPILED_BYTES: u64 = 4 * COMPONENT_BYTES;

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: MEMORY_BYTES,
            table_elements: TABLE_ELEMENTS,
            instances: INSTANCES,
            memories: MEMORIES,
            tables: TABLES,
            component_handles: COMPONENT_HANDLES,
            stack_bytes: STACK_BYTES,
            cpu: CPU,
            wall: WALL,
            host_calls: HOST_CALLS,
            host_call_burst: HOST_CALL_BURST,
            host_calls_per_second: HOST_CALLS_PER_SECOND,
            denials: DENIALS,
            lifted_bytes: LIFTED_BYTES,
            lifted_bytes_in_all: LIFTED_BYTES_IN_ALL,
            lowered_bytes: LOWERED_BYTES,
            log_lines: LOG_LINES,
            log_line_bytes: LOG_LINE_BYTES,
            state_keys: STATE_KEYS,
            state_bytes: STATE_BYTES,
            state_value_bytes: STATE_VALUE_BYTES,
            concurrent_calls: CONCURRENT_CALLS,
            concurrent_commands: CONCURRENT_COMMANDS,
            compile_cpu: COMPILE_CPU,
            compile_wall: COMPILE_WALL,
            compile_memory_bytes: COMPILE_MEMORY_BYTES,
            compiled_bytes: COMPILED_BYTES,
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
