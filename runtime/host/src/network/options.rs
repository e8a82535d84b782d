//! The options of the standalone provider: upstream's names, and what an operator wrote under
//! them. Pure; whether gateway, mask and ranges fit together is `subnet`'s business.
//!
//! As upstream has it, they stand among the backend's own options or in a section of their own,
//! which `network_config_group` or `admin_network_config_group` names.

use super::{NetworkError, network_type_name};
use crate::options::{OptionValue, nearest, type_name};
use crate::types::{NetworkType, OptionDeclaration, OptionType};

/// What every name begins with.
const PREFIX: &str = "standalone_network_plugin_";

/// The network types that an operator can write.
const NETWORK_TYPES: [NetworkType; 4] =
    [NetworkType::Flat, NetworkType::Vlan, NetworkType::Vxlan, NetworkType::Gre];

/// One row: name behind the prefix, type, default, help.
type Row = (&'static str, OptionType, Option<&'static str>, &'static str);

const ROWS: [Row; 6] = [
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
         the network. Default: the whole network. Backends know nothing of each other's leases: \
         give each its own addresses.",
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
    pub ip_version: u8,
}

impl StandaloneOptions {
    /// What is set, told by whole names; none when nothing is that says of a network.
    ///
    /// # Errors
    /// One sentence that names the option: half a network, or a value that cannot be one.
    pub(super) fn read(
        lookup: impl Fn(&str) -> Option<OptionValue>,
    ) -> Result<Option<Self>, NetworkError> {
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
            ip_version,
        }))
    }
}

/// Whether a section of a network has only options of a network.
///
/// # Errors
/// One sentence that names the option which is none.
pub(super) fn check_names<'a>(names: impl Iterator<Item = &'a String>) -> Result<(), NetworkError> {
    let known: Vec<String> = declarations().map(|one| one.name).collect();
    for name in names {
        if !known.contains(name) {
            let meant = nearest(name, known.iter().map(String::as_str)).unwrap_or_default();
            return Err(NetworkError::BadConfiguration(format!(
                "option `{name}`: a network has no such option; {meant}"
            )));
        }
    }
    Ok(())
}

/// Values by their names behind the prefix; one of another type is an error and not absent.
struct Values<F> {
    lookup: F,
}

impl<F: Fn(&str) -> Option<OptionValue>> Values<F> {
    fn get(&self, name: &str) -> Option<OptionValue> {
        (self.lookup)(&format!("{PREFIX}{name}"))
    }

    fn text(&self, name: &str) -> Result<Option<String>, NetworkError> {
        match self.get(name) {
            None => Ok(None),
            Some(OptionValue::Text(text)) => Ok(Some(text)),
            Some(_) => Err(not_a(name, OptionType::Text)),
        }
    }

    fn needed(&self, name: &str) -> Result<String, NetworkError> {
        self.text(name)?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| wrong(name, "a network needs it"))
    }

    fn integer(&self, name: &str) -> Result<Option<i64>, NetworkError> {
        match self.get(name) {
            None => Ok(None),
            Some(OptionValue::Integer(whole)) => Ok(Some(whole)),
            Some(_) => Err(not_a(name, OptionType::Integer)),
        }
    }

    fn texts(&self, name: &str) -> Result<Option<Vec<String>>, NetworkError> {
        match self.get(name) {
            None => Ok(None),
            Some(OptionValue::TextList(texts)) => Ok(Some(texts)),
            Some(_) => Err(not_a(name, OptionType::TextList)),
        }
    }
}

fn not_a(name: &str, option_type: OptionType) -> NetworkError {
    wrong(name, &format!("it must be a {}", type_name(option_type)))
}

fn wrong(name: &str, reason: &str) -> NetworkError {
    NetworkError::BadConfiguration(format!("option `{PREFIX}{name}`: {reason}"))
}
