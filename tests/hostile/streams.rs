//! What is fed to granted programs: more than a rule takes, pipelines that hang or hide a stage,
//! and archives that unpack somewhere else.

use std::fs;

use super::{Range, Setup, attacks};

/// A rule that unpacks what it reads into the root.
const UNPACKS: &str = r#"
[[command]]
id = "unpack"
program = "/usr/bin/tar"
args = [
    "--extract",
    "--no-same-owner",
    "--touch",
    "--absolute-names",
    "--directory",
    { path = { root = "lair", leaf = "root" } },
]
write = ["lair"]
stdin-max = "64KiB"
root-equivalent = "unpacks what a driver says: a stream in the attacker's hands"
"#;

/// One entry of an archive: what it is called, its kind, where it links to, its bits, how long it
/// says it is, and what is in it.
fn entry(name: &str, kind: char, link: &str, mode: u32, size: u64, contents: &str) -> String {
    let mut header = [0_u8; 512];
    let mut put =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, &format!("{mode:07o}"));
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, "00000000000");
    put(148, "        ");
    put(156, &kind.to_string());
    put(157, link);
    put(257, "ustar  ");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut text = String::from_utf8(header.to_vec()).unwrap();
    text += contents;
    // Whole blocks, of which the file's last one may be part.
    text += &"\0".repeat((512 - contents.len() % 512) % 512);
    text
}

fn file(name: &str) -> String {
    entry(name, '0', "", 0o644, 5, "fresh")
}

async fn unpacks(range: &Range, archive: &str) -> String {
    let whole = format!("{archive}{}", "\0".repeat(1024));
    range
        .asks(
            "feed",
            &[
                &whole,
                "tar",
                "--extract",
                "--no-same-owner",
                "--touch",
                "--absolute-names",
                "--directory",
                "lair:",
            ],
        )
        .await
}

