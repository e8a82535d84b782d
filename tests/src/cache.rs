//! Compiled components on disk: used again when they are ours and whole, never otherwise.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use abaca::{Blame, Error, Runtime};
use tempfile::TempDir;

use crate::support::{Log, component};

const GUEST: &str = "abaca-guest-minimal";

/// What the log says of a file that does not verify.
const NOT_OURS: &str = "is not ours";

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
        Runtime::builder().cache(self.path()).build()
    }

    /// Loads the guest in a fresh runtime, and says what was logged meanwhile.
    async fn load(&self) -> String {
        let log = Log::capture();
        self.open().unwrap().load(component(GUEST)).await.unwrap();
        log.text()
    }

    /// The one compiled component, and when it was written.
    fn compiled(&self) -> (PathBuf, std::time::SystemTime) {
        let files = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut compiled =
            files.filter(|path| path.extension().is_some_and(|end| end == "compiled"));
        let file = compiled.next().expect("a compiled component");
        assert_eq!(compiled.next(), None);
        let written = fs::metadata(&file).unwrap().modified().unwrap();
        (file, written)
    }
}

#[tokio::test]
async fn what_was_compiled_is_used_again() {
    let place = Place::new();
    place.load().await;
    let (file, written) = place.compiled();
    for path in [place.path(), place.path().join("key"), file.clone()] {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} is its user's alone", path.display());
    }
    // It is not written again, and the component's own bytes are not looked at again.
    assert!(!place.load().await.contains(NOT_OURS));
    assert_eq!(place.compiled(), (file, written));
}

#[tokio::test]
async fn a_file_that_was_changed_anywhere_is_not_run() {
    let place = Place::new();
    place.load().await;
    let (file, _) = place.compiled();
    let whole = fs::read(&file).unwrap();
    let last = whole.len() - 1;
    // In the code's MAC, at the beginning, in the middle and at the end of the code.
    for at in [0, 31, 32, 33, whole.len() / 2, last] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&file, &changed).unwrap();
        assert!(place.load().await.contains(NOT_OURS), "byte {at}");
        // It was compiled again, and what is there now is good.
        assert!(!place.load().await.contains(NOT_OURS), "byte {at}");
    }
    for length in [32, 33, last] {
        fs::write(&file, whole.get(..length).unwrap()).unwrap();
        assert!(place.load().await.contains(NOT_OURS), "{length} bytes");
    }
    for length in [0, 31] {
        fs::write(&file, whole.get(..length).unwrap()).unwrap();
        place.load().await;
        assert!(fs::metadata(&file).unwrap().len() > 1000, "{length} bytes were replaced");
    }
}

#[tokio::test]
async fn a_file_under_another_key_or_name_is_not_run() {
    let (ours, theirs) = (Place::new(), Place::new());
    ours.load().await;
    theirs.load().await;
    let (file, _) = ours.compiled();
    fs::copy(theirs.compiled().0, &file).unwrap();
    assert!(ours.load().await.contains(NOT_OURS), "another key");
    // Ours, but compiled from another component.
    let other = ours.open().unwrap();
    other.load(component("abaca-guest-hostile")).await.unwrap();
    let mut files = fs::read_dir(ours.path()).unwrap().map(|entry| entry.unwrap().path());
    let is_other = |path: &PathBuf| path.extension().is_some_and(|end| end == "compiled") && *path != file;
    fs::copy(files.find(is_other).unwrap(), &file).unwrap();
    assert!(ours.load().await.contains(NOT_OURS), "another name");
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
async fn a_link_in_a_caches_place_is_not_followed() {
    let (place, other) = (Place::new(), Place::new());
    other.load().await;
    std::os::unix::fs::symlink(other.path(), place.path()).unwrap();
    // A link's own mode says that everybody can reach it.
    assert!(place.open().is_err());
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
