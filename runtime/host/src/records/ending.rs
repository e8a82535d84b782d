//! How the end of a call is written down: done, failed, or not known. Each in the transaction of
//! whoever finds it.

use rusqlite::{Transaction, params};

use super::change::{Change, apply, from_json};
use super::interrupted::interrupted;
use super::now;

/// Nobody can say how it ended.
pub(super) fn interrupt(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<()> {
    let method: String =
        transaction.query_row("SELECT method FROM calls WHERE id = ?1", [id], |row| row.get(0))?;
    fail(transaction, id, "interrupted", &interrupted(&method))
}

/// It ended with an error: what its beginning said for that case holds.
pub(super) fn fail(
    transaction: &Transaction<'_>,
    id: &str,
    outcome: &str,
    message: &str,
) -> rusqlite::Result<()> {
    let if_failed: String =
        transaction
            .query_row("SELECT if_failed FROM calls WHERE id = ?1", [id], |row| row.get(0))?;
    end(transaction, id, outcome, Some(message))?;
    apply(transaction, &from_json::<Vec<Change>>(&if_failed)?, Some(message))
}

/// It is no longer under way.
pub(super) fn end(
    transaction: &Transaction<'_>,
    id: &str,
    outcome: &str,
    message: Option<&str>,
) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE calls SET ended = ?2, outcome = ?3, message = ?4 WHERE id = ?1",
        params![id, now(), outcome, message],
    )?;
    transaction.execute("DELETE FROM busy WHERE call = ?1", [id])?;
    Ok(())
}
