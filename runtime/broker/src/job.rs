//! From a request to work that the policy permits: the one place where the broker decides.
//!
//! Pure: nothing is opened or started. `dispatch` asks; what comes out carries grants, which
//! only the policy makes, so there is no way around the decision.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use abaca_broker::protocol::{
    CONTENTS_MAX, ENTRIES_MAX, ErrorKind, FilesRequest, MountSource, MountsRequest, Outcome, Place,
    STAGES_MAX, Secret, Stage, TRIED_MEMORY, TRY_MEMORY,
};
use abaca_policy::{
    Argument, CommandGrant, Denial, FileContent, GuestPath, MountGrant, MountRule, Policy, Verb,
};

use crate::failure::Failure;
use crate::parked::Parked;
use crate::secrets::Secrets;

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

/// By which others than its owner may write a file.
pub const OTHERS_WRITE: u32 = 0o022;

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
    Mounts(Mounts<'p>),
}

/// One command, or several in a pipeline.
pub struct Commands<'p> {
    /// Never empty.
    pub grants: Vec<CommandGrant<'p>>,
    /// Those that the grants pass on.
    pub secrets: Secrets,
    pub stdin: Parked,
}

/// A verb on files, and where its request's places are.
pub struct Files<'p> {
    pub request: FilesRequest,
    /// One, or two for a rename or copy.
    pub places: Vec<GuestPath>,
    /// The rules that permitted it, one for each place.
    pub rules: Vec<&'p str>,
    /// What to write, where its rule says nothing of that.
    pub body: Parked,
    /// What to write, where its rule says what it must look like.
    pub content: Option<FileContent>,
    /// Where a tree goes to or comes from.
    pub stream: Option<OwnedFd>,
}

/// A mount to make or to end.
pub enum Mounts<'p> {
    Mount(Box<MountGrant<'p>>),
    Unmount { place: GuestPath, rule: &'p MountRule },
}

impl Mounts<'_> {
    /// The rule that permitted it.
    pub fn rule(&self) -> &str {
        match self {
            Mounts::Mount(grant) => &grant.rule.id,
            Mounts::Unmount { rule, .. } => &rule.id,
        }
    }
}

impl Work<'_> {
    /// The rule that answers name when they name one: the first.
    pub fn rule(&self) -> String {
        match self {
            Work::Commands(commands) => commands.grants.first().map(|grant| grant.rule.id.clone()),
            Work::Files(files) => files.rules.first().map(|rule| (*rule).to_owned()),
            Work::Mounts(mounts) => Some(mounts.rule().to_owned()),
        }
        .unwrap_or_default()
    }

    /// How many bytes it holds while it waits.
    pub fn bytes(&self) -> usize {
        match self {
            Work::Commands(commands) => commands.stdin.len() + commands.secrets.bytes(),
            Work::Files(files) => files.body.len(),
            Work::Mounts(_) => 0,
        }
    }
}

impl Commands<'_> {
    /// The shortest timeout among the rules.
    pub fn timeout(&self) -> Duration {
        self.grants.iter().map(|grant| grant.rule.timeout).min().unwrap_or_default()
    }

    /// How much memory they have together where they try what bounds it.
    pub fn tried_memory(&self) -> Option<u64> {
        let tries =
            |argument: &Argument| matches!(argument, Argument::Text(text) if text == TRY_MEMORY);
        let is_it = |grant: &CommandGrant| matches!(grant.argv.as_slice(), [one] if tries(one));
        self.grants.iter().all(is_it).then_some(TRIED_MEMORY)
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
    listed: &[Secret],
    body: Vec<u8>,
) -> Result<Commands<'p>, Outcome> {
    if stages.is_empty() || stages.len() > STAGES_MAX {
        return Err(invalid(format!("a pipeline has 1 to {STAGES_MAX} stages")));
    }
    let (secrets, stdin) = Secrets::take(listed, body).map_err(Outcome::from)?;
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
    // What a later stage reads goes from program to program, and nobody counts it.
    if let Some(deaf) = grants.iter().skip(1).find(|grant| grant.rule.stdin_max == 0) {
        let reason = "its rule lets it read nothing, and in a pipeline it would read all that the \
                      stage before it writes; a stdin-max other than 0 permits that";
        let rule = Some(deaf.rule.id.clone());
        return Err(Outcome::Denied { rule, reason: reason.to_owned() });
    }
    check_secrets(&grants, &secrets)?;
    Ok(Commands { grants, secrets, stdin: stdin.into() })
}

