//! Secret options: given by a file that nobody else can reach, passed on by name, and shown
//! nowhere.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use abaca::configuration::Configuration;
use abaca::options::OptionError;
use abaca::{Blame, Error, Limits, OptionValue};

use super::{POLICY, dummy, open, pair, text};
use crate::support::{Desk, Ground, Log, component, load, runtime, share, tree};

/// What must be found in the file and nowhere else.
const CONTENT: &str = "kept-4b1d-from-everybody";

/// A file with a secret, beneath the ground.
fn secret(ground: &Ground, mode: u32) -> PathBuf {
    fs::create_dir_all(ground.path().join("secrets")).unwrap();
    let file = ground.write("secrets/token", CONTENT);
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    file
}

/// A configuration of the dummy driver with more lines among its options.
fn configured(ground: &Ground, lines: &str) -> Desk {
    ground.write("dummy.policy.toml", POLICY);
    let text = Desk::text(ground, "dummy", &component("abaca-driver-dummy"));
    Desk::with(ground, &(text + lines))
}

/// Why the library does not open a backend with this file as its secret.
async fn refused(ground: &Ground, file: &Path) -> OptionError {
    let options = [
        ("driver_handles_share_servers", OptionValue::Boolean(false)),
        ("dummy_secret", OptionValue::SecretFile(file.to_owned())),
    ];
    match open(ground, "dummy", &options, super::BTreeMap::new()).await {
        Err(Error::Option { error, .. }) => error,
        other => panic!("{}: {other:?}", file.display()),
    }
}

#[test]
fn a_secret_is_shown_nowhere() {
    let ground = Ground::new();
    let file = secret(&ground, 0o400);
    let desk = configured(&ground, "dummy_secret = { file = \"secrets/token\" }\n");
    let mut said = String::new();
    for words in [
        &["backend", "check"][..],
        &["backend", "options", "dummy"],
        &["backend", "options", "dummy", "--json"],
        &["backend", "list"],
        &["share", "create", "one", "--size", "1"],
        &["share", "create", "two", "--size", "1000000"],
        &["access", "allow", "one", "user", "nobody"],
        &["share", "list", "--json"],
        &["share", "delete", "one"],
    ] {
        let answer = desk.run(&[&["-vv"], words].concat());
        said += &(answer.stdout + &answer.stderr);
    }
    // The driver did ask, and got the name.
    assert!(said.contains("could be passed on as `dummy_secret`"), "{said}");
    assert!(said.contains(&format!("(secret, in {})", file.display())), "{said}");
    assert!(!said.contains(CONTENT), "{said}");
    let kept = tree(&ground.state());
    assert!(kept.len() > 3 && !ground.audit("dummy").is_empty());
    for (path, (_, contents)) in kept {
        let found = contents.windows(CONTENT.len()).any(|bytes| bytes == CONTENT.as_bytes());
        assert!(!found, "the secret is in {}", path.display());
    }

    let document = desk.json(&["backend", "options", "dummy"]);
    let rows = document["options"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == "dummy_secret").unwrap();
    assert!(row["value"].is_null() && row["secret"] == true, "{row}");
    assert_eq!(row["source"], format!("configuration, in {}", file.display()));
    let row = rows.iter().find(|row| row["name"] == "dummy_pools").unwrap();
    assert_eq!(row["secret"], false);
}

#[tokio::test]
async fn a_driver_learns_the_name_and_no_more() {
    let log = Log::capture();
    let ground = Ground::new();
    let file = secret(&ground, 0o600);
    let options = [("dummy_secret", OptionValue::SecretFile(file.clone()))];
    let backend = dummy(&ground, &options).await;
    backend.do_setup().await.unwrap();
    let rows: Vec<_> = backend.option_rows().collect();
    let debug = format!("{backend:?} {rows:?}");
    assert!(debug.contains(file.to_str().unwrap()) && !debug.contains(CONTENT), "{debug}");
    assert!(log.text().contains("passed on as `dummy_secret`"), "{}", log.text());
    assert!(!log.text().contains(CONTENT), "{}", log.text());

    // A driver that brings back whatever it is told.
    let driver = load(&runtime(Limits::default()), "abaca-guest-hostile").await;
    let options = [("hostile_secret", OptionValue::SecretFile(file))];
    let policy = "schema = 1\ndriver = \"hostile\"\n";
    let backend = ground.backend("hostile", driver, policy, &options).await;
    let mut one = share("one", 1);
    one.metadata = vec![pair("attack", "config"), pair("argument", "hostile_secret")];
    let locations = backend.create_share(&one, None).await.unwrap();
    assert_eq!(locations[0].path, "ok:Some(Value::Secret(\"hostile_secret\"))");
}

