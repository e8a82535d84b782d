//! What drivers have asked for, as an audit holds it: requests that can be put to a policy once
//! more. `abaca policy simulate` and `learn` do that.
//!
//! It decides nothing, and proves nothing of the audit: `audit` reads its lines, and verifies them.
//! An audit holds the words as people can read them: escaped and, where they are long, cut. What
//! cannot be known from that is said, and never guessed.

use abaca_policy::{GuestPath, Policy, Request, Verb};
use serde_json::Value;

use crate::audit::AuditLine;

/// The requests beside those about files on which a policy decides.
const OTHERS: [&str; 4] = ["command.run", "command.pipeline", "mounts.mount", "mounts.unmount"];

/// What stands where a text was cut.
const CUT: &str = "… (";

/// What begins an escaped character.
const ESCAPED: &str = "\\u{";

/// A request that was permitted or denied, as one line of an audit tells of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Asked {
    /// The line's number in the audit.
    pub seq: u64,
    /// The call that it belongs to.
    pub call: String,
    /// Interface and function: `command.run`.
    pub import: String,
    /// The words that were asked with, as the audit has them.
    pub words: Vec<String>,
    /// The rule that granted it, several joined; none if it was denied.
    pub granted: Option<String>,
    /// The questions to a policy that it means, or why that cannot be known.
    pub requests: Result<Vec<Request>, String>,
}

/// How a policy decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// This rule grants it; several are joined.
    Granted(String),
    /// Why not.
    Denied(String),
    /// Why that cannot be said from the audit.
    Unknown(String),
}

impl Asked {
    /// The request that a line tells of, once: where it was permitted or denied. None if it tells
    /// of something else, or of a request on which no policy decides.
    #[must_use]
    pub fn of(line: &AuditLine) -> Option<Asked> {
        let granted = match line.word("event") {
            "intent" => Some(line.word("rule").to_owned()),
            "denied" => None,
            _ => return None,
        };
        let import = line.word("import").to_owned();
        let verb = import.strip_prefix("files.").map(str::parse::<Verb>);
        if verb.is_none() && !OTHERS.contains(&import.as_str()) {
            return None;
        }
        let text = |word: &Value| word.as_str().map_or_else(|| word.to_string(), str::to_owned);
        let asked = line.fields.get("asked").and_then(Value::as_array);
        let words: Vec<String> = asked.into_iter().flatten().map(text).collect();
        let requests = if words.iter().any(|word| word.contains(CUT)) {
            Err("the audit holds only a part of it".to_owned())
        } else {
            match verb {
                Some(Ok(verb)) => match written(line) {
                    Some(Ok(lines)) => words.iter().map(|word| write(word, &lines)).collect(),
                    Some(Err(why)) => Err(why),
                    None => words.iter().map(|word| files(verb, word)).collect(),
                },
                Some(Err(_)) => Err(format!("`{import}` is no verb on files")),
                None => match import.as_str() {
                    "command.run" => command(&words).map(|request| vec![request]),
                    "mounts.mount" => mount(&words).map(|request| vec![request]),
                    "mounts.unmount" => words.iter().map(|word| unmount(word)).collect(),
                    _ => words.iter().map(|stage| stage_of(stage)).collect(),
                },
            }
        };
        let (seq, call) = (line.link.seq, line.word("call").to_owned());
        Some(Asked { seq, call, import, words, granted, requests })
    }

    /// How `policy` decides it.
    #[must_use]
    pub fn decide(&self, policy: &Policy) -> Decision {
        let requests = match &self.requests {
            Ok(requests) => requests,
            Err(why) => return Decision::Unknown(why.clone()),
        };
        let (mut rules, mut needs_own) = (Vec::new(), false);
        for request in requests {
            // The audit tells what was written only where a rule said what that must look like.
            if let Request::Files { verb: Verb::Write, path } = request
                && let Some(rule) = policy.governing(path)
            {
                return Decision::Unknown(format!(
                    "`{rule}` says what is written, and the audit does not tell what that was"
                ));
            }
            match policy.decide(request) {
                Ok(granted) => {
                    rules.push(granted.rule);
                    needs_own |= granted.needs_own;
                }
                // Escaped or not, it is denied.
                Err(denial) => return Decision::Denied(denial.reason),
            }
        }
        if self.words.iter().any(|word| word.contains(ESCAPED)) {
            let why = "a character is escaped in the audit, and may have been the escape itself";
            return Decision::Unknown(why.to_owned());
        }
        let rule = rules.join(self.joint());
        // What this rule granted then was the backend's own.
        if needs_own && self.granted.as_ref() != Some(&rule) {
            return Decision::Unknown(format!(
                "`{rule}` grants it if it is the backend's own, which no audit says"
            ));
        }
        Decision::Granted(rule)
    }

    /// What the gate writes between the rules of one request.
    fn joint(&self) -> &'static str {
        if self.import.starts_with("files.") { " + " } else { " | " }
    }
}

fn files(verb: Verb, word: &str) -> Result<Request, String> {
    Ok(Request::Files { verb, path: place(word)? })
}

/// The lines that were to be written, if the line of the audit tells them.
fn written(line: &AuditLine) -> Option<Result<Vec<String>, String>> {
    let lines = line.fields.get("content")?.get("asked")?.as_array()?;
    let lines: Option<Vec<_>> = lines.iter().map(|line| line.as_str().map(str::to_owned)).collect();
    Some(match lines {
        Some(lines) if !lines.iter().any(|line| line.contains(CUT)) => Ok(lines),
        _ => Err("the audit holds only a part of what was written".to_owned()),
    })
}

fn write(word: &str, lines: &[String]) -> Result<Request, String> {
    Ok(Request::Write { path: place(word)?, lines: lines.to_vec() })
}

fn unmount(word: &str) -> Result<Request, String> {
    Ok(Request::Unmount { place: place(word)? })
}

/// The source, the place, the file system, and the options.
fn mount(words: &[String]) -> Result<Request, String> {
    let [source, at, filesystem, options @ ..] = words else {
        return Err("the audit names no source, place and file system".to_owned());
    };
    let (source, filesystem) = (source.clone(), filesystem.clone());
    Ok(Request::Mount { source, place: place(at)?, filesystem, options: options.to_vec() })
}

/// As the driver wrote it: whether that is a path is the policy's to say.
fn place(word: &str) -> Result<GuestPath, String> {
    let (root, path) =
        word.split_once(':').ok_or_else(|| format!("{word:?} is no place beneath a root"))?;
    let components = match path {
        "" | "." => Vec::new(),
        _ => path.split('/').map(str::to_owned).collect(),
    };
    Ok(GuestPath { root: root.to_owned(), components })
}

fn command(words: &[String]) -> Result<Request, String> {
    let (program, args) = words.split_first().ok_or("the audit names no program")?;
    Ok(Request::Command { program: program.clone(), args: args.to_vec() })
}

/// A stage of a pipeline stands in the audit as a list by itself.
fn stage_of(text: &str) -> Result<Request, String> {
    let words: Vec<String> =
        serde_json::from_str(text).map_err(|_| "a stage of the pipeline is no list".to_owned())?;
    command(&words)
}
