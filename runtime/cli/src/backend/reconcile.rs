//! `abaca backend reconcile`: what does not fit between the records and the storage, each thing by its
//! name and with what to do. The library compares; with `--ensure` the driver is asked as well.

use abaca::configuration::BackendEntry;
use abaca::types::ShareStatus;
use abaca::{Backend, OwnedRecord, Reconciliation};
use serde_json::{Value, json};

use crate::failure::{Failure, Result};
use crate::output::{Output, plain, table};
use crate::service::Service;

/// What was found in one backend.
struct Found {
    name: String,
    outcome: Result<Reconciliation>,
    /// Shares that are recorded as available and that the driver cannot serve, and why.
    unserved: Vec<(String, Failure)>,
}

/// Compares, and shows what was found.
///
/// # Errors
/// When a backend cannot be looked at, or something does not fit.
pub(super) async fn reconcile(
    entries: Vec<&BackendEntry>,
    ensure: bool,
    service: &Service,
    output: Output,
) -> Result<()> {
    let mut all = Vec::new();
    for entry in entries {
        let name = entry.name.clone();
        let looking = Box::pin(look(entry, ensure, service));
        all.push(match output.wait(&format!("looking at {name}"), looking).await {
            Ok((found, unserved)) => Found { name, outcome: Ok(found), unserved },
            Err(failure) => Found { name, outcome: Err(failure), unserved: Vec::new() },
        });
    }
    let document: Vec<_> = all.iter().map(Found::document).collect();
    output.answer(&json!({ "backends": document }), || {
        all.iter().map(Found::text).collect::<Vec<_>>().join("\n")
    })?;
    let count = all.iter().map(Found::count).sum::<usize>();
    let broken = all.into_iter().find_map(|one| one.outcome.err());
    match (broken, count) {
        (Some(failure), _) => Err(failure),
        (None, 0) => Ok(()),
        (None, _) => Err(Failure::refused(
            format!("what is recorded and what is there do not fit in {count} places"),
            "each is listed with what to do about it",
        )),
    }
}

async fn look(
    entry: &BackendEntry,
    ensure: bool,
    service: &Service,
) -> Result<(Reconciliation, Vec<(String, Failure)>)> {
    let backend = service.backend(entry).await?;
    // First, for what it repairs is no finding.
    let unserved = match ensure {
        true => ensure_all(&backend).await?,
        false => Vec::new(),
    };
    Ok((backend.reconcile().await?, unserved))
}

/// Asks the driver for each share that is recorded as available.
async fn ensure_all(backend: &Backend) -> Result<Vec<(String, Failure)>> {
    let mut unserved = Vec::new();
    let servers = backend.records().share_servers().await?;
    for one in backend.records().shares().await? {
        if one.share.status != ShareStatus::Available {
            continue;
        }
        let of_share = |id: &String| servers.iter().find(|one| one.share_server.id == *id);
        let server = one.share.share_server_id.as_ref().and_then(of_share);
        let server = server.map(|one| &one.share_server);
        if let Err(error) = backend.ensure_share(&one.share, server).await {
            unserved.push((one.share.id, error.into()));
        }
    }
    Ok(unserved)
}

impl Found {
    /// How many things do not fit.
    fn count(&self) -> usize {
        let found = self.outcome.as_ref().map_or(0, |found| {
            [&found.left_over, &found.missing, &found.unclear].map(Vec::len).iter().sum::<usize>()
                + found.unfinished.len()
        });
        found + self.unserved.len()
    }

    fn document(&self) -> Value {
        let unserved = self.unserved.iter();
        let unserved = unserved.map(|(id, why)| json!({ "id": id, "error": why.document() }));
        json!({
            "name": self.name,
            "found": self.outcome.as_ref().ok(),
            "unserved": unserved.collect::<Vec<_>>(),
            "error": self.outcome.as_ref().err().map(Failure::document),
        })
    }

    fn text(&self) -> String {
        let found = match &self.outcome {
            Ok(found) => found,
            Err(failure) => {
                return format!("backend {}: {}\n", self.name, plain(&failure.to_string()));
            }
        };
        let mut rows = Vec::new();
        for one in &found.unfinished {
            let name = one.name.as_deref().unwrap_or(&one.id);
            let message = one.message.as_deref().unwrap_or("look at its backend");
            let what = format!("{} {}", one.kind, plain(name));
            rows.push([what, one.status.clone(), plain(message)]);
        }
        let mut things = |list: &[OwnedRecord], status: &str, advice: &str| {
            for one in list {
                let what = format!("{} {}", plain(&one.container), plain(&one.name));
                rows.push([what, status.to_owned(), advice.to_owned()]);
            }
        };
        things(
            &found.left_over,
            "left over",
            "of nothing that is recorded: remove it by hand, then \
            `abaca owned remove`",
        );
        things(
            &found.missing,
            "missing",
            "it is gone: `abaca backend reconcile --ensure` makes it again where it is a share's; \
             else `abaca owned remove`",
        );
        things(&found.unclear, "unclear", "look yourself, then `abaca owned add` or `remove`");
        for (id, why) in &self.unserved {
            let what = format!("share {}", plain(id));
            rows.push([what, "not served".to_owned(), plain(&why.to_string())]);
        }
        let shared: Vec<_> =
            found.shared.iter().map(|one| format!("{} {}", one.container, one.name)).collect();
        let note = match shared.is_empty() {
            true => String::new(),
            false => format!("of no share by their names: {}\n", plain(&shared.join(", "))),
        };
        match rows.is_empty() {
            true => format!(
                "backend {}: what is recorded is there, and nothing else\n{note}",
                self.name
            ),
            false => {
                format!("backend {}\n{}{note}", self.name, table(["what", "is", "to do"], rows))
            }
        }
    }
}
