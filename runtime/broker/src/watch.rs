//! Counts what a command has become, where no control group bounds it: its processes and threads,
//! and their memory. `run` asks every [`PAUSE`] and ends the whole tree when it is too much. A tree
//! can be more for that long; a group is better, and where there is one, nothing is counted.

use std::time::Duration;

use abaca_broker::protocol::{ErrorKind, Wall};

use crate::control_groups::ControlGroups;
use crate::failure::Failure;
use crate::tree;

/// Between two looks: as long as some hundreds of processes take to start.
pub const PAUSE: Duration = Duration::from_millis(10);

/// The most processes and threads of one hand's commands, as in a control group.
const TASKS_MAX: usize = 1024;

/// The most memory of all of them together, in bytes, as in a control group.
const MEMORY_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// The wall that it makes where no group does.
pub fn wall(groups: &ControlGroups) -> Option<Wall> {
    (!groups.bound_processes()).then_some(Wall::Watch)
}

/// Looks at everything below this process.
///
/// # Errors
/// `limit`, when it has become too much.
pub fn look() -> Result<(), Failure> {
    let (tasks, memory) = tree::size();
    let limit = |what: String| Err(Failure::new(ErrorKind::Limit, what));
    if tasks > TASKS_MAX {
        return limit(format!("a command had more than {TASKS_MAX} processes and threads"));
    }
    if memory > MEMORY_MAX {
        return limit(format!("a command had more than {MEMORY_MAX} bytes of memory"));
    }
    Ok(())
}
