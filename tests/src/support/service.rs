//! `abaca serve` on a desk's configuration, and a client of it, as another program would be.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::{Desk, Ground, PATIENCE, component};

/// A service that runs; killed when it is dropped.
pub struct Service {
    pub child: Child,
    pub socket: PathBuf,
    /// What it said when it began to listen.
    pub listening: Value,
}

/// One connection to a service.
pub struct Client {
    stream: UnixStream,
    reader: BufReader<UnixStream>,
    last: u64,
}

/// The desk of a configuration with one backend `dummy`, with these options.
pub fn dummy_desk(ground: &Ground, options: &str) -> Desk {
    ground.write("dummy.policy.toml", "schema = 1\ndriver = \"dummy\"\n");
    let text = Desk::text(ground, "dummy", &component("abaca-driver-dummy"));
    Desk::with(ground, &(text + options))
}

/// The text of one more backend with the same driver and policy, to follow a configuration's.
pub fn one_more_dummy(name: &str, options: &str) -> String {
    let driver = component("abaca-driver-dummy");
    format!(
        "\n[backends.{name}]\ndriver = {driver:?}\npolicy = \"dummy.policy.toml\"\n\
         approved = false\n[backends.{name}.options]\ndriver_handles_share_servers = false\n{options}"
    )
}

/// The backends of [`dummies_desk`].
pub const DUMMIES: [&str; 4] = ["dummy", "second", "third", "fourth"];

/// As [`dummy_desk`], with as many backends as fill a connection when each is asked all it may be.
pub fn dummies_desk(ground: &Ground, options: &str) -> Desk {
    let others = DUMMIES.iter().skip(1).map(|name| one_more_dummy(name, options));
    dummy_desk(ground, &(options.to_owned() + &others.collect::<String>()))
}

/// The figures that a service shows at this socket.
pub fn figures(socket: &Path) -> String {
    let mut scrape = UnixStream::connect(socket).unwrap();
    scrape.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut text = String::new();
    scrape.read_to_string(&mut text).unwrap();
    text
}

impl Service {
    /// Starts it, and waits until it listens.
    pub fn start(ground: &Ground, desk: &Desk, words: &[&str]) -> Self {
        Self::start_with(ground, desk, words, |_| {})
    }

    /// The same with something changed about its process.
    pub fn start_with(
        ground: &Ground,
        desk: &Desk,
        words: &[&str],
        change: impl FnOnce(&mut Command),
    ) -> Self {
        let socket = ground.path().join("door.sock");
        let mut command = desk.command(&["serve", "--json", "--socket"]);
        command.arg(&socket).args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        let listening = loop {
            if stdout.read_line(&mut text).unwrap() == 0 {
                let mut said = String::new();
                if let Some(mut stderr) = child.stderr.take() {
                    stderr.read_to_string(&mut said).unwrap();
                }
                panic!("the service ended before it listened: {text}{said}");
            }
            if let Ok(listening) = serde_json::from_str(&text) {
                break listening;
            }
        };
        Self { child, socket, listening }
    }

    pub fn client(&self) -> Client {
        Client::connect(&self.socket).unwrap()
    }

    /// Tells it to stop, and waits until it has; answers its exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.signal(rustix::process::Signal::TERM);
        self.child.wait().unwrap().code()
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.child.id().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// The memory that it has in use, in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Client {
    pub fn connect(socket: &Path) -> std::io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        // A test that waits for an answer that never comes fails.
        stream.set_read_timeout(Some(PATIENCE * 3))?;
        let reader = BufReader::new(stream.try_clone()?);
        Ok(Self { stream, reader, last: 0 })
    }

    /// Sends bytes and a line's end.
    pub fn line(&mut self, line: impl AsRef<[u8]>) {
        self.stream.write_all(line.as_ref()).unwrap();
        self.stream.write_all(b"\n").unwrap();
    }

    /// Sends a request without waiting, and answers its identifier.
    pub fn send(&mut self, method: &str, params: &Value) -> u64 {
        self.last += 1;
        let request =
            json!({ "jsonrpc": "2.0", "id": self.last, "method": method, "params": params });
        self.line(request.to_string());
        self.last
    }

    /// The next line of the service, to the letter.
    pub fn text(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line
    }

    /// The next line of the service.
    pub fn receive(&mut self) -> Value {
        let line = self.text();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    /// Sends a line, and answers the next one.
    pub fn says(&mut self, line: impl AsRef<[u8]>) -> Value {
        self.line(line);
        self.receive()
    }

    /// The answer to a request.
    pub fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.send(method, params);
        let answer = self.receive();
        assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(id)), "{answer}");
        answer
    }

    /// The result of a request that must succeed.
    pub fn ok(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.ask(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer.get("result").cloned().unwrap_or_else(|| panic!("{method}: {answer}"))
    }

    /// The error of a request that must fail.
    pub fn fails(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.ask(method, params);
        assert!(answer.get("result").is_none(), "{method}: {answer}");
        answer["error"].clone()
    }

    /// Whether the service has closed the connection, which is waited for.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.reader.read_line(&mut String::new()), Ok(0) | Err(_))
    }
}
