//! What two policies of a pair differ by: every kind of matcher, every key of every rule.

/// One notch of a matcher: narrow, wide, which aspect differs, a word that both take, and one
/// that only the wide one takes.
pub(super) const NOTCHES: [(&str, &str, &str, &str, &str); 30] = [
    ("\"ab\"", "{ name = \"n\" }", "", "ab", "cd"),
    ("{ one-of = [\"ab\"] }", "{ one-of = [\"ab\", \"cd\"] }", "one-of", "ab", "cd"),
    ("{ name = \"n\" }", "{ name = \"longer\" }", "name.max", "ab", "abcdefghij"),
    ("{ name = \"n\" }", "{ name = \"mixed\" }", "name.rest", "ab", "a7"),
    ("{ name = \"n\" }", "{ name = \"upper\" }", "name.first", "ab", "Ab"),
    ("{ int = { min = 1, max = 5 } }", "{ int = { min = 0, max = 5 } }", "int.min", "3", "0"),
    ("{ int = { min = 1, max = 5 } }", "{ int = { min = 1, max = 6 } }", "int.max", "3", "6"),
    (
        "{ size = { min = \"2KiB\", max = \"1MiB\" } }",
        "{ size = { min = \"1KiB\", max = \"1MiB\" } }",
        "size.min",
        "2K",
        "1K",
    ),
    (
        "{ size = { min = \"1KiB\", max = \"1MiB\" } }",
        "{ size = { min = \"1KiB\", max = \"2MiB\" } }",
        "size.max",
        "2K",
        "2M",
    ),
    (
        "{ percent = { min = 5, max = 50 } }",
        "{ percent = { min = 4, max = 50 } }",
        "percent.min",
        "7%",
        "4%",
    ),
    (
        "{ percent = { min = 5, max = 50, of = \"VG\" } }",
        "{ percent = { min = 5, max = 51, of = \"VG\" } }",
        "percent.max",
        "7%VG",
        "51%VG",
    ),
    (
        "{ mode = { mask = \"0750\" } }",
        "{ mode = { mask = \"0770\" } }",
        "mode.mask",
        "0700",
        "0720",
    ),
    (
        "\"11111111-1111-4111-8111-111111111111\"",
        "{ uuid = true }",
        "",
        "11111111-1111-4111-8111-111111111111",
        "21111111-1111-4111-8111-111111111111",
    ),
    (
        "{ ip = { within = [\"10.0.0.0/8\"] } }",
        "{ ip = { within = [\"10.0.0.0/7\"] } }",
        "ip.within",
        "10.0.0.1",
        "11.0.0.1",
    ),
    ("{ ip = { within = [\"fd00::/8\"] } }", "{ ip = {} }", "ip.within", "fd00::1", "10.0.0.1"),
    (
        "{ cidr = { within = [\"10.0.0.0/8\"], min-prefix = 16 } }",
        "{ cidr = { within = [\"0.0.0.0/0\"], min-prefix = 16 } }",
        "cidr.within",
        "10.1.0.0/16",
        "11.1.0.0/16",
    ),
    (
        "{ cidr = { within = [\"10.0.0.0/8\"], min-prefix = 16 } }",
        "{ cidr = { within = [\"10.0.0.0/8\"], min-prefix = 15 } }",
        "cidr.min-prefix",
        "10.1.0.0/16",
        "10.2.0.0/15",
    ),
    (
        "{ cidr = { within = [\"10.0.0.0/8\"], list = \" \", suffix = [\":ro\"] } }",
        "{ cidr = { within = [\"10.0.0.0/8\"], list = \" \", suffix = [\":ro\", \":rw\"] } }",
        "cidr.suffix",
        "10.1.0.0/16:ro",
        "10.1.0.0/16:ro 10.2.0.0/15:rw",
    ),
    (
        "{ cidr = { within = [\"10.0.0.0/8\"], max-prefix = 24 } }",
        "{ cidr = { within = [\"10.0.0.0/8\"], max-prefix = 25 } }",
        "cidr.max-prefix",
        "10.1.0.0/16",
        "10.1.0.0/25",
    ),
    (
        "{ path = { root = \"r\", leaf = \"dir\", name = \"n\" } }",
        "{ path = { root = \"r\", leaf = \"dir\", name = \"mixed\" } }",
        "path.name.rest",
        "r:ab",
        "r:a7",
    ),
    (
        "{ path = { root = \"r\", under = \"u\", leaf = \"new\", name = \"n\" } }",
        "{ path = { root = \"r\", under = \"u\", leaf = \"new\", name = \"longer\" } }",
        "path.name.max",
        "r:u/ab",
        "r:u/abcdefghij",
    ),
    (
        "{ path = { root = \"r\", under = \"u\", parent = \"n\", leaf = \"dir\", name = \"n\" } }",
        "{ path = { root = \"r\", under = \"u\", parent = \"longer\", leaf = \"dir\", name = \"n\" } }",
        "path.parent.max",
        "r:u/ab/ab",
        "r:u/abcdefghij/ab",
    ),
    (
        "{ dataset = { parent = \"tank\", name = \"n\" } }",
        "{ dataset = { parent = \"tank\", name = \"mixed\" } }",
        "dataset.name.rest",
        "tank/ab",
        "tank/a7",
    ),
    (
        "{ dataset = { parent = \"tank\", name = \"n\", snapshot = \"n\" } }",
        "{ dataset = { parent = \"tank\", name = \"n\", snapshot = \"upper\" } }",
        "dataset.snapshot.first",
        "tank/ab@ab",
        "tank/ab@Ab",
    ),
    (
        "{ device = { group = \"vg\", name = \"n\", pass = \"dev\" } }",
        "{ device = { group = \"vg\", name = \"upper\", pass = \"dev\" } }",
        "device.name.first",
        "vg/ab",
        "vg/Ab",
    ),
    (
        "{ csv = { must = [\"ro\", \"sync\"] } }",
        "{ csv = { must = [\"ro\"], any = [\"sync\"] } }",
        "csv.must",
        "ro,sync",
        "ro",
    ),
    ("{ csv = { any = [\"ro\"] } }", "{ csv = { any = [\"ro\", \"rw\"] } }", "csv.any", "ro", "rw"),
    (
        "{ concat = [\"k=\", { int = { min = 1, max = 5 } }] }",
        "{ concat = [\"k=\", { int = { min = 1, max = 7 } }] }",
        "concat part 2: int.max",
        "k=2",
        "k=7",
    ),
    (
        "{ concat = [{ name = \"n\" }, \":\", { name = \"n\" }] }",
        "{ concat = [{ name = \"mixed\" }, \":\", { name = \"n\" }] }",
        "concat part 1: name.rest",
        "ab:cd",
        "a7:cd",
    ),
    (
        "{ concat = [\"/\", { one-of = [\"a\"] }] }",
        "{ concat = [\"/\", { one-of = [\"a\", \"b\"] }] }",
        "concat part 2: one-of",
        "/a",
        "/b",
    ),
];

