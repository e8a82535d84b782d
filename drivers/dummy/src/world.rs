//! All that this back end holds, read from the state and written back as the changes
//! between before and after. It looks things up; what may be done with them is the
//! interfaces' business. Called by `call` and by every interface.

use std::collections::BTreeMap;

use abaca_sdk::state::{Change, FoundEntity};
use abaca_sdk::{Error, Result, ShareServer};

use crate::fields::{Fields, spoilt};
use crate::held::{Held, HeldGroup, HeldServer, HeldShare, HeldSnapshot};

/// The one key of each entity: all fields of the record.
pub const RECORD: &str = "record";

/// What is held, by identifier.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// Share instances.
    pub shares: BTreeMap<String, HeldShare>,
    /// Snapshot instances and members of group snapshots.
    pub snapshots: BTreeMap<String, HeldSnapshot>,
    /// Share servers.
    pub servers: BTreeMap<String, HeldServer>,
    /// Consistency groups.
    pub groups: BTreeMap<String, HeldGroup>,
}

impl World {
    /// What the entities with the key [`RECORD`] say.
    ///
    /// # Errors
    /// [`Error::Other`] for an entity that this driver never made.
    pub fn read(found: &[FoundEntity]) -> Result<Self> {
        let mut world = Self::default();
        for FoundEntity { entity, value } in found {
            let fields = Fields::decode(value)?;
            match entity.split_once('/') {
                Some((HeldShare::KIND, id)) => add(&mut world.shares, id, &fields)?,
                Some((HeldSnapshot::KIND, id)) => add(&mut world.snapshots, id, &fields)?,
                Some((HeldServer::KIND, id)) => add(&mut world.servers, id, &fields)?,
                Some((HeldGroup::KIND, id)) => add(&mut world.groups, id, &fields)?,
                _ => return Err(spoilt(format!("`{entity}` is of no kind"))),
            }
        }
        Ok(world)
    }

    /// What must change in the state so that it says this instead of `before`.
    pub fn changes_since(&self, before: &Self) -> Vec<Change> {
        let (before, after) = (before.entities(), self.entities());
        let gone = before.keys().filter(|entity| !after.contains_key(*entity));
        let set = after.iter().filter(|(entity, record)| before.get(*entity) != Some(*record));
        gone.map(|entity| Change::remove_entity(entity))
            .chain(set.map(|(entity, record)| Change::set_key(entity, RECORD, record)))
            .collect()
    }

    /// The share of this identifier.
    ///
    /// # Errors
    /// [`Error::ShareResourceNotFound`].
    pub fn share(&mut self, id: &str) -> Result<&mut HeldShare> {
        self.shares
            .get_mut(id)
            .ok_or_else(|| Error::ShareResourceNotFound(format!("there is no share {id}")))
    }

    /// The snapshot of this identifier.
    ///
    /// # Errors
    /// [`Error::SnapshotResourceNotFound`].
    pub fn snapshot(&self, id: &str) -> Result<&HeldSnapshot> {
        self.snapshots.get(id).ok_or_else(|| no_snapshot(id))
    }

    /// The identifier of a share server that is set up; none where there is none to use.
    ///
    /// # Errors
    /// [`Error::ShareServerFailed`] for one that is not set up.
    pub fn server_id(&self, server: Option<&ShareServer>) -> Result<Option<String>> {
        match server {
            Some(server) => self.server(&server.id).map(|_| Some(server.id.clone())),
            None => Ok(None),
        }
    }

    /// The share server of this identifier.
    ///
    /// # Errors
    /// [`Error::ShareServerFailed`].
    pub fn server(&self, id: &str) -> Result<&HeldServer> {
        self.servers
            .get(id)
            .ok_or_else(|| Error::ShareServerFailed(format!("the share server {id} is not set up")))
    }

    /// How many snapshots there are of a share.
    pub fn snapshots_of(&self, share: &str) -> usize {
        self.snapshots.values().filter(|snapshot| snapshot.share == share).count()
    }

    fn entities(&self) -> BTreeMap<String, String> {
        written(&self.shares)
            .chain(written(&self.snapshots))
            .chain(written(&self.servers))
            .chain(written(&self.groups))
            .collect()
    }
}

/// That a snapshot is not there.
pub fn no_snapshot(id: &str) -> Error {
    Error::SnapshotResourceNotFound(format!("there is no snapshot {id}"))
}

fn add<T: Held>(records: &mut BTreeMap<String, T>, id: &str, fields: &Fields) -> Result<()> {
    records.insert(id.to_owned(), T::read(fields)?);
    Ok(())
}

fn written<T: Held>(records: &BTreeMap<String, T>) -> impl Iterator<Item = (String, String)> {
    records.iter().map(|(id, record)| (format!("{}/{id}", T::KIND), record.write().encode()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::held::{HeldMigration, HeldReplica, HeldRule};
    use abaca_sdk::{AccessLevel, AccessType, ShareProtocol};

    fn full() -> World {
        let mut world = World::default();
        let rule = HeldRule {
            access_type: AccessType::User,
            access_to: "two words\nand a line".into(),
            access_level: AccessLevel::Ro,
        };
        let share = HeldShare {
            place: "share-1".into(),
            size: 3,
            pool: "alpha".into(),
            protocol: ShareProtocol::Cifs,
            server: Some("v".into()),
            group: Some("g".into()),
            rules: vec![rule.clone(), rule],
            migration: Some(HeldMigration {
                destination: "h@b#p".into(),
                export_host: "192.0.2.9".into(),
                progress: 75,
                completed: true,
            }),
            replica: Some(HeldReplica::Updated(1)),
        };
        let plain = HeldShare {
            server: None,
            group: None,
            rules: Vec::new(),
            migration: None,
            replica: None,
            ..share.clone()
        };
        world.shares = [("1".into(), share), ("2".into(), plain)].into();
        let snapshot = HeldSnapshot {
            share: "1".into(),
            size: 3,
            location: "share-1@a".into(),
            progress: 50,
            group_snapshot: Some("c".into()),
        };
        // The same identifier as a share's: kinds do not get in each other's way.
        world.snapshots.insert("1".into(), snapshot);
        let details = vec![("address".into(), "192.0.2.7".into())];
        world.servers.insert("v".into(), HeldServer { details });
        world.groups.insert("g".into(), HeldGroup { server: None });
        world
    }

    fn found(world: &World) -> Vec<FoundEntity> {
        world.entities().into_iter().map(|(entity, value)| FoundEntity { entity, value }).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(World::read(&found(&full())), Ok(full()));
    }

    #[test]
    fn only_what_differs_is_written() {
        let (before, mut after) = (full(), full());
        assert_eq!(after.changes_since(&before), []);
        after.snapshots.clear();
        after.shares.get_mut("1").unwrap().size = 4;
        let changes = after.changes_since(&before);
        assert_eq!(changes.len(), 2);
        assert_eq!(changes.first(), Some(&Change::remove_entity("snapshot/1")));
        assert!(matches!(&changes[1], Change::Set(set) if set.entity == "share/1"));
    }

    #[test]
    fn strange_entities_are_not_overlooked() {
        for (entity, value) in [
            ("share", "size 1\n"),
            ("thing/1", "size 1\n"),
            ("share/1", "size 1\n"),
            ("snapshot/1", "garbage"),
        ] {
            let found = [FoundEntity { entity: entity.into(), value: value.into() }];
            assert!(World::read(&found).is_err(), "{entity}");
        }
    }
}
