//! Where attacks happen: an attacked backend with a little of every power, and a peaceful backend
//! beside it in the same runtime. The attacked one has a root of its own, `lair` (and where a setup
//! names it another one, `shop`); whatever else
//! lies on the ground is none of its business.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use abaca::types::{AccessLevel, ExportLocation};
use abaca::{
    Backend, BackendConfiguration, Driver, Error, ErrorDocument, Limits, OptionValue, Runtime,
};
use serde_json::Value;

use crate::support::{
    Ground, Log, PATIENCE, attack_share, load, rule, runtime, share, snapshot, unique_sleep,
};

/// What every attacked backend may do: a little of everything.
const RULES: &str = include_str!("range.toml");

/// What a range has beyond the usual.
pub struct Setup {
    limits: Limits,
    rules: String,
    script: String,
}

/// How long the neighbour may take: it shares one thread with whatever the attacker keeps busy.
const NEIGHBOURLY: Duration = PATIENCE.saturating_mul(3);

/// Small, so that running into them is quick; the time leaves room for a busy machine.
pub fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.cpu = Duration::from_millis(500);
    limits.wall = Duration::from_secs(60);
    limits.host_calls = 5_000;
    limits.log_lines = 100;
    limits.state_keys = 20;
    limits
}

impl Default for Setup {
    fn default() -> Self {
        Self { limits: limits(), rules: String::new(), script: String::new() }
    }
}

impl Setup {
    /// Other limits.
    pub fn limits(change: impl FnOnce(&mut Limits)) -> Self {
        let mut setup = Self::default();
        change(&mut setup.limits);
        setup
    }

    /// More rules. `@` is the ground, `@seconds` what a process may sleep to be known by it.
    pub fn rules(rules: &str) -> Self {
        Self { rules: rules.to_owned(), ..Self::default() }
    }

    /// A rule that runs this text of Perl, which can make any system call; its one word is the
    /// parameter. So a program that is granted is wholly the attacker's. `more` are lines of the
    /// rule.
    pub fn perl(text: &str, more: &str) -> Self {
        let rules = format!(
            "[[command]]\nid = \"script\"\nprogram = \"/usr/bin/perl\"\n\
             args = [\"-e\", '''{text}''', {{ name = \"word\" }}]\n\
             root-equivalent = \"a program in the attacker's hands\"\n{more}\n"
        );
        Self { script: text.to_owned(), ..Self::rules(&rules) }
    }

    /// The same setup with other limits.
    pub fn and_limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }
}

/// An attacked backend, its neighbour, and what is around them.
pub struct Range {
    pub ground: Ground,
    pub runtime: Runtime,
    pub hostile: Backend,
    pub home: Backend,
    /// What the granted `sleep` must be asked with.
    pub seconds: String,
    /// What the attacker must never learn.
    pub canary: String,
    pub log: Log,
    script: String,
}

impl Range {
    pub async fn new(setup: Setup) -> Self {
        let log = Log::capture();
        let ground = Ground::new();
        let canary = format!("canary-{}", uuid::Uuid::new_v4());
        for root in ["lair", "shop", "exports"] {
            fs::create_dir(ground.path().join(root)).unwrap();
        }
        fs::write(ground.outside().join("secret"), &canary).unwrap();
        fs::create_dir(ground.outside().join("directory")).unwrap();
        let held = ground.shares().join("share-held");
        fs::create_dir(&held).unwrap();
        fs::write(held.join("file"), &canary).unwrap();
        let seconds = unique_sleep();
        let at = ground.path().to_str().unwrap().to_owned();
        let fill = |text: &str| text.replace("@seconds", &seconds).replace('@', &at);
        let runtime = runtime(setup.limits);
        let driver = load(&runtime, "abaca-guest-hostile").await;
        let policy = fill(&format!("{RULES}{}", setup.rules));
        let home = ground.directory(&runtime, &[]).await;
        let hostile = ground.backend("hostile", driver, &policy, &secret(&ground, &canary)).await;
        let script = fill(&setup.script);
        Self { ground, runtime, hostile, home, seconds, canary, log, script }
    }

