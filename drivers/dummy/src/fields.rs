//! How a record is written as one text: a line for each field, its name, a space, its value.
//! A name may come more than once and is a list then. Called by `held`, which knows
//! what the fields mean.

use core::fmt::Display;
use core::str::FromStr;

use abaca_sdk::{Error, Result};

/// The fields of one record, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Adds a field; the name has no space and no line end.
    pub fn push(&mut self, name: &str, value: impl Display) {
        self.0.push((name.to_owned(), value.to_string()));
    }

    /// Adds a field if there is a value.
    pub fn push_some(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.push(name, value);
        }
    }

    /// The values of all fields of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |field| field.0 == name).map(|field| field.1.as_str())
    }

    /// The value of the first field of a name, or none.
    pub fn text(&self, name: &str) -> Option<String> {
        self.all(name).next().map(str::to_owned)
    }

    /// The value of a field that must be there.
    ///
    /// # Errors
    /// [`Error::Other`] when it is not there.
    pub fn required(&self, name: &str) -> Result<String> {
        self.text(name).ok_or_else(|| spoilt(format!("there is no `{name}`")))
    }

    /// A field that must be there, read as `parse` does.
    ///
    /// # Errors
    /// [`Error::Other`] when it is not there or `parse` makes nothing of it.
    pub fn read<T>(&self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        let text = self.required(name)?;
        parse(&text).ok_or_else(|| spoilt(format!("`{name} {text}` cannot be read")))
    }

    /// A number that must be there.
    ///
    /// # Errors
    /// [`Error::Other`] when it is not there or is no number.
    pub fn number<T: FromStr>(&self, name: &str) -> Result<T> {
        self.read(name, |text| text.parse().ok())
    }

    /// All names and values.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The text that is kept.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.0 {
            // Values come from users; a line end in one must not begin a field.
            let value = value.replace('\\', "\\\\").replace('\n', "\\n");
            text.push_str(&format!("{name} {value}\n"));
        }
        text
    }

    /// Reads a text that was kept.
    ///
    /// # Errors
    /// [`Error::Other`] for a line that is no field.
    pub fn decode(text: &str) -> Result<Self> {
        let field = |line: &str| {
            let (name, value) = line.split_once(' ')?;
            Some((name.to_owned(), unescape(value)?))
        };
        let fields = text
            .split_terminator('\n')
            .map(|line| field(line).ok_or_else(|| spoilt(format!("`{line}` is no field"))))
            .collect::<Result<_>>()?;
        Ok(Self(fields))
    }
}

impl From<&[(String, String)]> for Fields {
    fn from(pairs: &[(String, String)]) -> Self {
        Self(pairs.to_vec())
    }
}

/// Why a record in the state cannot be used.
pub fn spoilt(reason: String) -> Error {
    Error::Other(format!("the driver's state is spoilt: {reason}"))
}

fn unescape(value: &str) -> Option<String> {
    let mut text = String::new();
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        text.push(match letter {
            '\\' => match letters.next()? {
                'n' => '\n',
                '\\' => '\\',
                _ => return None,
            },
            letter => letter,
        });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_values_hold_comes_back() {
        let mut fields = Fields::default();
        for value in ["", " ", "a b", "two\nlines", "back\\slash", "\\n", "\r", "é\u{0}"] {
            fields.push("value", value);
        }
        fields.push("size", 3);
        assert_eq!(Fields::decode(&fields.encode()), Ok(fields.clone()));
        assert_eq!(fields.encode().lines().count(), 9);
        assert_eq!(fields.number("size"), Ok(3_u64));
    }

    #[test]
    fn spoilt_texts_are_refused() {
        for text in ["name", "\n", "name a\\", "name \\x", "a 1\n\nb 2"] {
            assert!(Fields::decode(text).is_err(), "{text:?}");
        }
        let fields = Fields::decode("size many\n").unwrap();
        assert!(fields.number::<u64>("size").is_err());
        assert!(fields.required("pool").is_err());
    }
}
