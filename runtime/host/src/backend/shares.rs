//! `shares`: making them, removing them, and finding them again after a restart.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::calling::ask;
use super::{Backend, check_locations};
use crate::call::Room;
use crate::error::{Error, Result};
use crate::records::{Beginning, Change, Condition, ShareEdit};
use crate::types::{
    AccessRulesStatus, CreateError, Error as DriverError, ExportLocation, Share, ShareServer,
    ShareStatus,
};

impl Backend {
    /// Makes an empty share and says where clients find it. Upstream: `create_share`.
    ///
    /// # Errors
    /// When its share server is not active, or it has a share network or server and share servers
    /// are not handled: nothing is recorded then. What the driver says, with the locations that
    /// exist all the same; or what ended the call: the share is recorded with the status `error`
    /// then.
    pub async fn create_share(
        &self,
        share: &Share,
        share_server: Option<&ShareServer>,
    ) -> Result<Vec<ExportLocation>> {
        const METHOD: &str = "create-share";
        check_new(share)?;
        let indices = &self.driver().exports().shares;
        let share = beginning(share);
        let mut making = making(METHOD, &share);
        self.share_on_server(&mut making, &share, share_server)?;
        self.recorded(
            making,
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_create_share(&share, share_server))
            },
            |answer| made(METHOD, &share, answer),
        )
        .await
    }

    /// As [`on_server`](Self::on_server), for a share.
    pub(super) fn share_on_server(
        &self,
        beginning: &mut Beginning,
        share: &Share,
        share_server: Option<&ShareServer>,
    ) -> Result<()> {
        let (network, named) = (share.share_network_id.as_ref(), share.share_server_id.as_ref());
        self.on_server(beginning, network, named, share_server)
    }

    /// Removes a share with its data. One that the back end does not know is removed. Upstream:
    /// `delete_share`.
    ///
    /// # Errors
    /// When the share has snapshots, or is on its way to another place or has gone there: a driver
    /// here that does not know it says nothing of the share there. What the driver says, or what
    /// ended the call; the share is recorded with the status `error-deleting` then.
    pub async fn delete_share(
        &self,
        share: &Share,
        share_server: Option<&ShareServer>,
    ) -> Result<()> {
        let indices = &self.driver().exports().shares;
        let share = Share { status: ShareStatus::Deleting, ..share.clone() };
        self.recorded(
            Beginning {
                method: "delete-share",
                changes_of: vec![share.id.clone()],
                conditions: vec![
                    Condition::NoSnapshotsOf(share.id.clone()),
                    Condition::NoMigrationOf(share.id.clone()),
                ],
                changes: vec![Change::share_status(&share.id, ShareStatus::Deleting)],
                if_failed: vec![Change::share_status(&share.id, ShareStatus::ErrorDeleting)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_delete_share(&share, share_server))
            },
            |answer| match answer {
                Ok(()) | Err(Error::Driver(DriverError::ShareResourceNotFound(_))) => {
                    (Ok(()), vec![Change::RemoveShare(share.id.clone())])
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// Makes sure that a share is served, and answers where clients find it. One that is not
    /// recorded, because its service knew it before this state did, is recorded by it; of one that
    /// is recorded only the locations change. Upstream: `ensure_share`.
    ///
    /// # Errors
    /// When the share has changed since it was looked at; what the driver says, or what ended the
    /// call; the record keeps its status.
    pub async fn ensure_share(
        &self,
        share: &Share,
        share_server: Option<&ShareServer>,
    ) -> Result<Vec<ExportLocation>> {
        const METHOD: &str = "ensure-share";
        let indices = &self.driver().exports().shares;
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![share.id.clone()],
                conditions: vec![Condition::ShareIsIfRecorded(Box::new(share.clone()))],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_ensure_share(share, share_server))
            },
            |answer| match answer.and_then(|found| check_locations(METHOD, &found).map(|()| found))
            {
                Ok(found) => {
                    // Nothing said is no change.
                    let said = Some(found).filter(|found| !found.is_empty());
                    let edit = ShareEdit { export_locations: said.clone(), ..ShareEdit::default() };
                    let changes = vec![
                        Change::AddShare(Box::new(share.clone())),
                        Change::EditShare(share.id.clone(), Box::new(edit)),
                    ];
                    (Ok(said.unwrap_or_else(|| share.export_locations.clone())), changes)
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }
}

/// A share that shall be made must say what it is.
pub(super) fn check_new(share: &Share) -> Result<()> {
    if share.size == 0 {
        return Err(Error::Invalid("a share has at least 1 GiB".to_owned()));
    }
    if share.id.is_empty() || share.name.is_empty() {
        return Err(Error::Invalid("a share has an identifier and a name".to_owned()));
    }
    Ok(())
}

/// The share as the driver sees it while it is made.
pub(super) fn beginning(share: &Share) -> Share {
    Share { status: ShareStatus::Creating, ..share.clone() }
}

/// What holds while a share is made, and what if that fails.
pub(super) fn making(method: &'static str, share: &Share) -> Beginning {
    Beginning {
        method,
        changes_of: vec![share.id.clone()],
        conditions: vec![Condition::ShareIsNew(Box::new(share.clone()))],
        changes: vec![Change::PutShare(Box::new(share.clone()))],
        if_failed: vec![Change::share_status(&share.id, ShareStatus::Error)],
        ..Beginning::default()
    }
}

/// What the answer to making a share means. Locations that came with an error are recorded, so
/// that a later delete can find what is there.
pub(super) fn made(
    method: &'static str,
    share: &Share,
    answer: Result<Vec<ExportLocation>>,
) -> (Result<Vec<ExportLocation>>, Vec<Change>) {
    match answer.and_then(|found| check_locations(method, &found).map(|()| found)) {
        Ok(found) => {
            let share = Share {
                status: ShareStatus::Available,
                export_locations: found.clone(),
                access_rules_status: AccessRulesStatus::Active,
                launched_at: Some(super::now()),
                ..share.clone()
            };
            (Ok(found), vec![Change::PutShare(Box::new(share))])
        }
        Err(Error::Create(CreateError { error, export_locations }))
            if check_locations(method, &export_locations).is_ok() =>
        {
            let edit = ShareEdit {
                export_locations: Some(export_locations.clone()).filter(|found| !found.is_empty()),
                ..ShareEdit::default()
            };
            let change = Change::EditShare(share.id.clone(), Box::new(edit));
            (Err(Error::Create(CreateError { error, export_locations })), vec![change])
        }
        Err(error) => (Err(error), Vec::new()),
    }
}