/// Where a matcher may stand: `@` is the matcher in the template, and the word in the line.
pub(super) const PLACES: [(&str, &[&str]); 6] = [
    ("@", &["@"]),
    ("\"first\", @, \"--last\"", &["first", "@", "--last"]),
    ("{ flag = \"-f\", value = @ }", &["-f", "@"]),
    ("\"first\", { flag = \"-f\", value = @, optional = true }", &["first", "-f", "@"]),
    ("{ optional = @ }", &["@"]),
    ("{ repeat = @, min = 1, max = 3 }", &["@"]),
];

/// Matchers of which neither covers the other, and what differs.
pub(super) const OTHERS: [(&str, &str, &str); 11] = [
    ("\"ab\"", "\"cd\"", ""),
    ("{ one-of = [\"ab\"] }", "{ one-of = [\"cd\"] }", "one-of"),
    (
        "{ size = { min = \"1B\", max = \"9B\" } }",
        "{ size = { min = \"1B\", max = \"9B\", suffix = \"b\" } }",
        "size.suffix",
    ),
    (
        "{ percent = { min = 1, max = 9 } }",
        "{ percent = { min = 1, max = 9, of = \"FREE\" } }",
        "percent.of",
    ),
    (
        "{ path = { root = \"r\", leaf = \"dir\", name = \"n\" } }",
        "{ path = { root = \"r\", leaf = \"new\", name = \"n\" } }",
        "path.leaf",
    ),
    (
        "{ path = { root = \"r\", leaf = \"dir\", name = \"n\" } }",
        "{ path = { root = \"r\", leaf = \"dir\", name = \"n\", pass = \"path\", looked-up = \"why\" } }",
        "path.pass",
    ),
    (
        "{ path = { root = \"r\", leaf = \"dir\", name = \"n\" } }",
        "{ path = { root = \"r\", under = \"u\", leaf = \"dir\", name = \"n\" } }",
        "path.under",
    ),
    (
        "{ dataset = { parent = \"tank\", name = \"n\" } }",
        "{ dataset = { parent = \"other\", name = \"n\" } }",
        "dataset.parent",
    ),
    (
        "{ device = { group = \"vg\", name = \"n\", pass = \"dev\" } }",
        "{ device = { group = \"vg\", name = \"n\", pass = \"name\" } }",
        "device.pass",
    ),
    (
        "{ cidr = { within = [\"10.0.0.0/8\"] } }",
        "{ cidr = { within = [\"10.0.0.0/8\"], form = \"netmask\" } }",
        "cidr.form",
    ),
    (
        "{ cidr = { within = [\"10.0.0.0/8\"], list = \",\" } }",
        "{ cidr = { within = [\"10.0.0.0/8\"], list = \" \" } }",
        "cidr.list",
    ),
];

