//! Programs that write more than anybody wants: kept up to the rule's bound, the rest let go, and
//! nobody's memory grows.

use std::time::Duration;

use super::{Setup, attacks};

/// Writes with little of it kept, within a time of its own.
fn writing(attack: &str, benign: &str) -> Setup {
    let text = format!("$| = 1; if ($ARGV[0] eq q(attack)) {{ {attack} }} else {{ {benign} }}");
    Setup::perl(&text, "stdout-max = \"4KiB\"\nstderr-max = \"2KiB\"\ntimeout = \"60s\"")
}

/// 256 MiB, in pieces of one.
const MUCH: &str = "my $n = 1 << 20; my $x = q(x) x $n;";

attacks! { OutputFloods:
    /// Writes 256 MiB without one line's end.
    much_output {
        setup: writing(&format!("{MUCH} print $x for 1 .. 256;"), "print q(little);"),
        attack: async |range| range.script("attack").await,
        contained: "the rule's 4 KiB are kept and the rest let go; the driver is told so",
        refused: "stdout cut at 4096 bytes",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:little",
    }

    /// Complains 256 MiB.
    much_complaint {
        setup: writing(&format!("{MUCH} print STDERR $x for 1 .. 256;"), "print STDERR q(little);"),
        attack: async |range| range.script("attack").await,
        contained: "the rule's 2 KiB are kept and the rest let go; the driver is told so",
        refused: "stderr cut at 2048 bytes",
        twin: async |range| range.script("benign").await,
        answers: "stderr:little",
    }

    /// Writes and complains at once, each as fast as it is read.
    much_of_both {
        setup: writing(
            &format!(
                "{MUCH} if (my $child = fork) {{ print $x for 1 .. 128; waitpid $child, 0 }} \
                 else {{ print STDERR $x for 1 .. 128 }}"
            ),
            "print q(little);",
        ),
        attack: async |range| {
            let told = range.script("attack").await;
            assert!(told.contains("stderr cut at 2048 bytes"), "{told}");
            told
        },
        contained: "both are kept within their bounds, and neither holds up the other",
        refused: "stdout cut at 4096 bytes",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:little",
    }

    /// Writes for ever.
    output_without_end {
        setup: writing(&format!("{MUCH} print $x while 1;"), "print q(little);")
            .and_limits(|limits| limits.wall = Duration::from_secs(3)),
        attack: async |range| range.script("attack").await,
        contained: "ended at the call's deadline, with all that was written let go",
        refused: "its 3 s ran out",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:little",
    }

    /// Writes a million single characters, each by itself.
    a_million_single_characters {
        setup: writing("syswrite(STDOUT, q(x)) for 1 .. 1_000_000;", "print q(little);"),
        attack: async |range| range.script("attack").await,
        contained: "kept up to the rule's bound like any other output",
        refused: "stdout cut at 4096 bytes",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:little",
    }

    /// Writes bytes that are no text and would act on a terminal.
    output_that_acts {
        setup: writing(
            "print pack(q(C*), 0 .. 255); print qq(\\x1b[2J\\x1b]0;x\\x07); die qq(\\x1b[31m);",
            "print q(little);",
        ),
        attack: async |range| {
            let told = range.script("attack").await;
            assert_eq!(told.chars().find(|c| c.is_control() && *c != '\n'), None, "{told:?}");
            told
        },
        contained: "given to the driver as bytes; nothing of it acts in log, audit or errors",
        refused: "\\u{1b}[31m",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:little",
    }

    /// Leaves behind what goes on writing into its output.
    a_writer_left_behind {
        setup: writing("if (fork) { exit 7 } setpgrp; print q(x) while 1;", "print q(little);"),
        attack: async |range| range.script("attack").await,
        contained: "the answer does not wait for it, and it is ended with the command",
        refused: "ok:7:",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:little",
    }

    /// Fails with a complaint that is longer than an error may be.
    a_failure_with_a_long_complaint {
        setup: writing("die q(x) x 100_000;", "print q(little);"),
        attack: async |range| {
            let text = range.script("attack").await;
            assert!(text.len() < 4 << 10, "{} bytes", text.len());
            text
        },
        contained: "cut at the rule's bound before anybody sees it",
        refused: "stderr cut at 2048 bytes",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:little",
    }
}
