//! The driver `directory` with its shares on NFS: a share's life.

use std::collections::BTreeMap;
use std::fs;
use std::slice::from_ref;

use abaca::types::{AccessLevel, AccessRule, Error as DriverError, Share};
use abaca::{Backend, BackendConfiguration, Error, Limits, OptionValue};

use super::{Nfs, assert_says, ip};
use crate::support::{Ground, load, runtime, share, snapshot};

/// The driver beside a server.
pub struct Home {
    // Dropped in this order: whoever works in the pool before the pool.
    pub backend: Backend,
    pub ground: Ground,
    pub nfs: Nfs,
}

impl Home {
    pub async fn new(skipped: &str) -> Option<Home> {
        let nfs = Nfs::new(skipped).await?;
        let ground = Ground::new();
        let backend = open(&ground, &nfs, &nfs.policy("directory")).await.unwrap();
        Some(Home { backend, ground, nfs })
    }

    /// The share as it is recorded.
    pub async fn recorded(&self, share: &Share) -> Share {
        self.backend.records().share(&share.id).await.unwrap().expect("a record").share
    }

    /// Makes a share, and says what is recorded of it and where clients find it.
    pub async fn made(&self, share: &Share) -> (Share, String) {
        self.backend.create_share(share, None).await.unwrap();
        let current = self.recorded(share).await;
        let location = current.export_locations[0].path.clone();
        (current, location)
    }

    /// Sets all rules of a share.
    pub async fn rules(&self, share: &Share, rules: &[AccessRule]) {
        self.backend.update_access(share, rules, &[], &[], None).await.unwrap();
    }

