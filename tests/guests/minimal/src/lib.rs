//! The smallest driver that a runtime accepts: three interfaces, no storage.
//!
//! It keeps nothing and imports nothing but `log`. Loaded by tests that are about
//! the runtime and not about a driver; it is no example of a useful one.

use abaca_sdk::{
    Access, AccessRule, Backend, Capacity, CreateError, Description, ExportLocation, Result, Share,
    ShareProtocol, ShareServer, ShareStats, Shares, export, log,
};

struct Minimal;

impl Backend for Minimal {
    fn describe() -> Description {
        Description::new("minimal", env!("CARGO_PKG_VERSION"), ShareProtocol::Nfs).vendor("Abaca")
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

impl Shares for Minimal {
    fn create_share(
        share: Share,
        _: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        log::info(format!("made {}", share.name));
        Ok(vec![location(&share)])
    }

    fn delete_share(share: Share, _: Option<ShareServer>) -> Result<()> {
        log::info(format!("removed {}", share.name));
        Ok(())
    }

    fn ensure_share(share: Share, _: Option<ShareServer>) -> Result<Vec<ExportLocation>> {
        Ok(vec![location(&share)])
    }
}

impl Access for Minimal {
    fn update_access(
        share: Share,
        access_rules: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Option<ShareServer>,
    ) -> Result<()> {
        log::info(format!("{} has {} rules", share.name, access_rules.len()));
        Ok(())
    }
}

fn location(share: &Share) -> ExportLocation {
    ExportLocation::new(format!("192.0.2.1:/minimal/{}", share.name))
}

export!(Minimal: backend, shares, access);
