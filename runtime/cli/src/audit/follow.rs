//! `abaca audit tail`: the last lines, and those that come. The files are looked at again and
//! again: whoever writes them tells nobody.

use std::collections::HashMap;
use std::time::Duration;

use abaca::audit::AuditLog;

use super::filter::{Filter, time};
use super::{away, last_of, logs, sound, tell, text};
use crate::failure::Result;
use crate::output::Output;
use crate::service::Service;

/// Between two looks: soon enough for eyes.
const AGAIN: Duration = Duration::from_millis(200);

/// How far the files of one backend went.
#[derive(Clone, Copy, Debug, Default)]
pub struct End {
    /// The number of the last file.
    pub file: u64,
    /// Its size.
    pub offset: u64,
}

/// How far each backend's went.
pub type Ends = HashMap<String, End>;

/// Shows the last lines of all together, by their time.
///
/// # Errors
/// When one cannot be read.
pub async fn tail(
    logs: Vec<AuditLog>,
    filter: Filter,
    count: usize,
    output: Output,
) -> Result<Ends> {
    away(move || {
        let (mut all, mut ends) = (Vec::new(), Ends::new());
        for log in &logs {
            let (last, end) = last_of(log, &filter, count)?;
            all.extend(last);
            ends.insert(log.backend().to_owned(), end);
        }
        // Those of one backend stay in their order.
        all.sort_by(|one, other| time(one).total_cmp(&time(other)));
        for line in all.iter().skip(all.len().saturating_sub(count)) {
            tell(line, output, text::row)?;
        }
        Ok(ends)
    })
    .await
}

/// Shows what comes, until somebody interrupts it.
///
/// # Errors
/// When an audit cannot be read.
pub async fn follow(
    service: &Service,
    filter: Filter,
    mut ends: Ends,
    output: Output,
) -> Result<()> {
    loop {
        tokio::time::sleep(AGAIN).await;
        let (logs, filter) = (logs(service)?, filter.clone());
        ends = away(move || {
            for log in &logs {
                let end = ends.entry(log.backend().to_owned()).or_default();
                *end = go_on(log, *end, &filter, output)?;
            }
            Ok(ends)
        })
        .await?;
    }
}

/// Shows what one has after an end, and answers the new one.
fn go_on(log: &AuditLog, end: End, filter: &Filter, output: Output) -> Result<End> {
    let mut last = end;
    for file in log.files()? {
        if file.number < end.file {
            continue;
        }
        let from = if file.number == end.file { end.offset } else { 0 };
        // One that was shortened goes on where it ends now.
        last = End { file: file.number, offset: from.min(file.length) };
        let (offset, mut shown) = (&mut last.offset, Ok(()));
        file.entries(*offset, |entry, next| {
            *offset = next;
            if let Some(line) = sound(entry, log.backend(), &file.name)
                && filter.admits(&line)
            {
                shown = tell(&line, output, text::row);
            }
            shown.is_ok()
        })?;
        shown?;
    }
    Ok(last)
}
