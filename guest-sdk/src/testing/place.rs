//! Places beneath roots, in the spelling of the policy's: a root's name and components. Called by
//! the rooms of this host; the rules are those of the runtime's `GuestPath`.

use std::fmt;

use crate::bindings::abaca::host::types::Denial;
use crate::{HostError, Path};

/// The longest path, the longest component, and the most of them.
const PATH_BYTES: usize = 4095;
const COMPONENT_BYTES: usize = 255;
const COMPONENTS: usize = 32;

/// A root's name and components beneath it; none means the root itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub root: String,
    pub way: Vec<String>,
}

impl Place {
    /// What a driver says, if it can be a place at all.
    pub(super) fn parse(path: &Path) -> Result<Self, HostError> {
        let way: Vec<String> = match path.path.as_str() {
            "" | "." => Vec::new(),
            text if text.len() > PATH_BYTES => {
                return Err(denied(format!("a path is longer than {PATH_BYTES} bytes")));
            }
            text => text.split('/').map(str::to_owned).collect(),
        };
        if way.len() > COMPONENTS {
            return Err(denied(format!("a path has more than {COMPONENTS} components")));
        }
        for component in &way {
            let fault = match component.as_str() {
                "" => "is empty (no `//`, no leading or trailing `/`)",
                "." | ".." => "is `.` or `..`",
                text if text.len() > COMPONENT_BYTES => "is longer than 255 bytes",
                text if !is_plain_text(text) => "contains a control or invisible character",
                _ => continue,
            };
            return Err(denied(format!(
                "the path component `{}` {fault}",
                component.escape_debug()
            )));
        }
        Ok(Self { root: path.root.clone(), way })
    }

    /// What a test says: `shares:share-1`.
    ///
    /// # Panics
    /// When it is no place.
    #[track_caller]
    pub(super) fn of(text: &str) -> Self {
        let parsed = text.split_once(':').map(|(root, path)| {
            Self::parse(&Path { root: root.to_owned(), path: path.to_owned() })
        });
        match parsed {
            Some(Ok(place)) => place,
            Some(Err(error)) => mistaken(&format!("`{text}` is no place: {error:?}")),
            None => {
                mistaken(&format!("`{text}` is no place; write ROOT:path, as `shares:share-1`"))
            }
        }
    }

    /// The directory that holds it, and its name there; of the root itself, nothing does.
    pub(super) fn parent(&self) -> Result<(Self, &str), HostError> {
        let Some((leaf, parents)) = self.way.split_last() else {
            return Err(HostError::Invalid(format!("<{}> is the root itself", self.root)));
        };
        Ok((Self { root: self.root.clone(), way: parents.to_vec() }, leaf))
    }
}

/// As the runtime's messages say it.
impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<{}>", self.root)?;
        self.way.iter().try_for_each(|component| write!(formatter, "/{component}"))
    }
}

/// A refusal without a rule.
pub(super) fn denied(reason: String) -> HostError {
    HostError::Denied(Denial { rule: None, reason })
}

/// Whether no character can move a cursor, hide, or reorder others.
pub(super) fn is_plain_text(text: &str) -> bool {
    text.chars().all(|character| {
        !character.is_control()
            && !matches!(character,
                '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
                | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
    })
}

/// Ends a test that asks for what cannot be.
#[track_caller]
#[expect(clippy::panic, reason = "a mistake of a test, which ends with a sentence for its author")]
pub(super) fn mistaken(sentence: &str) -> ! {
    panic!("{sentence}")
}
