//! The schema of the door, derived from the types that the methods read and write: an OpenRPC
//! document whose parts are JSON Schema. Nothing of it is written by hand but what is said of
//! JSON-RPC itself.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::connection::{ARRAY, CALLS_PER_CONNECTION, CANCEL, DISCOVER};
use super::failure::CODES;
use super::lines::LINE_BYTES;
use super::methods::{Method, all, named};
use super::{CALLS_PER_BACKEND, Failure};
use crate::error::ErrorDocument;

/// The version of OpenRPC that the document is written in.
const OPENRPC: &str = "1.3.2";

/// Where the document keeps the types that several methods share.
const TYPES: &str = "/components/schemas";

/// All methods as one OpenRPC document.
#[must_use]
pub fn document() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.definitions_path = TYPES.into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let data = generator.subschema_for::<ErrorDocument>();
    let methods: Vec<_> = all().map(|method| described(method, &mut generator)).collect();
    let errors: Map<_, _> = CODES
        .iter()
        .map(|(code, meaning)| {
            let error = json!({ "code": code, "message": meaning, "data": data.clone() });
            (name_of(*code), error)
        })
        .collect();
    json!({
        "openrpc": OPENRPC,
        "info": {
            "title": "abaca",
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!(
                "JSON-RPC 2.0 over a Unix socket, one message a line, parameters by name. A request \
                 has at most {LINE_BYTES} bytes, an array at most {ARRAY} requests. {CALLS_PER_BACKEND} of \
                 one backend run at once, {CALLS_PER_CONNECTION} in one connection. `{CANCEL}` with {{\"id\": …}} gives up \
                 a request of the same connection; `{DISCOVER}` answers this document."
            ),
        },
        "methods": methods,
        "components": { "schemas": generator.take_definitions(true), "errors": errors },
    })
}

/// One method as a JSON Schema by itself, of an object with `params` and `result`.
///
/// # Errors
/// When there is no such method.
pub fn of_method(name: &str) -> Result<Value, Failure> {
    let method = named(name)?;
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": method.name,
        "description": method.purpose,
        "type": "object",
        "required": ["params", "result"],
        "properties": {
            "params": (method.parameters)(&mut generator),
            "result": (method.answer)(&mut generator),
        },
    });
    let definitions = generator.take_definitions(true);
    if let Some(schema) = schema.as_object_mut().filter(|_| !definitions.is_empty()) {
        schema.insert("$defs".to_owned(), definitions.into());
    }
    Ok(schema)
}

/// A method as OpenRPC has it: the properties of its parameters one by one.
fn described(method: &Method, generator: &mut SchemaGenerator) -> Value {
    let parameters: Schema = (method.parameters)(generator);
    let required: Vec<&str> = parameters
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let properties = parameters.get("properties").and_then(Value::as_object);
    let parameter = |(name, schema): (&String, &Value)| json!({ "name": name, "required": required.contains(&name.as_str()), "schema": schema });
    let parameters: Vec<_> = properties.into_iter().flatten().map(parameter).collect();
    let errors: Vec<_> = CODES
        .iter()
        .map(|(code, _)| json!({ "$ref": format!("#/components/errors/{}", name_of(*code)) }))
        .collect();
    json!({
        "name": method.name,
        "summary": method.purpose,
        "paramStructure": "by-name",
        "params": parameters,
        "result": { "name": "answer", "schema": (method.answer)(generator) },
        "errors": errors,
    })
}

fn name_of(code: i32) -> String {
    format!("code{}", code.unsigned_abs())
}
