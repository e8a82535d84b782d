//! How much there is and how much is promised: what `df` says, and the accounts in
//! `state`. Called when shares are made, resized and removed, and for the stats.
//!
//! ```text
//! (no record) --promise--> size, name --promise--> another size --forget--> (no record)
//! ```

use crate::command::Command;
use crate::local::Options;
use crate::state::{self, Change, Entity, FoundEntity};
use crate::{Capacity, Error, GIB, Result, Root, ShareStats, config};

/// How many times the capacity may be promised; an option of every driver.
const RATIO: &str = "max_over_subscription_ratio";

/// The key under a share's identifier that says how many GiB it was promised.
const SIZE: &str = "size";

/// The key that says the share's name.
const NAME: &str = "name";

/// What `df` says of a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSystem {
    /// All of it.
    pub size: u64,
    /// What an ordinary user may still take.
    pub available: u64,
}

/// What shares are made of: the file system below a root, of which the operator may offer less.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// Where the shares' directories are.
    pub root: Root,
    /// The driver's options.
    pub options: Options,
}

impl Pool {
    /// Measures the file system now, by the command line
    /// `df --output=size,avail --block-size=1 -- ROOT:`.
    ///
    /// # Errors
    /// [`Error::BackendFailed`] for an answer that is not `df`'s, and what the command answers.
    pub fn measure(self) -> Result<FileSystem> {
        let output = Command::new("df")
            .args(["--output=size,avail", "--block-size=1", "--"])
            .arg(self.root.path())
            .output()?;
        parse(output.stdout_text()?)
    }

    /// Measures, and says what there is.
    ///
    /// # Errors
    /// As [`Pool::measure`].
    pub fn stats(self) -> Result<ShareStats> {
        let measured = self.measure()?;
        let total = self.total_gib(measured)?;
        // An operator may offer less than the file system has.
        let free = total.min(measured.available as f64 / GIB as f64);
        Ok(ShareStats::new(Capacity::Gib(total), Capacity::Gib(free)))
    }

    /// Promises `size` GiB to a share, instead of what it was promised before. More
    /// than before is refused when there is no room for it.
    ///
    /// # Errors
    /// [`Error::InvalidShare`] for no GiB, [`Error::BackendFailed`] when there is no room, and as
    /// [`Pool::measure`].
    pub fn promise(self, share_id: &str, share_name: &str, size: u64) -> Result<()> {
        self.promise_beside(share_id, share_name, size, |_| Ok(Vec::new()))
    }

    /// As [`Pool::promise`], of a driver with several pools: `elsewhere` says who of all that hold
    /// promises are in other pools, and so take no room in this one.
    ///
    /// # Errors
    /// As [`Pool::promise`], and what `elsewhere` answers.
    pub fn promise_beside(
        self,
        share_id: &str,
        share_name: &str,
        size: u64,
        elsewhere: impl Fn(&[FoundEntity]) -> Result<Vec<String>>,
    ) -> Result<()> {
        // Of nothing, no account could say that it is there.
        if size == 0 {
            return Err(Error::InvalidShare(format!(
                "{share_name} of 0 GiB; a share has at least 1"
            )));
        }
        let ratio = config::float(RATIO)?.unwrap_or(1.0);
        let room = self.total_gib(self.measure()?)? * ratio;
        state::update(SIZE, |accounts| {
            let before = accounts.iter().find(|account| account.entity == share_id);
            let held = before.map_or(Ok(0), account_size)?;
            if size == held {
                return Ok(Vec::new());
            }
            if size > held {
                // Asked within, so that who moves meanwhile makes this begin anew.
                let mut without = elsewhere(accounts)?;
                without.push(share_id.to_owned());
                check_room(sum_without(accounts, &without)?, size, room)?;
            }
            Ok(vec![
                Change::set_key(share_id, SIZE, &size.to_string()),
                Change::set_key(share_id, NAME, share_name),
            ])
        })
    }

