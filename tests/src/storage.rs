//! Drivers of real storage, on real storage of this test's own: pools that are made in a
//! temporary directory, with data that is written and read back by an ordinary client.
//!
//! Needs root and each storage's own tools; without them a test says loudly what it skips.

mod btrfs;
mod ganesha;
mod image;
mod interrupted;
mod lvm;
mod migration;
mod network;
mod pool;
mod samba;
mod zfs;
