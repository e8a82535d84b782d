//! What programs can be talked into by their arguments, when they run as root. For a linter that
//! explains, not for a wall: the list is of what upstream's filter files name.

use abaca::policy::is_launcher;

/// What a program does with any arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Power {
    /// It runs other programs.
    Runs,
    /// It makes the caller root in another way.
    Root,
    /// It tells, and changes nothing.
    Tells,
    /// Nobody has written down here what it can do.
    Unknown,
}

/// What is known of a program.
pub(super) struct Known {
    pub(super) power: Power,
    /// Half a sentence about it.
    pub(super) why: &'static str,
    /// Which rules of a policy do what it is wanted for.
    pub(super) instead: &'static str,
}

/// Names, their power, why, and what replaces them. The first that fits counts; a name that ends
/// with `*` fits all that begin so.
const PROGRAMS: &[(&[&str], Power, &str, &str)] = &[
    (
        &["mount"],
        Power::Runs,
        "it runs mount.TYPE, and puts any file system over any place",
        "a [[mount]] rule: granted sources at granted places, `nosuid` and `nodev` forced",
    ),
    (
        &["umount"],
        Power::Root,
        "it takes away what protects a place, and runs umount.TYPE",
        "a [[mount]] rule: what it mounts it may unmount",
    ),
    (
        &["find"],
        Power::Runs,
        "`-exec` runs any program",
        "[[files]] with the verbs `list`, `usage` or `remove`",
    ),
    (
        &["rsync"],
        Power::Runs,
        "`-e` runs any program",
        "a [[command]] for `cp` with two path matchers, or [[files]] with the verb `copy`",
    ),
    (
        &["sh", "bash", "dash"],
        Power::Runs,
        "it is a shell",
        "[[files]] with the verbs `write` and `remove` for what the shell was used for; no rule \
         runs a shell",
    ),
    (
        &["ip"],
        Power::Runs,
        "`netns exec`, `vrf exec` and `-batch` run anything",
        "no rule: the runtime gives share servers their addresses itself",
    ),
    (
        &["ssh", "scp", "sftp"],
        Power::Runs,
        "`-o ProxyCommand=` runs any program",
        "no rule: a driver's own remotes, named in the policy, once they are served",
    ),
    (
        &["service", "systemctl", "dbus-send", "smb"],
        Power::Runs,
        "it starts and commands the services of the machine",
        "a [[command]] with every word of its arguments written out and `root-equivalent` with \
         the reason",
    ),
    (
        &["chown", "chgrp"],
        Power::Root,
        "it gives any file to anybody: /etc/shadow, /etc/sudoers",
        "[[files]] with the verb `set-owner`",
    ),
    (
        &["chmod"],
        Power::Root,
        "it opens any file to anybody, and sets set-user-ID bits",
        "[[files]] with the verb `set-mode`",
    ),
    (
        &["cat", "head", "tail", "less"],
        Power::Root,
        "it reads every secret of the machine",
        "[[files]] with the verb `read`",
    ),
    (
        &["cp", "mv", "install", "ln", "tee"],
        Power::Root,
        "it writes any file: /etc/sudoers, /etc/cron.d",
        "[[files]] with the verbs `copy`, `rename` or `write`; `cp --archive` as a [[command]] \
         with two path matchers",
    ),
    (
        &["dd", "truncate", "shred"],
        Power::Root,
        "it reads and writes any file and any device",
        "a [[command]] with `if=` and `of=` as `concat` of a text and a device or path matcher",
    ),
    (
        &["rm", "rmdir", "unlink"],
        Power::Root,
        "it removes any file of the machine",
        "[[files]] with the verb `remove`",
    ),
    (
        &["mkdir", "touch", "mktemp"],
        Power::Root,
        "it makes files or directories anywhere, also where their mere presence counts",
        "[[files]] with the verbs `make-dir` or `write`",
    ),
    (
        &["lv*", "vg*", "pv*", "lvm"],
        Power::Root,
        "`--config` names programs that it runs and devices that it uses; it changes any volume",
        "a [[command]] with a `device` matcher for the one volume group, and sizes and names as \
         matchers",
    ),
    (
        &["zfs"],
        Power::Root,
        "`mountpoint=` and `receive` put any files at any place",
        "a [[command]] with a `dataset` matcher below one parent, one rule for each subcommand",
    ),
    (
        &["zpool"],
        Power::Root,
        "it makes and imports pools on any device, mounted anywhere",
        "a [[command]] with the pool's name written out, for what is only asked",
    ),
    (
        &["mkfs*", "mke2fs", "mkswap", "wipefs", "fsck*", "e2fsck", "resize2fs", "tune2fs"],
        Power::Root,
        "it writes any device, or runs a helper that its arguments name",
        "a [[command]] with a `device` matcher for the one volume group",
    ),
    (
        &["btrfs"],
        Power::Root,
        "`receive` restores what a stream says, and any device can be added",
        "a [[command]] for each subcommand, with path matchers beneath the roots",
    ),
    (
        &["exportfs"],
        Power::Root,
        "it exports any directory with `no_root_squash` to anybody",
        "a [[command]] with the options as `csv`, the clients as `cidr` and the place as a path",
    ),
    (
        &["smbd", "smbcontrol", "net", "smbpasswd", "pdbedit"],
        Power::Root,
        "it reads the configuration that its arguments name, in which scripts and log files stand",
        "a [[command]] with every word written out but the share's name",
    ),
    (
        &["gluster", "ovs-vsctl"],
        Power::Root,
        "`--log-file` writes any file; it commands a service that runs as root",
        "a [[command]] for each subcommand, names and addresses as matchers",
    ),
    (
        &["blockdev", "losetup", "dmsetup", "cryptsetup", "parted", "sgdisk"],
        Power::Root,
        "it changes any block device",
        "a [[command]] with a `device` matcher",
    ),
    (
        &["privsep-helper"],
        Power::Runs,
        "it runs any privileged function that its arguments name",
        "nothing: the broker is the only privileged part",
    ),
    (
        &["mm*"],
        Power::Unknown,
        "it administers every file system of the cluster",
        "a [[command]] for each subcommand, with the file system's name written out",
    ),
    (
        &[
            "df", "du", "stat", "ls", "id", "uname", "hostname", "lsblk", "findmnt", "nproc",
            "which", "readlink", "realpath", "getent",
        ],
        Power::Tells,
        "it tells what there is, anywhere on the machine",
        "[[files]] with the verbs `list` or `usage`, or a [[command]] with a path matcher",
    ),
];

/// What is known of the program with this file name.
pub(super) fn known(name: &str) -> Known {
    let fits = |pattern: &&str| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => *pattern == name,
    };
    let found = PROGRAMS.iter().find(|(names, ..)| names.iter().any(&fits));
    if let Some((_, power, why, instead)) = found {
        return Known { power: *power, why, instead };
    }
    if is_launcher(name) {
        return Known {
            power: Power::Runs,
            why: "it runs other programs",
            instead: "a [[command]] for the program that does the work",
        };
    }
    Known {
        power: Power::Unknown,
        why: "nothing is known of it here: read its manual for options that run, read or write",
        instead: "a [[command]] with every option written out and a matcher for each value",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&[&str]; 20] = include!("../../../../../tests/data/as-good-as-root.rs");

    #[test]
    fn what_is_as_good_as_root_is_never_called_harmless() {
        for line in LINES {
            let program = line.first().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
            let known = known(program);
            assert!(matches!(known.power, Power::Runs | Power::Root), "{line:?}: {}", known.why);
        }
    }
}
