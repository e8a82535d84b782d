//! Moving a share by its drivers, in two phases, and what a service is told to copy it itself.

use std::collections::BTreeMap;

use abaca::types::{ExportLocation, MigrationDestination, Share, ShareProtocol, ShareStatus};
use abaca::{Backend, Error, Interface, Limits, OptionValue};

use super::{assert_driver, assert_invalid, calls, dummy, made, open, pair, recorded, text};
use crate::support::{Ground, load, runtime, share, snapshot};

/// Another back end of the same driver.
async fn there(ground: &Ground) -> Backend {
    let options = [
        ("driver_handles_share_servers", OptionValue::Boolean(false)),
        ("dummy_export_host", text("192.0.2.9")),
    ];
    open(ground, "there", &options, BTreeMap::new()).await.unwrap()
}

fn destination() -> MigrationDestination {
    MigrationDestination { host: "test@there#alpha".to_owned(), capabilities: Vec::new() }
}

#[tokio::test]
async fn a_share_moves_in_two_phases() {
    let ground = Ground::new();
    let (here, there) = (dummy(&ground, &[]).await, there(&ground).await);
    let one = made(&here, &share("one", 3)).await;
    let info = there.migration_get_driver_info(&one, None).await.unwrap();
    let started = here.migration_start(&one, None, &destination(), &info, false).await.unwrap();
    assert!(started.moved && started.export_locations.is_empty());
    let moving = recorded(&here, &one.id).await;
    assert_eq!(moving.status, ShareStatus::Migrating);
    assert_eq!(moving.export_locations, one.export_locations, "clients find it where it was");
    for percent in [25, 50, 75, 100, 100] {
        let progress = here.migration_get_progress(&moving, None, &info).await;
        assert_eq!(progress.unwrap(), percent);
    }
    let found = here.migration_complete(&moving, None, &info).await.unwrap();
    assert_eq!(found[0].path, format!("192.0.2.9:/shares/{}", one.name));
    let moved = recorded(&here, &one.id).await;
    assert_eq!((moved.status, &moved.export_locations), (ShareStatus::Available, &found));
    // It is there now, and not here.
    assert_eq!(there.ensure_share(&moved, None).await.unwrap(), found);
    assert_eq!(recorded(&there, &one.id).await.export_locations, found);
    assert_driver!(here.ensure_share(&moved, None).await, ShareResourceNotFound);
}

#[tokio::test]
async fn a_migration_is_given_up_between_the_phases() {
    let ground = Ground::new();
    let (here, there) = (dummy(&ground, &[]).await, there(&ground).await);
    let one = made(&here, &share("one", 3)).await;
    let info = there.migration_get_driver_info(&one, None).await.unwrap();
    // Before it has begun there is nothing to ask, to complete or to cancel.
    let before = calls(&ground).len();
    assert_invalid!(here.migration_get_progress(&one, None, &info).await);
    assert_invalid!(here.migration_complete(&one, None, &info).await);
    assert_invalid!(here.migration_cancel(&one, None, &info).await);
    assert_eq!(calls(&ground).len(), before);
    here.migration_start(&one, None, &destination(), &info, false).await.unwrap();
    let moving = recorded(&here, &one.id).await;
    assert_invalid!(here.migration_start(&moving, None, &destination(), &info, false).await);
    // A cancel that fails leaves it on its way.
    let broken = super::failing(&moving, "migration-cancel:migration-failed");
    assert_driver!(here.migration_cancel(&broken, None, &info).await, MigrationFailed);
    assert_eq!(recorded(&here, &one.id).await.status, ShareStatus::Migrating);
    here.migration_cancel(&moving, None, &info).await.unwrap();
    assert_eq!(recorded(&here, &one.id).await, one);
    assert_eq!(here.ensure_share(&one, None).await.unwrap(), one.export_locations);
    // Switching over too early is a failure of which nobody knows what it left.
    here.migration_start(&one, None, &destination(), &info, false).await.unwrap();
    assert_driver!(here.migration_complete(&moving, None, &info).await, MigrationFailed);
    assert_eq!(recorded(&here, &one.id).await.status, ShareStatus::Error);
}

