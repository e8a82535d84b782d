//! Which place of a backend's policy a driver's mount command means.
//!
//! Upstream's data service runs such a command as root, whatever a driver says in it. Here it is
//! read word by word, and never run: it must be one that shows a directory once more, and the
//! directory must lie beneath a root of the backend's own policy. What cannot be read so is
//! refused, with the word that it is about.

use std::collections::BTreeSet;

use abaca_policy::{GuestPath, Policy};

use crate::text::printable;

/// What stands for the place where it is mounted.
const PLACE: &str = "%(path)s";

/// Options of a directory's mount. Read as a set: whatever is said, it is mounted so that nobody can
/// write, run or gain anything.
const OPTIONS: [&str; 7] = ["bind", "noatime", "nodev", "noexec", "nosuid", "ro", "rw"];

/// The longest word that is shown.
const WORD_BYTES: usize = 256;

/// The directory that a mount command shows once more.
///
/// # Errors
/// Why it means none, as a sentence.
pub(crate) fn place_of(command: &[String], policy: &Policy) -> Result<GuestPath, String> {
    let source = source(command)?;
    let refused = |why: &str| format!("the mount command shows {}, {why}", shown(source));
    if let Some(path) = source.strip_prefix('/') {
        return beneath_a_root(path, policy)
            .ok_or_else(|| refused("which lies beneath no root of the backend's policy"));
    }
    // Words alone: whether a rule is about it is asked at the gate.
    let (root, way) = source
        .split_once(':')
        .ok_or_else(|| refused("which is neither an absolute path nor `root:way`"))?;
    if policy.root(root).is_none() {
        return Err(refused("and the backend's policy has no root of this name"));
    }
    GuestPath::parse_relative(root, way).map_err(|denial| refused(&denial.reason))
}

/// What is to be mounted. The command is `mount`, how, the source, and `%(path)s`.
fn source(command: &[String]) -> Result<&str, String> {
    let mut words = command.iter().map(String::as_str);
    let refused = |word: &str, why: &str| format!("the mount command says {}: {why}", shown(word));
    match words.next() {
        Some("mount") => {}
        other => return Err(refused(other.unwrap_or_default(), "only `mount` is read")),
    }
    let (mut is_bind, mut operands) = (false, Vec::new());
    while let Some(word) = words.next() {
        match word {
            "-v" | "--verbose" => {}
            "-B" | "--bind" => is_bind = true,
            "-o" | "--options" => {
                let options: BTreeSet<&str> = words.next().unwrap_or_default().split(',').collect();
                if let Some(other) = options.iter().find(|one| !OPTIONS.contains(one)) {
                    return Err(refused(other, "no directory is mounted with that"));
                }
                is_bind |= options.contains("bind");
            }
            _ if word.starts_with('-') => {
                let why = "only what is a directory of this host is copied, by `mount --bind`";
                return Err(refused(word, why));
            }
            _ => operands.push(word),
        }
    }
    match operands.as_slice() {
        [source, PLACE] if is_bind => Ok(source),
        [_, PLACE] => Err(refused("no `--bind`", "only a directory of this host is copied")),
        _ => Err(refused(&operands.join(" "), &format!("it has to end in SOURCE {PLACE}"))),
    }
}

/// The place at a path of this host, without its first slash.
fn beneath_a_root(path: &str, policy: &Policy) -> Option<GuestPath> {
    let components = |path: &str| -> Vec<String> {
        path.split('/').filter(|one| !one.is_empty()).map(str::to_owned).collect()
    };
    let wanted = components(path);
    let roots = policy.roots().map(|root| (root.name.as_str(), components(&root.path)));
    let within = roots.filter(|(_, root)| wanted.starts_with(root));
    let (name, root) = within.max_by_key(|(_, root)| root.len())?;
    GuestPath::parse_relative(name, &wanted.get(root.len()..)?.join("/")).ok()
}

fn shown(word: &str) -> String {
    format!("`{}`", printable(word, WORD_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(command: &str) -> Result<String, String> {
        let text = "schema = 1\ndriver = \"d\"\n[roots.shares]\npath = \"/srv/abaca/shares\"\n\
                    [roots.all]\npath = \"/srv/other\"\n[types.n]\nfirst = \"a-z\"\nrest = \"a-z\"\n\
                    max = 9\n[[files]]\nid = \"a\"\nroot = \"shares\"\nverbs = [\"send\"]\n\
                    name = \"n\"\n[[files]]\nid = \"b\"\nroot = \"all\"\nverbs = [\"send\"]\n\
                    name = \"n\"\n";
        let policy = Policy::parse(text, "policy.toml").unwrap();
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        place_of(&words, &policy).map(|place| place.to_string())
    }

    #[test]
    fn a_directory_beneath_a_root_is_meant_in_two_ways() {
        for (command, meant) in [
            ("mount --bind shares:one %(path)s", "shares:one"),
            ("mount -v -o ro,bind /srv/abaca/shares/one %(path)s", "shares:one"),
            ("mount -B /srv//abaca/shares/one/ %(path)s", "shares:one"),
            ("mount -B /srv/other/two %(path)s", "all:two"),
        ] {
            assert_eq!(place(command).as_deref(), Ok(meant), "{command}");
        }
    }

    #[test]
    fn nothing_else_is_read() {
        for (command, why) in [
            ("", "only `mount`"),
            ("sh -c mount", "only `mount`"),
            ("/usr/bin/mount --bind shares:one %(path)s", "only `mount`"),
            ("mount -vt nfs 192.0.2.1:/shares/one %(path)s", "-vt"),
            ("mount -t fuse.sh shares:one %(path)s", "-t"),
            ("mount shares:one %(path)s", "no `--bind`"),
            ("mount --bind shares:one /etc", "SOURCE"),
            ("mount --bind shares:one %(path)s more", "SOURCE"),
            ("mount --bind %(path)s", "SOURCE"),
            ("mount --bind -o suid shares:one %(path)s", "suid"),
            ("mount --bind -o remount,ro shares:one %(path)s", "remount"),
            ("mount --bind -N 1 shares:one %(path)s", "-N"),
            ("mount --bind /etc %(path)s", "no root"),
            ("mount --bind /srv/../etc %(path)s", "no root"),
            ("mount --bind shares:../../etc %(path)s", "shares:../../etc"),
            ("mount --bind none:one %(path)s", "no root of this name"),
            ("mount --bind one %(path)s", "neither"),
        ] {
            let refused = place(command).unwrap_err();
            assert!(refused.contains(why), "{command}: {refused}");
        }
    }
}
