//! Drivers that attack the moments in which the host calls back into them: when it needs room for
//! what it passes in, and when it has read what it got.

use super::assembly::Assembly;
use super::attacks;
use super::engine::{FOREVER, good};

attacks! { Engine:
    /// Loops for ever where the host asks it for room for the arguments.
    a_loop_in_its_allocator {
        attack: async |range| {
            range.drives(Assembly::new().body("cabi_realloc", FOREVER).make()).await
        },
        contained: "ended when its computing time is used up",
        refused: "it used up its limit of computing time",
        twin: async |range| range.drives(good()).await,
        answers: "ok",
    }

    /// Crashes where the host asks it for room.
    a_crash_in_its_allocator {
        attack: async |range| {
            range.drives(Assembly::new().body("cabi_realloc", "unreachable").make()).await
        },
        contained: "the call ends as crashed",
        refused: "Trap by the driver: the driver crashed in create-share",
        twin: async |range| range.drives(good()).await,
        answers: "ok",
    }

    /// Offers room beyond its memory and at its very end.
    room_that_it_does_not_have {
        attack: async |range| {
            let mut told = Vec::new();
            for answer in
                ["i32.const -1", "i32.const 131072", "i32.const 131071", "i32.const 0x7ffffff0"]
            {
                told.push(range.drives(Assembly::new().body("cabi_realloc", answer).make()).await);
            }
            told
        },
        contained: "the host writes nothing there; the call ends as crashed",
        refused: "Trap by the driver: the driver crashed in create-share: realloc return: ",
        twin: async |range| range.drives(good()).await,
        answers: "ok",
    }

    /// Offers room at an address that the arguments cannot have.
    room_that_is_misaligned {
        attack: async |range| {
            range.drives(Assembly::new().body("cabi_realloc", "i32.const 1025").make()).await
        },
        contained: "the host writes nothing there; the call ends as crashed",
        refused: "Trap by the driver: the driver crashed in create-share: realloc return: result \
         not aligned",
        twin: async |range| range.drives(good()).await,
        answers: "ok",
    }

    /// Asks the host for something while the host waits for room from it.
    a_request_from_its_allocator {
        attack: async |range| {
            let asking = Assembly::new()
                .importing("clock", "now", "(param i32)")
                .body("cabi_realloc", "i32.const 512 call $import i32.const 2048");
            range.drives(asking.make()).await
        },
        contained: "refused by the component model: no request is made from there",
        refused: "cannot leave component instance",
        twin: async |range| {
            let asking = Assembly::new()
                .importing("clock", "now", "(param i32)")
                .body("create-share", "i32.const 512 call $import i32.const 256");
            range.drives(asking.make()).await
        },
        answers: "ok",
    }

    /// Loops for ever after its answer has been read.
    a_loop_after_the_answer {
        attack: async |range| {
            range.drives(Assembly::new().body("after create-share", FOREVER).make()).await
        },
        contained: "ended when its computing time is used up; the answer does not count",
        refused: "it used up its limit of computing time",
        twin: async |range| {
            range.drives(Assembly::new().body("after create-share", "nop").make()).await
        },
        answers: "ok",
    }

    /// Crashes after its answer has been read.
    a_crash_after_the_answer {
        attack: async |range| {
            range.drives(Assembly::new().body("after create-share", "unreachable").make()).await
        },
        contained: "the call ends as crashed; the answer does not count",
        refused: "Trap by the driver: the driver crashed in create-share",
        twin: async |range| {
            range.drives(Assembly::new().body("after create-share", "nop").make()).await
        },
        answers: "ok",
    }
}
