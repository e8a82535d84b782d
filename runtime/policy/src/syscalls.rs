//! The groups of system calls that a rule may give back to its command.
//!
//! Every command runs without the system calls that storage tools do not need; which those
//! are is the broker's business. Only the groups here have tools that do need them. Mounting
//! is not among them: the fence around a command's files forbids it in any case.

use std::fmt;

/// What `syscalls` may name. Written in kebab-case, as in the policy file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SyscallGroup {
    /// Disk quotas: `setquota`, `xfs_quota`, `repquota`.
    Quota,
    /// The kernel's keys: `fscryptctl`, `cryptsetup`.
    Keyring,
    /// Opening files by handle, which passes by the directories above them: `xfsdump`.
    FileHandles,
    /// Modes, owners, times, flags and extended attributes of what lies beneath the rule's `write`
    /// roots; all else is read-only to such a command: `cp --archive`, `install`, `setfacl`.
    Attributes,
    /// Semaphores of System V, which are one room for the whole machine: `lvcreate` and `dmsetup`,
    /// where they wait for udev.
    Semaphores,
    /// Sockets of Unix, with which services of this machine are spoken to, some of which do
    /// whatever root says: `smbcontrol`, `lvmpolld`.
    LocalSockets,
    /// What btrfs alone is asked: subvolumes, snapshots, limits, `send` and `receive`. It goes by any
    /// directory of the file system that a command may read: `btrfs`.
    Subvolumes,
    /// Reading and writing ahead, of which the machine does only so much at a time: LVM's programs,
    /// which say a warning without it.
    AsyncIo,
}

impl SyscallGroup {
    /// All groups.
    pub const ALL: [SyscallGroup; 8] = [
        SyscallGroup::Quota,
        SyscallGroup::Keyring,
        SyscallGroup::FileHandles,
        SyscallGroup::Attributes,
        SyscallGroup::Semaphores,
        SyscallGroup::LocalSockets,
        SyscallGroup::Subvolumes,
        SyscallGroup::AsyncIo,
    ];

    /// The group's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            SyscallGroup::Quota => "quota",
            SyscallGroup::Keyring => "keyring",
            SyscallGroup::FileHandles => "file-handles",
            SyscallGroup::Attributes => "attributes",
            SyscallGroup::Semaphores => "semaphores",
            SyscallGroup::LocalSockets => "local-sockets",
            SyscallGroup::Subvolumes => "subvolumes",
            SyscallGroup::AsyncIo => "async-io",
        }
    }
}

impl fmt::Display for SyscallGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
