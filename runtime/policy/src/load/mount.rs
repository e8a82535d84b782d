//! Reads `[[mount]]`.
//!
//! One rule at a time: whether two rules share a place is for `check`.

use crate::error::Flaw;
use crate::grant::Leaf;
use crate::load::fields::{
    Fields, Place, Value, boolean, explanation, identifier, literal_set, table,
};
use crate::load::scope::Scope;
use crate::matcher::Matcher;
use crate::matcher::dataset::Dataset;
use crate::matcher::device::Device;
use crate::matcher::path::PathMatcher;
use crate::mount::{BIND, MountRule, Source};
use crate::mount_options::MountOptions;

const KEYS: [&str; 10] = [
    "id",
    "source",
    "place",
    "filesystem",
    "options",
    "suid",
    "dev",
    "again",
    "root-equivalent",
    "reason",
];

/// The kinds of sources.
const SOURCES: [&str; 4] = ["path", "device", "dataset", "remote"];

/// File systems that live on a block device, all of it theirs. What is mounted with more than
/// one device, or with a helper program, is not among them.
const ON_DEVICES: [&str; 12] = [
    "btrfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "iso9660", "squashfs", "udf",
    "vfat", "xfs",
];

/// File systems of storage pools, which are mounted by their names there.
const ON_DATASETS: [&str; 1] = ["zfs"];

/// File systems of other machines that the kernel mounts by itself.
const ON_REMOTES: [&str; 2] = ["nfs", "nfs4"];

/// A rule with what the checks need.
pub(crate) struct Loaded {
    pub(crate) rule: MountRule,
    pub(crate) id_place: Place,
}

pub(crate) fn load(value: &Value<'_>, scope: &Scope) -> Result<Loaded, Flaw> {
    let fields = Fields::new(value, "a mount rule", &KEYS)?;
    let id = fields.require("id")?;
    let asked = fields.require("source")?;
    let source = load_source(asked, scope)?;
    let yes = |key: &str| fields.get(key).map_or(Ok(false), |v| boolean(v, &format!("`{key}`")));
    let why = |key: &str| fields.get(key).map(|v| explanation(v, &format!("`{key}`"))).transpose();
    let root_equivalent = why("root-equivalent")?;
    if source.is_parsed() && root_equivalent.is_none() {
        return Err(Flaw::new(
            asked.span(),
            "the kernel would parse what a driver may have written: a fault in its file system \
             would be as good as root",
        )
        .help("mount a directory instead; or, if it must be, add `root-equivalent = \"why\"`"));
    }
    let again = yes("again")?;
    if again
        && !source.is_parsed()
        && let Some(word) = fields.get("again")
    {
        return Err(Flaw::new(
            word.span(),
            "only an image or a device can be mounted elsewhere already",
        )
        .help("leave out `again`"));
    }
    let bind = matches!(&source, Source::Path(path) if path.leaf() == Leaf::Dir);
    let rule = MountRule {
        id: identifier(id, "an id")?.to_owned(),
        filesystems: load_filesystems(fields.require("filesystem")?, &source, bind)?,
        source,
        place: PathMatcher::load_place(fields.require("place")?, scope)?,
        options: match fields.get("options") {
            Some(options) => MountOptions::load(options, bind)?,
            None => MountOptions::default(),
        },
        suid: yes("suid")?,
        dev: yes("dev")?,
        again,
        root_equivalent,
        reason: why("reason")?,
    };
    Ok(Loaded { rule, id_place: id.span() })
}

fn load_source(value: &Value<'_>, scope: &Scope) -> Result<Source, Flaw> {
    let fields = Fields::new(value, "`source`", &SOURCES)?;
    if table(value, "`source`")?.len() > 1 {
        return Err(Flaw::new(value.span(), "`source` names more than one kind of source")
            .help("write a rule for each"));
    }
    if let Some(path) = fields.get("path") {
        return PathMatcher::load_source(path, scope).map(Source::Path);
    }
    if let Some(device) = fields.get("device") {
        let matcher = Device::load(device, scope)?;
        if !matcher.is_path() {
            return Err(Flaw::new(device.span(), "a device is mounted by its path")
                .help("write pass = \"dev\" or pass = \"mapper\""));
        }
        if matcher.owner().is_some() {
            return Err(Flaw::new(device.span(), "nobody asks whose a mounted device is")
                .help("leave out `owner`; name the devices with a type of their own"));
        }
        return Ok(Source::Device(matcher));
    }
    if let Some(dataset) = fields.get("dataset") {
        let matcher = Dataset::load(dataset, scope)?;
        if matcher.is_snapshot() || matcher.owner().is_some() {
            return Err(Flaw::new(
                dataset.span(),
                "a mounted dataset is no snapshot, and nobody asks whose it is",
            )
            .help("leave out `snapshot` and `owner`"));
        }
        return Ok(Source::Dataset(matcher));
    }
    let remote = fields.get("remote").ok_or_else(|| {
        Flaw::new(value.span(), "`source` names nothing")
            .help(format!("write one of: {}", SOURCES.join(", ")))
    })?;
    let matcher = Matcher::load(remote, scope, &scope.root_names())?;
    if !matcher.is_plain() {
        return Err(Flaw::new(
            remote.span(),
            "a remote's name holds no path beneath a root, no secret and no owner",
        )
        .help("write texts, names, addresses; a directory here is `source = { path = … }`"));
    }
    Ok(Source::Remote(matcher))
}

fn load_filesystems(value: &Value<'_>, source: &Source, bind: bool) -> Result<Vec<String>, Flaw> {
    let known: &[&str] = match source {
        _ if bind => &[BIND],
        Source::Path(_) | Source::Device(_) => &ON_DEVICES,
        Source::Dataset(_) => &ON_DATASETS,
        Source::Remote(_) => &ON_REMOTES,
    };
    let types = literal_set(value, "`filesystem`")?;
    if let Some(unknown) = types.iter().find(|one| !known.contains(&one.as_str())) {
        let what = "file system for this kind of source:";
        return Err(Flaw::unknown(value.span(), what, unknown, known.iter().copied()));
    }
    if types.is_empty() {
        return Err(Flaw::new(value.span(), "`filesystem` names no type")
            .help(format!("allowed: {}", known.join(", "))));
    }
    Ok(types)
}
