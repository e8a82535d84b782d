//! The crate's tests through its public doors, on one policy that uses every
//! matcher. Tests of a single table or parser stand beside it.

mod confinement;
mod content;
mod covers;
mod decisions;
mod diff;
mod errors;
mod hostile;
mod kinds;
mod learn;
mod manifest;
mod mounts;
mod properties;
mod real;
mod risk;

use crate::{Argument, Policy, PolicyError};

/// Every matcher, every kind of leaf, optional and required flags, files rules.
const EVERYTHING: &str = r#"
schema = 1
driver = "everything"

[roots.shares]
path = "/srv/abaca/shares"
[roots.snapshots]
path = "/srv/abaca/snapshots"

[types.share]
first = "a-z0-9"
rest = "a-z0-9-"
max = 64
[types.snapshot]
first = "a-z"
rest = "a-z0-9_.-"
max = 16

[defaults]
timeout = "10s"
caps = ["CHOWN"]

[[command]]
id = "clone"
program = "/usr/bin/cp"
args = ["--archive", "--", { path = { root = "snapshots", leaf = "dir", name = "snapshot" } },
        { path = { root = "shares", leaf = "new", name = "share" } }]
caps = ["CHOWN", "FOWNER"]
read = ["snapshots"]
write = ["shares"]
timeout = "10m"
reason = "shares are made from snapshots"
accepts = [["cp", "--archive", "--", "snapshots:snap-1", "shares:share-1"]]
refuses = [["cp", "-r", "shares:../x"], ["cp"], ["cp", "--archive", "--", "snapshots:", "shares:a"]]

[[command]]
id = "volume"
program = "/usr/sbin/lvcreate"
args = [{ flag = "-L", value = { size = { min = "1MiB", max = "10TiB", suffix = "b" } } },
        { flag = "-n", value = { name = "share" } },
        { flag = "--type", value = { one-of = ["linear", "striped"] }, optional = true },
        "--", "vg_shares"]

[[command]]
id = "export"
program = "/usr/sbin/exportfs"
args = ["-o", { csv = { must = ["ro"], any = ["sync", "hard"] } },
        { path = { root = "shares", under = "a/b", leaf = "file", name = "share", pass = "path", looked-up = "a test" } },
        { path = { root = "shares", leaf = "root" } }]
read = ["shares"]
stdout-max = "1MiB"

[[files]]
id = "share-directories"
root = "shares"
verbs = ["make-dir", "remove"]
name = "share"
depth = 2

[[files]]
id = "share-root"
root = "shares"
verbs = ["list", "make-dir"]
"#;

fn everything() -> Policy {
    Policy::parse(EVERYTHING, "everything.toml").unwrap()
}

/// A policy with one root `r` and two types, `n` of letters and `d` of digits,
/// whose rules for `/bin/x` have these elements of `args`.
fn source_of_x(rules: &[&str]) -> String {
    let mut source = "schema = 1\ndriver = \"d\"\n[roots.r]\npath = \"/r\"\n\
         [types.n]\nfirst = \"a-z\"\nrest = \"a-z\"\nmax = 8\n\
         [types.d]\nfirst = \"0-9\"\nrest = \"0-9\"\nmax = 8\n\
         [[command]]\nid = \"use\"\nprogram = \"/bin/use\"\nread = [\"r\"]\n\
         args = [{ name = \"n\" }, { name = \"d\" }]\n"
        .to_owned();
    for (number, args) in rules.iter().enumerate() {
        source.push_str(&format!(
            "[[command]]\nid = \"x{number}\"\nprogram = \"/bin/x\"\nread = [\"r\"]\nargs = [{args}]\n"
        ));
    }
    source
}

fn rules_of_x(rules: &[&str]) -> Result<Policy, PolicyError> {
    Policy::parse(&source_of_x(rules), "p.toml")
}

fn words(line: &[&str]) -> Vec<String> {
    line.iter().map(|word| (*word).to_owned()).collect()
}

/// The words with which a guest would ask for exactly this.
fn respelt(argv: &[Argument]) -> Vec<String> {
    let respell = |argument: &Argument| match argument {
        Argument::Path(path) => format!("{}:{}", path.root, path.components.join("/")),
        Argument::Joined(parts) => respelt(parts).concat(),
        Argument::Secret(secret) => secret.option.clone(),
        Argument::Text(text) => text.clone(),
    };
    argv.iter().map(respell).collect()
}
