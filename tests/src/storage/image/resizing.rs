//! Shares that are given another size: with what is in them, and never below it.

use std::fs;

use abaca::types::{Error as DriverError, ShareStatus};
use rustix::io::Errno;

use super::{Home, KINDS, driver_error, free, reserve};
use crate::support::{share, tree};

#[tokio::test]
async fn a_share_grows_with_what_is_in_it() {
    for kind in KINDS {
        let Some(home) = Home::new(kind, "shares that grow").await else { return };
        let (current, directory) = home.made(&share("one", 1)).await;
        fs::write(directory.join("file"), vec![b'k'; 5 << 20]).unwrap();
        let before = tree(&directory);
        home.extend(&current, 2).await;
        let grown = home.recorded(&current).await;
        assert_eq!((grown.size, grown.status), (2, ShareStatus::Available), "{kind}");
        assert_eq!(tree(&directory), before, "{kind}");
        reserve(&directory, "most", 1700).unwrap();
        assert_eq!(reserve(&directory, "more", 400), Err(Errno::NOSPC), "{kind}");
        home.assert_nothing_half_made();
        // There is room for so much and no more: 8 GiB, twice.
        let error = driver_error(home.backend.extend_share(&grown, 100, None).await);
        assert!(matches!(error, DriverError::BackendFailed(_)), "{error:?}");
        assert!(home.is_mounted(&current));
        home.backend.delete_share(&grown, None).await.unwrap();
        home.assert_bare().await;
    }
}

#[tokio::test]
async fn ext4_shrinks_to_what_is_in_it_and_no_further() {
    let Some(home) = Home::new("ext4", "shares that shrink").await else { return };
    let (current, directory) = home.made(&share("one", 3)).await;
    fs::write(directory.join("file"), vec![b'k'; 5 << 20]).unwrap();
    reserve(&directory, "reserved", 1500).unwrap();
    let error = driver_error(home.backend.shrink_share(&current, 1, None).await);
    assert!(matches!(error, DriverError::ShareShrinkingPossibleDataLoss(_)), "{error:?}");
    assert!(home.is_mounted(&current));
    assert_eq!(fs::metadata(directory.join("reserved")).unwrap().len(), 1500 << 20);
    fs::remove_file(directory.join("reserved")).unwrap();

    // What would fit by itself, and not with what the file system needs.
    reserve(&directory, "reserved", 1000).unwrap();
    let shrunk = async || home.backend.shrink_share(&home.recorded(&current).await, 1, None).await;
    let error = driver_error(free(shrunk).await);
    assert!(matches!(error, DriverError::ShareShrinkingPossibleDataLoss(_)), "{error:?}");
    assert!(home.is_mounted(&current));
    assert_eq!(fs::metadata(directory.join("reserved")).unwrap().len(), 1000 << 20);
    home.assert_nothing_half_made();
    fs::remove_file(directory.join("reserved")).unwrap();

    let before = tree(&directory);
    home.shrink(&current, 1).await;
    let small = home.recorded(&current).await;
    assert_eq!((small.size, small.status), (1, ShareStatus::Available));
    assert_eq!(tree(&directory), before);
    assert_eq!(reserve(&directory, "most", 1000), Err(Errno::NOSPC));
    assert_eq!(fs::metadata(home.images().join(&current.name)).unwrap().len(), 1 << 30);
    home.backend.delete_share(&small, None).await.unwrap();
    home.assert_bare().await;
}

#[tokio::test]
async fn xfs_does_not_shrink_and_says_so() {
    let Some(home) = Home::new("xfs", "an xfs that shall shrink").await else { return };
    let (current, directory) = home.made(&share("one", 2)).await;
    fs::write(directory.join("file"), "kept").unwrap();
    let error = driver_error(home.backend.shrink_share(&current, 1, None).await);
    let DriverError::Unsupported(text) = error else { panic!("{error:?}") };
    assert!(text.contains("xfs") && text.contains("cannot shrink"), "{text}");
    assert!(home.is_mounted(&current));
    assert_eq!(fs::read(directory.join("file")).unwrap(), b"kept");
    home.backend.delete_share(&home.recorded(&current).await, None).await.unwrap();
    home.assert_bare().await;
}
