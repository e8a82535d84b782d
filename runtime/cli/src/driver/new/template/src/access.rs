//! Who is let in: addresses and networks, to read and write or to read alone. The whole set is applied
//! each time, so it does not matter what was there, nor how often it is applied.

use core::net::IpAddr;
use std::collections::BTreeMap;

use abaca_sdk::{Access, AccessLevel, AccessRule, AccessType, Error, Result, Share, ShareServer};

use crate::{Driver, array};

impl Access for Driver {
    fn update_access(
        share: Share,
        access_rules: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Option<ShareServer>,
    ) -> Result<()> {
        let (clients, refused) = Clients::of(&access_rules);
        // Also beside a rule that cannot be: else one that was taken away would go on letting in.
        array::set_access(&share.name, &clients)?;
        refused.map_or(Ok(()), Err)
    }
}

/// Whom a share lets in, by address or network in its one spelling, sorted: the same rules are the
/// same command, whatever their order.
#[derive(Debug, Default, PartialEq)]
pub struct Clients(BTreeMap<String, AccessLevel>);

impl Clients {
    /// Those of all rules that can be enforced, and why the first other one cannot.
    pub fn of(rules: &[AccessRule]) -> (Self, Option<Error>) {
        let (mut clients, mut refused) = (BTreeMap::new(), None);
        for rule in rules {
            let client = match client(rule) {
                Ok(client) => client,
                Err(why) => {
                    let why = format!("the rule for `{}` {why}", rule.access_to);
                    refused = refused.or(Some(Error::InvalidShareAccess(why)));
                    continue;
                }
            };
            let level = clients.entry(client).or_insert(rule.access_level);
            if *level != rule.access_level {
                // Two rules for the same clients: less rather than more.
                *level = AccessLevel::Ro;
            }
        }
        (Self(clients), refused)
    }

    /// Those who may read and write, as the tool wants them.
    pub fn writers(&self) -> String {
        self.at(AccessLevel::Rw)
    }

    /// Those who may only read.
    pub fn readers(&self) -> String {
        self.at(AccessLevel::Ro)
    }

    fn at(&self, wanted: AccessLevel) -> String {
        let at = self.0.iter().filter(|(_, level)| **level == wanted);
        at.map(|(client, _)| client.as_str()).collect::<Vec<_>>().join(",")
    }
}

/// An address, or a network without the bits behind its prefix, which some tools refuse.
fn client(rule: &AccessRule) -> Result<String, &'static str> {
    if rule.access_type != AccessType::Ip {
        return Err("is not of type `ip`, and the array knows clients by their addresses");
    }
    let (address, prefix) = match rule.access_to.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (rule.access_to.as_str(), None),
    };
    let address: IpAddr = address.parse().map_err(|_| "names no address and no network")?;
    if address.to_canonical() != address {
        return Err("names an address of IPv4 in the form of IPv6; write it as such");
    }
    let Some(prefix) = prefix else { return Ok(address.to_string()) };
    let digits = !prefix.is_empty() && prefix.bytes().all(|one| one.is_ascii_digit());
    let prefix: u32 = prefix.parse().ok().filter(|_| digits).ok_or("has no prefix in digits")?;
    let (network, bits) = match address {
        IpAddr::V4(address) => {
            let hosts = 32_u32.checked_sub(prefix).ok_or("has a prefix above 32")?;
            let mask = u32::MAX.checked_shl(hosts).unwrap_or(0);
            (IpAddr::from((address.to_bits() & mask).to_be_bytes()), 32)
        }
        IpAddr::V6(address) => {
            let hosts = 128_u32.checked_sub(prefix).ok_or("has a prefix above 128")?;
            let mask = u128::MAX.checked_shl(hosts).unwrap_or(0);
            (IpAddr::from((address.to_bits() & mask).to_be_bytes()), 128)
        }
    };
    // One address has one spelling.
    if prefix == bits { Ok(network.to_string()) } else { Ok(format!("{network}/{prefix}")) }
}

#[cfg(test)]
mod tests {
    use abaca_sdk::testing::rule;

    use super::*;

    fn ip(to: &str, level: AccessLevel) -> AccessRule {
        rule(AccessType::Ip, to, level)
    }

    #[test]
    fn rules_are_lists_for_the_tool() {
        let (clients, refused) = Clients::of(&[
            ip("192.0.2.7", AccessLevel::Rw),
            ip("2001:DB8::1/64", AccessLevel::Rw),
            ip("198.51.100.9/24", AccessLevel::Ro),
        ]);
        assert_eq!(clients.writers(), "192.0.2.7,2001:db8::/64");
        assert_eq!(clients.readers(), "198.51.100.0/24");
        assert_eq!(refused, None);
    }

    #[test]
    fn a_rule_that_cannot_be_keeps_no_other_from_being_applied() {
        for to in [
            "",
            "host",
            "192.0.2.1/33",
            "192.0.2.1/",
            "192.0.2.1/+8",
            "192.0.2.1,::1",
            "::/129",
            "::ffff:192.0.2.9",
        ] {
            let rules = [ip(to, AccessLevel::Rw), ip("192.0.2.1", AccessLevel::Ro)];
            let (clients, refused) = Clients::of(&rules);
            assert!(matches!(refused, Some(Error::InvalidShareAccess(_))), "{to}");
            assert_eq!((clients.writers().as_str(), clients.readers().as_str()), ("", "192.0.2.1"));
        }
        let (clients, refused) =
            Clients::of(&[rule(AccessType::User, "192.0.2.1", AccessLevel::Rw)]);
        assert_eq!(clients, Clients::default());
        assert!(matches!(refused, Some(Error::InvalidShareAccess(_))));
    }

    #[test]
    fn of_two_levels_the_lower_one_holds() {
        let both = [ip("192.0.2.1", AccessLevel::Ro), ip("192.0.2.1/32", AccessLevel::Rw)];
        assert_eq!(Clients::of(&both).0.readers(), "192.0.2.1");
        let both = [ip("10.0.0.0/8", AccessLevel::Rw), ip("10.1.1.1/8", AccessLevel::Ro)];
        let (clients, _) = Clients::of(&both);
        assert_eq!((clients.writers().as_str(), clients.readers().as_str()), ("", "10.0.0.0/8"));
    }
}
