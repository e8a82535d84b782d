//! Networks within networks, such as the clients that a share is exported to.
//!
//! An address with bits set beyond its prefix is refused rather than cut off: it
//! is not clear which network was meant. What runs has a prefix, or for tools
//! that want it so a netmask. With `list` there may be several, and single addresses
//! among them: `10.0.0.1:10.1.0.0/255.255.255.0`. With `suffix` each of them ends in
//! one of a few texts, in which a tool is told what that client may do:
//! `10.0.0.1:rw,no_root_squash 10.0.0.2:ro,no_root_squash`.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use crate::aspect::{Aspects, aspects, list};
use crate::class::Class;
use crate::error::Flaw;
use crate::load::fields::{Fields, Value, choice, integer, literal_set};
use crate::matcher::Reading;
use crate::matcher::ip::addresses;
use crate::network::{Network, load_networks, parse_address, show};
use crate::outline::Outline;
use crate::text::shown;

/// A network within one of these, with a prefix between two bounds.
#[derive(Debug, Clone)]
pub(crate) struct Cidr {
    within: Vec<Network>,
    min_prefix: u32,
    max_prefix: u32,
    form: Form,
    /// What separates several; none if there is one network.
    list: Option<char>,
    /// What each of a list ends in, one of these; if there are none, in nothing. None holds the
    /// separator, and none begins as an address may go on: a client ends where its suffix begins.
    suffixes: BTreeSet<String>,
}

/// What may separate the networks of a list.
const SEPARATORS: [(&str, char); 3] = [(":", ':'), (",", ','), (" ", ' ')];

/// What stands behind the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `10.1.0.0/16`
    Prefix,
    /// `10.1.0.0/255.255.0.0`, IPv4 only.
    Netmask,
}

const FORMS: [(&str, Form); 2] = [("prefix", Form::Prefix), ("netmask", Form::Netmask)];

impl Cidr {
    pub(crate) fn load(value: &Value<'_>) -> Result<Cidr, Flaw> {
        let keys = ["within", "min-prefix", "max-prefix", "form", "list", "suffix"];
        let fields = Fields::new(value, "`cidr`", &keys)?;
        let within = fields.require("within")?;
        let bound = |key: &str, default: u32| match fields.get(key) {
            None => Ok(default),
            Some(bound) => integer(bound, &format!("`{key}`"), 0, 128)
                .map(|bound| u32::try_from(bound).unwrap_or(default)),
        };
        let form = fields.get("form").map(|form| choice(form, "form of a network", &FORMS));
        let list = fields.get("list").map(|list| choice(list, "separator of a list", &SEPARATORS));
        let mut cidr = Cidr {
            within: load_networks(within)?,
            min_prefix: bound("min-prefix", 0)?,
            max_prefix: bound("max-prefix", 128)?,
            form: form.transpose()?.unwrap_or(Form::Prefix),
            list: list.transpose()?,
            suffixes: BTreeSet::new(),
        };
        if let Some(suffixes) = fields.get("suffix") {
            cidr.suffixes = cidr.load_suffixes(suffixes)?;
        }
        if cidr.list == Some(':') && cidr.within.iter().any(|network| network.is_v6()) {
            return Err(Flaw::new(within.span(), "addresses of IPv6 hold colons themselves")
                .help("leave out the networks of IPv6, or separate by `,`"));
        }
        if cidr.form == Form::Netmask && cidr.within.iter().any(|network| network.is_v6()) {
            return Err(Flaw::new(within.span(), "IPv6 knows no netmasks")
                .help("leave out the networks of IPv6, or `form`"));
        }
        match cidr.within.iter().find(|network| cidr.prefixes(**network).is_none()) {
            None => Ok(cidr),
            Some(network) => Err(Flaw::new(
                value.span(),
                format!("no prefix between the bounds lies within {network}"),
            )
            .help("a network has no shorter prefix than the one that it lies within")),
        }
    }