/// Every secret that the grants pass on is there, and no other.
fn check_secrets(grants: &[CommandGrant<'_>], secrets: &Secrets) -> Result<(), Outcome> {
    let wanted = grants.iter().flat_map(CommandGrant::secrets);
    let wanted: BTreeSet<_> = wanted.map(|secret| secret.option.as_str()).collect();
    let given: BTreeSet<_> = secrets.options().collect();
    match (wanted.difference(&given).next(), given.difference(&wanted).next()) {
        (Some(missing), _) => Err(invalid(format!("the secret option `{missing}` is not given"))),
        (None, Some(other)) => Err(invalid(format!("no rule passes on the option `{other}`"))),
        (None, None) => Ok(()),
    }
}

/// May this verb be done to these places, and do its parameters mean something?
///
/// # Errors
/// The answer to send instead.
pub fn files(
    policy: &Policy,
    request: FilesRequest,
    body: Vec<u8>,
    stream: Option<OwnedFd>,
) -> Result<Files<'_>, Outcome> {
    let Some((verb, named)) = verb_and_places(&request) else {
        return look(policy, request, &body);
    };
    let mut places = Vec::new();
    let mut rules = Vec::new();
    let mut content = None;
    for Place { root, path } in named {
        let place = GuestPath::parse_relative(root, path).map_err(denied)?;
        let grant = match verb {
            Verb::Write => policy.decide_write(&place, &body),
            _ => policy.decide_files(verb, &place),
        };
        let grant = grant.map_err(denied)?;
        rules.push(grant.rule.id.as_str());
        content = grant.content;
        places.push(place);
    }
    if verb != Verb::Write && !body.is_empty() {
        return Err(invalid("only write takes a body".to_owned()));
    }
    check(&request, body.len() as u64).map_err(Outcome::from)?;
    if request.has_stream() != stream.is_some() {
        return Err(invalid("a tree is sent and taken in by a descriptor of its own".to_owned()));
    }
    if content.is_none() {
        return Ok(Files { request, places, rules, body: body.into(), content, stream });
    }
    if let FilesRequest::Write { mode: Some(mode), .. } = &request
        && mode & OTHERS_WRITE != 0
    {
        let reason = format!(
            "what is written is the rule's to say, and with the permission bits {mode:o} (octal) \
             others than the owner could write as well"
        );
        return Err(Outcome::Denied { rule: rules.first().map(|rule| (*rule).to_owned()), reason });
    }
    // The guest's bytes go no further.
    Ok(Files { request, places, rules, body: Parked::default(), content, stream })
}

/// May this be mounted there, or what is there be unmounted?
///
/// # Errors
/// The answer to send instead.
pub fn mounts<'p>(
    policy: &'p Policy,
    request: MountsRequest,
    body: &[u8],
) -> Result<Mounts<'p>, Outcome> {
    if !body.is_empty() {
        return Err(invalid("a mount takes no body".to_owned()));
    }
    let path = |place: &Place| GuestPath::parse_relative(&place.root, &place.path).map_err(denied);
    Ok(match request {
        MountsRequest::Mount { source, at, filesystem, options } => {
            let source = match source {
                MountSource::Path { at } => abaca_policy::MountSource::Path(path(&at)?),
                MountSource::Device { name } => abaca_policy::MountSource::Device(name),
                MountSource::Remote { name } => abaca_policy::MountSource::Remote(name),
            };
            let grant = policy.decide_mount(&source, &path(&at)?, &filesystem, &options);
            Mounts::Mount(Box::new(grant.map_err(denied)?))
        }
        MountsRequest::Unmount { at } => {
            let place = path(&at)?;
            let rule = policy.decide_unmount(&place).map_err(denied)?;
            Mounts::Unmount { place, rule }
        }
    })
}

/// A look has no verb: whatever rule reaches the place permits it.
fn look<'p>(policy: &'p Policy, request: FilesRequest, body: &[u8]) -> Result<Files<'p>, Outcome> {
    let (FilesRequest::Look { at: Place { root, path } }, []) = (&request, body) else {
        return Err(invalid("only a look without a body has no verb".to_owned()));
    };
    let place = GuestPath::parse_relative(root, path).map_err(denied)?;
    let rules = vec![policy.decide_look(&place).map_err(denied)?];
    Ok(Files {
        request,
        places: vec![place],
        rules,
        body: Parked::default(),
        content: None,
        stream: None,
    })
}

/// None for a look.
fn verb_and_places(request: &FilesRequest) -> Option<(Verb, Vec<&Place>)> {
    Some(match request {
        FilesRequest::Look { .. } => return None,
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
        FilesRequest::Send { at, .. } => (Verb::Send, vec![at]),
        FilesRequest::Receive { at, .. } => (Verb::Receive, vec![at]),
    })
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
