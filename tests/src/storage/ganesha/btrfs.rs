//! The driver `btrfs` with its shares on NFS: each is mounted by itself to be exported, and its
//! limit holds for clients of NFS.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use abaca::policy::Container;
use abaca::types::{AccessLevel, Error as DriverError, Share};
use abaca::{Backend, BackendConfiguration, Limits};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::mount::{UnmountFlags, unmount};

use super::directory::driver_error;
use super::{Nfs, assert_says, ip, rules, run, text, writer};
use crate::support::{Ground, load, patiently, runtime, share, snapshot};

/// The driver beside a server.
struct Home {
    // Dropped in this order: whoever works in the pool before the pool.
    backend: Backend,
    ground: Ground,
    nfs: Nfs,
    mounts: PathBuf,
}

impl Home {
    async fn new(skipped: &str) -> Option<Home> {
        let nfs = Nfs::new(skipped).await?;
        fs::create_dir(nfs.pool.path().join("groups")).unwrap();
        let mounts = nfs.pool.mounts();
        let ground = Ground::new();
        let backend = open(&ground, &nfs, &mounts).await;
        Some(Home { backend, ground, nfs, mounts })
    }

    /// Makes a share, and says what is recorded of it and where clients find it.
    async fn made(&self, share: &Share) -> (Share, String) {
        self.backend.create_share(share, None).await.unwrap();
        let current = self.recorded(share).await;
        let location = current.export_locations[0].path.clone();
        (current, location)
    }

    async fn recorded(&self, share: &Share) -> Share {
        self.backend.records().share(&share.id).await.unwrap().expect("a record").share
    }

    async fn lets_in(&self, share: &Share, number: usize, level: AccessLevel) {
        let rules = [ip(self.nfs.client(number).address(), level)];
        self.backend.update_access(share, &rules, &[], &[], None).await.unwrap();
    }

    fn share(&self, share: &Share) -> PathBuf {
        self.nfs.pool.path().join("shares").join(&share.name)
    }

    /// Asserts that nothing is left of shares, mounts and exports.
    fn assert_bare(&self) {
        assert_eq!(self.nfs.blocks(), Vec::<String>::new());
        for root in ["shares", "snapshots", "staging"] {
            let left: Vec<_> = fs::read_dir(self.nfs.pool.path().join(root)).unwrap().collect();
            assert!(left.is_empty(), "{root}: {left:?}");
        }
        assert_eq!(fs::read_dir(&self.mounts).unwrap().count(), 0);
        assert_eq!(self.mounted(), 0);
    }

    /// How many shares are mounted.
    fn mounted(&self) -> usize {
        let beneath = format!(" {}/", text(&self.mounts));
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        mounts.lines().filter(|line| line.contains(&beneath)).count()
    }
}

async fn open(ground: &Ground, nfs: &Nfs, mounts: &Path) -> Backend {
    let policy = nfs.policy("btrfs").replace("/run/abaca-nfs/mounts", text(mounts));
    let configuration = BackendConfiguration {
        name: "home".to_owned(),
        policy: ground.write("home.policy.toml", &policy),
        state: ground.state(),
        options: nfs.options("btrfs").into_iter().collect(),
        approved: false,
        networks: BTreeMap::new(),
    };
    let driver = load(&runtime(Limits::default()), "abaca-driver-btrfs").await;
    let backend = Backend::open(driver, configuration).await.unwrap();
    backend.do_setup().await.unwrap();
    backend.check_for_setup_error().await.unwrap();
    backend
}

#[tokio::test]
async fn a_subvolume_on_nfs_from_its_first_day_to_its_last() {
    let Some(home) = Home::new("a subvolume on NFS").await else { return };
    let (one, other) = (home.nfs.client(0), home.nfs.client(1));
    let (current, location) = home.made(&share("one", 1)).await;
    assert_says(one.read(&location, "file"), "NFS4ERR_NOENT");
    home.lets_in(&current, 0, AccessLevel::Rw).await;
    one.write(&location, "file", "first").unwrap();
    assert_eq!(fs::read_to_string(home.share(&current).join("file")).unwrap(), "first");
    assert_eq!((one.shares(), other.shares()), (vec![current.name.clone()], vec![]));

    let taken = snapshot(&current);
    home.backend.create_snapshot(&taken, None).await.unwrap();
    one.write(&location, "more", "second").unwrap();
    home.backend.extend_share(&current, 2, None).await.unwrap();
    home.backend.shrink_share(&home.recorded(&current).await, 1, None).await.unwrap();
    let clone = share("clone", 1);
    home.backend.create_share_from_snapshot(&clone, &taken, None).await.unwrap();
    let clone = home.recorded(&clone).await;
    let cloned = clone.export_locations[0].path.clone();
    home.lets_in(&clone, 1, AccessLevel::Ro).await;
    assert_eq!(other.read(&cloned, "file").unwrap(), "first");
    assert_eq!(other.names(&cloned).unwrap(), ["file"]);
    assert_says(other.write(&cloned, "more", "x"), "NFS4ERR_ROFS");
    let networks = [ip("198.51.100.8/29", AccessLevel::Ro), ip("203.0.113.0/24", AccessLevel::Rw)];
    home.backend.update_access(&clone, &networks, &[], &[], None).await.unwrap();
    assert_eq!(other.read(&cloned, "file").unwrap(), "first");
    assert_says(other.write(&cloned, "more", "x"), "NFS4ERR_ROFS");
    home.lets_in(&clone, 1, AccessLevel::Ro).await;
    assert_says(one.read(&cloned, "file"), "NFS4ERR_NOENT");
    assert_eq!(one.read(&location, "more").unwrap(), "second");
    assert_eq!(home.mounted(), 2);

    home.backend.delete_snapshot(&taken, None).await.unwrap();
    for share in [&clone, &current] {
        home.backend.delete_share(share, None).await.unwrap();
        home.backend.delete_share(share, None).await.unwrap();
    }
    assert_says(one.read(&location, "file"), "NFS4ERR_NOENT");
    home.assert_bare();
    rules::assert_close(&home.ground, "btrfs");
}

