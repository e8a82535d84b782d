//! How much is at stake when a rule is granted, and why. Pure: computed from what the rule says,
//! never from what its author says of it.
//!
//! Not a wall and not a decision: it orders what is shown to an operator, and says which rules
//! want more than a nod. Where it does not know, it says the more dangerous of two classes.

mod commands;
mod others;

use std::cmp::Reverse;
use std::fmt;

use serde::Serialize;

pub(crate) use self::commands::restores;
use crate::policy::Policy;
use crate::subject::Subject;

/// Five classes, the harmless first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum RiskClass {
    /// Asks and changes nothing.
    R0,
    /// Makes or changes what the backend has for this purpose.
    R1,
    /// Destroys, exposes data, or reaches the network.
    R2,
    /// Reaches block devices, services of the host, secrets, or what is others'.
    R3,
    /// As good as root.
    R4,
}

impl RiskClass {
    /// The class in a few words.
    pub const fn meaning(self) -> &'static str {
        match self {
            RiskClass::R0 => "asks only",
            RiskClass::R1 => "makes and changes its own",
            RiskClass::R2 => "destroys, exposes, or reaches the network",
            RiskClass::R3 => "reaches devices, services, secrets, or what is others'",
            RiskClass::R4 => "as good as root",
        }
    }
}

/// `R2`
impl fmt::Display for RiskClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RiskClass::R0 => "R0",
            RiskClass::R1 => "R1",
            RiskClass::R2 => "R2",
            RiskClass::R3 => "R3",
            RiskClass::R4 => "R4",
        })
    }
}

/// The class of a rule, and what puts it there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Risk {
    /// The most dangerous of the reasons' classes; R0 if there is none.
    pub class: RiskClass,
    /// All reasons, the most dangerous first.
    pub reasons: Vec<RiskReason>,
}

/// One thing that makes a rule dangerous.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RiskReason {
    /// The class that it alone would be in.
    pub class: RiskClass,
    /// What it is: half a sentence about the rule.
    pub why: String,
}

/// A rule or a root with its risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Rated {
    /// What it is.
    pub subject: Subject,
    /// Its id or name.
    pub id: String,
    /// The whole of it in one line, for people.
    pub line: String,
    /// How dangerous it is.
    #[serde(flatten)]
    pub risk: Risk,
}

impl Policy {
    /// Every rule, revealed secret and root, the most dangerous first: what is as good as root stands at the top.
    pub fn risks(&self) -> Vec<Rated> {
        let roots = self.roots().map(|root| Rated {
            subject: Subject::Root,
            id: root.name.clone(),
            line: root.path.clone(),
            risk: self.root_risk(&root.name),
        });
        let commands = self.commands().iter().map(|rule| Rated {
            subject: Subject::Command,
            id: rule.id.clone(),
            line: rule.to_string(),
            risk: self.command_risk(rule),
        });
        let files = self.files().iter().map(|rule| Rated {
            subject: Subject::Files,
            id: rule.id.clone(),
            line: rule.to_string(),
            risk: self.files_risk(rule),
        });
        let mounts = self.mounts().iter().map(|rule| Rated {
            subject: Subject::Mount,
            id: rule.id.clone(),
            line: rule.to_string(),
            risk: self.mount_risk(rule),
        });
        let secrets = self.revealed().map(|option| Rated {
            subject: Subject::Secret,
            id: option.to_owned(),
            line: SECRET.to_owned(),
            risk: secret_risk(),
        });
        let rules = commands.chain(files).chain(mounts);
        let mut rated: Vec<_> = roots.chain(rules).chain(secrets).collect();
        // Rules before the roots that are as dangerous because of them, else as in the file.
        rated.sort_by_key(|one| (Reverse(one.risk.class), one.subject == Subject::Root));
        rated
    }
}

/// What it means that an option is revealed.
pub(crate) const SECRET: &str = "the driver reads its value";

/// What a revealed secret puts at stake: the driver can hand it on by all that it is granted.
pub(crate) fn secret_risk() -> Risk {
    Risk::of([(RiskClass::R3, SECRET.to_owned())])
}

impl Policy {
    /// As [`risks`](Self::risks), without the roots: what is granted by itself.
    pub fn rule_risks(&self) -> Vec<Rated> {
        let rules = self.risks().into_iter();
        rules.filter(|rated| rated.subject != Subject::Root).collect()
    }
}

impl Risk {
    pub(crate) fn of(reasons: impl IntoIterator<Item = (RiskClass, String)>) -> Risk {
        let mut reasons: Vec<RiskReason> =
            reasons.into_iter().map(|(class, why)| RiskReason { class, why }).collect();
        reasons.sort_by_key(|reason| Reverse(reason.class));
        let class = reasons.first().map_or(RiskClass::R0, |reason| reason.class);
        Risk { class, reasons }
    }
}
