//! The driver `lvm` beside upstream's LVM driver: every step of the trace, on the stage of the driver,
//! with shares of this host and with the NFS server Ganesha in place of the kernel's.
//!
//! ```text
//! upstream's commands ─ deviations ─▶ equivalents ─▶ lines ═ lines ◀─ requests of the driver
//! ```
//! A line is a command or a request that changes something, or how the call ended. In them stands
//! `share-1` for the share of the trace, `share-2` for the copy of it, `share-snapshot-4` for its
//! snapshot, and `lvm-shares/NAME` for `/dev/mapper/lvm--shares-NAME`: the policy says which of its
//! names of a volume a program gets. Who the driver is, its name, vendor and version, is its own.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use abaca::testing::{Called, Crossed, Deed, Script, Scripted, Stage, StageBuilder, samples};
use abaca::types::bytes::Bytes;
use abaca::types::{AccessLevel, AccessRule, AccessType, Capacity, Share, ShareStats, Snapshot};
use abaca::{Driver, Interface, Limits, OptionValue};
use serde_json::{Value, json};

use super::{Command, Private, Step, steps};
use crate::support::{load, runtime};

/// What upstream's driver did.
const TRACE: &str = include_str!("../../data/traces/lvm.json");

/// What LVM's programs do on the stage.
const STAGE: &str = include_str!("../../../drivers/lvm/stage.toml");

/// What the NFS server answers.
const SERVER: &str = r#"
[[command]]
when = ["dbus-send", "...", "org.ganesha.nfsd.exportmgr.UpdateExport", "..."]
stdout = "   string \"1 exports updated\"\n"

[[command]]
when = ["dbus-send", "...", "org.ganesha.nfsd.exportmgr.DisplayExport", "uint16:1"]
stdout = "   uint16 1\n   string \"/srv/share-11111111-1111-4111-8111-111111111111\"\n"

[[command]]
when = ["dbus-send", "...", "org.ganesha.nfsd.exportmgr.DisplayExport", "uint16:2"]
stdout = "   uint16 2\n   string \"/srv/share-22222222-2222-4222-8222-222222222222\"\n"

[[command]]
when = ["dbus-send", "..."]
"#;

const SHARE: &str = "11111111-1111-4111-8111-111111111111";
const COPY: &str = "22222222-2222-4222-8222-222222222222";
const SNAPSHOT: &str = "44444444-4444-4444-8444-444444444444";

/// How shares reach clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As directories of this host: clients are `group`, for upstream's 10.0.0.1, and `everyone`, for
    /// its 10.1.0.0/24.
    Local,
    /// As exports of Ganesha.
    Ganesha,
}

use Way::{Ganesha, Local};

const BOTH: &[Way] = &[Local, Ganesha];

/// What upstream does by a command, and what does the same here.
struct Equivalent {
    ways: &'static [Way],
    upstream: &'static str,
    here: &'static [&'static str],
}

/// Where upstream writes the kernel's table of exports, line by line, here stands to whom a share is
/// exported when the table is saved: `export SHARE to CLIENTS`.
const EQUIVALENTS: &[Equivalent] = &[
    Equivalent {
        ways: BOTH,
        upstream: "mkdir -p /var/lib/manila/mnt/{share}",
        here: &["make-dir mounts:{share}"],
    },
    Equivalent {
        ways: BOTH,
        upstream: "mount {volume} /var/lib/manila/mnt/{share}",
        here: &["mount {volume} mounts:{share} ext4"],
    },
    // Never with force, which would not free what is in use either.
    Equivalent {
        ways: BOTH,
        upstream: "umount -f /var/lib/manila/mnt/{share}",
        here: &["unmount mounts:{share}"],
    },
    // Whom the bits let in are clients, and there are none yet.
    Equivalent {
        ways: &[Local],
        upstream: "chmod 777 /var/lib/manila/mnt/{share}",
        here: &["set-mode mounts:{share} 0700"],
    },
    // The server says who is let in: by `lvm_share_mode = "0777"` as upstream.
    Equivalent {
        ways: &[Ganesha],
        upstream: "chmod 777 /var/lib/manila/mnt/{share}",
        here: &["set-mode mounts:{share} 0777"],
    },
    Equivalent {
        ways: &[Local],
        upstream: "export {share} to nobody",
        here: &["set-mode mounts:{share} 0700"],
    },
    Equivalent {
        ways: &[Local],
        upstream: "export {share} to 10.0.0.1 rw",
        here: &["set-mode mounts:{share} 0770"],
    },
    Equivalent {
        ways: &[Local],
        upstream: "export {share} to 10.0.0.1 rw, 10.1.0.0/24 ro",
        here: &["set-mode mounts:{share} 0775"],
    },
    Equivalent {
        ways: &[Ganesha],
        upstream: "export {share} to {clients}",
        here: &[
            "write exports:{share}.conf for {clients}",
            "write exports:_index.conf",
            "dbus-send UpdateExport exports:{share}.conf",
        ],
    },
    // Of version 4 of the protocol, which has a tree of its own.
    Equivalent {
        ways: &[Ganesha],
        upstream: "answers 127.0.0.1:/var/lib/manila/mnt/{share}",
        here: &["answers 127.0.0.1:/{share}"],
    },
    Equivalent {
        ways: BOTH,
        upstream: "raises InvalidShareAccess",
        here: &["raises invalid-share-access"],
    },
    Equivalent { ways: BOTH, upstream: "raises NotImplementedError", here: &["is not offered"] },
];

