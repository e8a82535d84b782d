//! The driver `zfs` beside upstream's on OpenZFS: 30 calls, on the stage that the driver ships, with a
//! policy that grants `exportfs -u` besides.
//!
//! Upstream's clock stood still, so that all snapshots that replicas are made by have the same time, and
//! one that takes the place of another one is that one. Here time goes on; what that changes is in the
//! tables, and times are left out of names.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use abaca::policy::Policy;
use abaca::testing::{Called, Deed, Stage, samples};
use abaca::types::{
    AccessLevel, AccessRule, AccessType, ExportLocation, Pair, Replica, ReplicaSnapshot,
    ReplicaState, Share, Snapshot,
};
use abaca::{Limits, OptionValue};
use serde_json::{Value, json};

use super::{Command, Exception, Private, Step, steps};
use crate::support::{load, runtime};
use crate::widths;

const TRACE: &str = include_str!("../../data/traces/zfs.json");

/// What the trace calls things.
const FIRST: &str = "11111111-1111-4111-8111-111111111111";
const SECOND: &str = "22222222-2222-4222-8222-222222222222";
const SNAPSHOT: &str = "33333333-3333-4333-8333-333333333333";
const OF_FIRST: &str = "44444444-4444-4444-8444-444444444444";
const OF_SECOND: &str = "55555555-5555-4555-8555-555555555555";

/// What is there besides, so that 90 of 100 GiB are free.
const LEGACY: &str = "tank/legacy";

/// A line of a table: what it is about, what it is here, and why. `{holes}` are words, `{rest}` is the
/// rest.
struct Line {
    about: &'static str,
    here: &'static str,
    #[expect(dead_code, reason = "for who reads the table")]
    why: &'static str,
    used: Cell<bool>,
}

const fn line(about: &'static str, here: &'static str, why: &'static str) -> Line {
    Line { about, here, why, used: Cell::new(false) }
}

/// What differs, and why.
struct Tables {
    looks: Vec<Line>,
    equivalents: Vec<Line>,
    missing: Vec<Line>,
    more: Vec<Line>,
    private: Vec<Line>,
    answers: Vec<Line>,
    steps: Vec<Line>,
}

