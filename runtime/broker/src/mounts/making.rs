//! Makes mounts that stand nowhere yet: of a directory, of an image or a device, of a dataset, of
//! an export.
//!
//! The new calls for mounts take one option after the other as a set, and nothing that a helper
//! of mount(8) would add. Options that every mount has become attributes of the mount itself;
//! all others are told to the file system.

use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use abaca_broker::protocol::{ErrorKind, Identity};
use abaca_policy::{GrantedSource, Leaf, MountGrant};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, OpenTreeFlags};

use super::{Spot, loops};
use crate::failure::Failure;
use crate::ground::Ground;
use crate::{kernel, roots};

/// The options that every mount has.
const ATTRIBUTES: [(&str, MountAttrFlags); 9] = [
    ("noatime", MountAttrFlags::MOUNT_ATTR_NOATIME),
    ("nodev", MountAttrFlags::MOUNT_ATTR_NODEV),
    ("nodiratime", MountAttrFlags::MOUNT_ATTR_NODIRATIME),
    ("noexec", MountAttrFlags::MOUNT_ATTR_NOEXEC),
    ("nosuid", MountAttrFlags::MOUNT_ATTR_NOSUID),
    ("nosymfollow", MountAttrFlags::MOUNT_ATTR_NOSYMFOLLOW),
    ("relatime", MountAttrFlags::MOUNT_ATTR_RELATIME),
    (READ_ONLY, MountAttrFlags::MOUNT_ATTR_RDONLY),
    ("strictatime", MountAttrFlags::MOUNT_ATTR_STRICTATIME),
];

/// The one of them that the file system must know as well.
const READ_ONLY: &str = "ro";

/// Those of them that are one choice among several.
const TIMES: [&str; 3] = ["noatime", "relatime", "strictatime"];

/// The kinds of ext, which do what the image says about errors unless they are told: one that
/// says "panic" would end the machine.
const EXT: [&str; 3] = ["ext2", "ext3", "ext4"];

/// What they are told.
const ON_ERRORS: (&str, &str) = ("errors", "remount-ro");

/// What can be made larger only while it is mounted, and only by who sees the device: so whoever
/// mounts an image of it that has become longer makes it as large as that.
const XFS: &str = "xfs";

/// What a mount is made of, found and held.
pub enum Source {
    /// A directory.
    Tree { fd: OwnedFd, identity: Identity },
    /// A regular file that holds a file system.
    Image { fd: OwnedFd, identity: Identity },
    /// A block device, by its path and its number.
    Device { path: String, number: u64 },
    /// A dataset of a pool that the kernel has open, by its name.
    Dataset(String),
    /// An export, by its name.
    Remote(String),
}

impl Source {
    /// Finds what was granted.
    ///
    /// # Errors
    /// When there is nothing, or something else.
    pub fn find(ground: &Ground, granted: &GrantedSource) -> Result<Source, Failure> {
        Ok(match granted {
            GrantedSource::Path { path, leaf } => {
                let found = ground.roots.get(&path.root)?.resolve(&path.components, *leaf)?;
                let (fd, identity) = (found.fd, found.identity);
                match leaf {
                    Leaf::Dir => Source::Tree { fd, identity },
                    _ => Source::Image { fd, identity },
                }
            }
            GrantedSource::Device(path) => {
                let number = block_device(path).map_err(|errno| match errno {
                    Errno::NOTBLK => Failure::new(ErrorKind::Invalid, "it is no block device"),
                    errno => Failure::system("the device", errno),
                })?;
                Source::Device { path: path.clone(), number }
            }
            GrantedSource::Dataset(name) => Source::Dataset(name.clone()),
            GrantedSource::Remote(name) => Source::Remote(name.clone()),
        })
    }

