//! Testing a driver in isolation. The gate is the one border between a driver and the world, so what
//! crosses it is all that there is to know:
//!
//! - [`Transcript`]: all that crossed, as JSON lines; `Runtime::builder().record(…)` writes one.
//! - [`Replay`]: runs a driver against a transcript, without its storage.
//! - [`Suite`]: checks that hold for every driver, on a stage or on real storage.
//! - [`Stories`]: made-up sequences of calls with faults, from a seed.
//! - [`Stage`]: a made-up world for a driver, with programs said in data and a clock of its own.

mod called;
mod conformance;
mod functions;
mod real;
mod replay;
pub mod samples;
mod stage;
mod stories;
mod transcript;
mod values;

pub use self::called::{Called, Crossed};
pub use self::conformance::{CheckInfo, Finding, Report, Suite, Verdict};
pub use self::functions::{Answer, FUNCTIONS};
pub use self::replay::{Divergence, Order, Replay, Replayed, Said};
pub use self::stage::{
    Client, Complaint, Deed, Failure, Fault, Odd, Part, Plan, Printed, Script, Scripted, Stage,
    StageBuilder,
};
pub use self::stories::{Action, BadStory, Step, Stories, StoriesTold};
pub(crate) use self::transcript::Recorder;
pub use self::transcript::{Ended, Recorded, Transcript, TranscriptError};
