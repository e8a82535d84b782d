//! From bytes to compiled code: out of the cache, or scanned and compiled.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::hex;
use crate::runtime::Runtime;

/// A component, and under which name it shall be kept if it turns out to be a driver.
pub(super) struct Compiled {
    pub(super) component: Component,
    keep_as: Option<String>,
}

impl Compiled {
    /// Only drivers are kept: nobody fills the cache with what is refused.
    pub(super) async fn keep(self, runtime: &Runtime) {
        let (component, shared) = (self.component, Arc::clone(runtime.shared()));
        let Some(name) = self.keep_as else { return };
        let kept = tokio::task::spawn_blocking(move || {
            if let Some(cache) = &shared.cache {
                cache.store(&name, &component);
            }
        });
        if let Err(error) = kept.await {
            tracing::warn!(%error, "a compiled component could not be kept in the cache");
        }
    }
}

pub(super) fn compile(runtime: &Runtime, bytes: &[u8], digest: &str) -> Result<Compiled, String> {
    let shared = runtime.shared();
    let compiled_by = engine_digest(&shared.engine);
    let name = format!("{digest}-{compiled_by}-{}.compiled", crate::scan::RULES);
    if let Some(component) =
        shared.cache.as_ref().and_then(|cache| cache.load(&shared.engine, &name))
    {
        return Ok(Compiled { component, keep_as: None });
    }
    crate::scan::scan(bytes)?;
    let component = Component::new(&shared.engine, bytes)
        .map_err(|error| format!("it cannot be compiled: {error:#}"))?;
    Ok(Compiled { component, keep_as: Some(name) })
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
