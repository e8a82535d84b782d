//! The wall between commands and the network, tried on listeners of this machine.

use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;

use abaca_broker::protocol::{Hello, Status, Wall};

use crate::harness::{Broker, perl, root_for};

/// What a command reached: how it ended, whether its packet came in, whether its connection
/// did, and the walls that it is said to have had.
struct Reached {
    status: Status,
    packet: bool,
    connection: bool,
    walls: Vec<Wall>,
}

/// Lets a command send a packet and connect to this process. `start` gives the broker.
fn reach(more: &str, start: fn(&str) -> Broker) -> Reached {
    let packets = UdpSocket::bind("127.0.0.1:0").unwrap();
    let connections = TcpListener::bind("127.0.0.1:0").unwrap();
    packets.set_nonblocking(true).unwrap();
    connections.set_nonblocking(true).unwrap();
    let (udp, tcp) =
        (packets.local_addr().unwrap().port(), connections.local_addr().unwrap().port());
    let text = [
        "use Socket; my ($u, $t); my $at = inet_aton(q(127.0.0.1));",
        "my $sent = socket($u, PF_INET, SOCK_DGRAM, 0)",
        &format!("&& defined send($u, q(x), 0, pack_sockaddr_in({udp}, $at));"),
        "my $met = socket($t, PF_INET, SOCK_STREAM, 0)",
        &format!("&& connect($t, pack_sockaddr_in({tcp}, $at));"),
        "exit($sent || $met ? 0 : 1)",
    ]
    .join(" ");
    let mut broker = start(&perl(&text, more));
    let (done, _) = broker.done("perl", &["-e", &text]);
    // Loopback delivers before the sender goes on: what is not here now never comes.
    let packet = match packets.recv(&mut [0; 8]) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => panic!("{error}"),
    };
    let connection = connections.accept().is_ok();
    Reached { status: done.status, packet, connection, walls: done.stages[0].walls.clone() }
}

fn stands(hello: &Hello) -> (bool, bool) {
    (hello.walls.contains(&Wall::Network), hello.walls.contains(&Wall::Sockets))
}

#[test]
fn nothing_is_reached_without_the_grant() {
    let got = reach("", Broker::with);
    assert_eq!((got.status, got.packet, got.connection), (Status::Exited(1), false, false));
    let root = rustix::process::geteuid().is_root();
    let wall = if root { Wall::Network } else { Wall::Sockets };
    assert!(got.walls.contains(&wall) && got.walls.contains(&Wall::Tcp), "{:?}", got.walls);
}

#[test]
fn the_grant_opens_the_network() {
    let got = reach("network = true", Broker::with);
    assert_eq!((got.status, got.packet, got.connection), (Status::Exited(0), true, true));
    for wall in [Wall::Network, Wall::Sockets, Wall::Tcp] {
        assert!(!got.walls.contains(&wall), "{:?}", got.walls);
    }
}

#[test]
fn where_no_namespace_can_be_made_sockets_are_refused() {
    if !root_for("a broker without the power over namespaces; as this user all are") {
        return;
    }
    let humble = |more: &str| Broker::humble(more).0;
    let got = reach("", humble);
    assert_eq!((got.status, got.packet, got.connection), (Status::Exited(1), false, false));
    assert!(got.walls.contains(&Wall::Sockets), "{:?}", got.walls);
    let got = reach("network = true", humble);
    assert_eq!((got.status, got.packet, got.connection), (Status::Exited(0), true, true));
    assert_eq!(stands(&Broker::humble("").1), (false, true));
}

#[test]
fn services_of_this_machine_are_not_spoken_to() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("service");
    let service = UnixListener::bind(&path).unwrap();
    service.set_nonblocking(true).unwrap();
    let text = format!(
        "use Socket; my ($a, $b, $s); socketpair($a, $b, AF_UNIX, SOCK_STREAM, 0) or exit 3; \
         socket($s, PF_UNIX, SOCK_STREAM, 0) && connect($s, pack_sockaddr_un(q({}))) or exit 1",
        path.display()
    );
    for (more, code) in [("", 1), ("network = true", 1), ("syscalls = [\"local-sockets\"]", 0)] {
        let mut broker = Broker::with(&perl(&text, more));
        let (done, _) = broker.done("perl", &["-e", &text]);
        assert_eq!(done.status, Status::Exited(code), "{more}");
        assert_eq!(service.accept().is_ok(), code == 0, "{more}");
    }
}

#[test]
fn the_broker_says_which_wall_stands() {
    let mut broker = Broker::start("schema = 1\ndriver = \"test\"\n");
    let root = rustix::process::geteuid().is_root();
    assert_eq!(stands(&broker.hello()), (root, !root));
}

#[test]
fn tcp_is_refused_by_the_fence_as_well() {
    if !root_for("a socket for TCP without the network") {
        return;
    }
    let text = "use Socket; socket(my $t, PF_INET, SOCK_STREAM, 0) or exit 3; \
                connect($t, pack_sockaddr_in(9, inet_aton(q(127.0.0.1)))) or print $! + 0";
    let mut broker = Broker::with(&perl(text, ""));
    let (_, output) = broker.done("perl", &["-e", text]);
    // Not ENETUNREACH, which is what the namespace says.
    assert_eq!(output, libc::EACCES.to_string());
}
