//! A small share service: it serves the backends of a configuration over a socket, as upstream's
//! share manager does: it prepares each, makes sure of its shares, and does what it is asked.
//!
//! `cargo run -p abaca --example two_backends -- abaca.toml target/debug door.sock`

use std::path::Path;

use abaca::configuration::{BackendEntry, Configuration};
use abaca::door::{Door, bind};
use abaca::types::{ReplicaState, ShareStatus};
use abaca::{Backend, Error, Result, Runtime};

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let [file, programs, socket] = words.as_slice() else {
        return Err(Error::Invalid("name configuration, directory of programs, socket".to_owned()));
    };
    serve(file.as_ref(), programs.as_ref(), socket.as_ref()).await
}

/// Serves all backends of the configuration; those that cannot be used answer why.
pub async fn serve(file: &Path, programs: &Path, socket: &Path) -> Result<()> {
    let configuration = Configuration::load(file)?;
    let builder = Runtime::builder().cache(configuration.cache());
    // Both stand beside a service that is installed, and are found there.
    let builder = builder.broker(programs.join("abaca-broker"));
    let runtime = builder.compiler(programs.join("abaca-compiler")).build()?;
    let mut door = Door::new();
    for entry in configuration.backends() {
        // One that cannot be used leaves the others alone.
        door = match prepared(&runtime, &configuration, entry).await {
            Ok(backend) => door.with(backend),
            Err(error) => door.with_broken(&entry.name, &error),
        };
    }
    door.serve(bind(socket, 0o600)?, std::future::pending()).await;
    Ok(())
}

async fn prepared(runtime: &Runtime, all: &Configuration, entry: &BackendEntry) -> Result<Backend> {
    let entry = all.active(entry)?;
    let driver = runtime.load(&entry.driver).await?;
    let backend = Backend::open(driver, all.backend(&entry)).await?;
    backend.do_setup().await?;
    backend.check_for_setup_error().await?;
    let servers = backend.records().share_servers().await?;
    for share in backend.records().shares().await?.into_iter().map(|record| record.share) {
        let mut servers = servers.iter().map(|one| &one.share_server);
        let server = servers.find(|one| share.share_server_id.as_ref() == Some(&one.id));
        // Not what failed, is on its way, or waits for its replication.
        let follows = share.replica_state.is_some_and(|state| state != ReplicaState::Active);
        if share.status == ShareStatus::Available && !follows {
            let found = backend.ensure_share(&share, server).await;
            found.inspect_err(|error| eprintln!("{}: {error}", share.name)).ok();
        }
    }
    Ok(backend)
}
