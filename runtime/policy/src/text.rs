//! What counts as honest text: words whose meaning a person can see.
//!
//! Not a validator of any one field: the loader and the matchers ask here, so
//! that there is one answer to "is this character hidden?" in the whole crate.

/// Longest identifier (ids, root, type and driver names): they end up in audit
/// lines and in sentences, and are never data.
pub(crate) const MAX_IDENTIFIER: usize = 64;

/// Longest name of one file, as Linux has it (`NAME_MAX`).
pub(crate) const MAX_COMPONENT: usize = 255;

/// Longest path, as Linux has it (`PATH_MAX`, which counts the final NUL).
pub(crate) const MAX_PATH: usize = 4095;

/// How much of a foreign word is repeated in a message: enough to recognise it,
/// too little to flood a log.
const MAX_SHOWN: usize = 80;

/// True for characters that a reader cannot see or that reorder what he sees: controls, line
/// separators, bidirectional marks, zero-width and tag characters, fillers, blanks that are no
/// space, what only chooses the look of the letter before or joins signs into one. That is what Unicode lets every
/// program leave out (`Default_Ignorable_Code_Point`), and some more.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{A0}' | '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{2800}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{1680}' | '\u{3000}' | '\u{16FE4}' | '\u{1D159}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{2000}'..='\u{200F}'
            | '\u{2028}'..='\u{202F}'
            | '\u{205F}'..='\u{206F}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{13430}'..='\u{13455}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}')
}

/// The first hidden character of a text.
pub(crate) fn hidden_in(text: &str) -> Option<char> {
    text.chars().find(|character| is_hidden(*character))
}

/// `[a-z][a-z0-9-]*`, at most [`MAX_IDENTIFIER`] bytes.
pub(crate) fn is_identifier(text: &str) -> bool {
    text.len() <= MAX_IDENTIFIER
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// `[a-z][a-z0-9_]*`, at most [`MAX_IDENTIFIER`] bytes: what drivers call their options.
pub(crate) fn is_option_name(text: &str) -> bool {
    text.len() <= MAX_IDENTIFIER
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// A foreign word as it may stand in a message: quoted, escaped, cut.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars().take(MAX_SHOWN) {
        if is_hidden(character) {
            out.extend(character.escape_unicode());
        } else {
            out.extend(character.escape_debug());
        }
    }
    out.push('"');
    if text.chars().nth(MAX_SHOWN).is_some() {
        out.push('…');
    }
    out
}

/// Checks that `text` is the name of one file: not empty, `.` or `..`, nothing
/// hidden, no `/`, not too long. The error completes "a path component …".
pub(crate) fn check_component(text: &str) -> Result<(), &'static str> {
    match text {
        "" => Err("is empty (no `//`, no leading or trailing `/`)"),
        "." | ".." => Err("is `.` or `..`"),
        _ if text.len() > MAX_COMPONENT => Err("is longer than 255 bytes"),
        _ if text.contains('/') => Err("contains `/`"),
        _ if hidden_in(text).is_some() => Err("contains a control or invisible character"),
        _ => Ok(()),
    }
}

/// Checks that `text` is an absolute path in the one spelling that has no
/// shorter form, and not `/` itself. The error completes "the path …".
pub(crate) fn check_absolute(text: &str) -> Result<(), &'static str> {
    let Some(rest) = text.strip_prefix('/') else {
        return Err("is not absolute");
    };
    if text.len() > MAX_PATH {
        return Err("is longer than 4095 bytes");
    }
    if rest.is_empty() {
        return Err("is `/` itself");
    }
    if rest.split('/').any(|component| check_component(component).is_err()) {
        return Err("is not in its plain spelling (no `.`, `..`, `//`, trailing `/` \
                    or invisible characters)");
    }
    Ok(())
}

/// True if `path` is `ancestor` or lies beneath it. Both are plain absolute paths.
pub(crate) fn is_beneath(path: &str, ancestor: &str) -> bool {
    path.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_hidden() {
        // All blanks of Unicode but the space, and what only says how others stand together.
        let blanks = (0..=u32::from(char::MAX)).filter_map(char::from_u32);
        for blank in blanks.filter(|c| c.is_whitespace() && *c != ' ') {
            assert!(is_hidden(blank), "{}", blank.escape_unicode());
        }
        for hidden in [
            '\u{a0}',
            '\u{1680}',
            '\u{2000}',
            '\u{200a}',
            '\u{202f}',
            '\u{205f}',
            '\u{3000}',
            '\u{13430}',
            '\u{13440}',
            '\u{13455}',
            '\u{16fe4}',
            '\u{1d159}',
            '\u{2800}',
            '\u{180e}',
        ] {
            assert!(is_hidden(hidden), "{}", hidden.escape_unicode());
            assert!(check_component(&format!("a{hidden}b")).is_err());
            assert!(!shown(&format!("a{hidden}b")).contains(hidden));
        }
        for seen in [' ', 'a', '-', '\u{e9}', '\u{430}', '\u{3001}', '\u{2010}', '\u{1342f}'] {
            assert!(!is_hidden(seen), "{}", seen.escape_unicode());
        }
    }
}