    /// Makes the mount.
    ///
    /// # Errors
    /// `invalid` when there is no file system of that type, `busy` when it is mounted elsewhere.
    pub fn make(&self, spot: &Spot<'_>, grant: &MountGrant<'_>) -> Result<OwnedFd, Failure> {
        match self {
            Source::Tree { fd, .. } => {
                bind(fd.as_fd(), &grant.options).map_err(|errno| spot.failed(errno))
            }
            Source::Image { fd, identity } => {
                let read_only = grant.options.iter().any(|option| option == READ_ONLY);
                let device = match loops::attach(fd.as_fd(), read_only) {
                    // By the same device it is the same file system, as in the other place. By
                    // another one it would be two that do not know of each other.
                    Err(busy) if grant.rule.again && busy.kind == ErrorKind::Busy => {
                        loops::attached(*identity)?.ok_or(busy)?
                    }
                    attached => attached?,
                };
                let mount = parse(spot, grant, &device.path)?;
                if grant.filesystem == XFS && !read_only {
                    grow(&mount, fd.as_fd()).map_err(|errno| spot.failed(errno))?;
                }
                Ok(mount)
            }
            Source::Device { path, .. } => parse(spot, grant, path),
            Source::Dataset(name) => parse(spot, grant, name),
            Source::Remote(name) => remote(spot, grant, name),
        }
    }
}

/// The number of the block device at `path`.
///
/// # Errors
/// NOTBLK when it is something else.
pub fn block_device(path: &str) -> Result<u64, Errno> {
    // Below /dev, where only root makes links: those of volume groups are some.
    let fd = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let stat = rustix::fs::fstat(fd)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::BlockDevice => Ok(stat.st_rdev),
        _ => Err(Errno::NOTBLK),
    }
}

/// The same directory once more. What is mounted within it stays behind, and what will be
/// mounted there does not follow.
fn bind(tree: BorrowedFd<'_>, options: &[String]) -> Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH;
    let mount = rustix::mount::open_tree(tree, "", flags)?;
    let chosen = options.iter().any(|option| TIMES.contains(&option.as_str()));
    let clear = if chosen { MountAttrFlags::MOUNT_ATTR__ATIME } else { MountAttrFlags::empty() };
    let (set, clear) = (u64::from(attributes(options).bits()), u64::from(clear.bits()));
    kernel::mounts::set_attributes(mount.as_fd(), set, clear)?;
    Ok(mount)
}

/// The file system on a block device, or in a pool by this name, which nobody else has mounted
/// unless the rule allows that.
fn parse(spot: &Spot<'_>, grant: &MountGrant<'_>, device: &str) -> Result<OwnedFd, Failure> {
    let context = open(spot, grant)?;
    let set = || -> Result<OwnedFd, Errno> {
        rustix::mount::fsconfig_set_string(&context, "source", device)?;
        let told = grant.options.iter().any(|option| option.starts_with(ON_ERRORS.0));
        if EXT.contains(&grant.filesystem.as_str()) && !told {
            rustix::mount::fsconfig_set_string(&context, ON_ERRORS.0, ON_ERRORS.1)?;
        }
        tell(&context, &grant.options)?;
        // The kernel may lend us the mount of somebody else, with his options: if the rule says so.
        match grant.rule.again {
            false => rustix::mount::fsconfig_create_exclusive(&context)?,
            true => rustix::mount::fsconfig_create(&context)?,
        }
        mounted(&context, &grant.options)
    };
    set().map_err(|errno| refused(spot, grant, errno))
}

/// Makes a file system of xfs as large as the image that it is mounted from.
fn grow(mount: &OwnedFd, image: BorrowedFd<'_>) -> Result<(), Errno> {
    let length = u64::try_from(rustix::fs::fstat(image)?.st_size).unwrap_or_default();
    let top = roots::reopen(mount.as_fd(), OFlags::RDONLY | OFlags::DIRECTORY)?;
    kernel::mounts::grow_xfs(top.as_fd(), length)
}

