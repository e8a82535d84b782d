//! Names for things beneath granted roots: [`Root`] and [`Path`].
//!
//! Called by drivers for [`files`](crate::files), [`mounts`](crate::mounts) and the
//! arguments of [`command`](crate::command). No driver learns where a root is; a
//! path that climbs out of it is refused by the host, not here.

use core::fmt;

pub use crate::bindings::abaca::host::types::Path;

/// A root, by its name in the policy.
///
/// ```
/// use abaca_sdk::Root;
/// const SHARES: Root = Root("shares");
/// assert_eq!(SHARES.join("share-1").to_string(), "shares:share-1");
/// assert_eq!(SHARES.path().to_string(), "shares:");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root(pub &'static str);

impl Root {
    /// The root itself.
    #[must_use]
    pub fn path(self) -> Path {
        Path { root: self.0.to_owned(), path: String::new() }
    }

    /// Something directly beneath the root.
    #[must_use]
    pub fn join(self, name: &str) -> Path {
        self.path().join(name)
    }
}

impl Path {
    /// Something directly beneath this.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let path = match self.path.as_str() {
            "" => name.to_owned(),
            parent => format!("{parent}/{name}"),
        };
        Self { root: self.root.clone(), path }
    }
}

/// As an argument of a command spells it: `shares:share-1`.
impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.root, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_grow_by_one_component() {
        let path = Root("shares").join("a").join("b");
        assert_eq!(path, Path { root: "shares".into(), path: "a/b".into() });
        assert_eq!(path.to_string(), "shares:a/b");
    }
}
