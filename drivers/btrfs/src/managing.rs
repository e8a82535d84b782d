//! Taking over subvolumes that are in the root `shares` already, and letting shares go with all
//! that is in them. What is taken over gets the share's name, as with upstream's drivers, and a
//! limit; its owner and its permission bits stay until access rules are set.

use abaca_sdk::{Error, GIB, ManagedShare, Managing, Pair, Path, Result, Share, files, local};

use crate::places::is_there;
use crate::pools::{self, Pool};
use crate::{Btrfs, exports, group, making, quota, subvolume};

/// The driver option that says how many GiB the share has from now on.
const SIZE: &str = "size";

impl Managing for Btrfs {
    fn manage_existing(share: Share, driver_options: Vec<Pair>) -> Result<ManagedShare> {
        let (pool, found) = find(&share)?;
        let place = pool.shares.join(&share.name);
        let wanted = size_option(&driver_options).map_err(Error::ManageInvalidShare)?;
        quota::sync(pool)?;
        let subvolume = subvolume::show(&found).map_err(|error| match error {
            Error::CommandFailed(failure) => Error::ManageInvalidShare(format!(
                "`{found}` cannot be taken over: {}",
                failure.stderr.trim()
            )),
            error => error,
        })?;
        if subvolume.read_only {
            return Err(Error::ManageInvalidShare(format!(
                "`{found}` is read-only, so it is no share"
            )));
        }
        let size = wanted.unwrap_or_else(|| gib(subvolume.limit.unwrap_or(0).max(subvolume.used)));
        local::check_fits(subvolume.used, size)
            .map_err(|error| Error::ManageInvalidShare(error.text()))?;

        // All fits: from here on something is changed.
        pools::settle(&share.id, pool)?;
        pool.promise(&share.id, &share.name, size)?;
        if found != place {
            files::rename(&found, &place)?;
        }
        quota::limit(pool, &subvolume, size)?;
        quota::sync(pool)?;
        exports::appear(&place, &share.name)?;
        Ok(ManagedShare { size, export_locations: making::locations(&share, pool)? })
    }

    fn unmanage(share: Share) -> Result<()> {
        match group::of(&share.id)? {
            Some(group) => Err(Error::UnmanageInvalidShare(format!(
                "the share is a member of the consistency group {group}"
            ))),
            None => {
                exports::vanish(&share.name)?;
                local::forget(&share.id)
            }
        }
    }
}

/// Where what is to be taken over is, and in which pool: at its new name already, if an earlier
/// call came so far.
fn find(share: &Share) -> Result<(&'static Pool, Path)> {
    let [location] = share.export_locations.as_slice() else {
        return Err(Error::ManageInvalidShare(format!(
            "{} export locations were given, not one",
            share.export_locations.len()
        )));
    };
    let (pool, name) = name_in(&roots()?, &location.path)?;
    let place = pool.shares.join(&share.name);
    if local::is_promised(&share.id)? && is_there(&place)? {
        return Ok((pool, place));
    }
    if let Some(holder) = local::holder(name)?.filter(|holder| *holder != share.id) {
        return Err(Error::ManageInvalidShare(format!("`{name}` is the share {holder} already")));
    }
    let found = pool.shares.join(name);
    match is_there(&found)? {
        true => Ok((pool, found)),
        false => Err(Error::ManageInvalidShare(format!("`{found}` is not there"))),
    }
}

/// Where clients find the shares of each pool.
fn roots() -> Result<Vec<(&'static Pool, String)>> {
    let root = |pool: &'static Pool| Ok((pool, exports::location(pool, "")?));
    pools::all()?.into_iter().map(root).collect()
}

/// The pool and the name of the subvolume that clients find at `path`.
fn name_in<'p>(
    roots: &[(&'static Pool, String)],
    path: &'p str,
) -> Result<(&'static Pool, &'p str)> {
    let names = roots.iter().filter_map(|(pool, root)| Some((*pool, path.strip_prefix(root)?)));
    let mut names = names.filter(|(_, name)| !name.is_empty() && !name.contains('/'));
    names.next().ok_or_else(|| {
        let forms: Vec<_> = roots.iter().map(|(_, root)| format!("{root}NAME")).collect();
        Error::ManageInvalidShare(format!(
            "`{path}` is no export location of this back end; write {}",
            forms.join(" or ")
        ))
    })
}

/// The size that the operator gave, in GiB, or what is wrong with the options.
fn size_option(options: &[Pair]) -> Result<Option<u64>, String> {
    if let Some((name, _)) = options.iter().find(|(name, _)| name != SIZE) {
        return Err(format!("there is no driver option `{name}` for a share; `{SIZE}` is one"));
    }
    let Some((_, text)) = options.first() else { return Ok(None) };
    match text.parse() {
        Ok(size) if size > 0 => Ok(Some(size)),
        _ => Err(format!("the driver option {SIZE} = `{text}` does not do; write 1 or more GiB")),
    }
}

/// So many bytes in GiB, rounded up; nothing is one.
pub fn gib(bytes: u64) -> u64 {
    bytes.div_ceil(GIB).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up() {
        assert_eq!([0, 1, GIB, GIB + 1].map(gib), [1, 1, 1, 2]);
    }

    #[test]
    fn a_location_is_a_name_beneath_the_root() {
        let roots = [(&pools::FIRST, "h:/s/".to_owned()), (&pools::SECOND, "h:/t/".to_owned())];
        let name = |path| name_in(&roots, path).map(|(pool, name)| (pool.name, name));
        assert_eq!(name("h:/s/a"), Ok(("first", "a")));
        assert_eq!(name("h:/t/a"), Ok(("second", "a")));
        for path in ["", "h:/s/", "h:/s/a/b", "h:/u/a", "a", "h:/s/../a"] {
            assert!(name(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_size_is_a_number_of_gib() {
        let option = |text: &str| size_option(&[(SIZE.to_owned(), text.to_owned())]);
        assert_eq!((size_option(&[]), option("3")), (Ok(None), Ok(Some(3))));
        for text in ["", "0", "-1", "3GiB"] {
            assert!(option(text).is_err(), "{text}");
        }
        assert!(size_option(&[("sise".to_owned(), "3".to_owned())]).is_err());
    }
}
