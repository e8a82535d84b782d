//! What happens to a driver's panic: it is written to the log with its place, and
//! then ends the call as a trap. Without this a service would see no more than
//! "unreachable". Called by the constructor that [`export!`](crate::export) leaves
//! in each component.

/// From now on panics are logged.
#[doc(hidden)]
pub extern "C" fn log_them() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("a panic without a text");
        match panic.location() {
            Some(place) => crate::log::error(format!("the driver panicked at {place}: {message}")),
            None => crate::log::error(format!("the driver panicked: {message}")),
        }
    }));
}
