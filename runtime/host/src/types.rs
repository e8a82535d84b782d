//! The words that services, runtime and drivers share: the records of `abaca:driver/types`, as
//! Rust sees them. Their meaning stands in `wit/driver/types.wit`.

pub use crate::contract::bindings::abaca::driver::types::*;

pub mod bytes;
pub mod pairs;

pub use self::pairs::Pairs;
