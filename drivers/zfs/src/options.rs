//! What the operator sets: upstream's options, in meaning. Called by every interface.
//!
//! Upstream's `zfs_use_ssh`, `zfs_ssh_username`, `zfs_ssh_user_password` and
//! `zfs_ssh_private_key_path` are not here: nothing runs on another host. Nor is
//! `zfs_share_helpers`: rules become `sharenfs`.

use abaca_sdk::{Error, OptionDeclaration, OptionType, Result, config};

const POOLS: &str = "zfs_zpool_list";
const EXPORT_IP: &str = "zfs_share_export_ip";
const SERVICE_IP: &str = "zfs_service_ip";
const CREATION: &str = "zfs_dataset_creation_options";
const PREFIX: &str = "zfs_dataset_name_prefix";
const SUFFIX: &str = "zfs_dataset_name_suffix";
const SNAPSHOT_PREFIX: &str = "zfs_dataset_snapshot_name_prefix";
const REPLICA_PREFIX: &str = "zfs_replica_snapshot_prefix";

/// What the driver sets itself, whatever the creation options say. Upstream skips them too, and all
/// that has one of these words in it, as `refquota`.
const OWN: [&str; 4] = ["quota", "readonly", "sharenfs", "sharesmb"];

/// A pool, as the service knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The pool's own name, by which the service knows it, and the policy its root.
    pub name: String,
    /// The dataset beneath which the shares are: the pool, or one in it.
    pub parent: String,
}

/// The declarations, in the order in which an operator should read them.
pub fn declarations() -> [OptionDeclaration; 8] {
    let text = |name, help| OptionDeclaration::new(name, OptionType::Text, help);
    let list = |name, help| OptionDeclaration::new(name, OptionType::TextList, help);
    [
        list(
            POOLS,
            "The pools, each by its name or as POOL/DATASET, beneath which shares are made; what is \
             there belongs to this back end alone.",
        )
        .required(),
        text(EXPORT_IP, "The address at which clients find the shares.").required(),
        text(SERVICE_IP, "The address at which the service's own data mover finds them.")
            .required(),
        list(
            CREATION,
            "Properties of every new share, each as NAME=VALUE. `quota`, `readonly`, `sharenfs` and \
             `sharesmb` are the driver's: what has one of these words in it is left out.",
        ),
        text(PREFIX, "How the datasets' names begin.").or("manila_share_"),
        text(SUFFIX, "How the datasets' names end.").or(""),
        text(SNAPSHOT_PREFIX, "How the snapshots' names begin.").or("manila_share_snapshot_"),
        text(REPLICA_PREFIX, "How the names of the snapshots begin that replicas are made by.")
            .or("tmp_snapshot_for_replication_"),
    ]
}

/// Whether all of them fit.
pub fn check() -> Result<()> {
    pools()?;
    export_ip()?;
    service_ip()?;
    creation()?;
    names().map(drop)
}

/// The pools; at least one.
pub fn pools() -> Result<Vec<Pool>> {
    parse_pools(&config::required_text_list(POOLS)?).map_err(Error::BadConfiguration)
}

/// Where clients find the shares.
pub fn export_ip() -> Result<String> {
    address(EXPORT_IP)
}

/// Where the service's data mover finds them.
pub fn service_ip() -> Result<String> {
    address(SERVICE_IP)
}

fn address(name: &str) -> Result<String> {
    let text = config::required_text(name)?;
    match text.parse::<core::net::Ipv4Addr>() {
        Ok(_) => Ok(text),
        Err(_) => Err(Error::BadConfiguration(format!(
            "{name} = `{text}` is no address of IPv4; write one such as 192.0.2.1"
        ))),
    }
}

/// The properties of every new share but those that the driver sets.
pub fn creation() -> Result<Vec<String>> {
    let options = config::text_list(CREATION)?.unwrap_or_default();
    parse_creation(options).map_err(Error::BadConfiguration)
}

/// How names are made.
pub struct Names {
    prefix: String,
    suffix: String,
    snapshot: String,
    replica: String,
}

/// How names are made.
pub fn names() -> Result<Names> {
    let part = |name| -> Result<String> {
        let text = config::text(name)?.unwrap_or_default();
        match text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) {
            true => Ok(text),
            false => Err(Error::BadConfiguration(format!(
                "{name} = `{text}` cannot be part of a name; letters, digits, `_`, `.` and `-` can"
            ))),
        }
    };
    let [prefix, suffix] = [part(PREFIX)?, part(SUFFIX)?];
    let [snapshot, replica] = [part(SNAPSHOT_PREFIX)?, part(REPLICA_PREFIX)?];
    if replica.is_empty() || snapshot.starts_with(&replica) {
        return Err(Error::BadConfiguration(format!(
            "{REPLICA_PREFIX} = `{replica}` does not tell replicas' snapshots from others, which \
             begin with `{snapshot}`"
        )));
    }
    Ok(Names { prefix, suffix, snapshot, replica })
}

