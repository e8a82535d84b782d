//! `backend`: preparing it and asking whether it can work. Its statistics are in `stats`.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::Backend;
use super::calling::ask;
use crate::call::Room;
use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::options::OptionValues;

impl Backend {
    /// Prepares the back end, after the broker is seen to be ready. Harmless when repeated.
    /// Upstream: `do_setup`.
    ///
    /// # Errors
    /// When policy, roots or programs do not do; what the driver says, or what ended the call.
    pub async fn do_setup(&self) -> Result<()> {
        self.broker().await?;
        let indices = &self.driver().exports().backend;
        let id = super::fresh_id();
        self.call("do-setup", &id, async |store: &mut Store<Room>, instance: &Instance| {
            ask!(store, instance, indices.call_do_setup())
        })
        .await
    }

    /// Asks whether the driver can work; changes nothing. Upstream:
    /// `check_for_setup_error`.
    ///
    /// # Errors
    /// What the driver says, or what ended the call.
    pub async fn check_for_setup_error(&self) -> Result<()> {
        let indices = &self.driver().exports().backend;
        let id = super::fresh_id();
        self.call(
            "check-for-setup-error",
            &id,
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_check_for_setup_error())
            },
        )
        .await
    }
}

/// `_verify_share_server_handling` of upstream: the operator must choose, and the driver must
/// have what he chooses.
pub(super) fn check_mode(name: &str, driver: &Driver, options: &OptionValues) -> Result<()> {
    let description = driver.description();
    let chosen = options.boolean("driver_handles_share_servers").unwrap_or_default();
    if description.share_server_modes.contains(&chosen) {
        return Ok(());
    }
    Err(Error::Mismatch(format!(
        "backend `{name}`: the driver `{}` does not have driver_handles_share_servers = {chosen}; \
         set it to {}",
        description.name, !chosen
    )))
}
