//! What the operator sets: upstream's options, in meaning. Called by every interface.
//!
//! Upstream's `lvm_share_helpers` is `lvm_share_export` here, and says how, not by which class.

use abaca_sdk::local::{Exporting, Options};
use abaca_sdk::{Error, OptionDeclaration, OptionType, Result, config};

const GROUP: &str = "lvm_share_volume_group";
const MIRRORS: &str = "lvm_share_mirrors";
const EXPORT_IP: &str = "lvm_share_export_ip";
const EXPORT_ROOT: &str = "lvm_share_export_root";
const EXPORT: &str = "lvm_share_export";
const MODE: &str = "lvm_share_mode";
const FILESYSTEM: &str = "lvm_share_volume_fstype";

/// What upstream calls the last one.
const UPSTREAM_FILESYSTEM: &str = "share_volume_fstype";

/// What LVM allows in a group's name.
const LETTERS: &str = "_.+-";

/// The file system of all shares.
const EXT4: &str = "ext4";

/// The most copies of a volume beside itself.
const MIRRORS_MAX: i64 = 8;

/// The declarations, in the order in which an operator should read them.
pub fn declarations() -> impl Iterator<Item = OptionDeclaration> {
    let text = |name, help| OptionDeclaration::new(name, OptionType::Text, help);
    let own = [
        text(
            GROUP,
            "The volume group, as the policy names it; what is in it belongs to this back end alone.",
        )
        .or("lvm-shares"),
        OptionDeclaration::new(
            MIRRORS,
            OptionType::Integer,
            "How many copies each share has beside itself, on other physical volumes.",
        )
        .or("0"),
        text(
            EXPORT_ROOT,
            "Where clients find the root `mounts`: an absolute path. Must be set where shares are \
             exported by no other option.",
        ),
        text(
            EXPORT_IP,
            "The address that stands before it, where the operator exports the root `mounts`.",
        ),
        text(MODE, "Permission bits of a share without access rules, in octal; its owner's bits \
                    are always set.")
        .or("0700"),
        Exporting::declaration(EXPORT),
        text(FILESYSTEM, "The file system of shares: `ext4`, and no other.")
            .or(EXT4)
            .formerly(UPSTREAM_FILESYSTEM),
    ];
    own.into_iter()
}

/// Whether all of them fit.
pub fn check() -> Result<()> {
    group()?;
    mirrors()?;
    mode()?;
    check_filesystem()?;
    match exporting()? {
        Exporting::Ganesha | Exporting::Samba => Ok(()),
        Exporting::Local => location("").map(drop),
    }
}

/// The volume group.
pub fn group() -> Result<String> {
    let name = config::required_text(GROUP)?;
    let sound = name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || LETTERS.contains(c));
    match sound {
        true => Ok(name),
        false => Err(Error::BadConfiguration(format!(
            "{GROUP} = `{name}` is no name of a volume group; write one as `vgs` prints it"
        ))),
    }
}

/// How many copies of each share.
pub fn mirrors() -> Result<u64> {
    let mirrors = config::integer(MIRRORS)?.unwrap_or_default();
    match u64::try_from(mirrors) {
        Ok(number) if mirrors <= MIRRORS_MAX => Ok(number),
        _ => Err(Error::BadConfiguration(format!(
            "{MIRRORS} = {mirrors} does not do; set 0 to {MIRRORS_MAX}"
        ))),
    }
}

/// Refuses a file system that shares do not get.
fn check_filesystem() -> Result<()> {
    let name = config::required_text(FILESYSTEM)?;
    match name == EXT4 {
        true => Ok(()),
        false => Err(Error::BadConfiguration(format!(
            "{FILESYSTEM} = `{name}` does not do: shares have the file system {EXT4}; leave the \
             option out"
        ))),
    }
}

/// How shares reach clients.
pub fn exporting() -> Result<Exporting> {
    Exporting::of(EXPORT)
}

/// The permission bits of a share without rules.
pub fn mode() -> Result<u32> {
    Options { export_root: EXPORT_ROOT, capacity: "", mode: MODE }.mode()
}

/// Where clients find the share of this name, where nothing of the driver's exports it.
pub fn location(name: &str) -> Result<String> {
    let root = config::required_text(EXPORT_ROOT)?;
    at(config::text(EXPORT_IP)?.as_deref(), &root, name).map_err(Error::BadConfiguration)
}

fn at(address: Option<&str>, root: &str, name: &str) -> Result<String, String> {
    if !root.starts_with('/') {
        return Err(format!("{EXPORT_ROOT} = `{root}` is no absolute path"));
    }
    let path = format!("{}/{name}", root.trim_end_matches('/'));
    let Some(text) = address else { return Ok(path) };
    match text.parse::<core::net::IpAddr>() {
        Ok(core::net::IpAddr::V4(address)) => Ok(format!("{address}:{path}")),
        Ok(core::net::IpAddr::V6(address)) => Ok(format!("[{address}]:{path}")),
        Err(_) => Err(format!(
            "{EXPORT_IP} = `{text}` is no address; write one such as 192.0.2.1, or leave it out"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_upstreams() {
        let root = "/var/lib/manila/mnt";
        let expected = "127.0.0.1:/var/lib/manila/mnt/share-1";
        assert_eq!(at(Some("127.0.0.1"), root, "share-1").as_deref(), Ok(expected));
        assert_eq!(at(None, "/a/", "b").as_deref(), Ok("/a/b"));
        assert_eq!(at(Some("2001:db8::1"), "/a", "b").as_deref(), Ok("[2001:db8::1]:/a/b"));
        for (address, root) in [(None, "a"), (None, ""), (Some("host"), "/a"), (Some(""), "/a")] {
            assert!(at(address, root, "b").is_err(), "{address:?} {root}");
        }
    }
}
