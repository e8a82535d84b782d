//! A share in which somebody works is neither resized nor removed: it stays as it is, and the
//! error says why. Snapshots are taken all the same.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use abaca::types::Error as DriverError;

use super::{Home, KINDS, driver_error};
use crate::support::{share, snapshot};

#[tokio::test]
async fn a_client_that_works_there_is_not_interrupted() {
    for kind in KINDS {
        let Some(home) = Home::new(kind, "busy shares").await else { return };
        let (current, directory) = home.made(&share("one", 2)).await;
        let mut file = File::create(directory.join("file")).unwrap();
        file.write_all(b"begun, ").unwrap();
        let image = std::fs::metadata(home.images().join(&current.name)).unwrap().ino();

        let mut answers = vec![home.backend.extend_share(&current, 3, None).await];
        if kind == "ext4" {
            answers.push(home.backend.shrink_share(&home.recorded(&current).await, 1, None).await);
        }
        answers.push(home.backend.delete_share(&home.recorded(&current).await, None).await);
        for answer in answers {
            let error = driver_error(answer);
            assert!(matches!(error, DriverError::ShareIsBusy(_)), "{kind}: {error:?}");
        }
        let now = std::fs::metadata(home.images().join(&current.name)).unwrap();
        assert_eq!((now.ino(), now.len()), (image, 2 << 30), "{kind}: the image is the same");
        assert!(home.is_mounted(&current));
        home.assert_nothing_half_made();

        let taken = snapshot(&current);
        home.backend.create_snapshot(&taken, None).await.unwrap();
        file.write_all(b"ended").unwrap();
        drop(file);
        let clone = share("clone", 2);
        home.backend.create_share_from_snapshot(&clone, &taken, None).await.unwrap();
        let of_clone = std::fs::read(home.shares().join(&clone.name).join("file")).unwrap();
        assert_eq!(of_clone, b"begun, ", "{kind}");
        home.extend(&current, 3).await;
        assert_eq!(std::fs::read(directory.join("file")).unwrap(), b"begun, ended", "{kind}");
        home.backend.delete_snapshot(&taken, None).await.unwrap();
        for one in [&clone, &current] {
            home.backend.delete_share(&home.recorded(one).await, None).await.unwrap();
        }
        home.assert_bare().await;
    }
}

/// A service that has mounts of its own keeps what was mounted when it began.
#[tokio::test]
async fn an_image_that_is_mounted_elsewhere_is_not_replaced() {
    let Some(home) = Home::new("ext4", "images that are mounted elsewhere").await else { return };
    let (current, directory) = home.made(&share("one", 1)).await;
    std::fs::write(directory.join("file"), "kept").unwrap();
    #[expect(clippy::disallowed_methods, reason = "a service with mounts of its own")]
    let mut service = Command::new("unshare")
        .args(["--mount", "setpriv", "--pdeathsig", "KILL", "sh", "-c", "echo ready; read x"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = [0; 6];
    std::io::Read::read_exact(service.stdout.as_mut().unwrap(), &mut ready).unwrap();
    let image = std::fs::metadata(home.images().join(&current.name)).unwrap().ino();
    let error = driver_error(home.backend.extend_share(&current, 2, None).await);
    let DriverError::ShareIsBusy(text) = error else { panic!("{error:?}") };
    assert!(text.contains("mounts of its own"), "{text}");
    let now = std::fs::metadata(home.images().join(&current.name)).unwrap();
    assert_eq!((now.ino(), now.len()), (image, 1 << 30));
    // It is there for its clients as before, who work in the file system that the service has too.
    assert!(home.is_mounted(&current));
    assert_eq!(std::fs::read(directory.join("file")).unwrap(), b"kept");
    std::fs::write(directory.join("more"), "written").unwrap();
    let theirs = format!("/proc/{}/root{}", service.id(), directory.display());
    assert_eq!(std::fs::read(format!("{theirs}/more")).unwrap(), b"written");
    let again =
        driver_error(home.backend.extend_share(&home.recorded(&current).await, 2, None).await);
    assert!(matches!(again, DriverError::ShareIsBusy(_)), "{again:?}");
    service.kill().unwrap();
    service.wait().unwrap();
    // With the service gone, it is resized.
    home.extend(&current, 2).await;
    assert_eq!(std::fs::read(directory.join("file")).unwrap(), b"kept");
    assert_eq!(std::fs::read(directory.join("more")).unwrap(), b"written");
    home.backend.delete_share(&home.recorded(&current).await, None).await.unwrap();
    home.assert_bare().await;
}
