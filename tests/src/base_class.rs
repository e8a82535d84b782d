//! What upstream's base class does for its drivers, the runtime does for all of them: one test or
//! a few for each of its methods, named after it. Which methods there are, and where, is the
//! business of `methods`.
//!
//! Where the driver's answer is what is tested, it is the obedient guest that answers; what
//! drivers make of such calls is tested in `dummy`.

mod access;
mod command;
mod defaults;
mod migration;
mod migration_info;
mod networks;
mod replicated_snapshots;
mod replication;
mod server_choice;
mod servers;
mod states;
mod stats;

use std::collections::BTreeMap;

use abaca::{Backend, BackendConfiguration, Error, Limits, OptionValue};

use crate::support::{Ground, load, runtime};

/// A backend of a component, named as the driver is, or why there is none.
async fn open(
    ground: &Ground,
    component: &str,
    options: &[(&str, OptionValue)],
) -> Result<Backend, Error> {
    let driver = load(&runtime(Limits::default()), component).await;
    let name = driver.description().name.clone();
    let policy = format!("schema = 1\ndriver = \"{name}\"\n");
    let configuration = BackendConfiguration {
        policy: ground.write(&format!("{name}.policy.toml"), &policy),
        approved: false,
        name,
        state: ground.state(),
        options: options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        networks: BTreeMap::new(),
    };
    Backend::open(driver, configuration).await
}

/// Which mode an operator chooses.
fn mode(handled: bool) -> (&'static str, OptionValue) {
    ("driver_handles_share_servers", OptionValue::Boolean(handled))
}

/// The backend of the guest that answers what it is told to.
async fn obedient(ground: &Ground) -> Backend {
    open(ground, "abaca-guest-obedient", &[mode(true)]).await.unwrap()
}

/// How often a backend's driver was called.
fn calls(ground: &Ground, backend: &str) -> usize {
    ground.audit(backend).iter().filter(|line| line["event"] == "call").count()
}
