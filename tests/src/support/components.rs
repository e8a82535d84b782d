//! Components that differ from those that were built: with another manifest, or only with another
//! digest.

use std::fs;
use std::path::PathBuf;

use super::{Ground, component};

/// The section of a component that has its manifest.
pub const MANIFEST: &str = "abaca:manifest";

/// The text of a driver's manifest, as it stands beside its crate.
pub fn manifest(driver: &str) -> String {
    fs::read_to_string(format!("{}/../drivers/{driver}/manifest.toml", env!("CARGO_MANIFEST_DIR")))
        .unwrap()
}

/// A driver of ours with one more section at its end.
pub fn with_section(crate_name: &str, name: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = fs::read(component(crate_name)).unwrap();
    bytes.extend(section(name, data));
    bytes
}

/// A driver of ours, `directory` or `dummy`, with another manifest in place of its own. The new
/// one must not be longer than the old one with its comments is.
pub fn with_manifest(driver: &str, change: impl FnOnce(String) -> String) -> Vec<u8> {
    let own = manifest(driver);
    let mut bytes = fs::read(component(&format!("abaca-driver-{driver}"))).unwrap();
    let at = bytes.windows(own.len()).position(|window| window == own.as_bytes());
    let at = at.expect("the component has the manifest that stands beside its crate");
    let plain: String =
        own.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    let mut text = change(plain);
    assert!(text.len() <= own.len(), "{} bytes are too many by {}", text.len(), own.len());
    text.extend(std::iter::repeat_n('\n', own.len() - text.len()));
    bytes[at..at + own.len()].copy_from_slice(text.as_bytes());
    bytes
}

/// Writes a component into a ground.
pub fn written(ground: &Ground, name: &str, bytes: &[u8]) -> PathBuf {
    let path = ground.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// A custom section as WebAssembly has it: 0, its length, its name's length, its name, its data.
fn section(name: &str, data: &[u8]) -> Vec<u8> {
    let mut contents = leb128(name.len());
    contents.extend(name.as_bytes());
    contents.extend(data);
    let mut section = vec![0];
    section.extend(leb128(contents.len()));
    section.extend(contents);
    section
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7F).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
