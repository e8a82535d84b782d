//! Which server carries a share or a group where the driver does not choose.

use abaca::types::{ConsistencyGroup, ShareServer};
use abaca::{Backend, Interface};

use super::{calls, obedient};
use crate::dummy::group;
use crate::dummy::servers::set_up;
use crate::support::{Ground, share};

/// Two servers of a driver that does not choose among them.
async fn two(backend: &Backend) -> [ShareServer; 2] {
    assert!(!backend.driver().offers(Interface::ServerChoice));
    [set_up(backend, "one").await, set_up(backend, "two").await]
}

fn on_two() -> ConsistencyGroup {
    ConsistencyGroup { share_server_id: Some("two".into()), ..group("g", &[]) }
}

#[tokio::test]
async fn choose_share_server_compatible_with_share_is_the_first_or_the_groups() {
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    let servers = two(&backend).await;
    let before = calls(&ground, "obedient");
    let new = share("new", 1);
    let choose = async |servers, group: Option<&ConsistencyGroup>| {
        let chosen =
            backend.choose_share_server_compatible_with_share(servers, &new, None, group).await;
        chosen.unwrap()
    };
    assert_eq!(choose(&servers[..], None).await.as_deref(), Some("one"));
    assert_eq!(choose(&servers[1..], None).await.as_deref(), Some("two"));
    assert_eq!(choose(&[], None).await, None);
    // With a group it is the group's or none, however many others there are.
    assert_eq!(choose(&servers[..], Some(&on_two())).await.as_deref(), Some("two"));
    assert_eq!(choose(&servers[..1], Some(&on_two())).await, None);
    assert_eq!(choose(&servers[..], Some(&group("g", &[]))).await, None);
    assert_eq!(calls(&ground, "obedient"), before, "the driver was not called");
}

#[tokio::test]
async fn choose_share_server_compatible_with_cg_is_the_first() {
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    let servers = two(&backend).await;
    let before = calls(&ground, "obedient");
    let choose = async |servers, group: &ConsistencyGroup| {
        backend.choose_share_server_compatible_with_cg(servers, group, None).await.unwrap()
    };
    // Upstream does not look at the group here.
    for group in [group("g", &[]), on_two()] {
        assert_eq!(choose(&servers[..], &group).await.as_deref(), Some("one"));
        assert_eq!(choose(&servers[1..], &group).await.as_deref(), Some("two"));
        assert_eq!(choose(&[], &group).await, None);
    }
    assert_eq!(calls(&ground, "obedient"), before, "the driver was not called");
}
