//! What the tests of mounts stand on: a broker with mounts of its own, images, and what its outcomes
//! say.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use abaca_broker::protocol::{ErrorKind, FilesRequest, MountSource, MountsRequest, Outcome, Place};

use crate::harness::{Broker, at, root_for, skipped, write};

/// A namespace of mounts that ends with the broker.
const OF_ITS_OWN: [&str; 2] = ["/usr/bin/unshare", "--mount"];

/// Images and trees from one root, mounted beneath another, where files may be worked on.
pub const POLICY: &str = r#"
schema = 1
driver = "test"

[roots.shares]
path = "@/shares"
[roots.snapshots]
path = "@/snapshots"

[types.share]
first = "a-z"
rest = "a-z0-9-"
max = 32

[[mount]]
id = "image"
source = { path = { root = "snapshots", leaf = "file", name = "share" } }
place = { root = "shares", name = "share" }
filesystem = ["ext4", "xfs"]
options = { any = ["ro", "noexec"] }
root-equivalent = "a test"

[[mount]]
id = "tree"
source = { path = { root = "snapshots", under = "trees", leaf = "dir", name = "share" } }
place = { root = "shares", under = "0", name = "share" }
filesystem = ["bind"]
options = { any = ["ro"] }

[[mount]]
id = "volume"
source = { device = { group = "shm", name = "share", pass = "dev" } }
place = { root = "shares", under = "1", name = "share" }
filesystem = ["ext4"]
root-equivalent = "a test"

[[mount]]
id = "export"
source = { remote = { name = "share" } }
place = { root = "shares", under = "2", name = "share" }
filesystem = ["nfs4"]

[[mount]]
id = "trusted"
source = { path = { root = "snapshots", leaf = "file", name = "share" } }
place = { root = "shares", under = "3", name = "share" }
filesystem = ["ext4"]
suid = true
dev = true
root-equivalent = "a test"

[[mount]]
id = "once-more"
source = { path = { root = "snapshots", leaf = "file", name = "share" } }
place = { root = "shares", under = "4", name = "share" }
filesystem = ["ext4", "xfs"]
again = true
root-equivalent = "a test"

[[files]]
id = "shares"
root = "shares"
verbs = ["read", "write", "list", "remove", "rename", "usage"]
name = "share"
depth = 4

[[command]]
id = "look"
program = "/usr/bin/ls"
args = ["--", { path = { root = "shares", leaf = "dir", name = "share" } }]
read = ["shares"]
"#;

pub struct Arena {
    pub broker: Broker,
}

impl Arena {
    /// None, and a line that says so, for whoever may not mount.
    pub fn new(what: &str) -> Option<Arena> {
        if !root_for(what) {
            return None;
        }
        let mut broker = Broker::started_by(&OF_ITS_OWN, POLICY);
        broker.hello();
        for place in ["a", "b", "0", "0/a", "1", "1/a", "2", "2/a", "3", "3/a"] {
            fs::create_dir(broker.path("shares").join(place)).unwrap();
        }
        fs::create_dir_all(broker.path("snapshots/trees/one/deep")).unwrap();
        write(&broker.path("snapshots/trees/one/hello"), "from the tree\n");
        fs::create_dir(broker.path("outside")).unwrap();
        write(&broker.path("outside/secret"), "outside\n");
        Some(Arena { broker })
    }

    /// The same for images, which need a tool and a kernel that has loop devices.
    pub fn with_images(what: &str) -> Option<Arena> {
        let missing = ["/usr/sbin/mkfs.ext4", "/dev/loop-control"];
        if let Some(missing) = missing.iter().find(|path| !Path::new(path).exists()) {
            skipped(&format!("(needs {missing}): {what}"));
            return None;
        }
        Arena::new(what)
    }

