//! `abaca share-server list`: what is recorded and, if asked, the leases whose servers are not.
//! Only for the leases a backend is opened: one that cannot be is told beside the list, and
//! `abaca backend check` is what finds it at fault.

use abaca::ShareServerRecord;
use abaca::configuration::BackendEntry;
use abaca::network::Lease;
use serde_json::{Value, json};

use super::view::View;
use crate::answers;
use crate::failure::{Failure, Result};
use crate::found::Found;
use crate::output::{Output, notes, table};
use crate::service::Service;

/// The leases of one backend that no server has, or why that is not known.
struct Orphans<'a> {
    entry: &'a BackendEntry,
    leases: Result<Vec<Lease>>,
}

/// Lists the share servers of the backends that `--backend` covers.
///
/// # Errors
/// When records cannot be read, or standard output does not take the list.
pub async fn list(with_leases: bool, service: &Service, output: Output) -> Result<()> {
    let mut orphans = Vec::new();
    if with_leases {
        for entry in service.entries() {
            orphans.push(Orphans { entry, leases: orphaned(entry, service, output).await });
        }
    }
    let Found { all, unreadable } = service.all::<ShareServerRecord>().await;
    let views: Vec<_> = all.iter().map(View::new).collect();
    let more = with_leases.then(|| {
        let documents = orphans.iter().map(Orphans::document).collect();
        ("orphaned_leases", Value::Array(documents), orphans_text(&orphans))
    });
    answers::list_with::<ShareServerRecord, _>(&views, more, unreadable, output, || {
        let headers = ["id", "backend", "status", "share network", "addresses"];
        let notes = notes(views.iter().map(|view| (&view.id, &view.message)));
        table(headers, views.iter().map(View::row)) + &notes
    })
}

async fn orphaned(entry: &BackendEntry, service: &Service, output: Output) -> Result<Vec<Lease>> {
    let what = format!("opening {}", entry.name);
    let backend = output.wait(&what, Box::pin(service.backend(entry))).await?;
    Ok(backend.orphaned_leases().await?)
}

fn orphans_text(orphans: &[Orphans<'_>]) -> String {
    let of_one = |one: &Orphans<'_>| -> Vec<[String; 3]> {
        let leases = one.leases.as_deref().unwrap_or_default();
        let row = |lease: &Lease| {
            [one.entry.name.clone(), lease.server_id.clone(), lease.allocation.ip_address.clone()]
        };
        leases.iter().map(row).collect()
    };
    let rows: Vec<_> = orphans.iter().flat_map(of_one).collect();
    let leases = match rows.is_empty() {
        true => "no leases without a share server\n".to_owned(),
        false => {
            let next = "`abaca share-server release SERVER` ends the leases of a server\n";
            table(["backend", "leased to a server that is not recorded", "address"], rows) + next
        }
    };
    let unknown: Vec<_> = orphans.iter().map(|one| (&one.entry.name, one.why_unknown())).collect();
    format!("\n{leases}{}", notes(unknown.iter().map(|(name, why)| (*name, why))))
}

impl Orphans<'_> {
    fn why_unknown(&self) -> Option<String> {
        let failure = self.leases.as_ref().err()?;
        let name = &self.entry.name;
        Some(format!("its leases are not known: {failure}; `abaca backend check {name}` says more"))
    }

    fn document(&self) -> Value {
        json!({
            "backend": self.entry.name,
            "leases": self.leases.as_ref().ok(),
            "error": self.leases.as_ref().err().map(Failure::document),
        })
    }
}
