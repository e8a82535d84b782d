//! Compiled components, kept on disk between runs. Loading one runs native code without any
//! check by the engine, so each file carries a MAC under a key that only the runtime's own user
//! can read, over its name and its bytes. What does not verify is compiled again.
//!
//! The only caller is `driver::compiling`.

use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, MetadataExt};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::error::{Error, Result};
use crate::limits::COMPILED_BYTES;
use crate::storage::{new_file, private, private_directory};

/// The key's file and its length in bytes: that of the MAC's own block.
const KEY: &str = "key";
const KEY_BYTES: usize = 32;

/// The length of the MAC that each file begins with.
const MAC_BYTES: usize = 32;

/// The largest file that is read. What an embedder lets be larger is compiled each time.
const FILE_BYTES: u64 = COMPILED_BYTES + MAC_BYTES as u64;

/// A directory of compiled components.
#[derive(Debug)]
pub(crate) struct Cache {
    path: PathBuf,
    directory: Dir,
    key: [u8; KEY_BYTES],
}

impl Cache {
    /// Opens the directory, or makes it, with its key.
    ///
    /// # Errors
    /// When directory or key cannot be made, or belong to or can be read by somebody else.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let failed = |reason: String| {
            Error::Runtime(format!(
                "the cache {}: {reason}; remove it, or choose another directory",
                path.display()
            ))
        };
        let directory = private_directory(path).map_err(failed)?;
        let key = match read_key(&directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => make_key(&directory),
            found => found,
        };
        let key = key.map_err(|error| failed(format!("its key: {error}")))?;
        Ok(Self { path: path.to_owned(), directory, key })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The compiled component, if it is here, whole and ours.
    pub(crate) fn load(&self, engine: &Engine, name: &str) -> Option<Component> {
        let mut bytes = Vec::new();
        let file = self.directory.open(name).ok()?;
        file.take(FILE_BYTES).read_to_end(&mut bytes).ok()?;
        let (mac, code) = bytes.split_at_checked(MAC_BYTES)?;
        if self.mac(name, code)?.verify_slice(mac).is_err() {
            tracing::warn!(name, "a compiled component in the cache is not ours; compiling again");
            return None;
        }
        #[expect(unsafe_code, reason = "the one place that runs compiled code from disk")]
        // SAFETY: the MAC says that these bytes were written by `store`, below, under a key that
        // only this user can read; the engine checks that it made them itself in this version.
        let component = unsafe { Component::deserialize(engine, code) };
        component.ok()
    }

    /// Keeps a compiled component. A failure costs the next run some time and nothing else.
    pub(crate) fn store(&self, name: &str, code: &[u8]) {
        let store = || -> std::io::Result<()> {
            let mac = self.mac(name, code).ok_or(ErrorKind::InvalidInput)?;
            let temporary = format!("{name}.{}", uuid::Uuid::new_v4());
            let mut file = self.directory.open_with(&temporary, &new_file())?;
            file.write_all(&mac.finalize().into_bytes())?;
            file.write_all(code)?;
            self.directory.rename(&temporary, &self.directory, name)
        };
        if let Err(error) = store() {
            tracing::warn!(%error, "a compiled component could not be kept in the cache");
        }
    }

    fn mac(&self, name: &str, code: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(name.as_bytes());
        mac.update(&[0]);
        mac.update(code);
        Some(mac)
    }
}

fn read_key(directory: &Dir) -> std::io::Result<[u8; KEY_BYTES]> {
    let file = directory.open(KEY)?;
    let found = file.metadata()?;
    private(&KEY, found.uid(), found.mode()).map_err(std::io::Error::other)?;
    let mut bytes = Vec::new();
    file.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    bytes.try_into().map_err(|_| std::io::Error::other("it has not the length of a key"))
}

/// Makes the key, unless another process is first: then that one's is taken.
fn make_key(directory: &Dir) -> std::io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(std::io::Error::other)?;
    let temporary = format!("{KEY}.{}", uuid::Uuid::new_v4());
    let mut file = directory.open_with(&temporary, &new_file())?;
    file.write_all(&key)?;
    file.sync_all()?;
    // A link, unlike a rename, does not replace the key of whoever was first.
    let linked = directory.hard_link(&temporary, directory, KEY);
    directory.remove_file(&temporary)?;
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read_key(directory),
        Err(error) => Err(error),
    }
}
