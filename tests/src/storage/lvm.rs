//! The driver `lvm` on real LVM. Device-mapper is not in every kernel, so it lives in a guest with one
//! of its own (`just test-lvm`, `tests/lvm`), which hands out the audits of all that was asked there:
//! they are put beside the policies, and beside what upstream's driver runs.

use std::path::PathBuf;

use abaca::audit::AuditFile;
use serde_json::Value;

use crate::{traces, widths};

/// Where the audit of the guest is.
const AUDIT: &str = "ABACA_LVM_AUDIT";

/// The functions that change the storage, each with the step of upstream's trace that does the same.
const CALLS: [(&str, &str); 7] = [
    ("create-share", "create_share"),
    ("extend-share", "extend_share 1->3"),
    ("create-snapshot", "create_snapshot"),
    ("create-share-from-snapshot", "create_share_from_snapshot"),
    ("delete-snapshot", "delete_snapshot"),
    ("ensure-share", "ensure_share"),
    ("delete-share", "delete_share S1"),
];

/// The audit of the guest, or a line that says what is skipped.
fn audit(skipped: &str) -> Option<PathBuf> {
    let path = std::env::var_os(AUDIT).map(PathBuf::from);
    if path.is_none() {
        eprintln!("SKIPPED (`just test-lvm` runs it): {skipped}");
    }
    path
}

#[test]
fn the_policies_of_lvm_are_needed() {
    let Some(path) = audit("whether the driver lvm needs all of its policies") else { return };
    let asked = widths::asked_in(&AuditFile::open(&path).unwrap());
    widths::assert_close("lvm/policy", &widths::shipped("lvm/policy"), asked);
    for (protocol, needs) in [("nfs", "nfs-ganesha"), ("cifs", "samba")] {
        let audit = path.with_file_name(format!("audit-{protocol}.jsonl"));
        let policy = format!("lvm/policy-{protocol}");
        if !audit.exists() {
            eprintln!("SKIPPED (needs {needs}): whether the driver lvm needs all of {policy}");
            continue;
        }
        let asked = widths::asked_in(&AuditFile::open(&audit).unwrap());
        widths::assert_close_beyond("lvm/policy", &policy, &widths::shipped(&policy), asked);
    }
}

/// A line without what differs from share to share: `V` is a share's volume, `S` a snapshot's, `P` where
/// a share is mounted. An audit has no permission bits.
fn plain(line: &str) -> String {
    let word = |word: &str| {
        let (key, name) = match word.split_once('=') {
            Some((key, name)) => (format!("{key}="), name),
            None => (String::new(), word),
        };
        let name = match name.strip_prefix("lvm-shares/").unwrap_or(name) {
            place if place.starts_with("mounts:") => "P",
            snapshot if snapshot.starts_with("share-snapshot-") => "S",
            share if share.starts_with("share-") => "V",
            _ if key == "count=" => "SIZE",
            size if size.strip_suffix('G').is_some_and(|gib| gib.parse::<u64>().is_ok()) => "SIZE",
            other => other,
        };
        format!("{key}{name}")
    };
    let words = line.split(' ').take(if line.starts_with("set-mode ") { 2 } else { usize::MAX });
    words.map(word).collect::<Vec<_>>().join(" ")
}

/// What one request does to the storage; nothing for what only looks.
fn change(line: &Value) -> Option<String> {
    let import = line["import"].as_str()?;
    let words: Vec<_> = line["asked"].as_array()?.iter().filter_map(Value::as_str).collect();
    let words = words.join(" ");
    let only_looks = ["vgs ", "lvs ", "df "].iter().any(|program| words.starts_with(program));
    match import {
        "command.run" if only_looks => None,
        "command.run" => Some(plain(&words)),
        "mounts.mount" | "mounts.unmount" | "files.make-dir" | "files.set-mode"
        | "files.remove" => Some(plain(&format!("{} {words}", import.split_once('.')?.1))),
        _ => None,
    }
}

#[test]
fn each_call_does_what_upstreams_does() {
    let Some(path) = audit("what the driver lvm runs beside what upstream's does") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (method, step) in CALLS {
        let done = lines.iter().find(|line| {
            line["event"] == "call-end" && line["method"] == method && line["outcome"] == "ok"
        });
        let call = &done.unwrap_or_else(|| panic!("{method} was called"))["call"];
        let of_it = lines.iter().filter(|line| line["call"] == *call && line["event"] == "intent");
        let wanted: Vec<_> = traces::lvm::changes(step).iter().map(|line| plain(line)).collect();
        assert_eq!(of_it.filter_map(change).collect::<Vec<_>>(), wanted, "{method}");
    }
}
