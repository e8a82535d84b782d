//! Reads what `zfs` and `zpool` write: tables of columns beneath their headings, and sizes. Pure.
//! Called by `dataset` and `backend`.
//!
//! Columns are padded to their widest value, so a value stands where its heading does. Only the
//! first is read by its end: what follows it may be aligned to the right.

use abaca_sdk::GIB;

/// What separates columns.
const GAP: &str = "  ";

/// What the tools write for nothing.
const NOTHING: &str = "-";

/// The units of sizes, each 1024 times the one before it.
const UNITS: &str = "BKMGTPEZ";

/// The value that `zfs get PROPERTY NAME` and `zpool get PROPERTY NAME` tell, and none for `-`.
///
/// # Errors
/// One sentence, for a table without it.
pub fn property(text: &str, property: &str, name: &str) -> Result<Option<String>, String> {
    let missing = || format!("it does not tell `{property}` of `{name}`");
    let mut lines = text.lines();
    let head = lines.next().ok_or_else(missing)?;
    let places = (head.find("PROPERTY"), head.find("VALUE"), head.find("SOURCE"));
    let (Some(key), Some(value), Some(source)) = places else { return Err(missing()) };
    for line in lines {
        let cells = (line.get(..key), line.get(key..value), line.get(value..source));
        let (Some(of), Some(key), Some(value)) = cells else { continue };
        if of.trim_end() == name && key.trim_end() == property {
            // Where the columns do not stand beneath their headings, half a value must not pass for
            // a whole one.
            if !value.ends_with(GAP) {
                return Err(format!("its columns do not stand beneath their headings: {line:?}"));
            }
            return Ok(Some(value.trim_end()).filter(|value| *value != NOTHING).map(str::to_owned));
        }
    }
    Err(missing())
}

/// The names in the first column of a list; none for one of nothing.
pub fn names(text: &str) -> impl Iterator<Item = &str> {
    rows(text).map(|line| line.split(GAP).next().unwrap_or(line).trim_end())
}

/// The names of a list, and what stands in its last column.
pub fn mountpoints(text: &str) -> Vec<(&str, &str)> {
    let Some(place) = text.lines().next().and_then(|head| head.find("MOUNTPOINT")) else {
        return Vec::new();
    };
    let place = |line: &'_ str| line.len().min(place);
    names(text)
        .zip(rows(text))
        .map(|(name, line)| (name, line.get(place(line)..).unwrap_or_default().trim()))
        .collect()
}

/// The lines beneath the headings. One that is alone says that there is nothing.
fn rows(text: &str) -> impl Iterator<Item = &str> {
    let is_table = text.starts_with("NAME");
    text.lines().skip(1).filter(move |_| is_table)
}

/// A size in bytes: a number, or one with a unit of 1024 such as `5.12M`; `none` and nothing are
/// none.
///
/// # Errors
/// One sentence.
pub fn size(text: Option<&str>) -> Result<Option<u64>, String> {
    let text = match text {
        None | Some("none" | "0") => return Ok(None),
        Some(text) => text,
    };
    let wrong = || format!("`{text}` is no size");
    if let Ok(bytes) = text.parse() {
        return Ok(Some(bytes));
    }
    let unit = text.chars().next_back().and_then(|unit| UNITS.find(unit)).ok_or_else(wrong)?;
    let number = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = number.parse().ok().filter(|_| plain).ok_or_else(wrong)?;
    let scale = i32::try_from(unit).map_err(|_| wrong())?;
    let bytes = number * 1024_f64.powi(scale);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and cut off where it is more than there can be"
    )]
    Ok(Some(bytes as u64))
}