/// What stands in several rules, as a default or a type.
pub(super) const OF_SEVERAL_RULES: [&str; 3] =
    ["timeout = \"10s\"", "max = 16", "rest = \"a-z0-9_.-\""];

/// Edits of the policy that has everything, each of which makes it wider, or narrower where `!`
/// stands before the key: which rule it is about, and which key.
pub(super) const KEYS: [(&str, &str, &str, &str); 26] = [
    (
        "path = \"/srv/abaca/snapshots\"",
        "path = \"/srv/abaca/snapshots\"\nfilesystem = \"xfs\"",
        "snapshots",
        "!filesystem",
    ),
    (
        "path = \"/srv/abaca/snapshots\"",
        "path = \"/srv/abaca/snapshots\"\nmount-options = [\"nosuid\"]",
        "snapshots",
        "!mount-options",
    ),
    ("depth = 2", "depth = 2\nowner = \"self\"", "share-directories", "!owner"),
    (
        "leaf = \"dir\", name = \"snapshot\" }",
        "leaf = \"dir\", name = \"snapshot\", owner = \"self\" }",
        "clone",
        "!argument 3 path.owner",
    ),
    ("timeout = \"10m\"", "timeout = \"11m\"", "clone", "timeout"),
    ("timeout = \"10s\"", "timeout = \"11s\"", "volume", "timeout"),
    ("stdout-max = \"1MiB\"", "stdout-max = \"2MiB\"", "export", "stdout-max"),
    (
        "stdout-max = \"1MiB\"",
        "stdout-max = \"1MiB\"\nstderr-max = \"1MiB\"",
        "export",
        "stderr-max",
    ),
    ("stdout-max = \"1MiB\"", "stdout-max = \"1MiB\"\nstdin-max = \"1B\"", "export", "stdin-max"),
    ("stdout-max = \"1MiB\"", "stdout-max = \"1MiB\"\nnetwork = true", "export", "network"),
    (
        "stdout-max = \"1MiB\"",
        "stdout-max = \"1MiB\"\nsyscalls = [\"quota\"]",
        "export",
        "syscalls",
    ),
    ("stdout-max = \"1MiB\"", "stdout-max = \"1MiB\"\nwrite = [\"snapshots\"]", "export", "write"),
    ("read = [\"shares\"]", "write = [\"shares\"]", "export", "write"),
    ("read = [\"shares\"]", "read = [\"shares\", \"snapshots\"]", "export", "read"),
    (
        "stdout-max = \"1MiB\"\n\n[[files]]",
        "stdout-max = \"1MiB\"\ncaps = [\"CHOWN\", \"SYS_ADMIN\"]\n\n[[files]]",
        "export",
        "caps",
    ),
    ("\"FOWNER\"]", "\"FOWNER\", \"KILL\"]", "clone", "caps"),
    (
        "reason = \"shares are",
        "sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"\nreason = \"shares are",
        "clone",
        "!sha256",
    ),
    (
        "verbs = [\"make-dir\", \"remove\"]",
        "verbs = [\"make-dir\", \"remove\", \"copy\"]",
        "share-directories",
        "verbs",
    ),
    (
        "verbs = [\"list\", \"make-dir\"]",
        "verbs = [\"list\", \"make-dir\", \"usage\"]",
        "share-root",
        "verbs",
    ),
    ("depth = 2", "depth = 3", "share-directories", "depth"),
    ("max = 16", "max = 17", "clone", "argument 3 path.name.max"),
    ("rest = \"a-z0-9_.-\"", "rest = \"a-z0-9_.:-\"", "clone", "argument 3 path.name.rest"),
    (
        "\"linear\", \"striped\"",
        "\"linear\", \"striped\", \"mirror\"",
        "volume",
        "argument 6 one-of",
    ),
    ("\"striped\"] }, optional = true }", "\"striped\"] } }", "volume", "!argument 5"),
    (
        "\"--\", \"vg_shares\"]",
        "{ optional = \"--quiet\" }, \"--\", \"vg_shares\"]",
        "volume",
        "argument 7",
    ),
    (
        "\"--\", \"vg_shares\"]",
        "{ repeat = \"-v\", min = 0, max = 2 }, \"--\", \"vg_shares\"]",
        "volume",
        "argument 7",
    ),
];
