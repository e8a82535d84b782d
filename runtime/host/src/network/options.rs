//! The options of the standalone provider: upstream's names, and what an operator wrote under
//! them. Pure; whether gateway, mask and ranges fit together is the business of `subnet` and
//! `standalone`, which are asked here before anything is opened.
//!
//! As upstream has it, they stand among the backend's own options or in a section of their own,
//! which `network_config_group` or `admin_network_config_group` names.

use std::collections::BTreeMap;

use super::standalone::subnet;
use super::{NetworkError, network_type_name};
use crate::options::{OptionError, OptionValue, OptionValues, nearest, type_name};
use crate::types::{NetworkType, OptionDeclaration, OptionType};

/// What every name begins with.
pub(super) const PREFIX: &str = "standalone_network_plugin_";

/// The network types that an operator can write.
const NETWORK_TYPES: [NetworkType; 4] =
    [NetworkType::Flat, NetworkType::Vlan, NetworkType::Vxlan, NetworkType::Gre];

/// One row: name behind the prefix, type, default, help.
type Row = (&'static str, OptionType, Option<&'static str>, &'static str);

const ROWS: [Row; 7] = [
    (
        "gateway",
        OptionType::Text,
        None,
        "The network's gateway; with the mask it says of which network share servers get \
         addresses.",
    ),
    ("mask", OptionType::Text, None, "The network's mask, as 24 or 255.255.255.0."),
    (
        "network_type",
        OptionType::Text,
        None,
        "How the network is segmented: flat, vlan, vxlan or gre.",
    ),
    (
        "segmentation_id",
        OptionType::Integer,
        None,
        "Which segment: none for flat, 1 to 4094 for vlan, 1 to 16777215 for vxlan, 1 to \
         4294967295 for gre.",
    ),
    (
        "allowed_ip_ranges",
        OptionType::TextList,
        None,
        "The addresses that may be leased, as 10.0.0.10 or 10.0.0.10-10.0.0.20; all of them in \
         the network. Default: the whole network. No address is leased twice among all backends \
         of a state directory; one with another state directory needs addresses of its own.",
    ),
    (
        "max_addresses",
        OptionType::Integer,
        None,
        "How many addresses of the network one backend may have at once; not among upstream's. \
         Default: all, and where several backends of a configuration lease from the same ones, \
         equal parts.",
    ),
    ("ip_version", OptionType::Integer, Some("4"), "The IP version of the network: 4 or 6."),
];

/// The options as they are declared for every backend.
pub(crate) fn declarations() -> impl Iterator<Item = OptionDeclaration> {
    ROWS.into_iter().map(|(name, option_type, default, help)| OptionDeclaration {
        name: format!("{PREFIX}{name}"),
        option_type,
        help: help.to_owned(),
        default: default.map(str::to_owned),
        required: false,
        secret: false,
        deprecated_names: Vec::new(),
    })
}

/// What an operator decided about one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StandaloneOptions {
    pub gateway: String,
    pub mask: String,
    pub network_type: Option<NetworkType>,
    pub segmentation_id: Option<u32>,
    pub allowed_ip_ranges: Vec<String>,
    pub max_addresses: Option<u32>,
    pub ip_version: u8,
}

impl StandaloneOptions {
    /// What is set, told by whole names; none when nothing is that says of a network.
    ///
    /// # Errors
    /// For half a network, or a value that cannot be one.
    pub(super) fn read(
        lookup: impl Fn(&str) -> Option<OptionValue>,
    ) -> Result<Option<Self>, OptionError> {
        let values = Values { lookup };
        // The version has a default, so it is there where nothing is set.
        if !ROWS.iter().any(|(name, ..)| *name != "ip_version" && values.get(name).is_some()) {
            return Ok(None);
        }
        let network_type = values
            .text("network_type")?
            .map(|word| {
                NETWORK_TYPES
                    .into_iter()
                    .find(|one| network_type_name(*one) == word)
                    .ok_or_else(|| wrong("network_type", "it must be flat, vlan, vxlan or gre"))
            })
            .transpose()?;
        let segmentation_id = values
            .integer("segmentation_id")?
            .map(|id| {
                u32::try_from(id)
                    .map_err(|_| wrong("segmentation_id", "it must be from 0 to 4294967295"))
            })
            .transpose()?;
        let max_addresses = values
            .integer("max_addresses")?
            .map(|most| {
                let most = u32::try_from(most).ok().filter(|most| *most > 0);
                most.ok_or_else(|| wrong("max_addresses", "it must be from 1 to 4294967295"))
            })
            .transpose()?;
        let ip_version = match values.integer("ip_version")? {
            None | Some(4) => 4,
            Some(6) => 6,
            Some(_) => return Err(wrong("ip_version", "it must be 4 or 6")),
        };
        Ok(Some(Self {
            gateway: values.needed("gateway")?,
            mask: values.needed("mask")?,
            network_type,
            segmentation_id,
            allowed_ip_ranges: values.texts("allowed_ip_ranges")?.unwrap_or_default(),
            max_addresses,
            ip_version,
        }))
    }
}