#[tokio::test]
async fn what_the_drivers_cannot_move_is_left_to_the_service() {
    let ground = Ground::new();
    let here = dummy(&ground, &[]).await;
    let one = made(&here, &share("one", 3)).await;
    let foreign = [pair("driver", "another")];
    let started = here.migration_start(&one, None, &destination(), &foreign, false).await.unwrap();
    assert!(!started.moved);
    assert_eq!(recorded(&here, &one.id).await, one);
    // So it is when the driver says that it cannot.
    let info = there(&ground).await.migration_get_driver_info(&one, None).await.unwrap();
    let taken = snapshot(&one);
    here.create_snapshot(&taken, None).await.unwrap();
    let answer = here.migration_start(&one, None, &destination(), &info, false).await;
    assert_driver!(answer, MigrationFailed);
    assert_eq!(recorded(&here, &one.id).await, one);
    here.delete_snapshot(&taken, None).await.unwrap();
    // Who asks to be notified has no second phase.
    let started = here.migration_start(&one, None, &destination(), &info, true).await.unwrap();
    assert!(started.moved);
    let moved = recorded(&here, &one.id).await;
    assert_eq!(moved.status, ShareStatus::Available);
    assert_eq!(moved.export_locations, started.export_locations);
    assert!(moved.export_locations[0].path.starts_with("192.0.2.9:"), "{moved:?}");

    let minimal = ground.minimal(&runtime(Limits::default())).await;
    let one = made(&minimal, &share("one", 1)).await;
    let calls = ground.audit("minimal").len();
    let started = minimal.migration_start(&one, None, &destination(), &info, false).await.unwrap();
    assert!(!started.moved);
    let refused = minimal.migration_get_driver_info(&one, None).await;
    let offered =
        !matches!(refused, Err(Error::NotOffered { interface: Interface::Migration, .. }));
    assert!(!offered, "{refused:?}");
    assert_eq!(ground.audit("minimal").len(), calls, "the driver was not called");
    assert_eq!(recorded(&minimal, &one.id).await, one);
}

#[tokio::test]
async fn a_service_is_told_how_to_mount() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let one = made(&backend, &share("one", 1)).await;
    let commands = backend.migration_get_info(&one, None).await.unwrap();
    let admin = format!("192.0.2.1:/admin/shares/{}", one.name);
    assert_eq!(commands.mount, ["mount", "-t", "nfs", &admin, "%(path)s"]);
    assert_eq!(commands.unmount, ["umount", "%(path)s"]);
}

fn location(path: &str, is_admin_only: bool) -> ExportLocation {
    ExportLocation { path: path.to_owned(), is_admin_only, metadata: Vec::new() }
}

#[tokio::test]
async fn without_the_driver_the_templates_say_how_to_mount() {
    let ground = Ground::new();
    let minimal = async |options: &[(&str, OptionValue)]| {
        let driver = load(&runtime(Limits::default()), "abaca-guest-minimal").await;
        ground.backend("minimal", driver, "schema = 1\ndriver = \"minimal\"\n", options).await
    };
    let backend = minimal(&[]).await;
    let mut one = Share { protocol: ShareProtocol::Cifs, ..share("one", 1) };
    assert_invalid!(backend.migration_get_info(&one, None).await);
    one.export_locations.push(location("a host:/first", false));
    let commands = backend.migration_get_info(&one, None).await.unwrap();
    // A blank in a location does not split the word that it stands in.
    assert_eq!(commands.mount, ["mount", "-vt", "cifs", "a host:/first", "%(path)s"]);
    assert_eq!(commands.unmount, ["umount", "-v", "%(path)s"]);
    one.export_locations.push(location("host:/admin", true));
    let commands = backend.migration_get_info(&one, None).await.unwrap();
    assert_eq!(commands.mount[3], "host:/admin", "the one that only the service sees");

    for (template, reason) in [
        ("mount %(export)s %(where)s %(path)s", "%(where)s"),
        ("mount %(export)s", "%(path)s"),
        (" ", "empty"),
    ] {
        let backend = minimal(&[("share_mount_template", text(template))]).await;
        let refused = assert_invalid!(backend.migration_get_info(&one, None).await);
        let names_both = refused.contains("share_mount_template") && refused.contains(reason);
        assert!(names_both, "{template}: {refused}");
    }
    assert!(ground.audit("minimal").is_empty(), "the driver was not called");
}
