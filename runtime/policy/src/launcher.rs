//! Programs that run other programs, or that are told what to run by their
//! arguments, their input or their configuration.
//!
//! A rule for one of them grants whatever that program can be talked into, so
//! the loader wants the operator's reason in `root-equivalent`. This list is a
//! guard against oversight, not a wall: a copy under another name passes it.
//! The wall is that programs and arguments are the operator's own words.

/// Names without version: `python3.11` is found as `python`.
const LAUNCHERS: &[&str] = &[
    // Shells and boxes of tools.
    "ash",
    "bash",
    "busybox",
    "csh",
    "dash",
    "fish",
    "ksh",
    "mksh",
    "rbash",
    "sh",
    "tcsh",
    "toybox",
    "zsh",
    // Interpreters.
    "awk",
    "expect",
    "gawk",
    "guile",
    "lua",
    "luajit",
    "mawk",
    "nawk",
    "node",
    "nodejs",
    "original-awk",
    "perl",
    "php",
    "pypy",
    "python",
    "ruby",
    "sed",
    "tclsh",
    // Wrappers whose arguments are a command line.
    "capsh",
    "catchsegv",
    "chroot",
    "chrt",
    "doas",
    "env",
    "eatmydata",
    "fakeroot",
    "flock",
    "ionice",
    "ip",
    "ltrace",
    "nice",
    "nohup",
    "nsenter",
    "numactl",
    "parallel",
    "perf",
    "pkexec",
    "prlimit",
    "run-parts",
    "runcon",
    "runuser",
    "script",
    "setarch",
    "setpriv",
    "setsid",
    "start-stop-daemon",
    "stdbuf",
    "strace",
    "su",
    "sudo",
    "systemd-nspawn",
    "systemd-run",
    "taskset",
    "time",
    "timeout",
    "unshare",
    "valgrind",
    "watch",
    "xargs",
    // Tools with an option that runs something.
    "bsdtar",
    "cpio",
    "find",
    "gdb",
    "git",
    "hg",
    "make",
    "man",
    "mount",
    "rsync",
    "sort",
    "split",
    "svn",
    "tar",
    "tcpdump",
    "zip",
    // Editors and pagers.
    "ed",
    "emacs",
    "ex",
    "less",
    "more",
    "nano",
    "vi",
    "view",
    "vim",
    // Containers, services, schedulers, networks: whoever commands them commands root.
    "at",
    "batch",
    "busctl",
    "crontab",
    "crun",
    "ctr",
    "dbus-send",
    "docker",
    "kubectl",
    "logrotate",
    "machinectl",
    "nc",
    "ncat",
    "nerdctl",
    "netcat",
    "podman",
    "runc",
    "scp",
    "service",
    "sftp",
    "socat",
    "ssh",
    "systemctl",
];

/// True if a program of this file name runs programs: those whose rules need `root-equivalent`.
pub fn is_launcher(file_name: &str) -> bool {
    let unversioned =
        file_name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
    LAUNCHERS.contains(&file_name)
        || LAUNCHERS.contains(&unversioned)
        // The dynamic linker runs the file named by its first argument.
        || file_name.starts_with("ld-linux")
        || file_name.starts_with("ld.so")
        || file_name.starts_with("ld-musl")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_do_not_hide_an_interpreter() {
        for name in ["sh", "python3.11", "python3", "perl5.36.0", "lua5.4", "ld-linux-x86-64.so.2"]
        {
            assert!(is_launcher(name), "{name}");
        }
        for name in ["cp", "btrfs", "lvcreate", "mkfs.ext4", "shasum", "exportfs"] {
            assert!(!is_launcher(name), "{name}");
        }
    }
}
