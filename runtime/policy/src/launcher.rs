//! Programs that run other programs, or that are told what to run by their
//! arguments, their input or their configuration.
//!
//! A rule for one of them grants whatever that program can be talked into, so
//! the loader wants the operator's reason in `root-equivalent`. This list is a
//! guard against oversight, not a wall: a copy under another name passes it. (A link does not: the
//! broker asks again with the name of the file that it leads to.)
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
    "cgexec",
    "choom",
    "chroot",
    "chrt",
    "dbus-run-session",
    "doas",
    "env",
    "eatmydata",
    "faketime",
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
    "scriptlive",
    "setarch",
    "setpriv",
    "setsid",
    "sg",
    "ssh-agent",
    "start-stop-daemon",
    "stdbuf",
    "strace",
    "su",
    "sudo",
    "switch_root",
    "systemd-nspawn",
    "systemd-run",
    "taskset",
    "time",
    "timeout",
    "uclampset",
    "unshare",
    "valgrind",
    "watch",
    "xargs",
    // Tools that run others for their work, or with an option.
    "apt",
    "apt-get",
    "aptitude",
    "c++",
    "cargo",
    "cc",
    "clang",
    "cmake",
    "cpp",
    "ctest",
    "dc",
    "debugfs",
    "dnf",
    "dpkg",
    "dpkg-reconfigure",
    "erl",
    "fsck",
    "ftp",
    "g++",
    "gcc",
    "git-shell",
    "gmake",
    "gold",
    "gem",
    "go",
    "gnuplot",
    "install",
    "java",
    "julia",
    "iptables",
    "ip6tables",
    "ld",
    "lftp",
    "lvm",
    "m4",
    "mail",
    "mailx",
    "mkfs",
    "modprobe",
    "mutt",
    "mysql",
    "ninja",
    "npm",
    "npx",
    "newgrp",
    "octave",
    "openssl",
    "pdb",
    "pip",
    "prove",
    "psql",
    "pydoc",
    "rpm",
    "rustc",
    "smbclient",
    "sqlite",
    "telnet",
    "wget",
    "yum",
    "zypper",
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
    "rsync-ssl",
    "sort",
    "sshfs",
    "split",
    "svn",
    "tar",
    "tcpdump",
    "zip",
    // Editors and pagers.
    "ed",
    "editor",
    "emacs",
    "ex",
    "less",
    "more",
    "nano",
    "pager",
    "screen",
    "sensible-editor",
    "sensible-pager",
    "tmux",
    "vi",
    "view",
    "vim",
    // Containers, services, schedulers, networks: whoever commands them commands root.
    "at",
    "automount",
    "batch",
    "bwrap",
    "busctl",
    "crontab",
    "crun",
    "ctr",
    "dbus-send",
    "docker",
    "gdbus",
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

/// Of these, the programs for one file system, `NAME.TYPE`, do the work themselves.
const BY_TYPE: [&str; 2] = ["fsck", "mkfs"];

/// How the names of helpers begin that `mount` and `umount` call for one type of file system. Most
/// run what serves it: `mount.fuse` even whatever its first word says.
const HELPERS: [&str; 2] = ["mount.", "umount."];

/// The types whose helpers do the work themselves.
const SERVED_BY_THE_KERNEL: [&str; 5] = ["cifs", "nfs", "nfs4", "smb3", "zfs"];

/// Of these, the boxes of tools, each of which is another program by another name: `lvcreate` is a
/// link to `lvm`.
const BOXES: [&str; 3] = ["busybox", "lvm", "toybox"];

/// How the names of compilers for one kind of machine begin, up to the compiler's own.
const MACHINE: &str = "-gnu-";

/// True if a program of this file name runs programs: those whose rules need `root-equivalent`.
pub fn is_launcher(file_name: &str) -> bool {
    let own = file_name.rsplit_once(MACHINE).map_or(file_name, |(_, own)| own);
    let unversioned = own.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
    // `vim.tiny`, `perl5.36-x86_64-linux-gnu`: what comes before a dot or a number.
    let stem = file_name.split(|c: char| c.is_ascii_digit() || c == '.').next().unwrap_or_default();
    let stem = stem.trim_end_matches('-');
    let has_type = file_name.len() > stem.len() && BY_TYPE.contains(&stem);
    let helps = HELPERS.iter().find_map(|helper| file_name.strip_prefix(helper));
    if let Some(served) = helps {
        return !SERVED_BY_THE_KERNEL.contains(&served);
    }
    LAUNCHERS.contains(&file_name)
        || LAUNCHERS.contains(&unversioned)
        || (LAUNCHERS.contains(&stem) && !has_type)
        // The dynamic linker runs the file named by its first argument.
        || file_name.starts_with("ld-linux")
        || file_name.starts_with("ld.so")
        || file_name.starts_with("ld-musl")
}

