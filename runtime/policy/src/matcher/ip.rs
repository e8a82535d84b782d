//! Addresses of hosts, if the rule says so within networks.
//!
//! What runs is the address as RFC 5952 spells it. Networks are `cidr`; names of
//! hosts are none of this: who they belong to is decided elsewhere.

use std::fmt;

use crate::aspect::{Aspects, aspects};
use crate::class::Class;
use crate::error::Flaw;
use crate::load::fields::{Fields, Value};
use crate::matcher::Reading;
use crate::network::{Network, load_networks, parse_address, show};
use crate::outline::Outline;

/// An address within one of these networks.
#[derive(Debug, Clone)]
pub(crate) struct Ip {
    within: Vec<Network>,
}

impl Ip {
    pub(crate) fn load(value: &Value<'_>) -> Result<Ip, Flaw> {
        let within = Fields::new(value, "`ip`", &["within"])?.get("within").map(load_networks);
        let anywhere = || vec![Network::ALL_V4, Network::ALL_V6];
        Ok(Ip { within: within.transpose()?.unwrap_or_else(anywhere) })
    }

    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        let address = parse_address(word)?;
        let host = Network::of_one(address)?;
        self.within
            .iter()
            .any(|network| network.contains(host))
            .then(|| Reading::text("ip", address.to_string()))
    }

    /// Exact.
    pub(crate) fn intersects(&self, other: &Ip) -> bool {
        self.within.iter().any(|one| other.within.iter().any(|two| one.meets(*two)))
    }

    /// Exact: networks are joined, so none lies within two together.
    pub(crate) fn covers(&self, other: &Ip) -> bool {
        other.within.iter().all(|inner| self.within.iter().any(|outer| outer.contains(*inner)))
    }

    pub(crate) fn aspects(&self) -> Aspects {
        aspects([("ip.within", show(&self.within))])
    }

    /// How many networks it lists.
    pub(crate) fn networks(&self) -> usize {
        self.within.len()
    }

    pub(crate) fn outline(&self) -> Outline {
        addresses(&self.within)
    }
}

/// The outline of addresses within these networks.
pub(crate) fn addresses(within: &[Network]) -> Outline {
    const DOT: Class = Class::of(".");
    const COLON: Class = Class::of(":");
    let v4 = within.iter().any(|network| !network.is_v6());
    let v6 = within.iter().any(|network| network.is_v6());
    if v4 && !v6 {
        let number = || Outline::default().some(Class::DIGITS);
        let then = |outline: Outline| outline.one(DOT).then(number());
        return then(then(then(number())));
    }
    // Either has one of these, and IPv6 may end in the spelling of IPv4.
    let separator = if v4 { DOT | COLON } else { COLON };
    let any = Class::HEXADECIMAL | COLON | DOT;
    Outline::default().many(Class::HEXADECIMAL).one(separator).many(any)
}

impl fmt::Display for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.within == [Network::ALL_V4, Network::ALL_V6] {
            return f.write_str("<IP>");
        }
        write!(f, "<IP:{}>", show(&self.within))
    }
}
