//! `abaca:host/mounts`: granted things mounted at granted places by the broker. As with commands,
//! the policy is asked here and again there.

use abaca_broker::protocol::{self, MountsRequest, Outcome, Place, RequestKind};
use abaca_policy::{Denial, GuestPath, MountSource as Wanted};
use serde_json::{Value, json};

use super::command::milliseconds;
use super::files::{failure, place, spelled};
use crate::call::Room;
use crate::contract::bindings::abaca::host::mounts::{
    Host, MountRequest, MountSource, UnmountRequest,
};
use crate::contract::bindings::abaca::host::types::{Error, Path};
use crate::gate::{Crossing, Done, Gate, Powers, Refusal};

impl Host for Room {
    async fn mount(&mut self, request: MountRequest) -> wasmtime::Result<Result<(), Error>> {
        self.gate.cross(request).await
    }

    async fn unmount(&mut self, request: UnmountRequest) -> wasmtime::Result<Result<(), Error>> {
        self.gate.cross(request).await
    }
}

impl Crossing for MountRequest {
    const IMPORT: &'static str = "mounts.mount";
    const PRIVILEGED: bool = true;
    type Answer = ();

    fn facts(&self) -> Vec<(&'static str, Value)> {
        let source = match &self.source {
            MountSource::Path(path) => spelled(path),
            MountSource::Device(name) | MountSource::Remote(name) => name.clone(),
        };
        let words = [source, spelled(&self.place), self.filesystem.clone()];
        let words = words.into_iter().chain(self.options.iter().cloned());
        vec![("asked", words.collect::<Vec<_>>().into())]
    }

    fn permitted(&self, powers: &Powers) -> Result<Option<String>, Denial> {
        let (source, place) = self.wanted()?;
        let grant = powers.policy.decide_mount(&source, &place, &self.filesystem, &self.options)?;
        Ok(Some(grant.rule.id.clone()))
    }

    fn granted(&self, _: &Gate, powers: &Powers) -> Vec<(&'static str, Value)> {
        let Ok((source, place)) = self.wanted() else { return Vec::new() };
        let policy = &powers.policy;
        let granted = policy.decide_mount(&source, &place, &self.filesystem, &self.options);
        let granted = granted
            .map(|grant| json!({ "filesystem": grant.filesystem, "options": grant.options }));
        granted.ok().map(|granted| ("granted", granted)).into_iter().collect()
    }

    async fn perform(self, gate: &mut Gate, powers: &Powers) -> Result<Done<()>, Refusal> {
        let source = match self.source {
            MountSource::Path(path) => protocol::MountSource::Path { at: place(&path) },
            MountSource::Device(name) => protocol::MountSource::Device { name },
            MountSource::Remote(name) => protocol::MountSource::Remote { name },
        };
        let (at, filesystem) = (place(&self.place), self.filesystem);
        let request = MountsRequest::Mount { source, at, filesystem, options: self.options };
        ask(request, gate, powers).await
    }
}

impl MountRequest {
    /// Source and place as the policy reads them.
    fn wanted(&self) -> Result<(Wanted, GuestPath), Denial> {
        let source = match &self.source {
            MountSource::Path(path) => Wanted::Path(guest_path(path)?),
            MountSource::Device(name) => Wanted::Device(name.clone()),
            MountSource::Remote(name) => Wanted::Remote(name.clone()),
        };
        Ok((source, guest_path(&self.place)?))
    }
}

impl Crossing for UnmountRequest {
    const IMPORT: &'static str = "mounts.unmount";
    const PRIVILEGED: bool = true;
    type Answer = ();

    fn facts(&self) -> Vec<(&'static str, Value)> {
        vec![("asked", vec![spelled(&self.place)].into())]
    }

    fn permitted(&self, powers: &Powers) -> Result<Option<String>, Denial> {
        let rule = powers.policy.decide_unmount(&guest_path(&self.place)?)?;
        Ok(Some(rule.id.clone()))
    }

    async fn perform(self, gate: &mut Gate, powers: &Powers) -> Result<Done<()>, Refusal> {
        let at: Place = place(&self.place);
        ask(MountsRequest::Unmount { at }, gate, powers).await
    }
}

async fn ask(request: MountsRequest, gate: &Gate, powers: &Powers) -> Result<Done<()>, Refusal> {
    let kind = RequestKind::Mounts { request, deadline_ms: milliseconds(gate, None) };
    match powers.broker.ask(kind, &[]).await?.0 {
        Outcome::Mounts { resolved, changed, .. } => Ok(Done {
            answer: (),
            facts: vec![("resolved", json!([resolved])), ("changed", changed.into())],
        }),
        other => Err(failure(other).into()),
    }
}

fn guest_path(path: &Path) -> Result<GuestPath, Denial> {
    GuestPath::parse_relative(&path.root, &path.path)
}
