//! Modes, owners, times, flags and extended attributes: nobody's but with the group, and with it
//! those of the rule's `write` roots alone. Set-user-ID programs are made by nobody.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use abaca_broker::protocol::{ErrorKind, Outcome, Status, Wall};

use crate::harness::{Broker, perl, root_for};

/// What a rule that changes attributes says.
const GROUP: &str = "write = [\"shares\"]\nread = [\"snapshots\"]\nsyscalls = [\"attributes\"]\n";

/// Runs Perl under a rule with `more` in it. `DIR` is the broker's directory, and what lies there
/// outside of what the rule writes has its mode at the end.
fn run(text: &str, more: &str) -> String {
    let mut broker = Broker::with(&perl(&text.replace("DIR", "@"), more));
    let at = broker.directory.path().to_str().unwrap().to_owned();
    for name in ["shares/own", "snapshots/other", "outside"] {
        fs::write(broker.path(name), "x").unwrap();
        fs::set_permissions(broker.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let (done, output) = broker.done("perl", &["-e", &text.replace("DIR", &at)]);
    assert_eq!(done.status, Status::Exited(0), "{output}");
    for name in ["snapshots/other", "outside"] {
        let mode = fs::metadata(broker.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
    }
    output
}

/// Each change of a file at `path`, and of one that is open for reading: the errors' numbers.
fn changes(path: &str) -> String {
    format!(
        "my $p = q({path}); my $x = q(user.abaca); my $v = q(1); sub say {{ print +($_[0] == -1 ? \
         $!+0 : 0), q( ) }} say(syscall({chmod}, $p, 0640)); say(syscall({chown}, $p, -1, -1)); \
         say(utime(1, 1, $p) ? 0 : -1); say(syscall({setxattr}, $p, $x, $v, 1, 0)); \
         if (open(my $f, q(<), $p)) {{ my $n = fileno $f; say(syscall({fchmod}, $n, 0640)); \
         say(syscall({fsetxattr}, $n, $x, $v, 1, 0)); my $flags = pack(q(q), 0); \
         say(syscall({ioctl}, $n, 0x40086602, $flags)); }}",
        chmod = libc::SYS_chmod,
        chown = libc::SYS_chown,
        setxattr = libc::SYS_setxattr,
        fchmod = libc::SYS_fchmod,
        fsetxattr = libc::SYS_fsetxattr,
        ioctl = libc::SYS_ioctl,
    )
}

#[test]
fn without_the_group_nothing_changes_anywhere() {
    for (path, calls) in [("DIR/shares/own", 7), ("DIR/outside", 4), ("/usr/bin/perl", 7)] {
        let refused = format!("{} ", libc::EPERM).repeat(calls);
        assert_eq!(run(&changes(path), "write = [\"shares\"]"), refused, "{path}");
    }
}

#[test]
fn with_the_group_it_is_the_roots_that_are_written() {
    let own = run(&changes("DIR/shares/own"), GROUP);
    // Not every file system has flags and attributes of users.
    assert!(own.starts_with("0 0 0 ") && !own.contains(&format!(" {} ", libc::EROFS)), "{own}");
    for (path, calls) in [("DIR/outside", 4), ("DIR/snapshots/other", 7), ("/usr/bin/perl", 7)] {
        let refused = format!("{} ", libc::EROFS).repeat(calls);
        assert_eq!(run(&changes(path), GROUP), refused, "{path}");
    }
}

#[test]
fn no_descriptor_leads_to_the_mounts_outside() {
    // Its input, which is /dev/null, and its own program.
    let text = format!(
        "sub say {{ print +($_[0] == -1 ? $!+0 : 0), q( ) }} say(syscall({fchmod}, 0, 0600)); \
         open(my $f, q(<), q(/proc/self/exe)) or die; say(syscall({fchmod}, fileno $f, 0700));",
        fchmod = libc::SYS_fchmod,
    );
    assert_eq!(run(&text, GROUP), format!("{0} {0} ", libc::EROFS));
    // A path argument, and the way up from it.
    let text = "chmod(0750, $ARGV[0]) or die $!; chmod(0755, qq($ARGV[0]/../..)) and die q(up); \
                print $!+0; chmod(0755, qq($ARGV[0]/../../outside)) and die q(out); print $!+0;";
    let rule = format!(
        "[[command]]\nid = \"path\"\nprogram = \"/usr/bin/perl\"\nargs = [\"-e\", '''{text}''', \
         {{ path = {{ root = \"shares\", leaf = \"dir\", name = \"share\" }} }}]\n\
         root-equivalent = \"a test\"\n{GROUP}"
    );
    let mut broker = Broker::with(&rule);
    fs::write(broker.path("outside"), "x").unwrap();
    fs::create_dir(broker.path("shares/directory")).unwrap();
    let (done, output) = broker.done("perl", &["-e", text, "shares:directory"]);
    assert_eq!((done.status, output), (Status::Exited(0), format!("{0}{0}", libc::EROFS)));
    let mode = fs::metadata(broker.path("shares/directory")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o750);
    assert!(done.stages[0].walls.contains(&Wall::Attributes), "{:?}", done.stages[0].walls);
}

#[test]
fn a_command_keeps_no_mount_that_it_has_no_use_for() {
    if !root_for("mounts that a command does not see") {
        return;
    }
    let text = "open(my $f, q(<), q(/proc/self/mountinfo)) or die $!; print while <$f>;";
    let points = |output: String| -> Vec<String> {
        output.lines().map(|line| line.split(' ').nth(4).unwrap().to_owned()).collect()
    };
    let (all, seen) = (points(run(text, "write = [\"shares\"]")), points(run(text, GROUP)));
    assert!(all.iter().any(|point| point.starts_with("/sys")), "{all:?}");
    assert!(!seen.iter().any(|point| point.starts_with("/sys")), "{seen:?}");
    assert!(seen.last().unwrap().ends_with("/shares"), "{seen:?}");
}

#[test]
fn nobody_makes_a_set_user_id_program() {
    let create = libc::O_CREAT | libc::O_WRONLY;
    let text = format!(
        "my $at = q(DIR/shares/tool); my $own = q(DIR/shares/own); \
         sub say {{ print +($_[0] == -1 ? $!+0 : 0), q( ) }} for my $bits (04755, 02755) {{ \
         say(syscall({open}, $at, {create}, $bits)); say(syscall({creat}, $at, $bits)); \
         say(syscall({openat}, -100, $at, {create}, $bits)); \
         say(syscall({mknod}, $at, 0100000 | $bits, 0)); \
         say(syscall({mknodat}, -100, $at, 0100000 | $bits, 0)); \
         say(syscall({chmod}, $own, $bits)); say(syscall({fchmodat}, -100, $own, $bits)); \
         say(syscall({fchmodat2}, -100, $own, $bits, 0)); \
         open(my $f, q(>), $own) or die; say(syscall({fchmod}, fileno $f, $bits)); }} \
         syscall({open}, $own, 0, 06755) >= 0 or die q(bits that mean nothing); \
         syscall({open}, $at, {create}, 01755) >= 0 or die $!; chmod(01755, $own) or die $!;",
        open = libc::SYS_open,
        creat = libc::SYS_creat,
        openat = libc::SYS_openat,
        mknod = libc::SYS_mknod,
        mknodat = libc::SYS_mknodat,
        chmod = libc::SYS_chmod,
        fchmod = libc::SYS_fchmod,
        fchmodat = libc::SYS_fchmodat,
        fchmodat2 = libc::SYS_fchmodat2,
    );
    assert_eq!(run(&text, GROUP), format!("{} ", libc::EPERM).repeat(18));
}

#[test]
fn root_without_the_power_over_mounts_changes_no_attribute() {
    if !root_for("a root without the power over mounts") {
        return;
    }
    let (mut broker, _) = Broker::humble(&perl("exit 0", GROUP));
    match broker.command("perl", &["-e", "exit 0"]) {
        (Outcome::Error { kind: ErrorKind::Wall, message }, _) => {
            assert!(message.contains("cannot make a mount namespace"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}
