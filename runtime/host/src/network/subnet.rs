//! One IP network and the addresses in it that may be leased. Pure arithmetic on texts that an
//! operator wrote; it knows no leases. Called by the standalone provider.
//!
//! Addresses are numbers here, of 32 or 128 bits, and ranges are walked one address at a time: a
//! network of 2^64 addresses costs no more than one of 2^8.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::options::wrong;
use crate::options::OptionError;

/// Addresses from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    first: u128,
    last: u128,
}

/// A network, told by its gateway and mask.
#[derive(Clone, Debug)]
pub(super) struct Subnet {
    gateway: IpAddr,
    prefix: u32,
    /// From the network's own address to its last one.
    whole: Range,
    /// What may be leased; in order, apart from each other.
    allowed: Vec<Range>,
}

impl Subnet {
    /// Joins gateway, mask (`24`, `255.255.255.0`) and ranges (`10.0.0.10`,
    /// `10.0.0.10-10.0.0.20`, or several with commas between them); without ranges all of the
    /// network may be leased.
    ///
    /// # Errors
    /// For the option that does not do.
    pub(super) fn new(gateway: &str, mask: &str, ranges: &[String]) -> Result<Self, OptionError> {
        let gateway: IpAddr = gateway
            .trim()
            .parse()
            .map_err(|_| wrong("gateway", &format!("{gateway:?} is not an IP address")))?;
        let prefix = prefix(gateway, mask.trim())?;
        let hosts = hosts(width(gateway) - prefix);
        let network = number(gateway) & !hosts;
        let whole = Range { first: network, last: network | hosts };
        let mut subnet = Self { gateway, prefix, whole, allowed: Vec::new() };
        let mut allowed = ranges
            .iter()
            .flat_map(|text| text.split(','))
            .map(|text| subnet.range(text.trim()))
            .collect::<Result<Vec<_>, _>>()?;
        allowed.sort_unstable();
        subnet.allowed = if allowed.is_empty() { vec![whole] } else { merged(allowed) };
        Ok(subnet)
    }

    /// 4 or 6.
    pub(super) fn version(&self) -> u8 {
        if self.gateway.is_ipv4() { 4 } else { 6 }
    }

    /// The network in CIDR form.
    pub(super) fn cidr(&self) -> String {
        format!("{}/{}", self.address(self.whole.first), self.prefix)
    }

