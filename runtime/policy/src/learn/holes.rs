//! One rule: each element of its `args` or `content`, and each matcher in them, narrowed to what
//! was seen.

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

use crate::learn::edits::{Edits, list, quoted};
use crate::learn::names::Names;
use crate::learn::seen::{FilesUses, MountUses, TemplateUses};
use crate::learn::{TYPE_KEYS, words_at};
use crate::load::fields::Value;
use crate::matcher::KINDS;
use crate::matcher::cidr::{ends_in, network_of};
use crate::network::Network;
use crate::units::show_size;

/// The most networks that a narrowed `within` lists: more were not chosen one by one.
const MAX_NETWORKS: usize = 16;

/// Narrows a command rule.
pub(super) fn command(
    table: &DeTable<'_>,
    uses: &TemplateUses,
    edits: &mut Edits<'_>,
    names: &mut Names,
) {
    template(table, "args", uses, edits, names);
}

/// Narrows what a files rule says of the content of files.
pub(super) fn content(
    table: &DeTable<'_>,
    uses: &TemplateUses,
    edits: &mut Edits<'_>,
    names: &mut Names,
) {
    template(table, "content", uses, edits, names);
}

fn template(
    table: &DeTable<'_>,
    key: &str,
    uses: &TemplateUses,
    edits: &mut Edits<'_>,
    names: &mut Names,
) {
    if let Some(accepts) = table.get("accepts") {
        let examples = uses.examples.iter().map(|line| list(line.iter().map(String::as_str)));
        edits.replace(accepts.span(), format!("[{}]", examples.collect::<Vec<_>>().join(", ")));
    }
    let Some(args) = table.get(key).and_then(|list| list.get_ref().as_array()) else { return };
    let mut step = 0;
    for (at, element) in args.iter().enumerate() {
        let shape = Shape::of(element);
        let run = step..step + shape.width * shape.times;
        step = run.end;
        // How often the element stood in each line.
        let times = |line: &BTreeSet<usize>| {
            line.range(run.clone()).filter(|taken| (**taken - run.start) % shape.width == 0).count()
        };
        let least = uses.steps.iter().map(times).min().unwrap_or_default();
        let most = uses.steps.iter().map(times).max().unwrap_or_default();
        if most == 0 {
            edits.remove(args, at);
            continue;
        }
        shape.narrow_presence(element, least, most, edits);
        // The word that is narrowed is the last of the element's: a flag comes before it.
        let mut holes: Vec<BTreeSet<String>> = Vec::new();
        for (_, values) in uses
            .values
            .range(run.clone())
            .filter(|(taken, _)| (**taken - run.start) % shape.width == shape.width - 1)
        {
            holes.resize_with(values.len().max(holes.len()), BTreeSet::new);
            for (hole, seen) in holes.iter_mut().zip(values) {
                hole.extend(seen.iter().cloned());
            }
        }
        if let Some(word) = shape.word {
            matcher(word, &mut holes.iter(), edits, names);
        }
    }
}

/// How an element of `args` is laid out in steps, as the template's loader does.
struct Shape<'v, 'i> {
    /// Its matcher.
    word: Option<&'v Value<'i>>,
    /// How many words it is.
    width: usize,
    /// How often it may stand.
    times: usize,
}

impl<'v, 'i> Shape<'v, 'i> {
    fn of(element: &'v Value<'i>) -> Shape<'v, 'i> {
        let of = |key: &str| element.get_ref().as_table().and_then(|table| table.get(key));
        if of("flag").is_some() {
            return Shape { word: of("value"), width: 2, times: 1 };
        }
        if let Some(word) = of("optional") {
            return Shape { word: Some(word), width: 1, times: 1 };
        }
        if let Some(repeated) = of("repeat") {
            let inner = Shape::of(repeated);
            return Shape { times: of("max").and_then(number).unwrap_or(1), ..inner };
        }
        Shape { word: Some(element), width: 1, times: 1 }
    }

