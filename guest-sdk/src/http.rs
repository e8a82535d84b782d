//! Requests to origins that the policy names, through `abaca:host/http`. Called by
//! drivers, who know an origin's name; the host resolves it, checks certificates
//! and inserts secrets.

use core::time::Duration;

use crate::HostError;
use crate::command::milliseconds;
use crate::imports::http as host;

pub use host::{HeaderValue, Method, Response};

/// One request.
///
/// ```no_run
/// # fn ask() -> Result<(), abaca_sdk::HostError> {
/// use abaca_sdk::http::{Method, Request};
///
/// let response = Request::new(Method::Get, "filer", "/api/volumes")
///     .query("name", "share-1")
///     .secret_header("authorization", "filer_token")
///     .send()?;
/// assert_eq!(response.status, 200);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Request(host::SendRequest);

impl Request {
    /// A request for an absolute path at an origin, by its name in the policy.
    #[must_use]
    pub fn new(method: Method, origin: &str, path: &str) -> Self {
        Self(host::SendRequest {
            origin: origin.to_owned(),
            method,
            path: path.to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            timeout_ms: None,
        })
    }

    /// Adds a pair to the query, unescaped.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.0.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.0.headers.push((name.to_owned(), HeaderValue::Text(value.to_owned())));
        self
    }

    /// Adds a header whose value is the secret option `option`, filled in by the
    /// host.
    #[must_use]
    pub fn secret_header(mut self, name: &str, option: &str) -> Self {
        self.0.headers.push((name.to_owned(), HeaderValue::Secret(option.to_owned())));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = Some(body.into());
        self
    }

    /// How long it may take; the rule's own limit and the call's deadline hold too.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout_ms = Some(milliseconds(timeout));
        self
    }

    /// Sends it. Any status is an answer.
    ///
    /// # Errors
    /// What the host answers.
    pub fn send(&self) -> Result<Response, HostError> {
        host::send(&self.0)
    }
}
