//! Making shares larger, if the pool has room for it.

use abaca_sdk::{Extending, Result, Share, ShareServer};

use crate::call::Call;
use crate::options::Settings;
use crate::world::World;
use crate::{Dummy, capacity};

impl Extending for Dummy {
    fn extend_share(share: Share, new_size: u64, _: Option<ShareServer>) -> Result<()> {
        Call::begin("extend-share", &share.metadata)?
            .change(|world, settings| extend(world, settings, &share.id, new_size))
    }
}

fn extend(world: &mut World, settings: &Settings, id: &str, new_size: u64) -> Result<()> {
    let pool = world.share(id)?.pool.clone();
    capacity::check_room(world, settings, &pool, id, new_size)?;
    world.share(id)?.size = new_size;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{settings, with_share};
    use abaca_sdk::Error;

    #[test]
    fn a_share_grows_as_far_as_its_pool() {
        let mut world = with_share("a", 6);
        extend(&mut world, &settings(), "a", 1000).unwrap();
        extend(&mut world, &settings(), "a", 1000).unwrap();
        let result = extend(&mut world, &settings(), "a", 1001);
        assert!(matches!(result, Err(Error::BackendFailed(_))));
        assert_eq!(world.shares["a"].size, 1000);
        let result = extend(&mut world, &settings(), "b", 7);
        assert!(matches!(result, Err(Error::ShareResourceNotFound(_))));
    }
}
