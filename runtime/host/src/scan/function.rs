//! The bounds of one function: what makes compiling it take much longer, or more memory, than its
//! size suggests. The compiler's own limits hold all the same; this says early what it was. Pure.

use wasmparser::{FunctionBody, Operator};

use super::broken;

/// Bytes of one function. The largest that a compiler was seen to make is 400 KiB; compiling
/// grows faster than the size.
const BYTES: usize = 1024 * 1024;

/// Local variables of one function: a few bytes declare any number of them, and each costs for each
/// loop. Compilers make some hundred.
const LOCALS: u64 = 5_000;

/// How deep blocks may nest: compiling grows with the square. A compiler makes one for each case of
/// a large choice.
const NESTING: u32 = 2_000;

/// Targets of all jump tables of one function: one for each number of a large choice.
const TARGETS: u64 = 50_000;

/// Checks one function.
///
/// # Errors
/// One sentence: which bound it exceeds, or that it is damaged.
pub(super) fn check(body: &FunctionBody<'_>) -> Result<(), String> {
    if body.range().len() > BYTES {
        return Err(format!("it has a function of more than {BYTES} bytes"));
    }
    let mut locals = 0_u64;
    for declared in body.get_locals_reader().map_err(|error| broken(&error))? {
        let (count, _) = declared.map_err(|error| broken(&error))?;
        locals = locals.saturating_add(count.into());
    }
    if locals > LOCALS {
        return Err(format!("it has a function of more than {LOCALS} local variables"));
    }
    let (mut depth, mut targets) = (0_u32, 0_u64);
    for operator in body.get_operators_reader().map_err(|error| broken(&error))? {
        match operator.map_err(|error| broken(&error))? {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => depth += 1,
            Operator::End => depth = depth.saturating_sub(1),
            Operator::BrTable { targets: table } => {
                targets = targets.saturating_add(table.len().into());
            }
            _ => {}
        }
        if depth > NESTING {
            return Err(format!("it has a function that nests blocks deeper than {NESTING}"));
        }
        if targets > TARGETS {
            return Err(format!(
                "it has a function whose jump tables have more than {TARGETS} targets"
            ));
        }
    }
    Ok(())
}
