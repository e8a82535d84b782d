//! The index: the one file that the server's main configuration includes, with a line for each
//! export's block. Called by `Ganesha`, under its lock.

use super::numbers;
use crate::{Result, Root, files};

/// The file's name; no share's begins so.
const INDEX: &str = "_index.conf";

/// How the name of a block's file ends.
const BLOCK: &str = ".conf";

/// The most files in the directory; a bound for a list. The policy lets an index be as long as a
/// thousand lines.
const FILES_MAX: usize = 10_000;

/// The file that holds the block of the export of this name.
pub fn file_name(name: &str) -> String {
    format!("{name}{BLOCK}")
}

/// Whether the block of an export is there.
pub fn is_there(exports: Root, name: &str) -> Result<bool> {
    let file = file_name(name);
    Ok(files::list(&exports.path(), FILES_MAX)?.iter().any(|entry| entry.name == file))
}

/// Writes the index anew: what has a number and a file, and is not being removed. The server does
/// not start where a file that the index names is missing.
pub fn write(exports: Root) -> Result<()> {
    let there = files::list(&exports.path(), FILES_MAX)?;
    let names: Vec<_> = numbers::all()?
        .into_iter()
        .filter(|one| !one.leaving)
        .map(|one| file_name(&one.name))
        .filter(|file| there.iter().any(|entry| entry.name == *file))
        .collect();
    Ok(files::write(&exports.join(INDEX), text(exports, &names))?)
}

fn text(exports: Root, names: &[String]) -> String {
    // A first line, because a file without any cannot be told from one that is half-made.
    let first = "# The exports of one back end, one file each.\n".to_owned();
    names
        .iter()
        .map(|name| format!("%include \"{}\"\n", exports.join(name)))
        .fold(first, |text, line| text + &line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_has_a_line_for_each_block() {
        let names = ["share-1.conf".to_owned(), "share-2.conf".to_owned()];
        assert_eq!(
            text(Root("exports"), &names),
            "# The exports of one back end, one file each.\n%include \"exports:share-1.conf\"\n\
             %include \"exports:share-2.conf\"\n"
        );
    }
}
