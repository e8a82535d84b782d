//! `migration-info`: how to mount a share so that somebody else can copy it.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::Backend;
use super::calling::ask;
use crate::call::Room;
use crate::contract::Interface;
use crate::error::{Error, Result};
use crate::types::{ExportLocation, MountCommands, Share, ShareProtocol, ShareServer};

const METHOD: &str = "migration-get-info";

/// What stands for the place in a command.
const PLACE: &str = "%(path)s";

impl Backend {
    /// The commands that mount and unmount the share. A driver that does not offer
    /// `migration-info` leaves it to the options `share_mount_template` and
    /// `share_unmount_template`, filled in with the protocol and the export location that only
    /// the service sees, or else the first one. Upstream: `migration_get_info`,
    /// `_get_mount_command`, `_get_mount_export`, `_get_unmount_command`.
    ///
    /// Unlike there, `%(proto)s` and `%(export)s` are filled in in the template for unmounting too,
    /// where upstream leaves them for a service that cannot; and each is filled in once, so that a
    /// `%` stands for itself and is not written as `%%`: upstream fills its text in twice, where a
    /// literal one would be `%%%%`.
    ///
    /// # Errors
    /// What the driver says, or what ended the call; without the interface: a share without an
    /// export location, or a template that is empty or names something unknown.
    pub async fn migration_get_info(
        &self,
        share: &Share,
        share_server: Option<&ShareServer>,
    ) -> Result<MountCommands> {
        let indices = self.driver().exports().migration_info.as_ref();
        let Ok(indices) = self.offered(Interface::MigrationInfo, METHOD, indices) else {
            return self.mount_commands(share);
        };
        let id = super::fresh_id();
        self.call(METHOD, &id, async |store: &mut Store<Room>, instance: &Instance| {
            ask!(store, instance, indices.call_migration_get_info(share, share_server))
        })
        .await
    }

    fn mount_commands(&self, share: &Share) -> Result<MountCommands> {
        let location = mount_export(&share.export_locations).ok_or_else(|| {
            Error::Invalid("a share without an export location cannot be mounted".to_owned())
        })?;
        let filled = |option: &str| {
            let template = self.options().text(option).unwrap_or_default();
            fill(&template, share.protocol, &location.path)
                .map_err(|reason| Error::Invalid(format!("option `{option}`: {reason}")))
        };
        Ok(MountCommands {
            mount: filled("share_mount_template")?,
            unmount: filled("share_unmount_template")?,
        })
    }
}

/// The location for the service's own use, if there is one, else the first.
fn mount_export(locations: &[ExportLocation]) -> Option<&ExportLocation> {
    locations.iter().find(|one| one.is_admin_only).or_else(|| locations.first())
}

/// The words of a template with its holes filled. A word is never split by what fills it: unlike
/// upstream's, the command line is not a text that somebody splits later.
fn fill(template: &str, protocol: ShareProtocol, export: &str) -> Result<Vec<String>, String> {
    let words: Vec<String> = template
        .split_ascii_whitespace()
        .map(|word| {
            word.replace("%(proto)s", protocol_name(protocol)).replace("%(export)s", export)
        })
        .collect();
    if words.is_empty() {
        return Err("it is empty".to_owned());
    }
    for word in template.split_ascii_whitespace() {
        let mut rest = word;
        while let Some((_, hole)) = rest.split_once("%(") {
            let known =
                ["proto)s", "export)s", "path)s"].iter().find(|one| hole.starts_with(**one));
            let known = known.ok_or_else(|| {
                format!("`{word}` names none of %(proto)s, %(export)s and {PLACE}")
            })?;
            rest = hole.get(known.len()..).unwrap_or_default();
        }
    }
    if !template.contains(PLACE) {
        return Err(format!("it does not say {PLACE}, where to mount"));
    }
    Ok(words)
}

/// A protocol as `mount -t` knows it.
fn protocol_name(protocol: ShareProtocol) -> &'static str {
    match protocol {
        ShareProtocol::Nfs => "nfs",
        ShareProtocol::Cifs => "cifs",
        ShareProtocol::Glusterfs => "glusterfs",
        ShareProtocol::Hdfs => "hdfs",
        ShareProtocol::Cephfs => "cephfs",
    }
}
