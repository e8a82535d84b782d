//! Shares of the file server Samba: made, changed and removed while it runs, in its registry.
//!
//! What it is not: whoever starts the server, writes its `smb.conf`, or makes its users. The
//! operator's `smb.conf` says `registry shares = yes`, has a line `interfaces`, and that is all it knows
//! of shares:
//!
//! ```text
//! set:    shares:NAME.conf written ─▶ net conf import NAME ─▶ reload ─▶ close    whole, at once
//! remove: net conf delshare NAME ─▶ reload ─▶ close ─▶ shares:NAME.conf removed
//! ```
//! A share is put into the registry as a whole, in one transaction: it is never there with less
//! than all that keeps clients out. A call that was cut short anywhere is made good by the same
//! call. The directory's path on the host is the broker's to fill in; that no definition holds
//! anything else is the policy's word, whose rule has the definition's lines as its `content`.
//!
//! Clients that are connected are asked for their rights anew: their connection to the share is
//! closed, and Samba's clients open it again by themselves where they still may.
//!
//! **Upstream** (`manila/share/drivers/helpers.py`, `CIFSHelperIPAccess` and
//! `CIFSHelperUserAccess`): one helper for rules by address and one for rules by user, each with
//! `net conf setparm` word by word; here both kinds of rules, as a whole. Upstream's share is open to
//! guests where rules are addresses; here a client also needs a user of the server.
//!
//! Called by drivers whose shares are directories that this server can serve.

mod clients;
mod definition;
mod options;
mod server;

use crate::{AccessRule, Error, OptionDeclaration, Path, Result, Root, files, lock};

pub use crate::ganesha::Export;

use clients::Clients;

/// Whoever changes a share's definition holds it: what is in the file, in the registry and in the
/// server's memory must agree in the end.
const LOCK: &str = "samba";

/// Names that are no share's.
const SPECIAL: [&str; 5] = ["global", "homes", "printers", "print$", "ipc$"];

/// The shares of one back end.
#[derive(Clone, Copy, Debug)]
pub struct Samba {
    /// Where the definitions of the shares are; nothing else is in it.
    pub definitions: Root,
    /// The directory that holds the server's `smb.conf`.
    pub configuration: Root,
    /// The option that says what clients call the server; it begins with the driver's own name.
    pub server: &'static str,
}

/// Whether shares can have these rules.
///
/// # Errors
/// [`Error::InvalidShareAccess`] or [`Error::InvalidShareAccessLevel`] for the first one that cannot be
/// enforced.
pub fn check_rules(rules: &[AccessRule]) -> Result<()> {
    clients::of(rules).1.map_or(Ok(()), Err)
}

impl Samba {
    /// The declaration of the option that says what clients call the server.
    #[must_use]
    pub fn declaration(self) -> OptionDeclaration {
        options::declaration(self.server)
    }

    /// Whether the options fit, the server's configuration has what shares need, and it runs and takes
    /// orders.
    ///
    /// # Errors
    /// [`Error::BadConfiguration`], [`Error::BackendFailed`] when the server does not run, and
    /// what the host answers.
    pub fn check(self) -> Result<()> {
        options::server(self.server)?;
        server::check(self.configuration)?;
        server::reload(self.configuration)
    }

    /// Makes a share whose clients are those of the rules and nobody else, or changes it so.
    /// Without rules nobody gets in. Where there are rules of both types, a client must fit one of
    /// each. Connections to the share are closed.
    ///
    /// # Errors
    /// [`Error::InvalidShareAccess`] or [`Error::InvalidShareAccessLevel`] for the first rule that
    /// cannot be enforced, when all others are; [`Error::BackendFailed`] when the server does not
    /// run or take it, and what the host answers.
    pub fn set(self, export: &Export<'_>, rules: &[AccessRule]) -> Result<()> {
        let (clients, refused) = clients::of(rules);
        let _guard = lock::acquire(LOCK, None)?;
        self.put(export, &clients)?;
        refused.map_or(Ok(()), Err)
    }

    /// Makes a share live with the clients that it has; one that is not there yet has none.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn ensure(self, export: &Export<'_>) -> Result<()> {
        let _guard = lock::acquire(LOCK, None)?;
        if definition::is_there(self.definitions, export.name)? {
            server::import(self.configuration, &self.file(export.name), export.name)?;
            // It is served by a server that runs.
            return server::reload(self.configuration);
        }
        self.put(export, &Clients::default())
    }

    /// Takes a share from the running server, which lets go of its directory as soon as its
    /// processes have heard of it: a moment after this is back. [`ensure`](Self::ensure) gives it
    /// back, with its clients: for a directory on which something else is mounted meanwhile. One that
    /// the server does not have is success.
    ///
    /// # Errors
    /// [`Error::BackendFailed`] when the server does not run, and what the host answers.
    pub fn withdraw(self, name: &str) -> Result<()> {
        let _guard = lock::acquire(LOCK, None)?;
        self.take(name)
    }

    /// Removes a share; none of that name is success. No client gets into its directory any more
    /// when this is back; who was in it is out a moment later.
    ///
    /// # Errors
    /// [`Error::BackendFailed`] when the server does not run, and what the host answers.
    pub fn remove(self, name: &str) -> Result<()> {
        let _guard = lock::acquire(LOCK, None)?;
        // Whoever makes a share writes this first, and whoever removes it removes this last: without
        // it there is none. A share whose name the policy does not let through never came so far.
        if !definition::is_there(self.definitions, name)? {
            return Ok(());
        }
        self.take(name)?;
        files::remove(&self.file(name))?;
        Ok(())
    }

    /// Where clients find the share of this name: `\\SERVER\NAME`.
    ///
    /// # Errors
    /// [`Error::BadConfiguration`].
    pub fn location(self, name: &str) -> Result<String> {
        Ok(format!("\\\\{}\\{name}", options::server(self.server)?))
    }

    fn file(self, name: &str) -> Path {
        self.definitions.join(&definition::file_name(name))
    }

    /// Takes a share out of the registry and of the server's memory, and shuts its clients out.
    fn take(self, name: &str) -> Result<()> {
        server::delete(self.configuration, name)?;
        server::reload(self.configuration)?;
        server::close(self.configuration, name)
    }

    /// Writes a definition, has the server take it, and has clients ask anew.
    fn put(self, export: &Export<'_>, clients: &Clients) -> Result<()> {
        if SPECIAL.contains(&export.name) {
            return Err(Error::InvalidShare(format!(
                "a share cannot be called `{}`: that means something else to Samba",
                export.name
            )));
        }
        let file = self.file(export.name);
        files::write(&file, definition::text(export, clients))?;
        server::import(self.configuration, &file, export.name)?;
        server::reload(self.configuration)?;
        server::close(self.configuration, export.name)
    }
}

/// That an option does not do.
fn unfit(option: &str, value: &str, allowed: &str) -> Error {
    Error::BadConfiguration(format!("{option} = `{value}` does not do; set {allowed}"))
}
