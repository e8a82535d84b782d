//! What programs do on a stage, said in data: when these words come, change that of the simulated
//! storage, and print this. Read from TOML, or built in a test. Called by `command`.
//!
//! ```toml
//! [[command]]
//! when = ["mkvol", "--size", "{size}G", "{name}"]
//! does = [{ create-volume = { name = "{name}", size = "{size}G" } }]
//! on.exists = { exits = 17, stderr = "volume {name} is there already\n" }
//! ```

mod deeds;
mod words;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use self::words::{REST, filled, fits, in_columns};
use super::pool::Pool;
use super::storage::Storage;
use crate::contract::bindings::abaca::host::types::Error as HostError;
use crate::error::{Error, Result};
use crate::storage::read_text;
use crate::types::{AccessType, ShareProtocol};

/// The largest script, in bytes.
const SCRIPT_BYTES: u64 = 1 << 20;

/// What programs every stage has: `cp`, `df`, `du`, `truncate` and those that make file systems in
/// images.
const STANDARD: &str = include_str!("standard.toml");

/// A stage in data.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Script {
    /// What the operator sets.
    #[serde(default)]
    pub options: BTreeMap<String, toml::Value>,
    /// How large the simulated pool is, in GiB; 100 unless it is said.
    pub pool_gib: Option<u64>,
    /// What is there from the beginning, as deeds.
    #[serde(default)]
    pub before: Vec<Deed>,
    /// What clients do who write `{size}` bytes to the share `{share}`, as deeds. Unless it is said:
    /// they fill the volume of the share's name, or write into the directory that has it.
    #[serde(default)]
    pub client: Vec<Deed>,
    /// Whom the driver lets in, for those whose clients are not told by ordinary addresses or names:
    /// one or two, of one type.
    #[serde(default)]
    pub clients: Vec<Client>,
    /// The protocol of the shares that are asked for; the first that the driver names unless it is
    /// said.
    pub protocol: Option<ShareProtocol>,
    /// Checks of the conformance suite that the driver is known to fail, each with the reason.
    #[serde(default)]
    pub known: BTreeMap<String, String>,
    /// The programs; the first whose words fit is it.
    #[serde(default, rename = "command")]
    pub commands: Vec<Scripted>,
}

/// A client of a share, as an access rule names it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Client {
    /// The kind of name: `ip`, `user`, `cert` or `cephx`.
    #[serde(rename = "type")]
    pub access_type: AccessType,
    /// The name.
    pub to: String,
}

/// What one program does when it gets these words.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scripted {
    /// The program and its arguments: words with `{holes}`, and `...` for any more words. Programs
    /// that are joined by pipes are one line with `|` between them, or if no line has them so, a line
    /// each.
    pub when: Vec<String>,
    /// The remote where it is run, by `ssh`; unless it is said, it is a program of the host.
    pub remote: Option<String>,
    /// What it changes, in order, until one cannot be done.
    #[serde(default)]
    pub does: Vec<Deed>,
    /// Its standard output, with what the holes hold; `{bytes}`, `{list}` and `{value}` are what
    /// the deeds found, `{pool-size}` and `{pool-free}` always there, in bytes, and in GiB with
    /// `-gib` behind them.
    #[serde(default)]
    pub stdout: String,
    /// Whether the cells of its standard output, which tabs separate, stand beneath each other.
    #[serde(default)]
    pub columns: bool,
    /// Its standard error.
    #[serde(default)]
    pub stderr: String,
    /// Its exit code when everything could be done.
    #[serde(default)]
    pub exits: i32,
    /// How it ends when a deed cannot be done: by `exists`, `missing`, `full`, `busy`, `too-small` or
    /// `invalid`. Unless it is said: exit code 1, and what is wrong on standard error.
    #[serde(default)]
    pub on: BTreeMap<String, Complaint>,
}

/// How a program says that it could not.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Complaint {
    /// Its exit code.
    pub exits: i32,
    /// Its standard error.
    #[serde(default)]
    pub stderr: String,
}

