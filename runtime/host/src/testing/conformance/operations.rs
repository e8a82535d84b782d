//! The operations that are put to every misfortune: each function of the contract that does
//! something, what must be there before it, and what undoes it. Called by `misfortunes`.

use serde_json::{Value, json};

use super::bench::{Bench, Judged, Stop, fails, heard, skips};
use crate::contract::Interface;
use crate::testing::samples;
use crate::types::{
    Cgsnapshot, ConsistencyGroup, ManagedShare, MigrationDestination, NetworkAllocation,
    NetworkInfo, Replica, ReplicaSnapshot, ReplicaState, Share, ShareServer,
};

/// A function of the contract, as something that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    /// Its name here: the function's, with a word behind it where one function does several things.
    pub id: &'static str,
    pub function: &'static str,
    pub interface: Interface,
    /// What it does, for the sentences about it.
    pub does: &'static str,
    /// Whether it may be asked again when it was done. Where nobody knows what became of a call, the
    /// service asks again.
    pub again: bool,
}

/// An operation, ready to be called.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub operation: Operation,
    pub bench: Bench,
    pub arguments: Value,
}

macro_rules! operations {
    ($($id:literal = $interface:ident . $function:literal, $does:literal, again $again:literal;)*) => {
        /// All of them, in the contract's order.
        pub(super) const OPERATIONS: &[Operation] = &[$(Operation {
            id: $id,
            function: $function,
            interface: Interface::$interface,
            does: $does,
            again: $again,
        },)*];
    };
}

operations! {
    "do-setup" = Backend."do-setup", "prepares the backend", again true;
    "check-for-setup-error" = Backend."check-for-setup-error", "says whether it can work", again true;
    "get-share-stats" = Backend."get-share-stats", "says how much there is", again true;
    "create-share" = Shares."create-share", "makes a share", again true;
    "delete-share" = Shares."delete-share", "removes a share", again true;
    "delete-share-taken-over" = Managing."delete-share", "removes a share that was taken over", again true;
    "ensure-share" = Shares."ensure-share", "makes sure of a share", again true;
    "get-pool" = Pools."get-pool", "names a share's pool", again true;
    "extend-share" = Extending."extend-share", "makes a share larger", again true;
    "shrink-share" = Shrinking."shrink-share", "makes a share smaller", again true;
    "create-snapshot" = Snapshots."create-snapshot", "takes a snapshot", again true;
    "delete-snapshot" = Snapshots."delete-snapshot", "removes a snapshot", again true;
    "create-share-from-snapshot" = Clones."create-share-from-snapshot", "makes a share from a snapshot", again true;
    "update-access-add" = Access."update-access", "lets a client in", again true;
    "update-access-delete" = Access."update-access", "shuts a client out", again true;
    "update-access-recover" = Access."update-access", "makes the rules what they must be", again true;
    "allow-access" = AccessByRule."allow-access", "lets a client in", again true;
    "deny-access" = AccessByRule."deny-access", "shuts a client out", again true;
    "manage-existing" = Managing."manage-existing", "takes over a share", again true;
    "unmanage" = Managing."unmanage", "lets go of a share", again true;
    "manage-existing-snapshot" = ManagingSnapshots."manage-existing-snapshot", "takes over a snapshot", again true;
    "unmanage-snapshot" = ManagingSnapshots."unmanage-snapshot", "lets go of a snapshot", again true;
    "setup-server" = ShareServers."setup-server", "sets up a share server", again true;
    "teardown-server" = ShareServers."teardown-server", "removes a share server", again true;
    "create-consistency-group" = ConsistencyGroups."create-consistency-group", "makes a group", again true;
    "delete-consistency-group" = ConsistencyGroups."delete-consistency-group", "removes a group", again true;
    "create-cgsnapshot" = ConsistencyGroups."create-cgsnapshot", "takes a group's snapshot", again true;
    "delete-cgsnapshot" = ConsistencyGroups."delete-cgsnapshot", "removes a group's snapshot", again true;
    "create-consistency-group-from-cgsnapshot" = ConsistencyGroups."create-consistency-group-from-cgsnapshot", "makes a group from a group's snapshot", again true;
    "create-replica" = Replication."create-replica", "makes a replica", again true;
    "delete-replica" = Replication."delete-replica", "removes a replica", again true;
    "promote-replica" = Replication."promote-replica", "makes another replica the active one", again true;
    "update-replica-state" = Replication."update-replica-state", "brings a replica nearer", again false;
    "create-replicated-snapshot" = ReplicatedSnapshots."create-replicated-snapshot", "takes a snapshot on all replicas", again true;
    "delete-replicated-snapshot" = ReplicatedSnapshots."delete-replicated-snapshot", "removes a snapshot from all replicas", again true;
    "migration-start" = Migration."migration-start", "begins to move a share", again true;
    "migration-get-progress" = Migration."migration-get-progress", "says how far a move is", again false;
    "migration-cancel" = Migration."migration-cancel", "gives up a move", again true;
    "migration-complete" = Migration."migration-complete", "ends a move", again true;
    "migration-get-info" = MigrationInfo."migration-get-info", "says how to mount a share", again true;
    "get-periodic-hook-data" = PeriodicHook."get-periodic-hook-data", "gathers facts for a hook", again true;
}

