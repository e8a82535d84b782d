//! Whether what a request names is this backend's own, and what becomes its own by it: the part of
//! the gate that answers `owner = "self"`.
//!
//! ```text
//! needs ─ own? ─ no ─▶ denied, or not found where nothing is
//!   │yes
//! makes ─ free? ─ no ─▶ exists already, or denied
//!   │yes
//! written down (open) ─▶ the request ─▶ looked at again ─▶ written down (made, or nobody's)
//! ```
//! That a place was free before what makes it is written down, and that the place is looked at
//! after, is what an end that nobody knows rests on: whatever is there then was made by this,
//! for no other backend of this runtime makes anything at a place that is not settled. What was its
//! own in a directory that went away, whosever that was, is forgotten: beneath what is removed or
//! renamed, and beneath a place where nothing is when something comes there.

use abaca_broker::protocol::{FilesReply, FilesRequest, Outcome, Place, RequestKind};
use abaca_policy::{Denial, Object};

use super::{Gate, Powers};
use crate::contract::bindings::abaca::host::types::Error as HostError;
use crate::error::Error;
use crate::imports::failure;
use crate::owned::{OWNED_MAX, Opening, OwnedState};

/// How long a look may take: it is one question to a file system.
const LOOK_MS: u64 = 10_000;

/// What a request has to do with things that backends make.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// What must be its own.
    pub needs: Vec<Need>,
    /// What it makes.
    pub makes: Vec<Make>,
    /// What is no longer its own afterwards.
    pub ends: Vec<Object>,
    /// What is renamed: only if this is its own, so is what it is renamed to.
    pub renamed: Option<Object>,
}

/// Something that must be a backend's own, and the rule that says so.
#[derive(Debug)]
pub(crate) struct Need {
    pub rule: String,
    pub object: Object,
}

/// Something that a request makes, and the rule by which it does.
#[derive(Debug)]
pub(crate) struct Make {
    pub rule: String,
    pub object: Object,
    pub taken: Taken,
}

/// What holds where something that is not its own is in the place already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Nothing is made in its place, as nothing ever is.
    Exists,
    /// It would be replaced, which the rule forbids.
    Denied,
    /// It is replaced, and stays whosever it was.
    Replaced,
}

/// How a request ended, as far as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As it was asked, and so that there is no doubt what is there now.
    Proved,
    /// As it was asked, by its own account.
    Done,
    /// It was never begun.
    Refused,
    /// Nobody knows how far it came.
    Unclear,
}

/// Why a request goes no further.
pub(super) enum Stop {
    Denied(Denial),
    Answer(HostError),
}

/// What is written down of a request that goes on, until it is settled.
#[derive(Default)]
pub(super) struct Stake {
    opening: Option<Opening>,
    makes: Vec<Object>,
    ends: Vec<Object>,
}

/// Whose a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Own,
    /// Somebody is making or removing it now.
    InHands,
    /// A program that was to make it did not end well.
    Maybe,
    /// Nobody's, for nothing is there.
    Missing,
    /// Somebody else's; of a name, at which nobody can look, also nobody's.
    Strange,
}

