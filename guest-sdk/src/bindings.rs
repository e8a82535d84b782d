//! What wit-bindgen makes of `wit/`: the shared types and the raw host imports.
//!
//! Not for drivers, who use the rooms named like the WIT files instead; called by
//! [`crate::imports`]. The interfaces that a driver exports are generated one by one in
//! [`crate::interface`], because each must be able to stay out of a component.
//! Outside a component its functions are stubs that must not be called; there `imports` has others.

#![allow(missing_docs, unsafe_code, unused_qualifications, clippy::all, clippy::pedantic)]
#![allow(clippy::unreachable, clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
#![allow(clippy::expect_used, clippy::redundant_clone, clippy::semicolon_if_nothing_returned)]

wit_bindgen::generate!({
    inline: "
        package abaca:sdk;
        world imports {
            import abaca:driver/types@0.1.0;
            import abaca:host/types@0.1.0;
            import abaca:host/command@0.1.0;
            import abaca:host/files@0.1.0;
            import abaca:host/mounts@0.1.0;
            import abaca:host/ssh@0.1.0;
            import abaca:host/config@0.1.0;
            import abaca:host/http@0.1.0;
            import abaca:host/network@0.1.0;
            import abaca:host/state@0.1.0;
            import abaca:host/lock@0.1.0;
            import abaca:host/clock@0.1.0;
            import abaca:host/log@0.1.0;
        }
    ",
    path: ["../wit/host", "../wit/driver"],
    generate_all,
    additional_derives: [PartialEq],
});
