//! What programs answer: a list of command lines with holes, each with what comes of it. Called by
//! `command` and `ssh`, which run them, and by tests, who write them.

use std::fmt;
use std::sync::Arc;

use super::Host;
use super::place::mistaken;
use crate::HostError;
use crate::imports::command::{CommandLine, ExitStatus, Output};

/// The last word of a pattern that stands for any words, also none.
const REST: &str = "...";

/// What a program does.
type Does = Arc<dyn Fn(&Program<'_>) -> Answer + Send + Sync>;

/// All that programs answer, in the order in which tests said it.
#[derive(Default)]
pub(super) struct Script(Vec<Line>);

/// One command line and what comes of it.
struct Line {
    /// Where it runs; nothing is this host.
    remote: Option<String>,
    words: Vec<String>,
    /// How often it still answers.
    left: usize,
    does: Does,
}

/// A program that runs: what a test's [`When::does`] is given.
pub struct Program<'a> {
    host: &'a Host,
    words: &'a [String],
    stdin: Option<&'a [u8]>,
    holes: Vec<(String, String)>,
}

/// What comes of a program. A text is one that it writes before it ends with code 0, and `()` one
/// that writes nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer(Result<Output, HostError>);

/// A command line for which an answer is being said: what [`Host::when`] makes.
#[must_use = "a command line without an answer is no part of the host yet"]
#[derive(Debug)]
pub struct When {
    host: Host,
    remote: Option<String>,
    words: Vec<String>,
    times: usize,
}

impl Host {
    /// Begins to say what a program answers to these words, program first. A word may have holes,
    /// `{name}`, each of which stands for some text; a last word `...` stands for any more words.
    /// Of several that fit, the first that still answers does. What fits none is `denied`.
    pub fn when(&self, words: impl IntoIterator<Item = impl AsRef<str>>) -> When {
        self.begin(None, words)
    }

    /// As [`Host::when`], on a remote of this name.
    pub fn when_on(&self, remote: &str, words: impl IntoIterator<Item = impl AsRef<str>>) -> When {
        self.begin(Some(remote.to_owned()), words)
    }

    fn begin(
        &self,
        remote: Option<String>,
        words: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> When {
        let words = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
        When { host: self.clone(), remote, words, times: usize::MAX }
    }

    /// Runs a program as the script says.
    pub(super) fn start(
        &self,
        remote: Option<&str>,
        line: &CommandLine,
        stdin: Option<&[u8]>,
    ) -> Result<Output, HostError> {
        let words: Vec<String> =
            std::iter::once(line.program.clone()).chain(line.args.iter().cloned()).collect();
        let found = self.world().script.find(remote, &words);
        let Some((does, holes)) = found else {
            let place = remote.map(|remote| format!(" on {remote}")).unwrap_or_default();
            return Err(super::place::denied(format!(
                "no answer is said for {words:?}{place}; say one: host.when({words:?}).answers(\"\")"
            )));
        };
        // Nobody holds the world here: what the program does may change it.
        does(&Program { host: self, words: &words, stdin, holes }).0
    }
}

impl When {
    /// It answers so often, and then no more: so two answers to the same words come in order.
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// It writes this and ends with code 0.
    pub fn answers(self, stdout: &str) -> Host {
        let answer = Answer::from(stdout);
        self.does(move |_| answer.clone())
    }

    /// It ends with this code and complains so.
    pub fn exits(self, code: i32, stderr: &str) -> Host {
        let answer = Answer::exit(code, stderr);
        self.does(move |_| answer.clone())
    }

    /// It is not run, and the host answers this error: denied, or its time ran out.
    pub fn errs(self, error: HostError) -> Host {
        self.does(move |_| Answer(Err(error.clone())))
    }

    /// It does this, and answers what that answers.
    pub fn does<A: Into<Answer>>(
        self,
        does: impl Fn(&Program<'_>) -> A + Send + Sync + 'static,
    ) -> Host {
        let Self { host, remote, words, times } = self;
        let does: Does = Arc::new(move |program| does(program).into());
        host.world().script.0.push(Line { remote, words, left: times, does });
        host
    }
}

impl Program<'_> {
    /// The host it runs on, for what it does there.
    #[must_use]
    pub fn host(&self) -> &Host {
        self.host
    }

    /// The program and its arguments.
    #[must_use]
    pub fn words(&self) -> &[String] {
        self.words
    }

    /// What stands in the hole `{name}` of the pattern.
    ///
    /// # Panics
    /// When the pattern has no such hole.
    #[must_use]
    #[track_caller]
    pub fn word(&self, name: &str) -> &str {
        match self.holes.iter().find(|(hole, _)| hole == name) {
            Some((_, text)) => text,
            None => mistaken(&format!("the command line has no hole `{{{name}}}`")),
        }
    }

    /// What it reads from standard input.
    #[must_use]
    pub fn stdin(&self) -> &[u8] {
        self.stdin.unwrap_or_default()
    }
}

impl Answer {
    /// It writes these bytes and ends with code 0.
    #[must_use]
    pub fn bytes(stdout: impl Into<Vec<u8>>) -> Self {
        Self(Ok(output(ExitStatus::Exited(0), stdout.into(), "")))
    }

