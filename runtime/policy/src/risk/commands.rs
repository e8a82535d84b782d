//! Command rules: what their programs, words, capabilities and walls put at stake.

use std::collections::BTreeMap;

use crate::grant::{Argument, Leaf};
use crate::launcher::is_launcher;
use crate::matcher::Matcher;
use crate::policy::Policy;
use crate::risk::others::{reading, writing};
use crate::risk::{Risk, RiskClass};
use crate::rule::CommandRule;
use crate::syscalls::SyscallGroup;
use crate::units::show_size;
use crate::user::User;

/// Capabilities with which a process can take all others or the kernel, or become whoever it
/// wants: some are held back by other walls, which is not to be relied upon.
const MASTER_CAPS: [&str; 16] = [
    "BPF",
    "CHECKPOINT_RESTORE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_PTRACE",
    "SYS_RAWIO",
];

/// Capabilities that reach no further than files of granted roots and the command's own
/// sockets. All others are in R3.
const CONFINED_CAPS: [&str; 9] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "LEASE",
    "NET_BIND_SERVICE",
    "SYS_NICE",
];

/// Words with which storage tools restore a stream that somebody else wrote: owners, modes,
/// set-user-ID files and links are whatever it says.
const STREAM_WORDS: [&str; 3] = ["receive", "recv", "restore"];

/// Programs that do the same without such a word.
const STREAM_PROGRAMS: [&str; 3] = ["patch", "restore", "xfsrestore"];

/// Words with which storage tools destroy.
const DESTROYING_WORDS: [&str; 8] =
    ["delete", "destroy", "remove", "rm", "rollback", "wipe", "discard", "format"];

/// Programs that are told by a word what to do: in a hole of theirs the driver chooses what.
const VERB_PROGRAMS: [&str; 16] = [
    "bcachefs", "beegfs", "borg", "btrfs", "ceph", "dmsetup", "gluster", "lvm", "mmbackup",
    "rados", "rbd", "restic", "stratis", "virsh", "zfs", "zpool",
];

/// How many words of theirs may say what is to be done: `subvolume delete`.
const ORDERS: usize = 2;

/// Those of them that take the beginning of such a word for it, if it has this many letters.
const ABBREVIATING_PROGRAMS: [&str; 1] = ["btrfs"];
const SHORTEST: usize = 3;

/// Programs that destroy whatever they are told to.
const DESTROYING_PROGRAMS: [&str; 14] = [
    "blkdiscard",
    "dd",
    "lvreduce",
    "lvremove",
    "mke2fs",
    "mkswap",
    "pvremove",
    "rm",
    "rmdir",
    "shred",
    "truncate",
    "vgremove",
    "wipefs",
    "unlink",
];

/// Programs that let others reach what is stored.
const EXPOSING_PROGRAMS: [&str; 7] =
    ["chgrp", "chmod", "chown", "exportfs", "net", "setfacl", "smbcontrol"];

impl Policy {
    /// How dangerous a command rule of this policy is.
    pub(crate) fn command_risk(&self, rule: &CommandRule) -> Risk {
        use RiskClass::{R2, R3, R4};
        let mut reasons = Vec::new();
        let name = rule.program_name();
        if is_launcher(name) {
            reasons.push((R4, format!("{name} runs other programs")));
        } else if rule.root_equivalent.is_some() {
            reasons.push((R4, "it is said to be as good as root".to_owned()));
        }
        reasons.extend(cap_reasons(&rule.caps));
        reasons.extend(rule.syscalls.iter().map(|group| match group {
            SyscallGroup::Quota => (R2, "it may set disk quotas".to_owned()),
            SyscallGroup::Keyring => (R3, "it reaches the kernel's keys".to_owned()),
            SyscallGroup::FileHandles => {
                (R3, "it opens files by handle, which passes by directories".to_owned())
            }
            SyscallGroup::Attributes => {
                (R2, "it decides who reaches what lies in the roots that it writes".to_owned())
            }
            SyscallGroup::Semaphores => {
                (R3, "it reaches semaphores of the whole machine".to_owned())
            }
            SyscallGroup::Subvolumes => {
                (R3, "it may make subvolumes wherever it may read, of btrfs".to_owned())
            }
            SyscallGroup::AsyncIo => {
                (R2, "it may use up the machine's asynchronous requests".to_owned())
            }
            SyscallGroup::LocalSockets if may_be_root(rule) => {
                (R4, "it speaks to services of this machine, which do what root says".to_owned())
            }
            SyscallGroup::LocalSockets => (R3, "it speaks to services of this machine".to_owned()),
        }));
        if rule.network {
            reasons.push((R2, "it reaches the network".to_owned()));
        }
        if rule.stdin_max > 0 {
            let bytes = show_size(rule.stdin_max);
            reasons.push((R3, format!("it reads up to {bytes} that the driver writes")));
        }
        reasons.extend(word_reasons(rule));
        reasons.extend(rule.write.iter().filter_map(|name| self.root(name)).map(writing));
        let only_read = rule.read.iter().filter(|name| !rule.write.contains(name));
        reasons.extend(only_read.filter_map(|name| self.root(name)).filter_map(reading));
        Risk::of(reasons)
    }
}

