//! What the templates' tests stand on, in the place of their own `stage.rs`: the same functions, for a
//! driver that is generated and built once for all tests, with what this workspace has compiled.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use abaca::testing::{Stage, StageBuilder};
use abaca::{Driver, Runtime};

use super::{abaca, files};
use crate::support::{built, programs};

/// The driver's name: what stands in the templates.
const NAME: &str = "driver-name";

/// What cargo changes in what was generated.
const LOCK: &str = "Cargo.lock";

/// Where this workspace is.
pub fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Runs cargo, without a network, on a driver that was generated; what it writes to standard output.
pub fn cargo(directory: &Path, words: &[&str]) -> String {
    let target = programs().parent().unwrap().to_owned();
    #[expect(clippy::disallowed_methods, reason = "what is generated is built by cargo")]
    let mut command = std::process::Command::new("cargo");
    command.args(words).arg("--offline").env("CARGO_TARGET_DIR", target).current_dir(directory);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {words:?} in {}: {told}", directory.display());
    String::from_utf8(output.stdout).unwrap()
}

/// A driver of this name as it is generated and then changed, with its component built. Tests are
/// processes of their own: the first one does it, and cargo finds it done for all others.
pub fn generated(name: &str, change: impl FnOnce(&Path)) -> PathBuf {
    let within = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("driver-new-{name}"));
    fs::create_dir_all(&within).unwrap();
    let alone = fs::File::create(within.join("lock")).unwrap();
    alone.lock().unwrap();
    let (place, fresh) = (within.join(name), within.join("fresh"));
    let _ = fs::remove_dir_all(&fresh);
    let answer = abaca(&within, &["driver", "new", name, "--directory", "fresh"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    change(&fresh);
    // What is the same stays, and is not compiled again.
    let sources = |directory: &Path| {
        let mut files = files(directory);
        files.remove(LOCK);
        files
    };
    if !place.is_dir() || sources(&place) != sources(&fresh) {
        let _ = fs::remove_dir_all(&place);
        fs::rename(&fresh, &place).unwrap();
    }
    cargo(&place, &["build", "--target", "wasm32-unknown-unknown", "--profile", "component"]);
    place
}

/// The component of a driver of this name.
pub fn component_of(name: &str) -> PathBuf {
    let file = format!("abaca_driver_{}.wasm", name.replace('-', "_"));
    let target = programs().parent().unwrap().to_owned();
    target.join("wasm32-unknown-unknown/component").join(file)
}

/// The driver as it is generated.
pub fn made() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| generated(NAME, |_| {}))
}

/// Its component.
pub fn component() -> PathBuf {
    made();
    component_of(NAME)
}

/// A file of the driver's crate.
pub fn file(name: &str) -> PathBuf {
    made().join(name)
}

/// The driver, loaded.
pub async fn driver() -> Driver {
    built(Runtime::builder()).load(component()).await.unwrap()
}

/// A stage that is not made yet.
pub fn stage(driver: &Driver) -> StageBuilder<'_> {
    Stage::builder(driver).script_file(file("stage.toml"))
}