impl Gate {
    /// Whether the request may go on, and what it has to be settled for then.
    pub(super) async fn open(
        &mut self,
        powers: &Powers,
        claims: Claims,
    ) -> Result<Result<Stake, Stop>, Error> {
        self.must_be_new = false;
        let Claims { needs, makes, ends, renamed } = claims;
        let denied = |rule, reason| Ok(Err(Stop::Denied(Denial { rule: Some(rule), reason })));
        for Need { rule, object } in needs {
            match standing(powers, &object).await {
                Ok(Standing::Own) => {}
                Ok(Standing::Missing) => {
                    return Ok(Err(HostError::NotFound(format!("{object} is not there")).into()));
                }
                Ok(standing) => return denied(rule, why_not_own(&object, standing)),
                Err(stop) => return stop.into(),
            }
        }
        let source_is_own = match &renamed {
            None => true,
            Some(source) => match standing(powers, source).await {
                Ok(standing) => standing == Standing::Own,
                Err(stop) => return stop.into(),
            },
        };
        let (mut made, mut free) = (Vec::new(), Vec::new());
        for Make { rule, object, taken } in makes {
            match (standing(powers, &object).await, taken) {
                (Err(stop), _) => return stop.into(),
                (Ok(Standing::Own), _) if source_is_own => {}
                (Ok(Standing::Own), _) => {
                    let reason = format!(
                        "{object} is this backend's own, and what would be renamed to it is not"
                    );
                    return denied(rule, reason);
                }
                (Ok(Standing::InHands), _) => {
                    return denied(rule, why_not_own(&object, Standing::InHands));
                }
                (Ok(Standing::Strange), Taken::Exists) if object.path().is_some() => {
                    let exists = HostError::AlreadyExists(format!("{object} exists already"));
                    return Ok(Err(exists.into()));
                }
                (Ok(Standing::Strange), Taken::Denied) => {
                    return denied(rule, why_not_own(&object, Standing::Strange));
                }
                (Ok(Standing::Strange), Taken::Replaced) => {}
                (Ok(standing @ (Standing::Missing | Standing::Maybe | Standing::Strange)), _) => {
                    self.must_be_new = true;
                    free.extend((standing == Standing::Missing).then(|| object.clone()));
                    made.extend(source_is_own.then_some((rule, object)));
                }
            }
        }
        if made.is_empty() && ends.is_empty() && free.is_empty() {
            return Ok(Ok(Stake::default()));
        }
        let (mut rules, made): (Vec<_>, Vec<_>) = made.into_iter().unzip();
        let (of, places): (Vec<_>, Vec<_>) =
            made.iter().enumerate().filter_map(|(at, one)| Some((at, place(powers, one)?))).unzip();
        if let Some(at) = powers.worksites.take(&powers.backend, &places) {
            let at = of.get(at).copied().unwrap_or_default();
            let object = made.get(at).map(|object| why_not_own(object, Standing::InHands));
            return denied(rules.swap_remove(at), object.unwrap_or_default());
        }
        match powers.owned.open(&self.call, made.clone(), ends.clone(), free).await? {
            None => {
                places.iter().for_each(|place| powers.worksites.leave(&powers.backend, place));
                let limit = format!("{OWNED_MAX} things of a backend's own");
                Ok(Err(HostError::Limit(limit).into()))
            }
            opening => Ok(Ok(Stake { opening, makes: made, ends })),
        }
    }
}

impl Stake {
    /// Writes down what became of it. What cannot be looked at stays open, for whoever needs it
    /// next.
    pub(super) async fn settle(self, powers: &Powers, ended: Ended) -> Result<(), Error> {
        let Stake { opening: Some(opening), makes, ends } = self else { return Ok(()) };
        let (mut there, mut gone) = (Vec::new(), Vec::new());
        for (object, is_made) in
            makes.into_iter().map(|one| (one, true)).chain(ends.into_iter().map(|one| (one, false)))
        {
            let is_there = match (object.path().is_some(), ended) {
                (_, Ended::Proved) => Some(is_made),
                // Whatever is there now, it was not made by this.
                (_, Ended::Refused) if is_made => Some(false),
                (true, _) => match look(powers, &object).await {
                    Ok(is_there) => Some(is_there),
                    Err(_) => {
                        tracing::warn!(%object, "cannot be looked at; whose it is stays open");
                        None
                    }
                },
                // At a name nobody can look: only a clean exit says something.
                (false, Ended::Done) => Some(is_made),
                (false, Ended::Refused | Ended::Unclear) => None,
            };
            match is_there {
                Some(true) => there.push(object),
                Some(false) => gone.push(object),
                None => {}
            }
        }
        let places: Vec<_> =
            there.iter().chain(&gone).filter_map(|object| place(powers, object)).collect();
        powers.owned.settle(opening.id(), there, gone).await?;
        places.iter().for_each(|place| powers.worksites.leave(&powers.backend, place));
        Ok(())
    }
}

/// Where on the host a thing is, if it is beneath a root.
fn place(powers: &Powers, object: &Object) -> Option<String> {
    let path = object.path()?;
    let root = powers.policy.root(&path.root)?;
    Some(
        [&root.path]
            .into_iter()
            .chain(&path.components)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("/"),
    )
}