/// A change of the simulated storage, or a look at it. A place is spelled as an argument is,
/// `shares:share-1`; a size is a number of bytes, or one with K, M, G or T behind it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(missing_docs, reason = "each case says it by its name; the words are the script's")]
pub enum Deed {
    MakeDirectory {
        at: String,
    },
    /// A file of zeros; one that is there is cut or lengthened.
    MakeFile {
        at: String,
        size: String,
    },
    /// The same of a file that must be there.
    ResizeFile {
        at: String,
        size: String,
    },
    /// Something must be there.
    Expect {
        at: String,
    },
    /// A file or a directory with all in it, to where nothing is.
    Copy {
        from: String,
        to: String,
    },
    Remove {
        at: String,
    },
    /// `{bytes}` is what it allocates, `{kib}` the same in KiB.
    Measure {
        at: String,
    },
    CreateVolume {
        name: String,
        size: String,
    },
    DeleteVolume {
        name: String,
    },
    ResizeVolume {
        name: String,
        size: String,
    },
    CreateSnapshot {
        volume: String,
        name: String,
    },
    DeleteSnapshot {
        volume: String,
        name: String,
    },
    CloneSnapshot {
        volume: String,
        snapshot: String,
        name: String,
    },
    /// So much is written to it, by its clients.
    FillVolume {
        name: String,
        size: String,
    },
    /// `{size}` and `{used}` are the volume's, in bytes.
    ShowVolume {
        name: String,
    },
    /// A line for each: `{name}`, `{size}` and `{used}` in it are the volume's, and so are its
    /// properties; one that is not set is empty. Of some, those whose names begin so.
    ListVolumes {
        each: String,
        #[serde(default)]
        beginning: String,
    },
    /// A line for each, oldest first: `{name}` in it is the snapshot's.
    ListSnapshots {
        volume: String,
        each: String,
    },
    /// The same of all volumes whose names begin so; `{volume}` is the volume's.
    ListAllSnapshots {
        each: String,
        #[serde(default)]
        beginning: String,
    },
    /// `{size}` and `{used}` are what its volume had then, in bytes.
    ShowSnapshot {
        volume: String,
        name: String,
    },
    /// What a volume held at a snapshot, with the snapshot, becomes the volume `name`: a new one, with
    /// all snapshots before it if `part` is `all`. If `part` is `changes`, it is one that is there, goes
    /// back to its snapshot `since`, and gets what came after that.
    Replicate {
        volume: String,
        snapshot: String,
        name: String,
        #[serde(default)]
        part: Part,
        #[serde(default)]
        since: String,
    },
    /// What a device holds is gone, and so is the device if nothing is mounted from it.
    RemoveDevice {
        name: String,
    },
    /// What one device holds is what another one does.
    CopyDevice {
        from: String,
        to: String,
    },
    /// What a device holds is no more than this.
    DeviceFits {
        name: String,
        size: String,
    },
    /// A property of a volume.
    Set {
        volume: String,
        key: String,
        value: String,
    },
    /// `{value}` is a property of a volume, empty where it is not set.
    /// The same by another name than `value`, for a program that shows several.
    Get {
        volume: String,
        key: String,
        #[serde(default = "value", rename = "as")]
        hole: String,
    },
}

/// What of a volume is replicated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// One snapshot.
    #[default]
    Alone,
    /// It and all before it.
    All,
    /// What came since another one.
    Changes,
}

/// Why a deed cannot be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Trouble {
    Exists(String),
    Missing(String),
    Full(String),
    Busy(String),
    TooSmall(String),
    Invalid(String),
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Printed {
    pub exits: i32,
    pub stdout: String,
    pub stderr: String,
}

type Holes = BTreeMap<String, String>;

