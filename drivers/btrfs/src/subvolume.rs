//! Subvolumes: making them, removing them, and what btrfs says of one. Called by the
//! interfaces; limits are the business of `quota`.

use abaca_sdk::command::Command;
use abaca_sdk::{CommandFailure, Error, Path, Result};

use crate::{places, pools, quota};

/// What stands above the list of a subvolume's snapshots. From here to the quota group, lines
/// are names that a client may have chosen.
const SNAPSHOTS: &str = "Snapshot(s)";

/// What btrfs writes for nothing.
const NOTHING: &str = "-";

/// The beginning of the identifiers of quota groups that stand for one subvolume.
const LEVEL: &str = "0/";

/// What the kernel says of a directory that holds something; commands run with `LC_ALL=C`.
const NOT_EMPTY: &str = "Directory not empty";

/// What btrfs says of a subvolume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subvolume {
    /// Its number, which is never used again.
    pub id: u64,
    /// Its identifier.
    pub uuid: String,
    /// The identifier of the subvolume that it is a snapshot of.
    pub parent: Option<String>,
    /// Whether nobody can write to it.
    pub read_only: bool,
    /// How many bytes it may refer to; none is no limit.
    pub limit: Option<u64>,
    /// How many bytes it refers to, as of the last sync.
    pub used: u64,
    /// The identifier of what it was received from, in whichever file system that is.
    pub received: Option<String>,
    /// When it last changed, in commits of its file system, as of the last sync.
    pub generation: u64,
    /// When it was made, in the same.
    pub made: u64,
    /// How many snapshots of it there are.
    pub snapshots: usize,
}

impl Subvolume {
    /// What its content is known by in every file system: only what is read-only has one that
    /// holds.
    pub fn origin(&self) -> &str {
        self.received.as_deref().unwrap_or(&self.uuid)
    }
}

/// Makes an empty subvolume where nothing is.
pub fn create(place: &Path) -> Result<()> {
    btrfs(["subvolume", "create", "--"]).arg(place).output().map(drop)
}

/// Makes a writable snapshot where nothing is.
pub fn clone(source: &Path, place: &Path) -> Result<()> {
    btrfs(["subvolume", "snapshot", "--"]).arg(source).arg(place).output().map(drop)
}

/// Makes a read-only snapshot where nothing is. It is on the storage when this is back.
pub fn keep(source: &Path, place: &Path) -> Result<()> {
    btrfs(["subvolume", "snapshot", "-r", "--"]).arg(source).arg(place).output().map(drop)
}

/// Makes that nobody can write to a subvolume, or that everybody may again. Who has a file open for
/// writing goes on.
pub fn shut(place: &Path, shut: bool) -> Result<()> {
    let value = if shut { "true" } else { "false" };
    btrfs(["property", "set", "-t", "subvol", "--"])
        .arg(place)
        .args(["ro", value])
        .output()
        .map(drop)
}

/// Removes a subvolume with all that is in it; none there is success. It is gone from the
/// storage when this is back; its room comes free a little later.
///
/// Not by `--commit-after`: the program then waits for a commit that it only asks for, and where
/// others commit at the same time, the kernel may not do so before its next turn, in 30 seconds.
pub fn remove(place: &Path) -> Result<()> {
    if !places::is_there(place)? {
        return Ok(());
    }
    let removed = btrfs(["subvolume", "delete", "--"]).arg(place).output();
    removed.map_err(|error| match error {
        Error::CommandFailed(CommandFailure { stderr, .. }) if stderr.contains(NOT_EMPTY) => {
            Error::ShareIsBusy(format!(
                "`{place}` holds subvolumes that somebody has made in it; remove them first, by \
                 `btrfs subvolume delete`"
            ))
        }
        error => error,
    })?;
    quota::sync(pools::holding(place))
}

/// What btrfs says of the subvolume at a place.
pub fn show(place: &Path) -> Result<Subvolume> {
    let output = btrfs(["subvolume", "show", "--raw", "--"]).arg(place).output()?;
    parse(output.stdout_text()?).map_err(|reason| {
        Error::BackendFailed(format!("what `btrfs subvolume show` says of `{place}`: {reason}"))
    })
}

/// A command line of `btrfs` that begins so.
pub fn btrfs<const N: usize>(words: [&str; N]) -> Command {
    Command::new("btrfs").args(words)
}

/// Reads the answer of `btrfs subvolume show --raw`: the path, lines of a key and a value, names
/// of snapshots, and five lines of the quota group, which are always the last.
fn parse(text: &str) -> Result<Subvolume, String> {
    let lines: Vec<&str> = text.lines().collect();
    let quota = lines.iter().rev().take(5).rev().copied().collect::<Vec<_>>();
    let [group, limit, _, used, _] = quota.as_slice() else {
        return Err("it has too few lines".to_owned());
    };
    let facts: Vec<&str> =
        lines.iter().skip(1).copied().take_while(|line| field(line, SNAPSHOTS).is_none()).collect();
    let fact = |key: &str| {
        let value = facts.iter().find_map(|line| field(line, key));
        value.ok_or_else(|| format!("`{key}` is missing"))
    };
    let names = lines.iter().skip(1).skip_while(|line| field(line, SNAPSHOTS).is_none());
    let snapshots = names.count().saturating_sub(quota.len() + 1);
    let in_quota = |line: &str, key: &str| match field(line, key) {
        Some(value) => Ok(value.to_owned()),
        None => Err(format!(
            "`{key}` is not where it belongs; if quotas are off, turn them on by `btrfs quota \
             enable PATH`"
        )),
    };

    let id = number(fact("Subvolume ID")?)?;
    let group = in_quota(group, "Quota group")?;
    if group.strip_prefix(LEVEL).map(number) != Some(Ok(id)) {
        return Err(format!("its quota group is `{group}`, not `{LEVEL}{id}`"));
    }
    let limit = in_quota(limit, "Limit referenced")?;
    Ok(Subvolume {
        id,
        uuid: uuid(fact("UUID")?)?,
        parent: present(fact("Parent UUID")?).map(uuid).transpose()?,
        read_only: read_only(fact("Flags")?)?,
        limit: present(&limit).map(number).transpose()?,
        used: number(&in_quota(used, "Usage referenced")?)?,
        received: present(fact("Received UUID")?).map(uuid).transpose()?,
        generation: number(fact("Generation")?)?,
        made: number(fact("Gen at creation")?)?,
        snapshots,
    })
}

