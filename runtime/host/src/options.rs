//! The options of a backend: those that every driver has (`common`) and those that this driver
//! declares, with the operator's values checked against their types, and `$other_option` in a
//! text replaced by that option's value (`interpolate`). Pure but for `secrets` and `kept`, which look
//! at where secret options are kept.

mod common;
mod interpolate;
mod kept;
mod secrets;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::types::{OptionDeclaration, OptionType};

pub use common::common;
pub(crate) use kept::is_variable;

/// A value that an operator gives to an option.
#[derive(Clone, Debug, PartialEq)]
pub enum OptionValue {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// Yes or no.
    Boolean(bool),
    /// Texts.
    TextList(Vec<String>),
    /// Of a secret option, the file that holds the value. The value itself is never given.
    SecretFile(PathBuf),
    /// Of a secret option, the variable of the environment that holds the value.
    SecretVariable(String),
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptionSource {
    /// Nobody set it, and it has no default.
    Unset,
    /// Its default.
    Default,
    /// The operator, under its name.
    Configuration,
    /// The operator, under a name that it had before.
    DeprecatedName(String),
}

/// An option of a backend, with the value that holds.
#[derive(Clone, Debug)]
pub struct OptionRow {
    /// What it is.
    pub declaration: OptionDeclaration,
    /// The value that holds, if any.
    pub value: Option<OptionValue>,
    /// Where that came from.
    pub source: OptionSource,
}

/// All options of a backend with the values that hold.
#[derive(Clone, Debug)]
pub(crate) struct OptionValues {
    slots: BTreeMap<String, OptionRow>,
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

impl OptionValues {
    /// Checks that the declarations of a driver fit together, whatever an operator sets.
    ///
    /// # Errors
    /// For a default that is not of its own type, a name that is taken, and a secret that is no
    /// text or has a default.
    pub(crate) fn check_declarations(declared: &[OptionDeclaration]) -> Result<(), OptionError> {
        Self::declare(declared).map(|_| ())
    }

    fn declare(declared: &[OptionDeclaration]) -> Result<Self, OptionError> {
        let mut slots = BTreeMap::new();
        for declaration in common().into_iter().chain(declared.iter().cloned()) {
            let name = declaration.name.clone();
            secrets::check_declaration(&declaration).map_err(|reason| error(&name, reason))?;
            let default = declaration.default.as_deref();
            let value = default
                .map(|text| parse(declaration.option_type, text))
                .transpose()
                .map_err(|reason| error(&name, format!("its default does not do: {reason}")))?;
            let source = if value.is_some() { OptionSource::Default } else { OptionSource::Unset };
            if slots.insert(name.clone(), OptionRow { declaration, value, source }).is_some() {
                return Err(error(&name, "it is declared twice".to_owned()));
            }
        }
        Ok(Self { slots })
    }

    /// Joins declarations and values. `state_path` is what `$state_path` stands for: the
    /// directory of the backend's state.
    ///
    /// # Errors
    /// For a value whose option is not declared or is of another type, a secret that is given as
    /// itself, a required option without a value, and declarations that do not fit together.
    pub(crate) fn resolve(
        declared: &[OptionDeclaration],
        given: &BTreeMap<String, OptionValue>,
        state_path: &str,
    ) -> Result<Self, OptionError> {
        let mut values = Self::declare(declared)?;
        // Before anything else is complained of: it is the mistake that others may read.
        values.refuse_shown_secrets(given)?;
        let mut set: BTreeMap<String, &str> = BTreeMap::new();
        for (name, value) in given {
            let slot = values.slot_for(name)?;
            let value =
                convert(&slot.declaration, value.clone()).map_err(|reason| error(name, reason))?;
            slot.value = Some(value);
            let canonical = slot.declaration.name.clone();
            slot.source = if *name == canonical {
                OptionSource::Configuration
            } else {
                tracing::warn!(option = name, "is now called `{canonical}`");
                OptionSource::DeprecatedName(name.clone())
            };
            if let Some(other) = set.insert(canonical, name) {
                return Err(error(name, format!("it is the same option as `{other}`")));
            }
        }
        for (name, slot) in &values.slots {
            if slot.declaration.required && slot.value.is_none() {
                return Err(error(name, format!("it must be set. {}", slot.declaration.help)));
            }
        }
        values.interpolate(state_path)?;
        values.check_common()?;
        Ok(values)
    }

