//! `pools`: the pool of a share.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::calling::ask;
use super::{Backend, check_text};
use crate::call::Room;
use crate::contract::Interface;
use crate::error::Result;
use crate::types::Share;

const METHOD: &str = "get-pool";

impl Backend {
    /// The pool that holds the share, or none when it cannot be said, as by a driver that does not
    /// offer `pools`. Upstream: `get_pool`.
    ///
    /// # Errors
    /// What the driver says, or what ended the call.
    pub async fn get_pool(&self, share: &Share) -> Result<Option<String>> {
        let indices = self.driver().exports().pools.as_ref();
        let Ok(indices) = self.offered(Interface::Pools, METHOD, indices) else {
            return Ok(None);
        };
        let id = super::fresh_id();
        let pool = self
            .call(METHOD, &id, async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_get_pool(share))
            })
            .await?;
        check_text(METHOD, "the pool's name", pool.as_deref().unwrap_or_default())?;
        Ok(pool)
    }
}
