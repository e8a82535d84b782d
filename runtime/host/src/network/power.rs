//! What an operator lends one backend of networks: a provider for the users' side, one for the
//! operator's own, each of them or none. The one way to them for `backend/` and the `network`
//! import; blocking work leaves the async workers here. It knows nothing of addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use abaca_policy::Manifest;

use super::leases::Leases;
use super::options::{StandaloneOptions, check_names};
use super::standalone::StandaloneNetwork;
use super::{
    AllocationRequest, Lease, NetworkError, NetworkProvider, NetworkProviders, label_name,
};
use crate::error::Error;
use crate::options::{OptionValue, OptionValues, nearest};
use crate::panics;
use crate::types::{AllocationLabel, NetworkAllocation};

/// The most addresses of one request: upstream's largest drivers want one for each controller.
const ADDRESSES: u32 = 256;

/// A network that an operator described beside the backends: its options by name.
pub(crate) type Section = BTreeMap<String, OptionValue>;

/// The networks of one backend.
#[derive(Clone, Debug, Default)]
pub(crate) struct NetworkPower {
    /// For the users' side.
    pub user: Option<Arc<dyn NetworkProvider>>,
    /// For the operator's side.
    pub admin: Option<Arc<dyn NetworkProvider>>,
    /// Who leases nothing, or nothing any more, and has to end and tell what was leased before: the
    /// operator may take a network away while servers use it.
    pub former: Vec<Arc<dyn NetworkProvider>>,
    /// The sides that have a network which the driver's manifest does not ask for.
    pub unasked: Vec<AllocationLabel>,
}

impl NetworkPower {
    /// The networks that a backend's options describe. `sections` are the networks that the
    /// operator described beside the backends, by name; the leases are kept in `state`, the
    /// directory of the state of all backends.
    ///
    /// # Errors
    /// [`NetworkError::BadConfiguration`] with the section and the option that does not do, or when
    /// the leases cannot be opened.
    pub(crate) fn configured(
        options: &OptionValues,
        sections: &BTreeMap<String, Section>,
        state: &Path,
        backend: &str,
    ) -> Result<Self, NetworkError> {
        let standalone = |options: &StandaloneOptions| {
            let leases = Leases::open(state, backend)?;
            let network = StandaloneNetwork::new(options, leases)?;
            Ok(Arc::new(network) as Arc<dyn NetworkProvider>)
        };
        let section = |option: &str| {
            let name = options.text(option);
            let described = name.map(|name| described(&name, option, sections, standalone));
            described.transpose()
        };
        let user = match section("network_config_group")? {
            None => StandaloneOptions::read(|name| options.lookup(name))?
                .map(|options| standalone(&options))
                .transpose()?,
            described => described,
        };
        let admin = section("admin_network_config_group")?;
        let former: Vec<_> = match Leases::kept(state, backend)? {
            Some(kept) => vec![Arc::new(kept) as Arc<dyn NetworkProvider>],
            None => Vec::new(),
        };
        Ok(Self { user, admin, former, unasked: Vec::new() })
    }

    /// With a service's own providers instead of those of the options, side by side.
    pub(crate) fn replaced_by(self, providers: NetworkProviders) -> Self {
        let (user, admin) = (providers.user.or(self.user), providers.admin.or(self.admin));
        Self { user, admin, ..self }
    }

    /// Only for the sides that the driver's manifest needs, if it has one. What a version before it
    /// has leased can still be ended.
    pub(crate) fn needed_by(mut self, manifest: Option<&Manifest>) -> Self {
        let Some(needs) = manifest.map(Manifest::needs) else { return self };
        let sides =
            [(AllocationLabel::User, &mut self.user), (AllocationLabel::Admin, &mut self.admin)];
        for (label, side) in sides {
            if !needs.leases_for(label_name(label))
                && let Some(provider) = side.take()
            {
                self.former.push(provider);
                self.unasked.push(label);
            }
        }
        self
    }

    /// Why no addresses can be had for this side.
    pub(crate) fn absence(&self, label: AllocationLabel) -> String {
        let side = label_name(label);
        if self.unasked.contains(&label) {
            return format!(
                "the driver's manifest does not ask for any on the {side} side: it has no \
                 `[needs.networks.{side}]`"
            );
        }
        format!("this backend has no network on the {side} side")
    }

