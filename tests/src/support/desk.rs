//! The `abaca` command on a ground's configuration, as an operator runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Ground, component, program};

/// What a run of the command left.
#[derive(Debug)]
pub struct Answer {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Answer {
    /// The failure that it told as JSON. The log may have said something before it.
    pub fn failure(&self) -> Value {
        let last = self.stderr.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }
}

/// Where the command is run from.
pub struct Desk {
    /// The configuration.
    pub file: PathBuf,
    /// The words that the command line begins with.
    first: Vec<PathBuf>,
}

impl Desk {
    /// A configuration with the backend `home` of the directory driver.
    pub fn home(ground: &Ground) -> Self {
        ground.write("home.policy.toml", &ground.directory_policy());
        let text = Self::text(ground, "home", &component("abaca-driver-directory"));
        let export_root = format!("directory_export_root = {:?}\n", ground.shares());
        Self::with(ground, &(text + &export_root))
    }

    /// No configuration at all.
    pub fn bare() -> Self {
        Self { file: PathBuf::new(), first: vec![program("abaca")] }
    }

    /// A configuration with this text.
    pub fn with(ground: &Ground, text: &str) -> Self {
        Self { file: ground.write("abaca.toml", text), first: vec![program("abaca")] }
    }

    /// The text of a configuration with one backend under a policy written by hand, which its
    /// options may follow.
    pub fn text(ground: &Ground, name: &str, driver: &Path) -> String {
        format!(
            "schema = 1\nstate = {:?}\n\n[backends.{name}]\ndriver = {driver:?}\n\
             policy = \"{name}.policy.toml\"\napproved = false\n[backends.{name}.options]\n\
             driver_handles_share_servers = false\n",
            ground.state(),
        )
    }

    /// The same desk, at which the command line begins with other words.
    pub fn with_first(mut self, first: Vec<PathBuf>) -> Self {
        self.first = first;
        self
    }

    /// The same desk with another configuration.
    pub fn beside(&self, file: PathBuf) -> Self {
        Self { file, first: self.first.clone() }
    }

    /// The command, not run yet.
    pub fn command(&self, words: &[&str]) -> Command {
        let (program, before) = self.first.split_first().unwrap();
        #[expect(clippy::disallowed_methods, reason = "the command is what is tested")]
        let mut command = Command::new(program);
        command.args(before).args(words).env_clear().current_dir("/");
        if !self.file.as_os_str().is_empty() {
            command.env("ABACA_CONFIG", &self.file);
        }
        command.stdin(Stdio::null());
        command
    }

    /// Runs the command to its end.
    pub fn run(&self, words: &[&str]) -> Answer {
        let output = self.command(words).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let answer = Answer {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        let acts = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        assert!(!answer.stdout.contains(acts) && !answer.stderr.contains(acts), "{answer:?}");
        answer
    }

    /// Runs what must succeed, and says what it answered as JSON.
    pub fn json(&self, words: &[&str]) -> Value {
        let answer = self.run(&[words, &["--json"]].concat());
        assert_eq!(answer.code, Some(0), "{words:?}: {answer:?}");
        serde_json::from_str(&answer.stdout).unwrap()
    }

    /// Runs what must fail with this exit code, and says what it complained of.
    pub fn fails(&self, code: i32, words: &[&str]) -> String {
        let answer = self.run(words);
        assert_eq!(answer.code, Some(code), "{words:?}: {answer:?}");
        let fault = ["", "", "operator", "driver", "backend", "runtime"][code as usize];
        assert!(answer.stderr.contains("error: "), "{words:?}: {answer:?}");
        assert!(answer.stderr.contains(&format!("\nfault: {fault}\n")), "{words:?}: {answer:?}");
        answer.stderr
    }

    /// The share of this name, as `share list` tells it.
    pub fn share(&self, name: &str) -> Value {
        let list = self.json(&["share", "list"]);
        let shares = list["shares"].as_array().unwrap();
        shares.iter().find(|share| share["name"] == name).cloned().unwrap_or_default()
    }

    /// The beginning of a file of answers that approves this component and no other manifest.
    pub fn consents(&self, component: &Path) -> String {
        let inspected = self.json(&["driver", "inspect", component.to_str().unwrap()]);
        let (name, digest) = (&inspected["name"], &inspected["manifest"]["digest"]);
        format!("driver = {name}\nmanifest = {digest}\n")
    }

    /// Replaces a piece of a file beside the configuration.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.file.with_file_name(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is in {file}");
        fs::write(path, text.replace(from, to)).unwrap();
    }
}