impl Tables {
    fn new() -> Tables {
        let clock = "the snapshot that this one takes the place of, which has another time here";
        Tables {
            // Looking changes nothing: what is looked at is each driver's affair.
            looks: vec![
                line("zfs list {rest}", "", "which datasets and snapshots there are"),
                line("zfs get {rest}", "", "a property"),
                line("zpool get {rest}", "", "how large a pool is"),
                line("zfs version", "", "which of the two it is; upstream asks `modinfo`"),
                line("modinfo zfs", "", "the same for upstream"),
                line(
                    "which exportfs",
                    "",
                    "whether there is a server; a policy names what it grants",
                ),
                line("exportfs", "", "whether there is a server"),
            ],
            equivalents: vec![
                line(
                    "ssh zfsu@127.0.0.2 sudo {rest}",
                    "{rest}",
                    "both ends are pools of this host, and the broker has the rights",
                ),
                line("sudo {rest}", "{rest}", "the broker has the rights"),
                line(
                    "ssh zfsu@127.0.0.2 set readonly=on {dataset}",
                    "zfs set readonly=on {dataset}",
                    "it lacks its first word and fails, and clients write into what is thrown away",
                ),
                line(
                    "lsof -w /{pool}/{share}",
                    "unmount {pool}:{share}",
                    "the broker unmounts, and refuses while something works there",
                ),
                line(
                    "exportfs -u {client}:/{pool}/{share}",
                    "exportfs -u {client}:{pool}:{share}",
                    "a path is said by its root",
                ),
                line(
                    "zfs destroy tank/{dataset}@{tag}",
                    "zfs destroy -f tank/{dataset}@{tag}",
                    "of the snapshot that a copy came with; one rule is for all snapshots",
                ),
            ],
            missing: vec![line(
                "do_setup: mount --make-rshared /{pool}",
                "",
                "the broker mounts in a namespace of its own, and sees what is mounted elsewhere",
            )],
            more: vec![
                line("manage_existing: zfs set quota=10G tank/legacy", "", "it gets a quota"),
                line(
                    "repl: update_replica_state: zfs destroy -f pond/{of}@tmp_snapshot_for_replication__22222222_2222_4222_8222_222222222222_time_*",
                    "",
                    clock,
                ),
                line(
                    "repl: update_replica_state: zfs destroy -f tank/{of}@tmp_snapshot_for_replication__22222222_2222_4222_8222_222222222222_time_*",
                    "",
                    clock,
                ),
                line(
                    "repl: update_replicated_snapshot: zfs destroy -f pond/{of}@tmp_snapshot_for_replication__22222222_2222_4222_8222_222222222222_time_*",
                    "",
                    clock,
                ),
                line(
                    "repl: update_replicated_snapshot: zfs destroy -f tank/{of}@tmp_snapshot_for_replication__22222222_2222_4222_8222_222222222222_time_*",
                    "",
                    clock,
                ),
                line(
                    "repl: delete_replica (old active): zfs destroy -f tank/{of}@tmp_snapshot_for_replication__11111111_1111_4111_8111_111111111111_time_*",
                    "",
                    "there are two of this name, one of the replicated snapshot and one of the promotion",
                ),
                line(
                    "repl: delete_replica (old active): zfs destroy -f pond/{of}@{tag}",
                    "",
                    "no replica follows by these any more; upstream leaves them for ever",
                ),
            ],
            private: vec![
                line("upstream: ssh_cmd", "", "no other host is reached"),
                line(
                    "upstream: used_options list",
                    "",
                    "a list's representation, which nobody reads",
                ),
                line("here: receiving", "", "a copy that is cut short is told from a share"),
                line("here: received", "", "the same"),
                line("here: quota", "", "a replica's own, which what is received does not change"),
                line("here: active_replica", "", "a promotion that is cut short is not undone"),
                line(
                    "snapshot",
                    "",
                    "upstream removes what it has not kept, by the instance's identifier, and the rest stays",
                ),
            ],
            answers: vec![
                line("upstream: share_backend_name", "", "the runtime's"),
                line("upstream: driver_handles_share_servers", "", "the runtime's"),
                line("upstream: vendor_name", "", "the driver's description says it"),
                line("upstream: driver_version", "", "the same"),
                line("upstream: storage_protocol", "", "the same"),
                line("upstream: driver_name", "", "the same"),
                line("upstream: snapshot_support", "", "the runtime knows the driver's interfaces"),
                line("upstream: replication_domain", "", "the runtime's"),
                line("upstream: reserved_percentage", "", "the runtime's"),
                line("upstream: pool_name", "name", "the contract's word"),
                line("upstream: total_capacity_gb", "total_capacity", "the contract's word"),
                line("upstream: free_capacity_gb", "free_capacity", "the contract's word"),
                line("upstream: metadata", "metadata", "pairs, of which there are none"),
                line("here: id", "", "an update names what it is of"),
                line("here: progress", "", "the contract's"),
                line("here: provider_location", "", "the contract's, and nothing here"),
                line("here: export_locations", "", "the contract's, and unchanged here"),
                line("here: extra", "", "the contract's, and nothing here"),
                line("here: allocated_capacity", "", "the contract's, and nothing here"),
                line("here: provisioned_capacity", "", "the contract's, and nothing here"),
            ],
            steps: vec![line(
                "manage_existing",
                "",
                "upstream has none of it at this commit; here a dataset is taken over",
            )],
        }
    }

    fn all(&self) -> impl Iterator<Item = &Line> {
        let Tables { looks, equivalents, missing, more, private, answers, steps } = self;
        [looks, equivalents, missing, more, private, answers, steps].into_iter().flatten()
    }

    /// Whether a table has a line about this.
    fn has(table: &[Line], about: &str) -> bool {
        let found = table.iter().find(|line| fits(line.about, about).is_some());
        found.inspect(|line| line.used.set(true)).is_some()
    }

