//! Shares of protocol `cifs`: the driver `directory` with a Samba of this test's own, and clients
//! that are users on other machines.
//!
//! ```text
//! TEMPORARY/                shares, snapshots: the driver's
//!   samba/smb.conf          what an operator writes
//!   definitions/            what the driver writes
//!   registry/ messages/     Samba's own: its registry, and where its processes are spoken to
//! ```

mod clients;
mod rules;
mod trouble;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};

use abaca::types::{AccessLevel, AccessRule, AccessType, Share, ShareProtocol};
use abaca::{Backend, Limits, OptionValue};

use super::network::{Machine, Network, SERVER, Server};
use crate::support::{Ground, load, runtime, share};

/// Where the server listens.
const PORT: u16 = 1445;

/// What users of this machine clients are; every Debian has them.
const READER: &str = "games";
const WRITER: &str = "daemon";

/// The password of all of them.
const PASSWORD: &str = "correct horse";

/// What the tests need besides the network.
const PROGRAMS: [&str; 6] = [
    "/usr/sbin/smbd",
    "/usr/bin/net",
    "/usr/bin/smbcontrol",
    "/usr/bin/testparm",
    "/usr/bin/smbpasswd",
    "/usr/bin/smbclient",
];

/// The driver, the server and its clients.
struct Home {
    // Dropped in this order: whoever works in a directory before it.
    backend: Backend,
    server: Option<Server>,
    network: Network,
    ground: Ground,
}

impl Home {
    /// None, and a line that says so, for whoever may not have one.
    async fn new(skipped: &str) -> Option<Home> {
        let network = Network::new(skipped, &PROGRAMS)?;
        let ground = Ground::new();
        // Clients are users of this machine once they are here, and come through to their share.
        for path in [ground.path(), &ground.shares()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o711)).unwrap();
        }
        let configuration = configure(&ground);
        for user in [READER, WRITER] {
            let mut command = network.server.command("smbpasswd");
            command.arg("-c").arg(&configuration).args(["-s", "-a", user]);
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
            let twice = format!("{PASSWORD}\n{PASSWORD}\n");
            child.stdin.take().unwrap().write_all(twice.as_bytes()).unwrap();
            assert!(child.wait().unwrap().success());
        }
        let server = start(&network.server, &configuration).await;
        let backend = open(&ground).await;
        backend.check_for_setup_error().await.unwrap();
        Some(Home { backend, server: Some(server), network, ground })
    }

    /// Makes a share that these rules let clients into, and says what is recorded of it.
    async fn made(&self, rules: &[AccessRule]) -> Share {
        let made = self.backend.create_share(&cifs("one"), None).await;
        made.unwrap();
        let all = self.backend.records().shares().await.unwrap();
        let share = all.last().unwrap().share.clone();
        self.let_in(&share, rules).await;
        share
    }

    /// Lets in those whom the rules name and nobody else.
    async fn let_in(&self, share: &Share, rules: &[AccessRule]) {
        self.backend.update_access(share, rules, &[], &[], None).await.unwrap();
    }

    /// What a user on one of the clients' machines gets who gives the commands of `smbclient`.
    fn client(
        &self,
        machine: usize,
        user: &str,
        share: &Share,
        commands: &str,
    ) -> Result<String, String> {
        let words = [words(user, share), vec!["-c".to_owned(), commands.to_owned()]].concat();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let output = self.network.clients[machine].output("smbclient", &words);
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        if output.status.success() && !said.contains("NT_STATUS_") { Ok(said) } else { Err(said) }
    }

    /// A file of the client's own.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        self.ground.write(name, text)
    }
}

/// A client that stays connected.
struct Session {
    client: Child,
    orders: Option<ChildStdin>,
    /// What it has said.
    said: PathBuf,
}

impl Session {
    fn new(home: &Home, machine: usize, user: &str, share: &Share) -> Session {
        let said = home.ground.path().join("session");
        let file = File::create(&said).unwrap();
        let mut command = home.network.clients[machine].command("smbclient");
        let mut client = command
            .args(words(user, share))
            .stdin(Stdio::piped())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let orders = client.stdin.take();
        Session { client, orders, said }
    }

    fn order(&mut self, command: &str) {
        writeln!(self.orders.as_mut().unwrap(), "{command}").unwrap();
    }

    /// Lets it go, and says what it has said.
    fn end(mut self) -> String {
        drop(self.orders.take());
        self.client.wait().unwrap();
        fs::read_to_string(&self.said).unwrap()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

/// The words by which a user's client is told where to go.
fn words(user: &str, share: &Share) -> Vec<String> {
    let (place, user) = (format!("//{SERVER}/{}", share.name), format!("{user}%{PASSWORD}"));
    let port = PORT.to_string();
    ["-s", "/dev/null", "-p", &port, "-U", &user, &place].map(str::to_owned).to_vec()
}

/// Writes what an operator writes: no share, and registry shares.
fn configure(ground: &Ground) -> PathBuf {
    let own = |name: &str| {
        let path = ground.path().join(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path.display().to_string()
    };
    let (samba, registry, messages) = (own("samba"), own("registry"), own("messages"));
    let _ = own("definitions");
    let private = own("private");
    let text = format!(
        "[global]\n\
         server role = standalone server\n\
         map to guest = never\n\
         smb ports = {PORT}\n\
         bind interfaces only = yes\n\
         interfaces = 127.0.0.1/8 {SERVER}/24\n\
         private dir = {private}\n\
         state directory = {registry}\n\
         cache directory = {registry}\n\
         lock directory = {messages}\n\
         pid directory = {messages}\n\
         ncalrpc dir = {messages}/ncalrpc\n\
         log file = {private}/log\n\
         load printers = no\n\
         disable spoolss = yes\n\
         disable netbios = yes\n\
         registry shares = yes\n"
    );
    let path = Path::new(&samba).join("smb.conf");
    fs::write(&path, text).unwrap();
    path
}

async fn start(machine: &Machine, configuration: &Path) -> Server {
    let mut command = machine.command("smbd");
    command.args(["--foreground", "--no-process-group", "-s"]).arg(configuration);
    let server = machine.start(command.stdout(Stdio::null()).stderr(Stdio::null()));
    machine.answers(PORT).await;
    server
}

/// The policy that the driver ships for Samba, for this ground.
fn policy(ground: &Ground) -> String {
    let shipped =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../drivers/directory/policy-cifs.toml");
    let text = fs::read_to_string(shipped).unwrap();
    let own = |name: &str| ground.path().join(name).display().to_string();
    text.replace("/srv/abaca/", &own(""))
        .replace("/etc/samba", &own("samba"))
        .replace("/var/lib/samba", &own("registry"))
        .replace("/run/samba", &own("messages"))
}

async fn open(ground: &Ground) -> Backend {
    let word = |text: &str| OptionValue::Text(text.to_owned());
    let options = [
        ("directory_export", word("samba")),
        ("directory_samba_server", word(SERVER)),
        ("directory_mode", word("0777")),
    ];
    let driver = load(&runtime(Limits::default()), "abaca-driver-directory").await;
    let backend = ground.backend("home", driver, &policy(ground), &options).await;
    backend.do_setup().await.unwrap();
    backend
}

/// A share of protocol `cifs`.
fn cifs(name: &str) -> Share {
    let mut one = share(name, 1);
    one.protocol = ShareProtocol::Cifs;
    one
}

fn user(name: &str, level: AccessLevel) -> AccessRule {
    crate::support::rule(name, level)
}

fn ip(address: &str) -> AccessRule {
    AccessRule { access_type: AccessType::Ip, ..crate::support::rule(address, AccessLevel::Rw) }
}