    /// Reads `suffix`. What is refused here could be read in two ways, or not be seen.
    fn load_suffixes(&self, value: &Value<'_>) -> Result<BTreeSet<String>, Flaw> {
        let Some(separator) = self.list else {
            return Err(Flaw::new(value.span(), "`suffix` is what each network of a list ends in")
                .help("add `list`; what follows one network is a text of a `concat`"));
        };
        let suffixes = literal_set(value, "`suffix`")?;
        if suffixes.is_empty() {
            return Err(Flaw::new(value.span(), "`suffix` names no text")
                .help("name at least one, such as \":ro\", or leave it out"));
        }
        let client = self.client();
        for suffix in &suffixes {
            let fault = if !suffix.bytes().all(|byte| byte.is_ascii_graphic()) {
                "has characters that are no visible ASCII"
            } else if suffix.contains(separator) {
                "holds what separates the list"
            } else if suffix.starts_with(|first| client.contains(first)) {
                "begins with a character that a network may have"
            } else {
                continue;
            };
            return Err(Flaw::new(value.span(), format!("the suffix {} {fault}", shown(suffix)))
                .help(
                    "a suffix is visible ASCII without the separator, and tells by its first \
                     character where the network ends: none of `0-9./`, and where there are \
                     networks of IPv6 none of `a-fA-F:` either",
                ));
        }
        Ok(suffixes.into_iter().collect())
    }

    /// What the networks and addresses of a list are spelt with, in any form.
    fn client(&self) -> Class {
        addresses(&self.within).alphabet() | Class::DIGITS | Class::of("./")
    }

    /// The shortest and the longest prefix of networks within this one.
    fn prefixes(&self, network: Network) -> Option<(u32, u32)> {
        let (min, max) =
            (self.min_prefix.max(network.prefix()), self.max_prefix.min(network.width()));
        (min <= max).then_some((min, max))
    }

    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        let canonical = match self.list {
            None => self.network(word)?,
            Some(separator) => {
                let all = word.split(separator).map(|one| self.one_of_list(one));
                all.collect::<Option<Vec<_>>>()?.join(&separator.to_string())
            }
        };
        Some(Reading::text("cidr", canonical))
    }

    /// A network as it runs.
    fn network(&self, word: &str) -> Option<String> {
        let network = match Network::parse(word) {
            Some(network) => network,
            None if self.form == Form::Netmask => parse_masked(word)?,
            None => return None,
        };
        self.grants(network).then(|| match self.form {
            Form::Prefix => network.to_string(),
            Form::Netmask => masked(network),
        })
    }

    /// A network, or an address, with its suffix, as it runs.
    fn one_of_list(&self, word: &str) -> Option<String> {
        if self.suffixes.is_empty() {
            return self.client_of_list(word);
        }
        let client = self.client();
        let (word, suffix) = word.split_at_checked(word.find(|c| !client.contains(c))?)?;
        let known = self.suffixes.contains(suffix);
        known.then(|| self.client_of_list(word).map(|client| client + suffix)).flatten()
    }

    /// A network, or an address, as it runs.
    fn client_of_list(&self, word: &str) -> Option<String> {
        match parse_address(word) {
            None => self.network(word),
            Some(address) => {
                let one = Network::of_one(address)?;
                self.grants(one).then(|| address.to_string())
            }
        }
    }

    fn grants(&self, network: Network) -> bool {
        self.within.iter().any(|outer| outer.contains(network))
            && (self.min_prefix..=self.max_prefix).contains(&network.prefix())
    }

    /// A prefix that both allow, where two networks meet, and a suffix that both know. Exact, but
    /// where suffixes may hold what the other list is separated by: there as exact as outlines are.
    pub(crate) fn intersects(&self, other: &Cidr) -> bool {
        let alike = match (self.suffixes.is_empty(), other.suffixes.is_empty()) {
            (true, true) => true,
            _ if self.list.zip(other.list).is_some_and(|(one, two)| one != two) => {
                return self.outline().meets(&other.outline());
            }
            // No network goes on as a suffix begins, whatever the other one's networks are: behind an
            // address of IPv4 nothing is left that IPv6 would have.
            _ => !self.suffixes.is_disjoint(&other.suffixes),
        };
        let may_share = |one: Network, two: Network| {
            let prefixes = self.prefixes(one).zip(other.prefixes(two));
            one.meets(two) && prefixes.is_some_and(|(a, b)| a.0.max(b.0) <= a.1.min(b.1))
        };
        alike && self.within.iter().any(|one| other.within.iter().any(|two| may_share(*one, *two)))
    }

    /// Exact: networks are joined, so none lies within two together; and one list is as long as one
    /// wants, while what a suffix holds is not.
    pub(crate) fn covers(&self, other: &Cidr) -> bool {
        let allows = |inner: Network| {
            other
                .prefixes(inner)
                .is_some_and(|(min, max)| self.min_prefix <= min && max <= self.max_prefix)
                && self.within.iter().any(|outer| outer.contains(inner))
        };
        self.form == other.form
            && (other.list.is_none() || self.list == other.list)
            && self.suffixes.is_empty() == other.suffixes.is_empty()
            && self.suffixes.is_superset(&other.suffixes)
            && other.within.iter().all(|inner| allows(*inner))
    }

    pub(crate) fn aspects(&self) -> Aspects {
        let form = FORMS.iter().find(|(_, form)| *form == self.form).map_or("", |(word, _)| word);
        aspects([
            ("cidr.within", show(&self.within)),
            ("cidr.min-prefix", self.min_prefix.to_string()),
            ("cidr.max-prefix", self.max_prefix.to_string()),
            ("cidr.form", form.to_owned()),
            // In quotes: a space would not be seen.
            ("cidr.list", self.list.map(quoted).unwrap_or_default()),
            ("cidr.suffix", list(self.suffixes.iter().map(String::as_str))),
        ])
    }

    /// How many networks and suffixes it lists.
    pub(crate) fn listed(&self) -> usize {
        self.within.len() + self.suffixes.len()
    }

    pub(crate) fn outline(&self) -> Outline {
        let mask = Class::DIGITS | Class::of(".");
        if let Some(separator) = self.list {
            let one = self.client();
            let of = |texts: &mut dyn Iterator<Item = char>| {
                texts.map(Class::single).fold(Class::default(), |all, one| all | one)
            };
            let mut suffixes = self.suffixes.iter().flat_map(|suffix| suffix.chars());
            let all = one | Class::single(separator) | of(&mut suffixes);
            if self.suffixes.is_empty() {
                return Outline::default().one(one).many(all);
            }
            // The first one ends where its suffix begins.
            let mut ends = self.suffixes.iter().filter_map(|suffix| suffix.chars().next());
            return Outline::default().some(one).one(of(&mut ends)).many(all);
        }
        addresses(&self.within).text("/").one(Class::DIGITS).many(match self.form {
            Form::Prefix => Class::DIGITS,
            Form::Netmask => mask,
        })
    }
}