    /// What it is here.
    fn said(&self, words: &str) -> String {
        let found = self.equivalents.iter().find_map(|line| Some((line, fits(line.about, words)?)));
        let Some((line, holes)) = found else { return words.to_owned() };
        line.used.set(true);
        let filled = holes.iter().fold(line.here.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        });
        self.said(&filled)
    }

    /// What upstream changed, in the words that are used here.
    fn upstream(&self, step: &Step) -> Vec<String> {
        let said = |command: &Command| {
            let words = timeless(&command.argv.join(" "));
            let stages: Vec<_> = words.split(" | ").map(|stage| self.said(stage)).collect();
            stages.join(" | ")
        };
        let changing =
            step.commands.iter().map(said).filter(|words| !Self::has(&self.looks, words));
        changing
            .filter(|words| !Self::has(&self.missing, &format!("{}: {words}", step.call)))
            .collect()
    }

    /// What was changed here, without what upstream did not in this step.
    fn here(&self, step: &Step, called: &Called) -> Vec<String> {
        let mut changing = changing(called);
        changing.retain(|words| !Self::has(&self.looks, words));
        for line in &self.more {
            let mut found = changing.iter().enumerate().filter(|(_, words)| {
                fits(line.about, &format!("{}: {words}", step.call)).is_some()
            });
            let places: Vec<_> = match line.about.ends_with("{tag}") {
                true => found.map(|(place, _)| place).collect(),
                false => found.next().into_iter().map(|(place, _)| place).collect(),
            };
            for place in places.into_iter().rev() {
                changing.remove(place);
                line.used.set(true);
            }
        }
        changing
    }
}

/// What fills the holes of a pattern.
fn fits(pattern: &str, text: &str) -> Option<Vec<(String, String)>> {
    let Some((before, after)) = pattern.split_once('{') else {
        return (pattern == text).then(Vec::new);
    };
    let (name, pattern) = after.split_once('}').unwrap();
    let text = text.strip_prefix(before)?;
    for end in 1..=text.len() {
        let Some((value, rest)) = text.split_at_checked(end) else { continue };
        if name != "rest" && value.contains(' ') {
            return None;
        }
        if let Some(mut holes) = fits(pattern, rest) {
            holes.push((name.to_owned(), value.to_owned()));
            return Some(holes);
        }
    }
    None
}

/// Without the times of snapshots.
fn timeless(text: &str) -> String {
    let mut parts = text.split("_time_");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |whole, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || "T:.-".contains(c));
        format!("{whole}_time_*{rest}")
    })
}

/// What a call did that may have changed something, in order.
fn changing(called: &Called) -> Vec<String> {
    let told = called.requests.iter().filter_map(|request| {
        let asked = &request.asked;
        match request.import.as_str() {
            "command.run" => Some(line_of(&asked["command"])),
            "command.pipeline" => {
                let stages = asked["stages"].as_array().unwrap().iter().map(line_of);
                Some(stages.collect::<Vec<_>>().join(" | "))
            }
            "mounts.unmount" => {
                let place = &asked["place"];
                let [root, path] = ["root", "path"].map(|key| place[key].as_str().unwrap());
                Some(format!("unmount {root}:{path}"))
            }
            other => {
                let looks = ["config.", "state.", "lock.", "clock.", "log."];
                assert!(looks.iter().any(|look| other.starts_with(look)), "{other}");
                None
            }
        }
    });
    told.map(|words| timeless(&words)).collect()
}

/// Asserts that a look in the same words was answered the same: both saw the same world.
fn same_world(step: &Step, called: &Called, tables: &Tables) {
    for command in &step.commands {
        let words = tables.said(&command.argv.join(" "));
        let is_lsof = command.argv[0] == "lsof";
        assert!(command.exit == i32::from(is_lsof) && command.stderr.is_empty(), "{command:?}");
        let columns = match words.split(' ').collect::<Vec<_>>()[..] {
            ["zfs", "get", ..] => 3,
            ["zfs", "list", "-r", _] => 1,
            _ => continue,
        };
        let cells = |text: &str| -> Vec<Vec<String>> {
            let row =
                |line: &str| line.split_whitespace().take(columns).map(str::to_owned).collect();
            text.lines().map(row).filter(|row: &Vec<_>| !row.is_empty()).collect()
        };
        // What is looked at before something is changed, too, is looked at last by both.
        let run = called.requests.iter().filter(|one| one.import == "command.run");
        let mut same = run.filter(|one| line_of(&one.asked["command"]) == words);
        if let Some(request) = same.next_back() {
            let answered = request.answered.as_ref().unwrap()["ok"]["stdout"].as_str().unwrap();
            assert_eq!(cells(answered), cells(&command.stdout), "{}: {words}", step.call);
        }
    }
}

