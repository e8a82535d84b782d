//! `$other_option` and `${other_option}` in a text become that option's value; `$$` is a dollar
//! sign. As upstream's configuration has it, so that a directory is said once. Pure.

use std::collections::BTreeMap;

use super::{OptionError, OptionRow, OptionValue, OptionValues, error};

/// How deep values may refer to each other: enough for any chain of directories.
const DEPTH: usize = 8;

/// The longest text that a value may become, in bytes.
const BYTES: usize = 64 * 1024;

/// Not an option, but every backend has one.
const STATE_PATH: &str = "state_path";

impl OptionValues {
    /// Replaces what texts refer to.
    ///
    /// # Errors
    /// When a text refers to no option, to a secret or a list, to itself, or grows without bound.
    pub(super) fn interpolate(&mut self, state_path: &str) -> Result<(), OptionError> {
        let before = self.slots.clone();
        for (name, row) in &mut self.slots {
            let expand = |text: &str| {
                expand(&before, state_path, text, DEPTH).map_err(|reason| error(name, reason))
            };
            match &mut row.value {
                Some(OptionValue::Text(text)) => *text = expand(text)?,
                Some(OptionValue::TextList(items)) => {
                    for item in items {
                        *item = expand(item)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn expand(
    rows: &BTreeMap<String, OptionRow>,
    state_path: &str,
    text: &str,
    depth: usize,
) -> Result<String, String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('$') {
        expanded.push_str(plain);
        if let Some(after) = after.strip_prefix('$') {
            expanded.push('$');
            rest = after;
            continue;
        }
        let (name, after) = name(after)?;
        expanded.push_str(&value(rows, state_path, name, depth)?);
        if expanded.len() > BYTES {
            return Err(format!("it becomes longer than {BYTES} bytes"));
        }
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// The name behind a dollar sign, and what follows it.
fn name(text: &str) -> Result<(&str, &str), String> {
    if let Some(braced) = text.strip_prefix('{') {
        return braced.split_once('}').ok_or_else(|| "`${` is never closed".to_owned());
    }
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    match text.split_at_checked(end) {
        Some(("", _)) | None => {
            Err("a `$` stands before the name of an option; `$$` is a dollar sign".to_owned())
        }
        Some(split) => Ok(split),
    }
}

fn value(
    rows: &BTreeMap<String, OptionRow>,
    state_path: &str,
    name: &str,
    depth: usize,
) -> Result<String, String> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(format!("`${name}` refers to itself, or through too many others"));
    };
    if name == STATE_PATH {
        return Ok(state_path.to_owned());
    }
    let row = rows.get(name).ok_or_else(|| format!("`${name}` is no option"))?;
    match &row.value {
        None => Err(format!("`${name}` is not set")),
        Some(OptionValue::Text(text)) => expand(rows, state_path, text, depth),
        Some(OptionValue::Integer(whole)) => Ok(whole.to_string()),
        Some(OptionValue::Float(number)) => Ok(number.to_string()),
        Some(OptionValue::Boolean(yes)) => Ok(yes.to_string()),
        Some(OptionValue::TextList(_)) => Err(format!("`${name}` is a list")),
        Some(OptionValue::SecretFile(_) | OptionValue::SecretVariable(_)) => {
            Err(format!("`${name}` is secret"))
        }
    }
}