/// Takes for a backend the places at which it was at work when its process died.
pub(crate) fn resume(powers: &Powers, open: &[Object]) {
    let places: Vec<_> = open.iter().filter_map(|object| place(powers, object)).collect();
    for place in places {
        // Of one that another has by now, it is unclear whose it is: whoever looks first.
        powers.worksites.take(&powers.backend, &[place]);
    }
}

/// Whose a thing is. What a process that died, or a call that was given up, left open is looked at
/// and settled.
async fn standing(powers: &Powers, object: &Object) -> Result<Standing, Refused> {
    let rows = powers.owned.rows(object).await?;
    if rows.iter().any(|row| row.state == OwnedState::Made) {
        return Ok(Standing::Own);
    }
    for row in rows.iter().filter(|row| row.state == OwnedState::Open) {
        if powers.owned.is_in_hands(row) {
            return Ok(Standing::InHands);
        }
        // What was given up may still be at work.
        powers.broker.quiet().await;
        let opened = Object { container: object.container.clone(), name: row.name.clone() };
        let is_there = look(powers, &opened).await?;
        let (there, gone) = if is_there { (vec![opened], vec![]) } else { (vec![], vec![opened]) };
        let place = there.iter().chain(&gone).find_map(|object| place(powers, object));
        powers.owned.settle(&row.opening, there, gone).await?;
        place.iter().for_each(|place| powers.worksites.leave(&powers.backend, place));
        if is_there {
            return Ok(Standing::Own);
        }
    }
    if rows.iter().any(|row| row.state == OwnedState::Maybe) {
        return Ok(Standing::Maybe);
    }
    let is_missing = object.path().is_some() && !look(powers, object).await?;
    Ok(if is_missing { Standing::Missing } else { Standing::Strange })
}

/// What became of something that is recorded as a backend's own, or as what may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Examined {
    /// It is the backend's own and there; of a name, at which nobody can look, as far as is known.
    There,
    /// It is the backend's own and not there.
    Missing,
    /// Somebody is making or removing it now.
    InHands,
    /// A program that was to make it did not end well.
    Maybe,
    /// It never came to be, or is no longer recorded.
    Nobodys,
}

/// Looks at something that is recorded. What a process that died left open is settled by it.
pub(crate) async fn examine(powers: &Powers, object: &Object) -> Result<Examined, Refused> {
    Ok(match standing(powers, object).await? {
        Standing::Own if object.path().is_none() || look(powers, object).await? => Examined::There,
        Standing::Own => Examined::Missing,
        Standing::InHands => Examined::InHands,
        Standing::Maybe => Examined::Maybe,
        Standing::Missing | Standing::Strange => Examined::Nobodys,
    })
}

/// Whether anything is at a place beneath a root.
pub(crate) async fn look(powers: &Powers, object: &Object) -> Result<bool, Refused> {
    let Some(path) = object.path() else { return Ok(false) };
    let at = Place { path: path.components.join("/"), root: path.root };
    let kind = RequestKind::Files { request: FilesRequest::Look { at }, deadline_ms: LOOK_MS };
    match powers.broker.ask(kind, &[]).await?.0 {
        Outcome::Files { reply: FilesReply::There { there }, .. } => Ok(there),
        other => Err(Refused::Answer(failure(other))),
    }
}

/// Why whose a thing is could not be found out.
#[derive(Debug)]
pub(crate) enum Refused {
    Answer(HostError),
    Fault(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Fault(error)
    }
}

impl From<Refused> for Result<Result<Stake, Stop>, Error> {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Answer(error) => Ok(Err(error.into())),
            Refused::Fault(error) => Err(error),
        }
    }
}

impl From<HostError> for Stop {
    fn from(error: HostError) -> Self {
        Self::Answer(error)
    }
}

fn why_not_own(object: &Object, standing: Standing) -> String {
    match standing {
        Standing::InHands => format!("{object} is just being made or removed by another call"),
        Standing::Maybe => format!(
            "whether this backend made {object} is not known: the program did not end well; \
             `abaca owned` settles it"
        ),
        _ => format!("{object} was not made by this backend; `abaca owned add` takes it over"),
    }
}
