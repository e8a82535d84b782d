//! Exports of the NFS server Ganesha: made, changed and removed while it runs, and found again
//! when it starts. NFS version 4 only.
//!
//! What it is not: whoever starts the server, or writes its main configuration. The operator's
//! `ganesha.conf` includes the index once, and that is all it knows of shares:
//!
//! ```text
//! ganesha.conf ── %include ──▶ exports:_index.conf ── %include ──▶ exports:NAME.conf     one a share
//!                                                                       ▲
//! set, ensure: number ─▶ NAME.conf ─▶ _index.conf ─▶ UpdateExport ──────┘   over D-Bus
//! remove:      leaving ─▶ _index.conf ─▶ NAME.conf ─▶ DisplayExport ─▶ RemoveExport ─▶ number given back
//! ```
//! What the index names is there at every moment, because the server does not start where that
//! is not so. A call that was cut short anywhere is made good by the same call.
//!
//! Another back end may have numbers of the same range, against the operator's better knowledge:
//! before an export is removed, the server is asked whose it is.
//!
//! The files' paths of the host are the broker's to fill in: the driver says `exports:NAME.conf`
//! and `shares:NAME`. That no block holds anything else is the policy's word, whose rule has the
//! block's lines as its `content`.
//!
//! **Upstream** (`manila/share/drivers/ganesha`): the same life of an export, by the same calls
//! over D-Bus but one: `UpdateExport` also adds what the server does not have, so `AddExport` is
//! not needed. Otherwise:
//!
//! | upstream's option | here |
//! |---|---|
//! | `ganesha_nfs_export_options` | lines of each block |
//! | `ganesha_export_template_dir` | the template is the `content` of the policy's rule |
//! | `ganesha_export_dir`, `ganesha_config_dir`, `ganesha_config_path` | the root `exports`; a driver knows no host path, and touches no main configuration |
//! | `ganesha_db_path` | the numbers of exports are in the driver's state |
//! | `ganesha_service_name` | the server is never started anew; its name on D-Bus is fixed |
//!
//! A rule of level `ro` is read-only; upstream exports it read-write.
//!
//! **State**: for each export an entity `export-NAME` with the key [`numbers::KEY`].
//!
//! Called by drivers whose shares are directories that this server can export.

mod block;
mod clients;
mod index;
mod numbers;
mod options;
mod server;

use crate::{AccessRule, Path, Result, Root, files, lock};

pub use options::Options;

/// Whoever changes an export holds it: what is in the index and what is on the storage must
/// agree.
const LOCK: &str = "ganesha";

/// The exports of one back end.
#[derive(Clone, Copy, Debug)]
pub struct Ganesha {
    /// Where their blocks and the index are; nothing else is in it.
    pub exports: Root,
    /// What the operator sets.
    pub options: Options,
}

/// Whether exports can have these rules.
///
/// # Errors
/// [`InvalidShareAccess`](crate::Error::InvalidShareAccess) for the first one that cannot be enforced.
pub fn check_rules(rules: &[AccessRule]) -> Result<()> {
    clients::of(rules).1.map_or(Ok(()), Err)
}

/// A directory that clients shall find by a name.
#[derive(Clone, Copy, Debug)]
pub struct Export<'a> {
    /// The share's name; clients find it at `/NAME`.
    pub name: &'a str,
    /// The directory.
    pub path: &'a Path,
}

impl Ganesha {
    /// Whether the options fit, the index is there, and the server answers.
    ///
    /// # Errors
    /// [`BadConfiguration`](crate::Error::BadConfiguration), [`BackendFailed`](crate::Error::BackendFailed) when the server does not run, and
    /// what the host answers.
    pub fn check(self) -> Result<()> {
        self.options.server()?;
        self.options.range()?;
        options::lines()?;
        let _guard = lock::acquire(LOCK, None)?;
        index::write(self.exports)?;
        server::check(&self.options.bus()?)
    }

