//! `abaca backend release`, `disable` and `enable`: whether a backend's driver is called. Neither the
//! driver nor its policy is looked at, for what is done here may be done because they are broken.

use abaca::quarantine::{Standing, State};
use serde_json::json;

use crate::failure::{Failure, Result};
use crate::output::{Output, plain, time, word};
use crate::service::Service;

/// What an operator changes.
pub enum Change {
    Release,
    Disable(Option<String>),
    Enable,
}

/// Changes it, and shows how the backend stands then.
///
/// # Errors
/// When there is no such backend, it is disabled and shall be released, or its state cannot be
/// written.
pub async fn change(change: Change, name: &str, service: &Service, output: Output) -> Result<()> {
    let entry = service.entry(name)?;
    let conduct = service.conduct(entry).await?;
    match change {
        Change::Release if conduct.standing().await?.state == State::Disabled => {
            return Err(Failure::refused(
                format!(
                    "the backend `{name}` is disabled, and a release would not let it be called"
                ),
                format!("`abaca backend enable {name}` does"),
            ));
        }
        Change::Release => conduct.release().await?,
        Change::Disable(reason) => conduct.disable(reason.as_deref()).await?,
        Change::Enable => conduct.enable().await?,
    }
    let standing = conduct.standing().await?;
    output.answer(&json!({ "name": name, "standing": standing }), || {
        format!("{}: {}\n", plain(name), told(&standing))
    })
}

/// How a backend stands, in one sentence.
pub fn told(standing: &Standing) -> String {
    let at = |seconds: Option<u64>| seconds.map(time).unwrap_or_default();
    match standing.state {
        State::Ok => "it is called".to_owned(),
        State::Quarantined => {
            format!("in quarantine, tried again at {}", at(standing.next_try))
        }
        State::Due => "in quarantine, and the next call is on trial".to_owned(),
        State::Trial => "in quarantine, and a call is on trial now".to_owned(),
        State::Disabled => {
            let reason = standing.disabled_reason.as_ref().map(|why| format!(": {}", plain(why)));
            let since = at(standing.disabled_since);
            format!("disabled since {since}{}", reason.unwrap_or_default())
        }
    }
}

/// The cells of a list: state, strikes, next try.
pub fn cells(standing: &Standing) -> [String; 3] {
    let next = match standing.state {
        State::Quarantined => standing.next_try.map(time).unwrap_or_default(),
        State::Due => "now".to_owned(),
        _ => String::new(),
    };
    [word(&standing.state), standing.strikes.to_string(), next]
}

/// What a list says below its table: why it is disabled, and the newest strike.
pub fn note(standing: &Standing) -> Option<String> {
    let disabled = (standing.state == State::Disabled).then(|| told(standing));
    let strike = standing.last_strike.as_ref().map(|last| {
        format!("last error at {}, a {}: {}", time(last.at), word(&last.kind), plain(&last.message))
    });
    match (disabled, strike) {
        (Some(disabled), Some(strike)) => Some(format!("{disabled}; {strike}")),
        (one, other) => one.or(other),
    }
}