#[tokio::test]
async fn a_file_that_others_can_reach_or_that_is_none_is_refused() {
    let ground = Ground::new();
    let file = secret(&ground, 0o600);
    let link = ground.path().join("secrets/link");
    symlink(&file, &link).unwrap();
    let pipe = ground.path().join("secrets/pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    let gone = ground.path().join("secrets/gone");
    for (path, word) in [
        (&gone, "cannot be opened"),
        (&link, "is a link"),
        (&ground.path().join("secrets"), "is not a regular file"),
        (&pipe, "is not a regular file"),
        (&PathBuf::from("/dev/null"), "is not a regular file"),
    ] {
        let error = refused(&ground, path).await;
        assert_eq!(error.name, "dummy_secret");
        assert!(error.reason.contains(path.to_str().unwrap()), "{error}");
        assert!(error.reason.contains(word) && error.help.is_some(), "{error}");
    }
    for mode in [0o640, 0o620, 0o604, 0o602, 0o610, 0o601] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let error = refused(&ground, &file).await;
        assert!(error.reason.contains(&format!("{mode:04o}")), "{error}");
        assert!(error.help.unwrap().contains("chmod go= "));
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    for (length, word) in [(0, "is empty"), (64 * 1024 + 1, "at most 65536")] {
        fs::write(&file, "x".repeat(length)).unwrap();
        let error = refused(&ground, &file).await;
        assert!(error.reason.contains(word) && error.help.is_some(), "{error}");
    }
    fs::write(&file, "x".repeat(64 * 1024)).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(&file, Some(65534), None).unwrap();
        let error = refused(&ground, &file).await;
        assert!(error.reason.contains("belongs to the user 65534"), "{error}");
        assert!(error.help.unwrap().contains("chown 0 "));
        chown(&file, Some(0), None).unwrap();
    } else {
        eprintln!("SKIPPED: only root can give a file to another user");
    }
    assert!(!ground.state().join("dummy").exists(), "nothing was made");
    dummy(&ground, &[("dummy_secret", OptionValue::SecretFile(file))]).await;
}

#[test]
fn no_mistake_in_a_configuration_shows_a_secret_that_stands_in_it() {
    let ground = Ground::new();
    // What is wrong, where that is told, and what is said of it.
    for (wrong, place, word) in [
        ("dummy_secret = \"SECRET\"\n", "10:1", "{ file = "),
        // The line beside it is wrong too.
        ("dummy_secret = \"SECRET\"\ndummy_export_hots = \"a\"\n", "10:1", "{ file = "),
        ("dummy_secrett = \"SECRET\"\n", "10:1", "did you mean `dummy_secret`"),
        ("dummy_secret = { value = \"SECRET\" }\n", "10:1", "{ file = "),
        ("dummy_secret = { fil = \"SECRET\" }\n", "10:1", "{ file = "),
        ("dummy_secret = [[\"SECRET\"]]\n", "10:1", "a list holds texts"),
        ("dummy_secret = \"SECRET\n", "10:", "invalid"),
        ("dummy_secret = SECRET\n", "10:", "string values must be quoted"),
        ("dummy_secret = \"\"\"\nSECRET\n", "", "invalid"),
        ("SECRET\n", "10:", "expected `=`"),
        ("# dummy_secret = \"SECRET\"\ndummy_pools = 1\n", "11:1", "list of texts"),
        ("dummy_pools = \"a\n# dummy_secret = \"SECRET\"\n", "10:", "invalid"),
        ("[backends.other]\ndummy_secret = \"SECRET\"\n", "11:1", "unknown field"),
        ("[backends.other]\noptions = \"SECRET, expected SECRET\"\n", "11:", "expected a map"),
        ("[limits]\nwall_seconds = \"SECRET\"\n", "11:", "expected u32"),
        ("[networks]\ndummy_secret = \"SECRET\"\n", "11:", "expected a map"),
    ] {
        let desk = configured(&ground, &wrong.replace("SECRET", CONTENT));
        for words in [&["-vv", "backend", "check"][..], &["-vv", "backend", "check", "--json"]] {
            let answer = desk.run(words);
            assert_eq!(answer.code, Some(2), "{wrong}{answer:?}");
            let said = format!("{}{}", answer.stdout, answer.stderr);
            assert!(!said.contains(CONTENT), "{wrong}{said}");
            assert!(said.contains(&format!("abaca.toml:{place}")), "{wrong}{said}");
            assert!(said.contains(word), "{wrong}{said}");
        }
        if let Err(error) = Configuration::load(&desk.file) {
            assert!(!format!("{error:?}").contains(CONTENT), "{wrong}{error:?}");
        }
    }
    assert!(!ground.state().join("dummy").exists(), "nothing was made");
}

#[test]
fn only_a_secret_is_given_by_a_file_and_only_so() {
    let ground = Ground::new();
    secret(&ground, 0o600);
    let given = "dummy_secret = { file = \"secrets/token\" }\n";
    for (lines, word) in [
        ("dummy_export_host = { file = \"secrets/token\" }\n", "not secret"),
        ("dummy_secret = { flie = \"secrets/token\" }\n", "{ file = \"PATH\" }"),
        ("dummy_secret = { file = \"secrets/token\", more = 1 }\n", "{ file = \"PATH\" }"),
        ("dummy_secret = { file = 1 }\n", "{ file = \"PATH\" }"),
        ("dummy_secret = { file = \"\" }\n", "{ file = \"PATH\" }"),
        ("dummy_secret = { file = \"secrets/none\" }\n", "secrets/none"),
        (&format!("{given}dummy_export_host = \"$dummy_secret\"\n"), "`$dummy_secret` is secret"),
    ] {
        let said = configured(&ground, lines).fails(2, &["backend", "check"]);
        let option = lines.lines().last().unwrap().split(' ').next().unwrap();
        assert!(said.contains(option) && said.contains(word), "{lines}{said}");
        assert!(said.contains("abaca.toml:"), "{said}");
    }
    configured(&ground, given).json(&["backend", "check"]);
}

#[tokio::test]
async fn a_service_gives_it_by_a_file_too() {
    let ground = Ground::new();
    let options = [
        ("driver_handles_share_servers", OptionValue::Boolean(false)),
        ("dummy_secret", text(CONTENT)),
    ];
    let error = open(&ground, "dummy", &options, super::BTreeMap::new()).await.unwrap_err();
    assert_eq!(error.blame(), Blame::Operator);
    let said = format!("{error} {error:?}");
    assert!(said.contains("dummy_secret") && !said.contains(CONTENT), "{said}");
}
