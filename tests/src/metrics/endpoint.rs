//! The endpoint of `abaca serve --metrics`: it shows the figures while the service works, and nobody
//! who can reach it can hurt either.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use super::value;
use crate::support::{Ground, PATIENCE, Service, dummy_desk, share};

/// How often each client calls while the figures are looked at.
const CALLS: usize = 20;
const CLIENTS: usize = 4;

/// What Prometheus asks.
const GET: &str = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn start(ground: &Ground, place: &str) -> (Service, String) {
    let desk = dummy_desk(ground, "");
    let service = Service::start(ground, &desk, &["--metrics", place]);
    let at = service.listening["metrics"].as_str().unwrap().to_owned();
    (service, at)
}

fn connect(at: &str) -> TcpStream {
    let stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(PATIENCE * 3)).unwrap();
    stream
}

/// Sends bytes and answers all that comes back. A service that closes early may reset.
fn says(at: &str, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = connect(at);
    let _ = stream.write_all(bytes.as_ref());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

/// The figures, of an answer that must have them.
fn figures(answer: &str) -> String {
    let (header, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    assert!(header.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(header.to_lowercase().contains("content-type: application/openmetrics-text"));
    for line in body.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(series.starts_with("abaca_") && value.parse::<f64>().is_ok(), "{line}");
    }
    assert!(body.ends_with("# EOF\n"), "{body}");
    body.to_owned()
}

fn of_dummy(mut params: Value) -> Value {
    params["backend"] = "dummy".into();
    params
}

#[test]
fn the_figures_are_right_and_to_be_had_while_the_service_works() {
    let ground = Ground::new();
    let (service, at) = start(&ground, "127.0.0.1:0");
    let created = "abaca_calls_total{backend=\"dummy\",method=\"create-share\",outcome=\"ok\"}";
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let mut client = service.client();
                scope.spawn(move || {
                    for _ in 0..CALLS {
                        client.ok("create_share", &of_dummy(json!({ "share": share("one", 1) })));
                    }
                })
            })
            .collect();
        let mut last = 0.0;
        while !clients.iter().all(|client| client.is_finished()) {
            let now = value(&figures(&says(&at, GET)), created);
            assert!(now >= last, "a counter does not go back");
            last = now;
        }
    });
    let text = figures(&says(&at, GET));
    assert_eq!(value(&text, created), (CALLS * CLIENTS) as f64, "{text}");
    assert_eq!(value(&text, "abaca_calls_running{backend=\"dummy\"}"), 0.0);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_socket_has_the_permissions_of_the_service() {
    let ground = Ground::new();
    let path = ground.path().join("metrics.sock");
    let (service, at) = start(&ground, &format!("unix:{}", path.display()));
    assert_eq!(at, format!("unix:{}", path.display()));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(GET.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(figures(&answer).contains("abaca_calls_total{backend=\"dummy\",method=\"do-setup\""));
    assert_eq!(service.stop(), Some(0));
    assert!(!path.exists(), "it goes with its service");
}

#[test]
fn nobody_who_reaches_it_can_hurt_the_service() {
    let ground = Ground::new();
    let (service, at) = start(&ground, "127.0.0.1:0");
    let long = "x".repeat(64 * 1024);
    let lines: String = (0..200).map(|line| format!("A{line}: b\r\n")).collect();
    for (request, wanted) in [
        ("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", " 405 "),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", " 400 "),
        ("DELETE /metrics HTTP/1.1\r\nHost: a\r\n\r\n", " 405 "),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", " 404 "),
        ("GET /metrics/../state HTTP/1.1\r\nHost: a\r\n\r\n", " 404 "),
        ("GET /metrics HTTP/9.9\r\n\r\n", " 400 "),
        ("\u{0}\u{1}\u{2}nonsense\r\n\r\n", " 400 "),
        (&format!("GET /metrics HTTP/1.1\r\nA: {long}\r\n\r\n"), " 431 "),
        (&format!("GET /{long} HTTP/1.1\r\n\r\n"), " 4"),
        (&format!("GET /metrics HTTP/1.1\r\n{lines}\r\n"), " 431 "),
        ("GET /metrics HTTP/1.1\r\nA\u{0}: b\r\n\r\n", " 400 "),
    ] {
        let answer = says(&at, request);
        let status = answer.lines().next().unwrap_or_default();
        // A client that is cut off in the middle of too long a request may see no answer.
        let cut = status.is_empty() && request.len() > 1024;
        assert!(cut || status.contains(wanted), "{:.100}: {answer}", request);
    }
    // One request in a connection, and one answer.
    let answer = says(&at, GET.repeat(3));
    assert_eq!(answer.matches("# EOF").count(), 1);
    assert!(says(&at, GET.replace("GET", "HEAD")).ends_with("\r\n\r\n"));
    // More than can be served at once say nothing, or begin and never end; they are left to wait,
    // and everybody else waits no longer than they may.
    let idle: Vec<_> = (0..20).map(|_| connect(&at)).collect();
    let mut begun = connect(&at);
    begun.write_all(b"GET /metrics HTTP/1.1\r\nHost").unwrap();
    let mut client = service.client();
    client.ok("create_share", &of_dummy(json!({ "share": share("one", 1) })));
    figures(&says(&at, GET));
    drop((idle, begun));
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_place_that_is_none_is_refused() {
    let ground = Ground::new();
    let desk = dummy_desk(&ground, "");
    let socket = ground.path().join("door.sock");
    let socket = socket.to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let said = desk.fails(2, &["serve", "--socket", socket, "--metrics", &taken]);
    assert!(said.contains(&taken) && said.contains("another address"), "{said}");
    let answer = desk.run(&["serve", "--socket", socket, "--metrics", "localhost"]);
    assert_eq!(answer.code, Some(2));
    assert!(answer.stderr.contains("127.0.0.1:9464"), "{answer:?}");
}
