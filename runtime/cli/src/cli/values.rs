//! The values that a command line can have where the contract has an enumeration, and how pairs
//! are written.

use abaca::types::{AccessLevel, AccessType, NetworkType, ShareProtocol};
use clap::ValueEnum;

macro_rules! mirrored {
    ($(#[$meta:meta])* $name:ident of $theirs:ident { $($variant:ident),* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
        pub enum $name { $($variant),* }

        impl From<$name> for $theirs {
            fn from(ours: $name) -> Self {
                match ours { $($name::$variant => Self::$variant),* }
            }
        }
    };
}

mirrored! {
    /// How clients reach a share.
    Protocol of ShareProtocol { Nfs, Cifs, Glusterfs, Hdfs, Cephfs }
}
mirrored! {
    /// How a rule names whom it lets in.
    Kind of AccessType { Ip, User, Cert, Cephx }
}
mirrored! {
    /// What a rule lets them do.
    Level of AccessLevel { Rw, Ro }
}
mirrored! {
    /// How a network is segmented.
    Segmentation of NetworkType { Flat, Vlan, Vxlan, Gre }
}

/// `KEY=VALUE`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_a_key_and_a_value() {
        assert_eq!(pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(pair("=b").is_err() && pair("a").is_err());
    }
}
