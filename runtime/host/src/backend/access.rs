//! `access` and its fallback `access-by-rule`: the rules that say who may use a share.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::Backend;
use crate::call::Room;
use crate::contract::Interface;
use crate::error::{Error, Result};
use crate::records::{Beginning, Change};
use crate::types::{AccessRule, AccessRulesStatus, Error as DriverError, Share, ShareServer};

const METHOD: &str = "update-access";

impl Backend {
    /// Makes the rules on the back end those of `access_rules`. With `add_rules` or
    /// `delete_rules` only these have changed; with both empty everything is applied anew.
    /// Upstream: `update_access`.
    ///
    /// A driver that does not offer `access`, or answers `unsupported`, is asked rule by rule: to
    /// allow what is added, then to deny what is removed. Unlike upstream, whose fallback does
    /// nothing when everything is to be applied anew, all rules are allowed again then.
    ///
    /// While it runs, and if it fails, the records hold every rule that may be in force: those
    /// wanted and those to be removed. A rule that the driver refuses as such is dropped again,
    /// unlike upstream, where it stays for ever in error.
    ///
    /// # Errors
    /// What the driver says, or what ended the call: the share's rules are recorded as in error
    /// then.
    pub async fn update_access(
        &self,
        share: &Share,
        access_rules: &[AccessRule],
        add_rules: &[AccessRule],
        delete_rules: &[AccessRule],
        share_server: Option<&ShareServer>,
    ) -> Result<()> {
        for (at, rule) in access_rules.iter().enumerate() {
            if access_rules.iter().take(at).any(|other| other.id == rule.id) {
                return Err(Error::Invalid("two access rules have the same identifier".to_owned()));
            }
        }
        let before = self.records().access_rules(&share.id).await?;
        let mut possible = access_rules.to_vec();
        possible.extend_from_slice(delete_rules);
        let rules = |rules: Vec<AccessRule>| Change::PutRules(share.id.clone(), rules);
        let status = |status| Change::access_status(&share.id, status);
        self.tracked(
            Beginning {
                method: METHOD,
                changes_of: vec![share.id.clone()],
                changes: vec![rules(possible), status(AccessRulesStatus::Updating)],
                if_failed: vec![status(AccessRulesStatus::Error)],
                ..Beginning::default()
            },
            async |id: &str| {
                let set = RuleSet { share, access_rules, add_rules, delete_rules, share_server };
                match self.apply_rules(id, set).await {
                    Ok(()) => {
                        let wanted = access_rules.to_vec();
                        (Ok(()), vec![rules(wanted), status(AccessRulesStatus::Active)])
                    }
                    // With more than one change it is not known which of them were made.
                    Err(error)
                        if refuses_the_rule(&error)
                            && add_rules.len() <= 1
                            && delete_rules.is_empty() =>
                    {
                        (Err(error), vec![rules(before), status(share.access_rules_status)])
                    }
                    Err(error) => (Err(error), Vec::new()),
                }
            },
        )
        .await
    }

    /// Asks for the whole set, and rule by rule where that is not offered.
    async fn apply_rules(&self, id: &str, set: RuleSet<'_>) -> Result<()> {
        let exports = self.driver().exports();
        let by_rule =
            self.offered(Interface::AccessByRule, METHOD, exports.access_by_rule.as_ref());
        if let Ok(indices) = self.offered(Interface::Access, METHOD, exports.access.as_ref()) {
            let RuleSet { share, access_rules, add_rules, delete_rules, share_server } = set;
            let answer = self
                .call(METHOD, id, async |store: &mut Store<Room>, instance: &Instance| {
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
                })
                .await;
            let unsupported = matches!(answer, Err(Error::Driver(DriverError::Unsupported(_))));
            if by_rule.is_err() || !unsupported {
                return answer;
            }
        }
        let indices = by_rule?;
        for rule in set.to_allow() {
            self.call("allow-access", id, async |store: &mut Store<Room>, instance: &Instance| {
                let guest = indices.load(&mut *store, instance)?;
                guest.call_allow_access(store, set.share, rule, set.share_server).await
            })
            .await?;
        }
        for rule in set.delete_rules {
            self.call("deny-access", id, async |store: &mut Store<Room>, instance: &Instance| {
                let guest = indices.load(&mut *store, instance)?;
                guest.call_deny_access(store, set.share, rule, set.share_server).await
            })
            .await?;
        }
        Ok(())
    }
}

/// What `update_access` was asked.
#[derive(Clone, Copy)]
struct RuleSet<'a> {
    share: &'a Share,
    access_rules: &'a [AccessRule],
    add_rules: &'a [AccessRule],
    delete_rules: &'a [AccessRule],
    share_server: Option<&'a ShareServer>,
}

impl<'a> RuleSet<'a> {
    /// The rules to allow one by one. Applied anew, that is every rule.
    fn to_allow(self) -> &'a [AccessRule] {
        if self.add_rules.is_empty() && self.delete_rules.is_empty() {
            self.access_rules
        } else {
            self.add_rules
        }
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
