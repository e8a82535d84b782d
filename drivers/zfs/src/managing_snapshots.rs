//! Taking over snapshots that a share has already, and letting snapshots go. What is taken over
//! keeps its name.

use abaca_sdk::{Error, ManagedSnapshot, ManagingSnapshots, Pair, Result, Snapshot};

use crate::{Zfs, dataset, options, record, snapshots};

impl ManagingSnapshots for Zfs {
    fn manage_existing_snapshot(
        snapshot: Snapshot,
        driver_options: Vec<Pair>,
    ) -> Result<ManagedSnapshot> {
        let unfit = Error::ManageInvalidSnapshot;
        if let Some((name, _)) = driver_options.first() {
            return Err(unfit(format!("there is no driver option `{name}` for a snapshot")));
        }
        let share = snapshots::share(&snapshot)?;
        let location = snapshot.provider_location.clone().unwrap_or_default();
        let tag = tag_in(&location, &share.dataset).map_err(unfit)?;
        if options::names()?.is_for_replicas(tag) {
            return Err(unfit(format!("a replica is made by `{location}`; it will be removed")));
        }
        if !dataset::has_snapshot(&share, tag)? {
            return Err(unfit(format!("{}@{tag} is not there", share.dataset)));
        }
        record::set_tag(&snapshot, tag)?;
        let provider_location = Some(format!("{}@{tag}", share.dataset));
        Ok(ManagedSnapshot { size: None, provider_location })
    }

    fn unmanage_snapshot(snapshot: Snapshot) -> Result<()> {
        record::forget_tag(&snapshot)
    }
}

/// The tag that the operator gave: by itself, or behind its dataset.
fn tag_in<'l>(location: &'l str, dataset: &str) -> Result<&'l str, String> {
    let tag = match location.split_once('@') {
        Some((of, tag)) if of == dataset => tag,
        Some(_) => "",
        None => location,
    };
    match tag.is_empty() || tag.contains(['/', '@']) {
        false => Ok(tag),
        true => Err(format!("`{location}` is no snapshot of {dataset}; write {dataset}@NAME")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_tag() {
        assert_eq!(tag_in("monday", "tank/a"), Ok("monday"));
        assert_eq!(tag_in("tank/a@monday", "tank/a"), Ok("monday"));
        for wrong in ["", "@", "tank/a@", "tank/b@monday", "tank/a", "tank/a@b@c"] {
            assert!(tag_in(wrong, "tank/a").is_err(), "{wrong}");
        }
    }
}
