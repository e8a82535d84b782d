//! What the backend's state knows of its audit's chain: where it stood last, and its anchors. So an
//! audit that is cut short, or deleted with its `audit.head`, is found out where there is no system
//! log. Asked by the writer, the keeper and `verify`.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::line::Link;
use crate::database::Database;
use crate::error::Result;

/// How many anchors are kept: a month of one every minute would be 43,000, and the system log has
/// those.
const ANCHORS_KEPT: i64 = 1_000;

/// Where a chain stood at some time, written down outside of the audit's files.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Anchor {
    /// Names the chain.
    pub chain: String,
    /// The last line then.
    pub link: Link,
    /// When, in seconds since the epoch; none where that is not known.
    pub time: Option<f64>,
    /// Who says so.
    pub source: AnchorSource,
}

/// Who knows an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnchorSource {
    /// The backend's state: the last line that it was told of.
    State,
    /// The backend's state, at a time when no system log took it.
    StateOnly,
    /// The backend's state, which says that the system log has it as well.
    StateAndSystemLog,
    /// The system log, as it was given to `verify`.
    SystemLog,
    /// `audit.head`, beside the audit's files.
    Head,
}

impl AnchorSource {
    /// The words of the table.
    const KEPT: [(&'static str, Self); 3] =
        [("head", Self::State), ("unlogged", Self::StateOnly), ("logged", Self::StateAndSystemLog)];

    fn word(self) -> &'static str {
        Self::KEPT.iter().find(|(_, source)| *source == self).map_or("head", |(word, _)| word)
    }

    fn of(word: &str) -> Self {
        Self::KEPT.iter().find(|(one, _)| *one == word).map_or(Self::State, |(_, source)| *source)
    }
}

impl std::fmt::Display for AnchorSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SystemLog => "the system log",
            Self::Head => "`audit.head`",
            Self::State | Self::StateOnly | Self::StateAndSystemLog => "the backend's state",
        })
    }
}

/// The table.
#[derive(Clone, Debug)]
pub(super) struct Kept(pub Database);

impl Kept {
    /// Writes down where a chain stands. What is only a head replaces the last one.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub(super) fn keep(&self, chain: &str, link: &Link, source: AnchorSource) -> Result<()> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seq = i64::try_from(link.seq).unwrap_or(i64::MAX);
        self.0.write_now(|transaction| {
            // Another process may have told of a later line.
            transaction
                .prepare_cached("DELETE FROM audit_anchors WHERE kind = 'head' AND seq <= ?1")?
                .execute([seq])?;
            transaction
                .prepare_cached("INSERT OR REPLACE INTO audit_anchors VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![seq, link.hash, chain, since.as_secs_f64(), source.word()])?;
            transaction
                .prepare_cached(
                    "DELETE FROM audit_anchors WHERE seq <= \
                     (SELECT seq FROM audit_anchors ORDER BY seq DESC LIMIT 1 OFFSET ?1)",
                )?
                .execute([ANCHORS_KEPT])?;
            Ok(())
        })
    }

    /// All that it knows, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) fn all(&self) -> Result<Vec<Anchor>> {
        self.0.write_now(|transaction| {
            let mut query = transaction
                .prepare("SELECT seq, hash, chain, time, kind FROM audit_anchors ORDER BY seq")?;
            let anchors = query.query_map([], |row| {
                let seq: i64 = row.get(0)?;
                Ok(Anchor {
                    link: Link { seq: u64::try_from(seq).unwrap_or_default(), hash: row.get(1)? },
                    chain: row.get(2)?,
                    time: Some(row.get(3)?),
                    source: AnchorSource::of(&row.get::<_, String>(4)?),
                })
            })?;
            anchors.collect()
        })
    }

    /// Who took the last anchor, if there was one: not what is only the last line that it knows.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) fn last_anchored(&self) -> Result<Option<AnchorSource>> {
        let sources = self.all()?.into_iter().map(|anchor| anchor.source);
        Ok(sources.filter(|source| *source != AnchorSource::State).next_back())
    }

    /// The last line that it knows.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) fn last(&self) -> Result<Option<Anchor>> {
        Ok(self.all()?.pop())
    }
}
