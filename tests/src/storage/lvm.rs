//! The driver `lvm` on real LVM. Device-mapper is not in every kernel, so it lives in a guest with one
//! of its own (`just test-lvm`, `tests/lvm`), which hands out the audits of all that was asked there:
//! they are put beside the policies, and beside what upstream's driver runs.

use std::path::PathBuf;

use abaca::audit::AuditFile;
use serde_json::Value;

use crate::widths;

/// Where the audit of the guest is.
const AUDIT: &str = "ABACA_LVM_AUDIT";

/// What each call does to the storage, in upstream's order: `V` is the share's volume, `S` that of a
/// snapshot, `P` where the share is mounted.
///
/// | upstream | here |
/// |---|---|
/// | `/dev/mapper/GROUP-VOLUME` | `GROUP/VOLUME`; the policy says which of its names a program gets |
/// | `mkdir -p`, `mount`, `umount -f`, `chmod 777`, `rmdir` | requests of the broker; never with force |
/// | `exportfs …`, `net conf …`, `cp`, `service` | Ganesha, Samba, or permission bits |
///
/// Deliberately otherwise: a copy is not made a file system before it is overwritten by another; it
/// is looked through, gets an identifier of its own and the new share's size; what is mounted is the
/// copy (upstream mounts the snapshot); a volume is activated before it is mounted after a restart;
/// the place of a removed share is removed.
const CALLS: [(&str, &[&str]); 7] = [
    (
        "create-share",
        &[
            "lvcreate -L 1G -n V lvm-shares",
            "mkfs.ext4 V",
            "make-dir P",
            "mount V P ext4",
            "set-mode P",
        ],
    ),
    ("extend-share", &["lvextend -L 3G -n V", "resize2fs V"]),
    ("create-snapshot", &["lvcreate -L 1G --name S --snapshot V"]),
    (
        "create-share-from-snapshot",
        &[
            "lvcreate -L 2G -n V lvm-shares",
            "dd if=S of=V count=1024 bs=1M iflag=direct oflag=direct",
            "e2fsck -y -f V",
            "tune2fs -U random V",
            "resize2fs V",
            "make-dir P",
            "mount V P ext4",
            "set-mode P",
        ],
    ),
    ("delete-snapshot", &["lvremove -f S"]),
    ("ensure-share", &["lvchange -a y V", "make-dir P", "mount V P ext4"]),
    ("delete-share", &["unmount P", "lvremove -f V", "remove P"]),
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

/// A word without what differs from share to share.
fn plain(word: &str) -> String {
    let place = word.strip_prefix("mounts:").map(|_| "P");
    let volume = |word: &str| {
        let name = word.strip_prefix("lvm-shares/").unwrap_or(word);
        match name {
            name if name.starts_with("share-snapshot-") => "S".to_owned(),
            name if name.starts_with("share-") => "V".to_owned(),
            _ => word.to_owned(),
        }
    };
    match (place, word.split_once('=')) {
        (Some(place), _) => place.to_owned(),
        (None, Some((key, value))) => format!("{key}={}", volume(value)),
        (None, None) => volume(word),
    }
}

/// What one request does to the storage; nothing for what only looks.
fn change(line: &Value) -> Option<String> {
    let import = line["import"].as_str()?;
    let words = line["asked"].as_array()?.iter().filter_map(Value::as_str).map(plain);
    let words = words.collect::<Vec<_>>().join(" ");
    let only_looks = ["vgs ", "lvs ", "df "].iter().any(|program| words.starts_with(program));
    match import {
        "command.run" if only_looks => None,
        "command.run" => Some(words),
        "mounts.mount" | "mounts.unmount" | "files.make-dir" | "files.set-mode"
        | "files.remove" => Some(format!("{} {words}", import.split_once('.')?.1)),
        _ => None,
    }
}

#[test]
fn each_call_does_what_upstreams_does() {
    let Some(path) = audit("what the driver lvm runs beside what upstream's does") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (method, wanted) in CALLS {
        let done = lines.iter().find(|line| {
            line["event"] == "call-end" && line["method"] == method && line["outcome"] == "ok"
        });
        let call = &done.unwrap_or_else(|| panic!("{method} was called"))["call"];
        let of_it = lines.iter().filter(|line| line["call"] == *call && line["event"] == "intent");
        assert_eq!(of_it.filter_map(change).collect::<Vec<_>>(), wanted, "{method}");
    }
}
