//! Granted programs in the attacker's hands that want powers: over other processes, over the
//! kernel, over the machine. See `commands`.

use super::commands::{either, furnish};
use super::{Setup, attacks};

/// One that makes these system calls with values that mean nothing, so that the kernel, were it
/// asked, would say so.
fn calling(numbers: &[i64]) -> Setup {
    let numbers = numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    let attack = format!(
        "my $asked = 0; for my $call ({numbers}) {{ \
           $asked++ unless syscall($call, -1, -1, -1, -1, -1, -1) == -1 && $! == 1 }} \
         print $asked ? qq($asked were asked) : q(none is permitted); exit 1"
    );
    either(&attack, "syscall(39) > 0 or die $!")
}

/// One whose rule lets it change attributes of what lies in its root.
fn attributes(attack: &str, benign: &str) -> Setup {
    let text =
        format!("if ($ARGV[0] =~ /^attack/) {{ {attack} }} else {{ {benign} }} print q(done)");
    Setup::perl(&text, "write = [\"lair\"]\nsyscalls = [\"attributes\"]")
}

/// Changes every kind of attribute of a file outside, by its path and by what is open for reading;
/// dies of the last error, and before that of the first success.
const CHANGES: &str = "my ($p, $x, $v) = (q(@/outside/secret), q(user.abaca), q(1)); \
     chmod(0666, $p) and die q(mode); chown(-1, -1, $p) and die q(owner); \
     utime(0, 0, $p) and die q(time); syscall(188, $p, $x, $v, 1, 0) == 0 and die q(attribute); \
     open(my $f, q(<), q(/proc/self/exe)) or die q(not open); my $flags = pack(q(q), 0); \
     syscall(91, fileno $f, 04755) == 0 and die q(open mode); \
     syscall(16, fileno $f, 0x40086602, $flags) == 0 and die q(flags); \
     syscall(91, 0, 0600) == 0 and die q(device); chmod(0666, $p) or die $!;";

/// Gives a file away. The kernel has two reasons to refuse, and the right one is that which fits
/// the users that the command can name: another one, but it has not the power to (1, `EPERM`); or none
/// but its own, as in the view of an ordinary user's command (22, `EINVAL`).
const GIVING: &str = "my $given = chown(1234, 1234, q(@/lair/file)); my $why = $!; \
     $given and die q(given away); \
     open(my $map, q(<), q(/proc/self/uid_map)) or die q(who can be named is not told); \
     my $named = grep { my ($first, undef, $count) = split; \
       $first <= 1234 && 1234 < $first + $count } <$map>; \
     $why == ($named ? 1 : 22) or die qq(for another reason: $why); \
     print STDERR qq(it stays its own: $why); exit 1;";

