//! `abaca:host/config`: the options that the driver declared and those that all drivers have.
//! Granted to every driver; an option outside these is denied, whether it exists or not. Of a
//! secret option the driver learns that it is set and may pass it on by its name; its value it reads
//! only where the policy reveals it.

use abaca_policy::Denial;
use serde_json::Value;

use crate::call::Room;
use crate::contract::bindings::abaca::host::config::{self, GetRequest, Host};
use crate::contract::bindings::abaca::host::types::Error;
use crate::gate::{Crossing, Done, Gate, Powers, Refusal, Told};
use crate::options::OptionValue;

impl Host for Room {
    async fn get(
        &mut self,
        request: GetRequest,
    ) -> wasmtime::Result<Result<Option<config::Value>, Error>> {
        self.gate.cross(request).await
    }
}

impl Crossing for GetRequest {
    const IMPORT: &'static str = "config.get";
    const PRIVILEGED: bool = false;
    const TOLD: Told = Told::WithTheNext;
    type Answer = Option<config::Value>;

    fn facts(&self) -> Vec<(&'static str, Value)> {
        vec![("name", self.name.clone().into())]
    }

    fn permitted(&self, powers: &Powers) -> Result<Option<String>, Denial> {
        if powers.options.is_declared(&self.name) {
            return Ok(None);
        }
        Err(Denial { rule: None, reason: "the driver has not declared this option".to_owned() })
    }

    fn reveals(&self, powers: &Powers) -> Option<&str> {
        powers.revealed.value(&self.name).map(|_| self.name.as_str())
    }

    async fn perform(self, _: &mut Gate, powers: &Powers) -> Result<Done<Self::Answer>, Refusal> {
        let value = powers.options.lookup(&self.name);
        let revealed = powers.revealed.value(&self.name);
        let answer = match revealed {
            Some(secret) => Some(config::Value::Text(secret.to_owned())),
            None => value.map(|value| told(self.name, value)),
        };
        Ok(Done::plain(answer))
    }
}

/// A value as a driver sees it.
pub(crate) fn told(name: String, value: OptionValue) -> config::Value {
    match value {
        OptionValue::Text(text) => config::Value::Text(text),
        OptionValue::Integer(whole) => config::Value::Integer(whole),
        OptionValue::Float(number) => config::Value::Float(number),
        OptionValue::Boolean(yes) => config::Value::Boolean(yes),
        OptionValue::TextList(items) => config::Value::TextList(items),
        OptionValue::SecretFile(_) | OptionValue::SecretVariable(_) => config::Value::Secret(name),
    }
}