    /// Makes an export whose clients are those of the rules and nobody else, or changes it so.
    /// Without rules nobody sees it. Clients that are connected notice at their next request.
    ///
    /// # Errors
    /// [`InvalidShareAccess`](crate::Error::InvalidShareAccess) for the first rule that cannot be enforced, when all others
    /// are; [`BackendFailed`](crate::Error::BackendFailed) when the server does not run or take it, and what the host
    /// answers.
    pub fn set(self, export: &Export<'_>, rules: &[AccessRule]) -> Result<()> {
        let (clients, refused) = clients::of(rules);
        let _guard = lock::acquire(LOCK, None)?;
        let number = numbers::assign(export.name, self.options)?;
        let block = block::write(export, number, &options::lines()?, &clients);
        let file = self.file(export.name);
        files::write(&file, block)?;
        index::write(self.exports)?;
        server::update(&self.options.bus()?, &file, number, export.name)?;
        refused.map_or(Ok(()), Err)
    }

    /// Makes an export live with the clients that it has; one that is not there yet has none.
    /// After the server was started while the directory was missing, it is there again.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn ensure(self, export: &Export<'_>) -> Result<()> {
        let guard = lock::acquire(LOCK, None)?;
        match numbers::of(export.name)? {
            Some(number) if index::is_there(self.exports, export.name)? => {
                index::write(self.exports)?;
                server::update(&self.options.bus()?, &self.file(export.name), number, export.name)
            }
            _ => {
                drop(guard);
                self.set(export, &[])
            }
        }
    }

    /// Takes an export from the running server, which lets go of its directory.
    /// [`ensure`](Self::ensure) gives it back: for a directory on which something else is mounted
    /// now. One that the server does not have is success.
    ///
    /// # Errors
    /// [`BackendFailed`](crate::Error::BackendFailed) when the server does not run, and what the host answers.
    pub fn withdraw(self, name: &str) -> Result<()> {
        let _guard = lock::acquire(LOCK, None)?;
        match numbers::of(name)? {
            Some(number) => server::remove(&self.options.bus()?, number, name),
            None => Ok(()),
        }
    }

    /// Removes an export; none of that name is success. The server has let go of its directory
    /// when this is back.
    ///
    /// # Errors
    /// [`BackendFailed`](crate::Error::BackendFailed) when the server does not run, and what the host answers.
    pub fn remove(self, name: &str) -> Result<()> {
        let _guard = lock::acquire(LOCK, None)?;
        let Some(number) = numbers::leave(name)? else { return Ok(()) };
        index::write(self.exports)?;
        files::remove(&self.file(name))?;
        // A server that is just being started may have read the block already, so to find nobody
        // on the bus is no success: whoever repeats this finds a server that has or has not.
        server::remove(&self.options.bus()?, number, name)?;
        numbers::give_back(name)
    }

    /// Where clients find the export of this name: `HOST:/NAME`.
    ///
    /// # Errors
    /// [`BadConfiguration`](crate::Error::BadConfiguration).
    pub fn location(self, name: &str) -> Result<String> {
        Ok(location(&self.options.server()?, name))
    }

    /// The file that holds the block of an export.
    fn file(self, name: &str) -> Path {
        self.exports.join(&index::file_name(name))
    }
}

fn location(server: &str, name: &str) -> String {
    match server.contains(':') && !server.starts_with('[') {
        // An address of the newer protocol.
        true => format!("[{server}]:/{name}"),
        false => format!("{server}:/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_host_and_a_name() {
        assert_eq!(location("nfs.example.org", "share-1"), "nfs.example.org:/share-1");
        assert_eq!(location("198.51.100.1", "share-1"), "198.51.100.1:/share-1");
        for server in ["2001:db8::1", "[2001:db8::1]"] {
            assert_eq!(location(server, "share-1"), "[2001:db8::1]:/share-1");
        }
    }
}
