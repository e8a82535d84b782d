//! A loaded policy, and the questions it answers.
//!
//! Nothing is granted but what exactly one rule grants. The loader has already
//! refused rules that overlap, so a second match here means that this crate is
//! wrong about `overlaps`; it denies.

use sha2::{Digest, Sha256};

use crate::error::PolicyError;
use crate::explain::Explanation;
use crate::grant::{CommandGrant, Denial, FilesGrant};
use crate::guest_path::GuestPath;
use crate::load;
use crate::rule::{CommandRule, FilesRule, Root, Verb};
use crate::template::{Filled, MAX_ARGS, Misfit};
use crate::text::{MAX_COMPONENT, hidden_in, shown};

/// Most bytes of a guest's argv together: far above any real command line, far
/// below what the kernel would refuse.
const MAX_ARGV_BYTES: usize = 64 << 10;

/// What one driver may do.
#[derive(Debug, Clone)]
pub struct Policy {
    driver: String,
    digest: String,
    roots: Vec<Root>,
    commands: Vec<CommandRule>,
    files: Vec<FilesRule>,
}

impl Policy {
    /// Parses and checks a policy; `file` names it in messages.
    ///
    /// # Errors
    /// The first fault found, with its place.
    pub fn parse(source: &str, file: &str) -> Result<Policy, PolicyError> {
        load::load(source).map_err(|flaw| PolicyError::new(flaw, file, source))
    }

    pub(crate) fn new(
        driver: String,
        source: &str,
        roots: Vec<Root>,
        commands: Vec<CommandRule>,
        files: Vec<FilesRule>,
    ) -> Policy {
        let digest = Sha256::digest(source).iter().map(|byte| format!("{byte:02x}")).collect();
        Policy { driver, digest, roots, commands, files }
    }

    /// The driver it is for.
    pub fn driver(&self) -> &str {
        &self.driver
    }

    /// SHA-256 of the source text, in lower-case hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The roots, by name.
    pub fn roots(&self) -> impl Iterator<Item = &Root> {
        self.roots.iter()
    }

    /// The root of this name.
    pub fn root(&self, name: &str) -> Option<&Root> {
        self.roots.iter().find(|root| root.name == name)
    }

    /// The command rules, in the order of the file.
    pub fn commands(&self) -> &[CommandRule] {
        &self.commands
    }

    /// The files rules, in the order of the file.
    pub fn files(&self) -> &[FilesRule] {
        &self.files
    }

    /// The command rule of this id.
    pub fn command(&self, id: &str) -> Option<&CommandRule> {
        self.commands.iter().find(|rule| rule.id == id)
    }

    /// Decides whether `program`, named by its file name, may run with `args`.
    ///
    /// # Errors
    /// A [`Denial`] unless exactly one rule grants it.
    pub fn decide_command(
        &self,
        program: &str,
        args: &[String],
    ) -> Result<CommandGrant<'_>, Denial> {
        check_words(program, args)?;
        let mut granted: Option<(&CommandRule, Filled)> = None;
        let mut nearest: Option<(&CommandRule, Misfit)> = None;
        for rule in self.commands.iter().filter(|rule| rule.program_name() == program) {
            match rule.args.fill(args) {
                Ok(filled) => {
                    if let Some((other, _)) = &granted {
                        let both = format!("`{}` and `{}` both match", other.id, rule.id);
                        return Err(Denial::of_rule(&rule.id, both));
                    }
                    granted = Some((rule, filled));
                }
                Err(misfit) => {
                    if nearest.as_ref().is_none_or(|(_, nearest)| misfit.at > nearest.at) {
                        nearest = Some((rule, misfit));
                    }
                }
            }
        }
        match (granted, nearest) {
            (Some((rule, Filled { argv, values })), _) => Ok(CommandGrant { rule, argv, values }),
            (None, Some((rule, misfit))) => Err(Denial::of_rule(
                &rule.id,
                format!(
                    "argument {} should be {}, not {}",
                    misfit.at + 1,
                    misfit.expected,
                    misfit.got
                ),
            )),
            (None, None) => {
                Err(Denial::new(format!("no rule names the program {}", shown(program))))
            }
        }
    }

    /// Says of every rule whether it grants the command line, or why not.
    pub fn explain_command(&self, program: &str, args: &[String]) -> Explanation {
        Explanation::new(self, program, args)
    }

    /// Decides whether `verb` may be done on `path`.
    ///
    /// # Errors
    /// A [`Denial`] unless exactly one rule grants it.
    pub fn decide_files(&self, verb: Verb, path: &GuestPath) -> Result<FilesGrant<'_>, Denial> {
        path.check()?;
        let Some(root) = self.root(&path.root) else {
            return Err(Denial::new(format!("there is no root {}", shown(&path.root))));
        };
        let mut covering = self.files.iter().filter(|rule| rule.covers(path)).peekable();
        let nearest = covering.peek().map(|rule| rule.id.clone());
        let mut granting = covering.filter(|rule| rule.verbs.contains(&verb));
        match (granting.next(), granting.next()) {
            (Some(rule), None) => Ok(FilesGrant { rule, root }),
            (Some(rule), Some(other)) => {
                let both = format!("`{}` and `{}` both match", rule.id, other.id);
                Err(Denial::of_rule(&other.id, both))
            }
            (None, _) => {
                let place = shown(&path.to_string());
                Err(Denial { rule: nearest, reason: format!("no rule grants {verb} on {place}") })
            }
        }
    }
}

/// Refuses what no rule could accept, before any rule is looked at.
pub(crate) fn check_words(program: &str, args: &[String]) -> Result<(), Denial> {
    if program.is_empty() {
        return Err(Denial::new("the program has no name"));
    }
    if program.len() > MAX_COMPONENT || program.contains('/') || hidden_in(program).is_some() {
        return Err(Denial::new(format!(
            "{} is no file name: programs are named without directory",
            shown(program)
        )));
    }
    if args.len() > MAX_ARGS {
        return Err(Denial::new(format!("more than {MAX_ARGS} arguments")));
    }
    if args.iter().map(String::len).sum::<usize>() + program.len() > MAX_ARGV_BYTES {
        return Err(Denial::new("more than 64 KiB of arguments"));
    }
    for (at, word) in args.iter().enumerate() {
        if word.is_empty() {
            return Err(Denial::new(format!("argument {} is empty", at + 1)));
        }
        if hidden_in(word).is_some() {
            return Err(Denial::new(format!(
                "argument {} has a control or invisible character: {}",
                at + 1,
                shown(word)
            )));
        }
    }
    Ok(())
}
