//! The section `[quarantine]`: when a backend is not called for a while. Read by `configuration`
//! alone; what the figures mean stands in [`Quarantine`].

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::source::{ConfigurationError, Source};
use crate::quarantine::Quarantine;

/// The section as it stands in the file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileQuarantine {
    strikes: Option<Spanned<u32>>,
    window_seconds: Option<Spanned<u32>>,
    denials: Option<Spanned<u32>>,
    delay_seconds: Option<Spanned<u32>>,
    longest_delay_seconds: Option<Spanned<u32>>,
}

impl FileQuarantine {
    /// The figures, with the defaults of those that are not said.
    ///
    /// # Errors
    /// For a figure that makes no sense, with its place.
    pub(super) fn quarantine(self, source: &Source) -> Result<Quarantine, ConfigurationError> {
        let mut rules = Quarantine::default();
        let positive = |value: Option<Spanned<u32>>, why: &str| match value {
            Some(value) if *value.get_ref() == 0 => {
                let help = "leave it out for the default, or write at least 1";
                Err(source.error(value.span(), why, Some(help.to_owned())))
            }
            value => Ok(value.map(Spanned::into_inner)),
        };
        let seconds = |value: u32| Duration::from_secs(value.into());
        if let Some(strikes) = positive(self.strikes, "a quarantine begins with a strike")? {
            rules.strikes = strikes;
        }
        if let Some(window) = positive(self.window_seconds, "no strike would count")? {
            rules.window = seconds(window);
        }
        if let Some(denials) = positive(self.denials, "every call would be a strike")? {
            rules.denials = denials;
        }
        let place = self.delay_seconds.as_ref().or(self.longest_delay_seconds.as_ref());
        let place = place.map(Spanned::span).unwrap_or_default();
        if let Some(delay) = self.delay_seconds {
            rules.delay = seconds(delay.into_inner());
        }
        if let Some(longest) = self.longest_delay_seconds {
            rules.longest_delay = seconds(longest.into_inner());
        }
        if rules.delay > rules.longest_delay {
            let (first, longest) = (rules.delay.as_secs(), rules.longest_delay.as_secs());
            let message =
                format!("the first delay, {first} s, is longer than the longest one, {longest} s");
            let help = "set both, `delay_seconds` not above `longest_delay_seconds`".to_owned();
            return Err(source.error(place, &message, Some(help)));
        }
        Ok(rules)
    }
}
