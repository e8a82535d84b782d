//! Every operation put to every misfortune: each of its requests fails in turn, the runtime dies
//! before and after each, programs print something else. Afterwards the same call must come to the
//! same, and what undoes it must leave nothing. Called by `checks`.

use std::time::Duration;

use serde_json::Value;

use super::bench::{Bench, Judged, Stop, difference, fails, skips};
use super::operations::{Operation, Ready};
use crate::testing::{Called, Crossed, Failure, Fault, Odd, Plan, Printed};

/// How much later a call is asked again.
const LATER: Duration = Duration::from_secs(3600);

/// What is done to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfortune {
    Nothing,
    Twice,
    Undone,
    AlikeTwice,
    Error,
    Deadline,
    DeathBefore,
    DeathAfter,
    Disconnection,
    Output,
    Numbers,
}

impl Misfortune {
    /// All but none, and but what is told first: what is left over.
    pub(super) const SOME: [Self; 9] = [
        Self::Twice,
        Self::AlikeTwice,
        Self::Error,
        Self::Deadline,
        Self::DeathBefore,
        Self::DeathAfter,
        Self::Disconnection,
        Self::Output,
        Self::Numbers,
    ];

    /// What stands behind the operation in a check's name.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Nothing => "works",
            Self::Twice => "twice",
            Self::Undone => "undone",
            Self::AlikeTwice => "deterministic",
            Self::Error => "error-at-each-request",
            Self::Deadline => "deadline-at-each-request",
            Self::DeathBefore => "death-before-each-request",
            Self::DeathAfter => "death-after-each-request",
            Self::Disconnection => "disconnection-at-each-request",
            Self::Output => "garbled-output",
            Self::Numbers => "garbled-numbers",
        }
    }

    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::Nothing => "it does what it is for",
            Self::Twice => "the same call once more answers the same and changes nothing",
            Self::Undone => "what takes it back leaves nothing of it",
            Self::AlikeTwice => {
                "the same call in the same world asks the same and answers the same"
            }
            Self::Error => {
                "when any of its requests fails it answers an error, or all is done; a second call comes \
                 to the same as if nothing had been, and what takes it back leaves nothing"
            }
            Self::Deadline => {
                "when any of its requests runs out of time, or takes an hour, a second call comes to \
                 the same as if nothing had been, and what takes it back leaves nothing"
            }
            Self::DeathBefore => {
                "when the runtime dies before any of its requests, a second call comes to the same \
                 as if nothing had been, and what takes it back leaves nothing"
            }
            Self::DeathAfter => {
                "when the runtime dies before the answer to any of its requests arrives, a second \
                 call comes to the same as if nothing had been, and what takes it back leaves nothing"
            }
            Self::Disconnection => {
                "when the storage's connection breaks at any request, a second call comes to the same \
                 as if nothing had been, and what takes it back leaves nothing"
            }
            Self::Output => {
                "when a program prints nothing, half of it, another language, too much or no text, \
                 it never panics, makes up no answer of nothing and of no text, and comes to the \
                 same when it is asked again"
            }
            Self::Numbers => {
                "when a program prints `-`, `null`, a fraction, a negative number or one of 21 digits in \
                 the place of any number, it never panics, makes up no answer, and comes to the same \
                 when it is asked again"
            }
        }
    }

    pub(super) fn why(self) -> &'static str {
        match self {
            Self::Nothing => "nothing else about it can be checked where it does not",
            Self::Twice => {
                "a service that does not know what became of a call asks again, and must not be told \
                 that the thing is there already"
            }
            Self::Undone => "what is left over is paid for and found by nobody",
            Self::AlikeTwice => "only what is repeatable can be recorded, replayed and explained",
            Self::Error => {
                "storage fails half-way every day, and the record says only that the call failed"
            }
            Self::Deadline => "a request that ran out of time may have been done",
            Self::DeathBefore | Self::DeathAfter => {
                "kill -9 and power cuts come between any two steps, and nothing may be lost or left"
            }
            Self::Disconnection => "whether the last request was done is then known to nobody",
            Self::Output => {
                "vendors' tools change, are localised and cut short; a number read wrongly is data \
                 lost"
            }
            Self::Numbers => "tools say so what they do not know, and disks outgrow integers",
        }
    }

    /// Checks it.
    pub(super) async fn check(self, operation: Operation, bench: &Bench) -> Judged {
        if !bench.ground().is_copied() {
            match self {
                Self::Output | Self::Numbers => {
                    skips!("programs of real storage print what they print")
                }
                // What a dead runtime leaves is the same.
                Self::Deadline | Self::Disconnection => {
                    skips!("on real storage it is no other than a death of the runtime");
                }
                _ => {}
            }
        }
        if self == Self::Nothing
            && operation.lets_in()
            && let Some(fault) = &bench.habits().fault
        {
            fails!("no client could be let in; tried {fault}");
        }
        if self != Self::Nothing && bench.is_broken(operation.id) {
            skips!("`{}/works` fails", operation.id);
        }
        let ready = operation.prepare(bench).await?;
        match self {
            Self::Nothing => works(&ready).await,
            Self::Twice => twice(&ready).await,
            Self::Undone => undone(&ready).await,
            Self::AlikeTwice => alike_twice(&ready).await,
            Self::Error => {
                let failures = [
                    Failure::Failed,
                    Failure::Denied,
                    Failure::NoSpace,
                    Failure::Busy,
                    Failure::Limit,
                ];
                let failures =
                    if bench.ground().is_copied() { &failures[..] } else { &failures[..1] };
                let faults: Vec<_> = failures.iter().map(|one| Fault::Fails(*one)).collect();
                at_each(&ready, &faults).await
            }
            Self::Deadline => {
                at_each(&ready, &[Fault::Fails(Failure::Deadline), Fault::Delays(3600)]).await
            }
            Self::DeathBefore => at_each(&ready, &[Fault::EndsBefore]).await,
            Self::DeathAfter => at_each(&ready, &[Fault::EndsAfter]).await,
            Self::Disconnection => at_each(&ready, &[Fault::Disconnects]).await,
            Self::Output => garbled(&ready).await,
            Self::Numbers => odd_numbers(&ready).await,
        }
    }
}

