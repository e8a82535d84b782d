//! The policy for Samba is no wider than what the driver needs.

use abaca::types::AccessLevel;

use super::super::rules::unused;
use super::{CLIENTS_NETWORK, Home, READER, WRITER, cifs, ip, user};
use crate::support::snapshot;
