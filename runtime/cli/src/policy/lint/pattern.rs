//! What is wrong with a regular expression over one argument, as rootwrap uses it:
//! `re.match(pattern + "$", argument)`.
//!
//! Not a parser of regular expressions: it looks for what makes them take more than they seem
//! to. Where it finds nothing, the pattern may still be wrong.

/// What a pattern takes that it does not seem to. The order is that of danger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// An alternative that `$` does not end.
    Alternative,
    /// Any text.
    AnyText,
    /// A path that climbs.
    Climbs,
    /// Any one character.
    AnyCharacter,
    /// Brackets that do not close.
    Unclosed,
}

impl Fault {
    /// What it means, for the pattern that has it.
    pub(super) fn told(self, pattern: &str) -> String {
        match self {
            Fault::Alternative => format!(
                "`{pattern}`: `|` stands outside of a group, so all alternatives but the last take \
                 any text that begins like them"
            ),
            Fault::AnyText => format!(
                "`{pattern}`: takes any text at a place, with `/`, `..`, blanks, quotes and `;`"
            ),
            Fault::Climbs => format!("`{pattern}`: takes paths with `..`"),
            Fault::AnyCharacter => {
                format!("`{pattern}`: an unescaped `.` takes any character, `/` as well")
            }
            Fault::Unclosed => format!(
                "`{pattern}`: its brackets do not close; rootwrap splits at commas, also within \
                 `{{1,3}}`"
            ),
        }
    }
}

/// What was found in a pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// The faults, the most dangerous first.
    pub(super) faults: Vec<Fault>,
    /// Whether it takes one text only, but for a newline at its end.
    pub(super) is_literal: bool,
}

pub(super) fn read(pattern: &str) -> Reading {
    let mut faults = Vec::new();
    let mut is_literal = true;
    let mut depth = 0_usize;
    // Whether the innermost group has an alternative that takes any character.
    let mut group_takes_any = false;
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        let repeats = |next: Option<&char>| matches!(next, Some('*' | '+' | '{'));
        match character {
            '\\' => {
                // `\d`, `\S` and their like are classes; anything else is itself.
                match characters.next() {
                    Some('S' | 'D' | 'W') if repeats(characters.peek()) => {
                        faults.push(Fault::AnyText);
                        is_literal = false;
                    }
                    Some(class) if class.is_ascii_alphanumeric() => is_literal = false,
                    Some(_) => {}
                    None => faults.push(Fault::Unclosed),
                }
            }
            '[' => {
                is_literal = false;
                let mut members = String::new();
                let mut closed = false;
                while let Some(member) = characters.next() {
                    match member {
                        ']' if !members.is_empty() && members != "^" => {
                            closed = true;
                            break;
                        }
                        '\\' => members.extend(characters.next()),
                        member => members.push(member),
                    }
                }
                if !closed {
                    faults.push(Fault::Unclosed);
                } else if repeats(characters.peek()) {
                    if members.starts_with('^') {
                        faults.push(Fault::AnyText);
                    } else if members.contains('/') && members.contains('.') {
                        faults.push(Fault::Climbs);
                    }
                }
            }
            '(' => {
                is_literal = false;
                depth += 1;
                group_takes_any = false;
            }
            ')' => match depth.checked_sub(1) {
                Some(outer) => {
                    depth = outer;
                    if group_takes_any && repeats(characters.peek()) {
                        faults.push(Fault::AnyText);
                    }
                    group_takes_any = false;
                }
                None => faults.push(Fault::Unclosed),
            },
            '{' if !pattern.contains('}') => faults.push(Fault::Unclosed),
            '}' if !pattern.contains('{') => faults.push(Fault::Unclosed),
            '|' => {
                is_literal = false;
                if depth == 0 {
                    faults.push(Fault::Alternative);
                }
            }
            '.' => {
                is_literal = false;
                if repeats(characters.peek()) {
                    faults.push(Fault::AnyText);
                } else {
                    group_takes_any |= depth > 0;
                    faults.push(Fault::AnyCharacter);
                }
            }
            '*' | '+' | '?' => is_literal = false,
            _ => {}
        }
    }
    if depth > 0 {
        faults.push(Fault::Unclosed);
    }
    faults.sort();
    faults.dedup();
    // Any text is any character as well.
    if faults.contains(&Fault::AnyText) {
        faults.retain(|fault| *fault != Fault::AnyCharacter);
    }
    Reading { faults, is_literal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pattern_takes_beside_what_it_seems_to() {
        use Fault::{Alternative, AnyCharacter, AnyText, Climbs, Unclosed};
        for (pattern, faults, is_literal) in [
            ("--system", vec![], true),
            ("/org/ganesha/nfsd/ExportMgr", vec![], true),
            ("\\*\\.conf$", vec![], true),
            (".*", vec![AnyText], false),
            ("echo '((.|\\n)*)' > /.*", vec![AnyText], false),
            ("rm -f /.*/\\*\\.conf$", vec![AnyText], false),
            ("/proc/mounts|/etc/fstab", vec![Alternative], false),
            ("(Add|Remove)Export", vec![], false),
            ("org.ganesha.nfsd", vec![AnyCharacter], false),
            ("/dev/[^/]+", vec![AnyText], false),
            ("/dev/[a-z0-9]+", vec![], false),
            ("/dev/[a-z0-9./]+", vec![Climbs], false),
            ("\\S+", vec![AnyText], false),
            ("[0-9]{1", vec![Unclosed], false),
            ("3}", vec![Unclosed], true),
            ("(a|b", vec![Unclosed], false),
        ] {
            assert_eq!(read(pattern), Reading { faults, is_literal }, "{pattern}");
        }
    }
}
