//! `abaca-compiler`: compiles one component, and can do nothing else.
//!
//! Compiling is the one thing that an engine does with hostile bytes before any of its own limits
//! hold, and a small component can make it long and large. So it is done here: in a process that
//! builds its walls before it reads a byte, and that is killed when it takes too much. It is
//! started by the runtime for one component, which it reads from standard input to the end; it
//! answers compiled code on standard output, or why there is none (see the exit codes in the
//! library). It ends with the process that started it.
//!
//! It does not judge what it compiles, which is the scan's in the runtime, and it keeps nothing.

mod kernel;
mod proof;
mod walls;

use std::io::{Read, Write, stderr, stdin, stdout};
use std::process::ExitCode;

use abaca_compiler::{Bounds, MISTAKE, NOT_READY, REFUSED, configuration};
use wasmparser::{Validator, WasmFeatures};
use wasmtime::Engine;

const HELP: &str = "\
Compiles one WebAssembly component, from standard input to standard output.

Usage: abaca-compiler [--prove] --parent PID --cpu-seconds N --memory-bytes N

  --parent PID        the process that started it, with which it ends
  --cpu-seconds N     the processor's time that it may take
  --memory-bytes N    the address space that it may have
  --prove             instead of compiling, try what the walls forbid, and say what came of it
  --help              this text
  --version           the version

It is started by the Abaca runtime. It can open no file, no socket and no process.";

fn main() -> ExitCode {
    let mut arguments: Vec<_> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let first = arguments.first().map(String::as_str);
    let text = match first {
        Some("--help") => Some(HELP.to_owned()),
        Some("--version") => Some(format!("abaca-compiler {}", env!("CARGO_PKG_VERSION"))),
        _ => None,
    };
    if let Some(text) = text {
        return said(&format!("{text}\n"), 0);
    }
    let prove = first == Some("--prove");
    if prove {
        arguments.remove(0);
    }
    let bounds = match Bounds::read(arguments) {
        Ok(bounds) => bounds,
        Err(message) => {
            let _ = writeln!(stderr(), "abaca-compiler: {message}");
            return ExitCode::from(MISTAKE);
        }
    };
    if let Err(reason) = walls::build(&bounds) {
        return said(&reason, NOT_READY);
    }
    if prove {
        return said(&proof::attempts(), 0);
    }
    compile()
}

fn compile() -> ExitCode {
    let mut config = configuration();
    // There is one thread here, and there will be no other.
    config.parallel_compilation(false);
    let engine = match Engine::new(&config) {
        Ok(engine) => engine,
        Err(error) => return said(&format!("the engine: {error:#}"), NOT_READY),
    };
    let mut component = Vec::new();
    if let Err(error) = stdin().lock().read_to_end(&mut component) {
        return said(&format!("the component cannot be read: {error}"), NOT_READY);
    }
    // Here, and not in the runtime: what is small may be large for whoever checks its types.
    if let Err(error) = Validator::new_with_features(features()).validate_all(&component) {
        let text = format!("it is not valid, or uses a feature that drivers may not: {error}");
        return said(&text, REFUSED);
    }
    match engine.precompile_component(&component) {
        Ok(code) => answered(&code, 0),
        Err(error) => said(&format!("{error:#}"), REFUSED),
    }
}

/// The features that a driver may use: what compilers emit by default, and the component model
/// without its async part.
fn features() -> WasmFeatures {
    WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::SIMD
        | WasmFeatures::FLOATS
        | WasmFeatures::GC_TYPES
        | WasmFeatures::COMPONENT_MODEL
}

fn said(text: &str, code: u8) -> ExitCode {
    answered(text.as_bytes(), code)
}

/// Answers, and ends with this code; an answer that did not arrive whole is none.
fn answered(bytes: &[u8], code: u8) -> ExitCode {
    let mut out = stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::from(code),
        Err(_) => ExitCode::from(NOT_READY),
    }
}
