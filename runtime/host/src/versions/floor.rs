//! Below which version of its driver a backend runs none: versions are numbers and dots, and
//! compared number by number. Asked by the keeper before a version becomes the current one, and
//! whenever a backend is opened.

use crate::error::{Error, Result};

/// Whether it is spelt as a floor can be.
pub(super) fn is_version(text: &str) -> bool {
    numbers(text).is_some()
}

/// Whether this version is no lower than the floor, if there is one.
pub(super) fn check(backend: &str, floor: Option<&str>, version: &str) -> Result<()> {
    let Some(floor) = floor else { return Ok(()) };
    // What cannot be compared is not known to be above it.
    if numbers(version) >= numbers(floor) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "backend `{backend}`: version {version:?} of the driver is below its floor {floor}, and is \
         not run"
    )))
}

/// The numbers of a version, `1.4.2`; none for what is spelt otherwise, which is below all others.
fn numbers(version: &str) -> Option<Vec<u64>> {
    let mut numbers: Vec<u64> =
        version.split('.').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    // `1.0` is as high as `1`.
    while numbers.last() == Some(&0) {
        numbers.pop();
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::{check, numbers};

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (lower, higher) in [("0.9", "0.10"), ("1", "1.0.1"), ("1.2.3", "2"), ("x", "0")] {
            assert!(numbers(lower) < numbers(higher), "{lower} {higher}");
        }
        assert_eq!(numbers("1.0"), numbers("1"));
        assert_eq!(numbers("1.0-rc1"), None);
        assert!(check("home", None, "nightly").is_ok());
        assert!(check("home", Some("0.0"), "nightly").is_err());
    }
}
