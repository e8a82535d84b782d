//! Access rules as those whom the server lets in. Called by `Samba::set`.
//!
//! The server knows who may only read by users, not by machines: a rule of type `ip` at the level
//! `ro` is refused, as upstream does.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use crate::{AccessLevel, AccessRule, AccessType, Error};

/// The most users, and the most hosts, of one share; what the policies' rules take.
pub const MAX: usize = 256;

/// The longest name of a user.
const NAME_MAX: usize = 32;

/// Who is let in. Nobody is, without users and hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clients {
    /// Users, each with what it may do; none is everyone whom the server knows, where hosts are
    /// named.
    pub users: BTreeMap<String, AccessLevel>,
    /// Networks, ADDRESS/PREFIX; none is everywhere, where users are named.
    pub hosts: BTreeSet<String>,
}

impl Clients {
    /// Whether nobody is let in.
    pub fn is_nobody(&self) -> bool {
        self.users.is_empty() && self.hosts.is_empty()
    }
}

/// The clients of all rules that can be enforced, and why the first other rule cannot.
///
/// A rule that cannot be enforced must not open what it was to restrict: where all rules of one
/// type are refused, those of the other stand alone only if they would without it.
pub fn of(rules: &[AccessRule]) -> (Clients, Option<Error>) {
    let mut clients = Clients::default();
    let mut refused = None;
    let mut lost = BTreeSet::new();
    for rule in rules {
        if let Err(error) = add(&mut clients, rule) {
            refused = refused.or(Some(error));
            lost.insert(kind(rule.access_type));
        }
    }
    // Users are restricted to hosts, and hosts to users: a restriction of which nothing can be
    // enforced lets nobody in.
    let alone = |kind| lost.contains(&kind);
    if (alone(Kind::User) && clients.users.is_empty())
        || (alone(Kind::Ip) && clients.hosts.is_empty())
    {
        clients = Clients::default();
    }
    (clients, refused)
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    User,
    Ip,
    Other,
}

fn kind(access_type: AccessType) -> Kind {
    match access_type {
        AccessType::User => Kind::User,
        AccessType::Ip => Kind::Ip,
        AccessType::Cert | AccessType::Cephx => Kind::Other,
    }
}

fn add(clients: &mut Clients, rule: &AccessRule) -> Result<(), Error> {
    let who = rule.access_to.as_str();
    let invalid = |why: &str| Err(Error::InvalidShareAccess(format!("the rule for `{who}` {why}")));
    match kind(rule.access_type) {
        Kind::Other => invalid("is not of type `user` or `ip`, the two that the server knows"),
        Kind::User if !is_user(who) => invalid(
            "names no user that can be passed on: 1 to 32 of a-z, 0-9, `_`, `.` and `-`, the first \
             a letter or `_`",
        ),
        Kind::User if clients.users.len() >= MAX && !clients.users.contains_key(who) => {
            invalid("is one too many: a share takes 256 users")
        }
        Kind::User => {
            let level = clients.users.entry(who.to_owned()).or_insert(rule.access_level);
            if *level != rule.access_level {
                // Less rather than more.
                *level = AccessLevel::Ro;
                return invalid("is there at another level too");
            }
            Ok(())
        }
        Kind::Ip if rule.access_level == AccessLevel::Ro => {
            Err(Error::InvalidShareAccessLevel(format!(
                "the rule for `{who}` is `ro`, and the server keeps no machine from writing, only \
                 users: make a rule of type `user`"
            )))
        }
        Kind::Ip => match host(who) {
            None => invalid("names no address and no network ADDRESS/PREFIX"),
            Some(_) if clients.hosts.len() >= MAX => {
                invalid("is one too many: a share takes 256 addresses and networks")
            }
            Some(host) => {
                clients.hosts.insert(host);
                Ok(())
            }
        },
    }
}

/// A user by a name that means one user and nothing else: no group, no SID, no variable.
fn is_user(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|first| first.is_ascii_lowercase() || first == b'_');
    let rest = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.' | b'-')
    };
    first && name.len() <= NAME_MAX && bytes.all(rest)
}

