//! How shares reach clients: as directories of this host, or each as an export of the NFS server
//! Ganesha. Called by the interfaces that make, open and remove shares.

use abaca_sdk::ganesha::{self, Export, Ganesha};
use abaca_sdk::local::Exporting;
use abaca_sdk::{AccessRule, OptionDeclaration, Result, Root};

use crate::places::{OPTIONS, Place};

/// The option that says which.
const OPTION: &str = "directory_export";

/// The exports of this back end. Without Ganesha the root is not needed.
const GANESHA: Ganesha = Ganesha { exports: Root("exports") };

/// The options about it.
pub fn declarations() -> impl Iterator<Item = OptionDeclaration> {
    [Exporting::declaration(OPTION)].into_iter().chain(ganesha::declarations())
}

/// Whether each share is an export of Ganesha's.
pub fn by_ganesha() -> Result<bool> {
    Ok(Exporting::of(OPTION)? == Exporting::Ganesha)
}

/// Whether shares can reach clients.
pub fn check() -> Result<()> {
    match Exporting::of(OPTION)? {
        Exporting::Local => OPTIONS.export_location("").map(drop),
        Exporting::Ganesha => GANESHA.check(),
    }
}

/// Where clients find the share of this name.
pub fn location(name: &str) -> Result<String> {
    match Exporting::of(OPTION)? {
        Exporting::Local => OPTIONS.export_location(name),
        Exporting::Ganesha => GANESHA.location(name),
    }
}

/// Exports a share that is there: with the clients that it has, a new one with none.
pub fn appear(place: &Place, name: &str) -> Result<()> {
    match Exporting::of(OPTION)? {
        Exporting::Local => Ok(()),
        Exporting::Ganesha => GANESHA.ensure(&Export { name, path: &place.path }),
    }
}

/// Exports a share to the clients of these rules alone.
pub fn set(place: &Place, name: &str, rules: &[AccessRule]) -> Result<()> {
    match place.is_there()? {
        true => GANESHA.set(&Export { name, path: &place.path }, rules),
        false => Err(place.not_found()),
    }
}

/// Shuts all clients out of a share that is to be removed.
pub fn vanish(name: &str) -> Result<()> {
    match Exporting::of(OPTION)? {
        Exporting::Local => Ok(()),
        Exporting::Ganesha => GANESHA.remove(name),
    }
}