#[tokio::test]
async fn the_limit_holds_for_clients_of_nfs() {
    let Some(home) = Home::new("a limit that holds over NFS").await else { return };
    let (current, location) = home.made(&share("one", 1)).await;
    home.lets_in(&current, 0, AccessLevel::Rw).await;
    // All of it is reserved but for a piece that the client fills.
    let reserved = File::create(home.share(&current).join("reserved")).unwrap();
    fallocate(&reserved, FallocateFlags::empty(), 0, (1 << 30) - (2 << 20)).unwrap();
    let client = home.nfs.client(0);
    let content = "x".repeat(2000);
    let mut written = 0;
    let said = loop {
        match client.write(&location, &format!("file-{written}"), &content) {
            Ok(()) => written += 1,
            Err(said) => break said,
        }
        assert!(written < 2000, "the limit does not hold");
    };
    assert!(said.contains("NFS4ERR_DQUOT") || said.contains("Failed to write"), "{said}");
    assert!(written > 0);
    assert_says(client.write(&location, "one more", &content), "NFS4ERR_DQUOT");
    // It is larger at once, for who is connected too.
    home.backend.extend_share(&current, 2, None).await.unwrap();
    client.write(&location, "more", &content).unwrap();
    assert_eq!(client.read(&location, "more").unwrap(), content);
    home.backend.delete_share(&home.recorded(&current).await, None).await.unwrap();
    home.assert_bare();
}

/// A client that goes on writing is shut out in the middle of its file, and one beside it, whose rule
/// stays, is not. A file of many pieces arrives whole.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_writing_is_shut_out_too() {
    let Some(home) = Home::new("clients that write over NFS").await else { return };
    let (current, location) = home.made(&share("one", 1)).await;
    let both = [0, 1].map(|number| ip(home.nfs.client(number).address(), AccessLevel::Rw));
    home.backend.update_access(&current, &both, &[], &[], None).await.unwrap();
    let content: Vec<u8> = (0..8 << 20).map(|at: u32| (at % 251) as u8).collect();
    let [first, second] = &home.nfs.network.clients;
    let count = AtomicU64::new(0);
    writer::write(first, &location, "large", &content, &count, || false).unwrap();
    let arrived = fs::read(home.share(&current).join("large")).unwrap();
    let differs = arrived.iter().zip(&content).position(|(one, other)| one != other);
    assert_eq!((arrived.len(), differs), (content.len(), None));

    let (shut_out, stays) = (AtomicU64::new(0), AtomicU64::new(0));
    let is_over = AtomicBool::new(false);
    let goes_on = || !is_over.load(Ordering::Relaxed);
    let (piece, mib) = (&content[..writer::PIECE], 1_u64 << 20);
    std::thread::scope(|scope| {
        let write = |machine, file, count| {
            let (location, goes_on) = (&location, &goes_on);
            scope.spawn(move || writer::write(machine, location, file, piece, count, goes_on))
        };
        let gone = write(first, "gone", &shut_out);
        let other = write(second, "other", &stays);
        let wait = |count: &AtomicU64, bytes: u64| {
            patiently(|| (count.load(Ordering::Relaxed) >= bytes).then_some(()));
        };
        wait(&shut_out, mib);
        wait(&stays, mib);
        let change = home.backend.update_access(&current, &both[1..], &[], &[], None);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(change)).unwrap();
        let (taken, theirs) = (shut_out.load(Ordering::Relaxed), stays.load(Ordering::Relaxed));
        let said = gone.join().unwrap().unwrap_err();
        // What was on its way when the rule went is one piece.
        let more = shut_out.load(Ordering::Relaxed) - taken;
        assert!(more <= 2 * writer::PIECE as u64, "{more} bytes more, then {said}");
        let length = fs::metadata(home.share(&current).join("gone")).unwrap().len();
        wait(&stays, theirs + mib);
        let later = fs::metadata(home.share(&current).join("gone")).unwrap().len();
        assert_eq!(later, length, "nothing more arrives");
        is_over.store(true, Ordering::Relaxed);
        other.join().unwrap().unwrap();
    });
    let again = writer::write(first, &location, "again", piece, &count, || false);
    assert_says(again, "NFS4ERR_NOENT");
    home.backend.delete_share(&home.recorded(&current).await, None).await.unwrap();
    home.assert_bare();
}

