//! How shares reach clients: as directories of this host, each as an export of the NFS server
//! Ganesha, or each as a share of the file server Samba. Called by the interfaces that make, open and remove shares.

use abaca_sdk::ganesha::{Export, Ganesha, Options};
use abaca_sdk::local::Exporting;
use abaca_sdk::samba::Samba;
use abaca_sdk::{AccessRule, OptionDeclaration, Result, Root, ShareProtocol};

use crate::places::{OPTIONS, Place};

/// The option that says which.
const OPTION: &str = "directory_export";

/// The exports of this back end. Without Ganesha the root is not needed.
const GANESHA: Ganesha = Ganesha {
    exports: Root("exports"),
    options: Options {
        server: "directory_ganesha_server",
        bus: "directory_ganesha_bus",
        export_ids: "directory_ganesha_export_ids",
    },
};

/// The shares of this back end's Samba. Without it the roots are not needed.
const SAMBA: Samba = Samba {
    definitions: Root("definitions"),
    configuration: Root("samba"),
    server: "directory_samba_server",
};

/// The options about it.
pub fn declarations() -> impl Iterator<Item = OptionDeclaration> {
    let servers = GANESHA.options.declarations().into_iter().chain([SAMBA.declaration()]);
    [Exporting::declaration(OPTION)].into_iter().chain(servers)
}

/// Whether clients have the shares' directories themselves.
pub fn are_local() -> Result<bool> {
    Ok(Exporting::of(OPTION)? == Exporting::Local)
}

/// Whether a share of this protocol can reach clients.
pub fn check_protocol(protocol: ShareProtocol) -> Result<()> {
    Exporting::of(OPTION)?.check_protocol(protocol)
}

/// Whether shares can reach clients.
pub fn check() -> Result<()> {
    match Exporting::of(OPTION)? {
        Exporting::Local => OPTIONS.export_location("").map(drop),
        Exporting::Ganesha => GANESHA.check(),
        Exporting::Samba => SAMBA.check(),
    }
}

/// Where clients find the share of this name.
pub fn location(name: &str) -> Result<String> {
    match Exporting::of(OPTION)? {
        Exporting::Local => OPTIONS.export_location(name),
        Exporting::Ganesha => GANESHA.location(name),
        Exporting::Samba => SAMBA.location(name),
    }
}

/// Exports a share that is there: with the clients that it has, a new one with none.
pub fn appear(place: &Place, name: &str) -> Result<()> {
    match Exporting::of(OPTION)? {
        Exporting::Local => Ok(()),
        Exporting::Ganesha => GANESHA.ensure(&Export { name, path: &place.path }),
        Exporting::Samba => SAMBA.ensure(&Export { name, path: &place.path }),
    }
}

/// Exports a share to the clients of these rules alone.
pub fn set(place: &Place, name: &str, rules: &[AccessRule]) -> Result<()> {
    if !place.is_there()? {
        return Err(place.not_found());
    }
    match Exporting::of(OPTION)? {
        Exporting::Local => Ok(()),
        Exporting::Ganesha => GANESHA.set(&Export { name, path: &place.path }, rules),
        Exporting::Samba => SAMBA.set(&Export { name, path: &place.path }, rules),
    }
}

/// Shuts all clients out of a share that is to be removed.
pub fn vanish(name: &str) -> Result<()> {
    match Exporting::of(OPTION)? {
        Exporting::Local => Ok(()),
        Exporting::Ganesha => GANESHA.remove(name),
        Exporting::Samba => SAMBA.remove(name),
    }
}