    /// Makes an image with a file `hello`, a set-user-id `id` and a device node.
    pub fn image(&self, name: &str) -> PathBuf {
        let contents = self.broker.path("contents");
        fs::create_dir_all(&contents).unwrap();
        write(&contents.join("hello"), "from the image\n");
        fs::copy("/usr/bin/id", contents.join("id")).unwrap();
        fs::set_permissions(contents.join("id"), fs::Permissions::from_mode(0o4755)).unwrap();
        if !contents.join("null").exists() {
            run("mknod", &["-m", "0666", contents.join("null").to_str().unwrap(), "c", "1", "3"]);
        }
        let image = self.broker.path("snapshots").join(name);
        File::create(&image).unwrap().set_len(16 << 20).unwrap();
        let words = ["-q", "-F", "-d", contents.to_str().unwrap(), image.to_str().unwrap()];
        run("/usr/sbin/mkfs.ext4", &words);
        image
    }

    pub fn mount(&mut self, source: &str, place: &str, options: &[&str]) -> Outcome {
        let filesystem = if source.starts_with("trees/") { "bind" } else { "ext4" };
        self.ask(path(source), place, filesystem, options)
    }

    pub fn ask(
        &mut self,
        source: MountSource,
        place: &str,
        filesystem: &str,
        options: &[&str],
    ) -> Outcome {
        self.broker.mounts(MountsRequest::Mount {
            source,
            at: at(place),
            filesystem: filesystem.to_owned(),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
        })
    }

    pub fn unmount(&mut self, place: &str) -> Outcome {
        self.broker.mounts(MountsRequest::Unmount { at: at(place) })
    }

    pub fn read(&mut self, path: &str) -> Result<String, Outcome> {
        let request = FilesRequest::Read { at: at(path), offset: 0, length: 1000 };
        match self.broker.files(request, &[]) {
            (Outcome::Files { .. }, body) => Ok(String::from_utf8(body).unwrap()),
            (other, _) => Err(other),
        }
    }

    /// The lines of the broker's table of mounts that are about this test.
    pub fn mounts(&self) -> Vec<String> {
        let table = fs::read_to_string(format!("/proc/{}/mountinfo", self.broker.process.id()));
        let here = self.broker.directory.path().to_str().unwrap();
        table.unwrap().lines().filter(|line| line.contains(here)).map(str::to_owned).collect()
    }

    /// A path as it is among the broker's mounts.
    pub fn within(&self, path: &str) -> PathBuf {
        let whole = self.broker.path(path);
        PathBuf::from(format!("/proc/{}/root{}", self.broker.process.id(), whole.display()))
    }

    /// Runs a command among the broker's mounts; answers its output, and whether it was done.
    pub fn among(&self, line: &[&str]) -> (bool, String) {
        let id = self.broker.process.id().to_string();
        let mut command = Command::new("/usr/bin/nsenter");
        let output = command.args(["--target", &id, "--mount", "--"]).args(line).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

pub fn run(program: &str, words: &[&str]) {
    let output = Command::new(program).args(words).output().unwrap();
    assert!(output.status.success(), "{program} {words:?}: {output:?}");
}

pub fn path(path: &str) -> MountSource {
    MountSource::Path { at: Place { root: "snapshots".to_owned(), path: path.to_owned() } }
}

/// Whether anything was done. Fails on any other outcome.
pub fn changed(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Mounts { changed, .. } => *changed,
        other => panic!("{other:?}"),
    }
}

pub fn kind(outcome: &Outcome) -> ErrorKind {
    match outcome {
        Outcome::Error { kind, message } => {
            assert!(!message.contains("/tmp"), "a guest learns no path: {message}");
            *kind
        }
        other => panic!("{other:?}"),
    }
}

/// The files that loop devices show.
pub fn on_loops() -> Vec<PathBuf> {
    let blocks = fs::read_dir("/sys/block").unwrap().flatten();
    let files =
        blocks.filter_map(|block| fs::read_to_string(block.path().join("loop/backing_file")).ok());
    files.map(|file| PathBuf::from(file.trim_end())).collect()
}