    fn slot_for(&mut self, name: &str) -> Result<&mut OptionRow, OptionError> {
        let nearest = nearest(name, self.slots.keys().map(String::as_str));
        self.slots.values_mut().find(|slot| slot.is_called(name)).ok_or_else(|| OptionError {
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
        for (name, least, most) in common::BOUNDS {
            if self.integer(name).is_some_and(|value| !(least..=most).contains(&value)) {
                let reason = match most {
                    i64::MAX => format!("it must be at least {least}"),
                    _ => format!("it must be {least} to {most}"),
                };
                return Err(error(name, reason));
            }
        }
        match (self.integer("ssh_min_pool_conn"), self.integer("ssh_max_pool_conn")) {
            (Some(least), Some(most)) if least > most => Err(error(
                "ssh_min_pool_conn",
                format!("it is {least}, and ssh_max_pool_conn is {most}; it must not be more"),
            )),
            _ => Ok(()),
        }
    }

    /// All of them, sorted by name.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &OptionRow> {
        self.slots.values()
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

    pub(crate) fn text_list(&self, name: &str) -> Option<Vec<String>> {
        match self.lookup(name)? {
            OptionValue::TextList(items) => Some(items),
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

impl OptionRow {
    /// Whether the option has this name, or had it before.
    fn is_called(&self, name: &str) -> bool {
        let OptionDeclaration { name: own, deprecated_names, .. } = &self.declaration;
        own == name || deprecated_names.iter().any(|old| old == name)
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

/// What a value of a type is, as an operator says it.
pub(crate) fn type_name(option_type: OptionType) -> &'static str {
    match option_type {
        OptionType::Text => "a text",
        OptionType::Integer => "a whole number",
        OptionType::Float => "a number",
        OptionType::Boolean => "true or false",
        OptionType::TextList => "a list of texts",
    }
}

/// A default, as a declaration spells it.
fn parse(option_type: OptionType, text: &str) -> Result<OptionValue, String> {
    let not = |_| format!("{text:?} is not {}", type_name(option_type));
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

/// A value that somebody gave, as the declaration wants it.
fn convert(declaration: &OptionDeclaration, value: OptionValue) -> Result<OptionValue, String> {
    match (declaration.option_type, value) {
        (_, value @ (OptionValue::SecretFile(_) | OptionValue::SecretVariable(_)))
            if declaration.secret =>
        {
            Ok(value)
        }
        (wanted, OptionValue::SecretFile(_)) => {
            Err(format!("it is not secret: write its value, {}, and no file", type_name(wanted)))
        }
        (wanted, OptionValue::SecretVariable(_)) => {
            Err(format!("it is not secret: write its value, {}, itself", type_name(wanted)))
        }
        (OptionType::Text, OptionValue::Text(text)) => plain(text).map(OptionValue::Text),
        (OptionType::Integer, value @ OptionValue::Integer(_))
        | (OptionType::Float, value @ OptionValue::Float(_))
        | (OptionType::Boolean, value @ OptionValue::Boolean(_)) => Ok(value),
        #[expect(clippy::cast_precision_loss, reason = "an operator's whole number for a number")]
        (OptionType::Float, OptionValue::Integer(whole)) => Ok(OptionValue::Float(whole as f64)),
        (OptionType::TextList, OptionValue::TextList(items)) => {
            let items = items.into_iter().map(plain).collect::<Result<_, _>>();
            items.map(OptionValue::TextList)
        }
        (wanted, _) => Err(format!("it must be {}", type_name(wanted))),
    }
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
