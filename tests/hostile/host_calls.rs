//! Requests to the host that flood it, or say what no request should.

use super::{Setup, attacks};

attacks! { HostCalls:
    /// Asks for the time ten million times.
    a_flood_of_requests {
        attack: async |range| range.asks("host-call-flood", &[]).await,
        contained: "ended at the number of requests that a call may make",
        refused: "it used up its limit of number of host calls (5000 are allowed)",
        twin: async |range| range.asks("sleep", &["1"]).await,
        answers: "ok:()",
    }

    /// Goes on asking for what it does not get.
    a_flood_of_denials {
        setup: Setup::limits(|limits| limits.denials = 20),
        attack: async |range| {
            let told = range.asks("denial-flood", &[]).await;
            assert_eq!(range.audited("denied").len(), 21, "the audit is not flooded");
            told
        },
        contained: "ended after some denials; each of them is in the audit",
        refused: "it used up its limit of denied requests (20 are allowed)",
        twin: async |range| range.asks("config", &["hostile_text"]).await,
        answers: "ok:None",
    }

    /// Asks for a list of four thousand million entries.
    a_list_of_all_entries {
        attack: async |range| {
            range
                .each(
                    "file",
                    &[
                        &["list-after", "lair", "", "a", "4294967295"],
                        &["list-after", "lair", "", "a", "10001"],
                        &["list-after", "lair", "", "a", "0"],
                    ],
                )
                .await
        },
        contained: "refused: an answer has so many entries and no more",
        refused: "err:Error::Invalid(\"list gives 1 to 10000 entries",
        twin: async |range| range.asks("file", &["list-after", "lair", "", "a", "100"]).await,
        answers: "ok:[",
    }

    /// Takes more locks than a call may hold.
    too_many_locks {
        attack: async |range| {
            let names: Vec<String> = (0..17).map(|number| format!("lock-{number}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            range.asks("locks", &names).await
        },
        contained: "refused at the seventeenth; the others end with the call",
        refused: "err:Error::Limit(\"16 locks in one call\")",
        twin: async |range| range.asks("locks", &["a", "b"]).await,
        answers: "ok:2",
    }

    /// Calls locks by names that are empty, huge, or act on a terminal.
    locks_without_a_name {
        attack: async |range| {
            range
                .each("locks", &[&[""], &[&"x".repeat(256)], &["a\nb"], &["\u{1b}[2J"], &["a\0"]])
                .await
        },
        contained: "refused",
        refused: "err:Error::Invalid(\"a lock's name has 1 to 255 bytes",
        twin: async |range| range.asks("locks", &["../a lock's name is no path"]).await,
        answers: "ok:1",
    }

    /// Takes the same lock twice, which would wait for itself.
    waiting_for_itself {
        attack: async |range| range.asks("locks", &["one", "one"]).await,
        contained: "refused at once",
        refused: "err:Error::Invalid(\"this call holds the lock already\")",
        twin: async |range| range.asks("locks", &["one", "two"]).await,
        answers: "ok:2",
    }

    /// Takes addresses for share servers that it is not called for, and gives those of others back.
    addresses_of_others {
        attack: async |range| {
            range
                .each(
                    "network",
                    &[&["allocate", "any"], &["deallocate", "any"], &["allocate", "../x"]],
                )
                .await
        },
        contained: "denied: only the call that sets up or tears down a server may ask, for this \
         one",
        refused: "err:Error::Denied(",
        twin: async |range| range.asks("echo", &["a"]).await,
        answers: "a",
    }

    /// Passes a refusal on as its own failure, to put the blame on others.
    a_refusal_that_is_passed_on {
        attack: async |range| range.asks("insist", &["sh", "-c", "id"]).await,
        contained: "it stays a refusal of the policy, whoever passes it on",
        refused: "Driver by the operator: the policy does not allow it: no rule names the program",
        twin: async |range| range.asks("insist", &["echo", "-n", "a"]).await,
        answers: "ok:0:a",
    }

    /// Lets a granted program fail, to put the blame on the host.
    a_failure_that_is_passed_on {
        attack: async |range| range.asks("insist", &["false"]).await,
        contained: "it is the storage's, with the program and its code",
        refused: "Driver by the backend: a command failed: false ended with code 1",
        twin: async |range| range.asks("command", &["false"]).await,
        answers: "ok:1:",
    }

    /// Passes the host a text of eight mebibytes where one lifts at most four.
    a_request_that_is_too_large {
        attack: async |range| range.asks("feed-much", &["8388608", "wc", "-c"]).await,
        contained: "not copied out of the guest; the call ends",
        refused: "it used up its limit of size of one request or answer",
        twin: async |range| range.asks("feed-much", &["1000", "wc", "-c"]).await,
        answers: "ok:0:1000",
    }

    /// Logs from every call, and asks while it describes itself for what only a call may have.
    asking_before_it_is_a_driver {
        attack: async |range| {
            let asks = super::assembly::Assembly::new()
                .importing("clock", "now", "(param i32)")
                // The first byte of the answer says whether it was an error; then it crashes.
                .body(
                    "describe",
                    "i32.const 512 call $import i32.const 512 i32.load8_u (if \
                 (then unreachable)) i32.const 128",
                );
            range.loads(asks.make()).await
        },
        contained: "denied: a driver that describes itself gets nothing but the log",
        refused: "Trap by the driver: the driver crashed in describe",
        twin: async |range| {
            let asks =
                super::assembly::Assembly::new().importing("clock", "now", "(param i32)").body(
                    "create-share",
                    "i32.const 512 call $import i32.const 512 i32.load8_u (if \
                 (then unreachable)) i32.const 256",
                );
            range.drives(asks.make()).await
        },
        answers: "ok",
    }
}
