//! Whom commands run as, where their rules say so.
//!
//! A name is looked up once, when the broker starts, in the system's own file: services that
//! know other users (LDAP, SSSD) are not asked, because that would load their code here; their
//! users are named by numbers. [`change`] is called by the child, between two steps of
//! `confine`. A broker without root's power runs everything as itself.
//!
//! A user of their own is a wall for commands of root above all: without any capability, root
//! still owns root's files.

use std::collections::BTreeMap;

use abaca_broker::protocol::ErrorKind;
use abaca_policy::{CommandRule, Policy, User};
use rustix::io::Errno;
use rustix::process::{Gid, Uid, getegid, geteuid, getgroups};
use rustix::thread::CapabilitySet;

use crate::failure::Failure;

/// Where the system's own users are.
const PASSWD: &str = "/etc/passwd";

/// What it takes to become somebody else, and to end what runs as him.
const POWER: CapabilitySet =
    CapabilitySet::SETUID.union(CapabilitySet::SETGID).union(CapabilitySet::KILL);

/// A user and his group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    uid: Uid,
    gid: Gid,
}

/// For each rule that names a user, whom its commands become.
pub struct Users(BTreeMap<String, Ids>);

impl Users {
    /// Looks up the users of all rules.
    ///
    /// # Errors
    /// When there is none of that name, or the broker cannot become him.
    pub fn find(policy: &Policy) -> Result<Users, Failure> {
        let named = policy.commands().iter().filter_map(|rule| Some((rule, rule.user.as_ref()?)));
        let mut users = BTreeMap::new();
        for (rule, user) in named {
            let refuse = |why: String| {
                let message = format!("rule {}: user {user}: {why}", rule.id);
                Failure::new(ErrorKind::Invalid, message)
            };
            let ids = match user {
                User::Numbered { uid, gid } => Ids::new(*uid, *gid),
                User::Named(name) => look_up(name).map_err(refuse)?,
            };
            let mine = rustix::thread::capabilities(None)
                .map_err(|errno| Failure::system("capabilities", errno))?;
            if mine.effective.contains(POWER) {
                users.insert(rule.id.clone(), ids);
            } else if let Some(why) = differs(ids)? {
                return Err(refuse(why));
            }
        }
        Ok(Users(users))
    }

    /// Whom a command of this rule becomes; none if it stays as it is.
    pub fn of(&self, rule: &CommandRule) -> Option<Ids> {
        self.0.get(&rule.id).copied()
    }
}

impl Ids {
    fn new(uid: u32, gid: u32) -> Ids {
        Ids { uid: Uid::from_raw(uid), gid: Gid::from_raw(gid) }
    }

    /// The user's number.
    pub fn uid(self) -> u32 {
        self.uid.as_raw()
    }
}

/// Why this process is not already what the rule asks for; none if it is.
fn differs(ids: Ids) -> Result<Option<String>, Failure> {
    let groups = getgroups().map_err(|errno| Failure::system("groups", errno))?;
    let (uid, gid) = (geteuid(), getegid());
    Ok(if (uid, gid) != (ids.uid, ids.gid) {
        Some(format!(
            "the broker runs as {}:{} and cannot become another; start it as root, or remove \
             `user` from the rule",
            uid.as_raw(),
            gid.as_raw()
        ))
    } else if groups.iter().any(|group| *group != gid) {
        Some(
            "the broker has supplementary groups and cannot give them up; start it without \
             them, or as root, or remove `user` from the rule"
                .to_owned(),
        )
    } else {
        None
    })
}

/// Finds a user of the system. The error completes "user NAME: …".
#[expect(clippy::disallowed_methods, reason = "the system's users")]
fn look_up(name: &str) -> Result<Ids, String> {
    let text = std::fs::read_to_string(PASSWD).map_err(|error| format!("{PASSWD}: {error}"))?;
    find(&text, name).ok_or_else(|| {
        format!(
            "there is none of that name in {PASSWD}; write one that is there, or the numbers: \
             {{ uid = N, gid = N }}"
        )
    })
}

/// `name:password:uid:gid:…`, one on a line.
fn find(passwd: &str, name: &str) -> Option<Ids> {
    passwd.lines().find_map(|line| {
        let mut words = line.split(':');
        let found = words.next() == Some(name);
        let uid = words.nth(1)?.parse().ok()?;
        let gid = words.next()?.parse().ok()?;
        found.then(|| Ids::new(uid, gid))
    })
}

/// Makes this process the user's, for good: all three numbers of each kind, and no other group.
/// The capabilities it may have stay; `confine` takes what the rule does not keep.
///
/// # Errors
/// What the kernel says.
pub fn change(ids: Ids) -> Result<(), Errno> {
    rustix::thread::set_keep_capabilities(true)?;
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_res_gid(ids.gid, ids.gid, ids.gid)?;
    rustix::thread::set_thread_res_uid(ids.uid, ids.uid, ids.uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_a_whole_line() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nodd\nbad:x:one:1::/:\nabaca:x:990:991::/:\n";
        assert_eq!(find(passwd, "root"), Some(Ids::new(0, 0)));
        assert_eq!(find(passwd, "abaca"), Some(Ids::new(990, 991)));
        for name in ["odd", "bad", "aba", "", "x", "nobody"] {
            assert_eq!(find(passwd, name), None, "{name:?}");
        }
    }
}
