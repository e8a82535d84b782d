//! What LVM's tools write, read. Called by `volumes`. Nothing here asks anybody.

use abaca_sdk::Result;

/// Bytes in a GiB.
const GIB: u64 = 1 << 30;

/// A logical volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its name in its group.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// The volume that it is a snapshot of.
    pub origin: Option<String>,
}

/// Reads `lvs --noheadings --separator / --units b --nosuffix -o lv_name,lv_size,origin`.
pub fn volumes(text: &str) -> Result<Vec<Volume>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let volume = |line: &str| {
        let mut fields = line.split('/');
        let volume = match (fields.next(), fields.next(), fields.next(), fields.next()) {
            (Some(name), Some(size), Some(origin), None) if !name.is_empty() => {
                size.parse().ok().map(|size| Volume {
                    name: name.to_owned(),
                    size,
                    origin: Some(origin.to_owned()).filter(|origin| !origin.is_empty()),
                })
            }
            _ => None,
        };
        volume.ok_or_else(|| format!("`{line}` is no name, size and origin of a volume"))
    };
    lines.map(volume).collect()
}

/// The size of a group and what is free of it, in GiB, of `vgs GROUP --rows --units g`.
pub fn space(text: &str) -> Result<(f64, f64), String> {
    let row = |name: &str| {
        let mut lines = text.lines().map(str::split_whitespace);
        let value = lines.find_map(|mut words| (words.next() == Some(name)).then(|| words.next()));
        value.flatten().and_then(gib).ok_or_else(|| format!("there is no size after `{name}`"))
    };
    Ok((row("VSize")?, row("VFree")?))
}

/// `100.00g`, and `<100.00g` for a little less; `0` has no unit.
fn gib(word: &str) -> Option<f64> {
    let word = word.strip_prefix('<').unwrap_or(word);
    let number = word.strip_suffix('g').unwrap_or(word);
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    number.parse().ok().filter(|_| plain)
}

/// GiB in bytes, as many as fit.
pub fn bytes(gib: u64) -> u64 {
    gib.saturating_mul(GIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_read() {
        let text = "  share-1/1073741824/\n  share-snapshot-4/1073741824/share-1\n";
        let volume = |name: &str, origin: Option<&str>| Volume {
            name: name.into(),
            size: 1 << 30,
            origin: origin.map(str::to_owned),
        };
        let expected = vec![volume("share-1", None), volume("share-snapshot-4", Some("share-1"))];
        assert_eq!(volumes(text), Ok(expected));
        assert_eq!(volumes("\n"), Ok(vec![]));
    }

    #[test]
    fn what_lvs_never_says_is_refused() {
        for text in ["share-1", "/1/", "a/x/", "a/-1/", "a/1", "a/1//", "a/1.00g/", "WARNING: b"] {
            assert!(volumes(text).is_err(), "{text}");
        }
    }

    /// By the words of the trace of upstream's driver, and of LVM 2.03.
    #[test]
    fn space_is_read() {
        let text = "  VG    lvm-shares\n  #PV   1\n  #LV   0\n  #SN   0\n  Attr  wz--n-\n  \
                    VSize 100.00g\n  VFree 90.00g\n";
        assert_eq!(space(text), Ok((100.0, 90.0)));
        assert_eq!(space("  VSize <4.00g\n  VFree 0 \n"), Ok((4.0, 0.0)));
        for text in
            ["", "VSize 1.00g", "VSize\nVFree 1g", "VSize -1g\nVFree 1g", "VSize inf\nVFree 1g"]
        {
            assert!(space(text).is_err(), "{text}");
        }
    }
}
