//! Attacks on whoever reads: log lines that forge others, texts that act on a terminal, crashes
//! that should tell what happened.

use abaca::{Blame, Error};

use super::Arena;
use crate::support::Log;

#[tokio::test]
async fn a_trap_ends_the_call_and_nothing_else() {
    let error = Arena::new().await.attack("trap", &[]).await.unwrap_err();
    assert_eq!(error.blame(), Blame::Driver);
    assert!(matches!(error, Error::Trap { method: "create-share", .. }), "{error:?}");
}

#[tokio::test]
async fn a_panic_is_in_the_log_before_it_ends_the_call() {
    let arena = Arena::new().await;
    let log = Log::capture();
    let error = arena.attack("panic", &["the sky is \u{1b}[31mred"]).await.unwrap_err();
    assert!(matches!(error, Error::Trap { .. }), "{error:?}");
    let text = log.text();
    let line = text.lines().find(|line| line.contains("the sky is")).expect("the panic's text");
    assert!(line.contains("attacks.rs") && line.contains(r"\u{1b}[31mred"), "{line}");
}

#[tokio::test]
async fn a_log_line_is_one_line_of_plain_text() {
    let arena = Arena::new().await;
    let log = Log::capture();
    assert_eq!(arena.attack("log-controls", &[]).await.unwrap(), ["ok:logged"]);
    let text = log.text();
    let acts = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{2069}').contains(&c);
    assert_eq!(text.chars().find(|c| acts(*c)), None);
    assert!(text.lines().all(|line| !line.starts_with("{\"forged\"")), "{text}");
    assert!(text.lines().all(|line| line.len() < 6 * 1024), "long lines are cut");
    for kept in [r"first\u{a}", r"\u{1b}[2J", r"\u{202e}dlrow", "more)", "va"] {
        assert!(text.contains(kept), "{kept} is not in {text}");
    }
}

#[tokio::test]
async fn a_location_cannot_act_on_a_terminal() {
    let arena = Arena::new().await;
    for hostile in ["a\nb", "\u{1b}[2J", "", "nul\0"] {
        let error = arena.attack("echo", &[hostile]).await.unwrap_err();
        assert!(matches!(error, Error::Contract { .. }), "{hostile:?}: {error:?}");
    }
    assert_eq!(arena.attack("echo", &["192.0.2.1:/grün"]).await.unwrap(), ["192.0.2.1:/grün"]);
}

#[tokio::test]
async fn options_are_told_only_if_they_are_the_drivers_own() {
    let arena = Arena::new().await;
    for guess in ["directory_export_root", "PATH", "hostile", "../state", "", "hostile_\0text"] {
        let answer = arena.attack("config", &[guess]).await.unwrap();
        assert!(answer[0].contains("Denied"), "{guess:?}: {answer:?}");
        let audit = arena.audited("denied");
        assert_eq!(audit.last().unwrap()["import"], "config.get");
    }
    assert_eq!(arena.attack("config", &["hostile_text"]).await.unwrap(), ["ok:None"]);
    let common = arena.attack("config", &["driver_handles_share_servers"]).await.unwrap();
    assert!(common[0].starts_with("ok:Some"), "{common:?}");
}
