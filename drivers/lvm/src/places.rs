//! Where shares are mounted: beneath the root `mounts`, each by its volume's name. Called by
//! every interface.

use abaca_sdk::{Path, Root};

/// Where the shares are mounted.
pub const MOUNTS: Root = Root("mounts");

/// Permission bits of a directory on which nothing is mounted: nobody is to write there, where
/// all shares would pay for it.
pub const EMPTY_MODE: u32 = 0o700;

/// Where the share on this volume is mounted.
pub fn of(volume: &str) -> Path {
    MOUNTS.join(volume)
}
