//! `access`: the rules that say who may use a share, as a whole set; rule by rule is the business
//! of `access_by_rule`.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::Backend;
use super::calling::ask;
use crate::call::Room;
use crate::contract::Interface;
use crate::error::{Error, Result};
use crate::records::{Beginning, Change, Condition};
use crate::types::{AccessRule, AccessRulesStatus, Error as DriverError, Share, ShareServer};

const METHOD: &str = "update-access";

impl Backend {
    /// Makes the rules on the back end those of `access_rules`. With `add_rules` or
    /// `delete_rules` only these have changed; with both empty everything is applied anew. So it
    /// is too, whatever is given, while the rules are not known to be in force because a change of
    /// them failed: what that has left is not a matter of differences. Upstream: `update_access`.
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
    /// When the share is not recorded: [`ensure_share`](Self::ensure_share) does that. What the
    /// driver says, or what ended the call: the share's rules are recorded as in error then.
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
        let before = self.rules_before(share).await?;
        let anew = add_rules.is_empty() && delete_rules.is_empty();
        let set = RuleSet { share, access_rules, add_rules, delete_rules, anew, share_server };
        self.change_rules(METHOD, before, set, async |id: &str, set| {
            self.apply_rules(id, set).await
        })
        .await
    }

    /// The rules of a share before they change.
    pub(super) async fn rules_before(&self, share: &Share) -> Result<Before> {
        let Some(record) = self.records().share(&share.id).await? else {
            return Err(Error::Invalid(
                "the share is not recorded here, so nobody can be let in or kept out".to_owned(),
            ));
        };
        let rules = self.records().access_rules(&share.id).await?;
        Ok(Before { rules, status: record.share.access_rules_status })
    }

    /// Records which rules may be in force while they are changed from `before` to those of the
    /// set, and which are afterwards; `apply` asks the driver.
    pub(super) async fn change_rules<W>(
        &self,
        method: &'static str,
        before: Before,
        set: RuleSet<'_>,
        apply: W,
    ) -> Result<()>
    where
        W: AsyncFnOnce(&str, RuleSet<'_>) -> Result<()>,
    {
        let Before { rules: before, status: was } = before;
        let is_known = was == AccessRulesStatus::Active;
        let RuleSet { share, access_rules, add_rules, .. } = set;
        let anew = !is_known || set.anew;
        let mut unwanted = set.delete_rules.to_vec();
        if anew {
            // Whatever may be in force and is not wanted goes.
            let is_among = |rules: &[AccessRule], id: &str| rules.iter().any(|one| one.id == id);
            for rule in &before {
                if !is_among(access_rules, &rule.id) && !is_among(&unwanted, &rule.id) {
                    unwanted.push(rule.clone());
                }
            }
        }
        let set = RuleSet { delete_rules: &unwanted, anew, ..set };
        let mut possible = access_rules.to_vec();
        possible.extend_from_slice(&unwanted);
        let rules = |rules: Vec<AccessRule>| Change::PutRules(share.id.clone(), rules);
        let status = |status| Change::access_status(&share.id, status);
        self.tracked(
            Beginning {
                method,
                changes_of: vec![share.id.clone()],
                conditions: vec![Condition::RulesAre(share.id.clone(), before.clone(), was)],
                changes: vec![rules(possible), status(AccessRulesStatus::Updating)],
                if_failed: vec![status(AccessRulesStatus::Error)],
                ..Beginning::default()
            },
            async |id: &str| match apply(id, set).await {
                Ok(()) => {
                    let wanted = access_rules.to_vec();
                    (Ok(()), vec![rules(wanted), status(AccessRulesStatus::Active)])
                }
                // With more than one change it is not known which of them were made.
                Err(error)
                    if refuses_the_rule(&error)
                        && is_known
                        && add_rules.len() <= 1
                        && unwanted.is_empty() =>
                {
                    (Err(error), vec![rules(before), status(was)])
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// Asks for the whole set, and rule by rule where that is not offered.
    pub(super) async fn apply_rules(&self, id: &str, set: RuleSet<'_>) -> Result<()> {
        let by_rule = self.by_rule(METHOD);
        if self.driver().offers(Interface::Access) {
            let answer = self.apply_set(id, set).await;
            let unsupported = matches!(answer, Err(Error::Driver(DriverError::Unsupported(_))));
            if by_rule.is_err() || !unsupported {
                return answer;
            }
        }
        self.apply_by_rule(id, by_rule?, set).await
    }

    /// Asks for the whole set.
    pub(super) async fn apply_set(&self, id: &str, set: RuleSet<'_>) -> Result<()> {
        let indices =
            self.offered(Interface::Access, METHOD, self.driver().exports().access.as_ref())?;
        let RuleSet { share, access_rules, share_server, .. } = set;
        let (add_rules, delete_rules): (&[AccessRule], &[AccessRule]) = match set.anew {
            true => (&[], &[]),
            false => (set.add_rules, set.delete_rules),
        };
        self.call(METHOD, id, async |store: &mut Store<Room>, instance: &Instance| {
            ask!(
                store,
                instance,
                indices.call_update_access(
                    share,
                    access_rules,
                    add_rules,
                    delete_rules,
                    share_server
                )
            )
        })
        .await
    }
}

/// The rules that are recorded for a share before they change.
pub(super) struct Before {
    pub rules: Vec<AccessRule>,
    pub status: AccessRulesStatus,
}

/// The rules that are wanted for a share, and which of them are a change.
#[derive(Clone, Copy)]
pub(super) struct RuleSet<'a> {
    pub share: &'a Share,
    pub access_rules: &'a [AccessRule],
    pub add_rules: &'a [AccessRule],
    pub delete_rules: &'a [AccessRule],
    /// Whether everything is applied anew, whatever has changed.
    pub anew: bool,
    pub share_server: Option<&'a ShareServer>,
}

impl<'a> RuleSet<'a> {
    /// The rules to allow one by one. Applied anew, that is every rule.
    pub(super) fn to_allow(self) -> &'a [AccessRule] {
        if self.anew { self.access_rules } else { self.add_rules }
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
