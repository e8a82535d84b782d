//! `abaca access`: who may use a share. A share's rules are a set, and the driver is always
//! told the whole set beside what changes in it. All replicas of a share have the same rules.

use std::net::IpAddr;

use abaca::configuration::BackendEntry;
use abaca::types::{AccessLevel, AccessRule, AccessRulesStatus, AccessType};
use serde::Serialize;
use serde_json::json;

use crate::cli::{AccessCommand, Kind};
use crate::failure::{Failure, Result};
use crate::naming::{Named, Placed};
use crate::output::{Output, table, word};
use crate::recorded::{WholeShare, again};
use crate::service::Service;
use crate::share::{check_idle, check_served};
use crate::share_server::carrying;

/// The longest name in a rule, as upstream's.
const TO_BYTES: usize = 255;

/// The rules of a share and whether the back end has them.
struct Rules<'a> {
    entry: &'a BackendEntry,
    share: WholeShare,
    rules: Vec<AccessRule>,
}

/// What the command shows of a rule.
#[derive(Debug, Serialize)]
struct View {
    id: String,
    r#type: String,
    to: String,
    level: String,
}

/// Does what was asked.
///
/// # Errors
/// What the service or the driver answers.
pub async fn run(command: AccessCommand, service: &Service, output: Output) -> Result<()> {
    match command {
        AccessCommand::Allow { share, kind, to, level } => {
            let before = Rules::of(&share, service, output).await?;
            allow(before, kind.into(), &to, level.into(), service, output).await
        }
        AccessCommand::Deny { share, rule, to } => {
            let before = Rules::of(&share, service, output).await?;
            deny(before, &rule, to.as_deref(), service, output).await
        }
        AccessCommand::List { share } => Rules::of(&share, service, output).await?.show(output),
    }
}

async fn allow(
    mut before: Rules<'_>,
    access_type: AccessType,
    to: &str,
    access_level: AccessLevel,
    service: &Service,
    output: Output,
) -> Result<()> {
    check_served(&before.share)?;
    let access_to = canonical(access_type, to)?;
    if let Some(rule) = before.find(access_type, &access_to) {
        // After a failure it may not be in force, and all rules are applied anew.
        if rule.access_level == access_level && before.status() != AccessRulesStatus::Active {
            return before.apply(&[], &[], service, output).await;
        }
        return Err(Failure::refused(
            format!(
                "{} {access_to} has {} access already",
                word(&access_type),
                word(&rule.access_level)
            ),
            format!(
                "to change it, take it back first: `abaca access deny {} {}`",
                before.share.id(),
                rule.id
            ),
        ));
    }
    let id = uuid::Uuid::new_v4().to_string();
    let rule = AccessRule { id, access_type, access_to, access_level };
    before.rules.push(rule.clone());
    before.apply(&[rule], &[], service, output).await
}

async fn deny(
    mut before: Rules<'_>,
    rule: &str,
    to: Option<&str>,
    service: &Service,
    output: Output,
) -> Result<()> {
    // Nobody may have to wait for a repair to keep somebody out.
    check_idle(&before.share)?;
    let meant = match to {
        Some(to) => {
            let access_type = kind(rule)?;
            let to = canonical(access_type, to)?;
            before.find(access_type, &to).map(|rule| rule.id.clone())
        }
        None => Some(rule.to_owned()),
    };
    let removed: Vec<_> =
        before.rules.extract_if(.., |one| Some(&one.id) == meant.as_ref()).collect();
    if removed.is_empty() {
        return Err(Failure::refused(
            "the share has no such rule",
            format!(
                "name it by its id, or by type and whom, as in `ip 192.0.2.7`; `abaca access list {}` \
                 shows the rules",
                before.share.id()
            ),
        ));
    }
    before.apply(&[], &removed, service, output).await
}

impl<'a> Rules<'a> {
    async fn of(wanted: &str, service: &'a Service, output: Output) -> Result<Self> {
        let Placed { entry, record: share } = service.one::<WholeShare>(wanted, output).await?;
        let rules = service.records(entry).await?.access_rules(&share.share().id).await?;
        Ok(Self { entry, share, rules })
    }

    fn find(&self, access_type: AccessType, to: &str) -> Option<&AccessRule> {
        self.rules.iter().find(|one| one.access_type == access_type && one.access_to == to)
    }

