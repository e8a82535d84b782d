//! Facts about shares for hooks: what is held of each, and what is used.

use abaca_sdk::{HookData, PeriodicHook, Result, Share};

use crate::call::Call;
use crate::options::Settings;
use crate::world::World;
use crate::{Dummy, shrinking};

impl PeriodicHook for Dummy {
    fn get_periodic_hook_data(shares: Vec<Share>) -> Result<Vec<HookData>> {
        Call::begin("get-periodic-hook-data", &[])?
            .change(|world, settings| facts(world, settings, &shares))
    }
}

/// The facts of those shares that are here.
fn facts(world: &World, settings: &Settings, shares: &[Share]) -> Result<Vec<HookData>> {
    let mut facts = Vec::new();
    for share in shares {
        let Some(held) = world.shares.get(&share.id) else { continue };
        let fact = |name: &str, value: String| (name.to_owned(), value);
        facts.push(HookData {
            share_id: share.id.clone(),
            data: vec![
                fact("pool", held.pool.clone()),
                fact("size_gib", held.size.to_string()),
                fact("used_gib", shrinking::used(settings, share, held.size)?.to_string()),
                fact("access_rules", held.rules.len().to_string()),
                fact("snapshots", world.snapshots_of(&share.id).to_string()),
            ],
        });
    }
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{settings, share, with_share};

    #[test]
    fn only_what_is_here_has_facts() {
        let mut world = with_share("a", 6);
        let half = Settings { usage: 0.5, ..settings() };
        let both = [share("b", 1), share("a", 6)];
        let told = facts(&world, &half, &both).unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].share_id, "a");
        assert!(told[0].data.contains(&("used_gib".into(), "3".into())));
        world.shares.clear();
        assert_eq!(facts(&world, &half, &both), Ok(Vec::new()));
    }
}