    /// Narrows how often the element may stand, or be absent.
    fn narrow_presence(
        &self,
        element: &Value<'_>,
        least: usize,
        most: usize,
        edits: &mut Edits<'_>,
    ) {
        let Some(table) = element.get_ref().as_table() else { return };
        if table.contains_key("repeat") {
            for (key, times) in [("min", least), ("max", most)] {
                if let Some(bound) = table.get(key) {
                    edits.replace(bound.span(), times.to_string());
                }
            }
        } else if least > 0
            && let Some(optional) = table.get("optional")
        {
            if table.contains_key("flag") {
                edits.replace(optional.span(), "false");
            } else {
                // What is always there is no optional word.
                let (outer, inner) = (element.span(), optional.span());
                edits.replace(outer.start..inner.start, "");
                edits.replace(inner.end..outer.end, "");
            }
        }
    }
}

fn number(value: &Value<'_>) -> Option<usize> {
    let number = value.get_ref().as_integer()?;
    usize::from_str_radix(number.as_str(), number.radix()).ok()
}

/// Narrows one matcher. Each takes as many holes as it has: a text none, a `concat` those of its
/// parts, all others one.
fn matcher<'h>(
    value: &Value<'_>,
    holes: &mut impl Iterator<Item = &'h BTreeSet<String>>,
    edits: &mut Edits<'_>,
    names: &mut Names,
) {
    let kinds = value.get_ref().as_table().and_then(|table| {
        KINDS.into_iter().find_map(|kind| table.get(kind).map(|inner| (kind, inner)))
    });
    let Some((kind, inner)) = kinds else { return };
    if kind == "concat" {
        for part in inner.get_ref().as_array().into_iter().flatten() {
            if part.get_ref().as_table().is_some() {
                matcher(part, holes, edits, names);
            }
        }
        return;
    }
    let Some(seen) = holes.next().filter(|seen| !seen.is_empty()) else { return };
    let keys = inner.get_ref().as_table();
    let of = |key: &str| keys.and_then(|keys| keys.get(key));
    let mut bounds = |seen: Vec<u64>, shown: &dyn Fn(u64) -> String| {
        for (key, bound) in [("min", seen.iter().min()), ("max", seen.iter().max())] {
            if let (Some(place), Some(bound)) = (of(key), bound) {
                edits.replace(place.span(), shown(*bound));
            }
        }
    };
    let digits = |text: &String| text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok();
    match kind {
        "int" | "percent" => bounds(seen.iter().filter_map(digits).collect(), &|n| n.to_string()),
        "size" => bounds(seen.iter().filter_map(digits).collect(), &|n| quoted(&show_size(n))),
        "mode" => {
            let bits = seen.iter().filter_map(|mode| u16::from_str_radix(mode, 8).ok());
            let mask = bits.fold(0, |mask, bits| mask | bits);
            if let Some(place) = of("mask") {
                edits.replace(place.span(), format!("\"{mask:04o}\""));
            }
        }
        "one-of" => edits.replace_list(inner.span(), seen.iter().map(String::as_str)),
        "csv" => edits.replace(inner.span(), csv(seen)),
        "ip" | "cidr" => networks(kind, inner, seen, edits),
        "name" => names.saw(inner, seen.iter().map(String::as_str)),
        "path" => {
            names.saw_at(of("name"), seen.iter().filter_map(|path| path.rsplit(['/', ':']).next()));
            names.saw_at(of("parent"), seen.iter().filter_map(|p| p.rsplit(['/', ':']).nth(1)));
        }
        "device" => {
            names.saw_at(of("name"), seen.iter().filter_map(|path| path.rsplit('/').next()));
        }
        "dataset" => {
            let last = || seen.iter().filter_map(|path| path.rsplit('/').next());
            names.saw_at(of("name"), last().filter_map(|last| last.split('@').next()));
            names.saw_at(of("snapshot"), last().filter_map(|last| Some(last.split_once('@')?.1)));
        }
        _ => {}
    }
}

/// What stood in every list must be there, what stood in some may.
fn csv(seen: &BTreeSet<String>) -> String {
    let lists: Vec<BTreeSet<&str>> = seen.iter().map(|list| list.split(',').collect()).collect();
    let all: BTreeSet<&str> = lists.iter().flatten().copied().collect();
    let (must, any): (Vec<&str>, Vec<&str>) =
        all.into_iter().partition(|word| lists.iter().all(|list| list.contains(word)));
    format!("{{ must = {}, any = {} }}", list(must), list(any))
}

