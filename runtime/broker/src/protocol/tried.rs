//! What `abaca-broker --try-walls` prints: a JSON list of these, one for each wall that a
//! process can try from inside.

use serde::{Deserialize, Serialize};

use super::Wall;

/// What became of the attempt to do what a wall is there to prevent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriedWall {
    /// Which wall.
    pub wall: Wall,
    /// What was tried, as half a sentence.
    pub tried: String,
    /// What came of it.
    pub got: String,
    /// True when it was prevented.
    pub stands: bool,
}