/// So many bytes in GiB, rounded up; nothing is one.
pub fn gib(bytes: u64) -> u64 {
    bytes.div_ceil(GIB).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What upstream's driver was answered, and what zfs-fuse writes.
    const SHARENFS: &str = include_str!("../tests/get-sharenfs.txt");
    const MOUNTPOINT: &str = include_str!("../tests/get-mountpoint.txt");
    const INHERITED: &str = include_str!("../tests/get-mountpoint-of-zfs-fuse.txt");
    const POOL: &str = include_str!("../tests/zpool-get-free.txt");
    const LIST: &str = include_str!("../tests/list.txt");
    const SNAPSHOTS: &str = include_str!("../tests/list-snapshots.txt");
    const SHARE: &str = "tank/manila_share_11111111_1111_4111_8111_111111111111";

    #[test]
    fn properties_are_read() {
        let rules = "rw=10.0.0.1,no_root_squash,ro=10.1.0.0/255.255.255.0,no_root_squash";
        assert_eq!(property(SHARENFS, "sharenfs", SHARE), Ok(Some(rules.to_owned())));
        assert_eq!(property(MOUNTPOINT, "mountpoint", SHARE), Ok(Some(format!("/{SHARE}"))));
        let inherited = Ok(Some("/srv/my pool/tank/s1".to_owned()));
        assert_eq!(property(INHERITED, "mountpoint", "tank/s1"), inherited);
        assert_eq!(property(POOL, "free", "tank"), Ok(Some("90G".to_owned())));
        let none = "NAME      PROPERTY    VALUE  SOURCE\ntank/a@b  mountpoint  -      -\n";
        assert_eq!(property(none, "mountpoint", "tank/a@b"), Ok(None));
    }

    #[test]
    fn what_is_not_told_is_an_error() {
        for text in ["", "\n", "NAME  PROPERTY  VALUE\n", "no datasets available\n", "a b c d\n"] {
            assert!(property(text, "free", "tank").is_err(), "{text:?}");
        }
        assert!(property(POOL, "size", "tank").is_err());
        assert!(property(POOL, "free", "pond").is_err());
        assert!(property("NAME  PROPERTY  VALUE  SOURCE\nä\n", "free", "ä").is_err());
        // As zfs-fuse writes with `-p`.
        let cut = "NAME  PROPERTY  VALUE  SOURCE\ntank  used      1572864000  -\n";
        assert!(property(cut, "used", "tank").is_err());
    }

    #[test]
    fn lists_are_read() {
        let expected = ["tank", "tank/legacy", SHARE];
        assert_eq!(names(LIST).collect::<Vec<_>>(), expected);
        let mounted = [("tank", "/tank"), ("tank/legacy", "/tank/legacy")];
        assert_eq!(mountpoints(LIST).get(..2), Some(&mounted[..]));
        let tags: Vec<_> = names(SNAPSHOTS).filter_map(|name| name.split_once('@')).collect();
        assert!(tags.iter().all(|(dataset, _)| dataset.starts_with("pond/manila_share_")));
        assert_eq!(tags.len(), 3);
        assert_eq!(names("no datasets available\n").count(), 0);
        assert_eq!(names("").count(), 0);
        // A name with a blank is one name.
        let odd =
            "NAME        USED  AVAIL  REFER  MOUNTPOINT\ntank/a b     20K    90G    19K  /t/a b\n";
        assert_eq!(names(odd).collect::<Vec<_>>(), ["tank/a b"]);
        assert_eq!(mountpoints(odd), [("tank/a b", "/t/a b")]);
    }

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("114688", 114_688),
            ("20K", 20 << 10),
            ("90G", 90 * GIB),
            ("1.50T", 1536 * GIB),
            ("512B", 512),
        ] {
            assert_eq!(size(Some(text)), Ok(Some(bytes)), "{text}");
        }
        for none in [None, Some("none"), Some("0")] {
            assert_eq!(size(none), Ok(None));
        }
        for wrong in ["", "K", "-1K", "1.2.3G", "1e3G", "five", "infG", "1Gi", "Ｇ", "1Ｇ"] {
            assert!(size(Some(wrong)).is_err(), "{wrong}");
        }
        assert_eq!([0, 1, GIB, GIB + 1].map(gib), [1, 1, 1, 2]);
    }
}
