//! What a run of the suite found, for people and for programs. Made by `Suite`; the command line
//! prints it, and writes it for continuous integration.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::text::printable;

/// The longest reason that is shown, in bytes.
const REASON: usize = 4000;

/// What a check is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckInfo {
    /// Its name.
    pub id: String,
    /// What it means, in a sentence.
    pub meaning: String,
    /// Why that matters.
    pub why: &'static str,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// The driver is as it must be.
    Passed,
    /// It is not.
    Failed {
        /// A sentence for its author.
        reason: String,
    },
    /// It is not, and its author has said so.
    Known {
        /// What the author says.
        reason: String,
        /// What was found.
        found: String,
    },
    /// There was nothing to check.
    Skipped {
        /// Why.
        reason: String,
    },
}

/// A check, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name.
    pub id: String,
    /// What it means, in a sentence.
    pub meaning: String,
    /// Why that matters.
    pub why: &'static str,
    /// What came of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// How long it took.
    #[serde(rename = "took_ms", serialize_with = "milliseconds")]
    pub took: Duration,
}

/// See above.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The driver's name.
    pub driver: String,
    /// Its version, in its vendor's words.
    pub version: String,
    /// SHA-256 of its component.
    pub component: String,
    /// What it was checked against: `simulated`, `recorded` or `real`.
    pub against: &'static str,
    /// What was found, in the order of the checks.
    pub findings: Vec<Finding>,
    /// What else there is to say, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// How long it took.
    #[serde(rename = "took_ms", serialize_with = "milliseconds")]
    pub took: Duration,
}

fn milliseconds<S: serde::Serializer>(
    took: &Duration,
    to: S,
) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}

impl Finding {
    /// What is wrong, if something is and nobody has said so before.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        match &self.verdict {
            Verdict::Failed { reason } => Some(reason),
            _ => None,
        }
    }
}

impl Report {
    pub(super) fn new(
        driver: &Driver,
        is_simulated: bool,
        findings: Vec<Finding>,
        began: Instant,
    ) -> Self {
        let against = if is_simulated { "simulated" } else { "real" };
        Self::against(driver, against, findings, began)
    }

    pub(in crate::testing) fn against(
        driver: &Driver,
        against: &'static str,
        findings: Vec<Finding>,
        began: Instant,
    ) -> Self {
        let description = driver.description();
        Self {
            driver: description.name.clone(),
            version: description.version.clone(),
            component: driver.digest().to_owned(),
            against,
            findings,
            notes: Vec::new(),
            took: began.elapsed(),
        }
    }

    /// The same with this to say as well.
    pub(super) fn noting(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }

    /// What failed with the same words as one finding of these did before, by the identifiers of the
    /// first and the others: for people, who need not read it twice.
    #[must_use]
    pub fn folded(&self) -> Vec<(&Finding, Vec<&str>)> {
        let mut folded: Vec<(&Finding, Vec<&str>)> = Vec::new();
        for finding in self.failures() {
            let told = finding.failure().map(found);
            match folded.iter_mut().find(|(first, _)| first.failure().map(found) == told) {
                Some((_, others)) => others.push(&finding.id),
                None => folded.push((finding, Vec::new())),
            }
        }
        folded
    }

    /// Whether nothing failed but what is known to.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures().next().is_none()
    }

    /// What failed.
    pub fn failures(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.failure().is_some())
    }

    /// How many passed, failed, are known to fail, and were skipped.
    #[must_use]
    pub fn counts(&self) -> [usize; 4] {
        let mut counts = [0_usize; 4];
        let [passed, failed, known, skipped] = &mut counts;
        for finding in &self.findings {
            let count = match finding.verdict {
                Verdict::Passed => &mut *passed,
                Verdict::Failed { .. } => &mut *failed,
                Verdict::Known { .. } => &mut *known,
                Verdict::Skipped { .. } => &mut *skipped,
            };
            *count = count.saturating_add(1);
        }
        counts
    }

    /// Writes the report in JUnit's XML into a file, over one that is there: of an earlier run.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_junit(&self, file: impl AsRef<Path>) -> Result<()> {
        let path = file.as_ref();
        #[expect(clippy::disallowed_methods, reason = "the user named this file")]
        let written = std::fs::write(path, self.junit());
        written.map_err(|source| Error::Write { path: path.to_owned(), source })
    }

    /// The report in JUnit's XML, for continuous integration. Known failures are skipped there, with
    /// what was found.
    #[must_use]
    pub fn junit(&self) -> String {
        let [_, failed, known, skipped] = self.counts();
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let seconds = |took: Duration| format!("{:.3}", took.as_secs_f64());
        let suite = format!("{} {} ({})", self.driver, self.version, self.against);
        let _ = writeln!(
            xml,
            "<testsuites>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" \
             skipped=\"{}\" time=\"{}\">",
            escaped(&suite),
            self.findings.len(),
            known.saturating_add(skipped),
            seconds(self.took)
        );
        for Finding { id, meaning, why, verdict, took } in &self.findings {
            let _ = write!(
                xml,
                "<testcase classname=\"abaca.{}\" name=\"{}\" time=\"{}\"",
                escaped(&self.driver),
                escaped(id),
                seconds(*took)
            );
            let _ = match verdict {
                Verdict::Passed => writeln!(xml, "/>"),
                Verdict::Failed { reason } => writeln!(
                    xml,
                    "><failure message=\"{}\">{}</failure></testcase>",
                    escaped(reason),
                    escaped(&format!("{meaning}. Why: {why}."))
                ),
                Verdict::Known { reason, found } => writeln!(
                    xml,
                    "><skipped message=\"{}\"/></testcase>",
                    escaped(&format!("known to fail: {reason}. Found: {found}"))
                ),
                Verdict::Skipped { reason } => {
                    writeln!(xml, "><skipped message=\"{}\"/></testcase>", escaped(reason))
                }
            };
        }
        xml.push_str("</testsuite>\n</testsuites>\n");
        xml
    }
}

/// What was found without the request at which it was: the difference itself.
fn found(reason: &str) -> &str {
    let marks = ["than there was before: ", "comes to something else: ", "is not done: "];
    let ends = marks.iter().filter_map(|mark| Some(reason.find(mark)?.saturating_add(mark.len())));
    ends.min().and_then(|at| reason.get(at..)).unwrap_or(reason)
}

/// A text within XML: what a driver says is in it.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for one in printable(text, REASON).chars() {
        match one {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            one => escaped.push(one),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(id: &str, reason: &str) -> Finding {
        let verdict = Verdict::Failed { reason: reason.to_owned() };
        Finding {
            id: id.to_owned(),
            meaning: String::new(),
            why: "",
            verdict,
            took: Duration::ZERO,
        }
    }

    #[test]
    fn the_same_difference_is_told_once() {
        let left = "leaves something else than there was before: too much: volume a";
        let findings = vec![
            failed("create-share/undone", &format!("when it is done, `delete-share` {left}")),
            failed("share/own-location", "two shares are both found at a"),
            failed(
                "create-share/death-after-each-request",
                &format!("after the runtime died {left}"),
            ),
        ];
        let report = Report {
            driver: String::new(),
            version: String::new(),
            component: String::new(),
            against: "simulated",
            findings,
            notes: Vec::new(),
            took: Duration::ZERO,
        };
        let folded = report.folded();
        let ids: Vec<_> =
            folded.iter().map(|(first, others)| (first.id.as_str(), others.len())).collect();
        assert_eq!(ids, [("create-share/undone", 1), ("share/own-location", 0)]);
    }
}
