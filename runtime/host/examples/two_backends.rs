//! A small share service: it serves every backend of a configuration as upstream's share manager
//! does: makes sure of the shares, then says once a minute how much room there is.
//!
//! `cargo run -p abaca --example two_backends -- abaca.toml target/debug`

use std::path::Path;
use std::time::Duration;

use abaca::configuration::Configuration;
use abaca::types::{ReplicaState, ShareStatus};
use abaca::{Backend, BackendConfiguration, Driver, Error, Result, Runtime};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let [Some(file), Some(programs)] = [words.next(), words.next()] else {
        return Err(Error::Invalid(
            "name the configuration, and where the programs are".to_owned(),
        ));
    };
    let configuration = Configuration::load(file)?;
    let programs = Path::new(&programs);
    // Both stand beside a service that is installed, and are found there.
    let runtime = Runtime::builder()
        .cache(configuration.cache())
        .broker(programs.join("abaca-broker"))
        .compiler(programs.join("abaca-compiler"))
        .build()?;
    let mut serving = JoinSet::new();
    for entry in configuration.backends() {
        // Where its driver was upgraded, that is the current version.
        let entry = configuration.active(entry)?;
        let (runtime, own) = (runtime.clone(), configuration.backend(&entry));
        serving.spawn(async move {
            // A backend that cannot be loaded, opened or served leaves the others alone.
            let outcome = async { serve(runtime.load(&entry.driver).await?, own).await }.await;
            outcome.inspect_err(|error| eprintln!("{}: {error} ({})", entry.name, error.blame()))
        });
    }
    serving.join_all().await;
    Ok(())
}

async fn serve(driver: Driver, own: BackendConfiguration) -> Result<()> {
    let backend = Backend::open(driver, own).await?;
    backend.do_setup().await?;
    backend.check_for_setup_error().await?;
    let (name, records) = (backend.name(), backend.records());
    let (servers, gone) = (records.share_servers().await?, records.migrations().await?);
    for share in records.shares().await?.into_iter().map(|record| record.share) {
        // Not what failed, waits for its replication, or is at its destination already.
        let is_ours = share.status == ShareStatus::Available
            && share.replica_state.is_none_or(|state| state == ReplicaState::Active)
            && !gone.iter().any(|one| one.share_instance_id == share.id);
        let mut servers = servers.iter().map(|one| &one.share_server);
        let server = servers.find(|one| share.share_server_id.as_ref() == Some(&one.id));
        if is_ours && let Err(error) = backend.ensure_share(&share, server).await {
            eprintln!("{name}: {}: {error}", share.name);
        }
    }
    // As often as upstream's `periodic_interval`.
    let mut period = tokio::time::interval(Duration::from_secs(60));
    loop {
        period.tick().await;
        let stats = backend.get_share_stats(true).await;
        let free = stats.map(|stats| format!("{:?} free", stats.free_capacity));
        println!("{name}: {}", free.unwrap_or_else(|error| error.to_string()));
    }
}
