//! Command lines that no rule grants: other programs, other words, words that look granted.

use super::attacks;

attacks! { Arguments:
    /// Asks for programs that no rule names: a shell, a remover.
    a_program_that_is_not_granted {
        attack: async |range| {
            range
                .each("command", &[&["sh", "-c", "id"], &["rm", "-rf", "/"], &["mv", "a", "b"]])
                .await
        },
        contained: "nothing is started",
        refused: "no rule names the program",
        twin: async |range| range.asks("command", &["echo", "-n", "a"]).await,
        answers: "ok:0:a",
    }

    /// Names a granted program by a path, its own and others.
    a_program_by_its_path {
        attack: async |range| {
            range
                .each(
                    "command",
                    &[
                        &["/usr/bin/echo", "-n", "a"],
                        &["../bin/echo", "-n", "a"],
                        &["./echo", "-n", "a"],
                        &["/tmp/evil/echo", "-n", "a"],
                        &["/proc/self/exe"],
                    ],
                )
                .await
        },
        contained: "nothing is started: programs are named without directory",
        refused: "is no file name",
        twin: async |range| range.asks("command", &["echo", "-n", "a"]).await,
        answers: "ok:0:a",
    }

    /// Hides something in a program's name: an end of text, a line, another direction.
    a_program_with_hidden_characters {
        attack: async |range| {
            range
                .each(
                    "command",
                    &[
                        &["echo\0", "-n", "a"],
                        &["echo\n", "-n", "a"],
                        &["\u{202e}ohce", "-n", "a"],
                        &["ec\u{200b}ho", "-n", "a"],
                    ],
                )
                .await
        },
        contained: "nothing is started",
        refused: "is no file name",
        twin: async |range| range.asks("command", &["echo", "-n", "a"]).await,
        answers: "ok:0:a",
    }

    /// Spells a granted program almost right: capitals, spaces, full-width letters.
    a_program_that_looks_granted {
        attack: async |range| {
            range
                .each(
                    "command",
                    &[
                        &["ECHO", "-n", "a"],
                        &[" echo", "-n", "a"],
                        &["echo ", "-n", "a"],
                        &["\u{ff45}\u{ff43}\u{ff48}\u{ff4f}", "-n", "a"],
                        &["еcho", "-n", "a"],
                    ],
                )
                .await
        },
        contained: "nothing is started",
        refused: "no rule names the program",
        twin: async |range| range.asks("command", &["echo", "-n", "a"]).await,
        answers: "ok:0:a",
    }

    /// Names no program at all: what once gave root to everybody.
    no_program_at_all {
        attack: async |range| range.each("command", &[&[""], &["", "-n", "a"]]).await,
        contained: "nothing is started",
        refused: "the program has no name",
        twin: async |range| range.asks("command", &["echo", "-n", "a"]).await,
        answers: "ok:0:a",
    }

    /// Leaves words out, adds some, and says them in another order.
    other_words {
        attack: async |range| {
            range
                .each(
                    "command",
                    &[
                        &["echo"],
                        &["echo", "-n"],
                        &["echo", "-n", "a", "b"],
                        &["echo", "a", "-n"],
                        &["cat", "lair:file"],
                        &["cat", "--", "lair:file", "lair:file"],
                        &["false", "a"],
                    ],
                )
                .await
        },
        contained: "nothing is started: a rule is matched word by word",
        refused: "Denied(Denial { rule: Some(",
        twin: async |range| range.asks("command", &["echo", "-n", "a"]).await,
        answers: "ok:0:a",
    }

    /// Puts options where a name belongs.
    an_option_for_a_name {
        attack: async |range| {
            let words = ["-", "--", "-e", "--help", "-n=a", "--opt=x", "-1"];
            let mut told = Vec::new();
            for word in words {
                told.push(range.asks("command", &["echo", "-n", word]).await);
            }
            told
        },
        contained: "nothing is started: no name begins with `-`",
        refused: "rule: Some(\"say\")",
        twin: async |range| range.asks("command", &["echo", "-n", "a-b"]).await,
        answers: "ok:0:a-b",
    }

    /// Puts what a shell would act on where a name belongs.
    words_for_a_shell {
        attack: async |range| {
            let words =
                ["$(id)", "`id`", "a;id", "a|b", "a&b", "a>b", "*", "~", "a b", "\\", "'", "\""];
            let mut told = Vec::new();
            for word in words {
                told.push(range.asks("command", &["echo", "-n", word]).await);
            }
            told
        },
        contained: "nothing is started, and there is no shell",
        refused: "rule: Some(\"say\")",
        twin: async |range| range.asks("command", &["echo", "-n", "id"]).await,
        answers: "ok:0:id",
    }

    /// Hides ends of texts, lines, tabs and other directions in a word.
    words_with_hidden_characters {
        attack: async |range| {
            let words = [
                "a\0b",
                "a\nb",
                "a\n",
                "\ra",
                "a\tb",
                "a\u{202e}b",
                "a\u{200b}",
                "\u{feff}a",
                "\u{7f}",
            ];
            let mut told = Vec::new();
            for word in words {
                told.push(range.asks("command", &["echo", "-n", word]).await);
            }
            told
        },
        contained: "nothing is started, and the refusal shows them escaped",
        refused: "has a control or invisible character",
        twin: async |range| range.asks("command", &["echo", "-n", "ab"]).await,
        answers: "ok:0:ab",
    }

    /// Says nothing where a name belongs.
    an_empty_word {
        attack: async |range| {
            range.each("command", &[&["echo", "-n", ""], &["cat", "", "lair:a"]]).await
        },
        contained: "nothing is started",
        refused: "is empty",
        twin: async |range| range.asks("command", &["echo", "-n", "a"]).await,
        answers: "ok:0:a",
    }

    /// Uses letters of other alphabets and widths.
    letters_that_look_alike {
        attack: async |range| {
            let words = ["\u{ff41}", "é", "а", "１", "ß", "İ", "A"];
            let mut told = Vec::new();
            for word in words {
                told.push(range.asks("command", &["echo", "-n", word]).await);
            }
            told
        },
        contained: "nothing is started: a name has the characters that its type lists",
        refused: "rule: Some(\"say\")",
        twin: async |range| range.asks("command", &["echo", "-n", "a1"]).await,
        answers: "ok:0:a1",
    }

    /// Says a hundred thousand words.
    a_hundred_thousand_words {
        attack: async |range| {
            let mut asked = vec!["echo"];
            asked.resize(100_001, "x");
            let told = range.asks("command", &asked).await;
            let line = range.audited("denied").pop().unwrap().to_string();
            assert!(line.len() < 64 * 1024, "the audit's line is bounded: {}", line.len());
            told
        },
        contained: "refused before any rule is looked at; the audit's line stays short",
        refused: "more than 128 arguments",
        twin: async |range| range.asks("command", &["echo", "-n", "a"]).await,
        answers: "ok:0:a",
    }

    /// Says one word of a mebibyte.
    a_word_of_a_mebibyte {
        attack: async |range| range.asks("command", &["echo", "-n", &"x".repeat(1 << 20)]).await,
        contained: "refused before any rule is looked at",
        refused: "more than 64 KiB of arguments",
        twin: async |range| range.asks("command", &["echo", "-n", &"x".repeat(64)]).await,
        answers: "ok:0:xxx",
    }

    /// Says a name that is one character too long.
    a_name_that_is_too_long {
        attack: async |range| range.asks("command", &["echo", "-n", &"x".repeat(65)]).await,
        contained: "nothing is started",
        refused: "rule: Some(\"say\")",
        twin: async |range| range.asks("command", &["echo", "-n", &"x".repeat(64)]).await,
        answers: "ok:0:xxx",
    }
}
