//! The options that drivers of local directories share: their declarations, and their values,
//! checked.

use crate::{Error, OptionDeclaration, OptionType, Result, config};

/// What a mode must contain, so that the driver itself can work in a share.
const OWNER_BITS: u32 = 0o700;

/// What a mode may contain: no set-user, set-group or sticky bit.
const ALL_BITS: u32 = 0o777;

/// The options, by the names under which a driver declares them: each begins with the
/// driver's own.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What clients mount to see the root of the shares.
    pub export_root: &'static str,
    /// How much may be promised in all, in GiB.
    pub capacity: &'static str,
    /// The permission bits of a share without rules.
    pub mode: &'static str,
}

impl Options {
    /// The declarations, in the order in which an operator should read them.
    #[must_use]
    pub fn declarations(self) -> [OptionDeclaration; 3] {
        [
            OptionDeclaration::new(
                self.export_root,
                OptionType::Text,
                "Where clients find the root `shares`: an absolute path, or HOST:/path. A share's \
                 export location is this, `/` and the share's name. Must be set where shares are \
                 exported by no other option.",
            ),
            OptionDeclaration::new(
                self.capacity,
                OptionType::Integer,
                "How many GiB there are to promise. Without it, the size of the file system.",
            ),
            OptionDeclaration::new(
                self.mode,
                OptionType::Text,
                "Permission bits of a share without access rules, in octal; its owner's bits are \
                 always set.",
            )
            .or("0700"),
        ]
    }

    /// Where clients find the share of this name.
    ///
    /// # Errors
    /// [`Error::BadConfiguration`].
    pub fn export_location(self, share_name: &str) -> Result<String> {
        export_location(self.export_root, share_name)
    }

    /// How many GiB the operator says there are.
    ///
    /// # Errors
    /// [`Error::BadConfiguration`].
    pub fn capacity_gib(self) -> Result<Option<u64>> {
        let gib = config::integer(self.capacity)?;
        gib.map(|gib| capacity(self.capacity, gib)).transpose()
    }

    /// The permission bits of a share without rules.
    ///
    /// # Errors
    /// [`Error::BadConfiguration`].
    pub fn mode(self) -> Result<u32> {
        mode(self.mode, &config::required_text(self.mode)?)
    }

    /// Whether all of them fit but the export root, which is asked for where it is needed.
    ///
    /// # Errors
    /// [`Error::BadConfiguration`] for the first that does not.
    pub fn check(self) -> Result<()> {
        self.capacity_gib()?;
        self.mode()?;
        Ok(())
    }
}

/// Where clients find what is called so, in the directory that the option `name` says.
///
/// # Errors
/// [`Error::BadConfiguration`] when it is not set, or neither an absolute path nor `HOST:/path`.
pub fn export_location(name: &str, what: &str) -> Result<String> {
    let root = export_root(name, config::required_text(name)?)?;
    Ok(format!("{root}/{what}"))
}

fn export_root(name: &str, text: String) -> Result<String> {
    if !text.starts_with('/') && !text.contains(":/") {
        return Err(Error::BadConfiguration(format!(
            "{name} = `{text}` is neither an absolute path nor HOST:/path"
        )));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn capacity(name: &str, gib: i64) -> Result<u64> {
    match u64::try_from(gib) {
        Ok(gib) if gib > 0 => Ok(gib),
        _ => Err(Error::BadConfiguration(format!(
            "{name} = {gib} is no capacity; set 1 or more, or leave it out"
        ))),
    }
}

fn mode(name: &str, text: &str) -> Result<u32> {
    let octal = !text.is_empty() && text.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    match u32::from_str_radix(text, 8) {
        Ok(mode) if octal && mode & OWNER_BITS == OWNER_BITS && mode & !ALL_BITS == 0 => Ok(mode),
        _ => Err(Error::BadConfiguration(format!(
            "{name} = `{text}` does not do; set 0700 to 0777 in octal"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_keep_the_owner_in_and_special_bits_out() {
        assert_eq!(mode("m", "0700"), Ok(0o700));
        assert_eq!(mode("m", "775"), Ok(0o775));
        for bad in ["", "0", "0070", "0600", "4700", "1777", "+700", "0o700", "0780", "７００"] {
            assert!(mode("m", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn export_roots_are_absolute() {
        assert_eq!(export_root("r", "/srv/shares/".into()), Ok("/srv/shares".into()));
        assert_eq!(export_root("r", "192.0.2.1:/a".into()), Ok("192.0.2.1:/a".into()));
        assert!(export_root("r", "srv/shares".into()).is_err());
        assert!(export_root("r", String::new()).is_err());
    }

    #[test]
    fn capacities_are_positive() {
        assert_eq!(capacity("c", 1), Ok(1));
        assert!(capacity("c", 0).is_err() && capacity("c", -1).is_err());
    }
}
