//! `access`: the rules that say who may use a share.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::Backend;
use crate::call::Room;
use crate::contract::Interface;
use crate::error::{Error, Result};
use crate::records::Change;
use crate::types::{AccessRule, AccessRulesStatus, Error as DriverError, Share, ShareServer};

const METHOD: &str = "update-access";

impl Backend {
    /// Makes the rules on the back end those of `access_rules`. With `add_rules` or
    /// `delete_rules` only these have changed; with both empty everything is applied anew.
    /// Upstream: `update_access`.
    ///
    /// While it runs, and if it fails, the records hold every rule that may be in force: those
    /// wanted and those to be removed. A rule that the driver refuses as such is dropped again,
    /// unlike upstream, where it stays for ever in error.
    ///
    /// # Errors
    /// When the driver does not offer `access`; what it says, or what ended the call: the
    /// share's rules are recorded as in error then.
    pub async fn update_access(
        &self,
        share: &Share,
        access_rules: &[AccessRule],
        add_rules: &[AccessRule],
        delete_rules: &[AccessRule],
        share_server: Option<&ShareServer>,
    ) -> Result<()> {
        let indices =
            self.offered(Interface::Access, METHOD, self.driver().exports().access.as_ref())?;
        let before = self.records().access_rules(&share.id).await?;
        let mut possible = access_rules.to_vec();
        possible.extend_from_slice(delete_rules);
        let rules = |rules: Vec<AccessRule>| Change::PutRules(share.id.clone(), rules);
        let status = |status| Change::AccessStatus(share.id.clone(), status);
        self.recorded(
            METHOD,
            &share.id,
            vec![rules(possible), status(AccessRulesStatus::Updating)],
            vec![status(AccessRulesStatus::Error)],
            async |store: &mut Store<Room>, instance: &Instance| {
                let guest = indices.load(&mut *store, instance)?;
                guest
                    .call_update_access(
                        store,
                        share,
                        access_rules,
                        add_rules,
                        delete_rules,
                        share_server,
                    )
                    .await
            },
            |answer| match answer {
                Ok(()) => {
                    let wanted = access_rules.to_vec();
                    (Ok(()), vec![rules(wanted), status(AccessRulesStatus::Active)])
                }
                // With rules to remove besides, it is not known which of them are gone.
                Err(error) if refuses_the_rule(&error) && delete_rules.is_empty() => {
                    let was = status(share.access_rules_status);
                    (Err(error), vec![rules(before), was])
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }
}

/// Whether the error says that a rule cannot be, so that nothing was changed.
fn refuses_the_rule(error: &Error) -> bool {
    matches!(
        error,
        Error::Driver(
            DriverError::InvalidShareAccess(_)
                | DriverError::InvalidShareAccessLevel(_)
                | DriverError::ShareAccessExists(_)
                | DriverError::Unsupported(_)
        )
    )
}
