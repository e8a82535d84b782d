//! Reads `[defaults]` and `[[command]]`.
//!
//! One rule at a time: whether two rules get in each other's way, and whether
//! the examples hold, is for `check`.

use std::time::Duration;

use crate::capability;
use crate::error::Flaw;
use crate::launcher::is_launcher;
use crate::load::fields::{
    Fields, Place, Value, array, boolean, choice, explanation, identifier, set, text,
};
use crate::load::scope::{Scope, absolute};
use crate::matcher::Matcher;
use crate::risk::restores;
use crate::rule::CommandRule;
use crate::syscalls::SyscallGroup;
use crate::template::{Template, Unit};
use crate::text::shown;
use crate::units::{parse_duration, parse_size};
use crate::user::User;

/// The keys that `[defaults]` and every command share.
const LIMIT_KEYS: [&str; 5] = ["timeout", "stdout-max", "stderr-max", "stdin-max", "caps"];

const COMMAND_KEYS: [&str; 20] = [
    "id",
    "program",
    "sha256",
    "args",
    "user",
    "caps",
    "syscalls",
    "network",
    "read",
    "write",
    "timeout",
    "stdout-max",
    "stderr-max",
    "stdin-max",
    "removes",
    "only-with",
    "reason",
    "root-equivalent",
    "accepts",
    "refuses",
];

/// Longest time a command may be given: a day, enough for the slowest copy.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Most bytes a stream may be given: they are held in memory until the end.
const MAX_STREAM: u64 = 1 << 30;

/// The digits of a SHA-256 in hexadecimal.
const SHA256_DIGITS: usize = 64;

/// What the mount of a root must say into which a stream is restored.
const STREAM_OPTIONS: [&str; 2] = ["nosuid", "nodev"];

/// The most examples of each kind per rule.
pub(crate) const MAX_EXAMPLES: usize = 64;

/// What `[defaults]` sets for all commands.
#[derive(Clone)]
pub(crate) struct Defaults {
    timeout: Duration,
    stdout_max: u64,
    stderr_max: u64,
    stdin_max: u64,
    caps: Vec<&'static str>,
}

impl Defaults {
    /// Where the file says nothing: short, small, without power.
    const BUILT_IN: Defaults = Defaults {
        timeout: Duration::from_secs(30),
        stdout_max: 64 << 10,
        stderr_max: 64 << 10,
        stdin_max: 0,
        caps: Vec::new(),
    };

    pub(crate) fn load(section: Option<&Value<'_>>) -> Result<Defaults, Flaw> {
        match section {
            None => Ok(Defaults::BUILT_IN),
            Some(value) => Defaults::BUILT_IN.with(&Fields::new(value, "`defaults`", &LIMIT_KEYS)?),
        }
    }

    /// These, where `fields` does not say otherwise.
    fn with(&self, fields: &Fields<'_, '_>) -> Result<Defaults, Flaw> {
        let bytes = |key: &str, default: u64| fields.get(key).map_or(Ok(default), load_bytes);
        Ok(Defaults {
            timeout: fields.get("timeout").map_or(Ok(self.timeout), load_timeout)?,
            stdout_max: bytes("stdout-max", self.stdout_max)?,
            stderr_max: bytes("stderr-max", self.stderr_max)?,
            stdin_max: bytes("stdin-max", self.stdin_max)?,
            caps: fields.get("caps").map_or_else(|| Ok(self.caps.clone()), load_caps)?,
        })
    }
}

/// A rule with what the checks need.
pub(crate) struct Loaded {
    pub(crate) rule: CommandRule,
    pub(crate) id_place: Place,
    pub(crate) args_place: Place,
    pub(crate) examples: Examples,
}

/// The example command lines of a rule.
pub(crate) struct Examples {
    pub(crate) accepts: Vec<Example>,
    pub(crate) refuses: Vec<Example>,
}

/// One command line, the program first.
pub(crate) struct Example {
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    pub(crate) place: Place,
}

