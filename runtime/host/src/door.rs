//! The door for services in other languages: every method of a backend under upstream's name, by
//! JSON-RPC 2.0, one message a line, over a Unix socket. What a method does is `Backend`'s
//! business; here are names, JSON and the socket alone. Used by `abaca serve`, `abaca call` and
//! `abaca schema`, and by services that embed the crate and want a door of their own.
//!
//! ```text
//! line ─▶ message ─▶ methods: parameters as types ─▶ Backend ─▶ answer or failure ─▶ line
//!  (connection: how many at once, which can be cancelled)
//! ```
//! Who may connect is what the socket's permissions say; there is no other check of who asks.

mod connection;
mod failure;
mod lines;
mod message;
mod methods;
mod schema;
mod server;
mod unread;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::backend::Backend;
use crate::contract::Interface;
use crate::error::{Error, ErrorDocument};
use crate::quarantine::Standing;
use crate::types::ShareProtocol;

pub use self::connection::{ARRAY, CALLS_PER_CONNECTION, CANCEL, DISCOVER};
pub use self::failure::Failure;
pub use self::lines::LINE_BYTES;
pub use self::methods::{Method, all as methods};
pub use self::schema::{document as schema, of_method as schema_of};
pub use self::server::{CALLS, CONNECTIONS, Listener, REQUEST_BYTES, bind};

/// Requests of one backend that run at once or wait for their turn, whoever asked: its driver may let
/// all of them hang, and then a quarter of all that there are hang, and others are served.
pub const CALLS_PER_BACKEND: usize = 1024;

/// The backends that are served, by name. Cheap to clone; all clones are the same door.
#[derive(Clone, Debug, Default)]
pub struct Door {
    backends: Arc<RwLock<Backends>>,
}

type Backends = BTreeMap<String, Served>;

/// What stands under one name.
#[derive(Clone, Debug)]
struct Served {
    /// Or why it cannot be called.
    backend: Result<Backend, ErrorDocument>,
    behind: Option<Behind>,
    /// A place for each request that may run; what has begun keeps its place when another backend
    /// comes under the name.
    places: Arc<Semaphore>,
}

/// A backend, and a place among the requests of it that run, until this is dropped.
#[derive(Debug)]
struct Taken {
    backend: Backend,
    /// Held, not used.
    _place: OwnedSemaphorePermit,
}

impl Deref for Taken {
    type Target = Backend;

    fn deref(&self) -> &Backend {
        &self.backend
    }
}

/// The version of a backend's driver that should run, and cannot: the one before it goes on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Behind {
    /// Its number; none of the driver that is configured.
    pub version: Option<u32>,
    /// Why it cannot be used; it is tried again.
    pub error: ErrorDocument,
}

/// One served backend, as `list_backends` shows it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct BackendSummary {
    /// Its name, the parameter `backend` of all methods.
    pub name: String,
    /// Why it cannot be called; then nothing else is known of it.
    pub error: Option<ErrorDocument>,
    /// Its driver's name.
    pub driver: Option<String>,
    /// Its driver's version.
    pub driver_version: Option<String>,
    /// The protocols that the driver serves.
    pub protocols: Vec<ShareProtocol>,
    /// The interfaces that the driver offers, by their names in the contract.
    pub interfaces: Vec<String>,
    /// Whether share servers are handled.
    pub driver_handles_share_servers: bool,
    /// Whether its driver is called, or is in quarantine or disabled.
    pub standing: Option<Standing>,
    /// Set while another version of its driver should run, and cannot.
    pub behind: Option<Behind>,
}

impl Door {
    /// Serves nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves a backend that was prepared.
    #[must_use]
    pub fn with(self, backend: Backend) -> Self {
        self.replace(backend);
        self
    }

    /// Serves a backend in place of the one of its name, also while the door is open. Calls that
    /// have begun end with the one that they began with, all others go to this one.
    pub fn replace(&self, backend: Backend) {
        self.set(backend.name().to_owned(), Ok(backend));
    }

    /// Names a backend that could not be opened or prepared: each call of it is answered with
    /// that error, and the others are served.
    #[must_use]
    pub fn with_broken(self, name: &str, error: &Error) -> Self {
        self.breaks(name, error);
        self
    }

    /// Tells of a backend that it cannot be called now and why, also while the door is open:
    /// [`Error::Busy`] of one that is being prepared. Until it is [replaced](Self::replace) each
    /// call of it is answered with that error.
    pub fn breaks(&self, name: &str, error: &Error) {
        self.set(name.to_owned(), Err(error.into()));
    }

