//! What the tool prints, read strictly: an answer that is cut off, translated or of another version
//! is an error, and never half believed. Pure; called by `array`.

use abaca_sdk::{Error, Result};

/// A volume as `arrayctl show` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// How much it may hold, in bytes.
    pub size: u64,
    /// How much it holds.
    pub used: u64,
    /// Whose it is: a share's identifier.
    pub label: String,
}

/// What `arrayctl space` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// All that there is, in bytes.
    pub total: u64,
    /// What no volume has.
    pub free: u64,
}

/// Reads a volume.
pub fn volume(text: &str) -> Result<Volume> {
    let read = || {
        let [size, used, label] = fields(text, ["size", "used", "label"])?;
        Some(Volume { size: size.parse().ok()?, used: used.parse().ok()?, label: label.to_owned() })
    };
    read().ok_or_else(|| nonsense("show", text))
}

/// Reads how much there is.
pub fn space(text: &str) -> Result<Space> {
    let read = || {
        let [total, free] = fields(text, ["total", "free"])?;
        let space = Space { total: total.parse().ok()?, free: free.parse().ok()? };
        // More free than there is would have a scheduler put shares where there is no room.
        (space.free <= space.total).then_some(space)
    };
    read().ok_or_else(|| nonsense("space", text))
}

/// The values of lines `KEY=VALUE`: these keys in this order, each line ended, and nothing else.
fn fields<'a, const N: usize>(text: &'a str, keys: [&str; N]) -> Option<[&'a str; N]> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let mut values = [""; N];
    for (value, key) in values.iter_mut().zip(keys) {
        *value = lines.next()?.strip_prefix(key)?.strip_prefix('=')?;
    }
    lines.next().is_none().then_some(values)
}

fn nonsense(verb: &str, text: &str) -> Error {
    // Enough to see what came, not all of it: it ends up in a log.
    let begin: String = text.chars().take(80).collect();
    Error::BackendFailed(format!(
        "`arrayctl {verb}` answered what this driver cannot read: {begin:?}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_answers_are_read() {
        let volume = volume("size=2147483648\nused=5\nlabel=share-1-id\n").unwrap();
        assert_eq!((volume.size, volume.used, volume.label.as_str()), (2 << 30, 5, "share-1-id"));
        assert_eq!(space("total=10\nfree=4\n").unwrap(), Space { total: 10, free: 4 });
    }

    #[test]
    fn everything_else_is_an_error() {
        let whole = "size=2147483648\nused=5\nlabel=share-1-id\n";
        for end in 0..whole.len() {
            assert!(volume(whole.get(..end).unwrap()).is_err(), "the first {end} bytes");
        }
        for text in [
            "größe=1\nused=5\nlabel=a\n",
            "size=1,5\nused=5\nlabel=a\n",
            "size=1\nused=5\nlabel=a\nmore=1\n",
            "used=5\nsize=1\nlabel=a\n",
            "size=1\r\nused=5\r\nlabel=a\r\n",
        ] {
            assert!(volume(text).is_err(), "{text:?}");
        }
        for text in ["", "total=4\nfree=10\n", "total=-1\nfree=0\n", "total=1e9\nfree=0\n"] {
            assert!(space(text).is_err(), "{text:?}");
        }
    }
}
