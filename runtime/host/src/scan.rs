//! Looks at a component's bytes before anything is compiled: is it one, is it small enough, does
//! it stay within the features of a driver, and can it be instantiated a bounded number of
//! times. Pure; called by `driver::compiling`.
//!
//! Compiling is not bounded by the engine, and what bounds its process (`compiler`) says only that
//! it was too much: a component of 1.5 KiB in which each part instantiates
//! the one before it twice, 24 times over, takes it a minute and 4 GiB. So only the outermost
//! component may instantiate components here: then what is compiled grows no faster than the
//! file.

mod function;

use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentInstance, Encoding, Parser, Payload,
};

use crate::limits::COMPONENT_BYTES;

/// The number of what is checked here; a cache holds what was compiled under the same rules only.
pub(crate) const RULES: u32 = 3;

/// How deep components may nest. The outer one and the adapters that the component linker makes
/// for each exported interface are two levels.
const DEPTH: usize = 2;

/// Instances of components, modules or interfaces in one component. The linker makes about two
/// for each import and export.
const INSTANCES: u32 = 1_000;

/// Functions in all modules together. A driver with an interpreter has about 30,000.
const FUNCTIONS: u32 = 100_000;

/// Types in all modules and components together. A driver with an interpreter has some thousand.
const TYPES: u32 = 20_000;

/// Variables in all modules together. Each is a place in every instance, which no limit of the
/// engine's counts. Compilers make a few.
const GLOBALS: u32 = 10_000;

/// Instances that there are when each component that is instantiated brings its own. An instance
/// of a component is followed by the compiler as often as it is made.
const EXPANDED: u32 = 10_000;

/// Functions that are lifted or lowered, counted in the same way.
const CANONICAL: u32 = 100_000;

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
    let mut types = 0_u32;
    let mut globals = 0_u32;
    let mut whole = Expansion::default();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| broken(&error))? {
            Payload::Version { encoding, .. } => {
                depth += 1;
                if encoding == Encoding::Component {
                    whole.enter();
                }
                if encoding == Encoding::Component && depth > DEPTH {
                    return Err(format!("it nests components deeper than {DEPTH} levels"));
                }
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentInstanceSection(section) => {
                instances = instances.saturating_add(section.count());
                for instance in section {
                    let instance = instance.map_err(|error| broken(&error))?;
                    if matches!(instance, ComponentInstance::Instantiate { .. }) {
                        if depth > 1 {
                            return Err("a component inside it instantiates components".to_owned());
                        }
                        whole.instantiated = whole.instantiated.saturating_add(1);
                    }
                }
            }
            Payload::InstanceSection(section) => {
                instances = instances.saturating_add(section.count());
                whole.add(depth, section.count(), 0);
            }
            Payload::GlobalSection(section) => globals = globals.saturating_add(section.count()),
            Payload::CodeSectionStart { count, .. } => functions = functions.saturating_add(count),
            Payload::CodeSectionEntry(body) => function::check(&body)?,
            Payload::TypeSection(section) => types = types.saturating_add(section.count()),
            Payload::CoreTypeSection(section) => types = types.saturating_add(section.count()),
            Payload::ComponentTypeSection(section) => {
                types = types.saturating_add(section.count());
            }
            Payload::ComponentCanonicalSection(section) => {
                whole.add(depth, 0, section.count());
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
        if types > TYPES {
            return Err(format!("it has more than {TYPES} types"));
        }
        if globals > GLOBALS {
            return Err(format!("it has more than {GLOBALS} variables in its modules"));
        }
        whole.check()?;
    }
    Ok(())
}

/// What there is when every component that the outermost one instantiates has brought its own.
/// Which of them it is, is not looked up: each counts as the largest.
#[derive(Default)]
struct Expansion {
    /// Instances of components in the outermost one.
    instantiated: u32,
    /// Instances and canonical functions of the component at work, and of the largest inner one.
    here: (u32, u32),
    largest: (u32, u32),
}

impl Expansion {
    /// Another inner component begins.
    fn enter(&mut self) {
        self.here = (0, 0);
    }

    fn add(&mut self, depth: usize, instances: u32, canonical: u32) {
        // Those of the outermost one are bounded by its own sections.
        if depth > 1 {
            self.here.0 = self.here.0.saturating_add(instances);
            self.here.1 = self.here.1.saturating_add(canonical);
            self.largest.0 = self.largest.0.max(self.here.0);
            self.largest.1 = self.largest.1.max(self.here.1);
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.instantiated.saturating_mul(self.largest.0) > EXPANDED {
            return Err(format!("its components make more than {EXPANDED} instances together"));
        }
        if self.instantiated.saturating_mul(self.largest.1) > CANONICAL {
            return Err(format!(
                "its components make more than {CANONICAL} lifted or lowered functions together"
            ));
        }
        Ok(())
    }
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
