//! Access rules as permission bits of a share's directory.

use crate::{AccessLevel, AccessRule, AccessType, Error, Result};

/// What each name may do at each level.
const GROUP_RW: u32 = 0o070;
const GROUP_RO: u32 = 0o050;
const EVERYONE_RW: u32 = 0o077;
const EVERYONE_RO: u32 = 0o055;

/// The bits of all rules that can be applied, and why the first other one cannot. A rule is of
/// the type `user` and names `group`, the group that owns the directory, or `everyone`.
///
/// Rules that can be applied are to be applied also beside one that cannot: else a rule that
/// was taken away would go on letting clients in.
#[must_use]
pub fn permission_bits(rules: &[AccessRule]) -> (u32, Option<Error>) {
    let mut bits = 0;
    let mut refused = None;
    for rule in rules {
        match rule_bits(rule) {
            Ok(more) => bits |= more,
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    (bits, refused)
}

fn rule_bits(rule: &AccessRule) -> Result<u32> {
    match (rule.access_type, rule.access_to.as_str(), rule.access_level) {
        (AccessType::User, "group", AccessLevel::Rw) => Ok(GROUP_RW),
        (AccessType::User, "group", AccessLevel::Ro) => Ok(GROUP_RO),
        (AccessType::User, "everyone", AccessLevel::Rw) => Ok(EVERYONE_RW),
        (AccessType::User, "everyone", AccessLevel::Ro) => Ok(EVERYONE_RO),
        (kind, _, _) => Err(Error::InvalidShareAccess(format!(
            "a directory lets in `user group` and `user everyone` only, not `{} {}`",
            type_name(kind),
            rule.access_to
        ))),
    }
}

/// A type as people write it.
fn type_name(access_type: AccessType) -> &'static str {
    match access_type {
        AccessType::Ip => "ip",
        AccessType::User => "user",
        AccessType::Cert => "cert",
        AccessType::Cephx => "cephx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(access_type: AccessType, access_to: &str, access_level: AccessLevel) -> AccessRule {
        AccessRule { id: "r".into(), access_type, access_to: access_to.into(), access_level }
    }

    #[test]
    fn rules_add_up() {
        let group = rule(AccessType::User, "group", AccessLevel::Rw);
        let everyone = rule(AccessType::User, "everyone", AccessLevel::Ro);
        assert_eq!(permission_bits(&[]), (0, None));
        assert_eq!(permission_bits(&[group.clone(), everyone]), (0o075, None));
        assert_eq!(permission_bits(&[group]), (0o070, None));
    }

    #[test]
    fn what_cannot_be_enforced_is_refused_and_the_rest_applied() {
        for refused in [
            rule(AccessType::Ip, "127.0.0.1", AccessLevel::Rw),
            rule(AccessType::Ip, "everyone", AccessLevel::Rw),
            rule(AccessType::User, "Everyone", AccessLevel::Rw),
            rule(AccessType::User, "", AccessLevel::Ro),
        ] {
            let group = rule(AccessType::User, "group", AccessLevel::Ro);
            let (bits, error) = permission_bits(&[refused, group]);
            assert_eq!(bits, GROUP_RO);
            assert!(matches!(error, Some(Error::InvalidShareAccess(_))));
        }
    }
}
