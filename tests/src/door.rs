//! The door for other services: `abaca serve` as another program sees it, `abaca call` and
//! `abaca schema`. Each method's own behaviour is proved elsewhere; here it is that it is the same
//! through JSON, and that nobody who can connect can hurt the service, and no driver its neighbours.

mod concurrency;
mod errors;
mod hostile;
mod lifecycles;
mod neighbours;
mod schema;
mod socket;

use serde_json::{Value, json};

use crate::support::Client;

/// The parameters of a method of the backend `dummy`.
fn of_dummy(mut params: Value) -> Value {
    params["backend"] = "dummy".into();
    params
}

/// The share of this identifier as it is recorded, or null.
fn recorded(client: &mut Client, id: &str) -> Value {
    let shares = client.ok("list_shares", &of_dummy(json!({})));
    let all = shares.as_array().unwrap().iter();
    all.map(|one| &one["share"]).find(|one| one["id"] == id).cloned().unwrap_or_default()
}

/// Something of the contract as JSON.
fn json_of(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}
