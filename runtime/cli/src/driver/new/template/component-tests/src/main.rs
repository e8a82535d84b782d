//! The driver as a component: on a made-up array, and against a transcript.

mod lifecycle;
mod stage;
mod transcript;