/// Commands and requests that only look, or keep others out meanwhile.
const LOOKS: &[&str] = &[
    "vgs {words}",
    "lvs {words}",
    "exportfs",
    "mount -l",
    "service nfs-kernel-server status",
    // What was saved is read again.
    "exportfs -a",
    "config.{words}",
    "state.get{words}",
    "state.find{words}",
    "lock.{words}",
    "list {words}",
    "dbus-send Ping",
    "dbus-send DisplayExport {words}",
];

/// What is deliberately otherwise: where a step has these lines of upstream's one after another, here it
/// has others.
struct Deviation {
    ways: &'static [Way],
    /// How the step's name begins.
    step: &'static str,
    upstream: &'static [&'static str],
    here: &'static [&'static str],
    why: &'static str,
}

const DEVIATIONS: &[Deviation] = &[
    Deviation {
        ways: &[Ganesha],
        step: "check_for_setup_error",
        upstream: &["answers nothing"],
        here: &["write exports:_index.conf", "answers nothing"],
        why: "the server does not start where what it is to include is not there",
    },
    Deviation {
        ways: &[Ganesha],
        step: "create_share",
        upstream: &["chmod 777 /var/lib/manila/mnt/{share}"],
        here: &["chmod 777 /var/lib/manila/mnt/{share}", "export {share} to nobody"],
        why: "the server knows a share from the beginning, and clients of it by rules alone",
    },
    Deviation {
        ways: BOTH,
        step: "update_access delete user (invalid)",
        upstream: &["raises InvalidInput"],
        here: &["export share-1 to 10.0.0.1 rw", "answers nothing"],
        why: "a rule that was refused lets nobody in, so it can be removed; all others are set",
    },
    Deviation {
        ways: BOTH,
        step: "update_access recovery",
        upstream: &["export {share} to nobody", "export {share} to {clients}"],
        here: &["export {share} to {clients}"],
        why: "clients that keep their rules are not shut out meanwhile",
    },
    Deviation {
        ways: BOTH,
        step: "create_share_from_snapshot",
        upstream: &[
            "mkfs.ext4 lvm-shares/{share}",
            "dd count=0 if={snapshot} of=lvm-shares/{share} iflag=direct oflag=direct",
        ],
        here: &[],
        why: "what is overwritten needs no file system, and devices of LVM take what is not cached",
    },
    Deviation {
        ways: BOTH,
        step: "create_share_from_snapshot",
        upstream: &["dd if={snapshot} of={volume} count={blocks} bs=1M iflag=direct oflag=direct"],
        here: &[
            "dd if={snapshot} of={volume} count={blocks} bs=1M iflag=direct oflag=direct",
            "e2fsck -y -f {volume}",
            "tune2fs -U random {volume}",
            "resize2fs {volume}",
        ],
        why: "a copy of what was mounted is put right, is no second file system of one identifier, \
              and has the size that was asked for",
    },
    Deviation {
        ways: BOTH,
        step: "create_share_from_snapshot",
        upstream: &["mount lvm-shares/share-snapshot-4 /var/lib/manila/mnt/{share}"],
        here: &["mount lvm-shares/{share} /var/lib/manila/mnt/{share}"],
        why: "clients of the copy would write into the snapshot, and lose it all with that",
    },
    Deviation {
        ways: BOTH,
        step: "ensure_share",
        upstream: &["mkdir -p /var/lib/manila/mnt/{share}"],
        here: &["lvchange -a y lvm-shares/{share}", "mkdir -p /var/lib/manila/mnt/{share}"],
        why: "after a restart no volume has its device, where nothing else of the system gives it",
    },
    Deviation {
        ways: &[Ganesha],
        step: "ensure_share",
        upstream: &["mount {volume} /var/lib/manila/mnt/{share}"],
        here: &[
            "mount {volume} /var/lib/manila/mnt/{share}",
            "write exports:_index.conf",
            "dbus-send UpdateExport exports:{share}.conf",
        ],
        why: "a server that was started before the share was mounted has another directory",
    },
    Deviation {
        ways: BOTH,
        step: "ensure_share",
        upstream: &["answers nothing"],
        here: &["answers 127.0.0.1:/var/lib/manila/mnt/share-1"],
        why: "the contract has it answer where the share is, which is where it was",
    },
    Deviation {
        ways: BOTH,
        step: "shrink_share",
        upstream: &["raises NotImplementedError"],
        here: &["raises share-is-busy"],
        why: "shares shrink here, but for those with snapshots, of which upstream's has one",
    },
    Deviation {
        ways: &[Ganesha],
        step: "delete_share",
        upstream: &["umount -f /var/lib/manila/mnt/share-{number}"],
        here: &[
            "write exports:_index.conf",
            "remove exports:share-{number}.conf",
            "dbus-send RemoveExport uint16:{number}",
            "umount -f /var/lib/manila/mnt/share-{number}",
        ],
        why: "the server lets go of a directory before it is unmounted",
    },
    Deviation {
        ways: BOTH,
        step: "delete_share",
        upstream: &["umount -f /var/lib/manila/mnt/{share}"],
        here: &["umount -f /var/lib/manila/mnt/{share}", "remove mounts:{share}"],
        why: "upstream removes the empty place too, but by no command that a trace could show",
    },
    Deviation {
        ways: BOTH,
        step: "delete_share S1 again",
        upstream: &[
            "lvremove -f lvm-shares/{share}",
            "lvremove -f lvm-shares/{share}",
            "lvremove -f lvm-shares/{share}",
            "raises ProcessExecutionError",
        ],
        here: &["answers nothing"],
        why: "what is removed already is removed, by the contract",
    },
    Deviation {
        ways: BOTH,
        step: "unmanage",
        upstream: &["answers nothing"],
        here: &["is not offered"],
        why: "of a driver that does not manage, the library asks nothing, and answers that itself",
    },
];

