//! Whether share servers are handled, and what is skipped where they are not.

use abaca::types::{ShareServer, ShareServerStatus};
use abaca::{Backend, Blame, Error, OptionValue};

use super::{calls, mode, open};
use crate::dummy::servers::{info, records};
use crate::support::{Ground, Log};

/// The drivers, and the modes that each of them declares.
const DRIVERS: [(&str, &[bool]); 3] = [
    ("abaca-guest-minimal", &[false]),
    ("abaca-guest-obedient", &[true]),
    ("abaca-driver-dummy", &[false, true]),
];

/// `_verify_share_server_handling` of upstream.
#[tokio::test]
async fn driver_handles_share_servers_must_be_set() {
    for (component, _) in DRIVERS {
        let ground = Ground::new();
        let text = ("driver_handles_share_servers", OptionValue::Text("true".to_owned()));
        for (options, reason) in [(vec![], "must be set"), (vec![text], "true or false")] {
            match open(&ground, component, &options).await {
                Err(error @ Error::Option { .. }) => {
                    assert_eq!(error.blame(), Blame::Operator);
                    let text = error.to_string();
                    let names_both = text.contains("driver_handles_share_servers");
                    assert!(names_both && text.contains(reason), "{component}: {text}");
                }
                other => panic!("{component}: {other:?}"),
            }
        }
        assert!(std::fs::read_dir(ground.state()).unwrap().next().is_none(), "nothing was made");
    }
}

#[tokio::test]
async fn driver_handles_share_servers_must_be_a_mode_of_the_driver() {
    for (component, modes) in DRIVERS {
        for handled in [false, true] {
            let ground = Ground::new();
            let opened = open(&ground, component, &[mode(handled)]).await;
            if modes.contains(&handled) {
                assert_eq!(opened.unwrap().driver_handles_share_servers(), handled);
                continue;
            }
            match opened {
                Err(error @ Error::Mismatch(_)) => {
                    assert_eq!(error.blame(), Blame::Operator);
                    let text = error.to_string();
                    let refused = format!("driver_handles_share_servers = {handled}");
                    let allowed = format!("set it to {}", !handled);
                    assert!(text.contains(&refused) && text.contains(&allowed), "{text}");
                }
                other => panic!("{component}: {other:?}"),
            }
            assert!(std::fs::read_dir(ground.state()).unwrap().next().is_none(), "nothing is made");
        }
    }
}

/// The dummy driver where share servers are not handled.
async fn unhandled(ground: &Ground) -> Backend {
    open(ground, "abaca-driver-dummy", &[mode(false)]).await.unwrap()
}

/// Asserts that this was said once, and that the driver knows nothing of it.
async fn assert_skipped(log: Log, backend: &Backend, ground: &Ground, method: &str) {
    let said = format!("share servers are not handled: {method} skipped");
    assert_eq!(log.text().matches(&said).count(), 1, "{}", log.text());
    assert_eq!(calls(ground, "dummy"), 0);
    assert!(records(backend).await.is_empty());
}

#[tokio::test]
async fn setup_server_is_skipped_and_says_so_where_servers_are_not_handled() {
    let ground = Ground::new();
    let backend = unhandled(&ground).await;
    let log = Log::capture();
    assert_eq!(backend.setup_server(info("one"), &[]).await.unwrap(), None);
    assert_skipped(log, &backend, &ground, "setup-server").await;
}

#[tokio::test]
async fn teardown_server_is_skipped_and_says_so_where_servers_are_not_handled() {
    let ground = Ground::new();
    let backend = unhandled(&ground).await;
    let server = ShareServer {
        id: "one".to_owned(),
        host: "test@dummy".to_owned(),
        share_network_id: "network".to_owned(),
        status: ShareServerStatus::Active,
        backend_details: Vec::new(),
        network_allocations: Vec::new(),
    };
    let log = Log::capture();
    backend.teardown_server(&server, &[]).await.unwrap();
    assert_skipped(log, &backend, &ground, "teardown-server").await;
}
