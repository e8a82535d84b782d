//! Access rules, as permission bits of the share's directory or as the clients of its export. The
//! whole set is applied each time, so it does not matter what was there. A new rule that cannot be
//! enforced is refused before anything changes, as upstream does, unless somebody is to be shut out by
//! the same call: then the others are set all the same.

use abaca_sdk::{Access, AccessRule, Result, Share, ShareServer};

use crate::{Lvm, exports, record};

impl Access for Lvm {
    fn update_access(
        share: Share,
        access_rules: Vec<AccessRule>,
        add_rules: Vec<AccessRule>,
        delete_rules: Vec<AccessRule>,
        _: Option<ShareServer>,
    ) -> Result<()> {
        if delete_rules.is_empty() {
            exports::check_rules(&add_rules)?;
        }
        exports::set(&record::known(&share)?, &access_rules)
    }
}
