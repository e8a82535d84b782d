//! What a check stands on: a world of its own, names that are its own, and calls whose failures are
//! sentences. Called by every check.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::ground::Ground;
use crate::contract::Interface;
use crate::driver::Driver;
use crate::error::Error;
use crate::testing::samples;
use crate::testing::{Called, Fault, Plan};
use crate::text::printable;
use crate::types::{
    AccessLevel, AccessRule, AccessType, ExportLocation, Share, ShareProtocol, ShareServer,
    Snapshot,
};

/// How often a function may hang before it is not called any more: each time costs seconds.
const HANGS: u32 = 2;

/// The longest text of a panic that is shown, in bytes.
const SAID: usize = 1000;

/// Why a check that lets somebody in has nothing to check.
pub(super) const SHUT_OUT: &str = "the driver takes no access rule by address or user";

/// Why a check does not pass.
#[derive(Debug)]
pub(super) enum Stop {
    /// The driver is not as it must be: a sentence for its author.
    Fails(String),
    /// There is nothing to check here: why.
    Skips(String),
    /// It could not be checked.
    Breaks(Error),
}

/// What a check comes to.
pub(super) type Judged<T = ()> = Result<T, Stop>;

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Breaks(error)
    }
}

/// A failure in the words of a sentence.
macro_rules! fails {
    ($($words:tt)*) => { return Err($crate::testing::conformance::bench::Stop::Fails(format!($($words)*))) };
}
pub(super) use fails;

/// Nothing to check, in the words of a sentence.
macro_rules! skips {
    ($($words:tt)*) => { return Err($crate::testing::conformance::bench::Stop::Skips(format!($($words)*))) };
}
pub(super) use skips;

/// What was found out about a driver before its checks.
#[derive(Clone, Debug)]
pub(super) struct Habits {
    /// Whom it lets in: the first of the contract's types that it takes, and whom of it.
    pub access: Option<(AccessType, String, String)>,
    /// Which of a rule's levels it takes.
    pub levels: Vec<AccessLevel>,
    /// Whether they are those that the author names, of whom one may be among the other.
    pub is_named: bool,
    /// Where nobody could be let in and an answer was no refusal: what was tried, and the answer.
    pub fault: Option<String>,
}

impl Habits {
    /// Nothing is known yet.
    pub(super) fn unknown() -> Self {
        Self { access: None, levels: Vec::new(), is_named: false, fault: None }
    }
}

/// See above.
#[derive(Clone, Debug)]
pub(super) struct Bench {
    ground: Ground,
    habits: Arc<Habits>,
    /// What stands in every name, and in nobody else's.
    token: String,
    tokens: Arc<AtomicU64>,
    /// How often each function did not come back.
    hung: Arc<Mutex<BTreeMap<&'static str, u32>>>,
    /// The functions that do not even do what they are for.
    broken: Arc<Mutex<BTreeSet<&'static str>>>,
    is_served: bool,
    protocol: ShareProtocol,
    /// The world before `do-setup`, where worlds can be copied.
    fresh: Option<Ground>,
    /// The server that carries the shares, where the driver handles some.
    pub server: Option<ShareServer>,
}

impl Bench {
    pub(super) fn new(ground: Ground, habits: Habits) -> Self {
        let tokens = Arc::new(AtomicU64::new(1));
        let (habits, token, hung) = (Arc::new(habits), token(0), Arc::default());
        let broken = Arc::default();
        let protocols = &ground.driver().description().protocols;
        let protocol = protocols.first().copied().unwrap_or(ShareProtocol::Nfs);
        let (is_served, server, fresh) = (false, None, None);
        Self { ground, habits, token, tokens, hung, broken, is_served, protocol, fresh, server }
    }

    /// The same with shares of this protocol, if one is said.
    pub(super) fn of_protocol(self, protocol: Option<ShareProtocol>) -> Self {
        Self { protocol: protocol.unwrap_or(self.protocol), ..self }
    }

    /// The same for a driver that handles share servers: one that nobody has set up yet.
    pub(super) fn served(self) -> Self {
        let server = Some(samples::server(&self.id(0x5000)));
        Self { is_served: true, server, ..self }
    }

    /// The same with this server, which stands.
    pub(super) fn on(self, server: ShareServer) -> Self {
        Self { server: Some(server), ..self }
    }

    /// The same with the world as it was before `do-setup`.
    pub(super) fn begun_in(self, fresh: Option<Ground>) -> Self {
        Self { fresh, ..self }
    }

    /// A bench in that world.
    pub(super) fn before_setup(&self) -> Option<Self> {
        let ground = self.fresh.as_ref()?.fork();
        Some(Self { ground, ..self.clone() })
    }

