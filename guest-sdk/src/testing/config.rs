//! The interface `config` of a test's host. Called by `asking`, and by tests, who are the
//! operator; which options there are, `options` knows.

use super::Host;
use super::asking::{Context, Request};
use super::place::denied;
use crate::HostError;
use crate::imports::config::{GetRequest, Value};

impl Request for GetRequest {
    const NAME: &'static str = "config.get";
    type Answer = Option<Value>;

    fn words(&self) -> String {
        self.name.clone()
    }

    fn answer(&self, host: &Host, _: &Context) -> Result<Option<Value>, HostError> {
        host.world()
            .options
            .get(&self.name)
            .ok_or_else(|| denied("the driver has not declared this option".to_owned()))
    }
}

impl Host {
    /// Sets an option, as the operator does. On a host [of a driver](Host::of) it is one that the
    /// driver declares, or one that every back end has; on another, it is then declared.
    ///
    /// # Panics
    /// When there is no such option, or it is of another type.
    #[track_caller]
    pub fn option(&self, name: &str, value: impl Into<Setting>) -> Self {
        self.world().options.set(name, value.into().0);
        self.clone()
    }

    /// Sets a secret option. A driver sees that it is set, and nothing else.
    ///
    /// # Panics
    /// When there is no such option, or it is not secret.
    #[track_caller]
    pub fn secret(&self, name: &str) -> Self {
        self.world().options.set(name, Value::Secret(name.to_owned()));
        self.clone()
    }

    /// Takes an option back: its default holds, if it has one.
    pub fn unset(&self, name: &str) {
        self.world().options.unset(name);
    }
}

/// What an operator writes for an option. Made of what a test writes; it is no [`Value`] itself,
/// so that no driver comes to need on the host what a component does not have.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting(Value);

/// Makes settings of what a test writes for them.
macro_rules! settings {
    ($($type:ty => $make:expr;)+) => {$(
        impl From<$type> for Setting {
            fn from(value: $type) -> Self {
                Self(($make)(value))
            }
        }
    )+};
}

settings! {
    &str => |text: &str| Value::Text(text.to_owned());
    String => Value::Text;
    i32 => |whole| Value::Integer(i64::from(whole));
    i64 => Value::Integer;
    f64 => Value::Float;
    bool => Value::Boolean;
    Vec<String> => Value::TextList;
    &[&str] => |texts: &[&str]| Value::TextList(texts.iter().map(ToString::to_string).collect());
}
