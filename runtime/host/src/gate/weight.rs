//! How many bytes a request or an answer carries over the border, for the limits on what one call
//! lifts out of its guest and lowers into it: the texts and lists at their length, everything at
//! the room that it takes here. Pure; called by the gate for whatever crosses it.
//!
//! The engine bounds what one request lifts; it knows nothing of a call, and nothing of what is
//! lowered.

use crate::contract::bindings::abaca::host::{
    clock, command, config, files, lock, log, mounts, network, ssh, state, types,
};

/// What has a weight.
pub(crate) trait Weight {
    /// The bytes that it refers to, beside its own.
    fn beyond(&self) -> usize;

    /// Whether values of this type refer to anything: a list of those that do not is weighed
    /// without looking at each.
    const REFERS: bool = true;
}

/// All bytes of a value.
pub(crate) fn weight<T: Weight>(value: &T) -> usize {
    size_of::<T>().saturating_add(value.beyond())
}

macro_rules! plain {
    ($($type:ty),*) => {
        $(impl Weight for $type {
            const REFERS: bool = false;
            fn beyond(&self) -> usize {
                0
            }
        })*
    };
}

plain! {
    (), bool, u8, u32, u64, i32, i64, f64, command::ExitStatus, files::Kind, log::Level,
    network::Label
}

impl Weight for String {
    fn beyond(&self) -> usize {
        self.len()
    }
}

impl<T: Weight> Weight for Vec<T> {
    fn beyond(&self) -> usize {
        let own = self.len().saturating_mul(size_of::<T>());
        if !T::REFERS {
            return own;
        }
        self.iter().map(Weight::beyond).fold(own, usize::saturating_add)
    }
}

impl<T: Weight> Weight for Option<T> {
    const REFERS: bool = T::REFERS;
    fn beyond(&self) -> usize {
        self.as_ref().map_or(0, Weight::beyond)
    }
}

impl<A: Weight, B: Weight> Weight for (A, B) {
    const REFERS: bool = A::REFERS || B::REFERS;
    fn beyond(&self) -> usize {
        self.0.beyond().saturating_add(self.1.beyond())
    }
}

/// Records by their fields, all of which must be named.
macro_rules! records {
    ($($type:ty { $($field:ident),* })*) => {
        $(impl Weight for $type {
            const REFERS: bool = true;
            fn beyond(&self) -> usize {
                let Self { $($field),* } = self;
                0_usize $(.saturating_add($field.beyond()))*
            }
        })*
    };
}

records! {
    types::Path { root, path }
    types::Denial { rule, reason }
    clock::Timestamp { seconds, nanoseconds }
    clock::SleepRequest { milliseconds }
    command::CommandLine { program, args }
    command::RunRequest { command, stdin, timeout_ms, retry }
    command::PipelineRequest { stages, stdin, timeout_ms }
    command::Output { status, stdout, stderr, stdout_truncated, stderr_truncated }
    config::GetRequest { name }
    files::Entry { name, kind, size, modified }
    files::TreeUsage { allocated_bytes, apparent_bytes, entries }
    files::ReadRequest { file, offset, length }
    files::WriteRequest { file, contents, mode }
    files::ListRequest { directory, after, limit }
    files::MakeDirRequest { directory, mode }
    files::RemoveRequest { path, recursive }
    files::RenameRequest { source, destination }
    files::CopyRequest { source, destination }
    files::SetModeRequest { path, mode }
    files::SetOwnerRequest { path, user, group }
    files::UsageRequest { path }
    lock::AcquireRequest { name, timeout_ms }
    lock::ReleaseRequest { name }
    log::WriteRequest { level, message, fields }
    mounts::MountRequest { source, place, filesystem, options }
    mounts::UnmountRequest { place }
    network::Allocation {
        id, label, ip_address, ip_version, cidr, network_type, segmentation_id, mac_address
    }
    network::AllocateRequest { server_id, count, label }
    network::DeallocateRequest { server_id }
    ssh::RunRequest { remote, program, args, stdin, timeout_ms }
    state::GetRequest { entity, key }
    state::GetAllRequest { entity }
    state::Details { pairs, generation }
    state::FindRequest { key }
    state::FoundEntity { entity, value }
    state::Found { entities, generation }
    state::SetChange { entity, key, value }
    state::RemoveChange { entity, key }
    state::ApplyRequest { changes, expected_generation }
}

impl Weight for state::Change {
    fn beyond(&self) -> usize {
        match self {
            Self::Set(set) => set.beyond(),
            Self::Remove(remove) => remove.beyond(),
        }
    }
}

impl Weight for mounts::MountSource {
    fn beyond(&self) -> usize {
        match self {
            Self::Path(path) => path.beyond(),
            Self::Device(name) | Self::Remote(name) => name.beyond(),
        }
    }
}

impl Weight for config::Value {
    fn beyond(&self) -> usize {
        match self {
            Self::Text(text) | Self::Secret(text) => text.beyond(),
            Self::TextList(items) => items.beyond(),
            Self::Integer(_) | Self::Float(_) | Self::Boolean(_) => 0,
        }
    }
}

impl Weight for types::Error {
    fn beyond(&self) -> usize {
        match self {
            Self::Denied(denial) => denial.beyond(),
            Self::Invalid(text)
            | Self::NotFound(text)
            | Self::AlreadyExists(text)
            | Self::NotEmpty(text)
            | Self::Conflict(text)
            | Self::Limit(text)
            | Self::NoSpace(text)
            | Self::Busy(text)
            | Self::Deadline(text)
            | Self::Failed(text) => text.beyond(),
        }
    }
}

impl<T: Weight, E: Weight> Weight for Result<T, E> {
    fn beyond(&self) -> usize {
        match self {
            Ok(value) => value.beyond(),
            Err(error) => error.beyond(),
        }
    }
}