    /// It ends with this code and complains so.
    #[must_use]
    pub fn exit(code: i32, stderr: &str) -> Self {
        Self(Ok(output(ExitStatus::Exited(code), Vec::new(), stderr)))
    }

    /// This signal ends it.
    #[must_use]
    pub fn signal(signal: i32) -> Self {
        Self(Ok(output(ExitStatus::Signalled(signal), Vec::new(), "")))
    }

    /// It wrote more than this, which was cut at the rule's limit.
    #[must_use]
    pub fn truncated(mut self) -> Self {
        if let Ok(output) = &mut self.0 {
            output.stdout_truncated = true;
        }
        self
    }
}

impl From<&str> for Answer {
    fn from(stdout: &str) -> Self {
        Self::bytes(stdout)
    }
}

impl From<String> for Answer {
    fn from(stdout: String) -> Self {
        Self::bytes(stdout)
    }
}

impl From<()> for Answer {
    fn from((): ()) -> Self {
        Self::bytes("")
    }
}

/// A host's own error stays one; this is what [`Host::copy_tree`] answers.
impl<A: Into<Self>> From<Result<A, HostError>> for Answer {
    fn from(result: Result<A, HostError>) -> Self {
        match result {
            Ok(answer) => answer.into(),
            Err(error) => Self(Err(error)),
        }
    }
}

impl Script {
    /// The first line that fits and still answers: what it does, and what is in its holes.
    fn find(
        &mut self,
        remote: Option<&str>,
        words: &[String],
    ) -> Option<(Does, Vec<(String, String)>)> {
        self.0.iter_mut().find_map(|line| {
            if line.left == 0 || line.remote.as_deref() != remote {
                return None;
            }
            let mut holes = Vec::new();
            fits(&line.words, words, &mut holes).then(|| {
                // One without a limit keeps far more than any test runs.
                line.left = line.left.saturating_sub(1);
                (Arc::clone(&line.does), holes)
            })
        })
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|line| &line.words)).finish()
    }
}

/// Whether words fit a pattern; what is in its holes goes to `holes`.
fn fits(pattern: &[String], words: &[String], holes: &mut Vec<(String, String)>) -> bool {
    match (pattern.split_first(), words.split_first()) {
        (None, None) => true,
        (Some((last, [])), _) if last == REST => true,
        (Some((wanted, pattern)), Some((word, words))) => {
            word_fits(wanted, word, holes) && fits(pattern, words, holes)
        }
        _ => false,
    }
}

/// Whether one word fits: literal texts with holes between; a hole ends where the literal after it
/// begins for the first time, and at the end of the word if it is the last.
fn word_fits(wanted: &str, word: &str, holes: &mut Vec<(String, String)>) -> bool {
    let parts = wanted
        .split_once('{')
        .and_then(|(before, rest)| rest.split_once('}').map(|(name, after)| (before, name, after)));
    let Some((before, name, after)) = parts else { return wanted == word };
    let Some(rest) = word.strip_prefix(before) else { return false };
    let literal = after.split('{').next().unwrap_or_default();
    let end = if after.is_empty() {
        Some(rest.len())
    } else if literal.len() == after.len() {
        // The last hole: whatever is before the literal that ends the word.
        rest.strip_suffix(literal).map(str::len)
    } else {
        rest.find(literal)
    };
    let split = end.and_then(|end| rest.split_at_checked(end));
    let Some((text, rest)) = split.filter(|(text, _)| !text.is_empty()) else { return false };
    holes.push((name.to_owned(), text.to_owned()));
    word_fits(after, rest, holes)
}

/// How a program ended.
fn output(status: ExitStatus, stdout: Vec<u8>, stderr: &str) -> Output {
    Output {
        status,
        stdout,
        stderr: stderr.as_bytes().to_vec(),
        stdout_truncated: false,
        stderr_truncated: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holes(pattern: &[&str], words: &[&str]) -> Option<Vec<String>> {
        let own = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut holes = Vec::new();
        fits(&own(pattern), &own(words), &mut holes)
            .then(|| holes.into_iter().map(|(name, text)| format!("{name}={text}")).collect())
    }

    #[test]
    fn words_fit_one_by_one() {
        assert_eq!(holes(&["cp", "--", "a"], &["cp", "--", "a"]), Some(vec![]));
        for words in [&["cp", "--"][..], &["cp", "--", "b"], &["cp", "--", "a", "b"], &["cp -- a"]]
        {
            assert_eq!(holes(&["cp", "--", "a"], words), None, "{words:?}");
        }
    }

    #[test]
    fn holes_are_never_empty_and_hold_what_is_between() {
        let fitting =
            holes(&["cp", "{from}", "{root}:{name}.partial"], &["cp", "a", "b:c.partial"]);
        assert_eq!(fitting.unwrap(), ["from=a", "root=b", "name=c"]);
        assert_eq!(holes(&["shares:{name}"], &["shares:"]), None);
        assert_eq!(holes(&["{a}x"], &["xx"]).unwrap(), ["a=x"]);
        assert_eq!(holes(&["{a}.{b}"], &["ab"]), None);
    }

    #[test]
    fn any_more_words_may_be_none() {
        for words in [&["df"][..], &["df", "a"], &["df", "a", "b"]] {
            assert_eq!(holes(&["df", "..."], words), Some(vec![]));
        }
        assert_eq!(holes(&["df", "..."], &["du"]), None);
    }
}
