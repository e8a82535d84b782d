//! Two hundred calls at once about what is not a share alone: share servers, groups and their
//! snapshots, replicas and migrations, all on one backend. Calls about shares are in `crowd`.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use abaca::types::{
    Cgsnapshot, ConsistencyGroupStatus, MigrationDestination, Replica, ReplicaState, Share,
    ShareServerStatus, ShareStatus,
};
use abaca::{Backend, OptionValue};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::dummy::groups::{cgsnapshot, member_of};
use crate::dummy::replicas::{another, replica};
use crate::dummy::servers::{addresses, assert_free, records, set_up};
use crate::dummy::{group, recorded, serving};
use crate::support::{Ground, held, share};

/// How many calls there are of each of five kinds.
const EACH: usize = 40;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Begins all together, of all kinds in turn.
async fn at_once(work: Vec<Work>) {
    let begin = Arc::new(Barrier::new(work.len()));
    let mut tasks = JoinSet::new();
    for one in work {
        let begin = Arc::clone(&begin);
        tasks.spawn(async move {
            begin.wait().await;
            one.await;
        });
    }
    tasks.join_all().await;
}

/// What there is before: an active replica, a share that shall move, and a group with one member.
struct Before {
    active: Replica,
    new: Replica,
    moving: Share,
    taken: Cgsnapshot,
}

async fn prepare(backend: Backend, number: usize) -> Before {
    let made = async |one: Share| {
        backend.create_share(&one, None).await.unwrap();
        recorded(&backend, &one.id).await
    };
    let active = Share { replica_state: Some(ReplicaState::Active), ..share("active", 1) };
    let active = replica(&made(active).await);
    let moving = made(share("moving", 1)).await;
    let id = format!("full-{number}");
    backend.create_consistency_group(&group(&id, &[]), None).await.unwrap();
    let member = made(member_of(&id, "member")).await;
    let taken = cgsnapshot(&format!("taken-{number}"), &id, &[member]);
    Before { new: another(&active), active, moving, taken }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_calls_about_servers_groups_replicas_and_migrations() {
    let ground = Ground::new();
    let room = [("dummy_capacity_gib", OptionValue::Integer(1_000_000))];
    let backend = serving(&ground, "10.7.0.10-10.7.0.209", &room).await;
    let mut tasks = JoinSet::new();
    for number in 0..EACH {
        tasks.spawn(prepare(backend.clone(), number));
    }
    let there: Arc<Vec<Before>> = Arc::new(tasks.join_all().await);

    let mut work: Vec<Work> = Vec::new();
    for number in 0..EACH {
        let of = || (backend.clone(), Arc::clone(&there));
        let (b, _) = of();
        work.push(Box::pin(async move {
            set_up(&b, &format!("server-{number}")).await;
        }));
        let (b, _) = of();
        work.push(Box::pin(async move {
            b.create_consistency_group(&group(&format!("empty-{number}"), &[]), None)
                .await
                .unwrap();
        }));
        let (b, there) = of();
        work.push(Box::pin(async move {
            let updates = b.create_cgsnapshot(&there[number].taken, None).await.unwrap();
            assert_eq!(updates[0].id, there[number].taken.members[0].id);
        }));
        let (b, there) = of();
        work.push(Box::pin(async move {
            let Before { active, new, .. } = &there[number];
            let all = [active.clone(), new.clone()];
            let update = b.create_replica(&all, new, &[], &[], None).await.unwrap().unwrap();
            assert_eq!(update.id, new.share.id);
        }));
        let (b, there) = of();
        work.push(Box::pin(async move {
            let one = &there[number].moving;
            let to = MigrationDestination {
                host: format!("{}#beta", one.host),
                capabilities: Vec::new(),
            };
            let info = b.migration_get_driver_info(one, None).await.unwrap();
            assert!(b.migration_start(one, None, &to, &info, false).await.unwrap().moved);
        }));
    }
    assert_eq!(work.len(), 200);
    at_once(work).await;
    let servers = records(&backend).await;
    assert!(servers.iter().all(|one| one.share_server.status == ShareServerStatus::Active));
    let all: BTreeSet<_> = servers.iter().flat_map(|one| addresses(&one.share_server)).collect();
    assert_eq!((servers.len(), all.len()), (EACH, EACH));
    let groups = backend.records().consistency_groups().await.unwrap();
    assert_eq!(groups.len(), 2 * EACH);
    let well = |status| status == ConsistencyGroupStatus::Available;
    assert!(groups.iter().all(|one| well(one.consistency_group.status)));
    let taken = backend.records().cgsnapshots().await.unwrap();
    assert!(taken.len() == EACH && taken.iter().all(|one| well(one.cgsnapshot.status)));
    assert_eq!(backend.records().migrations().await.unwrap().len(), EACH);
    for Before { active, new, moving, .. } in there.iter() {
        let new = recorded(&backend, &new.share.id).await;
        assert_eq!((&new.share_id, new.status), (&active.share.share_id, ShareStatus::Available));
        assert_eq!(recorded(&backend, &moving.id).await.status, ShareStatus::Migrating);
    }
    assert_eq!(held(&ground, &backend), [""; 0]);

    let mut work: Vec<Work> = Vec::new();
    for (number, server) in servers.into_iter().enumerate() {
        let of = || (backend.clone(), Arc::clone(&there));
        let (b, _) = of();
        work.push(Box::pin(async move {
            b.teardown_server(&server.share_server, &[]).await.unwrap();
        }));
        let (b, _) = of();
        work.push(Box::pin(async move {
            b.delete_consistency_group(&group(&format!("empty-{number}"), &[]), None)
                .await
                .unwrap();
        }));
        let (b, there) = of();
        work.push(Box::pin(async move {
            b.delete_cgsnapshot(&there[number].taken, None).await.unwrap();
        }));
        let (b, there) = of();
        work.push(Box::pin(async move {
            let new = replica(&recorded(&b, &there[number].new.share.id).await);
            let all = [there[number].active.clone(), new.clone()];
            b.delete_replica(&all, &[], &new, None).await.unwrap();
        }));
        let (b, there) = of();
        work.push(Box::pin(async move {
            let one = recorded(&b, &there[number].moving.id).await;
            b.migration_cancel(&one, None, &[]).await.unwrap();
        }));
    }
    at_once(work).await;
    assert_eq!(backend.records().consistency_groups().await.unwrap().len(), EACH);
    assert!(backend.records().cgsnapshots().await.unwrap().is_empty());
    assert!(backend.records().migrations().await.unwrap().is_empty());
    let shares = backend.records().shares().await.unwrap();
    assert_eq!(shares.len(), 3 * EACH);
    assert!(shares.iter().all(|one| one.share.status == ShareStatus::Available));
    assert!(records(&backend).await.is_empty());
    assert_free(&backend, 200).await;
    assert_eq!(held(&ground, &backend), [""; 0]);
}
