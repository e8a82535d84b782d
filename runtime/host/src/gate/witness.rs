//! Who stands beside the gate and sees what crosses it: the recorder of a transcript, or a replay. A
//! witness sees a request before it is decided and its answer before
//! the driver does, both as JSON in the contract's words and without secrets; it may answer in the
//! world's place, or end the call. None of them can do what the policy forbids:
//! only the gate performs.
//!
//! Called by `Gate::cross`, and by `backend/calling` for what a call begins and ends with.

use std::fmt;
use std::pin::Pin;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use abaca_policy::Denial;

use super::{Crossing, Ending, Gate};
use crate::contract::bindings::abaca::host::types::Error as HostError;
use crate::contract::bindings::abaca::host::{clock, command, config, files, network, state};
use crate::error::Error;
use crate::types::bytes::Bytes;

/// What a witness has to wait for.
pub(crate) type Waiting<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An answer as a witness sees it.
pub(crate) type Seen = Result<Value, HostError>;

/// One request at the gate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    /// Its call, by the identifier of the audit.
    pub call: String,
    /// Which of the call's requests it is, from 1.
    pub number: u64,
    /// Interface and function, for example `command.run`.
    pub import: &'static str,
    /// What is asked.
    pub request: Value,
}

/// What a witness does about a request before it is decided.
#[derive(Debug)]
pub(crate) enum Before {
    /// Lets it go on.
    Go,
    /// Answers it; neither the policy nor the world is asked.
    Answer(Seen),
    /// Ends the call.
    End(Ending),
}

/// What a witness does about an answer.
#[derive(Debug)]
pub(crate) enum After {
    /// Lets the driver have it.
    Keep,
    /// Ends the call.
    End(Ending),
}

/// How a call of the driver ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answered {
    /// The driver's own answer, or its error.
    Driver(Result<Value, Value>),
    /// The call was ended: what ended it.
    Ended(String),
}

/// See above.
pub(crate) trait Witness: Send + Sync + fmt::Debug {
    /// A function of the driver is about to be called.
    fn called(&self, _call: &str, _method: &str, _arguments: Vec<Value>) -> Result<(), Error> {
        Ok(())
    }

    /// A request has come.
    fn before<'a>(&'a self, _asked: &'a Asked) -> Waiting<'a, Before> {
        Box::pin(async { Before::Go })
    }

    /// It has its answer.
    fn after<'a>(&'a self, _asked: &'a Asked, _answer: &'a Seen) -> Waiting<'a, After> {
        Box::pin(async { After::Keep })
    }

    /// The call has ended.
    fn ended(&self, _call: &str, _answered: Answered) -> Result<(), Error> {
        Ok(())
    }
}

impl Gate {
    /// The same under the eyes of a witness, which may have it otherwise.
    pub(super) async fn seen<C: Crossing>(
        &mut self,
        witness: &dyn Witness,
        request: C,
        facts: Vec<(&'static str, Value)>,
        clean: Result<(), Denial>,
        subject: &str,
    ) -> Result<Result<C::Answer, HostError>, Ending> {
        let unspeakable =
            |error| Error::Runtime(format!("{} cannot be told in JSON: {error}", C::IMPORT));
        let told = serde_json::to_value(&request).map_err(unspeakable)?;
        let asked = Asked {
            call: self.call.clone(),
            number: self.meter.requests().into(),
            import: C::IMPORT,
            request: self.hidden_value(told),
        };
        let hear = |told: Seen| match told {
            Ok(answer) => C::Answer::hear(answer).map(Ok).map_err(unspeakable),
            Err(error) => Ok(Err(error)),
        };
        let answer = match witness.before(&asked).await {
            Before::End(ending) => return Err(ending),
            Before::Answer(told) => hear(told)?,
            Before::Go => self.decide(request, facts, clean, subject).await?,
        };
        let told = match &answer {
            Ok(answer) => Ok(self.hidden_value(answer.tell().map_err(unspeakable)?)),
            // It may quote what was asked.
            Err(error) => Err(self.hidden_error(error.clone()).map_err(unspeakable)?),
        };
        match witness.after(&asked, &told).await {
            After::Keep => Ok(answer),
            After::End(ending) => Err(ending),
        }
    }

    /// Without the secrets that the driver may read.
    fn hidden_value(&self, value: Value) -> Value {
        match &self.powers {
            Some(powers) => powers.revealed.hidden_value(value),
            None => value,
        }
    }

    fn hidden_error(&self, error: HostError) -> serde_json::Result<HostError> {
        serde_json::from_value(self.hidden_value(serde_json::to_value(error)?))
    }

    /// Tells the witness which function of the driver is about to be called, and with what.
    pub(crate) fn calls(
        &self,
        function: &str,
        arguments: impl FnOnce() -> serde_json::Result<Vec<Value>>,
    ) -> Result<(), Ending> {
        let Some(witness) = &self.witness else { return Ok(()) };
        // The bindings' name for it.
        let method = &function.trim_start_matches("call_").replace('_', "-");
        let arguments = arguments().map_err(|error| {
            Error::Invalid(format!("the arguments of {method} cannot be written down: {error}"))
        })?;
        let arguments = arguments.into_iter().map(|value| self.hidden_value(value)).collect();
        Ok(witness.called(&self.call, method, arguments)?)
    }
}

/// What crosses the gate inwards, as JSON and back.
pub(crate) trait Telling: Sized {
    /// As JSON.
    fn tell(&self) -> serde_json::Result<Value>;
    /// From JSON.
    fn hear(value: Value) -> serde_json::Result<Self>;
}

fn plainly<T: Serialize>(value: &T) -> serde_json::Result<Value> {
    serde_json::to_value(value)
}

fn heard<T: DeserializeOwned>(value: Value) -> serde_json::Result<T> {
    serde_json::from_value(value)
}

macro_rules! plain {
    ($($type:ty),* $(,)?) => {
        $(impl Telling for $type {
            fn tell(&self) -> serde_json::Result<Value> {
                plainly(self)
            }

            fn hear(value: Value) -> serde_json::Result<Self> {
                heard(value)
            }
        })*
    };
}

plain! {
    (), u64, (u64, u64), Option<String>, clock::Timestamp, command::Output, Option<config::Value>,
    Vec<files::Entry>, files::TreeUsage, Vec<network::Allocation>, state::Details, state::Found,
}

/// A file's content: text where it is text.
impl Telling for Vec<u8> {
    fn tell(&self) -> serde_json::Result<Value> {
        plainly(&Bytes::from(self.as_slice()))
    }

    fn hear(value: Value) -> serde_json::Result<Self> {
        heard::<Bytes>(value).map(Bytes::into_vec)
    }
}
