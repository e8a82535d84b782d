//! A small share service: it embeds the library, serves every backend of a configuration, and
//! keeps one share on each for as long as somebody reads it.
//!
//! `cargo run -p abaca --example two_backends -- abaca.toml`

use abaca::configuration::Configuration;
use abaca::types::{AccessRulesStatus, Share, ShareProtocol, ShareStatus};
use abaca::{Backend, Result, Runtime};

#[tokio::main]
async fn main() -> Result<()> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "abaca.toml".to_owned());
    let configuration = Configuration::load(file)?;
    let runtime = Runtime::builder().cache(configuration.cache()).build()?;
    let mut serving = Vec::new();
    for entry in configuration.backends() {
        let driver = runtime.load(&entry.driver).await?;
        let backend = Backend::open(driver, configuration.backend(entry)).await?;
        serving.push(tokio::spawn(serve(backend)));
    }
    for one in serving {
        one.await.unwrap_or_else(|error| Err(abaca::Error::Runtime(error.to_string())))?;
    }
    Ok(())
}

/// What a service does with each of its backends.
async fn serve(backend: Backend) -> Result<()> {
    backend.do_setup().await?;
    backend.check_for_setup_error().await?;
    println!("{}: {:?}", backend.name(), backend.get_share_stats(true).await?.total_capacity);
    let share = share(backend.name());
    for location in backend.create_share(&share, None).await? {
        println!("{}: {}", backend.name(), location.path);
    }
    backend.delete_share(&share, None).await
}

fn share(backend: &str) -> Share {
    let (id, none) = (format!("{backend}-example"), || None);
    Share {
        share_id: id.clone(),
        name: format!("share-{id}"),
        id,
        size: 1,
        protocol: ShareProtocol::Nfs,
        host: format!("example@{backend}"),
        pool: None,
        status: ShareStatus::Creating,
        access_rules_status: AccessRulesStatus::Active,
        replica_state: None,
        availability_zone: none(),
        share_network_id: none(),
        share_server_id: none(),
        export_locations: Vec::new(),
        user_id: "example".to_owned(),
        project_id: "example".to_owned(),
        display_name: none(),
        display_description: none(),
        snapshot_id: none(),
        share_type_id: none(),
        extra_specs: Vec::new(),
        metadata: Vec::new(),
        is_public: false,
        consistency_group_id: none(),
        source_cgsnapshot_member_id: none(),
        created_at: None,
        launched_at: None,
    }
}
