//! What each class of filter lets through. The faults of the classes are those of oslo.rootwrap
//! itself, each tried against it.

use super::pattern::{self, Fault};
use super::programs::{self, Known, Power};
use super::{Entry, Finding, Verdict};

/// What rootwrap allows whatever its files say.
pub(super) const ALWAYS: &str =
    "rootwrap adds a filter of its own: privsep-helper as root, with any arguments";

/// What `$` takes beside the end.
const NEWLINE: &str = "rootwrap ends each pattern with `$`, which also takes a newline at the end";

/// A judgement without the words of the file.
struct Judgement {
    verdict: Verdict,
    reasons: Vec<String>,
    instead: String,
}

impl Judgement {
    fn new(verdict: Verdict, reasons: impl IntoIterator<Item = String>, instead: &str) -> Self {
        Self { verdict, reasons: reasons.into_iter().collect(), instead: instead.to_owned() }
    }
}

/// Judges one filter.
pub(super) fn judge(entry: &Entry) -> Finding {
    let word = |at: usize| entry.words.get(at).map(String::as_str).unwrap_or_default();
    let class = word(0);
    let after = |from: usize| entry.words.get(from..).unwrap_or_default();
    // Two classes name their program themselves.
    let (program, user, rest) = match class {
        "KillFilter" => ("/bin/kill", word(1), after(2)),
        "ReadFileFilter" => ("/bin/cat", "root", after(1)),
        _ => (word(1), word(2), after(3)),
    };
    let known = programs::known(program.rsplit('/').next().unwrap_or(program));
    let judgement = match class {
        "CommandFilter" => command(program, rest, &known),
        "RegExpFilter" => regexp(rest, &known),
        "PathFilter" => path(program, rest, &known),
        "EnvFilter" => Judgement::new(
            Verdict::RootEquivalent,
            ["it compares the names of variables only, and starts from the caller's whole \
              environment: `LD_PRELOAD` and `PATH` are the caller's"
                .to_owned()],
            "a [[command]]: every command has an environment of its own, which no caller sets",
        ),
        "KillFilter" => kill(rest),
        "IpFilter" => Judgement::new(
            Verdict::RootEquivalent,
            ["it looks for the first `netns` only: `ip -n netns netns exec netns id` runs as root, \
              and so do `ip -batch FILE` and `ip vrf exec`"
                .to_owned()],
            known.instead,
        ),
        "IpNetnsExecFilter" | "ChainingRegExpFilter" | "ChainingFilter" => chaining(rest),
        "ReadFileFilter" => Judgement::new(
            Verdict::Bounded,
            [format!("it reads {} and nothing else", rest.join(", "))],
            "[[files]] with the verb `read`",
        ),
        unknown => Judgement::new(
            Verdict::Unproved,
            [format!("rootwrap knows no `{unknown}` and passes over the line in silence")],
            "",
        ),
    };
    let mut finding = Finding {
        line: entry.line,
        name: entry.name.clone(),
        class: class.to_owned(),
        program: program.to_owned(),
        user: user.to_owned(),
        verdict: judgement.verdict,
        reasons: judgement.reasons,
        instead: judgement.instead,
    };
    as_whom(&mut finding);
    finding
}

/// A filter that runs as somebody else gives away what he has, and no more.
fn as_whom(finding: &mut Finding) {
    match finding.user.as_str() {
        "root" | "0" => {}
        "" => {
            finding.verdict = Verdict::Unproved;
            finding.reasons.push("it names no user: rootwrap does not start with it".to_owned());
        }
        user => {
            if finding.verdict == Verdict::RootEquivalent {
                finding.verdict = Verdict::Unproved;
            }
            finding.reasons.push(format!("it runs as {user}: whoever uses it is {user}"));
        }
    }
}

fn command(program: &str, rest: &[String], known: &Known) -> Judgement {
    let verdict = match known.power {
        Power::Runs | Power::Root => Verdict::RootEquivalent,
        Power::Unknown => Verdict::Unproved,
        Power::Tells => Verdict::Bounded,
    };
    let mut reasons = vec![format!("any arguments of `{program}`: {}", known.why)];
    if !rest.is_empty() {
        reasons.push(format!("the words {} stand there and are not looked at", rest.join(", ")));
    }
    Judgement::new(verdict, reasons, known.instead)
}

fn regexp(patterns: &[String], known: &Known) -> Judgement {
    let readings: Vec<_> = patterns.iter().map(|one| (one, pattern::read(one))).collect();
    let mut reasons: Vec<String> = readings
        .iter()
        .flat_map(|(pattern, reading)| reading.faults.iter().map(|fault| fault.told(pattern)))
        .collect();
    let free = readings.iter().any(|(_, reading)| {
        let takes_more = |fault: &Fault| *fault != Fault::AnyCharacter;
        reading.faults.iter().any(takes_more)
    });
    let fixed = readings.iter().all(|(_, reading)| reading.is_literal);
    let verdict = match (known.power, free, fixed) {
        (_, _, true) | (Power::Tells, ..) => Verdict::Bounded,
        (Power::Runs | Power::Root, true, _) => Verdict::RootEquivalent,
        // A shell with holes, however small, or a program of which nothing is known.
        (Power::Runs, false, _) | (Power::Unknown, true, _) => Verdict::Unproved,
        (Power::Root | Power::Unknown, false, _) => Verdict::Bounded,
    };
    if verdict != Verdict::Bounded {
        reasons.push(known.why.to_owned());
    }
    reasons.push(NEWLINE.to_owned());
    Judgement::new(verdict, reasons, known.instead)
}

