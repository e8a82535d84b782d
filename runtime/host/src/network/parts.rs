//! How many addresses each backend may have where several of one configuration lease from the same:
//! equal parts, unless the operator says a number. A driver that leases all that it may then keeps
//! no neighbour from its own. Pure; called by `configuration`.
//!
//! What is divided is the least that a backend has in common with another one: the lowest free
//! address is leased first, so all of a backend's may be among a neighbour's few. Where one is told
//! by another option (`$other`), which is known only when the backend is opened, the worst is taken.

use std::collections::BTreeMap;

use super::leases::Segment;
use super::options::{PREFIX, StandaloneOptions};
use super::power::Section;
use super::standalone::{LEASES, subnet};
use super::subnet::Subnet;
use crate::options::OptionValue;

/// A backend's options and the networks that they may name, as the operator wrote them.
type Written<'a> = (&'a BTreeMap<String, OptionValue>, &'a BTreeMap<String, Section>);

/// The options that name a network.
const NAMING: [&str; 2] = ["network_config_group", "admin_network_config_group"];

/// A place where a backend leases.
enum Place {
    Known {
        segment: Segment,
        subnet: Subnet,
    },
    /// Told by another option.
    Anywhere,
}

/// Says the number in the options and the sections of one backend, wherever some of `others`, the
/// options of the other backends, have the same addresses.
pub(crate) fn divide(
    options: &mut BTreeMap<String, OptionValue>,
    sections: &mut BTreeMap<String, Section>,
    others: &[&BTreeMap<String, OptionValue>],
) {
    let others: Vec<Vec<Place>> = others.iter().map(|other| places((other, sections))).collect();
    let most = |described: &Section| part(described, &others);
    let key = format!("{PREFIX}max_addresses");
    let user = options.get(NAMING[0]).is_none().then(|| most(options)).flatten();
    let named = named(options);
    // Which one another option tells is not known here: it may be any.
    let any = NAMING.iter().any(|option| options.get(*option).is_some_and(is_told_elsewhere));
    for (name, section) in sections.iter_mut() {
        if (any || named.contains(name))
            && let Some(part) = most(section)
        {
            section.insert(key.clone(), OptionValue::Integer(part.into()));
        }
    }
    if let Some(part) = user {
        options.insert(key, OptionValue::Integer(part.into()));
    }
}

/// The part of a network that is described so; none where nobody else has a part, or where it is
/// said.
fn part(described: &Section, others: &[Vec<Place>]) -> Option<u32> {
    if described.contains_key(&format!("{PREFIX}max_addresses")) {
        return None;
    }
    let (segment, subnet) = match place(described)? {
        Place::Known { segment, subnet } => (segment, subnet),
        Place::Anywhere => return others.iter().any(|places| !places.is_empty()).then_some(1),
    };
    // What another one may have of this backend's addresses; none where it is not in the segment.
    let common = |places: &Vec<Place>| {
        let of = |place: &Place| match place {
            Place::Known { segment: its, subnet: other } => {
                (*its == segment).then(|| subnet.common(other))
            }
            Place::Anywhere => Some(1),
        };
        places.iter().filter_map(of).fold(None, |least: Option<u128>, one| {
            let meets = least.filter(|least| *least > 0);
            Some(meets.map_or(one, |least| if one > 0 { least.min(one) } else { least }))
        })
    };
    let beside: Vec<u128> = others.iter().filter_map(common).collect();
    if beside.is_empty() {
        return None;
    }
    let count = |backends: usize| u128::try_from(backends).unwrap_or(u128::MAX).saturating_add(1);
    // What a segment can hold at all is divided among all that are in it.
    let held = (LEASES as u128) / count(beside.len());
    let same: Vec<u128> = beside.into_iter().filter(|common| *common > 0).collect();
    let least = same.iter().fold(subnet.size(), |least, common| least.min(*common));
    let part = (least / count(same.len())).min(held).max(1);
    Some(u32::try_from(part).unwrap_or(u32::MAX))
}

/// Where a backend leases.
fn places((options, sections): Written<'_>) -> Vec<Place> {
    let own = options.get(NAMING[0]).is_none().then_some(options);
    let named = named(options).into_iter().filter_map(|name| sections.get(&name));
    let mut places: Vec<_> = own.into_iter().chain(named).filter_map(place).collect();
    places.extend(NAMING.iter().filter_map(|option| {
        options.get(*option).filter(|value| is_told_elsewhere(value)).map(|_| Place::Anywhere)
    }));
    places
}

/// What cannot be read is nowhere, and an error when the backend is opened.
fn place(described: &Section) -> Option<Place> {
    let mut own = described.iter().filter(|(name, _)| name.starts_with(PREFIX));
    if own.any(|(_, value)| is_told_elsewhere(value)) {
        return Some(Place::Anywhere);
    }
    let options = StandaloneOptions::read(|name| described.get(name).cloned()).ok()??;
    let segment = Segment::new(options.network_type, options.segmentation_id);
    subnet(&options).ok().map(|subnet| Place::Known { segment, subnet })
}

