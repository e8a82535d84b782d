//! From a request to work that the policy permits: the one place where the broker decides.
//!
//! Pure: nothing is opened or started. `dispatch` asks; what comes out carries grants, which
//! only the policy makes, so there is no way around the decision.

use std::time::{Duration, Instant};

use abaca_broker::protocol::{
    CONTENTS_MAX, ENTRIES_MAX, ErrorKind, FilesRequest, Outcome, Place, STAGES_MAX, Stage,
};
use abaca_policy::{CommandGrant, Denial, GuestPath, Policy, Verb};

use crate::failure::Failure;

/// The longest time a request may have, its rule permitting; a longer one is cut to it.
const DEADLINE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The most that permission bits can be.
const MODE_MAX: u32 = 0o7777;

/// What nobody may set on anything: a program that runs as its owner, who may be root, with
/// contents from a guest.
const SET_USER: u32 = 0o4000;

/// What means on a file what [`SET_USER`] means; on a directory, that what is made in it
/// belongs to its group, which shares use.
pub const SET_GROUP: u32 = 0o2000;

/// Permitted work, waiting or under way.
pub struct Job<'p> {
    pub id: u64,
    pub work: Work<'p>,
    /// When its time is over, waiting included.
    pub deadline: Instant,
}

/// What to do.
pub enum Work<'p> {
    Commands(Commands<'p>),
    Files(Files<'p>),
}

/// One command, or several in a pipeline.
pub struct Commands<'p> {
    /// Never empty.
    pub grants: Vec<CommandGrant<'p>>,
    pub stdin: Vec<u8>,
}

/// A verb on files, and where its request's places are.
pub struct Files<'p> {
    pub request: FilesRequest,
    /// One, or two for a rename or copy.
    pub places: Vec<GuestPath>,
    /// The rules that permitted it, one for each place.
    pub rules: Vec<&'p str>,
    /// What to write.
    pub body: Vec<u8>,
}

impl Work<'_> {
    /// The rule that answers name when they name one: the first.
    pub fn rule(&self) -> String {
        match self {
            Work::Commands(commands) => commands.grants.first().map(|grant| grant.rule.id.clone()),
            Work::Files(files) => files.rules.first().map(|rule| (*rule).to_owned()),
        }
        .unwrap_or_default()
    }

    /// How many bytes it holds while it waits.
    pub fn bytes(&self) -> usize {
        match self {
            Work::Commands(commands) => commands.stdin.len(),
            Work::Files(files) => files.body.len(),
        }
    }
}

impl Commands<'_> {
    /// The shortest timeout among the rules.
    pub fn timeout(&self) -> Duration {
        self.grants.iter().map(|grant| grant.rule.timeout).min().unwrap_or_default()
    }
}

/// The moment at which a request that is read `now` runs out of time.
pub fn deadline(now: Instant, milliseconds: u64) -> Instant {
    now + Duration::from_millis(milliseconds).min(DEADLINE_MAX)
}

/// May these programs run, joined in this order, on this input?
///
/// # Errors
/// The answer to send instead.
pub fn commands<'p>(
    policy: &'p Policy,
    stages: &[Stage],
    stdin: Vec<u8>,
) -> Result<Commands<'p>, Outcome> {
    if stages.is_empty() || stages.len() > STAGES_MAX {
        return Err(invalid(format!("a pipeline has 1 to {STAGES_MAX} stages")));
    }
    let mut grants = Vec::new();
    for (stage, number) in stages.iter().zip(1..) {
        grants.push(policy.decide_command(&stage.program, &stage.args).map_err(|denial| {
            match stages.len() {
                1 => denied(denial),
                all => denied(Denial {
                    reason: format!("stage {number} of {all}: {}", denial.reason),
                    ..denial
                }),
            }
        })?);
    }
    if let Some(first) = grants.first()
        && stdin.len() as u64 > first.rule.stdin_max
    {
        let reason = format!(
            "standard input of {} bytes is over the rule's stdin-max of {} bytes",
            stdin.len(),
            first.rule.stdin_max
        );
        return Err(Outcome::Denied { rule: Some(first.rule.id.clone()), reason });
    }
    Ok(Commands { grants, stdin })
}

