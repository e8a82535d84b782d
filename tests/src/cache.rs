//! Compiled components on disk: used again when they are ours and whole, never otherwise.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use abaca::{Blame, Error, Runtime};
use tempfile::TempDir;

use crate::support::{component, program};

const GUEST: &str = "abaca-guest-minimal";

/// A place for a cache, and what may stand beside it.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    fn open(&self) -> Result<Runtime, Error> {
        Runtime::builder().cache(self.path()).compiler(program("abaca-compiler")).build()
    }

    /// Loads the guest in a fresh runtime.
    async fn load(&self) {
        self.open().unwrap().load(component(GUEST)).await.unwrap();
    }

    /// Puts these bytes in the place of the compiled component, and loads the guest.
    async fn load_with(&self, bytes: &[u8]) {
        let (file, _) = self.compiled();
        fs::write(file, bytes).unwrap();
        self.load().await;
    }

    /// The one compiled component, and the file that it is. Whatever is compiled again is
    /// another file.
    fn compiled(&self) -> (PathBuf, u64) {
        let files = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut compiled =
            files.filter(|path| path.extension().is_some_and(|end| end == "compiled"));
        let file = compiled.next().expect("a compiled component");
        assert_eq!(compiled.next(), None);
        let inode = fs::metadata(&file).unwrap().ino();
        (file, inode)
    }
}

#[tokio::test]
async fn what_was_compiled_is_used_again() {
    let place = Place::new();
    place.load().await;
    let (file, inode) = place.compiled();
    for path in [place.path(), place.path().join("key"), file.clone()] {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} is its user's alone", path.display());
    }
    let bytes = fs::read(&file).unwrap();
    place.load_with(&bytes).await;
    assert_eq!(place.compiled(), (file, inode), "it was not compiled again");
}

#[tokio::test]
async fn a_file_that_was_changed_anywhere_is_not_run() {
    let place = Place::new();
    place.load().await;
    let whole = fs::read(place.compiled().0).unwrap();
    let last = whole.len() - 1;
    let flipped = |at: usize| {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        changed
    };
    // In the MAC, and at the beginning, in the middle and at the end of the code.
    let flips = [0, 31, 32, 33, whole.len() / 2, last].map(flipped);
    let cuts = [0, 31, 32, 33, last].map(|length| whole.get(..length).unwrap().to_vec());
    for changed in flips.into_iter().chain(cuts) {
        let (file, before) = place.compiled();
        place.load_with(&changed).await;
        assert_ne!(place.compiled().1, before, "it was compiled again");
        assert_ne!(fs::read(&file).unwrap(), changed);
    }
    // And what is there in the end is good.
    let (file, inode) = place.compiled();
    place.load().await;
    assert_eq!(place.compiled(), (file, inode));
}

#[tokio::test]
async fn a_file_under_another_key_or_name_is_not_run() {
    let (ours, theirs) = (Place::new(), Place::new());
    ours.load().await;
    theirs.load().await;
    let before = ours.compiled();
    ours.load_with(&fs::read(theirs.compiled().0).unwrap()).await;
    assert_ne!(ours.compiled(), before, "another key");

    // Under our key, but compiled from another component.
    let (file, before) = ours.compiled();
    ours.open().unwrap().load(component("abaca-guest-hostile")).await.unwrap();
    let mut files = fs::read_dir(ours.path()).unwrap().map(|entry| entry.unwrap().path());
    let is_other = |path: &PathBuf| *path != file && path.extension().is_some();
    let other = files.find(is_other).unwrap();
    fs::copy(&other, &file).unwrap();
    ours.load().await;
    assert_ne!(fs::metadata(&file).unwrap().ino(), before, "another name");
}

fn refused(place: &Place, words: &str) {
    let error = place.open().unwrap_err();
    assert_eq!(error.blame(), Blame::Runtime);
    let text = error.to_string();
    assert!(text.contains(words) && text.contains(place.path().to_str().unwrap()), "{text}");
}

#[tokio::test]
async fn a_cache_that_others_can_reach_is_not_used() {
    for mode in [0o750, 0o705, 0o777, 0o1777] {
        let place = Place::new();
        place.load().await;
        fs::set_permissions(place.path(), fs::Permissions::from_mode(mode)).unwrap();
        refused(&place, "can be reached by other users");
    }
    let place = Place::new();
    place.load().await;
    fs::set_permissions(place.path().join("key"), fs::Permissions::from_mode(0o640)).unwrap();
    refused(&place, "can be reached by other users");
}

#[tokio::test]
async fn a_link_does_not_hide_that_others_can_reach_a_cache() {
    let (place, other) = (Place::new(), Place::new());
    other.load().await;
    fs::set_permissions(other.path(), fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink(other.path(), place.path()).unwrap();
    refused(&place, "can be reached by other users");
}

#[tokio::test]
async fn a_key_of_another_length_is_not_used() {
    for bytes in [0, 31, 33] {
        let place = Place::new();
        place.load().await;
        fs::write(place.path().join("key"), vec![7; bytes]).unwrap();
        refused(&place, "length of a key");
    }
}

#[tokio::test]
async fn a_cache_of_another_user_is_not_used() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can give a directory to another user");
        return;
    }
    let give = |path: &Path| std::os::unix::fs::chown(path, Some(65534), Some(65534)).unwrap();
    let place = Place::new();
    place.load().await;
    give(&place.path().join("key"));
    refused(&place, "belongs to another user");
    give(&place.path());
    refused(&place, "belongs to another user");
}