    /// All that there is to promise once, in GiB.
    fn total_gib(self, measured: FileSystem) -> Result<f64> {
        Ok(match self.options.capacity_gib()? {
            Some(gib) => gib as f64,
            None => measured.size as f64 / GIB as f64,
        })
    }
}

/// Whether anything is promised to a share.
///
/// # Errors
/// What the host answers.
pub fn is_promised(share_id: &str) -> Result<bool> {
    Ok(promised(share_id)?.is_some())
}

/// How many GiB are promised to a share.
///
/// # Errors
/// [`Error::Other`] for a spoilt account, and what the host answers.
pub fn promised(share_id: &str) -> Result<Option<u64>> {
    Entity(share_id).get(SIZE)?.map(|size| parse_size(share_id, &size)).transpose()
}

/// The identifier of the share that something is promised to under this name, if there is one.
///
/// # Errors
/// What the host answers.
pub fn holder(share_name: &str) -> Result<Option<String>> {
    let mut holders = state::find(NAME)?.into_iter();
    Ok(holders.find(|holder| holder.value == share_name).map(|holder| holder.entity))
}

/// Takes back what was promised to a share; nothing promised is success.
///
/// # Errors
/// What the host answers.
pub fn forget(share_id: &str) -> Result<()> {
    Ok(Entity(share_id).clear()?)
}

/// Adds up what is promised to all shares but these.
fn sum_without(accounts: &[FoundEntity], without: &[String]) -> Result<u64> {
    accounts
        .iter()
        .filter(|account| !without.contains(&account.entity))
        .try_fold(0_u64, |sum, account| Ok(sum.saturating_add(account_size(account)?)))
}

/// How many GiB an account says.
fn account_size(account: &FoundEntity) -> Result<u64> {
    parse_size(&account.entity, &account.value)
}

fn parse_size(share_id: &str, size: &str) -> Result<u64> {
    size.parse().map_err(|_| {
        Error::Other(format!(
            "the driver's state says `{size}` for the size of {share_id}, which is no number"
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
    Err(Error::BackendFailed("`df` did not answer one line of two numbers".to_owned()))
}

/// Whether so many bytes fit into `size` GiB: before a share shrinks. What counts is what they take
/// on the storage, as a quota would count it.
///
/// # Errors
/// `share-shrinking-possible-data-loss`, when they do not.
pub fn check_fits(bytes: u64, size: u64) -> Result<()> {
    if bytes <= size.saturating_mul(GIB) {
        return Ok(());
    }
    Err(Error::ShareShrinkingPossibleDataLoss(format!(
        "the share holds {:.2} GiB ({bytes} bytes), which is more than {size} GiB",
        bytes as f64 / GIB as f64
    )))
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
        assert_eq!(sum_without(&accounts, &["c".to_owned()]), Ok(7));
        assert_eq!(sum_without(&accounts, &["a".to_owned()]), Ok(4));
        assert_eq!(sum_without(&accounts, &["a".to_owned(), "b".to_owned()]), Ok(0));
    }

    #[test]
    fn spoilt_accounts_never_make_room() {
        assert!(sum_without(&[account("a", "x")], &[]).is_err());
        assert!(sum_without(&[account("a", "-1")], &[]).is_err());
        let huge = [account("a", &u64::MAX.to_string()), account("b", "1")];
        assert_eq!(sum_without(&huge, &[]), Ok(u64::MAX));
    }

    #[test]
    fn the_last_room_is_promised_and_no_more() {
        assert!(check_room(6, 4, 10.0).is_ok());
        assert!(check_room(6, 5, 10.0).is_err());
        assert!(check_room(u64::MAX, 1, 10.0).is_err());
        assert!(check_room(0, 1, f64::NAN).is_err());
    }

    #[test]
    fn a_full_share_fits_exactly() {
        assert!(check_fits(2 * GIB, 2).is_ok());
        assert!(check_fits(u64::MAX, u64::MAX).is_ok());
        let error = check_fits(2 * GIB + 1, 2).unwrap_err();
        assert!(matches!(error, Error::ShareShrinkingPossibleDataLoss(_)));
    }
}