    /// Tells of a backend that it goes on as it is because that version of its driver cannot be
    /// used; until it is [replaced](Self::replace), or [keeps up](Self::keeps_up) again.
    pub fn falls_behind(&self, name: &str, version: Option<u32>, error: &Error) {
        self.tell(name, Some(Behind { version, error: error.into() }));
    }

    /// Tells of a backend that it is as it should be.
    pub fn keeps_up(&self, name: &str) {
        self.tell(name, None);
    }

    fn tell(&self, name: &str, behind: Option<Behind>) {
        let mut backends = self.backends.write().unwrap_or_else(PoisonError::into_inner);
        let Some(served) = backends.get_mut(name) else { return };
        if let Ok(backend) = &served.backend {
            backend.metrics().behind(behind.is_some());
        }
        served.behind = behind;
    }

    fn set(&self, name: String, backend: Result<Backend, ErrorDocument>) {
        if let Ok(backend) = &backend {
            backend.metrics().behind(false);
        }
        // A writer that panicked has left the map as it was.
        let mut backends = self.backends.write().unwrap_or_else(PoisonError::into_inner);
        let places = match backends.get(&name) {
            Some(before) => Arc::clone(&before.places),
            None => Arc::new(Semaphore::new(CALLS_PER_BACKEND)),
        };
        backends.insert(name, Served { backend, behind: None, places });
    }

    fn served(&self) -> RwLockReadGuard<'_, Backends> {
        self.backends.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls a method as a message would: `params` is an object of its parameters, `backend`
    /// among them, and the answer is JSON. Dropping the future gives the call up.
    ///
    /// # Errors
    /// When there is no such method or backend, when the parameters are not as the schema says,
    /// and what the call answers.
    pub async fn call(
        &self,
        method: &str,
        params: Box<RawValue>,
    ) -> Result<Box<RawValue>, Failure> {
        methods::named(method)?.call(self, params).await
    }

    /// The backend that a call begins with, and ends with. It is held until the call has ended.
    fn backend(&self, name: &str) -> Result<Taken, Failure> {
        let backends = self.served();
        let Some(Served { backend, places, .. }) = backends.get(name) else {
            return Err(Failure::UnknownBackend {
                name: name.to_owned(),
                known: backends.keys().cloned().collect(),
            });
        };
        match backend {
            Ok(backend) => match Arc::clone(places).try_acquire_owned() {
                Ok(place) => Ok(Taken { backend: backend.clone(), _place: place }),
                Err(_) => Err(Failure::Busy(format!(
                    "{CALLS_PER_BACKEND} requests of the backend `{name}` run already"
                ))),
            },
            Err(error) => Err(Failure::Broken(Box::new(error.clone()))),
        }
    }

    /// The names of the backends that are served, and of those that cannot be.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.served().keys().cloned().collect()
    }

    /// The backends that are served, and those that cannot be.
    pub async fn backends(&self) -> Vec<BackendSummary> {
        let backends = self.served().clone();
        let mut all = Vec::with_capacity(backends.len());
        for (name, Served { backend, behind, .. }) in backends {
            let summary = match backend {
                Err(error) => BackendSummary::broken(&name, error),
                // One whose state cannot be read cannot be called either.
                Ok(backend) => match backend.conduct().standing().await {
                    Ok(standing) => BackendSummary::of(&backend, standing),
                    Err(error) => BackendSummary::broken(&name, (&error).into()),
                },
            };
            all.push(BackendSummary { behind, ..summary });
        }
        all
    }
}

impl BackendSummary {
    fn broken(name: &str, error: ErrorDocument) -> Self {
        Self {
            name: name.to_owned(),
            error: Some(error),
            driver: None,
            driver_version: None,
            protocols: Vec::new(),
            interfaces: Vec::new(),
            driver_handles_share_servers: false,
            standing: None,
            behind: None,
        }
    }

    fn of(backend: &Backend, standing: Standing) -> Self {
        let driver = backend.driver();
        let offered = Interface::ALL.iter().filter(|one| driver.offers(**one));
        let description = driver.description();
        Self {
            name: backend.name().to_owned(),
            error: None,
            driver: Some(description.name.clone()),
            driver_version: Some(description.version.clone()),
            protocols: description.protocols.clone(),
            interfaces: offered.map(|one| one.name().to_owned()).collect(),
            driver_handles_share_servers: backend.driver_handles_share_servers(),
            standing: Some(standing),
            behind: None,
        }
    }
}
