//! The user that a command runs as, as the operator names him.
//!
//! Only the name or the numbers: whom a name means on this machine is looked up by the broker,
//! when it loads the policy.

use std::fmt;

use crate::error::Flaw;
use crate::load::fields::{Fields, Value, integer, text};
use crate::text::shown;

/// Longest name of a user, as `useradd` has it.
const MAX_NAME: usize = 32;

/// The greatest number of a user or group: one more means "nobody in particular" to the kernel.
const MAX_NUMBER: i64 = u32::MAX as i64 - 1;

/// Whom a command becomes. Written `user = "NAME"` or `user = { uid = 1000, gid = 1000 }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    /// The user of this name in the system's `passwd`, with his group there.
    Named(String),
    /// These numbers, whether they have a name or not.
    Numbered {
        /// The user's.
        uid: u32,
        /// The group's.
        gid: u32,
    },
}

impl User {
    pub(crate) fn load(value: &Value<'_>) -> Result<User, Flaw> {
        if value.get_ref().is_str() {
            let name = text(value, "`user`")?;
            return if is_name(name) {
                Ok(User::Named(name.to_owned()))
            } else {
                Err(Flaw::new(value.span(), format!("{} is no name of a user", shown(name))).help(
                    "write it as it stands in /etc/passwd, or the numbers: { uid = N, gid = N }",
                ))
            };
        }
        let fields = Fields::new(value, "`user`", &["uid", "gid"])?;
        let number = |key: &str| {
            let number = integer(fields.require(key)?, &format!("`{key}`"), 0, MAX_NUMBER)?;
            Ok(u32::try_from(number).unwrap_or_default())
        };
        Ok(User::Numbered { uid: number("uid")?, gid: number("gid")? })
    }
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '$');
    name.len() <= MAX_NAME
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(plain)
}

/// `nobody`, or `65534:65534`.
impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            User::Named(name) => f.write_str(name),
            User::Numbered { uid, gid } => write!(f, "{uid}:{gid}"),
        }
    }
}
