//! Names as arguments: of a type, and where the policy says so, of something that the backend
//! has made or that the program makes.
//!
//! A bare name does not tell where it is one, so an owned one says that too: `in`.

use std::fmt;
use std::sync::Arc;

use crate::aspect::{Aspects, aspects, named};
use crate::error::Flaw;
use crate::grant::Argument;
use crate::load::fields::{Fields, Value, identifier, literal};
use crate::load::scope::Scope;
use crate::matcher::Reading;
use crate::matcher::name::NameType;
use crate::outline::Outline;
use crate::owned::{Container, Object, Owner};

/// Where an owned name can be one.
const PLACES: [&str; 3] = ["group", "dataset", "space"];

/// A name of a type.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    name: Arc<NameType>,
    owned: Option<(Owner, Container)>,
}

impl Named {
    /// Reads the whole matcher: `{ name = "TYPE", owner = "self", in = { group = "vg" } }`.
    pub(crate) fn load(value: &Value<'_>, scope: &Scope) -> Result<Named, Flaw> {
        let fields = Fields::new(value, "a matcher", &["name", "owner", "in"])?;
        let name = scope.name_type(fields.require("name")?)?;
        let owned = match (Owner::load(&fields)?, fields.get("in")) {
            (None, None) => None,
            (Some(owner), Some(place)) => Some((owner, load_container(place)?)),
            (Some(_), None) => {
                return Err(Flaw::new(value.span(), "an owned name needs the key `in`")
                    .help("say where it is one, such as `in = { group = \"vg0\" }`"));
            }
            (None, Some(place)) => {
                return Err(Flaw::new(place.span(), "`in` without `owner`")
                    .help("add `owner = \"self\"` or `owner = \"new\"`, or leave out `in`"));
            }
        };
        Ok(Named { name, owned })
    }

    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        if !self.name.accepts(word) {
            return None;
        }
        let claim = |(owner, container): &(Owner, Container)| {
            owner.claim(Object { container: container.clone(), name: word.to_owned() })
        };
        Some(Reading {
            argument: Argument::Text(word.to_owned()),
            values: vec![(self.name.name().to_owned(), word.to_owned())],
            claims: self.owned.iter().map(claim).collect(),
        })
    }

    pub(crate) fn name_type(&self) -> &NameType {
        &self.name
    }

    pub(crate) fn owner(&self) -> Option<Owner> {
        self.owned.as_ref().map(|(owner, _)| *owner)
    }

    pub(crate) fn container(&self) -> Option<Container> {
        self.owned.as_ref().map(|(_, container)| container.clone())
    }

    /// Exact.
    pub(crate) fn intersects(&self, other: &Named) -> bool {
        self.name.intersects(&other.name)
    }

    /// Exact.
    pub(crate) fn covers(&self, other: &Named) -> bool {
        let places = self.owned.is_none() || self.container() == other.container();
        places && Owner::covers(self.owner(), other.owner()) && self.name.covers(&other.name)
    }

    pub(crate) fn aspects(&self) -> Aspects {
        let place = self.container().map(|place| place.to_string()).unwrap_or_default();
        named("name", self.name.aspects())
            .then(aspects([("name.owner", Owner::word(self.owner())), ("name.in", place)]))
    }

    pub(crate) fn outline(&self) -> Outline {
        self.name.outline()
    }
}

fn load_container(value: &Value<'_>) -> Result<Container, Flaw> {
    let fields = Fields::new(value, "`in`", &PLACES)?;
    let mut places = PLACES.into_iter().filter_map(|place| Some((place, fields.get(place)?)));
    let (Some((place, name)), None) = (places.next(), places.next()) else {
        return Err(Flaw::new(value.span(), "`in` names one place")
            .help(format!("write one of the keys {}", PLACES.join(", "))));
    };
    Ok(match place {
        "group" => Container::Group(literal(name, "`group`")?.to_owned()),
        "dataset" => Container::Dataset(literal(name, "`dataset`")?.to_owned()),
        _ => Container::Space(identifier(name, "`space`")?.to_owned()),
    })
}

/// `<NAME:volume own>`
impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<NAME:{}{}>", self.name.name(), Owner::shown(self.owner()))
    }
}
