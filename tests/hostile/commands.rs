//! Programs that are granted and wholly in the attacker's hands: what they reach beyond what their
//! rule says. Each is a text of Perl with one parameter, which makes it attack or not.

use std::fs;

use super::{Range, Setup, attacks};

/// A granted program that does one thing or the other, with a root that it may change.
pub fn either(attack: &str, benign: &str) -> Setup {
    let text =
        format!("if ($ARGV[0] =~ /^attack/) {{ {attack} }} else {{ {benign} }} print q(done)");
    Setup::perl(&text, "write = [\"lair\"]")
}

/// What the root holds: a file that may be read.
pub fn furnish(range: &Range) {
    fs::write(range.lair().join("file"), "own").unwrap();
}

const READS_OWN: &str = "open(my $f, q(<), q(@/lair/file)) or die $!; <$f> eq q(own) or die;";
const WRITES_OWN: &str =
    "open(my $f, q(>), q(@/lair/new)) or die $!; print $f q(x); close $f or die $!;";

attacks! { EscapingCommands:
    /// Reads a file outside of its roots.
    reading_the_outside {
        setup: either("open(my $f, q(<), q(@/outside/secret)) or die $!; print <$f>;", READS_OWN),
        given: furnish,
        attack: async |range| range.script("attack").await,
        contained: "the fence keeps it from being opened",
        refused: "Permission denied",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Reads its neighbour's share.
    reading_the_neighbours_share {
        setup: either(
            "open(my $f, q(<), q(@/shares/share-held/file)) or die $!; print <$f>;",
            READS_OWN,
        ),
        given: furnish,
        attack: async |range| range.script("attack").await,
        contained: "the fence keeps it from being opened",
        refused: "Permission denied",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Reads the operator's secret from its file.
    reading_a_secrets_file {
        setup: either("open(my $f, q(<), q(@/secret)) or die $!; print <$f>;", READS_OWN),
        given: furnish,
        attack: async |range| range.script("attack").await,
        contained: "the fence keeps it from being opened",
        refused: "Permission denied",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Rewrites the audit that tells of it.
    rewriting_the_audit {
        setup: either("open(my $f, q(>), q(@/state/hostile/audit.jsonl)) or die $!;", WRITES_OWN),
        attack: async |range| range.script("attack").await,
        contained: "the fence keeps it from being opened; every line stays",
        refused: "Permission denied",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Reads the passwords of this machine.
    reading_shadow {
        setup: either(
            "open(my $f, q(<), q(/etc/shadow)) or die $!;",
            "open(my $f, q(<), q(/etc/passwd)) or die $!;",
        ),
        attack: async |range| range.script("attack").await,
        contained: "the fence keeps it from being opened, also from root, who owns it",
        refused: "Permission denied",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Writes into a file outside.
    writing_outside {
        setup: either(
            "open(my $f, q(>>), q(@/outside/secret)) or die $!; print $f q(x);",
            WRITES_OWN,
        ),
        attack: async |range| range.script("attack").await,
        contained: "the fence keeps it from being opened",
        refused: "Permission denied",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Makes a file and a directory outside.
    making_files_outside {
        setup: either(
            "mkdir q(@/outside/new) and die q(made); open(my $f, q(>), q(@/outside/file)) or die \
             $!;",
            "mkdir q(@/lair/made) or die $!;",
        ),
        attack: async |range| range.script("attack").await,
        contained: "the fence lets nothing be made there",
        refused: "Permission denied",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Cuts a file outside to nothing.
    truncating_outside {
        setup: either(
            "truncate(q(@/outside/secret), 0) or die $!;",
            "truncate(q(@/lair/file), 0) or die $!;",
        ),
        given: furnish,
        attack: async |range| range.script("attack").await,
        contained: "the fence keeps it from being changed",
        refused: "Permission denied",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Removes a file and a directory outside.
    removing_outside {
        setup: either(
            "rmdir q(@/outside/directory) and die q(removed); unlink(q(@/outside/secret)) or die \
             $!;",
            "unlink(q(@/lair/file)) or die $!;",
        ),
        given: furnish,
        attack: async |range| range.script("attack").await,
        contained: "the fence lets nothing be removed there",
        refused: "Permission denied",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Moves a file from outside into its root, and its own to the outside.
    moving_across_the_fence {
        setup: either(
            "rename(q(@/lair/file), q(@/outside/file)) and die q(moved); \
             rename(q(@/outside/secret), q(@/lair/secret)) or die qq(not moved: $!);",
            "rename(q(@/lair/file), q(@/lair/other)) or die $!;",
        ),
        given: furnish,
        attack: async |range| range.script("attack").await,
        contained: "the fence lets nothing pass either way",
        refused: "not moved: ",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Gives a file from outside a name in its root.
    linking_the_outside_in {
        setup: either(
            "link(q(@/outside/secret), q(@/lair/secret)) or die qq(not linked: $!);",
            "link(q(@/lair/file), q(@/lair/other)) or die $!;",
        ),
        given: furnish,
        attack: async |range| range.script("attack").await,
        contained: "the fence lets no name be made for it",
        refused: "not linked: ",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Makes a symbolic link to the outside in its root, and opens that.
    opening_its_own_link {
        setup: either(
            "symlink(q(@/outside/secret), q(@/lair/link)) or die $!; open(my $f, q(<), \
             q(@/lair/link)) or die $!; print <$f>;",
            "symlink(q(@/lair/file), q(@/lair/link)) or die $!; open(my $f, q(<), \
             q(@/lair/link)) or die $!;",
        ),
        given: furnish,
        attack: async |range| {
            let told = range.script("attack").await;
            fs::remove_file(range.lair().join("link")).unwrap();
            told
        },
        contained: "the fence looks at what is opened, not at its name",
        refused: "Permission denied",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Goes by the kernel's own links to the root of all.
    by_the_roots_in_proc {
        setup: either(
            &format!(
                "my $f; for my $p (q(self), {}, getppid) {{ \
                 open($f, q(<), qq(/proc/$p/root@/outside/secret)) and die <$f>; }} die $!",
                std::process::id(),
            ),
            "open(my $f, q(<), qq(/proc/self/root/etc/passwd)) or die $!;",
        ),
        attack: async |range| range.script("attack").await,
        contained: "the fence looks at what is opened, not at the way",
        refused: "Permission denied",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Reads environment and memory of the runtime and of the broker's hand.
    reading_other_processes {
        setup: either(
            &format!(
                "my ($f, $x); for my $p ({}, getppid) {{ for my $what (qw(environ mem maps)) {{ \
                 open($f, q(<), qq(/proc/$p/$what)) and read($f, $x, 1) and die q(was read); }} }} \
                 die $!",
                std::process::id(),
            ),
            "open(my $f, q(<), q(/proc/self/environ)) or die $!;",
        ),
        attack: async |range| range.script("attack").await,
        contained: "the fence lets no process outside be looked into",
        refused: "Permission denied",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Writes where the kernel takes orders: its own settings, and other control groups.
    giving_the_kernel_orders {
        setup: either(
            "for my $at (qw(/proc/sys/kernel/core_pattern /proc/sysrq-trigger \
             /proc/self/oom_score_adj \
             /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/pids/cgroup.procs /sys/kernel/uevent_helper)) { \
             open(my $f, q(>>), $at) and die qq($at was opened); } die q(none was opened)",
            "open(my $f, q(<), q(/proc/sys/kernel/ostype)) or die $!;",
        ),
        attack: async |range| range.script("attack").await,
        contained: "the fence keeps all of them from being opened for writing",
        refused: "none was opened",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Writes where others start programs from: schedules, keys, what is loaded before a program.
    planting_what_others_run {
        setup: either(
            "for my $at (qw(/etc/cron.d/abaca-attack /etc/ld.so.preload.abaca /root/.ssh/abaca \
             /var/spool/cron/abaca /etc/profile.d/abaca.sh /usr/local/bin/abaca-attack \
             /tmp/abaca-attack)) { \
             open(my $f, q(>), $at) and die qq($at was made); } die q(none was made)",
            WRITES_OWN,
        ),
        attack: async |range| range.script("attack").await,
        contained: "the fence lets nothing be made there",
        refused: "none was made",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Writes a program into its root and runs it.
    running_what_it_has_made {
        setup: either(
            "use Fcntl; sysopen(my $f, q(@/lair/tool), O_CREAT | O_WRONLY, 0755) or die $!; \
             print $f qq(#!/bin/sh\\nid\\n); close $f; exec { q(@/lair/tool) } q(tool) or die $!;",
            "exec { q(/usr/bin/echo) } qw(echo -n done) or die $!;",
        ),
        attack: async |range| range.script("attack").await,
        contained: "nothing beneath a root is ever a program",
        refused: "Permission denied",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Opens devices: memory, disks, what never ends.
    opening_devices {
        setup: either(
            "for my $at (qw(/dev/mem /dev/kmsg /dev/sda /dev/vda /dev/loop-control /dev/fuse \
             /dev/tty /dev/full /dev/ptmx)) { \
             open(my $f, q(<), $at) and die qq($at was opened); } die q(none was opened)",
            "open(my $f, q(<), q(/dev/zero)) or die $!;",
        ),
        attack: async |range| range.script("attack").await,
        contained: "the fence leaves three harmless devices",
        refused: "none was opened",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Looks for what the runtime's environment and descriptors would tell it.
    what_it_inherits {
        setup: either(
            "print join(q( ), sort keys %ENV), q( and descriptors beyond the streams:); \
             for my $n (3 .. 255) { my $to = readlink(qq(/proc/self/fd/$n)) // next; print qq( \
             $n) unless $to =~ m(^/proc/); } \
             print q( none more); exit 0;",
            "$ENV{HOME} eq q(/nonexistent) or die;",
        ),
        attack: async |range| {
            let told = range.script("attack").await;
            assert!(told.contains("beyond the streams: none more"), "{told}");
            told
        },
        contained: "three variables that hold nothing, and three streams",
        refused: "ok:0:HOME LC_ALL PATH and descriptors",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }
}
