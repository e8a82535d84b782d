//! The contract as this runtime knows it: the bindings of the union world, and one row for
//! each interface that a driver can offer and each import that it can use.
//!
//! A new interface or import begins here: add its row, then its room in `backend/` or
//! `imports/`. An import that no policy can grant yet is `OnStage`: drivers are tested with it.

/// Generated from `wit/`; nothing outside this crate sees it under this name.
pub(crate) mod bindings {
    #![allow(missing_docs, unused_qualifications, reason = "generated")]
    // What `Json` derives is told in `abaca_json`.
    wasmtime::component::bindgen!({
        path: ["../../wit/host", "../../wit/driver"],
        world: "abaca:driver/driver",
        imports: { default: async | trappable },
        exports: { default: async },
        additional_derives: [PartialEq, abaca_json::Json],
    });
}

/// The package of the interfaces that drivers export.
pub(crate) const DRIVER_PACKAGE: &str = "abaca:driver";
/// The package of the interfaces that drivers import.
pub(crate) const HOST_PACKAGE: &str = "abaca:host";
/// The version of both. While it is 0.x the minor number must be the same in driver and
/// runtime; the patch number may differ.
pub(crate) const VERSION: (u64, u64) = (0, 1);

/// Whether a driver must offer an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// Every driver offers it.
    Required,
    /// An absent feature is an absent export.
    Optional,
    /// A driver offers at least one of the interfaces that say so: `access` or
    /// `access-by-rule`.
    OneOfAccess,
}

/// Where this runtime serves an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Served {
    /// Everywhere.
    Here,
    /// On a [`Stage`](crate::testing::Stage) and by a [`Replay`](crate::testing::Replay) alone: no
    /// policy can grant it yet, so a driver that uses it is tested, and no backend has it.
    OnStage,
    /// Nowhere: a component that has it is refused when it is loaded.
    Nowhere,
}

macro_rules! rows {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $word:literal, $served:ident, $need:expr, $purpose:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = $purpose] $variant,)*
        }

        impl $name {
            /// All of them, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in WIT.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What it is for, in a few words.
            #[must_use]
            pub fn purpose(self) -> &'static str {
                match self { $(Self::$variant => $purpose,)* }
            }

            /// Where this runtime serves it.
            #[must_use]
            pub fn served(self) -> Served {
                match self { $(Self::$variant => Served::$served,)* }
            }

            /// Whether a driver must have it.
            #[must_use]
            pub fn need(self) -> Need {
                match self { $(Self::$variant => $need,)* }
            }

            /// The one of this name, or none.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
}

rows! {
    /// An interface that a driver can offer.
    Interface {
        Backend = "backend", Here, Need::Required, "says what it is, whether it can work, how much there is";
        Shares = "shares", Here, Need::Required, "makes and removes shares";
        Pools = "pools", Here, Need::Optional, "knows the pool of a share";
        Extending = "extending", Here, Need::Optional, "makes shares larger";
        Shrinking = "shrinking", Here, Need::Optional, "makes shares smaller";
        Snapshots = "snapshots", Here, Need::Optional, "takes and removes snapshots";
        Clones = "clones", Here, Need::Optional, "makes shares from snapshots";
        Access = "access", Here, Need::OneOfAccess, "applies access rules as a set";
        AccessByRule = "access-by-rule", Here, Need::OneOfAccess, "applies access rules one at a time";
        Managing = "managing", Here, Need::Optional, "takes over shares and lets them go";
        ManagingSnapshots = "managing-snapshots", Here, Need::Optional, "takes over snapshots and lets them go";
        ShareServers = "share-servers", Here, Need::Optional, "sets up and removes share servers";
        ServerChoice = "server-choice", Here, Need::Optional, "chooses among share servers";
        ConsistencyGroups = "consistency-groups", Here, Need::Optional, "keeps groups of shares and their snapshots";
        Replication = "replication", Here, Need::Optional, "keeps a share in several places";
        ReplicatedSnapshots = "replicated-snapshots", Here, Need::Optional, "takes snapshots of replicated shares";
        Migration = "migration", Here, Need::Optional, "moves shares to another back end";
        MigrationInfo = "migration-info", Here, Need::Optional, "says how to mount a share for copying";
        PeriodicHook = "periodic-hook", Here, Need::Optional, "gathers facts for periodic hooks";
    }
}

rows! {
    /// An interface of the host that a driver can use.
    Import {
        Command = "command", Here, Need::Optional, "runs programs that the policy grants";
        Files = "files", Here, Need::Optional, "works on files beneath granted roots";
        Mounts = "mounts", Here, Need::Optional, "mounts granted things at granted places";
        Ssh = "ssh", OnStage, Need::Optional, "runs programs on granted remotes";
        Config = "config", Here, Need::Optional, "reads its options";
        Http = "http", Nowhere, Need::Optional, "sends requests to granted origins";
        Network = "network", Here, Need::Optional, "leases addresses for share servers";
        State = "state", Here, Need::Optional, "keeps a durable state of its own";
        Lock = "lock", Here, Need::Optional, "takes named locks between calls";
        Clock = "clock", Here, Need::Optional, "reads the time and waits";
        Log = "log", Here, Need::Optional, "writes to the operator's log";
    }
}
