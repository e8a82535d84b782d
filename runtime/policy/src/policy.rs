//! A loaded policy, and the questions it answers.
//!
//! Nothing is granted but what exactly one rule grants. The loader has already
//! refused rules that overlap, so a second match here means that this crate is
//! wrong about `overlaps`; it denies.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::content::{self, Content, MAX_CONTENT};
use crate::error::PolicyError;
use crate::explain::Explanation;
use crate::grant::{CommandGrant, Denial, FileContent, FilesGrant, MountGrant, PathArgument};
use crate::guest_path::GuestPath;
use crate::load;
use crate::mount::{MountMisfit, MountRule, MountSource};
use crate::owned::Container;
use crate::rule::{CommandRule, FilesRule, Root, Verb};
use crate::template::{Filled, MAX_ARGS, Misfit};
use crate::text::{MAX_COMPONENT, hidden_in, shown};

/// Most bytes of a guest's argv together: far above any real command line, far
/// below what the kernel would refuse.
const MAX_ARGV_BYTES: usize = 64 << 10;

/// The most options of one mount: the rules' own lists are as long as this.
const MAX_MOUNT_OPTIONS: usize = 64;

/// What the words of a mount are called.
const MOUNT_WORDS: [&str; 4] = ["source", "place", "file system", "options"];

/// What one driver may do.
#[derive(Debug, Clone)]
pub struct Policy {
    driver: String,
    digest: String,
    roots: Vec<Root>,
    rules: Rules,
}

/// The rules of a policy, each kind in the order of the file.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) commands: Vec<CommandRule>,
    pub(crate) files: Vec<FilesRule>,
    pub(crate) mounts: Vec<MountRule>,
    /// The secret options that the driver may read.
    pub(crate) revealed: BTreeSet<String>,
}

impl Policy {
    /// Parses and checks a policy; `file` names it in messages.
    ///
    /// # Errors
    /// The first fault found, with its place.
    pub fn parse(source: &str, file: &str) -> Result<Policy, PolicyError> {
        load::load(source, load::Form::Policy)
            .map(|loaded| loaded.policy)
            .map_err(|flaw| PolicyError::new(flaw, file, source))
    }

    pub(crate) fn new(driver: String, source: &str, roots: Vec<Root>, rules: Rules) -> Policy {
        let digest = Sha256::digest(source).iter().map(|byte| format!("{byte:02x}")).collect();
        Policy { driver, digest, roots, rules }
    }

    /// The same rules with roots elsewhere: the directories of those that have one here.
    pub(crate) fn placed(&self, paths: &BTreeMap<String, String>) -> Policy {
        let mut placed = self.clone();
        for root in &mut placed.roots {
            if let Some(path) = paths.get(&root.name) {
                root.path.clone_from(path);
            }
        }
        placed
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
        &self.rules.commands
    }

    /// The files rules, in the order of the file.
    pub fn files(&self) -> &[FilesRule] {
        &self.rules.files
    }

    /// The mount rules, in the order of the file.
    pub fn mounts(&self) -> &[MountRule] {
        &self.rules.mounts
    }

