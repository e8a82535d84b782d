//! `abaca audit`: what drivers asked and what became of it, and whether that was changed since.
//! Neither drivers nor policies are needed, and nothing is written.

mod anchors;
mod filter;
mod follow;
mod text;
mod verify;

use std::collections::VecDeque;
use std::process::ExitCode;

use abaca::audit::{AuditLine, AuditLog, Entry};
use anyhow::Context;

pub use self::filter::Filter;
use crate::cli::AuditCommand;
use crate::failure::Result;
use crate::output::{self, Output, complain};
use crate::service::Service;

/// Does what was asked; answers the exit code.
///
/// # Errors
/// When an audit cannot be read.
pub async fn run(command: AuditCommand, service: &Service, output: Output) -> Result<ExitCode> {
    match command {
        AuditCommand::Tail { lines, follow, which } => {
            let filter = Filter::new(which, Vec::new());
            let ends = follow::tail(logs(service)?, filter.clone(), lines, output).await?;
            if follow {
                follow::follow(service, filter, ends, output).await?;
            }
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Show { seq, which } => {
            let filter = Filter::new(which, seq);
            let logs = logs(service)?;
            away(move || show(&logs, &filter, output)).await?;
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Verify { anchors } => verify::run(anchors, logs(service)?, output).await,
    }
}

/// The audits of the backends that `--backend` covers.
fn logs(service: &Service) -> Result<Vec<AuditLog>> {
    service.entries().map(|entry| Ok(service.audit(entry)?)).collect()
}

/// Reads files where no other work waits for it.
async fn away<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.context("reading the audit")?
}

/// Shows lines of one backend after the other's.
fn show(logs: &[AuditLog], filter: &Filter, output: Output) -> Result<()> {
    for log in logs {
        for file in log.files()? {
            let mut shown = Ok(());
            file.entries(0, |entry, _| {
                if let Some(line) = sound(entry, log.backend(), &file.name)
                    && filter.admits(&line)
                {
                    shown = tell(&line, output, text::whole);
                }
                shown.is_ok()
            })?;
            shown?;
        }
    }
    Ok(())
}

/// The last lines of one backend, and how far its files went.
fn last_of(
    log: &AuditLog,
    filter: &Filter,
    count: usize,
) -> Result<(VecDeque<AuditLine>, follow::End)> {
    let mut last = VecDeque::new();
    let files = log.files()?;
    let end = files.last().map_or_else(follow::End::default, |file| follow::End {
        file: file.number,
        offset: file.length,
    });
    // From the newest file backwards, until there are enough.
    for file in files.iter().rev() {
        let (mut of_file, room) = (VecDeque::new(), count.saturating_sub(last.len()));
        file.entries(0, |entry, _| {
            if let Some(line) = sound(entry, log.backend(), &file.name)
                && filter.admits(&line)
            {
                of_file.push_back(line);
                if of_file.len() > room {
                    of_file.pop_front();
                }
            }
            true
        })?;
        of_file.append(&mut last);
        last = of_file;
        if last.len() >= count {
            break;
        }
    }
    Ok((last, end))
}

/// The line, if it is as it was written; else people are told.
fn sound(entry: Entry, backend: &str, file: &str) -> Option<AuditLine> {
    match entry {
        Entry::Line(line) => Some(line),
        Entry::Unsound(line) => {
            complain(&format!(
                "warning: {backend}/{file}:{line} is not as it was written; `abaca audit verify` \
                 says more\n"
            ));
            None
        }
    }
}

/// Shows one line: as it was written, or as `text` says it.
fn tell(line: &AuditLine, output: Output, text: impl FnOnce(&AuditLine) -> String) -> Result<()> {
    if output.json {
        return output::write(format!("{}\n", output::escaped(line.text())).as_bytes());
    }
    output::write(text(line).as_bytes())
}
