//! Which server shall carry a share or a group: the driver's choice, and what holds for a driver
//! that makes none.

use abaca::Limits;
use abaca::types::ConsistencyGroup;

use super::servers::set_up;
use super::{group, serving, share_on};
use crate::support::{Ground, runtime, share, snapshot};

#[tokio::test]
async fn the_driver_chooses() {
    let ground = Ground::new();
    let one_each = [("dummy_shares_per_server", abaca::OptionValue::Integer(1))];
    let backend = serving(&ground, "10.7.0.10-10.7.0.12", &one_each).await;
    let servers = [set_up(&backend, "one").await, set_up(&backend, "two").await];
    let new = share("new", 1);
    let choose = async |snapshot, group: Option<&ConsistencyGroup>| {
        let chosen = backend
            .choose_share_server_compatible_with_share(&servers, &new, snapshot, group)
            .await;
        chosen.unwrap()
    };
    assert_eq!(choose(None, None).await.as_deref(), Some("one"));
    let full = share_on(&servers[0], "full");
    backend.create_share(&full, Some(&servers[0])).await.unwrap();
    assert_eq!(choose(None, None).await.as_deref(), Some("two"), "the first is full");
    // What is copied stays where it is, room or not; and so does a group.
    let taken = snapshot(&full);
    assert_eq!(choose(Some(&taken), None).await.as_deref(), Some("one"));
    let on_two = ConsistencyGroup { share_server_id: Some("two".into()), ..group("g", &[]) };
    assert_eq!(choose(None, Some(&on_two)).await.as_deref(), Some("two"));
    let chosen = backend.choose_share_server_compatible_with_cg(&servers, &on_two, None).await;
    assert_eq!(chosen.unwrap().as_deref(), Some("two"));
    // None of them: a new one is wanted.
    let second = share_on(&servers[1], "second");
    backend.create_share(&second, Some(&servers[1])).await.unwrap();
    assert_eq!(choose(None, None).await, None);
    let nowhere = group("g", &[]);
    let chosen = backend.choose_share_server_compatible_with_cg(&servers, &nowhere, None).await;
    assert_eq!(chosen.unwrap(), None);
}

#[tokio::test]
async fn without_a_choice_it_is_the_first_or_the_groups() {
    let ground = Ground::new();
    let servers = {
        let backend = serving(&ground, "10.7.0.10-10.7.0.12", &[]).await;
        [set_up(&backend, "one").await, set_up(&backend, "two").await]
    };
    let backend = ground.minimal(&runtime(Limits::default())).await;
    let new = share("new", 1);
    let choose = async |servers, group: Option<&ConsistencyGroup>| {
        let chosen =
            backend.choose_share_server_compatible_with_share(servers, &new, None, group).await;
        chosen.unwrap()
    };
    assert_eq!(choose(&servers[..], None).await.as_deref(), Some("one"));
    assert_eq!(choose(&servers[1..], None).await.as_deref(), Some("two"));
    assert_eq!(choose(&[], None).await, None);
    let on_two = ConsistencyGroup { share_server_id: Some("two".into()), ..group("g", &[]) };
    assert_eq!(choose(&servers[..], Some(&on_two)).await.as_deref(), Some("two"));
    assert_eq!(choose(&servers[..1], Some(&on_two)).await, None);
    assert_eq!(choose(&servers[..], Some(&group("g", &[]))).await, None);
    let chosen = backend.choose_share_server_compatible_with_cg(&servers, &on_two, None).await;
    assert_eq!(chosen.unwrap(), None, "a new one, as upstream has it");
    assert!(ground.audit("minimal").is_empty(), "the driver was not called");
}
