//! Small files that stand for something huge: instances, types and functions that whoever compiles
//! them would count for minutes and keep in gigabytes.

use super::component_bytes::{text, with_module};
use super::{Setup, attacks};

/// A component in which each part instantiates the one before it twice, so often.
fn doubled(levels: u32) -> Vec<u8> {
    let mut wat =
        "(component (component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
    for level in 1..=levels {
        let part = format!("(instance (instantiate $c{}))", level - 1);
        wat += &format!("(component $c{level} {part} {part})");
    }
    text(&format!("{wat} (instance (instantiate $c{levels})))"))
}

/// A component with so many exports, so often.
fn exporting(exports: usize, times: usize) -> Vec<u8> {
    let exports: String =
        (0..exports).map(|number| format!("(export \"e{number}\" (type $t))")).collect();
    let all = "(instance (instantiate $c))".repeat(times);
    text(&format!("(component (component $c (type $t u8) {exports}) {all})"))
}

/// A component of so many instances, so often.
fn crowded(instances: usize, times: usize) -> Vec<u8> {
    let inner = "(core instance (instantiate $m))".repeat(instances);
    let all = "(instance (instantiate $c))".repeat(times);
    text(&format!("(component (component $c (core module $m) {inner}) {all})"))
}

attacks! { ComponentBytes:
    /// Doubles itself in each of 24 parts: 2^24 instances in a kilobyte.
    a_bomb_of_instances {
        attack: async |range| range.loads(doubled(24)).await,
        contained: "refused by the scan, before anything is compiled",
        refused: "a component inside it instantiates components",
        // One instance that holds nothing is only no driver.
        twin: async |range| range.loads(text("(component)")).await,
        answers: "abaca:driver/backend",
    }

    /// Instantiates two thousand parts side by side.
    a_crowd_of_instances {
        attack: async |range| {
            let many = "(instance (instantiate $c))".repeat(2_000);
            range.loads(text(&format!("(component (component $c) {many})"))).await
        },
        contained: "refused by the scan, before anything is compiled",
        refused: "more than 1000 instances",
        twin: async |range| {
            let few = "(instance (instantiate $c))".repeat(20);
            range.loads(text(&format!("(component (component $c) {few})"))).await
        },
        answers: "abaca:driver/backend",
    }

    /// Nests components fifty levels deep.
    a_tower_of_components {
        attack: async |range| {
            range.loads(text(&("(component ".repeat(50) + &")".repeat(50)))).await
        },
        contained: "refused by the scan",
        refused: "deeper than 2 levels",
        twin: async |range| range.loads(text("(component (component))")).await,
        answers: "abaca:driver/backend",
    }

    /// Defines a type of two of a type of two, forty times over.
    a_bomb_of_types {
        attack: async |range| {
            let mut wat = "(component (type $t0 (tuple u8 u8))".to_owned();
            for level in 1..=40 {
                wat += &format!("(type $t{level} (tuple $t{} $t{}))", level - 1, level - 1);
            }
            range.loads(text(&(wat + ")"))).await
        },
        contained: "refused by the validator, which counts what a type stands for",
        refused: "it is not valid",
        twin: async |range| range.loads(text("(component (type (tuple u8 u8)))")).await,
        answers: "abaca:driver/backend",
    }

    /// Puts 400,000 constants into one function, whose compiling grows faster than its size.
    a_huge_function {
        attack: async |range| {
            range
                .loads(with_module(&format!("(func {})", "i32.const 0 drop ".repeat(400_000))))
                .await
        },
        contained: "refused by the scan, before anything is compiled",
        refused: "a function of more than",
        twin: async |range| range.loads(with_module("(func i32.const 0 drop)")).await,
        answers: "abaca:driver/backend",
    }

    /// Has a hundred thousand functions and one.
    a_crowd_of_functions {
        attack: async |range| range.loads(with_module(&"(func)".repeat(100_001))).await,
        contained: "refused by the scan, before anything is compiled",
        refused: "more than 100000 functions",
        twin: async |range| range.loads(with_module(&"(func)".repeat(100))).await,
        answers: "abaca:driver/backend",
    }

    /// Gives one function sixty thousand local variables.
    a_crowd_of_locals {
        attack: async |range| {
            range.loads(with_module(&format!("(func (local {}))", "i64 ".repeat(60_000)))).await
        },
        contained: "refused by the scan, before anything is compiled",
        refused: "more than 5000 local variables",
        twin: async |range| range.loads(with_module("(func (local i64 i64))")).await,
        answers: "abaca:driver/backend",
    }

    /// Jumps by a table of a million places.
    a_huge_jump_table {
        attack: async |range| {
            let wide = format!("(func i32.const 0 br_table {})", "0 ".repeat(1_000_000));
            range.loads(with_module(&wide)).await
        },
        contained: "refused by the scan, before anything is compiled",
        refused: "more than 50000 targets",
        twin: async |range| range.loads(with_module("(func i32.const 0 br_table 0 0)")).await,
        answers: "abaca:driver/backend",
    }

    /// Has fifty thousand exports a thousand times over, for whoever looks at its types.
    a_crowd_of_exports {
        setup: Setup::limits(|limits| limits.compile_memory_bytes = 512 << 20),
        attack: async |range| range.loads(exporting(50_000, 990)).await,
        contained: "its types are looked at in the compiler's process, whose memory is bounded",
        refused: "compiling it needed more than",
        twin: async |range| range.loads(exporting(5, 9)).await,
        answers: "abaca:driver/backend",
    }

    /// Instantiates fifty times what makes four hundred instances.
    a_crowd_of_crowds {
        attack: async |range| range.loads(crowded(400, 50)).await,
        contained: "refused by the scan, before anything is compiled",
        refused: "its components make more than 10000 instances together",
        twin: async |range| range.loads(crowded(4, 5)).await,
        answers: "abaca:driver/backend",
    }

    /// Has ten thousand variables and one, each a place in every instance.
    a_crowd_of_variables {
        attack: async |range| {
            range.loads(with_module(&"(global i32 (i32.const 0))".repeat(10_001))).await
        },
        contained: "refused by the scan, before anything is compiled",
        refused: "more than 10000 variables",
        twin: async |range| {
            range.loads(with_module(&"(global i32 (i32.const 0))".repeat(100))).await
        },
        answers: "abaca:driver/backend",
    }
}
