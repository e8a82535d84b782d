//! Short ways to say what a driver is and what it has: [`Description`],
//! [`OptionDeclaration`], [`ShareStats`], [`Capacity`], [`ExportLocation`].
//!
//! Called by drivers, mostly in `describe` and `get_share_stats`. The records are
//! WIT; every field stays public for what has no short way.

use crate::{Capacity, Description, ExportLocation, OptionDeclaration, OptionType};
use crate::{ShareProtocol, ShareStats};

/// Bytes in one GiB, the unit of every share's size.
pub const GIB: u64 = 1 << 30;

impl Description {
    /// A driver of this name (`[a-z][a-z0-9-]*`) and semantic version, for one
    /// protocol, without share servers and without options.
    #[must_use]
    pub fn new(name: &str, version: &str, protocol: ShareProtocol) -> Self {
        Self {
            name: name.to_owned(),
            vendor: String::new(),
            version: version.to_owned(),
            protocols: vec![protocol],
            share_server_modes: vec![false],
            options: Vec::new(),
            withheld_interfaces: Vec::new(),
        }
    }

    /// Says who makes it.
    #[must_use]
    pub fn vendor(mut self, vendor: &str) -> Self {
        vendor.clone_into(&mut self.vendor);
        self
    }

    /// Adds a protocol.
    #[must_use]
    pub fn protocol(mut self, protocol: ShareProtocol) -> Self {
        self.protocols.push(protocol);
        self
    }

    /// Replaces the modes: `true` is with share servers, `false` without.
    #[must_use]
    pub fn share_server_modes(mut self, modes: &[bool]) -> Self {
        self.share_server_modes = modes.to_vec();
        self
    }

    /// Adds an option.
    #[must_use]
    pub fn option(mut self, option: OptionDeclaration) -> Self {
        self.options.push(option);
        self
    }
}

impl OptionDeclaration {
    /// An option that may be absent. Its name begins with the driver's own; `help`
    /// is one or two sentences for the operator.
    #[must_use]
    pub fn new(name: &str, option_type: OptionType, help: &str) -> Self {
        Self {
            name: name.to_owned(),
            option_type,
            help: help.to_owned(),
            default: None,
            required: false,
            secret: false,
            deprecated_names: Vec::new(),
        }
    }

    /// The value that holds when the operator sets none.
    #[must_use]
    pub fn or(mut self, default: &str) -> Self {
        self.default = Some(default.to_owned());
        self
    }

    /// The operator must set it.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Its value is never shown, logged or recorded, and the driver never sees it: the operator
    /// names a file that holds it, and [`config::secret`](crate::config::secret) answers the name
    /// by which it may be passed on. Only a text without a default can be secret.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// A name it had in an earlier version.
    #[must_use]
    pub fn formerly(mut self, name: &str) -> Self {
        self.deprecated_names.push(name.to_owned());
        self
    }
}

impl Capacity {
    /// So many bytes.
    #[must_use]
    pub fn from_bytes(bytes: u64) -> Self {
        Self::Gib(bytes as f64 / GIB as f64)
    }
}

impl ShareStats {
    /// A back end without pools, quality of service or replication.
    #[must_use]
    pub fn new(total: Capacity, free: Capacity) -> Self {
        Self {
            total_capacity: total,
            free_capacity: free,
            qos: false,
            replication_type: None,
            consistency_group_support: None,
            pools: Vec::new(),
            extra: Vec::new(),
        }
    }
}

impl ExportLocation {
    /// A location for users, without further facts.
    #[must_use]
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), is_admin_only: false, metadata: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacities_are_gib() {
        assert_eq!(Capacity::from_bytes(3 * GIB / 2), Capacity::Gib(1.5));
        assert_eq!(Capacity::from_bytes(0), Capacity::Gib(0.0));
    }

    #[test]
    fn options_say_what_was_asked() {
        let option = OptionDeclaration::new("dir_mode", OptionType::Text, "Bits.").or("0700");
        assert_eq!(option.default.as_deref(), Some("0700"));
        assert!(!option.secret && !option.required);
        let option = OptionDeclaration::new("dir_token", OptionType::Text, "A token.").secret();
        assert!(option.secret && option.default.is_none());
    }
}
