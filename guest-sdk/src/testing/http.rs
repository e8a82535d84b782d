//! The interface `http` of a test's host: origins that answer as a test says. Called by `asking`,
//! and by tests.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::Host;
use super::asking::{Context, Request};
use super::place::denied;
use crate::HostError;
use crate::imports::http::Response;

pub use crate::imports::http::SendRequest;

/// What an origin does.
type Does = Arc<dyn Fn(&SendRequest) -> Reply + Send + Sync>;

/// The origins, by their names in the policy.
#[derive(Default)]
pub(super) struct Origins(BTreeMap<String, Does>);

/// What an origin answers to a request, or why the host does not send it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply(Result<Response, HostError>);

impl Reply {
    /// A status and a body.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self(Ok(Response { status, headers: Vec::new(), body, truncated: false }))
    }

    /// With a header, whose name is in lower case.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Ok(response) = &mut self.0 {
            response.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The host does not send it, or gets no answer.
    #[must_use]
    pub fn error(error: HostError) -> Self {
        Self(Err(error))
    }
}

impl Request for SendRequest {
    const NAME: &'static str = "http.send";
    type Answer = Response;

    fn words(&self) -> String {
        format!("{} {:?} {}", self.origin, self.method, self.path)
    }

    fn answer(&self, host: &Host, _: &Context) -> Result<Response, HostError> {
        let does = host.world().http.0.get(&self.origin).cloned();
        let does = does.ok_or_else(|| {
            denied(format!("no rule grants the origin `{}`; Host::origin makes one", self.origin))
        })?;
        if !self.path.starts_with('/') {
            return Err(HostError::Invalid("a path begins with `/`".to_owned()));
        }
        does(self).0
    }
}

impl Host {
    /// Grants an origin, by its name in the policy, that answers so.
    pub fn origin(
        &self,
        name: &str,
        does: impl Fn(&SendRequest) -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.world().http.0.insert(name.to_owned(), Arc::new(does));
        self.clone()
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.keys()).finish()
    }
}
