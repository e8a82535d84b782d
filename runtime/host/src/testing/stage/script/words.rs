//! The words of a script: patterns with holes that a program's words fit, and texts that are filled
//! with what the holes hold. Called by `script` and its deeds; it knows no storage.

use super::Holes;

/// Any more words.
pub(super) const REST: &str = "...";

/// A text with what its holes hold; one that holds nothing stays as it is.
pub(super) fn filled(text: &str, holes: &Holes) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        match after.split_once('}').and_then(|(name, after)| Some((holes.get(name)?, after))) {
            Some((value, after)) => {
                filled.push_str(value);
                rest = after;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled + rest
}

/// A text without the holes that nothing filled. Other braces stay: the text may be JSON.
pub(super) fn emptied(text: &str) -> String {
    let mut parts = text.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| match part.split_once('}') {
        Some((name, rest)) if is_hole(name) => text + rest,
        _ => text + "{" + part,
    })
}

/// Whether what stands in braces is the name of a hole.
fn is_hole(name: &str) -> bool {
    let is_of_a_name = |one: char| one.is_ascii_lowercase() || matches!(one, '-' | '_');
    !name.is_empty() && name.chars().all(is_of_a_name)
}

/// Cells that tabs separate, each beneath those of its column, with two blanks between.
pub(super) fn in_columns(text: &str) -> String {
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let line = |row: &Vec<&str>| {
        let cells = row.iter().enumerate().map(|(at, cell)| format!("{cell:<0$}", width(at)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// Whether words fit a pattern, and what its holes hold then. A hole that comes twice holds the same.
pub(super) fn fits(pattern: &[String], words: &[String], holes: &mut Holes) -> bool {
    let Some((first, patterns)) = pattern.split_first() else { return words.is_empty() };
    if first == REST {
        return (0..=words.len()).any(|skipped| {
            let mut tried = holes.clone();
            let rest = words.get(skipped..).unwrap_or_default();
            let fit = fits(patterns, rest, &mut tried);
            if fit {
                *holes = tried;
            }
            fit
        });
    }
    let Some((word, words)) = words.split_first() else { return false };
    word_fits(first, word, holes) && fits(patterns, words, holes)
}

/// Whether a word fits one of a pattern: what stands between holes must be there, and no hole is
/// empty.
fn word_fits(pattern: &str, word: &str, holes: &mut Holes) -> bool {
    let Some((before, after)) = pattern.split_once('{') else { return pattern == word };
    let Some((name, pattern)) = after.split_once('}') else { return pattern == word };
    let Some(word) = word.strip_prefix(before) else { return false };
    let ends = word.char_indices().map(|(at, one)| at + one.len_utf8());
    for end in ends {
        let (Some(value), Some(rest)) = (word.get(..end), word.get(end..)) else { return false };
        let mut tried = holes.clone();
        let there = tried.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        if there == value && word_fits(pattern, rest, &mut tried) {
            *holes = tried;
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holes(pattern: &[&str], words: &[&str]) -> Option<Vec<String>> {
        let own = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut holes = Holes::new();
        fits(&own(pattern), &own(words), &mut holes)
            .then(|| holes.into_iter().map(|(name, text)| format!("{name}={text}")).collect())
    }

    #[test]
    fn words_fit_one_by_one_and_holes_are_never_empty() {
        assert_eq!(holes(&["cp", "--", "a"], &["cp", "--", "a"]), Some(vec![]));
        for words in [&["cp", "--"][..], &["cp", "--", "b"], &["cp", "--", "a", "b"]] {
            assert_eq!(holes(&["cp", "--", "a"], words), None, "{words:?}");
        }
        assert_eq!(holes(&["mk", "{size}G"], &["mk", "5G"]).unwrap(), ["size=5"]);
        assert_eq!(holes(&["mk", "{size}G"], &["mk", "G"]), None);
        assert_eq!(holes(&["mv", "{a}", "{a}.old"], &["mv", "x", "x.old"]).unwrap(), ["a=x"]);
        assert_eq!(holes(&["mv", "{a}", "{a}.old"], &["mv", "x", "y.old"]), None);
    }

    #[test]
    fn braces_that_are_no_hole_stay() {
        let holes = Holes::from([("name".to_owned(), "a".to_owned())]);
        let text = "[{\"name\": \"{name}\", \"tag\": \"{tag}\"}, {}]";
        let text = emptied(&filled(text, &holes));
        assert_eq!(text, "[{\"name\": \"a\", \"tag\": \"\"}, {}]");
    }

    #[test]
    fn cells_stand_beneath_each_other() {
        assert_eq!(
            in_columns("NAME\tSIZE\na-long-one\t1\nb\t22\n"),
            "NAME        SIZE\na-long-one  1\nb           22\n"
        );
        assert_eq!(in_columns(""), "");
    }

    #[test]
    fn any_more_words_may_stand_anywhere() {
        let pattern = ["cp", "...", "--", "{from}", "{to}"];
        assert_eq!(holes(&pattern, &["cp", "-a", "--", "x", "y"]).unwrap(), ["from=x", "to=y"]);
        assert_eq!(holes(&pattern, &["cp", "--", "x", "y"]).unwrap(), ["from=x", "to=y"]);
        assert_eq!(holes(&pattern, &["cp", "--", "x"]), None);
        assert_eq!(holes(&["df", "..."], &["df"]), Some(vec![]));
    }
}
