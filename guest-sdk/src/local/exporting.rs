//! How the shares of a driver of local directories reach clients: an option that such drivers
//! share.

use crate::{Error, OptionDeclaration, OptionType, Result, ShareProtocol, config};

/// What stands between a share's directory and its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exporting {
    /// Nothing of the driver's: clients are local, or the operator exports the root of the shares
    /// by other means.
    Local,
    /// The NFS server Ganesha, an export for each share: [`ganesha`](crate::ganesha).
    Ganesha,
    /// The file server Samba, a share of its registry for each share: [`samba`](crate::samba).
    Samba,
}

impl Exporting {
    /// The declaration of the option, which begins with the driver's own name.
    #[must_use]
    pub fn declaration(option: &str) -> OptionDeclaration {
        OptionDeclaration::new(
            option,
            OptionType::Text,
            "How shares reach clients: `local`, clients have the directories or the operator \
             exports them; `ganesha`, each is an export of the NFS server Ganesha; `samba`, each is \
             a share of the file server Samba, for shares of protocol CIFS.",
        )
        .or("local")
    }

    /// What the operator set.
    ///
    /// # Errors
    /// [`Error::BadConfiguration`].
    pub fn of(option: &str) -> Result<Self> {
        parse(option, &config::required_text(option)?)
    }

    /// Whether shares that reach clients so are of this protocol.
    ///
    /// # Errors
    /// [`Error::InvalidShare`].
    pub fn check_protocol(self, protocol: ShareProtocol) -> Result<()> {
        let (own, name) = match self {
            Self::Local | Self::Ganesha => (ShareProtocol::Nfs, "NFS"),
            Self::Samba => (ShareProtocol::Cifs, "CIFS"),
        };
        match protocol == own {
            true => Ok(()),
            false => {
                Err(Error::InvalidShare(format!("shares of this back end are of protocol {name}")))
            }
        }
    }
}

fn parse(option: &str, text: &str) -> Result<Exporting> {
    match text {
        "local" => Ok(Exporting::Local),
        "ganesha" => Ok(Exporting::Ganesha),
        "samba" => Ok(Exporting::Samba),
        other => Err(Error::BadConfiguration(format!(
            "{option} = `{other}` is no way to export shares; set `local`, `ganesha` or `samba`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_have_names() {
        assert_eq!(parse("x_export", "local"), Ok(Exporting::Local));
        assert_eq!(parse("x_export", "ganesha"), Ok(Exporting::Ganesha));
        assert_eq!(parse("x_export", "samba"), Ok(Exporting::Samba));
        assert!(parse("x_export", "nfs").is_err() && parse("x_export", "").is_err());
    }
}
