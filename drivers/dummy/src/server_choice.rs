//! Choosing among the share servers that are there: where the content is already, else the
//! first that has room.

use abaca_sdk::{
    Cgsnapshot, ConsistencyGroup, Result, ServerChoice, Share, ShareServer, ShareServerStatus,
    Snapshot,
};

use crate::Dummy;
use crate::call::Call;
use crate::options::Settings;
use crate::world::World;

impl ServerChoice for Dummy {
    fn choose_share_server_compatible_with_share(
        share_servers: Vec<ShareServer>,
        share: Share,
        snapshot: Option<Snapshot>,
        consistency_group: Option<ConsistencyGroup>,
    ) -> Result<Option<String>> {
        Call::begin("choose-share-server-compatible-with-share", &share.metadata)?.change(
            |world, settings| {
                Ok(match (&settings.choice, &consistency_group, &snapshot) {
                    (Some(choice), _, _) => Some(choice.clone()),
                    (None, Some(group), _) => of_group(&share_servers, group, None),
                    (None, None, Some(snapshot)) => of_snapshot(world, &share_servers, snapshot),
                    (None, None, None) => with_room(world, settings, &share_servers),
                })
            },
        )
    }

    fn choose_share_server_compatible_with_cg(
        share_servers: Vec<ShareServer>,
        consistency_group: ConsistencyGroup,
        cgsnapshot: Option<Cgsnapshot>,
    ) -> Result<Option<String>> {
        let call = Call::begin("choose-share-server-compatible-with-cg", &[])?;
        let source = cgsnapshot.as_ref();
        Ok(call.settings.choice.or_else(|| of_group(&share_servers, &consistency_group, source)))
    }
}

/// The first server that carries fewer shares than it may.
fn with_room(world: &World, settings: &Settings, servers: &[ShareServer]) -> Option<String> {
    let carried = |id: &str| {
        world.shares.values().filter(|share| share.server.as_deref() == Some(id)).count()
    };
    servers
        .iter()
        .filter(|server| server.status == ShareServerStatus::Active)
        .find(|server| carried(&server.id) < settings.shares_per_server)
        .map(|server| server.id.clone())
}

/// The server that carries the snapshot's share, room or not.
fn of_snapshot(world: &World, servers: &[ShareServer], snapshot: &Snapshot) -> Option<String> {
    let share = world.shares.get(&snapshot.share_instance_id)?;
    among(servers, share.server.as_deref()?)
}

/// The server that carries the group, else the shares that its content comes from.
fn of_group(
    servers: &[ShareServer],
    group: &ConsistencyGroup,
    source: Option<&Cgsnapshot>,
) -> Option<String> {
    let of_source = || source?.members.first()?.share.share_server_id.as_deref();
    among(servers, group.share_server_id.as_deref().or_else(of_source)?)
}

fn among(servers: &[ShareServer], id: &str) -> Option<String> {
    servers.iter().find(|server| server.id == id).map(|server| server.id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{cgsnapshot, group, server, settings, snapshot, with_share};

    fn on(server: &str) -> World {
        let mut world = with_share("a", 1);
        world.shares.get_mut("a").unwrap().server = Some(server.into());
        world
    }

    #[test]
    fn the_first_with_room_is_chosen() {
        let servers = [server("u"), server("v")];
        let choose = |limit, servers: &[ShareServer]| {
            let settings = Settings { shares_per_server: limit, ..settings() };
            with_room(&on("u"), &settings, servers)
        };
        assert_eq!(choose(2, &servers), Some("u".into()));
        assert_eq!(choose(1, &servers), Some("v".into()));
        assert_eq!(choose(0, &servers), None);
        assert_eq!(choose(2, &[]), None);
        let broken = ShareServer { status: ShareServerStatus::Error, ..server("u") };
        assert_eq!(choose(2, &[broken]), None);
    }

    #[test]
    fn content_stays_where_it_is() {
        let servers = [server("u"), server("v")];
        let one = snapshot("s", "a", 1);
        assert_eq!(of_snapshot(&on("v"), &servers, &one), Some("v".into()));
        assert_eq!(of_snapshot(&on("w"), &servers, &one), None);
        assert_eq!(of_snapshot(&World::default(), &servers, &one), None);
    }

    #[test]
    fn a_group_has_its_own_server() {
        let servers = [server("u"), server("v")];
        let mut one = group("g", Vec::new());
        assert_eq!(of_group(&servers, &one, None), None);
        let mut source = cgsnapshot("c", "g", &[("m", "a")]);
        source.members[0].share.share_server_id = Some("u".into());
        assert_eq!(of_group(&servers, &one, Some(&source)), Some("u".into()));
        one.share_server_id = Some("v".into());
        assert_eq!(of_group(&servers, &one, Some(&source)), Some("v".into()));
    }
}
