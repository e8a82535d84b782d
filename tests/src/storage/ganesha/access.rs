//! Whom an export lets in, and what they may do there, as clients see it.

use std::io::Read;
use std::process::Stdio;

use abaca::types::{AccessLevel, AccessRule, AccessType, Error as DriverError, Share};

use super::directory::{Home, driver_error};
use super::{assert_says, ip, url};
use crate::storage::network::{CLIENTS_6, SERVER_6};
use crate::support::{rule, share};

use AccessLevel::{Ro, Rw};

/// What the two clients may do: `w`rite, `r`ead only, or not see it at all.
fn may(home: &Home, location: &str, number: usize) -> (char, char) {
    let one = |client: usize| {
        let client = home.nfs.client(client);
        let name = format!("{number}-{}", client.address());
        match client.write(location, &name, "x") {
            Ok(()) => 'w',
            Err(said) if said.contains("NFS4ERR_ROFS") => match client.read(location, "file") {
                Ok(_) => 'r',
                Err(said) => panic!("{said}"),
            },
            Err(said) => {
                assert!(said.contains("NFS4ERR_NOENT"), "{said}");
                assert_says(client.read(location, "file"), "NFS4ERR_NOENT");
                '-'
            }
        }
    };
    (one(0), one(1))
}

/// Makes a share with a file in it that the first client wrote.
async fn begun(home: &Home) -> (Share, String) {
    let (current, location) = home.made(&share("one", 1)).await;
    let one = home.nfs.client(0);
    home.rules(&current, &[ip(one.address(), Rw)]).await;
    one.write(&location, "file", "content").unwrap();
    (current, location)
}

