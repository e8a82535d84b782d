//! How shares reach clients: as mounts of this host, each as an export of the NFS server Ganesha, or
//! each as a share of the file server Samba. Called by the interfaces that make, open and remove
//! shares.

use abaca_sdk::ganesha::{Export, Ganesha, Options};
use abaca_sdk::local::Exporting;
use abaca_sdk::samba::Samba;
use abaca_sdk::{
    AccessRule, ExportLocation, OptionDeclaration, Result, Root, Share, files, ganesha, local,
    samba,
};

use crate::{options, places};

/// The exports of this back end. Without Ganesha the root is not needed.
const GANESHA: Ganesha = Ganesha {
    exports: Root("exports"),
    options: Options {
        server: "lvm_ganesha_server",
        bus: "lvm_ganesha_bus",
        export_ids: "lvm_ganesha_export_ids",
    },
};

/// The shares of this back end's Samba. Without it the roots are not needed.
const SAMBA: Samba = Samba {
    definitions: Root("definitions"),
    configuration: Root("samba"),
    server: "lvm_samba_server",
};

/// The options about them.
pub fn declarations() -> impl Iterator<Item = OptionDeclaration> {
    GANESHA.options.declarations().into_iter().chain([SAMBA.declaration()])
}

/// Refuses a share that could not reach clients: each way serves one protocol.
pub fn check_protocol(share: &Share) -> Result<()> {
    options::exporting()?.check_protocol(share.protocol)
}

/// Whether shares can reach clients.
pub fn check() -> Result<()> {
    match options::exporting()? {
        Exporting::Local => Ok(()),
        Exporting::Ganesha => GANESHA.check(),
        Exporting::Samba => SAMBA.check(),
    }
}

/// Where clients find the share on this volume.
pub fn locations(volume: &str) -> Result<Vec<ExportLocation>> {
    let location = match options::exporting()? {
        Exporting::Local => options::location(volume)?,
        Exporting::Ganesha => GANESHA.location(volume)?,
        Exporting::Samba => SAMBA.location(volume)?,
    };
    Ok(vec![ExportLocation::new(location)])
}

/// Exports a share that is mounted: with the clients that it has, a new one with none.
pub fn appear(volume: &str) -> Result<()> {
    let place = places::of(volume);
    let export = Export { name: volume, path: &place };
    match options::exporting()? {
        Exporting::Local => Ok(()),
        Exporting::Ganesha => GANESHA.ensure(&export),
        Exporting::Samba => SAMBA.ensure(&export),
    }
}

/// Refuses rules that cannot be enforced.
pub fn check_rules(rules: &[AccessRule]) -> Result<()> {
    match options::exporting()? {
        Exporting::Local => local::permission_bits(rules).1.map_or(Ok(()), Err),
        Exporting::Ganesha => ganesha::check_rules(rules),
        Exporting::Samba => samba::check_rules(rules),
    }
}

/// Opens a share to those whom these rules name, and to nobody else.
pub fn set(volume: &str, rules: &[AccessRule]) -> Result<()> {
    let place = places::of(volume);
    let export = Export { name: volume, path: &place };
    match options::exporting()? {
        Exporting::Local => {
            let (bits, refused) = local::permission_bits(rules);
            files::set_mode(&place, options::mode()? | bits)?;
            refused.map_or(Ok(()), Err)
        }
        Exporting::Ganesha => GANESHA.set(&export, rules),
        Exporting::Samba => SAMBA.set(&export, rules),
    }
}

/// Has the server let go of a share for a while, with its clients kept.
pub fn withdraw(volume: &str) -> Result<()> {
    match options::exporting()? {
        Exporting::Local => Ok(()),
        Exporting::Ganesha => GANESHA.withdraw(volume),
        Exporting::Samba => SAMBA.withdraw(volume),
    }
}

/// Shuts all clients out of a share that is to be removed.
pub fn vanish(volume: &str) -> Result<()> {
    match options::exporting()? {
        Exporting::Local => Ok(()),
        Exporting::Ganesha => GANESHA.remove(volume),
        Exporting::Samba => SAMBA.remove(volume),
    }
}
