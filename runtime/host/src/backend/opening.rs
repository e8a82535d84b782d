//! Opening a backend: everything that an operator decided, held against each other and against the
//! driver, before anything is called. Called by `Backend::open` and by upgrades, which try a version
//! out first.

use super::{Backend, BackendConfiguration, POLICY_BYTES, Shared, check_name, needs_broker, setup};
use crate::apart::check_apart;
use crate::approval;
use crate::audit::{Audit, Subject};
use crate::broker::{Broker, locate};
use crate::database::{self, Database};
use crate::driver::Driver;
use crate::driver_state::DriverState;
use crate::error::{Error, Result};
use crate::gate::{self, Powers};
use crate::locks::NamedLocks;
use crate::network::power::NetworkPower;
use crate::network::{self, NetworkError, NetworkProviders};
use crate::options::{OptionValue, OptionValues};
use crate::owned::{Owned, OwnedState};
use crate::quarantine::Conduct;
use crate::records::Records;
use crate::revealed::Revealed;
use crate::storage::{absolute, private_directory, read_trusted_text};
use crate::versions;
use abaca_policy::{Container, Object, Policy};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What a backend is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// To be called.
    Runs,
    /// To see whether it could be.
    TriedOut,
}

impl Backend {
    pub(super) async fn opened(
        driver: Driver,
        configuration: BackendConfiguration,
        networks: NetworkProviders,
        stage: Stage,
    ) -> Result<Self> {
        let open = move || Self::open_now(driver, configuration, networks, stage);
        tokio::task::spawn_blocking(open)
            .await
            .map_err(|error| Error::Runtime(format!("opening a backend: {error}")))??
            .resume()
            .await
    }

    /// Takes the places at which it was at work when its process died.
    async fn resume(self) -> Result<Self> {
        let open = self.records().owned().await?.into_iter();
        let open: Vec<_> = open
            .filter(|one| one.state == OwnedState::Open)
            .filter_map(|one| {
                let root = one.container.strip_prefix("root:")?.to_owned();
                Some(Object { container: Container::Root(root), name: one.name })
            })
            .collect();
        gate::resume(&self.shared.powers, &open);
        Ok(self)
    }

    fn open_now(
        driver: Driver,
        configuration: BackendConfiguration,
        providers: NetworkProviders,
        stage: Stage,
    ) -> Result<Self> {
        let BackendConfiguration { name, policy: policy_file, approved, state, options, networks } =
            configuration;
        check_name(&name)?;
        let text = read_trusted_text(&policy_file, POLICY_BYTES)?;
        let policy = Policy::parse(&text, &policy_file.display().to_string())?;
        let description = driver.description();
        if policy.driver() != description.name {
            return Err(Error::Mismatch(format!(
                "{} is a policy for the driver `{}`, and the backend `{name}` has the driver `{}`",
                policy_file.display(),
                policy.driver(),
                description.name
            )));
        }
        let approval = approval::check(&driver, &policy, &policy_file, approved)?;
        if stage == Stage::Runs {
            versions::check(&state, &name, driver.digest(), policy.digest())?;
        }
        if let Some(finding) = driver.findings().first() {
            return Err(Error::Mismatch(format!(
                "backend `{name}`: the driver `{}` does not keep to its own manifest: {finding}",
                description.name
            )));
        }
        if let Some(reason) = driver.only_tested() {
            return Err(Error::Mismatch(format!("backend `{name}`: {reason}")));
        }
        let cache = driver.runtime().shared().cache.as_ref();
        let secrets = options.values().filter_map(|value| match value {
            OptionValue::SecretFile(file) => Some(("the file of a secret", file.as_path())),
            _ => None,
        });
        let own = [("the state", state.as_path()), ("the policy", policy_file.as_path())];
        let own = own.into_iter().chain(cache.map(|cache| ("the cache", cache.path())));
        check_apart(&policy, own.chain(secrets))?;
        let directory = state.join(&name);
        let state_path = directory.display().to_string();
        let options = OptionValues::resolve(&description.options, &options, &state_path)
            .and_then(|options| options.check_passed_on(&policy).map(|()| options))
            .and_then(|options| options.check_secrets().map(|()| options))
            .and_then(|options| network::options::check(&options, &networks).map(|()| options))
            .map_err(|error| Error::Option { backend: name.clone(), error })?;
        let revealed = Revealed::read(&policy, &options)
            .map_err(|error| Error::Option { backend: name.clone(), error })?;
        setup::check_mode(&name, &driver, &options)?;
        let program = match locate(driver.runtime().shared().broker.as_deref()) {
            Err(error) if needs_broker(&driver) => return Err(error),
            found => found.unwrap_or_default(),
        };
        let opened = private_directory(&directory)
            .map_err(|reason| Error::State { path: directory.clone(), reason })?;
        let database = Database::open(&directory.join(database::FILE), &database::BACKEND)?;
        let subject = Subject {
            backend: name.clone(),
            driver: description.name.clone(),
            component: driver.digest().to_owned(),
            policy: policy.digest().to_owned(),
        };
        let settings = &driver.runtime().shared().audit;
        let audit = Audit::open(&directory, &opened, database.clone(), settings, subject)?;
        let network =
            NetworkPower::configured(&options, &networks, &state, &name).map_err(|error| {
                match error {
                    NetworkError::Runtime(error) => error,
                    error => Error::Mismatch(format!("backend `{name}`: {error}")),
                }
            })?;
        let network = network.replaced_by(providers).needed_by(driver.manifest());
        let records = Records::new(database.clone(), &directory, &opened)?;
        let rules = driver.runtime().shared().quarantine.clone();
        let told = Some(audit.clone());
        let conduct = Conduct::new(&name, rules, database.clone(), &directory, &opened, told)?;
        let metrics = driver.runtime().shared().metrics.of(&name);
        let conduct = conduct.told_to(metrics.clone());
        if let Some(approval) = approval.filter(|_| stage == Stage::Runs) {
            approval::take_up(&approval, &audit, &database)?;
        }
        let digest = policy.digest().to_owned();
        let broker = Broker::new(program, absolute(&policy_file)?, digest, records.presence());
        let recorder = driver.runtime().shared().recorder.as_ref();
        let witness = recorder.map(|recorder| recorder.of(&name, &driver));
        let powers = Powers {
            backend: name.clone(),
            policy,
            broker,
            options,
            revealed,
            owned: Owned::new(database.clone(), records.presence()),
            worksites: driver.runtime().shared().worksites.clone(),
            state: DriverState::new(database),
            locks: NamedLocks::open(&directory, &opened)?,
            network,
            audit,
            metrics,
            commands: driver.runtime().shared().commands.backend(),
        };
        let limits = driver.limits();
        let account = driver.runtime().shared().turns.account();
        let shared = Shared {
            name,
            account,
            places: Semaphore::new(limits.concurrent_calls),
            records,
            conduct,
            powers: Arc::new(powers),
            witness,
            driver,
            limits,
            stats: std::sync::Mutex::new(None),
        };
        Ok(Self { shared: Arc::new(shared) })
    }
}
