//! Rules for mounts: what loads, what is granted, what covers what.

use super::words;
use crate::{GrantedSource, GuestPath, MountSource, Policy, PolicyError, Verdict};

/// An image, a volume, a directory and an export, each at places of its own.
const MOUNTS: &str = r#"
schema = 1
driver = "mounts"

[roots.images]
path = "/srv/images"
filesystem = "xfs"
mount-options = ["nosuid", "nodev"]
[roots.shares]
path = "/srv/shares"

[types.share]
first = "a-z"
rest = "a-z0-9-"
max = 32
[types.export]
first = "A-Z"
rest = "A-Z"
max = 8

[[mount]]
id = "image"
source = { path = { root = "images", leaf = "file", name = "share" } }
place = { root = "shares", name = "share" }
filesystem = ["ext4", "xfs"]
options = { must = ["noexec"], any = ["ro", "noatime", "relatime", "data=journal", "data=ordered"] }
root-equivalent = "images are the driver's"

[[mount]]
id = "volume"
source = { device = { group = "vg", name = "share", pass = "dev" } }
place = { root = "shares", under = "1", name = "share" }
filesystem = ["ext4"]
suid = true
root-equivalent = "volumes are the driver's"

[[mount]]
id = "directory"
source = { path = { root = "images", under = "trees", leaf = "dir", name = "share" } }
place = { root = "shares", under = "2", name = "share" }
filesystem = ["bind"]
options = { any = ["ro"] }

[[mount]]
id = "export"
source = { remote = { concat = ["192.0.2.1:/exports/", { name = "share" }] } }
place = { root = "shares", name = "export" }
filesystem = ["nfs4"]
dev = true

[[mount]]
id = "dataset"
source = { dataset = { parent = ["tank/shares", "pond"], name = "share" } }
place = { root = "shares", under = "4", name = "share" }
filesystem = ["zfs"]
options = { any = ["ro"] }
"#;

fn policy() -> Policy {
    Policy::parse(MOUNTS, "mounts.toml").unwrap_or_else(|error| panic!("{error}"))
}

fn path(text: &str) -> GuestPath {
    GuestPath::parse_argument(text).unwrap()
}

fn image(text: &str) -> MountSource {
    MountSource::Path(path(text))
}

/// Options that are granted for the source at the place, with the rule, or the reason why none.
fn asked(
    source: &MountSource,
    place: &str,
    filesystem: &str,
    options: &[&str],
) -> Result<(String, String), String> {
    let policy = policy();
    match policy.decide_mount(source, &path(place), filesystem, &words(options)) {
        Ok(grant) => Ok((grant.rule.id.clone(), grant.options.join(","))),
        Err(denial) => Err(denial.reason),
    }
}

#[test]
fn each_kind_of_source_is_rebuilt_and_its_options_are_a_sorted_set() {
    let granted = |id: &str, options: &str| Ok((id.to_owned(), options.to_owned()));
    let one = image("images:one");
    assert_eq!(
        asked(&one, "shares:a", "xfs", &["ro", "noexec"]),
        granted("image", "nodev,noexec,nosuid,ro")
    );
    // What is forced may be said.
    assert_eq!(
        asked(&one, "shares:a", "ext4", &["nodev", "noexec", "nosuid", "data=journal"]),
        granted("image", "data=journal,nodev,noexec,nosuid")
    );
    let volume = MountSource::Device("vg/one".to_owned());
    assert_eq!(asked(&volume, "shares:1/a", "ext4", &[]), granted("volume", "nodev"));
    // Less than is granted may be asked for.
    assert_eq!(
        asked(&volume, "shares:1/a", "ext4", &["nosuid"]),
        granted("volume", "nodev,nosuid")
    );
    let tree = image("images:trees/one");
    assert_eq!(
        asked(&tree, "shares:2/a", "bind", &["ro"]),
        granted("directory", "nodev,nosuid,ro")
    );
    let export = MountSource::Remote("192.0.2.1:/exports/one".to_owned());
    assert_eq!(asked(&export, "shares:A", "nfs4", &[]), granted("export", "nosuid"));

    let dataset = MountSource::Device("pond/one".to_owned());
    assert_eq!(
        asked(&dataset, "shares:4/a", "zfs", &["ro"]),
        granted("dataset", "nodev,nosuid,ro")
    );

    let policy = policy();
    let source = |source: &MountSource, place: &str, filesystem: &str, options: &[&str]| {
        policy.decide_mount(source, &path(place), filesystem, &words(options)).unwrap().source
    };
    assert_eq!(
        source(&volume, "shares:1/a", "ext4", &[]),
        GrantedSource::Device("/dev/vg/one".to_owned())
    );
    assert_eq!(
        source(&dataset, "shares:4/a", "zfs", &[]),
        GrantedSource::Dataset("pond/one".to_owned())
    );
    assert!(matches!(
        source(&one, "shares:a", "xfs", &["noexec"]),
        GrantedSource::Path { leaf: crate::Leaf::File, .. }
    ));
}

