//! `extending`: making shares larger.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::Backend;
use super::calling::ask;
use crate::call::Room;
use crate::contract::Interface;
use crate::error::{Error, Result};
use crate::records::{Beginning, Change, Condition};
use crate::types::{Share, ShareServer, ShareStatus};

const METHOD: &str = "extend-share";

impl Backend {
    /// Gives a share `new_size` GiB, more than it has. Upstream: `extend_share`.
    ///
    /// # Errors
    /// When the driver does not offer `extending` or the size is not larger; what the driver
    /// says, or what ended the call: the share is recorded as `extending-error` then, with its
    /// old size.
    pub async fn extend_share(
        &self,
        share: &Share,
        new_size: u64,
        share_server: Option<&ShareServer>,
    ) -> Result<()> {
        let indices =
            self.offered(Interface::Extending, METHOD, self.driver().exports().extending.as_ref())?;
        if new_size <= share.size {
            return Err(Error::Invalid(format!(
                "the share has {} GiB; extending it needs more than that, not {new_size}",
                share.size
            )));
        }
        let status = |status| Change::share_status(&share.id, status);
        let extending = Share { status: ShareStatus::Extending, ..share.clone() };
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![share.id.clone()],
                conditions: vec![
                    Condition::ShareIs(Box::new(share.clone())),
                    Condition::NoMigrationOf(share.id.clone()),
                ],
                changes: vec![status(ShareStatus::Extending)],
                if_failed: vec![status(ShareStatus::ExtendingError)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_extend_share(&extending, new_size, share_server))
            },
            |answer| super::resized(share, new_size, answer),
        )
        .await
    }
}
