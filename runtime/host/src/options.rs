//! The options of a backend: those that every driver has and those that this driver declares,
//! with the operator's values checked against their types. Pure.
//!
//! The common options stand for `share_opts` of `manila/share/driver.py`.

use std::collections::BTreeMap;

use crate::contract::bindings::abaca::host::config::Value;
use crate::types::{OptionDeclaration, OptionType};

/// A value that an operator gives to an option.
pub type OptionValue = Value;

/// An option of this backend.
#[derive(Clone, Debug)]
struct Slot {
    declaration: OptionDeclaration,
    value: Option<OptionValue>,
}

/// All options of a backend with the values that hold.
#[derive(Clone, Debug)]
pub(crate) struct OptionValues {
    slots: BTreeMap<String, Slot>,
}

/// Why the options do not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("option `{name}`: {reason}")]
pub struct OptionError {
    /// The option's name as the operator wrote it.
    pub name: String,
    /// Why.
    pub reason: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// The options that every backend has, whatever its driver.
#[must_use]
pub fn common() -> Vec<OptionDeclaration> {
    let option = |name: &str, option_type, default: Option<&str>, help: &str| OptionDeclaration {
        name: name.to_owned(),
        option_type,
        help: help.to_owned(),
        default: default.map(str::to_owned),
        required: false,
        secret: false,
        deprecated_names: Vec::new(),
    };
    let mut all = vec![
        option(
            "driver_handles_share_servers",
            OptionType::Boolean,
            None,
            "Whether the driver makes a share server for each share network (true) or serves \
             shares as they are (false). It must be a mode that the driver has.",
        ),
        option(
            "share_backend_name",
            OptionType::Text,
            None,
            "The name under which the scheduler knows this back end. Default: the backend's name.",
        ),
        option(
            "max_over_subscription_ratio",
            OptionType::Float,
            Some("20.0"),
            "How many times the capacity may be promised to shares that take space only when \
             written; at least 1.",
        ),
        option(
            "reserved_share_percentage",
            OptionType::Integer,
            Some("0"),
            "Percent of the capacity that the scheduler leaves free.",
        ),
        option(
            "replication_domain",
            OptionType::Text,
            None,
            "Back ends with the same domain can replicate to each other.",
        ),
    ];
    if let Some(first) = all.first_mut() {
        first.required = true;
    }
    all
}

impl OptionValues {
    /// Checks that the declarations of a driver fit together, whatever an operator sets.
    ///
    /// # Errors
    /// For a default that is not of its own type, and a name that is taken.
    pub(crate) fn check_declarations(declared: &[OptionDeclaration]) -> Result<(), OptionError> {
        Self::declare(declared).map(|_| ())
    }

    fn declare(declared: &[OptionDeclaration]) -> Result<Self, OptionError> {
        let mut slots = BTreeMap::new();
        for declaration in common().into_iter().chain(declared.iter().cloned()) {
            let name = declaration.name.clone();
            let default = declaration.default.as_deref();
            let value = default
                .map(|text| parse(declaration.option_type, text))
                .transpose()
                .map_err(|reason| error(&name, format!("its default does not do: {reason}")))?;
            if slots.insert(name.clone(), Slot { declaration, value }).is_some() {
                return Err(error(&name, "it is declared twice".to_owned()));
            }
        }
        Ok(Self { slots })
    }

    /// Joins declarations and values.
    ///
    /// # Errors
    /// For a value whose option is not declared or is of another type, a required option
    /// without a value, a default that is not of its own type, and a declaration that takes
    /// the name of another option.
    pub(crate) fn resolve(
        declared: &[OptionDeclaration],
        given: &BTreeMap<String, OptionValue>,
    ) -> Result<Self, OptionError> {
        let mut values = Self::declare(declared)?;
        let mut set: BTreeMap<String, &str> = BTreeMap::new();
        for (name, value) in given {
            let slot = values.slot_for(name)?;
            let value =
                convert(slot.declaration.option_type, value.clone(), slot.declaration.secret)
                    .map_err(|reason| error(name, reason))?;
            slot.value = Some(value);
            let canonical = slot.declaration.name.clone();
            if let Some(other) = set.insert(canonical, name) {
                return Err(error(name, format!("it is the same option as `{other}`")));
            }
        }
        for (name, slot) in &values.slots {
            if slot.declaration.required && slot.value.is_none() {
                return Err(error(name, format!("it must be set. {}", slot.declaration.help)));
            }
        }
        values.check_common()?;
        Ok(values)
    }

