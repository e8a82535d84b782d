//! The rooms `command`, `ssh` and `http`: what a test says is answered, and nothing else.

use abaca_sdk::command::{self, Command};
use abaca_sdk::http::{self, Method};
use abaca_sdk::testing::{Answer, Host, Reply};
use abaca_sdk::{Error, HostError, ssh};

use crate::case;

#[test]
fn what_nobody_said_an_answer_for_is_denied_with_its_words() {
    let host = Host::new().when(["df", "shares:"]).answers("1\n");
    for words in [&["shares:", "-h"][..], &["snapshots:"], &[]] {
        let error = host.run(|| command::run("df", words)).unwrap_err();
        let Error::Denied(denial) = &error else { panic!("{error:?}") };
        assert!(denial.reason.contains(&format!("{:?}", [&["df"], words].concat())), "{denial:?}");
    }
    assert_eq!(host.run(|| command::run("df", ["shares:"])).unwrap().stdout, b"1\n");
    let asked = ["command.run df shares: -h", "command.run df snapshots:", "command.run df"];
    assert_eq!(host.asked()[..3], asked);
}

#[test]
fn answers_come_in_order() {
    let host = Host::new()
        .when(["lvs"])
        .times(1)
        .answers("one\n")
        .when(["lvs"])
        .times(1)
        .exits(5, "no such group")
        .when(["lvs"])
        .errs(HostError::Deadline("10 s".into()));
    host.run(|| {
        let lvs = || Command::new("lvs").output();
        assert_eq!(lvs().unwrap().stdout_text(), Ok("one\n"));
        assert_eq!(lvs().unwrap_err().text(), "`lvs` ended with code 5: no such group");
        assert_eq!(lvs().unwrap_err(), Error::Deadline("10 s".into()));
        assert_eq!(lvs().unwrap_err(), Error::Deadline("10 s".into()));
    });
}

#[test]
fn a_retried_command_waits_on_the_hosts_clock() {
    let host = Host::new().when(["p"]).times(2).exits(1, "").when(["p"]).answers("");
    let before = host.now();
    host.run(|| Command::new("p").retry().output()).unwrap();
    assert_eq!((host.now() - before).as_secs(), 1 + 4);
    // A request all the same.
    assert_eq!(host.asked().len(), 1);

    let host = Host::new().option("num_shell_tries", 1).when(["p"]).times(1).exits(1, "");
    assert!(host.run(|| Command::new("p").retry().output()).is_err());
}

#[test]
fn a_pipeline_passes_on_what_is_written_and_fails_with_its_last_failure() {
    let host = Host::new()
        .when(["send", "{what}"])
        .does(|send| format!("<{}>", send.word("what")))
        .when(["broken"])
        .exits(3, "no")
        .when(["receive"])
        .does(|receive| Answer::bytes([b"got ", receive.stdin()].concat()));
    host.run(|| {
        let send = || Command::new("send").arg("a");
        let output = command::pipeline([send(), Command::new("receive")]).unwrap();
        assert_eq!(output.stdout, b"got <a>");
        let failed = [send(), Command::new("broken"), Command::new("receive")];
        let Err(Error::CommandFailed(failure)) = command::pipeline(failed) else { panic!() };
        assert_eq!((failure.code, failure.stderr.as_str()), (Some(3), "no"));
        assert!(command::pipeline(vec![send(); 9]).is_err() && command::pipeline([]).is_err());
    });
}

#[test]
fn output_that_was_cut_or_a_signal_is_seen() {
    let host = Host::new()
        .when(["cut"])
        .does(|_| Answer::bytes("half").truncated())
        .when(["killed"])
        .does(|_| Answer::signal(9));
    host.run(|| {
        assert!(command::run("cut", [""; 0]).unwrap().stdout_text().is_err());
        let Err(Error::CommandFailed(failure)) = command::run("killed", [""; 0]) else { panic!() };
        assert_eq!(failure.code, None);
    });
}

#[test]
fn a_remotes_programs_are_not_the_hosts() {
    let host = Host::new().when_on("filer", ["volume", "list"]).answers("vol1\n");
    host.run(|| {
        assert_eq!(ssh::run("filer", "volume", ["list"]).unwrap().stdout, b"vol1\n");
        assert!(matches!(ssh::run("other", "volume", ["list"]), Err(Error::Denied(_))));
        assert!(matches!(command::run("volume", ["list"]), Err(Error::Denied(_))));
    });
}

#[test]
fn an_origin_answers_what_the_test_says() {
    let host = Host::new().origin("filer", |request| match request.path.as_str() {
        "/volumes" => Reply::new(200, "[]").header("content-type", "application/json"),
        _ => Reply::error(HostError::Deadline("5 s".into())),
    });
    host.run(|| {
        let send = |origin, path| http::Request::new(Method::Get, origin, path).send();
        let response = send("filer", "/volumes").unwrap();
        assert_eq!((response.status, response.body.as_slice()), (200, &b"[]"[..]));
        assert_eq!(case(send("filer", "/other")), "deadline");
        assert_eq!(case(send("filer", "volumes")), "invalid");
        assert_eq!(case(send("other", "/volumes")), "denied");
    });
}
