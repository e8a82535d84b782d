//! Files that are no driver, or not quite one: each is refused with a message that names what
//! is wrong, fast, and nothing of it is left on disk. Those that mean harm are in the corpus,
//! `hostile::component_bytes`.

use std::path::Path;

use abaca::{Blame, Error, Import, Interface, Limit, Runtime, Served};
use tempfile::TempDir;
use wit_component::StringEncoding;
use wit_parser::{LiftLowerAbi, ManglingAndAbi};

use crate::support::{Forgery, component, program};

/// A runtime with a cache of its own.
struct Loader {
    runtime: Runtime,
    cache: TempDir,
}

impl Loader {
    fn new() -> Self {
        let cache = TempDir::new().unwrap();
        let builder = Runtime::builder().compiler(program("abaca-compiler"));
        let runtime = builder.cache(cache.path().join("cache")).build().unwrap();
        Self { runtime, cache }
    }

    /// Loads what must be refused, and says how.
    async fn refused(&self, what: &str, bytes: Vec<u8>) -> Error {
        let error = self.runtime.load_bytes(what, bytes).await.expect_err(what);
        assert_eq!(error.blame(), Blame::Driver, "{what}: {error}");
        let left = std::fs::read_dir(self.cache.path().join("cache")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["key"], "{what}: nothing is left behind");
        error
    }

    /// As `refused`, with a reason that has all of these words.
    async fn refused_for(&self, what: &str, bytes: Vec<u8>, words: &[&str]) {
        let error = self.refused(what, bytes).await;
        let refused = matches!(error, Error::Component { .. } | Error::Compile { .. });
        assert!(refused, "{what}: {error:?}");
        let text = error.to_string();
        assert!(text.starts_with(what), "{text}");
        for word in words {
            assert!(text.contains(word), "{what}: no {word:?} in: {text}");
        }
        assert!(text.len() < 2_000, "{what}: {text}");
    }
}

fn minimal() -> Vec<u8> {
    std::fs::read(component("abaca-guest-minimal")).unwrap()
}

#[tokio::test]
async fn what_is_no_component_is_told_what_it_is() {
    let loader = Loader::new();
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    loader.refused_for("empty", Vec::new(), &["not a WebAssembly component"]).await;
    loader.refused_for("text", b"#!/bin/sh\n".to_vec(), &["not a WebAssembly component"]).await;
    loader.refused_for("elf", own.get(..4096).unwrap().to_vec(), &["native code"]).await;
    let module = wat::parse_str("(module (func (export \"create-share\")))").unwrap();
    loader.refused_for("module", module, &["core WebAssembly module", "component"]).await;
    // What the engine itself has compiled, taken out of a cache.
    let kept = Loader::new();
    kept.runtime.load_bytes("minimal", minimal()).await.unwrap();
    let entries = std::fs::read_dir(kept.cache.path().join("cache")).unwrap();
    let mut files = entries.map(|entry| entry.unwrap().path());
    let file = files.find(|path| path.extension().is_some_and(|end| end == "compiled")).unwrap();
    let compiled = std::fs::read(file).unwrap().split_off(32);
    loader.refused_for("compiled", compiled, &["native code"]).await;
}

