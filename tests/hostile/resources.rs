//! What commands take and do not give back: time, processes, memory, descriptors.

use std::time::Duration;

use super::{Setup, attacks};

/// A script whose time is short, and what else its rule says.
fn within(time: &str, attack: &str, benign: &str) -> Setup {
    let text = format!(
        "$| = 1; if ($ARGV[0] eq q(attack)) {{ {attack} }} else {{ {benign} }} print q(done)"
    );
    Setup::perl(&text, &format!("timeout = {time:?}"))
}

attacks! { Resources:
    /// Runs a command that never ends, in a call with a deadline.
    a_command_that_hangs {
        setup: Setup::limits(|limits| limits.wall = Duration::from_secs(5)),
        attack: async |range| range.asks("hold", &["sleep", &range.seconds]).await,
        contained: "ended at the call's deadline with all that it has started",
        refused: "its 5 s ran out during the import command.run sleep",
        twin: async |range| range.asks("command", &["echo", "-n", "a"]).await,
        answers: "ok:0:a",
    }

    /// Runs a command that is slower than its rule allows.
    a_command_that_is_slower_than_its_rule {
        setup: within("2s", "select(undef, undef, undef, 3600);", ""),
        attack: async |range| range.script("attack").await,
        contained: "ended at the rule's time; the driver is told and goes on",
        refused: "err:Error::Deadline(\"the time of rule `script`",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Asks for more time than its rule allows: all that a number can say.
    asking_for_all_time {
        setup: Setup::limits(|limits| limits.wall = Duration::from_secs(5)),
        attack: async |range| {
            range.asks("timed", &["18446744073709551615", "sleep", &range.seconds]).await
        },
        contained: "the number does no harm: rule and call bound it",
        refused: "its 5 s ran out during the import command.run sleep",
        twin: async |range| range.asks("timed", &["18446744073709551615", "echo", "-n", "a"]).await,
        answers: "ok:0:a",
    }

    /// Gives a command no time at all.
    no_time_at_all {
        attack: async |range| range.asks("timed", &["0", "sleep", &range.seconds]).await,
        contained: "ended at once",
        refused: "err:Error::Deadline(",
        twin: async |range| range.asks("timed", &["10000", "echo", "-n", "a"]).await,
        answers: "ok:0:a",
    }

    /// Closes all its streams, so that nothing more is to be had of it, and goes on.
    a_command_that_closes_its_streams {
        setup: within("2s", "close STDIN; close STDOUT; close STDERR; sleep 3600;", ""),
        attack: async |range| range.script("attack").await,
        contained: "ended at the rule's time: an answer is the end of a command, not of its output",
        refused: "err:Error::Deadline(\"the time of rule `script`",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Ignores every signal that can be ignored, and stops itself.
    a_command_that_ignores_signals {
        setup: within(
            "2s",
            "$SIG{$_} = q(IGNORE) for qw(TERM HUP INT QUIT); kill(19, $$); sleep 3600;",
            "",
        ),
        attack: async |range| range.script("attack").await,
        contained: "killed at the rule's time",
        refused: "err:Error::Deadline(",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Leaves processes behind in every way that is known: sessions of their own, twice forked,
    /// with their parents gone.
    processes_left_behind {
        setup: Setup::rules(
            "[[command]]\nid = \"leave\"\nprogram = \"/usr/bin/sh\"\nargs = [\"-c\", \
             'setsid sleep @seconds & (trap \"\" TERM HUP; sleep @seconds & sleep @seconds) & \
             setsid sh -c \"setsid sleep @seconds &\"; echo left', { name = \"word\" }]\n\
             root-equivalent = \"leaves processes behind\"\n",
        ),
        attack: async |range| {
            let s = &range.seconds;
            let text = format!(
                "setsid sleep {s} & (trap \"\" TERM HUP; sleep {s} & sleep {s}) & \
                 setsid sh -c \"setsid sleep {s} &\"; echo left"
            );
            let told = range.asks("command", &["sh", "-c", &text, "a"]).await;
            // Not soon but now: the answer comes when they are gone.
            assert_eq!(crate::support::processes_with(s), [0; 0]);
            told
        },
        contained: "the answer comes when all of them are gone",
        refused: "ok:0:left",
        twin: async |range| range.asks("command", &["echo", "-n", "a"]).await,
        answers: "ok:0:a",
    }

    /// Forks without end.
    a_fork_bomb {
        // Bounded, so that a machine without the wall survives the failure. All of them stay for a while:
        // where they are counted, a busy machine counts late.
        setup: within(
            "60s",
            "my $n = 1; while ($n < 1400) { my $p = fork; last unless defined $p; if (!$p) { sleep \
             3600; exit } $n++ } sleep 5 if $n == 1400; \
             print $n < 1400 ? qq(no more than 1024 processes: $n) : qq(there are $n); exit 0;",
            "",
        ),
        attack: async |range| range.script("attack").await,
        contained: "bounded by a control group; where there is none, counted and ended",
        refused: "more than 1024 processes",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Takes more memory than a command may have.
    a_command_that_eats_memory {
        setup: within(
            "60s",
            "my $n = 5 << 30; my $x = q(x) x $n; exit 0;",
            "my $n = 1 << 20; my $x = q(x) x $n;",
        ),
        attack: async |range| range.script("attack").await,
        contained: "refused by the limit of its address space",
        refused: "Out of memory",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Computes without end.
    a_command_that_computes {
        setup: within("2s", "1 while 1;", ""),
        attack: async |range| range.script("attack").await,
        contained: "killed at the rule's time",
        refused: "err:Error::Deadline(",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Opens as many descriptors as it can.
    a_command_that_opens_everything {
        setup: within(
            "60s",
            "my $n = 0; my %held; while ($n < 5000 && open(my $f, q(<), q(/dev/null))) { \
             $held{$n++} = $f } \
             print $n < 256 ? qq(no more: $!) : qq(opened $n); exit 0;",
            "",
        ),
        attack: async |range| range.script("attack").await,
        contained: "refused beyond 256",
        refused: "no more: Too many open files",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Crashes with as much memory as it can have, for a core file of that size.
    a_crash_with_a_large_memory {
        setup: within(
            "60s",
            "chdir q(@/lair); my $n = 64 << 20; my $x = q(x) x $n; kill(11, $$); sleep 1;",
            "",
        ),
        attack: async |range| {
            let told = range.script("attack").await;
            let left = std::fs::read_dir(range.lair()).unwrap().count();
            assert_eq!(left, 0, "a core file");
            told
        },
        contained: "no core file is written",
        refused: "ok:signal-11:",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Sleeps for ever, which costs nothing but its place.
    a_sleep_without_end {
        setup: Setup::limits(|limits| limits.wall = Duration::from_secs(3)),
        attack: async |range| range.each("sleep", &[&["3600000"], &["18446744073709551615"]]).await,
        contained: "ended at the call's deadline",
        refused: "its 3 s ran out during the import clock.sleep",
        twin: async |range| range.asks("sleep", &["5"]).await,
        answers: "ok:()",
    }

    /// Takes a lock and holds it for longer than its call may last.
    a_lock_without_end {
        setup: Setup::limits(|limits| limits.wall = Duration::from_secs(3)),
        attack: async |range| {
            let told = range.asks("lock-hold", &["one", "3600000"]).await;
            assert!(range.hostile.locks().unwrap().is_empty());
            told
        },
        contained: "ended at the call's deadline, and the lock with it",
        refused: "its 3 s ran out",
        twin: async |range| range.asks("lock-hold", &["one", "1"]).await,
        answers: "1",
    }
}
