//! What operators write, read by an attacker or written by one: options, secrets, policies.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use abaca::OptionValue;

use super::{Range, attacks};

/// A policy for the hostile driver with this in it.
fn policy(rules: &str) -> String {
    format!("schema = 1\ndriver = \"hostile\"\n{rules}\n")
}

const ECHO: &str = "[[command]]\nid = \"say\"\nprogram = \"/usr/bin/echo\"\n";

async fn opens_all(range: &Range, rules: &[&str]) -> Vec<String> {
    let mut told = Vec::new();
    for rules in rules {
        told.push(range.opens(&policy(rules), &[]).await);
    }
    told
}

/// A rule of this program that begins with this word and may write a root, of which more is said.
fn writing(program: &str, word: &str, more: &str) -> String {
    policy(&format!(
        "[roots.pool]\npath = \"@/exports\"\n{more}\n\
         [types.word]\nfirst = \"a-z\"\nrest = \"a-z\"\nmax = 9\n{ECHO}args = [{{ name = \"word\" }}]\n\
         [[command]]\nid = \"take\"\nprogram = \"/usr/bin/{program}\"\nwrite = [\"pool\"]\n\
         args = [{word}, \"--\", {{ path = {{ root = \"pool\", leaf = \"root\" }} }}]\n"
    ))
}

/// Rules of one program that may be said the same, but for the last word.
fn lists(rules: usize) -> String {
    let rule = |rule: usize| {
        let texts: Vec<_> = (0..255).map(|text| format!("\"{rule}x{text}\"")).collect();
        format!(
            "[[command]]\nid = \"r{rule}\"\nprogram = \"/usr/bin/echo\"\nargs = [{{ repeat = \
             {{ one-of = [{}, \"zz\"] }}, min = 0, max = 127 }}, \"-{rule}\"]\n",
            texts.join(",")
        )
    };
    (0..rules).map(rule).collect()
}

/// A secret's file with these bits.
fn secret(range: &Range, name: &str, bits: u32) -> PathBuf {
    let file = range.ground.state().join(name);
    fs::write(&file, &range.canary).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(bits)).unwrap();
    file
}

