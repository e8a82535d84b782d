//! The command lines that upstream's drivers were seen to run, as policies; and
//! those that a list of allowed programs lets through and no policy may.

use super::words;
use crate::template::OVERLAP_BUDGET;
use crate::{CommandRule, Policy};

const LVM: &str = include_str!("real/lvm.toml");
const ZFS: &str = include_str!("real/zfs.toml");
const OTHER: &str = include_str!("real/other.toml");

fn policy(source: &str) -> Policy {
    Policy::parse(source, "real.toml").unwrap_or_else(|error| panic!("{error}"))
}

/// What a line runs as, paths of roots filled in, or why it does not.
fn runs(policy: &Policy, line: &[String]) -> Result<String, String> {
    let (program, args) = line.split_first().unwrap();
    let grant = policy.decide_command(program, args).map_err(|denial| denial.to_string())?;
    let argv = grant.argv.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let filled = policy
        .roots()
        .fold(argv, |argv, root| argv.replace(&format!("<{}>", root.name), &root.path));
    Ok(format!("{program} {filled}").trim_end().to_owned())
}

fn split(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// Each line as a driver asks for it, and what runs; `""` where that is the same.
fn all_run(source: &str, lines: &[(&str, &str)]) {
    let policy = policy(source);
    for (asked, expected) in lines {
        let expected = if expected.is_empty() { asked } else { expected };
        assert_eq!(runs(&policy, &split(asked)).as_deref(), Ok(*expected), "{asked}");
    }
}

#[test]
fn shares_on_logical_volumes() {
    all_run(
        LVM,
        &[
            ("vgs --noheadings -o name", ""),
            ("vgs lvm-shares --rows --units g", ""),
            (
                "lvcreate -L 1G -n share-11111111-1111-4111-8111-111111111111 lvm-shares",
                "lvcreate -L 1073741824b -n share-11111111-1111-4111-8111-111111111111 lvm-shares",
            ),
            (
                "lvcreate -L 1G --name share-snapshot-44444444-4444-4444-8444-444444444444 --snapshot lvm-shares/share-11111111-1111-4111-8111-111111111111",
                "lvcreate -L 1073741824b --name share-snapshot-44444444-4444-4444-8444-444444444444 --snapshot lvm-shares/share-11111111-1111-4111-8111-111111111111",
            ),
            (
                "mkfs.ext4 lvm-shares/share-11111111-1111-4111-8111-111111111111",
                "mkfs.ext4 /dev/mapper/lvm--shares-share--11111111--1111--4111--8111--111111111111",
            ),
            (
                "mkdir -p mounts:share-11111111-1111-4111-8111-111111111111",
                "mkdir -p /var/lib/manila/mnt/share-11111111-1111-4111-8111-111111111111",
            ),
            (
                "mount lvm-shares/share-11111111-1111-4111-8111-111111111111 mounts:share-11111111-1111-4111-8111-111111111111",
                "mount /dev/mapper/lvm--shares-share--11111111--1111--4111--8111--111111111111 /var/lib/manila/mnt/share-11111111-1111-4111-8111-111111111111",
            ),
            ("mount -l", ""),
            (
                "chmod 777 mounts:share-11111111-1111-4111-8111-111111111111",
                "chmod 0777 /var/lib/manila/mnt/share-11111111-1111-4111-8111-111111111111",
            ),
            ("exportfs", ""),
            ("exportfs -a", ""),
            (
                "exportfs -o rw,no_subtree_check,no_root_squash 10.0.0.1:mounts:share-1",
                "exportfs -o no_root_squash,no_subtree_check,rw 10.0.0.1:/var/lib/manila/mnt/share-1",
            ),
            (
                "exportfs -o ro,no_subtree_check 10.1.0.0/255.255.255.0:mounts:share-1",
                "exportfs -o no_subtree_check,ro 10.1.0.0/255.255.255.0:/var/lib/manila/mnt/share-1",
            ),
            (
                "exportfs -u 10.0.0.1:mounts:share-1",
                "exportfs -u 10.0.0.1:/var/lib/manila/mnt/share-1",
            ),
            (
                "exportfs -u 10.1.0.0/24:mounts:share-1",
                "exportfs -u 10.1.0.0/255.255.255.0:/var/lib/manila/mnt/share-1",
            ),
            ("cp /var/lib/nfs/etab /etc/exports", ""),
            ("service nfs-kernel-server status", ""),
            (
                "dd count=0 if=lvm-shares/share-snapshot-4 of=lvm-shares/share-2 iflag=direct oflag=direct",
                "dd count=0 if=/dev/mapper/lvm--shares-share--snapshot--4 of=/dev/mapper/lvm--shares-share--2 iflag=direct oflag=direct",
            ),
            (
                "dd if=lvm-shares/share-snapshot-4 of=lvm-shares/share-2 count=1024 bs=1M iflag=direct oflag=direct",
                "dd if=/dev/mapper/lvm--shares-share--snapshot--4 of=/dev/mapper/lvm--shares-share--2 count=1024 bs=1M iflag=direct oflag=direct",
            ),
            (
                "lvextend -L 3G -n lvm-shares/share-1",
                "lvextend -L 3221225472b -n /dev/mapper/lvm--shares-share--1",
            ),
            ("resize2fs lvm-shares/share-1", "resize2fs /dev/mapper/lvm--shares-share--1"),
            ("lvremove -f lvm-shares/share-snapshot-44444444-4444-4444-8444-444444444444", ""),
            ("umount -f mounts:share-1", "umount -f /var/lib/manila/mnt/share-1"),
        ],
    );
}

#[test]
fn shares_on_zfs() {
    all_run(
        ZFS,
        &[
            ("which exportfs", ""),
            ("modinfo zfs", ""),
            ("mount --make-rshared tank:", "mount --make-rshared /tank"),
            ("zpool get free tank", ""),
            ("zpool get size pond", ""),
            (
                "zfs create -o quota=1G -o compression=gzip -o readonly=off tank/manila_share_11111111_1111_4111_8111_111111111111",
                "zfs create -o quota=1073741824 -o compression=gzip -o readonly=off tank/manila_share_11111111_1111_4111_8111_111111111111",
            ),
            ("zfs get mountpoint tank/manila_share_1", ""),
            ("zfs get sharenfs tank/manila_share_1", ""),
            ("zfs get mountpoint tank/manila_share_1@manila_share_snapshot_4", ""),
            ("zfs list -r tank", ""),
            ("zfs list -r -t snapshot pond", ""),
            ("zfs list -r -t snapshot tank/manila_share_1@manila_share_snapshot_4", ""),
            ("zfs set sharenfs=off tank/manila_share_1", ""),
            ("zfs set sharenfs=rw=10.0.0.1,no_root_squash tank/manila_share_1", ""),
            (
                "zfs set sharenfs=rw=10.0.0.1,no_root_squash,ro=10.1.0.0/255.255.255.0,no_root_squash tank/manila_share_1",
                "",
            ),
            (
                "zfs set sharenfs=ro=10.0.0.1:10.1.0.0/255.255.255.0,no_root_squash pond/manila_share_2",
                "",
            ),
            (
                "zfs set quota=3G tank/manila_share_1",
                "zfs set quota=3221225472 tank/manila_share_1",
            ),
            ("zfs set compression=gzip tank/manila_share_2", ""),
            ("zfs set readonly=on pond/manila_share_2", ""),
            ("zfs share tank/manila_share_1", ""),
            ("zfs snapshot tank/manila_share_1@manila_share_snapshot_4", ""),
            ("zfs destroy tank/manila_share_2@manila_share_snapshot_4", ""),
            (
                "zfs destroy -f tank/manila_share_1@tmp_snapshot_for_replication__22222222_2222_4222_8222_222222222222_time_2016-03-25T12:00:00",
                "",
            ),
            ("zfs destroy -f tank/manila_share_2", ""),
            ("lsof -w tank:manila_share_2", "lsof -w /tank/manila_share_2"),
            (
                "exportfs -u 10.1.0.0/255.255.255.0:tank:manila_share_1",
                "exportfs -u 10.1.0.0/255.255.255.0:/tank/manila_share_1",
            ),
            (
                "ssh zfsu@127.0.0.2 sudo zfs snapshot tank/manila_share_1@manila_share_snapshot_4",
                "",
            ),
            (
                "ssh zfsu@127.0.0.2 sudo zfs send -vDp tank/manila_share_1@manila_share_snapshot_4 | sudo zfs receive -v tank/manila_share_2",
                "",
            ),
            (
                "ssh zfsu@127.0.0.2 sudo zfs send -vDRI tmp_1 tank/manila_share_1@tmp_2 | ssh zfsu@127.0.0.2 sudo zfs receive -vF pond/manila_share_2",
                "",
            ),
        ],
    );
}

/// The driver of ours asks as upstream's does, but for what its module `lib` names: no `ssh`, no
/// `exportfs`, no `lsof`.
#[test]
fn shares_on_zfs_by_the_policy_of_the_driver() {
    let share = |pool: &str, n: u8| format!("{pool}/manila_share_{n}{n}_4111");
    let (one, two) = (share("tank", 1), share("pond", 2));
    let tag = "tmp_snapshot_for_replication__22_4111_time_2016-03-25T12:00:00";
    let snap = "manila_share_snapshot_44_4111";
    let asked = [
        "zpool get free tank".to_owned(),
        "zpool get size pond".to_owned(),
        format!("zfs create -o quota=1G -o compression=gzip -o readonly=off {one}"),
        format!("zfs get mountpoint {one}"),
        "zfs list -r tank".to_owned(),
        format!("zfs set sharenfs=rw=10.0.0.1,no_root_squash {one}"),
        format!(
            "zfs set sharenfs=rw=10.0.0.1,no_root_squash,ro=10.1.0.0/255.255.255.0,no_root_squash {one}"
        ),
        format!("zfs set sharenfs=ro=10.0.0.1:10.1.0.0/255.255.255.0,no_root_squash {two}"),
        format!("zfs set sharenfs=off {one}"),
        format!("zfs snapshot {one}@{snap}"),
        format!("zfs send -vDp {one}@{snap}"),
        format!("zfs receive -v {two}"),
        format!("zfs set quota=3G {one}"),
        format!("zfs set compression=gzip {one}"),
        format!("zfs set readonly=on {two}"),
        format!("zfs share {one}"),
        "zfs list -r -t snapshot pond".to_owned(),
        format!("zfs list -r -t snapshot {one}@{snap}"),
        format!("zfs destroy -f {one}@{snap}"),
        format!("zfs destroy -f {one}"),
        format!("zfs snapshot {one}@{tag}"),
        format!("zfs send -vDR {one}@{tag}"),
        format!("zfs send -vDRI {tag} {one}@{snap}"),
        format!("zfs receive -vF {two}"),
    ];
    let policy = policy(include_str!("../../../../drivers/zfs/policy.toml"));
    for line in asked {
        let expected = line.replace("quota=1G", "quota=1073741824");
        let expected = expected.replace("quota=3G", "quota=3221225472");
        assert_eq!(runs(&policy, &split(&line)), Ok(expected), "{line}");
    }
}

#[test]
fn shares_on_other_storage() {
    all_run(
        OTHER,
        &[
            (
                "btrfs subvolume create -- shares:share-1",
                "btrfs subvolume create -- /srv/shares/share-1",
            ),
            (
                "btrfs subvolume snapshot -r -- shares:share-1 shares:snap-1",
                "btrfs subvolume snapshot -r -- /srv/shares/share-1 /srv/shares/snap-1",
            ),
            (
                "btrfs subvolume snapshot -- shares:snap-1 shares:share-2",
                "btrfs subvolume snapshot -- /srv/shares/snap-1 /srv/shares/share-2",
            ),
            (
                "btrfs subvolume delete -- shares:share-1 shares:share-2",
                "btrfs subvolume delete -- /srv/shares/share-1 /srv/shares/share-2",
            ),
            (
                "btrfs qgroup limit -- 2G shares:share-1",
                "btrfs qgroup limit -- 2147483648 /srv/shares/share-1",
            ),
            ("lvcreate -l 50%FREE --type thin-pool vg", ""),
            (
                "tune2fs -U 11111111-AAAA-4111-8111-111111111111 vg/share-1",
                "tune2fs -U 11111111-aaaa-4111-8111-111111111111 /dev/vg/share-1",
            ),
        ],
    );
}

/// All command lines of the traces of upstream's drivers, as these ran them.
const TRACES: [(&str, &str); 2] = [
    (LVM, include_str!("../../../../tests/data/traces/lvm.json")),
    (ZFS, include_str!("../../../../tests/data/traces/zfs.json")),
];

/// The command lines of a trace, each once.
fn lines(trace: &str) -> Vec<Vec<String>> {
    #[derive(serde::Deserialize)]
    struct Step {
        commands: Vec<Command>,
    }
    #[derive(serde::Deserialize)]
    struct Command {
        argv: Vec<String>,
    }
    let steps: Vec<Step> = serde_json::from_str(trace).unwrap();
    let commands = steps.into_iter().flat_map(|step| step.commands);
    let mut lines = Vec::new();
    for Command { argv } in commands {
        if !lines.contains(&argv) {
            lines.push(argv);
        }
    }
    lines
}

/// The word by which a driver of ours says what upstream's says by a path of the host.
fn asked(policy: &Policy, word: &str) -> String {
    let mut word = word.to_owned();
    for root in policy.roots() {
        word = word.replace(&format!("{}/", root.path), &format!("{}:", root.name));
        if word == root.path {
            word = format!("{}:", root.name);
        }
    }
    // Of a device-mapper's name, the first single `-` is between group and volume.
    let Some((before, mapped)) = word.split_once("/dev/mapper/") else { return word };
    let single = (1..mapped.len()).find(|at| {
        let is_dash = |at: usize| mapped.as_bytes().get(at) == Some(&b'-');
        is_dash(*at) && !is_dash(at - 1) && !is_dash(at + 1)
    });
    let (group, volume) = mapped.split_at(single.unwrap());
    let volume = volume.strip_prefix('-').unwrap();
    format!("{before}{}/{}", group.replace("--", "-"), volume.replace("--", "-"))
}

/// Of a rebuilt line, sizes, modes and sets have the one spelling that is canonical.
#[test]
fn every_line_of_the_traces_can_be_granted() {
    for (source, trace) in TRACES {
        let (policy, lines) = (policy(source), lines(trace));
        assert!(lines.len() > 30);
        for line in lines {
            let words: Vec<String> = line.iter().map(|word| asked(&policy, word)).collect();
            let ran = runs(&policy, &words).unwrap_or_else(|why| panic!("{words:?}: {why}"));
            let ran: Vec<&str> = ran.split(' ').collect();
            assert_eq!(ran.len(), line.len(), "{line:?} ran as {ran:?}");
            for (word, written) in ran.iter().zip(&line) {
                let is_spelt = written.contains(|c: char| c.is_ascii_digit() || c == ',');
                assert!(word == written || is_spelt, "{line:?} ran as {ran:?}");
            }
        }
    }
}

/// What our driver `lvm` has no use for, of what upstream's runs, and why.
const REPLACED: [(&[&str], &str); 8] = [
    (&["mount"], "the broker mounts, and knows what is mounted"),
    (&["umount", "-f"], "the broker unmounts, never by force"),
    (&["mkdir", "-p"], "the broker makes the directory"),
    (&["chmod"], "the broker sets the mode"),
    (&["dd", "count=0"], "devices of LVM are known to take what is not cached"),
    (&["exportfs"], "the kernel's table of exports is the whole machine's"),
    (&["cp", "/var/lib/nfs/etab"], "and so is what it is made of"),
    (&["service"], "no service is asked for"),
];

/// Each line of the trace is decided by the policy that the driver ships, or is among those.
#[test]
fn the_shipped_policy_for_lvm_knows_upstreams_lines() {
    let source = include_str!("../../../../drivers/lvm/policy.toml");
    // A volume's path is none beneath the root of the devices.
    let policy = policy(&source.replace("path = \"/dev\"", "path = \"/elsewhere\""));
    let lines = lines(TRACES[0].1);
    let replaced = |line: &[String]| {
        REPLACED.iter().position(|(begin, _)| line.iter().zip(*begin).all(|(a, b)| a == b))
    };
    let (mut granted, mut unused) = (0, vec![true; REPLACED.len()]);
    for line in lines {
        let words: Vec<String> = line.iter().map(|word| asked(&policy, word)).collect();
        match (runs(&policy, &words), replaced(&line)) {
            (Ok(_), None) => granted += 1,
            (Err(_), Some(at)) => unused[at] = false,
            (outcome, at) => panic!("{line:?}: {outcome:?}, {at:?}"),
        }
    }
    assert!(granted > 10, "{granted}");
    assert!(!unused.contains(&true), "not in the trace: {unused:?}");
}

/// The policies of the drivers that we ship, whatever is installed here.
#[expect(clippy::disallowed_methods, reason = "all there are, one added later too")]
fn shipped() -> Vec<Policy> {
    let drivers = concat!(env!("CARGO_MANIFEST_DIR"), "/../../drivers");
    let files = |place: std::path::PathBuf| {
        std::fs::read_dir(place).unwrap().map(|file| file.unwrap().path())
    };
    let all = files(drivers.into()).filter(|driver| driver.is_dir()).flat_map(files);
    let is_policy = |file: &std::path::PathBuf| {
        let name = file.file_name().unwrap().to_str().unwrap();
        name.starts_with("policy") && name.ends_with(".toml")
    };
    all.filter(is_policy).map(|file| policy(&std::fs::read_to_string(file).unwrap())).collect()
}

/// Rules that a person wrote are told apart by a small part of what that may cost.
#[test]
fn shipped_rules_are_far_below_the_bound_of_comparing() {
    for policy in [LVM, ZFS, OTHER].map(policy).into_iter().chain(shipped()) {
        let mut left = OVERLAP_BUDGET;
        let commands = policy.commands();
        for (at, later) in commands.iter().enumerate() {
            let same = |earlier: &&CommandRule| earlier.program_name() == later.program_name();
            for earlier in commands.iter().take(at).filter(same) {
                assert_eq!(earlier.args.overlaps(&later.args, &mut left), Some(false));
            }
        }
        let used = OVERLAP_BUDGET - left;
        assert!(used < OVERLAP_BUDGET / 50, "{}: {used}", policy.driver());
    }
}

/// What no policy that we ship grants.
const ATTACKS: [&[&str]; 20] = include!("../../../../tests/data/as-good-as-root.rs");

#[test]
fn what_is_as_good_as_root_is_denied() {
    let shipped = shipped();
    for driver in ["btrfs", "directory", "dummy", "lvm", "zfs"] {
        assert!(shipped.iter().any(|policy| policy.driver() == driver), "{driver}");
    }
    for policy in [LVM, ZFS, OTHER].map(policy).into_iter().chain(shipped) {
        for line in ATTACKS {
            let outcome = runs(&policy, &words(line));
            assert!(outcome.is_err(), "{}: {outcome:?}", policy.driver());
        }
    }
}

/// The same attacks dressed as what the policies grant. Each begins with a line
/// that runs; the other differs from it in what the attack needs.
#[test]
fn what_looks_like_a_granted_line_is_denied_at_the_word_that_differs() {
    for (source, granted, attack) in [
        (LVM, "chmod 777 mounts:share-1", "chmod 4755 mounts:share-1"),
        (LVM, "chmod 777 mounts:share-1", "chmod 777 mounts:../share-1"),
        (LVM, "chmod 777 mounts:share-1", "chmod 777 /etc/shadow"),
        (LVM, "cp /var/lib/nfs/etab /etc/exports", "cp /var/lib/nfs/etab /etc/sudoers"),
        (
            LVM,
            "dd if=lvm-shares/a of=lvm-shares/b count=1 bs=1M iflag=direct oflag=direct",
            "dd if=/dev/sda of=lvm-shares/b count=1 bs=1M iflag=direct oflag=direct",
        ),
        (LVM, "mount lvm-shares/a mounts:a", "mount lvm-shares/a /etc"),
        (LVM, "mount lvm-shares/a mounts:a", "mount lvm-shares/a mounts:a -o suid"),
        (LVM, "lvremove -f lvm-shares/a", "lvremove -f rootvg/root"),
        (LVM, "lvremove -f lvm-shares/a", "lvremove -f lvm-shares"),
        (LVM, "lvremove -f lvm-shares/a", "lvremove -f lvm-shares/a lvm-shares/b"),
        (
            LVM,
            "exportfs -o ro,no_subtree_check 10.1.0.0/24:mounts:a",
            "exportfs -o ro,no_subtree_check,rw 10.1.0.0/24:mounts:a",
        ),
        (
            LVM,
            "exportfs -o ro,no_subtree_check 10.1.0.0/24:mounts:a",
            "exportfs -o ro,no_subtree_check 0.0.0.0/0:mounts:a",
        ),
        (LVM, "exportfs -u 10.0.0.1:mounts:a", "exportfs -u *:mounts:a"),
        (ZFS, "zfs destroy -f tank/a", "zfs destroy -r tank/a"),
        (ZFS, "zfs destroy -f tank/a", "zfs destroy -f tank"),
        (ZFS, "zfs destroy -f tank/a", "zfs destroy -f tank/a/b"),
        (ZFS, "zfs destroy -f tank/a", "zfs destroy -f tank/a%b"),
        (ZFS, "zfs set quota=3G tank/a", "zfs set mountpoint=/etc tank/a"),
        (ZFS, "zfs set quota=3G tank/a", "zfs set quota=none tank/a"),
        (
            ZFS,
            "zfs set sharenfs=rw=10.0.0.1,no_root_squash tank/a",
            "zfs set sharenfs=rw=10.0.0.1,no_root_squash,rw=0.0.0.0 tank/a",
        ),
        (
            ZFS,
            "ssh zfsu@127.0.0.2 sudo zfs snapshot tank/a@b",
            "ssh zfsu@127.0.0.2 sudo zfs snapshot tank/a@b;id",
        ),
        (
            ZFS,
            "ssh zfsu@127.0.0.2 sudo zfs snapshot tank/a@b",
            "ssh -oProxyCommand=id zfsu@127.0.0.2 sudo zfs snapshot tank/a@b",
        ),
        (OTHER, "btrfs subvolume delete -- shares:a", "btrfs subvolume delete --"),
        (OTHER, "btrfs subvolume delete -- shares:a", "btrfs subvolume delete -- shares:"),
        (OTHER, "lvcreate -l 50%FREE --type thin-pool vg", "lvcreate -l 50%VG --type thin-pool vg"),
    ] {
        let policy = policy(source);
        assert!(runs(&policy, &split(granted)).is_ok(), "control: {granted}");
        let outcome = runs(&policy, &split(attack));
        assert!(
            outcome.as_ref().is_err_and(|why| why.contains("nearest rule")),
            "{attack}: {outcome:?}"
        );
    }
}
