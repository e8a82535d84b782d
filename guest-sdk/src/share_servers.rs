//! The interface `share-servers`: servers made for a share network, which carry its shares.
//!
//! Goes together with `true` among the description's share-server modes. Upstream:
//! `setup_server`, `teardown_server` and the numbers of addresses they need.
//!
//! Implemented by drivers as [`ShareServers`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/share-servers.wit`.

crate::interface::interface!(
    ShareServers,
    share_servers,
    "abaca:sdk/share-servers",
    "export_share_servers"
);