/// Whether it is a client of a list that ends in this suffix.
pub(crate) fn ends_in(word: &str, suffix: &str) -> bool {
    let client = word.strip_suffix(suffix);
    client.is_some_and(|client| network_of(client).is_some() || parse_address(client).is_some())
}

/// What separates, as people see it.
fn quoted(separator: char) -> String {
    format!("\"{separator}\"")
}

/// Reads a network in either form.
pub(crate) fn network_of(word: &str) -> Option<Network> {
    Network::parse(word).or_else(|| parse_masked(word))
}

/// Reads `10.1.0.0/255.255.0.0`.
fn parse_masked(word: &str) -> Option<Network> {
    let (address, mask) = word.split_once('/')?;
    let mask = mask.parse::<Ipv4Addr>().ok()?.to_bits();
    let prefix = mask.leading_ones();
    let address = parse_address(address).filter(IpAddr::is_ipv4)?;
    (prefix + mask.trailing_zeros() >= 32).then(|| Network::new(address, prefix)).flatten()
}

fn masked(network: Network) -> String {
    let hosts = u32::try_from(network.host_bits()).unwrap_or(u32::MAX);
    format!("{}/{}", network.address(), Ipv4Addr::from_bits(!hosts))
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<CIDR:{}", show(&self.within))?;
        if self.min_prefix > 0 || self.max_prefix < 128 {
            write!(f, " /{}../{}", self.min_prefix, self.max_prefix)?;
        }
        if !self.suffixes.is_empty() {
            let suffixes: Vec<_> = self.suffixes.iter().map(String::as_str).collect();
            write!(f, " {}", suffixes.join("|"))?;
        }
        match self.list {
            Some(' ') => write!(f, " {}…", quoted(' '))?,
            Some(separator) => write!(f, " {separator}…")?,
            None => {}
        }
        f.write_str(">")
    }
}