/// How an operation goes without any misfortune.
#[derive(Debug)]
struct Baseline {
    /// What there was before.
    before: Vec<String>,
    /// What there is after.
    after: Vec<String>,
    answer: String,
    requests: Vec<Crossed>,
}

impl Ready {
    /// The same once more, in a world where nothing of it was done yet.
    async fn again(&self) -> Judged<Self> {
        match self.bench.copy() {
            Some(bench) => Ok(Self { bench, ..self.clone() }),
            None => self.operation.prepare(&self.bench.apart()).await,
        }
    }

    async fn call(&self, plan: &Plan) -> Judged<Called> {
        self.bench.call_with(self.operation.function, self.arguments.clone(), plan).await
    }

    async fn baseline(&self) -> Judged<Baseline> {
        let ready = self.again().await?;
        let before = ready.bench.facts()?;
        let called = ready.call(&Plan::new()).await?;
        let Some(answer) = called.answer() else { skips!("`{}/works` fails", self.operation.id) };
        let answer = ready.bench.alike(answer);
        Ok(Baseline { before, after: ready.bench.facts()?, answer, requests: called.requests })
    }

    /// Takes back what was or was not done; none where nothing takes it back.
    async fn undo(&self, baseline: &Baseline, after: &str) -> Judged<bool> {
        let Some((function, arguments)) = self.operation.undo(&self.bench, &self.arguments) else {
            return Ok(false);
        };
        let undone = self.bench.call(function, arguments).await?;
        if !undone.is_ok() {
            fails!("{after}, {undone}; what takes it back is ok, whatever there is of it");
        }
        let left = self.bench.facts()?;
        if left != baseline.before {
            let left = difference(&baseline.before, &left);
            fails!("{after}, `{function}` leaves something else than there was before: {left}");
        }
        Ok(true)
    }

    /// Asks again after a misfortune: it must come to the same.
    async fn repeat(&self, baseline: &Baseline, after: &str) -> Judged {
        let again = self.call(&Plan::new()).await?;
        if !again.is_ok() {
            fails!("{after}, the same call again: {again}; it must be ok then");
        }
        if !self.operation.again {
            return Ok(());
        }
        let found = self.bench.facts()?;
        if found != baseline.after {
            let differs = difference(&baseline.after, &found);
            fails!("{after}, the same call again comes to something else: {differs}");
        }
        Ok(())
    }
}

impl Bench {
    /// An answer with this bench's own names made alike, and on real storage without the numbers,
    /// which are others' doing too.
    fn alike(&self, answer: &Value) -> String {
        let answer = self.anonymous(&answer.to_string());
        match self.ground().is_copied() {
            true => answer,
            false => answer.chars().filter(|one| !one.is_ascii_digit()).collect(),
        }
    }
}

