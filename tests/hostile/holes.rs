//! Words that fit no hole, one attack for each kind of hole: numbers, sizes, bits, identifiers,
//! flags, and words of several parts. Names of places elsewhere are in `names`.

use super::{Range, Setup, attacks};

/// Asks for `echo hole WORD` with each of these words.
pub async fn fills(range: &Range, words: &[&str]) -> Vec<String> {
    let mut told = Vec::new();
    for word in words {
        told.push(range.asks("command", &["echo", "hole", word]).await);
    }
    told
}

/// A rule for `echo hole WORD` that takes a word of this kind.
pub fn hole(matcher: &str) -> Setup {
    Setup::rules(&format!(
        "[[command]]\nid = \"hole\"\nprogram = \"/usr/bin/echo\"\nargs = [\"hole\", {matcher}]\n"
    ))
}

attacks! { Arguments:
    /// Says numbers that one reader takes for another number.
    numbers_in_disguise {
        setup: hole("{ int = { min = 1, max = 100 } }"),
        attack: async |range| {
            fills(
                range,
                &[
                    "0",
                    "101",
                    "-1",
                    "+5",
                    "05",
                    "0x10",
                    "1e1",
                    "5.0",
                    " 5",
                    "5 ",
                    "5,",
                    "１",
                    "18446744073709551621",
                    "99999999999999999999999999",
                ],
            )
            .await
        },
        contained: "nothing is started",
        refused: "rule: Some(\"hole\")",
        twin: async |range| fills(range, &["5"]).await,
        answers: "ok:0:hole 5",
    }

    /// Says sizes that overflow, or that a tool counts in other units.
    sizes_in_disguise {
        setup: hole("{ size = { min = \"1MiB\", max = \"1GiB\" } }"),
        attack: async |range| {
            fills(
                range,
                &[
                    "1",
                    "2G",
                    "-1G",
                    "1GB",
                    "1Gi",
                    "1g",
                    "1.5G",
                    "0x1M",
                    "1M1M",
                    "1MM",
                    "M",
                    "+1M",
                    "18446744073709551615T",
                    "17592186044416M",
                ],
            )
            .await
        },
        contained: "nothing is started",
        refused: "rule: Some(\"hole\")",
        twin: async |range| fills(range, &["1M"]).await,
        answers: "ok:0:hole 1048576",
    }

    /// Says percentages beyond all, and of something else.
    percentages_in_disguise {
        setup: hole("{ percent = { min = 1, max = 50, of = \"FREE\" } }"),
        attack: async |range| {
            fills(
                range,
                &["51%FREE", "0%FREE", "50%VG", "50%", "50", "-5%FREE", "5%%FREE", "5%free"],
            )
            .await
        },
        contained: "nothing is started",
        refused: "rule: Some(\"hole\")",
        twin: async |range| fills(range, &["50%FREE"]).await,
        answers: "ok:0:hole 50%FREE",
    }

    /// Says permission bits that set a user, or that change others by a word.
    bits_in_disguise {
        setup: hole("{ mode = { mask = \"0770\" } }"),
        attack: async |range| {
            fills(
                range,
                &["4770", "2770", "1770", "0777", "+s", "u+s", "a=rwx", "00000777", "8", "-770"],
            )
            .await
        },
        contained: "nothing is started: only bits within the mask",
        refused: "rule: Some(\"hole\")",
        twin: async |range| fills(range, &["750"]).await,
        answers: "ok:0:hole 0750",
    }

    /// Says identifiers that are none.
    identifiers_in_disguise {
        setup: hole("{ uuid = true }"),
        attack: async |range| {
            fills(
                range,
                &[
                    "11111111-1111-4111-8111-11111111111",
                    "11111111-1111-4111-8111-1111111111111",
                    "{11111111-1111-4111-8111-111111111111}",
                    "urn:uuid:11111111-1111-4111-8111-111111111111",
                    "1111111111114111811111111111111",
                    "g1111111-1111-4111-8111-111111111111",
                ],
            )
            .await
        },
        contained: "nothing is started",
        refused: "rule: Some(\"hole\")",
        twin: async |range| fills(range, &["11111111-1111-4111-8111-11111111111A"]).await,
        answers: "ok:0:hole 11111111-1111-4111-8111-11111111111a",
    }

    /// Puts a word of two parts together so that the border between them moves.
    parts_that_move {
        setup: hole(
            "{ concat = [\"name=\", { name = \"word\" }, \",size=\", { int = { min = 1, max = 9 \
             } }] }",
        ),
        attack: async |range| {
            fills(
                range,
                &[
                    "name=a",
                    "name=a,size=",
                    "name=,size=1",
                    "name=a,size=1,size=2",
                    "name=a,b,size=1",
                    "name=a,size=10",
                    "size=1,name=a",
                    "name=-a,size=1",
                    "name=a,size=1 ",
                ],
            )
            .await
        },
        contained: "nothing is started",
        refused: "rule: Some(\"hole\")",
        twin: async |range| fills(range, &["name=a,size=1"]).await,
        answers: "ok:0:hole name=a,size=1",
    }

    /// Says a flag without its value, twice, and with one that is no value of it.
    flags_in_disguise {
        setup: Setup::rules(
            "[[command]]\nid = \"hole\"\nprogram = \"/usr/bin/echo\"\nargs = [\"hole\", \
             { flag = \"-s\", value = { int = { min = 1, max = 9 } }, optional = true }]\n",
        ),
        attack: async |range| {
            range
                .each(
                    "command",
                    &[
                        &["echo", "hole", "-s"],
                        &["echo", "hole", "-s", "1", "-s", "2"],
                        &["echo", "hole", "-s1"],
                        &["echo", "hole", "-s=1"],
                        &["echo", "hole", "-s", "-s"],
                        &["echo", "hole", "-S", "1"],
                        &["echo", "hole", "1"],
                    ],
                )
                .await
        },
        contained: "nothing is started",
        refused: "Denied(Denial { rule: Some(",
        twin: async |range| {
            range.each("command", &[&["echo", "hole"], &["echo", "hole", "-s", "1"]]).await
        },
        answers: "ok:0:hole",
    }

    /// Repeats a word more often than a rule lets it.
    more_than_a_rule_repeats {
        setup: hole("{ repeat = { name = \"word\" }, min = 1, max = 3 }"),
        attack: async |range| {
            range
                .each(
                    "command",
                    &[
                        &["echo", "hole"],
                        &["echo", "hole", "a", "b", "c", "d"],
                        &["echo", "hole", "a", "-b", "c"],
                    ],
                )
                .await
        },
        contained: "nothing is started",
        refused: "Denied(Denial { rule: Some(",
        twin: async |range| range.asks("command", &["echo", "hole", "a", "b", "c"]).await,
        answers: "ok:0:hole a b c",
    }
}