    /// The attacker's own root.
    pub fn lair(&self) -> PathBuf {
        self.ground.path().join("lair")
    }

    /// A second root of the attacker's, for setups that name it.
    pub fn shop(&self) -> PathBuf {
        self.ground.path().join("shop")
    }

    /// Makes the driver do this, and says what it brought or how it ended.
    pub async fn asks(&self, attack: &str, arguments: &[&str]) -> String {
        told(self.hostile.create_share(&attack_share(attack, arguments), None).await)
    }

    /// The same for several ways of one attack.
    pub async fn each(&self, attack: &str, ways: &[&[&str]]) -> Vec<String> {
        let mut all = Vec::new();
        for way in ways {
            all.push(self.asks(attack, way).await);
        }
        all
    }

    /// Runs the setup's script with this parameter.
    pub async fn script(&self, word: &str) -> String {
        self.asks("command", &["perl", "-e", &self.script, word]).await
    }

    /// Loads these bytes as a driver.
    pub async fn loads(&self, bytes: Vec<u8>) -> String {
        match self.runtime.load_bytes("attack", bytes).await {
            Ok(driver) => format!("ok: {}", driver.description().name),
            Err(error) => said(&error),
        }
    }

    /// Loads these bytes as a driver and makes a share with it.
    pub async fn drives(&self, bytes: Vec<u8>) -> String {
        match self.runtime.load_bytes("attack", bytes).await {
            Ok(driver) => self.makes(driver, "assembled").await,
            Err(error) => said(&error),
        }
    }

    /// Makes a share with another driver, whose policy grants nothing.
    pub async fn makes(&self, driver: Driver, name: &str) -> String {
        let policy = format!("schema = 1\ndriver = {:?}\n", driver.description().name);
        let backend = self.ground.backend(name, driver, &policy, &[]).await;
        told(backend.create_share(&share("made", 1), None).await)
    }

    /// Joins the hostile driver with another policy, and says why that is refused.
    pub async fn opens(&self, policy: &str, options: &[(&str, OptionValue)]) -> String {
        let at = self.ground.path().to_str().unwrap();
        let file = self.ground.write("opened.policy.toml", &policy.replace('@', at));
        let given = options.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let mode = ("driver_handles_share_servers".to_owned(), OptionValue::Boolean(false));
        let configuration = BackendConfiguration {
            name: "opened".to_owned(),
            policy: file,
            approved: false,
            state: self.ground.state(),
            options: given.chain([mode]).collect(),
            networks: std::collections::BTreeMap::default(),
        };
        match Backend::open(self.hostile.driver().clone(), configuration).await {
            Ok(backend) => {
                told(backend.create_share(&attack_share("echo", &["opened"]), None).await)
            }
            Err(error) => said(&error),
        }
    }

    /// Starts what is started at first use, so that it does not look like a leak later.
    pub async fn warm_up(&self) {
        assert_eq!(self.asks("command", &["echo", "-n", "warm"]).await, "ok:0:warm\nstderr:");
        self.neighbour_lives().await;
    }

    /// A small task of the neighbour, during an attack.
    pub async fn neighbour_works(&self) {
        let work = async {
            let one = share("neighbour", 1);
            self.home.create_share(&one, None).await.unwrap();
            self.home.delete_share(&one, None).await.unwrap();
        };
        tokio::time::timeout(NEIGHBOURLY, work).await.expect("the neighbour is served meanwhile");
    }