    /// Whether addresses can be had for this side.
    pub(crate) fn has(&self, label: AllocationLabel) -> bool {
        self.provider(label).is_some()
    }

    /// Leases addresses; none are wanted with a count of 0, and then no provider is needed.
    ///
    /// # Errors
    /// When there is no provider for this side, too much is asked for, or the provider cannot.
    pub(crate) async fn allocate(
        &self,
        request: AllocationRequest,
    ) -> Result<Vec<NetworkAllocation>, NetworkError> {
        if request.count == 0 {
            return Ok(Vec::new());
        }
        if request.count > ADDRESSES {
            return Err(NetworkError::Limit(format!(
                "{} are asked for in one request and {ADDRESSES} are allowed",
                request.count
            )));
        }
        let provider = self.provider(request.label).ok_or_else(|| {
            NetworkError::BadConfiguration(format!(
                "{} addresses are needed, and {}",
                request.count,
                self.absence(request.label)
            ))
        })?;
        blocking(Arc::clone(provider), move |provider| provider.allocate(&request)).await
    }

    /// Ends all leases of a server.
    ///
    /// # Errors
    /// When a provider cannot; the other one is asked all the same.
    pub(crate) async fn deallocate(&self, server_id: &str) -> Result<(), NetworkError> {
        let mut outcome = Ok(());
        for provider in self.providers() {
            let server_id = server_id.to_owned();
            let ended = blocking(provider, move |provider| provider.deallocate(&server_id)).await;
            outcome = outcome.and(ended);
        }
        outcome
    }

    /// Every lease that holds now. One provider can serve both sides: each lease is told once.
    ///
    /// # Errors
    /// When a provider's leases cannot be read.
    pub(crate) async fn leases(&self) -> Result<Vec<Lease>, NetworkError> {
        let mut seen = BTreeSet::new();
        let mut leases = Vec::new();
        for provider in self.providers() {
            let held = blocking(provider, |provider| provider.leases()).await?;
            leases.extend(held.into_iter().filter(|one| seen.insert(one.allocation.id.clone())));
        }
        Ok(leases)
    }

    fn provider(&self, label: AllocationLabel) -> Option<&Arc<dyn NetworkProvider>> {
        match label {
            AllocationLabel::User => self.user.as_ref(),
            AllocationLabel::Admin => self.admin.as_ref(),
        }
    }

    fn providers(&self) -> impl Iterator<Item = Arc<dyn NetworkProvider>> + '_ {
        [&self.user, &self.admin].into_iter().flatten().chain(&self.former).cloned()
    }
}

/// The network of one section.
fn described(
    name: &str,
    option: &str,
    sections: &BTreeMap<String, Section>,
    standalone: impl Fn(&StandaloneOptions) -> Result<Arc<dyn NetworkProvider>, NetworkError>,
) -> Result<Arc<dyn NetworkProvider>, NetworkError> {
    let section = sections.get(name).ok_or_else(|| {
        let meant = nearest(name, sections.keys().map(String::as_str)).unwrap_or_default();
        NetworkError::BadConfiguration(format!(
            "option `{option}`: there is no network {name:?}; {meant}"
        ))
    })?;
    let network = || {
        check_names(section.keys())?;
        let options = StandaloneOptions::read(|name| section.get(name).cloned())?
            .ok_or_else(|| NetworkError::BadConfiguration("it says nothing".to_owned()))?;
        standalone(&options)
    };
    network().map_err(|error| match error {
        NetworkError::BadConfiguration(reason) => {
            NetworkError::BadConfiguration(format!("network `{name}`: {reason}"))
        }
        other => other,
    })
}

async fn blocking<T, F>(provider: Arc<dyn NetworkProvider>, work: F) -> Result<T, NetworkError>
where
    T: Send + 'static,
    F: FnOnce(&dyn NetworkProvider) -> Result<T, NetworkError> + Send + 'static,
{
    let ended = tokio::task::spawn_blocking(move || work(provider.as_ref())).await;
    ended.map_err(|error| match error.try_into_panic() {
        Ok(panic) => panics::told("the network provider", panic.as_ref()),
        Err(error) => Error::Runtime(format!("leasing addresses: {error}")),
    })?
}
