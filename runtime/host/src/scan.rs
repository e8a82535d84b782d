//! Looks at a component's bytes before anything is compiled: is it one, is it small enough, does
//! it stay within the features of a driver, and can it be instantiated a bounded number of
//! times. Pure; called by `Driver::load`.
//!
//! Compiling is not bounded by the engine: a component of 1.5 KiB in which each part instantiates
//! the one before it twice, 24 times over, takes it a minute and 4 GiB. So only the outermost
//! component may instantiate components here: then what is compiled grows no faster than the
//! file.

use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentInstance, Encoding, Parser, Payload, Validator,
    WasmFeatures,
};

use crate::limits::COMPONENT_BYTES;

/// The number of what is checked here; a cache holds what was compiled under the same rules only.
pub(crate) const RULES: u32 = 1;

/// How deep components may nest. The outer one and the adapters that the component linker makes
/// for each exported interface are two levels.
const DEPTH: usize = 2;

/// Instances of components, modules or interfaces in one component. The linker makes about two
/// for each import and export.
const INSTANCES: u32 = 1_000;

/// Functions in all modules together. A driver with an interpreter has about 30,000.
const FUNCTIONS: u32 = 100_000;

/// Bytes of one function. The largest that a compiler was seen to make is 400 KiB; compiling
/// grows faster than the size.
const FUNCTION_BYTES: usize = 1024 * 1024;

/// The features that a driver may use: what compilers emit by default, and the component model
/// without its async part.
pub(crate) fn features() -> WasmFeatures {
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

/// Checks the bytes.
///
/// # Errors
/// One sentence for the operator: what the file is instead, or which bound it exceeds.
pub(crate) fn scan(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() as u64 > COMPONENT_BYTES {
        return Err(format!("it is larger than {COMPONENT_BYTES} bytes"));
    }
    kind(bytes)?;
    let mut depth = 0_usize;
    let mut instances = 0_u32;
    let mut functions = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| broken(&error))? {
            Payload::Version { encoding, .. } => {
                depth += 1;
                if encoding == Encoding::Component && depth > DEPTH {
                    return Err(format!("it nests components deeper than {DEPTH} levels"));
                }
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentInstanceSection(section) => {
                instances = instances.saturating_add(section.count());
                for instance in section {
                    let instance = instance.map_err(|error| broken(&error))?;
                    if depth > 1 && matches!(instance, ComponentInstance::Instantiate { .. }) {
                        return Err("a component inside it instantiates components".to_owned());
                    }
                }
            }
            Payload::InstanceSection(section) => {
                instances = instances.saturating_add(section.count());
            }
            Payload::CodeSectionStart { count, .. } => functions = functions.saturating_add(count),
            Payload::CodeSectionEntry(body) if body.range().len() > FUNCTION_BYTES => {
                return Err(format!("it has a function of more than {FUNCTION_BYTES} bytes"));
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    encodings(&function.map_err(|error| broken(&error))?)?;
                }
            }
            _ => {}
        }
        if instances > INSTANCES {
            return Err(format!("it has more than {INSTANCES} instances"));
        }
        if functions > FUNCTIONS {
            return Err(format!("it has more than {FUNCTIONS} functions"));
        }
    }
    Validator::new_with_features(features()).validate_all(bytes).map(|_| ()).map_err(|error| {
        format!("it is not valid, or uses a feature that drivers may not: {error}")
    })
}

/// What the file is, by its first bytes.
fn kind(bytes: &[u8]) -> Result<(), String> {
    /// How a file of compiled native code begins.
    const ELF: &[u8] = b"\x7fELF";
    if bytes.starts_with(ELF) {
        return Err("it is compiled native code, which is never loaded; give the component".into());
    }
    if Parser::is_core_wasm(bytes) {
        return Err("it is a core WebAssembly module, not a component; build it with \
                    `wasm-component-ld` as its linker"
            .into());
    }
    if !Parser::is_component(bytes) {
        return Err("it is not a WebAssembly component".into());
    }
    Ok(())
}

/// Strings travel as UTF-8: the other encodings have had the engine's most dangerous mistakes.
fn encodings(function: &CanonicalFunction) -> Result<(), String> {
    let options = match function {
        CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. } => {
            options
        }
        _ => return Ok(()),
    };
    for option in &**options {
        if matches!(option, CanonicalOption::UTF16 | CanonicalOption::CompactUTF16) {
            return Err("it passes strings in another encoding than UTF-8".into());
        }
    }
    Ok(())
}

fn broken(error: &wasmparser::BinaryReaderError) -> String {
    format!("it is damaged or cut short: {error}")
}
