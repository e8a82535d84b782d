//! Where clients find a share: its export locations, one for them and one for the
//! operator alone, and the way back from a location to a name. Called by every interface
//! that answers locations, and by `managing`.

use abaca_sdk::{Error, ExportLocation, Result, ShareProtocol};

use crate::held::{HeldShare, protocol_word};
use crate::options::Settings;
use crate::share_servers::{ADDRESS, ADMIN_ADDRESS};
use crate::world::World;

/// The export locations of a share: on its share server, else on the export host.
///
/// # Errors
/// [`Error::ShareServerFailed`] when its share server is not set up,
/// [`Error::InvalidShare`] for a protocol that is not served.
pub fn locations(
    world: &World,
    settings: &Settings,
    share: &HeldShare,
) -> Result<Vec<ExportLocation>> {
    let Some(server) = &share.server else {
        return locations_at(&settings.export_host, &settings.export_host, share);
    };
    let held = world.server(server)?;
    let host = held.detail(ADDRESS).unwrap_or(&settings.export_host);
    locations_at(host, held.detail(ADMIN_ADDRESS).unwrap_or(host), share)
}

/// The export locations of a share on these hosts.
///
/// # Errors
/// [`Error::InvalidShare`] for a protocol that is not served.
pub fn locations_at(
    host: &str,
    admin_host: &str,
    share: &HeldShare,
) -> Result<Vec<ExportLocation>> {
    let place = &share.place;
    let (path, admin_path) = match share.protocol {
        ShareProtocol::Nfs => {
            (format!("{host}:/shares/{place}"), format!("{admin_host}:/admin/shares/{place}"))
        }
        ShareProtocol::Cifs => (format!(r"\\{host}\{place}"), format!(r"\\{admin_host}\{place}$")),
        protocol => {
            let word = protocol_word(protocol);
            return Err(Error::InvalidShare(format!("{word} is not served; nfs and cifs are")));
        }
    };
    let location = |path, is_admin_only: bool| ExportLocation {
        path,
        is_admin_only,
        metadata: vec![
            ("preferred".to_owned(), (!is_admin_only).to_string()),
            ("pool".to_owned(), share.pool.clone()),
        ],
    };
    Ok(vec![location(path, false), location(admin_path, true)])
}

/// The name on the back end in a location for users, if it looks like one of ours.
pub fn place_in(settings: &Settings, protocol: ShareProtocol, path: &str) -> Option<String> {
    let host = &settings.export_host;
    let place = match protocol {
        ShareProtocol::Nfs => path.strip_prefix(&format!("{host}:/shares/"))?,
        ShareProtocol::Cifs => path.strip_prefix(&format!(r"\\{host}\"))?,
        _ => return None,
    };
    let is_name = !place.is_empty() && !place.contains(['/', '\\', '@', '$', '\n']);
    is_name.then(|| place.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::held::HeldServer;
    use crate::samples::{settings, with_share};

    fn paths(world: &World) -> Vec<String> {
        let locations = locations(world, &settings(), &world.shares["a"]).unwrap();
        assert_eq!([false, true], [locations[0].is_admin_only, locations[1].is_admin_only]);
        locations.into_iter().map(|location| location.path).collect()
    }

    #[test]
    fn each_protocol_has_its_spelling() {
        let mut world = with_share("a", 1);
        assert_eq!(paths(&world), ["192.0.2.1:/shares/share-a", "192.0.2.1:/admin/shares/share-a"]);
        world.shares.get_mut("a").unwrap().protocol = ShareProtocol::Cifs;
        assert_eq!(paths(&world), [r"\\192.0.2.1\share-a", r"\\192.0.2.1\share-a$"]);
        world.shares.get_mut("a").unwrap().protocol = ShareProtocol::Hdfs;
        assert!(locations(&world, &settings(), &world.shares["a"]).is_err());
    }

    #[test]
    fn a_share_server_gives_its_addresses() {
        let mut world = with_share("a", 1);
        world.shares.get_mut("a").unwrap().server = Some("v".into());
        assert!(matches!(
            locations(&world, &settings(), &world.shares["a"]),
            Err(Error::ShareServerFailed(_))
        ));
        let detail = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let details = vec![detail(ADDRESS, "10.0.0.4"), detail(ADMIN_ADDRESS, "10.9.0.4")];
        world.servers.insert("v".into(), HeldServer { details });
        assert_eq!(paths(&world), ["10.0.0.4:/shares/share-a", "10.9.0.4:/admin/shares/share-a"]);
    }

    #[test]
    fn only_our_own_locations_are_read() {
        let place = |protocol, path| place_in(&settings(), protocol, path);
        let (nfs, cifs) = (ShareProtocol::Nfs, ShareProtocol::Cifs);
        assert_eq!(place(nfs, "192.0.2.1:/shares/old"), Some("old".into()));
        assert_eq!(place(cifs, r"\\192.0.2.1\old"), Some("old".into()));
        for path in [
            "",
            "192.0.2.1:/shares/",
            "192.0.2.1:/shares/a/b",
            "192.0.2.1:/admin/shares/old",
            "192.0.2.2:/shares/old",
            r"\\192.0.2.1\old",
        ] {
            assert_eq!(place(nfs, path), None, "{path}");
        }
        assert_eq!(place(cifs, r"\\192.0.2.1\old$"), None);
    }
}