#[tokio::test]
async fn a_file_that_is_missing_or_a_directory_is_the_operators_matter() {
    let loader = Loader::new();
    for path in [Path::new("/nowhere/driver.wasm"), loader.cache.path()] {
        let error = loader.runtime.load(path).await.unwrap_err();
        assert_eq!(error.blame(), Blame::Operator);
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}

#[tokio::test]
async fn a_component_cut_short_anywhere_is_refused() {
    let loader = Loader::new();
    let whole = minimal();
    let lengths = (0..64).chain((64..whole.len()).step_by(whole.len() / 200));
    for length in lengths {
        let cut = whole.get(..length).unwrap().to_vec();
        loader.refused(&format!("cut at {length}"), cut).await;
    }
}

#[tokio::test]
async fn damaged_bytes_never_crash_the_runtime() {
    let loader = Loader::new();
    let whole = minimal();
    // A small generator of one's own: the same damage in each run.
    let mut state = 0x2545_f491_u32;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let mut refused = 0;
    for _ in 0..150 {
        let mut damaged = whole.clone();
        let at = next() as usize % damaged.len();
        damaged[at] ^= 1 << (next() % 8);
        refused += u32::from(loader.runtime.load_bytes("damaged", damaged).await.is_err());
    }
    assert!(refused > 10, "{refused} of 150 were noticed");
    for length in [8, 100, 10_000] {
        let mut random: Vec<u8> = (0..length).map(|_| next() as u8).collect();
        loader.runtime.load_bytes("random", random.clone()).await.unwrap_err();
        // The same behind the beginning of a component.
        random.splice(..8, *b"\0asm\x0d\0\x01\0");
        let loaded = loader.runtime.load_bytes("random", random).await;
        assert!(loaded.is_err());
    }
    // And it still works.
    loader.runtime.load_bytes("minimal", minimal()).await.unwrap();
}

#[tokio::test]
async fn the_forger_makes_components_that_are_refused_for_nothing_but_their_emptiness() {
    // The twin of all forgeries below: whole in form, it is called, and has no code.
    let error = Loader::new().refused("twin", Forgery::new().make()).await;
    assert!(matches!(error, Error::Trap { method: "describe", .. }), "{error:?}");
}

#[tokio::test]
async fn a_component_of_another_world_is_refused() {
    let loader = Loader::new();
    let other = Forgery::new().world("export test:other/thing@1.0.0;").make();
    loader.refused_for("other", other, &["test:other/thing", "is it a driver"]).await;
    let empty = wat::parse_str("(component)").unwrap();
    let words = ["abaca:driver/backend", "abaca:driver/shares"];
    loader.refused_for("empty", empty, &words).await;
}

#[tokio::test]
async fn what_every_driver_must_export_is_missed() {
    let loader = Loader::new();
    let bytes = Forgery::new().without("shares").make();
    loader.refused_for("shareless", bytes, &["abaca:driver/shares", "every driver must"]).await;
    let bytes = Forgery::new().without("backend").make();
    loader.refused_for("endless", bytes, &["abaca:driver/backend", "every driver must"]).await;
    let bytes = Forgery::new().without("access").make();
    loader.refused_for("closed", bytes, &["`access`", "`access-by-rule`"]).await;
}

#[tokio::test]
async fn an_interface_that_is_not_the_contracts_is_refused_and_named() {
    let loader = Loader::new();
    let bytes = Forgery::new().edit("delete-share:", "remove-share:").make();
    loader.refused_for("renamed", bytes, &["`shares`", "delete-share"]).await;
    let retyped = "shrink-share: func(share: share, new-size: u32";
    let bytes = Forgery::new().edit(&retyped.replace("u32", "u64"), retyped).make();
    loader.refused_for("retyped", bytes, &["`shrinking`", "expected `u64` found `u32`"]).await;
    let bytes = Forgery::new().edit("is-admin-only: bool", "is-admin-only: u8").make();
    loader.refused_for("record", bytes, &["`shares`", "expected `bool` found `u8`"]).await;
    let bytes = Forgery::new().edit("milliseconds: u64", "milliseconds: u32").make();
    loader.refused_for("import", bytes, &["abaca:host/clock", "contract"]).await;
}

#[tokio::test]
async fn what_this_runtime_does_not_know_or_serve_is_refused_and_named() {
    let loader = Loader::new();
    let bytes = Forgery::new().and("import wasi:cli/environment@0.2.0;").make();
    loader.refused_for("wasi", bytes, &["wasi:cli/environment@0.2.0", "never grants"]).await;
    for one in Import::ALL.iter().filter(|one| one.served() == Served::Nowhere) {
        let bytes = Forgery::new().and(&format!("import abaca:host/{one}@0.1.0;")).make();
        let name = format!("abaca:host/{one}");
        loader.refused_for("import", bytes, &[&name, "does not serve yet"]).await;
    }
    for one in Interface::ALL.iter().filter(|one| one.served() == Served::Nowhere) {
        let bytes = Forgery::new().and(&format!("export abaca:driver/{one}@0.1.0;")).make();
        let name = format!("abaca:driver/{one}");
        loader.refused_for("export", bytes, &[&name, "does not serve yet"]).await;
    }
    let bytes = Forgery::new().and("import abaca:host/everything@0.1.0;").make();
    loader.refused_for("unknown", bytes, &["abaca:host/everything", "does not know"]).await;
}

#[tokio::test]
async fn another_version_is_refused_and_both_are_named() {
    let bytes = Forgery::new().version("0.2.0").make();
    Loader::new().refused_for("newer", bytes, &["@0.2.0", "0.1"]).await;
}

#[tokio::test]
async fn other_encodings_and_other_calls_are_refused() {
    let loader = Loader::new();
    for encoding in [StringEncoding::UTF16, StringEncoding::CompactUTF16] {
        let bytes = Forgery::new().encoding(encoding).make();
        loader.refused_for("encoding", bytes, &["UTF-8"]).await;
    }
    let asynchronous = Forgery::new().edit("create-share: func", "create-share: async func");
    let asynchronous = asynchronous.abi(ManglingAndAbi::Legacy(LiftLowerAbi::AsyncCallback));
    loader.refused_for("asynchronous", asynchronous.make(), &["feature"]).await;
}

#[tokio::test]
async fn what_would_keep_a_compiler_long_is_refused_before_it_begins() {
    let loader = Loader::new();
    let module =
        |text: String| wat::parse_str(format!("(component (core module {text}))")).unwrap();
    let loops = "(loop)".repeat(2_000);
    let locals = |count: usize| format!("(func (local {}) {loops})", "i32 ".repeat(count));
    loader.refused_for("locals", module(locals(5_001)), &["more than 5000 local"]).await;

    let nested = |depth: usize| format!("(func {} {})", "(block ".repeat(depth), ")".repeat(depth));
    loader.refused_for("nested", module(nested(2_001)), &["deeper than 2000"]).await;

    let table = |targets: usize| {
        let table = format!("(br_table {} (i32.const 0))", "0 ".repeat(targets / 10));
        format!("(func (block {}))", format!("(block {table})").repeat(10))
    };
    loader.refused_for("tables", module(table(50_020)), &["more than 50000 targets"]).await;

    let types = |count: usize| "(type (func))".repeat(count);
    loader.refused_for("types", module(types(20_001)), &["more than 20000 types"]).await;

    // Just below, the scan lets them pass: what they lack is a driver.
    for below in [locals(4_000), nested(1_000), table(40_000), types(19_000)] {
        loader.refused_for("below", module(below), &["abaca:driver/backend"]).await;
    }
}

#[tokio::test]
async fn a_component_that_only_fills_memory_ends_with_its_limit() {
    // A whole driver in form, whose memory is larger than a call may have.
    let bytes = Forgery::new().memory_pages(5_000).make();
    let error = Loader::new().refused("large", bytes).await;
    assert!(matches!(error, Error::Limit { limit: Limit::Memory, .. }), "{error:?}");
}
