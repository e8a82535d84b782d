//! Where shares are going: what a service needs to go on with a migration after a restart. Written
//! by the calls of `backend/migration.rs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Records;
use super::change::rows;
use crate::error::Result;
use crate::types::MigrationDestination;

/// Where a share is going, or has gone: recorded from the beginning of its migration until it is
/// given up, ends in this back end, or [`Backend::forget_share`](crate::Backend::forget_share).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MigrationRecord {
    /// The share's instance.
    pub share_instance_id: String,
    /// Where to.
    pub destination: MigrationDestination,
    /// What the driver there said to the driver here.
    #[serde(with = "crate::types::pairs")]
    #[schemars(with = "crate::types::Pairs")]
    pub driver_info: Vec<(String, String)>,
}

impl Records {
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
