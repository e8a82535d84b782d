//! The driver on a host in memory: plain `cargo test`, in seconds, without a component. The array is a
//! few lines of Rust here: its volumes are files of a made-up root. What the driver does to a whole
//! array, and as a component, `component-tests` show.

use abaca_sdk::testing::{self, Answer, Host, Program, share};
use abaca_sdk::{Error, HostError, Share, ShareProtocol, Shares};

use crate::Driver;

/// A host with an array that can create, show and delete.
fn host() -> Host {
    let place = |tool: &Program<'_>| format!("array:{}", tool.word("name"));
    Host::of::<Driver>()
        .root("array")
        .option("driver_name_server", "192.0.2.10")
        .when(["arrayctl", "create", "--size", "{size}G", "--label", "{label}", "--", "{name}"])
        .does(move |tool| match tool.host().is_there(&place(tool)) {
            true => Answer::exit(10, "it exists"),
            false => {
                tool.host().put(&place(tool), tool.word("label"));
                Answer::from("")
            }
        })
        .when(["arrayctl", "show", "--", "{name}"])
        .does(move |tool| match tool.host().contents(&place(tool)) {
            None => Answer::exit(11, "it is missing"),
            Some(label) => {
                let label = String::from_utf8_lossy(&label).into_owned();
                format!("size=2147483648\nused=0\nlabel={label}\n").into()
            }
        })
        .when(["arrayctl", "delete", "--", "{name}"])
        .does(move |tool| match tool.host().is_there(&place(tool)) {
            true => {
                tool.host().take(&place(tool));
                Answer::from("")
            }
            false => Answer::exit(11, "it is missing"),
        })
}

fn one() -> Share {
    share("share-1", 2)
}

fn create() -> Result<Vec<abaca_sdk::ExportLocation>, abaca_sdk::CreateError> {
    Driver::create_share(one(), None)
}

fn delete() -> Result<(), Error> {
    Driver::delete_share(one(), None)
}

#[test]
fn a_share_is_a_volume_labelled_as_its_own() {
    let host = host();
    let locations = host.run(create).unwrap();
    assert_eq!(locations[0].path, "192.0.2.10:/share-1");
    assert_eq!(host.contents("array:share-1").unwrap(), b"share-1-id");
    // Again, as a service does that did not hear the answer.
    assert_eq!(host.run(create).unwrap(), locations);
    assert_eq!(host.names("array:"), ["share-1"]);
}

#[test]
fn a_deleted_share_is_gone_and_is_deleted_again() {
    let host = host();
    host.run(create).unwrap();
    host.run(delete).unwrap();
    host.run(delete).unwrap();
    assert!(host.names("array:").is_empty());
}

#[test]
fn what_another_made_is_neither_taken_nor_removed() {
    let host = host().put("array:share-1", "somebody-else");
    assert!(matches!(host.run(create).unwrap_err().error, Error::BackendFailed(_)));
    assert!(host.run(delete).is_err());
    assert_eq!(host.contents("array:share-1").unwrap(), b"somebody-else");
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_made() {
    let host = host();
    let cifs = || Driver::create_share(Share { protocol: ShareProtocol::Cifs, ..one() }, None);
    assert!(matches!(host.run(cifs).unwrap_err().error, Error::InvalidShare(_)));
    let host = host.option("driver_name_server", "");
    assert!(matches!(host.run(create).unwrap_err().error, Error::BadConfiguration(_)));
    assert!(host.names("array:").is_empty());
}

#[test]
fn a_share_that_is_gone_is_said_to_be() {
    let ensure = || Driver::ensure_share(one(), None);
    assert!(matches!(host().run(ensure), Err(Error::ShareResourceNotFound(_))));
}

#[test]
fn an_error_of_the_host_stays_what_it_is() {
    let host = host();
    host.fail("command.run", HostError::Deadline("the array does not answer".into()));
    assert!(matches!(host.run(create).unwrap_err().error, Error::Deadline(_)));
}

/// At each of its requests the call fails or is killed, before and after; then it is made again.
#[test]
fn create_and_delete_survive_every_fault() {
    testing::survives(host, create, |host, fault| {
        assert_eq!(host.names("array:"), ["share-1"], "{fault}");
    });
    let with_share = || {
        let host = host();
        host.run(create).unwrap();
        host
    };
    testing::survives(with_share, delete, |host, fault| {
        assert!(host.names("array:").is_empty(), "{fault}");
    });
}
