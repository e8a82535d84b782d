//! What this driver holds, and how each record reads in the state: shares, snapshots, share
//! servers and groups. Called by `world`; the interfaces change the records through it.

use abaca_sdk::{AccessLevel, AccessRule, AccessType, Pair, Result, ShareProtocol};

use crate::fields::{Fields, spoilt};

/// How often a replica must be updated until it is in sync.
pub const SYNC_STEPS: u8 = 2;

/// How far a snapshot or migration is that is done, in percent.
pub const DONE: u8 = 100;

/// A record that has a kind and can be kept.
pub trait Held: Sized {
    /// The first part of the entity's name; the second is the identifier.
    const KIND: &'static str;

    /// The fields that are kept.
    fn write(&self) -> Fields;

    /// The record that was kept as these fields.
    ///
    /// # Errors
    /// `Error::Other` for fields that no record of this kind has.
    fn read(fields: &Fields) -> Result<Self>;
}

/// A share instance; a replica is one too.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldShare {
    /// Its name on the back end, a part of its export locations.
    pub place: String,
    /// What it was promised, in GiB.
    pub size: u64,
    /// The pool that it lies in.
    pub pool: String,
    /// How clients reach it.
    pub protocol: ShareProtocol,
    /// The share server that carries it.
    pub server: Option<String>,
    /// The consistency group that it is a member of.
    pub group: Option<String>,
    /// Who is let in.
    pub rules: Vec<HeldRule>,
    /// The last migration that was not cancelled.
    pub migration: Option<HeldMigration>,
    /// Set when it is a replica.
    pub replica: Option<HeldReplica>,
}

/// One access rule that is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldRule {
    /// How `access_to` is meant.
    pub access_type: AccessType,
    /// Who is let in.
    pub access_to: String,
    /// What they may do.
    pub access_level: AccessLevel,
}

/// A share's way to somewhere else.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldMigration {
    /// `host@backend#pool`, as the service named it.
    pub destination: String,
    /// The export host there.
    pub export_host: String,
    /// 0 to [`DONE`].
    pub progress: u8,
    /// The second phase is over too.
    pub completed: bool,
}

/// What a replica is for its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldReplica {
    /// The one that clients write to.
    Active,
    /// A copy that was updated so often; in sync from [`SYNC_STEPS`] on.
    Updated(u8),
}

/// A snapshot instance; a member of a group snapshot is one too.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldSnapshot {
    /// The share instance that it was taken of.
    pub share: String,
    /// That share's size at the time, in GiB.
    pub size: u64,
    /// Where the back end keeps it: the share's place, `@` and a name.
    pub location: String,
    /// 0 to [`DONE`]; less only on a replica that is not active.
    pub progress: u8,
    /// The group snapshot that it is a member of.
    pub group_snapshot: Option<String>,
}

/// A share server: what `setup_server` has answered.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldServer {
    /// Its details; no password is among them.
    pub details: Vec<Pair>,
}

/// A consistency group; its members are the shares that name it.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldGroup {
    /// The share server that carries it.
    pub server: Option<String>,
}

impl HeldServer {
    /// One of its details, or none.
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.details.iter().find(|detail| detail.0 == name).map(|detail| detail.1.as_str())
    }
}

impl From<&AccessRule> for HeldRule {
    fn from(rule: &AccessRule) -> Self {
        Self {
            access_type: rule.access_type,
            access_to: rule.access_to.clone(),
            access_level: rule.access_level,
        }
    }
}

/// Names for the cases of an enum, once for writing and reading.
macro_rules! words {
    ($to:ident, $from:ident, $type:ident { $($case:ident = $word:literal),+ $(,)? }) => {
        /// How the case is written.
        pub fn $to(case: $type) -> &'static str {
            match case { $($type::$case => $word,)+ }
        }

        fn $from(word: &str) -> Option<$type> {
            match word {
                $($word => Some($type::$case),)+
                _ => None,
            }
        }
    };
}

