//! Shares as exports of the NFS server Ganesha, which runs for each test by itself, and NFS
//! clients on two other machines.
//!
//! ```text
//!  driver ─▶ broker ─ dbus-send, as nobody ─▶ D-Bus of the test's own ─▶ Ganesha on the server
//!     └─ writes blocks and index ─▶ exports/ ◀──────────── reads ────────────┘      ▲
//!                                             nfs-cat, nfs-cp, nfs-ls of two clients ┘
//! ```
//! The distribution's configuration is neither read nor changed.

mod access;
mod btrfs;
mod directory;
mod faults;
mod kills;
mod rules;
mod writer;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use abaca::OptionValue;
use abaca::types::{AccessLevel, AccessRule, AccessType};
use tempfile::TempDir;

use super::network::{CLIENTS, Machine, Network, SERVER, Server};
use super::pool::{LARGE, Pool, run, text};
use crate::support::{reaper, rule, until};

/// What the server and its clients are.
const PROGRAMS: [&str; 8] = [
    "/usr/bin/ganesha.nfsd",
    "/usr/lib/x86_64-linux-gnu/ganesha/libfsalvfs.so",
    "/usr/bin/dbus-daemon",
    "/usr/bin/dbus-send",
    "/usr/bin/nfs-cat",
    "/usr/bin/nfs-cp",
    "/usr/bin/nfs-ls",
    "/usr/lib/x86_64-linux-gnu/libnfs.so.13",
];

/// Where NFS version 4 is spoken.
const PORT: u16 = 2049;

/// The user whom the shipped policies and the shipped rules for D-Bus name, and who takes his part
/// here.
const USER: (&str, &str) = ("abaca-nfs", "nobody");

/// The server, its bus, its clients, and a file system for shares.
struct Nfs {
    // Dropped in this order: whoever works in the pool before the pool.
    server: Option<Server>,
    bus: Bus,
    network: Network,
    pool: Pool,
    directory: PathBuf,
}

impl Nfs {
    /// A server without exports, that runs; none, and a line that says so, for whoever may not
    /// have one.
    async fn new(skipped: &str) -> Option<Nfs> {
        let network = Network::new(skipped, &PROGRAMS)?;
        let pool = Pool::btrfs(skipped, LARGE)?;
        let directory = pool.beside("nfs");
        for (name, mode) in [("shares", 0o700), ("snapshots", 0o700), ("staging", 0o700)] {
            let path = pool.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        for name in ["exports", "recovery"] {
            fs::create_dir(directory.join(name)).unwrap();
        }
        // The first back end that is opened writes it; the server does not start without.
        fs::write(directory.join("exports/_index.conf"), "").unwrap();
        let bus = Bus::start(&network).await;
        fs::write(directory.join("ganesha.conf"), configuration(&directory)).unwrap();
        let mut nfs = Nfs { server: None, bus, network, pool, directory };
        nfs.start().await;
        Some(nfs)
    }

    /// Starts the server, which does not run.
    async fn start(&mut self) {
        let mut command = self.network.server.command("ganesha.nfsd");
        command.args(["-F", "-N", "EVENT", "-f"]).arg(self.directory.join("ganesha.conf"));
        command.arg("-L").arg(self.log()).arg("-p").arg(self.directory.join("pid"));
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.bus());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.server = Some(self.network.server.start(&mut command));
        self.network.server.answers(PORT).await;
        let ping = ["--dest=org.ganesha.nfsd", "/org/ganesha/nfsd/ExportMgr"];
        let bus = format!("--bus={}", self.bus());
        until("the server is on the bus", || {
            let words = [&bus, "--print-reply", ping[0], ping[1], "org.freedesktop.DBus.Peer.Ping"];
            self.network.server.output("dbus-send", &words).status.success()
        })
        .await;
    }

    /// Kills the server.
    fn kill(&mut self) {
        drop(self.server.take());
    }

    /// What the server says of itself.
    fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    fn bus(&self) -> String {
        self.bus.address()
    }

    fn exports(&self) -> PathBuf {
        self.directory.join("exports")
    }

    /// The blocks that are there, by name.
    fn blocks(&self) -> Vec<String> {
        let names = fs::read_dir(self.exports()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| name != "_index.conf");
        names.sort();
        names
    }

    /// A policy that is shipped, for this server and these directories.
    fn policy(&self, driver: &str) -> String {
        let shipped = format!("../drivers/{driver}/policy-nfs.toml");
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join(shipped);
        fs::read_to_string(shipped)
            .unwrap()
            .replace("\"--system\"", &format!("\"--bus={}\"", self.bus()))
            .replace(&format!("user = {:?}", USER.0), &format!("user = {:?}", USER.1))
            .replace("/srv/abaca/exports", text(&self.exports()))
            .replace("/srv/abaca-nfs/exports", text(&self.exports()))
            .replace("/srv/abaca", text(&self.pool.path()))
    }

    /// The options of a back end that exports by this server.
    fn options(&self, driver: &str) -> Vec<(String, OptionValue)> {
        [
            ("driver_handles_share_servers".to_owned(), OptionValue::Boolean(false)),
            (format!("{driver}_export"), OptionValue::Text("ganesha".to_owned())),
            (format!("{driver}_ganesha_server"), OptionValue::Text(SERVER.to_owned())),
            (format!("{driver}_ganesha_bus"), OptionValue::Text(self.bus())),
        ]
        .into()
    }

    /// One of the two clients.
    fn client(&self, number: usize) -> Client<'_> {
        Client { machine: &self.network.clients[number], directory: &self.directory, number }
    }
}