/// May this verb be done to these places, and do its parameters mean something?
///
/// # Errors
/// The answer to send instead.
pub fn files(policy: &Policy, request: FilesRequest, body: Vec<u8>) -> Result<Files<'_>, Outcome> {
    let (verb, named) = verb_and_places(&request);
    let mut places = Vec::new();
    let mut rules = Vec::new();
    for Place { root, path } in named {
        let place = GuestPath::parse_relative(root, path).map_err(denied)?;
        rules.push(policy.decide_files(verb, &place).map_err(denied)?.rule.id.as_str());
        places.push(place);
    }
    if verb != Verb::Write && !body.is_empty() {
        return Err(invalid("only write takes a body".to_owned()));
    }
    check(&request, body.len() as u64).map_err(Outcome::from)?;
    Ok(Files { request, places, rules, body })
}

fn verb_and_places(request: &FilesRequest) -> (Verb, Vec<&Place>) {
    match request {
        FilesRequest::Read { at, .. } => (Verb::Read, vec![at]),
        FilesRequest::Write { at, .. } => (Verb::Write, vec![at]),
        FilesRequest::List { at, .. } => (Verb::List, vec![at]),
        FilesRequest::MakeDir { at, .. } => (Verb::MakeDir, vec![at]),
        FilesRequest::Remove { at, .. } => (Verb::Remove, vec![at]),
        FilesRequest::Rename { from, to } => (Verb::Rename, vec![from, to]),
        FilesRequest::Copy { from, to } => (Verb::Copy, vec![from, to]),
        FilesRequest::SetMode { at, .. } => (Verb::SetMode, vec![at]),
        FilesRequest::SetOwner { at, .. } => (Verb::SetOwner, vec![at]),
        FilesRequest::Usage { at } => (Verb::Usage, vec![at]),
    }
}

fn check(request: &FilesRequest, body: u64) -> Result<(), Failure> {
    let too_large = |what: &str, bytes: u64| {
        let message = format!("{what} {bytes} bytes is over the {CONTENTS_MAX} of one request");
        Failure::new(ErrorKind::TooLarge, message)
    };
    let check_mode = |mode: u32, most: u32| {
        if mode & !most == 0 {
            return Ok(());
        }
        let message = format!(
            "the permission bits {mode:o} are not among {most:o} (octal): set-user is given to \
             nothing, and set-group to directories only"
        );
        Err(Failure::new(ErrorKind::Invalid, message))
    };
    match request {
        FilesRequest::Read { length, .. } if *length > CONTENTS_MAX => {
            Err(too_large("reading", *length))
        }
        FilesRequest::Write { .. } if body > CONTENTS_MAX => Err(too_large("writing", body)),
        FilesRequest::List { limit, .. } if !(1..=ENTRIES_MAX).contains(limit) => {
            let message = format!("list gives 1 to {ENTRIES_MAX} entries, not {limit}");
            Err(Failure::new(ErrorKind::Invalid, message))
        }
        FilesRequest::Write { mode: Some(mode), .. } => {
            check_mode(*mode, MODE_MAX & !SET_USER & !SET_GROUP)
        }
        // Of set-mode, only a look at the file can tell whether set-group is right.
        FilesRequest::MakeDir { mode, .. } | FilesRequest::SetMode { mode, .. } => {
            check_mode(*mode, MODE_MAX & !SET_USER)
        }
        // (uid_t)-1 means "leave it" to chown(2), and nobody may ask for that by accident.
        FilesRequest::SetOwner { uid, gid, .. } if [uid, gid].contains(&&Some(u32::MAX)) => {
            Err(Failure::new(ErrorKind::Invalid, "4294967295 is no user or group"))
        }
        _ => Ok(()),
    }
}

fn denied(denial: Denial) -> Outcome {
    Outcome::Denied { rule: denial.rule, reason: denial.reason }
}

fn invalid(message: String) -> Outcome {
    Outcome::Error { kind: ErrorKind::Invalid, message }
}