#[test]
fn what_no_rule_says_is_denied() {
    let one = image("images:one");
    let device = |name: &str| MountSource::Device(name.to_owned());
    let remote = |name: &str| MountSource::Remote(name.to_owned());
    for (source, place, filesystem, options) in [
        // Other sources.
        (&image("images:trees/one"), "shares:a", "xfs", &["noexec"][..]),
        (&image("shares:one"), "shares:a", "xfs", &["noexec"]),
        (&image("images:"), "shares:a", "xfs", &["noexec"]),
        (&image("images:ONE"), "shares:a", "xfs", &["noexec"]),
        (&device("vg/one"), "shares:a", "ext4", &["noexec"]),
        (&device("other/one"), "shares:1/a", "ext4", &[]),
        (&device("/dev/vg/one"), "shares:1/a", "ext4", &[]),
        (&device("vg/../sda"), "shares:1/a", "ext4", &[]),
        (&remote("192.0.2.2:/exports/one"), "shares:A", "nfs4", &[]),
        (&remote("192.0.2.1:/exports/../etc"), "shares:A", "nfs4", &[]),
        (&remote("images:one"), "shares:a", "xfs", &["noexec"]),
        (&device("tank/one"), "shares:4/a", "zfs", &[]),
        (&device("tank/shares/one@monday"), "shares:4/a", "zfs", &[]),
        (&device("tank/shares/one/more"), "shares:4/a", "zfs", &[]),
        (&remote("tank/shares/one"), "shares:4/a", "zfs", &[]),
        (&device("tank/shares/one"), "shares:4/a", "ext4", &[]),
        // Other places: another rule's, none's, the root.
        (&one, "shares:1/a", "ext4", &["noexec"]),
        (&one, "shares:", "ext4", &["noexec"]),
        (&one, "shares:a/b", "ext4", &["noexec"]),
        (&one, "shares:1", "ext4", &["noexec"]),
        (&one, "images:a", "ext4", &["noexec"]),
        // Other file systems.
        (&one, "shares:a", "btrfs", &["noexec"]),
        (&one, "shares:a", "bind", &["noexec"]),
        (&one, "shares:a", "", &["noexec"]),
        (&one, "shares:a", "ext4,xfs", &["noexec"]),
        // Other options, too few, twice, or against each other.
        (&one, "shares:a", "ext4", &[]),
        (&one, "shares:a", "ext4", &["noexec", "suid"]),
        (&one, "shares:a", "ext4", &["noexec", "dev"]),
        (&one, "shares:a", "ext4", &["noexec", "exec"]),
        (&one, "shares:a", "ext4", &["noexec", "rw"]),
        (&one, "shares:a", "ext4", &["noexec", "loop"]),
        (&one, "shares:a", "ext4", &["noexec", "bind"]),
        (&one, "shares:a", "ext4", &["noexec", "remount"]),
        (&one, "shares:a", "ext4", &["noexec", "X-mount.mkdir=0777"]),
        (&one, "shares:a", "ext4", &["noexec", "noexec"]),
        (&one, "shares:a", "ext4", &["noexec", "nosuid", "nosuid"]),
        (&one, "shares:a", "ext4", &["noexec", "noatime", "relatime"]),
        (&one, "shares:a", "ext4", &["noexec", "data=journal", "data=ordered"]),
        (&one, "shares:a", "ext4", &["noexec", "ro,suid"]),
        (&one, "shares:a", "ext4", &["noexec,ro"]),
        (&one, "shares:a", "ext4", &["noexec", ""]),
        (&one, "shares:a", "ext4", &["noexec", "ro\0suid"]),
        (&one, "shares:a", "ext4", &["noexec", " ro"]),
    ] {
        let answer = asked(source, place, filesystem, options);
        assert!(answer.is_err(), "{source} {place} {filesystem} {options:?}: {answer:?}");
    }
    let many = vec!["noexec"; 1000];
    assert!(asked(&one, "shares:a", "ext4", &many).unwrap_err().contains("more than 64 options"));
    let made_by_hand = MountSource::Path(GuestPath {
        root: "images".to_owned(),
        components: words(&["..", "one"]),
    });
    assert!(asked(&made_by_hand, "shares:a", "ext4", &["noexec"]).is_err());
}

