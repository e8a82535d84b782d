//! What a driver says of itself, checked before anything is built on it.

use super::interfaces::check_access;
use crate::contract::{Interface, Need};
use crate::options::OptionValues;
use crate::text::is_plain_text;
use crate::types::Description;

/// The longest text of a description, in bytes.
const DESCRIPTION_BYTES: usize = 4 * 1024;

/// The most options that a driver may declare; upstream's largest has about sixty.
const OPTIONS: usize = 256;

/// What a driver says of itself must make sense before anything is built on it.
pub(super) fn check_description(
    description: &Description,
    there: &[Interface],
) -> Result<(), String> {
    let name_is_good = description.name.starts_with(|first: char| first.is_ascii_lowercase())
        && description.name.len() <= 64
        && description
            .name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !name_is_good {
        return Err(format!("it calls itself {:?}; a name is [a-z][a-z0-9-]*", description.name));
    }
    for (what, text) in [("vendor", &description.vendor), ("version", &description.version)] {
        if text.is_empty() || text.len() > DESCRIPTION_BYTES || !is_plain_text(text) {
            return Err(format!(
                "its {what} is empty, too long or has control or invisible characters"
            ));
        }
    }
    if description.share_server_modes.is_empty() {
        return Err("it says neither that it handles share servers nor that it does without".into());
    }
    if description.protocols.is_empty() {
        return Err("it serves no protocol".into());
    }
    for withheld in &description.withheld_interfaces {
        let interface = Interface::from_name(withheld)
            .ok_or_else(|| format!("it withholds {withheld:?}, which is no interface"))?;
        if interface.need() == Need::Required {
            return Err(format!("it withholds `{interface}`, which every driver must offer"));
        }
    }
    // Once more: what is withheld is not there.
    check_access(there)?;
    if description.options.len() > OPTIONS {
        return Err(format!("it declares more than {OPTIONS} options"));
    }
    for option in &description.options {
        let good = option.name.starts_with(|first: char| first.is_ascii_lowercase())
            && option.name.len() <= 64
            && option
                .name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let prefix = description.name.replace('-', "_");
        let own = option.name.strip_prefix(&prefix).is_some_and(|rest| rest.starts_with('_'));
        if !good || !own {
            return Err(format!(
                "its option {:?} does not begin with `{prefix}_` or is not [a-z][a-z0-9_]*",
                option.name
            ));
        }
        if option.help.is_empty() || option.help.len() > DESCRIPTION_BYTES {
            return Err(format!("its option `{}` has no help, or too much of it", option.name));
        }
    }
    OptionValues::check_declarations(&description.options).map_err(|error| error.to_string())
}

/// Stands for the description until the driver has given it.
pub(super) fn nobody() -> Description {
    Description {
        name: String::new(),
        vendor: String::new(),
        version: String::new(),
        protocols: Vec::new(),
        share_server_modes: Vec::new(),
        options: Vec::new(),
        withheld_interfaces: Vec::new(),
    }
}