/// A program and its arguments.
fn line_of(line: &Value) -> String {
    let args = line["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    let program = line["program"].as_str().unwrap();
    std::iter::once(program).chain(args).collect::<Vec<_>>().join(" ")
}

type Kept = BTreeMap<String, BTreeMap<String, String>>;

/// What is kept on a stage, by entity and key.
fn kept(stage: &Stage) -> Kept {
    let mut kept = Kept::new();
    for fact in stage.facts() {
        let Some(fact) = fact.strip_prefix("state of ") else { continue };
        let (entity, pair) = fact.split_once(": ").unwrap();
        let (key, value) = pair.split_once(" = ").unwrap();
        kept.entry(entity.to_owned()).or_default().insert(key.to_owned(), timeless(value));
    }
    kept
}

/// What upstream's has kept after a step, in the words that are used here.
fn keep(kept: &mut Kept, step: &Step, tables: &Tables) {
    for private in &step.private {
        match private {
            Private::Update { entity, details } => {
                for (key, value) in details {
                    if Tables::has(&tables.private, &format!("upstream: {key}")) {
                        continue;
                    }
                    let mut value = timeless(value.as_str().unwrap());
                    if value.starts_with('[') {
                        assert!(Tables::has(&tables.private, &format!("upstream: {key} list")));
                        value = value.replace(['[', ']', '\'', ','], "");
                    }
                    kept.entry(entity.clone()).or_default().insert(key.clone(), value);
                }
            }
            Private::Delete { entity, key } => {
                assert!(key.is_none(), "{step:?}");
                kept.remove(entity);
                if entity == OF_FIRST && kept.remove(SNAPSHOT).is_some() {
                    assert!(Tables::has(&tables.private, "snapshot"));
                }
            }
        }
    }
}

/// Without what upstream does not keep.
fn kept_too(stage: &Stage, tables: &Tables) -> Kept {
    let mut kept = kept(stage);
    for keys in kept.values_mut() {
        keys.retain(|key, _| !Tables::has(&tables.private, &format!("here: {key}")));
    }
    kept.retain(|_, keys| !keys.is_empty());
    kept
}

/// Asserts that an answer means what upstream's did.
fn same(at: &str, upstream: &Value, here: &Value, tables: &Tables) {
    let tell = || panic!("{at}: upstream answered {upstream}, and here it is {here}");
    match (upstream, here) {
        (Value::Object(theirs), Value::Object(ours)) => {
            let mut rest = ours.clone();
            for (key, value) in theirs {
                let line =
                    tables.answers.iter().find(|line| line.about == format!("upstream: {key}"));
                let word = line.map_or(key.as_str(), |line| line.here);
                if let Some(line) = line {
                    line.used.set(true);
                    if word.is_empty() {
                        continue;
                    }
                }
                let own = rest.remove(word).unwrap_or_default();
                same(&format!("{at} {key}"), value, &own, tables);
            }
            for (key, value) in rest {
                let nothing = [Value::Null, json!([]), json!({})].contains(&value);
                let told = Tables::has(&tables.answers, &format!("here: {key}"));
                let is_fine = told && (nothing || ["id", "progress"].contains(&key.as_str()));
                // What is not said is kept, as is what the runtime fills in.
                assert!(
                    is_fine || key == "reserved_percentage" && nothing,
                    "{at}: {key} = {value}"
                );
            }
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            assert_eq!(theirs.len(), ours.len(), "{at}: {upstream} {here}");
            for (place, value) in theirs.iter().enumerate() {
                let id = value.get("id");
                let named = ours.iter().find(|own| id.is_some() && own.get("id") == id);
                same(at, value, named.unwrap_or(&ours[place]), tables);
            }
        }
        // What a share may have of several, the scheduler is told as a list.
        (Value::Array(theirs), own) => match theirs.as_slice() {
            [only] => same(at, only, own, tables),
            _ if own.is_null() => {}
            _ => tell(),
        },
        // No metadata.
        (Value::Object(none), Value::Array(no)) if none.is_empty() && no.is_empty() => {}
        (Value::Number(theirs), Value::Object(capacity)) => {
            assert_eq!(capacity["gib"].as_f64(), theirs.as_f64(), "{at}");
        }
        (Value::Number(theirs), Value::Number(ours)) => {
            assert_eq!(theirs.as_f64(), ours.as_f64(), "{at}");
        }
        (Value::String(theirs), Value::String(ours)) => {
            assert!(theirs == ours || *theirs == ours.replace('-', "_"), "{at}: {theirs} {ours}");
        }
        (Value::Null, Value::Object(fields)) => {
            for (key, value) in fields {
                let told = Tables::has(&tables.answers, &format!("here: {key}"));
                assert!(value.is_null() && told, "{at}: {key} = {value}");
            }
        }
        (theirs, ours) if theirs == ours => {}
        _ => tell(),
    }
}

/// What upstream's exceptions are here.
fn error(class: &str) -> &'static str {
    match class {
        "InvalidShareAccess" => "invalid-share-access",
        other => panic!("{other}"),
    }
}

