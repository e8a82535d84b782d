//! Shares as exports of the NFS server Ganesha, whose bus answers here that all is well; what it is
//! told, and that a repeated call ends up with the same, whatever hit the first.

use abaca_sdk::testing::{self, Answer, Host, rule};
use abaca_sdk::{Access, AccessLevel, AccessRule, AccessType, Error, HostError, Shares};

use super::{host, one, promised};
use crate::Directory;

/// A host whose shares are exports of a server that takes everything over.
fn host_with_server() -> Host {
    host()
        .root("exports")
        .option("directory_export", "ganesha")
        .option("directory_ganesha_server", "192.0.2.1")
        .when([
            "dbus-send",
            "--system",
            "--print-reply",
            "--dest=org.ganesha.nfsd",
            "/org/ganesha/nfsd/ExportMgr",
            "org.ganesha.nfsd.exportmgr.DisplayExport",
            "uint16:1",
        ])
        .answers("   uint16 1\n   string \"/srv/shares/share-1\"\n")
        .when(["dbus-send", "..."])
        .answers("   string \"1 exports updated\"\n")
}

fn host_with_export() -> Host {
    let host = host_with_server();
    host.run(create).unwrap();
    host
}

fn create() -> Result<Vec<abaca_sdk::ExportLocation>, abaca_sdk::CreateError> {
    Directory::create_share(one(), None)
}

fn delete() -> Result<(), Error> {
    Directory::delete_share(one(), None)
}

fn admit() -> Result<(), Error> {
    let rules: Vec<AccessRule> = vec![rule(AccessType::Ip, "192.0.2.7", AccessLevel::Ro)];
    Directory::update_access(one(), rules, Vec::new(), Vec::new(), None)
}

/// All that the server's files say.
fn written(host: &Host) -> String {
    let names = host.names("exports:").into_iter();
    let contents = names.filter_map(|name| host.contents(&format!("exports:{name}")));
    contents.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}

#[test]
fn clients_find_the_export_and_not_the_directory() {
    let host = host_with_server();
    let locations = host.run(create).unwrap();
    assert_eq!(locations.first().map(|one| one.path.as_str()), Some("192.0.2.1:/share-1"));
    assert_eq!(host.state_of("export-share-1", "export-number").as_deref(), Some("1"));
    assert!(written(&host).contains("share-1") && !written(&host).contains("192.0.2.7"));
    host.run(admit).unwrap();
    assert!(written(&host).contains("192.0.2.7"));
    // Nobody but the rules lets clients in.
    assert_eq!(host.mode("shares:share-1"), Some(0o700));
}

#[test]
fn a_server_that_is_not_there_is_said_so() {
    let host = Host::of::<Directory>()
        .root("exports")
        .option("directory_export", "ganesha")
        .option("directory_ganesha_server", "192.0.2.1")
        .when(["dbus-send", "..."])
        .does(|_| Answer::exit(1, "Error org.freedesktop.DBus.Error.ServiceUnknown: nobody"));
    let error = host.run(crate::exports::check);
    assert!(matches!(&error, Err(Error::BackendFailed(text)) if text.contains("nfs-ganesha")));
}

#[test]
fn create_survives_every_fault() {
    testing::survives(host_with_server, create, |host, fault| {
        let reference = host_with_export();
        assert_eq!(written(host), written(&reference), "{fault}");
        assert_eq!(host.state(), reference.state(), "{fault}");
    });
}

#[test]
fn access_survives_every_fault() {
    testing::survives(host_with_export, admit, |host, fault| {
        assert!(written(host).contains("192.0.2.7"), "{fault}");
    });
}

#[test]
fn delete_survives_every_fault() {
    testing::survives(host_with_export, delete, |host, fault| {
        assert!(host.names("shares:").is_empty(), "{fault}");
        assert_eq!(promised(host), [], "{fault}");
        assert_eq!(host.state(), [], "{fault}");
        assert!(!written(host).contains("share-1"), "{fault}");
    });
}

#[test]
fn a_share_that_somebody_else_changes_waits_for_them() {
    let host = host_with_export();
    let locks: Vec<String> = {
        let asked = host.asked().into_iter();
        asked.filter_map(|one| one.strip_prefix("lock.acquire ").map(str::to_owned)).collect()
    };
    let name = locks.first().unwrap();
    host.hold_lock(name);
    assert!(matches!(host.run(admit), Err(Error::Deadline(_))));
    host.free_lock(name);
    host.run(admit).unwrap();
    assert!(host.locks_held().is_empty());
    host.fail("files.write", HostError::NoSpace("exports".into()));
    assert!(matches!(host.run(admit), Err(Error::BackendFailed(_))));
    assert!(host.locks_held().is_empty());
}
