//! The arguments of a command rule, or the lines of a file, as values that a fuzzer can think up, and as the text of a
//! policy. Alphabets are small, so that words meet rules.

use std::fmt;

use arbitrary::{Arbitrary, Result, Unstructured};

type Text = &'static str;

/// Words of operators and guests.
const TEXTS: [&str; 10] = ["a", "b", "ab", "7", "-a", "--", "ro", "ro,sync", "k=", ":"];
/// What stands between the parts of a concat.
const BETWEEN: [&str; 5] = [",", ":", "=", "k=", "-"];
/// The words of option lists.
const OPTIONS: [&str; 4] = ["ro", "sync", "a", "7"];

/// Where addresses may be.
pub const NETWORKS: [&str; 4] = ["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "10.1.2.0/24"];

/// What the networks of a list may end in: also as another list is separated, and as it goes on.
const SUFFIXES: [&str; 5] = [":w", ":r:w", ",w", ":10.1.2.3", "b"];

/// One kind of argument.
#[derive(Clone, Debug)]
pub enum Part {
    Literal(&'static str),
    OneOf(Vec<&'static str>),
    /// Letters, or digits.
    Name { digits: bool, owner: Option<bool> },
    Int { min: u8, max: u8 },
    Mode(u16),
    /// Bytes, from so many to so many.
    Size { min: u8, max: u16, suffix: bool },
    Percent { min: u8, max: u8, of: &'static str },
    Uuid,
    /// Addresses within one network of [`NETWORKS`], or all.
    Ip { within: Option<&'static str> },
    /// One, or where something separates several a list, each of which ends in one of some texts.
    Cidr { within: &'static str, min_prefix: u8, netmask: bool, list: Text, suffixes: Vec<Text> },
    Dataset { snapshot: bool, owner: Option<bool> },
    Csv { must: Vec<&'static str>, any: Vec<&'static str> },
    Path { leaf: Leaf, own: bool, under: bool, looked_up: bool },
    Device { owner: Option<bool>, pass: &'static str },
    Secret { exposed: bool },
    Concat(Vec<Part>),
}

/// What a path ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
pub enum Leaf {
    New,
    Dir,
    File,
    Root,
}

/// One element of `args`.
#[derive(Clone, Debug)]
pub enum Item {
    Word(Part),
    Flag { flag: &'static str, value: Part, optional: bool },
    Optional(Part),
    Repeat { once: Vec<Part>, min: u8, max: u8 },
}

/// The arguments of one rule.
#[derive(Clone, Debug)]
pub struct Args(pub Vec<Item>);

/// A guest's words.
#[derive(Clone, Debug)]
pub struct Words(pub Vec<String>);

impl Words {
    /// The same as the text that a guest would write, a word a line; none if it has other lines.
    pub fn text(&self) -> Option<String> {
        let is_line = !self.0.iter().any(|word| word.contains('\n'));
        is_line.then(|| self.0.iter().map(|word| format!("{word}\n")).collect())
    }
}

fn some(u: &mut Unstructured<'_>, from: &[&'static str]) -> Result<Vec<&'static str>> {
    let mut chosen = Vec::new();
    for text in from {
        if u.ratio(1, 2)? {
            chosen.push(*text);
        }
    }
    Ok(chosen)
}

impl Part {
    /// A part that is no concat.
    fn simple(u: &mut Unstructured<'_>) -> Result<Part> {
        Ok(match u.int_in_range(0..=15)? {
            0 => Part::Literal(u.choose(&TEXTS)?),
            1 => Part::OneOf(some(u, &TEXTS)?),
            2 | 3 => Part::Name { digits: u.arbitrary()?, owner: u.arbitrary()? },
            4 => Part::Int { min: u.int_in_range(0..=12)?, max: u.int_in_range(0..=12)? },
            5 => Part::Mode(u.int_in_range(0..=0o7777)?),
            6 => {
                let must = some(u, &OPTIONS)?;
                let any = some(u, &OPTIONS)?;
                Part::Csv { any: any.into_iter().filter(|one| !must.contains(one)).collect(), must }
            }
            7 => Part::Path {
                leaf: u.arbitrary()?,
                own: u.arbitrary()?,
                under: u.arbitrary()?,
                looked_up: u.arbitrary()?,
            },
            8 => Part::Device {
                owner: u.arbitrary()?,
                pass: u.choose(&["name", "dev", "mapper"])?,
            },
            9 => Part::Size {
                min: u.int_in_range(0..=12)?,
                max: u.int_in_range(0..=5000)?,
                suffix: u.arbitrary()?,
            },
            10 => Part::Percent {
                min: u.int_in_range(0..=12)?,
                max: u.int_in_range(0..=12)?,
                of: u.choose(&["", "VG", "FREE"])?,
            },
            11 => Part::Uuid,
            12 => Part::Ip { within: if u.arbitrary()? { Some(u.choose(&NETWORKS)?) } else { None } },
            13 => Part::Cidr {
                within: u.choose(&NETWORKS)?,
                min_prefix: u.int_in_range(0..=32)?,
                netmask: u.arbitrary()?,
                list: u.choose(&["", "", ":", ",", " "])?,
                suffixes: if u.arbitrary()? { some(u, &SUFFIXES)? } else { Vec::new() },
            },
            14 => Part::Dataset { snapshot: u.arbitrary()?, owner: u.arbitrary()? },
            _ => Part::Secret { exposed: u.arbitrary()? },
        })
    }
}

impl Arbitrary<'_> for Part {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Part> {
        if !u.ratio(1, 5)? {
            return Part::simple(u);
        }
        let mut parts = Vec::new();
        for at in 0..u.int_in_range(2..=4)? {
            let between = (at % 2 == 1) != u.ratio(1, 8)?;
            parts.push(if between { Part::Literal(u.choose(&BETWEEN)?) } else { Part::simple(u)? });
        }
        Ok(Part::Concat(parts))
    }
}

impl Arbitrary<'_> for Item {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Item> {
        Ok(match u.int_in_range(0..=5)? {
            0..=2 => Item::Word(u.arbitrary()?),
            3 => Item::Flag {
                flag: u.choose(&["-a", "-b", "--"])?,
                value: u.arbitrary()?,
                optional: u.arbitrary()?,
            },
            4 => Item::Optional(u.arbitrary()?),
            _ => {
                let mut once: Vec<Part> = vec![u.arbitrary()?];
                if u.arbitrary()? {
                    once.insert(0, Part::Literal(u.choose(&["-a", "-b"])?));
                }
                Item::Repeat { once, min: u.int_in_range(0..=2)?, max: u.int_in_range(1..=3)? }
            }
        })
    }
}

impl Arbitrary<'_> for Args {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Args> {
        let count = u.int_in_range(0..=5)?;
        (0..count).map(|_| u.arbitrary()).collect::<Result<_>>().map(Args)
    }
}

