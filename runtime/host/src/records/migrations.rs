//! Where shares are going: what a service needs to go on with a migration after a restart. Written
//! by the calls of `backend/migration.rs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Records;
use super::change::{Change, apply, rows};
use crate::error::Result;
use crate::types::MigrationDestination;

/// How far a migration is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MigrationPhase {
    /// The first phase is under way, or was cut short. Upstream: `migration_driver_in_progress`.
    InProgress,
    /// The first phase is done: the driver said that it has moved the share, or that all of it is
    /// there. Upstream: `migration_driver_phase1_done`.
    #[default]
    Phase1Done,
}

/// Where a share is going, or has gone: recorded from the beginning of its migration until it is
/// given up, ends in this back end, or [`Backend::forget_share`](crate::Backend::forget_share).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MigrationRecord {
    /// The share's instance.
    pub share_instance_id: String,
    /// How far it is.
    #[serde(default)]
    pub phase: MigrationPhase,
    /// Where to.
    pub destination: MigrationDestination,
    /// What the driver there said to the driver here.
    #[serde(with = "crate::types::pairs")]
    #[schemars(with = "crate::types::Pairs")]
    pub driver_info: Vec<(String, String)>,
}

impl Records {
    /// Writes down that the first phase of a share's migration is done; nothing where it is not going
    /// anywhere.
    pub(crate) async fn first_phase_is_done(&self, share_instance_id: &str) -> Result<()> {
        let done =
            [Change::MigrationPhase(share_instance_id.to_owned(), MigrationPhase::Phase1Done)];
        self.database.write(move |transaction| apply(transaction, &done, None)).await
    }

    /// All shares that are going or have gone elsewhere, in the order in which they began to.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn migrations(&self) -> Result<Vec<MigrationRecord>> {
        self.settle().await?;
        let query = "SELECT record, NULL FROM migrations ORDER BY rowid";
        let found = self.database.write(move |transaction| rows(transaction, query, [])).await?;
        Ok(found.into_iter().map(|(migration, _)| migration).collect())
    }
}