/// True if a program that is called by a name that runs nothing, and is found to be this file, is
/// one that runs programs. A box of tools is what it is called.
pub fn is_launcher_behind(file_name: &str) -> bool {
    is_launcher(file_name) && !BOXES.contains(&file_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_of_them_is_lost() {
        // Written out a second time on purpose: what is lost from the list is missed here.
        let names = "ash bash busybox csh dash fish ksh mksh rbash sh tcsh toybox zsh awk expect \
         gawk guile lua luajit mawk nawk node nodejs original-awk perl php pypy python \
         ruby sed tclsh capsh catchsegv cgexec choom chroot chrt dbus-run-session doas \
         env eatmydata faketime fakeroot flock ionice ip ltrace nice nohup nsenter \
         numactl parallel perf pkexec prlimit run-parts runcon runuser script scriptlive \
         setarch setpriv setsid sg ssh-agent start-stop-daemon stdbuf strace su sudo \
         switch_root systemd-nspawn systemd-run taskset time timeout uclampset unshare \
         valgrind watch xargs apt apt-get aptitude c++ cargo cc clang cmake cpp ctest dc \
         debugfs dnf dpkg dpkg-reconfigure erl fsck ftp g++ gcc git-shell gmake gold gem \
         go gnuplot install java julia iptables ip6tables ld lftp lvm m4 mail mailx mkfs \
         modprobe mutt mysql ninja npm npx newgrp octave openssl pdb pip prove psql \
         pydoc rpm rustc smbclient sqlite telnet wget yum zypper bsdtar cpio find gdb \
         git hg make man mount rsync rsync-ssl sort sshfs split svn tar tcpdump zip ed \
         editor emacs ex less more nano pager screen sensible-editor sensible-pager tmux \
         vi view vim at automount batch bwrap busctl crontab crun ctr dbus-send docker \
         gdbus kubectl logrotate machinectl nc ncat nerdctl netcat podman runc scp \
         service sftp socat ssh systemctl";
        for name in names.split_whitespace() {
            assert!(is_launcher(name), "{name}");
        }
    }

    #[test]
    fn versions_do_not_hide_an_interpreter() {
        for name in ["sh", "python3.11", "python3", "perl5.36.0", "lua5.4", "ld-linux-x86-64.so.2"]
        {
            assert!(is_launcher(name), "{name}");
        }
        for name in ["vim.tiny", "vim.basic", "nc.openbsd", "perl5.36-x86_64-linux-gnu", "editor"] {
            assert!(is_launcher(name), "{name}");
        }
        for name in ["pager", "tmux", "screen", "gcc", "gcc-12", "x86_64-linux-gnu-gcc-12", "dpkg"]
        {
            assert!(is_launcher(name), "{name}");
        }
        for name in ["apt-get", "wget", "install", "mkfs", "fsck", "c++", "mawk", "sort"] {
            assert!(is_launcher(name), "{name}");
        }
        for name in
            ["choom", "uclampset", "sg", "ssh-agent", "dbus-run-session", "debugfs", "lvm", "gmake"]
        {
            assert!(is_launcher(name), "{name}");
        }
        for name in
            ["switch_root", "mount.fuse", "mount.fuse3", "mount.fuse.sshfs", "mount.glusterfs"]
        {
            assert!(is_launcher(name) && is_launcher_behind(name), "{name}");
        }
        for name in ["umount.udisks2", "mount.nfs.sh", "mount.nfs5", "mount.", "mount", "sshfs"] {
            assert!(is_launcher(name), "{name}");
        }
        for name in
            ["mount.cifs", "mount.nfs4", "umount.nfs", "mount.zfs", "lvcreate", "mountpoint"]
        {
            assert!(!is_launcher(name), "{name}");
        }
        for name in ["mkfs.xfs", "fsck.ext4", "e2fsck", "mke2fs", "xfs_repair", "s3fs", "mount.nfs"]
        {
            assert!(!is_launcher(name), "{name}");
        }
        assert!(is_launcher_behind("vim.basic") && !is_launcher_behind("busybox"));
        assert!(is_launcher("lvm") && !is_launcher_behind("lvm"));
        for name in ["cp", "btrfs", "lvcreate", "mkfs.ext4", "shasum", "exportfs"] {
            assert!(!is_launcher(name), "{name}");
        }
    }
}
