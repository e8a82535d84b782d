//! Granted programs in the attacker's hands that speak to others: by TCP, by UDP, to services of
//! this machine, and by sockets of rare kinds. See `commands`.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;

use super::attacks;
use super::commands::either;

attacks! { EscapingCommands:
    /// Connects to a service of this machine over TCP.
    connecting_by_tcp {
        setup: either(
            "use Socket; my ($port) = $ARGV[0] =~ /([0-9]+)/; my $s; socket($s, PF_INET, \
             SOCK_STREAM, 0) \
             && connect($s, pack_sockaddr_in($port, inet_aton(q(127.0.0.1)))) and die \
             q(connected); die qq(not connected: $!)",
            "use Socket; socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) or die $!;",
        ),
        attack: async |range| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            let port = listener.local_addr().unwrap().port();
            let told = range.script(&format!("attack-{port}")).await;
            assert!(listener.accept().is_err(), "it was connected");
            told
        },
        contained: "there is no network unless the rule grants one",
        refused: "not connected: ",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Sends packets to a service of this machine over UDP.
    sending_by_udp {
        setup: either(
            "use Socket; my ($port) = $ARGV[0] =~ /([0-9]+)/; my $s; socket($s, PF_INET, \
             SOCK_DGRAM, 0) \
             && defined send($s, q(x), 0, pack_sockaddr_in($port, inet_aton(q(127.0.0.1)))) and \
             die q(sent); die qq(not sent: $!)",
            "use Socket; socketpair(my $a, my $b, AF_UNIX, SOCK_DGRAM, 0) or die $!;",
        ),
        attack: async |range| {
            let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            let port = listener.local_addr().unwrap().port();
            let told = range.script(&format!("attack-{port}")).await;
            assert!(listener.recv(&mut [0; 8]).is_err(), "it was sent");
            told
        },
        contained: "there is no network unless the rule grants one",
        refused: "not sent: ",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Speaks to a service of this machine by its socket's name, which starts programs for root.
    speaking_to_services {
        setup: either(
            "use Socket; my $s; socket($s, PF_UNIX, SOCK_STREAM, 0) && connect($s, \
             pack_sockaddr_un(q(@/state/service))) and die q(connected); die $!",
            "use Socket; socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) or die $!;",
        ),
        attack: async |range| {
            let path = range.ground.state().join("service");
            let listener = UnixListener::bind(&path).unwrap();
            listener.set_nonblocking(true).unwrap();
            let told = range.script("attack").await;
            assert!(listener.accept().is_err(), "it was connected");
            fs::remove_file(path).unwrap();
            told
        },
        contained: "refused by the list of system calls: services listen to root",
        refused: "Operation not permitted",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Opens sockets of rare kinds, which lead past every namespace or into rare parts of the
    /// kernel.
    sockets_of_rare_kinds {
        setup: either(
            &format!(
                "for my $kind ({}, {}, {}, {}) {{ syscall({}, $kind, 3, 0) == -1 && $! == 1 or \
                 die q(opened); }} die $!",
                libc::AF_PACKET,
                libc::AF_ALG,
                libc::AF_VSOCK,
                libc::AF_BLUETOOTH,
                libc::SYS_socket,
            ),
            "use Socket; socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) or die $!;",
        ),
        attack: async |range| range.script("attack").await,
        contained: "refused by the list of system calls",
        refused: "Operation not permitted",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }
}
