//! Who gets in, from where, to do what: as the clients see it.

use abaca::types::{AccessLevel, Error as DriverError};

use super::super::network::CLIENTS;
use super::{Home, READER, Session, WRITER, ip, user};
use crate::support::until;

#[tokio::test]
async fn nobody_finds_a_share_without_rules() {
    let Some(home) = Home::new("a CIFS share without rules").await else { return };
    let share = home.made(&[]).await;
    assert_eq!(share.export_locations[0].path, format!("\\\\{}\\{}", super::SERVER, share.name));
    for user in [READER, WRITER] {
        assert!(home.client(0, user, &share, "ls").is_err());
    }
}

#[tokio::test]
async fn users_write_or_only_read() {
    let Some(home) = Home::new("users of a CIFS share").await else { return };
    let rules = [user(WRITER, AccessLevel::Rw), user(READER, AccessLevel::Ro)];
    let share = home.made(&rules).await;
    let letter = home.file("letter", "dear reader");
    let back = home.ground.path().join("back");
    let put = format!("put {} letter", letter.display());
    home.client(0, WRITER, &share, &put).unwrap();
    let stored = home.ground.shares().join(&share.name).join("letter");
    assert_eq!(std::fs::read_to_string(stored).unwrap(), "dear reader");
    home.client(1, READER, &share, &format!("get letter {}", back.display())).unwrap();
    assert_eq!(std::fs::read_to_string(back).unwrap(), "dear reader");
    for commands in [put.replace(" letter", " other").as_str(), "rm letter", "mkdir mine"] {
        let said = home.client(1, READER, &share, commands).unwrap_err();
        assert!(said.contains("ACCESS_DENIED") || said.contains("MEDIA_WRITE_PROTECTED"), "{said}");
    }
    let said = home.client(0, WRITER, &share, "ls").unwrap();
    assert!(said.contains("letter") && !said.contains("other") && !said.contains("mine"), "{said}");
}

#[tokio::test]
async fn hosts_and_networks_are_let_in_and_others_are_not() {
    let Some(home) = Home::new("hosts of a CIFS share").await else { return };
    let share = home.made(&[ip(CLIENTS[0])]).await;
    home.client(0, WRITER, &share, "mkdir here").unwrap();
    home.client(0, READER, &share, "ls").unwrap();
    assert!(home.client(1, WRITER, &share, "ls").unwrap_err().contains("ACCESS_DENIED"));
    home.let_in(&share, &[ip("198.51.100.0/24")]).await;
    home.client(1, WRITER, &share, "mkdir there").unwrap();
    home.let_in(&share, &[ip("203.0.113.0/24")]).await;
    for machine in [0, 1] {
        assert!(home.client(machine, WRITER, &share, "ls").is_err());
    }
    home.let_in(&share, &[ip("0.0.0.0/0")]).await;
    home.client(1, WRITER, &share, "ls").unwrap();
}

#[tokio::test]
async fn with_rules_of_both_types_a_client_fits_one_of_each() {
    let Some(home) = Home::new("users and hosts of a CIFS share").await else { return };
    let share = home.made(&[user(WRITER, AccessLevel::Rw), ip(CLIENTS[0])]).await;
    home.client(0, WRITER, &share, "ls").unwrap();
    assert!(home.client(1, WRITER, &share, "ls").is_err(), "the wrong machine");
    assert!(home.client(0, READER, &share, "ls").is_err(), "the wrong user");
}

#[tokio::test]
async fn what_cannot_be_enforced_is_refused_and_the_rest_applied() {
    let Some(home) = Home::new("rules that Samba cannot enforce").await else { return };
    let share = home.made(&[]).await;
    for (bad, level) in [("@users", false), ("S-1-1-0", false), ("a b", false), ("", true)] {
        let bad = match level {
            true => abaca::types::AccessRule { access_level: AccessLevel::Ro, ..ip(CLIENTS[1]) },
            false => user(bad, AccessLevel::Rw),
        };
        let rules = [user(WRITER, AccessLevel::Rw), ip("198.51.100.0/24"), bad];
        let answer = home.backend.update_access(&share, &rules, &[], &[], None).await;
        match answer.unwrap_err() {
            abaca::Error::Driver(DriverError::InvalidShareAccess(_)) if !level => {}
            abaca::Error::Driver(DriverError::InvalidShareAccessLevel(_)) if level => {}
            other => panic!("{other:?}"),
        }
        home.client(0, WRITER, &share, "ls").unwrap();
        assert!(home.client(0, READER, &share, "ls").is_err());
    }
}

/// A client that is connected, and works in the share, is shut out when its rule goes.
#[tokio::test]
async fn a_rule_that_goes_shuts_out_a_connected_client() {
    let Some(home) = Home::new("a connected client of a CIFS share").await else { return };
    let share = home.made(&[user(WRITER, AccessLevel::Rw)]).await;
    let mut session = Session::new(&home, 0, WRITER, &share);
    session.order("mkdir first");
    let place = home.ground.shares().join(&share.name);
    until("the connected client works", || place.join("first").is_dir()).await;
    home.let_in(&share, &[user(READER, AccessLevel::Ro)]).await;
    session.order("mkdir second");
    let said = session.end();
    assert!(said.contains("NT_STATUS_"), "{said}");
    assert!(!place.join("second").exists());
    home.client(0, READER, &share, "ls").unwrap();
    home.let_in(&share, &[user(WRITER, AccessLevel::Rw)]).await;
    home.client(0, WRITER, &share, "mkdir second").unwrap();
}

#[tokio::test]
async fn a_removed_share_is_gone_for_its_clients() {
    let Some(home) = Home::new("a removed CIFS share").await else { return };
    let share = home.made(&[user(WRITER, AccessLevel::Rw)]).await;
    home.client(0, WRITER, &share, "ls").unwrap();
    home.backend.delete_share(&share, None).await.unwrap();
    let said = home.client(0, WRITER, &share, "ls").unwrap_err();
    assert!(said.contains("BAD_NETWORK_NAME"), "{said}");
    for left in ["shares", "definitions"] {
        assert_eq!(std::fs::read_dir(home.ground.path().join(left)).unwrap().count(), 0, "{left}");
    }
}
