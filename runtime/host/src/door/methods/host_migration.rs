//! Copying shares from one backend of the service to another. Unlike all other methods these are
//! about two: `backend`, where the share is, and `there`.

use super::{Answer, Method, methods, read, write};
use crate::door::Door;
use crate::types::{MigrationDestination, Share};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

methods! {
    /// Copies a share into a new instance of it elsewhere; `migration_get_progress` says how far.
    host_migration_start(
        backend: String, share: Share, there: String, destination: MigrationDestination,
        arriving: Share,
    ) -> () = |door| {
        let (here, there) = (door.backend(&backend)?, door.backend(&there)?);
        let copied = here.host_migration_start(&share, &there, &destination, &arriving, |_| ());
        Box::pin(copied).await?;
    };
    /// Lets clients in at the copy of a share, removes the old one, and answers the share there.
    host_migration_complete(backend: String, share: Share, there: String) -> Share = |door| {
        let (here, there) = (door.backend(&backend)?, door.backend(&there)?);
        Box::pin(here.host_migration_complete(&share, &there)).await?
    };
    /// Gives the copy of a share up; the share is as before.
    host_migration_cancel(backend: String, share: Share, there: String) -> () = |door| {
        let (here, there) = (door.backend(&backend)?, door.backend(&there)?);
        Box::pin(here.host_migration_cancel(&share, &there)).await?;
    };
}
