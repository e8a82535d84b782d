//! Making, removing and finding shares.

use abaca_sdk::{CreateError, Error, ExportLocation, Result, Share, ShareServer, Shares, log};

use crate::record::{self, Record};
use crate::{Zfs, access, dataset, options, places, share_type};

impl Shares for Zfs {
    fn create_share(
        share: Share,
        _: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        let properties = properties(&share)?;
        let record = begin(&share, &properties)?;
        dataset::create(&record, &properties)?;
        Ok(places::locations(&dataset::mountpoint(&record)?)?)
    }

    /// A share without a record was never begun, or is removed. Upstream then lists the pool
    /// `None`.
    fn delete_share(share: Share, _: Option<ShareServer>) -> Result<()> {
        let Some(record) = Record::of(&share.id)? else { return Ok(()) };
        if dataset::is_there(&record)? {
            let names = options::names()?;
            // What a call that was cut short has left of a clone's making, too.
            let came = record::receiving(&share.id)?;
            let (ours, others): (Vec<_>, Vec<_>) = dataset::snapshots(&record)?
                .into_iter()
                .partition(|tag| names.is_for_replicas(tag) || came.as_ref() == Some(tag));
            if let Some(tag) = others.first() {
                return Err(Error::ShareIsBusy(format!(
                    "the share has the snapshot {}@{tag}; remove it first",
                    record.dataset
                )));
            }
            for tag in ours {
                dataset::destroy_snapshot(&record, &tag)?;
            }
            remove(&record)?;
        }
        record::forget_active(&share.share_id)?;
        record::forget(&share.id)
    }

    fn ensure_share(share: Share, _: Option<ShareServer>) -> Result<Vec<ExportLocation>> {
        let record = places::known(&share)?;
        if !dataset::is_there(&record)? {
            return Err(Error::ShareResourceNotFound(format!(
                "the dataset {} is not there",
                record.dataset
            )));
        }
        dataset::mount(&record)?;
        access::serve(&record)?;
        places::locations(&dataset::mountpoint(&record)?)
    }
}

/// The properties of a new share: its quota, what its type asks for, what the operator has for all,
/// and that it is writable.
pub fn properties(share: &Share) -> Result<Vec<String>> {
    places::check_protocol(share)?;
    let quota = format!("quota={}G", share.size);
    let more = share_type::properties(&share.extra_specs, &options::creation()?)
        .map_err(Error::InvalidShare)?;
    let end = "readonly=off".to_owned();
    Ok([quota].into_iter().chain(more).chain([end]).collect())
}

/// Writes down a share that is about to be made; or finds that it was begun before.
pub fn begin(share: &Share, properties: &[String]) -> Result<Record> {
    if let Some(record) = Record::of(&share.id)? {
        return Ok(record);
    }
    let record = places::new(share)?;
    check_free(&record)?;
    record.begin(&share.id, properties)?;
    Ok(record)
}

/// What is there without a record is somebody else's: neither handed out nor removed.
pub fn check_free(record: &Record) -> Result<()> {
    match dataset::is_there(record)? {
        false => Ok(()),
        true => Err(Error::BackendFailed(format!(
            "the dataset {} is there and was not made for this share; rename it",
            record.dataset
        ))),
    }
}

/// Removes a dataset that has no snapshots.
pub fn remove(record: &Record) -> Result<()> {
    access::shut(record)?;
    // A dataset that is mounted nowhere is removed as well.
    if let Err(error) = dataset::mountpoint(record) {
        log::debug(error.text());
    }
    dataset::destroy_whole(record)
}
