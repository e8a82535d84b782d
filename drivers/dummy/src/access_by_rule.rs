//! Access rules, one at a time. The runtime comes here for one rule, and for a whole set
//! when `access` answers `unsupported`, for example with
//! `dummy_fail = "update-access:unsupported"`.

use abaca_sdk::{AccessByRule, AccessRule, Error, Result, Share, ShareServer};

use crate::call::Call;
use crate::held::{HeldRule, level_word};
use crate::world::World;
use crate::{Dummy, access, migration};

impl AccessByRule for Dummy {
    fn allow_access(share: Share, rule: AccessRule, _: Option<ShareServer>) -> Result<()> {
        Call::begin("allow-access", &share.metadata)?.change(|world, settings| {
            migration::arrive(world, settings, &share)?;
            allow(world, &share.id, &rule)
        })
    }

    fn deny_access(share: Share, rule: AccessRule, _: Option<ShareServer>) -> Result<()> {
        Call::begin("deny-access", &share.metadata)?
            .change(|world, _| deny(world, &share.id, &rule))
    }
}

/// Puts a rule in force; the same rule in force already is success.
fn allow(world: &mut World, share_id: &str, rule: &AccessRule) -> Result<()> {
    let held = world.share(share_id)?;
    access::check(held, rule)?;
    match held.rules.iter().find(|one| is_for_the_same(one, rule)) {
        Some(one) if one.access_level == rule.access_level => Ok(()),
        Some(one) => Err(Error::ShareAccessExists(format!(
            "`{}` is let in at level {} already; deny that first",
            one.access_to,
            level_word(one.access_level)
        ))),
        None => {
            held.rules.push(HeldRule::from(rule));
            Ok(())
        }
    }
}

/// Takes a rule out of force; one that is not there is success.
fn deny(world: &mut World, share_id: &str, rule: &AccessRule) -> Result<()> {
    world.share(share_id)?.rules.retain(|one| !is_for_the_same(one, rule));
    Ok(())
}

fn is_for_the_same(held: &HeldRule, rule: &AccessRule) -> bool {
    held.access_type == rule.access_type && held.access_to == rule.access_to
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{rule, with_share};
    use abaca_sdk::{AccessLevel, AccessType};

    #[test]
    fn rules_come_and_go_one_by_one() {
        let mut world = with_share("a", 1);
        let one = rule(AccessType::Ip, "10.0.0.1", AccessLevel::Rw);
        let two = rule(AccessType::Ip, "10.0.0.2", AccessLevel::Ro);
        for rule in [&one, &two, &one] {
            allow(&mut world, "a", rule).unwrap();
        }
        assert_eq!(world.shares["a"].rules.len(), 2);
        deny(&mut world, "a", &one).unwrap();
        deny(&mut world, "a", &one).unwrap();
        assert_eq!(world.shares["a"].rules, [HeldRule::from(&two)]);
    }

    #[test]
    fn one_client_has_one_level() {
        let mut world = with_share("a", 1);
        allow(&mut world, "a", &rule(AccessType::Ip, "10.0.0.1", AccessLevel::Rw)).unwrap();
        let result = allow(&mut world, "a", &rule(AccessType::Ip, "10.0.0.1", AccessLevel::Ro));
        assert!(matches!(result, Err(Error::ShareAccessExists(_))));
        let result = allow(&mut world, "a", &rule(AccessType::User, "u", AccessLevel::Rw));
        assert!(matches!(result, Err(Error::InvalidShareAccess(_))));
        let result = deny(&mut world, "b", &rule(AccessType::User, "u", AccessLevel::Rw));
        assert!(matches!(result, Err(Error::ShareResourceNotFound(_))));
    }
}
