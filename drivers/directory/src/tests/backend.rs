//! Who the driver is, whether it can work, and how much there is.

use abaca_sdk::testing::Host;
use abaca_sdk::{Backend, Capacity, Error};

use super::host;
use crate::Directory;

#[test]
fn what_is_measured_is_what_is_said() {
    let stats = host().run(Directory::get_share_stats).unwrap();
    assert_eq!(
        (stats.total_capacity, stats.free_capacity),
        (Capacity::Gib(10.0), Capacity::Gib(10.0))
    );
    let host = host().option("directory_capacity_gib", 4);
    let stats = host.run(Directory::get_share_stats).unwrap();
    assert_eq!(stats.total_capacity, Capacity::Gib(4.0));
}

#[test]
fn the_check_finds_what_the_operator_forgot() {
    host().run(Directory::check_for_setup_error).unwrap();

    let without_location = host();
    without_location.unset("directory_export_root");
    let error = without_location.run(Directory::check_for_setup_error).unwrap_err();
    assert!(matches!(error, Error::BadConfiguration(_)), "{error:?}");

    let odd_mode = host().option("directory_mode", "0070");
    assert!(matches!(
        odd_mode.run(Directory::check_for_setup_error),
        Err(Error::BadConfiguration(_))
    ));

    let without_roots = Host::of::<Directory>().option("directory_export_root", "/srv/shares");
    assert!(matches!(without_roots.run(Directory::check_for_setup_error), Err(Error::Denied(_))));
}

#[test]
fn a_program_that_answers_nonsense_is_not_believed() {
    let host = Host::of::<Directory>().root("shares").when(["df", "..."]).answers("gibberish\n");
    assert!(matches!(host.run(Directory::get_share_stats), Err(Error::BackendFailed(_))));
}
