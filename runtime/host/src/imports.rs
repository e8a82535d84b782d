//! The imports: how each function of `abaca:host` is asked, decided and done, one room for each
//! interface. Nothing here is reached but through the gate.
//!
//! A new import gets a room here, a line in `link`, and `Here` in its row of `contract`.

mod clock;
mod command;
pub(crate) mod config;
mod files;
mod lock;
pub(crate) mod log;
mod mounts;
mod network;
mod ssh;
pub(crate) mod state;

pub(crate) use self::files::failure;

use wasmtime::component::{HasSelf, Linker};

use crate::call::Room;
use crate::contract::bindings::abaca::{driver, host};

/// Links every import that this runtime serves.
///
/// # Errors
/// When the engine cannot; then no driver can be loaded.
pub(crate) fn link(linker: &mut Linker<Room>) -> wasmtime::Result<()> {
    driver::types::add_to_linker::<_, HasSelf<Room>>(linker, |room| room)?;
    host::types::add_to_linker::<_, HasSelf<Room>>(linker, |room| room)?;
    host::clock::add_to_linker::<_, HasSelf<Room>>(linker, |room| room)?;
    host::command::add_to_linker::<_, HasSelf<Room>>(linker, |room| room)?;
    host::config::add_to_linker::<_, HasSelf<Room>>(linker, |room| room)?;
    host::files::add_to_linker::<_, HasSelf<Room>>(linker, |room| room)?;
    host::lock::add_to_linker::<_, HasSelf<Room>>(linker, |room| room)?;
    host::mounts::add_to_linker::<_, HasSelf<Room>>(linker, |room| room)?;
    host::network::add_to_linker::<_, HasSelf<Room>>(linker, |room| room)?;
    host::ssh::add_to_linker::<_, HasSelf<Room>>(linker, |room| room)?;
    host::log::add_to_linker::<_, HasSelf<Room>>(linker, |room| room)?;
    host::state::add_to_linker::<_, HasSelf<Room>>(linker, |room| room)?;
    Ok(())
}

// Types only: nothing to do, but the linker wants somebody to do it.
impl driver::types::Host for Room {}
impl host::types::Host for Room {}