words!(protocol_word, protocol_of, ShareProtocol {
    Nfs = "nfs", Cifs = "cifs", Glusterfs = "glusterfs", Hdfs = "hdfs", Cephfs = "cephfs",
});
words!(type_word, type_of, AccessType { Ip = "ip", User = "user", Cert = "cert", Cephx = "cephx" });
words!(level_word, level_of, AccessLevel { Rw = "rw", Ro = "ro" });

impl HeldReplica {
    fn word(self) -> String {
        match self {
            Self::Active => "active".to_owned(),
            Self::Updated(times) => times.to_string(),
        }
    }

    fn of(word: &str) -> Option<Self> {
        match word {
            "active" => Some(Self::Active),
            times => times.parse().ok().map(Self::Updated),
        }
    }
}

impl HeldRule {
    fn of(text: &str) -> Result<Self> {
        let rule = || {
            let mut words = text.splitn(3, ' ');
            Some(Self {
                access_type: type_of(words.next()?)?,
                access_level: level_of(words.next()?)?,
                access_to: words.next()?.to_owned(),
            })
        };
        rule().ok_or_else(|| spoilt(format!("`{text}` is no access rule")))
    }
}

impl HeldMigration {
    fn read(fields: &Fields) -> Result<Option<Self>> {
        let Some(destination) = fields.text("destination") else { return Ok(None) };
        Ok(Some(Self {
            destination,
            export_host: fields.required("destination-host")?,
            progress: fields.number("progress")?,
            completed: fields.read("completed", |text| text.parse().ok())?,
        }))
    }
}

impl Held for HeldShare {
    const KIND: &'static str = "share";

    fn write(&self) -> Fields {
        let mut fields = Fields::default();
        fields.push("place", &self.place);
        fields.push("size", self.size);
        fields.push("pool", &self.pool);
        fields.push("protocol", protocol_word(self.protocol));
        fields.push_some("server", self.server.as_ref());
        fields.push_some("group", self.group.as_ref());
        fields.push_some("replica", self.replica.map(HeldReplica::word));
        if let Some(migration) = &self.migration {
            fields.push("destination", &migration.destination);
            fields.push("destination-host", &migration.export_host);
            fields.push("progress", migration.progress);
            fields.push("completed", migration.completed);
        }
        for rule in &self.rules {
            let (kind, level) = (type_word(rule.access_type), level_word(rule.access_level));
            fields.push("rule", format!("{kind} {level} {}", rule.access_to));
        }
        fields
    }

    fn read(fields: &Fields) -> Result<Self> {
        Ok(Self {
            place: fields.required("place")?,
            size: fields.number("size")?,
            pool: fields.required("pool")?,
            protocol: fields.read("protocol", protocol_of)?,
            server: fields.text("server"),
            group: fields.text("group"),
            replica: match fields.text("replica") {
                Some(_) => Some(fields.read("replica", HeldReplica::of)?),
                None => None,
            },
            migration: HeldMigration::read(fields)?,
            rules: fields.all("rule").map(HeldRule::of).collect::<Result<_>>()?,
        })
    }
}

impl Held for HeldSnapshot {
    const KIND: &'static str = "snapshot";

    fn write(&self) -> Fields {
        let mut fields = Fields::default();
        fields.push("share", &self.share);
        fields.push("size", self.size);
        fields.push("location", &self.location);
        fields.push("progress", self.progress);
        fields.push_some("group-snapshot", self.group_snapshot.as_ref());
        fields
    }

    fn read(fields: &Fields) -> Result<Self> {
        Ok(Self {
            share: fields.required("share")?,
            size: fields.number("size")?,
            location: fields.required("location")?,
            progress: fields.number("progress")?,
            group_snapshot: fields.text("group-snapshot"),
        })
    }
}

impl Held for HeldServer {
    const KIND: &'static str = "server";

    fn write(&self) -> Fields {
        Fields::from(self.details.as_slice())
    }

    fn read(fields: &Fields) -> Result<Self> {
        Ok(Self { details: fields.pairs().to_vec() })
    }
}

impl Held for HeldGroup {
    const KIND: &'static str = "group";

    fn write(&self) -> Fields {
        let mut fields = Fields::default();
        fields.push_some("server", self.server.as_ref());
        fields
    }

    fn read(fields: &Fields) -> Result<Self> {
        Ok(Self { server: fields.text("server") })
    }
}
