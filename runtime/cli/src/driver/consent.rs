//! Whether an operator consents to what a manifest asks for. What makes and changes its own needs
//! a yes; what is of risk R2 or above the driver's name, typed; each rule that is as good as root,
//! R4, a reason.
//! Prepared answers stand for all of it, those to R2 and above for one manifest only; where there are none and nobody sits at a terminal, it
//! is refused with what to prepare.
//!
//! Used by `approve` and `pending`. It shows nothing: that was done before.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, Read};

use abaca::Answers;
use abaca::policy::{Bound, Manifest, Rated, RiskClass};

use crate::failure::{Failure, Result};
use crate::output::complain;

/// The longest line that is read as an answer, in bytes.
const ANSWER_BYTES: u64 = 4096;

/// Asks for what the answers lack, and gives the reasons by rule.
///
/// # Errors
/// When the operator does not consent, or cannot be asked.
pub async fn consent(
    manifest: &Manifest,
    bound: &Bound,
    answers: &Answers,
    yes: bool,
) -> Result<BTreeMap<String, String>> {
    let name = manifest.driver();
    if let Some(other) = answers.driver.as_ref().filter(|other| *other != name) {
        return Err(Failure::refused(
            format!("the answers are for the driver {other:?}, and this is `{name}`"),
            "write answers for this one, after reading what it asks for",
        ));
    }
    if answers.manifest.as_ref().is_some_and(|wanted| wanted != manifest.digest()) {
        return Err(Failure::refused(
            format!("the answers are for another manifest, and this one is {}", manifest.digest()),
            "read what it asks for, `abaca driver inspect` shows it, and write answers for it",
        ));
    }
    let rules = bound.policy.rule_risks();
    let needs_reason = |rule: &&Rated| rule.risk.class == RiskClass::R4;
    let rooted: Vec<_> = rules.iter().filter(needs_reason).collect();
    if let Some(id) = answers.reasons.keys().find(|id| rooted.iter().all(|rule| rule.id != **id)) {
        return Err(Failure::refused(
            format!("there is a reason for {id:?}, which is no rule as good as root"),
            "leave it out, or write the rule's id",
        ));
    }
    let needs = manifest.needs().risk().class;
    let greatest = rules.iter().map(|rule| rule.risk.class).fold(needs, RiskClass::max);
    let is_dangerous = greatest >= RiskClass::R2;
    let missing: Vec<_> =
        rooted.iter().filter(|rule| reason(answers, &rule.id).is_none()).collect();
    let confirmed = answers.driver.is_some();
    if confirmed && is_dangerous && answers.manifest.is_none() {
        return Err(Failure::refused(
            format!(
                "the answers do not say for which manifest they are, and `{name}` asks for \
                 {greatest}: it {}",
                greatest.meaning()
            ),
            format!("read what it asks for, and add manifest = \"{}\"", manifest.digest()),
        ));
    }
    if yes && is_dangerous && !(confirmed && missing.is_empty()) {
        return Err(Failure::refused(
            format!(
                "--yes does for R0 and R1 only, and `{name}` asks for {greatest}: it {}",
                greatest.meaning()
            ),
            "leave it out and be asked, or prepare the answers with --answers FILE",
        ));
    }
    if !confirmed && !yes || !missing.is_empty() {
        let reasons: String =
            missing.iter().map(|rule| format!(" {} = \"WHY\"", rule.id)).collect();
        let reasons = if reasons.is_empty() { reasons } else { format!(", [reasons]{reasons}") };
        let digest = manifest.digest();
        let prepare =
            format!("--answers FILE with driver = \"{name}\", manifest = \"{digest}\"{reasons}");
        somebody_is_there(&format!("prepare {prepare}"))?;
    }
    let mut reasons = answers.reasons.clone();
    for rule in missing {
        let question = format!("`{}` is as good as root. Why do you accept it? ", rule.id);
        reasons.insert(rule.id.clone(), ask(&question).await?);
    }
    if confirmed || yes {
        return Ok(reasons);
    }
    let (question, wanted) = if is_dangerous {
        (format!("type the driver's name, `{name}`, to approve this: "), name)
    } else {
        (format!("approve the driver `{name}`? [yes] "), "yes")
    };
    if ask(&question).await? == wanted {
        return Ok(reasons);
    }
    Err(Failure::refused("not approved: nothing was written", "ask again when you have decided"))
}

fn reason<'a>(answers: &'a Answers, id: &str) -> Option<&'a String> {
    answers.reasons.get(id).filter(|reason| !reason.trim().is_empty())
}

/// Whether questions reach a person.
pub fn is_somebody_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// As [`is_somebody_there`], for whoever has to ask.
///
/// # Errors
/// When they do not; `next` says what to do then.
pub fn somebody_is_there(next: &str) -> Result<()> {
    if is_somebody_there() {
        return Ok(());
    }
    Err(Failure::refused("this asks, and there is no terminal to ask at", next))
}

/// Asks, and gives the answer; an empty one is none.
///
/// # Errors
/// When nothing is answered.
pub async fn ask(question: &str) -> Result<String> {
    complain(question);
    // Whoever gives up is not kept waiting until he answers.
    let reading = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().take(ANSWER_BYTES).read_line(&mut line).map(|_| line)
    });
    match reading.await {
        Ok(Ok(line)) if !line.trim().is_empty() => Ok(line.trim().to_owned()),
        // What cannot be read is no answer.
        _ => Err(Failure::refused("no answer: nothing was written", "ask again")),
    }
}
