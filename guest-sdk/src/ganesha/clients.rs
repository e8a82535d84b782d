//! Access rules as the server's clients. Called by `Ganesha::set`.
//!
//! The server takes the first client that fits, so the smallest network comes first, whatever
//! the order of the rules: a machine's own rule holds against that of its network.

use core::fmt;
use core::net::IpAddr;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::{AccessLevel, AccessRule, AccessType, Error};

/// The most addresses, and the most networks, of one export; what the policies' rules take.
const MAX: usize = 256;

/// The longest prefix of the newer protocol that the server can read, but for a whole address.
const PREFIX_6_MAX: u8 = 99;

/// A network: all addresses that begin so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Network {
    /// The longest first.
    prefix: Reverse<u8>,
    address: IpAddr,
}

/// Somebody who may do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// An address or `ADDRESS/PREFIX`.
    who: String,
    level: AccessLevel,
}

impl fmt::Display for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            AccessLevel::Rw => "RW",
            AccessLevel::Ro => "RO",
        };
        write!(formatter, "CLIENT {{ Clients = {}; Access_Type = {level}; }}", self.who)
    }
}

/// The clients of all rules that can be enforced, single addresses before networks, and why the
/// first other rule cannot.
pub fn of(rules: &[AccessRule]) -> (Vec<Client>, Option<Error>) {
    let mut refused = None;
    let (mut addresses, mut networks) = (BTreeMap::new(), BTreeMap::new());
    for rule in rules {
        match read(rule) {
            Ok(parts) => {
                for part in parts {
                    let all = if part.is_address() { &mut addresses } else { &mut networks };
                    let level = all.entry(part).or_insert(rule.access_level);
                    if *level != rule.access_level {
                        // Less rather than more.
                        *level = AccessLevel::Ro;
                        refused = refused.or(Some(invalid(rule, "is there at another level too")));
                    }
                }
            }
            Err(why) => refused = refused.or_else(|| Some(invalid(rule, why))),
        }
    }
    let too_many = [&addresses, &networks].into_iter().any(|all| all.len() > MAX);
    if too_many {
        refused = refused.or_else(|| {
            Some(Error::InvalidShareAccess(format!(
                "an export takes {MAX} addresses and {MAX} networks; put some of them together"
            )))
        });
    }
    let first = |all: BTreeMap<Network, AccessLevel>| {
        all.into_iter().take(MAX).map(|(part, level)| Client { who: part.to_string(), level })
    };
    (first(addresses).chain(first(networks)).collect(), refused)
}

fn invalid(rule: &AccessRule, why: &str) -> Error {
    Error::InvalidShareAccess(format!("the rule for `{}` {why}", rule.access_to))
}

/// The networks that a rule means: all addresses are two, because the server reads no prefix of
/// no bits.
fn read(rule: &AccessRule) -> Result<Vec<Network>, &'static str> {
    if rule.access_type != AccessType::Ip {
        return Err("is not of type `ip`, and the NFS server knows clients by their addresses");
    }
    let network =
        Network::parse(&rule.access_to).ok_or("names no address and no network ADDRESS/PREFIX")?;
    match (network.address, network.prefix.0) {
        (IpAddr::V6(address), _) if address.to_ipv4_mapped().is_some() => {
            Err("names an address of the older protocol in the newer one's form; write it as such")
        }
        (IpAddr::V6(_), prefix) if prefix > PREFIX_6_MAX && !network.is_address() => {
            Err("names a network that is too small for the NFS server: write a prefix of at most \
                 99 bits, or single addresses")
        }
        (address, 0) => {
            let upper = match address {
                IpAddr::V4(_) => IpAddr::from([128, 0, 0, 0]),
                IpAddr::V6(_) => IpAddr::from([0x8000, 0, 0, 0, 0, 0, 0, 0]),
            };
            let half = |address| Network { prefix: Reverse(1), address };
            Ok(vec![half(address), half(upper)])
        }
        _ => Ok(vec![network]),
    }
}

