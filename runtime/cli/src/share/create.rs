//! `abaca share create`: a new share, empty or with a snapshot's content, as the service asks
//! a driver for it. Which share server carries it is decided in `share_server::choice`.

use abaca::configuration::BackendEntry;
use abaca::types::{ConsistencyGroupStatus, ReplicaState, Share, SnapshotStatus};
use abaca::{Backend, ConsistencyGroupRecord, Interface, ShareServerRecord};

use super::new::{chosen_pool, new_share, served_protocol};
use super::show;
use crate::cli::CreateShare;
use crate::failure::{Failure, Result};
use crate::naming::{Placed, check_keys, check_new_name};
use crate::output::{Output, word};
use crate::recorded::{WholeShare, WholeSnapshot, again};
use crate::service::Service;
use crate::share_server::choice::{Wish, for_share};

/// What a new share comes from and where it shall lie, as far as that was said.
struct Around<'a> {
    snapshot: Option<Placed<'a, WholeSnapshot>>,
    group: Option<Placed<'a, ConsistencyGroupRecord>>,
    server: Option<Placed<'a, ShareServerRecord>>,
}

/// Makes the share and shows it.
///
/// # Errors
/// What is refused, and what the service or the driver answers.
pub async fn create(asked: CreateShare, service: &Service, output: Output) -> Result<()> {
    let others = service.all::<WholeShare>().await;
    others.unreadable.warn(output);
    check_new_name(&asked.name, &others.all)?;
    check_keys("the metadata", &asked.metadata)?;
    let around = Around::of(&asked, service, output).await?;
    let entry = around.entry(service)?;
    let backend = service.ready(entry, output).await?;
    let wish = Wish {
        network: asked.share_network.clone(),
        server: around.server.as_ref().map(|one| one.record.share_server.clone()),
    };
    let pool = chosen_pool(&backend, asked.pool.clone(), output).await?;
    let mut share = Share { pool, ..around.share(asked, &backend)? };
    let snapshot = around.snapshot.as_ref().map(|one| one.record.snapshot());
    let group = around.group.as_ref().map(|one| &one.record.consistency_group);
    let server = for_share(&backend, &mut share, wish, snapshot, group, output).await?;
    let what = format!("making a share of {} GiB", share.size);
    let work = async {
        match snapshot {
            Some(snapshot) => {
                backend.create_share_from_snapshot(&share, snapshot, server.as_ref()).await
            }
            None => backend.create_share(&share, server.as_ref()).await,
        }
    };
    output.wait(&what, Box::pin(work)).await?;
    show(&again(entry, backend.records(), &share.share_id).await?, output)
}

impl<'a> Around<'a> {
    /// Finds what was named, and refuses what cannot be used.
    async fn of(asked: &CreateShare, service: &'a Service, output: Output) -> Result<Self> {
        let snapshot = match &asked.from_snapshot {
            Some(wanted) => Some(service.one::<WholeSnapshot>(wanted, output).await?),
            None => None,
        };
        if let Some(snapshot) = &snapshot {
            check_source(&snapshot.record, asked.size)?;
        }
        let group = match &asked.consistency_group {
            Some(wanted) => Some(service.one::<ConsistencyGroupRecord>(wanted, output).await?),
            None => None,
        };
        if let Some(group) = &group {
            check_group(&group.record)?;
        }
        let server = match &asked.share_server {
            Some(wanted) => Some(service.one::<ShareServerRecord>(wanted, output).await?),
            None => None,
        };
        Ok(Self { snapshot, group, server })
    }

    /// The backend in which all of that is; without any of it the only one.
    fn entry(&self, service: &'a Service) -> Result<&'a BackendEntry> {
        let entries = [
            self.snapshot.as_ref().map(|one| one.entry),
            self.group.as_ref().map(|one| one.entry),
            self.server.as_ref().map(|one| one.entry),
        ];
        let mut entries = entries.into_iter().flatten();
        let Some(first) = entries.next() else { return service.only() };
        match entries.find(|one| one.name != first.name) {
            None => Ok(first),
            Some(other) => Err(Failure::refused(
                format!(
                    "what was named is in the backends `{}` and `{}`, and a share is in one",
                    first.name, other.name
                ),
                "name a snapshot, a group and a server of the same backend",
            )),
        }
    }

    /// The share as the service asks for it.
    fn share(&self, asked: CreateShare, backend: &Backend) -> Result<Share> {
        let snapshot = self.snapshot.as_ref().map(|one| one.record.snapshot());
        let asked_protocol = asked.protocol.map(Into::into);
        let protocol = asked_protocol.or(snapshot.map(|snapshot| snapshot.protocol));
        let protocol = served_protocol(backend, protocol)?;
        if asked.replicated && !backend.driver().offers(Interface::Replication) {
            return Err(Failure::refused(
                format!(
                    "the driver `{}` does not offer the interface `{}`, which replicas need",
                    backend.driver().description().name,
                    Interface::Replication
                ),
                "leave --replicated out, or choose another backend with --backend",
            ));
        }
        Ok(Share {
            size: asked.size.or(snapshot.map(|snapshot| snapshot.size)).unwrap_or_default(),
            // As upstream's manager: what can have replicas is the first and active one itself.
            replica_state: asked.replicated.then_some(ReplicaState::Active),
            snapshot_id: snapshot.map(|snapshot| snapshot.snapshot_id.clone()),
            metadata: asked.metadata,
            consistency_group_id: self
                .group
                .as_ref()
                .map(|one| one.record.consistency_group.id.clone()),
            ..new_share(backend, asked.name, protocol)?
        })
    }
}

fn check_source(source: &WholeSnapshot, size: Option<u64>) -> Result<()> {
    let snapshot = source.snapshot();
    if snapshot.status != SnapshotStatus::Available {
        return Err(Failure::refused(
            format!(
                "the snapshot's status is {}, and a share is made from one that is available",
                word(&snapshot.status)
            ),
            "`abaca snapshot list` shows which are",
        ));
    }
    match size {
        Some(size) if size < snapshot.size => Err(Failure::refused(
            format!(
                "the snapshot has {} GiB, and a share from it cannot have {size}",
                snapshot.size
            ),
            format!("leave --size out, or give at least {}", snapshot.size),
        )),
        _ => Ok(()),
    }
}

fn check_group(group: &ConsistencyGroupRecord) -> Result<()> {
    let status = group.consistency_group.status;
    if status == ConsistencyGroupStatus::Available {
        return Ok(());
    }
    Err(Failure::refused(
        format!(
            "the consistency group's status is {}, and members are made in one that is available",
            word(&status)
        ),
        "`abaca consistency-group list` shows which are",
    ))
}
