//! What is known of a mount that a descriptor lies in: which one it is, how it is mounted, of
//! what kind and from where. It changes nothing; `roots` and `mounts` ask.

use std::os::fd::AsFd;

use rustix::fs::{AtFlags, StatVfsMountFlags, StatxFlags};
use rustix::io::Errno;

/// All mounts that this process sees, one on a line.
const TABLE: &str = "/proc/self/mountinfo";

/// Asks for a number that no later mount will have again (Linux 6.8); rustix has no name for it.
const UNIQUE: StatxFlags = StatxFlags::from_bits_retain(0x4000);

/// How a descriptor's mount is identified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its number, which is never used again.
    pub mount: u64,
    /// How it is mounted.
    pub flags: StatVfsMountFlags,
}

/// The mount of a descriptor, as the table has it.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The number of the mount that it stands in.
    pub parent: u64,
    /// The type of the file system.
    pub filesystem: String,
    /// What is mounted: a device, an export, or anything.
    pub source: String,
}

/// The words of the flags that a root may demand, and that a mount rule forces.
pub const WORDS: [(&str, StatVfsMountFlags); 4] = [
    ("nodev", StatVfsMountFlags::NODEV),
    ("noexec", StatVfsMountFlags::NOEXEC),
    ("nosuid", StatVfsMountFlags::NOSUID),
    ("ro", StatVfsMountFlags::RDONLY),
];

/// Which mount it is, and how it is mounted now.
///
/// # Errors
/// What the system says.
pub fn mark(fd: impl AsFd) -> Result<Mark, Errno> {
    let flags = rustix::fs::fstatvfs(fd.as_fd())?.f_flag;
    Ok(Mark { mount: unique(fd)?, flags })
}

/// Which mount it is, by a number that is never used again.
///
/// # Errors
/// What the system says.
pub fn unique(fd: impl AsFd) -> Result<u64, Errno> {
    number(fd, UNIQUE)
}

/// The words of those flags that have one.
pub fn words(flags: StatVfsMountFlags) -> impl Iterator<Item = &'static str> {
    WORDS.into_iter().filter(move |(_, flag)| flags.contains(*flag)).map(|(word, _)| word)
}

/// The first of `wanted` that the flags lack.
pub fn missing<'w>(
    flags: StatVfsMountFlags,
    wanted: impl IntoIterator<Item = &'w str>,
) -> Option<&'w str> {
    wanted.into_iter().find(|word| !words(flags).any(|there| there == *word))
}

/// The number by which the table knows the mount. Another may have it when this one is gone.
///
/// # Errors
/// What the system says.
pub fn in_table(fd: impl AsFd) -> Result<u64, Errno> {
    number(fd, StatxFlags::MNT_ID)
}

/// The row of a descriptor's mount.
///
/// # Errors
/// What the system says; NOENT when it is not, or no longer, in the table.
pub fn row(fd: impl AsFd) -> Result<Row, Errno> {
    find(&table()?, in_table(fd)?).ok_or(Errno::NOENT)
}

/// Where all mounts stand, each after what it stands on.
///
/// # Errors
/// When there is no table.
pub fn points() -> Result<Vec<String>, Errno> {
    let point = |line: &str| line.split(' ').nth(4).map(unescaped);
    Ok(table()?.lines().filter_map(point).collect())
}

/// Whether a descriptor's mount is the one of this number, or stands on it, or on what stands
/// on it.
///
/// # Errors
/// As [`row`].
pub fn stands_on(fd: impl AsFd, number: u64) -> Result<bool, Errno> {
    let (mut here, table) = (in_table(fd)?, table()?);
    // The uppermost is its own parent, or one that we do not see.
    while here != number {
        let parent = find(&table, here).ok_or(Errno::NOENT)?.parent;
        if parent == here || find(&table, parent).is_none() {
            return Ok(false);
        }
        here = parent;
    }
    Ok(true)
}

#[expect(clippy::disallowed_methods, reason = "the kernel's table of mounts")]
fn table() -> Result<String, Errno> {
    let table = std::fs::read_to_string(TABLE);
    table.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

fn find(table: &str, number: u64) -> Option<Row> {
    table.lines().find_map(|line| Row::read(line, number))
}

impl Row {
    /// `NUMBER PARENT DEVICE ROOT POINT OPTIONS … - TYPE SOURCE SUPER-OPTIONS`
    fn read(line: &str, number: u64) -> Option<Row> {
        let (mount, kind) = line.split_once(" - ")?;
        let mut mount = mount.split(' ');
        if mount.next()?.parse() != Ok(number) {
            return None;
        }
        let parent = mount.next()?.parse().ok()?;
        let mut kind = kind.split(' ');
        let (filesystem, source) = (kind.next()?.to_owned(), unescaped(kind.next()?));
        Some(Row { parent, filesystem, source })
    }
}

/// Space, tab, newline, backslash and `#` are written as `\` and three octal digits.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (code, part.get(3..)) {
            (Some(code), Some(rest)) => {
                plain.push(char::from(code));
                plain.push_str(rest);
            }
            _ => {
                plain.push('\\');
                plain.push_str(part);
            }
        }
    }
    plain
}

fn number(fd: impl AsFd, what: StatxFlags) -> Result<u64, Errno> {
    let found = rustix::fs::statx(fd, "", AtFlags::EMPTY_PATH, what)?;
    // A kernel that does not know the question leaves its bit out of the answer.
    if found.stx_mask & what.bits() == 0 {
        return Err(Errno::NOSYS);
    }
    Ok(found.stx_mnt_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_by_its_number() {
        let line = r"42 27 7:3 / /srv/a\040b rw,nosuid shared:1 - ext4 /dev/mapper/a\134b rw";
        let row = Row::read(line, 42).unwrap();
        let source = r"/dev/mapper/a\b".to_owned();
        assert_eq!(row, Row { parent: 27, filesystem: "ext4".to_owned(), source });
        assert_eq!(Row::read(line, 27), None);
        assert_eq!(Row::read("42", 42), None);
        assert_eq!(unescaped(r"a\04"), r"a\04");
        assert_eq!(unescaped(r"\x\040é"), "\\x é");
    }

    #[test]
    fn our_own_mounts_are_in_the_table() {
        let here = rustix::fs::open("/proc", rustix::fs::OFlags::PATH, rustix::fs::Mode::empty());
        let here = here.unwrap();
        assert_eq!(row(&here).unwrap().filesystem, "proc");
        assert_eq!(mark(&here).unwrap(), mark(&here).unwrap());
    }
}
