//! Drivers assembled by hand: whole in form, each function of them as an attacker would write it
//! who needs no compiler. What is not said traps. It judges nothing.

use std::collections::BTreeMap;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::WasmType;
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, WasmExport, WasmExportKind, WorldItem};

use crate::support::contract;

const ABI: ManglingAndAbi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);

/// Where `describe` puts its answer, and the texts that it points to.
const DESCRIPTION: &str = r#"
  (data (i32.const 64) "assembled")
  (data (i32.const 80) "1.0.0")
  ;; name, vendor, version
  (data (i32.const 128) "\40\00\00\00\09\00\00\00\40\00\00\00\09\00\00\00\50\00\00\00\05\00\00\00")
  ;; one protocol, one mode (both are a zero byte), no option, nothing withheld
  (data (i32.const 152) "\f0\00\00\00\01\00\00\00\f0\00\00\00\01\00\00\00")
"#;

/// Room for what the host passes in: nobody gives it back, for an instance lives for one call.
const REALLOC: &str = r"
  global.get $next
  local.get 2 i32.add i32.const 1 i32.sub
  i32.const 0 local.get 2 i32.sub i32.and
  local.tee 0
  local.get 3 i32.add global.set $next
  local.get 0";

/// A driver that is being assembled.
pub struct Assembly {
    bodies: BTreeMap<String, String>,
    imports: String,
    module: String,
    memory: String,
}

impl Assembly {
    /// A driver that answers `ok` and no locations.
    pub fn new() -> Self {
        let good = [
            ("describe", "i32.const 128"),
            ("create-share", "i32.const 256"),
            ("cabi_realloc", REALLOC),
        ];
        let bodies = good.map(|(name, body)| (name.to_owned(), body.to_owned())).into();
        let memory = "(memory (export \"memory\") 2)".to_owned();
        Self { bodies, imports: String::new(), module: String::new(), memory }
    }

    /// With this body of a function: `create-share`, `cabi_realloc`, `_initialize`, or
    /// `after create-share` for what runs when its answer has been read.
    pub fn body(mut self, function: &str, body: &str) -> Self {
        self.bodies.insert(function.to_owned(), body.to_owned());
        self
    }

    /// With more in its module.
    pub fn and(mut self, text: &str) -> Self {
        self.module += text;
        self
    }

    /// With an import of the host's, named `$import` in its module.
    pub fn importing(mut self, interface: &str, function: &str, parameters: &str) -> Self {
        self.imports += &format!(
            "(import \"abaca:host/{interface}@0.1.0\" {function:?} (func $import {parameters}))\n"
        );
        self
    }

    /// With another memory.
    pub fn memory(mut self, pages: &str) -> Self {
        self.memory = format!("(memory (export \"memory\") {pages})");
        self
    }

    /// The component.
    pub fn make(self) -> Vec<u8> {
        let mut resolve = Resolve::default();
        for package in ["host", "driver"] {
            resolve.push_str("contract.wit", &contract(package)).unwrap();
        }
        let world = "package test:assembled; world assembled { import abaca:host/clock@0.1.0; \
                     export abaca:driver/backend@0.1.0; export abaca:driver/shares@0.1.0; \
                     export abaca:driver/access@0.1.0; }";
        let package = resolve.push_str("assembled.wit", world).unwrap();
        let world = resolve.select_world(&[package], Some("assembled")).unwrap();
        let mut text = format!("(module\n{}", self.imports);
        for (key, item) in &resolve.worlds[world].exports {
            let WorldItem::Interface { id, .. } = item else { continue };
            for function in resolve.interfaces[*id].functions.values() {
                let signature = resolve.wasm_signature(ABI.export_variant(), function);
                let (parameters, results) = (types(&signature.params), types(&signature.results));
                let named = |kind| {
                    let export = WasmExport::Func { interface: Some(key), func: function, kind };
                    resolve.wasm_export_name(ABI, export)
                };
                let body = |name: &str| self.bodies.get(name).map_or("unreachable", String::as_str);
                text += &format!(
                    "(func (export {:?}) (param {parameters}) (result {results}) {})\n",
                    named(WasmExportKind::Normal),
                    body(&function.name),
                );
                if let Some(after) = self.bodies.get(&format!("after {}", function.name)) {
                    text += &format!(
                        "(func (export {:?}) (param {results}) {after})\n",
                        named(WasmExportKind::PostReturn),
                    );
                }
            }
        }
        text += &format!(
            "(func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) {})\n",
            self.bodies["cabi_realloc"],
        );
        if let Some(body) = self.bodies.get("_initialize") {
            text += &format!("(func (export \"_initialize\") {body})\n");
        }
        // What the host passes in comes after the fixed places.
        text += "(global $next (mut i32) (i32.const 1024))\n";
        text += &format!("{}{DESCRIPTION}{})", self.memory, self.module);
        let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
    }
}

fn types(types: &[WasmType]) -> String {
    let name = |one: &WasmType| match one {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
    };
    types.iter().map(name).collect::<Vec<_>>().join(" ")
}
