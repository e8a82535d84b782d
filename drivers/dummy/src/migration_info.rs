//! How to mount a share so that somebody else can copy it: at its location for the operator.

use abaca_sdk::{Error, MigrationInfo, MountCommands, Result, Share, ShareProtocol, ShareServer};

use crate::call::Call;
use crate::held::protocol_word;
use crate::options::Settings;
use crate::world::World;
use crate::{Dummy, places};

/// What stands for the place where it is mounted.
const PLACE: &str = "%(path)s";

impl MigrationInfo for Dummy {
    fn migration_get_info(share: Share, _: Option<ShareServer>) -> Result<MountCommands> {
        Call::begin("migration-get-info", &share.metadata)?
            .change(|world, settings| commands(world, settings, &share.id))
    }
}

fn commands(world: &mut World, settings: &Settings, share_id: &str) -> Result<MountCommands> {
    let held = world.share(share_id)?.clone();
    let locations = places::locations(world, settings, &held)?;
    let location = locations
        .into_iter()
        .find(|location| location.is_admin_only)
        .ok_or_else(|| Error::InvalidShare(format!("nobody can mount the share {share_id}")))?;
    // Windows' spelling is for clients; mount(8) wants slashes.
    let source = match held.protocol {
        ShareProtocol::Cifs => location.path.replace('\\', "/"),
        _ => location.path,
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Ok(MountCommands {
        mount: words(&["mount", "-t", protocol_word(held.protocol), &source, PLACE]),
        unmount: words(&["umount", PLACE]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{settings, with_share};

    #[test]
    fn the_operators_location_is_mounted() {
        let mut world = with_share("a", 1);
        let nfs = commands(&mut world, &settings(), "a").unwrap();
        assert_eq!(
            nfs.mount,
            ["mount", "-t", "nfs", "192.0.2.1:/admin/shares/share-a", "%(path)s"]
        );
        assert_eq!(nfs.unmount, ["umount", "%(path)s"]);
        world.share("a").unwrap().protocol = ShareProtocol::Cifs;
        let cifs = commands(&mut world, &settings(), "a").unwrap();
        assert_eq!(cifs.mount[2..4], ["cifs", "//192.0.2.1/share-a$"]);
        assert!(commands(&mut world, &settings(), "b").is_err());
    }
}