fn share(id: &str, pool: &str) -> Share {
    Share {
        id: id.to_owned(),
        share_id: format!("{id}-share"),
        pool: Some(pool.to_owned()),
        ..samples::share("share", 1)
    }
}

fn ip(to: &str, level: AccessLevel) -> AccessRule {
    samples::rule(AccessType::Ip, to, level)
}

fn snapshot(id: &str, of: &Share) -> Snapshot {
    let (id, snapshot_id) = (id.to_owned(), SNAPSHOT.to_owned());
    Snapshot { id, snapshot_id, ..samples::snapshot("snapshot", of) }
}

/// The replicas, of which one is the active one.
fn replicas(active: &str) -> [Replica; 2] {
    let shares = [
        share(FIRST, "tank"),
        Share { share_id: format!("{FIRST}-share"), ..share(SECOND, "pond") },
    ];
    shares.map(|share| {
        let is_active = share.id == active;
        samples::replica(
            &share,
            if is_active { ReplicaState::Active } else { ReplicaState::InSync },
        )
    })
}

fn instances() -> [ReplicaSnapshot; 2] {
    let [first, second] = replicas(FIRST);
    [snapshot(OF_FIRST, &first.share), snapshot(OF_SECOND, &second.share)]
        .map(|snapshot| ReplicaSnapshot { snapshot, progress: 0 })
}

/// The function and the arguments of a step.
fn call(step: &str) -> (&'static str, Value) {
    let (first, second) = (share(FIRST, "tank"), share(SECOND, "tank"));
    let (rw, ro) = (ip("10.0.0.1", AccessLevel::Rw), ip("10.1.0.0/24", AccessLevel::Ro));
    let user = samples::rule(AccessType::User, "alice", AccessLevel::Rw);
    let rules = |all: &[&AccessRule], add: &[&AccessRule], delete: &[&AccessRule]| {
        ("update-access", json!([first, all, add, delete, null]))
    };
    let of_first = snapshot(OF_FIRST, &first);
    let (list, both) = (replicas(FIRST), json!([rw, ro]));
    match step {
        "do_setup" => ("do-setup", json!([])),
        "check_for_setup_error" => ("check-for-setup-error", json!([])),
        "get_share_stats" => ("get-share-stats", json!([])),
        "create_share" | "repl: create_share (active)" => ("create-share", json!([first, null])),
        "update_access add rw ip" => rules(&[&rw], &[&rw], &[]),
        "update_access add ro cidr" => rules(&[&rw, &ro], &[&ro], &[]),
        "update_access add user (invalid)" => rules(&[&rw, &ro, &user], &[&user], &[]),
        "update_access delete ro cidr" => rules(&[&rw], &[], &[&ro]),
        "update_access delete user (invalid)" => rules(&[&rw], &[], &[&user]),
        "update_access recovery" => rules(&[&rw, &ro], &[], &[]),
        "update_access delete all" => rules(&[], &[], &[&rw, &ro]),
        "create_snapshot" => ("create-snapshot", json!([of_first, null])),
        "create_share_from_snapshot" => {
            ("create-share-from-snapshot", json!([second, of_first, null]))
        }
        "ensure_share" => ("ensure-share", json!([first, null])),
        "extend_share 1->3" => ("extend-share", json!([first, 3, null])),
        "shrink_share 3->2" => ("shrink-share", json!([first, 2, null])),
        "delete_snapshot" => ("delete-snapshot", json!([of_first, null])),
        "delete_share S2" => ("delete-share", json!([second, null])),
        "delete_share S1" | "delete_share S1 again" => ("delete-share", json!([first, null])),
        "manage_existing" => {
            let at = ExportLocation {
                path: format!("127.0.0.1:/{LEGACY}"),
                is_admin_only: false,
                metadata: Vec::new(),
            };
            let none: [Pair; 0] = [];
            ("manage-existing", json!([Share { export_locations: vec![at], ..first }, none]))
        }
        "unmanage" => ("unmanage", json!([first])),
        "repl: create_replica" => ("create-replica", json!([list, list[1], both, [], null])),
        "repl: update_replica_state" => {
            ("update-replica-state", json!([list, list[1], both, [], null]))
        }
        "repl: create_replicated_snapshot" => {
            ("create-replicated-snapshot", json!([list, instances(), null]))
        }
        "repl: update_replicated_snapshot" => {
            let [_, second] = instances();
            ("update-replicated-snapshot", json!([list, list[1], instances(), second, null]))
        }
        "repl: promote_replica" => ("promote-replica", json!([list, list[1], both, null])),
        "repl: delete_replicated_snapshot" => {
            ("delete-replicated-snapshot", json!([replicas(SECOND), instances(), null]))
        }
        "repl: delete_replica (old active)" => {
            let list = replicas(SECOND);
            ("delete-replica", json!([list, [], list[0], null]))
        }
        other => panic!("the trace has a step `{other}`, which nobody calls"),
    }
}

