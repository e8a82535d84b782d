//! Whether what stands at a place is what was asked for: then asking again is no mistake.
//!
//! Compared are what was mounted, the type, and the options that every mount has. What a file
//! system was told beside those cannot be read back in the words it was told in.

use abaca_broker::protocol::ErrorKind;
use abaca_policy::MountGrant;

use super::making::{Source, block_device};
use super::{Spot, loops};
use crate::failure::Failure;
use crate::mount_table::{self, Row};

/// Refuses a mount, of which the table says `row`, that is not the one that `grant` would make.
///
/// # Errors
/// `already-exists`, which says in what it differs.
pub fn expect_same(
    spot: &Spot<'_>,
    row: &Row,
    grant: &MountGrant<'_>,
    source: &Source,
) -> Result<(), Failure> {
    let flags = mount_table::mark(&spot.top).map_err(|errno| spot.failed(errno))?.flags;
    let differs = |what: &str| {
        let message = format!("{}: {what} is mounted there already", spot.place);
        Err(Failure::new(ErrorKind::AlreadyExists, message))
    };
    if !is_source(source, spot, row) {
        return differs("something else");
    }
    if !matches!(source, Source::Tree { .. }) && row.filesystem != grant.filesystem {
        return differs("it, as another file system,");
    }
    let wanted = |word: &str| grant.options.iter().any(|option| option == word);
    let inherited = match source {
        // A directory's mount has what the mount of its source has, whatever was asked.
        Source::Tree { fd, .. } => mount_table::mark(fd).map_err(|errno| spot.failed(errno))?.flags,
        _ => rustix::fs::StatVfsMountFlags::empty(),
    };
    let alike = mount_table::WORDS
        .iter()
        .all(|(word, flag)| flags.contains(*flag) == (wanted(word) || inherited.contains(*flag)));
    if alike { Ok(()) } else { differs("it, with other options,") }
}

fn is_source(source: &Source, spot: &Spot<'_>, row: &Row) -> bool {
    match source {
        Source::Tree { identity, .. } => *identity == spot.identity,
        Source::Image { identity, .. } => loops::image_of(&row.source) == Some(*identity),
        Source::Device { number, .. } => block_device(&row.source) == Ok(*number),
        Source::Dataset(name) | Source::Remote(name) => row.source == *name,
    }
}
