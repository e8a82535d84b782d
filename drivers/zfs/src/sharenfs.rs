//! Rules as a value of the property `sharenfs`, in the form that the tool reads. Pure. Called by
//! `access`. Upstream: `NFSviaZFSHelper`.
//!
//! ```text
//! rw=10.0.0.1:10.0.0.2,no_root_squash,ro=10.1.0.0/255.255.255.0,no_root_squash        OpenZFS
//! 10.0.0.1:rw,no_root_squash 10.0.0.2:rw,no_root_squash 10.1.0.0/255.255.255.0:ro,…    zfs-fuse
//! ```

use core::net::{IpAddr, Ipv4Addr};

use abaca_sdk::{AccessLevel, AccessRule, AccessType, Error, Result};

/// What a share without rules has.
pub const OFF: &str = "off";

/// What stands behind each client, or list of clients: their root is root on the share.
const ROOT: &str = "no_root_squash";

/// The longest value that ZFS takes (`ZFS_MAXPROPLEN`), less one. zfs-fuse 0.7 takes more.
const VALUE_MAX: usize = 1023;

/// Who reads the value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Takes a list of clients for each level.
    OpenZfs,
    /// Takes one word for each client, `CLIENT:OPTIONS`, and calls `exportfs` for each; of the other
    /// form it would take the end of a list for options.
    ZfsFuse,
}

/// The value for these rules. With `read_only` nobody may write, whatever the rules say.
///
/// # Errors
/// `invalid-share-access` for rules that do not fit into one value.
pub fn value(rules: &[AccessRule], read_only: bool, form: Form) -> Result<String> {
    let (mut rw, mut ro) = (Vec::new(), Vec::new());
    for rule in rules {
        let list = match rule.access_level {
            AccessLevel::Rw if !read_only => &mut rw,
            AccessLevel::Rw | AccessLevel::Ro => &mut ro,
        };
        list.push(client(rule)?);
    }
    let levels = [("rw", rw), ("ro", ro)].into_iter().filter(|(_, clients)| !clients.is_empty());
    let value = match form {
        Form::OpenZfs => {
            let lists = levels.map(|(level, all)| format!("{level}={},{ROOT}", all.join(":")));
            lists.collect::<Vec<_>>().join(",")
        }
        Form::ZfsFuse => {
            let words = levels.flat_map(|(level, all)| {
                all.into_iter().map(move |client| format!("{client}:{level},{ROOT}"))
            });
            words.collect::<Vec<_>>().join(" ")
        }
    };
    match value {
        value if value.is_empty() => Ok(OFF.to_owned()),
        value if value.len() <= VALUE_MAX => Ok(value),
        value => Err(Error::InvalidShareAccess(format!(
            "{} rules take {} characters of `sharenfs`, which holds {VALUE_MAX}; let in networks \
             instead of single addresses",
            rules.len(),
            value.len()
        ))),
    }
}

/// Whether a rule is of the kind that NFS knows.
///
/// # Errors
/// `invalid-share-access`.
pub fn check_type(rule: &AccessRule) -> Result<()> {
    match rule.access_type {
        AccessType::Ip => Ok(()),
        _ => Err(Error::InvalidShareAccess(
            "a share on ZFS is reached by NFS, which lets in addresses and networks only: write a \
             rule of the type `ip`"
                .to_owned(),
        )),
    }
}

