//! Reads `[needs]` of a manifest.

use std::time::Duration;

use crate::error::Flaw;
use crate::load::fields::{Fields, Value, boolean, check_identifier, explanation, table, text};
use crate::needs::{LimitNeeds, NamedNeed, Needs, OptionNeed};
use crate::text::{MAX_IDENTIFIER, shown};
use crate::units::{parse_duration, parse_size};

/// The most needs of one kind: upstream's largest driver has about sixty options.
const MAX_NEEDS: usize = 256;

/// For whom addresses are leased, as `wit/host/network.wit` has it.
const LABELS: [&str; 2] = ["user", "admin"];

pub(crate) fn load(section: Option<&Value<'_>>) -> Result<Needs, Flaw> {
    let Some(section) = section else { return Ok(Needs::default()) };
    let keys = ["options", "remotes", "origins", "networks", "state", "limits"];
    let fields = Fields::new(section, "`needs`", &keys)?;
    Ok(Needs {
        options: each(&fields, "options", load_option)?,
        remotes: each(&fields, "remotes", load_named)?,
        origins: each(&fields, "origins", load_named)?,
        networks: each(&fields, "networks", load_network)?,
        state: fields.get("state").map(|value| bytes(value, "`state`")).transpose()?,
        limits: fields.get("limits").map(load_limits).transpose()?.unwrap_or_default(),
    })
}

/// Reads the tables of a table, each by its name.
fn each<T>(
    fields: &Fields<'_, '_>,
    key: &str,
    load_one: impl Fn(&str, std::ops::Range<usize>, &Value<'_>) -> Result<T, Flaw>,
) -> Result<Vec<T>, Flaw> {
    let Some(section) = fields.get(key) else { return Ok(Vec::new()) };
    let members = table(section, &format!("`needs.{key}`"))?;
    if members.len() > MAX_NEEDS {
        return Err(Flaw::new(section.span(), format!("too many {key}"))
            .help(format!("at most {MAX_NEEDS}")));
    }
    members.iter().map(|(name, value)| load_one(name.get_ref(), name.span(), value)).collect()
}

fn load_option(
    name: &str,
    place: std::ops::Range<usize>,
    value: &Value<'_>,
) -> Result<OptionNeed, Flaw> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let good = name.len() <= MAX_IDENTIFIER
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(plain);
    if !good {
        return Err(Flaw::new(place, format!("an option's name cannot be {}", shown(name))).help(
            "write it as the driver declares it: lower-case letters, digits and `_`, a letter first",
        ));
    }
    let fields = Fields::new(value, "a needed option", &["purpose", "secret"])?;
    let secret = fields.get("secret").map(|value| boolean(value, "`secret`")).transpose()?;
    Ok(OptionNeed {
        name: name.to_owned(),
        purpose: explanation(fields.require("purpose")?, "`purpose`")?,
        secret: secret.unwrap_or(false),
    })
}

fn load_named(
    name: &str,
    place: std::ops::Range<usize>,
    value: &Value<'_>,
) -> Result<NamedNeed, Flaw> {
    check_identifier(name, place, "the name of a need")?;
    let purpose = Fields::new(value, "a need", &["purpose"])?.require("purpose")?;
    Ok(NamedNeed { name: name.to_owned(), purpose: explanation(purpose, "`purpose`")? })
}

fn load_network(
    name: &str,
    place: std::ops::Range<usize>,
    value: &Value<'_>,
) -> Result<NamedNeed, Flaw> {
    if !LABELS.contains(&name) {
        return Err(Flaw::unknown(place, "kind of network", name, LABELS));
    }
    load_named(name, place, value)
}

fn load_limits(value: &Value<'_>) -> Result<LimitNeeds, Flaw> {
    let fields = Fields::new(value, "`needs.limits`", &["wall", "cpu", "memory"])?;
    Ok(LimitNeeds {
        wall: fields.get("wall").map(|value| time(value, "`wall`")).transpose()?,
        cpu: fields.get("cpu").map(|value| time(value, "`cpu`")).transpose()?,
        memory: fields.get("memory").map(|value| bytes(value, "`memory`")).transpose()?,
    })
}

fn time(value: &Value<'_>, what: &str) -> Result<Duration, Flaw> {
    parse_duration(text(value, what)?).filter(|time| !time.is_zero()).ok_or_else(|| {
        Flaw::new(value.span(), format!("{what} is no time")).help("write digits and ms, s or m")
    })
}

fn bytes(value: &Value<'_>, what: &str) -> Result<u64, Flaw> {
    parse_size(text(value, what)?).filter(|bytes| *bytes > 0).ok_or_else(|| {
        Flaw::new(value.span(), format!("{what} is no size"))
            .help("write digits and B, KiB, MiB or GiB, and leave it out if there is no need")
    })
}
