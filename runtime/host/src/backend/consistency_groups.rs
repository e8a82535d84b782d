//! `consistency-groups`: groups of shares whose snapshots are taken at one point in time.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::calling::ask;
use super::{Backend, check_locations, check_text};
use crate::call::Room;
use crate::contract::Interface;
use crate::error::{Error, Result};
use crate::records::{Beginning, Change, Condition};
use crate::types::{
    CgShareUpdate, Cgsnapshot, CgsnapshotMemberUpdate, ConsistencyGroup, ConsistencyGroupStatus,
    Error as DriverError, Share, ShareServer, ShareStatus,
};

impl Backend {
    /// Makes an empty group. Upstream: `create_consistency_group`.
    ///
    /// # Errors
    /// When the driver does not offer `consistency-groups`, or the group's share server is not
    /// active; what the driver says, or what ended the call: the group is recorded with the status `error` then.
    pub async fn create_consistency_group(
        &self,
        group: &ConsistencyGroup,
        share_server: Option<&ShareServer>,
    ) -> Result<()> {
        const METHOD: &str = "create-consistency-group";
        let indices = self.offered(
            Interface::ConsistencyGroups,
            METHOD,
            self.driver().exports().consistency_groups.as_ref(),
        )?;
        let group = beginning(group);
        let mut making = Beginning {
            method: METHOD,
            changes_of: vec![group.id.clone()],
            conditions: vec![Condition::GroupIsNew(Box::new(group.clone()))],
            changes: vec![Change::PutGroup(Box::new(group.clone()))],
            if_failed: vec![status(&group, ConsistencyGroupStatus::Error)],
            ..Beginning::default()
        };
        self.group_on_server(&mut making, &group, share_server)?;
        self.recorded(
            making,
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_create_consistency_group(&group, share_server))
            },
            |answer| match answer {
                Ok(()) => (Ok(()), vec![status(&group, ConsistencyGroupStatus::Available)]),
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// Makes a group whose shares begin with the content of a group snapshot, and says where
    /// clients find each. Upstream: `create_consistency_group_from_cgsnapshot`.
    ///
    /// # Errors
    /// When the driver does not offer `consistency-groups`, or the group's share server is not
    /// active; what the driver says, or what ended the call: the group and its shares are recorded with the status `error` then.
    pub async fn create_consistency_group_from_cgsnapshot(
        &self,
        group: &ConsistencyGroup,
        cgsnapshot: &Cgsnapshot,
        share_server: Option<&ShareServer>,
    ) -> Result<Vec<CgShareUpdate>> {
        const METHOD: &str = "create-consistency-group-from-cgsnapshot";
        let indices = self.offered(
            Interface::ConsistencyGroups,
            METHOD,
            self.driver().exports().consistency_groups.as_ref(),
        )?;
        let group = beginning(group);
        let begun = |share: &Share| Share { status: ShareStatus::Creating, ..share.clone() };
        let put = |share: &Share| Change::PutShare(Box::new(begun(share)));
        let mut changes: Vec<_> = group.shares.iter().map(put).collect();
        changes.push(Change::PutGroup(Box::new(group.clone())));
        let new = |share: &Share| Condition::ShareIsNew(Box::new(share.clone()));
        let mut conditions: Vec<_> = group.shares.iter().map(new).collect();
        conditions.push(Condition::GroupIsNew(Box::new(group.clone())));
        let failed = |share: &Share| Change::share_status(&share.id, ShareStatus::Error);
        let mut if_failed: Vec<_> = group.shares.iter().map(failed).collect();
        if_failed.push(status(&group, ConsistencyGroupStatus::Error));
        let mut making = Beginning {
            method: METHOD,
            changes_of: group_and_members(&group),
            uses: vec![cgsnapshot.id.clone()],
            conditions,
            changes,
            if_failed,
        };
        self.group_on_server(&mut making, &group, share_server)?;
        self.recorded(
            making,
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(
                    store,
                    instance,
                    indices.call_create_consistency_group_from_cgsnapshot(
                        &group,
                        cgsnapshot,
                        share_server
                    )
                )
            },
            |answer| match answer.and_then(|updates| checked(METHOD, &group, updates)) {
                Ok(updates) => {
                    let mut changes: Vec<_> =
                        group.shares.iter().map(|share| made(share, &updates)).collect();
                    changes.push(status(&group, ConsistencyGroupStatus::Available));
                    (Ok(updates), changes)
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// As [`on_server`](Self::on_server), for a new group, which has an identifier.
    fn group_on_server(
        &self,
        beginning: &mut Beginning,
        group: &ConsistencyGroup,
        share_server: Option<&ShareServer>,
    ) -> Result<()> {
        if group.id.is_empty() {
            return Err(Error::Invalid("a consistency group has an identifier".to_owned()));
        }
        let (network, named) = (group.share_network_id.as_ref(), group.share_server_id.as_ref());
        self.on_server(beginning, network, named, share_server)
    }

    /// Removes a group that has no members left. Upstream: `delete_consistency_group`; unlike there,
    /// one that the back end does not know counts as removed, because a removal that was cut short is
    /// asked for again.
    ///
    /// # Errors
    /// When the driver does not offer `consistency-groups` or the group has members; what it says,
    /// or what ended the call: the group is recorded as `error-deleting` then.
    pub async fn delete_consistency_group(
        &self,
        group: &ConsistencyGroup,
        share_server: Option<&ShareServer>,
    ) -> Result<()> {
        const METHOD: &str = "delete-consistency-group";
        let indices = self.offered(
            Interface::ConsistencyGroups,
            METHOD,
            self.driver().exports().consistency_groups.as_ref(),
        )?;
        if !group.shares.is_empty() {
            return Err(Error::Invalid("a group with members cannot be removed".to_owned()));
        }
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![group.id.clone()],
                conditions: vec![Condition::NoMembersOf(group.id.clone())],
                changes: vec![status(group, ConsistencyGroupStatus::Deleting)],
                if_failed: vec![status(group, ConsistencyGroupStatus::ErrorDeleting)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_delete_consistency_group(group, share_server))
            },
            |answer| match answer {
                Ok(()) | Err(Error::Driver(DriverError::ShareResourceNotFound(_))) => {
                    (Ok(()), vec![Change::RemoveGroup(group.id.clone())])
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// Takes a snapshot of all members at one point in time. Upstream: `create_cgsnapshot`;
    /// unlike there, what is said about members is recorded.
    ///
    /// # Errors
    /// When the driver does not offer `consistency-groups`; what it says, or what ended the call:
    /// the snapshot is recorded with the status `error` then.
    pub async fn create_cgsnapshot(
        &self,
        cgsnapshot: &Cgsnapshot,
        share_server: Option<&ShareServer>,
    ) -> Result<Vec<CgsnapshotMemberUpdate>> {
        const METHOD: &str = "create-cgsnapshot";
        let indices = self.offered(
            Interface::ConsistencyGroups,
            METHOD,
            self.driver().exports().consistency_groups.as_ref(),
        )?;
        if cgsnapshot.id.is_empty() {
            return Err(Error::Invalid("a group snapshot has an identifier".to_owned()));
        }
        let begun = Cgsnapshot { status: ConsistencyGroupStatus::Creating, ..cgsnapshot.clone() };
        let failed = Change::CgsnapshotStatus(cgsnapshot.id.clone(), ConsistencyGroupStatus::Error);
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![cgsnapshot.id.clone()],
                uses: cgsnapshot.members.iter().map(|member| member.share.id.clone()).collect(),
                conditions: vec![Condition::CgsnapshotIsNew(Box::new(cgsnapshot.clone()))],
                changes: vec![Change::PutCgsnapshot(Box::new(begun))],
                if_failed: vec![failed],
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_create_cgsnapshot(cgsnapshot, share_server))
            },
            |answer| match answer.and_then(|updates| kept(METHOD, updates)) {
                Ok(updates) => {
                    let mut taken = cgsnapshot.clone();
                    taken.status = ConsistencyGroupStatus::Available;
                    for member in &mut taken.members {
                        if let Some(update) = updates.iter().find(|one| one.id == member.id) {
                            member.provider_location.clone_from(&update.provider_location);
                        }
                    }
                    (Ok(updates), vec![Change::PutCgsnapshot(Box::new(taken))])
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// Removes a group snapshot. Upstream: `delete_cgsnapshot`; unlike there, one that the back end
    /// does not know counts as removed, because a removal that was cut short is asked for again.
    ///
    /// # Errors
    /// When the driver does not offer `consistency-groups`; what it says, or what ended the call:
    /// the snapshot is recorded as `error-deleting` then.
    pub async fn delete_cgsnapshot(
        &self,
        cgsnapshot: &Cgsnapshot,
        share_server: Option<&ShareServer>,
    ) -> Result<()> {
        const METHOD: &str = "delete-cgsnapshot";
        let indices = self.offered(
            Interface::ConsistencyGroups,
            METHOD,
            self.driver().exports().consistency_groups.as_ref(),
        )?;
        let status = |status| Change::CgsnapshotStatus(cgsnapshot.id.clone(), status);
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![cgsnapshot.id.clone()],
                changes: vec![status(ConsistencyGroupStatus::Deleting)],
                if_failed: vec![status(ConsistencyGroupStatus::ErrorDeleting)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_delete_cgsnapshot(cgsnapshot, share_server))
            },
            |answer| match answer {
                Ok(()) | Err(Error::Driver(DriverError::SnapshotResourceNotFound(_))) => {
                    (Ok(()), vec![Change::RemoveCgsnapshot(cgsnapshot.id.clone())])
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }
}

fn group_and_members(group: &ConsistencyGroup) -> Vec<String> {
    std::iter::once(&group.id).chain(group.shares.iter().map(|share| &share.id)).cloned().collect()
}

fn beginning(group: &ConsistencyGroup) -> ConsistencyGroup {
    ConsistencyGroup { status: ConsistencyGroupStatus::Creating, ..group.clone() }
}

fn status(group: &ConsistencyGroup, status: ConsistencyGroupStatus) -> Change {
    Change::GroupStatus(group.id.clone(), status)
}

/// A member with the locations that were said for it; without any it keeps its own.
fn made(share: &Share, updates: &[CgShareUpdate]) -> Change {
    let mut share =
        Share { status: ShareStatus::Available, launched_at: Some(super::now()), ..share.clone() };
    if let Some(update) = updates.iter().find(|one| one.id == share.id) {
        share.export_locations.clone_from(&update.export_locations);
    }
    Change::PutShare(Box::new(share))
}

/// Only members can be spoken of, each once.
fn checked(
    method: &'static str,
    group: &ConsistencyGroup,
    updates: Vec<CgShareUpdate>,
) -> Result<Vec<CgShareUpdate>> {
    for (at, update) in updates.iter().enumerate() {
        let known = group.shares.iter().any(|share| share.id == update.id);
        let again = updates.iter().take(at).any(|other| other.id == update.id);
        if !known || again {
            let reason = "it speaks of a share that is no member, or twice of one".to_owned();
            return Err(Error::Contract { method, reason });
        }
        check_locations(method, &update.export_locations)?;
    }
    Ok(updates)
}

/// Where the members of a group snapshot are kept is stored.
fn kept(
    method: &'static str,
    updates: Vec<CgsnapshotMemberUpdate>,
) -> Result<Vec<CgsnapshotMemberUpdate>> {
    for update in &updates {
        let location = update.provider_location.as_deref().unwrap_or_default();
        check_text(method, "the provider location of a member", location)?;
    }
    Ok(updates)
}
