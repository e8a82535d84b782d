//! Taking over shares that were not made here, and letting them go. There is no storage to
//! look at: a location that looks like ours is taken for a share of the size that the driver
//! option `size` says. What is let go is nobody's business here any more, its room too.

use abaca_sdk::{Error, ManagedShare, Managing, Pair, Result, Share};

use crate::call::{Call, value};
use crate::held::{HeldShare, protocol_word};
use crate::options::Settings;
use crate::world::World;
use crate::{Dummy, capacity, places, shares};

/// The driver option that says how many GiB there are.
const SIZE: &str = "size";

/// The size where it does not, in GiB.
const DEFAULT_SIZE: u64 = 1;

/// The extra specs that a share taken over must fit.
const PROTOCOL_SPEC: &str = "storage_protocol";
const REPLICATION_SPEC: &str = "replication_type";

impl Managing for Dummy {
    fn manage_existing(share: Share, driver_options: Vec<Pair>) -> Result<ManagedShare> {
        Call::begin("manage-existing", &share.metadata)?
            .change(|world, settings| manage(world, settings, &share, &driver_options))
    }

    fn unmanage(share: Share) -> Result<()> {
        Call::begin("unmanage", &share.metadata)?.change(|world, _| unmanage(world, &share.id))
    }
}

fn manage(
    world: &mut World,
    settings: &Settings,
    share: &Share,
    options: &[Pair],
) -> Result<ManagedShare> {
    let unfit = Error::ManageInvalidShare;
    check_type(settings, share)?;
    let path = match share.export_locations.as_slice() {
        [location] => &location.path,
        others => {
            return Err(unfit(format!("{} export locations were given, not one", others.len())));
        }
    };
    let place = places::place_in(settings, share.protocol, path)
        .ok_or_else(|| unfit(format!("`{path}` is no export location of this back end")))?;
    shares::check_place(world, &share.id, &place).map_err(|error| unfit(error.text()))?;
    let size = size_option(options).map_err(unfit)?.unwrap_or(DEFAULT_SIZE);
    let pool = capacity::choose_pool(world, settings, share)?;
    capacity::check_room(world, settings, &pool, &share.id, size)?;
    let held = HeldShare { place, size, ..shares::new(share, pool) };
    let export_locations = places::locations(world, settings, &held)?;
    world.shares.insert(share.id.clone(), held);
    Ok(ManagedShare { size, export_locations })
}

/// Checks that the share type wants what there is.
fn check_type(settings: &Settings, share: &Share) -> Result<()> {
    let protocol = protocol_word(share.protocol);
    for (name, is) in
        [(PROTOCOL_SPEC, protocol), (REPLICATION_SPEC, settings.replication_type.as_str())]
    {
        if let Some(wanted) = value(&share.extra_specs, name)
            && !wanted.eq_ignore_ascii_case(is)
        {
            return Err(Error::ManageTypeMismatch(format!(
                "the share type wants {name} = `{wanted}`, and it is `{is}`"
            )));
        }
    }
    Ok(())
}

/// The size that the operator gave, in GiB, or what is wrong with it.
pub fn size_option(options: &[Pair]) -> Result<Option<u64>, String> {
    let Some(text) = value(options, SIZE) else { return Ok(None) };
    match text.parse() {
        Ok(size) if size > 0 => Ok(Some(size)),
        _ => Err(format!("the driver option {SIZE} = `{text}` does not do; write 1 or more GiB")),
    }
}

fn unmanage(world: &mut World, id: &str) -> Result<()> {
    match world.snapshots_of(id) {
        0 => {
            world.shares.remove(id);
            Ok(())
        }
        count => Err(Error::UnmanageInvalidShare(format!(
            "the share {id} has {count} snapshots; let go of them first"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{settings, share, snapshot, with_share};
    use crate::snapshots;
    use abaca_sdk::ExportLocation;

    fn at(path: &str) -> Share {
        Share { export_locations: vec![ExportLocation::new(path)], ..share("a", 0) }
    }

    fn take(world: &mut World, share: &Share, size: Option<&str>) -> Result<ManagedShare> {
        let options: Vec<Pair> =
            size.iter().map(|size| (SIZE.to_owned(), (*size).to_owned())).collect();
        manage(world, &settings(), share, &options)
    }

    #[test]
    fn ours_is_taken_over_and_let_go() {
        let mut world = World::default();
        let old = at("192.0.2.1:/shares/old");
        assert_eq!(take(&mut world, &old, None).unwrap().size, 1);
        let managed = take(&mut world, &old, Some("5")).unwrap();
        assert_eq!((managed.size, world.shares["a"].size), (5, 5));
        assert_eq!(managed.export_locations[0].path, "192.0.2.1:/shares/old");
        unmanage(&mut world, "a").unwrap();
        unmanage(&mut world, "a").unwrap();
        assert_eq!(world, World::default());
    }

    #[test]
    fn what_is_not_fit_changes_nothing() {
        let mut world = with_share("b", 1);
        let before = world.clone();
        for (path, size) in [
            ("192.0.2.9:/shares/old", None),
            ("192.0.2.1:/shares/share-b", None),
            ("192.0.2.1:/shares/old", Some("0")),
            ("192.0.2.1:/shares/old", Some("large")),
        ] {
            let result = take(&mut world, &at(path), size);
            assert!(matches!(result, Err(Error::ManageInvalidShare(_))), "{path} {size:?}");
        }
        assert!(take(&mut world, &share("a", 0), None).is_err());
        assert_eq!(world, before);
    }

    #[test]
    fn the_share_type_must_fit() {
        let mut share = at("192.0.2.1:/shares/old");
        share.extra_specs = vec![(PROTOCOL_SPEC.into(), "NFS".into())];
        assert!(take(&mut World::default(), &share, None).is_ok());
        share.extra_specs.push((REPLICATION_SPEC.into(), "dr".into()));
        let result = take(&mut World::default(), &share, None);
        assert!(matches!(result, Err(Error::ManageTypeMismatch(_))));
    }

    #[test]
    fn a_share_with_snapshots_is_not_let_go() {
        let mut world = with_share("a", 1);
        snapshots::take(&mut world, &snapshot("s", "a", 1)).unwrap();
        assert!(matches!(unmanage(&mut world, "a"), Err(Error::UnmanageInvalidShare(_))));
    }
}