attacks! { Streams:
    /// Feeds a program more than its rule lets it read.
    more_than_a_rule_reads {
        attack: async |range| range.asks("feed-much", &["65537", "wc", "-c"]).await,
        contained: "refused before anything is started",
        refused: "is over the rule's stdin-max of",
        twin: async |range| range.asks("feed-much", &["65536", "wc", "-c"]).await,
        answers: "ok:0:65536",
    }

    /// Feeds a program whose rule lets it read nothing.
    feeding_what_reads_nothing {
        attack: async |range| range.asks("feed", &["text", "echo", "-n", "a"]).await,
        contained: "refused before anything is started",
        refused: "is over the rule's stdin-max of",
        twin: async |range| range.asks("feed", &["text", "wc", "-c"]).await,
        answers: "ok:0:4",
    }

    /// Feeds three mebibytes, as much as one request may carry, to what takes little.
    three_mebibytes_of_input {
        attack: async |range| range.asks("feed-much", &["3145728", "wc", "-c"]).await,
        contained: "refused before anything is started",
        refused: "is over the rule's stdin-max of",
        twin: async |range| range.asks("feed-much", &["1000", "wc", "-c"]).await,
        answers: "ok:0:1000",
    }

    /// Hides a stage that is not granted between two that are.
    a_hidden_stage {
        attack: async |range| {
            range
                .each(
                    "pipeline",
                    &[
                        &["echo", "-n", "a", "|", "sh", "-c", "id", "|", "wc", "-c"],
                        &["sh", "-c", "id", "|", "wc", "-c"],
                        &["echo", "-n", "a", "|", "tee", "/etc/passwd"],
                    ],
                )
                .await
        },
        contained: "no stage is started: each needs its own rule",
        refused: "err:Error::Denied(",
        twin: async |range| range.asks("pipeline", &["echo", "-n", "abc", "|", "wc", "-c"]).await,
        answers: "ok:0:3",
    }

    /// Feeds a program whose rule lets it read nothing, from another one.
    a_stage_that_may_read_nothing {
        attack: async |range| {
            range.asks("pipeline", &["echo", "-n", "abc", "|", "sleep", &range.seconds]).await
        },
        contained: "no stage is started",
        refused: "its rule lets it read nothing",
        twin: async |range| range.asks("pipeline", &["echo", "-n", "abc", "|", "wc", "-c"]).await,
        answers: "ok:0:3",
    }

    /// Asks for a pipeline of no stages.
    a_pipeline_of_nothing {
        attack: async |range| range.asks("pipeline", &[]).await,
        contained: "refused",
        refused: "a pipeline has 1 to 8 stages",
        twin: async |range| range.asks("pipeline", &["wc", "-c"]).await,
        answers: "ok:0:0",
    }

    /// Asks for nine stages, and for a thousand.
    a_pipeline_that_is_too_long {
        attack: async |range| {
            let stages = |count: usize| {
                let mut words = vec!["wc", "-c"];
                words.extend(["|", "wc", "-c"].repeat(count - 1));
                words
            };
            vec![
                range.asks("pipeline", &stages(9)).await,
                range.asks("pipeline", &stages(1_000)).await,
            ]
        },
        contained: "no stage is started",
        refused: "a pipeline has 1 to 8 stages",
        twin: async |range| {
            let mut words = vec!["wc", "-c"];
            words.extend(["|", "wc", "-c"].repeat(7));
            range.asks("pipeline", &words).await
        },
        answers: "ok:0:2",
    }

    /// Joins what holds on to its end of a pipe with what would read it.
    a_stage_that_holds_the_pipe {
        setup: Setup::limits(|limits| limits.wall = std::time::Duration::from_secs(5)),
        attack: async |range| {
            range.asks("pipeline", &["sleep", &range.seconds, "|", "wc", "-c"]).await
        },
        contained: "both stages end with the call",
        refused: "its 5 s ran out during the import command.pipeline",
        twin: async |range| range.asks("pipeline", &["echo", "-n", "abc", "|", "wc", "-c"]).await,
        answers: "ok:0:3",
    }

    /// Unpacks a file beside its root, by `..`.
    an_archive_that_climbs_out {
        setup: Setup::rules(UNPACKS),
        attack: async |range| unpacks(range, &file("../outside/fresh")).await,
        contained: "the fence lets nothing be made there",
        refused: "Permission denied",
        twin: async |range| unpacks(range, &file("fresh")).await,
        answers: "ok:0:",
    }

    /// Unpacks a file to where it says, from the root of all.
    an_archive_of_absolute_names {
        setup: Setup::rules(UNPACKS),
        attack: async |range| {
            let outside = range.ground.outside().join("fresh");
            unpacks(range, &file(outside.to_str().unwrap())).await
        },
        contained: "the fence lets nothing be made there",
        refused: "Permission denied",
        twin: async |range| unpacks(range, &file("fresh")).await,
        answers: "ok:0:",
    }

    /// Unpacks a link to the outside, and then a file behind it.
    an_archive_with_a_link_and_a_file_behind_it {
        setup: Setup::rules(UNPACKS),
        attack: async |range| {
            let outside = range.ground.outside();
            let link = entry("way", '2', outside.to_str().unwrap(), 0o777, 0, "");
            unpacks(range, &(link + &file("way/fresh"))).await
        },
        contained: "the fence looks at what is made, not at its name",
        refused: "way/fresh: Cannot open: Permission denied",
        twin: async |range| {
            let link = entry("within", '2', "fresh", 0o777, 0, "");
            unpacks(range, &(link + &file("fresh"))).await
        },
        answers: "ok:0:",
    }

    /// Unpacks another name for a file outside, which it could then change.
    an_archive_with_a_hard_link {
        setup: Setup::rules(UNPACKS),
        attack: async |range| {
            let secret = range.ground.outside().join("secret");
            let link = entry("name", '1', secret.to_str().unwrap(), 0o777, 0, "");
            let told = unpacks(range, &link).await;
            assert!(!range.lair().join("name").exists(), "{told}");
            told
        },
        contained: "the fence lets no name be made for it",
        refused: "Cannot hard link to",
        twin: async |range| {
            fs::write(range.lair().join("first"), "x").unwrap();
            unpacks(range, &entry("second", '1', "first", 0o777, 0, "")).await
        },
        answers: "ok:0:",
    }

    /// Unpacks a device.
    an_archive_with_a_device {
        setup: Setup::rules(UNPACKS),
        attack: async |range| {
            let told = unpacks(range, &entry("disk", '4', "", 0o666, 0, "")).await;
            assert!(!range.lair().join("disk").exists(), "{told}");
            told
        },
        contained: "refused: the power to make devices is not kept",
        refused: "Operation not permitted",
        twin: async |range| unpacks(range, &entry("pipe", '6', "", 0o666, 0, "")).await,
        answers: "ok:0:",
    }

    /// Says of an entry that it is four gigabytes long, and ends.
    an_archive_that_lies_about_its_length {
        setup: Setup::rules(UNPACKS),
        attack: async |range| {
            unpacks(range, &entry("long", '0', "", 0o644, 4 << 30, "short")).await
        },
        contained: "the program ends with what there is; nobody waits for the rest",
        refused: "Unexpected EOF",
        twin: async |range| unpacks(range, &file("fresh")).await,
        answers: "ok:0:",
    }
}
