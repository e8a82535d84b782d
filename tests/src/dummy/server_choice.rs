//! Which server shall carry a share or a group, as the driver chooses it.

use abaca::types::ConsistencyGroup;
use abaca::{Blame, Error};

use super::servers::set_up;
use super::{group, serving, share_on};
use crate::support::{Ground, share, snapshot};

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
async fn a_server_that_was_not_offered_is_no_choice() {
    let ground = Ground::new();
    let elsewhere = [("dummy_choice", super::text("two"))];
    let backend = serving(&ground, "10.7.0.10-10.7.0.12", &elsewhere).await;
    let servers = [set_up(&backend, "one").await, set_up(&backend, "two").await];
    let (new, a_group) = (share("new", 1), group("g", &[]));
    for (offered, fits) in [(&servers[..], true), (&servers[..1], false), (&[], false)] {
        let for_share =
            backend.choose_share_server_compatible_with_share(offered, &new, None, None).await;
        let for_cg = backend.choose_share_server_compatible_with_cg(offered, &a_group, None).await;
        for answer in [for_share, for_cg] {
            match answer {
                Ok(Some(chosen)) if fits => assert_eq!(chosen, "two"),
                Err(error @ Error::Contract { .. }) if !fits => {
                    assert_eq!(error.blame(), Blame::Driver);
                    let mut lines = ground.audit("dummy").into_iter();
                    let end = lines.rfind(|line| line["event"] == "call-end").unwrap();
                    assert_eq!(end["outcome"], "failed", "{end}");
                }
                other => panic!("{} offered: {other:?}", offered.len()),
            }
        }
    }
}
