//! What was asked for, rule by rule.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::guest_path::GuestPath;
use crate::policy::Policy;
use crate::request::Request;
use crate::rule::Verb;
use crate::template::Taken;

/// The most uses of a rule that are kept as its examples.
const MAX_EXAMPLES: usize = 4;

/// Everything that requests have shown.
#[derive(Default)]
pub(super) struct Seen {
    /// Each request that the policy grants, once.
    pub(super) granted: HashSet<Request>,
    /// Each that it does not.
    pub(super) denied: HashSet<Request>,
    /// The rules that grant one.
    pub(super) rules: BTreeSet<String>,
    /// Of each command rule, what it was used for.
    pub(super) commands: BTreeMap<String, TemplateUses>,
    /// Of each rule that says what files hold, what was written.
    pub(super) contents: BTreeMap<String, TemplateUses>,
    /// Of each files rule, what it was used for.
    pub(super) files: BTreeMap<String, FilesUses>,
    /// Of each mount rule, what it was used for.
    pub(super) mounts: BTreeMap<String, MountUses>,
}

/// What fitted the template of one rule: command lines, or the contents of files.
#[derive(Default)]
pub(super) struct TemplateUses {
    /// Of each step of the template, the values of its holes: one set for each hole.
    pub(super) values: BTreeMap<usize, Vec<BTreeSet<String>>>,
    /// Of each use, the steps that took a word or a line.
    pub(super) steps: Vec<BTreeSet<usize>>,
    /// Some of the uses as `accepts` spells them: the program first, or line by line.
    pub(super) examples: Vec<Vec<String>>,
}

impl TemplateUses {
    fn add(&mut self, trace: Vec<Taken>, example: impl FnOnce() -> Vec<String>) {
        let mut steps = BTreeSet::new();
        for taken in trace {
            steps.insert(taken.step);
            let holes = self.values.entry(taken.step).or_default();
            holes.resize_with(taken.values.len().max(holes.len()), BTreeSet::new);
            for (hole, value) in holes.iter_mut().zip(taken.values) {
                hole.insert(value);
            }
        }
        self.steps.push(steps);
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push(example());
        }
    }
}

/// The places of one files rule.
#[derive(Default)]
pub(super) struct FilesUses {
    pub(super) verbs: BTreeSet<Verb>,
    /// The first components.
    pub(super) names: BTreeSet<String>,
    /// The most components.
    pub(super) depth: usize,
}

/// The mounts of one rule.
#[derive(Default)]
pub(super) struct MountUses {
    pub(super) filesystems: BTreeSet<String>,
    /// The last components of the places.
    pub(super) places: BTreeSet<String>,
}

impl Seen {
    pub(super) fn add(&mut self, policy: &Policy, request: Request) {
        if self.granted.contains(&request) || self.denied.contains(&request) {
            return;
        }
        let Ok(id) = policy.decide(&request).map(|granted| granted.rule.to_owned()) else {
            self.denied.insert(request);
            return;
        };
        match &request {
            Request::Command { program, args } => {
                let Some(rule) = policy.command(&id) else { return };
                let Ok(trace) = rule.args.trace(args) else { return };
                let line = || std::iter::once(program).chain(args).cloned().collect();
                self.commands.entry(id.clone()).or_default().add(trace, line);
            }
            Request::Files { verb, path } => self.saw(&id, *verb, path),
            Request::Write { path, lines } => {
                self.saw(&id, Verb::Write, path);
                let rule = policy.files().iter().find(|rule| rule.id == id);
                if let Some(content) = rule.and_then(|rule| rule.content.as_ref())
                    && let Ok(trace) = content.template().trace(lines)
                {
                    let uses = self.contents.entry(id.clone()).or_default();
                    uses.add(trace, || lines.clone());
                }
            }
            Request::Mount { place, filesystem, .. } => {
                let uses = self.mounts.entry(id.clone()).or_default();
                uses.filesystems.insert(filesystem.clone());
                uses.places.extend(place.components.last().cloned());
            }
            Request::Unmount { place } => {
                let uses = self.mounts.entry(id.clone()).or_default();
                uses.places.extend(place.components.last().cloned());
            }
        }
        self.rules.insert(id);
        self.granted.insert(request);
    }

    fn saw(&mut self, id: &str, verb: Verb, path: &GuestPath) {
        let uses = self.files.entry(id.to_owned()).or_default();
        uses.verbs.insert(verb);
        uses.names.extend(path.components.first().cloned());
        uses.depth = uses.depth.max(path.components.len());
    }
}
