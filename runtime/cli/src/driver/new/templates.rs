//! The files that a new driver begins with: they are kept as they are written, in `template/`, but for
//! three words. Called by `new`.

/// What stands for the driver's name.
const NAME: &str = "driver-name";

/// The same where no `-` may stand: in options and in the names of files that are built.
const IDENTIFIER: &str = "driver_name";

/// What stands for the checkout's path.
const CHECKOUT: &str = "/path/to/abaca";

/// Each file, by its place.
macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("template/", $name)))),*]
    };
}

/// All of them.
pub const TEMPLATES: &[(&str, &str)] = templates![
    ".cargo/config.toml",
    ".gitignore",
    "Cargo.toml",
    "README.md",
    "clippy.toml",
    "component-tests/Cargo.toml",
    "component-tests/src/lifecycle.rs",
    "component-tests/src/main.rs",
    "component-tests/src/stage.rs",
    "component-tests/src/transcript.rs",
    "justfile",
    "manifest.toml",
    "src/access.rs",
    "src/answers.rs",
    "src/array.rs",
    "src/backend.rs",
    "src/extending.rs",
    "src/lib.rs",
    "src/shares.rs",
    "src/shrinking.rs",
    "src/snapshots.rs",
    "src/tests.rs",
    "stage.toml",
    "transcripts/lifecycle.jsonl",
];

/// A template with the words of one driver.
pub fn filled(template: &str, name: &str, checkout: &str) -> String {
    // The path last: nothing in it is a word of ours.
    let text = template.replace(NAME, name).replace(IDENTIFIER, &name.replace('-', "_"));
    text.replace(CHECKOUT, checkout)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "it looks at the sources")]
    fn every_file_beside_them_is_one() {
        fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, found) } else { found.push(path) }
            }
        }
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/driver/new/template");
        let mut found = Vec::new();
        walk(&directory, &mut found);
        let mut names: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(&directory).unwrap().to_str().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, TEMPLATES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_of_the_templates_words_is_left() {
        for (file, template) in TEMPLATES {
            let text = filled(template, "my-array", "/somewhere");
            for word in [NAME, IDENTIFIER, CHECKOUT] {
                assert!(!text.contains(word), "{file} has {word}");
            }
        }
    }
}
