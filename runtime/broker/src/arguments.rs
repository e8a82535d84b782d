//! What a grant is made of becomes what a program is told, or what a file holds: paths are resolved
//! beneath their roots, secrets put in their places. Done in a hand, for `run` and `files`.
//!
//! It decides nothing: the policy has rebuilt the arguments and lines; here it is found out whether
//! what they name is there.

use std::os::fd::{AsFd, BorrowedFd};

use abaca_broker::protocol::{ErrorKind, Identity};
use abaca_policy::{Argument, FileContent, Leaf, Pass, SecretPass};

use crate::failure::Failure;
use crate::ground::Ground;
use crate::secrets::Secrets;
use crate::spawn::{Tail, Word};

/// The whole of a file that is to be written, and which files the paths in it are now.
///
/// # Errors
/// When what a path names is not what its rule says.
pub fn text(ground: &Ground, content: &FileContent) -> Result<(String, Vec<Identity>), Failure> {
    let none = Secrets::none();
    let (lines, identities) = words(ground, &none, &content.lines)?;
    let mut file = String::new();
    for line in lines {
        spell(line, &mut file)?;
        file.push('\n');
    }
    Ok((file, identities))
}

fn spell(word: Word, file: &mut String) -> Result<(), Failure> {
    match word {
        Word::Text(text) => file.push_str(&text),
        Word::Joined(parts) => parts.into_iter().try_for_each(|part| spell(part, file))?,
        // No policy that loads has such a line.
        Word::Descriptor { .. } => {
            return Err(Failure::new(ErrorKind::Invalid, "a file can hold no descriptor"));
        }
    }
    Ok(())
}

/// Opens what the path arguments name, and puts the secrets in their places.
///
/// # Errors
/// When what a path names is not what its rule says.
pub fn words(
    ground: &Ground,
    secrets: &Secrets,
    argv: &[Argument],
) -> Result<(Vec<Word>, Vec<Identity>), Failure> {
    let mut identities = Vec::new();
    let words = argv.iter().map(|argument| word(ground, secrets, argument, &mut identities));
    let words = words.collect::<Result<_, _>>()?;
    Ok((words, identities))
}

/// What a command may read beneath a root, if that is less than all of it: the directories that its
/// arguments name there, where they name nothing else of it and are told by descriptors. A program that
/// walks through a directory can be led elsewhere by whoever writes in it: then to nothing of others.
pub fn named<'w>(root: &str, argv: &[Argument], words: &'w [Word]) -> Option<Vec<BorrowedFd<'w>>> {
    let mut found = Vec::new();
    let is_all =
        argv.iter().zip(words).all(|(argument, word)| name(root, argument, word, &mut found));
    (is_all && !found.is_empty()).then_some(found)
}

/// Whether an argument names nothing beneath the root but by a descriptor, which is then one of those
/// found.
fn name<'w>(
    root: &str,
    argument: &Argument,
    word: &'w Word,
    found: &mut Vec<BorrowedFd<'w>>,
) -> bool {
    match (argument, word) {
        (Argument::Joined(arguments), Word::Joined(words)) => {
            arguments.iter().zip(words).all(|(argument, word)| name(root, argument, word, found))
        }
        (Argument::Path(path), _) if path.root != root => true,
        (Argument::Path(path), Word::Descriptor { fd, .. }) => {
            found.push(fd.as_fd());
            path.leaf == Leaf::Dir
        }
        (Argument::Path(_), _) => false,
        _ => true,
    }
}

fn word(
    ground: &Ground,
    secrets: &Secrets,
    argument: &Argument,
    identities: &mut Vec<Identity>,
) -> Result<Word, Failure> {
    let path = match argument {
        Argument::Text(text) => return Ok(Word::Text(text.clone())),
        Argument::Joined(parts) => {
            let words = parts.iter().map(|part| word(ground, secrets, part, identities));
            return words.collect::<Result<_, _>>().map(Word::Joined);
        }
        Argument::Secret(secret) => {
            return Ok(match secret.pass {
                SecretPass::Fd => {
                    let fd = secrets.open(&secret.option)?;
                    Word::Descriptor { fd, path: None, tail: Tail::File }
                }
                SecretPass::Argument => Word::Text(secrets.argument(&secret.option)?),
            });
        }
        Argument::Path(path) => path,
    };
    let root = ground.roots.get(&path.root)?;
    let resolved = root.resolve(&path.components, path.leaf)?;
    identities.push(resolved.identity);
    let (place, tail) = match (resolved.new, path.leaf) {
        (Some(name), _) => {
            let above = path.components.len().saturating_sub(1);
            (path.components.get(..above).unwrap_or_default(), Tail::New(name))
        }
        (None, Leaf::File) => (path.components.as_slice(), Tail::File),
        (None, _) => (path.components.as_slice(), Tail::Directory),
    };
    Ok(match path.pass {
        Pass::Fd => Word::Descriptor { fd: resolved.fd, path: Some(root.path(place)), tail },
        Pass::Path => {
            root.expect_kept(&path.components, ground.user)?;
            Word::Text(root.path(&path.components))
        }
    })
}
