//! What can be asked of the door: `serve`, `call` and `schema`.

use std::path::PathBuf;

use clap::Args;

use crate::door::metrics::Place;

/// While it waits nobody is served, neither by this service nor by the next one at its socket, and a
/// call that hangs may last for half an hour.
const GRACE_SECONDS: u64 = 30;

#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen; beside it a file PATH.lock stays
    #[arg(long, value_name = "PATH")]
    pub socket: PathBuf,
    /// Who may connect, as the permissions of a file. With 0660 in a directory whose
    /// set-group-id bit is set, that directory's group may
    #[arg(long, value_name = "OCTAL", default_value = "0600", value_parser = mode)]
    pub mode: u32,
    /// Show the figures of the service here, at /metrics, for Prometheus: an address with its port,
    /// or `unix:` and a path, with the permissions of --mode
    #[arg(long, value_name = "ADDRESS|unix:PATH")]
    pub metrics: Option<Place>,
    /// How long what runs is waited for when the service is told to stop; then it is given up
    #[arg(long, value_name = "SECONDS", default_value_t = GRACE_SECONDS)]
    pub grace: u64,
}

#[derive(Debug, Args)]
pub struct Call {
    /// The backend
    pub name: String,
    /// The method, by upstream's name: `abaca schema` has all
    pub method: String,
    /// Its parameters as a JSON object, without `backend`; `-` reads them from standard input
    #[arg(default_value = "{}", value_name = "JSON")]
    pub parameters: String,
    /// Ask the service that listens here, and do not open the backend
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Schema {
    /// Only this method, as a JSON Schema by itself
    pub method: Option<String>,
}

fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("write the permissions as up to three octal digits, for example 0660".to_owned()),
    }
}
