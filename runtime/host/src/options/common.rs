//! The options that every backend has, whatever its driver: upstream's share, ssh and ganesha
//! options by their names, types and defaults (`share_opts`, `ssh_opts` and `ganesha_opts` of
//! `manila/share/driver.py`). Data only.

use crate::types::{OptionDeclaration, OptionType};

/// One row: name, type, default, required, names it had before, help.
type Row =
    (&'static str, OptionType, Option<&'static str>, bool, &'static [&'static str], &'static str);

const ROWS: &[Row] = &[
    (
        "driver_handles_share_servers",
        OptionType::Boolean,
        None,
        true,
        &[],
        "Whether the driver makes a share server for each share network (true) or serves shares as \
      they are (false). It must be a mode that the driver has.",
    ),
    (
        "share_backend_name",
        OptionType::Text,
        None,
        false,
        &[],
        "The name under which the scheduler knows this back end. Default: the backend's name.",
    ),
    (
        "num_shell_tries",
        OptionType::Integer,
        Some("3"),
        false,
        &[],
        "How often a command that may fail for the moment is tried; at least 1.",
    ),
    (
        "reserved_share_percentage",
        OptionType::Integer,
        Some("0"),
        false,
        &[],
        "Percent of the capacity that the scheduler leaves free.",
    ),
    (
        "max_over_subscription_ratio",
        OptionType::Float,
        Some("20.0"),
        false,
        &[],
        "How many times the capacity may be promised to shares that take space only when written; \
      at least 1.",
    ),
    (
        "network_config_group",
        OptionType::Text,
        None,
        false,
        &[],
        "The network from which share servers get their addresses on the users' side. Default: the \
      network options of the backend itself.",
    ),
    (
        "admin_network_config_group",
        OptionType::Text,
        None,
        false,
        &[],
        "The network from which share servers get their addresses on the operator's side. Without \
      it there is none.",
    ),
    (
        "migration_ignore_files",
        OptionType::TextList,
        Some("lost+found"),
        false,
        &[],
        "Names at the top of a share that are not copied when it is migrated.",
    ),
    (
        "share_mount_template",
        OptionType::Text,
        Some("mount -vt %(proto)s %(export)s %(path)s"),
        false,
        &[],
        "The command that mounts a share of this backend: %(proto)s, %(export)s and %(path)s stand \
      for protocol, export location and place.",
    ),
    (
        "share_unmount_template",
        OptionType::Text,
        Some("umount -v %(path)s"),
        false,
        &[],
        "The command that unmounts a share of this backend: %(path)s stands for the place.",
    ),
    (
        "migration_readonly_rules_support",
        OptionType::Boolean,
        Some("true"),
        false,
        &["migration_readonly_support"],
        "Whether a share can be made read-only by its rules while it is copied.",
    ),
    (
        "replication_domain",
        OptionType::Text,
        None,
        false,
        &[],
        "Back ends with the same domain can replicate to each other. A service that embeds the \
      library reads it and passes replicas of several back ends; the commands of `abaca` do not.",
    ),
    (
        "ssh_conn_timeout",
        OptionType::Integer,
        Some("60"),
        false,
        &[],
        "Seconds that connecting by ssh may take; at least 1.",
    ),
    (
        "ssh_min_pool_conn",
        OptionType::Integer,
        Some("1"),
        false,
        &[],
        "The least number of ssh connections that are kept; at most `ssh_max_pool_conn`.",
    ),
    (
        "ssh_max_pool_conn",
        OptionType::Integer,
        Some("10"),
        false,
        &[],
        "The greatest number of ssh connections that are kept.",
    ),
    (
        "ganesha_config_dir",
        OptionType::Text,
        Some("/etc/ganesha"),
        false,
        &[],
        "The directory of the NFS server's configuration.",
    ),
    (
        "ganesha_config_path",
        OptionType::Text,
        Some("$ganesha_config_dir/ganesha.conf"),
        false,
        &[],
        "The NFS server's main configuration file.",
    ),
    (
        "ganesha_nfs_export_options",
        OptionType::Text,
        Some("maxread = 65536, prefread = 65536"),
        false,
        &[],
        "Options of each NFS export.",
    ),
    (
        "ganesha_service_name",
        OptionType::Text,
        Some("ganesha.nfsd"),
        false,
        &[],
        "The name of the NFS server's service.",
    ),
    (
        "ganesha_db_path",
        OptionType::Text,
        Some("$state_path/manila-ganesha.db"),
        false,
        &[],
        "The file that holds the numbers of NFS exports.",
    ),
    (
        "ganesha_export_dir",
        OptionType::Text,
        Some("$ganesha_config_dir/export.d"),
        false,
        &[],
        "The directory of the NFS server's export blocks.",
    ),
    (
        "ganesha_export_template_dir",
        OptionType::Text,
        Some("/etc/manila/ganesha-export-templ.d"),
        false,
        &[],
        "The directory of templates for export blocks.",
    ),
];

/// What the whole numbers among them may be, from and to.
pub(super) const BOUNDS: [(&str, i64, i64); 5] = [
    ("num_shell_tries", 1, i64::MAX),
    ("reserved_share_percentage", 0, 100),
    ("ssh_conn_timeout", 1, i64::MAX),
    ("ssh_min_pool_conn", 0, i64::MAX),
    ("ssh_max_pool_conn", 1, i64::MAX),
];

/// The options that every backend has.
#[must_use]
pub fn common() -> Vec<OptionDeclaration> {
    let declaration =
        |(name, option_type, default, required, before, help): &Row| OptionDeclaration {
            name: (*name).to_owned(),
            option_type: *option_type,
            help: (*help).to_owned(),
            default: default.map(str::to_owned),
            required: *required,
            secret: false,
            deprecated_names: before.iter().map(|name| (*name).to_owned()).collect(),
        };
    ROWS.iter().map(declaration).chain(crate::network::options::declarations()).collect()
}
