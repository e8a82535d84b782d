//! What a driver keeps: as much as it likes, what belongs to others, and half of a change.

use super::{Setup, attacks};

/// What nobody sees: what turns text round, joins, fills, and chooses the look of the letter before.
const HIDDEN: [char; 12] = [
    '\u{202e}',
    '\u{200b}',
    '\u{2066}',
    '\u{feff}',
    '\u{e0041}',
    '\u{34f}',
    '\u{115f}',
    '\u{3164}',
    '\u{ffa0}',
    '\u{2800}',
    '\u{fe0f}',
    '\u{e0101}',
];

attacks! { State:
    /// Keeps keys and takes locks under names that hide or turn round what an operator reads.
    names_that_hide {
        attack: async |range| {
            let mut told = Vec::new();
            for hidden in HIDDEN {
                let name = format!("a{hidden}b");
                told.push(range.asks("state", &["set", "hostile", &name, "value"]).await);
                told.push(range.asks("state", &["set", &name, "key", "value"]).await);
                told.push(range.asks("lock-hold", &[&name, "1"]).await);
            }
            told
        },
        contained: "refused: a name is what it looks like",
        refused: "no control or invisible characters",
        twin: async |range| range.asks("state", &["set", "hostile", "a\u{e9}b", "value"]).await,
        answers: "ok:()",
    }

    /// Sets keys until there is no room.
    keys_without_end {
        attack: async |range| {
            let told = range.asks("state-flood", &[]).await;
            assert!(told.starts_with("ok:20\n"), "{told}");
            told
        },
        contained: "refused at the number of keys that a driver may keep",
        refused: "err:Error::Limit(\"20 keys in the state\")",
        twin: async |range| range.asks("state", &["get", "hostile", "key-0"]).await,
        answers: "ok:Some(\"vvv",
    }

    /// Keeps more bytes than a driver may.
    bytes_without_end {
        setup: Setup::limits(|limits| limits.state_bytes = 4_000),
        attack: async |range| range.asks("state-flood", &[]).await,
        contained: "refused at the number of bytes that a driver may keep",
        refused: "err:Error::Limit(\"4000 bytes in the state\")",
        twin: async |range| range.asks("state", &["get", "hostile", "key-0"]).await,
        answers: "ok:Some(\"vvv",
    }

    /// Keeps one value of a mebibyte.
    a_huge_value {
        attack: async |range| range.asks("state", &["grow", "1048576"]).await,
        contained: "refused",
        refused: "err:Error::Limit(\"65536 bytes in one value\")",
        twin: async |range| range.asks("state", &["grow", "65536"]).await,
        answers: "ok:()",
    }

    /// Changes a thousand and twenty-five keys at once.
    a_huge_batch {
        setup: Setup::limits(|limits| limits.state_keys = 10_000),
        attack: async |range| range.asks("state", &["batch", "1025"]).await,
        contained: "refused as a whole",
        refused: "err:Error::Limit(\"1024 changes in one batch\")",
        twin: async |range| range.asks("state", &["batch", "1024"]).await,
        answers: "ok:()",
    }

    /// Changes twenty-one keys at once where twenty are allowed.
    a_batch_that_does_not_fit {
        attack: async |range| {
            let told = range.asks("state", &["batch", "21"]).await;
            assert_eq!(
                range.asks("state", &["all", "batch"]).await,
                "ok:[]",
                "nothing of it is kept"
            );
            told
        },
        contained: "refused as a whole: nothing of it is kept",
        refused: "err:Error::Limit(\"20 keys in the state\")",
        twin: async |range| range.asks("state", &["batch", "20"]).await,
        answers: "ok:()",
    }

    /// Hides a change that is wrong behind one that is right.
    half_a_change {
        attack: async |range| {
            let told = range.asks("state", &["torn"]).await;
            assert!(told.ends_with("\nok:[]"), "{told}");
            told
        },
        contained: "refused as a whole: nothing of it is kept",
        refused: "err:Error::Invalid(",
        twin: async |range| range.asks("state", &["batch", "2"]).await,
        answers: "ok:()",
    }

    /// Uses names that are empty, huge, paths of others' databases, or act on a terminal.
    names_that_act {
        attack: async |range| {
            range
                .each(
                    "state",
                    &[
                        &["set", "", "key", "value"],
                        &["set", "entity", "", "value"],
                        &["set", &"x".repeat(256), "key", "value"],
                        &["set", "entity", "a\nb", "value"],
                        &["get", "\u{1b}[2J", "key"],
                        &["get", "a\0b", "key"],
                        &["find", "\u{9b}0m"],
                    ],
                )
                .await
        },
        contained: "refused: names are short, and nothing in them acts",
        refused: "err:Error::Invalid(\"a name in the state has 1 to 255 bytes",
        twin: async |range| {
            range
                .asks("state", &["set", "../../home", "'; DROP TABLE driver_state; --", "value"])
                .await
        },
        answers: "ok:()",
    }

    /// Looks for what its neighbour keeps, and for what another backend of the same driver does.
    what_others_keep {
        attack: async |range| {
            let driver = range.hostile.driver().clone();
            let policy = "schema = 1\ndriver = \"hostile\"\n";
            let other = range.ground.backend("twin", driver, policy, &[]).await;
            let one = crate::support::attack_share("state", &["set", "shared", "key", "theirs"]);
            other.create_share(&one, None).await.unwrap();
            let mut told = Vec::new();
            for entity in ["shared", "../twin/shared", "twin:shared", "home", "shares", "%", "*"] {
                told.push(range.asks("state", &["get", entity, "key"]).await);
            }
            told
        },
        contained: "each backend's state is a database of its own: nothing is there",
        refused: "ok:None",
        twin: async |range| {
            range.asks("state", &["set", "shared", "key", "mine"]).await;
            range.asks("state", &["get", "shared", "key"]).await
        },
        answers: "ok:Some(\"mine\")",
    }

    /// Crashes right after a change.
    a_crash_after_a_change {
        attack: async |range| range.asks("state", &["trap"]).await,
        contained: "what had come back is kept, and the next call sees it",
        refused: "Trap by the driver: the driver crashed in create-share",
        twin: async |range| range.asks("state", &["get", "trap", "before"]).await,
        answers: "ok:Some(\"the trap\")",
    }
}
