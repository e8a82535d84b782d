//! What an operator says at the door of what a backend has made. What there is, `lists` tells.

use super::{Answer, Method, methods, read, write};
use crate::door::Door;
use crate::error::Error;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

methods! {
    /// Says that the backend has made something: a share that is taken over, or what is in doubt.
    add_owned(backend: String, container: String, name: String) -> () = |door|
        door.backend(&backend)?.add_owned(&container.parse().map_err(Error::Invalid)?, &name).await?;
    /// Gives up something that the backend has made; what is there stays.
    remove_owned(backend: String, container: String, name: String) -> () = |door|
        door.backend(&backend)?.remove_owned(&container.parse().map_err(Error::Invalid)?, &name).await?;
}
