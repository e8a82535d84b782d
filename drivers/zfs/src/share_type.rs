//! What a share's type asks of its dataset. Pure. Called by `shares`. Upstream:
//! `_get_dataset_creation_options`.
//!
//! ```text
//! dedupe = "<is> True"               dedup=on             where the operator has no `dedup`, or the same
//! zfsonlinux:compression = "lz4"     compression=lz4      where the operator's `compression` is not `off`
//! ```
//! It takes the place of what the operator has for all shares.

use abaca_sdk::Pair;

/// The extra specs that are heard.
const DEDUPE: &str = "dedupe";
const COMPRESSION: &str = "zfsonlinux:compression";

/// What Python's services take for yes and no.
const YES: [&str; 6] = ["1", "t", "true", "on", "y", "yes"];
const NO: [&str; 6] = ["0", "f", "false", "off", "n", "no"];

/// The properties of a share of this type beside those that the driver sets, of the operator's
/// `creation` those that the type says nothing of.
///
/// # Errors
/// One sentence, where the type asks for what the operator has decided otherwise.
pub fn properties(specs: &[Pair], creation: &[String]) -> Result<Vec<String>, String> {
    let spec = |name: &str| {
        let found = specs.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    };
    let dedup = spec(DEDUPE).map(|asked| dedup(asked, creation)).transpose()?;
    let compression = spec(COMPRESSION).map(|asked| compression(asked, creation)).transpose()?;
    let others = creation.iter().filter(|option| {
        !(option.contains("dedup") && dedup.is_some()
            || option.contains("compression") && compression.is_some())
    });
    Ok(dedup.iter().chain(&compression).chain(others).cloned().collect())
}

fn dedup(asked: &str, creation: &[String]) -> Result<String, String> {
    let word = asked.rsplit(' ').next().unwrap_or(asked).to_lowercase();
    let on = match word.as_str() {
        yes if YES.contains(&yes) => true,
        no if NO.contains(&no) => false,
        _ => {
            return Err(format!("the extra spec {DEDUPE} = `{asked}` is neither True nor False"));
        }
    };
    let has = |option: &str| creation.iter().any(|one| one == option);
    let decided = if has("dedup=on") { Some(true) } else { has("dedup=off").then_some(false) };
    match decided {
        Some(decided) if decided != on => Err(format!(
            "the extra spec {DEDUPE} = `{asked}` is not what this back end has for all its shares"
        )),
        _ => Ok(format!("dedup={}", if on { "on" } else { "off" })),
    }
}

fn compression(asked: &str, creation: &[String]) -> Result<String, String> {
    let mut set = creation.iter().filter_map(|option| option.strip_prefix("compression="));
    let fits = match (asked, set.next()) {
        (_, None) => true,
        (off, Some(set)) => (off == "off") == (set == "off"),
    };
    match fits {
        true => Ok(format!("compression={asked}")),
        false => Err(format!(
            "the extra spec {COMPRESSION} = `{asked}` is not what this back end has for all its shares"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(specs: &[(&str, &str)], creation: &[&str]) -> Result<Vec<String>, String> {
        let specs: Vec<Pair> =
            specs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let creation: Vec<_> = creation.iter().map(|one| (*one).to_owned()).collect();
        properties(&specs, &creation)
    }

    fn told(words: &[&str]) -> Result<Vec<String>, String> {
        Ok(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn a_type_takes_the_place_of_what_all_shares_have() {
        let all = &["compression=gzip", "atime=off"][..];
        assert_eq!(asked(&[], all), told(all));
        let lz4 = (COMPRESSION, "lz4");
        assert_eq!(asked(&[lz4], all), told(&["compression=lz4", "atime=off"]));
        let both = [(DEDUPE, "<is> True"), lz4];
        assert_eq!(asked(&both, all), told(&["dedup=on", "compression=lz4", "atime=off"]));
        assert_eq!(asked(&[(DEDUPE, "False")], &["dedup=off"]), told(&["dedup=off"]));
        assert_eq!(asked(&[(COMPRESSION, "off")], &[]), told(&["compression=off"]));
        assert_eq!(asked(&[("other", "x")], all), told(all));
    }

    #[test]
    fn what_the_operator_has_decided_otherwise_is_refused() {
        for (spec, creation) in [
            ((DEDUPE, "<is> True"), "dedup=off"),
            ((DEDUPE, "no"), "dedup=on"),
            ((DEDUPE, "<is> perhaps"), "atime=off"),
            ((COMPRESSION, "off"), "compression=gzip"),
            ((COMPRESSION, "lz4"), "compression=off"),
        ] {
            assert!(asked(&[spec], &[creation]).is_err(), "{spec:?} {creation}");
        }
    }
}
