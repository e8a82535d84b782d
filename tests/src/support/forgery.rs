//! Makes components that are almost drivers: from the text of our own contract with some of it
//! replaced, and without any code in them. It judges nothing.

use std::fs;
use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

/// What a driver that offers all that is served exports.
const EXPORTS: &[&str] =
    &["backend", "shares", "pools", "extending", "shrinking", "snapshots", "clones", "access"];
/// What such a driver imports.
const IMPORTS: &[&str] = &["command", "files", "config", "state", "clock", "log"];

/// What else a forged component may name.
const OTHERS: &[&str] = &[
    "package wasi:cli@0.2.0; interface environment { get-environment: func() -> list<string>; }",
    "package test:other@1.0.0; interface thing { do-it: func(); }",
];

/// A component that is being thought up.
pub struct Forgery {
    host: String,
    driver: String,
    world: Vec<String>,
    version: String,
    encoding: StringEncoding,
    abi: ManglingAndAbi,
    memory_pages: u32,
}

impl Forgery {
    /// A whole driver in form.
    pub fn new() -> Self {
        let imports = IMPORTS.iter().map(|name| format!("import abaca:host/{name}@0.1.0;"));
        let exports = EXPORTS.iter().map(|name| format!("export abaca:driver/{name}@0.1.0;"));
        Self {
            host: contract("host") + "interface everything { get: func() -> string; }",
            driver: contract("driver"),
            world: imports.chain(exports).collect(),
            version: "0.1.0".to_owned(),
            encoding: StringEncoding::UTF8,
            abi: ManglingAndAbi::Legacy(LiftLowerAbi::Sync),
            memory_pages: 0,
        }
    }

    /// With another world.
    pub fn world(mut self, items: &str) -> Self {
        self.world = vec![items.to_owned()];
        self
    }

    /// With one more item in its world.
    pub fn and(mut self, item: &str) -> Self {
        self.world.push(item.to_owned());
        self
    }

    /// Without an export.
    pub fn without(mut self, export: &str) -> Self {
        let item = format!("export abaca:driver/{export}@0.1.0;");
        let before = self.world.len();
        self.world.retain(|one| *one != item);
        assert_eq!(self.world.len(), before - 1, "{export} was there");
        self
    }

    /// With a piece of the contract replaced wherever it stands.
    pub fn edit(mut self, from: &str, to: &str) -> Self {
        assert!(self.host.contains(from) || self.driver.contains(from), "{from} is there");
        self.host = self.host.replace(from, to);
        self.driver = self.driver.replace(from, to);
        self
    }

    /// Of another version of the contract.
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    pub fn encoding(mut self, encoding: StringEncoding) -> Self {
        self.encoding = encoding;
        self
    }

    pub fn abi(mut self, abi: ManglingAndAbi) -> Self {
        self.abi = abi;
        self
    }

    /// With a memory of so many pages of 64 KiB from the start.
    pub fn memory_pages(mut self, pages: u32) -> Self {
        self.memory_pages = pages;
        self
    }

    /// The component.
    pub fn make(self) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let version = |text: &str| text.replace("@0.1.0", &format!("@{}", self.version));
        for text in OTHERS.iter().copied().chain([self.host.as_str(), self.driver.as_str()]) {
            resolve.push_str("contract.wit", &version(text)).unwrap();
        }
        let world = format!("package test:forged; world forged {{ {} }}", self.world.join("\n"));
        let package = resolve.push_str("forged.wit", &version(&world)).unwrap();
        let world = resolve.select_world(&[package], Some("forged")).unwrap();
        let mut module = dummy_module(&resolve, world, self.abi);
        if self.memory_pages > 0 {
            module = with_memory(&module, self.memory_pages);
        }
        embed_component_metadata(&mut module, &resolve, world, self.encoding).unwrap();
        ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
    }
}

/// All interfaces of one of our packages as one text.
pub fn contract(name: &str) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit").join(name);
    let header = format!("package abaca:{name}@0.1.0;");
    let mut text = header.clone();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().unwrap() != "world" {
            let file = fs::read_to_string(&path).unwrap();
            assert!(file.contains(&header), "{} is of {name}", path.display());
            text += &file.replace(&header, "");
        }
    }
    text
}

/// The same module with the smallest size of its memory changed in the binary.
fn with_memory(module: &[u8], pages: u32) -> Vec<u8> {
    // Section 5 of three bytes: one memory, no largest size, smallest size 0.
    let empty = [5, 3, 1, 0, 0];
    let at = module.windows(empty.len()).position(|bytes| bytes == empty).expect("a memory");
    let mut size = Vec::new();
    let mut left = pages;
    while left >= 0x80 {
        size.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    size.push(left as u8);
    let mut section = vec![5, 2 + size.len() as u8, 1, 0];
    section.extend(size);
    [module.get(..at).unwrap(), &section, module.get(at + empty.len()..).unwrap()].concat()
}
