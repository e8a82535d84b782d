//! Which pool a share lies in.

use abaca_sdk::{Pools, Result, Share};

use crate::Dummy;
use crate::call::Call;

impl Pools for Dummy {
    fn get_pool(share: Share) -> Result<Option<String>> {
        Call::begin("get-pool", &share.metadata)?
            .change(|world, _| Ok(world.shares.get(&share.id).map(|held| held.pool.clone())))
    }
}
