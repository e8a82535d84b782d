//! A share server and two clients, each with a network of its own, joined by a bridge: what tests
//! speak to shares with as clients of another machine do.
//!
//! ```text
//! server  198.51.100.1   2001:db8::1     bridge ─┬─ client 0  198.51.100.11  2001:db8::11
//!                                                └─ client 1  198.51.100.12  2001:db8::12
//! ```
//! The networks have no names: each lasts as long as a descriptor of this process, or a process in
//! it, does. So however a test ends, the kernel removes them, and the addresses are the same in
//! all tests at once. Files are not apart: everybody sees those of this machine.
//!
//! It knows nothing of NFS or SMB. `storage::ganesha` and others start servers in it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::support::{patiently, reaper, unique_sleep, until};

/// Where the server is found.
pub const SERVER: &str = "198.51.100.1";

/// The same in the newer protocol.
pub const SERVER_6: &str = "2001:db8::1";

/// The clients' addresses, as the server sees them.
pub const CLIENTS: [&str; 2] = ["198.51.100.11", "198.51.100.12"];

/// The same in the newer protocol.
pub const CLIENTS_6: [&str; 2] = ["2001:db8::11", "2001:db8::12"];

/// What makes the networks.
const TOOLS: [&str; 4] =
    ["/usr/sbin/ip", "/usr/bin/nsenter", "/usr/bin/setpriv", "/usr/bin/unshare"];

/// How long a connection to a server is tried once.
const ATTEMPT: Duration = Duration::from_secs(2);

/// The server's machine and its clients', as far as the network goes.
pub struct Network {
    pub server: Machine,
    pub clients: [Machine; 2],
}

impl Network {
    /// None, and a line that says so, for whoever may not have one, or lacks one of the `programs`
    /// that the test needs besides.
    pub fn new(skipped: &str, programs: &[&str]) -> Option<Network> {
        let needed: Vec<&str> = TOOLS.iter().chain(programs).copied().collect();
        let there = needed.iter().all(|path| Path::new(path).exists());
        if !rustix::process::geteuid().is_root() || !there {
            eprintln!("SKIPPED (needs root and {}): {skipped}", needed.join(" and "));
            return None;
        }
        reaper::start();
        let server = Machine::new();
        server.ip("link add bridge type bridge");
        server.ip("link set bridge up");
        server.addresses("bridge", SERVER, SERVER_6);
        let clients = [0, 1].map(|number| {
            let client = Machine::new();
            let port = format!("port{number}");
            let place = client.place();
            server.ip(&format!("link add {port} type veth peer name wire netns {place}"));
            server.ip(&format!("link set {port} master bridge up"));
            client.addresses("wire", CLIENTS[number], CLIENTS_6[number]);
            client.ip("link set wire up");
            client
        });
        Some(Network { server, clients })
    }
}

/// One machine's network.
pub struct Machine {
    /// What keeps it.
    network: File,
}

impl Machine {
    fn new() -> Machine {
        // What it answers is said from inside; after that nobody needs to be there.
        let mut inside = Command::new("unshare")
            .args(["--net", "--", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut to, mut from) = (inside.stdin.take().unwrap(), inside.stdout.take().unwrap());
        to.write_all(b"?").unwrap();
        from.read_exact(&mut [0]).unwrap();
        let network = File::open(format!("/proc/{}/ns/net", inside.id())).unwrap();
        drop(to);
        inside.wait().unwrap();
        let machine = Machine { network };
        machine.ip("link set lo up");
        machine
    }

    /// The network as a path, while this process lives.
    fn place(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.network.as_raw_fd())
    }

    fn ip(&self, words: &str) {
        self.run("ip", &words.split(' ').collect::<Vec<_>>());
    }

    fn addresses(&self, link: &str, old: &str, new: &str) {
        self.ip(&format!("address add {old}/24 dev {link}"));
        // At once, not after having asked whether somebody else has it.
        self.ip(&format!("address add {new}/64 dev {link} nodad"));
    }

    /// A program here, not yet started. It ends with the thread that starts it, whatever ends that.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", "nsenter"]);
        command.arg(format!("--net={}", self.place()));
        command.args(["--", program]);
        command
    }

    /// Runs a program here to its end, whatever that is.
    pub fn output(&self, program: &str, arguments: &[&str]) -> Output {
        self.command(program).args(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a program here, which must succeed, and says what it wrote.
    pub fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.output(program, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts a program here that stays in the foreground until it is stopped.
    pub fn start(&self, command: &mut Command) -> Server {
        Server { process: command.process_group(0).stdin(Stdio::null()).spawn().unwrap() }
    }

    /// Runs some of this test here, in a thread of its own: sockets that it opens are of this
    /// machine for ever.
    pub fn within<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                let kind = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(self.network.as_fd(), kind).unwrap();
                run()
            });
            inside.join().unwrap()
        })
    }

    /// Connects from here.
    pub fn connect(&self, address: SocketAddr) -> std::io::Result<TcpStream> {
        self.within(|| TcpStream::connect_timeout(&address, ATTEMPT))
    }

    /// Waits until somebody here answers at a port.
    pub async fn answers(&self, port: u16) {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        until(&format!("the server answers at {port}"), || self.connect(address).is_ok()).await;
    }
}

/// A server that runs. It is killed when it is dropped, and when this process ends: by the kernel,
/// the server itself; by us, those too that it has started and that have stayed in its group.
pub struct Server {
    process: Child,
}

impl Server {
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().unwrap()
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) {
        self.signal(Signal::TERM);
        self.process.wait().unwrap();
    }

    fn signal(&self, signal: Signal) {
        let group = Pid::from_child(&self.process);
        // There is none when all of it has ended.
        let _ = kill_process_group(group, signal);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.process.wait();
    }
}

/// The clients reach the server, by both protocols, each with its own address; nobody else does.
#[tokio::test]
async fn machines_reach_each_other() {
    let Some(network) = Network::new("machines that reach each other", &[]) else { return };
    let listener = network.server.within(|| TcpListener::bind("[::]:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    for (number, client) in network.clients.iter().enumerate() {
        for (server, own) in [(SERVER, CLIENTS[number]), (SERVER_6, CLIENTS_6[number])] {
            let address = SocketAddr::new(server.parse().unwrap(), port);
            let connection = client.connect(address).unwrap();
            assert_eq!(connection.local_addr().unwrap().ip().to_string(), own);
        }
    }
    network.server.answers(port).await;
    let loopback = SocketAddr::from(([127, 0, 0, 1], port));
    TcpStream::connect_timeout(&loopback, ATTEMPT).unwrap_err();
}

/// A server ends when it is told to, when it is dropped, and with the thread that started it.
#[tokio::test]
async fn servers_end_with_their_test() {
    let Some(network) = Network::new("servers that end", &[]) else { return };
    let machine = &network.server;
    let start = || machine.start(machine.command("sleep").arg(unique_sleep()));
    let mut server = start();
    assert_eq!(server.ended(), None);
    let there = |id: u32| Path::new(&format!("/proc/{id}")).exists();
    let stopped = server.id();
    server.stop();
    assert!(!there(stopped));
    let server = start();
    let dropped = server.id();
    drop(server);
    assert!(!there(dropped));
    let mut left = std::thread::scope(|scope| {
        let inside = scope.spawn(|| {
            let server = start();
            let status = format!("/proc/{}/comm", server.id());
            // What it is to be, not one of the programs before it.
            patiently(|| (fs::read_to_string(&status).unwrap() == "sleep\n").then_some(()));
            server
        });
        inside.join().unwrap()
    });
    until("it ends with its thread", || left.ended().is_some()).await;
}
