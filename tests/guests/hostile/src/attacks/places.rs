//! Attacks through `files`: places that are not granted, bits that nobody may set, and verbs said
//! again and again while somebody else swaps what they are about.

use abaca_sdk::{Error, HostError, Path, Result, files};

use super::{answered, argument, number};

/// What a file attack reads at most, and lists at most.
const FILE_MAX: u64 = 1 << 20;
const LIST_MAX: usize = 10_000;

/// A verb, a root and a path; `rename` and `copy` take a second root and path,
/// `write` a content, `make-dir` and `set-mode` an octal mode, `set-owner` a number,
/// `list-after` a name and a number.
pub fn file(arguments: &[&str]) -> Result<Vec<String>> {
    let path = path(arguments, 1)?;
    Ok(match argument(arguments, 0)? {
        "read" => answered(
            files::read(&path, FILE_MAX)
                .map(|contents| String::from_utf8_lossy(&contents).into_owned()),
        ),
        "write" => answered(files::write(&path, argument(arguments, 3)?)),
        "list" => answered(files::list(&path, LIST_MAX)),
        "list-after" => {
            let limit = u32::try_from(number(argument(arguments, 4)?)?).unwrap_or(u32::MAX);
            answered(files::list_after(&path, Some(argument(arguments, 3)?), limit))
        }
        "make-dir" => answered(files::make_dir(&path, mode(arguments)?)),
        "remove" => answered(files::remove(&path)),
        "remove-tree" => answered(files::remove_tree(&path)),
        "rename" => answered(files::rename(&path, &self::path(arguments, 3)?)),
        "copy" => answered(files::copy(&path, &self::path(arguments, 3)?)),
        "set-mode" => answered(files::set_mode(&path, mode(arguments)?)),
        "set-owner" => {
            let user = u32::try_from(number(argument(arguments, 3)?)?).unwrap_or(u32::MAX);
            answered(files::set_owner(&path, Some(user), None))
        }
        "usage" => answered(files::usage(&path)),
        unknown => {
            return Err(Error::InvalidShare(format!("no file attack is called `{unknown}`")));
        }
    })
}

/// Says every verb on what is beneath `swapped` and on `leaf`, as often as the first argument
/// says. Answers how many were done, how many were refused because of a link, how many failed
/// otherwise, and all that was ever read.
pub fn race(arguments: &[&str]) -> Result<Vec<String>> {
    let place = |path: String| Path { root: "lair".to_owned(), path };
    let (inside, leaf) = (place("swapped/inside".to_owned()), place("leaf".to_owned()));
    let kept = place("kept".to_owned());
    let (mut done, mut links, mut failed) = (0_u64, 0_u64, 0_u64);
    let mut read = String::new();
    let mut count = |answer: Result<(), HostError>| match answer {
        Ok(()) => done += 1,
        Err(HostError::Denied(_)) => links += 1,
        Err(_) => failed += 1,
    };
    for round in 0..number(argument(arguments, 0)?)? {
        let new = place(format!("swapped/new-{round}"));
        count(files::write(&inside, "written by the driver"));
        count(files::make_dir(&new, 0o777));
        count(files::set_mode(&inside, 0o777));
        count(files::set_mode(&leaf, 0o777));
        count(files::copy(&kept, &place(format!("swapped/copy-{round}"))));
        for file in [&leaf, &inside] {
            count(files::read(file, FILE_MAX).map(|bytes| {
                read.push_str(&String::from_utf8_lossy(&bytes));
                read.truncate(1 << 10);
            }));
        }
        count(files::rename(&inside, &place("swapped/renamed".to_owned())));
        count(files::rename(&place("swapped/renamed".to_owned()), &inside));
        count(files::remove_tree(&new).map(drop));
        count(files::remove(&place(format!("swapped/copy-{round}"))).map(drop));
        count(files::list(&place("swapped".to_owned()), LIST_MAX).map(drop));
    }
    Ok(vec![format!("{done}"), format!("{links}"), format!("{failed}"), format!("read:{read}")])
}

/// The path whose root is this argument and whose way is the next one.
pub(super) fn path(arguments: &[&str], index: usize) -> Result<Path> {
    let (root, path) = (argument(arguments, index)?, argument(arguments, index + 1)?);
    Ok(Path { root: root.to_owned(), path: path.to_owned() })
}

fn mode(arguments: &[&str]) -> Result<u32> {
    let text = argument(arguments, 3)?;
    u32::from_str_radix(text, 8)
        .map_err(|error| Error::InvalidShare(format!("`{text}` is not an octal mode: {error}")))
}
