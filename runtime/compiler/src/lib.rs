//! What the runtime and `abaca-compiler` must agree on: the engine's settings, the command line,
//! and how the compiler ends. The runtime's own process runs what was compiled and never compiles;
//! the program never runs what it compiles.
//!
//! ```text
//! runtime ── the component's bytes, then the end ─▶ stdin ─┐
//!                                                          abaca-compiler, behind its walls
//! runtime ◀── compiled code, or why there is none ─ stdout ┘
//! ```

mod bounds;

pub use bounds::Bounds;
use wasmtime::Config;

/// The program's file name.
pub const PROGRAM: &str = "abaca-compiler";

/// The exit code when the engine refuses the component; standard output says why.
pub const REFUSED: u8 = 1;

/// The exit code for a mistake in the command line.
pub const MISTAKE: u8 = 2;

/// The exit code when a wall cannot be built on this machine, or the engine does not start;
/// standard output says why. Nothing of the component was read then.
pub const NOT_READY: u8 = 3;

/// What a guest may be made of, and how it is watched: whatever decides which code is made. The
/// features that the runtime's scan refuses are switched off here as well.
#[must_use]
pub fn configuration() -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    // Typed calls become three to five times cheaper, and the advisories of the async part of
    // the component model are out of reach.
    config.concurrency_support(false);
    config.epoch_interruption(true);
    config.async_stack_zeroing(true);
    config.wasm_relaxed_simd(false);
    config.wasm_memory64(false);
    config.wasm_multi_memory(false);
    config.wasm_tail_call(false);
    config
}
