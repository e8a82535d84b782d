//! The programs `zfs` and `zpool`, what they complain of, and which of the two implementations they
//! are. Called by `dataset`, `copying` and `backend`.

use std::cell::Cell;

use abaca_sdk::command::{self, Command, Output};
use abaca_sdk::{CommandFailure, Error, Result};

/// What the tools say of something that is not there.
const MISSING: [&str; 2] = ["does not exist", "could not find any snapshots"];

/// What it says where there is nothing to list.
pub const NONE: &str = "no datasets available";

/// Of something that is there already, also as the destination of a stream.
const TAKEN: [&str; 3] = ["already exists", "' exists\n", "must specify -F"];

/// Of something in use.
const BUSY: [&str; 4] = ["is busy", "has dependent clones", "has children", "snapshot is cloned"];

/// Of a quota below what is there.
const TOO_SMALL: &str = "less than current used";

/// Of a property that is set, and could not be made to work at once. It is for whoever set it to
/// judge.
const ONLY_SET: &str = "property may be set";

/// Of a share that nobody serves. A stream was received all the same, a property set.
const UNSERVED: &str = "cannot share";

/// Of a command that they do not know.
const UNKNOWN: &str = "unrecognized command";

thread_local! {
    /// Which of the two it is, once that was asked: an instance is one call's.
    static IS_FUSE: Cell<Option<bool>> = const { Cell::new(None) };
}

/// A command line of `zfs`.
pub fn zfs<const N: usize>(words: [&str; N]) -> Command {
    Command::new("zfs").args(words)
}

/// What a command line of `zfs` writes.
pub fn ask<const N: usize>(words: [&str; N]) -> Result<String> {
    text(&zfs(words).output()?)
}

/// A property of a pool, in the tool's own spelling. zfs-fuse knows no other.
pub fn pool_property(property: &str, pool: &str) -> Result<String> {
    text(&command::run("zpool", ["get", property, pool])?)
}

fn text(output: &Output) -> Result<String> {
    output.stdout_text().map(str::to_owned)
}

/// Whether this is zfs-fuse, which does not know the command `version` that OpenZFS has. It is asked
/// once in a call.
///
/// # Errors
/// Also where the command fails otherwise: rules would be set in a form that the tool may take for
/// something else.
pub fn is_fuse() -> Result<bool> {
    if let Some(known) = IS_FUSE.get() {
        return Ok(known);
    }
    let answer = zfs(["version"]).allow_any().output()?;
    let is_fuse = is_unknown(answer.code(), &answer.stderr).ok_or_else(|| {
        Error::BackendFailed(format!(
            "`zfs version` does not tell which implementation this is: it ends with {:?}",
            answer.code()
        ))
    })?;
    IS_FUSE.set(Some(is_fuse));
    Ok(is_fuse)
}

/// Whether a command is not known, by what it ends with and says; none where it failed otherwise.
fn is_unknown(code: Option<i32>, stderr: &[u8]) -> Option<bool> {
    match code {
        Some(0) => Some(false),
        Some(_) if String::from_utf8_lossy(stderr).contains(UNKNOWN) => Some(true),
        _ => None,
    }
}

/// Whether it failed because there is no such dataset or snapshot.
pub fn is_missing(error: &Error) -> bool {
    complains(error, &MISSING)
}

/// Whether it failed because there is one already.
pub fn is_taken(error: &Error) -> bool {
    complains(error, &TAKEN)
}

/// Whether it failed because something uses it.
pub fn is_busy(error: &Error) -> bool {
    complains(error, &BUSY)
}

/// Whether it failed because more is in it.
pub fn is_too_small(error: &Error) -> bool {
    complains(error, &[TOO_SMALL])
}

/// Whether the property was set, though nobody serves the share by it.
pub fn is_unserved(error: &Error) -> bool {
    complains(error, &[UNSERVED])
}

/// Whether the property was set, and works from the next mount on.
pub fn is_only_set(error: &Error) -> bool {
    complains(error, &[ONLY_SET]) && !is_unserved(error)
}

fn complains(error: &Error, texts: &[&str]) -> bool {
    match error {
        Error::CommandFailed(CommandFailure { stderr, .. }) => {
            texts.iter().any(|text| stderr.contains(text))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(stderr: &str) -> Error {
        let stderr = format!("{stderr}\n");
        Error::CommandFailed(CommandFailure { program: "zfs".into(), code: Some(1), stderr })
    }

    #[test]
    fn only_a_command_that_is_not_known_is_zfs_fuses() {
        assert_eq!(is_unknown(Some(0), b""), Some(false));
        assert_eq!(is_unknown(Some(2), b"unrecognized command 'version'\nusage: zfs"), Some(true));
        assert_eq!(is_unknown(Some(1), b"internal error: out of memory\n"), None);
        assert_eq!(is_unknown(None, b"unrecognized command 'version'\n"), None);
    }

    /// By the words of zfs-fuse 0.7.0 and of OpenZFS 2.2.
    #[test]
    fn what_the_tools_complain_of_is_told_apart() {
        for text in [
            "cannot open 'tank/a': dataset does not exist",
            "cannot open 'tank/a@b': dataset does not exist",
            "could not find any snapshots to destroy; check snapshot names.",
        ] {
            assert!(is_missing(&failed(text)) && !is_taken(&failed(text)), "{text}");
        }
        for text in [
            "cannot create 'tank/a': dataset already exists",
            "cannot create snapshot 'tank/a@b': dataset already exists",
            "cannot receive new filesystem stream: destination 'tank/a' exists\n\
             must specify -F to overwrite it",
        ] {
            assert!(is_taken(&failed(text)) && !is_missing(&failed(text)), "{text}");
        }
        for text in [
            "cannot destroy 'tank/a': dataset is busy",
            "cannot destroy 'tank/a': filesystem has children\nuse '-r' to destroy",
            "cannot destroy 'tank/a@b': snapshot has dependent clones",
        ] {
            assert!(is_busy(&failed(text)) && !is_missing(&failed(text)), "{text}");
        }
        let text = "cannot set property for 'tank/a': size is less than current used or reserved \
                    space";
        assert!(is_too_small(&failed(text)));
        let unserved = "cannot share 'tank/a':  exportfs failed\nproperty may be set but unable to \
                        reshare filesystem";
        assert!(is_unserved(&failed(unserved)) && !is_only_set(&failed(unserved)));
        let only_set = "property may be set but unable to remount filesystem";
        assert!(is_only_set(&failed(only_set)) && !is_unserved(&failed(only_set)));
        assert!(!is_missing(&Error::Other("does not exist".into())));
    }
}