    /// The command rule of this id.
    pub fn command(&self, id: &str) -> Option<&CommandRule> {
        self.rules.commands.iter().find(|rule| rule.id == id)
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
        for rule in self.rules.commands.iter().filter(|rule| rule.program_name() == program) {
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
            (Some((rule, Filled { argv, values, claims })), _) => {
                Ok(CommandGrant { rule, argv, values, claims })
            }
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

    /// The id of a rule that may reach this place, by a verb on files, by an argument of a command
    /// or by a path in what is written. Whether something is there may be told to whoever decides on such a request.
    ///
    /// # Errors
    /// A [`Denial`] if no rule does.
    pub fn decide_look(&self, path: &GuestPath) -> Result<&str, Denial> {
        path.check()?;
        let word = path.to_string();
        let files = self.rules.files.iter().find(|rule| rule.reaches(path)).map(|rule| &rule.id);
        let command = || self.rules.commands.iter().find(|rule| rule.args.takes_path(&word));
        let named = |rule: &&FilesRule| {
            rule.content.as_ref().is_some_and(|content| content.takes_path(&word))
        };
        let written = || self.rules.files.iter().find(named);
        let found = files
            .or_else(|| command().map(|rule| &rule.id))
            .or_else(|| written().map(|rule| &rule.id));
        found
            .map(String::as_str)
            .ok_or_else(|| Denial::new(format!("no rule is about {}", shown(&word))))
    }

    /// Where there can be things of the backend's own: what its rules make or need to be that.
    /// Sorted.
    pub fn containers(&self) -> Vec<Container> {
        let commands = self.rules.commands.iter().flat_map(|rule| rule.args.containers());
        let files = self.rules.files.iter().filter(|rule| rule.name.is_some());
        let files = files.map(|rule| Container::Root(rule.root.clone()));
        let contents = self.rules.files.iter().filter_map(|rule| rule.content.as_ref());
        let contents = contents.flat_map(Content::containers);
        commands.chain(files).chain(contents).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The options whose values commands are given, each with the id of a rule that says so.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rules
            .commands
            .iter()
            .flat_map(|rule| rule.args.secrets().map(move |option| (rule.id.as_str(), option)))
    }

    /// The secret options whose values the driver itself may read, sorted. Of all others it learns
    /// no more than that they are set.
    pub fn revealed(&self) -> impl Iterator<Item = &str> {
        self.rules.revealed.iter().map(String::as_str)
    }

    /// Whether the driver may read the value of this secret option.
    pub fn reveals(&self, option: &str) -> bool {
        self.rules.revealed.contains(option)
    }

    /// True if whatever `other` grants is granted here, with the same effect:
    /// then an upgrade from this policy to `other` asks for nothing more. Never
    /// wrongly true; wrongly false where a rule of the other's is covered only
    /// by several rules together, or as [`CommandRule::covers`] says.
    pub fn covers(&self, other: &Policy) -> bool {
        let roots =
            other.roots.iter().all(|wanted| self.roots.iter().any(|root| root.covers(wanted)));
        let commands = other
            .commands()
            .iter()
            .all(|wanted| self.commands().iter().any(|rule| rule.covers(wanted)));
        let mounts = other
            .mounts()
            .iter()
            .all(|wanted| self.mounts().iter().any(|rule| rule.covers(wanted)));
        let files = other
            .files()
            .iter()
            .all(|wanted| wanted.verbs.iter().all(|verb| self.grants(*verb, wanted)));
        let revealed = other.rules.revealed.is_subset(&self.rules.revealed);
        roots && commands && files && mounts && revealed
    }

    /// True if a files rule grants this verb at all places of `wanted`.
    pub(crate) fn grants(&self, verb: Verb, wanted: &FilesRule) -> bool {
        self.files().iter().any(|rule| rule.verbs.contains(&verb) && rule.covers_places(wanted))
    }

    /// Says of every rule whether it grants the command line, or why not.
    pub fn explain_command(&self, program: &str, args: &[String]) -> Explanation {
        Explanation::new(self, program, args)
    }

    /// Decides whether `verb` may be done on `path`. Of a write that is only half of the question:
    /// [`decide_write`](Self::decide_write) asks the whole.
    ///
    /// # Errors
    /// A [`Denial`] unless exactly one rule grants it, and it says nothing of what is written.
    pub fn decide_files(&self, verb: Verb, path: &GuestPath) -> Result<FilesGrant<'_>, Denial> {
        let grant = self.decide_place(verb, path)?;
        if grant.rule.content.is_some() {
            let reason = "it says what is written, and that is not known here";
            return Err(Denial::of_rule(&grant.rule.id, reason));
        }
        Ok(grant)
    }

    /// Decides whether these bytes may be written at `path`, and what is written in their place
    /// where the rule says what a file must look like.
    ///
    /// # Errors
    /// A [`Denial`] unless exactly one rule grants it.
    pub fn decide_write(&self, path: &GuestPath, bytes: &[u8]) -> Result<FilesGrant<'_>, Denial> {
        let grant = self.decide_place(Verb::Write, path)?;
        if grant.rule.content.is_none() {
            return Ok(grant);
        }
        let lines = content::lines(bytes)
            .map_err(|why| Denial::of_rule(&grant.rule.id, format!("what is written: {why}")))?;
        self.fill(grant, &lines)
    }

