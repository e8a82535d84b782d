//! Whole lifecycles of each feature by JSON alone, with the reference driver.

use abaca::types::{AccessLevel, AccessRule, AccessType, ConsistencyGroupStatus, Share};
use serde_json::{Value, json};

use super::{json_of, of_dummy, recorded};
use crate::support::{Client, Ground, Service, dummy_desk, rule, share, snapshot};

fn service(ground: &Ground, options: &str) -> Service {
    Service::start(ground, &dummy_desk(ground, options), &[])
}

/// Makes a share, and answers it as it is recorded.
fn made(client: &mut Client, share: &Share) -> Value {
    client.ok("create_share", &of_dummy(json!({ "share": share })));
    recorded(client, &share.id)
}

/// The one thing that a list has.
fn only(client: &mut Client, list: &str, field: &str) -> Value {
    let all = client.ok(list, &of_dummy(json!({})));
    assert_eq!(all.as_array().unwrap().len(), 1, "{list}: {all}");
    all[0][field].clone()
}

fn nothing(client: &mut Client, list: &str) {
    assert_eq!(client.ok(list, &of_dummy(json!({}))), json!([]), "{list}");
}

#[test]
fn shares_snapshots_and_access_rules() {
    let ground = Ground::new();
    let service = service(&ground, "");
    let mut client = service.client();
    client.ok("do_setup", &of_dummy(json!({})));
    client.ok("check_for_setup_error", &of_dummy(json!({})));
    let backends = client.ok("list_backends", &json!({}));
    assert_eq!(backends[0]["driver"], "dummy");
    assert_eq!(backends, service.listening["backends"]);

    let wanted = Share {
        metadata: vec![("z".into(), "1".into()), ("a".into(), "2".into())],
        ..share("one", 2)
    };
    let locations = client.ok("create_share", &of_dummy(json!({ "share": wanted })));
    let one = recorded(&mut client, &wanted.id);
    assert_eq!((&one["status"], &one["protocol"]), (&json!("available"), &json!("nfs")));
    assert_eq!(one["export_locations"], locations);
    assert_eq!(one["metadata"], json!({ "z": "1", "a": "2" }));
    assert_eq!(client.ok("ensure_share", &of_dummy(json!({ "share": one }))), locations);
    assert_eq!(client.ok("get_pool", &of_dummy(json!({ "share": one }))), "alpha");
    client.ok("extend_share", &of_dummy(json!({ "share": one, "new_size": 5 })));
    let one = recorded(&mut client, &wanted.id);
    client.ok("shrink_share", &of_dummy(json!({ "share": one, "new_size": 3 })));
    let one = recorded(&mut client, &wanted.id);
    assert_eq!(one["size"], 3);

    let to = rule("192.0.2.7", AccessLevel::Ro);
    let rules = [AccessRule { access_type: AccessType::Ip, ..to }];
    let params = json!({ "share": one, "access_rules": rules, "add_rules": rules });
    client.ok("update_access", &of_dummy(params));
    let params = of_dummy(json!({ "share_instance_id": wanted.id }));
    assert_eq!(client.ok("list_access_rules", &params), json_of(&rules));
    let none = json!({ "share": one, "access_rules": [], "delete_rules": rules });
    client.ok("update_access", &of_dummy(none));
    assert_eq!(client.ok("list_access_rules", &params), json!([]));

    // The same one by one.
    let one_rule = of_dummy(json!({ "share": one, "access_rule": rules[0] }));
    client.ok("allow_access", &one_rule);
    assert_eq!(client.ok("list_access_rules", &params), json_of(&rules));
    client.ok("deny_access", &one_rule);
    assert_eq!(client.ok("list_access_rules", &params), json!([]));

    let taken = snapshot(&serde_json::from_value(one.clone()).unwrap());
    client.ok("create_snapshot", &of_dummy(json!({ "snapshot": taken })));
    let kept = only(&mut client, "list_snapshots", "snapshot");
    assert_eq!(kept["status"], "available");
    let copy = share("copy", 3);
    client.ok("create_share_from_snapshot", &of_dummy(json!({ "share": copy, "snapshot": kept })));
    let hooks = client.ok("get_periodic_hook_data", &of_dummy(json!({ "shares": [one] })));
    assert_eq!(hooks[0]["share_id"], json!(wanted.id));
    client.ok("delete_snapshot", &of_dummy(json!({ "snapshot": kept })));
    for id in [&wanted.id, &copy.id] {
        let share = recorded(&mut client, id);
        client.ok("delete_share", &of_dummy(json!({ "share": share })));
    }
    nothing(&mut client, "list_shares");
    nothing(&mut client, "list_snapshots");
    let stats = client.ok("get_share_stats", &of_dummy(json!({ "refresh": true })));
    assert_eq!(
        (&stats["share_backend_name"], &stats["snapshot_support"]),
        (&json!("dummy"), &json!(true))
    );
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn managing() {
    let ground = Ground::new();
    let service = service(&ground, "");
    let mut client = service.client();
    let mut found = json_of(&share("found", 0));
    found["export_locations"] =
        json!([{ "path": "192.0.2.1:/shares/old", "is_admin_only": false }]);
    let params = json!({ "share": found, "driver_options": { "size": "7" } });
    assert_eq!(client.ok("manage_existing", &of_dummy(params))["size"], 7);
    let found = recorded(&mut client, found["id"].as_str().unwrap());
    assert_eq!((&found["status"], &found["size"]), (&json!("available"), &json!(7)));
    let mut kept = json_of(&snapshot(&serde_json::from_value(found.clone()).unwrap()));
    kept["provider_location"] = "old@monday".into();
    let params = json!({ "snapshot": kept, "share": found, "driver_options": {} });
    client.ok("manage_existing_snapshot", &of_dummy(params));
    let kept = only(&mut client, "list_snapshots", "snapshot");
    assert_eq!(kept["status"], "available");
    client.ok("unmanage_snapshot", &of_dummy(json!({ "snapshot": kept })));
    client.ok("unmanage", &of_dummy(json!({ "share": found })));
    nothing(&mut client, "list_shares");
    nothing(&mut client, "list_snapshots");
}

pub const NETWORK: &str = "standalone_network_plugin_gateway = \"10.7.0.1\"\n\
                       standalone_network_plugin_mask = \"24\"\n";

#[test]
fn share_servers() {
    let ground = Ground::new();
    let desk = dummy_desk(&ground, NETWORK);
    desk.edit("abaca.toml", "servers = false", "servers = true");
    let service = Service::start(&ground, &desk, &[]);
    let mut client = service.client();
    assert_eq!(client.ok("get_network_allocations_number", &of_dummy(json!({}))), 1);
    assert_eq!(client.ok("get_admin_network_allocations_number", &of_dummy(json!({}))), 0);
    let leased =
        client.ok("allocate_network", &of_dummy(json!({ "server_id": "lost", "count": 2 })));
    assert_eq!(leased.as_array().unwrap().len(), 2);
    let lost = client.ok("list_orphaned_leases", &of_dummy(json!({})));
    assert_eq!((lost.as_array().unwrap().len(), &lost[0]["server_id"]), (2, &json!("lost")));
    client.ok("deallocate_network", &of_dummy(json!({ "server_id": "lost" })));
    let none = of_dummy(json!({ "server_id": "lost", "count": 0 }));
    assert_eq!(client.ok("allocate_admin_network", &none), json!([]));

    let info = json!({ "server_id": "server", "share_network_id": "network" });
    let server = client.ok("setup_server", &of_dummy(json!({ "network_info": info })));
    assert_eq!((&server["id"], &server["status"]), (&json!("server"), &json!("active")));
    assert_eq!(server["network_allocations"][0]["ip_address"], "10.7.0.2");
    assert_eq!(only(&mut client, "list_share_servers", "share_server"), server);
    let pools = client.ok("get_share_server_pools", &of_dummy(json!({ "share_server": server })));
    assert_eq!(pools, json!(["alpha", "beta"]));
    let mut one = json_of(&share("one", 1));
    one["share_server_id"] = "server".into();
    let params = json!({ "share_servers": [server], "share": one });
    assert_eq!(client.ok("choose_share_server_compatible_with_share", &of_dummy(params)), "server");
    let mut group = group("group", &[]);
    group["share_server_id"] = "server".into();
    let params = json!({ "share_servers": [server], "consistency_group": group });
    assert_eq!(client.ok("choose_share_server_compatible_with_cg", &of_dummy(params)), "server");
    let params = of_dummy(json!({ "share": one, "share_server": server }));
    let locations = client.ok("create_share", &params);
    assert!(locations[0]["path"].as_str().unwrap().starts_with("10.7.0.2:"), "{locations}");
    let one = recorded(&mut client, one["id"].as_str().unwrap());
    client.ok("delete_share", &of_dummy(json!({ "share": one, "share_server": server })));
    client.ok("teardown_server", &of_dummy(json!({ "share_server": server })));
    nothing(&mut client, "list_share_servers");
    nothing(&mut client, "list_orphaned_leases");
}

fn group(id: &str, shares: &[Value]) -> Value {
    json!({
        "id": id, "project_id": "project", "host": "test@dummy",
        "status": ConsistencyGroupStatus::Creating, "shares": shares,
    })
}

#[test]
fn consistency_groups() {
    let ground = Ground::new();
    let service = service(&ground, "");
    let mut client = service.client();
    client
        .ok("create_consistency_group", &of_dummy(json!({ "consistency_group": group("g", &[]) })));
    let member =
        |group: &str| Share { consistency_group_id: Some(group.to_owned()), ..share("one", 1) };
    let one = made(&mut client, &member("g"));
    let wanted = json!({
        "id": "c", "consistency_group_id": "g", "project_id": "project", "status": "creating",
        "members": [{
            "id": "m", "share": one, "size": 1, "protocol": "nfs", "status": "creating",
        }],
    });
    let updates = client.ok("create_cgsnapshot", &of_dummy(json!({ "cgsnapshot": wanted })));
    assert_eq!(updates[0]["id"], "m");
    let kept = only(&mut client, "list_cgsnapshots", "cgsnapshot");
    assert_eq!(kept["status"], "available");

    let mut copy = json_of(&member("h"));
    copy["source_cgsnapshot_member_id"] = "m".into();
    let params = json!({ "consistency_group": group("h", &[copy.clone()]), "cgsnapshot": kept });
    let updates = client.ok("create_consistency_group_from_cgsnapshot", &of_dummy(params));
    assert_eq!(updates[0]["id"], copy["id"]);
    client.ok("delete_cgsnapshot", &of_dummy(json!({ "cgsnapshot": kept })));
    for id in [one["id"].as_str().unwrap(), copy["id"].as_str().unwrap()] {
        let share = recorded(&mut client, id);
        assert_eq!(share["status"], "available");
        client.ok("delete_share", &of_dummy(json!({ "share": share })));
    }
    // Whoever says that it has no members is not believed.
    let kept = made(&mut client, &member("g"));
    let refused = client.fails(
        "delete_consistency_group",
        &of_dummy(json!({ "consistency_group": group("g", &[]) })),
    );
    assert!(refused["message"].as_str().unwrap().contains("1 members"), "{refused}");
    client.ok("delete_share", &of_dummy(json!({ "share": kept })));
    for group in client.ok("list_consistency_groups", &of_dummy(json!({}))).as_array().unwrap() {
        let group = &group["consistency_group"];
        client.ok("delete_consistency_group", &of_dummy(json!({ "consistency_group": group })));
    }
    nothing(&mut client, "list_consistency_groups");
    nothing(&mut client, "list_cgsnapshots");
}

#[test]
fn replicas_and_their_snapshots() {
    let ground = Ground::new();
    let service = service(&ground, "");
    let mut client = service.client();
    let first = share("one", 1);
    let mut wanted = json_of(&first);
    wanted["replica_state"] = "active".into();
    client.ok("create_share", &of_dummy(json!({ "share": wanted })));
    let second = Share { share_id: first.share_id.clone(), ..share("one", 1) };
    // All replicas as they are recorded; the new one is not yet.
    let replicas = |client: &mut Client| -> Vec<Value> {
        let shares = client.ok("list_shares", &of_dummy(json!({})));
        shares.as_array().unwrap().iter().map(|one| json!({ "share": one["share"] })).collect()
    };
    let new = json!({ "share": second });
    let mut all = replicas(&mut client);
    all.push(new.clone());
    let params = json!({
        "replica_list": all, "new_replica": new, "access_rules": [], "replica_snapshots": [],
    });
    let update = client.ok("create_replica", &of_dummy(params));
    assert_eq!(
        (&update["id"], &update["replica_state"]),
        (&json!(second.id), &json!("out-of-sync"))
    );
    for state in ["out-of-sync", "in-sync"] {
        let all = replicas(&mut client);
        let params = json!({
            "replica_list": all, "replica": all[1], "access_rules": [], "replica_snapshots": [],
        });
        assert_eq!(client.ok("update_replica_state", &of_dummy(params)), state);
    }

    // A snapshot on both, which becomes available on the second one when it is asked after.
    let all = replicas(&mut client);
    let instance = |replica: &Value, id: &str| {
        let of: Share = serde_json::from_value(replica["share"].clone()).unwrap();
        let mut instance = json_of(&snapshot(&of));
        instance["id"] = id.into();
        instance["snapshot_id"] = "s".into();
        json!({ "snapshot": instance, "progress": 0 })
    };
    let taken = [instance(&all[0], "s1"), instance(&all[1], "s2")];
    let params = json!({ "replica_list": all, "replica_snapshots": taken });
    let updates = client.ok("create_replicated_snapshot", &of_dummy(params));
    assert_eq!(updates[0]["status"], "available", "{updates}");
    let snapshots = |client: &mut Client| -> Vec<Value> {
        let all = client.ok("list_snapshots", &of_dummy(json!({})));
        let all = all.as_array().unwrap().iter();
        all.map(|one| json!({ "snapshot": one["snapshot"], "progress": 0 })).collect()
    };
    let mut asked = 0;
    while let Some(coming) =
        snapshots(&mut client).into_iter().find(|one| one["snapshot"]["status"] == "creating")
    {
        let params = json!({
            "replica_list": all, "share_replica": all[1],
            "replica_snapshots": snapshots(&mut client), "replica_snapshot": coming,
        });
        client.ok("update_replicated_snapshot", &of_dummy(params));
        asked += 1;
        assert!(asked < 10, "it comes nearer each time");
    }
    let params = json!({ "replica_list": all, "replica_snapshots": snapshots(&mut client) });
    client.ok("delete_replicated_snapshot", &of_dummy(params));
    let mut asked = 0;
    while let Some(going) = snapshots(&mut client).pop() {
        let params = json!({
            "replica_list": all, "share_replica": all[1],
            "replica_snapshots": snapshots(&mut client), "replica_snapshot": going,
        });
        client.ok("update_replicated_snapshot", &of_dummy(params));
        asked += 1;
        assert!(asked < 10, "it goes further each time");
    }

    let params = json!({ "replica_list": all, "replica": all[1], "access_rules": [] });
    let updates = client.ok("promote_replica", &of_dummy(params));
    assert_eq!(
        (&updates[0]["id"], &updates[0]["replica_state"]),
        (&json!(second.id), &json!("active"))
    );
    let all = replicas(&mut client);
    let params = json!({ "replica_list": all, "replica_snapshots": [], "replica": all[0] });
    client.ok("delete_replica", &of_dummy(params));
    assert_eq!(recorded(&mut client, &first.id), Value::Null);
    assert_eq!(recorded(&mut client, &second.id)["replica_state"], "active");
}

#[test]
fn migration() {
    let ground = Ground::new();
    let service = service(&ground, "");
    let mut client = service.client();
    let one = made(&mut client, &share("one", 1));
    let info = client.ok("migration_get_driver_info", &of_dummy(json!({ "share": one })));
    let mount = client.ok("migration_get_info", &of_dummy(json!({ "share": one })));
    assert_eq!(mount["mount"][0], "mount", "{mount}");
    let start = json!({
        "share": one, "destination": { "host": "test@dummy#beta" }, "driver_info": info,
        "notify": false,
    });
    assert_eq!(client.ok("migration_start", &of_dummy(start.clone()))["moved"], true);
    let moving = recorded(&mut client, one["id"].as_str().unwrap());
    assert_eq!(moving["status"], "migrating");
    let params = of_dummy(json!({ "share": moving, "driver_info": info }));
    client.ok("migration_cancel", &params);
    let one = recorded(&mut client, one["id"].as_str().unwrap());
    assert_eq!(one["status"], "available");
    client.ok("migration_start", &of_dummy(start));
    let mut progress = Vec::new();
    while progress.last() != Some(&json!(100)) {
        assert!(progress.len() < 10, "{progress:?}");
        progress.push(client.ok("migration_get_progress", &params));
    }
    let found = client.ok("migration_complete", &params);
    let moved = recorded(&mut client, one["id"].as_str().unwrap());
    assert_eq!((&moved["status"], &moved["export_locations"]), (&json!("available"), &found));
}
