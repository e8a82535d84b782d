//! Setting up a share server: by command, or because a new share or group needs one.

use abaca::Backend;
use abaca::types::{NetworkInfo, ShareServer};

use super::security_service;
use super::view::View;
use crate::cli::SetupShareServer;
use crate::failure::{Failure, Result};
use crate::naming::check_keys;
use crate::output::Output;
use crate::recorded::again;
use crate::service::Service;

/// Sets up a server and shows it.
///
/// # Errors
/// What is refused, and what the service or the driver answers.
pub async fn setup(asked: SetupShareServer, service: &Service, output: Output) -> Result<()> {
    check_keys("the metadata", &asked.metadata)?;
    let security_services = security_service::read(&asked.security_service)?;
    let entry = service.only()?;
    let backend = service.ready(entry, output).await?;
    let info = NetworkInfo {
        network_type: asked.network_type.map(Into::into),
        segmentation_id: asked.segmentation_id,
        security_services,
        ..network(asked.share_network)
    };
    let server = set_up(&backend, info, &asked.metadata, output).await?;
    let placed = again::<abaca::ShareServerRecord>(entry, backend.records(), &server.id).await?;
    let view = View::new(&placed);
    output.answer(&view, || view.text())
}

/// What a new server is told of a share network of which no more than its id is known; the leases
/// say the rest.
pub fn network(share_network_id: Option<String>) -> NetworkInfo {
    NetworkInfo {
        server_id: uuid::Uuid::new_v4().to_string(),
        share_network_id,
        cidr: None,
        network_type: None,
        segmentation_id: None,
        neutron_net_id: None,
        neutron_subnet_id: None,
        nova_net_id: None,
        network_allocations: Vec::new(),
        admin_network_allocations: Vec::new(),
        security_services: Vec::new(),
        backend_details: Vec::new(),
    }
}

/// Sets up a server where servers are handled.
///
/// # Errors
/// Where they are not, and what the driver answers.
pub async fn set_up(
    backend: &Backend,
    info: NetworkInfo,
    metadata: &[(String, String)],
    output: Output,
) -> Result<ShareServer> {
    let work = Box::pin(backend.setup_server(info, metadata));
    match output.wait("setting up a share server", work).await? {
        Some(server) => Ok(server),
        None => Err(not_handled(backend)),
    }
}

/// Share servers where there are none.
pub fn not_handled(backend: &Backend) -> Failure {
    Failure::refused(
        format!("the backend `{}` does not handle share servers", backend.name()),
        "leave out what concerns them, or set driver_handles_share_servers = true",
    )
}