impl Network {
    /// A network, or an address as one. Bits behind the prefix are nobody's.
    fn parse(text: &str) -> Option<Network> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits: u8 = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
            Some(_) => return None,
        };
        let off = bits.checked_sub(prefix)?;
        let address = match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(off.into()).unwrap_or(0);
                IpAddr::from((address.to_bits() & mask).to_be_bytes())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(off.into()).unwrap_or(0);
                IpAddr::from((address.to_bits() & mask).to_be_bytes())
            }
        };
        Some(Network { prefix: Reverse(prefix), address })
    }

    fn is_address(&self) -> bool {
        self.prefix.0 == if self.address.is_ipv4() { 32 } else { 128 }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_address() {
            true => write!(formatter, "{}", self.address),
            false => write!(formatter, "{}/{}", self.address, self.prefix.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(to: &str, access_level: AccessLevel) -> AccessRule {
        let access_type = AccessType::Ip;
        AccessRule { id: "r".into(), access_type, access_to: to.into(), access_level }
    }

    fn written(rules: &[(&str, AccessLevel)]) -> (Vec<String>, Option<String>) {
        let rules: Vec<_> = rules.iter().map(|(to, level)| rule(to, *level)).collect();
        let (clients, refused) = of(&rules);
        (clients.iter().map(Client::to_string).collect(), refused.map(|error| error.text()))
    }

    #[test]
    fn smaller_networks_come_first() {
        use AccessLevel::{Ro, Rw};
        let rules = [
            ("0.0.0.0/0", Ro),
            ("198.51.100.0/24", Ro),
            ("198.51.100.11", Rw),
            ("2001:db8::/64", Ro),
            ("2001:db8::11/128", Rw),
            ("198.51.100.130/25", Rw),
        ];
        let expected = [
            "CLIENT { Clients = 2001:db8::11; Access_Type = RW; }",
            "CLIENT { Clients = 198.51.100.11; Access_Type = RW; }",
            "CLIENT { Clients = 2001:db8::/64; Access_Type = RO; }",
            "CLIENT { Clients = 198.51.100.128/25; Access_Type = RW; }",
            "CLIENT { Clients = 198.51.100.0/24; Access_Type = RO; }",
            "CLIENT { Clients = 0.0.0.0/1; Access_Type = RO; }",
            "CLIENT { Clients = 128.0.0.0/1; Access_Type = RO; }",
        ];
        assert_eq!(written(&rules), (expected.map(str::to_owned).to_vec(), None));
        let expected = ["::/1", "8000::/1"]
            .map(|half| format!("CLIENT {{ Clients = {half}; Access_Type = RW; }}"));
        assert_eq!(written(&[("::/0", Rw)]), (expected.to_vec(), None));
    }

    #[test]
    fn what_cannot_be_enforced_is_refused_and_the_rest_applied() {
        let bad = [
            "",
            "everyone",
            "198.51.100",
            "198.51.100.0/33",
            "198.51.100.0/",
            "198.51.100.0/+8",
            "198.51.100.0/255.255.255.0",
            "198.51.100.11; Access_Type = RW",
            " 198.51.100.11",
            "2001:db8::/100",
            "2001:db8::/127",
            "::ffff:198.51.100.11",
            "::ffff:198.51.100.0/120",
            "fe80::1%eth0",
        ];
        for bad in bad {
            let (clients, refused) =
                written(&[(bad, AccessLevel::Rw), ("192.0.2.1", AccessLevel::Rw)]);
            assert_eq!(clients, ["CLIENT { Clients = 192.0.2.1; Access_Type = RW; }"], "{bad}");
            assert!(refused.is_some_and(|why| why.contains(&format!("`{bad}`"))), "{bad}");
        }
        let user =
            AccessRule { access_type: AccessType::User, ..rule("192.0.2.1", AccessLevel::Rw) };
        let (clients, refused) = of(&[user]);
        assert!(clients.is_empty() && matches!(refused, Some(Error::InvalidShareAccess(_))));
    }

    #[test]
    fn of_two_levels_the_lower_holds() {
        let rules = [("192.0.2.7/24", AccessLevel::Ro), ("192.0.2.0/24", AccessLevel::Rw)];
        let (clients, refused) = written(&rules);
        assert_eq!(clients, ["CLIENT { Clients = 192.0.2.0/24; Access_Type = RO; }"]);
        assert!(refused.is_some());
        let same = [("192.0.2.7", AccessLevel::Rw), ("192.0.2.7/32", AccessLevel::Rw)];
        let (clients, refused) = written(&same);
        assert_eq!((clients.len(), refused), (1, None));
    }

    #[test]
    fn too_many_are_refused() {
        let many: Vec<_> = (0..300)
            .map(|n| rule(&format!("192.0.{}.{}", n / 256, n % 256), AccessLevel::Rw))
            .collect();
        let (clients, refused) = of(&many);
        assert!(clients.len() == MAX && refused.is_some());
    }
}
