//! Other spellings of what is granted, and more than is granted in one word: bases, widths, lists,
//! what may be absent, and places in other letters.

use std::fs;

use super::holes::{fills, hole};
use super::{Range, Setup, attacks};

/// A file to be read, and one beside it.
fn plant(range: &Range) {
    fs::write(range.lair().join("file"), "content").unwrap();
    fs::write(range.lair().join("other"), "content").unwrap();
}

/// A rule for `dd if=lair:FILE`, where the path is a part of a word.
fn copies() -> Setup {
    Setup::rules(
        "[[command]]\nid = \"dump\"\nprogram = \"/usr/bin/dd\"\nargs = [\"status=none\", \
         { concat = [\"if=\", { path = { root = \"lair\", leaf = \"file\", name = \"word\" } }] }]\n\
         read = [\"lair\"]\n",
    )
}

/// Places that some program would take for `lair:file`, or for one outside.
const IN_OTHER_LETTERS: [&str; 17] = [
    "ﬁle",
    "ｆile",
    "fil\u{65}\u{301}",
    "ﬁ\u{6c}e",
    "．．/outside/secret",
    "‥/outside/secret",
    "%2e%2e/outside/secret",
    "%66ile",
    "..\\outside\\secret",
    "~/file",
    "$HOME",
    "`id`",
    "file*",
    "fil?",
    "{file,other}",
    "file;other",
    "lair:file",
];