    /// Asserts that nothing is left of shares and their exports.
    pub fn assert_bare(&self) {
        assert_eq!(self.nfs.blocks(), Vec::<String>::new());
        let index = fs::read_to_string(self.nfs.exports().join("_index.conf")).unwrap();
        assert_eq!(index.lines().count(), 1, "{index}");
        let left: Vec<_> = fs::read_dir(self.nfs.pool.path().join("shares")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Opens the backend `home` and has its storage looked at, as a service does.
pub async fn open(ground: &Ground, nfs: &Nfs, policy: &str) -> Result<Backend, Error> {
    let backend = opened(ground, nfs, policy, &[]).await?;
    backend.do_setup().await?;
    backend.check_for_setup_error().await?;
    Ok(backend)
}

/// Opens it, with some options set otherwise, and does not look at anything.
pub async fn opened(
    ground: &Ground,
    nfs: &Nfs,
    policy: &str,
    more: &[(&str, &str)],
) -> Result<Backend, Error> {
    let more = more
        .iter()
        .map(|(name, value)| ((*name).to_owned(), OptionValue::Text((*value).to_owned())));
    let configuration = BackendConfiguration {
        name: "home".to_owned(),
        policy: ground.write("home.policy.toml", policy),
        state: ground.state(),
        options: nfs.options("directory").into_iter().chain(more).collect(),
        approved: false,
        networks: BTreeMap::new(),
    };
    let driver = load(&runtime(Limits::default()), "abaca-driver-directory").await;
    Backend::open(driver, configuration).await
}

/// The driver's own error.
pub fn driver_error<T: std::fmt::Debug>(answer: Result<T, Error>) -> DriverError {
    match answer {
        Err(Error::Driver(error)) => error,
        Err(Error::Create(answer)) => answer.error,
        other => panic!("not the driver's error: {other:?}"),
    }
}

#[tokio::test]
async fn a_share_on_nfs_from_its_first_day_to_its_last() {
    let Some(home) = Home::new("a share on NFS").await else { return };
    let (one, other) = (home.nfs.client(0), home.nfs.client(1));
    let (current, location) = home.made(&share("one", 1)).await;
    assert_eq!(location, format!("198.51.100.1:/{}", current.name));
    // Nobody is let in who is not named.
    assert_says(one.read(&location, "file"), "NFS4ERR_NOENT");
    assert_eq!(one.shares(), Vec::<String>::new());

    let full = ip(one.address(), AccessLevel::Rw);
    home.backend
        .update_access(&current, from_ref(&full), from_ref(&full), &[], None)
        .await
        .unwrap();
    one.write(&location, "file", "first").unwrap();
    assert_eq!(one.read(&location, "file").unwrap(), "first");
    assert_eq!(one.names(&location).unwrap(), ["file"]);
    assert_eq!((one.shares(), other.shares()), (vec![current.name.clone()], vec![]));
    assert_says(other.read(&location, "file"), "NFS4ERR_NOENT");
    let inside = home.nfs.pool.path().join("shares").join(&current.name).join("file");
    assert_eq!(fs::read_to_string(&inside).unwrap(), "first");

    // Kept, changed, resized, and begun again from what was kept, for somebody else.
    let taken = snapshot(&current);
    home.backend.create_snapshot(&taken, None).await.unwrap();
    one.write(&location, "more", "second").unwrap();
    home.backend.extend_share(&current, 2, None).await.unwrap();
    home.backend.shrink_share(&home.recorded(&current).await, 1, None).await.unwrap();
    let clone = share("clone", 1);
    home.backend.create_share_from_snapshot(&clone, &taken, None).await.unwrap();
    let clone = home.recorded(&clone).await;
    let cloned = clone.export_locations[0].path.clone();
    assert_says(one.read(&cloned, "file"), "NFS4ERR_NOENT");
    home.rules(&clone, &[ip(other.address(), AccessLevel::Ro)]).await;
    assert_eq!(other.read(&cloned, "file").unwrap(), "first");
    assert_eq!(other.names(&cloned).unwrap(), ["file"]);
    assert_says(other.write(&cloned, "more", "x"), "NFS4ERR_ROFS");
    assert_says(one.read(&cloned, "file"), "NFS4ERR_NOENT");
    assert_eq!(one.read(&location, "more").unwrap(), "second");

    home.backend.delete_share(&clone, None).await.unwrap();
    assert_says(other.read(&cloned, "file"), "NFS4ERR_NOENT");
    home.backend.delete_snapshot(&taken, None).await.unwrap();
    home.backend.delete_share(&current, None).await.unwrap();
    assert_says(one.read(&location, "file"), "NFS4ERR_NOENT");
    home.assert_bare();
}

#[tokio::test]
async fn options_are_checked() {
    let Some(nfs) = Nfs::new("options about NFS").await else { return };
    for (option, value, named) in [
        ("directory_export", "nfs", "directory_export"),
        ("directory_ganesha_server", "", "directory_ganesha_server"),
        ("directory_ganesha_server", "a b", "directory_ganesha_server"),
        ("directory_ganesha_bus", "session", "directory_ganesha_bus"),
        ("directory_ganesha_export_ids", "0-7", "directory_ganesha_export_ids"),
        ("ganesha_nfs_export_options", "path = /", "MaxRead"),
    ] {
        let ground = Ground::new();
        let policy = nfs.policy("directory");
        let backend = opened(&ground, &nfs, &policy, &[(option, value)]).await.unwrap();
        let error = driver_error(backend.check_for_setup_error().await);
        let DriverError::BadConfiguration(why) = error else { panic!("{option}: {error:?}") };
        assert!(why.contains(named), "{option}: {why}");
    }
}

/// Numbers are given once, and come back when their export is gone.
#[tokio::test]
async fn numbers_of_exports_are_given_once() {
    let Some(nfs) = Nfs::new("numbers of exports").await else { return };
    let ground = Ground::new();
    let range = [("directory_ganesha_export_ids", "7-8")];
    let backend = opened(&ground, &nfs, &nfs.policy("directory"), &range).await.unwrap();
    let home = Home { backend, ground, nfs };
    let shares = ["one", "two", "three"].map(|name| share(name, 1));
    let [one, two, three] = &shares;
    home.made(one).await;
    home.made(two).await;
    let error = driver_error(home.backend.create_share(three, None).await);
    let DriverError::BackendFailed(why) = error else { panic!("{error:?}") };
    assert!(why.contains("7 to 8") && why.contains("directory_ganesha_export_ids"), "{why}");
    home.backend.delete_share(one, None).await.unwrap();
    home.backend.create_share(three, None).await.unwrap();
    let block = |share: &Share| {
        fs::read_to_string(home.nfs.exports().join(format!("{}.conf", share.name))).unwrap()
    };
    assert!(block(two).contains("\n  Export_Id = 8;\n"), "{}", block(two));
    assert!(block(three).contains("\n  Export_Id = 7;\n"), "{}", block(three));
    for share in [two, three] {
        home.backend.delete_share(share, None).await.unwrap();
    }
    home.assert_bare();
}
