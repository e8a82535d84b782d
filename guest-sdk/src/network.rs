//! Leasing addresses for share servers, through `abaca:host/network`. Called by
//! drivers that need more than the runtime leases before `setup_server`, in that call
//! and in `teardown_server`; in others, and for another share server, it is denied.

use crate::HostError;
use crate::imports::network as host;

pub use host::{Allocation, Label};

/// Leases `count` addresses for a share server, all or none; without a count as
/// many as the driver's own numbers say.
///
/// # Errors
/// What the host answers.
pub fn allocate(
    server_id: &str,
    count: Option<u32>,
    label: Label,
) -> Result<Vec<Allocation>, HostError> {
    host::allocate(&host::AllocateRequest { server_id: server_id.to_owned(), count, label })
}

/// Ends all leases of a share server; none is success.
///
/// # Errors
/// What the host answers.
pub fn deallocate(server_id: &str) -> Result<(), HostError> {
    host::deallocate(&host::DeallocateRequest { server_id: server_id.to_owned() })
}
