//! `shrinking`: making shares smaller.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::Backend;
use super::calling::ask;
use crate::call::Room;
use crate::contract::Interface;
use crate::error::{Error, Result};
use crate::records::{Beginning, Change, Condition};
use crate::types::{Error as DriverError, Share, ShareServer, ShareStatus};

const METHOD: &str = "shrink-share";

impl Backend {
    /// Gives a share `new_size` GiB, at least 1 and less than it has. Upstream:
    /// `shrink_share`; unlike there, a share that could not be shrunk without losing data stays
    /// available, for nothing was changed.
    ///
    /// # Errors
    /// When the driver does not offer `shrinking` or the size is not smaller; what the driver
    /// says, or what ended the call: the share is recorded as `shrinking-error` then, with its
    /// old size.
    pub async fn shrink_share(
        &self,
        share: &Share,
        new_size: u64,
        share_server: Option<&ShareServer>,
    ) -> Result<()> {
        let indices =
            self.offered(Interface::Shrinking, METHOD, self.driver().exports().shrinking.as_ref())?;
        if new_size == 0 || new_size >= share.size {
            return Err(Error::Invalid(format!(
                "the share has {} GiB; shrinking it needs at least 1 and less than that, not \
                 {new_size}",
                share.size
            )));
        }
        let status = |status| Change::share_status(&share.id, status);
        let shrinking = Share { status: ShareStatus::Shrinking, ..share.clone() };
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![share.id.clone()],
                conditions: vec![
                    Condition::ShareIs(Box::new(share.clone())),
                    Condition::NoMigrationOf(share.id.clone()),
                ],
                changes: vec![status(ShareStatus::Shrinking)],
                if_failed: vec![status(ShareStatus::ShrinkingError)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_shrink_share(&shrinking, new_size, share_server))
            },
            |answer| match answer {
                Err(error @ Error::Driver(DriverError::ShareShrinkingPossibleDataLoss(_))) => {
                    (Err(error), vec![status(ShareStatus::Available)])
                }
                answer => super::resized(share, new_size, answer),
            },
        )
        .await
    }
}