pub(crate) fn load(value: &Value<'_>, scope: &Scope, defaults: &Defaults) -> Result<Loaded, Flaw> {
    let fields = Fields::new(value, "a command", &COMMAND_KEYS)?;
    let id = fields.require("id")?;
    let args = fields.require("args")?;
    let root_equivalent = fields
        .get("root-equivalent")
        .map(|why| explanation(why, "`root-equivalent`"))
        .transpose()?;
    let program = load_program(fields.require("program")?, scope, root_equivalent.is_some())?;
    let read = load_roots(&fields, "read", scope)?;
    let write = load_roots(&fields, "write", scope)?;
    let granted: Vec<String> = read.iter().chain(&write).cloned().collect();
    let limits = defaults.with(&fields)?;
    let rule = CommandRule {
        id: identifier(id, "an id")?.to_owned(),
        program,
        sha256: fields.get("sha256").map(load_sha256).transpose()?,
        args: Template::load(args, scope, &granted, Unit::Argument)?,
        read,
        write,
        user: fields.get("user").map(User::load).transpose()?,
        caps: limits.caps,
        syscalls: load_syscalls(&fields)?,
        network: fields.get("network").map_or(Ok(false), |value| boolean(value, "`network`"))?,
        timeout: limits.timeout,
        stdout_max: limits.stdout_max,
        stderr_max: limits.stderr_max,
        stdin_max: limits.stdin_max,
        removes: fields.get("removes").map_or(Ok(false), |value| boolean(value, "`removes`"))?,
        root_equivalent,
        reason: fields.get("reason").map(|why| explanation(why, "`reason`")).transpose()?,
    };
    if let Some(removes) = fields.get("removes").filter(|_| rule.removes)
        && !rule.args.needs_own()
    {
        return Err(Flaw::new(removes.span(), "`removes` without anything of the backend's own")
            .help("add `owner = \"self\"` to the argument that names what is removed"));
    }
    // What it means is for whoever binds the manifest's roots.
    fields.get("only-with").map_or(Ok(()), |root| scope.check_optional(root))?;
    check_stream(&rule, args, scope)?;
    let examples = Examples {
        accepts: load_examples(&fields, "accepts", &rule)?,
        refuses: load_examples(&fields, "refuses", &rule)?,
    };
    Ok(Loaded { rule, id_place: id.span(), args_place: args.span(), examples })
}

/// Whoever restores a stream makes whatever stands in it: set-user-ID files and devices too. Into
/// a root it may do so only where these mean nothing, and if the operator says why. What it puts
/// into a dataset lies in a mount of its own, of which a root says nothing.
fn check_stream(rule: &CommandRule, args: &Value<'_>, scope: &Scope) -> Result<(), Flaw> {
    let Some(word) = restores(rule) else { return Ok(()) };
    let into_dataset = rule.args.matchers().any(|word| matches!(word, Matcher::Dataset(_)));
    let roots = scope.roots().filter(|root| !into_dataset && rule.write.contains(&root.name));
    for root in roots {
        if let Some(option) = STREAM_OPTIONS.iter().find(|one| !root.mount_options.contains(one)) {
            let name = &root.name;
            let flaw = format!("`{word}` puts whatever a stream says into the root `{name}`");
            return Err(Flaw::new(args.span(), flaw).help(format!(
                "have the broker check that nothing comes of it: add `{option}` to \
                 `mount-options` of [roots.{name}]"
            )));
        }
    }
    if rule.root_equivalent.is_none() && !rule.write.is_empty() {
        let flaw = format!("`{word}` restores a stream: this rule would be as good as root");
        return Err(Flaw::new(args.span(), flaw).help(format!(
            "if it must be, add `root-equivalent = \"why\"` to the rule; if no argument is \
                 meant to be `{word}`, list what it may be: {{ one-of = [\"list\", …] }}"
        )));
    }
    Ok(())
}

fn load_program(value: &Value<'_>, scope: &Scope, accepted: bool) -> Result<String, Flaw> {
    let program = absolute(value)?;
    if let Some(root) = scope.root_around(program) {
        return Err(Flaw::new(
            value.span(),
            format!("the program lies within the root `{}`, where it may be replaced", root.name),
        )
        .help("name a program of the system, such as \"/usr/bin/cp\""));
    }
    let name = program.rsplit('/').next().unwrap_or(program);
    if is_launcher(name) && !accepted {
        return Err(Flaw::new(
            value.span(),
            format!("{} runs other programs: this rule would be as good as root", shown(name)),
        )
        .help(
            "name the program that does the work; or, if it must be this one, add \
             `root-equivalent = \"why\"` to the rule",
        ));
    }
    Ok(program.to_owned())
}

