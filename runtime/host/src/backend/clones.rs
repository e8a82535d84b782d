//! `clones`: new shares with the content of a snapshot.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::Backend;
use super::calling::ask;
use super::shares::{beginning, check_new, made, making};
use crate::call::Room;
use crate::contract::Interface;
use crate::error::{Error, Result};
use crate::records::Condition;
use crate::types::{ExportLocation, Share, ShareServer, Snapshot};

const METHOD: &str = "create-share-from-snapshot";

impl Backend {
    /// Makes a share with a snapshot's content and says where clients find it. Upstream:
    /// `create_share_from_snapshot`.
    ///
    /// # Errors
    /// When the driver does not offer `clones`, or as
    /// [`create_share`](Self::create_share).
    pub async fn create_share_from_snapshot(
        &self,
        share: &Share,
        snapshot: &Snapshot,
        share_server: Option<&ShareServer>,
    ) -> Result<Vec<ExportLocation>> {
        let indices =
            self.offered(Interface::Clones, METHOD, self.driver().exports().clones.as_ref())?;
        check_new(share)?;
        if share.size < snapshot.size {
            return Err(Error::Invalid(format!(
                "a share from this snapshot has at least {} GiB",
                snapshot.size
            )));
        }
        let share = beginning(share);
        let mut beginning = making(METHOD, &share);
        self.share_on_server(&mut beginning, &share, share_server)?;
        beginning.uses.push(snapshot.id.clone());
        beginning.conditions.push(Condition::SnapshotIsAvailable(snapshot.id.clone()));
        self.recorded(
            beginning,
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(
                    store,
                    instance,
                    indices.call_create_share_from_snapshot(&share, snapshot, share_server)
                )
            },
            |answer| made(METHOD, &share, answer),
        )
        .await
    }
}