impl Operation {
    /// Whether what it answers is about what there is, and nothing is changed by it.
    pub(super) fn only_asks(&self) -> bool {
        matches!(
            self.id,
            "check-for-setup-error"
                | "get-share-stats"
                | "ensure-share"
                | "get-pool"
                | "migration-get-info"
                | "get-periodic-hook-data"
        )
    }

    /// Whether it is the first that lets a client in.
    pub(super) fn lets_in(&self) -> bool {
        matches!(self.id, "update-access-add" | "allow-access")
    }

    /// Makes what must be there before it, in this bench.
    pub(super) async fn prepare(&self, bench: &Bench) -> Judged<Ready> {
        bench.needs(self.interface)?;
        let prepared = match self.interface {
            Interface::ShareServers => of_servers(self.id, bench).await,
            Interface::ConsistencyGroups => of_groups(self.id, bench).await,
            Interface::Replication | Interface::ReplicatedSnapshots => {
                of_replicas(self.id, bench).await
            }
            Interface::Migration | Interface::MigrationInfo => of_migration(self.id, bench).await,
            _ => of_shares(self.id, bench).await,
        };
        let arguments = prepared.map_err(|stop| match stop {
            Stop::Fails(reason) => Stop::Skips(format!("what comes before it fails: {reason}")),
            stop => stop,
        })?;
        Ok(Ready { operation: *self, bench: bench.clone(), arguments })
    }

    /// What takes back what it made, so that nothing of it is left.
    pub(super) fn undo(&self, bench: &Bench, arguments: &Value) -> Option<(&'static str, Value)> {
        if self.id == "update-access-add" {
            let (share, added) = (arguments.get(0)?, arguments.get(2)?);
            return Some(("update-access", json!([share, [], [], added, bench.server])));
        }
        takes_back(self.function, arguments, bench.server.as_ref())
    }
}

/// What removes again what a call with these arguments makes.
pub(super) fn takes_back(
    function: &str,
    arguments: &Value,
    server: Option<&ShareServer>,
) -> Option<(&'static str, Value)> {
    let first = arguments.get(0)?;
    let undone = match function {
        "create-share" | "create-share-from-snapshot" => ("delete-share", json!([first, server])),
        "create-snapshot" => ("delete-snapshot", json!([first, server])),
        "allow-access" => ("deny-access", json!([first, arguments.get(1)?, server])),
        "create-consistency-group" => ("delete-consistency-group", json!([first, server])),
        "create-cgsnapshot" => ("delete-cgsnapshot", json!([first, server])),
        "create-replica" => {
            let (list, replica) = (first, arguments.get(1)?);
            ("delete-replica", json!([list, [], replica, server]))
        }
        "create-replicated-snapshot" => {
            ("delete-replicated-snapshot", json!([first, arguments.get(1)?, server]))
        }
        _ => return None,
    };
    Some(undone)
}

