//! A mutant's patch: what its author did wrong, the checks that find it, and a unified diff. Applied
//! here, strictly, so that no program is needed for it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What stands before the name of a check in the head.
const CAUGHT_BY: &str = "caught-by: ";

/// See above.
pub struct Patch {
    /// The file's name.
    pub name: String,
    /// The checks that must fail.
    pub caught_by: Vec<String>,
    text: String,
}

impl Patch {
    /// Reads it.
    pub fn read(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        assert_eq!(file.extension().unwrap(), "patch", "{}", file.display());
        let head: Vec<_> = text.lines().take_while(|line| !line.starts_with("--- ")).collect();
        let named = head.iter().filter_map(|line| line.strip_prefix(CAUGHT_BY));
        let caught_by: Vec<_> = named.map(str::to_owned).collect();
        assert!(!caught_by.is_empty(), "{name}: no line `{CAUGHT_BY}CHECK` says what finds it");
        let is_said = head.first().is_some_and(|line| !line.is_empty());
        assert!(is_said && !head[0].starts_with(CAUGHT_BY), "{name}: what is wrong is not said");
        Self { name, caught_by, text }
    }

    /// Changes the files of a crate, which are called by their paths below `prefix`.
    ///
    /// What a hunk takes away, with the lines about it, must be in its file exactly once; where it
    /// is may have moved.
    pub fn apply(&self, prefix: &str, files: &mut BTreeMap<String, String>) -> Result<(), String> {
        let mut lines = self.text.lines().peekable();
        let mut file = None;
        let mut hunks = 0;
        while let Some(line) = lines.next() {
            if let Some(path) = line.strip_prefix("+++ b/") {
                file = path.strip_prefix(prefix);
                file.ok_or_else(|| format!("{path} is not beneath {prefix}"))?;
            }
            if !line.starts_with("@@ ") {
                continue;
            }
            let (mut old, mut new) = (String::new(), String::new());
            while let Some(line) = lines.next_if(|line| !line.starts_with(['@', 'd'])) {
                // A file's first line, and not a line that begins with `--`.
                if line.starts_with("--- a/") {
                    break;
                }
                // Editors take the space from the end of an empty line.
                let (sign, rest) = line.split_at_checked(1).unwrap_or((line, ""));
                let rest = format!("{rest}\n");
                match sign {
                    " " | "" => {
                        old += &rest;
                        new += &rest;
                    }
                    "-" => old += &rest,
                    "+" => new += &rest,
                    _ => return Err(format!("{line:?} is no line of a diff")),
                }
            }
            let file = file.ok_or("a hunk stands before the name of its file")?;
            let text = files.get_mut(file).ok_or_else(|| format!("there is no {file}"))?;
            *text = replaced(text, &old, &new).map_err(|reason| format!("{file}: {reason}"))?;
            hunks += 1;
        }
        match hunks {
            0 => Err("it changes nothing".to_owned()),
            _ => Ok(()),
        }
    }
}

/// A text with some whole lines of it replaced, which are in it once.
fn replaced(text: &str, old: &str, new: &str) -> Result<String, String> {
    let begins = |at: &usize| *at == 0 || text.as_bytes()[at - 1] == b'\n';
    let found: Vec<_> = text.match_indices(old).map(|(at, _)| at).filter(begins).collect();
    match found[..] {
        [at] if !old.is_empty() => {
            let (before, rest) = text.split_at(at);
            Ok([before, new, rest.strip_prefix(old).unwrap_or_default()].concat())
        }
        _ => Err(format!("these lines are there {} times, not once:\n{old}", found.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "one\ntwo\nthree\n\nfour\n";

    fn applied(diff: &str) -> Result<BTreeMap<String, String>, String> {
        let text = format!("Something is wrong.\ncaught-by: a/b\n\n{diff}");
        let patch = Patch { name: "wrong".to_owned(), caught_by: Vec::new(), text };
        let mut files = BTreeMap::from(["a.rs", "b.rs"].map(|file| (file.into(), FILE.into())));
        patch.apply("drivers/x/", &mut files).map(|()| files)
    }

    #[test]
    fn hunks_of_several_files_are_applied_wherever_their_lines_are() {
        let files = applied(
            "--- a/drivers/x/a.rs\n+++ b/drivers/x/a.rs\n@@ -9,3 +9,3 @@\n one\n-two\n+2\n three\n\
             @@ -20,1 +20,2 @@ somewhere\n \n four\n+five\n\
             --- a/drivers/x/b.rs\n+++ b/drivers/x/b.rs\n@@ -1,2 +1,1 @@\n-one\n two\n",
        );
        let files = files.unwrap();
        assert_eq!(files["a.rs"], "one\n2\nthree\n\nfour\nfive\n");
        assert_eq!(files["b.rs"], "two\nthree\n\nfour\n");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let head = "--- a/drivers/x/a.rs\n+++ b/drivers/x/a.rs\n@@ -1,1 +1,1 @@\n";
        for diff in [
            "",
            "--- a/drivers/y/a.rs\n+++ b/drivers/y/a.rs\n@@ -1,1 +1,0 @@\n-one\n",
            "--- a/drivers/x/c.rs\n+++ b/drivers/x/c.rs\n@@ -1,1 +1,0 @@\n-one\n",
            "@@ -1,1 +1,0 @@\n-one\n",
            &format!("{head}-1\n"),
            &format!("{head}-ne\n"),
            &format!("{head}+new\n"),
            &format!("{head}*one\n"),
        ] {
            assert!(applied(diff).is_err(), "{diff}");
        }
    }
}
