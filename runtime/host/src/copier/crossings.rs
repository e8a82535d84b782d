//! The two requests of a copy, as the gate sees them: a tree that is sent, and one that is taken
//! in. They have the form of those that drivers make, so that policy, ownership and audit hold for
//! them as well; but no driver can make one.

use std::os::fd::OwnedFd;

use abaca_broker::protocol::{FilesReply, FilesRequest, Outcome, Place, RequestKind};
use abaca_policy::{Denial, GuestPath, Object, Verb};
use serde::Serialize;
use serde_json::{Value, json};

use crate::contract::bindings::abaca::host::types::Error;
use crate::gate::{Claims, Crossing, Done, Gate, Need, Powers, Refusal, Weight};
use crate::imports::failure;

/// What there is to send or to take in.
#[derive(Serialize)]
pub(super) struct Tree {
    #[serde(serialize_with = "spelled")]
    pub place: GuestPath,
    /// Names at its top that are left alone.
    pub ignore: Vec<String>,
    /// What the broker writes it to, or reads it from.
    #[serde(skip)]
    pub stream: OwnedFd,
}

/// A tree is read.
#[derive(Serialize)]
pub(super) struct SendTree(pub Tree);

/// A tree is filled.
#[derive(Serialize)]
pub(super) struct ReceiveTree(pub Tree);

/// Entries, and bytes of regular files.
type Counted = (u64, u64);

impl Tree {
    fn at(&self) -> Place {
        Place { root: self.place.root.clone(), path: self.place.components.join("/") }
    }

    fn facts(&self) -> Vec<(&'static str, Value)> {
        vec![("asked", vec![self.place.to_string()].into()), ("ignore", json!(self.ignore))]
    }

    fn claims(&self, powers: &Powers, verb: Verb) -> Result<Claims, Denial> {
        let rule = powers.policy.decide_files(verb, &self.place)?.rule;
        let object = Object::at(&self.place).filter(|_| rule.own);
        let needs = object.map(|object| Need { rule: rule.id.clone(), object });
        Ok(Claims { needs: needs.into_iter().collect(), ..Claims::default() })
    }

    async fn perform(
        self,
        request: FilesRequest,
        gate: &Gate,
        powers: &Powers,
    ) -> Result<Done<Counted>, Refusal> {
        let left = gate.remaining(None).as_millis();
        let deadline_ms = u64::try_from(left).unwrap_or(u64::MAX);
        let kind = RequestKind::Files { request, deadline_ms };
        match powers.broker.ask_with(kind, &[], Some(self.stream)).await?.0 {
            Outcome::Files { resolved, reply: FilesReply::Tree { tally }, .. } => Ok(Done {
                answer: (tally.entries, tally.bytes),
                facts: vec![("resolved", json!(resolved)), ("tree", json!(tally))],
            }),
            Outcome::Files { .. } => {
                Err(Error::Failed("the broker answered something else".to_owned()).into())
            }
            other => Err(failure(other).into()),
        }
    }
}

fn spelled<S: serde::Serializer>(place: &GuestPath, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(place)
}

macro_rules! crossing {
    ($name:ident, $word:literal, $verb:expr, $request:ident) => {
        impl Weight for $name {
            fn beyond(&self) -> usize {
                0
            }
        }

        impl Crossing for $name {
            const IMPORT: &'static str = concat!("files.", $word);
            const PRIVILEGED: bool = true;
            type Answer = Counted;

            fn facts(&self) -> Vec<(&'static str, Value)> {
                self.0.facts()
            }

            fn permitted(&self, powers: &Powers) -> Result<Option<String>, Denial> {
                let granted = powers.policy.decide_files($verb, &self.0.place)?;
                Ok(Some(granted.rule.id.clone()))
            }

            fn claims(&self, powers: &Powers) -> Result<Claims, Denial> {
                self.0.claims(powers, $verb)
            }

            async fn perform(
                self,
                gate: &mut Gate,
                powers: &Powers,
            ) -> Result<Done<Counted>, Refusal> {
                let (at, ignore) = (self.0.at(), self.0.ignore.clone());
                self.0.perform(FilesRequest::$request { at, ignore }, gate, powers).await
            }
        }
    };
}

crossing!(SendTree, "send", Verb::Send, Send);
crossing!(ReceiveTree, "receive", Verb::Receive, Receive);