/// A network with no bits behind its prefix; an address is one of its own.
fn host(text: &str) -> Option<String> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let all: u32 = if address.is_ipv4() { 32 } else { 128 };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let prefix = match prefix {
        None => all,
        Some(text) if digits(text) => text.parse().ok().filter(|prefix| *prefix <= all)?,
        Some(_) => return None,
    };
    let network = match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
            IpAddr::from((u32::from(address) & mask).to_be_bytes())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            IpAddr::from((u128::from(address) & mask).to_be_bytes())
        }
    };
    Some(format!("{network}/{prefix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(access_type: AccessType, to: &str, access_level: AccessLevel) -> AccessRule {
        AccessRule { id: "rule".into(), access_type, access_to: to.into(), access_level }
    }

    fn user(name: &str, level: AccessLevel) -> AccessRule {
        rule(AccessType::User, name, level)
    }

    fn ip(to: &str) -> AccessRule {
        rule(AccessType::Ip, to, AccessLevel::Rw)
    }

    #[test]
    fn users_and_hosts_are_put_together() {
        let rules = [
            user("alice", AccessLevel::Rw),
            user("bob", AccessLevel::Ro),
            ip("198.51.100.11"),
            ip("198.51.100.77/24"),
            ip("2001:db8::7/64"),
        ];
        let (clients, refused) = of(&rules);
        assert!(refused.is_none());
        let users: Vec<_> = clients.users.iter().map(|(name, level)| (&**name, *level)).collect();
        assert_eq!(users, [("alice", AccessLevel::Rw), ("bob", AccessLevel::Ro)]);
        let hosts: Vec<_> = clients.hosts.iter().map(String::as_str).collect();
        assert_eq!(hosts, ["198.51.100.0/24", "198.51.100.11/32", "2001:db8::/64"]);
        assert!(of(&[]).0.is_nobody());
    }

    #[test]
    fn what_cannot_be_enforced_is_refused_and_the_rest_applied() {
        for bad in [
            user("", AccessLevel::Rw),
            user("@wheel", AccessLevel::Rw),
            user("+wheel", AccessLevel::Rw),
            user("S-1-1-0", AccessLevel::Rw),
            user("%u", AccessLevel::Rw),
            user("a b", AccessLevel::Rw),
            user("alice,bob", AccessLevel::Rw),
            user("DOMAIN\\alice", AccessLevel::Rw),
            user(&"a".repeat(33), AccessLevel::Rw),
            ip("all"),
            ip("198.51.100."),
            ip("198.51.100.0/33"),
            ip("198.51.100.0/+8"),
            ip("198.51.100.0/"),
            ip("198.51.100.1 EXCEPT 198.51.100.2"),
            ip("@netgroup"),
            rule(AccessType::Cert, "alice", AccessLevel::Rw),
        ] {
            let rules = [bad.clone(), user("alice", AccessLevel::Rw), ip("198.51.100.1")];
            let (clients, refused) = of(&rules);
            assert_eq!((clients.users.len(), clients.hosts.len()), (1, 1), "{bad:?}");
            assert!(matches!(refused, Some(Error::InvalidShareAccess(_))), "{bad:?}");
        }
        let reader = rule(AccessType::Ip, "198.51.100.1", AccessLevel::Ro);
        let (_, refused) = of(&[reader]);
        assert!(matches!(refused, Some(Error::InvalidShareAccessLevel(_))));
    }

    #[test]
    fn a_restriction_that_is_refused_opens_nothing() {
        let (clients, refused) = of(&[user("alice", AccessLevel::Rw), ip("nowhere")]);
        assert!(clients.is_nobody() && refused.is_some());
        let (clients, refused) = of(&[user("@all", AccessLevel::Rw), ip("198.51.100.1")]);
        assert!(clients.is_nobody() && refused.is_some());
    }

    #[test]
    fn who_is_there_twice_may_less() {
        let (clients, refused) =
            of(&[user("alice", AccessLevel::Rw), user("alice", AccessLevel::Ro)]);
        assert_eq!(clients.users.get("alice"), Some(&AccessLevel::Ro));
        assert!(refused.is_some());
    }

    #[test]
    fn all_addresses_are_a_network() {
        assert_eq!(host("1.2.3.4/0").as_deref(), Some("0.0.0.0/0"));
        assert_eq!(host("::1/0").as_deref(), Some("::/0"));
        assert_eq!(host("1.2.3.4/32").as_deref(), Some("1.2.3.4/32"));
    }
}
