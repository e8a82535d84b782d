//! The room `mounts`.

use abaca_sdk::mounts::{BIND, MountSource, mount, unmount};
use abaca_sdk::testing::Host;
use abaca_sdk::{HostError, files};

use crate::{at, case};

fn host() -> Host {
    Host::new()
        .root("shares")
        .put_zeros("shares:image", 1 << 30)
        .put_dir("shares:a")
        .put_dir("shares:b")
        .device("vg0/one")
        .remote("192.0.2.1:/export")
}

fn device(name: &str, place: &str, options: &[&str]) -> Result<(), HostError> {
    mount(MountSource::Device(name.to_owned()), &at(place), "ext4", options)
}

#[test]
fn the_same_again_is_success_and_anything_else_is_not() {
    let host = host();
    host.run(|| {
        assert_eq!(case(device("vg0/one", "a", &[])), "ok");
        assert_eq!(case(device("vg0/one", "a", &["nosuid"])), "ok");
        assert_eq!(case(device("vg0/one", "a", &["ro"])), "already-exists");
        assert_eq!(case(mount(at("image").into(), &at("a"), "ext4", &[])), "already-exists");
        assert_eq!(case(device("vg0/one", "b", &[])), "busy");
        assert_eq!(case(device("vg0/two", "b", &[])), "denied");
        assert_eq!(case(device("vg0/one", "none", &[])), "not-found");
        assert_eq!(case(device("vg0/one", "image", &[])), "invalid");
        assert_eq!(case(device("vg0/one", "", &[])), "invalid");
    });
    assert_eq!(host.mounted(), ["shares:a"]);
    host.run(|| {
        assert_eq!(case(unmount(&at("a"))), "ok");
        assert_eq!(case(unmount(&at("a"))), "ok");
        assert_eq!(case(unmount(&at("none"))), "not-found");
    });
    assert_eq!(host.mounted(), Vec::<String>::new());
}

#[test]
fn files_work_in_what_is_mounted_and_stay_in_it() {
    let host = host().put("shares:a/hidden", "h");
    host.run(|| {
        mount(at("image").into(), &at("a"), "ext4", &[]).unwrap();
        assert_eq!(case(files::read(&at("a/hidden"), 9)), "not-found");
        files::write(&at("a/file"), "in the image").unwrap();
        assert_eq!(case(files::rename(&at("a/file"), &at("b/file"))), "denied");
        assert_eq!(case(files::remove_tree(&at("a"))), "denied");
        assert_eq!(case(files::rename(&at("a"), &at("c"))), "denied");
        // Mounted file systems are not counted.
        assert_eq!(files::usage(&at("")).unwrap().entries, 3);
        unmount(&at("a")).unwrap();
        assert_eq!(files::read(&at("a/hidden"), 9).unwrap(), b"h");
    });
    // An image takes what is in it along, and a copy has its own.
    host.run(|| {
        files::copy(&at("image"), &at("copy")).unwrap();
        files::rename(&at("image"), &at("moved")).unwrap();
        mount(at("moved").into(), &at("a"), "ext4", &[]).unwrap();
        mount(at("copy").into(), &at("b"), "ext4", &[]).unwrap();
        files::write(&at("b/file"), "changed").unwrap();
        assert_eq!(files::read(&at("a/file"), 99).unwrap(), b"in the image");
    });
}

#[test]
fn a_directory_is_shown_once_more() {
    let host = host().put("shares:a/file", "f");
    host.run(|| {
        mount(at("a").into(), &at("b"), BIND, &[]).unwrap();
        assert_eq!(files::read(&at("b/file"), 9).unwrap(), b"f");
        files::write(&at("b/more"), "m").unwrap();
        assert_eq!(case(mount(at("image").into(), &at("b"), BIND, &[])), "invalid");
        unmount(&at("b")).unwrap();
    });
    assert_eq!(host.names("shares:a"), ["file", "more"]);
    assert_eq!(host.names("shares:b"), Vec::<String>::new());
}

#[test]
fn a_remote_may_be_mounted_twice() {
    let remote = |place: &str| {
        mount(MountSource::Remote("192.0.2.1:/export".to_owned()), &at(place), "nfs4", &[])
    };
    host().run(|| {
        assert_eq!((case(remote("a")), case(remote("b"))), ("ok", "ok"));
        files::write(&at("a/file"), "f").unwrap();
        assert_eq!(files::read(&at("b/file"), 9).unwrap(), b"f");
    });
}
