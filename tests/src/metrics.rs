//! The figures: what is counted is what happened, their number is bounded, and what a driver says
//! is in none of them. The spans that join the log with the audit are looked at here too; the
//! endpoint that shows the figures in `endpoint`.

mod endpoint;

use std::collections::BTreeSet;
use std::time::Duration;

use abaca::{Error, Limits, Quarantine, Runtime};

use crate::support::{Ground, Log, attack_share, load, runtime, runtime_strict, share, until};

/// The value of one series, told as it stands in the text; 0 where it is not there yet.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

fn of(runtime: &Runtime, series: &str) -> f64 {
    value(&runtime.metrics().unwrap(), series)
}

#[tokio::test]
async fn what_happened_is_counted() {
    let ground = Ground::new();
    let mut limits = Limits::default();
    limits.cpu = Duration::from_millis(200);
    let mut rules = Quarantine::default();
    (rules.strikes, rules.denials) = (3, 1);
    let runtime = runtime_strict(limits, rules);
    let driver = load(&runtime, "abaca-guest-hostile").await;
    let policy = "schema = 1\ndriver = \"hostile\"\n[[command]]\nid = \"fail\"\n\
                  program = \"/usr/bin/false\"\nargs = []\n";
    let backend = ground.backend("hostile", driver, policy, &[]).await;
    for (attack, arguments) in [
        ("echo", &["a"][..]),
        ("command", &["false"]),
        ("none", &[]),
        ("command", &["no\"such{program=\"1\"}"]),
        ("trap", &[]),
        ("loop", &[]),
        ("echo", &["refused"]),
    ] {
        let _ = backend.create_share(&attack_share(attack, arguments), None).await;
    }
    let created = |outcome: &str| {
        let labels = format!("backend=\"hostile\",method=\"create-share\",outcome=\"{outcome}\"");
        of(&runtime, &format!("abaca_calls_total{{{labels}}}"))
    };
    assert_eq!(["ok", "failed", "refused", "interrupted"].map(created), [3.0, 3.0, 1.0, 0.0]);
    for (series, wanted) in [
        ("abaca_errors_total{backend=\"hostile\",blame=\"operator\"}", 1.0),
        // A crash, a limit, and the call that the quarantine refused.
        ("abaca_errors_total{backend=\"hostile\",blame=\"driver\"}", 3.0),
        ("abaca_limits_total{backend=\"hostile\",limit=\"cpu\"}", 1.0),
        (
            "abaca_requests_total{backend=\"hostile\",import=\"command.run\",verdict=\"granted\"}",
            1.0,
        ),
        (
            "abaca_requests_total{backend=\"hostile\",import=\"command.run\",verdict=\"denied\"}",
            1.0,
        ),
        ("abaca_strikes_total{backend=\"hostile\",kind=\"trap\"}", 1.0),
        ("abaca_strikes_total{backend=\"hostile\",kind=\"denials\"}", 1.0),
        ("abaca_calls_running{backend=\"hostile\"}", 0.0),
        ("abaca_call_seconds_count{backend=\"hostile\"}", 6.0),
        ("abaca_instantiation_seconds_count{backend=\"hostile\"}", 6.0),
        ("abaca_command_seconds_count{backend=\"hostile\"}", 1.0),
    ] {
        assert_eq!(of(&runtime, series), wanted, "{series}\n{}", runtime.metrics().unwrap());
    }
    for series in ["abaca_lifted_bytes_total", "abaca_lowered_bytes_total"] {
        assert!(of(&runtime, &format!("{series}{{backend=\"hostile\"}}")) > 0.0, "{series}");
    }
    // The time that the loop computed, at least.
    assert!(of(&runtime, "abaca_call_seconds_sum{backend=\"hostile\"}") >= 0.2);
    let text = runtime.metrics().unwrap();
    assert!(!text.contains("such") && text.ends_with("# EOF\n"), "{text}");
}

#[tokio::test]
async fn a_deadline_is_counted_by_what_was_at_work() {
    let ground = Ground::new();
    let mut limits = Limits::default();
    limits.wall = Duration::from_millis(300);
    let runtime = runtime(limits);
    let driver = load(&runtime, "abaca-guest-hostile").await;
    let policy = "schema = 1\ndriver = \"hostile\"\n";
    let backend = ground.backend("hostile", driver, policy, &[]).await;
    backend.create_share(&attack_share("sleep", &["60000"]), None).await.unwrap_err();
    let part = |part: &str| {
        of(&runtime, &format!("abaca_deadlines_total{{backend=\"hostile\",part=\"{part}\"}}"))
    };
    assert_eq!(["import", "guest", "queue"].map(part), [1.0, 0.0, 0.0]);
    let errors = "abaca_errors_total{backend=\"hostile\",blame=\"backend\"}";
    assert_eq!(of(&runtime, errors), 1.0);
}

#[tokio::test]
async fn a_call_that_is_given_up_is_counted_and_runs_no_longer() {
    let ground = Ground::new();
    let runtime = runtime(Limits::default());
    let driver = load(&runtime, "abaca-guest-hostile").await;
    let policy = "schema = 1\ndriver = \"hostile\"\n";
    let backend = ground.backend("hostile", driver, policy, &[]).await;
    let one = attack_share("sleep", &["60000"]);
    let running = "abaca_calls_running{backend=\"hostile\"}";
    {
        let call = std::pin::pin!(backend.create_share(&one, None));
        tokio::select! {
            ended = call => panic!("{ended:?}"),
            () = until("it runs", || of(&runtime, running) == 1.0) => {}
        }
    }
    assert_eq!(of(&runtime, running), 0.0);
    let series =
        "abaca_calls_total{backend=\"hostile\",method=\"create-share\",outcome=\"interrupted\"}";
    assert_eq!(of(&runtime, series), 1.0);
}