async fn of_shares(id: &str, bench: &Bench) -> Judged<Value> {
    let server = &bench.server;
    Ok(match id {
        "do-setup" | "check-for-setup-error" | "get-share-stats" => json!([]),
        "create-share" => json!([bench.share(1, 1), server]),
        "delete-share" | "ensure-share" => json!([bench.made(1, 1).await?, server]),
        "get-pool" => json!([bench.made(1, 1).await?]),
        "get-periodic-hook-data" => json!([[bench.made(1, 1).await?, bench.made(2, 1).await?]]),
        "extend-share" => json!([bench.made(1, 1).await?, 2, server]),
        "shrink-share" => json!([bench.made(1, 2).await?, 1, server]),
        "create-snapshot" => {
            let share = bench.made(1, 1).await?;
            json!([bench.snapshot(1, &share), server])
        }
        "delete-snapshot" => {
            let share = bench.made(1, 1).await?;
            json!([bench.taken(1, &share).await?, server])
        }
        "create-share-from-snapshot" => {
            let share = bench.made(1, 1).await?;
            let snapshot = bench.taken(1, &share).await?;
            // Where it may be larger than its snapshot, that is one more step to come through.
            let cloned = |size| {
                let snapshot_id = Some(snapshot.snapshot_id.clone());
                json!([Share { snapshot_id, ..bench.share(2, size) }, snapshot, server])
            };
            let is_larger = match bench.copy() {
                Some(tried) => tried
                    .call("create-share-from-snapshot", cloned(2))
                    .await
                    .is_ok_and(|it| it.is_ok()),
                None => false,
            };
            cloned(if is_larger { 2 } else { 1 })
        }
        "update-access-add" => {
            let (share, rule) = (bench.made(1, 1).await?, bench.rule(1)?);
            json!([share, [rule], [rule], [], server])
        }
        "update-access-delete" => {
            let (share, rule) = (bench.made(1, 1).await?, bench.rule(1)?);
            bench.ok("update-access", json!([share, [rule], [rule], [], server])).await?;
            json!([share, [], [], [rule], server])
        }
        "update-access-recover" => {
            let (share, (rule, other)) = (bench.made(1, 1).await?, bench.two_rules()?);
            bench.ok("update-access", json!([share, [rule], [rule], [], server])).await?;
            json!([share, [other], [], [], server])
        }
        "allow-access" => json!([bench.made(1, 1).await?, bench.rule(1)?, server]),
        "deny-access" => {
            let (share, rule) = (bench.made(1, 1).await?, bench.rule(1)?);
            bench.ok("allow-access", json!([share, rule, server])).await?;
            json!([share, rule, server])
        }
        "manage-existing" => {
            // What is there because somebody made it: this driver, which forgot it since.
            json!([let_go(bench, 1).await?, []])
        }
        "delete-share-taken-over" => json!([taken_over(bench, 1).await?.1, server]),
        "unmanage" => json!([bench.made(1, 1).await?]),
        "manage-existing-snapshot" => {
            let share = bench.made(1, 1).await?;
            let snapshot = bench.taken(1, &share).await?;
            bench.ok("unmanage-snapshot", json!([snapshot])).await?;
            json!([snapshot, []])
        }
        "unmanage-snapshot" => {
            let share = bench.made(1, 1).await?;
            json!([bench.taken(1, &share).await?])
        }
        _ => skips!("nobody knows how to prepare `{id}`"),
    })
}

/// A share that was made, let go, and taken over as another: under another identifier and name, as it
/// is wherever somebody else made it. Both.
pub(super) async fn taken_over(bench: &Bench, size: u64) -> Judged<(Share, Share)> {
    if !bench.ground().is_copied() {
        skips!("what is taken over as another share would be left on real storage");
    }
    let made = let_go(bench, size).await?;
    let export_locations = made.export_locations.clone();
    let share = Share { export_locations, ..bench.share(2, size) };
    let answer = bench.ok("manage-existing", json!([share, []])).await?;
    let taken: ManagedShare = heard(&answer)?;
    let export_locations = match taken.export_locations.is_empty() {
        true => share.export_locations.clone(),
        false => taken.export_locations,
    };
    Ok((made, Share { size: taken.size, export_locations, ..share }))
}

/// A share that the driver has made and let go, as an operator would name it: at one place.
pub(super) async fn let_go(bench: &Bench, size: u64) -> Judged<Share> {
    let mut share = bench.made(1, size).await?;
    bench.ok("unmanage", json!([share])).await?;
    share.export_locations.truncate(1);
    Ok(share)
}

/// The network that a share server is set up in, with the addresses that the driver needs.
pub(super) async fn network_info(bench: &Bench, id: &str) -> Judged<NetworkInfo> {
    let Some(server) = &bench.server else { skips!("the driver sets up no share servers here") };
    let mut leased: [Vec<NetworkAllocation>; 2] = [Vec::new(), Vec::new()];
    let numbers = ["get-network-allocations-number", "get-admin-network-allocations-number"];
    for ((is_admin, side), function) in [false, true].into_iter().zip(&mut leased).zip(numbers) {
        let count: u32 = heard(&bench.ok(function, json!([])).await?)?;
        let Ok(addresses) = bench.ground().lease(id, count, is_admin) else {
            fails!("`{function}` answers {count}, and no network here has so many addresses")
        };
        *side = heard(&addresses)?;
    }
    let [network_allocations, admin_network_allocations] = leased;
    Ok(NetworkInfo {
        server_id: id.to_owned(),
        share_network_id: Some(server.share_network_id.clone()),
        cidr: Some("192.0.2.0/24".to_owned()),
        network_type: None,
        segmentation_id: None,
        neutron_net_id: None,
        neutron_subnet_id: None,
        nova_net_id: None,
        network_allocations,
        admin_network_allocations,
        security_services: Vec::new(),
        backend_details: Vec::new(),
    })
}