fn value() -> String {
    "value".to_owned()
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// When the file cannot be read or is no script.
    pub fn load(file: impl AsRef<Path>) -> Result<Self> {
        let path = file.as_ref();
        Self::parse(&read_text(path, SCRIPT_BYTES)?, &path.display().to_string())
    }

    /// Reads one from text; `name` is what messages call it.
    ///
    /// # Errors
    /// When it is no script.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let script: Self = toml::from_str(text).map_err(|error| {
            // One line, with the number of that which is meant.
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count().saturating_add(1));
            let why = error.message().replace('\n', " ");
            Error::Mismatch(format!("{name}:{line} is no script of a stage: {why}"))
        })?;
        for scripted in &script.commands {
            scripted.check().map_err(|reason| Error::Mismatch(format!("{name}: {reason}")))?;
        }
        Ok(script)
    }

    /// What every stage has.
    ///
    /// # Errors
    /// Never, as long as the file in this crate is right.
    pub(super) fn standard() -> Result<Self> {
        Self::parse(STANDARD, "standard.toml")
    }

    /// Runs the program that these words are, of the host or of a remote, if the script has one.
    pub(super) fn run(
        &self,
        remote: Option<&str>,
        words: &[String],
        storage: &mut Storage,
        pool: &mut Pool,
    ) -> Option<Printed> {
        let there = |scripted: &&Scripted| scripted.remote.as_deref() == remote;
        let found = self.commands.iter().filter(there).find_map(|scripted| {
            let mut holes = Holes::new();
            fits(&scripted.when, words, &mut holes).then_some((scripted, holes))
        });
        let (scripted, mut holes) = found?;
        for deed in &scripted.does {
            if let Err(trouble) = deed.perform(&mut holes, storage, pool) {
                return Some(scripted.complaint(&trouble, &holes));
            }
        }
        holes.insert("pool-size".to_owned(), pool.size.to_string());
        holes.insert("pool-free".to_owned(), pool.free().to_string());
        holes.insert("pool-size-gib".to_owned(), gib(pool.size));
        holes.insert("pool-free-gib".to_owned(), gib(pool.free()));
        let stdout = filled(&scripted.stdout, &holes);
        Some(Printed {
            exits: scripted.exits,
            stdout: if scripted.columns { in_columns(&stdout) } else { stdout },
            stderr: filled(&scripted.stderr, &holes),
        })
    }
}

impl Scripted {
    /// # Errors
    /// For what could never be meant.
    fn check(&self) -> std::result::Result<(), String> {
        if self.when.first().is_none_or(|program| program == REST) {
            return Err("`when` begins with a program".to_owned());
        }
        let unknown = self.on.keys().find(|word| !Trouble::WORDS.contains(&word.as_str()));
        match unknown {
            Some(word) => Err(format!("`on.{word}` is none of {}", Trouble::WORDS.join(", "))),
            None => Ok(()),
        }
    }

    fn complaint(&self, trouble: &Trouble, holes: &Holes) -> Printed {
        let (word, text) = trouble.said();
        let program = self.when.first().map_or("", String::as_str);
        let (exits, stderr) = match self.on.get(word) {
            Some(Complaint { exits, stderr }) => (*exits, filled(stderr, holes)),
            None => (1, format!("{program}: {text}\n")),
        };
        Printed { exits, stdout: String::new(), stderr }
    }
}

impl Trouble {
    const WORDS: [&'static str; 6] = ["exists", "missing", "full", "busy", "too-small", "invalid"];

    pub(super) fn said(&self) -> (&'static str, &str) {
        match self {
            Self::Exists(text) => ("exists", text),
            Self::Missing(text) => ("missing", text),
            Self::Full(text) => ("full", text),
            Self::Busy(text) => ("busy", text),
            Self::TooSmall(text) => ("too-small", text),
            Self::Invalid(text) => ("invalid", text),
        }
    }
}

/// What a file system of the stage did not do.
impl From<HostError> for Trouble {
    fn from(error: HostError) -> Self {
        match error {
            HostError::NotFound(text) => Self::Missing(text),
            HostError::AlreadyExists(text) => Self::Exists(text),
            HostError::Busy(text) => Self::Busy(text),
            HostError::NoSpace(text) => Self::Full(text),
            other => Self::Invalid(format!("{other:?}")),
        }
    }
}

/// Bytes in GiB, with two digits.
fn gib(bytes: u64) -> String {
    let hundredths = u128::from(bytes).saturating_mul(100) >> 30;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_never_be_meant_is_refused() {
        for text in [
            "[[command]]\nwhen = []",
            "[[command]]\nwhen = [\"...\"]",
            "[[command]]\nwhen = [\"a\"]\non.never = { exits = 1 }",
            "[[command]]\nwhen = [\"a\"]\ndoes = [{ dance = {} }]",
            "[[command]]\nwhen = [\"a\"]\nanswer = \"x\"",
        ] {
            let error = Script::parse(text, "stage.toml").unwrap_err().to_string();
            assert!(error.starts_with("stage.toml"), "{error}");
        }
        Script::standard().unwrap();
    }
}
