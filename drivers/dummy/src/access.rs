//! Access rules, told as the whole set. It is applied each time, so it does not matter what
//! was there.

use core::net::IpAddr;

use abaca_sdk::{
    Access, AccessLevel, AccessRule, AccessType, Error, Result, Share, ShareProtocol, ShareServer,
};

use crate::call::Call;
use crate::held::{HeldRule, HeldShare, level_word, protocol_word, type_word};
use crate::world::World;
use crate::{Dummy, migration};

impl Access for Dummy {
    fn update_access(
        share: Share,
        access_rules: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Option<ShareServer>,
    ) -> Result<()> {
        let refused =
            Call::begin("update-access", &share.metadata)?.change(|world, settings| {
                migration::arrive(world, settings, &share)?;
                apply(world, &share.id, &access_rules)
            })?;
        refused.map_or(Ok(()), Err)
    }
}

/// Makes the rules in force those that can be applied, and says why the first other one
/// cannot. They are applied also beside one that cannot: else a rule that was taken away
/// would go on letting clients in.
pub fn apply(world: &mut World, share_id: &str, rules: &[AccessRule]) -> Result<Option<Error>> {
    let held = world.share(share_id)?;
    let mut refused = None;
    let mut in_force = Vec::new();
    for rule in rules {
        match check(held, rule) {
            Ok(()) => in_force.push(HeldRule::from(rule)),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    held.rules = in_force;
    Ok(refused)
}

/// Checks that a share's protocol can apply a rule.
///
/// # Errors
/// [`Error::InvalidShareAccess`], or [`Error::InvalidShareAccessLevel`] where another level
/// would do.
pub fn check(share: &HeldShare, rule: &AccessRule) -> Result<()> {
    let (kind, level) = (rule.access_type, rule.access_level);
    match (share.protocol, kind, level) {
        (ShareProtocol::Cifs, AccessType::Ip, AccessLevel::Ro) => {
            Err(Error::InvalidShareAccessLevel(format!(
                "cifs lets an address in at level rw only, not `{}` at {}",
                rule.access_to,
                level_word(level)
            )))
        }
        (ShareProtocol::Nfs | ShareProtocol::Cifs, AccessType::Ip, _) => {
            check_network(&rule.access_to)
        }
        (ShareProtocol::Cifs, AccessType::User, _) => Ok(()),
        (protocol, _, _) => Err(Error::InvalidShareAccess(format!(
            "{} lets nobody in by {}; nfs knows ip, cifs knows user and ip",
            protocol_word(protocol),
            type_word(kind)
        ))),
    }
}

/// Checks that a text is an address, or a network in CIDR form.
fn check_network(text: &str) -> Result<()> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let is_network = address.parse().is_ok_and(|address: IpAddr| {
        let bits: u8 = if address.is_ipv4() { 32 } else { 128 };
        prefix.is_none_or(|prefix| prefix.parse().is_ok_and(|prefix: u8| prefix <= bits))
    });
    if is_network {
        return Ok(());
    }
    Err(Error::InvalidShareAccess(format!("`{text}` is neither an address nor a network")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{rule, with_share};

    #[test]
    fn the_whole_set_replaces_what_was_there() {
        let mut world = with_share("a", 1);
        let one = rule(AccessType::Ip, "10.0.0.1", AccessLevel::Rw);
        let two = rule(AccessType::Ip, "fd00::/64", AccessLevel::Ro);
        assert_eq!(apply(&mut world, "a", core::slice::from_ref(&one)), Ok(None));
        assert_eq!(apply(&mut world, "a", &[two.clone(), one]), Ok(None));
        assert_eq!(world.shares["a"].rules.len(), 2);
        assert_eq!(world.shares["a"].rules[0], HeldRule::from(&two));
        assert_eq!(apply(&mut world, "a", &[]), Ok(None));
        assert_eq!(world, with_share("a", 1));
        assert!(apply(&mut world, "b", &[]).is_err());
    }

    #[test]
    fn what_cannot_be_applied_is_refused_and_the_rest_applied() {
        let mut world = with_share("a", 1);
        let good = rule(AccessType::Ip, "10.0.0.0/8", AccessLevel::Ro);
        for (kind, to) in [
            (AccessType::User, "somebody"),
            (AccessType::Cert, "name"),
            (AccessType::Ip, ""),
            (AccessType::Ip, "10.0.0.1/33"),
            (AccessType::Ip, "10.0.0.1/"),
            (AccessType::Ip, "host"),
        ] {
            let rules = [rule(kind, to, AccessLevel::Rw), good.clone()];
            let refused = apply(&mut world, "a", &rules).unwrap();
            assert!(matches!(refused, Some(Error::InvalidShareAccess(_))), "{to}");
            assert_eq!(world.shares["a"].rules, [HeldRule::from(&good)]);
        }
    }

    #[test]
    fn cifs_knows_users_and_addresses_at_one_level() {
        let mut world = with_share("a", 1);
        let held = world.share("a").unwrap();
        held.protocol = ShareProtocol::Cifs;
        let check = |kind, to, level| check(held, &rule(kind, to, level));
        assert!(check(AccessType::User, "somebody", AccessLevel::Ro).is_ok());
        assert!(check(AccessType::Ip, "10.0.0.1", AccessLevel::Rw).is_ok());
        assert!(matches!(
            check(AccessType::Ip, "10.0.0.1", AccessLevel::Ro),
            Err(Error::InvalidShareAccessLevel(_))
        ));
        assert!(check(AccessType::Cephx, "somebody", AccessLevel::Rw).is_err());
    }
}
