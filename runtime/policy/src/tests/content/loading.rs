//! Policies in which `content` would mean nothing, or could be passed by: they do not load.

use super::{EXPORTS, exports};
use crate::Policy;

/// Each edit of a good policy, the text that is underlined, and a piece of what is said.
#[test]
fn what_has_no_place_in_a_file_is_refused_and_underlined() {
    let int = "{ int = { min = 1, max = 65535 } }";
    let path = "{ path = { root = \"shares\", leaf = \"dir\", name = \"share\", pass = \"path\", looked-up = \"the NFS server looks it up\", owner = \"self\" } }";
    let under = path.replace("leaf", "under = \"a b\", leaf");
    for (old, new, underlined, said) in [
        (int, "{ secret = \"token\" }", "{ secret = \"token\" }", "a secret cannot be written"),
        (
            "pass = \"path\", looked-up = \"the NFS server looks it up\", ",
            "",
            "{ path = { root = \"shares\", leaf = \"dir\", name = \"share\", owner = \"self\" } }",
            "add `pass = \"path\"`",
        ),
        (
            "leaf = \"dir\", name = \"share\", pass = \"path\", looked-up = \"the NFS server looks it up\", owner = \"self\"",
            "leaf = \"new\", name = \"share\", pass = \"path\", looked-up = \"the NFS server looks it up\"",
            "{ path = { root = \"shares\", leaf = \"new\", name = \"share\", pass = \"path\", looked-up = \"the NFS server looks it up\" } }",
            "names what is there",
        ),
        (
            "{ name = \"share\" }",
            "{ name = \"share\", owner = \"new\", in = { space = \"s\" } }",
            "{ name = \"share\", owner = \"new\", in = { space = \"s\" } }",
            "names what is there",
        ),
        ("rest = \"a-z0-9-\"", "rest = \"a-z0-9\\\"-\"", path, "may have the character \"\\\"\""),
        ("rest = \"a-z0-9-\"", "rest = \"a-z0-9#\"", path, "may have the character \"#\""),
        (
            "rest = \"a-z0-9-\"",
            "rest = \"a-z0-9\\\\\\\\\"",
            path,
            "may have the character \"\\\\\"",
        ),
        ("/srv/abaca/shares", "/srv/a'b", path, "root `shares` has the character '\\''"),
        ("/srv/abaca/shares", "/srv/a b", path, "root `shares` has the character ' '"),
        ("/srv/abaca/shares", "/srv/ä", path, "root `shares` has the character 'ä'"),
        ("/srv/abaca/shares", "/srv/a;b", path, "letters, digits"),
        (path, &under, &under, "`under` has the character ' '"),
        ("\"  Path = \", {", "\"  Path = /x\", {", path, "the character 'x' beside this path"),
        ("\"  Path = \", {", "\"  Path = /\", {", path, "the character '/' beside this path"),
        (
            "owner = \"self\" } }, \";\"]",
            "owner = \"self\" } }, \"/sub;\"]",
            path,
            "the character '/' beside this path",
        ),
        (
            "owner = \"self\" } }, \";\"]",
            "owner = \"self\" } }, \".;\"]",
            path,
            "the character '.' beside this path",
        ),
        (
            "\"  FSAL { Name = VFS; }\"",
            "{ flag = \"-L\", value = \"x\" }",
            "{ flag = \"-L\", value = \"x\" }",
            "two arguments of a command",
        ),
        ("\"  FSAL { Name = VFS; }\"", "\"a\\tb\"", "\"a\\tb\"", "invisible character"),
        ("\"  FSAL { Name = VFS; }\"", "\"\"", "\"\"", "must not be empty"),
        ("max = 3 }", "max = 2000 }", "2000", "`max` must be 1 to 1024"),
        ("max = 3 }", "max = 1023 }", "{ repeat = ", "too many lines"),
        (
            "\"}\",\n]",
            "{ optional = \"}\" },\n    \"}\",\n]",
            "{ optional = \"}\" }",
            "a line that follows may be taken for it",
        ),
        (
            "name = \"share\"\nverbs = [\"write\"]\n",
            "verbs = [\"write\"]\n",
            "[",
            "`content` without `name`",
        ),
        (
            "verbs = [\"write\"]",
            "verbs = [\"write\", \"read\"]",
            "[\"write\", \"read\"]",
            "about `write` alone",
        ),
        ("verbs = [\"write\"]", "verbs = [\"copy\"]", "[\"copy\"]", "about `write` alone"),
        (
            "\"  FSAL { Name = VFS; }\", \"}\"]]\nrefuses",
            "\"  FSAL { Name = XFS; }\", \"}\"]]\nrefuses",
            "[\"EXPORT {\"",
            "line 4 should be",
        ),
        (
            "  Path = /;",
            "  Path = shares:a;",
            "[\"EXPORT {\"",
            "must be refused, and `export` accepts it",
        ),
        ("refuses = [[", "refuses = [[7], [", "[7]", "each a text"),
        (
            "verbs = [\"read\", \"list\", \"remove\"]",
            "verbs = [\"read\"]\naccepts = [[\"a\"]]",
            "[[\"a\"]]",
            "`accepts` without `content`",
        ),
    ] {
        assert!(EXPORTS.contains(old), "{old}");
        let source = EXPORTS.replacen(old, new, 1);
        let error = match Policy::parse(&source, "p.toml") {
            Ok(_) => panic!("{new} loads"),
            Err(error) => error,
        };
        assert!(error.to_string().contains(said), "{new}: {error}");
        let place = source.get(error.span.clone()).unwrap();
        assert!(
            place.starts_with(underlined),
            "{new}: {place:?} is underlined, not {underlined:?}"
        );
    }
}

