//! The numbers of exports: each is one export's as long as the server may know it by that.
//! Called by `Ganesha`, under its lock.
//!
//! ```text
//! (none) ─ assign ─▶ "7" ─ leave ─▶ "7 leaving" ─ give_back ─▶ (none)
//!                     ▲                  │ assign: it is wanted again
//!                     └──────────────────┘
//! ```

use core::ops::RangeInclusive;

use super::Options;
use crate::state::{self, Change, Entity, FoundEntity};
use crate::{Error, Result};

/// The key of an export's number.
pub const KEY: &str = "export-number";

/// How the entity of an export begins; its name follows.
const ENTITY: &str = "export-";

/// What stands behind the number of an export that is being removed.
const LEAVING: &str = " leaving";

/// An export and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// The export's name.
    pub name: String,
    /// Its number.
    pub number: u16,
    /// Whether it is being removed.
    pub leaving: bool,
}

/// The number of an export, if it has one.
pub fn of(name: &str) -> Result<Option<u16>> {
    let value = Entity(&entity(name)).get(KEY)?;
    value.map(|value| parse(&value).map(|(number, _)| number)).transpose()
}

/// All exports that have a number.
pub fn all() -> Result<Vec<Numbered>> {
    state::find(KEY)?.iter().map(read).collect()
}

/// The number of an export that shall be there: its own, or the first that nobody has.
pub fn assign(name: &str, options: Options) -> Result<u16> {
    let range = options.range()?;
    let mut assigned = None;
    state::update(KEY, |found| {
        let all = found.iter().map(read).collect::<Result<Vec<_>>>()?;
        let own = all.iter().find(|one| one.name == name);
        let number = match own {
            Some(own) => own.number,
            None => free(&all, range.clone()).ok_or_else(|| exhausted(options, &range))?,
        };
        assigned = Some(number);
        match own {
            Some(own) if !own.leaving => Ok(Vec::new()),
            _ => Ok(vec![Change::set_key(&entity(name), KEY, &number.to_string())]),
        }
    })?;
    assigned.ok_or_else(|| Error::Other(format!("the export `{name}` got no number")))
}

/// Notes that an export is being removed, and says its number, if it has one.
pub fn leave(name: &str) -> Result<Option<u16>> {
    let Some(number) = of(name)? else { return Ok(None) };
    Entity(&entity(name)).set(KEY, &format!("{number}{LEAVING}"))?;
    Ok(Some(number))
}

/// Gives the number of an export back that the server no longer has.
pub fn give_back(name: &str) -> Result<()> {
    Ok(Entity(&entity(name)).clear()?)
}

fn entity(name: &str) -> String {
    format!("{ENTITY}{name}")
}

fn free(all: &[Numbered], mut range: RangeInclusive<u16>) -> Option<u16> {
    range.find(|number| all.iter().all(|one| one.number != *number))
}

fn exhausted(options: Options, range: &RangeInclusive<u16>) -> Error {
    Error::BackendFailed(format!(
        "all numbers of exports from {} to {} are in use; remove shares, or let this back end have \
         more by `{}`",
        range.start(),
        range.end(),
        options.export_ids
    ))
}

fn read(found: &FoundEntity) -> Result<Numbered> {
    let (number, leaving) = parse(&found.value)?;
    let name = found.entity.strip_prefix(ENTITY).unwrap_or(&found.entity).to_owned();
    Ok(Numbered { name, number, leaving })
}

fn parse(value: &str) -> Result<(u16, bool)> {
    let (text, leaving) = match value.strip_suffix(LEAVING) {
        Some(text) => (text, true),
        None => (value, false),
    };
    match text.parse() {
        Ok(number) => Ok((number, leaving)),
        Err(_) => Err(Error::Other(format!("the state holds `{value}` as an export's number"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_exports_until_it_is_given_back() {
        let found = |entity: &str, value: &str| {
            read(&FoundEntity { entity: entity.into(), value: value.into() })
        };
        let (one, two) = (found("export-a", "1"), found("export-b", "2 leaving"));
        let all = [one.unwrap(), two.unwrap()];
        assert_eq!(all[0], Numbered { name: "a".into(), number: 1, leaving: false });
        assert_eq!(all[1], Numbered { name: "b".into(), number: 2, leaving: true });
        assert_eq!(free(&all, 1..=9), Some(3));
        assert_eq!(free(&all, 5..=9), Some(5));
        assert_eq!(free(&all, 1..=2), None);
        for odd in ["", "x", "-1", "65536", "1 going"] {
            assert!(found("export-a", odd).is_err(), "{odd}");
        }
    }
}
