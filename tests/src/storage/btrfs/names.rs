//! Names that a service could make of its template, and what becomes of the odd ones.

use std::collections::BTreeMap;
use std::path::PathBuf;

use abaca::Error;
use abaca::types::{Error as DriverError, Share, Snapshot};

use super::{Home, driver_error};
use crate::support::{share, snapshot, tree};

/// Odd in each way that upstream's template lets through, and in some more.
const ODD: [&str; 14] = [
    "",
    ".",
    "..",
    "../share",
    "a/b",
    "/etc",
    "-r",
    "--subvolid",
    "share 1",
    "share_1",
    "Share-1",
    "freigabe-ä",
    "a\nb",
    "$(reboot)",
];

/// All that is in a pool.
fn all(home: &Home) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    tree(&home.pool.path())
}

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
    let Some(home) = Home::new("odd names").await else { return };
    let (one, _) = home.made(&share("one", 1)).await;
    let taken = snapshot(&one);
    home.backend.create_snapshot(&taken, None).await.unwrap();
    let before = all(&home);
    let long = "x".repeat(65);
    for name in ODD.into_iter().chain([long.as_str()]) {
        let odd = Share { name: name.to_owned(), ..share("odd", 1) };
        let what = format!("{name:?}");
        assert_typed(home.backend.create_share(&odd, None).await, &what);
        assert_typed(home.backend.create_share_from_snapshot(&odd, &taken, None).await, &what);
        assert_typed(home.backend.delete_share(&odd, None).await, &what);
        let odd = Snapshot { name: name.to_owned(), ..snapshot(&one) };
        assert_typed(home.backend.create_snapshot(&odd, None).await, &what);
        // One that is not there is removed already, whatever it would be called.
        if let Err(error) = home.backend.delete_snapshot(&odd, None).await {
            assert_typed(Err::<(), _>(error), &what);
        }
        assert_eq!(all(&home), before, "{name:?}");
    }
}