    pub(super) fn with_habits(self, habits: Habits) -> Self {
        Self { habits: Arc::new(habits), ..self }
    }

    /// A bench of its own: with a copy of the world where there are copies, and with other names.
    pub(super) fn apart(&self) -> Self {
        let token = token(self.tokens.fetch_add(1, Ordering::Relaxed));
        let apart = Self { ground: self.ground.fork(), token, ..self.clone() };
        match apart.is_served {
            true => apart.served(),
            false => apart,
        }
    }

    /// The same with a copy of the world and the same names; none where worlds cannot be copied.
    pub(super) fn copy(&self) -> Option<Self> {
        self.ground.is_copied().then(|| Self { ground: self.ground.fork(), ..self.clone() })
    }

    pub(super) fn driver(&self) -> &Driver {
        self.ground.driver()
    }

    pub(super) fn ground(&self) -> &Ground {
        &self.ground
    }

    /// Stops where the driver does not offer an interface.
    pub(super) fn needs(&self, interface: Interface) -> Judged {
        match self.driver().offers(interface) {
            true => Ok(()),
            false => skips!("the driver does not offer `{interface}`"),
        }
    }

    pub(super) async fn call(&self, function: &str, arguments: Value) -> Judged<Called> {
        self.call_with(function, arguments, &Plan::new()).await
    }

    /// Calls a function with faults. A trap that no fault asked for is a failure.
    pub(super) async fn call_with(
        &self,
        function: &str,
        arguments: Value,
        plan: &Plan,
    ) -> Judged<Called> {
        let server = self.server.as_ref().map(|server| server.id.as_str());
        let hung = self.hung.lock().unwrap_or_else(PoisonError::into_inner).get(function).copied();
        if hung.is_some_and(|times| times >= HANGS) {
            skips!("`{function}` does not come back; see above");
        }
        let called = self.ground.call(function, arguments, server, plan).await?.settled();
        if called.hung() {
            let mut hung = self.hung.lock().unwrap_or_else(PoisonError::into_inner);
            *hung.entry(called.function).or_default() += 1;
        }
        let ends = |fault: &Fault| {
            matches!(fault, Fault::EndsBefore | Fault::EndsAfter | Fault::Disconnects)
        };
        if called.was_ended() && !plan.values().any(ends) {
            // The SDK leaves a panic's own words in the log; the engine's are for nobody.
            if let Some(words) = panicked(&called) {
                fails!(
                    "{}: {words}. A driver answers with an error; it never panics",
                    called.function
                );
            }
            if let Some(words) = repeated(&called) {
                fails!("{called}: {words}. A driver answers with an error; it never hangs");
            }
            let after = called.requests.last().map_or_else(
                || "before it asked anything".to_owned(),
                |last| format!("after `{last}`"),
            );
            fails!("{called}, {after}. A driver answers with an error; it never panics or hangs");
        }
        Ok(called)
    }

    /// Calls a function that must answer well.
    pub(super) async fn ok(&self, function: &str, arguments: Value) -> Judged<Value> {
        let called = self.call(function, arguments).await?;
        match called.answer() {
            Some(answer) => Ok(answer.clone()),
            None if self.is_broken(called.function) => {
                skips!("`{function}` does not do what it is for; see above")
            }
            None => fails!("{called}"),
        }
    }

    /// Notes that a function does not do what it is for, so that no other check says it again.
    pub(super) fn breaks(&self, function: &'static str) {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).insert(function);
    }