attacks! { Config:
    /// Guesses the names of options that it has not declared: of others, of none, and of files.
    options_of_others {
        attack: async |range| {
            let mut told = Vec::new();
            for guess in [
                "directory_export_root",
                "PATH",
                "hostile",
                "../state",
                "",
                "hostile_\0text",
                "HOSTILE_TEXT",
                "hostile_text ",
                "hostile_secret_file",
                "hostile_ſecret",
                "*",
                "%",
            ] {
                told.push(range.asks("config", &[guess]).await);
            }
            told
        },
        contained: "denied, whether they exist or not: they are not told apart",
        refused: "err:Error::Denied(Denial { rule: None, reason: \"the driver has not declared \
         this option\" })",
        twin: async |range| range.asks("config", &["hostile_text"]).await,
        answers: "ok:None",
    }

    /// Asks for its own secret.
    its_own_secret {
        attack: async |range| range.asks("config", &["hostile_secret"]).await,
        contained: "told that it is there and how it is called, never what it is",
        refused: "ok:Some(Value::Secret(\"hostile_secret\"))",
        twin: async |range| range.asks("config", &["driver_handles_share_servers"]).await,
        answers: "ok:Some(",
    }

    /// Gets a secret from a file that others can read, that is a link, a directory, or not there.
    secrets_in_careless_files {
        attack: async |range| {
            let link = range.ground.state().join("link");
            std::os::unix::fs::symlink(range.ground.path().join("secret"), &link).unwrap();
            let files = [
                secret(range, "readable", 0o604),
                secret(range, "group", 0o660),
                link,
                range.ground.state(),
                range.ground.state().join("nothing"),
            ];
            let mut told = Vec::new();
            for file in files {
                let option = [("hostile_secret", OptionValue::SecretFile(file))];
                told.push(range.opens(&policy(""), &option).await);
            }
            told
        },
        contained: "refused when the backend is opened; what is in them is not told",
        refused: "Option by the operator: backend `opened`: ",
        twin: async |range| {
            let option =
                [("hostile_secret", OptionValue::SecretFile(secret(range, "good", 0o600)))];
            range.opens(&policy(""), &option).await
        },
        answers: "opened",
    }

    /// Gives a secret as plain text, where everybody reads it.
    a_secret_in_plain_text {
        attack: async |range| {
            let option = [("hostile_secret", OptionValue::Text(range.canary.clone()))];
            range.opens(&policy(""), &option).await
        },
        contained: "refused, without saying it",
        refused: "option `hostile_secret`: it is secret",
        twin: async |range| {
            let option = [("hostile_text", OptionValue::Text("anything".to_owned()))];
            range.opens(&policy(""), &option).await
        },
        answers: "opened",
    }

    /// Is joined with the policy of another driver.
    the_policy_of_another {
        attack: async |range| range.opens("schema = 1\ndriver = \"directory\"\n", &[]).await,
        contained: "refused, and both are named",
        refused: "Mismatch by the operator: ",
        twin: async |range| range.opens(&policy(""), &[]).await,
        answers: "opened",
    }

    /// Has keys in its policy that mean nothing, which would look like a wall.
    keys_that_mean_nothing {
        attack: async |range| {
            opens_all(
                range,
                &[
                    "sandbox = true",
                    &format!("{ECHO}args = []\ncap = [\"CHOWN\"]"),
                    &format!("{ECHO}args = []\ndeny = [\"rm\"]"),
                    "[roots.a]\npath = \"@/lair\"\nreadonly = true",
                    &format!("{ECHO}args = [{{ path = {{ root = \"x\" }} }}]"),
                ],
            )
            .await
        },
        contained: "refused: a key without an enforcer is an error",
        refused: ": unknown ",
        twin: async |range| range.opens(&policy(&format!("{ECHO}args = []")), &[]).await,
        answers: "opened",
    }

    /// Has rules of which two could grant the same line.
    rules_that_overlap {
        attack: async |range| {
            let second = ECHO.replace("say", "second");
            opens_all(
                range,
                &[
                    &format!("{ECHO}args = [\"a\"]\n{second}args = [\"a\"]"),
                    &format!(
                        "{ECHO}args = [{{ int = {{ min = 1, max = 9 }} }}]\n{second}args = [\"5\"]"
                    ),
                ],
            )
            .await
        },
        contained: "refused: exactly one rule grants a line",
        refused: "may both accept the same command line",
        twin: async |range| {
            let second = ECHO.replace("say", "second");
            range
                .opens(&policy(&format!("{ECHO}args = [\"a\"]\n{second}args = [\"b\"]")), &[])
                .await
        },
        answers: "opened",
    }

    /// Grants programs that run programs without a word of it.
    launchers_without_a_reason {
        attack: async |range| {
            let mut told = Vec::new();
            for program in [
                "bash",
                "env",
                "find",
                "tar",
                "ssh",
                "perl",
                "python3.11",
                "busybox",
                "ld.so",
                "ip",
                "choom",
                "debugfs",
                "lvm",
                "mount.fuse",
                "mount.fuse3",
                "umount.udisks2",
            ] {
                let rule = format!(
                    "[[command]]\nid = \"run\"\nprogram = \"/usr/bin/{program}\"\nargs = []\n"
                );
                told.push(range.opens(&policy(&rule), &[]).await);
            }
            told
        },
        contained: "refused until the operator writes why",
        refused: "runs other programs: this rule would be as good as root",
        twin: async |range| {
            let rule = "[[command]]\nid = \"run\"\nprogram = \"/usr/bin/env\"\nargs = \
             []\nroot-equivalent = \"why\"\n";
            range.opens(&policy(rule), &[]).await
        },
        answers: "opened",
    }

    /// Grants a program that restores a stream, and says so by a word that is put together, in a
    /// list, in a hole, or begun.
    orders_in_disguise {
        attack: async |range| {
            let mut told = Vec::new();
            for word in [
                "{ one-of = [\"receive\"] }",
                "{ concat = [\"receiv\", { one-of = [\"e\"] }] }",
                "{ csv = { must = [\"receive\"] } }",
                "{ name = \"word\" }",
                "\"rec\"",
            ] {
                let safe = "mount-options = [\"nosuid\", \"nodev\"]";
                told.push(range.opens(&writing("btrfs", word, safe), &[]).await);
            }
            told
        },
        contained: "refused until the operator writes why, however the word is written",
        refused: "`receive` restores a stream: this rule would be as good as root",
        twin: async |range| range.opens(&writing("echo", "\"check\"", ""), &[]).await,
        answers: "opened",
    }

    /// Has rules that say little and take long to tell apart: each allows hundreds of texts a
    /// hundred times.
    rules_that_take_long_to_tell_apart {
        attack: async |range| {
            let began = Instant::now();
            let told = range.opens(&policy(&lists(36)), &[]).await;
            assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
            told
        },
        contained: "refused when as much has been compared as may be",
        refused: "too many optional flags to tell `r",
        twin: async |range| range.opens(&policy(&lists(2)), &[]).await,
        answers: "opened",
    }

    /// Gives programs and roots by names that depend on where one stands.
    places_that_depend {
        attack: async |range| {
            opens_all(
                range,
                &[
                    "[[command]]\nid = \"run\"\nprogram = \"echo\"\nargs = []",
                    "[[command]]\nid = \"run\"\nprogram = \"./echo\"\nargs = []",
                    "[[command]]\nid = \"run\"\nprogram = \"/usr/bin/../bin/echo\"\nargs = []",
                    "[roots.a]\npath = \"lair\"\n[[files]]\nid = \"f\"\nroot = \"a\"\nverbs = \
                 [\"list\"]",
                    "[roots.a]\npath = \"@/lair/../outside\"\n[[files]]\nid = \"f\"\nroot = \
                 \"a\"\nverbs = [\"list\"]",
                ],
            )
            .await
        },
        contained: "refused: programs and roots are absolute and plain",
        refused: ": the path ",
        twin: async |range| range.opens(&policy(&format!("{ECHO}args = []")), &[]).await,
        answers: "opened",
    }

    /// Says things twice, in other types, and hides them behind invisible characters.
    policies_that_hide {
        attack: async |range| {
            opens_all(
                range,
                &[
                    "driver = \"hostile\"",
                    "schema = 2",
                    &format!("{ECHO}args = [\"a\u{202e}b\"]"),
                    &format!("{ECHO}args = [\"a\u{fe0f}\"]"),
                    &format!("{ECHO}args = [\"\u{3164}\"]"),
                    &format!("{ECHO}args = [\"a\\U000E0101\"]"),
                    &format!("{ECHO}args = [\"a\\u0000\"]"),
                    &format!("{ECHO}args = \"a\""),
                    &format!("{ECHO}args = [1]"),
                    &format!("{ECHO}args = [\"\"]"),
                    "[[command]",
                ],
            )
            .await
        },
        contained: "refused with line and column",
        refused: "opened.policy.toml:",
        twin: async |range| range.opens(&policy(&format!("{ECHO}args = [\"a\"]")), &[]).await,
        answers: "opened",
    }

    /// Has a policy of two mebibytes.
    a_huge_policy {
        attack: async |range| {
            range.opens(&policy(&format!("# {}", "x".repeat(2 << 20))), &[]).await
        },
        contained: "refused before it is parsed",
        refused: "it is larger than 1048576 bytes",
        twin: async |range| range.opens(&policy(&format!("# {}", "x".repeat(2 << 10))), &[]).await,
        answers: "opened",
    }

    /// Names a root that is behind a link, not there, or a file.
    roots_that_are_none {
        attack: async |range| {
            let link = range.ground.state().join("root");
            std::os::unix::fs::symlink(range.ground.outside(), &link).unwrap();
            let mut told = Vec::new();
            for path in ["@/state/root", "@/nothing", "@/outside/secret"] {
                let rules = format!(
                    "[roots.a]\npath = \"{path}\"\n[[files]]\nid = \"f\"\nroot = \"a\"\nverbs = \
                     [\"list\"]\n"
                );
                told.push(asks_root(range, &rules).await);
            }
            fs::remove_file(link).unwrap();
            told
        },
        contained: "the broker does not begin to serve",
        refused: "Mismatch by the operator: the root a",
        twin: async |range| {
            let rules = "[roots.a]\npath = \"@/lair\"\n[[files]]\nid = \"f\"\nroot = \
             \"a\"\nverbs = [\"list\"]\n";
            asks_root(range, rules).await
        },
        answers: "ok:[]",
    }
}

/// Lists the root `a` of a backend with these rules.
async fn asks_root(range: &Range, rules: &str) -> String {
    let driver = range.hostile.driver().clone();
    let rules = policy(rules).replace('@', range.ground.path().to_str().unwrap());
    let backend = range.ground.backend("rooted", driver, &rules, &[]).await;
    let one = crate::support::attack_share("file", &["list", "a", ""]);
    super::range::told(backend.create_share(&one, None).await)
}
