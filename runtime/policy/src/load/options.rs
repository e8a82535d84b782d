//! The table `[options]`: what of a driver's options is decided here. Called by
//! `load` alone.

use std::collections::BTreeSet;

use crate::error::Flaw;
use crate::load::fields::{Fields, Value, array, text};
use crate::text::{MAX_IDENTIFIER, is_option_name, shown};

/// The most options that can be revealed: a driver has a handful of secrets.
const MAX_REVEALED: usize = 64;

/// The secret options whose values the driver may read.
pub(crate) fn load(value: Option<&Value<'_>>) -> Result<BTreeSet<String>, Flaw> {
    let Some(value) = value else { return Ok(BTreeSet::new()) };
    let fields = Fields::new(value, "`[options]`", &["reveal"])?;
    let list = fields.require("reveal")?;
    let mut revealed = BTreeSet::new();
    for item in array(list, "`reveal`")? {
        let name = text(item, "an option's name")?;
        if !is_option_name(name) {
            let flaw = format!("{} is no name of an option", shown(name));
            return Err(Flaw::new(item.span(), flaw).help(format!(
                "write lower-case letters, digits and `_`, a letter first, at most \
                 {MAX_IDENTIFIER}, as the driver declares it"
            )));
        }
        if !revealed.insert(name.to_owned()) {
            return Err(Flaw::new(item.span(), format!("`{name}` is revealed twice"))
                .help("name each option once"));
        }
    }
    if revealed.is_empty() {
        return Err(Flaw::new(list.span(), "`reveal` names no option")
            .help("leave `[options]` out: without it the driver reads no secret"));
    }
    if revealed.len() > MAX_REVEALED {
        return Err(Flaw::new(list.span(), "too many options are revealed")
            .help(format!("at most {MAX_REVEALED}")));
    }
    Ok(revealed)
}
