//! Edits of a text at places that the parser has told: replacements and cuts, done all at once.

use std::ops::Range;

use toml::de::DeTable;

use crate::load::fields::Value;

/// A text and what is to become of it.
pub(super) struct Edits<'s> {
    source: &'s str,
    /// Places, and what is to stand there.
    edits: Vec<(Range<usize>, String)>,
}

impl<'s> Edits<'s> {
    pub(super) fn new(source: &'s str) -> Edits<'s> {
        Edits { source, edits: Vec::new() }
    }

    /// Whether a place is cut out.
    pub(super) fn is_gone(&self, place: &Range<usize>) -> bool {
        let holds = |outer: &Range<usize>| outer.start <= place.start && place.end <= outer.end;
        self.edits.iter().any(|(outer, text)| text.is_empty() && holds(outer))
    }

    /// Puts this text in a place.
    pub(super) fn replace(&mut self, place: Range<usize>, text: impl Into<String>) {
        self.edits.push((place, text.into()));
    }

    /// Puts a list of words in a place.
    pub(super) fn replace_list<'w>(
        &mut self,
        place: Range<usize>,
        words: impl IntoIterator<Item = &'w str>,
    ) {
        self.replace(place, list(words));
    }

    /// Takes an element out of a list.
    pub(super) fn remove(&mut self, list: &[Value<'_>], at: usize) {
        let place = |at: usize| list.get(at).map(Value::span);
        let Some(own) = place(at) else { return };
        let before = at.checked_sub(1).and_then(place);
        let range = match (before, place(at + 1)) {
            (_, Some(next)) => own.start..next.start,
            (Some(before), None) => before.end..own.end,
            (None, None) => own,
        };
        self.replace(range, "");
    }

    /// Cuts a table with its header, and the comment right above it. None if the header is not
    /// found where it is usually written.
    pub(super) fn cut(&mut self, table: &DeTable<'_>) -> Option<()> {
        let mut content: Option<Range<usize>> = None;
        extent(table, &mut content);
        let content = content?;
        // Up to the header, past comments that stand within.
        let mut start = line_start(self.source, content.start);
        loop {
            let above = line_start(self.source, start.checked_sub(1)?);
            let line = self.source.get(above..start)?.trim();
            start = above;
            if line.starts_with('[') {
                break;
            }
            if !line.is_empty() && !line.starts_with('#') {
                return None;
            }
        }
        // The comment above it is about it.
        while let Some(above) = start.checked_sub(1).map(|end| line_start(self.source, end)) {
            if !self.source.get(above..start)?.trim_start().starts_with('#') {
                break;
            }
            start = above;
        }
        let rest = self.source.get(content.end..)?;
        let line_end = rest.find('\n').map_or(self.source.len(), |at| content.end + at + 1);
        let tail = self.source.get(content.end..line_end)?.trim();
        if !tail.is_empty() && !tail.starts_with('#') {
            return None;
        }
        let after = self.source.get(line_end..)?;
        let blank = after.len() - after.trim_start_matches(['\n', '\r']).len();
        self.replace(start..line_end + blank, "");
        Some(())
    }

    /// The text with all edits made. Of two that meet, both places go, and the first text stays.
    pub(super) fn done(mut self) -> String {
        self.edits.sort_by_key(|(place, _)| (place.start, std::cmp::Reverse(place.end)));
        let mut text = String::with_capacity(self.source.len());
        let mut at = 0;
        for (place, replacement) in self.edits {
            if let Some(untouched) = self.source.get(at..place.start) {
                text.push_str(untouched);
                text.push_str(&replacement);
            }
            at = at.max(place.end);
        }
        text.push_str(self.source.get(at..).unwrap_or_default());
        text
    }
}

/// A list of words as the policy file writes it.
pub(super) fn list<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let words: Vec<_> = words.into_iter().map(quoted).collect();
    format!("[{}]", words.join(", "))
}

/// A word as the policy file writes it. Words have no controls.
pub(super) fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

fn line_start(source: &str, at: usize) -> usize {
    source.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// From the first key of a table to the end of its last value.
fn extent(table: &DeTable<'_>, content: &mut Option<Range<usize>>) {
    for (key, value) in table {
        let (start, end) = (key.span().start, value.span().end);
        *content = Some(match content.take() {
            None => start..end,
            Some(so_far) => so_far.start.min(start)..so_far.end.max(end),
        });
    }
}
