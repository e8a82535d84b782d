//! A place as a guest names it: a granted root and components beneath it.
//!
//! Not a host path, and not yet a grant: a guest path is well-formed text about
//! which a policy can be asked. Guests write `shares:share-1` in an argument;
//! the files interface passes the root and the path apart.

use std::fmt;

use crate::grant::Denial;
use crate::text::{MAX_PATH, check_component, is_identifier, shown};

/// The most components a guest path may have: deeper trees are a mistake or an
/// attempt to make the broker walk for long.
pub(crate) const MAX_COMPONENTS: usize = 32;

/// A root's name and the components beneath it; none means the root itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GuestPath {
    /// The name of the root.
    pub root: String,
    /// Names of files, outermost first.
    pub components: Vec<String>,
}

impl GuestPath {
    /// Reads a relative path beneath `root`; `""` and `"."` are the root itself.
    ///
    /// # Errors
    /// A [`Denial`] if `root` is no root's name, or `path` is absolute, has `.`,
    /// `..`, an empty component, an invisible character, or is too long.
    pub fn parse_relative(root: &str, path: &str) -> Result<GuestPath, Denial> {
        let components = match path {
            "" | "." => Vec::new(),
            // Before it is split: a path of a megabyte is refused, not walked.
            _ if path.len() > MAX_PATH => {
                return Err(Denial::new("a path is longer than 4095 bytes"));
            }
            _ => path.split('/').map(str::to_owned).collect(),
        };
        let path = GuestPath { root: root.to_owned(), components };
        path.check()?;
        Ok(path)
    }

    /// Reads the spelling used in arguments: `ROOT:relative/path`.
    ///
    /// # Errors
    /// As [`GuestPath::parse_relative`], and if there is no `:`.
    pub fn parse_argument(text: &str) -> Result<GuestPath, Denial> {
        let (root, path) = text.split_once(':').ok_or_else(|| {
            Denial::new(format!("{} is not a path of the form ROOT:relative/path", shown(text)))
        })?;
        GuestPath::parse_relative(root, path)
    }

    /// The fields are public, so what is decided on is checked again.
    pub(crate) fn check(&self) -> Result<(), Denial> {
        if !is_identifier(&self.root) {
            return Err(Denial::new(format!("{} is no name of a root", shown(&self.root))));
        }
        if self.components.len() > MAX_COMPONENTS {
            return Err(Denial::new(format!("a path has more than {MAX_COMPONENTS} components")));
        }
        for component in &self.components {
            check_component(component).map_err(|fault| {
                Denial::new(format!("the path component {} {fault}", shown(component)))
            })?;
        }
        Ok(())
    }
}

/// The spelling that [`GuestPath::parse_argument`] reads.
impl fmt::Display for GuestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.root, self.components.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_has_two_spellings_and_the_rest_one() {
        for text in ["shares:", "shares:."] {
            let path = GuestPath::parse_argument(text).unwrap();
            assert_eq!((path.components.len(), path.to_string().as_str()), (0, "shares:"));
        }
        let path = GuestPath::parse_argument("shares:a/b:c").unwrap();
        assert_eq!(path.components, ["a", "b:c"]);
        assert_eq!(path.to_string(), "shares:a/b:c");
    }

    #[test]
    fn nothing_leaves_the_root() {
        let long = "a".repeat(256);
        let deep = vec!["a"; 33].join("/");
        let huge = "a/".repeat(1 << 19);
        for path in [
            "..",
            "../x",
            "a/..",
            "a/../b",
            "./a",
            "a/.",
            "a//b",
            "/a",
            "/",
            "a/",
            "a\n",
            "a\0b",
            "a\r",
            "\u{202E}a",
            "a\u{200B}",
            &long,
            &deep,
            &huge,
        ] {
            assert!(GuestPath::parse_relative("shares", path).is_err(), "{path:?}");
        }
        for root in ["", "Shares", "-x", "a b", "/srv", "..", "shares\0"] {
            assert!(GuestPath::parse_relative(root, "a").is_err(), "{root:?}");
        }
        for text in ["", "shares", "/srv/shares/a", ":a"] {
            assert!(GuestPath::parse_argument(text).is_err(), "{text:?}");
        }
    }
}
