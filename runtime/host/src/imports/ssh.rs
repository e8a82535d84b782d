//! `abaca:host/ssh`: programs on remotes. No policy can grant one yet, so nothing here reaches a
//! remote: a stage answers, or a replay, both before the gate decides. A backend whose driver imports
//! it is not opened, and what asks all the same is denied.

use abaca_policy::Denial;
use serde_json::Value;

use crate::call::Room;
use crate::contract::bindings::abaca::host::command::Output;
use crate::contract::bindings::abaca::host::ssh::{Host, RunRequest};
use crate::contract::bindings::abaca::host::types::Error;
use crate::gate::{Crossing, Done, Gate, Powers, Refusal};

impl Host for Room {
    async fn run(&mut self, request: RunRequest) -> wasmtime::Result<Result<Output, Error>> {
        self.gate.cross(request).await
    }
}

impl Crossing for RunRequest {
    const IMPORT: &'static str = "ssh.run";
    const PRIVILEGED: bool = true;
    type Answer = Output;

    fn facts(&self) -> Vec<(&'static str, Value)> {
        let words = std::iter::once(&self.program).chain(&self.args).cloned();
        vec![("remote", self.remote.clone().into()), ("asked", words.collect::<Vec<_>>().into())]
    }

    fn permitted(&self, _: &Powers) -> Result<Option<String>, Denial> {
        Err(ungranted())
    }

    async fn perform(self, _: &mut Gate, _: &Powers) -> Result<Done<Output>, Refusal> {
        Err(Error::from(ungranted()).into())
    }
}

fn ungranted() -> Denial {
    Denial { rule: None, reason: "no policy can grant a remote yet".to_owned() }
}
