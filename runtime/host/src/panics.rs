//! A panic in a host function, or in what a service lent the runtime, is a mistake outside of the
//! driver: it is caught here, logged, and ends the one call that it happened in.
//!
//! It mends nothing: whoever catches one drops what the work stood on. Called by `call` around
//! every call, and by `network` around a service's own providers.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::error::Error;
use crate::text::{MESSAGE_BYTES, printable};

/// Does the work up to its end or its first panic. After a panic the work is not polled again:
/// whatever it had borrowed is to be dropped.
///
/// # Errors
/// [`Error::Panic`], with `part` as what was ended.
pub(crate) async fn caught<T>(
    part: &'static str,
    work: impl Future<Output = T>,
) -> Result<T, Error> {
    let mut work = pin!(work);
    std::future::poll_fn(move |context| {
        // What the panic left half done is the work's own, and nobody sees it again.
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        match polled {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(told(part, panic.as_ref()))),
        }
    })
    .await
}

/// The error of a panic that was caught; it is logged here, once.
pub(crate) fn told(part: &'static str, panic: &(dyn Any + Send)) -> Error {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
    let reason = printable(words.unwrap_or("a panic without words"), MESSAGE_BYTES);
    tracing::error!(part, reason, "a part of the runtime panicked; its call was ended");
    Error::Panic { part, reason }
}
