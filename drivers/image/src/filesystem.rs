//! The two kinds of file systems, and what their tools do to an image that is not mounted. Called
//! by `image` and `resizing`.
//!
//! xfs has no such tools here: an image that was made longer, or was not unmounted, is set right
//! by mounting it, for the broker makes an xfs as large as its image. Its identifier stays that of
//! the share it was copied from, so each is mounted with `nouuid`.

use abaca_sdk::command::{self, Command};
use abaca_sdk::state::Entity;
use abaca_sdk::{CommandFailure, Error, GIB, OptionDeclaration, OptionType, Path, Result, config};

/// The option that says what new shares are.
const OPTION: &str = "image_filesystem";

/// The key under the identifier of a share or snapshot that says what it is.
const KEY: &str = "filesystem";

/// What resize2fs says when less is wanted than the file system holds.
const TOO_SMALL: &str = "smaller than minimum";

/// What e2fsck answers when it has set something right.
const CORRECTED: i32 = 1;

/// What is in an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filesystem {
    Ext4,
    Xfs,
}

impl Filesystem {
    const ALL: [Self; 2] = [Self::Ext4, Self::Xfs];

    /// What new shares are.
    pub fn configured() -> Result<Self> {
        let word = config::required_text(OPTION)?;
        Self::parse(&word).ok_or_else(|| {
            Error::BadConfiguration(format!("{OPTION} = `{word}` is neither `ext4` nor `xfs`"))
        })
    }

    /// What the share or snapshot of this identifier is; none if nothing was made of it.
    pub fn of(id: &str) -> Result<Option<Self>> {
        let Some(word) = Entity(id).get(KEY)? else { return Ok(None) };
        let known = Self::parse(&word).ok_or_else(|| {
            Error::Other(format!("the driver's state says `{word}` for the file system of {id}"))
        });
        known.map(Some)
    }

    /// Writes down what the share or snapshot of this identifier is.
    pub fn set(self, id: &str) -> Result<()> {
        Ok(Entity(id).set(KEY, self.name())?)
    }

    /// As mount(8) calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }

    /// What it is mounted with, beside what is forced.
    pub fn mount_options(self) -> &'static [&'static str] {
        match self {
            Self::Ext4 => &[],
            Self::Xfs => &["nouuid"],
        }
    }

    /// Makes an empty one that takes the whole image; nothing is kept back for root.
    pub fn make(self, image: &Path) -> Result<()> {
        let command = match self {
            Self::Ext4 => Command::new("mkfs.ext4").args(["-q", "-m", "0", "--"]),
            Self::Xfs => Command::new("mkfs.xfs").args(["-q", "--"]),
        };
        command.arg(image).output().map(drop)
    }

    /// Replays the journal of a copy and sets right what a power cut leaves.
    pub fn mend(self, image: &Path) -> Result<()> {
        match self {
            Self::Ext4 => {
                let command = Command::new("e2fsck").args(["-f", "-y", "--"]).arg(image);
                command.allow(CORRECTED).output().map(drop)
            }
            // By mounting it.
            Self::Xfs => Ok(()),
        }
    }

    /// Gives a mended copy an identifier of its own.
    pub fn rename(self, image: &Path) -> Result<()> {
        match self {
            Self::Ext4 => {
                command::run("tune2fs", ["-U", "random", "--", &image.to_string()]).map(drop)
            }
            Self::Xfs => Ok(()),
        }
    }

    /// Makes a mended one as large as its image, which has become longer.
    pub fn grow(self, image: &Path) -> Result<()> {
        match self {
            Self::Ext4 => command::run("resize2fs", ["--", &image.to_string()]).map(drop),
            // By mounting it.
            Self::Xfs => Ok(()),
        }
    }

    /// Makes a mended one as small as so many GiB; its image is as long as before.
    pub fn shrink(self, image: &Path, size: u64) -> Result<()> {
        self.check_shrinks()?;
        let kib = format!("{}K", size.saturating_mul(GIB >> 10));
        match command::run("resize2fs", ["--", &image.to_string(), &kib]) {
            Err(Error::CommandFailed(CommandFailure { stderr, .. }))
                if stderr.contains(TOO_SMALL) =>
            {
                Err(Error::ShareShrinkingPossibleDataLoss(format!(
                    "what the share holds, with what its file system needs, does not fit into \
                     {size} GiB"
                )))
            }
            ended => ended.map(drop),
        }
    }

    /// Refuses what cannot become smaller.
    pub fn check_shrinks(self) -> Result<()> {
        match self {
            Self::Ext4 => Ok(()),
            Self::Xfs => Err(Error::Unsupported(
                "the share is an xfs, which cannot shrink; copy what is in it into a smaller share"
                    .to_owned(),
            )),
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == word)
    }
}

/// The option's declaration.
pub fn declaration() -> OptionDeclaration {
    OptionDeclaration::new(
        OPTION,
        OptionType::Text,
        "The file system of new shares: ext4, or xfs, which cannot shrink. Shares that are there \
         keep theirs.",
    )
    .or(Filesystem::Ext4.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_is_one_of_two() {
        for one in Filesystem::ALL {
            assert_eq!(Filesystem::parse(one.name()), Some(one));
        }
        for wrong in ["", "EXT4", "ext3", "btrfs"] {
            assert_eq!(Filesystem::parse(wrong), None);
        }
    }

    #[test]
    fn only_ext4_shrinks() {
        assert!(Filesystem::Ext4.check_shrinks().is_ok());
        assert!(matches!(Filesystem::Xfs.check_shrinks(), Err(Error::Unsupported(_))));
    }
}
