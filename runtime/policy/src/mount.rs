//! One `[[mount]]` rule: what may be mounted where, as what, with which options.
//!
//! A place belongs to one rule, so that whoever finds a mount there knows which rule to hold it
//! against. Pure: whether the source exists, and what stands at the place, is the broker's to
//! find out. Made by `load::mount`, asked by `Policy`.

use std::collections::BTreeSet;
use std::fmt;

use crate::aspect::Aspects;
use crate::grant::{Argument, GrantedSource, Leaf, MountGrant};
use crate::guest_path::GuestPath;
use crate::matcher::Matcher;
use crate::matcher::dataset::Dataset;
use crate::matcher::device::Device;
use crate::matcher::path::PathMatcher;
use crate::mount_options::MountOptions;
use crate::text::shown;

/// What a directory is mounted as, of which nothing is parsed.
pub(crate) const BIND: &str = "bind";

/// What no set-user-id program works on.
pub(crate) const NOSUID: &str = "nosuid";

/// What no device node works on.
pub(crate) const NODEV: &str = "nodev";

/// What a guest asks to mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSource {
    /// An image file, or a directory.
    Path(GuestPath),
    /// A volume, `GROUP/VOLUME`, or a dataset, `PARENT/NAME`.
    Device(String),
    /// An export of another machine.
    Remote(String),
}

/// The spelling that `abaca policy explain` reads.
impl fmt::Display for MountSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MountSource::Path(path) => path.fmt(f),
            MountSource::Device(text) | MountSource::Remote(text) => f.write_str(text),
        }
    }
}

/// The sources that a rule grants.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A file or a directory, by the matcher's leaf.
    Path(PathMatcher),
    Device(Device),
    /// A file system of a storage pool, which the kernel has open already.
    Dataset(Dataset),
    /// A matcher whose words hold no path.
    Remote(Matcher),
}

/// One kind of mount that may be made, and unmade. Its `Display` is
/// `<images/NAME:image file> at <shares/NAME:share dir> as ext4 with nodev,nosuid,[ro]`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MountRule {
    /// Its name in audits and refusals.
    pub id: String,
    pub(crate) source: Source,
    pub(crate) place: PathMatcher,
    /// The types of file systems; `bind` for a directory.
    pub filesystems: Vec<String>,
    pub(crate) options: MountOptions,
    /// Whether set-user-id programs work there. Else `nosuid` is forced.
    pub suid: bool,
    /// Whether device nodes work there. Else `nodev` is forced.
    pub dev: bool,
    /// Whether an image or a device that is mounted elsewhere, as in another namespace of mounts,
    /// is mounted once more, as the same file system. Else that is refused as busy.
    pub again: bool,
    /// Why the operator lets the kernel parse what a driver may have written.
    pub root_equivalent: Option<String>,
    /// What it is needed for.
    pub reason: Option<String>,
}

/// What of a request does not fit a rule.
pub(crate) struct MountMisfit {
    /// The word: 0 the source, 1 the place, 2 the file system, 3 the options.
    pub(crate) at: usize,
    pub(crate) expected: String,
    pub(crate) got: String,
}

impl MountRule {
    /// True if this is a place of the rule: these components, ordinary names, beneath this root.
    pub fn holds(&self, root: &str, components: &[String]) -> bool {
        self.place.fits(root, components)
    }

    /// The root beneath which its places are.
    pub fn place_root(&self) -> &str {
        self.place.root()
    }

    /// True if it mounts something beneath this root, or shows elsewhere what is beneath it.
    pub(crate) fn touches(&self, root: &str) -> bool {
        let shown = matches!(&self.source, Source::Path(path) if path.root() == root);
        shown || self.place_root() == root
    }

    /// True if a place of one is a place of the other's, or lies beneath one.
    pub(crate) fn overlaps(&self, other: &MountRule) -> bool {
        self.place.intersects(&other.place)
            || self.place.may_hold(&other.place)
            || other.place.may_hold(&self.place)
    }