/// The server that stands in a bench whose driver handles some, once it is set up.
pub(super) async fn set_up(bench: &Bench) -> Judged<ShareServer> {
    let info = network_info(bench, &bench.id(0x5000)).await?;
    let details = bench.ok("setup-server", json!([info, []])).await?;
    Ok(ShareServer {
        backend_details: heard(&details)?,
        network_allocations: info.network_allocations,
        ..samples::server(&info.server_id)
    })
}

async fn of_servers(id: &str, bench: &Bench) -> Judged<Value> {
    Ok(match id {
        "setup-server" => json!([network_info(bench, &bench.id(0x5000)).await?, []]),
        "teardown-server" => {
            let server = set_up(bench).await?;
            // As a list that stands by itself.
            json!([server.backend_details, []])
        }
        _ => skips!("nobody knows how to prepare `{id}`"),
    })
}

/// A group with two shares in it.
pub(super) async fn group(bench: &Bench) -> Judged<ConsistencyGroup> {
    let empty = samples::consistency_group(&bench.id(0x6000), Vec::new());
    bench.ok("create-consistency-group", json!([empty, bench.server])).await?;
    let mut shares = Vec::new();
    for tag in [1, 2] {
        let consistency_group_id = Some(empty.id.clone());
        shares.push(bench.made_of(Share { consistency_group_id, ..bench.share(tag, 1) }).await?);
    }
    Ok(ConsistencyGroup { shares, ..empty })
}

/// The snapshot of a group, taken.
pub(super) async fn group_snapshot(bench: &Bench, of: &ConsistencyGroup) -> Judged<Cgsnapshot> {
    let cgsnapshot = samples::cgsnapshot(&bench.id(0x6100), of);
    bench.ok("create-cgsnapshot", json!([cgsnapshot, bench.server])).await?;
    Ok(cgsnapshot)
}

async fn of_groups(id: &str, bench: &Bench) -> Judged<Value> {
    let server = &bench.server;
    let empty = samples::consistency_group(&bench.id(0x6000), Vec::new());
    Ok(match id {
        "create-consistency-group" => json!([empty, server]),
        "delete-consistency-group" => {
            bench.ok("create-consistency-group", json!([empty, server])).await?;
            json!([empty, server])
        }
        "create-cgsnapshot" => {
            let group = group(bench).await?;
            json!([samples::cgsnapshot(&bench.id(0x6100), &group), server])
        }
        "delete-cgsnapshot" => {
            let group = group(bench).await?;
            json!([group_snapshot(bench, &group).await?, server])
        }
        "create-consistency-group-from-cgsnapshot" => {
            let first = group(bench).await?;
            let cgsnapshot = group_snapshot(bench, &first).await?;
            json!([copied_group(bench, &cgsnapshot), cgsnapshot, server])
        }
        _ => skips!("nobody knows how to prepare `{id}`"),
    })
}

/// A group to be made from a group's snapshot.
pub(super) fn copied_group(bench: &Bench, cgsnapshot: &Cgsnapshot) -> ConsistencyGroup {
    let id = bench.id(0x6200);
    let member = |(tag, member): (u32, &crate::types::CgsnapshotMember)| Share {
        consistency_group_id: Some(id.clone()),
        source_cgsnapshot_member_id: Some(member.id.clone()),
        ..bench.share(tag, member.size)
    };
    let shares = (11..).zip(&cgsnapshot.members).map(member).collect();
    ConsistencyGroup {
        source_cgsnapshot_id: Some(cgsnapshot.id.clone()),
        ..samples::consistency_group(&id, shares)
    }
}

