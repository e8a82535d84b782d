//! What the operator sets about the server. Called by `Ganesha`, and by drivers for their
//! description.

use core::ops::RangeInclusive;

use crate::{Error, OptionDeclaration, OptionType, Result, config};

/// An option that every back end has.
const EXPORT_OPTIONS: &str = "ganesha_nfs_export_options";

/// The bus that means the system's.
const SYSTEM: &str = "system";

/// What an export may be given by its options, in the order of its lines, with what holds
/// otherwise. What says where an export is and who sees it is not among them.
const KEYS: [(&str, Option<&str>); 9] = [
    ("Squash", Some("No_Root_Squash")),
    ("SecType", Some("sys")),
    ("Anonymous_Uid", None),
    ("Anonymous_Gid", None),
    ("MaxRead", None),
    ("MaxWrite", None),
    ("PrefRead", None),
    ("PrefWrite", None),
    ("PrefReaddir", None),
];

/// The options, by the names under which a driver declares them: each begins with the
/// driver's own.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What clients call the server.
    pub server: &'static str,
    /// Where the server is spoken to.
    pub bus: &'static str,
    /// Which numbers this back end may give to exports.
    pub export_ids: &'static str,
}

impl Options {
    /// The declarations, in the order in which an operator should read them.
    #[must_use]
    pub fn declarations(self) -> [OptionDeclaration; 3] {
        [
            OptionDeclaration::new(
                self.server,
                OptionType::Text,
                "What clients call the NFS server: a name or an address. A share's export \
                 location is this, `:/` and the share's name.",
            ),
            OptionDeclaration::new(
                self.bus,
                OptionType::Text,
                "Where the NFS server is spoken to: `system`, the system's D-Bus, or an address \
                 as D-Bus writes it, for example unix:path=/run/nfs/bus. The policy has it too.",
            )
            .or(SYSTEM),
            OptionDeclaration::new(
                self.export_ids,
                OptionType::Text,
                "The numbers that exports of this back end get, FIRST-LAST. Back ends of one NFS \
                 server must not share any.",
            )
            .or("1-65535"),
        ]
    }

    /// What clients call the server.
    pub(super) fn server(self) -> Result<String> {
        let server = config::required_text(self.server)?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte);
        match !server.is_empty() && server.bytes().all(fits) {
            true => Ok(server),
            false => Err(unfit(self.server, &server, "a name or an address")),
        }
    }

    /// The word by which `dbus-send` is told where the server is spoken to.
    pub(super) fn bus(self) -> Result<String> {
        let bus = config::required_text(self.bus)?;
        match bus.as_str() {
            SYSTEM => Ok("--system".to_owned()),
            address if address.contains(':') => Ok(format!("--bus={address}")),
            other => Err(unfit(self.bus, other, "`system` or an address of D-Bus")),
        }
    }

    /// The numbers that exports may have.
    pub(super) fn range(self) -> Result<RangeInclusive<u16>> {
        let text = config::required_text(self.export_ids)?;
        parse_range(&text)
            .ok_or_else(|| unfit(self.export_ids, &text, "FIRST-LAST, within 1-65535"))
    }
}

fn parse_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (1 <= first && first <= last).then_some(first..=last)
}

/// What is wrong with an option.
fn unfit(option: &str, value: &str, allowed: &str) -> Error {
    Error::BadConfiguration(format!("{option} = `{value}` does not do; set {allowed}"))
}

/// The lines of each export that come of its options.
pub fn lines() -> Result<Vec<String>> {
    let text = config::text(EXPORT_OPTIONS)?.unwrap_or_default();
    parse_lines(&text).map_err(|what| {
        let known = KEYS.map(|(key, _)| key).join(", ");
        let allowed = format!("`NAME = VALUE, …` of {known}; in it stands `{what}`");
        unfit(EXPORT_OPTIONS, &text, &allowed)
    })
}

/// Each known key in its place, with what is set or holds otherwise; what is wrong, if anything.
fn parse_lines(text: &str) -> Result<Vec<String>, String> {
    let mut set = [const { None::<&str> }; KEYS.len()];
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let wrong = || item.to_owned();
        let (key, value) = item.split_once('=').ok_or_else(wrong)?;
        let (key, value) = (key.trim(), value.trim());
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if value.is_empty() || !value.bytes().all(fits) {
            return Err(wrong());
        }
        let place = KEYS.iter().position(|(known, _)| known.eq_ignore_ascii_case(key));
        let slot = place.and_then(|place| set.get_mut(place)).ok_or_else(wrong)?;
        if slot.replace(value).is_some() {
            return Err(wrong());
        }
    }
    let lines = KEYS.iter().zip(set).filter_map(|((key, default), value)| {
        value.or(*default).map(|value| format!("{key} = {value};"))
    });
    Ok(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_lines_in_a_fixed_order() {
        let lines = |text: &str| parse_lines(text).map(|lines| lines.join(" "));
        let default = "Squash = No_Root_Squash; SecType = sys;";
        assert_eq!(lines(""), Ok(default.to_owned()));
        assert_eq!(
            lines("prefread = 65536, maxread = 65536"),
            Ok(format!("{default} MaxRead = 65536; PrefRead = 65536;"))
        );
        assert_eq!(
            lines("squash=root_squash,sectype=krb5p"),
            Ok("Squash = root_squash; SecType = krb5p;".to_owned())
        );
        for bad in [
            "maxread",
            "maxread = ",
            "maxread = 1; Path = /",
            "maxread = 1, maxread = 2",
            "path = 1",
            "access_type = RW",
            "maxread = {",
        ] {
            assert!(lines(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ranges_are_of_numbers_that_exports_can_have() {
        assert_eq!(parse_range("1-65535"), Some(1..=65535));
        assert_eq!(parse_range("7-7"), Some(7..=7));
        for bad in ["", "7", "0-7", "8-7", "1-65536", "-1-7", "a-b", "1-"] {
            assert_eq!(parse_range(bad), None, "{bad}");
        }
    }
}
