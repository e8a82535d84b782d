//! What a command line means under a rule, found by trying everything: every item present and
//! absent, every way to cut a word in pieces. Slow, and without a line of the crate it checks.

use std::net::{IpAddr, Ipv4Addr};

use crate::grammar::{Args, Item, Leaf, Part};

/// Every way in which the words fit: what runs, as people see it, word by word.
pub fn ways(args: &Args, words: &[String]) -> Vec<Vec<String>> {
    if words.iter().any(|word| word.is_empty() || word.chars().any(is_hidden)) {
        return Vec::new();
    }
    let mut found = items(&args.0, words);
    found.sort();
    found.dedup();
    found
}

fn items(rest: &[Item], words: &[String]) -> Vec<Vec<String>> {
    let Some((first, rest)) = rest.split_first() else {
        return if words.is_empty() { vec![Vec::new()] } else { Vec::new() };
    };
    match first {
        Item::Word(part) => then(std::slice::from_ref(part), rest, words),
        Item::Optional(part) => {
            let absent = items(rest, words);
            then(std::slice::from_ref(part), rest, words).into_iter().chain(absent).collect()
        }
        Item::Flag { flag, value, optional } => {
            let both = [Part::Literal(flag), value.clone()];
            let absent = if *optional { items(rest, words) } else { Vec::new() };
            then(&both, rest, words).into_iter().chain(absent).collect()
        }
        Item::Repeat { once, min, max } => (*min..=*max)
            .flat_map(|times| {
                let all: Vec<Part> = (0..times).flat_map(|_| once.clone()).collect();
                then(&all, rest, words)
            })
            .collect(),
    }
}

/// These parts, one word each, and then the rest.
fn then(parts: &[Part], rest: &[Item], words: &[String]) -> Vec<Vec<String>> {
    let Some((words, after)) = words.split_at_checked(parts.len()) else { return Vec::new() };
    let mut heads: Vec<Vec<String>> = vec![Vec::new()];
    for (part, word) in parts.iter().zip(words) {
        let read = read(part, word);
        heads = heads
            .iter()
            .flat_map(|head| read.iter().map(|one| [head.as_slice(), &[one.clone()]].concat()))
            .collect();
    }
    if heads.is_empty() {
        return heads;
    }
    let tails = items(rest, after);
    heads.iter().flat_map(|head| tails.iter().map(|tail| [&head[..], tail].concat())).collect()
}

/// Every way in which one word is this.
fn read(part: &Part, word: &str) -> Vec<String> {
    let letters = |text: &str| {
        (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase())
    };
    let numbers = |text: &str| {
        (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    let one = |accepted: bool, runs: String| if accepted { vec![runs] } else { Vec::new() };
    let same = |accepted| one(accepted, word.to_owned());
    match part {
        Part::Literal(text) => same(*text == word),
        Part::OneOf(texts) => same(texts.contains(&word)),
        Part::Name { digits, .. } => same(if *digits { numbers(word) } else { letters(word) }),
        Part::Int { min, max } => {
            // One number, one spelling: written again it is the same word.
            let number = word.parse::<u64>().ok().filter(|number| number.to_string() == word);
            same(number.is_some_and(|n| (u64::from(*min)..=u64::from(*max)).contains(&n)))
        }
        Part::Mode(mask) => {
            let octal = word.len() == 3 || word.len() == 4;
            let octal = octal && word.bytes().all(|b| (b'0'..=b'7').contains(&b));
            let bits = word.bytes().fold(0_u32, |bits, b| bits.wrapping_mul(8) + u32::from(b & 7));
            one(octal && bits & !u32::from(*mask) == 0, format!("{bits:04o}"))
        }
        Part::Size { min, max, suffix } => {
            let number = |text: &str, times: u64| {
                let number = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
                number.and_then(|number| number.checked_mul(times))
            };
            // Each letter means a thousand and twenty-four times the one before.
            let times = ["K", "M", "G", "T", "P", "E"].iter().zip(1..).find(|(one, _)| word.ends_with(*one));
            let bytes = match times {
                Some((letter, power)) => {
                    number(word.strip_suffix(letter).unwrap_or_default(), 1 << (10 * power))
                }
                None if *suffix => number(word.strip_suffix('b').unwrap_or(word), 1),
                None => number(word, 1),
            };
            let end = if *suffix { "b" } else { "" };
            let bytes = bytes.filter(|n| (u64::from(*min)..=u64::from(*max)).contains(n));
            bytes.map(|bytes| format!("{bytes}{end}")).into_iter().collect()
        }
        Part::Percent { min, max, of } => {
            let all = (*min..=*max).map(|number| format!("{number}%{of}"));
            all.filter(|one| one == word).collect()
        }
        Part::Uuid => {
            let fits = word.len() == 36
                && word.bytes().enumerate().all(|(at, b)| match at {
                    8 | 13 | 18 | 23 => b == b'-',
                    _ => b.is_ascii_hexdigit(),
                });
            one(fits, word.to_ascii_lowercase())
        }
        Part::Ip { within } => match word.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) if address.to_string() == word => {
                let inside = within.is_none_or(|network| lies_in(address, 32, network));
                same(inside)
            }
            // Written again in the one way; `%` and what follows is none of an address.
            Ok(IpAddr::V6(address)) => {
                one(within.is_none() && address.to_ipv4_mapped().is_none(), address.to_string())
            }
            _ => Vec::new(),
        },
        Part::Cidr { within, min_prefix, netmask, list, suffixes } => {
            let network = |word: &str| network(word, within, *min_prefix, *netmask);
            if list.is_empty() {
                return network(word).into_iter().collect();
            }
            // An address is a network of its own, and runs as it stands.
            let client = |word: &str| match word.parse::<Ipv4Addr>() {
                Ok(address) if address.to_string() == word => {
                    (u32::from(*min_prefix) <= 32 && lies_in(address, 32, within))
                        .then(|| word.to_owned())
                }
                _ => network(word),
            };
            let ends = if suffixes.is_empty() { &vec![""] } else { suffixes };
            let mut lists: Vec<Vec<String>> = vec![Vec::new()];
            for one in word.split(list) {
                let ways = ends.iter().filter_map(|end| {
                    Some(client(one.strip_suffix(end)?)? + end)
                });
                let ways: Vec<String> = ways.collect();
                let longer = lists.iter().flat_map(|all| {
                    ways.iter().map(|one| [all.as_slice(), &[one.clone()]].concat())
                });
                lists = longer.collect();
            }
            lists.iter().map(|all| all.join(list)).collect()
        }
        Part::Dataset { snapshot, .. } => {
            let either = |text: &str| {
                (1..=8).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            };
            let rest = word.strip_prefix("tank/").unwrap_or_default();
            same(match rest.split_once('@') {
                Some((name, after)) => *snapshot && letters(name) && either(after),
                None => !snapshot && letters(rest),
            })
        }
        Part::Csv { must, any } => {
            let mut list: Vec<&str> = word.split(',').collect();
            list.sort_unstable();
            let known = list.iter().all(|one| must.contains(one) || any.contains(one));
            let whole = must.iter().all(|one| list.contains(one));
            let single = list.windows(2).all(|pair| pair[0] != pair[1]);
            one(known && whole && single, list.join(","))
        }
        Part::Path { leaf: Leaf::Root, .. } => one(word == "r:" || word == "r:.", "<r>".to_owned()),
        Part::Path { under, .. } => {
            let above = if *under { "b/" } else { "" };
            match word.strip_prefix("r:").and_then(|rest| rest.strip_prefix(above)) {
                Some(name) => one(letters(name), format!("<r>/{above}{name}")),
                None => Vec::new(),
            }
        }
        Part::Device { pass, .. } => {
            let Some(volume) = word.strip_prefix("vg/") else { return Vec::new() };
            let runs = match *pass {
                "name" => word.to_owned(),
                "dev" => format!("/dev/vg/{volume}"),
                _ => format!("/dev/mapper/vg-{volume}"),
            };
            one(letters(volume), runs)
        }
        Part::Secret { .. } => one(word == "secret", "<secret secret>".to_owned()),
        Part::Concat(parts) => pieces(parts, word),
    }
}