fn path(program: &str, arguments: &[String], known: &Known) -> Judgement {
    let mut reasons = Vec::new();
    for base in arguments.iter().filter(|argument| argument.starts_with('/')) {
        reasons.push(format!(
            "it compares characters, not directories: for `{base}` it also takes `{base}-evil/x`"
        ));
        reasons.push(
            "it resolves the path, then runs the words: a link may be put there between".to_owned(),
        );
    }
    let passes = arguments.iter().any(|argument| argument == "pass");
    if passes {
        reasons.push(format!("`pass` takes any word, options as well; `{program}`: {}", known.why));
    }
    reasons.dedup();
    let verdict = match (known.power, passes) {
        (Power::Tells, _) => Verdict::Bounded,
        (Power::Runs | Power::Root, true) => Verdict::RootEquivalent,
        _ => Verdict::Unproved,
    };
    Judgement::new(verdict, reasons, known.instead)
}

fn kill(rest: &[String]) -> Judgement {
    let (target, signals) = rest.split_first().map_or(("", rest), |(one, rest)| (one, rest));
    let signals =
        if signals.is_empty() { "no signal but the usual".to_owned() } else { signals.join(", ") };
    Judgement::new(
        Verdict::Bounded,
        [
            format!("it signals processes that run `{target}`: {signals}"),
            "it looks at the process first and signals a number then: the number may be another \
             process's by that time"
                .to_owned(),
        ],
        "nothing: the broker ends what a call has started, as a whole",
    )
}

fn chaining(patterns: &[String]) -> Judgement {
    let faults = patterns
        .iter()
        .flat_map(|one| pattern::read(one).faults.into_iter().map(move |fault| fault.told(one)));
    let inner = "what it runs is matched by its file name and run by the path that was given: \
                 `/tmp/evil/cat` passes wherever `cat` does";
    Judgement::new(
        Verdict::RootEquivalent,
        std::iter::once(inner.to_owned()).chain(faults),
        "a [[command]] for the program that does the work; `network` says which network it has",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(line: &str) -> Finding {
        let words = line.split(',').map(|word| word.trim().to_owned()).collect();
        judge(&Entry { line: 1, name: "it".to_owned(), words })
    }

    #[test]
    fn each_class_is_judged_by_its_faults() {
        use Verdict::{Bounded, RootEquivalent, Unproved};
        for (line, verdict, reason) in [
            ("CommandFilter, chown, root", RootEquivalent, "any file to anybody"),
            ("CommandFilter, /sbin/lvcreate, root", RootEquivalent, "--config"),
            ("CommandFilter, mkfs.ext4, root", RootEquivalent, "any device"),
            ("CommandFilter, python3, root", RootEquivalent, "runs other programs"),
            ("CommandFilter, df, root, -h", Bounded, "not looked at"),
            ("CommandFilter, acmectl, root", Unproved, "read its manual"),
            ("CommandFilter, chown, nobody", Unproved, "whoever uses it is nobody"),
            ("CommandFilter, chown", Unproved, "names no user"),
            ("RegExpFilter, sh, root, sh, -c, rm -f /.*", RootEquivalent, "any text at a place"),
            ("RegExpFilter, sh, root, sh, -c, ls /srv", Bounded, "newline"),
            (
                "RegExpFilter, cat, root, cat, /proc/mounts|/etc/fstab",
                RootEquivalent,
                "alternatives",
            ),
            ("RegExpFilter, cat, root, cat, /proc/mounts", Bounded, "newline"),
            ("RegExpFilter, lvs, root, lvs, [a-z]{1, 3}", RootEquivalent, "do not close"),
            ("RegExpFilter, acmectl, root, acmectl, .*", Unproved, "any text"),
            ("PathFilter, chown, root, pass, /srv/images", RootEquivalent, "`/srv/images-evil/x`"),
            ("PathFilter, chown, root, nobody, /srv/images", Unproved, "a link"),
            ("EnvFilter, env, root, LC_ALL=, lvs", RootEquivalent, "LD_PRELOAD"),
            ("KillFilter, root, /usr/sbin/dnsmasq, -9, -HUP", Bounded, "-9, -HUP"),
            ("IpFilter, ip, root", RootEquivalent, "-batch"),
            ("IpNetnsExecFilter, ip, root", RootEquivalent, "/tmp/evil/cat"),
            ("ChainingRegExpFilter, nice, root, nice, -n, .*", RootEquivalent, "/tmp/evil/cat"),
            ("ReadFileFilter, /etc/lvm/lvm.conf", Bounded, "nothing else"),
            ("DnsmasqFilter, dnsmasq, root", Unproved, "in silence"),
        ] {
            let finding = judged(line);
            assert_eq!(finding.verdict, verdict, "{line}: {finding:?}");
            let told = finding.reasons.iter().any(|one| one.contains(reason));
            assert!(told, "{line}: {finding:?}");
        }
    }
}
