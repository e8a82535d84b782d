//! A driver that attacks its runtime, one way for each share.
//!
//! The share's metadata says how: the pair `("attack", NAME)` names one of
//! [`attacks`], and every pair whose name begins with `argument` is a parameter, in
//! order. The attack runs in `create_share`; what it got out of the host comes back
//! as the paths of the export locations. Everything else is well-behaved, so that
//! `echo` is the benign twin of all of them. Loaded by tests only.

mod attacks;

use abaca_sdk::{
    Access, AccessRule, Backend, Capacity, CreateError, Description, Error, ExportLocation,
    OptionDeclaration, OptionType, Result, Share, ShareProtocol, ShareServer, ShareStats, Shares,
    Snapshot, SnapshotUpdate, Snapshots, export,
};

struct Hostile;

impl Backend for Hostile {
    fn describe() -> Description {
        Description::new("hostile", env!("CARGO_PKG_VERSION"), ShareProtocol::Nfs)
            .vendor("Abaca")
            .option(OptionDeclaration::new("hostile_text", OptionType::Text, "Any text."))
            .option(
                OptionDeclaration::new("hostile_secret", OptionType::Text, "Any secret.").secret(),
            )
    }

    fn do_setup() -> Result<()> {
        Ok(())
    }

    fn check_for_setup_error() -> Result<()> {
        Ok(())
    }

    fn get_share_stats() -> Result<ShareStats> {
        Ok(ShareStats::new(Capacity::Unknown, Capacity::Unknown))
    }
}

impl Shares for Hostile {
    fn create_share(
        share: Share,
        _: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        let attack = share
            .metadata
            .iter()
            .find_map(|(name, value)| (name == "attack").then_some(value.as_str()))
            .ok_or_else(|| Error::InvalidShare("metadata names no `attack`".to_owned()))?;
        let arguments: Vec<&str> = share
            .metadata
            .iter()
            .filter(|(name, _)| name.starts_with("argument"))
            .map(|(_, value)| value.as_str())
            .collect();
        let loot = attacks::run(attack, &arguments)?;
        Ok(loot.into_iter().map(ExportLocation::new).collect())
    }

    fn delete_share(_: Share, _: Option<ShareServer>) -> Result<()> {
        Ok(())
    }

    fn ensure_share(_: Share, _: Option<ShareServer>) -> Result<Vec<ExportLocation>> {
        Ok(Vec::new())
    }
}

impl Snapshots for Hostile {
    fn create_snapshot(_: Snapshot, _: Option<ShareServer>) -> Result<SnapshotUpdate> {
        Ok(SnapshotUpdate { provider_location: None })
    }

    fn delete_snapshot(_: Snapshot, _: Option<ShareServer>) -> Result<()> {
        Ok(())
    }
}

impl Access for Hostile {
    fn update_access(
        _: Share,
        _: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Option<ShareServer>,
    ) -> Result<()> {
        Ok(())
    }
}

export!(Hostile: backend, shares, snapshots, access);
