//! Components that a fuzzer thinks up, most of them with the imports and exports of a driver: each
//! is loaded, or refused with an error that blames the driver; none ends or holds up the loader.

#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use abaca::{Blame, Limits, Runtime};
use abaca_fuzz::program;
use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, WorldId};

/// The world of a driver, as its own contract has it.
const WORLD: &str = "package test:fuzzed; world fuzzed {
    import abaca:host/command@0.1.0;
    import abaca:host/files@0.1.0;
    import abaca:host/config@0.1.0;
    import abaca:host/state@0.1.0;
    import abaca:host/log@0.1.0;
    export abaca:driver/backend@0.1.0;
    export abaca:driver/shares@0.1.0;
    export abaca:driver/access@0.1.0;
}";

/// The most bytes of a module's or component's text that is thought up.
const CODE: std::ops::RangeInclusive<usize> = 0..=64;

/// What loads, and what it is built from.
struct Loader {
    executor: tokio::runtime::Runtime,
    runtime: Runtime,
    resolve: Resolve,
    world: WorldId,
    /// A module that offers all of the world, and traps in it.
    module: Vec<u8>,
    /// The same as a component.
    component: Vec<u8>,
}

static LOADER: LazyLock<Loader> = LazyLock::new(|| {
    let mut resolve = Resolve::default();
    for package in ["host", "driver"] {
        let directory = format!("{}/../../wit/{package}", env!("CARGO_MANIFEST_DIR"));
        resolve.push_dir(directory).expect("the contract");
    }
    let package = resolve.push_str("fuzzed.wit", WORLD).expect("a world");
    let world = resolve.select_world(&[package], Some("fuzzed")).expect("the world");
    let module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    let component = encode(module.clone(), &resolve, world).expect("a component");
    let executor = tokio::runtime::Runtime::new().expect("an async runtime");
    let mut limits = Limits::default();
    limits.wall = Duration::from_secs(5);
    limits.cpu = Duration::from_millis(500);
    let runtime = Runtime::builder().limits(limits).compiler(program("abaca-compiler")).build();
    let runtime = runtime.expect("a runtime");
    Loader { executor, runtime, resolve, world, module, component }
});

fuzz_target!(|bytes: &[u8]| {
    let loader = &*LOADER;
    let mut u = Unstructured::new(bytes);
    let Some(bytes) = component(loader, &mut u) else { return };
    let loaded = loader.executor.block_on(loader.runtime.load_bytes("fuzzed", bytes));
    if let Err(error) = loaded {
        assert_eq!(error.blame(), Blame::Driver, "{error:?}");
        assert!(!error.to_string().is_empty());
    }
});

/// A component of one of three kinds.
fn component(loader: &Loader, u: &mut Unstructured<'_>) -> Option<Vec<u8>> {
    Some(match u.int_in_range(0..=2).ok()? {
        // Any component, which is hardly ever a driver.
        0 => wasm_smith::Component::arbitrary(u).ok()?.to_bytes(),
        // Code of any kind behind the imports and exports of a driver, of what a driver may use:
        // what it may not use is in the components above.
        1 => {
            let config = wasm_smith::Config {
                exports: Some(loader.module.clone()),
                available_imports: Some(loader.module.clone()),
                max_memories: 1,
                exceptions_enabled: false,
                extended_const_enabled: false,
                gc_enabled: false,
                memory64_enabled: false,
                relaxed_simd_enabled: false,
                tail_call_enabled: false,
                threads_enabled: false,
                ..wasm_smith::Config::arbitrary(u).ok()?
            };
            let module = wasm_smith::Module::new(config, u).ok()?.to_bytes();
            encode(module, &loader.resolve, loader.world)?
        }
        // A driver whose bytes were changed here and there.
        _ => {
            let mut bytes = loader.component.clone();
            for _ in 0..u.int_in_range(0..=8).ok()? {
                let at = u.choose_index(bytes.len()).ok()?;
                let with: Vec<u8> = Vec::arbitrary(u).ok()?;
                let end = at + u.int_in_range(CODE).ok()?.min(bytes.len() - at);
                bytes.splice(at..end, with);
            }
            bytes
        }
    })
}

fn encode(mut module: Vec<u8>, resolve: &Resolve, world: WorldId) -> Option<Vec<u8>> {
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8).ok()?;
    ComponentEncoder::default().module(&module).ok()?.encode().ok()
}
