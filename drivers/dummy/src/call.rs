//! One call of the runtime: the options that hold, the delay and the failure that were asked
//! for, and the one change to what is held. Called by every interface first; nothing else of
//! this driver but `options` speaks to the host.

use core::time::Duration;

use abaca_sdk::{Error, Pair, Result, clock, state};

use crate::faults;
use crate::options::Settings;
use crate::world::{RECORD, World};

/// The share metadata that asks for a failure.
const FAIL: &str = "fail";

/// The share metadata that asks for a delay, in milliseconds.
const SLEEP: &str = "sleep_ms";

/// A call that has begun.
pub struct Call {
    /// The options' values.
    pub settings: Settings,
    delay: Duration,
    fault: Option<Error>,
}

impl Call {
    /// Begins a call: waits as long as was asked, and fails if that was asked.
    ///
    /// # Errors
    /// The failure asked for, and what the host answers.
    pub fn begin(method: &str, metadata: &[Pair]) -> Result<Self> {
        let call = Self::prepare(method, metadata)?;
        call.fail_if_asked()?;
        Ok(call)
    }

    /// Begins a call that will say by itself when it fails, for errors that carry what
    /// was made so far.
    ///
    /// # Errors
    /// What the host answers, and metadata that cannot be read.
    pub fn prepare(method: &str, metadata: &[Pair]) -> Result<Self> {
        let call = Self::at_once(method, metadata)?;
        call.wait()?;
        Ok(call)
    }

    /// Begins a call that will say by itself when it waits, too.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn at_once(method: &str, metadata: &[Pair]) -> Result<Self> {
        let settings = Settings::load()?;
        let delay = settings.delay.saturating_add(asked_delay(metadata)?);
        let fault = asked_fault(method, settings.fail.as_deref(), metadata)?;
        Ok(Self { settings, delay, fault })
    }

    /// Waits as long as was asked.
    ///
    /// # Errors
    /// What the host answers.
    pub fn wait(&self) -> Result<()> {
        if self.delay.is_zero() { Ok(()) } else { Ok(clock::sleep(self.delay)?) }
    }

    /// Fails if that was asked.
    ///
    /// # Errors
    /// The failure asked for.
    pub fn fail_if_asked(&self) -> Result<()> {
        self.fault.clone().map_or(Ok(()), Err)
    }

    /// Decides on what is held and writes what has changed, all of it or nothing. When
    /// another call was faster, it decides again on what that has left.
    ///
    /// # Errors
    /// What `decide` answers; nothing is changed then.
    pub fn change<T>(
        &self,
        mut decide: impl FnMut(&mut World, &Settings) -> Result<T>,
    ) -> Result<T> {
        let mut answer = None;
        state::update(RECORD, |found| {
            let before = World::read(found)?;
            let mut after = before.clone();
            answer = Some(decide(&mut after, &self.settings)?);
            Ok(after.changes_since(&before))
        })?;
        answer.ok_or_else(|| Error::Other("the state was changed without a decision".to_owned()))
    }
}

/// The value of a name, or none.
pub fn value<'a>(pairs: &'a [Pair], name: &str) -> Option<&'a str> {
    pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
}

fn asked_delay(metadata: &[Pair]) -> Result<Duration> {
    let Some(text) = value(metadata, SLEEP) else { return Ok(Duration::ZERO) };
    text.parse().map(Duration::from_millis).map_err(|_| {
        Error::InvalidShare(format!(
            "the metadata {SLEEP} = `{text}` is no number; write 0 or more"
        ))
    })
}

/// The failure that the share's metadata asks for, else that of the option.
fn asked_fault(method: &str, option: Option<&str>, metadata: &[Pair]) -> Result<Option<Error>> {
    for request in [value(metadata, FAIL), option].into_iter().flatten() {
        if let Some(error) = faults::requested(request, method)? {
            return Ok(Some(error));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_goes_before_the_option() {
        let metadata = [("fail".to_owned(), "m:other=mine".to_owned())];
        let fault = |method, option| asked_fault(method, option, &metadata);
        assert_eq!(fault("m", Some("denied")), Ok(Some(Error::Other("mine".into()))));
        assert!(matches!(fault("n", Some("denied")), Ok(Some(Error::Denied(_)))));
        assert_eq!(fault("n", Some("m:denied")), Ok(None));
        assert_eq!(fault("n", None), Ok(None));
        assert!(fault("n", Some("nonsense")).is_err());
    }

    #[test]
    fn delays_are_milliseconds() {
        let delay = |text: &str| asked_delay(&[("sleep_ms".to_owned(), text.to_owned())]);
        assert_eq!(delay("250"), Ok(Duration::from_millis(250)));
        assert_eq!(asked_delay(&[]), Ok(Duration::ZERO));
        assert!(delay("-1").is_err() && delay("").is_err());
    }
}