    fn slot_for(&mut self, name: &str) -> Result<&mut Slot, OptionError> {
        let is_meant = |slot: &Slot| {
            let declaration = &slot.declaration;
            declaration.name == name || declaration.deprecated_names.iter().any(|old| old == name)
        };
        let nearest = nearest(name, self.slots.keys().map(String::as_str));
        self.slots.values_mut().find(|slot| is_meant(slot)).ok_or_else(|| OptionError {
            help: nearest,
            ..error(name, "there is no such option".to_owned())
        })
    }

    fn check_common(&self) -> Result<(), OptionError> {
        if let Some(OptionValue::Float(ratio)) = self.lookup("max_over_subscription_ratio")
            && !(ratio.is_finite() && ratio >= 1.0)
        {
            return Err(error("max_over_subscription_ratio", "it must be at least 1".to_owned()));
        }
        if let Some(OptionValue::Integer(percent)) = self.lookup("reserved_share_percentage")
            && !(0..=100).contains(&percent)
        {
            return Err(error("reserved_share_percentage", "it must be 0 to 100".to_owned()));
        }
        Ok(())
    }

    /// Whether a driver may ask for it.
    pub(crate) fn is_declared(&self, name: &str) -> bool {
        self.slots.contains_key(name)
    }

    /// The value that holds: the operator's, else the default.
    pub(crate) fn lookup(&self, name: &str) -> Option<OptionValue> {
        self.slots.get(name)?.value.clone()
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.lookup(name)? {
            OptionValue::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        match self.lookup(name)? {
            OptionValue::Boolean(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn float(&self, name: &str) -> Option<f64> {
        match self.lookup(name)? {
            OptionValue::Float(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        match self.lookup(name)? {
            OptionValue::Integer(value) => Some(value),
            _ => None,
        }
    }
}

/// A question that names the nearest of some names, or nothing.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    /// Below this two words have nothing to do with each other.
    const ALIKE: f64 = 0.75;
    known
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(score, _)| *score >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
}

/// The name of a type as an operator knows it.
pub(crate) fn type_name(option_type: OptionType) -> &'static str {
    match option_type {
        OptionType::Text => "text",
        OptionType::Integer => "whole number",
        OptionType::Float => "number",
        OptionType::Boolean => "true or false",
        OptionType::TextList => "list of texts",
    }
}

/// A default, as a declaration spells it.
fn parse(option_type: OptionType, text: &str) -> Result<OptionValue, String> {
    let not = |_| format!("{text:?} is not a {}", type_name(option_type));
    match option_type {
        OptionType::Text => plain(text.to_owned()).map(OptionValue::Text),
        OptionType::Integer => text.parse().map(OptionValue::Integer).map_err(|_| not(())),
        OptionType::Float => text.parse().map(OptionValue::Float).map_err(|_| not(())),
        OptionType::Boolean => text.parse().map(OptionValue::Boolean).map_err(|_| not(())),
        OptionType::TextList => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            items
                .map(|item| plain(item.to_owned()))
                .collect::<Result<_, _>>()
                .map(OptionValue::TextList)
        }
    }
}

/// A value that somebody gave, as the type wants it.
fn convert(
    option_type: OptionType,
    value: OptionValue,
    secret: bool,
) -> Result<OptionValue, String> {
    let value = match (option_type, value) {
        (OptionType::Text, OptionValue::Text(text)) => OptionValue::Text(plain(text)?),
        (OptionType::Integer, value @ OptionValue::Integer(_))
        | (OptionType::Float, value @ OptionValue::Float(_))
        | (OptionType::Boolean, value @ OptionValue::Boolean(_)) => value,
        #[expect(clippy::cast_precision_loss, reason = "an operator's whole number for a number")]
        (OptionType::Float, OptionValue::Integer(whole)) => OptionValue::Float(whole as f64),
        (OptionType::TextList, OptionValue::TextList(items)) => {
            OptionValue::TextList(items.into_iter().map(plain).collect::<Result<Vec<_>, _>>()?)
        }
        (wanted, _) => return Err(format!("it must be a {}", type_name(wanted))),
    };
    if secret {
        return Err("it is secret, and this runtime does not keep secrets yet".to_owned());
    }
    Ok(value)
}

fn plain(text: String) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err("it must not have control characters".to_owned());
    }
    Ok(text)
}

fn error(name: &str, reason: String) -> OptionError {
    OptionError { name: name.to_owned(), reason, help: None }
}
