//! `backend`: preparing it and asking whether it can work. Its statistics are in `stats`.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::Backend;
use crate::call::Room;
use crate::error::Result;

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
            indices.load(&mut *store, instance)?.call_do_setup(store).await
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
                indices.load(&mut *store, instance)?.call_check_for_setup_error(store).await
            },
        )
        .await
    }
}
