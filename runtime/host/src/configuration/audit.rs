//! The section `[audit]` of a configuration. Made by `configuration` alone.
//!
//! ```toml
//! [audit]
//! file_mib = 64                # a file of this size is closed and another one begun
//! files_kept = 12              # how many closed files are kept; default: all
//! backend_mib = 4096           # how much one audit may take; default: equal parts of what there is
//! anchor_lines = 1000          # the chain is anchored in the system log after so many lines,
//! anchor_seconds = 60          # and a line at the latest after so long
//! system_log = "/dev/log"
//! ```

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::source::{ConfigurationError, Source};
use crate::audit::AuditSettings;

/// A mebibyte, in bytes.
const MIB: u64 = 1024 * 1024;

/// The section as it stands.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileAudit {
    file_mib: Option<Spanned<u32>>,
    files_kept: Option<Spanned<u32>>,
    backend_mib: Option<Spanned<u32>>,
    anchor_lines: Option<Spanned<u32>>,
    anchor_seconds: Option<Spanned<u32>>,
    system_log: Option<PathBuf>,
}

impl FileAudit {
    pub(super) fn settings(
        self,
        directory: &Path,
        source: &Source,
    ) -> Result<AuditSettings, ConfigurationError> {
        let positive = |value: Option<Spanned<u32>>, zero: &str, help: &str| match value {
            Some(value) if *value.get_ref() == 0 => {
                Err(source.error(value.span(), zero, Some(help.to_owned())))
            }
            value => Ok(value.map(Spanned::into_inner)),
        };
        let mut settings = AuditSettings::default();
        let small = "a file that may hold nothing";
        if let Some(mib) = positive(self.file_mib, small, "write 1 or more")? {
            settings.file_bytes = u64::from(mib) * MIB;
        }
        let none = "an audit of which nothing is kept cannot be looked at";
        settings.files_kept = positive(self.files_kept, none, "leave it out to keep all files")?;
        let help = "write 1 or more, or leave it out for equal parts of the file system";
        if let Some(mib) = positive(self.backend_mib, "an audit that may hold nothing", help)? {
            settings.backend_bytes = Some(u64::from(mib) * MIB);
        }
        let never = "an anchor after nothing";
        if let Some(lines) = positive(self.anchor_lines, never, "write 1 to anchor each line")? {
            settings.anchor_lines = lines.into();
        }
        if let Some(seconds) = positive(self.anchor_seconds, never, "write 1 or more")? {
            settings.anchor_every = Duration::from_secs(seconds.into());
        }
        if let Some(socket) = self.system_log {
            settings.system_log = directory.join(socket);
        }
        Ok(settings)
    }
}