fn load_sha256(value: &Value<'_>) -> Result<String, Flaw> {
    let digits = text(value, "a sha256")?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if digits.len() == SHA256_DIGITS && digits.bytes().all(is_digit) {
        return Ok(digits.to_owned());
    }
    Err(Flaw::new(value.span(), format!("{} is no SHA-256", shown(digits)))
        .help(format!("write the {SHA256_DIGITS} digits that `sha256sum PROGRAM` prints")))
}

fn load_roots(fields: &Fields<'_, '_>, key: &str, scope: &Scope) -> Result<Vec<String>, Flaw> {
    let Some(list) = fields.get(key) else { return Ok(Vec::new()) };
    set(list, &format!("`{key}`"), |item| scope.root(item).map(|root| root.name.clone()))
}

fn load_caps(value: &Value<'_>) -> Result<Vec<&'static str>, Flaw> {
    set(value, "`caps`", |item| {
        let name = text(item, "a capability")?;
        capability::find(name).ok_or_else(|| {
            // People know them as CAP_CHOWN; compare what differs.
            let bare = name.strip_prefix("CAP_").unwrap_or(name);
            Flaw::unknown(item.span(), "capability", bare, capability::ALL)
        })
    })
}

fn load_syscalls(fields: &Fields<'_, '_>) -> Result<Vec<SyscallGroup>, Flaw> {
    let Some(list) = fields.get("syscalls") else { return Ok(Vec::new()) };
    let known = SyscallGroup::ALL.map(|group| (group.as_str(), group));
    set(list, "`syscalls`", |item| choice(item, "group of system calls", &known))
}

fn load_timeout(value: &Value<'_>) -> Result<Duration, Flaw> {
    let source = text(value, "a timeout")?;
    parse_duration(source)
        .filter(|timeout| !timeout.is_zero() && *timeout <= MAX_TIMEOUT)
        .ok_or_else(|| {
            Flaw::new(value.span(), format!("{} is no timeout", shown(source)))
                .help("write digits and ms, s or m, from \"1ms\" to \"1440m\" (a day)")
        })
}

fn load_bytes(value: &Value<'_>) -> Result<u64, Flaw> {
    let source = text(value, "a limit of bytes")?;
    parse_size(source).filter(|bytes| *bytes <= MAX_STREAM).ok_or_else(|| {
        Flaw::new(value.span(), format!("{} is no limit of bytes", shown(source)))
            .help("write digits and B, KiB, MiB or GiB, from \"0B\" to \"1GiB\"")
    })
}

fn load_examples(
    fields: &Fields<'_, '_>,
    key: &str,
    rule: &CommandRule,
) -> Result<Vec<Example>, Flaw> {
    let Some(value) = fields.get(key) else { return Ok(Vec::new()) };
    let list = array(value, &format!("`{key}`"))?;
    if list.len() > MAX_EXAMPLES {
        return Err(Flaw::new(value.span(), format!("`{key}` has too many examples"))
            .help(format!("at most {MAX_EXAMPLES}")));
    }
    list.iter().map(|item| load_example(item, rule)).collect()
}

fn load_example(value: &Value<'_>, rule: &CommandRule) -> Result<Example, Flaw> {
    // Hostile words are what `refuses` is for, so they are taken as they are.
    let words: Option<Vec<String>> = array(value, "an example")?
        .iter()
        .map(|word| word.get_ref().as_str().map(str::to_owned))
        .collect();
    let name = rule.program_name();
    match words.as_deref() {
        Some([program, args @ ..]) if program == name => {
            Ok(Example { program: program.clone(), args: args.to_vec(), place: value.span() })
        }
        // Of another program it would be denied for a reason that proves nothing.
        _ => {
            Err(Flaw::new(value.span(), "an example must be a command line of this rule's program")
                .help(format!("write [\"{name}\", …], texts only")))
        }
    }
}
