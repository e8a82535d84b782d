//! What the backend has made, for its operator: to add what somebody else made, to give up what it
//! made. What there is, the records list. Nothing here calls the driver.

use abaca_policy::{Container, Object};
use serde_json::Map;

use super::{Backend, fresh_id};
use crate::approval::who;
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::gate::{Refused, look};
use crate::owned::named;

impl Backend {
    /// Records something as made by the backend, which another program or the operator made: a
    /// share that is taken over, or what is in doubt. Of a place beneath a root there must be
    /// something; at other names nobody can look.
    ///
    /// # Errors
    /// When the policy is not about this container, the name can be nothing's there, nothing is
    /// there, or it is the backend's own already.
    pub async fn add_owned(&self, container: &Container, name: &str) -> Result<()> {
        let object = self.ownable(container, name)?;
        let powers = &self.shared.powers;
        let is_there = look(powers, &object).await.map_err(|refused| match refused {
            Refused::Fault(error) => error,
            Refused::Answer(error) => Error::Invalid(format!("{object}: {error:?}")),
        })?;
        if object.path().is_some() && !is_there {
            return Err(Error::Invalid(format!("{object} is not there")));
        }
        self.write_owned(Event::OwnedAdd, &object)?;
        match powers.owned.add(object.clone()).await? {
            true => Ok(()),
            false => Err(Error::Invalid(format!("{object} is this backend's own already"))),
        }
    }

    /// Gives up something that is recorded as made by the backend, or that may be; what is there
    /// stays.
    ///
    /// # Errors
    /// When nothing is recorded of it.
    pub async fn remove_owned(&self, container: &Container, name: &str) -> Result<()> {
        let object = named(container, name).map_err(Error::Invalid)?;
        self.write_owned(Event::OwnedRemove, &object)?;
        match self.shared.powers.owned.remove(object.clone()).await? {
            true => Ok(()),
            false => Err(Error::Invalid(format!("{object} is not recorded as this backend's own"))),
        }
    }

    /// The thing that an operator names, if a rule could be about it.
    fn ownable(&self, container: &Container, name: &str) -> Result<Object> {
        let containers = self.policy().containers();
        if !containers.contains(container) {
            let known: Vec<_> = containers.iter().map(ToString::to_string).collect();
            return Err(Error::Invalid(format!(
                "no rule of the policy is about {container}; it is about: {}",
                if known.is_empty() { "nothing that is made".to_owned() } else { known.join(", ") }
            )));
        }
        named(container, name).map_err(Error::Invalid)
    }

    /// Writes down what the operator is about to say.
    fn write_owned(&self, event: Event, object: &Object) -> Result<()> {
        let mut line = Map::new();
        line.insert("container".to_owned(), object.container.to_string().into());
        line.insert("name".to_owned(), object.name.clone().into());
        line.insert("by".to_owned(), who().into());
        self.shared.powers.audit.write(event, &fresh_id(), line)
    }
}