attacks! { EscapingCommands:
    /// Changes mode, owner, time, flags and extended attributes of files outside of its roots, which
    /// its user owns.
    attributes_of_the_outside {
        setup: either(CHANGES, "open(my $f, q(<), q(@/lair/file)) or die $!;"),
        given: furnish,
        attack: async |range| range.script("attack").await,
        contained: "refused by the list of system calls, inside of its roots as well",
        refused: "Operation not permitted",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// The same with a rule that lets it change attributes in its root.
    attributes_of_the_outside_with_the_group {
        setup: attributes(CHANGES, "chmod(0640, q(@/lair/file)) or die $!; \
            utime(1, 1, q(@/lair/file)) or die $!;"),
        given: furnish,
        attack: async |range| range.script("attack").await,
        contained: "all that the rule does not write is read-only to it",
        refused: "Read-only file system",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Leaves a set-user-ID program of its user in its root, for whoever runs it.
    leaving_a_set_user_id_program {
        setup: attributes(
            &format!(
                "use Fcntl; my $p = q(@/lair/tool); chmod(04755, q(@/lair/file)) and die q(mode); \
                 sysopen(my $f, $p, O_CREAT | O_WRONLY, 06755) and die q(made); \
                 syscall({mknod}, $p, 0104755, 0) == 0 and die q(node); \
                 chmod(02755, q(@/lair/file)) or die $!;",
                mknod = libc::SYS_mknod,
            ),
            "chmod(01755, q(@/lair/file)) or die $!;",
        ),
        given: furnish,
        attack: async |range| range.script("attack").await,
        contained: "refused by the list of system calls, which looks at the bits",
        refused: "Operation not permitted",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Makes a device of its own in its root.
    making_a_device {
        setup: either(
            &format!(
                "my $at = q(@/lair/disk); syscall({}, $at, 060600, 0x800) == 0 or die $!;",
                libc::SYS_mknod
            ),
            &format!(
                "my $at = q(@/lair/pipe); syscall({}, $at, 010600, 0) == 0 or die $!;",
                libc::SYS_mknod
            ),
        ),
        attack: async |range| range.script("attack").await,
        contained: "refused: the power to make devices is not kept",
        refused: "Operation not permitted",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Gives its files to somebody else.
    giving_files_away {
        setup: attributes(
            GIVING,
            "chown(-1, -1, q(@/lair/file)) or die $!;",
        ),
        given: furnish,
        attack: async |range| range.script("attack").await,
        contained: "refused: root's powers are not kept unless the rule names them; where an \
                    ordinary user runs it, it can name nobody else",
        refused: "stays its own: ",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Becomes somebody else, and takes powers back.
    becoming_somebody_else {
        setup: either(
            &format!(
                "my $root = q(/); syscall({}, 1234, 1234, 1234) == 0 and die q(became); \
                 syscall({}, $root) == 0 and die q(became); die $!",
                libc::SYS_setresuid,
                libc::SYS_chroot,
            ),
            &format!("syscall({}, -1, -1, -1) == 0 or die $!;", libc::SYS_setresuid),
        ),
        attack: async |range| range.script("attack").await,
        contained: "refused: without powers there is nobody else to become",
        refused: "Operation not permitted",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Ends the runtime, the broker's hand and everything else that it may.
    killing_others {
        setup: either(
            &format!(
                "kill(9, {}) and die q(killed); kill(9, getppid) and die q(killed); die $!",
                std::process::id(),
            ),
            "kill(0, $$) or die $!;",
        ),
        attack: async |range| range.script("attack").await,
        contained: "refused by the fence: no signal leaves it",
        refused: "Operation not permitted",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Looks into the runtime's process as a debugger does, and bounds and starves it.
    debugging_others {
        setup: either(
            &format!(
                "my $p = {}; syscall({}, 16, $p, 0, 0) == 0 and die q(attached); \
                 syscall({}, $p, 7, -1, 0) == 0 and die q(bounded); setpriority(0, $p, 19) and \
                 die q(starved); die $!",
                std::process::id(),
                libc::SYS_ptrace,
                libc::SYS_prlimit64,
            ),
            &format!(
                "setpriority(0, 0, 19) or die $!; syscall({}, 0, 7, 0, 0) == 0 or die $!;",
                libc::SYS_prlimit64
            ),
        ),
        attack: async |range| range.script("attack").await,
        contained: "refused by the list of system calls",
        refused: "Operation not permitted",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Mounts, unmounts, and enters other roots.
    mounting {
        setup: calling(&[
            libc::SYS_mount,
            libc::SYS_umount2,
            libc::SYS_pivot_root,
            libc::SYS_open_tree,
            libc::SYS_move_mount,
            libc::SYS_fsopen,
            libc::SYS_fsmount,
            libc::SYS_mount_setattr,
        ]),
        attack: async |range| range.script("attack").await,
        contained: "refused by the list of system calls",
        refused: "none is permitted",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Makes namespaces and enters those of others, also by `clone`.
    entering_namespaces {
        setup: either(
            &format!(
                "for my $call ([{unshare}, 0x10000000], [{unshare}, 0x20000], [{setns}, 0, 0], \
                 [{clone}, 0x10000011, 0, 0, 0, 0]) {{ \
                   my ($n, $a, $b) = ($$call[0], $$call[1], $$call[2] // 0); my $r = syscall($n, $a, $b, 0, 0, 0); \
                   exit 0 if $r == 0 && $n == {clone}; $r == -1 && $! == 1 or die qq(call $n: $r \
                   $!); }} die $!",
                unshare = libc::SYS_unshare,
                setns = libc::SYS_setns,
                clone = libc::SYS_clone,
            ),
            "my $child = fork; defined $child or die $!; exit 0 unless $child; waitpid $child, 0;",
        ),
        attack: async |range| range.script("attack").await,
        contained: "refused by the list of system calls, whatever the other flags",
        refused: "Operation not permitted",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Uses the doors that have most often led into the kernel.
    doors_into_the_kernel {
        setup: calling(&[
            libc::SYS_bpf,
            libc::SYS_perf_event_open,
            libc::SYS_userfaultfd,
            libc::SYS_io_uring_setup,
            libc::SYS_io_uring_enter,
            libc::SYS_add_key,
            libc::SYS_request_key,
            libc::SYS_keyctl,
            libc::SYS_modify_ldt,
            libc::SYS_fanotify_init,
            libc::SYS_process_vm_readv,
            libc::SYS_process_vm_writev,
            libc::SYS_pidfd_getfd,
            libc::SYS_kcmp,
        ]),
        attack: async |range| range.script("attack").await,
        contained: "refused by the list of system calls",
        refused: "none is permitted",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Takes what all processes of the machine or of its user have so many of together, watches others,
    /// and keeps memory that nobody counts.
    what_all_share {
        setup: calling(&[
            libc::SYS_io_setup,
            libc::SYS_inotify_init,
            libc::SYS_inotify_init1,
            libc::SYS_memfd_create,
            libc::SYS_memfd_secret,
        ]),
        attack: async |range| range.script("attack").await,
        contained: "refused by the list of system calls",
        refused: "none is permitted",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Has timers without end, for which all processes of its user share one number of signals.
    signals_without_end {
        setup: either(
            "my ($made, $id) = (0, pack(q(q), 0)); \
             $made++ while $made < 5000 && syscall(222, 0, 0, $id) == 0; \
             print STDERR qq($made of 5000: $!); exit 1",
            "my $id = pack(q(q), 0); syscall(222, 0, 0, $id) == 0 or die $!;",
        ),
        attack: async |range| range.script("attack").await,
        contained: "bounded for each command, far below what the user may have",
        refused: "Resource temporarily unavailable",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Through a directory that it may only read, asks btrfs to make a subvolume and a snapshot there, and
    /// to let one be written that was read-only; and other file systems to lock a directory or a file
    /// for good.
    requests_through_what_may_be_read {
        setup: either(
            "opendir(my $d, q(@/lair)) or die $!; open(my $f, q(<), q(@/lair/file)) or die $!; \
             my ($any, $asked) = (qq(\\0) x 4096, 0); \
             for my $request (0x5000940e, 0x50009417, 0x50009401, 0x4008941a, 0x5000940f, \
                 0x800c6613, 0xc0506617, 0x40806685, 0x6609, 0x6611, 0xc028660f) { \
               for my $at (fileno $d, fileno $f) { \
                 $asked++ unless syscall(16, $at, $request, $any) == -1 && $! == 1 } } \
             print $asked ? qq($asked were asked) : q(none is permitted); exit 1",
            "open(my $f, q(<), q(@/lair/file)) or die $!; my $n = pack(q(i), 0); \
             syscall(16, fileno $f, 0x541b, $n) == 0 or die $!; \
             syscall(16, fileno $f, 0x40049409, 0) == -1 && $! != 1 or die q(no copy is asked for);",
        ),
        given: furnish,
        attack: async |range| range.script("attack").await,
        contained: "refused by the list of system calls, which knows btrfs's requests by their kind",
        refused: "none is permitted",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Loads code into the kernel, and stops, renames and re-dates the machine.
    the_machine_itself {
        setup: calling(&[
            libc::SYS_init_module,
            libc::SYS_finit_module,
            libc::SYS_delete_module,
            libc::SYS_kexec_load,
            libc::SYS_kexec_file_load,
            libc::SYS_reboot,
            libc::SYS_swapon,
            libc::SYS_swapoff,
            libc::SYS_acct,
            libc::SYS_syslog,
            libc::SYS_settimeofday,
            libc::SYS_clock_settime,
            libc::SYS_sethostname,
            libc::SYS_setdomainname,
            libc::SYS_iopl,
            libc::SYS_ioperm,
            libc::SYS_personality,
            libc::SYS_vhangup,
        ]),
        attack: async |range| range.script("attack").await,
        contained: "refused by the list of system calls",
        refused: "none is permitted",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Opens files by their number on the disk, past every path.
    files_by_number {
        setup: calling(&[libc::SYS_open_by_handle_at, libc::SYS_quotactl, libc::SYS_quotactl_fd]),
        attack: async |range| range.script("attack").await,
        contained: "refused by the list of system calls",
        refused: "none is permitted",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Shares semaphores, memory and messages with others by number, and leaves them to the machine.
    messages_by_number {
        setup: calling(&[
            libc::SYS_semget,
            libc::SYS_semop,
            libc::SYS_semtimedop,
            libc::SYS_semctl,
            libc::SYS_shmget,
            libc::SYS_shmat,
            libc::SYS_shmctl,
            libc::SYS_msgget,
            libc::SYS_msgsnd,
            libc::SYS_msgrcv,
            libc::SYS_msgctl,
            libc::SYS_mq_open,
            libc::SYS_mq_unlink,
        ]),
        attack: async |range| range.script("attack").await,
        contained: "refused by the list of system calls",
        refused: "none is permitted",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Makes calls that came after the list was written, and by the numbers of another kind.
    calls_that_nobody_has_judged {
        setup: either(
            &format!(
                "syscall({}, -1, -1) == -1 && $! == {no} or die q(asked); \
                 syscall(1000, -1) == -1 && $! == {no} or die q(asked); \
                 syscall(0x40000027) == -1 && $! == 1 or die q(asked); die q(none was asked)",
                libc::SYS_clone3,
                no = libc::ENOSYS,
            ),
            "syscall(39) > 0 or die $!;",
        ),
        attack: async |range| range.script("attack").await,
        contained: "answered as if they were not there",
        refused: "none was asked",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Types into a terminal.
    typing_into_a_terminal {
        setup: either(
            &format!(
                "syscall({call}, 0, {sti}, 0) == -1 && $! == 1 or die q(asked); \
                 syscall({call}, 0, {above}, 0) == -1 && $! == 1 or die q(asked); die $!",
                call = libc::SYS_ioctl,
                sti = libc::TIOCSTI,
                above = (1_u64 << 32) | libc::TIOCSTI,
            ),
            "-t STDIN and die q(a terminal);",
        ),
        attack: async |range| range.script("attack").await,
        contained: "refused by the list of system calls, in all bits that the kernel looks at",
        refused: "Operation not permitted",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }

    /// Calls the kernel as 32-bit programs do, past a list of 64-bit calls.
    a_32_bit_call {
        setup: either(
            // mov eax, 20 (getpid); int 0x80; ret: as a string, made executable where it lies.
            "require DynaLoader; my $code = qq(\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3) . \
             (qq(\\x90) x 8192); \
             my $at = unpack(q(Q), pack(q(p), $code)); syscall(10, $at & ~4095, 8192, 7) == 0 or exit 3; \
             my $call = DynaLoader::dl_install_xsub(q(main::old), $at); &$call; exit 4;",
            "require DynaLoader;",
        ),
        attack: async |range| range.script("attack").await,
        contained: "the program is ended at once",
        refused: "ok:signal-31:",
        twin: async |range| range.script("benign").await,
        answers: "ok:0:done",
    }
}
