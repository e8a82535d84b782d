//! Files whose content a rule says: what a driver adds, changes or hides in them, and what it
//! gives out for one. A server reads them with more rights than any driver has.

use super::{Range, Setup, attacks};

/// A rule that lets blocks of a server's configuration be written, and others for what else is
/// done to them.
pub fn exports() -> Setup {
    Setup::rules(
        r#"
[roots.exports]
path = "@/exports"

[[files]]
id = "export"
root = "exports"
name = "word"
verbs = ["write"]
content = [
    "EXPORT {",
    { concat = ["  Export_Id = ", { int = { min = 1, max = 99 } }, ";"] },
    { concat = ["  Path = ", { path = { root = "lair", leaf = "dir", name = "word", pass = "path", looked-up = "the NFS server looks it up", owner = "self" } }, ";"] },
    { repeat = { concat = ["  Clients = ", { cidr = { within = ["198.51.100.0/24"] } }, "; Access = ", { one-of = ["RO", "RW"] }, ";"] }, min = 0, max = 4 },
    "}",
]

[[files]]
id = "exports"
root = "exports"
name = "word"
verbs = ["read", "list", "remove"]
"#,
    )
}

/// A block that is granted, with other words in the place of some.
pub fn block(old: &str, new: &str) -> String {
    let block = "EXPORT {\n  Export_Id = 7;\n  Path = lair:own;\n  Clients = 198.51.100.0/25; \
                 Access = RO;\n}\n";
    assert!(block.contains(old), "{old}");
    block.replacen(old, new, 1)
}

/// Asks to write each of these.
async fn writes(range: &Range, texts: &[String]) -> Vec<String> {
    let mut told = Vec::new();
    for text in texts {
        told.push(range.asks("file", &["write", "exports", "mine", text]).await);
    }
    told
}

/// Makes a directory of its own, writes a block about it, and reads what is in the file then.
pub async fn twin(range: &Range) -> Vec<String> {
    let made = range.asks("file", &["make-dir", "lair", "own", "750"]).await;
    assert!(made == "ok:()" || made.contains("AlreadyExists"), "{made}");
    let written = range.asks("file", &["write", "exports", "mine", &block("7", "8")]).await;
    assert_eq!(written, "ok:()");
    let file = std::fs::read_to_string(range.ground.path().join("exports/mine")).unwrap();
    let host = range.lair().join("own");
    assert_eq!(file, block("7", "8").replace("lair:own", host.to_str().unwrap()));
    vec![range.asks("file", &["read", "exports", "mine"]).await]
}

attacks! { Arguments:
    /// Adds a line to a block: one more option, another block, an include.
    a_line_more {
        setup: exports(),
        attack: async |range| {
            writes(
                range,
                &[
                    block("}\n", "  Squash = No_Root_Squash;\n}\n"),
                    block("}\n", "}\nEXPORT { Path = /; }\n"),
                    block("}\n", "}\n%include /etc/shadow\n"),
                    block("EXPORT {", "%include \"/etc/shadow\"\nEXPORT {"),
                    block("}\n", "}\n# a remark\n"),
                    block("}\n", "}\n\n"),
                    block("  Path", "  Protocols = 3;\n  Path"),
                    block("  Path = lair:own;\n", "  Path = lair:own;\n  Path = lair:own;\n"),
                    block("  Path = lair:own;\n", ""),
                    block("}\n", "  Clients = 198.51.100.1/32; Access = RO;\n").repeat(2),
                ],
            )
            .await
        },
        contained: "nothing is written: the template as a whole must match",
        refused: "rule: Some(\"export\")",
        twin: twin,
        answers: "Export_Id = 8;",
    }

    /// Ends a line within a hole, and begins another one there.
    a_line_in_a_hole {
        setup: exports(),
        attack: async |range| {
            writes(
                range,
                &[
                    block("7", "7;\n  Path = /"),
                    block("7", "7;\r  Path = /"),
                    block("7", "7;\u{2028}  Path = /"),
                    block("7", "7;\u{85}  Path = /"),
                    block("7", "7; Path = /"),
                    block("7", "7 /*"),
                    block("7", "7\0"),
                    block("7", "７"),
                    block("RO", "RO; Path = /"),
                    block("RO", "RO\\\n"),
                ],
            )
            .await
        },
        contained: "nothing is written: a hole ends where the text after it begins",
        refused: "rule: Some(\"export\")",
        twin: twin,
        answers: "Export_Id = 8;",
    }

    /// Exports to the world, with more than is granted, or under a number of somebody else.
    an_export_to_the_world {
        setup: exports(),
        attack: async |range| {
            writes(
                range,
                &[
                    block("198.51.100.0/25", "0.0.0.0/0"),
                    block("198.51.100.0/25", "*"),
                    block("198.51.100.0/25", "198.51.100.0/23"),
                    block("198.51.100.0/25", "198.51.100.0/25, *"),
                    block("198.51.100.0/25", "198.51.100.1/25"),
                    block("198.51.100.0/25", "::/0"),
                    block("Access = RO", "Access = RW; Squash = None"),
                    block("Access = RO", "Access = NONE"),
                    block("Access = RO", "access = RO"),
                    block("7", "0"),
                    block("7", "100"),
                    block("7", "07"),
                ],
            )
            .await
        },
        contained: "nothing is written: each hole takes what its rule says",
        refused: "rule: Some(\"export\")",
        twin: twin,
        answers: "Export_Id = 8;",
    }

    /// Writes what is no text of lines, or more of it than anybody reads.
    no_text_of_lines {
        setup: exports(),
        attack: async |range| {
            writes(
                range,
                &[
                    String::new(),
                    "\n".to_owned(),
                    "EXPORT {".to_owned(),
                    block("}\n", "}"),
                    block("EXPORT {", "\u{feff}EXPORT {"),
                    block("EXPORT {", "EXPORT\u{a0}{"),
                    block("EXPORT {", "\u{202e}EXPORT {"),
                    block("EXPORT {\n", "EXPORT {\r\n"),
                    "x".repeat(70_000),
                    "EXPORT {\n".repeat(2_000),
                ],
            )
            .await
        },
        contained: "nothing is written, and what is too large is not even taken apart",
        refused: "rule: Some(\"export\")",
        twin: twin,
        answers: "Export_Id = 8;",
    }
}
