//! The functions that the host lends, one room for each interface of `abaca:host`, as the SDK's
//! own rooms call them.
//!
//! In a component these are the generated imports and nothing else. On the host target, where
//! there is no runtime beneath, each function asks the [`Host`](crate::testing::Host) of the test
//! that runs; it decides nothing itself. Called by the rooms named like the WIT files, never by a
//! driver.

#[cfg(target_arch = "wasm32")]
pub use crate::bindings::abaca::host::{
    clock, command, config, files, http, lock, log, mounts, network, ssh, state,
};

#[cfg(not(target_arch = "wasm32"))]
pub use native::{clock, command, config, files, http, lock, log, mounts, network, ssh, state};

/// The same functions, answered by a test's host.
#[cfg(not(target_arch = "wasm32"))]
mod native {
    /// Makes a room: the types of the generated one, and its functions anew. What is written out
    /// here hides what the glob brings.
    macro_rules! rooms {
        ($($room:ident { $($function:ident($request:ident) -> $answer:ty;)+ })+) => {$(
            pub mod $room {
                pub use crate::bindings::abaca::host::$room::*;

                $(pub fn $function(request: &$request) -> Result<$answer, crate::HostError> {
                    crate::testing::ask(request)
                })+
            }
        )+};
    }

    rooms! {
        command {
            run(RunRequest) -> Output;
            pipeline(PipelineRequest) -> Output;
        }
        config {
            get(GetRequest) -> Option<Value>;
        }
        files {
            read(ReadRequest) -> Vec<u8>;
            write(WriteRequest) -> ();
            list(ListRequest) -> Vec<Entry>;
            make_dir(MakeDirRequest) -> ();
            remove(RemoveRequest) -> ();
            rename(RenameRequest) -> ();
            copy(CopyRequest) -> ();
            set_mode(SetModeRequest) -> ();
            set_owner(SetOwnerRequest) -> ();
            usage(UsageRequest) -> TreeUsage;
        }
        http {
            send(SendRequest) -> Response;
        }
        lock {
            acquire(AcquireRequest) -> ();
            release(ReleaseRequest) -> ();
        }
        log {
            write(WriteRequest) -> ();
        }
        mounts {
            mount(MountRequest) -> ();
            unmount(UnmountRequest) -> ();
        }
        network {
            allocate(AllocateRequest) -> Vec<Allocation>;
            deallocate(DeallocateRequest) -> ();
        }
        ssh {
            run(RunRequest) -> super::command::Output;
        }
        state {
            get(GetRequest) -> Option<String>;
            get_all(GetAllRequest) -> Details;
            find(FindRequest) -> Found;
            apply(ApplyRequest) -> u64;
        }
    }

    /// Written out: `now` asks with nothing, and `sleep` with a copy.
    pub mod clock {
        pub use crate::bindings::abaca::host::clock::*;
        use crate::testing::{Now, ask};

        pub fn now() -> Result<Timestamp, crate::HostError> {
            ask(&Now)
        }

        pub fn sleep(request: SleepRequest) -> Result<(), crate::HostError> {
            ask(&request)
        }
    }
}
