//! The options of this driver: their declarations, and their values, checked.
//! Called by `describe` and by whatever needs a value.

use abaca_sdk::{Error, OptionDeclaration, OptionType, Result, config};

/// What clients mount to see the root `shares`.
const EXPORT_ROOT: &str = "directory_export_root";

/// How much may be promised in all, in GiB.
const CAPACITY: &str = "directory_capacity_gib";

/// The permission bits of a share without rules.
const MODE: &str = "directory_mode";

/// How many times the capacity may be promised; an option of every driver.
const RATIO: &str = "max_over_subscription_ratio";

/// What [`MODE`] must contain, so that the driver itself can work in a share.
const OWNER_BITS: u32 = 0o700;

/// What [`MODE`] may contain: no set-user, set-group or sticky bit.
const ALL_BITS: u32 = 0o777;

/// The declarations, in the order in which an operator should read them.
pub fn declarations() -> [OptionDeclaration; 3] {
    [
        OptionDeclaration::new(
            EXPORT_ROOT,
            OptionType::Text,
            "Where clients find the root `shares`: an absolute path, or HOST:/path. A share's \
             export location is this, `/` and the share's name.",
        )
        .required(),
        OptionDeclaration::new(
            CAPACITY,
            OptionType::Integer,
            "How many GiB there are to promise. Without it, the size of the file system.",
        ),
        OptionDeclaration::new(
            MODE,
            OptionType::Text,
            "Permission bits of a share without access rules, in octal; its owner's bits are \
             always set.",
        )
        .or("0700"),
    ]
}

/// Where clients find the share of this name.
pub fn export_location(share_name: &str) -> Result<String> {
    let root = export_root(config::required_text(EXPORT_ROOT)?)?;
    Ok(format!("{root}/{share_name}"))
}

/// How many GiB the operator says there are.
pub fn capacity_gib() -> Result<Option<u64>> {
    config::integer(CAPACITY)?.map(capacity).transpose()
}

/// How many times the capacity may be promised; once, where nothing else is said.
pub fn over_subscription_ratio() -> Result<f64> {
    Ok(config::float(RATIO)?.unwrap_or(1.0))
}

/// The permission bits of a share without rules.
pub fn mode() -> Result<u32> {
    parse_mode(&config::required_text(MODE)?)
}

/// Whether all options fit.
pub fn check() -> Result<()> {
    export_location("")?;
    capacity_gib()?;
    mode()?;
    Ok(())
}

fn export_root(text: String) -> Result<String> {
    if !text.starts_with('/') && !text.contains(":/") {
        return Err(Error::BadConfiguration(format!(
            "{EXPORT_ROOT} = `{text}` is neither an absolute path nor HOST:/path"
        )));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn capacity(gib: i64) -> Result<u64> {
    match u64::try_from(gib) {
        Ok(gib) if gib > 0 => Ok(gib),
        _ => Err(Error::BadConfiguration(format!(
            "{CAPACITY} = {gib} is no capacity; set 1 or more, or leave it out"
        ))),
    }
}

fn parse_mode(text: &str) -> Result<u32> {
    let octal = !text.is_empty() && text.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    match u32::from_str_radix(text, 8) {
        Ok(mode) if octal && mode & OWNER_BITS == OWNER_BITS && mode & !ALL_BITS == 0 => Ok(mode),
        _ => Err(Error::BadConfiguration(format!(
            "{MODE} = `{text}` does not do; set 0700 to 0777 in octal"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_keep_the_owner_in_and_special_bits_out() {
        assert_eq!(parse_mode("0700"), Ok(0o700));
        assert_eq!(parse_mode("775"), Ok(0o775));
        for bad in ["", "0", "0070", "0600", "4700", "1777", "+700", "0o700", "0780", "７００"] {
            assert!(parse_mode(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn export_roots_are_absolute() {
        assert_eq!(export_root("/srv/shares/".into()), Ok("/srv/shares".into()));
        assert_eq!(export_root("192.0.2.1:/a".into()), Ok("192.0.2.1:/a".into()));
        assert!(export_root("srv/shares".into()).is_err());
        assert!(export_root(String::new()).is_err());
    }

    #[test]
    fn capacities_are_positive() {
        assert_eq!(capacity(1), Ok(1));
        assert!(capacity(0).is_err() && capacity(-1).is_err());
    }

    #[test]
    fn options_carry_the_drivers_name() {
        assert!(declarations().iter().all(|option| option.name.starts_with("directory_")));
    }
}