    /// All that the neighbour can do.
    pub async fn neighbour_lives(&self) {
        let life = async {
            let home = &self.home;
            let (one, two) = (share("one", 2), share("two", 2));
            home.create_share(&one, None).await.unwrap();
            let made = home.records().share(&one.id).await.unwrap().unwrap().share;
            let taken = snapshot(&made);
            home.create_snapshot(&taken, None).await.unwrap();
            home.create_share_from_snapshot(&two, &taken, None).await.unwrap();
            let rules = [rule("everyone", AccessLevel::Rw)];
            home.update_access(&made, &rules, &rules, &[], None).await.unwrap();
            home.extend_share(&made, 3, None).await.unwrap();
            let grown = home.records().share(&one.id).await.unwrap().unwrap().share;
            home.shrink_share(&grown, 1, None).await.unwrap();
            home.get_share_stats(true).await.unwrap();
            home.delete_snapshot(&taken, None).await.unwrap();
            home.delete_share(&made, None).await.unwrap();
            home.delete_share(&two, None).await.unwrap();
        };
        tokio::time::timeout(NEIGHBOURLY, life).await.expect("the neighbour lives");
    }

    /// The attacker itself can be called again: an attack stops at most its own calls.
    pub async fn attacker_is_served(&self) {
        assert_eq!(self.asks("echo", &["still here"]).await, "still here");
    }

    /// Every call that began has its end, every line is one, and nothing in them acts on a
    /// terminal or is a secret.
    pub fn audit_is_whole(&self) {
        let audit = self.audit();
        let of = |event: &str| -> Vec<&Value> {
            audit.iter().filter(|line| line["event"] == event).collect()
        };
        // One that never got a place has an end and no beginning.
        let ends: Vec<_> = of("call-end").into_iter().map(|end| &end["call"]).collect();
        let endless = of("call").into_iter().find(|call| !ends.contains(&&call["call"]));
        assert_eq!(endless, None, "every call has its end");
        // That of what was given up while its intent was written comes a moment later.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let audit = self.audit();
            let deeds = |event: &str| -> BTreeSet<(String, String)> {
                let of_it = audit.iter().filter(|line| line["event"] == event);
                of_it.map(|line| (line["call"].to_string(), line["request"].to_string())).collect()
            };
            let (begun, ended) = (deeds("intent"), deeds("outcome"));
            if begun == ended {
                break;
            }
            assert!(Instant::now() < deadline, "every deed has its outcome: {begun:?} {ended:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
        let file = self.ground.state().join("hostile/audit.jsonl");
        let texts = [fs::read_to_string(file).unwrap(), self.log.text()];
        for text in texts {
            let acts =
                |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{2069}').contains(&c);
            assert_eq!(text.chars().find(|c| acts(*c)), None, "{text}");
            assert!(!text.contains(&self.canary), "a secret came out: {text}");
        }
    }

    pub fn audit(&self) -> Vec<Value> {
        self.ground.audit("hostile")
    }

    /// The audit's lines of one kind.
    pub fn audited(&self, event: &str) -> Vec<Value> {
        self.audit().into_iter().filter(|line| line["event"] == event).collect()
    }
}

/// A secret option of the attacked driver, in a file that nobody else can read.
fn secret(ground: &Ground, canary: &str) -> [(&'static str, OptionValue); 1] {
    use std::os::unix::fs::PermissionsExt;
    let file = ground.write("secret", canary);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    [("hostile_secret", OptionValue::SecretFile(file))]
}

/// What a call brought, or its error.
pub fn told(answer: Result<Vec<ExportLocation>, Error>) -> String {
    match answer {
        Ok(locations) if locations.is_empty() => "ok".to_owned(),
        Ok(locations) => {
            locations.into_iter().map(|location| location.path).collect::<Vec<_>>().join("\n")
        }
        Err(error) => said(&error),
    }
}

/// An error as its kind, whose fault it was, and its words.
pub fn said(error: &Error) -> String {
    let ErrorDocument { kind, blame, message, .. } = ErrorDocument::from(error);
    format!("{kind:?} by the {blame}: {message}")
}