/// After a start of the machine nothing is mounted; no client sees anything until the share is,
/// and then with the rules that it had.
#[tokio::test]
async fn shares_come_back_after_a_start_of_the_machine() {
    let Some(home) = Home::new("shares after a start of the machine").await else { return };
    let (current, location) = home.made(&share("one", 1)).await;
    home.lets_in(&current, 0, AccessLevel::Rw).await;
    home.nfs.client(0).write(&location, "file", "content").unwrap();
    let Home { backend, ground, mut nfs, mounts } = home;
    drop(backend);
    nfs.kill();
    // The memory's content is gone, with what was mounted in it.
    unmount(&mounts, UnmountFlags::DETACH).unwrap();
    let mounts = nfs.pool.mounts();
    nfs.start().await;
    assert_eq!(nfs.client(0).shares(), Vec::<String>::new());
    let backend = open(&ground, &nfs, &mounts).await;
    let home = Home { backend, ground, nfs, mounts };
    assert_eq!(home.mounted(), 0);
    for _ in 0..2 {
        let locations = home.backend.ensure_share(&current, None).await.unwrap();
        assert_eq!(locations, current.export_locations);
        assert_eq!(home.nfs.client(0).read(&location, "file").unwrap(), "content");
        assert_says(home.nfs.client(1).read(&location, "file"), "NFS4ERR_NOENT");
    }
    home.nfs.client(0).write(&location, "more", "x").unwrap();
    assert!(home.share(&current).join("more").exists());
    home.backend.delete_share(&current, None).await.unwrap();
    home.assert_bare();
}

/// What is taken over is exported, and no longer when it is let go.
#[tokio::test]
async fn what_is_taken_over_is_exported() {
    let Some(home) = Home::new("subvolumes taken over, on NFS").await else { return };
    let found = home.nfs.pool.path().join("shares/photos");
    run("btrfs", &["subvolume", "create", text(&found)]);
    fs::write(found.join("file"), "theirs").unwrap();
    home.backend.add_owned(&Container::Root("shares".to_owned()), "photos").await.unwrap();
    let mut one = share("one", 1);
    one.export_locations = vec![abaca::types::ExportLocation {
        path: "198.51.100.1:/photos".to_owned(),
        is_admin_only: false,
        metadata: Vec::new(),
    }];
    home.backend.manage_existing(&one, &[]).await.unwrap();
    let current = home.recorded(&one).await;
    let location = current.export_locations[0].path.clone();
    assert_eq!(location, format!("198.51.100.1:/{}", one.name));
    home.lets_in(&current, 0, AccessLevel::Ro).await;
    assert_eq!(home.nfs.client(0).read(&location, "file").unwrap(), "theirs");
    home.backend.unmanage(&current).await.unwrap();
    assert_says(home.nfs.client(0).read(&location, "file"), "NFS4ERR_NOENT");
    assert_eq!(fs::read_to_string(home.share(&one).join("file")).unwrap(), "theirs");
    assert_eq!((home.nfs.blocks().len(), home.mounted()), (0, 0));
}

/// What cannot be had with NFS is said when the service starts.
#[tokio::test]
async fn groups_and_a_second_pool_are_refused() {
    let Some(home) = Home::new("groups on NFS").await else { return };
    for (option, named) in
        [("btrfs_groups_export_root", "groups"), ("btrfs_second_export_root", "one pool")]
    {
        let ground = Ground::new();
        let policy = fs::read_to_string(home.ground.path().join("home.policy.toml")).unwrap();
        let other = abaca::OptionValue::Text("/srv/other".to_owned());
        let options = home.nfs.options("btrfs").into_iter().chain([(option.to_owned(), other)]);
        let configuration = BackendConfiguration {
            name: "other".to_owned(),
            policy: ground.write("policy.toml", &policy),
            state: ground.state(),
            options: options.collect(),
            approved: false,
            networks: BTreeMap::new(),
        };
        let driver = load(&runtime(Limits::default()), "abaca-driver-btrfs").await;
        let backend = Backend::open(driver, configuration).await.unwrap();
        let error = driver_error(backend.check_for_setup_error().await);
        let DriverError::BadConfiguration(why) = error else { panic!("{error:?}") };
        assert!(why.contains(named), "{why}");
    }
}
