//! Logical volumes of a named volume group.
//!
//! A guest writes `GROUP/VOLUME` and never a path below `/dev`; the rule says
//! what the program is told. A path there is a link that root alone makes, so it
//! can stand as text.

use std::fmt;
use std::sync::Arc;

use crate::aspect::{Aspects, aspects, named};
use crate::class::Class;
use crate::error::Flaw;
use crate::grant::Argument;
use crate::load::fields::{Fields, Value, choice, text};
use crate::load::scope::Scope;
use crate::matcher::Reading;
use crate::matcher::dataset::name_within;
use crate::matcher::name::NameType;
use crate::outline::Outline;
use crate::owned::{Container, Object, Owner};
use crate::text::shown;

/// What LVM allows in names of groups and volumes.
const LETTERS: Class =
    Class::of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+-");

/// Longest name of a group or volume, as LVM has it.
const MAX_NAME: usize = 127;

/// A volume of a group.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    group: String,
    name: Arc<NameType>,
    pass: Pass,
    owner: Option<Owner>,
}

/// How the program is told the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// `group/volume`, as LVM's own tools know it.
    Name,
    /// `/dev/group/volume`
    Dev,
    /// `/dev/mapper/group-volume`, with every `-` of the names doubled.
    Mapper,
}

const PASSES: [(&str, Pass); 3] =
    [("name", Pass::Name), ("dev", Pass::Dev), ("mapper", Pass::Mapper)];

impl Device {
    pub(crate) fn load(value: &Value<'_>, scope: &Scope) -> Result<Device, Flaw> {
        let fields = Fields::new(value, "`device`", &["group", "name", "pass", "owner"])?;
        let group = fields.require("group")?;
        let group_name = text(group, "`group`")?;
        let plain = group_name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && group_name.chars().all(|c| LETTERS.contains(c));
        if !plain || group_name.len() > MAX_NAME {
            return Err(Flaw::new(
                group.span(),
                format!("{} is no name of a volume group", shown(group_name)),
            )
            .help("write it as `vgs` prints it, without `/dev`"));
        }
        let name = fields.require("name")?;
        let pass = choice(fields.require("pass")?, "way to pass a device", &PASSES)?;
        let name = name_within(name, scope, LETTERS, "a volume's name")?;
        let owner = Owner::load(&fields)?;
        Ok(Device { group: group_name.to_owned(), name, pass, owner })
    }

    /// True if the program is told a path.
    pub(crate) fn is_path(&self) -> bool {
        self.pass != Pass::Name
    }

    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        let volume = word.strip_prefix(self.group.as_str())?.strip_prefix('/')?;
        if volume.len() > MAX_NAME || !self.name.accepts(volume) {
            return None;
        }
        let runs = match self.pass {
            Pass::Name => word.to_owned(),
            Pass::Dev => format!("/dev/{word}"),
            Pass::Mapper => {
                let doubled = |name: &str| name.replace('-', "--");
                format!("/dev/mapper/{}-{}", doubled(&self.group), doubled(volume))
            }
        };
        let values = vec![("device".to_owned(), word.to_owned())];
        let claim = self.owner.map(|owner| {
            owner.claim(Object { container: self.container(), name: volume.to_owned() })
        });
        Some(Reading {
            argument: Argument::Text(runs),
            values,
            claims: claim.into_iter().collect(),
        })
    }

    pub(crate) fn owner(&self) -> Option<Owner> {
        self.owner
    }

    pub(crate) fn container(&self) -> Container {
        Container::Group(self.group.clone())
    }

    /// Exact; `pass` does not tell two matchers apart, since it is not written.
    pub(crate) fn intersects(&self, other: &Device) -> bool {
        self.group == other.group && self.name.intersects(&other.name)
    }

    /// Exact but for the longest names.
    pub(crate) fn covers(&self, other: &Device) -> bool {
        self.group == other.group
            && self.pass == other.pass
            && Owner::covers(self.owner, other.owner)
            && self.name.covers(&other.name)
    }

    pub(crate) fn aspects(&self) -> Aspects {
        let pass = PASSES.iter().find(|(_, pass)| *pass == self.pass).map_or("", |(word, _)| word);
        aspects([
            ("device.group", self.group.clone()),
            ("device.pass", pass.to_owned()),
            ("device.owner", Owner::word(self.owner)),
        ])
        .then(named("device.name", self.name.aspects()))
    }

    pub(crate) fn outline(&self) -> Outline {
        Outline::default().text(&self.group).text("/").then(self.name.outline())
    }
}

/// `<lvm-shares/NAME:share device>`
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = Owner::shown(self.owner);
        write!(f, "<{}/NAME:{}{owner} device>", self.group, self.name.name())
    }
}
