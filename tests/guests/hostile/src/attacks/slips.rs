//! A secret that the policy reveals, let slip in every way that a driver has.

use abaca_sdk::command::Command;
use abaca_sdk::{Error, HostError, Path, Result, config, files, log, state};

use super::{argument, panic_with};

/// What is read of a file at most.
const FILE_MAX: u64 = 1 << 10;

/// Reads the option of the first argument, and lets its value slip in the way of the second; answers
/// how the host took it.
pub fn let_slip(arguments: &[&str]) -> Result<Vec<String>> {
    let value = match config::get(argument(arguments, 0)?)? {
        Some(config::Value::Text(value)) => value,
        other => return Ok(vec![format!("no value: {}", other.is_some())]),
    };
    let text = format!("the token is {value}, as it should be");
    match argument(arguments, 1)? {
        "read" => Ok(vec![format!("{} bytes", value.len())]),
        "log" => {
            log::error(&*text);
            log::write(log::Level::Warning, "field", &[("token", &value), (&value, "name")]);
            Ok(vec!["ok:logged".to_owned()])
        }
        "argument" => {
            let answer = Command::new("echo").args(["-n", &value]).output();
            Ok(vec![format!("denied: {}", matches!(answer, Err(Error::Denied(_))))])
        }
        "path" => {
            let path = Path { root: "shares".to_owned(), path: value };
            let answer = files::read(&path, FILE_MAX);
            Ok(vec![format!("denied: {}", matches!(answer, Err(HostError::Denied(_))))])
        }
        "stdin" => {
            let answer = Command::new("cat").stdin(&*value).output()?;
            Ok(vec![format!("{} bytes", answer.stdout.len())])
        }
        "state" => {
            let answer = state::Entity("hostile").set("token", &text);
            Ok(vec![format!("denied: {}", matches!(answer, Err(HostError::Denied(_))))])
        }
        "answer" => Ok(vec![text]),
        "error" => Err(Error::BackendFailed(text)),
        "panic" => panic_with(&text),
        unknown => Err(Error::InvalidShare(format!("nothing slips by `{unknown}`"))),
    }
}
