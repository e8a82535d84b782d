//! Where a share shall go: a pool of a backend of this configuration, and whether the share can go
//! there. What upstream's API and scheduler check.

use abaca::types::{MigrationDestination, Share};
use abaca::{Backend, BackendStats};

use crate::cli::Destination;
use crate::failure::{Failure, Result};
use crate::output::{Output, word};
use crate::service::{Service, host};

/// A destination whose backend can be called.
pub struct There {
    pub backend: Backend,
    pub pool: String,
    /// Whether it is the backend that the share is in.
    pub is_here: bool,
}

impl There {
    /// Opens the backend that is meant.
    ///
    /// # Errors
    /// When it is none of this host or this configuration, or cannot be used.
    pub async fn of(
        to: &Destination,
        here: &Backend,
        service: &Service,
        output: Output,
    ) -> Result<Self> {
        let place = host(&to.backend)?;
        if let Some(wanted) = &to.host
            && format!("{wanted}@{}", to.backend) != place
        {
            return Err(Failure::refused(
                format!("`{wanted}` is not this host, and its backends cannot be asked from here"),
                format!("the backend of this name on this host is `{place}`"),
            ));
        }
        let is_here = to.backend == here.name();
        let backend = match is_here {
            true => here.clone(),
            false => service.ready(service.entry(&to.backend)?, output).await?,
        };
        Ok(Self { backend, pool: to.pool.clone(), is_here })
    }

    /// Refuses a share that cannot go there.
    ///
    /// # Errors
    /// When it is there already, or what it belongs to stays.
    pub fn check(&self, share: &Share) -> Result<()> {
        if self.is_here {
            return match share.pool.as_ref() == Some(&self.pool) {
                true => Err(Failure::refused(
                    format!("the share is in the pool `{}` already", self.pool),
                    "choose another pool; `abaca backend check` shows them",
                )),
                false => Ok(()),
            };
        }
        let stays = match share {
            Share { share_server_id: Some(id), .. } => format!("the share server {id}"),
            Share { consistency_group_id: Some(id), .. } => format!("the consistency group {id}"),
            _ if self.backend.driver_handles_share_servers() => {
                return Err(Failure::refused(
                    "the destination handles share servers, and the share has none",
                    "choose a backend with driver_handles_share_servers = false",
                ));
            }
            _ => return Ok(()),
        };
        Err(Failure::refused(
            format!("the share belongs to {stays}, which stays in its backend"),
            "choose another pool of the same backend",
        ))
    }

    /// The destination as a driver is told of it, once it is known to be there.
    ///
    /// # Errors
    /// When the backend has no such pool, or cannot be measured.
    pub async fn destination(&self, output: Output) -> Result<MigrationDestination> {
        let work = Box::pin(self.backend.get_share_stats(true));
        let stats = output.wait("measuring the destination", work).await?;
        // A backend without pools is one of its own name, as upstream has it.
        let mut pools: Vec<_> = stats.pools.iter().map(|pool| pool.name.clone()).collect();
        if pools.is_empty() {
            pools.push(stats.share_backend_name.clone());
        }
        if !pools.contains(&self.pool) {
            return Err(Failure::refused(
                format!("the backend `{}` has no pool `{}`", self.backend.name(), self.pool),
                format!("it has: {}", pools.join(", ")),
            ));
        }
        Ok(MigrationDestination {
            host: format!("{}#{}", host(self.backend.name())?, self.pool),
            capabilities: capabilities(&stats),
        })
    }
}

/// What the destination reports, in upstream's names.
fn capabilities(stats: &BackendStats) -> Vec<(String, String)> {
    let protocols: Vec<_> = stats.storage_protocol.iter().map(word).collect();
    let known = [
        ("share_backend_name", stats.share_backend_name.clone()),
        ("vendor_name", stats.vendor_name.clone()),
        ("driver_version", stats.driver_version.clone()),
        ("storage_protocol", protocols.join(",")),
        ("snapshot_support", stats.snapshot_support.to_string()),
        ("driver_handles_share_servers", stats.driver_handles_share_servers.to_string()),
    ];
    let known = known.into_iter().map(|(name, value)| (name.to_owned(), value));
    known.chain(stats.extra.iter().cloned()).collect()
}
