//! How a share is mounted where the driver does not say it.

use abaca::types::{ExportLocation, Share, ShareProtocol};
use abaca::{Backend, OptionValue};

use super::{calls, mode, open};
use crate::dummy::{assert_invalid, text};
use crate::support::{Ground, share};

async fn minimal(ground: &Ground, options: &[(&str, OptionValue)]) -> Backend {
    let mut all = vec![mode(false)];
    all.extend_from_slice(options);
    open(ground, "abaca-guest-minimal", &all).await.unwrap()
}

/// A share with these export locations, those that only the service sees marked.
fn at(locations: &[(&str, bool)]) -> Share {
    let locations = locations.iter().map(|(path, is_admin_only)| ExportLocation {
        path: (*path).to_owned(),
        is_admin_only: *is_admin_only,
        metadata: Vec::new(),
    });
    Share { export_locations: locations.collect(), ..share("one", 1) }
}

#[tokio::test]
async fn migration_get_info_fills_the_templates() {
    let ground = Ground::new();
    let backend = minimal(&ground, &[]).await;
    // A blank in a location does not split the word that it stands in.
    let one = at(&[("a host:/first", false)]);
    for (protocol, name) in [
        (ShareProtocol::Nfs, "nfs"),
        (ShareProtocol::Cifs, "cifs"),
        (ShareProtocol::Glusterfs, "glusterfs"),
        (ShareProtocol::Hdfs, "hdfs"),
        (ShareProtocol::Cephfs, "cephfs"),
    ] {
        let one = Share { protocol, ..one.clone() };
        let commands = backend.migration_get_info(&one, None).await.unwrap();
        assert_eq!(commands.mount, ["mount", "-vt", name, "a host:/first", "%(path)s"]);
        assert_eq!(commands.unmount, ["umount", "-v", "%(path)s"]);
    }
    let own = [
        (
            "share_mount_template",
            text("/sbin/mount.%(proto)s -o ro,port=%(proto)s %(export)s %(path)s"),
        ),
        ("share_unmount_template", text("fusermount -u %(path)s/%(export)s")),
    ];
    let commands = minimal(&ground, &own).await.migration_get_info(&one, None).await.unwrap();
    let mount = ["/sbin/mount.nfs", "-o", "ro,port=nfs", "a host:/first", "%(path)s"];
    assert_eq!(commands.mount, mount);
    assert_eq!(commands.unmount, ["fusermount", "-u", "%(path)s/a host:/first"]);
    assert_eq!(calls(&ground, "minimal"), 0, "the driver was not called");
}

#[tokio::test]
async fn migration_get_info_prefers_the_location_that_only_the_service_sees() {
    let ground = Ground::new();
    let backend = minimal(&ground, &[]).await;
    for (locations, chosen) in [
        (&[("first", false), ("second", false)][..], "first"),
        (&[("first", false), ("admin", true), ("other admin", true)], "admin"),
        (&[("admin", true), ("second", false)], "admin"),
    ] {
        let commands = backend.migration_get_info(&at(locations), None).await.unwrap();
        assert_eq!(commands.mount[3], chosen, "{locations:?}");
    }
    let refused = assert_invalid!(backend.migration_get_info(&at(&[]), None).await);
    assert!(refused.contains("export location"), "{refused}");
}

#[tokio::test]
async fn migration_get_info_refuses_a_template_that_mounts_nothing() {
    let ground = Ground::new();
    let one = at(&[("host:/first", false)]);
    for (template, reason) in [
        ("mount %(export)s %(where)s %(path)s", "%(where)s"),
        ("mount %(export)s", "%(path)s"),
        (" ", "empty"),
    ] {
        for option in ["share_mount_template", "share_unmount_template"] {
            let backend = minimal(&ground, &[(option, text(template))]).await;
            let refused = assert_invalid!(backend.migration_get_info(&one, None).await);
            assert!(refused.contains(option) && refused.contains(reason), "{refused}");
        }
    }
}
