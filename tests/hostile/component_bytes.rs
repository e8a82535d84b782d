//! Files that are given out as drivers: no component, or not quite a driver. Those that go off in
//! the hands of whoever compiles them are in `bombs`.

use super::assembly::Assembly;
use super::attacks;
use crate::support::{Forgery, component, program};

fn minimal() -> Vec<u8> {
    std::fs::read(component("abaca-guest-minimal")).unwrap()
}

pub fn text(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap()
}

/// A component of one module with this in it.
pub fn with_module(fields: &str) -> Vec<u8> {
    text(&format!("(component (core module {fields}))"))
}

/// A name that acts, in the letters of the text format.
const ACTING: &str = r"\1b]0;owned\07\1b[2J\0aforged\u{202e}";

/// Components that are refused by the name of something in them.
const NAMED: [&str; 4] = [
    r#"(component (core module $m (import "NAME" "f" (func))) (core instance (instantiate $m)))"#,
    r#"(component (import "NAME" (func)))"#,
    r#"(component (core module (func (export "NAME") (export "NAME"))))"#,
    r#"(component (core module $m) (export "NAME" (core module $m)))"#,
];

attacks! { ComponentBytes:
    /// Gives an empty file.
    an_empty_file {
        attack: async |range| range.loads(Vec::new()).await,
        contained: "refused before anything is parsed",
        refused: "not a WebAssembly component",
        twin: async |range| range.loads(minimal()).await,
        answers: "ok: minimal",
    }

    /// Gives a shell script.
    a_script {
        attack: async |range| range.loads(b"#!/bin/sh\nid\n".to_vec()).await,
        contained: "refused, never run",
        refused: "not a WebAssembly component",
        twin: async |range| range.loads(minimal()).await,
        answers: "ok: minimal",
    }

    /// Gives native code: this very test program.
    native_code {
        attack: async |range| {
            let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
            range.loads(own[..4096].to_vec()).await
        },
        contained: "refused, never run",
        refused: "native code",
        twin: async |range| range.loads(minimal()).await,
        answers: "ok: minimal",
    }

    /// Gives what the engine has compiled, which it would run without looking.
    compiled_code_of_the_engine {
        attack: async |range| {
            let cache = tempfile::TempDir::new().unwrap();
            let builder = abaca::Runtime::builder().compiler(program("abaca-compiler"));
            let kept = builder.cache(cache.path().join("cache")).build().unwrap();
            kept.load_bytes("minimal", minimal()).await.unwrap();
            let files = std::fs::read_dir(cache.path().join("cache")).unwrap();
            let mut files = files.map(|file| file.unwrap().path());
            let compiled =
                |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "compiled");
            let file = std::fs::read(files.find(compiled).unwrap()).unwrap();
            // With the runtime's own seal, and without it.
            vec![range.loads(file.clone()).await, range.loads(file[32..].to_vec()).await]
        },
        contained: "refused: compiled code comes out of the runtime's own cache only",
        refused: "is not a driver that can be loaded: it is ",
        twin: async |range| range.loads(minimal()).await,
        answers: "ok: minimal",
    }

    /// Gives a core module instead of a component.
    a_core_module {
        attack: async |range| range.loads(text("(module (func (export \"create-share\")))")).await,
        contained: "refused, and told how to build a component",
        refused: "core WebAssembly module",
        twin: async |range| range.loads(minimal()).await,
        answers: "ok: minimal",
    }

    /// Puts an archive's beginning before a component, so that it is two things at once.
    an_archive_and_a_component_in_one {
        attack: async |range| range.loads([b"PK\x03\x04", minimal().as_slice()].concat()).await,
        contained: "refused: a component begins at the first byte",
        refused: "not a WebAssembly component",
        twin: async |range| range.loads(minimal()).await,
        answers: "ok: minimal",
    }

    /// Puts more bytes behind a component.
    more_behind_the_end {
        attack: async |range| range.loads([minimal(), vec![0xff; 64]].concat()).await,
        contained: "refused: the file is read to its end",
        refused: "it is damaged or cut short",
        twin: async |range| range.loads(minimal()).await,
        answers: "ok: minimal",
    }

    /// Cuts a component short at fifty places.
    a_component_cut_short {
        attack: async |range| {
            let whole = minimal();
            let mut told = Vec::new();
            for length in (9..whole.len()).step_by(whole.len() / 50) {
                told.push(range.loads(whole[..length].to_vec()).await);
            }
            told
        },
        contained: "refused wherever it ends",
        refused: "it is damaged or cut short",
        twin: async |range| range.loads(minimal()).await,
        answers: "ok: minimal",
    }

    /// Fills what follows a component's header with noise of many lengths.
    noise_behind_a_header {
        attack: async |range| {
            let mut noise = 0x2545_f491_u32;
            let mut told = Vec::new();
            for length in [1, 8, 100, 1_000, 10_000, 100_000] {
                let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
                bytes.extend((0..length).map(|_| {
                    noise ^= noise << 13;
                    noise ^= noise >> 17;
                    noise ^= noise << 5;
                    noise as u8
                }));
                told.push(range.loads(bytes).await);
            }
            told
        },
        contained: "refused; the runtime neither crashes nor hangs",
        refused: "it is damaged or cut short",
        twin: async |range| range.loads(minimal()).await,
        answers: "ok: minimal",
    }

    /// Gives a file that is one byte larger than any driver.
    a_file_that_is_too_large {
        attack: async |range| {
            let mut bytes = minimal();
            bytes.resize(usize::try_from(abaca::COMPONENT_BYTES).unwrap() + 1, 0);
            range.loads(bytes).await
        },
        contained: "refused before it is parsed",
        refused: "it is larger than",
        twin: async |range| range.loads(minimal()).await,
        answers: "ok: minimal",
    }

    /// Imports the environment of a system interface that is never granted.
    an_import_of_wasi {
        attack: async |range| {
            range.loads(Forgery::new().and("import wasi:cli/environment@0.2.0;").make()).await
        },
        contained: "refused, and the import is named",
        refused: "wasi:cli/environment@0.2.0",
        // The same forgery without it is whole in form, and traps because nothing is in it.
        twin: async |range| range.loads(Forgery::new().make()).await,
        answers: "Trap by the driver: the driver crashed in describe",
    }

    /// Imports an interface that looks like one of the host's.
    an_import_that_is_made_up {
        attack: async |range| {
            range.loads(Forgery::new().and("import abaca:host/everything@0.1.0;").make()).await
        },
        contained: "refused, and the import is named",
        refused: "abaca:host/everything",
        twin: async |range| range.loads(Forgery::new().make()).await,
        answers: "Trap by the driver: the driver crashed in describe",
    }

    /// Is built for another version of the contract.
    another_version_of_the_contract {
        attack: async |range| range.loads(Forgery::new().version("0.2.0").make()).await,
        contained: "refused, and both versions are named",
        refused: "@0.2.0",
        twin: async |range| range.loads(Forgery::new().version("0.1.0").make()).await,
        answers: "Trap by the driver: the driver crashed in describe",
    }

    /// Exports a function with another number type than the contract's.
    a_function_of_another_type {
        attack: async |range| {
            let right = "shrink-share: func(share: share, new-size: u64";
            range.loads(Forgery::new().edit(right, &right.replace("u64", "u32")).make()).await
        },
        contained: "refused, and the function is named",
        refused: "expected `u64` found `u32`",
        twin: async |range| range.loads(Forgery::new().make()).await,
        answers: "Trap by the driver: the driver crashed in describe",
    }

    /// Leaves out what every driver must export.
    no_shares_at_all {
        attack: async |range| range.loads(Forgery::new().without("shares").make()).await,
        contained: "refused, and the interface is named",
        refused: "abaca:driver/shares",
        twin: async |range| range.loads(Forgery::new().without("pools").make()).await,
        answers: "Trap by the driver: the driver crashed in describe",
    }

    /// Passes strings in the encodings that have had the engine's most dangerous mistakes.
    strings_in_another_encoding {
        attack: async |range| {
            use wit_component::StringEncoding::{CompactUTF16, UTF16};
            let mut told = Vec::new();
            for encoding in [UTF16, CompactUTF16] {
                told.push(range.loads(Forgery::new().encoding(encoding).make()).await);
            }
            told
        },
        contained: "refused by the scan",
        refused: "another encoding than UTF-8",
        twin: async |range| range.loads(Forgery::new().make()).await,
        answers: "Trap by the driver: the driver crashed in describe",
    }

    /// Uses memories of 64 bits, shared memory, several memories, exceptions, tail calls and
    /// relaxed vectors.
    features_that_no_driver_may_use {
        attack: async |range| {
            let mut told = Vec::new();
            for module in [
                "(memory i64 1)",
                "(memory 1 1 shared)",
                "(memory 1) (memory 1)",
                "(tag)",
                "(func $f return_call $f)",
                "(func (param v128) local.get 0 local.get 0 i8x16.relaxed_swizzle drop)",
            ] {
                told.push(range.loads(with_module(module)).await);
            }
            told
        },
        contained: "refused by the scan, and again by the engine",
        refused: "uses a feature that drivers may not",
        twin: async |range| range.loads(with_module("(memory 1)")).await,
        answers: "abaca:driver/backend",
    }

    /// Calls itself what would be another directory's name, or acts on a terminal.
    a_name_that_is_a_path {
        attack: async |range| {
            // Both are as long as the name that they replace.
            let mut told = Vec::new();
            for name in ["../escape", "\\1b[2Jname"] {
                let data = format!("(data (i32.const 64) {name:?})").replace("\\\\", "\\");
                told.push(range.loads(Assembly::new().and(&data).make()).await);
            }
            told
        },
        contained: "refused: a name is [a-z][a-z0-9-]*",
        refused: "it calls itself",
        twin: async |range| {
            range.loads(Assembly::new().and("(data (i32.const 64) \"other-one\")").make()).await
        },
        answers: "ok: other-one",
    }
    /// Has names that act on a terminal and forge a line wherever a component has names that an error
    /// repeats: of imports and exports, its own and those of a module in it.
    names_that_act_in_errors {
        attack: async |range| {
            let mut told = Vec::new();
            for parts in NAMED {
                told.push(range.loads(text(&parts.replace("NAME", ACTING))).await);
            }
            let log = range.log.text();
            for text in told.iter().chain([&log]) {
                let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
                assert!(!text.contains(acts), "{text:?}");
                assert!(!text.lines().any(|line| line.starts_with("forged")), "{text:?}");
            }
            told
        },
        contained: "refused, with the name escaped, on one line",
        refused: "\\u{1b}]0;owned\\u{7}\\u{1b}[2J\\u{a}forged\\u{202e}",
        twin: async |range| {
            range.loads(text(&NAMED[0].replace("NAME", "plain-name"))).await
        },
        answers: "plain-name",
    }
}