#[test]
fn what_may_be_mounted_may_be_unmounted_and_a_place_has_one_rule() {
    let policy = policy();
    let rule = |place: &str| policy.decide_unmount(&path(place)).map(|rule| rule.id.as_str());
    assert_eq!(rule("shares:a"), Ok("image"));
    assert_eq!(rule("shares:2/a"), Ok("directory"));
    assert_eq!(rule("shares:A"), Ok("export"));
    for place in ["shares:", "shares:1", "shares:a/b", "images:one", "others:a", "shares:3/a"] {
        assert!(rule(place).is_err(), "{place}");
    }
    assert_eq!(policy.mount_place("shares", &words(&["1", "a"])).unwrap().id, "volume");
    assert!(policy.mount_place("shares", &[]).is_none());
}

#[test]
fn a_rule_reads_like_a_sentence() {
    let shown: Vec<String> = policy().mounts().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown[0],
        "<images/NAME:share file> at <shares/NAME:share dir> as ext4|xfs with \
         nodev,nosuid,noexec,[data=journal],[data=ordered],[noatime],[relatime],[ro]"
    );
    assert_eq!(shown[1], "<vg/NAME:share device> at <shares/1/NAME:share dir> as ext4 with nodev");
}

#[test]
fn an_explanation_goes_through_all_mount_rules() {
    let explain = |line: &[&str]| policy().explain_mount(&words(line));
    let told = explain(&["images:one", "shares:a", "ext4", "ro,noexec"]);
    assert_eq!(told.outcome.as_deref(), Ok("image"));
    let Verdict::Matched { argv, .. } = &told.rules[0].verdict else { panic!("{told}") };
    assert_eq!(argv.last().unwrap(), "nodev,noexec,nosuid,ro");
    assert!(matches!(told.rules[1].verdict, Verdict::Refused { at: Some(0), .. }));
    let told = explain(&["images:one", "shares:a", "ext4", "noexec,suid"]);
    assert!(told.outcome.unwrap_err().contains("the options should be"));
    assert!(matches!(told.rules[0].verdict, Verdict::Refused { at: Some(3), .. }));
    assert_eq!(explain(&["vg/one", "shares:1/a", "ext4"]).outcome.as_deref(), Ok("volume"));
    for wrong in [&["images:one"][..], &["images:one", "/srv/shares/a", "ext4"], &[]] {
        assert!(explain(wrong).outcome.is_err(), "{wrong:?}");
    }
}

fn edited(old: &str, new: &str) -> Result<Policy, PolicyError> {
    assert!(MOUNTS.contains(old), "{old}");
    Policy::parse(&MOUNTS.replacen(old, new, 1), "mounts.toml")
}