/// A network as it runs, if it is one, within another, with so long a prefix or longer.
fn network(word: &str, within: &str, min_prefix: u8, netmask: bool) -> Option<String> {
    let (address, end) = word.split_once('/')?;
    let address = address.parse::<Ipv4Addr>().ok()?;
    let length = match end.parse::<u32>() {
        Ok(length) if length <= 32 && length.to_string() == end => Some(length),
        _ if netmask => (0..=32).find(|length| mask(*length).to_string() == end),
        _ => None,
    }?;
    let fits = address.to_bits() & !mask(length).to_bits() == 0
        && length >= u32::from(min_prefix)
        && lies_in(address, length, within);
    fits.then(|| match netmask {
        true => format!("{address}/{}", mask(length)),
        false => format!("{address}/{length}"),
    })
}

/// The first bits of an address, as many as this.
fn mask(length: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - length).unwrap_or(0))
}

/// Whether the addresses that begin with so many bits of this one are all of a network.
fn lies_in(address: Ipv4Addr, length: u32, network: &str) -> bool {
    let (first, end) = network.split_once('/').unwrap_or_default();
    let (Ok(first), Ok(outer)) = (first.parse::<Ipv4Addr>(), end.parse::<u32>()) else { return false };
    length >= outer && address.to_bits() & mask(outer).to_bits() == first.to_bits()
}

/// Every way to cut a word into pieces for these parts.
fn pieces(parts: &[Part], word: &str) -> Vec<String> {
    let Some((first, rest)) = parts.split_first() else {
        return if word.is_empty() { vec![String::new()] } else { Vec::new() };
    };
    let ends = word.char_indices().map(|(at, _)| at).chain([word.len()]);
    ends.flat_map(|end| {
        let (piece, after) = word.split_at(end);
        let heads = if piece.is_empty() { Vec::new() } else { read(first, piece) };
        let tails = if heads.is_empty() { Vec::new() } else { pieces(rest, after) };
        let joined = |head: &String| -> Vec<String> {
            tails.iter().map(|tail| format!("{head}{tail}")).collect()
        };
        heads.iter().flat_map(joined).collect::<Vec<_>>()
    })
    .collect()
}

/// What nobody sees, as Unicode and the policy's documentation have it.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(u32::from(character),
            0xA0 | 0xAD | 0x34F | 0x61C | 0x115F | 0x1160 | 0x1680 | 0x17B4 | 0x17B5
            | 0x180B..=0x180F | 0x2000..=0x200F | 0x2028..=0x202F | 0x205F..=0x206F | 0x2800
            | 0x3000 | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
            | 0x13430..=0x13455 | 0x16FE4 | 0x1BCA0..=0x1BCA3 | 0x1D159 | 0x1D173..=0x1D17A
            | 0xE0000..=0xE0FFF)
}