async fn works(ready: &Ready) -> Judged {
    let called = ready.call(&Plan::new()).await;
    if let Err(Stop::Fails(_)) = &called {
        ready.bench.breaks(ready.operation.id);
    }
    let called = called?;
    if called.is_ok() {
        return Ok(());
    }
    ready.bench.breaks(ready.operation.function);
    let (unanswered, refused) = ready.bench.ground().unserved();
    let hint = match (unanswered.last(), refused.last()) {
        (Some(program), _) => format!(
            ". The stage has no answer for `{program}`: add a [[command]] for it to the stage's script"
        ),
        (None, Some(request)) => format!(". Nothing grants {request}"),
        (None, None) => String::new(),
    };
    fails!("{called}{hint}")
}

async fn twice(ready: &Ready) -> Judged {
    if !ready.operation.again {
        skips!("each call of it is a step");
    }
    let baseline = ready.baseline().await?;
    let once = ready.again().await?;
    once.call(&Plan::new()).await?;
    // A service asks again when it is up again, and the answer is not of the hour.
    once.bench.ground().pass(LATER);
    let again = once.call(&Plan::new()).await?;
    let Some(answer) = again.answer() else {
        fails!("done once and asked again, {again}; it must answer ok, for it is done")
    };
    if once.bench.alike(answer) != baseline.answer {
        fails!(
            "asked again, an hour later, it answers {}, and the first time {}",
            once.bench.alike(answer),
            baseline.answer
        );
    }
    let found = once.bench.facts()?;
    if found != baseline.after {
        fails!(
            "asked again, an hour later, it changes what is there: {}",
            difference(&baseline.after, &found)
        );
    }
    Ok(())
}

async fn undone(ready: &Ready) -> Judged {
    let baseline = ready.baseline().await?;
    let once = ready.again().await?;
    once.call(&Plan::new()).await?;
    if !once.undo(&baseline, "when it is done").await? {
        skips!("nothing takes it back");
    }
    Ok(())
}

async fn alike_twice(ready: &Ready) -> Judged {
    let (first, second) = (ready.again().await?, ready.again().await?);
    let (one, other) = (first.call(&Plan::new()).await?, second.call(&Plan::new()).await?);
    let told = |ready: &Ready, called: &Called| {
        let requests =
            called.requests.iter().map(|request| format!("{} {}", request.import, request.asked));
        let answer = format!("{:?}", called.ended);
        let numbers = ready.bench.ground().is_copied();
        let alike = |line: String| {
            let line = ready.bench.anonymous(&line);
            line.chars().filter(|one| numbers || !one.is_ascii_digit()).collect::<String>()
        };
        requests.chain([answer]).map(alike).collect::<Vec<_>>()
    };
    let (one, other) = (told(&first, &one), told(&second, &other));
    match one.iter().zip(&other).find(|(one, other)| one != other) {
        Some((one, other)) => fails!("once `{one}`, and once `{other}`"),
        None if one.len() != other.len() => {
            fails!("once {} requests, and once {}", one.len(), other.len())
        }
        None => Ok(()),
    }
}

/// Each request in turn is hit by each of the faults.
async fn at_each(ready: &Ready, faults: &[Fault]) -> Judged {
    let baseline = ready.baseline().await?;
    if baseline.requests.is_empty() {
        skips!("it asks for nothing");
    }
    for (number, request) in (1..).zip(&baseline.requests) {
        for fault in faults {
            let after = format!("{} at request {number}, `{request}`", in_words(*fault));
            let plan = Plan::from([(number, *fault)]);
            let hit = ready.again().await?;
            let called = match hit.call(&plan).await {
                Err(Stop::Fails(reason)) => fails!("{after}: {reason}"),
                called => called?,
            };
            let found = hit.bench.facts()?;
            if called.is_ok() && found != baseline.after && ready.operation.again {
                let differs = difference(&baseline.after, &found);
                fails!("{after}: it answers ok, and what it is for is not done: {differs}");
            }
            if ready.operation.only_asks() && found != baseline.before {
                fails!(
                    "{after}: it changes what is there: {}",
                    difference(&baseline.before, &found)
                );
            }
            if ready.operation.only_asks()
                && matches!(fault, Fault::Fails(_))
                && let Some(answer) = called.answer()
                && hit.bench.alike(answer) != baseline.answer
            {
                fails!("{after}: it answers {answer} as if all were well, which it cannot know");
            }
            // One world to go on in, and one to go back.
            let back = match hit.bench.copy() {
                Some(bench) => Ready { bench, ..hit.clone() },
                None => {
                    let back = ready.again().await?;
                    back.call(&plan).await?;
                    back
                }
            };
            hit.repeat(&baseline, &after).await?;
            back.undo(&baseline, &after).await?;
        }
    }
    Ok(())
}

