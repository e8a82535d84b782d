//! Whether granted roots and Abaca's own files lie apart. A driver that can write where its policy,
//! its records or the configuration are has all that it writes there.
//!
//! Pure but for looking where paths lead. Asked before a backend is opened, and by whoever approves
//! a driver.

use std::path::{Path, PathBuf};

use abaca_policy::Policy;

use crate::error::{Error, Result};

/// Whether no root of a policy has one of these places in it, or lies in one: each with what it is.
///
/// # Errors
/// When one does, with both names.
pub fn check_apart<'a>(
    policy: &Policy,
    own: impl IntoIterator<Item = (&'a str, &'a Path)>,
) -> Result<()> {
    let roots: Vec<_> =
        policy.roots().map(|root| (&root.name, where_it_is(Path::new(&root.path)))).collect();
    for (what, place) in own {
        let place = where_it_is(place);
        let meets =
            |(_, root): &&(&String, PathBuf)| place.starts_with(root) || root.starts_with(&place);
        if let Some((name, root)) = roots.iter().find(meets) {
            return Err(Error::Mismatch(format!(
                "the root `{name}`, {}, is not apart from {what}, {}: the driver would reach what \
                 says what it may do; choose another directory for one of them",
                root.display(),
                place.display()
            )));
        }
    }
    Ok(())
}

/// Where a path leads, as far as it is there already.
fn where_it_is(path: &Path) -> PathBuf {
    for there in path.ancestors() {
        let there_really = match there.as_os_str().is_empty() {
            true => Path::new(".").canonicalize(),
            false => there.canonicalize(),
        };
        if let Ok(real) = there_really {
            return match path.strip_prefix(there) {
                Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
                _ => real,
            };
        }
    }
    path.to_owned()
}
