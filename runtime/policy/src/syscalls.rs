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
    /// Sockets of Unix, with which services of this machine are spoken to, some of which do
    /// whatever root says: `smbcontrol`, `lvmpolld`.
    LocalSockets,
}

impl SyscallGroup {
    /// All groups.
    pub const ALL: [SyscallGroup; 4] = [
        SyscallGroup::Quota,
        SyscallGroup::Keyring,
        SyscallGroup::FileHandles,
        SyscallGroup::LocalSockets,
    ];

    /// The group's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            SyscallGroup::Quota => "quota",
            SyscallGroup::Keyring => "keyring",
            SyscallGroup::FileHandles => "file-handles",
            SyscallGroup::LocalSockets => "local-sockets",
        }
    }
}

impl fmt::Display for SyscallGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
