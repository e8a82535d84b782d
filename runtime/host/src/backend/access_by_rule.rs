//! `access-by-rule`: rules that say who may use a share, one at a time. What is recorded around
//! them, and the whole set, is the business of `access`.

use std::slice::from_ref;

use wasmtime::Store;
use wasmtime::component::Instance;

use super::Backend;
use super::access::RuleSet;
use super::calling::ask;
use crate::call::Room;
use crate::contract::Interface;
use crate::contract::bindings::exports::abaca::driver::access_by_rule::GuestIndices;
use crate::error::{Error, Result};
use crate::types::{AccessRule, Error as DriverError, Share, ShareServer};

const ALLOW: &str = "allow-access";
const DENY: &str = "deny-access";

impl Backend {
    /// Lets in whom the rule names, beside those who are in. A driver that does not offer
    /// `access-by-rule` is asked for the whole set, with this rule added. Upstream:
    /// `allow_access`.
    ///
    /// The same rule again is asked of the driver again.
    ///
    /// # Errors
    /// `ShareAccessExists` when another rule of the share names the same client: the driver is
    /// not called then. What the driver says: a rule that it refuses as such is not recorded. Or
    /// what ended the call: the rule stays recorded then, for it may be in force, and the share's
    /// rules are recorded as in error.
    pub async fn allow_access(
        &self,
        share: &Share,
        rule: &AccessRule,
        share_server: Option<&ShareServer>,
    ) -> Result<()> {
        let before = self.rules_before(share).await?;
        if let Some(other) = before.rules.iter().find(|one| is_same(one, rule) && *one != rule) {
            return Err(Error::Driver(DriverError::ShareAccessExists(format!(
                "the rule {} names {}; deny that one first",
                other.id, other.access_to
            ))));
        }
        let mut access_rules = before.rules.clone();
        if !access_rules.contains(rule) {
            access_rules.push(rule.clone());
        }
        let add_rules = from_ref(rule);
        let set = RuleSet {
            share,
            access_rules: &access_rules,
            add_rules,
            delete_rules: &[],
            anew: false,
            share_server,
        };
        self.change_rules(ALLOW, before, set, async |id: &str, set| {
            self.apply_one(ALLOW, id, set).await
        })
        .await
    }

    /// Shuts out whom the rule named. A driver that does not offer `access-by-rule` is asked for
    /// the whole set, without this rule. One that is not recorded is asked of the driver all the
    /// same, which answers success where it is not in force. Upstream: `deny_access`.
    ///
    /// # Errors
    /// What the driver says, or what ended the call: the rule stays recorded then, for it may be
    /// in force, and the share's rules are recorded as in error.
    pub async fn deny_access(
        &self,
        share: &Share,
        rule: &AccessRule,
        share_server: Option<&ShareServer>,
    ) -> Result<()> {
        let before = self.rules_before(share).await?;
        let access_rules: Vec<_> =
            before.rules.iter().filter(|one| !is_same(one, rule)).cloned().collect();
        let delete_rules = from_ref(rule);
        let set = RuleSet {
            share,
            access_rules: &access_rules,
            add_rules: &[],
            delete_rules,
            anew: false,
            share_server,
        };
        self.change_rules(DENY, before, set, async |id: &str, set| {
            self.apply_one(DENY, id, set).await
        })
        .await
    }

    /// Asks for the one rule that changes, or for the whole set where that is not offered.
    async fn apply_one(&self, method: &'static str, id: &str, set: RuleSet<'_>) -> Result<()> {
        if set.anew {
            return self.apply_rules(id, set).await;
        }
        match self.by_rule(method) {
            Ok(indices) => self.apply_by_rule(id, indices, set).await,
            Err(_) => self.apply_set(id, set).await,
        }
    }

    /// Asks to allow what is added, then to deny what is removed.
    pub(super) async fn apply_by_rule(
        &self,
        id: &str,
        indices: &GuestIndices,
        set: RuleSet<'_>,
    ) -> Result<()> {
        for rule in set.to_allow() {
            self.call(ALLOW, id, async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_allow_access(set.share, rule, set.share_server))
            })
            .await?;
        }
        for rule in set.delete_rules {
            self.call(DENY, id, async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_deny_access(set.share, rule, set.share_server))
            })
            .await?;
        }
        Ok(())
    }

    pub(super) fn by_rule(&self, method: &'static str) -> Result<&GuestIndices> {
        let indices = self.driver().exports().access_by_rule.as_ref();
        self.offered(Interface::AccessByRule, method, indices)
    }
}

/// Whether two rules are one: a share has one rule for each client.
fn is_same(one: &AccessRule, other: &AccessRule) -> bool {
    one.id == other.id || (one.access_type == other.access_type && one.access_to == other.access_to)
}
