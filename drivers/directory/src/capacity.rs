//! How much there is and how much is promised: what `df` says, and the accounts in
//! `state`. Called when shares are made, resized and removed, and for the stats.
//!
//! ```text
//! (no record) --promise--> size, name --promise--> another size --forget--> (no record)
//! ```

use abaca_sdk::state::{self, Change, Entity, FoundEntity};
use abaca_sdk::{Error, GIB, Result, command};

use crate::options;
use crate::places::SHARES;

/// The key under a share's identifier that says how many GiB it was promised.
const SIZE: &str = "size";

/// The key that says the share's name, for people who read the state.
const NAME: &str = "name";

/// What `df` says of the file system below the root `shares`, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSystem {
    /// All of it.
    pub size: u64,
    /// What an ordinary user may still take.
    pub available: u64,
}

/// Measures the file system now.
pub fn measure() -> Result<FileSystem> {
    let output = command::Command::new("df")
        .args(["--output=size,avail", "--block-size=1", "--"])
        .arg(SHARES.path())
        .output()?;
    parse(output.stdout_text()?)
}

/// All that there is to promise once, in GiB.
pub fn total_gib(measured: FileSystem) -> Result<f64> {
    Ok(match options::capacity_gib()? {
        Some(gib) => gib as f64,
        None => measured.size as f64 / GIB as f64,
    })
}

/// Promises `size` GiB to a share, instead of what it was promised before. More
/// than before is refused when there is no room for it.
pub fn promise(share_id: &str, share_name: &str, size: u64) -> Result<()> {
    let room = total_gib(measure()?)? * options::over_subscription_ratio()?;
    state::update(SIZE, |accounts| {
        let before = accounts.iter().find(|account| account.entity == share_id);
        let held = before.map_or(Ok(0), account_size)?;
        if size == held {
            return Ok(Vec::new());
        }
        if size > held {
            check_room(sum_without(accounts, share_id)?, size, room)?;
        }
        Ok(vec![
            Change::set_key(share_id, SIZE, &size.to_string()),
            Change::set_key(share_id, NAME, share_name),
        ])
    })
}

/// Whether anything is promised to a share.
pub fn is_promised(share_id: &str) -> Result<bool> {
    Ok(Entity(share_id).get(SIZE)?.is_some())
}

/// Takes back what was promised to a share; nothing promised is success.
pub fn forget(share_id: &str) -> Result<()> {
    Ok(Entity(share_id).clear()?)
}

/// Adds up what is promised to all shares but one.
fn sum_without(accounts: &[FoundEntity], share_id: &str) -> Result<u64> {
    accounts
        .iter()
        .filter(|account| account.entity != share_id)
        .try_fold(0_u64, |sum, account| Ok(sum.saturating_add(account_size(account)?)))
}

/// How many GiB an account says.
fn account_size(account: &FoundEntity) -> Result<u64> {
    account.value.parse().map_err(|_| {
        Error::Other(format!(
            "the driver's state says `{}` for the size of {}, which is no number",
            account.value, account.entity
        ))
    })
}

/// Whether `size` GiB more than what others were promised fit.
fn check_room(others: u64, size: u64, room: f64) -> Result<()> {
    if others.saturating_add(size) as f64 <= room {
        return Ok(());
    }
    Err(Error::BackendFailed(format!(
        "no room for {size} GiB: {others} GiB are promised to other shares, of {room:.1} GiB \
         that may be promised in all"
    )))
}

/// Reads the answer of `df --output=size,avail`: one line of headings, one of
/// numbers, and nothing else.
fn parse(text: &str) -> Result<FileSystem> {
    let mut lines = text.lines();
    let numbers = (lines.next(), lines.next(), lines.next());
    if let (Some(_), Some(line), None) = numbers {
        let mut fields = line.split_ascii_whitespace().map(str::parse);
        if let (Some(Ok(size)), Some(Ok(available)), None) =
            (fields.next(), fields.next(), fields.next())
        {
            return Ok(FileSystem { size, available });
        }
    }
    Err(Error::BackendFailed(
        "`df` did not answer one line of two numbers for the root `shares`".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(entity: &str, value: &str) -> FoundEntity {
        FoundEntity { entity: entity.into(), value: value.into() }
    }

    #[test]
    fn df_is_read() {
        let text = "   1B-blocks        Avail\n105089261568 50000000000\n";
        let expected = FileSystem { size: 105_089_261_568, available: 50_000_000_000 };
        assert_eq!(parse(text), Ok(expected));
    }

    #[test]
    fn what_df_never_says_is_refused() {
        for text in [
            "",
            "1B-blocks Avail",
            "1B-blocks Avail\n",
            "h\n1",
            "h\n1 2 3",
            "h\n- 2",
            "h\n-1 2",
            "h\n1 99999999999999999999999",
            "h\n1 2\n3 4\n",
            "h\n1 2\n\n",
            "h\n\u{ff11} 2",
            "h\n1\u{0}2 3",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_share_does_not_count_against_itself() {
        let accounts = [account("a", "3"), account("b", "4")];
        assert_eq!(sum_without(&accounts, "c"), Ok(7));
        assert_eq!(sum_without(&accounts, "a"), Ok(4));
    }

    #[test]
    fn spoilt_accounts_never_make_room() {
        assert!(sum_without(&[account("a", "x")], "c").is_err());
        assert!(sum_without(&[account("a", "-1")], "c").is_err());
        let huge = [account("a", &u64::MAX.to_string()), account("b", "1")];
        assert_eq!(sum_without(&huge, "c"), Ok(u64::MAX));
    }

    #[test]
    fn the_last_room_is_promised_and_no_more() {
        assert!(check_room(6, 4, 10.0).is_ok());
        assert!(check_room(6, 5, 10.0).is_err());
        assert!(check_room(u64::MAX, 1, 10.0).is_err());
        assert!(check_room(0, 1, f64::NAN).is_err());
    }
}
