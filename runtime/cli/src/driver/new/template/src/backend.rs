//! Who this driver is, whether it can work, how much there is, and where clients find shares.

use abaca_sdk::{
    Backend, Capacity, Description, Error, OptionDeclaration, OptionType, Result, ShareProtocol,
    ShareStats, config,
};

use crate::{Driver, array};

/// The option that says where clients find the array. An option begins with the driver's name.
const SERVER: &str = "driver_name_server";

impl Backend for Driver {
    // Asked when the driver is loaded, before there are any options: nothing but the log may be used.
    fn describe() -> Description {
        Description::new("driver-name", env!("CARGO_PKG_VERSION"), ShareProtocol::Nfs)
            .vendor("Your name")
            .option(
                OptionDeclaration::new(
                    SERVER,
                    OptionType::Text,
                    "The address by which clients mount shares, an IPv6 address in brackets.",
                )
                .required(),
            )
    }

    fn do_setup() -> Result<()> {
        Ok(())
    }

    // It changes nothing: whatever would keep the first share from being made is found here.
    fn check_for_setup_error() -> Result<()> {
        location("")?;
        array::space().map(drop)
    }

    fn get_share_stats() -> Result<ShareStats> {
        let space = array::space()?;
        Ok(ShareStats::new(Capacity::from_bytes(space.total), Capacity::from_bytes(space.free)))
    }
}

/// Where clients find the share of this name.
pub fn location(name: &str) -> Result<String> {
    let server = config::required_text(SERVER)?;
    let plain =
        !server.is_empty() && !server.contains(|one: char| one.is_whitespace() || one == '/');
    if !plain {
        return Err(Error::BadConfiguration(format!(
            "the option `{SERVER}` is `{server}`, which is no address that a client could mount"
        )));
    }
    Ok(format!("{server}:/{name}"))
}