    /// As [`decide_write`](Self::decide_write), of a text whose lines are told without their ends.
    pub(crate) fn decide_lines(
        &self,
        path: &GuestPath,
        lines: &[String],
    ) -> Result<FilesGrant<'_>, Denial> {
        self.fill(self.decide_place(Verb::Write, path)?, lines)
    }

    /// The id of the rule that says what is written at this place, if one does.
    pub fn governing(&self, path: &GuestPath) -> Option<&str> {
        let governs = |rule: &&FilesRule| rule.content.is_some() && rule.reaches(path);
        self.rules.files.iter().find(governs).map(|rule| rule.id.as_str())
    }

    fn fill<'p>(&self, grant: FilesGrant<'p>, lines: &[String]) -> Result<FilesGrant<'p>, Denial> {
        let Some(content) = &grant.rule.content else { return Ok(grant) };
        let deny = |why: String| Denial::of_rule(&grant.rule.id, format!("what is written: {why}"));
        let content = content.read(lines).map_err(|misread| deny(misread.to_string()))?;
        if self.rebuilt(&content).len() > MAX_CONTENT {
            return Err(deny(format!("rebuilt it is larger than {} KiB", MAX_CONTENT >> 10)));
        }
        Ok(FilesGrant { content: Some(content), ..grant })
    }

    /// The whole file as it is written if every path in it is what it must be.
    pub fn rebuilt(&self, content: &FileContent) -> String {
        let path = |path: &PathArgument| {
            let root = self.root(&path.root).map_or("", |root| root.path.as_str());
            let components = path.components.iter().map(String::as_str);
            std::iter::once(root).chain(components).collect::<Vec<_>>().join("/")
        };
        content.lines.iter().fold(String::new(), |mut file, line| {
            line.write_down(&path, &mut file);
            file.push('\n');
            file
        })
    }

    /// The rule that grants `verb` on `path`, whatever is written there.
    fn decide_place(&self, verb: Verb, path: &GuestPath) -> Result<FilesGrant<'_>, Denial> {
        path.check()?;
        let Some(root) = self.root(&path.root) else {
            return Err(Denial::new(format!("there is no root {}", shown(&path.root))));
        };
        let mut covering = self.rules.files.iter().filter(|rule| rule.reaches(path)).peekable();
        let nearest = covering.peek().map(|rule| rule.id.clone());
        let mut granting = covering.filter(|rule| rule.verbs.contains(&verb));
        match (granting.next(), granting.next()) {
            (Some(rule), None) => Ok(FilesGrant { rule, root, content: None }),
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

    /// Decides whether `source` may be mounted at `place` as a `filesystem` with `options`.
    ///
    /// # Errors
    /// A [`Denial`] unless exactly one rule grants it.
    pub fn decide_mount(
        &self,
        source: &MountSource,
        place: &GuestPath,
        filesystem: &str,
        options: &[String],
    ) -> Result<MountGrant<'_>, Denial> {
        if let MountSource::Path(path) = source {
            path.check()?;
        }
        check_options(options)?;
        let rule = self.decide_unmount(place)?;
        rule.judge(source, place, filesystem, options).map_err(|misfit| {
            let MountMisfit { at, expected, got } = misfit;
            let what = MOUNT_WORDS.get(at).copied().unwrap_or_default();
            Denial::of_rule(&rule.id, format!("the {what} should be {expected}, not {got}"))
        })
    }

    /// Decides whether what is mounted at `place` may be unmounted: by the rule that might have
    /// mounted it.
    ///
    /// # Errors
    /// A [`Denial`] unless exactly one rule grants it.
    pub fn decide_unmount(&self, place: &GuestPath) -> Result<&MountRule, Denial> {
        place.check()?;
        self.mount_place(&place.root, &place.components).ok_or_else(|| {
            let place = shown(&place.to_string());
            Denial::new(format!("no rule grants a mount at {place}"))
        })
    }

    /// The rule whose place this is: these components beneath this root. A place has one rule.
    pub fn mount_place(&self, root: &str, components: &[String]) -> Option<&MountRule> {
        self.rules.mounts.iter().find(|rule| rule.holds(root, components))
    }

    /// Says of every files rule whether it grants this verb on these paths, or why not: one path
    /// as `ROOT:relative/path`, and two for `rename` and `copy`; behind that of `write` the lines
    /// that would be written, where a rule says what they must be. The outcome is that of
    /// [`decide_files`](Self::decide_files) on each, or of [`decide_write`](Self::decide_write).
    pub fn explain_files(&self, verb: Verb, words: &[String]) -> Explanation {
        Explanation::of_files(self, verb, words)
    }

    /// As [`explain_files`](Self::explain_files), of these bytes written at a place.
    pub fn explain_write(&self, place: &str, bytes: &[u8]) -> Explanation {
        Explanation::of_write(self, place, bytes)
    }

    /// Says of every mount rule whether it grants these words, or why not: the source, the
    /// place, the file system, and if there are any the options with commas between them.
    pub fn explain_mount(&self, words: &[String]) -> Explanation {
        Explanation::of_mount(self, words)
    }
}

/// Refuses options that no rule could accept, before any rule is looked at.
fn check_options(options: &[String]) -> Result<(), Denial> {
    if options.len() > MAX_MOUNT_OPTIONS {
        return Err(Denial::new(format!("more than {MAX_MOUNT_OPTIONS} options")));
    }
    match options.iter().find(|one| one.is_empty() || one.contains(',') || hidden_in(one).is_some())
    {
        Some(word) => Err(Denial::new(format!("{} is no option of a mount", shown(word)))),
        None => Ok(()),
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
