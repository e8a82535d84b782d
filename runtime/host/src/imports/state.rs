//! `abaca:host/state`: what a driver remembers, in the backend's own database. Granted to every
//! driver; bounded by keys and bytes.

use abaca_policy::Denial;
use serde_json::{Value, json};

use crate::call::Room;
use crate::contract::bindings::abaca::host::state::{
    ApplyRequest, Change, Details, FindRequest, Found, GetAllRequest, GetRequest, Host,
};
use crate::contract::bindings::abaca::host::types::Error;
use crate::gate::{Crossing, Done, Gate, Powers, Refusal, Told};
use crate::text::is_plain_text;

/// The longest entity or key, in bytes. Upstream's keys are at most 255.
const NAME_BYTES: usize = 255;

/// The most changes in one batch: a group of some hundred shares changes some keys of each.
const BATCH: usize = 1024;

macro_rules! crossing {
    ($($function:ident($request:ident) -> $answer:ty = $word:literal, told $told:ident, asks $facts:expr, keeps $kept:expr,
       |$this:ident, $state:ident, $limits:ident| $check:expr, $perform:expr;)*) => {
        impl Host for Room {
            $(async fn $function(
                &mut self,
                request: $request,
            ) -> wasmtime::Result<Result<$answer, Error>> {
                self.gate.cross(request).await
            })*
        }

        $(impl Crossing for $request {
            const IMPORT: &'static str = concat!("state.", $word);
            const PRIVILEGED: bool = false;
            const TOLD: Told = Told::$told;
            type Answer = $answer;

            fn facts(&self) -> Vec<(&'static str, Value)> {
                $facts(self)
            }

            fn kept(&self) -> Vec<&str> {
                $kept(self)
            }

            fn permitted(&self, _: &Powers) -> Result<Option<String>, Denial> {
                Ok(None)
            }

            async fn perform(
                self,
                gate: &mut Gate,
                powers: &Powers,
            ) -> Result<Done<$answer>, Refusal> {
                let ($this, $state, $limits) = (self, &powers.state, &gate.limits);
                $check;
                let _ = $limits;
                Ok(Done::plain($perform.await?))
            }
        })*
    };
}

crossing! {
    get(GetRequest) -> Option<String> = "get",
        told WithTheNext, asks |this: &GetRequest| asked(&this.entity, &this.key), keeps nothing, |this, state, limits|
        { check_name(&this.entity)?; check_name(&this.key)? },
        state.get(this.entity, this.key);
    get_all(GetAllRequest) -> Details = "get-all",
        told WithTheNext, asks |this: &GetAllRequest| vec![("entity", this.entity.clone().into())],
        keeps nothing, |this, state, limits|
        check_name(&this.entity)?,
        state.get_all(this.entity);
    find(FindRequest) -> Found = "find",
        told WithTheNext, asks |this: &FindRequest| vec![("key", this.key.clone().into())],
        keeps nothing, |this, state, limits|
        check_name(&this.key)?,
        state.find(this.key);
    apply(ApplyRequest) -> u64 = "apply",
        told First, asks changes, keeps texts, |this, state, limits|
        check_batch(&this, limits.state_value_bytes)?,
        state.apply(this, limits.clone());
}

fn asked(entity: &str, key: &str) -> Vec<(&'static str, Value)> {
    vec![("entity", entity.into()), ("key", key.into())]
}

/// What a batch changes, by entity and key; never a value. Of one that is too long as much as one may
/// have: it is refused as a whole, and costs no more than that.
fn changes(request: &ApplyRequest) -> Vec<(&'static str, Value)> {
    let changes = request.changes.iter().take(BATCH).map(|change| match change {
        Change::Set(set) => json!(["set", set.entity, set.key]),
        Change::Remove(remove) => match &remove.key {
            Some(key) => json!(["remove", remove.entity, key]),
            None => json!(["remove", remove.entity]),
        },
    });
    vec![("count", request.changes.len().into()), ("changes", changes.collect())]
}

/// What is kept of a request that only asks.
fn nothing<R>(_: &R) -> Vec<&str> {
    Vec::new()
}

/// What a batch would keep.
fn texts(request: &ApplyRequest) -> Vec<&str> {
    let changes = request.changes.iter();
    let texts = changes.map(|change| match change {
        Change::Set(set) => vec![set.entity.as_str(), &set.key, &set.value],
        Change::Remove(_) => Vec::new(),
    });
    texts.flatten().collect()
}

/// Names are shown to people and kept for ever: short, and without control characters.
pub(crate) fn check_name(text: &str) -> Result<(), Error> {
    let good = !text.is_empty() && text.len() <= NAME_BYTES && is_plain_text(text);
    if good {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "a name in the state has 1 to {NAME_BYTES} bytes and no control or invisible characters"
    )))
}

pub(crate) fn check_batch(request: &ApplyRequest, value_bytes: usize) -> Result<(), Error> {
    if request.changes.len() > BATCH {
        return Err(Error::Limit(format!("{BATCH} changes in one batch")));
    }
    for change in &request.changes {
        match change {
            Change::Set(set) => {
                check_name(&set.entity)?;
                check_name(&set.key)?;
                if set.value.len() > value_bytes {
                    return Err(Error::Limit(format!("{value_bytes} bytes in one value")));
                }
            }
            Change::Remove(remove) => {
                check_name(&remove.entity)?;
                remove.key.as_deref().map_or(Ok(()), check_name)?;
            }
        }
    }
    Ok(())
}
