//! `abaca backend list`: the configured backends, what runs of each, whether they are called, and, if
//! asked, the locks that their calls hold now. Only for the locks a backend is opened: one that cannot be is told
//! beside the others, and `abaca backend check` is what finds it at fault.

use abaca::configuration::BackendEntry;
use abaca::quarantine::Standing;
use abaca::{HeldLock, Versions};
use serde_json::{Value, json};

use super::conduct::{cells, note};
use crate::failure::{Failure, Result};
use crate::output::{Output, notes, table};
use crate::service::Service;

/// What is shown of one backend.
struct Listed<'a> {
    entry: &'a BackendEntry,
    /// What runs of it: the current version, where its driver was ever upgraded.
    active: Result<BackendEntry>,
    versions: Result<Option<Versions>>,
    standing: Result<Standing>,
    /// None unless they were asked for.
    locks: Option<Result<Vec<HeldLock>>>,
}

/// Lists the backends that `--backend` covers.
///
/// # Errors
/// When standard output does not take the list.
pub async fn list(with_locks: bool, service: &Service, output: Output) -> Result<()> {
    let mut all = Vec::new();
    for entry in service.entries() {
        let locks = match with_locks {
            true => Some(held(entry, service, output).await),
            false => None,
        };
        let standing = service.standing(entry).await.map_err(Failure::from);
        let (active, versions) = (service.active(entry), service.versions_of(&entry.name));
        all.push(Listed { entry, active, versions, standing, locks });
    }
    let document: Vec<_> = all.iter().map(Listed::document).collect();
    output.answer(&json!({ "backends": document }), || {
        let rows = all.iter().map(|one| {
            let path = |path: &std::path::Path| path.display().to_string();
            let unknown = || ["unknown".to_owned(), String::new(), String::new()];
            let [state, strikes, next] = one.standing.as_ref().map_or_else(|_| unknown(), cells);
            let entry = one.active.as_ref().unwrap_or(one.entry);
            let (driver, policy) = (path(&entry.driver), path(&entry.policy));
            [entry.name.clone(), state, strikes, next, one.version(), driver, policy]
        });
        let heading = ["name", "state", "strikes", "next try", "version", "driver", "policy"];
        let mut text = table(heading, rows);
        let said: Vec<_> = all.iter().map(|one| (&one.entry.name, one.note())).collect();
        text.push_str(&notes(said.iter().map(|(name, note)| (*name, note))));
        if with_locks {
            text.push_str(&locks_text(&all));
        }
        text
    })
}

async fn held(entry: &BackendEntry, service: &Service, output: Output) -> Result<Vec<HeldLock>> {
    let what = format!("opening {}", entry.name);
    Ok(output.wait(&what, Box::pin(service.backend(entry))).await?.locks()?)
}

fn locks_text(all: &[Listed<'_>]) -> String {
    let rows: Vec<_> = all
        .iter()
        .flat_map(|one| one.locks().iter().map(|lock| (&one.entry.name, lock)))
        .map(|(backend, lock)| [backend.clone(), lock.name.clone(), lock.call.clone()])
        .collect();
    let held = match rows.is_empty() {
        true => "no locks are held\n".to_owned(),
        false => table(["backend", "lock held", "by the call"], rows),
    };
    let unknown: Vec<_> = all.iter().map(|one| (&one.entry.name, one.why_unknown())).collect();
    format!("\n{held}{}", notes(unknown.iter().map(|(name, why)| (*name, why))))
}

impl Listed<'_> {
    fn note(&self) -> Option<String> {
        let standing = match &self.standing {
            Ok(standing) => note(standing),
            Err(failure) => Some(format!("its state is not known: {failure}")),
        };
        let broken =
            self.active.as_ref().err().map(|failure| format!("it does not run: {failure}"));
        let notes: Vec<_> = [standing, broken].into_iter().flatten().collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    fn versions(&self) -> Option<&Versions> {
        self.versions.as_ref().ok().and_then(Option::as_ref)
    }

    /// The cell of a list: which runs, and which waits.
    fn version(&self) -> String {
        let Some(versions) = self.versions() else { return String::new() };
        match versions.pending {
            Some(pending) => format!("{}, {pending} waits", versions.current),
            None => versions.current.to_string(),
        }
    }

    fn locks(&self) -> &[HeldLock] {
        match &self.locks {
            Some(Ok(locks)) => locks,
            _ => &[],
        }
    }

    fn why_unknown(&self) -> Option<String> {
        let failure = self.locks.as_ref()?.as_ref().err()?;
        let name = &self.entry.name;
        Some(format!("its locks are not known: {failure}; `abaca backend check {name}` says more"))
    }

    fn document(&self) -> Value {
        let BackendEntry { name, driver, policy, .. } = self.active.as_ref().unwrap_or(self.entry);
        let versions = self.versions();
        let active_error = self.active.as_ref().err().map(Failure::document);
        let error = self.standing.as_ref().err().map(Failure::document);
        let standing = self.standing.as_ref().ok();
        let mut document = json!({
            "name": name, "driver": driver, "policy": policy, "active_error": active_error,
            "version": versions.map(|all| all.current), "pending": versions.map(|all| all.pending),
            "standing": standing, "standing_error": error,
        });
        if let (Some(fields), Some(locks)) = (document.as_object_mut(), &self.locks) {
            fields.insert("locks".to_owned(), json!(locks.as_ref().ok()));
            let error = locks.as_ref().err().map(Failure::document);
            fields.insert("locks_error".to_owned(), json!(error));
        }
        document
    }
}
