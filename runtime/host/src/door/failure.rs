//! Why a request was not answered with a result, and how that looks in JSON-RPC.
//!
//! | code | meaning |
//! |---|---|
//! | -32700, -32600, -32601, -32602 | JSON-RPC's own: no JSON, no request, no such method, wrong parameters |
//! | -32002 … -32005 | the call failed, and it is for the operator, the driver, the storage, the runtime to mend; `abaca`'s exit codes 2 to 5 |
//! | -32006 | cancelled, or the service stops |
//! | -32007 | too much at once, or something else is under way on the same thing: ask again |
//!
//! `data` is an [`ErrorDocument`] in every case.

use crate::error::{Blame, Error, ErrorDocument, ErrorKind};
use crate::types::Pairs;

use super::message::ErrorObject;

const OPERATOR: i32 = -32002;
const DRIVER: i32 = -32003;
const BACKEND: i32 = -32004;
const RUNTIME: i32 = -32005;
const CANCELLED: i32 = -32006;
const BUSY: i32 = -32007;

/// The codes beside JSON-RPC's own, and what they mean.
pub(super) const CODES: [(i32, &str); 6] = [
    (OPERATOR, "for the operator to mend"),
    (DRIVER, "for the driver to mend"),
    (BACKEND, "for the storage to mend"),
    (RUNTIME, "for the runtime to mend"),
    (CANCELLED, "cancelled, or the service stops"),
    (BUSY, "too much at once, or something else is under way on the same thing: ask again"),
];

/// Why a request was not answered with a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The line is no JSON, or no text at all.
    #[error("this is not JSON: {0}")]
    NoJson(String),
    /// The JSON is no request.
    #[error("this is not a JSON-RPC 2.0 request: {0}")]
    NoRequest(String),
    /// There is no such method.
    #[error("there is no method `{name}`{}", hint(.nearest.as_deref()))]
    UnknownMethod {
        /// What was asked for.
        name: String,
        /// The method that may be meant.
        nearest: Option<String>,
    },
    /// The parameters are not as the schema says.
    #[error("the parameters of `{method}` do not do: {reason}")]
    Parameters {
        /// Which method.
        method: &'static str,
        /// What is wrong with them, and where.
        reason: String,
    },
    /// No backend of this name is served.
    #[error("there is no backend `{name}`; there are: {}", .known.join(", "))]
    UnknownBackend {
        /// What was asked for.
        name: String,
        /// Which there are.
        known: Vec<String>,
    },
    /// The backend could not be opened or prepared, or is being prepared.
    #[error("{}", .0.message)]
    Broken(Box<ErrorDocument>),
    /// The call failed.
    #[error(transparent)]
    Call(#[from] Error),
    /// The request was cancelled.
    #[error(
        "cancelled: the call was given up, and all that it had started is being ended; if it had \
         begun, its record will say that it was interrupted"
    )]
    Cancelled,
    /// Too much is asked for at once.
    #[error("{0}")]
    Busy(String),
}

impl Failure {
    /// JSON-RPC's number for it.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Self::NoJson(_) => -32700,
            Self::NoRequest(_) => -32600,
            Self::UnknownMethod { .. } => -32601,
            Self::Parameters { .. } | Self::UnknownBackend { .. } => -32602,
            Self::Broken(document) if document.kind == ErrorKind::Busy => BUSY,
            Self::Broken(document) => of_blame(document.blame),
            Self::Call(Error::Busy(_)) => BUSY,
            Self::Call(error) => of_blame(error.blame()),
            Self::Cancelled => CANCELLED,
            Self::Busy(_) => BUSY,
        }
    }

    /// It as data.
    #[must_use]
    pub fn document(&self) -> ErrorDocument {
        let (kind, advice) = match self {
            Self::Broken(document) => {
                let mut document = (**document).clone();
                if document.kind != ErrorKind::Busy {
                    document.advice =
                        "mend it: `abaca serve` tries it again every minute; it reads \
                                       its configuration only when it starts"
                            .to_owned();
                }
                return document;
            }
            Self::Call(error) => return error.into(),
            Self::Cancelled => (ErrorKind::Cancelled, "look at its record, and ask again"),
            Self::Busy(_) => {
                (ErrorKind::Busy, "wait for answers, or cancel what hangs, before you ask for more")
            }
            Self::UnknownMethod { .. } | Self::Parameters { .. } => {
                (ErrorKind::Request, "`abaca schema` shows all methods and their parameters")
            }
            Self::UnknownBackend { .. } => (ErrorKind::Request, "`list_backends` shows them"),
            Self::NoJson(_) | Self::NoRequest(_) => {
                (ErrorKind::Request, "send one JSON-RPC 2.0 request, or an array of them, a line")
            }
        };
        ErrorDocument {
            message: self.to_string(),
            kind,
            blame: Blame::Operator,
            advice: advice.to_owned(),
            driver: None,
            export_locations: Vec::new(),
            server_details: Pairs::default(),
            next_try: None,
        }
    }

    /// It as the `error` of an answer.
    pub(super) fn object(&self) -> ErrorObject {
        let data = self.document();
        ErrorObject { code: self.code(), message: data.message.clone(), data }
    }
}

/// Whose turn it is, as a code.
fn of_blame(blame: Blame) -> i32 {
    match blame {
        Blame::Operator => OPERATOR,
        Blame::Driver => DRIVER,
        Blame::Backend => BACKEND,
        Blame::Runtime => RUNTIME,
    }
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; {nearest}")).unwrap_or_default()
}
