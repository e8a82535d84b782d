//! What the operator sets about the server. Called by `Samba`, and by drivers for their
//! description.

use super::unfit;
use crate::{OptionDeclaration, OptionType, Result, config};

/// The declaration of the option of this name.
pub fn declaration(option: &str) -> OptionDeclaration {
    OptionDeclaration::new(
        option,
        OptionType::Text,
        "What clients call the file server Samba: a name or an address. A share's export location \
         is `\\\\`, this, `\\` and the share's name.",
    )
}

/// What clients call the server.
pub fn server(option: &str) -> Result<String> {
    let server = config::required_text(option)?;
    match fits(&server) {
        true => Ok(server),
        false => Err(unfit(option, &server, "a name or an address")),
    }
}

fn fits(server: &str) -> bool {
    let byte = |byte: u8| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte);
    !server.is_empty() && server.bytes().all(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_a_name_or_an_address() {
        for good in ["files", "files.example.net", "198.51.100.1", "[2001:db8::1]"] {
            assert!(fits(good), "{good}");
        }
        for bad in ["", "a b", "\\\\files", "files/x", "file\u{0}s"] {
            assert!(!fits(bad), "{bad:?}");
        }
    }
}