/// How the directories of buses are called.
const BUSES: &str = "abaca-bus-";

/// How long the making of a bus can take.
const YOUNG: Duration = Duration::from_secs(60);

/// D-Bus as the system has it, with the rules that are shipped.
struct Bus {
    _server: Server,
    /// Whoever speaks to it comes through here, and sees no list.
    directory: TempDir,
}

impl Bus {
    async fn start(network: &Network) -> Bus {
        Bus::sweep();
        let bits = fs::Permissions::from_mode(0o711);
        let directory = tempfile::Builder::new().prefix(BUSES).permissions(bits).tempdir().unwrap();
        reaper::leaves(directory.path());
        let place = |name: &str| directory.path().join(name);
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../drivers/ganesha-dbus.conf");
        let shipped = fs::read_to_string(shipped).unwrap().replace(USER.0, USER.1);
        let (configuration, rules, socket) = (place("configuration"), place("rules"), place("bus"));
        fs::write(&rules, shipped).unwrap();
        fs::write(&configuration, Bus::configuration(&socket, &rules)).unwrap();
        let mut command = network.server.command("dbus-daemon");
        command.arg(format!("--config-file={}", text(&configuration))).arg("--nofork");
        let server = network.server.start(command.stdout(Stdio::null()).stderr(Stdio::null()));
        until("there is a bus", || UnixStream::connect(&socket).is_ok()).await;
        Bus { _server: server, directory }
    }

    fn address(&self) -> String {
        format!("unix:path={}", text(&self.directory.path().join("bus")))
    }

    /// Removes the buses of killed processes, at which nobody answers. One that is being made is
    /// young.
    fn sweep() {
        for entry in fs::read_dir(std::env::temp_dir()).unwrap().filter_map(Result::ok) {
            let is_bus = entry.file_name().to_string_lossy().starts_with(BUSES);
            let made = entry.metadata().and_then(|found| found.modified());
            let age = made.ok().and_then(|made| made.elapsed().ok()).unwrap_or_default();
            let answers = || UnixStream::connect(entry.path().join("bus")).is_ok();
            if is_bus && age > YOUNG && !answers() {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    fn configuration(socket: &Path, rules: &Path) -> String {
        format!(
            r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <policy user="root">
    <allow own="org.ganesha.nfsd"/>
    <allow send_destination="org.ganesha.nfsd"/>
  </policy>
  <include>{}</include>
</busconfig>
"#,
            text(socket),
            text(rules),
        )
    }
}

/// What an operator writes, but for where things are, and for clients that need not wait after a
/// restart.
fn configuration(directory: &Path) -> String {
    let (recovery, index) = (directory.join("recovery"), directory.join("exports/_index.conf"));
    format!(
        "NFS_CORE_PARAM {{\n  Protocols = 4;\n  NFS_Port = {PORT};\n  Enable_NLM = false;\n  \
         Enable_RQUOTA = false;\n  Enable_UDP = false;\n}}\nNFSv4 {{\n  Graceless = true;\n  \
         Only_Numeric_Owners = true;\n  RecoveryBackend = fs;\n  RecoveryRoot = {};\n}}\n\
         NFS_KRB5 {{ Active_krb5 = false; }}\n%include \"{}\"\n",
        text(&recovery),
        text(&index)
    )
}

/// A machine with an NFS client. What goes wrong is what the client says.
#[derive(Clone, Copy)]
struct Client<'a> {
    machine: &'a Machine,
    directory: &'a Path,
    number: usize,
}

impl Client<'_> {
    /// Its address.
    fn address(&self) -> &'static str {
        CLIENTS[self.number]
    }

    /// Reads a file of a share.
    fn read(&self, location: &str, file: &str) -> Result<String, String> {
        self.run("nfs-cat", &[&url(location, file)])
    }

    /// Writes a new file. Its content is short: see `writer`, which writes others.
    fn write(&self, location: &str, file: &str, content: &str) -> Result<(), String> {
        assert!(content.len() <= 2000, "nfs-cp cannot");
        let source = self.directory.join(format!("from-client-{}", self.number));
        fs::write(&source, content).unwrap();
        self.run("nfs-cp", &[text(&source), &url(location, file)]).map(drop)
    }

    /// The names in a share.
    fn names(&self, location: &str) -> Result<Vec<String>, String> {
        let listed = self.run("nfs-ls", &[&url(location, "")])?;
        let names = listed.lines().filter_map(|line| line.split_whitespace().last());
        Ok(names.map(str::to_owned).collect())
    }

    /// The shares that it sees.
    fn shares(&self) -> Vec<String> {
        self.names(&format!("{SERVER}:")).unwrap()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        let output = self.machine.output(program, arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout).unwrap()),
            false => Err(said),
        }
    }
}

/// A file of a share, as the client's tools call it.
fn url(location: &str, file: &str) -> String {
    let (host, path) = location.split_once(":/").unwrap_or((location.trim_end_matches(':'), ""));
    format!("nfs://{}/{path}/{file}?version=4", host.trim_matches(['[', ']']))
}

/// A rule that lets an address or a network in.
fn ip(access_to: &str, access_level: AccessLevel) -> AccessRule {
    AccessRule { access_type: AccessType::Ip, ..rule(access_to, access_level) }
}

/// Why a client is refused what only others may do.
fn assert_says(answer: Result<impl std::fmt::Debug, String>, what: &str) {
    let said = answer.unwrap_err();
    assert!(said.contains(what), "{said}");
}