    /// The ranges that may be leased, for people.
    pub(super) fn allowed(&self) -> String {
        if self.allowed == [self.whole] {
            return self.cidr();
        }
        let shown = self.allowed.iter().map(|range| {
            let (first, last) = (self.address(range.first), self.address(range.last));
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// The addresses that a server can have, lowest first.
    pub(super) fn leasable(&self) -> impl Iterator<Item = IpAddr> {
        self.allowed
            .iter()
            .flat_map(|range| range.first..=range.last)
            .filter(|number| !self.is_reserved(*number))
            .map(|number| self.address(number))
    }

    /// How many there are of them.
    pub(super) fn size(&self) -> u128 {
        let all = self.allowed.iter().fold(0_u128, |sum, range| {
            sum.saturating_add(range.last - range.first).saturating_add(1)
        });
        let broadcast = (self.whole.last != self.whole.first).then_some(self.whole.last);
        let mut reserved = vec![self.whole.first, number(self.gateway)];
        reserved.extend(broadcast);
        reserved.sort_unstable();
        reserved.dedup();
        let reserved = reserved.into_iter().filter(|at| self.is_reserved(*at) && self.allows(*at));
        all.saturating_sub(reserved.count() as u128)
    }

    /// Whether this address may be leased.
    pub(super) fn holds(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.gateway.is_ipv4() && self.allows(number(address))
    }

    /// How many addresses may be leased of both, the reserved ones among them.
    pub(super) fn common(&self, other: &Subnet) -> u128 {
        if self.gateway.is_ipv4() != other.gateway.is_ipv4() {
            return 0;
        }
        let both = |one: &Range, two: &Range| {
            let (first, last) = (one.first.max(two.first), one.last.min(two.last));
            last.checked_sub(first).map_or(0, |more| more.saturating_add(1))
        };
        let pairs =
            self.allowed.iter().flat_map(|one| other.allowed.iter().map(move |two| (one, two)));
        pairs.fold(0, |sum, (one, two)| sum.saturating_add(both(one, two)))
    }

    fn allows(&self, at: u128) -> bool {
        self.allowed.iter().any(|range| (range.first..=range.last).contains(&at))
    }

    /// The network's own address, its gateway and its broadcast address belong to no server. IPv6
    /// has no broadcast; of IPv4 the two smallest networks have none.
    fn is_reserved(&self, at: u128) -> bool {
        let has_broadcast = self.gateway.is_ipv4() && self.prefix <= 30;
        at == self.whole.first
            || at == number(self.gateway)
            || (has_broadcast && at == self.whole.last)
    }

    fn range(&self, text: &str) -> Result<Range, OptionError> {
        let ranges = |reason: &str| wrong("allowed_ip_ranges", reason);
        let unread = || {
            ranges(&format!(
                "{text:?} is neither an IPv{0} address nor two IPv{0} addresses with `-` between \
                 them, the lower one first",
                self.version()
            ))
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let parse = |end: &str| {
            let address = end.trim().parse::<IpAddr>().ok()?;
            (address.is_ipv4() == self.gateway.is_ipv4()).then(|| number(address))
        };
        let range = Range {
            first: parse(first).ok_or_else(unread)?,
            last: parse(last).ok_or_else(unread)?,
        };
        if range.first > range.last {
            return Err(unread());
        }
        if range.first < self.whole.first || range.last > self.whole.last {
            return Err(ranges(&format!(
                "{text:?} does not lie in the network {} of gateway and mask",
                self.cidr()
            )));
        }
        Ok(range)
    }

    fn address(&self, number: u128) -> IpAddr {
        match self.gateway {
            // No number of an IPv4 network has more bits.
            #[expect(clippy::cast_possible_truncation, reason = "an IPv4 address has 32 bits")]
            IpAddr::V4(_) => Ipv4Addr::from(number as u32).into(),
            IpAddr::V6(_) => Ipv6Addr::from(number).into(),
        }
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => u32::from(four).into(),
        IpAddr::V6(six) => six.into(),
    }
}

/// How many bits an address of this kind has.
fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { Ipv4Addr::BITS } else { Ipv6Addr::BITS }
}

/// The number whose lowest bits are set: the part of an address that is not the network's.
fn hosts(bits: u32) -> u128 {
    1_u128.checked_shl(bits).map_or(u128::MAX, |size| size - 1)
}

/// How many leading bits of an address are the network's.
fn prefix(gateway: IpAddr, mask: &str) -> Result<u32, OptionError> {
    let width = width(gateway);
    let unread = || {
        let reason = format!(
            "{mask:?} is neither a number up to {width} nor an address of leading ones, such as \
             255.255.255.0"
        );
        wrong("mask", &reason)
    };
    if let Ok(bits) = mask.parse::<u32>() {
        return (bits <= width).then_some(bits).ok_or_else(unread);
    }
    let address = mask.parse::<IpAddr>().map_err(|_| unread())?;
    let zeros = number(address).trailing_zeros().min(width);
    let is_mask =
        address.is_ipv4() == gateway.is_ipv4() && number(address) == hosts(width) & !hosts(zeros);
    is_mask.then_some(width - zeros).ok_or_else(unread)
}

/// Sorted ranges with those joined that touch or overlap, so that no address comes twice.
fn merged(sorted: Vec<Range>) -> Vec<Range> {
    let mut apart: Vec<Range> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match apart.last_mut() {
            Some(before) if range.first <= before.last.saturating_add(1) => {
                before.last = before.last.max(range.last);
            }
            _ => apart.push(range),
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::Subnet;

    fn subnet(gateway: &str, mask: &str, ranges: &[&str]) -> Result<Subnet, String> {
        let ranges: Vec<String> = ranges.iter().map(|text| (*text).to_owned()).collect();
        Subnet::new(gateway, mask, &ranges).map_err(|error| error.to_string())
    }

    fn leasable(gateway: &str, mask: &str, ranges: &[&str], most: usize) -> Vec<String> {
        let subnet = subnet(gateway, mask, ranges).unwrap();
        subnet.leasable().take(most).map(|address| address.to_string()).collect()
    }

    #[test]
    fn network_gateway_and_broadcast_are_not_leased() {
        assert_eq!(
            leasable("10.0.0.2", "29", &[], 9),
            ["10.0.0.1", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]
        );
        // Named in a range they stay reserved.
        assert_eq!(leasable("10.0.0.1", "29", &["10.0.0.0-10.0.0.2", "10.0.0.7"], 9), ["10.0.0.2"]);
    }

    #[test]
    fn the_smallest_networks_have_no_broadcast() {
        assert_eq!(leasable("10.0.0.0", "31", &[], 9), ["10.0.0.1"]);
        assert!(leasable("10.0.0.1", "32", &[], 9).is_empty());
        assert!(leasable("fd00::1", "128", &[], 9).is_empty());
    }

    #[test]
    fn a_mask_is_a_number_or_an_address() {
        for (gateway, mask, cidr) in [
            ("10.9.8.7", "24", "10.9.8.0/24"),
            ("10.9.8.7", "255.255.252.0", "10.9.8.0/22"),
            ("10.9.8.7", "255.255.255.255", "10.9.8.7/32"),
            ("10.9.8.7", "0.0.0.0", "0.0.0.0/0"),
            ("fd00::a:1", "64", "fd00::/64"),
            ("fd00::a:1", "ffff:ffff:ffff:ffff::", "fd00::/64"),
            ("fd00::a:1", "0", "::/0"),
        ] {
            assert_eq!(subnet(gateway, mask, &[]).unwrap().cidr(), cidr, "{mask}");
        }
        for (gateway, mask) in [
            ("10.0.0.1", "33"),
            ("10.0.0.1", "-1"),
            ("10.0.0.1", ""),
            ("10.0.0.1", "255.0.255.0"),
            ("10.0.0.1", "0.0.0.255"),
            ("10.0.0.1", "ffff::"),
            ("fd00::1", "129"),
            ("fd00::1", "255.255.255.0"),
        ] {
            let reason = subnet(gateway, mask, &[]).unwrap_err();
            assert!(reason.contains("mask"), "{mask}: {reason}");
        }
        assert!(subnet("10.0.0", "24", &[]).unwrap_err().contains("gateway"));
    }

    #[test]
    fn ranges_come_in_order_and_without_repetition() {
        let ranges = ["10.0.0.30", " 10.0.0.12 - 10.0.0.14 ", "10.0.0.10-10.0.0.12,10.0.0.15"];
        assert_eq!(
            leasable("10.0.0.1", "24", &ranges, 99),
            [
                "10.0.0.10",
                "10.0.0.11",
                "10.0.0.12",
                "10.0.0.13",
                "10.0.0.14",
                "10.0.0.15",
                "10.0.0.30"
            ]
        );
        let subnet = subnet("10.0.0.1", "24", &ranges).unwrap();
        assert_eq!(subnet.allowed(), "10.0.0.10-10.0.0.15, 10.0.0.30");
    }

    #[test]
    fn bad_ranges_are_named() {
        for range in
            ["10.0.1.1", "10.0.0.250-10.0.1.5", "9.255.255.255-10.0.0.9", "0.0.0.0-255.255.255.255"]
        {
            let reason = subnet("10.0.0.1", "24", &[range]).unwrap_err();
            assert!(reason.contains(range) && reason.contains("10.0.0.0/24"), "{reason}");
        }
        for range in [
            "",
            "x",
            "10.0.0.1-",
            "10.0.0.1-10.0.0.2-10.0.0.3",
            "10.0.0.9-10.0.0.8",
            "fd00::1",
            "10.0.0.0/28",
            "10.0.0.5,",
        ] {
            let reason = subnet("10.0.0.1", "24", &[range]).unwrap_err();
            assert!(reason.contains("neither an IPv4 address"), "{range}: {reason}");
        }
        let reason = subnet("fd00::1", "64", &["10.0.0.1"]).unwrap_err();
        assert!(reason.contains("IPv6"), "{reason}");
    }

    #[test]
    fn large_networks_are_not_walked() {
        assert_eq!(leasable("fd00::1", "64", &[], 2), ["fd00::2", "fd00::3"]);
        assert_eq!(leasable("::1", "0", &[], 1), ["::2"]);
        let last = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        assert_eq!(leasable("::1", "0", &[last], 9), [last], "IPv6 has no broadcast");
    }
}
