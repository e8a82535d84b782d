//! Datasets and snapshots that were there before: taken over, used, and let go.

use std::fs;

use abaca::types::{Error as DriverError, ExportLocation, Share, Snapshot};

use super::{EXPORT_IP, Home, driver_error, everything, fill, in_pool, property, run, text};
use crate::support::{share, snapshot};

/// A share that is to be taken over.
fn found_at(home: &Home, name: &str) -> Share {
    let path = format!("{EXPORT_IP}:{}", text(&home.pool("tank").join(name)));
    let location = ExportLocation { path, is_admin_only: false, metadata: Vec::new() };
    Share { export_locations: vec![location], ..share(name, 0) }
}

/// A dataset and its snapshot become a share and its snapshot, and are removed as such.
pub async fn taken_over(home: &Home) {
    run("zfs", &["create", "tank/Alice.data"]);
    let directory = home.pool("tank").join("Alice.data");
    fs::write(directory.join("file"), "alice's").unwrap();
    run("zfs", &["snapshot", "tank/Alice.data@Monday_1"]);

    let wanted = found_at(home, "Alice.data");
    let managed = home.backend.manage_existing(&wanted, &[]).await.unwrap();
    assert_eq!((managed.size, property("quota", "tank/Alice.data").as_str()), (1, "1G"));
    let current = home.recorded(&wanted).await;
    let before = Snapshot { provider_location: Some("Monday_1".into()), ..snapshot(&current) };
    home.backend.manage_existing_snapshot(&before, &current, &[]).await.unwrap();
    fs::write(directory.join("file"), "changed").unwrap();
    let copy = in_pool("tank", 1);
    home.backend.create_share_from_snapshot(&copy, &before, None).await.unwrap();
    let copied = home.directory("tank", &copy).join("file");
    assert_eq!(fs::read_to_string(copied).unwrap(), "alice's");
    home.backend.delete_snapshot(&before, None).await.unwrap();
    for share in [&copy, &current] {
        home.backend.delete_share(share, None).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_there_before_is_taken_over_and_let_go() {
    let Some(home) = Home::new(
        module_path!(),
        "what_was_there_before_is_taken_over_and_let_go",
        "datasets that are taken over",
    )
    .await
    else {
        return;
    };
    taken_over(&home).await;
    home.assert_bare().await;

    let one = in_pool("tank", 2);
    let (current, directory) = home.made(&one).await;
    fs::write(directory.join("file"), "kept").unwrap();
    let taken = snapshot(&current);
    home.backend.create_snapshot(&taken, None).await.unwrap();
    let there = everything();
    home.backend.unmanage_snapshot(&taken).await.unwrap();
    home.backend.unmanage(&current).await.unwrap();
    assert_eq!(everything(), there);
    // What is not ours any more is not removed by its old name.
    home.backend.delete_share(&one, None).await.unwrap();
    assert_eq!(fs::read_to_string(directory.join("file")).unwrap(), "kept");

    // It keeps the size of its quota.
    let again = found_at(&home, directory.file_name().unwrap().to_str().unwrap());
    assert_eq!(home.backend.manage_existing(&again, &[]).await.unwrap().size, 2);
    let current = home.recorded(&again).await;
    let location = there.iter().find(|name| name.contains('@')).cloned();
    let kept = Snapshot { provider_location: location, ..snapshot(&current) };
    home.backend.manage_existing_snapshot(&kept, &current, &[]).await.unwrap();
    home.backend.delete_snapshot(&kept, None).await.unwrap();
    home.backend.delete_share(&again, None).await.unwrap();
    home.assert_bare().await;
}

#[tokio::test]
async fn what_is_not_fit_is_not_taken_over_and_not_touched() {
    let Some(home) = Home::new(
        module_path!(),
        "what_is_not_fit_is_not_taken_over_and_not_touched",
        "what is not fit to be taken over",
    )
    .await
    else {
        return;
    };
    let (one, directory) = home.made(&in_pool("tank", 1)).await;
    run("zfs", &["create", "tank/full"]);
    fill("tank/full", 1500);
    let name = directory.file_name().unwrap().to_str().unwrap();
    let small = [("size".to_owned(), "1".to_owned())];
    let odd = [("size".to_owned(), "much".to_owned())];
    let misspelt = [("sise".to_owned(), "2".to_owned())];
    for (name, options, why) in [
        ("missing", &[][..], "is mounted at"),
        ("full/filler", &[], "is mounted at"),
        ("full", &small, "more than 1 GiB"),
        ("full", &odd, "`much`"),
        ("full", &misspelt, "`sise`"),
        (name, &[], "already"),
        ("", &[], "is mounted at"),
    ] {
        let wanted = found_at(&home, name);
        let error = driver_error(home.backend.manage_existing(&wanted, options).await);
        let DriverError::ManageInvalidShare(said) = error else { panic!("{name}: {error:?}") };
        assert!(said.contains(why), "{name}: {said}");
    }
    assert_eq!(property("quota", "tank/full"), "none");
    let wanted = found_at(&home, "full");
    assert_eq!(home.backend.manage_existing(&wanted, &[]).await.unwrap().size, 2);

    run("zfs", &["snapshot", "tank/full@other"]);
    for (location, why) in [
        ("missing", "not there"),
        ("tank/full@other", "no snapshot of"),
        ("a/b", "no snapshot of"),
        ("", "no snapshot of"),
        ("tmp_snapshot_for_replication__1", "a replica is made"),
    ] {
        let wanted = Snapshot { provider_location: Some(location.to_owned()), ..snapshot(&one) };
        let error = driver_error(home.backend.manage_existing_snapshot(&wanted, &one, &[]).await);
        let DriverError::ManageInvalidSnapshot(said) = error else { panic!("{error:?}") };
        assert!(said.contains(why), "{location}: {said}");
    }
}