/// The value of a line that has this key.
fn field<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    let rest = line.strip_prefix('\t')?.trim_start_matches(' ');
    Some(rest.strip_prefix(key)?.strip_prefix(':')?.trim_matches(['\t', ' ']))
}

fn present(value: &str) -> Option<&str> {
    Some(value).filter(|value| *value != NOTHING)
}

fn number(text: &str) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits => Ok(number),
        _ => Err(format!("`{text}` is no number")),
    }
}

fn uuid(text: &str) -> Result<String, String> {
    let is_right = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
    };
    match text.len() == 36 && text.bytes().enumerate().all(is_right) {
        true => Ok(text.to_owned()),
        false => Err(format!("`{text}` is no UUID")),
    }
}

/// The one flag that there is.
fn read_only(flags: &str) -> Result<bool, String> {
    match flags {
        NOTHING => Ok(false),
        "readonly" => Ok(true),
        other => Err(format!("`{other}` is no flag that is known")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "d3a0eb16-7fba-214b-8514-1c3c6b832cdf";
    const PARENT: &str = "e8b8d2ca-03df-9f43-8e6e-0da9c2927887";

    fn text(parent: &str, flags: &str, snapshots: &str, quota: &str) -> String {
        format!(
            "shares/a\n\tName: \t\t\ta\n\tUUID: \t\t\t{UUID}\n\tParent UUID: \t\t{parent}\n\
             \tReceived UUID: \t\t-\n\tCreation time: \t\t2026-11-23 11:16:09 +0000\n\
             \tSubvolume ID: \t\t256\n\tGeneration: \t\t9\n\tGen at creation: \t7\n\tFlags: \t\t\t{flags}\n\
             \tSnapshot(s):\n{snapshots}{quota}"
        )
    }

    fn quota(group: &str, limit: &str, used: &str) -> String {
        format!(
            "\tQuota group:\t\t{group}\n\t  Limit referenced:\t{limit}\n\t  Limit exclusive:\t-\n\
             \t  Usage referenced:\t{used}\n\t  Usage exclusive:\t16384\n"
        )
    }

    #[test]
    fn what_btrfs_says_is_read() {
        let said = text("-", "-", "", &quota("0/256", "1073741824", "16384"));
        let expected = Subvolume {
            id: 256,
            uuid: UUID.into(),
            parent: None,
            read_only: false,
            limit: Some(1 << 30),
            used: 16384,
            received: None,
            generation: 9,
            made: 7,
            snapshots: 0,
        };
        assert_eq!(parse(&said), Ok(expected.clone()));
        let said = text(PARENT, "readonly", "\t\t\t\tshares/b\n", &quota("0/256", "-", "0"));
        let expected = Subvolume {
            parent: Some(PARENT.into()),
            read_only: true,
            limit: None,
            used: 0,
            snapshots: 1,
            ..expected
        };
        assert_eq!(parse(&said), Ok(expected));
    }

    #[test]
    fn names_that_clients_chose_are_not_taken_for_facts() {
        let forged = format!(
            "\t\t\t\tshares/a/x\n\tUUID: {PARENT}\n\tFlags: readonly\n{}\n",
            quota("0/300", "-", "0")
        );
        let said = parse(&text("-", "-", &forged, &quota("0/256", "5", "4"))).unwrap();
        assert_eq!((said.id, said.limit, said.used), (256, Some(5), 4));
        assert_eq!((said.uuid.as_str(), said.read_only), (UUID, false));
    }

    #[test]
    fn what_btrfs_never_says_is_refused() {
        let good = quota("0/256", "-", "1");
        for (said, why) in [
            (String::new(), "too few"),
            ("a\n".repeat(9), "missing"),
            (text("-", "-", "", ""), "quotas are off"),
            (text("-", "-", "", "\tQuota group:\t\tn/a\n"), "quotas are off"),
            (text("-", "-", "", &quota("0/257", "-", "1")), "0/257"),
            (text("-", "-", "", &quota("1/256", "-", "1")), "1/256"),
            (text("-", "-", "", &quota("0/256", "none", "1")), "`none`"),
            (text("-", "-", "", &quota("0/256", "-", "1.5GiB")), "1.5GiB"),
            (text("-", "-", "", &quota("0/256", "-", "+1")), "+1"),
            (text("?", "-", "", &good), "no UUID"),
            (text("-", "odd", "", &good), "odd"),
            (text("-", "-", "", &format!("{good}more\n")), "not where it belongs"),
        ] {
            let answer = parse(&said).unwrap_err();
            assert!(answer.contains(why), "{answer}: {said}");
        }
    }
}