#[tokio::test]
async fn rules_let_in_whom_they_name() {
    let Some(home) = Home::new("access rules on NFS").await else { return };
    let (current, location) = begun(&home).await;
    // Each set in the place of the one before.
    type Rules = [(&'static str, AccessLevel)];
    let sets: [(&Rules, (char, char)); 14] = [
        (&[("198.51.100.12", Rw)], ('-', 'w')),
        (&[("198.51.100.11", Ro), ("198.51.100.12", Rw)], ('r', 'w')),
        (&[("198.51.100.0/24", Ro)], ('r', 'r')),
        // The smaller network's rule holds, in whatever order they come.
        (&[("198.51.100.0/24", Ro), ("198.51.100.11", Rw)], ('w', 'r')),
        (&[("198.51.100.11", Ro), ("198.51.100.0/24", Rw)], ('r', 'w')),
        (&[("198.51.100.8/30", Rw)], ('w', '-')),
        (&[("198.51.100.99/24", Rw)], ('w', 'w')),
        (&[("0.0.0.0/0", Ro)], ('r', 'r')),
        (&[("0.0.0.0/0", Rw), ("198.51.100.12/32", Ro)], ('w', 'r')),
        (&[("203.0.113.0/24", Rw)], ('-', '-')),
        // Of the other protocol.
        (&[("::/0", Rw)], ('-', '-')),
        (&[], ('-', '-')),
        (&[("198.51.100.11", Rw)], ('w', '-')),
        (&[("198.51.100.11", Rw)], ('w', '-')),
    ];
    for (number, (rules, expected)) in sets.into_iter().enumerate() {
        let set: Vec<_> = rules.iter().map(|(to, level)| ip(to, *level)).collect();
        home.rules(&current, &set).await;
        assert_eq!(may(&home, &location, number), expected, "{rules:?}");
    }
    home.backend.delete_share(&current, None).await.unwrap();
    home.assert_bare();
}

#[tokio::test]
async fn rules_of_the_newer_protocol() {
    let Some(home) = Home::new("access rules of IPv6").await else { return };
    let (current, location) = begun(&home).await;
    let newer = location.replace("198.51.100.1:", &format!("[{SERVER_6}]:"));
    let see = |rules: &[(&str, AccessLevel)]| {
        let set: Vec<_> = rules.iter().map(|(to, level)| ip(to, *level)).collect();
        let (home, current, newer) = (&home, &current, &newer);
        async move {
            home.rules(current, &set).await;
            [0, 1].map(|number| home.nfs.client(number).read(newer, "file").is_ok())
        }
    };
    assert_eq!(see(&[(CLIENTS_6[0], Ro)]).await, [true, false]);
    assert_eq!(see(&[("2001:db8:0::12/128", Rw)]).await, [false, true]);
    assert_eq!(see(&[("2001:db8::/64", Ro)]).await, [true, true]);
    assert_eq!(see(&[("::/0", Ro)]).await, [true, true]);
    assert_eq!(see(&[("2001:db8:1::/64", Ro)]).await, [false, false]);
    assert_eq!(see(&[("0.0.0.0/0", Ro)]).await, [false, false]);
    home.backend.delete_share(&current, None).await.unwrap();
}

/// What cannot be enforced is told; the rest holds, and what was taken away is.
#[tokio::test]
async fn a_rule_that_cannot_be_enforced_does_not_keep_the_others() {
    let Some(home) = Home::new("rules that cannot be enforced").await else { return };
    let (current, location) = begun(&home).await;
    let second = ip(home.nfs.client(1).address(), Ro);
    let certificate = AccessRule { access_type: AccessType::Cert, ..rule("client", Rw) };
    for refused in [rule("everyone", Rw), certificate, ip("2001:db8::/120", Rw), ip("x", Rw)] {
        let rules = [refused, second.clone()];
        let error =
            driver_error(home.backend.update_access(&current, &rules, &[], &[], None).await);
        let DriverError::InvalidShareAccess(why) = error else { panic!("{error:?}") };
        assert!(why.contains(&format!("`{}`", rules[0].access_to)), "{why}");
        assert_says(home.nfs.client(0).read(&location, "file"), "NFS4ERR_NOENT");
        assert_eq!(home.nfs.client(1).read(&location, "file").unwrap(), "content");
    }
}

/// A client that is connected, and reads a file, cannot go on once its rule is gone.
#[tokio::test]
async fn who_is_connected_is_shut_out_too() {
    const MIB: usize = 1 << 20;
    let Some(home) = Home::new("clients that are connected").await else { return };
    let (current, location) = begun(&home).await;
    let large = vec![b'x'; 16 * MIB];
    let directory = home.nfs.pool.path().join("shares").join(&current.name);
    std::fs::write(directory.join("large"), &large).unwrap();
    let connected = || {
        let mut command = home.nfs.network.clients[0].command("nfs-cat");
        command.arg(url(&location, "large")).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut client = command.stderr(Stdio::piped()).spawn().unwrap();
        // Some of it is there; the client goes on as we read.
        let mut output = client.stdout.take().unwrap();
        let mut first = vec![0; MIB / 16];
        output.read_exact(&mut first).unwrap();
        (client, output)
    };
    // To its end, when nothing is taken away; also not by another rule beside its own.
    let (mut client, mut output) = connected();
    let both = [ip(home.nfs.client(0).address(), Rw), ip(home.nfs.client(1).address(), Rw)];
    home.rules(&current, &both).await;
    let mut rest = Vec::new();
    output.read_to_end(&mut rest).unwrap();
    assert!(client.wait().unwrap().success() && rest.len() == large.len() - MIB / 16);

    for removed in [false, true] {
        home.rules(&current, &both).await;
        let (client, mut output) = connected();
        match removed {
            false => home.rules(&current, &both[1..]).await,
            true => home.backend.delete_share(&current, None).await.unwrap(),
        }
        let mut rest = Vec::new();
        output.read_to_end(&mut rest).unwrap();
        let ended = client.wait_with_output().unwrap();
        // What was on its way when the rule went is in the pipe.
        assert!(!ended.status.success() && rest.len() < 2 * MIB, "{} bytes more", rest.len());
    }
    home.assert_bare();
}