    /// The options that every mount of this rule has, whatever is asked.
    pub fn forced(&self) -> impl Iterator<Item = &'static str> {
        let nodev = (!self.dev).then_some(NODEV);
        nodev.into_iter().chain((!self.suid).then_some(NOSUID))
    }

    /// Accepts or refuses a request whose place may be any. The words are checked already.
    pub(crate) fn judge(
        &self,
        source: &MountSource,
        place: &GuestPath,
        filesystem: &str,
        options: &[String],
    ) -> Result<MountGrant<'_>, MountMisfit> {
        let misfit =
            |at, expected: String, got: &str| MountMisfit { at, expected, got: shown(got) };
        let granted = self
            .source
            .read(source)
            .ok_or_else(|| misfit(0, self.source.to_string(), &source.to_string()))?;
        if !self.holds(&place.root, &place.components) {
            return Err(misfit(1, self.place.to_string(), &place.to_string()));
        }
        if !self.filesystems.iter().any(|known| known == filesystem) {
            return Err(misfit(2, self.filesystems.join("|"), filesystem));
        }
        let chosen = self
            .options
            .choose(options)
            .map_err(|expected| misfit(3, expected, &options.join(",")))?;
        let options: BTreeSet<String> = self.forced().map(str::to_owned).chain(chosen).collect();
        Ok(MountGrant {
            rule: self,
            source: granted,
            place: place.clone(),
            filesystem: filesystem.to_owned(),
            options: options.into_iter().collect(),
        })
    }

    /// What a word means as a source of this rule.
    pub(crate) fn spelled(&self, word: &str) -> MountSource {
        match &self.source {
            Source::Path(_) => GuestPath::parse_argument(word)
                .map_or_else(|_| MountSource::Remote(word.to_owned()), MountSource::Path),
            Source::Device(_) | Source::Dataset(_) => MountSource::Device(word.to_owned()),
            Source::Remote(_) => MountSource::Remote(word.to_owned()),
        }
    }

    /// True if whatever `other` grants is granted here, with the same effect or, where `other`
    /// forces more options, with that and more. Roots are compared by name, as in [`CommandRule::covers`](crate::CommandRule::covers).
    pub fn covers(&self, other: &MountRule) -> bool {
        self.source.covers(&other.source)
            && self.place.covers(&other.place)
            && other.filesystems.iter().all(|one| self.filesystems.contains(one))
            && self.options.covers(&other.options)
            && (self.suid || !other.suid)
            && (self.dev || !other.dev)
            && (self.again || !other.again)
    }
}

impl Source {
    fn read(&self, source: &MountSource) -> Option<GrantedSource> {
        match (self, source) {
            (Source::Path(matcher), MountSource::Path(path)) => matcher
                .fits(&path.root, &path.components)
                .then(|| GrantedSource::Path { path: path.clone(), leaf: matcher.leaf() }),
            (Source::Device(device), MountSource::Device(word)) => {
                device.read(word)?.argument.into_text().map(GrantedSource::Device)
            }
            (Source::Dataset(dataset), MountSource::Device(word)) => {
                dataset.read(word)?.argument.into_text().map(GrantedSource::Dataset)
            }
            (Source::Remote(matcher), MountSource::Remote(word)) => {
                matcher.read(word)?.argument.into_text().map(GrantedSource::Remote)
            }
            _ => None,
        }
    }

    pub(crate) fn covers(&self, other: &Source) -> bool {
        match (self, other) {
            (Source::Path(a), Source::Path(b)) => a.covers(b),
            (Source::Device(a), Source::Device(b)) => a.covers(b),
            (Source::Dataset(a), Source::Dataset(b)) => a.covers(b),
            (Source::Remote(a), Source::Remote(b)) => a.covers(b),
            _ => false,
        }
    }

    pub(crate) fn aspects(&self) -> Aspects {
        match self {
            Source::Path(path) => path.aspects(),
            Source::Device(device) => device.aspects(),
            Source::Dataset(dataset) => dataset.aspects(),
            Source::Remote(matcher) => matcher.aspects(),
        }
    }

    /// True if the kernel would parse bytes of it as a file system that a driver may have written.
    pub(crate) fn is_parsed(&self) -> bool {
        match self {
            Source::Path(path) => path.leaf() == Leaf::File,
            Source::Device(_) => true,
            Source::Dataset(_) | Source::Remote(_) => false,
        }
    }
}

impl Argument {
    fn into_text(self) -> Option<String> {
        match self {
            Argument::Text(text) => Some(text),
            Argument::Path(_) | Argument::Secret(_) | Argument::Joined(_) => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Path(path) => path.fmt(f),
            Source::Device(device) => device.fmt(f),
            Source::Dataset(dataset) => dataset.fmt(f),
            Source::Remote(matcher) => matcher.fmt(f),
        }
    }
}

impl fmt::Display for MountRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types = self.filesystems.join("|");
        write!(f, "{} at {} as {types}", self.source, self.place)?;
        let forced = self.forced().map(str::to_owned);
        let words: Vec<_> = forced.chain(self.options.words_shown()).collect();
        if !words.is_empty() {
            write!(f, " with {}", words.join(","))?;
        }
        if self.again { f.write_str(" again") } else { Ok(()) }
    }
}
