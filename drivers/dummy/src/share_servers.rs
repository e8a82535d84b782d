//! Servers that carry the shares of a share network: here, the details of an address.

use core::net::{IpAddr, Ipv4Addr};

use abaca_sdk::network::{self, Label};
use abaca_sdk::{
    Error, NetworkAllocation, NetworkInfo, Pair, Result, SecurityService, SecurityServiceType,
    SetupError, ShareServer, ShareServers,
};

use crate::Dummy;
use crate::call::{Call, value};
use crate::held::HeldServer;
use crate::options::Settings;
use crate::world::World;

/// The detail that says which server it is: a teardown gets nothing but the details.
const SERVER_ID: &str = "server_id";

/// The detail that says where clients find its shares.
pub const ADDRESS: &str = "address";

/// The detail that says where the operator does, if there is such an address.
pub const ADMIN_ADDRESS: &str = "admin_address";

/// The detail that says which addresses are near.
const NETMASK: &str = "netmask";

/// The detail that names the addresses which the driver leased by itself, if it did.
const MORE_ADDRESSES: &str = "more_addresses";

/// The detail that names the kinds of security services; their passwords stay out.
const SECURITY_SERVICES: &str = "security_services";

impl ShareServers for Dummy {
    fn get_network_allocations_number() -> Result<u32> {
        let call = Call::begin("get-network-allocations-number", &[])?;
        Ok(call.settings.network_allocations)
    }

    fn get_admin_network_allocations_number() -> Result<u32> {
        let call = Call::begin("get-admin-network-allocations-number", &[])?;
        Ok(call.settings.admin_network_allocations)
    }

    fn setup_server(
        network_info: NetworkInfo,
        metadata: Vec<Pair>,
    ) -> Result<Vec<Pair>, SetupError> {
        let call = Call::prepare("setup-server", &metadata)?;
        let more = lease_more(&call.settings, &network_info.server_id)?;
        let details =
            call.change(|world, settings| set_up(world, settings, &network_info, &more))?;
        // The failure comes after the work, as a crash could, with what there is by then.
        match call.fail_if_asked() {
            Ok(()) => Ok(details),
            Err(error) => Err(SetupError::with_details(error, details)),
        }
    }

    fn teardown_server(server_details: Vec<Pair>, _: Vec<SecurityService>) -> Result<()> {
        Call::begin("teardown-server", &[])?
            .change(|world, _| tear_down(world, &server_details))?;
        // The runtime ends all leases after this; what a driver leased, it may end itself.
        match (value(&server_details, SERVER_ID), value(&server_details, MORE_ADDRESSES)) {
            (Some(id), Some(_)) => Ok(network::deallocate(id)?),
            _ => Ok(()),
        }
    }

    fn get_share_server_pools(share_server: ShareServer) -> Result<Vec<String>> {
        Call::begin("get-share-server-pools", &[])?.change(|world, settings| {
            world.server(&share_server.id).map(|_| settings.pools.clone())
        })
    }
}

/// Leases more addresses than the runtime has, if that was asked; the same ones again for a
/// server that is set up again.
fn lease_more(settings: &Settings, server_id: &str) -> Result<Vec<String>> {
    if settings.more_allocations == 0 {
        return Ok(Vec::new());
    }
    let server_id = settings.allocate_for.as_deref().unwrap_or(server_id);
    let lease = || network::allocate(server_id, Some(settings.more_allocations), Label::User);
    let mut leased = lease()?;
    for _ in 1..settings.allocate_times {
        leased = lease()?;
    }
    Ok(leased.into_iter().map(|one| one.ip_address).collect())
}

/// Sets up a server, again if it is there already, and says its details.
fn set_up(
    world: &mut World,
    settings: &Settings,
    info: &NetworkInfo,
    more: &[String],
) -> Result<Vec<Pair>> {
    let (users, admins) = (&info.network_allocations, &info.admin_network_allocations);
    check_count("the users'", users, settings.network_allocations)?;
    check_count("the operator's", admins, settings.admin_network_allocations)?;
    // Without an address of its own a server is reached as everything else here.
    let address = match users.first() {
        Some(first) => address(first)?,
        None => settings.export_host.clone(),
    };
    let mut details = vec![(SERVER_ID.to_owned(), info.server_id.clone())];
    let mut detail = |name: &str, text: String| details.push((name.to_owned(), text));
    detail(ADDRESS, address);
    if let Some(cidr) = users.first().and_then(|first| first.cidr.as_ref()) {
        detail(NETMASK, netmask(cidr)?);
    }
    if let Some(first) = admins.first() {
        detail(ADMIN_ADDRESS, self::address(first)?);
    }
    if !more.is_empty() {
        detail(MORE_ADDRESSES, more.join(","));
    }
    let services: Vec<&str> = info.security_services.iter().map(service_word).collect();
    detail(SECURITY_SERVICES, services.join(","));
    world.servers.insert(info.server_id.clone(), HeldServer { details: details.clone() });
    Ok(details)
}