/// The export of another machine. The kernel resolves no names.
fn remote(spot: &Spot<'_>, grant: &MountGrant<'_>, name: &str) -> Result<OwnedFd, Failure> {
    let address = address(name).ok_or_else(|| {
        let message = format!("{name:?} names no address: write ADDRESS:/EXPORT");
        Failure::new(ErrorKind::Invalid, message)
    })?;
    let context = open(spot, grant)?;
    let set = || -> Result<OwnedFd, Errno> {
        rustix::mount::fsconfig_set_string(&context, "source", name)?;
        rustix::mount::fsconfig_set_string(&context, "addr", address.to_string())?;
        tell(&context, &grant.options)?;
        rustix::mount::fsconfig_create(&context)?;
        mounted(&context, &grant.options)
    };
    set().map_err(|errno| refused(spot, grant, errno))
}

/// `192.0.2.1:/export`, `[2001:db8::1]:/export`
fn address(name: &str) -> Option<IpAddr> {
    let (host, _) = name.split_once(":/")?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.parse().ok()
}

fn open(spot: &Spot<'_>, grant: &MountGrant<'_>) -> Result<OwnedFd, Failure> {
    rustix::mount::fsopen(grant.filesystem.as_str(), FsOpenFlags::FSOPEN_CLOEXEC).map_err(|errno| {
        match errno {
            Errno::NODEV => {
                let message = format!("this kernel knows no file system {}", grant.filesystem);
                Failure::new(ErrorKind::Invalid, message)
            }
            errno => spot.failed(errno),
        }
    })
}

/// Tells the file system the options that are its own.
fn tell(context: &OwnedFd, options: &[String]) -> Result<(), Errno> {
    for option in options {
        let general = ATTRIBUTES.iter().any(|(word, _)| word == option);
        match option.split_once('=') {
            Some((key, value)) => rustix::mount::fsconfig_set_string(context, key, value)?,
            None if general && option != READ_ONLY => {}
            None => rustix::mount::fsconfig_set_flag(context, option.as_str())?,
        }
    }
    Ok(())
}

fn mounted(context: &OwnedFd, options: &[String]) -> Result<OwnedFd, Errno> {
    rustix::mount::fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, attributes(options))
}

/// The attributes among the options.
pub fn attributes(options: &[String]) -> MountAttrFlags {
    let named = |option: &String| ATTRIBUTES.iter().find(|(word, _)| word == option);
    options.iter().filter_map(named).fold(MountAttrFlags::empty(), |all, one| all | one.1)
}

fn refused(spot: &Spot<'_>, grant: &MountGrant<'_>, errno: Errno) -> Failure {
    let filesystem = &grant.filesystem;
    match errno {
        Errno::BUSY => {
            let message = format!("{}: what is to be mounted is mounted elsewhere", spot.place);
            Failure::new(ErrorKind::Busy, message)
        }
        Errno::INVAL | Errno::UCLEAN => {
            let message = format!(
                "{}: there is no sound {filesystem} in it, or it does not take these options",
                spot.place
            );
            Failure::new(ErrorKind::Invalid, message)
        }
        errno => spot.failed(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_begins_with_its_address() {
        let parsed = |name: &str| address(name).map(|address| address.to_string());
        assert_eq!(parsed("192.0.2.1:/a/b").as_deref(), Some("192.0.2.1"));
        assert_eq!(parsed("[2001:db8::1]:/a").as_deref(), Some("2001:db8::1"));
        for name in ["filer:/a", "192.0.2.1", "/a", ":/a", "192.0.2.1:a", "[192.0.2.1:/a"] {
            assert_eq!(parsed(name), None, "{name}");
        }
    }

    #[test]
    fn options_are_attributes_or_the_file_systems_own() {
        let options = ["data=journal", "nodev", "nosuid", "ro"].map(str::to_owned);
        let wanted = MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_RDONLY;
        assert_eq!(attributes(&options), wanted);
    }
}
