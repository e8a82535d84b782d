//! Access rules, as permission bits of the share's directory or as the clients of its export. The
//! whole set is applied each time, so it does not matter what was there.

use abaca_sdk::{Access, AccessRule, Result, Share, ShareServer};

use crate::{Lvm, exports, record};

impl Access for Lvm {
    fn update_access(
        share: Share,
        access_rules: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Option<ShareServer>,
    ) -> Result<()> {
        exports::set(&record::known(&share)?, &access_rules)
    }
}