impl Names {
    /// The name of a share's dataset in its parent. Upstream: `_get_dataset_name`.
    pub fn dataset(&self, share_id: &str) -> String {
        format!("{}{}{}", self.prefix, share_id.replace('-', "_"), self.suffix)
    }

    /// What follows `@` for a snapshot. Upstream: `_get_snapshot_name`.
    pub fn snapshot(&self, snapshot_id: &str) -> String {
        format!("{}{}", self.snapshot, snapshot_id.replace('-', "_"))
    }

    /// What follows `@` for a snapshot that a replica is made by. Upstream:
    /// `_get_replication_snapshot_tag`.
    pub fn replica(&self, replica_id: &str, time: &str) -> String {
        format!("{}_time_{time}", self.replica_of(replica_id))
    }

    /// How the names of those begin that were made for this replica.
    pub fn replica_of(&self, replica_id: &str) -> String {
        format!("{}_{}", self.replica, replica_id.replace('-', "_"))
    }

    /// Whether a replica was made by this snapshot.
    pub fn is_for_replicas(&self, tag: &str) -> bool {
        tag.starts_with(&self.replica)
    }
}

fn parse_pools(entries: &[String]) -> Result<Vec<Pool>, String> {
    let mut pools: Vec<Pool> = Vec::new();
    for entry in entries {
        let entry = entry.strip_suffix('/').unwrap_or(entry);
        let name = entry.split('/').next().unwrap_or_default();
        let sound = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_alphanumeric())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "_.:-".contains(c))
        };
        if !entry.split('/').all(sound) {
            return Err(format!("{POOLS}: `{entry}` is no pool; write POOL or POOL/DATASET"));
        }
        if pools.iter().any(|pool| pool.name == name) {
            return Err(format!("{POOLS}: the pool `{name}` is listed twice"));
        }
        pools.push(Pool { name: name.to_owned(), parent: entry.to_owned() });
    }
    if pools.is_empty() {
        return Err(format!("{POOLS} lists no pool"));
    }
    Ok(pools)
}

fn parse_creation(options: Vec<String>) -> Result<Vec<String>, String> {
    let mut kept = Vec::new();
    for option in options {
        match option.split_once('=') {
            Some((name, value)) if !name.is_empty() && !value.is_empty() => {
                if !OWN.iter().any(|own| option.contains(own)) {
                    kept.push(option);
                }
            }
            _ => return Err(format!("{CREATION}: `{option}` is not NAME=VALUE")),
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn pools_may_lie_deeper() {
        let pools = parse_pools(&words(&["tank/", "pond/abaca/shares/"])).unwrap();
        let told: Vec<_> = pools.iter().map(|pool| (&*pool.name, &*pool.parent)).collect();
        assert_eq!(told, [("tank", "tank"), ("pond", "pond/abaca/shares")]);
        for wrong in
            [&["tank", "tank/a"][..], &[""], &["/tank"], &["tank//"], &["-r"], &["a@b"], &[]]
        {
            assert!(parse_pools(&words(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_the_driver_sets_is_not_the_operators() {
        let asked =
            words(&["quota=5G", "compression=gzip", "readonly=on", "refquota=1G", "dedup=on"]);
        assert_eq!(parse_creation(asked), Ok(words(&["compression=gzip", "dedup=on"])));
        for wrong in ["compression", "=on", "compression="] {
            assert!(parse_creation(words(&[wrong])).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_upstreams() {
        let names = Names {
            prefix: "manila_share_".into(),
            suffix: String::new(),
            snapshot: "manila_share_snapshot_".into(),
            replica: "tmp_snapshot_for_replication_".into(),
        };
        assert_eq!(names.dataset("1-2"), "manila_share_1_2");
        assert_eq!(names.snapshot("4-4"), "manila_share_snapshot_4_4");
        let tag = names.replica("2-2", "2016-03-25T12:00:00");
        assert_eq!(tag, "tmp_snapshot_for_replication__2_2_time_2016-03-25T12:00:00");
        assert!(names.is_for_replicas(&tag) && !names.is_for_replicas("manila_share_snapshot_4"));
    }
}
