//! How `abaca doctor --limits` hits each limit: what it is set to, the driver that hits it, and how
//! that has to show. Data only; `limits` does it.
//!
//! The drivers are made by `build.rs` of `doctor/driver.wat` and `doctor/attacks/`.

pub mod drivers {
    //! The components.
    include!(concat!(env!("OUT_DIR"), "/attacks.rs"));
}

use std::time::Duration;

use abaca::{CompileError, Limit, Limits, Part};

/// The wall time of those that wait for it.
const SHORT: Duration = Duration::from_secs(2);

/// How long each of two takes that may not be at work at once.
pub const NAP: Duration = Duration::from_secs(1);

/// The wall time of those that may ask once in a second: it ends amid a wait.
const AMID: Duration = Duration::from_millis(2500);

/// How one limit is hit.
pub struct Trial {
    /// Its name in [`Limits`], or what it bounds.
    pub limit: &'static str,
    /// What it is set to, for people, and how.
    pub set_to: &'static str,
    pub set: fn(&mut Limits),
    /// What the driver does.
    pub asked: &'static str,
    pub driver: &'static [u8],
    /// What should come of it.
    pub expected: Expected,
}

/// How a limit shows.
pub enum Expected {
    /// The call is ended by it.
    Ended(Limit),
    /// The driver is not even loaded: it would have more than it may.
    NotLoaded(Limit),
    /// The call's time runs out during this.
    Late(fn(&Part) -> bool),
    /// The host refuses the request with a text in which this is.
    Refused(&'static str),
    /// The driver is not compiled for this reason.
    NotCompiled(fn(&CompileError) -> bool),
    /// Of two at once, each of which takes a [`NAP`], the second ended that much later than the first;
    /// and the log says what it waited for, with these words.
    OneByOne(&'static str),
    /// The file is not even scanned: behind the driver it has more bytes than a component may.
    TooLarge,
    /// The file is refused by the scan with a text in which this is.
    Unread(&'static str),
    /// A line of the log has no more bytes than this, and a mark where it was cut.
    Logged(usize),
}

/// One for each limit, and two where it bounds both directions.
pub const TRIALS: &[Trial] = &[
    Trial {
        limit: "memory_bytes",
        set_to: "4 MiB",
        set: |limits| limits.memory_bytes = 4 << 20,
        asked: "memory until there is none",
        driver: drivers::MEMORY,
        expected: Expected::Ended(Limit::Memory),
    },
    Trial {
        limit: "table_elements",
        set_to: "10,000",
        set: |limits| limits.table_elements = 10_000,
        asked: "elements of a table until there are none",
        driver: drivers::TABLE,
        expected: Expected::Ended(Limit::Memory),
    },
    Trial {
        limit: "instances",
        set_to: "1",
        set: |limits| limits.instances = 1,
        asked: "an instance for itself and some for its adapters",
        driver: drivers::NOTHING,
        expected: Expected::NotLoaded(Limit::Memory),
    },
    Trial {
        limit: "memories",
        set_to: "0",
        set: |limits| limits.memories = 0,
        asked: "one memory",
        driver: drivers::NOTHING,
        expected: Expected::NotLoaded(Limit::Memory),
    },
    Trial {
        limit: "tables",
        set_to: "0",
        set: |limits| limits.tables = 0,
        asked: "one table",
        driver: drivers::NOTHING,
        expected: Expected::NotLoaded(Limit::Memory),
    },
    Trial {
        limit: "cpu",
        set_to: "200 ms",
        set: |limits| limits.cpu = Duration::from_millis(200),
        asked: "to compute without end",
        driver: drivers::COMPUTING,
        expected: Expected::Ended(Limit::Cpu),
    },
    Trial {
        limit: "stack_bytes",
        set_to: "256 KiB",
        set: |limits| limits.stack_bytes = 256 << 10,
        asked: "to call itself without end",
        driver: drivers::RECURSION,
        expected: Expected::Ended(Limit::Stack),
    },
    Trial {
        limit: "wall",
        set_to: "2 s",
        set: |limits| limits.wall = SHORT,
        asked: "to sleep for a minute",
        driver: drivers::SLEEPING,
        expected: Expected::Late(|part| matches!(part, Part::Import(_))),
    },
    Trial {
        limit: "concurrent_calls",
        set_to: "1",
        set: |limits| limits.concurrent_calls = 1,
        asked: "two calls at once, of a second each",
        driver: drivers::NAPPING,
        expected: Expected::OneByOne("waits for a place among the calls"),
    },
    Trial {
        limit: "host_calls",
        set_to: "1,000",
        set: |limits| limits.host_calls = 1_000,
        asked: "the time without end",
        driver: drivers::ASKING,
        expected: Expected::Ended(Limit::HostCalls),
    },
    Trial {
        limit: "denials",
        set_to: "10",
        set: |limits| limits.denials = 10,
        asked: "without end for what is not granted",
        driver: drivers::STRAYING,
        expected: Expected::Ended(Limit::Denials),
    },
    Trial {
        limit: "lifted_bytes",
        set_to: "1 MiB",
        set: |limits| limits.lifted_bytes = 1 << 20,
        asked: "to log a message of 2 MiB",
        driver: drivers::LARGE_REQUEST,
        expected: Expected::Ended(Limit::LiftedBytes),
    },
    Trial {
        limit: "lifted_bytes",
        set_to: "1 MiB",
        set: |limits| limits.lifted_bytes = 1 << 20,
        asked: "to answer with a text of 2 MiB",
        driver: drivers::LARGE_ANSWER,
        expected: Expected::Ended(Limit::LiftedBytes),
    },
    Trial {
        limit: "log_lines",
        set_to: "100",
        set: |limits| limits.log_lines = 100,
        asked: "to log without end",
        driver: drivers::LOG_LINES,
        expected: Expected::Refused("100 log lines"),
    },
    Trial {
        limit: "log_line_bytes",
        set_to: "1 KiB",
        set: |limits| limits.log_line_bytes = 1 << 10,
        asked: "to log a line of 64 KiB",
        driver: drivers::LOG_LINE,
        expected: Expected::Logged(1 << 10),
    },
    Trial {
        limit: "state_keys",
        set_to: "10",
        set: |limits| limits.state_keys = 10,
        asked: "to keep 16 keys",
        driver: drivers::STATE_KEYS,
        expected: Expected::Refused("10"),
    },
    Trial {
        limit: "state_bytes",
        set_to: "4 KiB",
        set: |limits| limits.state_bytes = 4 << 10,
        asked: "to keep 8 KiB",
        driver: drivers::STATE_VALUE,
        expected: Expected::Refused("4096"),
    },
    Trial {
        limit: "state_value_bytes",
        set_to: "4 KiB",
        set: |limits| limits.state_value_bytes = 4 << 10,
        asked: "to keep a value of 8 KiB",
        driver: drivers::STATE_VALUE,
        expected: Expected::Refused("4096"),
    },
    Trial {
        limit: "component_handles",
        set_to: "10",
        set: |limits| limits.component_handles = 10,
        asked: "handles of a resource of its own without end",
        driver: drivers::HANDLES,
        expected: Expected::NotLoaded(Limit::Handles),
    },
    Trial {
        limit: "host_call_burst",
        set_to: "10",
        set: |limits| {
            (limits.host_call_burst, limits.host_calls_per_second, limits.wall) = (10, 1, AMID);
        },
        asked: "the time without end",
        driver: drivers::ASKING,
        expected: Expected::Late(|part| matches!(part, Part::Rate)),
    },
    Trial {
        limit: "host_calls_per_second",
        set_to: "1",
        set: |limits| {
            (limits.host_call_burst, limits.host_calls_per_second, limits.wall) = (1, 1, AMID);
        },
        asked: "the time without end",
        driver: drivers::ASKING,
        expected: Expected::Late(|part| matches!(part, Part::Rate)),
    },
    Trial {
        limit: "lifted_bytes_in_all",
        set_to: "1 MiB",
        set: |limits| limits.lifted_bytes_in_all = 1 << 20,
        asked: "to log 64 KiB without end",
        driver: drivers::MANY_REQUESTS,
        expected: Expected::Ended(Limit::LiftedInAll),
    },
    Trial {
        limit: "lowered_bytes",
        set_to: "1 KiB",
        set: |limits| limits.lowered_bytes = 1 << 10,
        asked: "the time without end",
        driver: drivers::ASKING,
        expected: Expected::Ended(Limit::LoweredBytes),
    },
    Trial {
        limit: "concurrent_commands",
        set_to: "0, beside one place of its own",
        set: |limits| limits.concurrent_commands = 0,
        asked: "two commands at once, of a second each",
        driver: drivers::COMMAND_NAPS,
        expected: Expected::OneByOne("waits for a place among the commands"),
    },
    Trial {
        limit: "compile_cpu",
        set_to: "2 s",
        set: |limits| limits.compile_cpu = SHORT,
        asked: "the compiler to follow 4,000 locals through 4,000 loops, 8 times",
        driver: drivers::BOMB,
        expected: Expected::NotCompiled(|error| matches!(error, CompileError::Cpu(_))),
    },
    Trial {
        limit: "compile_wall",
        set_to: "2 s",
        set: |limits| limits.compile_wall = SHORT,
        asked: "the same",
        driver: drivers::BOMB,
        expected: Expected::NotCompiled(|error| matches!(error, CompileError::Wall(_))),
    },
    Trial {
        limit: "compile_memory_bytes",
        set_to: "100 MiB",
        set: |limits| limits.compile_memory_bytes = 100 << 20,
        asked: "the same",
        driver: drivers::BOMB,
        expected: Expected::NotCompiled(|error| matches!(error, CompileError::Memory(_))),
    },
    Trial {
        limit: "compiled_bytes",
        set_to: "1 KiB",
        set: |limits| limits.compiled_bytes = 1 << 10,
        asked: "nothing but to be compiled",
        driver: drivers::NOTHING,
        expected: Expected::NotCompiled(|error| matches!(error, CompileError::Size(_))),
    },
    Trial {
        limit: "component_bytes",
        set_to: "64 MiB, always",
        set: |_| (),
        asked: "to be loaded from one byte more",
        driver: drivers::NOTHING,
        expected: Expected::TooLarge,
    },
    Trial {
        limit: "component_functions",
        set_to: "100,000, always",
        set: |_| (),
        asked: "to be loaded with one function more",
        driver: drivers::FUNCTIONS,
        expected: Expected::Unread("100000 functions"),
    },
    Trial {
        limit: "command_output",
        set_to: "1 KiB, by its rule",
        set: |_| (),
        asked: "what a command prints that prints 588,895 bytes",
        driver: drivers::OUTPUT,
        expected: Expected::Refused("1 KiB and no more"),
    },
];