/// Whether a backend's own options, and the networks it names, make networks.
///
/// # Errors
/// For the option that does not do; of a network that is not described, with those that are.
pub(crate) fn check(
    options: &OptionValues,
    sections: &BTreeMap<String, BTreeMap<String, OptionValue>>,
) -> Result<(), OptionError> {
    for option in ["network_config_group", "admin_network_config_group"] {
        if let Some(name) = options.text(option)
            && !sections.contains_key(&name)
        {
            let there: Vec<_> = sections.keys().map(|name| format!("`{name}`")).collect();
            let help = match there.as_slice() {
                [] => format!("describe it in a section [networks.{name}]"),
                _ => format!("the networks are {}", there.join(", ")),
            };
            let reason = format!("there is no network `{name}`");
            return Err(OptionError { name: option.to_owned(), reason, help: Some(help) });
        }
    }
    if options.text("network_config_group").is_some() {
        return Ok(());
    }
    match StandaloneOptions::read(|name| options.lookup(name))? {
        Some(described) => subnet(&described).map(drop),
        None => Ok(()),
    }
}

/// Whether a section describes a network.
///
/// # Errors
/// For the option that does not do.
pub(crate) fn check_section(section: &BTreeMap<String, OptionValue>) -> Result<(), OptionError> {
    check_names(section.keys())?;
    match StandaloneOptions::read(|name| section.get(name).cloned())? {
        Some(described) => subnet(&described).map(drop),
        None => Err(wrong("gateway", "a network needs it")),
    }
}

/// Whether a section of a network has only options of a network.
///
/// # Errors
/// For the option which is none.
pub(super) fn check_names<'a>(names: impl Iterator<Item = &'a String>) -> Result<(), OptionError> {
    let known: Vec<String> = declarations().map(|one| one.name).collect();
    for name in names {
        if !known.contains(name) {
            let reason = "a network has no such option".to_owned();
            let help = nearest(name, known.iter().map(String::as_str));
            return Err(OptionError { name: name.clone(), reason, help });
        }
    }
    Ok(())
}

/// For a provider that is made without a file in which the option has a place.
impl From<OptionError> for NetworkError {
    fn from(error: OptionError) -> Self {
        Self::BadConfiguration(match &error.help {
            Some(help) => format!("{error}; {help}"),
            None => error.to_string(),
        })
    }
}

/// Values by their names behind the prefix; one of another type is an error and not absent.
struct Values<F> {
    lookup: F,
}

impl<F: Fn(&str) -> Option<OptionValue>> Values<F> {
    fn get(&self, name: &str) -> Option<OptionValue> {
        (self.lookup)(&format!("{PREFIX}{name}"))
    }

    fn text(&self, name: &str) -> Result<Option<String>, OptionError> {
        match self.get(name) {
            None => Ok(None),
            Some(OptionValue::Text(text)) => Ok(Some(text)),
            Some(_) => Err(not_a(name, OptionType::Text)),
        }
    }

    fn needed(&self, name: &str) -> Result<String, OptionError> {
        self.text(name)?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| wrong(name, "a network needs it"))
    }

    fn integer(&self, name: &str) -> Result<Option<i64>, OptionError> {
        match self.get(name) {
            None => Ok(None),
            Some(OptionValue::Integer(whole)) => Ok(Some(whole)),
            Some(_) => Err(not_a(name, OptionType::Integer)),
        }
    }

    fn texts(&self, name: &str) -> Result<Option<Vec<String>>, OptionError> {
        match self.get(name) {
            None => Ok(None),
            Some(OptionValue::TextList(texts)) => Ok(Some(texts)),
            Some(_) => Err(not_a(name, OptionType::TextList)),
        }
    }
}

fn not_a(name: &str, option_type: OptionType) -> OptionError {
    wrong(name, &format!("it must be {}", type_name(option_type)))
}

/// An option, told by its name behind the prefix, that does not do.
pub(super) fn wrong(name: &str, reason: &str) -> OptionError {
    OptionError { name: format!("{PREFIX}{name}"), reason: reason.to_owned(), help: None }
}
