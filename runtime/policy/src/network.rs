//! Networks and addresses: text in one spelling, and which lies within which.
//!
//! Not a resolver and not a route: numbers and prefixes only. An IPv4 address
//! written as an IPv6 one (`::ffff:10.0.0.1`) is refused everywhere, since tools
//! take it for the IPv4 address and a rule about IPv6 would not.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::error::Flaw;
use crate::load::fields::{Value, set, text};
use crate::text::shown;
use crate::units::parse_digits;

/// An address and how many of its first bits count; the others are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Network {
    is_v6: bool,
    /// The address's bits, in the lowest places.
    bits: u128,
    prefix: u32,
}

impl Network {
    /// Every address of IPv4.
    pub(crate) const ALL_V4: Network = Network { is_v6: false, bits: 0, prefix: 0 };

    /// Every address of IPv6.
    pub(crate) const ALL_V6: Network = Network { is_v6: true, bits: 0, prefix: 0 };

    /// The network of this address and prefix; none if the prefix is too long
    /// or a bit beyond it is set.
    pub(crate) fn new(address: IpAddr, prefix: u32) -> Option<Network> {
        let (is_v6, bits) = match address {
            IpAddr::V4(address) => (false, u128::from(address.to_bits())),
            IpAddr::V6(address) => (true, address.to_bits()),
        };
        let network = Network { is_v6, bits, prefix };
        (prefix <= network.width() && bits & network.host_bits() == 0).then_some(network)
    }

    /// The network of this address alone.
    pub(crate) fn of_one(address: IpAddr) -> Option<Network> {
        Network::new(address, if address.is_ipv6() { 128 } else { 32 })
    }

    /// Reads `10.0.0.0/8` or `fd00::/8`.
    pub(crate) fn parse(text: &str) -> Option<Network> {
        let (address, prefix) = text.split_once('/')?;
        Network::new(parse_address(address)?, u32::try_from(parse_digits(prefix)?).ok()?)
    }

    pub(crate) fn is_v6(self) -> bool {
        self.is_v6
    }

    pub(crate) fn prefix(self) -> u32 {
        self.prefix
    }

    /// How many bits an address has.
    pub(crate) fn width(self) -> u32 {
        if self.is_v6 { 128 } else { 32 }
    }

    /// The bits that the prefix leaves to hosts.
    pub(crate) fn host_bits(self) -> u128 {
        // A shift by all 128 bits is none that a shift can do.
        let hosts = self.width() - self.prefix;
        1_u128.checked_shl(hosts).map_or(u128::MAX, |beyond| beyond - 1)
    }

    /// True if every address of `other` is one of this network.
    pub(crate) fn contains(self, other: Network) -> bool {
        self.is_v6 == other.is_v6
            && self.prefix <= other.prefix
            && other.bits & !self.host_bits() == self.bits
    }

    /// True if an address is in both: then one contains the other.
    pub(crate) fn meets(self, other: Network) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// The network of which this is one half.
    fn parent(self) -> Option<Network> {
        let parent = Network { prefix: self.prefix.checked_sub(1)?, ..self };
        Some(Network { bits: self.bits & !parent.host_bits(), ..parent })
    }

    /// The network's first address.
    pub(crate) fn address(self) -> IpAddr {
        match u32::try_from(self.bits) {
            Ok(bits) if !self.is_v6 => IpAddr::from(bits.to_be_bytes()),
            _ => IpAddr::V6(Ipv6Addr::from_bits(self.bits)),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address(), self.prefix)
    }
}

/// Reads an address. Displayed again it has the one spelling of RFC 5952.
pub(crate) fn parse_address(text: &str) -> Option<IpAddr> {
    let address = text.parse().ok()?;
    match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => None,
        _ => Some(address),
    }
}

/// Reads `within`: networks, joined to as few as hold the same addresses, so
/// that what lies within several of them lies within one.
pub(crate) fn load_networks(value: &Value<'_>) -> Result<Vec<Network>, Flaw> {
    let networks = set(value, "`within`", |item| {
        let source = text(item, "a network")?;
        Network::parse(source).ok_or_else(|| {
            Flaw::new(item.span(), format!("{} is no network", shown(source))).help(
                "write an address and a prefix, with no bit set beyond it: \"10.0.0.0/8\" or \
                 \"fd00::/8\"; IPv4 addresses as IPv4",
            )
        })
    })?;
    if networks.is_empty() {
        return Err(Flaw::new(value.span(), "`within` names no network")
            .help("name at least one, such as \"10.0.0.0/8\""));
    }
    Ok(joined(networks))
}

/// Two halves become one whole, and what is within another goes.
fn joined(mut networks: Vec<Network>) -> Vec<Network> {
    loop {
        // A network sorts before those that it contains, and beside its other half.
        networks.sort();
        networks.dedup_by(|later, kept| kept.contains(*later));
        let halves = networks.iter().zip(networks.iter().skip(1)).find_map(|(one, two)| {
            let whole = one.parent().filter(|whole| two.parent() == Some(*whole))?;
            (one.prefix == two.prefix).then_some(whole)
        });
        match halves {
            Some(whole) => networks.push(whole),
            None => return networks,
        }
    }
}

/// Shows networks as `10.0.0.0/8,fd00::/8`.
pub(crate) fn show(networks: &[Network]) -> String {
    networks.iter().map(Network::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| Network::parse(text).unwrap()).collect()
    }

    #[test]
    fn networks_have_one_spelling() {
        for text in ["10.0.0.0/8", "0.0.0.0/0", "10.1.2.3/32", "fd00::/8", "::/0", "::1/128"] {
            assert_eq!(
                Network::parse(text).map(|network| network.to_string()).as_deref(),
                Some(text)
            );
        }
        for text in [
            "",
            "/",
            "10.0.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0.1/8",
            "010.0.0.0/8",
            "10.0.0/8",
            "::/129",
            "::1/127",
            "::ffff:10.0.0.0/104",
            "10.0.0.0/8/8",
            "::%1/0",
        ] {
            assert_eq!(Network::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn networks_are_joined_to_as_few_as_can_be() {
        for (given, few) in [
            (&["10.0.0.0/9", "10.128.0.0/9"][..], &["10.0.0.0/8"][..]),
            (&["10.1.0.0/16", "10.0.0.0/8"], &["10.0.0.0/8"]),
            (&["10.0.0.0/8", "10.0.0.0/16", "10.1.0.0/16"], &["10.0.0.0/8"]),
            (&["0.0.0.0/2", "128.0.0.0/1", "64.0.0.0/2"], &["0.0.0.0/0"]),
            (&["10.128.0.0/9", "11.0.0.0/9"], &["10.128.0.0/9", "11.0.0.0/9"]),
            (&["0.0.0.0/0", "::/0"], &["0.0.0.0/0", "::/0"]),
        ] {
            assert_eq!(joined(networks(given)), networks(few), "{given:?}");
        }
    }

    #[test]
    fn a_network_contains_its_own_addresses_only() {
        let [wide, within, beside, v6] = ["10.0.0.0/8", "10.255.0.0/16", "11.0.0.0/16", "::/0"]
            .map(|n| Network::parse(n).unwrap());
        assert!(wide.contains(wide) && wide.contains(within) && !within.contains(wide));
        assert!(!wide.contains(beside) && !v6.contains(wide) && !wide.contains(v6));
        assert!(v6.contains(Network::of_one(Ipv6Addr::from_bits(u128::MAX).into()).unwrap()));
    }
}