/// What is kept here and not by upstream, which keeps nothing.
const KEPT: &[(&[Way], &str, &str)] = &[
    (BOTH, "volume", "what is there without a record is somebody else's, and is not touched"),
    (BOTH, "filled", "a share whose making was cut short is made anew from the beginning"),
    (&[Ganesha], "export-number", "the server knows exports by their numbers"),
];

/// Which lines of the tables were needed.
#[derive(Default)]
struct Needed(RefCell<BTreeSet<(&'static str, usize)>>);

impl Needed {
    fn note(&self, table: &'static str, line: usize) {
        self.0.borrow_mut().insert((table, line));
    }

    /// Fails where a table has lines that no step needs.
    fn expect_all(&self, table: &'static str, lines: usize) {
        let missing: Vec<_> =
            (0..lines).filter(|line| !self.0.borrow().contains(&(table, *line))).collect();
        assert!(missing.is_empty(), "no step needs these lines of {table}: {missing:?}");
    }
}

type Holes = BTreeMap<String, String>;

/// Whether a line is as the pattern says; what stands in its `{holes}` goes with those before.
fn fits(pattern: &str, line: &str, holes: &mut Holes) -> bool {
    let Some((before, rest)) = pattern.split_once('{') else { return pattern == line };
    let (name, rest) = rest.split_once('}').unwrap();
    let Some(line) = line.strip_prefix(before) else { return false };
    // The shortest that does; a hole that is filled holds the same again.
    let ends: Vec<usize> = match holes.get(name) {
        Some(held) => vec![held.len()],
        None => (1..=line.len()).collect(),
    };
    ends.into_iter().any(|end| {
        let Some((held, behind)) = line.split_at_checked(end) else { return false };
        let mut more = holes.clone();
        let before = more.insert(name.to_owned(), held.to_owned());
        let fits = before.is_none_or(|before| before == held) && fits(rest, behind, &mut more);
        if fits {
            *holes = more;
        }
        fits
    })
}

fn filled(pattern: &str, holes: &Holes) -> String {
    let fill =
        |text: String, (name, held): (&String, &String)| text.replace(&format!("{{{name}}}"), held);
    holes.iter().fold(pattern.to_owned(), fill)
}

/// Whether a line is of a command or request that changes nothing.
fn only_looks(line: &str, needed: &Needed) -> bool {
    let found = LOOKS.iter().position(|pattern| fits(pattern, line, &mut Holes::new()));
    found.inspect(|found| needed.note("LOOKS", *found)).is_some()
}

/// A text with the short names of the trace's shares, volumes and devices.
fn short(text: &str) -> String {
    let devices = text.split(' ').map(|word| match word.split_once("/dev/mapper/") {
        Some((before, device)) => {
            let name = device.replace("--", "\0").replacen('-', "/", 1).replace('\0', "-");
            format!("{before}{name}")
        }
        None => word.to_owned(),
    });
    let text = devices.collect::<Vec<_>>().join(" ");
    let names = [(SHARE, "1"), (COPY, "2"), (SNAPSHOT, "4")];
    names.iter().fold(text, |text, (id, short)| text.replace(id, short))
}

/// To whom upstream's server exports each share.
#[derive(Default)]
struct Exports(BTreeMap<String, BTreeMap<String, &'static str>>);

impl Exports {
    /// Changes what a command changes; the lines of all shares when the table is saved, of which the
    /// trace has one.
    fn change(&mut self, command: &Command) -> Option<String> {
        let words: Vec<_> = command.argv.iter().map(String::as_str).collect();
        let of = |target: &str| {
            let (client, path) = target.split_once(':').unwrap();
            (network(client), short(path.rsplit('/').next().unwrap()))
        };
        match words.as_slice() {
            ["exportfs", "-o", options, target] => {
                let level = match *options {
                    "rw,no_subtree_check,no_root_squash" => "rw",
                    // And root of the client is nobody's; here it is root at both levels.
                    "ro,no_subtree_check" => "ro",
                    other => panic!("what level is {other}?"),
                };
                let (client, share) = of(target);
                self.0.entry(share).or_default().insert(client, level);
                None
            }
            ["exportfs", "-u", target] => {
                let (client, share) = of(target);
                self.0.entry(share).or_default().remove(&client);
                None
            }
            ["cp", "/var/lib/nfs/etab", "/etc/exports"] => {
                let (share, clients) = self.0.first_key_value().unwrap();
                let clients: Vec<_> =
                    clients.iter().map(|(client, level)| format!("{client} {level}")).collect();
                Some(format!("export {share} to {}", named(&clients)))
            }
            _ => Some(short(&words.join(" "))),
        }
    }
}

/// Clients, or that there are none.
fn named(clients: &[String]) -> String {
    if clients.is_empty() { "nobody".to_owned() } else { clients.join(", ") }
}

/// A network as ADDRESS/PREFIX.
fn network(client: &str) -> String {
    match client.split_once('/') {
        Some((address, mask)) => {
            let mask: std::net::Ipv4Addr = mask.parse().unwrap();
            format!("{address}/{}", mask.to_bits().leading_ones())
        }
        None => client.to_owned(),
    }
}

/// What a step of upstream's is here.
struct Wanted {
    call: String,
    lines: Vec<String>,
    private: Vec<String>,
}

/// All steps of the trace, with deviations and equivalents.
fn wanted(way: Way, needed: &Needed) -> Vec<Wanted> {
    let mut exports = Exports::default();
    let wanted = |step: Step| {
        let commands = step.commands.iter().filter_map(|command| exports.change(command));
        let mut lines: Vec<_> = commands.filter(|line| !only_looks(line, needed)).collect();
        lines.push(match &step.error {
            Some(exception) => {
                // Of a command that failed, it says what that said.
                let failed = step.commands.last().filter(|command| command.exit != 0);
                assert!(failed.is_none_or(|command| exception.msg.contains(&command.stderr)));
                format!("raises {}", exception.class)
            }
            None => answered(&step.answer),
        });
        for (at, deviation) in DEVIATIONS.iter().enumerate() {
            let here = deviation.ways.contains(&way) && step.call.starts_with(deviation.step);
            if here && deviate(deviation, &mut lines) {
                needed.note("DEVIATIONS", at);
            }
        }
        let lines = lines.iter().flat_map(|line| equivalent(way, line, needed)).collect();
        let private = step.private.iter().map(|change| match change {
            Private::Update { entity, details } => format!("set {entity} {details:?}"),
            Private::Delete { entity, key } => format!("delete {entity} {key:?}"),
        });
        Wanted { private: private.collect(), call: step.call, lines }
    };
    steps(TRACE).into_iter().map(wanted).collect()
}

/// What a step of the trace changes here, where shares are directories of this host.
pub fn changes(step: &str) -> Vec<String> {
    let mut steps = wanted(Local, &Needed::default()).into_iter();
    let Wanted { mut lines, .. } = steps.find(|wanted| wanted.call == step).unwrap();
    // The last one is how it ended.
    lines.pop();
    lines
}

/// Puts the lines of a deviation in place of upstream's, if these are there.
fn deviate(deviation: &Deviation, lines: &mut Vec<String>) -> bool {
    let length = deviation.upstream.len();
    let found = lines.windows(length).enumerate().find_map(|(at, window)| {
        let mut holes = Holes::new();
        let mut pairs = deviation.upstream.iter().zip(window);
        pairs.all(|(pattern, line)| fits(pattern, line, &mut holes)).then_some((at, holes))
    });
    let Some((at, holes)) = found else { return false };
    let here: Vec<_> = deviation.here.iter().map(|pattern| filled(pattern, &holes)).collect();
    lines.splice(at..at + length, here);
    true
}

/// The lines that are the same here as one of upstream's.
fn equivalent(way: Way, line: &str, needed: &Needed) -> Vec<String> {
    for (at, equivalent) in EQUIVALENTS.iter().enumerate() {
        let mut holes = Holes::new();
        if equivalent.ways.contains(&way) && fits(equivalent.upstream, line, &mut holes) {
            needed.note("EQUIVALENTS", at);
            return equivalent.here.iter().map(|pattern| filled(pattern, &holes)).collect();
        }
    }
    vec![line.to_owned()]
}

/// What upstream's driver answered, in meaning.
fn answered(answer: &Value) -> String {
    match answer {
        Value::Null => "answers nothing".to_owned(),
        Value::String(location) => short(&format!("answers {location}")),
        stats => {
            assert_eq!(stats["total_capacity_gb"], "unknown");
            assert_eq!(stats["free_capacity_gb"], "unknown");
            let pools = stats["pools"].as_array().unwrap().iter().map(|pool| {
                let gib = |key: &str| pool[key].as_f64().unwrap();
                let name = pool["pool_name"].as_str().unwrap();
                (name.to_owned(), gib("total_capacity_gb"), gib("free_capacity_gb"))
            });
            let protocols = stats["storage_protocol"].as_str().unwrap();
            let snapshots = stats["snapshot_support"].as_bool().unwrap();
            figures(protocols, snapshots, stats["qos"].as_bool().unwrap(), pools.collect())
        }
    }
}

fn figures(protocols: &str, snapshots: bool, qos: bool, pools: Vec<(String, f64, f64)>) -> String {
    format!("answers {protocols}, snapshots: {snapshots}, qos: {qos}, pools: {pools:?}")
}

/// The driver on a stage where the group is as large as upstream's was.
fn stage(way: Way, driver: &Driver) -> Stage {
    staged(way, driver).build().unwrap()
}

/// The same, to be made otherwise.
fn staged(way: Way, driver: &Driver) -> StageBuilder<'_> {
    let printed = steps(TRACE).into_iter().flat_map(|step| step.commands);
    let sizes = printed.filter(|command| command.argv[0] == "vgs").map(|command| Scripted {
        when: command.argv,
        stdout: command.stdout,
        ..Scripted::default()
    });
    let sizes = Script { commands: sizes.collect(), ..Script::default() };
    let text = |text: &str| OptionValue::Text(text.to_owned());
    let stage = Stage::builder(driver)
        .script_text(STAGE)
        .script_text(SERVER)
        .script(sizes)
        .option("lvm_share_volume_group", text("lvm-shares"))
        .option("lvm_share_export_root", text("/var/lib/manila/mnt"))
        .option("lvm_share_export_ip", text("127.0.0.1"));
    match way {
        Local => stage,
        Ganesha => stage
            .option("lvm_share_export", text("ganesha"))
            .option("lvm_ganesha_server", text("127.0.0.1"))
            .option("lvm_share_mode", text("0777")),
    }
}

fn share(id: &str) -> Share {
    Share { id: id.to_owned(), ..samples::share(&format!("share-{id}"), 1) }
}

fn snapshot() -> Snapshot {
    let snapshot = samples::snapshot(&format!("share-snapshot-{SNAPSHOT}"), &share(SHARE));
    Snapshot { id: SNAPSHOT.to_owned(), ..snapshot }
}

/// Upstream's clients, as this way knows them.
fn rules(way: Way) -> [AccessRule; 3] {
    let (kind, one, network) = match way {
        Local => (AccessType::User, "group", "everyone"),
        Ganesha => (AccessType::Ip, "10.0.0.1", "10.1.0.0/24"),
    };
    [
        samples::rule(kind, one, AccessLevel::Rw),
        samples::rule(kind, network, AccessLevel::Ro),
        samples::rule(AccessType::User, "bob", AccessLevel::Rw),
    ]
}

/// The function that a step called, and with what.
fn asked(way: Way, step: &str) -> (&'static str, Value) {
    let (one, copy) = (share(SHARE), share(COPY));
    let [rw, ro, bad] = &rules(way);
    let access = |all: &[&AccessRule], added: &[&AccessRule], gone: &[&AccessRule]| {
        ("update-access", json!([one, all, added, gone, null]))
    };
    match step {
        "do_setup" => ("do-setup", json!([])),
        "check_for_setup_error" => ("check-for-setup-error", json!([])),
        "get_share_stats" => ("get-share-stats", json!([])),
        "create_share" => ("create-share", json!([one, null])),
        "update_access add rw ip" => access(&[rw], &[rw], &[]),
        "update_access add ro cidr" => access(&[rw, ro], &[ro], &[]),
        "update_access add user (invalid)" => access(&[rw, ro, bad], &[bad], &[]),
        "update_access delete ro cidr" => access(&[rw], &[], &[ro]),
        "update_access delete user (invalid)" => access(&[rw], &[], &[bad]),
        "update_access recovery" => access(&[rw, ro], &[], &[]),
        "update_access delete all" => access(&[], &[], &[rw, ro]),
        "create_snapshot" => ("create-snapshot", json!([snapshot(), null])),
        "create_share_from_snapshot" => {
            ("create-share-from-snapshot", json!([copy, snapshot(), null]))
        }
        "ensure_share" => ("ensure-share", json!([one, null])),
        "extend_share 1->3" => ("extend-share", json!([one, 3, null])),
        "shrink_share 3->2" => ("shrink-share", json!([one, 2, null])),
        "delete_snapshot" => ("delete-snapshot", json!([snapshot(), null])),
        "delete_share S2" => ("delete-share", json!([copy, null])),
        "delete_share S1" | "delete_share S1 again" => ("delete-share", json!([one, null])),
        "manage_existing" => ("manage-existing", json!([one, []])),
        "unmanage" => ("unmanage", json!([one])),
        other => panic!("what is {other}?"),
    }
}

/// A request as a line.
fn line(request: &Crossed) -> String {
    let asked = &request.asked;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let place = |value: &Value| format!("{}:{}", text(&value["root"]), text(&value["path"]));
    let line = match request.import.as_str() {
        "command.run" => {
            let (program, arguments) = (&asked["command"]["program"], &asked["command"]["args"]);
            let words = [program].into_iter().chain(arguments.as_array().unwrap()).map(text);
            spoken(&words.collect::<Vec<_>>())
        }
        "mounts.mount" => {
            assert_eq!(asked["options"], json!([]));
            let (device, filesystem) =
                (text(&asked["source"]["device"]), text(&asked["filesystem"]));
            format!("mount {device} {} {filesystem}", place(&asked["place"]))
        }
        "mounts.unmount" => format!("unmount {}", place(&asked["place"])),
        "files.make-dir" => format!("make-dir {}", place(&asked["directory"])),
        "files.set-mode" => {
            format!("set-mode {} {:04o}", place(&asked["path"]), asked["mode"].as_u64().unwrap())
        }
        "files.remove" => format!("remove {}", place(&asked["path"])),
        "files.list" => format!("list {}", place(&asked["directory"])),
        "files.write" => {
            let file = place(&asked["file"]);
            let content: Bytes = serde_json::from_value(asked["contents"].clone()).unwrap();
            let content = String::from_utf8(content.into_vec()).unwrap();
            match file.contains("share-") {
                true => format!("write {file} for {}", named(&clients(&content))),
                false => format!("write {file}"),
            }
        }
        other => format!("{other} {asked}"),
    };
    short(&line)
}

/// A command's words; of what is said to the server, what is said.
fn spoken(words: &[String]) -> String {
    let method = words.iter().position(|word| word.starts_with("org."));
    match (words[0].as_str(), method) {
        ("dbus-send", Some(method)) => {
            let said = words[method].rsplit('.').next().unwrap();
            // Its number is in the block.
            let with = words[method + 1..].iter().filter(|word| !word.contains("Export_Id="));
            let with = with.map(|word| format!(" {}", word.trim_start_matches("string:")));
            format!("dbus-send {said}{}", with.collect::<String>())
        }
        _ => words.join(" "),
    }
}

/// Whom a block lets in.
fn clients(block: &str) -> Vec<String> {
    let clients = block.lines().filter_map(|line| line.trim().strip_prefix("CLIENT { Clients = "));
    let client = |line: &str| {
        let (client, level) = line.split_once("; Access_Type = ").unwrap();
        format!("{client} {}", level.trim_end_matches("; }").to_lowercase())
    };
    clients.map(client).collect()
}

/// How a call ended, as a line.
fn outcome(driver: &Driver, called: &Called) -> String {
    if let Some(error) = called.error() {
        return format!("raises {error}");
    }
    let answer = called.answer().unwrap_or_else(|| panic!("{called}"));
    if called.function == "get-share-stats" {
        let stats: ShareStats = serde_json::from_value(answer.clone()).unwrap();
        assert_eq!(stats.total_capacity, Capacity::Unknown);
        assert_eq!(stats.free_capacity, Capacity::Unknown);
        let gib = |capacity: &Capacity| match capacity {
            Capacity::Gib(gib) => *gib,
            other => panic!("{other:?}"),
        };
        let pools = stats
            .pools
            .iter()
            .map(|pool| (pool.name.clone(), gib(&pool.total_capacity), gib(&pool.free_capacity)));
        let protocols = driver.description().protocols.iter().map(|protocol| {
            serde_json::to_value(protocol).unwrap().as_str().unwrap().to_uppercase()
        });
        let protocols = protocols.collect::<Vec<_>>().join("_");
        let snapshots = driver.offers(Interface::Snapshots) && driver.offers(Interface::Clones);
        return figures(&protocols, snapshots, stats.qos, pools.collect());
    }
    match answer {
        Value::Array(locations) => {
            let paths = locations.iter().map(|location| location["path"].as_str().unwrap());
            short(&format!("answers {}", paths.collect::<Vec<_>>().join(" ")))
        }
        // What a snapshot has beside its name: nothing.
        answer => {
            assert!(
                answer.is_null() || *answer == json!({ "provider_location": null }),
                "{answer}"
            );
            "answers nothing".to_owned()
        }
    }
}

/// What was written down by a request and upstream does not.
fn kept(way: Way, request: &Crossed, needed: &Needed) -> Vec<String> {
    let changes = request.asked["changes"].as_array().unwrap().iter();
    let own = changes.filter(|change| {
        let key = &change["set"]["key"];
        let line = KEPT.iter().position(|(ways, known, _)| ways.contains(&way) && key == known);
        line.inspect(|line| needed.note("KEPT", *line)).is_none() && change.get("remove").is_none()
    });
    own.map(ToString::to_string).collect()
}

/// Walks the trace.
async fn walk(way: Way, needed: &Needed) {
    let driver = load(&runtime(Limits::default()), "abaca-driver-lvm").await;
    let stage = stage(way, &driver);
    for step in wanted(way, needed) {
        let (function, arguments) = asked(way, &step.call);
        let offered = function != "manage-existing" && function != "unmanage"
            || driver.offers(Interface::Managing);
        let (mut done, mut private) = (Vec::new(), Vec::new());
        if offered {
            let called = stage.call(function, arguments).await.unwrap();
            for request in &called.requests {
                if request.import == "state.apply" {
                    private.extend(kept(way, request, needed));
                    continue;
                }
                let line = line(request);
                if !only_looks(&line, needed) {
                    done.push(line);
                }
            }
            done.push(outcome(&driver, &called));
        } else {
            done.push("is not offered".to_owned());
        }
        assert_eq!(done, step.lines, "{way:?}: {}", step.call);
        assert_eq!(private, step.private, "{way:?}: what {} keeps", step.call);
    }
    let facts = stage.facts();
    let left: Vec<_> = facts.iter().filter(|fact| !fact.contains("_index.conf")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn each_step_is_upstreams() {
    let needed = Needed::default();
    for way in BOTH {
        walk(*way, &needed).await;
    }
    needed.expect_all("EQUIVALENTS", EQUIVALENTS.len());
    needed.expect_all("LOOKS", LOOKS.len());
    needed.expect_all("DEVIATIONS", DEVIATIONS.len());
    needed.expect_all("KEPT", KEPT.len());
    let reasons = DEVIATIONS.iter().map(|line| line.why).chain(KEPT.iter().map(|line| line.2));
    assert!(reasons.into_iter().all(|why| why.len() > 20));
}

/// A command as a line, and whether it is tried again.
fn commands(called: &Called) -> Vec<(String, bool)> {
    let commands = called.requests.iter().filter(|request| request.is_command());
    let commands = commands.map(|request| (line(request), request.asked["retry"] == true));
    commands.filter(|(line, _)| !line.starts_with("lvs ")).collect()
}

#[tokio::test]
async fn large_mirrors_have_regions_as_upstreams() {
    let driver = load(&runtime(Limits::default()), "abaca-driver-lvm").await;
    let staged = staged(Local, &driver).script_text("pool-gib = 100000");
    let stage = staged.option("lvm_share_mirrors", OptionValue::Integer(2)).build().unwrap();
    for (size, region) in [(1535, ""), (1536, " -R 2"), (2048, " -R 2"), (2049, " -R 4")] {
        let share = samples::share(&format!("share-{size}"), size);
        let called = stage.call("create-share", json!([share, null])).await.unwrap();
        assert!(called.is_ok(), "{called}");
        let wanted =
            format!("lvcreate -L {size}G -n share-{size} lvm-shares -m 2 --nosync{region}");
        assert_eq!(commands(&called)[0].0, wanted);
    }
}

/// Upstream: `_try_execute`.
#[tokio::test]
async fn what_upstream_tries_again_is_tried_again() {
    let driver = load(&runtime(Limits::default()), "abaca-driver-lvm").await;
    // It makes the volume, and fails all the same.
    let failing = r#"
        [[command]]
        when = ["lvcreate", "-L", "{size}", "-n", "{name}", "lvm-shares"]
        does = [{ create-volume = { name = "{name}", size = "{size}" } }]
        exits = 5
        on.exists = { exits = 5, stderr = "  Logical Volume \"{name}\" already exists in volume group \"lvm-shares\"\n" }
    "#;
    let stage = staged(Local, &driver).script_text(failing).build().unwrap();
    let tried = [
        ("create-share", json!([share(SHARE), null]), "lvcreate"),
        ("create-snapshot", json!([snapshot(), null]), "lvcreate"),
        ("delete-snapshot", json!([snapshot(), null]), "lvremove"),
        ("extend-share", json!([share(SHARE), 3, null]), "lvextend"),
    ];
    for (function, arguments, program) in tried {
        let called = stage.call(function, arguments).await.unwrap();
        assert!(called.is_ok(), "{called}");
        let commands = commands(&called);
        let again: Vec<_> = commands.iter().filter(|(_, again)| *again).collect();
        assert!(again.len() == 1 && again[0].0.starts_with(program), "{commands:?}");
    }
}

#[tokio::test]
async fn what_was_to_be_a_snapshot_is_taken_for_none() {
    let driver = load(&runtime(Limits::default()), "abaca-driver-lvm").await;
    let stage = stage(Local, &driver);
    stage.call("create-share", json!([share(SHARE), null])).await.unwrap();
    // Where LVM was cut short in between, there is a volume, and no snapshot yet.
    let name = format!("share-snapshot-{SNAPSHOT}");
    stage.remember(SNAPSHOT, "volume", &name);
    stage.perform(&Deed::CreateVolume { name, size: "1G".to_owned() }).unwrap();
    let called = stage.call("create-snapshot", json!([snapshot(), null])).await.unwrap();
    assert!(called.is_ok(), "{called}");
    let lines: Vec<_> = commands(&called).into_iter().map(|(line, _)| line).collect();
    let [removed, made] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(removed, "lvremove -f lvm-shares/share-snapshot-4");
    assert_eq!(*made, changes("create_snapshot")[0]);
}

#[tokio::test]
async fn another_file_system_is_refused() {
    let driver = load(&runtime(Limits::default()), "abaca-driver-lvm").await;
    for (name, refused) in [("ext4", None), ("xfs", Some("bad-configuration"))] {
        for option in ["lvm_share_volume_fstype", "share_volume_fstype"] {
            let staged = staged(Local, &driver).option(option, OptionValue::Text(name.to_owned()));
            let stage = staged.build().unwrap();
            let called = stage.call("check-for-setup-error", json!([])).await.unwrap();
            assert_eq!(called.error(), refused, "{option}: {called}");
        }
    }
}
