//! Which dataset a share is, and where clients find it. Called by every interface.

use abaca_sdk::{Error, ExportLocation, Path, Result, Share, ShareProtocol};

use crate::options::{self, Pool};
use crate::record::Record;

/// The pool that a share is to lie in: the one that the service says, or the only one there is.
pub fn pool(share: &Share) -> Result<Pool> {
    let mut pools = options::pools()?;
    if let Some(name) = &share.pool {
        let pool = pools.into_iter().find(|pool| pool.name == *name);
        return pool.ok_or_else(|| Error::InvalidShare(format!("there is no pool `{name}` here")));
    }
    match (pools.pop(), pools.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(Error::InvalidShare("it is not said which pool the share lies in".to_owned())),
    }
}

/// Whether a share is of the protocol that datasets are shared by.
pub fn check_protocol(share: &Share) -> Result<()> {
    match share.protocol {
        ShareProtocol::Nfs => Ok(()),
        _ => Err(Error::InvalidShare("a dataset is shared by NFS alone".to_owned())),
    }
}

/// What will be written down of a new share.
pub fn new(share: &Share) -> Result<Record> {
    let pool = pool(share)?;
    let dataset = format!("{}/{}", pool.parent, options::names()?.dataset(&share.id));
    Ok(Record { dataset, pool: pool.name })
}

/// What is written down of a share that was made.
pub fn known(share: &Share) -> Result<Record> {
    Record::of(&share.id)?.ok_or_else(|| {
        Error::ShareResourceNotFound(format!("no dataset was made for the share {}", share.id))
    })
}

/// Where the broker finds what is mounted of a dataset: beneath the root that is called like its
/// pool.
pub fn place(record: &Record) -> Path {
    let name = record.dataset.rsplit('/').next().unwrap_or_default();
    Path { root: record.pool.clone(), path: name.to_owned() }
}

/// Where clients and the service's data mover find what is mounted there.
pub fn locations(mountpoint: &str) -> Result<Vec<ExportLocation>> {
    let location = |address: &str, is_admin_only| ExportLocation {
        path: format!("{address}:{mountpoint}"),
        is_admin_only,
        metadata: Vec::new(),
    };
    Ok(vec![location(&options::export_ip()?, false), location(&options::service_ip()?, true)])
}