attacks! { Arguments:
    /// Says addresses in other bases and widths, with a zone, a port or another address within.
    addresses_in_other_bases {
        setup: hole("{ ip = { within = [\"10.0.0.0/8\", \"fd00::/8\"] } }"),
        attack: async |range| {
            fills(
                range,
                &[
                    "0177.0.0.1",
                    "012.0.0.1",
                    "10.0.0.01",
                    "10.00.0.1",
                    "0xa.0.0.1",
                    "10.0.1",
                    "10.0.0.0.1",
                    "10.0.0.1:22",
                    "10.0.0.1%lo",
                    "10.0.0.1,10.0.0.2",
                    "10.0.0.1-10.0.0.9",
                    "1０.0.0.1",
                    "10。0。0。1",
                    "::10.0.0.1",
                    "::ffff:a00:1",
                    "0:0:0:0:0:ffff:10.0.0.1",
                    "64:ff9b::10.0.0.1",
                    "2002:a00:1::",
                    "fd00::1%1",
                    "fd00::1%25lo",
                    "fd00:::1",
                    "fd00::0::1",
                    "fd00::00001",
                    "fd00:0:0:0:0:0:0:0:1",
                    "fd00::g",
                ],
            )
            .await
        },
        contained: "nothing is started: an address has one meaning for every program, or is refused",
        refused: "rule: Some(\"hole\")",
        twin: async |range| fills(range, &["FD00:0:0:0:0:0:0:1", "fd00::1"]).await,
        answers: "ok:0:hole fd00::1",
    }

    /// Hides a network in a list of networks, and says masks that are none.
    lists_of_networks_in_disguise {
        setup: hole(
            "{ cidr = { within = [\"10.0.0.0/8\"], min-prefix = 16, form = \"netmask\", list = \":\" \
             } }",
        ),
        attack: async |range| {
            fills(
                range,
                &[
                    "10.1.0.0/16:",
                    ":10.1.0.0/16",
                    "10.1.0.0/16::10.2.0.0/16",
                    "10.1.0.0/16,10.2.0.0/16",
                    "10.1.0.0/16:0.0.0.0/0",
                    "10.1.0.0/16:192.0.2.1",
                    "10.1.0.0/16:::1",
                    "10.1.0.0/16/16",
                    "10.1.0.0/+16",
                    "10.1.0.0/255.0.255.0",
                    "10.1.0.0/0.0.255.255",
                    "10.0.0.0/0.0.0.0",
                    "10.1.0.0/255.255.0",
                    "10.1.0.0/255.255.00.0",
                    "10.1.0.0/0xffff0000",
                    "10.1.0.1/255.255.0.0",
                    "10.0.0.0/254.0.0.0",
                ],
            )
            .await
        },
        contained: "nothing is started: each of a list must be granted by itself",
        refused: "rule: Some(\"hole\")",
        twin: async |range| fills(range, &["10.1.0.0/16:10.2.3.4"]).await,
        answers: "ok:0:hole 10.1.0.0/255.255.0.0:10.2.3.4",
    }

    /// Says of a client in a list more than what the rule has for it, or has one more behind it.
    clients_with_other_rights {
        setup: hole(
            "{ cidr = { within = [\"10.0.0.0/8\"], form = \"netmask\", list = \" \", suffix = \
             [\":rw,root\", \":ro\"] } }",
        ),
        attack: async |range| {
            fills(
                range,
                &[
                    "10.0.0.1",
                    "10.0.0.1:",
                    "10.0.0.1:rw",
                    "10.0.0.1:ro,root",
                    "10.0.0.1:ro:rw,root",
                    "10.0.0.1:ro,insecure",
                    "10.0.0.1:ro;id",
                    "10.0.0.1:$(id)",
                    "10.0.0.1:ro 10.0.0.2",
                    "10.0.0.1:ro  10.0.0.2:ro",
                    "10.0.0.1:ro ",
                    " 10.0.0.1:ro",
                    "10.0.0.1 :ro",
                    "10.0.0.1：ro",
                    "10.0.0.1:ro 0.0.0.0/0:ro",
                    "*:ro",
                    ":ro",
                    "-o:ro",
                    "10.0.0.1:RO",
                ],
            )
            .await
        },
        contained: "nothing is started: each of a list ends in one of the rule's own texts",
        refused: "rule: Some(\"hole\")",
        twin: async |range| fills(range, &["10.1.0.0/16:ro 10.2.3.4:rw,root"]).await,
        answers: "ok:0:hole 10.1.0.0/255.255.0.0:ro 10.2.3.4:rw,root",
    }

    /// Says sizes that end in the rule's suffix and in another one before it.
    suffixes_in_disguise {
        setup: hole("{ size = { min = \"1MiB\", max = \"1GiB\", suffix = \"b\" } }"),
        attack: async |range| {
            fills(
                range,
                &[
                    "1Mb",
                    "1048576bb",
                    "1048576B",
                    "1048576 b",
                    "01048576b",
                    "b",
                    "0b",
                    "1048575b",
                    "1073741825b",
                    "18446744073709551616b",
                    "1048576b,",
                    "1048576c",
                ],
            )
            .await
        },
        contained: "nothing is started",
        refused: "rule: Some(\"hole\")",
        twin: async |range| fills(range, &["1M", "1048576b"]).await,
        answers: "ok:0:hole 1048576b",
    }

    /// Says words that may be absent twice, in another order, and one in the place of another.
    words_that_may_be_absent {
        setup: Setup::rules(
            "[[command]]\nid = \"hole\"\nprogram = \"/usr/bin/echo\"\nargs = [\"hole\", \
             { optional = { one-of = [\"ro\", \"rw\"] } }, \
             { flag = \"-s\", value = { int = { min = 1, max = 9 } }, optional = true }, \
             { repeat = { concat = [\"k=\", { name = \"word\" }] }, min = 0, max = 2 }]\n",
        ),
        attack: async |range| {
            let lines: &[&[&str]] = &[
                &["ro", "rw"],
                &["ro", "ro"],
                &["-s", "1", "ro"],
                &["k=a", "ro"],
                &["k=a", "-s", "1"],
                &["-s", "k=a"],
                &["-s", "ro"],
                &["ro", "1"],
                &["k=a", "k=b", "k=c"],
                &["k="],
                &["k=a,k=b"],
                &["k=a=b"],
                &["K=a"],
                &["ro,rw"],
                &["k=-s", "1"],
            ];
            let mut told = Vec::new();
            for line in lines {
                told.push(range.asks("command", &[&["echo", "hole"][..], line].concat()).await);
            }
            told
        },
        contained: "nothing is started: a word has one place in a line",
        refused: "Denied(Denial { rule: Some(",
        twin: async |range| {
            range
                .each(
                    "command",
                    &[
                        &["echo", "hole", "rw", "-s", "1", "k=a", "k=b"],
                        &["echo", "hole", "k=a"],
                        &["echo", "hole"],
                    ],
                )
                .await
        },
        answers: "ok:0:hole",
    }

    /// Puts a second path, an option or a path of the host into a word that ends with a path.
    a_second_path_in_a_word {
        setup: copies(),
        given: plant,
        attack: async |range| {
            let outside = range.ground.outside().join("secret");
            let host = format!("if={}", outside.display());
            let words = [
                "if=lair:file,of=lair:other",
                "if=lair:file of=lair:other",
                "if=lair:../outside/secret",
                "if=lair:file/",
                "if=lair:file/..",
                "if=lair:./file",
                "if=lair:/file",
                "if=lair://file",
                "if=lair:lair:file",
                "if=if=lair:file",
                "if=lair:",
                "if=lair",
                "if=:file",
                "of=lair:file",
                "IF=lair:file",
                "if=/proc/self/root/etc/passwd",
                "if=file:///etc/passwd",
                &host,
            ];
            let mut told = Vec::new();
            for word in words {
                told.push(range.asks("command", &["dd", "status=none", word]).await);
            }
            told
        },
        contained: "nothing is started: what follows the text is one path beneath the root",
        refused: "rule: Some(\"dump\")",
        twin: async |range| range.asks("command", &["dd", "status=none", "if=lair:file"]).await,
        answers: "ok:0:content",
    }

    /// Says places in other letters, escapes and patterns that some program would resolve.
    places_in_other_letters {
        given: plant,
        attack: async |range| {
            let mut told = Vec::new();
            for path in IN_OTHER_LETTERS {
                told.push(range.asks("file", &["read", "lair", path]).await);
                told.push(range.asks("command", &["cat", "--", &format!("lair:{path}")]).await);
            }
            for word in ["lair", "lair:", "lair::file", ":file", " lair:file", "LAIR:file", "lair;file"]
            {
                told.push(range.asks("command", &["cat", "--", word]).await);
            }
            told
        },
        contained: "denied: nothing is decoded, normalised or expanded",
        refused: "err:Error::Denied(",
        twin: async |range| range.asks("command", &["cat", "--", "lair:file"]).await,
        answers: "ok:0:content",
    }

    /// Asks for mounts that are almost those granted: with options that undo what is forced, of other
    /// kinds, of what is elsewhere, and over a root.
    mounts_in_disguise {
        setup: Setup::rules(
            "[roots.shop]\npath = \"@/shop\"\n[[mount]]\nid = \"bind\"\nsource = { path = { root = \
             \"lair\", leaf = \"dir\", name = \"word\" } }\nplace = { root = \"shop\", name = \"word\" \
             }\nfilesystem = [\"bind\"]\noptions = { any = [\"ro\", \"noexec\"] }\n",
        ),
        attack: async |range| {
            let host = range.ground.outside();
            let outside = host.to_str().unwrap();
            let bind = ["path", "lair", "a", "shop", "b", "bind"];
            let mut told = Vec::new();
            for option in
                ["suid", "dev", "exec", "ro,suid", "nosuid,dev", "loop=/dev/vda", "RO", "ro ", "rw=1", "", "remount"]
            {
                told.push(range.asks("mount", &[&bind[..], &[option]].concat()).await);
            }
            for asked in [
                &["path", "lair", "a", "shop", "b", "ext4"][..],
                &["path", "lair", "a", "shop", "b", "tmpfs"],
                &["path", "lair", "a", "shop", "b", "BIND"],
                &["path", "lair", "a", "shop", "b", "bind", "ro", "ro"],
                &["path", "lair", "", "shop", "b", "bind"],
                &["path", "lair", "..", "shop", "b", "bind"],
                &["path", "lair", "a/b", "shop", "b", "bind"],
                &["path", "shop", "a", "shop", "b", "bind"],
                &["path", "lair", "a", "lair", "b", "bind"],
                &["path", "lair", "a", "shop", "", "bind"],
                &["path", "lair", "a", "shop", "b/c", "bind"],
                &["path", "lair", "a", "shop", "../outside", "bind"],
                &["remote", outside, "shop", "b", "bind"],
                &["remote", "lair:a", "shop", "b", "bind"],
                &["device", "/dev/vda", "shop", "b", "bind"],
                &["device", "lair:a", "shop", "b", "bind"],
            ] {
                told.push(range.asks("mount", asked).await);
            }
            told.push(range.asks("unmount", &["lair", "a"]).await);
            told.push(range.asks("unmount", &["shop", "b/.."]).await);
            told.push(range.asks("unmount", &["shop", ""]).await);
            told
        },
        contained: "denied before the broker is asked: nothing is mounted or unmounted",
        refused: "err:Error::Denied(",
        twin: async |range| {
            // Nothing is mounted there, which is what was asked for; only root may ask.
            fs::create_dir(range.shop().join("b")).unwrap();
            match range.asks("unmount", &["shop", "b"]).await {
                told if told.contains("CAP_SYS_ADMIN") => "ok:()".to_owned(),
                told => told,
            }
        },
        answers: "ok:()",
    }
}
