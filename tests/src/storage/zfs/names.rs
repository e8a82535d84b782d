//! Identifiers that a service could make up, of which the datasets' names are made.

use abaca::Error;
use abaca::types::{Error as DriverError, Share, Snapshot};

use super::{Home, driver_error, everything, in_pool};
use crate::support::snapshot;

/// Odd in each way that a service could think of, and some that only an attacker could.
const ODD: [&str; 13] = [
    "",
    "..",
    "../tank",
    "a/b",
    "a@b",
    "a#b",
    "a%b",
    "a,b",
    "a b",
    "ä",
    "a\nb",
    "$(reboot)",
    "a\tb",
];

fn assert_typed<T: std::fmt::Debug>(answer: Result<T, Error>, what: &str) {
    use DriverError::{BackendFailed, Denied, Other};
    if matches!(answer, Err(Error::Invalid(_))) {
        return;
    }
    let error = driver_error(answer);
    assert!(matches!(error, BackendFailed(_) | Denied(_) | Other(_)), "{what}: {error:?}");
}

#[tokio::test]
async fn an_odd_name_is_an_error_that_changes_nothing() {
    let Some(home) =
        Home::new(module_path!(), "an_odd_name_is_an_error_that_changes_nothing", "odd names")
            .await
    else {
        return;
    };
    let (one, _) = home.made(&in_pool("tank", 1)).await;
    let taken = snapshot(&one);
    home.backend.create_snapshot(&taken, None).await.unwrap();
    let before = everything();
    let long = "x".repeat(300);
    for id in ODD.into_iter().chain([long.as_str()]) {
        let what = format!("{id:?}");
        let odd = Share { id: id.to_owned(), ..in_pool("tank", 1) };
        if !id.is_empty() && id != ".." {
            assert_typed(home.backend.create_share(&odd, None).await, &what);
            assert_typed(home.backend.create_share_from_snapshot(&odd, &taken, None).await, &what);
            let odd = Snapshot { id: id.to_owned(), ..snapshot(&one) };
            assert_typed(home.backend.create_snapshot(&odd, None).await, &what);
        }
        // One that is not there is removed already, whatever it would be called.
        if let Err(error) = home.backend.delete_share(&odd, None).await {
            assert_typed(Err::<(), _>(error), &what);
        }
        assert_eq!(everything(), before, "{id:?}");
    }
    for pool in ["", "..", "tank/", "-r", "tank@a", "lake"] {
        let odd = Share { pool: Some(pool.to_owned()), ..in_pool("tank", 1) };
        let error = driver_error(home.backend.create_share(&odd, None).await);
        assert!(matches!(error, DriverError::InvalidShare(_)), "{pool:?}: {error:?}");
    }
    assert_eq!(everything(), before);
}
