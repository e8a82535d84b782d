//! Which pool a share lies in. Upstream: `get_pool`.

use abaca_sdk::{Pools, Result, Share};

use crate::Zfs;
use crate::record::Record;

impl Pools for Zfs {
    fn get_pool(share: Share) -> Result<Option<String>> {
        Ok(Record::of(&share.id)?.map(|record| record.pool).or(share.pool))
    }
}
