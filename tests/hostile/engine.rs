//! Drivers that attack the engine they run in: its time, memory, tables and stack.

use std::time::Duration;

use super::assembly::Assembly;
use super::{Setup, attacks};

pub const FOREVER: &str = "(loop br 0) unreachable";

/// The twin of most: the same driver, which answers.
pub fn good() -> Vec<u8> {
    Assembly::new().make()
}

fn creates(body: &str) -> Vec<u8> {
    Assembly::new().body("create-share", body).make()
}

attacks! { Engine:
    /// Loops for ever in a method.
    a_loop {
        attack: async |range| range.drives(creates(FOREVER)).await,
        contained: "ended when its computing time is used up",
        refused: "it used up its limit of computing time",
        twin: async |range| range.drives(good()).await,
        answers: "ok",
    }

    /// Loops for ever in a compiled driver, which asks the host for nothing.
    a_loop_in_a_compiled_driver {
        attack: async |range| range.asks("loop", &[]).await,
        contained: "ended when its computing time is used up, not at the call's deadline",
        refused: "it used up its limit of computing time",
        twin: async |range| range.asks("echo", &["a"]).await,
        answers: "a",
    }

    /// Loops for ever before it is a driver: while it is instantiated.
    a_loop_at_the_start {
        attack: async |range| {
            range.loads(Assembly::new().body("_initialize", FOREVER).make()).await
        },
        contained: "ended like any other computing; the driver is not loaded",
        refused: "it used up its limit of computing time",
        twin: async |range| range.loads(Assembly::new().body("_initialize", "nop").make()).await,
        answers: "ok: assembled",
    }

    /// Loops for ever when it is asked what it is.
    a_loop_in_its_description {
        attack: async |range| range.loads(Assembly::new().body("describe", FOREVER).make()).await,
        contained: "ended; the driver is not loaded",
        refused: "it used up its limit of computing time",
        twin: async |range| range.loads(good()).await,
        answers: "ok: assembled",
    }

    /// Crashes while it is instantiated.
    a_crash_at_the_start {
        attack: async |range| {
            range.loads(Assembly::new().body("_initialize", "unreachable").make()).await
        },
        contained: "the driver is not loaded",
        refused: "Trap by the driver: the driver crashed in describe",
        twin: async |range| range.loads(Assembly::new().body("_initialize", "nop").make()).await,
        answers: "ok: assembled",
    }

    /// Calls itself without end.
    a_recursion {
        attack: async |range| {
            let deep = Assembly::new()
                .and("(func $deep (result i32) call $deep i32.const 1 i32.add)")
                .body("create-share", "call $deep");
            vec![range.drives(deep.make()).await, range.asks("recursion", &[]).await]
        },
        contained: "ended at the end of the guest's stack, long before the host's",
        refused: "it used up its limit of stack",
        twin: async |range| {
            let shallow = Assembly::new()
                .and("(func $shallow (result i32) i32.const 256)")
                .body("create-share", "call $shallow");
            range.drives(shallow.make()).await
        },
        answers: "ok",
    }

    /// Takes memory page by page until there is no more, and then goes on as if it had it.
    memory_without_end {
        attack: async |range| {
            let grow =
                "(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable";
            vec![range.drives(creates(grow)).await, range.asks("memory", &[]).await]
        },
        contained: "refused at the limit of the call",
        refused: "it used up its limit of memory (67108864 bytes",
        twin: async |range| {
            range.drives(creates("(drop (memory.grow (i32.const 4))) i32.const 256")).await
        },
        answers: "ok",
    }

    /// Begins with more memory than a call may have, and with all that an address can say.
    memory_from_the_beginning {
        attack: async |range| {
            let mut told = Vec::new();
            for pages in ["1025", "65536"] {
                told.push(range.loads(Assembly::new().memory(pages).make()).await);
            }
            told
        },
        contained: "not instantiated",
        refused: "it used up its limit of memory",
        twin: async |range| range.loads(Assembly::new().memory("16").make()).await,
        answers: "ok: assembled",
    }

    /// Grows a table without end.
    a_table_without_end {
        attack: async |range| {
            let grow = "(loop (br_if 0 (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) \
                        (i32.const -1)))) unreachable";
            let table = Assembly::new().and("(table $t 1 funcref)").body("create-share", grow);
            range.drives(table.make()).await
        },
        contained: "refused at the limit of the call",
        refused: "it used up its limit of memory (20000 table elements",
        twin: async |range| {
            let grow = "(drop (table.grow $t (ref.null func) (i32.const 1000))) i32.const 256";
            let table = Assembly::new().and("(table $t 1 funcref)").body("create-share", grow);
            range.drives(table.make()).await
        },
        answers: "ok",
    }

    /// Begins with a table of ten million elements.
    a_table_from_the_beginning {
        attack: async |range| {
            range.loads(Assembly::new().and("(table $t 10000000 funcref)").make()).await
        },
        contained: "not instantiated",
        refused: "it used up its limit of memory (20000 table elements",
        twin: async |range| range.loads(Assembly::new().and("(table $t 100 funcref)").make()).await,
        answers: "ok: assembled",
    }

    /// Has ninety tables where eight are allowed.
    too_many_tables {
        attack: async |range| {
            range.loads(Assembly::new().and(&"(table 1 funcref)".repeat(90)).make()).await
        },
        contained: "not instantiated",
        refused: "it used up its limit of memory (table count too high",
        twin: async |range| range.loads(Assembly::new().and("(table 1 funcref)").make()).await,
        answers: "ok: assembled",
    }

    /// Reads and writes beyond its memory.
    reading_beyond_its_memory {
        attack: async |range| {
            let mut told = Vec::new();
            for access in [
                "(i32.load (i32.const 131072))",
                "(i32.load offset=0xffffffff (i32.const -1))",
                "(i32.store8 (i32.const -1) (i32.const 1)) i32.const 256",
                "(memory.copy (i32.const 0) (i32.const 131000) (i32.const 1000)) i32.const 256",
            ] {
                told.push(range.drives(creates(access)).await);
            }
            told
        },
        contained: "the call ends as crashed",
        refused: "Trap by the driver: the driver crashed in create-share",
        twin: async |range| {
            range.drives(creates("(i32.load8_u (i32.const 131071)) i32.const 256 i32.add")).await
        },
        answers: "ok",
    }

    /// Calls what is no function, and a function of another type.
    a_call_of_nothing {
        attack: async |range| {
            let mut told = Vec::new();
            for at in [0, 1, 2, 1_000_000] {
                let calls = Assembly::new()
                    .and(
                        "(table 2 funcref) (elem (i32.const 1) func $other) (func $other (param \
                     i64))",
                    )
                    .body(
                        "create-share",
                        &format!(
                            "(call_indirect (result i32) (i32.const \
                     {at}))"
                        ),
                    );
                told.push(range.drives(calls.make()).await);
            }
            told
        },
        contained: "the call ends as crashed",
        refused: "Trap by the driver: the driver crashed in create-share",
        twin: async |range| {
            let calls = Assembly::new()
                .and(
                    "(table 1 funcref) (elem (i32.const 0) func $good) (func $good (result i32) \
                 i32.const 256)",
                )
                .body("create-share", "(call_indirect (result i32) (i32.const 0))");
            range.drives(calls.make()).await
        },
        answers: "ok",
    }

    /// Divides by nothing, and makes a whole number of what is none.
    impossible_arithmetic {
        attack: async |range| {
            let mut told = Vec::new();
            for sum in [
                "(i32.div_u (i32.const 1) (i32.const 0))",
                "(i32.div_s (i32.const 0x80000000) (i32.const -1))",
                "(i32.trunc_f64_s (f64.const nan))",
                "(i32.trunc_f64_u (f64.const inf))",
            ] {
                told.push(range.drives(creates(sum)).await);
            }
            told
        },
        contained: "the call ends as crashed",
        refused: "Trap by the driver: the driver crashed in create-share",
        twin: async |range| {
            range.drives(creates("(i32.div_u (i32.const 512) (i32.const 2))")).await
        },
        answers: "ok",
    }

    /// Aborts, and panics.
    a_crash {
        attack: async |range| {
            vec![range.asks("trap", &[]).await, range.asks("panic", &["why"]).await]
        },
        contained: "the call ends as crashed; the driver's next call has a fresh instance",
        refused: "Trap by the driver: the driver crashed in create-share",
        twin: async |range| range.asks("echo", &["a"]).await,
        answers: "a",
    }

    /// Computes while a deadline that is shorter than its computing time passes.
    computing_beyond_the_deadline {
        setup: Setup::limits(|limits| {
            limits.cpu = Duration::from_secs(600);
            limits.wall = Duration::from_secs(3);
        }),
        attack: async |range| range.asks("loop", &[]).await,
        contained: "ended at the deadline",
        refused: "its 3 s ran out during the driver's own computing",
        twin: async |range| range.asks("echo", &["a"]).await,
        answers: "a",
    }
}
