//! Makes the drivers of `abaca doctor --limits`: a component of `doctor/driver.wat` for each file
//! in `doctor/attacks/`, and a Rust file with a constant for each.

#![expect(clippy::disallowed_methods, reason = "a build reads the sources and writes beside them")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result};
use wasm_encoder::Encode;
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// One function more than a component may have.
const FUNCTIONS: usize = 100_001;

/// What every one of them imports and exports.
const WORLD: &str = "
package abaca:doctor;
world doctor {
    import abaca:host/clock@0.1.0;
    import abaca:host/command@0.1.0;
    import abaca:host/config@0.1.0;
    import abaca:host/log@0.1.0;
    import abaca:host/state@0.1.0;
    export abaca:driver/backend@0.1.0;
    export abaca:driver/shares@0.1.0;
    export abaca:driver/access@0.1.0;
}";

fn main() -> Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").context("no directory")?);
    let out = PathBuf::from(env::var_os("OUT_DIR").context("no directory for what is made")?);
    let (doctor, wit) = (here.join("doctor"), here.join("../../wit"));
    for watched in [&doctor, &wit] {
        println!("cargo::rerun-if-changed={}", watched.display());
    }
    let frame = fs::read_to_string(doctor.join("driver.wat"))?;
    let mut attacks: Vec<_> = fs::read_dir(doctor.join("attacks"))?.collect::<Result<_, _>>()?;
    attacks.sort_by_key(fs::DirEntry::file_name);
    let mut made = Vec::new();
    for attack in attacks {
        let path = attack.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).context("a file's name")?;
        let text = frame.replace("{attack}", &fs::read_to_string(&path)?).replace("{more}", "");
        let component = component(&wit, &text).with_context(|| path.display().to_string())?;
        made.push((name.to_owned(), component));
    }
    let nothing = frame.replace("{attack}", "(i32.const 0)");
    made.push(("functions".to_owned(), component(&wit, &nothing.replace("{more}", &functions()))?));
    made.push(("bomb".to_owned(), component(&wit, &nothing.replace("{more}", &bomb()))?));
    let maker = wat::parse_str(fs::read_to_string(doctor.join("handles.wat"))?)?;
    let host = component(&wit, &nothing.replace("{more}", ""))?;
    made.push(("handles".to_owned(), behind(host, &maker)?));
    let mut constants = String::new();
    for (name, component) in made {
        let file = out.join(format!("{name}.wasm"));
        fs::write(&file, component)?;
        let constant = name.to_uppercase();
        writeln!(constants, "pub const {constant}: &[u8] = include_bytes!({file:?});")?;
    }
    fs::write(out.join("attacks.rs"), constants)?;
    Ok(())
}

/// The component of a core module that keeps to the world.
fn component(wit: &Path, text: &str) -> Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    resolve.push_dir(wit.join("host"))?;
    resolve.push_dir(wit.join("driver"))?;
    let package = resolve.push_str("doctor.wit", WORLD)?;
    let world = resolve.select_world(&[package], Some("doctor"))?;
    let mut module = wat::parse_str(text)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default().validate(true).module(&module)?.encode()
}

/// Functions that keep a compiler busy for many seconds, each within what the scan lets pass: it
/// follows every local through every loop.
fn bomb() -> String {
    let locals = "i64 ".repeat(4_000);
    let body =
        "(loop (br_if 0 (i32.wrap_i64 (local.tee 1 (i64.add (local.get 0) (local.get 1))))))"
            .repeat(4_000);
    format!("(func (local {locals}) {body})").repeat(8)
}

/// A component with another one in it, which is instantiated last and without arguments.
fn behind(mut component: Vec<u8>, inner: &[u8]) -> Result<Vec<u8>> {
    let (mut depth, mut components) = (0, 0_u32);
    for payload in Parser::new(0).parse_all(&component) {
        match payload? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentSection { .. } if depth == 1 => components += 1,
            _ => {}
        }
    }
    /// The numbers of the sections, and "instantiate".
    const COMPONENT: u8 = 4;
    const INSTANCES: u8 = 5;
    const INSTANTIATE: u8 = 0;
    component.push(COMPONENT);
    inner.encode(&mut component);
    let mut instance = vec![1, INSTANTIATE];
    components.encode(&mut instance);
    instance.push(0);
    component.push(INSTANCES);
    instance.encode(&mut component);
    Ok(component)
}

/// Functions that do nothing.
fn functions() -> String {
    "(func)".repeat(FUNCTIONS)
}
