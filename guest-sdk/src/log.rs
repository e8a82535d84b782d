//! What a driver says to the operator, through `abaca:host/log`.
//!
//! Called by drivers. A line that the host does not take is lost: a driver's work
//! never fails for its log.

pub use crate::imports::log::Level;
use crate::imports::log::{WriteRequest, write as host_write};

/// Something failed that the operator should see to.
pub fn error(message: impl Into<String>) {
    write(Level::Error, message, &[]);
}

/// Something is odd, and the work goes on.
pub fn warning(message: impl Into<String>) {
    write(Level::Warning, message, &[]);
}

/// Something was done.
pub fn info(message: impl Into<String>) {
    write(Level::Info, message, &[]);
}

/// Something that helps only whoever looks for a fault.
pub fn debug(message: impl Into<String>) {
    write(Level::Debug, message, &[]);
}

/// Writes one line with named values beside it; control characters are escaped by
/// the host, and lines over the call's limit are counted instead of written.
pub fn write(level: Level, message: impl Into<String>, fields: &[(&str, &str)]) {
    let fields =
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    // The only refusal is that the limit is used up; there is nobody to tell.
    drop(host_write(&WriteRequest { level, message: message.into(), fields }));
}
