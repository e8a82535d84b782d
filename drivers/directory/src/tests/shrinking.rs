//! Other sizes: no data is lost, and no more is promised than there is.

use abaca_sdk::testing;
use abaca_sdk::{Error, Extending, GIB, Shrinking};

use super::{CAPACITY, host, host_with_share, one, only, promised};
use crate::Directory;

fn shrink() -> Result<(), Error> {
    Directory::shrink_share(one(), 1, None)
}

fn extend() -> Result<(), Error> {
    Directory::extend_share(one(), CAPACITY, None)
}

#[test]
fn a_share_shrinks_to_what_it_holds_and_no_further() {
    let host = host_with_share().put_zeros("shares:share-1/large", GIB);
    let error = host.run(shrink).unwrap_err();
    assert!(matches!(error, Error::ShareShrinkingPossibleDataLoss(_)), "{error:?}");
    assert_eq!(promised(&host), only(2));
    host.put_zeros("shares:share-1/large", GIB / 2);
    host.run(shrink).unwrap();
    assert_eq!(promised(&host), only(1));
}

#[test]
fn a_share_that_is_gone_does_not_shrink() {
    assert!(matches!(host().run(shrink), Err(Error::ShareResourceNotFound(_))));
}

#[test]
fn a_usage_that_could_not_be_told_loses_no_data() {
    let host = host_with_share();
    host.fail("command.run", abaca_sdk::HostError::Deadline("du took too long".into()));
    assert!(matches!(host.run(shrink), Err(Error::Deadline(_))));
    assert_eq!(promised(&host), only(2));
}

#[test]
fn a_share_grows_into_the_room_that_there_is() {
    let host = host_with_share();
    host.run(extend).unwrap();
    assert_eq!(promised(&host), only(CAPACITY));
    let more = || Directory::extend_share(one(), CAPACITY + 1, None);
    assert!(matches!(host.run(more), Err(Error::BackendFailed(_))));
    assert_eq!(promised(&host), only(CAPACITY));
}

#[test]
fn shrinking_survives_every_fault() {
    testing::survives(host_with_share, shrink, |host, fault| {
        assert_eq!(promised(host), only(1), "{fault}");
        assert_eq!(
            host.contents("shares:share-1/file").as_deref(),
            Some(&b"content"[..]),
            "{fault}"
        );
    });
}

#[test]
fn extending_survives_every_fault() {
    testing::survives(host_with_share, extend, |host, fault| {
        assert_eq!(promised(host), only(CAPACITY), "{fault}");
    });
}
