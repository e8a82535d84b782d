//! How shares reach clients: as mounts of this host, or each as an export of the NFS server
//! Ganesha. Called by the interfaces that make, open and remove shares.

use abaca_sdk::ganesha::{Export, Ganesha, Options};
use abaca_sdk::{
    AccessRule, Error, ExportLocation, OptionDeclaration, Result, Root, Share, ShareProtocol,
    files, local,
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

/// The options about it.
pub fn declarations() -> impl Iterator<Item = OptionDeclaration> {
    GANESHA.options.declarations().into_iter()
}

/// Refuses a share that could not reach clients: neither way serves another protocol.
pub fn check_protocol(share: &Share) -> Result<()> {
    match share.protocol {
        ShareProtocol::Nfs => Ok(()),
        _ => Err(Error::InvalidShare("shares of this back end are of protocol NFS".to_owned())),
    }
}

/// Whether shares can reach clients.
pub fn check() -> Result<()> {
    match options::by_ganesha()? {
        false => Ok(()),
        true => GANESHA.check(),
    }
}

/// Where clients find the share on this volume.
pub fn locations(volume: &str) -> Result<Vec<ExportLocation>> {
    let location = match options::by_ganesha()? {
        false => options::location(volume)?,
        true => GANESHA.location(volume)?,
    };
    Ok(vec![ExportLocation::new(location)])
}

/// Exports a share that is mounted: with the clients that it has, a new one with none.
pub fn appear(volume: &str) -> Result<()> {
    match options::by_ganesha()? {
        false => Ok(()),
        true => GANESHA.ensure(&Export { name: volume, path: &places::of(volume) }),
    }
}

/// Opens a share to those whom these rules name, and to nobody else.
pub fn set(volume: &str, rules: &[AccessRule]) -> Result<()> {
    let place = places::of(volume);
    if options::by_ganesha()? {
        return GANESHA.set(&Export { name: volume, path: &place }, rules);
    }
    let (bits, refused) = local::permission_bits(rules);
    files::set_mode(&place, options::mode()? | bits)?;
    refused.map_or(Ok(()), Err)
}

/// Has the server let go of a share for a while, with its clients kept.
pub fn withdraw(volume: &str) -> Result<()> {
    match options::by_ganesha()? {
        false => Ok(()),
        true => GANESHA.withdraw(volume),
    }
}

/// Shuts all clients out of a share that is to be removed.
pub fn vanish(volume: &str) -> Result<()> {
    match options::by_ganesha()? {
        false => Ok(()),
        true => GANESHA.remove(volume),
    }
}
