//! Calls that were cut short, a server that is down, names that mean something else.

use std::fs;

use abaca::Error;
use abaca::types::{AccessLevel, Error as DriverError};

use super::{Home, READER, WRITER, cifs, open, start, user};
use crate::support::dropped_at;

/// Whatever a call was at when its service was killed, the same call makes it good.
#[tokio::test]
async fn a_call_that_was_cut_short_is_repeated() {
    let Some(mut home) = Home::new("CIFS calls that are cut short").await else { return };
    let share = home.made(&[]).await;
    let rules = [user(WRITER, AccessLevel::Rw)];
    for point in (2..40).step_by(4) {
        let call = home.backend.update_access(&share, &rules, &[], &[], None);
        let ended = dropped_at(point, call).await;
        drop(home.backend);
        home.backend = open(&home.ground).await;
        home.let_in(&share, &rules).await;
        home.client(0, WRITER, &share, "ls").unwrap();
        home.let_in(&share, &[]).await;
        assert!(home.client(0, WRITER, &share, "ls").is_err());
        if ended.is_some() {
            break;
        }
    }
    home.backend.delete_share(&share, None).await.unwrap();
}

/// What is in the registry is there when the server starts again, and `ensure-share` puts it
/// there where it is not.
#[tokio::test]
async fn a_server_that_starts_again_has_all_shares() {
    let Some(mut home) = Home::new("a Samba that starts again").await else { return };
    let share = home.made(&[user(WRITER, AccessLevel::Rw)]).await;
    home.server.take().unwrap().stop();
    match home.backend.update_access(&share, &[], &[], &[], None).await {
        Err(Error::Driver(DriverError::BackendFailed(why))) => {
            assert!(why.contains("smbd"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    // Whether it is served is asked, too.
    match home.backend.ensure_share(&share, None).await {
        Err(Error::Driver(DriverError::BackendFailed(why))) => {
            assert!(why.contains("smbd"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    let configuration = home.ground.path().join("samba/smb.conf");
    home.server = Some(start(&home.network.server, &configuration).await);
    assert!(home.client(0, WRITER, &share, "ls").is_err(), "the rule was gone already");
    home.let_in(&share, &[user(READER, AccessLevel::Rw)]).await;
    home.client(1, READER, &share, "ls").unwrap();
    let configuration = configuration.to_str().unwrap().to_owned();
    home.network.server.run("net", &["-s", &configuration, "conf", "delshare", &share.name]);
    home.backend.ensure_share(&share, None).await.unwrap();
    home.client(1, READER, &share, "ls").unwrap();
}

/// A line that the operator's configuration lacks is named before any share is made.
#[tokio::test]
async fn what_the_servers_configuration_lacks_is_named() {
    let Some(home) = Home::new("a Samba without registry shares").await else { return };
    let file = home.ground.path().join("samba/smb.conf");
    let whole = fs::read_to_string(&file).unwrap();
    for line in ["registry shares = yes", "interfaces = "] {
        let lacks = |one: &&str| !one.starts_with(line);
        let less: Vec<_> = whole.lines().filter(lacks).collect();
        fs::write(&file, less.join("\n")).unwrap();
        match home.backend.check_for_setup_error().await {
            Err(Error::Driver(DriverError::BadConfiguration(why))) => {
                assert!(why.contains(&format!("`{line}")), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }
    fs::write(&file, whole).unwrap();
    home.backend.check_for_setup_error().await.unwrap();
}

/// A share whose name is a section of Samba's own is refused, and changes nothing.
#[tokio::test]
async fn a_share_cannot_be_a_section_of_the_servers_own() {
    let Some(home) = Home::new("CIFS shares with odd names").await else { return };
    for name in ["global", "homes", "print$", "share-a]", "share-a\nb", "share-A", "other"] {
        let mut odd = cifs("odd");
        odd.name = name.to_owned();
        assert!(home.backend.create_share(&odd, None).await.is_err(), "{name:?}");
    }
    let share = home.made(&[user(WRITER, AccessLevel::Rw)]).await;
    home.client(0, WRITER, &share, "ls").unwrap();
}
