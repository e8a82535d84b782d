//! Where the log goes: standard error, so that standard output is the answer and nothing else.
//! Not the audit, which the library writes beside its records. Called by `main`.

use tracing_subscriber::EnvFilter;

use crate::failure::{Failure, Result};

/// The variable that says what is logged, in the language of `tracing_subscriber::EnvFilter`.
const VARIABLE: &str = "ABACA_LOG";

/// Starts logging. `verbose` is how often `-v` was given; it goes before the variable.
///
/// # Errors
/// When the variable is not a filter.
pub fn start(verbose: u8) -> Result<()> {
    let given = std::env::var(VARIABLE).ok().filter(|text| verbose == 0 && !text.is_empty());
    let filter = match (given, verbose) {
        (Some(text), _) => EnvFilter::try_new(&text).map_err(|error| {
            Failure::refused(
                format!("{VARIABLE}={text:?} is not a log filter: {error}"),
                format!("write for example {VARIABLE}=abaca=debug"),
            )
        })?,
        (None, 0) => EnvFilter::new("abaca=warn"),
        (None, 1) => EnvFilter::new("abaca=info"),
        (None, _) => EnvFilter::new("abaca=debug"),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .init();
    Ok(())
}