/// The addresses or networks that were seen, if they are few; of a list, what they end in.
fn networks(kind: &str, inner: &Value<'_>, seen: &BTreeSet<String>, edits: &mut Edits<'_>) {
    let of = |key: &str| inner.get_ref().as_table().and_then(|keys| keys.get(key));
    if let Some(separator) = of("list") {
        if let Some((separator, suffixes)) = separator.get_ref().as_str().zip(of("suffix")) {
            narrow_suffixes(suffixes, separator, seen, edits);
        }
        return;
    }
    if seen.len() > MAX_NETWORKS {
        return;
    }
    let read = |text: &String| match kind {
        "ip" => Network::of_one(text.parse().ok()?),
        _ => network_of(text),
    };
    let Some(networks) = seen.iter().map(read).collect::<Option<Vec<_>>>() else { return };
    let shown: BTreeSet<String> = networks.iter().map(Network::to_string).collect();
    let within = list(shown.iter().map(String::as_str));
    if kind == "ip" {
        edits.replace(inner.span(), format!("{{ within = {within} }}"));
        return;
    }
    let prefixes = || networks.iter().map(|network| network.prefix());
    let (min, max) = (prefixes().min().unwrap_or_default(), prefixes().max().unwrap_or_default());
    let form = of("form").and_then(|form| form.get_ref().as_str());
    let form = form.map(|form| format!(", form = {}", quoted(form))).unwrap_or_default();
    let bounds = format!("min-prefix = {min}, max-prefix = {max}");
    edits.replace(inner.span(), format!("{{ within = {within}, {bounds}{form} }}"));
}

/// Keeps the suffixes that a client of a list was seen with.
fn narrow_suffixes(
    suffixes: &Value<'_>,
    separator: &str,
    seen: &BTreeSet<String>,
    edits: &mut Edits<'_>,
) {
    let clients = || seen.iter().flat_map(|list| list.split(separator));
    let all = suffixes.get_ref().as_array().into_iter().flatten();
    let all = all.filter_map(|suffix| suffix.get_ref().as_str());
    let kept = all.filter(|suffix| clients().any(|client| ends_in(client, suffix)));
    edits.replace_list(suffixes.span(), kept);
}

/// Narrows a files rule.
pub(super) fn files(
    table: &DeTable<'_>,
    uses: &FilesUses,
    edits: &mut Edits<'_>,
    names: &mut Names,
) {
    if let Some(DeValue::Array(verbs)) = table.get("verbs").map(toml::Spanned::get_ref) {
        let is_used = |verb: &&str| uses.verbs.iter().any(|used| used.as_str() == *verb);
        let kept: Vec<&str> =
            verbs.iter().filter_map(|verb| verb.get_ref().as_str()).filter(is_used).collect();
        if let Some(place) = table.get("verbs") {
            edits.replace_list(place.span(), kept);
        }
    }
    if let Some(depth) = table.get("depth") {
        edits.replace(depth.span(), uses.depth.to_string());
    }
    names.saw_at(table.get("name"), uses.names.iter().map(String::as_str));
}

/// Narrows a mount rule: the types of file systems and the names of places. Sources stay, and
/// options: a driver may leave out the forced ones or say them.
pub(super) fn mount(
    table: &DeTable<'_>,
    uses: &MountUses,
    edits: &mut Edits<'_>,
    names: &mut Names,
) {
    if let Some(types) = table.get("filesystem").filter(|_| !uses.filesystems.is_empty()) {
        edits.replace_list(types.span(), uses.filesystems.iter().map(String::as_str));
    }
    let place = table.get("place").and_then(|place| place.get_ref().as_table());
    let name = place.and_then(|place| place.get("name"));
    names.saw_at(name, uses.places.iter().map(String::as_str));
    // Names in sources are not told apart from the words around them.
    if let Some(source) = table.get("source") {
        let mut kept = BTreeSet::new();
        words_at(source, &TYPE_KEYS, edits, &mut kept);
        kept.into_iter().for_each(|kind| names.keep(kind));
    }
}
