//! From bytes to compiled code: out of the cache, or scanned here and compiled by
//! `abaca-compiler`, in a process of its own.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::compiler::{self, CompileError};
use crate::runtime::{Runtime, Shared};
use crate::text::hex;

/// A component, and what shall be kept of it if it turns out to be a driver.
pub(super) struct Compiled {
    pub(super) component: Component,
    keep: Option<Kept>,
}

/// Compiled code, and under which name it is kept.
struct Kept {
    name: String,
    code: Vec<u8>,
}

impl Compiled {
    /// Only drivers are kept: nobody fills the cache with what is refused.
    pub(super) async fn keep(self, runtime: &Runtime) {
        let shared = Arc::clone(runtime.shared());
        let Some(Kept { name, code }) = self.keep else { return };
        let kept = tokio::task::spawn_blocking(move || {
            if let Some(cache) = &shared.cache {
                cache.store(&name, &code);
            }
        });
        if let Err(error) = kept.await {
            tracing::warn!(%error, "a compiled component could not be kept in the cache");
        }
    }
}

/// What is known of the bytes without compiling them.
enum Looked {
    Cached(Component),
    Scanned { name: String, bytes: Vec<u8> },
}

pub(super) async fn compile(
    runtime: &Runtime,
    bytes: Vec<u8>,
    digest: &str,
) -> Result<Compiled, CompileError> {
    let shared = Arc::clone(runtime.shared());
    let compiled_by = engine_digest(&shared.engine);
    let name = format!("{digest}-{compiled_by}-{}.compiled", crate::scan::RULES);
    let looked = away(move || look(&shared, name, bytes)).await??;
    let (name, bytes) = match looked {
        Looked::Cached(component) => return Ok(Compiled { component, keep: None }),
        Looked::Scanned { name, bytes } => (name, bytes),
    };
    let shared = Arc::clone(runtime.shared());
    let program = compiler::locate(shared.compiler.as_deref())?;
    let code = compiler::compile(&program, &shared.limits, bytes).await?;
    away(move || {
        let component = trusted(&shared.engine, &code)?;
        Ok(Compiled { component, keep: Some(Kept { name, code }) })
    })
    .await?
}

fn look(shared: &Shared, name: String, bytes: Vec<u8>) -> Result<Looked, CompileError> {
    let cached = shared.cache.as_ref().and_then(|cache| cache.load(&shared.engine, &name));
    if let Some(component) = cached {
        return Ok(Looked::Cached(component));
    }
    crate::scan::scan(&bytes).map_err(CompileError::Refused)?;
    Ok(Looked::Scanned { name, bytes })
}

/// Makes code runnable that our own compiler has just made.
fn trusted(engine: &Engine, code: &[u8]) -> Result<Component, CompileError> {
    #[expect(unsafe_code, reason = "the one place that runs what the compiler has answered")]
    // SAFETY: the program beside us made it from bytes that passed the scan, and nobody else had
    // the other end of its pipe; the engine checks that it is of this version and these settings.
    let component = unsafe { Component::deserialize(engine, code) };
    component.map_err(|error| {
        CompileError::Compiler(format!(
            "answered what this engine cannot run; is it of the same version of Abaca? {error:#}"
        ))
    })
}

/// Does what keeps a core busy away from the async workers.
async fn away<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CompileError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| CompileError::Compiler(format!("was not asked: {error}")))
}

/// Which compiled code an engine can run: its version, settings and processor.
fn engine_digest(engine: &Engine) -> String {
    /// A SHA-256 as the engine's hash wants to be fed.
    struct Feed(Sha256);
    impl std::hash::Hasher for Feed {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut feed = Feed(Sha256::new());
    std::hash::Hash::hash(&engine.precompile_compatibility_hash(), &mut feed);
    hex(&feed.0.finalize()).chars().take(16).collect()
}
