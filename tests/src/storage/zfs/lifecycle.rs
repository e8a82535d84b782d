//! A share's life: made, filled up to its quota, resized, kept, copied and removed.

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use abaca::types::{Capacity, Error as DriverError, ShareStatus};

use super::{
    EXPORT_IP, Home, drain, driver_error, everything, fill, in_pool, property, run, write,
};
use crate::support::{snapshot, tree};

#[tokio::test]
async fn a_client_writes_up_to_the_size_and_no_further() {
    let Some(home) = Home::new(
        module_path!(),
        "a_client_writes_up_to_the_size_and_no_further",
        "a quota that holds",
    )
    .await
    else {
        return;
    };
    let one = in_pool("tank", 1);
    let (current, directory) = home.made(&one).await;
    let dataset = Home::dataset("tank", &one);
    let paths: Vec<_> = current.export_locations.iter().map(|one| one.path.clone()).collect();
    let path = directory.display();
    assert_eq!(paths, [format!("{EXPORT_IP}:{path}"), format!("198.51.100.1:{path}")]);
    assert_eq!(current.status, ShareStatus::Available);
    assert_eq!(property("compression", &dataset), "gzip");
    assert_eq!(home.backend.get_pool(&current).await.unwrap().as_deref(), Some("tank"));

    // A GiB less 24 MiB is taken at once; what is written then ends at the quota.
    fill(&dataset, 1000);
    let (written, error) = write(&directory, "written", 64).unwrap_err();
    assert_eq!(error, ErrorKind::QuotaExceeded);
    assert!((12..=24).contains(&written), "{written} MiB were written of 24");

    // It grows while it is full, and does not shrink below what it holds.
    home.backend.extend_share(&current, 2, None).await.unwrap();
    write(&directory, "written", 64).unwrap();
    let current = home.recorded(&one).await;
    let error = driver_error(home.backend.shrink_share(&current, 1, None).await);
    assert!(matches!(error, DriverError::ShareShrinkingPossibleDataLoss(_)), "{error:?}");
    assert_eq!((home.recorded(&one).await.size, property("quota", &dataset).as_str()), (2, "2G"));

    // What is removed leaves room to shrink, and the quota holds again.
    drain(&dataset).await;
    home.backend.shrink_share(&current, 1, None).await.unwrap();
    assert_eq!((home.recorded(&one).await.size, property("quota", &dataset).as_str()), (1, "1G"));
    fill(&dataset, 900);
    assert_eq!(write(&directory, "more", 128).unwrap_err().1, ErrorKind::QuotaExceeded);
    drain(&dataset).await;
    home.backend.delete_share(&one, None).await.unwrap();
    assert!(!directory.exists());
    home.assert_bare().await;
}

#[tokio::test]
async fn snapshots_stay_as_they_are_and_copies_go_their_own_way() {
    let Some(home) = Home::new(
        module_path!(),
        "snapshots_stay_as_they_are_and_copies_go_their_own_way",
        "snapshots and copies",
    )
    .await
    else {
        return;
    };
    let one = in_pool("tank", 1);
    let (current, directory) = home.made(&one).await;
    fs::create_dir_all(directory.join("a/b")).unwrap();
    fs::write(directory.join("a/b/file"), "kept").unwrap();
    let before = tree(&directory);
    let taken = snapshot(&current);
    home.backend.create_snapshot(&taken, None).await.unwrap();
    fs::write(directory.join("a/b/file"), "changed").unwrap();

    // In the same pool and in the other one; what was written since is not in it.
    for (pool, size) in [("tank", 1), ("pond", 2)] {
        let copy = in_pool(pool, size);
        home.backend.create_share_from_snapshot(&copy, &taken, None).await.unwrap();
        let copied = home.directory(pool, &copy);
        assert_eq!(tree(&copied), before, "{pool}");
        fs::write(copied.join("a/b/file"), "its own").unwrap();
        let dataset = Home::dataset(pool, &copy);
        assert_eq!(property("quota", &dataset), format!("{size}G"));
        assert!(!everything().iter().any(|name| name.starts_with(&format!("{dataset}@"))));
        home.backend.delete_share(&copy, None).await.unwrap();
    }
    assert_eq!(fs::read_to_string(directory.join("a/b/file")).unwrap(), "changed");

    // A share stays while it has a snapshot of which the service does not know, with it.
    home.backend.unmanage_snapshot(&taken).await.unwrap();
    let error = driver_error(home.backend.delete_share(&current, None).await);
    let DriverError::ShareIsBusy(why) = error else { panic!("{error:?}") };
    assert!(why.contains("manila_share_snapshot_"), "{why}");
    assert_eq!(fs::read_to_string(directory.join("a/b/file")).unwrap(), "changed");
    let left = everything().into_iter().find(|name| name.contains('@')).unwrap();
    run("zfs", &["destroy", &left]);
    home.backend.delete_share(&current, None).await.unwrap();
    home.assert_bare().await;
}

#[tokio::test]
async fn the_pools_are_measured() {
    let Some(home) =
        Home::new(module_path!(), "the_pools_are_measured", "how much the pools hold").await
    else {
        return;
    };
    let stats = home.backend.get_share_stats(true).await.unwrap();
    let names: Vec<_> = stats.pools.iter().map(|pool| pool.name.as_str()).collect();
    assert_eq!(names, ["tank", "pond"]);
    for pool in &stats.pools {
        let (Capacity::Gib(total), Capacity::Gib(free)) = (pool.total_capacity, pool.free_capacity)
        else {
            panic!("{pool:?}");
        };
        assert!((5.5..=6.0).contains(&total) && (5.0..=total).contains(&free), "{pool:?}");
        assert_eq!((pool.compression, pool.dedupe), (Some(true), None));
        // No domain is set.
        assert_eq!(pool.replication_type, None);
    }
    let lost = in_pool("lake", 1);
    let error = driver_error(home.backend.create_share(&lost, None).await);
    assert!(matches!(error, DriverError::InvalidShare(_)), "{error:?}");
}

/// A share in use is neither removed nor unmounted under anybody's hands, but waited for.
#[tokio::test]
async fn a_share_in_use_stays() {
    let Some(home) = Home::new(module_path!(), "a_share_in_use_stays", "a share in use").await
    else {
        return;
    };
    let (current, directory) = home.made(&in_pool("tank", 1)).await;
    fs::write(directory.join("file"), "in use").unwrap();
    let open = fs::File::open(directory.join("file")).unwrap();
    let in_use = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(fs::read_to_string(directory.join("file")).unwrap(), "in use");
        drop(open);
    };
    // It goes as soon as nobody uses it any more.
    let (removed, ()) = tokio::join!(home.backend.delete_share(&current, None), in_use);
    removed.unwrap();
    home.assert_bare().await;
}