impl Arbitrary<'_> for Words {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Words> {
        const PIECES: [&str; 42] = [
            "a", "b", "ab", "abc", "7", "12", "07", "0770", "770", "-a", "-b", "--", "ro", "sync", ",",
            ":", "=", "k=", "r:", "r:a", "r:.", "vg/", "vg/a", "secret", "/", "..", "r:b/", "b", "K",
            "%", "VG", "FREE", "10.1.2.3", "10.1.2.0/24", "10.1.0.0/255.255.0.0", "::1", "tank/a", "@",
            "0aB1c2d3-0000-4000-8000-00000000000f", " ", ":w", "10.1.2.3:w 10.1.2.0/24:w",
        ];
        let mut words = Vec::new();
        for _ in 0..u.int_in_range(0..=8)? {
            let mut word = String::new();
            for _ in 0..u.int_in_range(1..=3)? {
                if u.ratio(1, 32)? {
                    word.extend(u.arbitrary::<char>());
                } else {
                    word.push_str(u.choose(&PIECES)?);
                }
                if u.ratio(1, 2)? {
                    break;
                }
            }
            words.push(word);
        }
        Ok(Words(words))
    }
}

/// A word that is this, or nearly.
fn sample(part: &Part, u: &mut Unstructured<'_>) -> Result<String> {
    if u.ratio(1, 16)? {
        return Ok(Words::arbitrary(u)?.0.pop().unwrap_or_default());
    }
    Ok(match part {
        Part::Literal(text) => (*text).to_owned(),
        Part::OneOf(texts) if texts.is_empty() => String::new(),
        Part::OneOf(texts) => (*u.choose(texts)?).to_owned(),
        Part::Name { digits: true, .. } => (*u.choose(&["7", "07", "12345678"])?).to_owned(),
        Part::Name { digits: false, .. } => (*u.choose(&["a", "abc", "abcdefgh"])?).to_owned(),
        Part::Int { .. } => u.int_in_range(0..=13)?.to_string(),
        Part::Mode(mask) => {
            let bits = u.arbitrary::<u16>()? & if u.ratio(1, 8)? { 0o7777 } else { *mask };
            if u.arbitrary()? { format!("{bits:03o}") } else { format!("{bits:04o}") }
        }
        Part::Csv { must, any } => {
            let mut list = must.clone();
            list.extend(some(u, any)?);
            let turned = if list.is_empty() { 0 } else { u.choose_index(list.len())? };
            list.rotate_left(turned);
            list.join(",")
        }
        Part::Size { suffix, .. } => {
            let number = u.int_in_range(0..=5000)?;
            let letters = if *suffix { ["", "K", "b"] } else { ["", "K", "M"] };
            format!("{number}{}", u.choose(&letters)?)
        }
        Part::Percent { of, .. } => format!("{}%{of}", u.int_in_range(0..=13)?),
        Part::Uuid => "0aB1c2d3-0000-4000-8000-00000000000F".to_owned(),
        Part::Ip { .. } => (*u.choose(&["10.1.2.3", "10.2.0.1", "192.168.0.1", "fd00::1"])?).to_owned(),
        Part::Cidr { netmask, list, suffixes, .. } => {
            let words = if *netmask {
                ["10.1.0.0/255.255.0.0", "10.1.2.0/255.255.255.0", "10.1.0.0/16", "10.1.2.3/255.0.0.0"]
            } else {
                ["10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "10.1.2.3/8"]
            };
            let mut word = (*u.choose(&words)?).to_owned();
            let end = |u: &mut Unstructured<'_>| match suffixes.as_slice() {
                [] => Ok(""),
                some => u.choose(some).copied(),
            };
            word.push_str(end(u)?);
            for _ in 0..if list.is_empty() { 0 } else { u.int_in_range(0..=2)? } {
                let one = if u.arbitrary()? { "10.1.2.3" } else { u.choose(&words)? };
                word.extend([list, one, end(u)?]);
            }
            word
        }
        Part::Dataset { snapshot: true, .. } => (*u.choose(&["tank/a@b", "tank/abc@7"])?).to_owned(),
        Part::Dataset { .. } => (*u.choose(&["tank/a", "tank/abc"])?).to_owned(),
        Part::Path { leaf: Leaf::Root, .. } => (*u.choose(&["r:", "r:."])?).to_owned(),
        Part::Path { under: true, .. } => (*u.choose(&["r:b/a", "r:b/abc", "r:a"])?).to_owned(),
        Part::Path { .. } => (*u.choose(&["r:a", "r:abc"])?).to_owned(),
        Part::Device { .. } => (*u.choose(&["vg/a", "vg/abc"])?).to_owned(),
        Part::Secret { .. } => "secret".to_owned(),
        Part::Concat(parts) => parts.iter().map(|part| sample(part, u)).collect::<Result<_>>()?,
    })
}

