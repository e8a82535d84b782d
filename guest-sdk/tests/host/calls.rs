//! Calls: what is kept between them, how they end, and what hits them.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use abaca_sdk::testing::{Fault, Host};
use abaca_sdk::{
    Backend, Capacity, Description, HostError, OptionDeclaration, OptionType, Result,
    ShareProtocol, ShareStats, clock, config, files, lock,
};

use crate::{SHARES, at, case};

/// What a test's code panics with; its own hook stays as it is.
fn panic_of(code: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(code)).err();
    assert!(payload.is_some(), "it did not panic");
    let text = payload.map(|payload| match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().copied().unwrap_or_default().to_owned(),
    });
    text.unwrap_or_default()
}

#[test]
fn a_request_outside_of_a_call_says_what_to_do() {
    let sentence = panic_of(|| drop(files::make_dir(&at("a"), 0o700)));
    assert!(sentence.contains("files.make-dir") && sentence.contains("host.run"), "{sentence}");
}

#[test]
fn a_panic_of_a_driver_is_the_tests_own_and_leaves_the_host_usable() {
    let host = Host::new().root("shares");
    let sentence = panic_of(|| {
        host.run(|| {
            let _guard = lock::acquire("table", None).unwrap();
            panic!("the driver's mistake");
        });
    });
    assert_eq!(sentence, "the driver's mistake");
    assert_eq!(host.locks_held(), Vec::<String>::new());
    host.run(|| files::make_dir(&at("a"), 0o700)).unwrap();
    // And this thread has no host.
    assert!(panic_of(|| drop(clock::now())).contains("clock.now"));
}

#[test]
fn a_call_finds_nothing_that_an_earlier_one_kept_in_its_thread() {
    thread_local! { static KEPT: Cell<u32> = const { Cell::new(0) }; }
    let host = Host::new();
    for _ in 0..2 {
        let kept = host.run(|| {
            let before = KEPT.get();
            KEPT.set(7);
            before
        });
        assert_eq!(kept, 0);
    }
}

#[test]
fn hosts_of_several_threads_have_nothing_in_common() {
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let host = Host::new().root("shares");
                for _ in 0..50 {
                    host.run(|| files::make_dir(&at("a"), 0o700)).unwrap();
                    host.run(|| files::remove(&at("a"))).unwrap();
                }
            });
        }
    });
}

#[test]
fn an_error_comes_at_the_request_that_it_was_planned_for() {
    let host = Host::new().root("shares");
    host.fail_nth("files.make-dir", 2, HostError::NoSpace("full".into()));
    host.run(|| {
        assert_eq!(case(files::make_dir(&at("a"), 0o700)), "ok");
        assert_eq!(case(files::list_after(&SHARES.path(), None, 1)), "ok");
        assert_eq!(host.faults_to_come().len(), 1);
        assert_eq!(case(files::make_dir(&at("b"), 0o700)), "no-space");
        assert_eq!(case(files::make_dir(&at("b"), 0o700)), "ok");
    });
    assert_eq!(host.faults_to_come(), Vec::<String>::new());
    assert!(
        panic_of(|| host.fail("files.mkdir", HostError::Busy(String::new())))
            .contains("files.make-dir")
    );
}

#[test]
fn a_killed_call_has_done_what_came_before_and_nothing_after() {
    let call = || -> Result<(), HostError> {
        let _guard = lock::acquire("table", None)?;
        files::make_dir(&at("a"), 0o700)?;
        files::make_dir(&at("b"), 0o700)
    };
    let there = |fault: Fault| {
        let host = Host::new().root("shares");
        assert_eq!(host.run_with(&fault, call), None, "{fault}");
        assert_eq!(host.locks_held(), Vec::<String>::new());
        host.names("shares:")
    };
    assert_eq!(there(Fault::killed_before(2)), Vec::<String>::new());
    assert_eq!(there(Fault::killed_after(2)), ["a"]);
    assert_eq!(there(Fault::killed_before(3)), ["a"]);
    let host = Host::new().root("shares");
    let failed = host.run_with(&Fault::failing(2, HostError::Busy("b".into())), call);
    assert_eq!(failed, Some(Err(HostError::Busy("b".into()))));
    // Lock and release, and two directories between: the release cannot fail.
    assert_eq!(Host::new().root("shares").faults_of(call).len(), 3 * 3 + 2);
}

#[test]
fn a_call_that_does_not_end_is_ended() {
    let asks = panic_of(|| {
        Host::new().run(|| {
            loop {
                let _ = clock::now();
            }
        });
    });
    assert!(asks.contains("requests"), "{asks}");
    let waits = panic_of(|| {
        Host::new().run(|| {
            loop {
                let _ = clock::sleep(Duration::from_secs(60));
            }
        });
    });
    assert!(waits.contains("minutes"), "{waits}");
}

/// A driver that is asked for its description alone.
struct Described;

impl Backend for Described {
    fn describe() -> Description {
        Description::new("described", "0.1.0", ShareProtocol::Nfs)
            .option(OptionDeclaration::new("described_mode", OptionType::Text, "").or("0700"))
            .option(OptionDeclaration::new("described_size", OptionType::Integer, "").required())
    }

    fn do_setup() -> Result<()> {
        Ok(())
    }

    fn check_for_setup_error() -> Result<()> {
        Ok(())
    }

    fn get_share_stats() -> Result<ShareStats> {
        Ok(ShareStats::new(Capacity::Unknown, Capacity::Unknown))
    }
}

#[test]
fn a_drivers_host_has_the_options_that_it_declares() {
    let host = Host::of::<Described>();
    assert!(panic_of(|| host.run(|| ())).contains("described_size"));
    assert!(panic_of(|| drop(host.option("described_sise", 1))).contains("described_sise"));
    assert!(panic_of(|| drop(host.option("described_size", "1"))).contains("Integer"));
    host.option("described_size", 1).option("described_mode", "0711");
    host.run(|| {
        assert_eq!(config::required_text("described_mode"), Ok("0711".to_owned()));
        assert_eq!(config::required_integer("described_size"), Ok(1));
    });
    host.unset("described_mode");
    host.run(|| assert_eq!(config::required_text("described_mode"), Ok("0700".to_owned())));
}
