//! What the tests stand on: the component that was built, on a stage with the array of `stage.toml`.

use std::path::{Path, PathBuf};

use abaca::testing::{Stage, StageBuilder};
use abaca::{Driver, Runtime};

/// What the build makes.
const COMPONENT: &str = "abaca_driver_driver_name.wasm";

/// A file of the driver's crate.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// The driver, loaded as a service loads it.
pub async fn driver() -> Driver {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).expect("tests are built into TARGET/debug/deps");
    let component = target.join("wasm32-unknown-unknown/component").join(COMPONENT);
    assert!(component.is_file(), "{} is missing: run `just build`", component.display());
    let checkout = PathBuf::from(std::env::var_os("ABACA_CHECKOUT").expect("cargo sets it"));
    let compiler = checkout.join("target/debug/abaca-compiler");
    assert!(compiler.is_file(), "{} is missing: run `just build` there", compiler.display());
    let runtime = Runtime::builder().compiler(compiler).build().unwrap();
    runtime.load(component).await.unwrap()
}

/// A stage that is not made yet: an option or two may follow.
pub fn stage(driver: &Driver) -> StageBuilder<'_> {
    Stage::builder(driver).script_file(file("stage.toml"))
}
