//! What the server is told of one share. Called by `Samba`.
//!
//! ```text
//! [share-1]
//! path = shares:share-1          the broker writes the host's path
//! available = yes                no, while there are no rules
//! read only = no
//! guest ok = no
//! wide links = no                nor any link that leads out of the share
//! valid users = \
//!   S-1-5-11, \                  everyone whom the server knows, where rules name hosts alone
//!   alice, \
//!   :
//! read list = \
//!   :
//! hosts allow = \
//!   0.0.0.0/0, \                 and ::/0: everywhere, where rules name users alone
//!   255.255.255.255
//! hosts deny = ALL
//! ```
//! A list takes one line for each of its words, as a policy's `content` has it; its last word is
//! one that nobody has: no user can be called `:`, and no machine has that address.

use super::Export;
use super::clients::Clients;
use crate::{AccessLevel, Result, Root, files};

/// How the name of a definition's file ends.
const FILE: &str = ".conf";

/// The most files in the directory; a bound for a list.
const FILES_MAX: usize = 10_000;

/// Everyone who has shown the server who they are.
const KNOWN: &str = "S-1-5-11";

/// Everywhere.
const EVERYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// No user's name.
const NO_USER: &str = ":";

/// No machine's address.
const NO_HOST: &str = "255.255.255.255";

/// The file that holds the definition of the share of this name.
pub fn file_name(name: &str) -> String {
    format!("{name}{FILE}")
}

/// Whether the definition of a share is there.
pub fn is_there(definitions: Root, name: &str) -> Result<bool> {
    let file = file_name(name);
    Ok(files::list(&definitions.path(), FILES_MAX)?.iter().any(|entry| entry.name == file))
}

/// The definition of a share for these clients and nobody else.
pub fn text(export: &Export<'_>, clients: &Clients) -> String {
    let Export { name, path } = export;
    let available = if clients.is_nobody() { "no" } else { "yes" };
    let users: Vec<&str> = clients.users.keys().map(String::as_str).collect();
    let known = users.is_empty() && !clients.hosts.is_empty();
    let readers = clients.users.iter().filter(|(_, level)| **level == AccessLevel::Ro);
    let hosts: Vec<&str> = clients.hosts.iter().map(String::as_str).collect();
    let everywhere = hosts.is_empty() && !users.is_empty();
    let mut lines = vec![
        format!("[{name}]"),
        format!("path = {path}"),
        format!("available = {available}"),
        "read only = no".to_owned(),
        "guest ok = no".to_owned(),
        "wide links = no".to_owned(),
    ];
    let known = known.then_some(KNOWN);
    lines.extend(list("valid users", known.into_iter().chain(users), NO_USER));
    lines.extend(list("read list", readers.map(|(name, _)| name.as_str()), NO_USER));
    let everywhere = EVERYWHERE.into_iter().filter(|_| everywhere);
    lines.extend(list("hosts allow", everywhere.chain(hosts), NO_HOST));
    lines.push("hosts deny = ALL".to_owned());
    lines.iter().fold(String::new(), |text, line| text + line + "\n")
}

fn list<'w>(
    key: &str,
    words: impl IntoIterator<Item = &'w str>,
    last: &str,
) -> impl Iterator<Item = String> {
    let words: Vec<_> = words.into_iter().map(|word| format!("  {word}, \\")).collect();
    core::iter::once(format!("{key} = \\")).chain(words).chain([format!("  {last}")])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(users: &[(&str, AccessLevel)], hosts: &[&str]) -> String {
        let users = users.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect();
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        let path = Root("shares").join("share-1");
        text(&Export { name: "share-1", path: &path }, &Clients { users, hosts })
    }

    #[test]
    fn nobody_finds_a_share_without_rules() {
        assert_eq!(
            of(&[], &[]),
            "[share-1]\npath = shares:share-1\navailable = no\nread only = no\nguest ok = no\n\
             wide links = no\nvalid users = \\\n  :\nread list = \\\n  :\nhosts allow = \\\n  \
             255.255.255.255\nhosts deny = ALL\n"
        );
    }

    #[test]
    fn users_are_let_in_from_everywhere_and_hosts_with_every_known_user() {
        let users = of(&[("alice", AccessLevel::Rw), ("bob", AccessLevel::Ro)], &[]);
        assert!(users.contains("available = yes\n"));
        assert!(users.contains("valid users = \\\n  alice, \\\n  bob, \\\n  :\n"));
        assert!(users.contains("read list = \\\n  bob, \\\n  :\n"));
        assert!(users.contains("hosts allow = \\\n  0.0.0.0/0, \\\n  ::/0, \\\n  255"));
        let hosts = of(&[], &["198.51.100.0/24"]);
        assert!(hosts.contains("valid users = \\\n  S-1-5-11, \\\n  :\n"));
        assert!(hosts.contains("hosts allow = \\\n  198.51.100.0/24, \\\n  255"));
        let both = of(&[("alice", AccessLevel::Rw)], &["198.51.100.11/32"]);
        assert!(!both.contains("S-1-5-11") && !both.contains("0.0.0.0/0"));
    }
}
