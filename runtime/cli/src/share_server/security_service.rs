//! Security services as files describe them. In files, because a password on a command line is
//! seen by everybody on the machine; nothing of them is recorded.

use std::io::Read;
use std::path::Path;

use abaca::types::{SecurityService, SecurityServiceType};
use serde::Deserialize;

use crate::failure::{Failure, Result};

/// The longest file that is read, in bytes: a description has less than ten lines.
const FILE_BYTES: u64 = 64 * 1024;

/// What a file may say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    r#type: Kind,
    name: Option<String>,
    dns_ip: Option<String>,
    server: Option<String>,
    domain: Option<String>,
    user: Option<String>,
    password: Option<String>,
}

/// What a security service speaks, in the contract's words.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Ldap,
    Kerberos,
    ActiveDirectory,
}

/// Reads the descriptions.
///
/// # Errors
/// When a file cannot be read, or describes no security service.
pub fn read(files: &[impl AsRef<Path>]) -> Result<Vec<SecurityService>> {
    files.iter().map(|file| read_one(file.as_ref())).collect()
}

#[expect(clippy::disallowed_methods, reason = "a file of the operator's, named by the operator")]
fn read_one(file: &Path) -> Result<SecurityService> {
    let unread = |source| abaca::Error::Read { path: file.to_owned(), source };
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(unread)?;
    opened.take(FILE_BYTES).read_to_string(&mut text).map_err(unread)?;
    parse(&text).map_err(|error| {
        Failure::refused(
            format!("{} describes no security service: {}", file.display(), reason(&error)),
            "write `type` = \"ldap\", \"kerberos\" or \"active-directory\", and those of `name`, \
             `dns_ip`, `server`, `domain`, `user` and `password` that it has",
        )
    })
}

/// What the reader says, without the picture of the place and without a value of another type:
/// either may be the password.
fn reason(error: &toml::de::Error) -> String {
    match error.message().rsplit_once(", expected ") {
        Some((what, expected)) if what.starts_with("invalid type: ") => {
            format!("a value of it does not fit: expected {expected}")
        }
        _ => error.message().to_owned(),
    }
}

fn parse(text: &str) -> Result<SecurityService, toml::de::Error> {
    let described: Described = toml::from_str(text)?;
    Ok(SecurityService {
        id: uuid::Uuid::new_v4().to_string(),
        service_type: match described.r#type {
            Kind::Ldap => SecurityServiceType::Ldap,
            Kind::Kerberos => SecurityServiceType::Kerberos,
            Kind::ActiveDirectory => SecurityServiceType::ActiveDirectory,
        },
        name: described.name,
        dns_ip: described.dns_ip,
        server: described.server,
        domain: described.domain,
        user: described.user,
        password: described.password,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_a_type_and_known_keys() {
        let service = parse("type = \"active-directory\"\npassword = \"hidden\"").unwrap();
        assert_eq!(service.service_type, SecurityServiceType::ActiveDirectory);
        assert_eq!(service.password.as_deref(), Some("hidden"));
        for wrong in [
            "",
            "type = \"nis\"",
            "type = \"ldap\"\npasword = \"4711\"",
            "type = \"ldap\"\npassword = 4711",
        ] {
            let message = reason(&parse(wrong).unwrap_err());
            assert!(!message.contains("4711"), "{message}");
        }
    }
}
