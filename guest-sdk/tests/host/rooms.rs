//! The rooms `state`, `lock`, `clock`, `config`, `log` and `network`.

use std::time::Duration;

use abaca_sdk::network::{Label, allocate, deallocate};
use abaca_sdk::state::{self, Change, Entity};
use abaca_sdk::testing::Host;
use abaca_sdk::{Error, HostError, clock, config, lock, log};

use crate::case;

#[test]
fn state_changes_as_a_whole_or_not_at_all() {
    let host = Host::new();
    host.run(|| {
        let (a, b) = (Entity("a"), Entity("b"));
        a.set("key", "1").unwrap();
        b.set("key", "2").unwrap();
        b.set("other", "3").unwrap();
        let found = state::find("key").unwrap();
        let found: Vec<_> =
            found.iter().map(|one| (one.entity.as_str(), one.value.as_str())).collect();
        assert_eq!(found, [("a", "1"), ("b", "2")]);
        assert_eq!(b.all().unwrap().len(), 2);

        let too_long = "x".repeat(64 * 1024 + 1);
        let batch = vec![Change::remove_entity("b"), Change::set_key("a", "key", &too_long)];
        assert_eq!(case(state::apply(batch)), "limit");
        assert_eq!(case(state::apply(vec![Change::remove_entity("b"); 1025])), "limit");
        assert_eq!(case(Entity("").set("key", "1")), "invalid");
        assert_eq!(case(a.set("new\nline", "1")), "invalid");
        assert_eq!(b.all().unwrap().len(), 2);

        b.remove("key").unwrap();
        b.remove("key").unwrap();
        assert_eq!(b.get("key"), Ok(None));
        b.clear().unwrap();
        b.clear().unwrap();
    });
    assert_eq!(host.state(), [("a".to_owned(), "key".to_owned(), "1".to_owned())]);
}

#[test]
fn who_changes_the_state_meanwhile_makes_an_update_begin_anew() {
    let host = Host::new().remembers("a", "key", "1");
    let mut tries = 0;
    host.run(|| {
        state::update("key", |found| {
            tries += 1;
            if tries == 1 {
                // As another call does.
                Entity("b").set("key", "2").unwrap();
            }
            Ok(vec![Change::set_key("sum", "entities", &found.len().to_string())])
        })
    })
    .unwrap();
    assert_eq!((tries, host.state_of("sum", "entities").as_deref()), (2, Some("2")));
}

#[test]
fn a_lock_is_held_by_one_and_ends_with_its_call() {
    let host = Host::new();
    host.run(|| {
        let guard = lock::acquire("table", None).unwrap();
        assert_eq!(case(lock::acquire("table", None)), "invalid");
        drop(guard);
        let again = lock::acquire("table", None).unwrap();
        // Forgotten, as by a trap.
        std::mem::forget(again);
    });
    assert_eq!(host.locks_held(), Vec::<String>::new());

    host.hold_lock("table");
    let before = host.now();
    host.run(|| {
        assert_eq!(case(lock::acquire("table", Some(Duration::from_secs(5)))), "deadline");
        assert_eq!(case(lock::acquire("", None)), "invalid");
    });
    assert_eq!((host.now() - before).as_secs(), 5);
    host.free_lock("table");
    host.run(|| assert_eq!(case(lock::acquire("table", None)), "ok"));
}

#[test]
fn time_passes_when_somebody_says_so() {
    let host = Host::new().at(1000);
    host.run(|| {
        assert_eq!(clock::now(), Ok(Duration::from_secs(1000)));
        assert_eq!(clock::now(), Ok(Duration::from_secs(1000)));
        clock::sleep(Duration::from_millis(1500)).unwrap();
        assert_eq!(clock::now(), Ok(Duration::from_millis(1_001_500)));
    });
    host.advance(Duration::from_secs(1));
    assert_eq!(host.now(), Duration::from_millis(1_002_500));
}

#[test]
fn options_are_those_that_are_declared() {
    let host = Host::new().option("name", "text").option("count", 3).secret("token");
    host.run(|| {
        assert_eq!(config::text("name"), Ok(Some("text".to_owned())));
        assert!(matches!(config::integer("name"), Err(Error::BadConfiguration(_))));
        assert_eq!(config::integer("count"), Ok(Some(3)));
        assert_eq!(config::secret("token"), Ok(Some("token".to_owned())));
        assert!(matches!(config::text("other"), Err(Error::Denied(_))));
        // Every back end's: set by nobody, and by its default.
        assert_eq!(config::text("share_backend_name"), Ok(None));
        assert_eq!(config::float("max_over_subscription_ratio"), Ok(Some(20.0)));
    });
}

#[test]
fn lines_are_kept_up_to_the_limit_of_a_call() {
    let host = Host::new();
    host.run(|| (0..1500).for_each(|at| log::info(format!("line {at}"))));
    assert_eq!(host.logged().len(), 1000);
    host.run(|| log::write(log::Level::Warning, "odd", &[("share", "share-1")]));
    let last = host.logged().pop().unwrap();
    assert_eq!((last.level, last.message.as_str()), (log::Level::Warning, "odd"));
    assert_eq!(last.fields, [("share".to_owned(), "share-1".to_owned())]);
}

#[test]
fn addresses_are_for_the_calls_of_their_own_server() {
    let host = Host::new().network(Label::User, "192.0.2.0/29");
    host.run(|| assert_eq!(case(allocate("s1", Some(1), Label::User)), "denied"));
    host.run_for_server("s1", || {
        assert_eq!(case(allocate("s2", Some(1), Label::User)), "denied");
        assert_eq!(case(allocate("s1", Some(1), Label::Admin)), "denied");
        let first = allocate("s1", Some(2), Label::User).unwrap();
        assert_eq!(allocate("s1", Some(2), Label::User).unwrap(), first);
        assert_eq!(case(allocate("s1", Some(3), Label::User)), "conflict");
        assert_eq!(allocate("s1", None, Label::User), Ok(Vec::new()));
    });
    assert_eq!(host.addresses("s1"), ["192.0.2.1", "192.0.2.2"]);
    host.run_for_server("s2", || {
        assert_eq!(case(allocate("s2", Some(5), Label::User)), "limit");
    });
    assert_eq!(host.addresses("s2"), Vec::<String>::new());
    let leased = host.lease_for_setup("s2", 4, Label::User).unwrap();
    host.run_for_server("s2", || {
        assert_eq!(allocate("s2", None, Label::User).unwrap(), leased);
        deallocate("s2").unwrap();
        deallocate("s2").unwrap();
    });
    assert_eq!(host.addresses("s2"), Vec::<String>::new());
    assert!(matches!(host.lease_for_setup("s2", 1, Label::Admin), Err(HostError::Denied(_))));
}
