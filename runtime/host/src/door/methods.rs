//! What a method of the door is, and how one is made of its entry in `methods/`: the reading
//! of its parameters, its schema and the writing of its answer follow from the entry's types.

mod host_migration;
mod lists;
mod owned;
mod upstream;

use std::future::Future;
use std::pin::Pin;

use schemars::{Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{Door, Failure};
use crate::options::nearest;
use crate::text::printable;

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Box<RawValue>, Failure>> + Send + 'a>>;

/// A method of the door.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// Its name: upstream's, or `list_…` for what upstream reads from its own database.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub purpose: &'static str,
    /// The schema of the object of its parameters.
    pub(super) parameters: fn(&mut SchemaGenerator) -> Schema,
    /// The schema of its answer.
    pub(super) answer: fn(&mut SchemaGenerator) -> Schema,
    run: for<'a> fn(&'a Door, Box<RawValue>) -> Answer<'a>,
}

impl Method {
    pub(super) async fn call(
        &self,
        door: &Door,
        params: Box<RawValue>,
    ) -> Result<Box<RawValue>, Failure> {
        (self.run)(door, params).await
    }
}

/// The longest name that is compared with those of the methods, and repeated in an answer.
const NAME_BYTES: usize = 64;

/// The method of this name.
pub(super) fn named(name: &str) -> Result<&'static Method, Failure> {
    all().find(|method| method.name == name).ok_or_else(|| Failure::UnknownMethod {
        name: printable(name, NAME_BYTES),
        nearest: (name.len() <= NAME_BYTES)
            .then(|| nearest(name, all().map(|method| method.name)))
            .flatten(),
    })
}

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Method> {
    let others = lists::METHODS.iter().chain(owned::METHODS).chain(host_migration::METHODS);
    others.chain(upstream::METHODS)
}

fn read<T: DeserializeOwned>(method: &'static str, params: &RawValue) -> Result<T, Failure> {
    let refused = |reason: String| Failure::Parameters { method, reason };
    if !params.get().starts_with('{') {
        return Err(refused("they are given by name, in an object".to_owned()));
    }
    let mut text = serde_json::Deserializer::from_str(params.get());
    serde_path_to_error::deserialize(&mut text).map_err(|error| {
        let place = error.path().to_string();
        let reason = error.into_inner();
        // At the top there is no place to name.
        refused(if place == "." { reason.to_string() } else { format!("{place}: {reason}") })
    })
}

/// Whether the method of this name answers a list of what is recorded, however long that is.
pub(super) fn answers_a_list(name: &str) -> bool {
    lists::METHODS.iter().any(|method| method.name == name)
}

fn write(answer: &impl Serialize) -> Result<Box<RawValue>, Failure> {
    serde_json::value::to_raw_value(answer)
        .map_err(|error| crate::Error::Runtime(format!("the answer as JSON: {error}")).into())
}

macro_rules! methods {
    ($(
        #[doc = $purpose:literal]
        $name:ident($($parameter:ident: $type:ty),* $(,)?) -> $answer:ty = |$door:ident| $call:expr;
    )*) => {
        pub(super) static METHODS: &[Method] = &[$({
                #[derive(Deserialize, JsonSchema)]
                #[serde(deny_unknown_fields)]
                struct Parameters { $($parameter: $type),* }

                fn run<'a>($door: &'a Door, params: Box<RawValue>) -> Answer<'a> {
                    Box::pin(async move {
                        let Parameters { $($parameter),* } = read(stringify!($name), &params)?;
                        // Their text is not kept while the call runs.
                        drop(params);
                        let answer: $answer = $call;
                        write(&answer)
                    })
                }

                Method {
                    name: stringify!($name),
                    // The space that follows the comment's sign.
                    purpose: $purpose.trim_ascii_start(),
                    parameters: |generator| Parameters::json_schema(generator),
                    answer: |generator| generator.subschema_for::<$answer>(),
                    run,
                }
        }),*];
    };
}

use methods;