    pub(super) fn is_broken(&self, function: &str) -> bool {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).contains(function)
    }

    /// Calls a function that must answer one of these errors.
    pub(super) async fn refused(
        &self,
        function: &str,
        arguments: Value,
        errors: &[&str],
    ) -> Judged<Called> {
        let called = self.call(function, arguments).await?;
        if called.error().is_some_and(|error| errors.contains(&error)) {
            return Ok(called);
        }
        fails!("{called}; it must answer the error {}", errors.join(" or "))
    }

    /// What there is, with this bench's own names made alike. Addresses are the runtime's to give
    /// back, and not among it.
    pub(super) fn facts(&self) -> Judged<Vec<String>> {
        let facts = self.ground.facts(&self.token)?;
        let is_addressed = |fact: &String| fact.contains(" address of ");
        let facts = facts.into_iter().filter(|fact| !is_addressed(fact));
        let mut facts: Vec<_> = facts.map(|fact| self.anonymous(&fact)).collect();
        facts.sort();
        Ok(facts)
    }

    /// A text with this bench's own names made alike.
    pub(super) fn anonymous(&self, text: &str) -> String {
        text.replace(&self.token, "#")
    }

    /// An identifier of this bench's.
    pub(super) fn id(&self, tag: u32) -> String {
        format!("{tag:08x}-0000-4000-8000-{}", self.token)
    }

    /// A share of this bench's, that nobody has made. Shares of different tags are different ones.
    pub(super) fn share(&self, tag: u32, size: u64) -> Share {
        let id = self.id(tag);
        let protocol = self.protocol;
        let mut share = Share { protocol, ..samples::share(&format!("share-{id}"), size) };
        (share.id, share.share_id) = (id, self.id(tag + 0x1000));
        if let Some(server) = &self.server {
            share.share_server_id = Some(server.id.clone());
            share.share_network_id = Some(server.share_network_id.clone());
        }
        share
    }

    /// A share that the driver has made.
    pub(super) async fn made(&self, tag: u32, size: u64) -> Judged<Share> {
        self.made_of(self.share(tag, size)).await
    }

    pub(super) async fn made_of(&self, share: Share) -> Judged<Share> {
        let answer = self.ok("create-share", json!([share, self.server])).await?;
        Ok(Share { export_locations: heard(&answer)?, ..share })
    }

    /// A snapshot of a share, that nobody has taken.
    pub(super) fn snapshot(&self, tag: u32, of: &Share) -> Snapshot {
        let id = self.id(tag + 0x2000);
        let name = format!("share-snapshot-{id}");
        Snapshot { snapshot_id: self.id(tag + 0x3000), ..samples::snapshot(&name, of) }.with_id(id)
    }

    /// A snapshot that the driver has taken.
    pub(super) async fn taken(&self, tag: u32, of: &Share) -> Judged<Snapshot> {
        let snapshot = self.snapshot(tag, of);
        let answer = self.ok("create-snapshot", json!([snapshot, self.server])).await?;
        let provider_location = answer.get("provider_location").and_then(Value::as_str);
        Ok(Snapshot { provider_location: provider_location.map(str::to_owned), ..snapshot })
    }

    /// A rule that the driver takes.
    pub(super) fn rule(&self, tag: u32) -> Judged<AccessRule> {
        let Some((access_type, first, second)) = &self.habits.access else { skips!("{SHUT_OUT}") };
        let access_to = if tag.is_multiple_of(2) { second } else { first };
        let level = self.habits.levels.first().copied().unwrap_or(AccessLevel::Rw);
        let rule = samples::rule(*access_type, access_to, level);
        Ok(AccessRule { id: self.id(tag + 0x4000), ..rule })
    }

    pub(super) fn habits(&self) -> &Habits {
        &self.habits
    }

    /// Has clients write so many bytes to a share, and says what there is by it.
    pub(super) fn fill(&self, share: &Share, bytes: u64) -> Judged<Vec<String>> {
        let before = self.facts()?;
        match self.ground.fill(share, bytes) {
            Ok(true) => {
                let after = self.facts()?.into_iter();
                Ok(after.filter(|fact| !before.contains(fact)).collect())
            }
            Ok(false) => skips!(
                "where clients write to a share is not known here: say it in `client` of the stage"
            ),
            Err(error) => {
                let size = share.size;
                fails!("clients cannot write {bytes} bytes to a share of {size} GiB: {error}")
            }
        }
    }

    /// Whether clients can write so many bytes to a share, tried in a copy of the world. Skips where
    /// nobody knows how they would.
    pub(super) fn can_write(&self, share: &Share, bytes: u64) -> Judged<bool> {
        let Some(tried) = self.copy() else {
            skips!("real storage is not filled to see how much it takes");
        };
        match tried.ground.fill(share, bytes) {
            Ok(true) => Ok(true),
            Ok(false) => skips!(
                "where clients write to a share is not known here: say it in `client` of the stage"
            ),
            Err(_) => Ok(false),
        }
    }

    /// Two rules of different clients.
    pub(super) fn two_rules(&self) -> Judged<(AccessRule, AccessRule)> {
        let (one, other) = (self.rule(1)?, self.rule(2)?);
        match one.access_to == other.access_to {
            true => skips!("the driver lets only one client in, or the stage names only one"),
            false => Ok((one, other)),
        }
    }

    /// The locations that an answer names.
    pub(super) fn locations(answer: &Value) -> Judged<Vec<ExportLocation>> {
        heard(answer)
    }
}

/// What an answer of a driver is.
pub(super) fn heard<T: DeserializeOwned>(answer: &Value) -> Judged<T> {
    serde_json::from_value(answer.clone())
        .map_err(|error| Stop::Fails(format!("it answers {answer}, which cannot be: {error}")))
}

/// A case in the contract's word.
pub(super) fn word<T: Serialize>(case: &T) -> Judged<Value> {
    serde_json::to_value(case)
        .map_err(|error| Error::Runtime(format!("a word of the contract: {error}")).into())
}

