//! How the record of a share follows it to another backend: it is recorded there first, then its
//! rules are applied there, and last it is forgotten here. So somebody knows of it at every moment,
//! and of its rules too. Each step can be done again.

use abaca::Backend;
use abaca::configuration::BackendEntry;
use abaca::types::{AccessRulesStatus, MigrationDestination, Share};

use crate::failure::{Failure, Result};
use crate::service::{Service, host};

/// The backend of a recorded destination.
///
/// # Errors
/// When the configuration has it no longer.
pub fn entry<'a>(to: &MigrationDestination, service: &'a Service) -> Result<&'a BackendEntry> {
    let name = to.host.split_once('#').and_then(|(place, _)| place.rsplit_once('@'));
    match name {
        Some((_, backend)) => service.entry(backend),
        None => Err(Failure::refused(
            format!("the share was sent to `{}`, which names no backend", to.host),
            "give it up: `abaca migration cancel`",
        )),
    }
}

/// Applies the rules of a share that has gone at its destination, records it there, and forgets
/// it here.
///
/// # Errors
/// What the driver there answers; the share stays recorded here then.
pub async fn follow(
    share: &Share,
    to: &MigrationDestination,
    here: &Backend,
    there: &Backend,
) -> Result<()> {
    let rules = here.records().access_rules(&share.id).await?;
    let arrived = Share {
        host: host(there.name())?,
        pool: to.host.split_once('#').map(|(_, pool)| pool.to_owned()),
        // A share leaves its rules behind, so none is in force there yet.
        access_rules_status: match rules.is_empty() {
            true => AccessRulesStatus::Active,
            false => AccessRulesStatus::OutOfSync,
        },
        ..share.clone()
    };
    there.ensure_share(&arrived, None).await?;
    if !rules.is_empty() {
        there.update_access(&arrived, &rules, &[], &[], None).await?;
    }
    Ok(here.forget_share(share).await?)
}