impl Args {
    /// A command line that fits, or nearly.
    pub fn line(&self, u: &mut Unstructured<'_>) -> Result<Words> {
        let mut words = Vec::new();
        for item in &self.0 {
            match item {
                Item::Word(part) => words.push(sample(part, u)?),
                Item::Optional(part) if u.arbitrary()? => words.push(sample(part, u)?),
                Item::Flag { optional: true, .. } | Item::Optional(_) if u.arbitrary()? => {}
                Item::Optional(_) => {}
                Item::Flag { flag, value, .. } => {
                    words.extend([(*flag).to_owned(), sample(value, u)?]);
                }
                Item::Repeat { once, max, .. } => {
                    for _ in 0..u.int_in_range(0..=*max)? {
                        for part in once {
                            words.push(sample(part, u)?);
                        }
                    }
                }
            }
        }
        Ok(Words(words))
    }
}

/// A rule with command lines for it.
#[derive(Clone, Debug)]
pub struct Case {
    pub args: Args,
    pub lines: Vec<Words>,
}

impl Arbitrary<'_> for Case {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Case> {
        let args: Args = u.arbitrary()?;
        let mut lines = vec![u.arbitrary()?];
        for _ in 0..u.int_in_range(1..=6)? {
            lines.push(args.line(u)?);
        }
        Ok(Case { args, lines })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Literal(text) => write!(f, "{text:?}"),
            Part::OneOf(texts) => write!(f, "{{ one-of = {texts:?} }}"),
            Part::Name { digits, owner } => {
                let kind = if *digits { "d" } else { "n" };
                let place = owner.map_or("", |_| ", in = { space = \"s\" }");
                write!(f, "{{ name = \"{kind}\"{}{place} }}", owner_key(*owner))
            }
            Part::Int { min, max } => write!(f, "{{ int = {{ min = {min}, max = {max} }} }}"),
            Part::Mode(mask) => write!(f, "{{ mode = {{ mask = \"{mask:04o}\" }} }}"),
            Part::Csv { must, any } => write!(f, "{{ csv = {{ must = {must:?}, any = {any:?} }} }}"),
            Part::Size { min, max, suffix } => {
                let suffix = if *suffix { ", suffix = \"b\"" } else { "" };
                write!(f, "{{ size = {{ min = \"{min}B\", max = \"{max}B\"{suffix} }} }}")
            }
            Part::Percent { min, max, of } => {
                let of = if of.is_empty() { String::new() } else { format!(", of = {of:?}") };
                write!(f, "{{ percent = {{ min = {min}, max = {max}{of} }} }}")
            }
            Part::Uuid => f.write_str("{ uuid = true }"),
            Part::Ip { within: None } => f.write_str("{ ip = {} }"),
            Part::Ip { within: Some(network) } => {
                write!(f, "{{ ip = {{ within = [{network:?}] }} }}")
            }
            Part::Cidr { within, min_prefix, netmask, list, suffixes } => {
                let form = if *netmask { ", form = \"netmask\"" } else { "" };
                let list = if list.is_empty() { String::new() } else { format!(", list = {list:?}") };
                let ends = if suffixes.is_empty() { String::new() } else { format!(", suffix = {suffixes:?}") };
                let more = [form, &list, &ends].concat();
                write!(f, "{{ cidr = {{ within = [{within:?}], min-prefix = {min_prefix}{more} }} }}")
            }
            Part::Dataset { snapshot, owner } => {
                let snapshot = if *snapshot { ", snapshot = \"e\"" } else { "" };
                let owner = owner_key(*owner);
                write!(f, "{{ dataset = {{ parent = \"tank\", name = \"n\"{snapshot}{owner} }} }}")
            }
            Part::Path { leaf: Leaf::Root, looked_up, .. } => {
                let pass = pass_key(*looked_up);
                write!(f, "{{ path = {{ root = \"r\", leaf = \"root\"{pass} }} }}")
            }
            Part::Path { leaf, own, under, looked_up } => {
                let word = ["new", "dir", "file"][*leaf as usize];
                let owner = if *own && *leaf != Leaf::New { ", owner = \"self\"" } else { "" };
                let under = if *under { ", under = \"b\"" } else { "" };
                let pass = pass_key(*looked_up);
                write!(
                    f,
                    "{{ path = {{ root = \"r\", leaf = \"{word}\", name = \"n\"{under}{owner}{pass} }} }}"
                )
            }
            Part::Device { owner, pass } => {
                let owner = owner_key(*owner);
                write!(f, "{{ device = {{ group = \"vg\", name = \"n\", pass = {pass:?}{owner} }} }}")
            }
            Part::Secret { exposed } => {
                let pass = if *exposed { ", pass = \"argument\", exposed = \"why\"" } else { "" };
                write!(f, "{{ secret = \"secret\"{pass} }}")
            }
            Part::Concat(parts) => {
                let parts: Vec<_> = parts.iter().map(ToString::to_string).collect();
                write!(f, "{{ concat = [{}] }}", parts.join(", "))
            }
        }
    }
}