async fn garbled(ready: &Ready) -> Judged {
    let baseline = ready.baseline().await?;
    let printing = |request: &&(u64, &Crossed)| request.1.prints();
    let numbered: Vec<_> = (1..).zip(&baseline.requests).collect();
    let programs: Vec<_> = numbered.iter().filter(printing).collect();
    if programs.is_empty() {
        skips!("it runs no program that prints anything");
    }
    for (number, request) in programs {
        for printed in Printed::ALL {
            let plan = Plan::from([(*number, Fault::Prints(printed))]);
            let after =
                format!("{} by request {number}, `{request}`", in_words(Fault::Prints(printed)));
            let hit = ready.again().await?;
            let called = match hit.call(&plan).await {
                Err(Stop::Fails(reason)) => fails!("{after}: {reason}"),
                called => called?,
            };
            let is_nonsense = matches!(printed, Printed::Empty | Printed::NotText);
            if let Some(answer) = called.answer()
                && is_nonsense
                && hit.bench.alike(answer) != baseline.answer
            {
                fails!("{after}: it answers {answer}, which it cannot know");
            }
            hit.repeat(&baseline, &after).await?;
        }
    }
    Ok(())
}

/// How many numbers of one output are tried: tables may have many, read alike.
const NUMBERS: usize = 4;

async fn odd_numbers(ready: &Ready) -> Judged {
    let baseline = ready.baseline().await?;
    let (mut seen, mut was_tried) = (Vec::new(), false);
    for (number, request) in (1..).zip(&baseline.requests) {
        // What is asked twice is read alike.
        if !request.prints() || seen.contains(&&request.asked) {
            continue;
        }
        seen.push(&request.asked);
        for at in 0..request.numbers().min(NUMBERS) {
            for instead in Odd::ALL {
                was_tried = true;
                odd_number(ready, &baseline, number, Printed::Number { at, instead }).await?;
            }
        }
    }
    match was_tried {
        true => Ok(()),
        false => skips!("it runs no program that prints a number"),
    }
}

async fn odd_number(ready: &Ready, baseline: &Baseline, number: u64, printed: Printed) -> Judged {
    let fault = Fault::Prints(printed);
    let at = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let request = baseline.requests.get(at).map(ToString::to_string).unwrap_or_default();
    let after = format!("{} by request {number}, `{request}`", in_words(fault));
    let hit = ready.again().await?;
    let called = match hit.call(&Plan::from([(number, fault)])).await {
        Err(Stop::Fails(reason)) => fails!("{after}: {reason}"),
        called => called?,
    };
    let is_no_number = matches!(printed, Printed::Number { instead: Odd::Dash | Odd::Null, .. });
    if let Some(answer) = called.answer()
        && is_no_number
        && hit.bench.alike(answer) != baseline.answer
        && !is_left_open(answer)
    {
        fails!("{after}: it answers {answer}, which it cannot know");
    }
    hit.repeat(baseline, &after).await
}

/// Whether an answer says of something that it is not known.
fn is_left_open(answer: &Value) -> bool {
    match answer {
        Value::Null => true,
        Value::String(word) => word == "unknown" || word == "infinite",
        Value::Array(items) => items.iter().any(is_left_open),
        Value::Object(fields) => ["total_capacity", "free_capacity", "pools"]
            .iter()
            .any(|field| fields.get(*field).is_some_and(is_left_open)),
        _ => false,
    }
}

/// A fault in words.
pub(in crate::testing) fn in_words(fault: Fault) -> String {
    match fault {
        Fault::Fails(failure) => format!("after the error `{}`", word(failure)),
        Fault::EndsBefore => "after the runtime died before it was done".to_owned(),
        Fault::EndsAfter => "after the runtime died when it was done".to_owned(),
        Fault::Disconnects => "after the connection to the storage broke".to_owned(),
        Fault::Prints(printed) => match printed {
            Printed::Empty => "after nothing was printed".to_owned(),
            Printed::Truncated => "after half of it was printed".to_owned(),
            Printed::Localised => "after it was printed in another language".to_owned(),
            Printed::Enormous => "after a MiB was printed".to_owned(),
            Printed::NotText => "after no text was printed".to_owned(),
            Printed::Number { at, instead } => format!(
                "after `{}` was printed in the place of number {}",
                instead.text(),
                at.saturating_add(1)
            ),
        },
        Fault::Delays(seconds) => format!("after {seconds} seconds"),
        Fault::Jumps(seconds) => format!("after the clock jumped by {seconds} seconds"),
    }
}

fn word(failure: Failure) -> String {
    let word = serde_json::to_value(failure).ok();
    word.and_then(|word| Some(word.as_str()?.to_owned())).unwrap_or_default()
}
