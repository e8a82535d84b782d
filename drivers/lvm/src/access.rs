//! Access rules, as permission bits of the share's directory or as the clients of its export. The
//! whole set is applied each time, so it does not matter what was there; a new rule that cannot be
//! enforced is refused before anything changes, as upstream does.

use abaca_sdk::{Access, AccessRule, Result, Share, ShareServer};

use crate::{Lvm, exports, record};

impl Access for Lvm {
    fn update_access(
        share: Share,
        access_rules: Vec<AccessRule>,
        add_rules: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Option<ShareServer>,
    ) -> Result<()> {
        exports::check_rules(&add_rules)?;
        exports::set(&record::known(&share)?, &access_rules)
    }
}