fn pass_key(looked_up: bool) -> &'static str {
    if looked_up { ", pass = \"path\", looked-up = \"why\"" } else { "" }
}

fn owner_key(owner: Option<bool>) -> &'static str {
    match owner {
        None => "",
        Some(true) => ", owner = \"self\"",
        Some(false) => ", owner = \"new\"",
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Word(part) => part.fmt(f),
            Item::Flag { flag, value, optional } => {
                write!(f, "{{ flag = {flag:?}, value = {value}, optional = {optional} }}")
            }
            Item::Optional(part) => write!(f, "{{ optional = {part} }}"),
            Item::Repeat { once, min, max } => {
                let repeated = match once.as_slice() {
                    [Part::Literal(flag), value] => {
                        format!("{{ flag = {flag:?}, value = {value} }}")
                    }
                    parts => parts.iter().map(ToString::to_string).collect(),
                };
                write!(f, "{{ repeat = {repeated}, min = {min}, max = {max} }}")
            }
        }
    }
}

impl Args {
    /// The text of a policy that lets files of these lines be written; a flag is no line, and what
    /// has no place in a file keeps it from loading.
    pub fn content_policy(&self) -> String {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        // What a file names outlasts every descriptor.
        let lines = lines.join(", ").replace(pass_key(true), "");
        let pass = ["{ ", pass_key(true).trim_start_matches(", "), ", root = "].concat();
        let lines = lines.replace("{ root = ", &pass);
        format!(
            "schema = 1\ndriver = \"d\"\n[roots.r]\npath = \"/r\"\n[roots.w]\npath = \"/w\"\n\
             [types.n]\nfirst = \"a-z\"\nrest = \"a-z\"\nmax = 8\n\
             [types.d]\nfirst = \"0-9\"\nrest = \"0-9\"\nmax = 8\n\
             [types.e]\nfirst = \"a-z0-9\"\nrest = \"a-z0-9\"\nmax = 8\n\
             [[command]]\nid = \"use\"\nprogram = \"/bin/use\"\nread = [\"r\"]\n\
             args = [{{ name = \"n\" }}, {{ name = \"d\" }}, {{ name = \"e\" }}]\n\
             [[files]]\nid = \"x\"\nroot = \"w\"\nname = \"n\"\nverbs = [\"write\"]\n\
             content = [{lines}]\n"
        )
    }

    /// The text of a policy whose rule for `/bin/x` takes these.
    pub fn policy(&self) -> String {
        let args: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        format!(
            "schema = 1\ndriver = \"d\"\n[roots.r]\npath = \"/r\"\n\
             [types.n]\nfirst = \"a-z\"\nrest = \"a-z\"\nmax = 8\n\
             [types.d]\nfirst = \"0-9\"\nrest = \"0-9\"\nmax = 8\n\
             [types.e]\nfirst = \"a-z0-9\"\nrest = \"a-z0-9\"\nmax = 8\n\
             [[command]]\nid = \"use\"\nprogram = \"/bin/use\"\nread = [\"r\"]\n\
             args = [{{ name = \"n\" }}, {{ name = \"d\" }}, {{ name = \"e\" }}]\n\
             [[command]]\nid = \"x\"\nprogram = \"/bin/x\"\nread = [\"r\"]\nargs = [{}]\n",
            args.join(", ")
        )
    }
}
