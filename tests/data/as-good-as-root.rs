// Command lines that are as good as root: what a list of allowed programs, and patterns over whole
// lines, let through as root; the last three it did refuse. For `include!`.
[
    &["chmod", "4755", "/tmp/evil"],
    &["chown", "manila", "/etc/shadow"],
    &["cp", "/tmp/x", "/etc/sudoers"],
    &["dd", "if=/dev/sda", "of=/tmp/x"],
    &["find", "/", "-exec", "sh", "-c", "id", ";"],
    &["ip", "netns", "exec", "x", "sh"],
    &["mount", "--bind", "/tmp/a", "/etc"],
    &["rsync", "-e", "sh -c id", "a", "b:"],
    &["cat", "/etc/shadow"],
    &["rm", "-rf", "/"],
    &["zfs", "destroy", "-r", "tank"],
    &["lvremove", "-f", "rootvg/root"],
    &["ssh", "h", "id"],
    &["sh", "-c", "echo 'x' > /etc/cron.d/evil"],
    &["sh", "-c", "echo 'a'; id > /tmp/pwn; echo 'b' > /etc/x"],
    &["sh", "-c", "rm -f /tmp/a /etc/passwd /x/*.conf"],
    &["sh", "-c", "rm -f /x; id; echo /*.conf"],
    &["sh", "-c", "id"],
    &["dbus-send", "--system", "--dest=org.freedesktop.systemd1", "/", "x.y"],
    &["/tmp/evil/cp", "a", "b"],
]
