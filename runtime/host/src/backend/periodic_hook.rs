//! `periodic-hook`: facts about shares for the hooks of a service.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::calling::ask;
use super::{Backend, check_pairs};
use crate::call::Room;
use crate::contract::Interface;
use crate::error::{Error, Result};
use crate::types::{HookData, Share};

const METHOD: &str = "get-periodic-hook-data";

impl Backend {
    /// What the driver knows about each share. A driver that does not offer `periodic-hook`
    /// knows nothing: each share comes back with no facts, as upstream's base class gives the
    /// instances back unchanged. Upstream: `get_periodic_hook_data`.
    ///
    /// # Errors
    /// What the driver says, or what ended the call.
    pub async fn get_periodic_hook_data(&self, shares: &[Share]) -> Result<Vec<HookData>> {
        let indices = self.driver().exports().periodic_hook.as_ref();
        let Ok(indices) = self.offered(Interface::PeriodicHook, METHOD, indices) else {
            let unchanged =
                |share: &Share| HookData { share_id: share.id.clone(), data: Vec::new() };
            return Ok(shares.iter().map(unchanged).collect());
        };
        let id = super::fresh_id();
        let facts = self
            .call(METHOD, &id, async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_get_periodic_hook_data(shares))
            })
            .await?;
        if facts.iter().any(|one| !shares.iter().any(|share| share.id == one.share_id)) {
            let reason = "it speaks of a share that it was not given".to_owned();
            return Err(Error::Contract { method: METHOD, reason });
        }
        facts
            .iter()
            .try_for_each(|one| check_pairs(METHOD, "what is known of a share", &one.data))?;
        Ok(facts)
    }
}