/// Whether it may run as root. Without a user of its own it runs as the broker.
fn may_be_root(rule: &CommandRule) -> bool {
    match &rule.user {
        None | Some(User::Numbered { uid: 0, .. }) => true,
        Some(User::Named(name)) => name == "root",
        Some(User::Numbered { .. }) => false,
    }
}

/// What its capabilities put at stake, those of one kind together.
fn cap_reasons(caps: &[&str]) -> Vec<(RiskClass, String)> {
    use RiskClass::{R2, R3, R4};
    let mut kinds: BTreeMap<RiskClass, Vec<&str>> = BTreeMap::new();
    for cap in caps {
        let class = match cap {
            master if MASTER_CAPS.contains(master) => R4,
            confined if CONFINED_CAPS.contains(confined) => R2,
            _ => R3,
        };
        kinds.entry(class).or_default().push(cap);
    }
    let reason = |(class, caps): (RiskClass, Vec<&str>)| {
        let means = match class {
            R4 => "can take over the machine",
            R3 => "has a power over the whole machine",
            _ => "passes by modes or owners",
        };
        (class, format!("with {} it {means}", caps.join(", ")))
    };
    kinds.into_iter().map(reason).collect()
}

/// The first of these words that a rule's command line may have where it tells the program what to
/// do, in whatever way the rule says it: as a text, as one of several, put together, or in a hole.
fn says(rule: &CommandRule, words: &[&'static str]) -> Option<&'static str> {
    let name = rule.program_name();
    // Some take a word for another that begins alike.
    let abbreviates = ABBREVIATING_PROGRAMS.contains(&name);
    let takes = |matcher: &Matcher, word: &str| {
        let shortest = if abbreviates { SHORTEST.min(word.len()) } else { word.len() };
        let mut beginnings = (shortest..=word.len()).filter_map(|end| word.get(..end));
        beginnings.any(|beginning| is_read(matcher, beginning))
    };
    let has_orders = VERB_PROGRAMS.contains(&name);
    // A flag may have the next word for its value, or none.
    let (mut after_flag, mut given) = (false, 0);
    for (matcher, may_be_absent) in rule.args.words() {
        let may_order = match matcher {
            // A share that is called so is no order, but where the program looks for one.
            Matcher::Name(_) => has_orders && given < ORDERS,
            _ => true,
        };
        if let Some(word) = words.iter().find(|word| may_order && takes(matcher, word)) {
            return Some(word);
        }
        let is_flag = matcher.may_begin_with('-');
        given += usize::from(!(is_flag || after_flag || may_be_absent));
        after_flag = is_flag;
    }
    None
}

/// Whether it takes the word, and gives it to the program as it is.
fn is_read(matcher: &Matcher, word: &str) -> bool {
    let read = matcher.read(word);
    read.is_some_and(|reading| matches!(reading.argument, Argument::Text(text) if text == word))
}

/// The word, or the program's name, by which a rule restores a stream, if it does.
pub(crate) fn restores(rule: &CommandRule) -> Option<&str> {
    let name = rule.program_name();
    let word = says(rule, &STREAM_WORDS);
    word.or(STREAM_PROGRAMS.contains(&name).then_some(name))
}

/// What the program and the words of its command line say.
fn word_reasons(rule: &CommandRule) -> Vec<(RiskClass, String)> {
    use RiskClass::{R1, R2, R3, R4};
    let mut reasons = Vec::new();
    let name = rule.program_name();
    if let Some(word) = restores(rule) {
        reasons.push((R4, format!("{word:?} restores a stream, with whatever stands in it")));
    }
    let destroys = says(rule, &DESTROYING_WORDS);
    let makes_anew = name.starts_with("mkfs");
    if makes_anew || destroys.is_some() || DESTROYING_PROGRAMS.contains(&name) {
        reasons.push((R2, format!("`{}` destroys what is there", destroys.unwrap_or(name))));
    }
    if EXPOSING_PROGRAMS.contains(&name) {
        reasons.push((R2, format!("`{name}` decides who reaches what is stored")));
    }
    for matcher in rule.args.matchers() {
        reasons.extend(match matcher {
            Matcher::Device(_) => Some((R3, "it names block devices".to_owned())),
            Matcher::Secret(secret) => {
                let option = secret.option();
                let exposed = if secret.is_exposed() { ", for everybody to read" } else { "" };
                Some((R3, format!("it is given the secret `{option}`{exposed}")))
            }
            Matcher::Dataset(_) => Some((R1, "it names datasets".to_owned())),
            Matcher::Path(path)
                if rule.write.iter().any(|root| root == path.root())
                    && matches!(path.leaf(), Leaf::Dir | Leaf::File)
                    && !path.is_own() =>
            {
                let root = path.root();
                Some((R2, format!("it may change whatever has a fitting name in `{root}`")))
            }
            _ => None,
        });
    }
    let looked_up = rule.args.matchers().filter_map(|matcher| match matcher {
        Matcher::Path(path) if path.is_looked_up() => Some(path.root()),
        _ => None,
    });
    reasons.extend(looked_up.map(|root| {
        let writes = rule.write.iter().any(|written| written == root);
        let why = format!("`{name}` looks up a path in `{root}` that others may have changed");
        (if writes { R3 } else { R2 }, why)
    }));
    if rule.removes {
        reasons.push((R2, "it removes what the backend has made".to_owned()));
    }
    reasons.dedup();
    reasons
}
