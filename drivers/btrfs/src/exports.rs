//! How shares reach clients: as directories of this host, or each as an export of the NFS server
//! Ganesha. Called by the interfaces that make, open and remove shares.
//!
//! The server cannot export a subvolume that lies within a mount: a share is shown once more, in
//! the root `mounts`, and exported from there.
//!
//! ```text
//! appear: shares:NAME ─ bind ─▶ mounts:NAME ─▶ export       after a start of the machine too
//! vanish: export gone ─▶ mounts:NAME unmounted, removed
//! ```
//! The root `mounts` lies in memory, so that after a start of the machine an export has no
//! directory, and clients see none, until its share is mounted again.

use abaca_sdk::ganesha::{Export, Ganesha, Options};
use abaca_sdk::local::Exporting;
use abaca_sdk::{
    AccessRule, Error, HostError, OptionDeclaration, Path, Result, Root, config, files, mounts,
};

use crate::places::GROUPS_EXPORT_ROOT;
use crate::pools::{self, Pool};

/// The option that says which.
const OPTION: &str = "btrfs_export";

/// Where shares are mounted to be exported.
const MOUNTS: Root = Root("mounts");

/// Permission bits of what is hidden beneath a mount.
const HIDDEN: u32 = 0o700;

/// The exports of this back end. Without Ganesha its roots are not needed.
const GANESHA: Ganesha = Ganesha {
    exports: Root("exports"),
    options: Options {
        server: "btrfs_ganesha_server",
        bus: "btrfs_ganesha_bus",
        export_ids: "btrfs_ganesha_export_ids",
    },
};

/// The options about it.
pub fn declarations() -> impl Iterator<Item = OptionDeclaration> {
    [Exporting::declaration(OPTION)].into_iter().chain(GANESHA.options.declarations())
}

/// Whether each share is an export of Ganesha's.
pub fn by_ganesha() -> Result<bool> {
    Ok(Exporting::of(OPTION)? == Exporting::Ganesha)
}

/// Whether shares can reach clients: one pool of them, and no groups.
///
/// Members of a group are directories of one subvolume. Each could be mounted by itself, but the
/// server keeps to the first of such mounts for all of them, and holds it when its own share goes.
pub fn check() -> Result<()> {
    if !by_ganesha()? {
        return pools::all()?.into_iter().try_for_each(|pool| location(pool, "").map(drop));
    }
    if pools::are_two()? {
        return Err(Error::BadConfiguration(format!(
            "with {OPTION} = `ganesha` there is one pool, so neither replication nor migration; \
             leave out the options of the second one"
        )));
    }
    if config::text(GROUPS_EXPORT_ROOT)?.is_some() {
        return Err(Error::BadConfiguration(format!(
            "with {OPTION} = `ganesha` there are no consistency groups; leave out \
             `{GROUPS_EXPORT_ROOT}`"
        )));
    }
    files::list_after(&MOUNTS.path(), None, 1)?;
    GANESHA.check()
}

/// Where clients find the share of this name in this pool.
pub fn location(pool: &Pool, name: &str) -> Result<String> {
    match by_ganesha()? {
        false => pool.options().export_location(name),
        true => GANESHA.location(name),
    }
}

/// Exports a share that is there: with the clients that it has, a new one with none.
pub fn appear(share: &Path, name: &str) -> Result<()> {
    if !by_ganesha()? {
        return Ok(());
    }
    let place = MOUNTS.join(name);
    let is_new = match files::make_dir(&place, HIDDEN) {
        Ok(()) => true,
        Err(HostError::AlreadyExists(_)) => false,
        Err(error) => return Err(error.into()),
    };
    mounts::mount(share.clone().into(), &place, mounts::BIND, &[])?;
    if is_new {
        // What the server may have found there was not this share.
        GANESHA.withdraw(name)?;
    }
    GANESHA.ensure(&Export { name, path: &place })
}

/// Exports a share to the clients of these rules alone.
pub fn set(share: &Path, name: &str, rules: &[AccessRule]) -> Result<()> {
    appear(share, name)?;
    GANESHA.set(&Export { name, path: &MOUNTS.join(name) }, rules)
}

/// Shuts all clients out of a share that is to be removed or let go.
pub fn vanish(name: &str) -> Result<()> {
    if !by_ganesha()? {
        return Ok(());
    }
    GANESHA.remove(name)?;
    let place = MOUNTS.join(name);
    match mounts::unmount(&place) {
        Ok(()) | Err(HostError::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    files::remove(&place)?;
    Ok(())
}