/// What a driver that panicked said last.
fn panicked(called: &Called) -> Option<String> {
    let last = called.requests.last().filter(|last| last.import == "log.write")?;
    let message = last.asked.get("message")?.as_str()?;
    message.starts_with("the driver panicked").then(|| printable(message, SAID))
}

/// What a call that did not come back asked for again and again, if it did.
fn repeated(called: &Called) -> Option<String> {
    let last = called.requests.last().filter(|_| called.hung())?;
    let same = called.requests.iter().rev().take_while(|one| one.import == last.import);
    let times = same.count();
    let import = &last.import;
    match (times, import.as_str()) {
        (1, "clock.sleep") => {
            let asked = last.asked.get("milliseconds").and_then(Value::as_u64);
            Some(format!("it sleeps for {} s", asked.unwrap_or_default() / 1000))
        }
        (0..=4, _) => None,
        (_, "clock.sleep") => {
            let slept: u64 = called
                .requests
                .iter()
                .filter(|one| one.import == last.import)
                .filter_map(|one| one.asked.get("milliseconds")?.as_u64())
                .fold(0, u64::saturating_add);
            Some(format!(
                "it asked `{import}` again and again ({times} times, {} s in all by the stage's \
                 clock) and did not end",
                slept / 1000
            ))
        }
        _ => Some(format!("it asked `{import}` again and again ({times} times) and did not end")),
    }
}

fn token(number: u64) -> String {
    format!("{:012x}", 0xabac_a000_0000_u64.saturating_add(number))
}

/// What differs between two lists of facts, as sentences: what is missing, what is too much, and
/// what is there and should be otherwise.
pub(in crate::testing) fn difference(wanted: &[String], found: &[String]) -> String {
    let missing: Vec<_> = wanted.iter().filter(|fact| !found.contains(fact)).collect();
    let more: Vec<_> = found.iter().filter(|fact| !wanted.contains(fact)).collect();
    let has = |all: &[&String], fact: &str| all.iter().any(|one| named(one).0 == named(fact).0);
    let lacking = missing.iter().map(|fact| {
        let (name, should) = named(fact);
        match more.iter().map(|other| named(other)).find(|(other, _)| *other == name) {
            Some((_, is)) if name.starts_with("volume ") && !name.ends_with("holds") => {
                of_volume(name, should, is)
            }
            Some((_, is)) => format!("{name} is `{is}`, and should be `{should}`"),
            None => format!("missing: {fact}"),
        }
    });
    let unknown = more.iter().filter(|fact| !has(&missing, fact));
    let unknown = unknown.map(|fact| format!("too much: {fact}"));
    lacking.chain(unknown).map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("; ")
}

/// The same of what a volume holds.
fn held(fact: &str) -> Option<(&str, &str)> {
    let at = fact.find(": holds ")?.saturating_add(": holds".len());
    Some((fact.get(..at)?, fact.get(at..)?.trim()))
}

/// What differs between two sentences about a volume, property by property.
fn of_volume(name: &str, should: &str, is: &str) -> String {
    let split = |says: &str| -> Vec<(String, String)> {
        let part = |part: &str| match part.split_once(" = ").or_else(|| part.split_once(" =")) {
            Some((key, value)) => (key.to_owned(), value.to_owned()),
            None if part.starts_with("cloned from ") => ("origin".to_owned(), part.to_owned()),
            None => ("size".to_owned(), part.to_owned()),
        };
        says.split(", ").map(part).collect()
    };
    let (should, is) = (split(should), split(is));
    let of = |all: &[(String, String)], key: &str| {
        all.iter().find(|(one, _)| one == key).map_or_else(String::new, |(_, says)| says.clone())
    };
    let mut keys: Vec<_> = should.iter().chain(&is).map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    let differing = keys.into_iter().filter(|key| of(&should, key) != of(&is, key));
    let lines = differing.map(|key| {
        format!("{name}: {key} is `{}`, and should be `{}`", of(&is, key), of(&should, key))
    });
    lines.collect::<Vec<_>>().join("; ")
}

/// What a fact is about, and what it says of that.
fn named(fact: &str) -> (&str, &str) {
    if let Some((name, says)) = fact.starts_with("volume ").then(|| held(fact)).flatten() {
        return (name, says);
    }
    let of_volume = fact.starts_with("volume ").then(|| fact.split_once(": ")).flatten();
    if let Some((name, says)) = of_volume {
        return (name, says.trim_end());
    }
    let parts = fact.split_once(" = ").or_else(|| fact.split_once(": "));
    let (name, says) = parts.unwrap_or((fact, ""));
    (name, says.trim_end())
}

/// An identifier of one's own.
trait WithId {
    fn with_id(self, id: String) -> Self;
}

impl WithId for Snapshot {
    fn with_id(self, id: String) -> Self {
        Self { id, ..self }
    }
}