#[tokio::test]
async fn the_number_of_series_is_bounded() {
    let ground = Ground::new();
    let runtime = runtime(Limits::default());
    let driver = load(&runtime, "abaca-guest-minimal").await;
    let policy = "schema = 1\ndriver = \"minimal\"\n";
    for number in 0..70 {
        let name = format!("minimal-{number}");
        let backend = ground.backend(&name, driver.clone(), policy, &[]).await;
        backend.do_setup().await.unwrap();
        backend.check_for_setup_error().await.unwrap();
        backend.get_share_stats(true).await.unwrap();
        let one = share("one", 1);
        backend.create_share(&one, None).await.unwrap();
        backend.delete_share(&one, None).await.unwrap();
    }
    // A backend that is opened again is the same one.
    ground.backend("minimal-0", driver, policy, &[]).await.do_setup().await.unwrap();
    let text = runtime.metrics().unwrap();
    let named =
        |line: &str| Some(line.split_once("{backend=\"")?.1.split_once('"').unwrap().0.to_owned());
    let backends: BTreeSet<_> = text.lines().filter_map(named).collect();
    assert_eq!(backends.len(), 65, "{backends:?}");
    let setup = |backend: &str| {
        let labels = format!("backend=\"{backend}\",method=\"do-setup\",outcome=\"ok\"");
        value(&text, &format!("abaca_calls_total{{{labels}}}"))
    };
    assert_eq!(["minimal-0", "minimal-63", "_others"].map(setup), [2.0, 1.0, 6.0]);
    assert!(series(&text) < 65 * 70, "{}", series(&text));
}

fn series(text: &str) -> usize {
    text.lines().filter(|line| !line.starts_with('#')).count()
}

#[tokio::test]
async fn what_a_driver_asks_makes_no_series_of_its_own() {
    let ground = Ground::new();
    let runtime = runtime(Limits::default());
    let driver = load(&runtime, "abaca-guest-hostile").await;
    let policy = "schema = 1\ndriver = \"hostile\"\n";
    let backend = ground.backend("hostile", driver, policy, &[]).await;
    let mut counts = Vec::new();
    for round in 0..3 {
        let word = format!("word-{round}");
        for attack in
            ["command", "config", "file", "state", "lock-hold", "log", "fail", "echo", "no"]
        {
            let _ = backend.create_share(&attack_share(attack, &[&word, &word, &word]), None).await;
        }
        let _ = backend.create_share(&attack_share("trap", &[]), None).await;
        let text = runtime.metrics().unwrap();
        assert!(!text.contains("word"), "{text}");
        counts.push(series(&text));
    }
    assert!(counts[0] > 30 && counts.iter().all(|count| *count == counts[0]), "{counts:?}");
    assert!(counts[0] < 300, "{counts:?}");
}

#[tokio::test]
async fn a_command_has_a_span_within_that_of_its_request() {
    let log = Log::with_spans();
    let ground = Ground::new();
    let backend = ground.directory(&runtime(Limits::default()), &[]).await;
    backend.get_share_stats(true).await.unwrap();
    let intent = ground.audit("home").into_iter().rfind(|line| line["import"] == "command.run");
    let intent = intent.unwrap();
    let (call, request) = (intent["call"].as_str().unwrap(), &intent["request"]);
    let text = log.text();
    let is_it = |line: &&str| line.contains("command{programs=") && line.contains(": close ");
    let line = text.lines().find(is_it).unwrap_or_else(|| panic!("{text}"));
    let place = |what: &str| line.find(what).unwrap_or_else(|| panic!("{what}: {line}"));
    let order = [&format!("call=\"{call}\""), &format!("request={request}"), "command{programs="];
    assert!(order.map(place).is_sorted(), "{line}");
    assert!(line.contains("df"), "{line}");
}

#[tokio::test]
async fn a_line_of_the_log_says_which_lines_of_the_audit_belong_to_it() {
    let log = Log::capture();
    let ground = Ground::new();
    let backend = ground.directory(&runtime(Limits::default()), &[]).await;
    backend.do_setup().await.unwrap();
    let one = share("one", 1);
    backend.create_share(&one, None).await.unwrap();
    let text = log.text();
    let outcomes = ground.audit("home").into_iter().filter(|line| line["event"] == "outcome");
    let mut seen = 0;
    for line in outcomes {
        let (call, request) = (line["call"].as_str().unwrap(), &line["request"]);
        let (call, request) = (format!("call=\"{call}\""), format!("request={request}"));
        let import = line["import"].as_str().unwrap();
        let told = text.lines().find(|told| {
            told.contains(&call) && told.contains(&request) && told.contains("granted by")
        });
        let told = told.unwrap_or_else(|| panic!("{line} is not told in {text}"));
        assert!(told.contains(&format!("import=\"{import}\"")), "{told}");
        assert!(told.contains("backend=\"home\"") && told.contains("method="), "{told}");
        seen += 1;
    }
    assert!(seen > 0);
    let answer: Result<(), Error> = backend.delete_share(&one, None).await;
    answer.unwrap();
}
