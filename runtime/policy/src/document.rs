//! A policy or manifest as a tree of values, and the one spelling that we write it in.
//!
//! It knows nothing of rules: the loader has refused every key and value that means nothing, so
//! what is left in the tree is what is enforced. Written by `review` and `manifest`, so that what
//! people see, what stands in a file and what is enforced are one text. Everything but visible
//! ASCII is escaped; comments and spelling of whoever wrote the source are gone.

use std::collections::BTreeMap;
use std::fmt::Write;

use toml::de::DeValue;

use crate::error::Flaw;
use crate::load::fields::Value;

/// How wide a line may be before a list gets a line for each entry: what a terminal shows whole.
const WIDTH: usize = 100;

/// How much deeper the entries of a list stand.
const INDENT: &str = "    ";

/// The keys that people look for first, in the order in which they are written; all others
/// follow by name.
const FIRST: [&str; 16] = [
    "schema", "driver", "id", "program", "args", "root", "under", "leaf", "name", "verbs",
    "content", "flag", "value", "path", "purpose", "first",
];

/// A value of the language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Node>),
    Table(Table),
}

/// Values by their keys.
pub(crate) type Table = BTreeMap<String, Node>;

impl Node {
    /// The tree of a value.
    ///
    /// # Errors
    /// Where the source has a kind of value that the language has no use for.
    pub(crate) fn read(value: &Value<'_>) -> Result<Node, Flaw> {
        let foreign = || {
            let kind = value.get_ref().type_str();
            Flaw::new(value.span(), format!("a {kind} means nothing here"))
                .help("write a text, a whole number, true, false, a list or a table")
        };
        Ok(match value.get_ref() {
            DeValue::String(text) => Node::Text(text.clone().into_owned()),
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(number.as_str(), number.radix());
                Node::Integer(number.map_err(|_| foreign())?)
            }
            DeValue::Boolean(yes) => Node::Boolean(*yes),
            DeValue::Array(items) => {
                Node::List(items.iter().map(Node::read).collect::<Result<_, _>>()?)
            }
            DeValue::Table(members) => {
                let read = |(key, value): (&toml::Spanned<_>, &Value<'_>)| {
                    let key: &std::borrow::Cow<'_, str> = key.get_ref();
                    Ok((key.clone().into_owned(), Node::read(value)?))
                };
                Node::Table(members.iter().map(read).collect::<Result<_, Flaw>>()?)
            }
            _ => return Err(foreign()),
        })
    }

    pub(crate) fn as_table(&self) -> Option<&Table> {
        match self {
            Node::Table(table) => Some(table),
            _ => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[Node]> {
        match self {
            Node::List(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// On one line.
    fn inline(&self) -> String {
        match self {
            Node::Text(text) => quoted(text),
            Node::Integer(number) => number.to_string(),
            Node::Boolean(yes) => yes.to_string(),
            Node::List(items) => {
                format!("[{}]", items.iter().map(Node::inline).collect::<Vec<_>>().join(", "))
            }
            Node::Table(members) if members.is_empty() => "{}".to_owned(),
            Node::Table(members) => {
                let members = in_order(members)
                    .into_iter()
                    .map(|(key, value)| format!("{} = {}", spelt(key), value.inline()));
                format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// On one line if that is short, else with a line for each entry of a list.
    fn laid_out(&self, before: usize) -> String {
        let inline = self.inline();
        match self {
            Node::List(items) if before + inline.len() > WIDTH => {
                let lines = items.iter().map(|item| format!("{INDENT}{},\n", item.inline()));
                format!("[\n{}]", lines.collect::<String>())
            }
            _ => inline,
        }
    }
}

/// Writes the keys of a table, one after the other, beneath a header that stands already.
pub(crate) fn write_keys(out: &mut String, table: &Table) {
    for (key, value) in in_order(table) {
        let key = spelt(key);
        let value = value.laid_out(key.len() + " = ".len());
        let _ = writeln!(out, "{key} = {value}");
    }
}

/// Writes each table that a table holds under a header of its own, such as `[roots.shares]`.
pub(crate) fn write_sections(out: &mut String, header: &str, table: &Table) {
    for (key, value) in table {
        if let Some(members) = value.as_table() {
            let _ = writeln!(out, "\n[{header}.{}]", spelt(key));
            write_keys(out, members);
        }
    }
}

fn in_order(table: &Table) -> Vec<(&String, &Node)> {
    let rank = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    let mut members: Vec<_> = table.iter().collect();
    members.sort_by_key(|(key, _)| (rank(key), key.as_str()));
    members
}

/// A key: bare where TOML lets it be.
fn spelt(key: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if !key.is_empty() && key.bytes().all(bare) { key.to_owned() } else { quoted(key) }
}

/// A text in which everything but visible ASCII and the space is escaped.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        let code = u32::from(character);
        let _ = match character {
            '"' | '\\' => write!(out, "\\{character}"),
            ' '..='~' => write!(out, "{character}"),
            _ if code <= 0xFFFF => write!(out, "\\u{code:04X}"),
            _ => write!(out, "\\U{code:08X}"),
        };
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::Spanned;
    use toml::de::DeTable;

    fn read(source: &str) -> Table {
        let table = DeTable::parse(source).unwrap();
        let value = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
        Node::read(&value).unwrap().as_table().unwrap().clone()
    }

    #[test]
    fn what_is_written_reads_as_it_was() {
        let source = "b = [1, \"\u{202e}ü\\u0000\\\"\\\\\u{1F600}\"]\n\"a b\" = { x.y = true }\n\
                      id = 0x10\nlong = [\"0123456789012345678901234567890123456789\", \
                      \"0123456789012345678901234567890123456789\", [\"0123456789\"], {}]\n";
        let table = read(source);
        let mut text = String::new();
        write_keys(&mut text, &table);
        assert!(text.is_ascii() && text.starts_with("id = 16\n\"a b\" = { x = { y = true } }\n"));
        assert!(text.lines().count() > 4, "{text}");
        assert_eq!(read(&text), table);
    }
}
