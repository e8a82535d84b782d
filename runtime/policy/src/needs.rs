//! What a driver needs beside rules: options, other machines, networks, room, time.
//!
//! Plain data that `Manifest` lends out. A need is a bound as well: a driver gets what it needs or
//! what the operator allows, whichever is less. Who enforces which is said at each field.

use std::time::Duration;

use serde::Serialize;

/// The part `[needs]` of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Needs {
    /// The options that it declares, by name. The runtime compares them with what the driver
    /// declares when it is loaded.
    pub options: Vec<OptionNeed>,
    /// Machines on which it runs programs: for the import `ssh`.
    pub remotes: Vec<NamedNeed>,
    /// Servers that it sends requests to: for the import `http`.
    pub origins: Vec<NamedNeed>,
    /// For whom it leases addresses, `user` or `admin`: for the import `network`.
    pub networks: Vec<NamedNeed>,
    /// Most bytes of its own state, which the import `state` keeps; without it no state at all.
    #[serde(rename = "state_bytes")]
    pub state: Option<u64>,
    /// The bounds of each of its calls.
    pub limits: LimitNeeds,
}

/// An option that a driver needs to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OptionNeed {
    /// The option's name.
    pub name: String,
    /// What for, in the vendor's words.
    pub purpose: String,
    /// Whether its value is secret.
    pub secret: bool,
}

/// Something outside that has a name in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedNeed {
    /// Its name.
    pub name: String,
    /// What for, in the vendor's words.
    pub purpose: String,
}

/// The bounds of a call; where there is none, the runtime's own holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct LimitNeeds {
    /// From its beginning to its end.
    #[serde(rename = "wall_ms", serialize_with = "milliseconds")]
    pub wall: Option<Duration>,
    /// Computing of its own.
    #[serde(rename = "cpu_ms", serialize_with = "milliseconds")]
    pub cpu: Option<Duration>,
    /// Bytes of memory.
    #[serde(rename = "memory_bytes")]
    pub memory: Option<u64>,
}

impl Needs {
    /// True if `other` needs nothing that these do not. An option without a secret is no more:
    /// its value is the operator's own.
    pub fn covers(&self, other: &Needs) -> bool {
        let named = |ours: &[NamedNeed], others: &[NamedNeed]| {
            others.iter().all(|one| ours.iter().any(|our| our.name == one.name))
        };
        let secrets = other.options.iter().filter(|one| one.secret);
        let known = |name: &str| self.options.iter().any(|our| our.secret && our.name == name);
        secrets.map(|one| one.name.as_str()).all(known)
            && named(&self.remotes, &other.remotes)
            && named(&self.origins, &other.origins)
            && named(&self.networks, &other.networks)
            // Without this need there is no state, without a limit there is the runtime's.
            && self.state.unwrap_or(0) >= other.state.unwrap_or(0)
            && at_most(self.limits.wall, other.limits.wall)
            && at_most(self.limits.cpu, other.limits.cpu)
            && at_most(self.limits.memory, other.limits.memory)
    }

    /// Whether it needs to lease addresses for these: `user` or `admin`.
    pub fn leases_for(&self, label: &str) -> bool {
        self.networks.iter().any(|one| one.name == label)
    }
}

/// True if `other` is no more than `ours`; none is as much as there is.
fn at_most<T: PartialOrd>(ours: Option<T>, other: Option<T>) -> bool {
    match (ours, other) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(ours), Some(other)) => other <= ours,
    }
}

fn milliseconds<S: serde::Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).serialize(serializer)
}