    /// Makes the rules those of the back end, and shows them.
    async fn apply(
        self,
        added: &[AccessRule],
        removed: &[AccessRule],
        service: &Service,
        output: Output,
    ) -> Result<()> {
        // A call that died has left another status.
        if self.status() == AccessRulesStatus::Updating {
            return Err(Failure::refused(
                "another call changes the share's rules",
                "wait until that has ended; `abaca access list` shows when",
            ));
        }
        let backend = service.ready(self.entry, output).await?;
        let records = backend.records();
        for share in self.share.instances() {
            let server = carrying(records, share).await?;
            let work = backend.update_access(share, &self.rules, added, removed, server.as_ref());
            output.wait("applying the access rules", Box::pin(work)).await?;
        }
        let Placed { entry, record: share } =
            again::<WholeShare>(self.entry, records, self.share.id()).await?;
        let rules = records.access_rules(&share.share().id).await?;
        Rules { entry, share, rules }.show(output)
    }

    /// Whether the rules are in force on all replicas: the first status that says otherwise.
    fn status(&self) -> AccessRulesStatus {
        let mut statuses = self.share.instances().map(|share| share.access_rules_status);
        statuses
            .find(|status| *status != AccessRulesStatus::Active)
            .unwrap_or(AccessRulesStatus::Active)
    }

    fn show(&self, output: Output) -> Result<()> {
        let status = word(&self.status());
        let views: Vec<_> = self.rules.iter().map(View::new).collect();
        let document = json!({ "share_id": self.share.id(), "status": status, "rules": views });
        output.answer(&document, || {
            if views.is_empty() {
                return format!("no rules ({status})\n");
            }
            let rows = views.iter().map(|view| {
                [view.id.clone(), view.r#type.clone(), view.to.clone(), view.level.clone()]
            });
            format!("{}status: {status}\n", table(["id", "type", "to", "level"], rows))
        })
    }
}

impl View {
    fn new(rule: &AccessRule) -> Self {
        Self {
            id: rule.id.clone(),
            r#type: word(&rule.access_type),
            to: rule.access_to.clone(),
            level: word(&rule.access_level),
        }
    }
}

fn kind(text: &str) -> Result<AccessType> {
    use clap::ValueEnum;
    Kind::from_str(text, false).map(Into::into).map_err(|_| {
        let all: Vec<_> =
            Kind::value_variants().iter().map(|kind| word(&AccessType::from(*kind))).collect();
        Failure::refused(
            format!("`{text}` is no type of rule"),
            format!(
                "write SHARE RULE_ID, or SHARE TYPE TO with one of the types {}",
                all.join(", ")
            ),
        )
    })
}

/// Whom a rule lets in, in the one spelling that is recorded: so that two rules for the same
/// address are seen to be the same.
fn canonical(access_type: AccessType, to: &str) -> Result<String> {
    let refused = |reason: &str| {
        Failure::refused(
            format!("`{to}` cannot be let in: {reason}"),
            "for example: `ip 192.0.2.0/24`, `user alice`",
        )
    };
    if to.is_empty() || to.len() > TO_BYTES || to.chars().any(char::is_control) {
        return Err(refused("it is empty, too long, or has control characters"));
    }
    if access_type != AccessType::Ip {
        return Ok(to.to_owned());
    }
    let (address, prefix) = match to.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (to, None),
    };
    let address: IpAddr = address.parse().map_err(|_| refused("it is no IP address or network"))?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    match prefix.map(str::parse::<u8>) {
        None => Ok(address.to_string()),
        Some(Ok(prefix)) if prefix == longest => Ok(address.to_string()),
        Some(Ok(prefix)) if prefix < longest => Ok(format!("{address}/{prefix}")),
        Some(_) => Err(refused("its prefix is too long or no number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        let ip = |text: &str| canonical(AccessType::Ip, text).ok();
        assert_eq!(ip("192.0.2.1/32").as_deref(), Some("192.0.2.1"));
        assert_eq!(ip("2001:DB8:0::1").as_deref(), Some("2001:db8::1"));
        assert_eq!(ip("192.0.2.0/024").as_deref(), Some("192.0.2.0/24"));
        for bad in ["", "192.0.2.1/33", "192.0.2.1/", "192.0.2", "192.0.2.1/-1", "::1/129", "host"]
        {
            assert_eq!(ip(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_user_has_no_control_characters() {
        assert!(canonical(AccessType::User, "alice").is_ok());
        assert!(canonical(AccessType::User, "al\nice").is_err());
    }
}
