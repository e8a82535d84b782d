//! The audit's files in a backend's directory: `audit.jsonl`, which is written, and those that were
//! closed, `audit.000001.jsonl` and on, the oldest first.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom, Take};
use std::os::unix::fs::MetadataExt;

use cap_std::fs::{Dir, MetadataExt as _, OpenOptions, OpenOptionsExt};

use super::pieces::Pieces;

/// The name of the file that is written.
pub(crate) const FILE: &str = "audit.jsonl";

/// What the names of closed files begin and end with.
const CLOSED: (&str, &str) = ("audit.", ".jsonl");

/// The name that the file of this number has when it is closed.
pub(super) fn closed(number: u64) -> String {
    format!("{}{number:06}{}", CLOSED.0, CLOSED.1)
}

/// The number of a closed file of this name.
fn number(name: &str) -> Option<u64> {
    let number = name.strip_prefix(CLOSED.0)?.strip_suffix(CLOSED.1)?.parse().ok()?;
    (closed(number) == name).then_some(number)
}

/// The numbers of all closed files, the oldest first.
///
/// # Errors
/// When the directory cannot be read.
pub(super) fn all_closed(directory: &Dir) -> std::io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in directory.entries()? {
        numbers.extend(entry?.file_name().to_str().and_then(number));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The sizes of all of an audit's files together.
///
/// # Errors
/// When the directory cannot be read.
pub(super) fn bytes(directory: &Dir) -> std::io::Result<u64> {
    let names = all_closed(directory)?.into_iter().map(closed).chain([FILE.to_owned()]);
    let mut bytes: u64 = 0;
    for name in names {
        match directory.metadata(name) {
            // One of which too many were kept, or a file that another process is just beginning.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            found => bytes = bytes.saturating_add(found?.len()),
        }
    }
    Ok(bytes)
}

/// Opens the file that is written, or makes it.
///
/// # Errors
/// What the system says.
pub(super) fn open(directory: &Dir) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600);
    Ok(directory.open_with(FILE, &options)?.into_std())
}

/// Whether an open file is still the one that has this name.
pub(super) fn is_in(file: &File, directory: &Dir, name: &str) -> std::io::Result<bool> {
    let ours = file.metadata()?;
    match directory.symlink_metadata(name) {
        Ok(found) => Ok((found.dev(), found.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The pieces of a file from an offset up to its size, as that was measured.
///
/// # Errors
/// When it cannot be read from there.
pub(super) fn pieces(
    file: &File,
    offset: u64,
    length: u64,
) -> std::io::Result<Pieces<BufReader<Take<File>>>> {
    use std::io::Read;
    let mut file = file.try_clone()?;
    file.seek(SeekFrom::Start(offset))?;
    let rest = file.take(length.saturating_sub(offset));
    Ok(Pieces::new(BufReader::new(rest), offset))
}
