//! Taking over datasets that are beneath a pool's parent already, and letting shares go with all
//! that is in them. What is taken over keeps its name and gets a quota. Upstream at this commit has
//! neither.

use abaca_sdk::{Error, ManagedShare, Managing, Pair, Result, Share, local};

use crate::record::{self, Record};
use crate::{Zfs, answers, dataset, options, places, tool};

/// The driver option that says how many GiB the share has from now on.
const SIZE: &str = "size";

impl Managing for Zfs {
    fn manage_existing(share: Share, driver_options: Vec<Pair>) -> Result<ManagedShare> {
        let wanted = size_option(&driver_options).map_err(Error::ManageInvalidShare)?;
        let record = find(&share)?;
        if let Some(holder) = record::holder(&record.dataset)?.filter(|holder| *holder != share.id)
        {
            return Err(Error::ManageInvalidShare(format!(
                "{} is the share {holder} already",
                record.dataset
            )));
        }
        let (used, quota) = (dataset::size(&record, "used")?, dataset::size(&record, "quota")?);
        let size = wanted.unwrap_or_else(|| answers::gib(quota.max(used)));
        local::check_fits(used, size).map_err(|error| Error::ManageInvalidShare(error.text()))?;

        // All fits: from here on something is changed.
        record.begin(&share.id, &[])?;
        dataset::set_quota(&record, size)?;
        dataset::mount(&record)?;
        let export_locations = places::locations(&dataset::mountpoint(&record)?)?;
        Ok(ManagedShare { size, export_locations })
    }

    fn unmanage(share: Share) -> Result<()> {
        record::forget_active(&share.share_id)?;
        record::forget(&share.id)
    }
}

/// The dataset that clients find at the location which the operator gave.
fn find(share: &Share) -> Result<Record> {
    let [location] = share.export_locations.as_slice() else {
        return Err(Error::ManageInvalidShare(format!(
            "{} export locations were given, not one",
            share.export_locations.len()
        )));
    };
    let path = &location.path;
    let address = options::export_ip()?;
    let mountpoint = path.strip_prefix(&format!("{address}:")).ok_or_else(|| {
        Error::ManageInvalidShare(format!(
            "`{path}` is no export location of this back end; write {address}:MOUNTPOINT"
        ))
    })?;
    for pool in options::pools()? {
        let list = tool::ask(["list", "-r", &pool.parent])?;
        let found = answers::mountpoints(&list).into_iter().find(|(name, mounted)| {
            let below = name.strip_prefix(&pool.parent).and_then(|name| name.strip_prefix('/'));
            *mounted == mountpoint && below.is_some_and(|name| !name.contains('/'))
        });
        if let Some((name, _)) = found {
            return Ok(Record { dataset: name.to_owned(), pool: pool.name });
        }
    }
    Err(Error::ManageInvalidShare(format!(
        "no dataset directly beneath a pool of this back end is mounted at `{mountpoint}`"
    )))
}

/// The size that the operator gave, in GiB, or what is wrong with the options.
fn size_option(options: &[Pair]) -> Result<Option<u64>, String> {
    if let Some((name, _)) = options.iter().find(|(name, _)| name != SIZE) {
        return Err(format!("there is no driver option `{name}` for a share; `{SIZE}` is one"));
    }
    let Some((_, text)) = options.first() else { return Ok(None) };
    match text.parse() {
        Ok(size) if size > 0 => Ok(Some(size)),
        _ => Err(format!("the driver option {SIZE} = `{text}` does not do; write 1 or more GiB")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_of_gib() {
        let option = |text: &str| size_option(&[(SIZE.to_owned(), text.to_owned())]);
        assert_eq!((size_option(&[]), option("3")), (Ok(None), Ok(Some(3))));
        for text in ["", "0", "-1", "3GiB"] {
            assert!(option(text).is_err(), "{text}");
        }
        assert!(size_option(&[("sise".to_owned(), "3".to_owned())]).is_err());
    }
}