/// A share with its active replica made, and another that nobody has made.
pub(super) async fn replicas(bench: &Bench) -> Judged<(Replica, Replica)> {
    let wanted = samples::replica(&bench.share(1, 1), ReplicaState::Active).share;
    let active = bench.made_of(wanted).await?;
    let second = Share {
        share_id: active.share_id.clone(),
        availability_zone: Some("zone-2".to_owned()),
        ..bench.share(2, 1)
    };
    Ok((
        samples::replica(&active, ReplicaState::Active),
        samples::replica(&second, ReplicaState::OutOfSync),
    ))
}

/// The same with the second one made as well.
pub(super) async fn both_replicas(bench: &Bench) -> Judged<(Replica, Replica)> {
    let (active, mut second) = replicas(bench).await?;
    let list = json!([active, second]);
    let made = bench.ok("create-replica", json!([list, second, [], [], bench.server])).await?;
    if let Some(locations) = made.get("export_locations") {
        second.share.export_locations = Bench::locations(locations)?;
    }
    Ok((active, second))
}

/// A snapshot on both replicas, that nobody has taken.
pub(super) fn replica_snapshots(bench: &Bench, of: [&Replica; 2]) -> Vec<ReplicaSnapshot> {
    let [active, second] = of.map(|replica| &replica.share);
    let first = bench.snapshot(1, active);
    let mut other = bench.snapshot(2, second);
    other.snapshot_id.clone_from(&first.snapshot_id);
    [first, other].into_iter().map(|snapshot| ReplicaSnapshot { snapshot, progress: 0 }).collect()
}

async fn of_replicas(id: &str, bench: &Bench) -> Judged<Value> {
    let server = &bench.server;
    if id == "create-replica" {
        let (active, second) = replicas(bench).await?;
        return Ok(json!([[active, second], second, [], [], server]));
    }
    let (active, second) = both_replicas(bench).await?;
    let list = json!([active, second]);
    let snapshots = replica_snapshots(bench, [&active, &second]);
    Ok(match id {
        "delete-replica" => json!([list, [], second, server]),
        "promote-replica" => json!([list, second, [], server]),
        "update-replica-state" => json!([list, second, [], [], server]),
        "create-replicated-snapshot" => json!([list, snapshots, server]),
        "delete-replicated-snapshot" => {
            bench.ok("create-replicated-snapshot", json!([list, snapshots, server])).await?;
            json!([list, snapshots, server])
        }
        _ => skips!("nobody knows how to prepare `{id}`"),
    })
}

/// Where a share is moved to: another pool of the same backend where there is one.
pub(super) async fn destination(bench: &Bench, share: &Share) -> Judged<MigrationDestination> {
    let stats = bench.ok("get-share-stats", json!([])).await?;
    let pools = stats.get("pools").and_then(Value::as_array).cloned().unwrap_or_default();
    let own = match bench.driver().offers(Interface::Pools) {
        true => bench.ok("get-pool", json!([share])).await?,
        false => Value::Null,
    };
    let mut names = pools.iter().filter_map(|pool| pool.get("name")?.as_str());
    let other = names.find(|name| own.as_str() != Some(*name));
    let host = match other {
        Some(pool) => format!("{}#{pool}", samples::HOST),
        None => samples::HOST.to_owned(),
    };
    Ok(MigrationDestination { host, capabilities: Vec::new() })
}

/// What a move is begun with.
pub(super) async fn migration(bench: &Bench) -> Judged<(Share, MigrationDestination, Value)> {
    let share = bench.made(1, 1).await?;
    let destination = destination(bench, &share).await?;
    let info = bench.ok("migration-get-driver-info", json!([share, bench.server])).await?;
    Ok((share, destination, info))
}

/// A move that the driver has begun.
pub(super) async fn migrating(bench: &Bench) -> Judged<(Share, Value)> {
    let (share, destination, info) = migration(bench).await?;
    let arguments = json!([share, bench.server, destination, info, false]);
    let started = bench.ok("migration-start", arguments).await?;
    if started.get("moved").and_then(Value::as_bool) != Some(true) {
        skips!("the driver leaves the move of this share to the service");
    }
    Ok((share, info))
}

async fn of_migration(id: &str, bench: &Bench) -> Judged<Value> {
    let server = &bench.server;
    Ok(match id {
        "migration-get-info" => json!([bench.made(1, 1).await?, server]),
        "migration-start" => {
            let (share, destination, info) = migration(bench).await?;
            json!([share, server, destination, info, false])
        }
        "migration-complete" => {
            let (share, info) = migrating(bench).await?;
            super::migration::whole(bench, &share, &info).await?;
            json!([share, server, info])
        }
        _ => {
            let (share, info) = migrating(bench).await?;
            json!([share, server, info])
        }
    })
}