/// Whom a rule lets in, in the words of `sharenfs` and `exportfs`: an address, or a network with its
/// mask. Upstream leaves what of the address is beyond the mask; here it is left out, as the policy
/// has it.
///
/// # Errors
/// `invalid-share-access`.
pub fn client(rule: &AccessRule) -> Result<String> {
    check_type(rule)?;
    let wrong = |why: &str| {
        Error::InvalidShareAccess(format!(
            "`{}` {why}; write one such as 192.0.2.1 or 192.0.2.0/24",
            rule.access_to
        ))
    };
    let (address, prefix) = match rule.access_to.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (rule.access_to.as_str(), None),
    };
    let address = match address.parse() {
        Ok(IpAddr::V4(address)) => address,
        Ok(IpAddr::V6(_)) => {
            return Err(wrong("is of IPv6, whose colons end a client in `sharenfs`"));
        }
        Err(_) => return Err(wrong("is no address or network")),
    };
    let Some(prefix) = prefix else { return Ok(address.to_string()) };
    let plain = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let bits: u32 = prefix
        .parse()
        .ok()
        .filter(|bits| plain && *bits <= Ipv4Addr::BITS)
        .ok_or_else(|| wrong("has no prefix of 0 to 32"))?;
    if bits == Ipv4Addr::BITS {
        return Ok(address.to_string());
    }
    let mask = u32::MAX.checked_shl(Ipv4Addr::BITS.saturating_sub(bits)).unwrap_or(0);
    let network = Ipv4Addr::from_bits(address.to_bits() & mask);
    Ok(format!("{network}/{}", Ipv4Addr::from_bits(mask)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(to: &str, access_level: AccessLevel) -> AccessRule {
        let (id, access_to) = (to.to_owned(), to.to_owned());
        AccessRule { id, access_type: AccessType::Ip, access_to, access_level }
    }

    /// As upstream's driver wrote them.
    #[test]
    fn values_are_upstreams() {
        let rules = [rule("10.1.0.0/24", AccessLevel::Ro), rule("10.0.0.1", AccessLevel::Rw)];
        for (rules, read_only, openzfs, zfs_fuse) in [
            (
                &rules[..],
                false,
                "rw=10.0.0.1,no_root_squash,ro=10.1.0.0/255.255.255.0,no_root_squash",
                "10.0.0.1:rw,no_root_squash 10.1.0.0/255.255.255.0:ro,no_root_squash",
            ),
            (
                &rules[..],
                true,
                "ro=10.1.0.0/255.255.255.0:10.0.0.1,no_root_squash",
                "10.1.0.0/255.255.255.0:ro,no_root_squash 10.0.0.1:ro,no_root_squash",
            ),
            (&rules[1..], false, "rw=10.0.0.1,no_root_squash", "10.0.0.1:rw,no_root_squash"),
            (&[], false, "off", "off"),
        ] {
            assert_eq!(value(rules, read_only, Form::OpenZfs).as_deref(), Ok(openzfs));
            assert_eq!(value(rules, read_only, Form::ZfsFuse).as_deref(), Ok(zfs_fuse));
        }
    }

    #[test]
    fn networks_have_masks_and_no_hosts() {
        let client = |to: &str| client(&rule(to, AccessLevel::Rw));
        for (asked, expected) in [
            ("10.1.2.3/24", "10.1.2.0/255.255.255.0"),
            ("10.1.2.3/32", "10.1.2.3"),
            ("0.0.0.0/0", "0.0.0.0/0.0.0.0"),
        ] {
            assert_eq!(client(asked).as_deref(), Ok(expected));
        }
        for wrong in [
            "",
            "*",
            "host",
            "10.0.0.1,rw",
            "10.0.0.1 ",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/255.0.0.0",
            "::1",
            "2001:db8::/32",
            "10.0.0.1:10.0.0.2",
            "@10.0.0.0/8",
        ] {
            assert!(matches!(client(wrong), Err(Error::InvalidShareAccess(_))), "{wrong}");
        }
        let user =
            AccessRule { access_type: AccessType::User, ..rule("10.0.0.1", AccessLevel::Rw) };
        for form in [Form::OpenZfs, Form::ZfsFuse] {
            assert!(value(core::slice::from_ref(&user), false, form).is_err());
        }
    }

    #[test]
    fn more_rules_than_fit_are_refused() {
        let rules: Vec<_> =
            (0..200).map(|n| rule(&format!("10.0.0.{n}"), AccessLevel::Rw)).collect();
        for (form, fit) in [(Form::OpenZfs, 50), (Form::ZfsFuse, 30)] {
            let refused = value(&rules, false, form);
            assert!(matches!(refused, Err(Error::InvalidShareAccess(_))), "{refused:?}");
            assert!(value(&rules[..fit], false, form).is_ok());
        }
    }
}
