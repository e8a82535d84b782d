//! What a driver asks for stands in its component, is shown as it is, is compared with what the
//! component does, and bounds it.

use std::collections::BTreeMap;
use std::fs;

use abaca::policy::{MANIFEST_BYTES, Manifest, Policy, review};
use abaca::{Limits, Runtime};

use crate::support::components::{MANIFEST, manifest, with_manifest, with_section, written};
use crate::support::{Desk, Ground, load, runtime, share};

/// A manifest of the driver `minimal` that is true: it imports nothing but `log`.
pub const MINIMAL: &str = "schema = 1\ndriver = \"minimal\"\n";

#[test]
fn the_example_policies_are_what_approval_yields() {
    let examples = [
        ("btrfs", "policy"),
        ("btrfs", "policy-two-pools"),
        ("btrfs", "policy-nfs"),
        ("directory", "policy"),
        ("directory", "policy-cifs"),
        ("directory", "policy-nfs"),
        ("dummy", "policy"),
        ("image", "policy"),
        ("lvm", "policy"),
        ("lvm", "policy-cifs"),
        ("lvm", "policy-nfs"),
        ("zfs", "policy"),
    ];
    for (driver, name) in examples {
        let example = format!("{}/../drivers/{driver}/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let example = fs::read_to_string(example).unwrap();
        let policy = Policy::parse(&example, "policy.toml").unwrap();
        let paths: BTreeMap<_, _> =
            policy.roots().map(|root| (root.name.clone(), root.path.clone())).collect();
        let manifest = Manifest::parse(&manifest(driver), "manifest.toml").unwrap();
        let bound = manifest.bind(&paths).unwrap();
        assert_eq!(bound.text, review(&example, "policy.toml").unwrap(), "{driver} {paths:?}");
    }
}

#[tokio::test]
async fn a_component_carries_the_manifest_beside_its_crate() {
    let runtime = runtime(Limits::default());
    for name in ["btrfs", "directory", "dummy", "image", "lvm", "zfs"] {
        let driver = load(&runtime, &format!("abaca-driver-{name}")).await;
        let inspection = driver.inspect();
        assert_eq!(inspection.findings, Vec::<String>::new());
        let beside = Manifest::parse(&manifest(name), "manifest.toml").unwrap();
        let carried = inspection.manifest.unwrap();
        assert_eq!((carried.digest.as_str(), carried.text), (beside.digest(), beside.text()));
    }
    let driver = load(&runtime, "abaca-guest-minimal").await;
    assert!(driver.manifest().is_none() && driver.findings().is_empty());
}

/// What is found between a component and its manifest.
async fn findings(runtime: &Runtime, bytes: Vec<u8>) -> Vec<String> {
    runtime.load_bytes("changed", bytes).await.unwrap().findings()
}

#[tokio::test]
async fn an_import_without_a_need_and_a_need_without_an_import_are_named() {
    let runtime = runtime(Limits::default());
    let minimal = async |more: &str| {
        let text = format!("{MINIMAL}{more}");
        findings(&runtime, with_section("abaca-guest-minimal", MANIFEST, text.as_bytes())).await
    };
    assert_eq!(minimal("").await, Vec::<String>::new());
    for (more, named) in [
        ("[[command]]\nid = \"a\"\nprogram = \"/bin/true\"\nargs = []\n", "`command`"),
        ("[needs]\nstate = \"1KiB\"\n", "`state`"),
        ("[needs.remotes.filer]\npurpose = \"x\"\n", "`ssh`"),
        ("[needs.origins.filer]\npurpose = \"x\"\n", "`http`"),
        ("[needs.networks.user]\npurpose = \"x\"\n", "`network`"),
        ("[needs.options.minimal_size]\npurpose = \"x\"\n", "`minimal_size`"),
    ] {
        let found = minimal(more).await;
        assert!(matches!(found.as_slice(), [one] if one.contains(named)), "{more}: {found:?}");
    }
    let other = with_section("abaca-guest-minimal", MANIFEST, b"schema = 1\ndriver = \"other\"\n");
    assert_eq!(findings(&runtime, other).await.len(), 1);
    // All rules and needs gone: each import that needs one is named, and each option.
    let bare = with_manifest("directory", |_| "schema = 1\ndriver = \"directory\"\n".to_owned());
    let found = findings(&runtime, bare).await.join("\n");
    for named in ["`command`", "`files`", "`state`", "`directory_mode`"] {
        assert!(found.contains(named), "{named}: {found}");
    }
    let open = with_manifest("dummy", |text| text.replace("secret = true\n", ""));
    let found = findings(&runtime, open).await.join("\n");
    assert!(found.contains("secret option `dummy_secret`"), "{found}");
}

#[test]
fn inspect_shows_manifest_and_findings_and_such_a_driver_is_not_run() {
    let ground = Ground::new();
    let bytes = with_manifest("dummy", |text| text.replace("state = \"16MiB\"\n", ""));
    let file = written(&ground, "untrue.wasm", &bytes);
    ground.write("untrue.policy.toml", "schema = 1\ndriver = \"dummy\"\n");
    let desk = Desk::with(&ground, &Desk::text(&ground, "untrue", &file));
    let file = file.to_str().unwrap();
    let shown = desk.run(&["driver", "inspect", file]).stdout;
    assert!(shown.contains("[needs.networks.user]"), "{shown}");
    assert!(shown.contains("it imports `state`, and the manifest has no"), "{shown}");
    let document = desk.json(&["driver", "inspect", file]);
    assert_eq!(document["findings"].as_array().unwrap().len(), 1, "{document}");
    let text = desk.fails(2, &["backend", "check"]);
    assert!(text.contains("manifest") && text.contains("`state`"), "{text}");
    assert!(ground.audit("untrue").is_empty(), "it was called");
}

#[tokio::test]
async fn a_manifest_that_hides_something_is_refused() {
    let runtime = runtime(Limits::default());
    let own = manifest("directory");
    let long = format!("{MINIMAL}# {}", "x".repeat(MANIFEST_BYTES));
    let minimal = |data: &[u8]| with_section("abaca-guest-minimal", MANIFEST, data);
    for (bytes, why) in [
        (with_section("abaca-driver-directory", MANIFEST, own.as_bytes()), "more than one"),
        (minimal(long.as_bytes()), "longer than 256 KiB"),
        (minimal(b"schema = 1\ndriver = \"minimal\xff\"\n"), "not UTF-8"),
        (minimal(format!("{MINIMAL}\0[[command]]").as_bytes()), "invisible"),
        (minimal(format!("{MINIMAL}{MINIMAL}").as_bytes()), "not TOML"),
        (minimal(format!("\u{feff}{MINIMAL}").as_bytes()), "invisible"),
    ] {
        let error = runtime.load_bytes("hiding", bytes).await.unwrap_err().to_string();
        assert!(error.contains(why), "{why}: {error}");
    }
}

#[tokio::test]
async fn a_driver_gets_no_more_than_it_needs() {
    let runtime = runtime(Limits::default());
    let ground = Ground::new();
    let bytes = with_manifest("dummy", |text| text.replace("16MiB", "64B"));
    let driver = runtime.load_bytes("small", bytes).await.unwrap();
    let backend = ground.backend("small", driver, "schema = 1\ndriver = \"dummy\"\n", &[]).await;
    let error = backend.create_share(&share("one", 1), None).await.unwrap_err().to_string();
    assert!(error.contains("64") && error.contains("state"), "{error}");
    // As much as it needs, it gets.
    let driver = load(&runtime, "abaca-driver-dummy").await;
    let backend = ground.backend("large", driver, "schema = 1\ndriver = \"dummy\"\n", &[]).await;
    backend.create_share(&share("one", 1), None).await.unwrap();
}