#[test]
fn nothing_else_in_a_policy_may_pass_it_by() {
    let types = "[types.other]\nfirst = \"A-Z\"\nrest = \"a-z\"\nmax = 8\n\
                 [types.meeting]\nfirst = \"zA-Z\"\nrest = \"A-Z\"\nmax = 3\n";
    let uses = "[[command]]\nid = \"use\"\nprogram = \"/bin/use\"\nread = [\"exports\"]\n\
                args = [{ name = \"other\" }, { name = \"meeting\" }]\n";
    let source = |rule: &str| format!("{EXPORTS}{types}{uses}{rule}");
    let files = |verb: &str, name: &str, depth: u8| {
        format!(
            "[[files]]\nid = \"past\"\nroot = \"exports\"\nname = \"{name}\"\ndepth = {depth}\n\
             verbs = [\"{verb}\"]\n"
        )
    };
    let mount = |source: &str, place: &str| {
        format!(
            "[[mount]]\nid = \"past\"\nsource = {{ path = {{ root = \"{source}\", leaf = \"dir\", \
             name = \"other\" }} }}\nplace = {{ root = \"{place}\", name = \"other\" }}\n\
             filesystem = [\"bind\"]\n"
        )
    };
    let command = |write: &str| {
        format!(
            "[[command]]\nid = \"past\"\nprogram = \"/bin/cp\"\nwrite = [\"{write}\"]\nargs = []\n"
        )
    };
    // Without a name it is about the root itself, and so about all that is in it.
    let root = |verb: &str| {
        format!("[[files]]\nid = \"past\"\nroot = \"exports\"\nverbs = [\"{verb}\"]\n")
    };
    for rule in [
        files("receive", "share", 1),
        files("receive", "meeting", 2),
        root("receive"),
        root("rename"),
        root("copy"),
        root("write"),
        root("set-mode"),
        root("set-owner"),
        files("rename", "share", 1),
        files("rename", "meeting", 3),
        files("copy", "meeting", 1),
        files("set-mode", "share", 1),
        files("set-owner", "meeting", 2),
        mount("exports", "shares"),
        mount("shares", "exports"),
        command("exports"),
    ] {
        let error = match Policy::parse(&source(&rule), "p.toml") {
            Ok(_) => panic!("{rule} loads"),
            Err(error) => error,
        };
        assert!(error.message.starts_with("`past` "), "{error}");
        assert!(
            error.message.contains("past what `export` says of the content of files"),
            "{error}"
        );
        assert!(error.help.is_some(), "{error}");
        assert_eq!(error.source_text.get(error.span), Some("\"past\""));
    }
    let twice = source(&files("write", "meeting", 4));
    let error = Policy::parse(&twice, "p.toml").unwrap_err();
    assert!(error.message.contains("may both grant the same verb"), "{error}");
    for rule in [
        files("rename", "other", 3),
        files("make-dir", "meeting", 1),
        files("usage", "share", 4),
        files("receive", "other", 1),
        files("send", "share", 1),
        root("list"),
        root("usage"),
        root("send"),
        mount("shares", "shares"),
        command("shares"),
    ] {
        let policy = Policy::parse(&source(&rule), "p.toml");
        assert!(policy.is_ok(), "{rule}: {}", policy.unwrap_err());
    }
}

#[test]
fn it_is_shown_line_by_line() {
    let policy = exports();
    let rule = &policy.files()[0];
    let lines = rule.content.as_ref().unwrap().lines();
    assert_eq!(lines[0], "\"EXPORT {\"");
    assert_eq!(lines[2], "\"  Path = \"<shares/NAME:share own dir>;");
    assert_eq!(lines[3], "[\"  Pseudo = /\"<NAME:share>;]");
    assert!(lines[5].ends_with("; Access_Type = \"<RO|RW>\"; }\"){0..3}"), "{}", lines[5]);
    assert!(
        rule.to_string().starts_with("write <exports/NAME:share> with the lines \"EXPORT {\" / ")
    );
}