/// Whether another option's value stands in it.
fn is_told_elsewhere(value: &OptionValue) -> bool {
    match value {
        OptionValue::Text(text) => text.contains('$'),
        OptionValue::TextList(texts) => texts.iter().any(|text| text.contains('$')),
        _ => false,
    }
}

/// The networks that a backend names, each once.
fn named(options: &BTreeMap<String, OptionValue>) -> Vec<String> {
    let mut names: Vec<String> = NAMING
        .iter()
        .filter_map(|option| match options.get(*option) {
            Some(OptionValue::Text(name)) => Some(name.clone()),
            _ => None,
        })
        .collect();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::divide;
    use crate::options::OptionValue;

    type Options = BTreeMap<String, OptionValue>;

    fn network(gateway: &str, mask: &str, ranges: &[&str]) -> Options {
        let text = |text: &str| OptionValue::Text(text.to_owned());
        let ranges = ranges.iter().map(|range| (*range).to_owned()).collect();
        BTreeMap::from([
            ("standalone_network_plugin_gateway".to_owned(), text(gateway)),
            ("standalone_network_plugin_mask".to_owned(), text(mask)),
            (
                "standalone_network_plugin_allowed_ip_ranges".to_owned(),
                OptionValue::TextList(ranges),
            ),
        ])
    }

    fn naming(user: &str) -> Options {
        let name = OptionValue::Text(user.to_owned());
        BTreeMap::from([("network_config_group".to_owned(), name)])
    }

    fn most(options: &Options) -> Option<i64> {
        match options.get("standalone_network_plugin_max_addresses") {
            Some(OptionValue::Integer(most)) => Some(*most),
            None => None,
            other => panic!("{other:?}"),
        }
    }

    fn own(mut one: Options, others: &[&Options]) -> Option<i64> {
        divide(&mut one, &mut BTreeMap::new(), others);
        most(&one)
    }

    #[test]
    fn the_same_addresses_are_divided() {
        let whole = network("10.0.0.1", "24", &[]);
        // 256 without the network's own address, its gateway and its broadcast address.
        assert_eq!(own(whole.clone(), &[&whole]), Some(126));
        assert_eq!(own(whole.clone(), &[&whole, &whole]), Some(84));
        assert_eq!(own(whole.clone(), &[]), None);
        assert_eq!(own(whole.clone(), &[&Options::new()]), None);
        let (low, high) = (["10.0.0.10-10.0.0.19"], ["10.0.0.20-10.0.0.29"]);
        let low = network("10.0.0.1", "24", &low);
        let high = network("10.0.0.1", "24", &high);
        assert_eq!(own(low.clone(), &[&whole, &high]), Some(5));
        // All that it has may be among those of the other one, which are few.
        assert_eq!(own(whole.clone(), &[&low]), Some(5));
        assert_eq!(own(whole.clone(), &[&low, &whole]), Some(3));
        // Apart, each has all of its own.
        assert_eq!(own(low, &[&high]), Some(10));
        let tiny = network("10.0.0.1", "24", &["10.0.0.10"]);
        assert_eq!(own(tiny.clone(), &[&tiny, &whole]), Some(1));
    }

    #[test]
    fn what_another_option_tells_may_be_anywhere() {
        let (whole, elsewhere) = (network("10.0.0.1", "24", &[]), network("$gateway", "24", &[]));
        assert_eq!(own(elsewhere.clone(), &[&whole]), Some(1));
        assert_eq!(own(elsewhere.clone(), &[&Options::new()]), None);
        assert_eq!(own(whole.clone(), &[&elsewhere]), Some(1));
        assert_eq!(own(whole, &[&naming("$network")]), Some(1));
    }

    #[test]
    fn what_a_segment_holds_is_divided_among_all_in_it() {
        let wide = network("10.0.0.1", "8", &["10.1.0.0-10.200.255.255"]);
        let other = network("10.0.0.1", "8", &["10.201.0.0-10.202.255.255"]);
        assert_eq!(own(wide, &[&other]), Some(32_768));
    }

    #[test]
    fn a_network_by_name_is_divided_too_and_what_is_said_stands() {
        let sections = BTreeMap::from([("storage".to_owned(), network("10.0.0.1", "24", &[]))]);
        let (mut options, mut divided) = (naming("storage"), sections.clone());
        divide(&mut options, &mut divided, &[&naming("storage"), &naming("elsewhere")]);
        assert_eq!(most(&options), None);
        assert_eq!(most(&divided["storage"]), Some(126));
        let mut divided = sections.clone();
        divide(&mut naming("$other"), &mut divided, &[&naming("storage")]);
        assert_eq!(most(&divided["storage"]), Some(126));
        let mut divided = sections.clone();
        divide(&mut options, &mut divided, &[&naming("elsewhere")]);
        assert_eq!(divided, sections);
        let mut said = network("10.0.0.1", "24", &[]);
        let key = "standalone_network_plugin_max_addresses".to_owned();
        said.insert(key, OptionValue::Integer(200));
        assert_eq!(own(said.clone(), &[&said]), Some(200));
    }
}
