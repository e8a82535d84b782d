//! Shares as volumes of a storage array, by its vendor's command line tool `arrayctl`.
//!
//! There is no such array: this is a driver to begin yours with. Put your tool in the place of
//! `arrayctl`, in `array.rs`, `manifest.toml` and `stage.toml`; what is beside them is mostly what every
//! driver needs. The tool is imagined as simple as one can be:
//!
//! ```text
//! arrayctl space                                       total=BYTES, free=BYTES, a line each
//! arrayctl create --size 5G --label TEXT -- VOLUME     exit codes: 10 it exists, 12 no room
//! arrayctl show -- VOLUME                              size=BYTES, used=BYTES, label=TEXT
//! arrayctl resize --size 7G -- VOLUME                  11 it is missing, 14 it holds more
//! arrayctl delete -- VOLUME                            13 it has snapshots
//! arrayctl snapshot -- VOLUME SNAPSHOT
//! arrayctl delete-snapshot -- VOLUME SNAPSHOT
//! arrayctl access [--rw ADDRESS,…] [--ro ADDRESS,…] -- VOLUME     all others are shut out
//! ```
//!
//! **Calls are repeated.** A service whose call was killed, or never heard the answer, makes it again.
//! So everything here may be done twice: what is there already is made, what is gone is removed.
//!
//! **Whose a volume is** says its label, the share's identifier, given in the same command that makes
//! it. So a volume of somebody else with a share's name is neither taken over nor removed, and nothing
//! has to be remembered. Where your storage has nothing like a label, write down what is yours before
//! you make it: `abaca_sdk::state`.
//!
//! **Memory does not last**: each call runs in a new instance.

mod access;
mod answers;
mod array;
mod backend;
mod extending;
mod shares;
mod shrinking;
mod snapshots;
#[cfg(test)]
mod tests;

/// The driver.
struct Driver;

abaca_sdk::manifest!("manifest.toml");

// What is not named here is not part of the component, and no service asks for it.
abaca_sdk::export!(Driver: backend, shares, extending, shrinking, snapshots, access);
