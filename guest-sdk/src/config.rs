//! The operator's options, through `abaca:host/config`.
//!
//! Called by drivers. Each function answers the value that holds: the operator's,
//! else the declared default, else none. An option of another type is
//! [`Error::BadConfiguration`], one that is not declared is [`Error::Denied`].

use crate::imports::config::{GetRequest, get as host_get};
use crate::{Error, Result};

pub use crate::imports::config::Value;

/// The value, whatever its type.
///
/// # Errors
/// [`Error::Denied`] when the driver has not declared the option.
pub fn get(name: &str) -> Result<Option<Value>> {
    Ok(host_get(&GetRequest { name: name.to_owned() })?)
}

/// Makes the two functions of one type of option.
macro_rules! typed {
    ($(#[$doc:meta])* $name:ident, $required:ident, $case:ident, $type:ty, $word:literal) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// [`Error::BadConfiguration`] when it is of another type, [`Error::Denied`]
        /// when the driver has not declared it.
        pub fn $name(name: &str) -> Result<Option<$type>> {
            match get(name)? {
                None => Ok(None),
                Some(Value::$case(value)) => Ok(Some(value)),
                Some(_) => Err(Error::BadConfiguration(format!(
                    concat!("the option `{}` is not ", $word),
                    name
                ))),
            }
        }

        $(#[$doc])*
        ///
        /// # Errors
        /// As without `required_`, and [`Error::BadConfiguration`] when it is not set.
        pub fn $required(name: &str) -> Result<$type> {
            $name(name)?.ok_or_else(|| missing(name))
        }
    };
}

typed! {
    /// A text.
    text, required_text, Text, String, "a text"
}
typed! {
    /// A whole number.
    integer, required_integer, Integer, i64, "a whole number"
}
typed! {
    /// A number.
    float, required_float, Float, f64, "a number"
}
typed! {
    /// Yes or no.
    boolean, required_boolean, Boolean, bool, "true or false"
}
typed! {
    /// Texts.
    text_list, required_text_list, TextList, Vec<String>, "a list of texts"
}
typed! {
    /// The name under which a secret may be passed on; the driver never sees it.
    secret, required_secret, Secret, String, "a secret"
}

fn missing(name: &str) -> Error {
    Error::BadConfiguration(format!("the option `{name}` is not set; set it for this back end"))
}