/// Each edit of a good policy, and a piece of what must be said.
#[test]
fn every_check_of_a_mount_rule_refuses_and_says_why() {
    for (old, new, said) in [
        ("root-equivalent = \"images are the driver's\"", "", "as good as root"),
        ("root-equivalent = \"volumes are the driver's\"", "", "as good as root"),
        ("leaf = \"file\"", "leaf = \"new\"", "unknown leaf of something to mount"),
        ("leaf = \"file\"", "leaf = \"file\", pass = \"path\"", "\"pass\""),
        ("[\"ext4\", \"xfs\"]", "[\"ext4\", \"tmpfs\"]", "\"tmpfs\""),
        ("[\"ext4\", \"xfs\"]", "[\"ext4\", \"proc\"]", "\"proc\""),
        ("[\"ext4\", \"xfs\"]", "[\"ext4\", \"fuse\"]", "\"fuse\""),
        ("[\"ext4\", \"xfs\"]", "[\"bind\"]", "\"bind\""),
        ("[\"ext4\", \"xfs\"]", "[]", "names no type"),
        ("[\"ext4\", \"xfs\"]", "\"ext4\"", "must be a list"),
        ("[\"bind\"]", "[\"ext4\"]", "allowed: bind"),
        ("[\"nfs4\"]", "[\"ext4\"]", "allowed: nfs, nfs4"),
        ("pass = \"dev\"", "pass = \"name\"", "by its path"),
        (
            "{ name = \"share\" }] } }",
            "{ path = { root = \"shares\", leaf = \"dir\", name = \"share\" } }] } }",
            "no path beneath",
        ),
        (
            "source = { remote",
            "source = { device = { group = \"vg\", name = \"share\", pass = \"dev\" }, remote",
            "more than one kind",
        ),
        ("source = { remote", "source = { remotely", "did you mean `remote`"),
        ("{ any = [\"ro\"] }", "{ any = [\"data=journal\"] }", "a `bind` mounts none"),
        ("{ any = [\"ro\"] }", "{ any = [\"ro\"], must = [\"ro\"] }", "cannot stand beside"),
        ("\"ro\", \"noatime\"", "\"ro\", \"exec\", \"noatime\"", "\"exec\""),
        ("must = [\"noexec\"]", "must = [\"noexec\", \"noatime\"]", "cannot stand beside"),
        ("must = [\"noexec\"]", "must = [\"nosuid\"]", "is forced"),
        ("must = [\"noexec\"]", "must = [\"suid\"]", "`suid = true`"),
        ("must = [\"noexec\"]", "must = [\"dev\"]", "`dev = true`"),
        ("must = [\"noexec\"]", "must = [\"rw\"]", "without `ro`"),
        ("must = [\"noexec\"]", "must = [\"loop\"]", "word of mount(8)"),
        ("must = [\"noexec\"]", "must = [\"remount\"]", "word of mount(8)"),
        ("must = [\"noexec\"]", "must = [\"X-mount.mkdir=0777\"]", "word of mount(8)"),
        ("must = [\"noexec\"]", "must = [\"a,b\"]", "without comma"),
        ("must = [\"noexec\"]", "must = [\"-o\"]", "is no option"),
        ("suid = true", "suid = \"yes\"", "must be true or false"),
        ("suid = true", "exec = true", "unknown key in a mount rule"),
        ("filesystem = [\"bind\"]", "filesystem = [\"bind\"]\nagain = true", "leave out `again`"),
        ("dev = true", "again = true", "only an image or a device"),
        ("id = \"volume\"", "id = \"image\"", "used twice"),
        // A place has one rule, and no rule mounts within what another one mounts.
        ("under = \"1\", name = \"share\" }", "name = \"share\" }", "at the same place"),
        (
            "under = \"1\", name = \"share\" }",
            "under = \"a\", name = \"share\" }",
            "within the other",
        ),
        (
            "place = { root = \"shares\", name = \"export\" }",
            "place = { root = \"shares\" }",
            "needs the key `name`",
        ),
        ("filesystem = \"xfs\"", "filesystem = \"x/y\"", "no type of file system"),
        ("mount-options = [\"nosuid\"", "mount-options = [\"noatime\"", "unknown mount option"),
        ("mount-options = [\"nosuid\"", "options = [\"nosuid\"", "unknown key in a root"),
    ] {
        let error = match edited(old, new) {
            Ok(_) => panic!("loads: {old} -> {new}"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(said), "{old} -> {new}: {error}");
    }
}

#[test]
fn covers_knows_mounts() {
    assert!(policy().covers(&policy()));
    // Each edit asks for more, or for something else.
    for (old, new) in [
        ("\"xfs\"]", "\"xfs\", \"btrfs\"]"),
        ("any = [\"ro\", ", "any = [\"ro\", \"acl\", "),
        ("must = [\"noexec\"], any = [", "any = [\"noexec\", "),
        ("filesystem = [\"bind\"]", "filesystem = [\"bind\"]\nsuid = true"),
        ("dev = true", "dev = true\nsuid = true"),
        ("suid = true", "dev = true\nsuid = true"),
        ("suid = true", "again = true\nsuid = true"),
        ("group = \"vg\"", "group = \"other\""),
        ("under = \"2\"", "under = \"3\""),
        ("under = \"trees\"", "under = \"woods\""),
        ("192.0.2.1", "192.0.2.2"),
        ("filesystem = \"xfs\"\n", ""),
        ("\"nosuid\", \"nodev\"", "\"nosuid\""),
    ] {
        let upgrade = edited(old, new).unwrap_or_else(|error| panic!("{old} -> {new}: {error}"));
        assert!(!policy().covers(&upgrade), "{old} -> {new}");
    }
    for (old, new) in [
        ("[\"ext4\", \"xfs\"]", "[\"ext4\"]"),
        ("any = [\"ro\", ", "any = ["),
        ("must = [\"noexec\"], any = [\"ro\", ", "must = [\"noexec\", \"ro\"], any = ["),
    ] {
        let upgrade = edited(old, new).unwrap_or_else(|error| panic!("{old} -> {new}: {error}"));
        assert!(policy().covers(&upgrade), "{old} -> {new}");
    }
}