/// What README says of taking away what a server still has.
fn unexporting() -> String {
    let readme = include_str!("../../../README.md");
    let rule = readme.split("```toml\n").find(|text| text.contains("id = \"unexport\"")).unwrap();
    rule.split("```").next().unwrap().to_owned()
}

async fn stage() -> Stage {
    let driver = load(&runtime(Limits::default()), "abaca-driver-zfs").await;
    let policy = format!("{}\n{}", widths::shipped("zfs/policy"), unexporting());
    let policy = Policy::parse(&policy, "policy.toml").unwrap();
    let script = include_str!("../../../drivers/zfs/stage.toml");
    let pools = ["tank", "pond"].map(str::to_owned).to_vec();
    let stage = Stage::builder(&driver).policy(policy).script_text(script);
    stage.option("zfs_zpool_list", OptionValue::TextList(pools)).build().unwrap()
}

#[tokio::test]
async fn zfs_does_what_upstreams_did() {
    let stage = stage().await;
    let legacy = [
        Deed::CreateVolume { name: LEGACY.to_owned(), size: "10G".to_owned() },
        Deed::Set {
            volume: LEGACY.to_owned(),
            key: "sharenfs".to_owned(),
            value: "off".to_owned(),
        },
    ];
    legacy.iter().for_each(|deed| stage.perform(deed).unwrap());
    let (tables, mut expected) = (Tables::new(), Kept::new());
    for step in steps(TRACE) {
        let at = &step.call;
        stage.advance(Duration::from_secs(1));
        let (function, arguments) = call(at);
        let called = stage.call(function, arguments).await.unwrap();
        assert_eq!(tables.here(&step, &called), tables.upstream(&step), "{at}: {called}");
        same_world(&step, &called, &tables);
        keep(&mut expected, &step, &tables);
        if Tables::has(&tables.steps, at) {
            assert!(called.is_ok() && step.error.is_some(), "{at}: {called}");
            continue;
        }
        assert_eq!(kept_too(&stage, &tables), expected, "{at}");
        match &step.error {
            Some(exception) => {
                let Exception { class, msg } = exception;
                assert_eq!(called.error(), Some(error(class)), "{msg}: {called}");
            }
            None => {
                let answer = called.answer();
                same(at, &step.answer, answer.unwrap_or_else(|| panic!("{called}")), &tables);
            }
        }
    }
    let unused: Vec<_> =
        tables.all().filter(|line| !line.used.get()).map(|line| line.about).collect();
    assert!(unused.is_empty(), "no step needs {unused:#?}");
    assert!(stage.unanswered().is_empty() && stage.refused().is_empty(), "{:?}", stage.refused());
}
