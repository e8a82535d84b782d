//! Attacks on whoever reads log, audit and errors: lines that forge others, text that acts on a
//! terminal, and more than anybody can read.

use super::assembly::Assembly;
use super::attacks;

/// A driver that crashes in two functions of this name, in the letters of the text format.
fn crashing(name: &str) -> Vec<u8> {
    let named = |what: &str| format!("{name}{what}");
    Assembly::new()
        .and(&format!(
            "(func $inner (@name \"{}\") unreachable) (func $outer (@name \"{}\") call $inner)",
            named("1"),
            named("2"),
        ))
        .body("create-share", "call $outer i32.const 256")
        .make()
}

attacks! { Log:
    /// Logs lines that look like others: of the runtime, of another backend, of the audit.
    forged_lines {
        attack: async |range| {
            range
                .asks(
                    "log",
                    &[
                        "first\n{\"event\":\"outcome\",\"backend\":\"home\"}\nlast",
                        "\r\n2026-01-01T00:00:00Z ERROR abaca::gate: forged",
                        "name\nwith=line",
                        "value\n\" forged=\"yes",
                    ],
                )
                .await;
            let text = range.log.text();
            let forged = text.lines().find(|line| {
                line.starts_with(['{', '2'])
                    && line.contains("forged")
                    && !line.contains("abaca::driver")
            });
            assert_eq!(forged, None, "{text}");
            let line = text.lines().find(|line| line.contains("first")).unwrap();
            assert!(line.contains("abaca::driver") && line.contains("last"), "{line}");
            line.to_owned()
        },
        contained: "each is one line that says whose it is",
        refused: "first\\u{a}{",
        twin: async |range| {
            range.asks("log", &["a plain line"]).await;
            range.log.text()
        },
        answers: "a plain line",
    }

    /// Logs letters that nobody sees, which could carry a text past whoever reads the log.
    letters_that_nobody_sees {
        attack: async |range| {
            range.asks("log", &["seen\u{fe01}\u{e0148}\u{3164}\u{34f}\u{2800}\u{200b}\u{a0}\u{2003}\u{13430}end"]).await;
            let text = range.log.text();
            text.lines().find(|line| line.contains("seen")).unwrap().to_owned()
        },
        contained: "shown escaped",
        refused: "seen\\u{fe01}\\u{e0148}\\u{3164}\\u{34f}\\u{2800}\\u{200b}\\u{a0}\\u{2003}\\u{13430}end",
        twin: async |range| {
            range.asks("log", &["seen, in whatever letters: \u{e9}\u{4e2d}"]).await;
            range.log.text()
        },
        answers: "letters: \u{e9}\u{4e2d}",
    }

    /// Logs what moves a cursor, clears a screen, copies into a clipboard, or turns text around.
    lines_that_act {
        attack: async |range| {
            range
                .asks(
                    "log",
                    &[
                        "\u{1b}[2J\u{1b}]52;c;aWQ=\u{7}",
                        "\u{9b}0m\u{202e}dlrow\u{2066}\0end",
                        "\u{8}\u{7f}",
                        "x",
                        "y",
                    ],
                )
                .await;
            let text = range.log.text();
            text.lines().find(|line| line.contains("dlrow")).unwrap().to_owned()
        },
        contained: "shown escaped",
        refused: "\\u{9b}0m\\u{202e}dlrow\\u{2066}\\u{0}end",
        twin: async |range| {
            range.asks("log", &["grün 漢"]).await;
            range.log.text()
        },
        answers: "grün 漢",
    }

    /// Logs one line of a mebibyte.
    a_huge_line {
        attack: async |range| {
            range.asks("log-controls", &[]).await;
            let text = range.log.text();
            let longest = text.lines().map(str::len).max().unwrap();
            assert!(longest < 6 * 1024, "{longest} bytes");
            text.lines().find(|line| line.contains("xxxxxx")).unwrap().to_owned()
        },
        contained: "cut, and says how much is missing",
        refused: "bytes more)",
        twin: async |range| {
            range.asks("log", &["a little line"]).await;
            range.log.text()
        },
        answers: "a little line",
    }

    /// Logs a million lines.
    lines_without_end {
        attack: async |range| {
            let told = range.asks("log-flood", &[]).await;
            let written = range.log.text().lines().filter(|line| line.contains("line ")).count();
            assert_eq!(written, super::limits().log_lines as usize);
            assert!(range.log.text().contains("dropped lines"), "it says that there were more");
            assert_eq!(range.audited("limit").len(), 1, "once, not once for each line");
            told
        },
        contained: "a hundred are written, the rest counted, and the call ended at its requests",
        refused: "it used up its limit of number of host calls",
        twin: async |range| range.asks("log", &["one line"]).await,
        answers: "ok:logged",
    }

    /// Panics with a text that acts on a terminal.
    a_panic_that_acts {
        attack: async |range| {
            range.asks("panic", &["the sky is \u{1b}[31mred\nforged"]).await;
            let text = range.log.text();
            text.lines().find(|line| line.contains("the sky is")).unwrap().to_owned()
        },
        contained: "its text is in the log, escaped, before the call ends",
        refused: "the sky is \\u{1b}[31mred\\u{a}forged",
        twin: async |range| range.asks("echo", &["a"]).await,
        answers: "a",
    }

    /// Crashes in functions whose names, which tell where it crashed, act on a terminal and forge
    /// lines of the audit.
    a_crash_in_functions_that_act {
        attack: async |range| {
            let told = range.drives(crashing(r#"\1b]0;owned\07\1b[2J\0a{\22event\22:\22forged\22}\u{202e}"#)).await;
            let audit = range.audit().iter().map(ToString::to_string).collect::<String>();
            for text in [&told, &range.log.text(), &audit] {
                let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
                assert!(!text.contains(acts), "{text:?}");
                assert!(!text.lines().any(|line| line.starts_with("{\"event\":\"forged")), "{text:?}");
            }
            assert!(range.audited("forged").is_empty());
            told
        },
        contained: "the names are told escaped, on one line",
        refused: "\\u{1b}]0;owned\\u{7}\\u{1b}[2J\\u{a}{\"event\":\"forged\"}\\u{202e}",
        twin: async |range| range.drives(crashing("plain")).await,
        answers: "!plain1",
    }

    /// Fails with an error that acts on a terminal.
    an_error_that_acts {
        attack: async |range| {
            range.asks("fail", &["\u{1b}]0;title\u{7}\nfault: operator\n\u{202e}"]).await
        },
        contained: "escaped in the error, the record and the audit",
        refused: "Driver by the backend: the storage failed: \\u{1b}]0;title\\u{7}\\u{a}fault: \
         operator",
        twin: async |range| range.asks("fail", &["plain"]).await,
        answers: "Driver by the backend: the storage failed: plain",
    }

    /// Asks for command lines that would forge lines of the audit.
    requests_that_forge_the_audit {
        attack: async |range| {
            let told = range
                .asks(
                    "command",
                    &["echo", "-n", "a\"}\n{\"event\":\"outcome\",\"rule\":\"forged\"}"],
                )
                .await;
            assert!(range.audited("outcome").iter().all(|line| line["rule"] != "forged"));
            assert_eq!(range.audited("denied").len(), 1);
            told
        },
        contained: "one line of the audit, in which they are text",
        refused: "err:Error::Denied(",
        twin: async |range| range.asks("command", &["echo", "-n", "a"]).await,
        answers: "ok:0:a",
    }

    /// Puts what it learned of the host into its errors: nothing of the host's paths is there.
    the_hosts_paths {
        attack: async |range| {
            let at = range.ground.path().to_str().unwrap();
            let told = range
                .each(
                    "file",
                    &[
                        &["read", "lair", "nothing"],
                        &["list", "lair", "nothing"],
                        &["set-mode", "lair", "nothing", "755"],
                        &["copy", "lair", "nothing", "lair", "new"],
                    ],
                )
                .await;
            assert!(told.iter().all(|text| !text.contains(at)), "{told:?}");
            told
        },
        contained: "errors name the root and the way as the driver said them",
        refused: "err:Error::NotFound(\"<lair>/nothing",
        twin: async |range| range.asks("file", &["list", "lair", ""]).await,
        answers: "ok:[",
    }
}