fn check_count(side: &str, leased: &[NetworkAllocation], needed: u32) -> Result<()> {
    if u32::try_from(leased.len()) == Ok(needed) {
        return Ok(());
    }
    Err(Error::NetworkBadConfiguration(format!(
        "{} addresses are leased on {side} side and {needed} are needed",
        leased.len()
    )))
}

fn address(allocation: &NetworkAllocation) -> Result<String> {
    let text = &allocation.ip_address;
    text.parse()
        .map(|address: IpAddr| address.to_string())
        .map_err(|_| Error::NetworkBadConfiguration(format!("the leased address `{text}` is none")))
}

/// The netmask of a network in CIDR form; of version 6, the length of its prefix.
fn netmask(cidr: &str) -> Result<String> {
    let mask = || {
        let (address, prefix) = cidr.split_once('/')?;
        let prefix: u32 = prefix.parse().ok()?;
        match address.parse().ok()? {
            IpAddr::V4(_) if prefix <= 32 => {
                let bits = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
                Some(Ipv4Addr::from_bits(bits).to_string())
            }
            IpAddr::V6(_) if prefix <= 128 => Some(prefix.to_string()),
            _ => None,
        }
    };
    mask().ok_or_else(|| Error::NetworkBadConfiguration(format!("`{cidr}` is no network")))
}

fn service_word(service: &SecurityService) -> &'static str {
    match service.service_type {
        SecurityServiceType::Ldap => "ldap",
        SecurityServiceType::Kerberos => "kerberos",
        SecurityServiceType::ActiveDirectory => "active-directory",
    }
}

/// Removes a server; one that is not there, or has no details, is success.
fn tear_down(world: &mut World, details: &[Pair]) -> Result<()> {
    let Some(id) = value(details, SERVER_ID) else { return Ok(()) };
    match world.shares.values().filter(|share| share.server.as_deref() == Some(id)).count() {
        0 => {
            world.servers.remove(id);
            Ok(())
        }
        count => Err(Error::ShareServerFailed(format!(
            "the share server {id} carries {count} shares; remove them first"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{allocation, network_info, server, settings, share};
    use crate::shares;

    #[test]
    fn a_server_is_set_up_and_removed_again_and_again() {
        let mut world = World::default();
        let info = network_info("v", vec![allocation("10.0.0.4", Some("10.0.0.0/23"))]);
        let details = set_up(&mut world, &settings(), &info, &[]).unwrap();
        assert_eq!(value(&details, ADDRESS), Some("10.0.0.4"));
        assert_eq!(value(&details, NETMASK), Some("255.255.254.0"));
        assert_eq!(value(&details, SECURITY_SERVICES), Some("ldap"));
        assert!(details.iter().all(|detail| !detail.1.contains("hidden")));
        assert_eq!(set_up(&mut world, &settings(), &info, &[]), Ok(details.clone()));
        assert_eq!(world.servers["v"].details, details);

        let made = shares::make(&mut world, &settings(), &share("a", 1), Some(&server("v")));
        assert_eq!(made.unwrap()[0].path, "10.0.0.4:/shares/share-a");
        assert!(matches!(tear_down(&mut world, &details), Err(Error::ShareServerFailed(_))));
        world.shares.clear();
        for details in [details.as_slice(), &details, &[]] {
            tear_down(&mut world, details).unwrap();
        }
        assert_eq!(world, World::default());
    }

    #[test]
    fn addresses_are_counted_on_both_sides() {
        let mut world = World::default();
        let one = || vec![allocation("10.0.0.4", None)];
        let mut refused = |settings: &Settings, info: NetworkInfo| {
            let result = set_up(&mut world, settings, &info, &[]);
            assert!(matches!(result, Err(Error::NetworkBadConfiguration(_))), "{result:?}");
        };
        refused(&settings(), network_info("v", Vec::new()));
        let two = vec![allocation("10.0.0.4", None), allocation("10.0.0.5", None)];
        refused(&settings(), network_info("v", two));
        let admin = Settings { admin_network_allocations: 1, ..settings() };
        refused(&admin, network_info("v", one()));
        refused(&settings(), network_info("v", vec![allocation("nowhere", None)]));

        let mut info = network_info("v", one());
        info.admin_network_allocations = vec![allocation("10.9.0.4", None)];
        let details = set_up(&mut world, &admin, &info, &[]).unwrap();
        assert_eq!(value(&details, ADMIN_ADDRESS), Some("10.9.0.4"));
        let none = Settings { network_allocations: 0, ..settings() };
        let details = set_up(&mut world, &none, &network_info("v", Vec::new()), &[]).unwrap();
        assert_eq!(value(&details, ADDRESS), Some("192.0.2.1"));
    }

    #[test]
    fn netmasks_are_computed() {
        for (cidr, mask) in [
            ("10.0.0.0/0", "0.0.0.0"),
            ("10.0.0.0/8", "255.0.0.0"),
            ("10.0.0.1/32", "255.255.255.255"),
            ("fd00::/64", "64"),
        ] {
            assert_eq!(netmask(cidr), Ok(mask.into()));
        }
        for cidr in ["", "10.0.0.0", "10.0.0.0/33", "fd00::/129", "x/8", "10.0.0.0/-1"] {
            assert!(netmask(cidr).is_err(), "{cidr}");
        }
    }
}
