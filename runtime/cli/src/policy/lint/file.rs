//! The file: INI as Python's `RawConfigParser` reads it for oslo.rootwrap. Names in lower case,
//! the last of two equal ones wins, indented lines go on with the value above, `#` and `;` begin
//! a comment only at the beginning of a line, and `[DEFAULT]` stands in every section.

/// The only section that rootwrap reads.
const SECTION: &str = "Filters";

/// The section whose names stand in every other.
const DEFAULT: &str = "DEFAULT";

/// One filter as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The line where it begins, from 1.
    pub(super) line: usize,
    /// Its name, in lower case.
    pub(super) name: String,
    /// Its words: what stood between commas, without blanks around it.
    pub(super) words: Vec<String>,
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The filters, in the order of the file.
    pub(super) entries: Vec<Entry>,
    /// What rootwrap passes over in silence, or stumbles over.
    pub(super) faults: Vec<String>,
}

/// A name and its value, while lines are read.
struct Setting {
    line: usize,
    indent: usize,
    section: String,
    name: String,
    value: String,
}

pub(super) fn read(text: &str) -> Read {
    let mut read = Read::default();
    let mut section: Option<String> = None;
    let mut settings: Vec<Setting> = Vec::new();
    let mut has_section = false;
    // Whether the last line that was kept belongs to a value, which may go on.
    let mut goes_on = false;
    for (at, raw) in text.lines().enumerate() {
        let line = at + 1;
        let content = raw.trim();
        let indent = raw.len() - raw.trim_start().len();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if let Some(last) = settings.last_mut().filter(|last| goes_on && indent > last.indent) {
            last.value.push('\n');
            last.value.push_str(content);
            continue;
        }
        goes_on = false;
        if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            has_section |= name == SECTION;
            section = Some(name.to_owned());
            continue;
        }
        let Some(section) = section.clone() else {
            read.faults.push(format!("line {line}: no section is begun; rootwrap does not start"));
            continue;
        };
        let Some((name, value)) = content.split_once(['=', ':']) else {
            read.faults.push(format!("line {line}: neither `=` nor `:`; rootwrap does not start"));
            continue;
        };
        goes_on = true;
        let (name, value) = (name.trim().to_lowercase(), value.trim().to_owned());
        settings.push(Setting { line, indent, section, name, value });
    }
    if !has_section {
        read.faults.push(format!("there is no section [{SECTION}]; rootwrap does not start"));
    }
    for (at, Setting { line, section, name, value, .. }) in settings.iter().enumerate() {
        // A name of `[DEFAULT]` counts where the section does not have it.
        let later = settings.iter().skip(at + 1);
        let own = settings.iter().find(|one| one.section == SECTION && one.name == *name);
        let overridden = match section.as_str() {
            SECTION => later.into_iter().find(|one| one.section == SECTION && one.name == *name),
            DEFAULT => own,
            _ => {
                read.faults.push(format!("line {line}: [{section}] is not read"));
                continue;
            }
        };
        if let Some(other) = overridden {
            read.faults.push(format!(
                "line {line}: `{name}` stands in line {} too, and rootwrap uses that one only",
                other.line
            ));
            continue;
        }
        let words = value.split(',').map(|word| word.trim().to_owned()).collect();
        read.entries.push(Entry { line: *line, name: name.clone(), words });
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_rootwrap_reads_it() {
        let read = read(
            "# a comment\n; another\n[Filters]\nChown: CommandFilter, chown, root\n\
             cat = RegExpFilter, cat,\n    root, cat, /proc/(a|b)  # no comment\n\n\
             chown: CommandFilter, /bin/chown, nobody\n",
        );
        let words: Vec<(usize, &str, Vec<&str>)> = read
            .entries
            .iter()
            .map(|one| (one.line, &*one.name, one.words.iter().map(|word| &**word).collect()))
            .collect();
        assert_eq!(
            words,
            [
                (5, "cat", vec!["RegExpFilter", "cat", "root", "cat", "/proc/(a|b)  # no comment"]),
                (8, "chown", vec!["CommandFilter", "/bin/chown", "nobody"]),
            ]
        );
        assert!(read.faults.len() == 1 && read.faults[0].contains("line 4"), "{:?}", read.faults);
    }

    #[test]
    fn what_rootwrap_stumbles_over_is_said() {
        for (text, fault) in [
            ("", "no section [Filters]"),
            ("a: CommandFilter, a, root\n[Filters]\n", "no section is begun"),
            ("[Filters]\nchown\n", "neither `=` nor `:`"),
            ("[filters]\na: CommandFilter, a, root\n", "[filters] is not read"),
        ] {
            let faults = read(text).faults;
            assert!(faults.iter().any(|one| one.contains(fault)), "{text:?}: {faults:?}");
        }
        assert_eq!(read("[DEFAULT]\na: CommandFilter, a, root\n[Filters]\n").entries.len(), 1);
    }
}
