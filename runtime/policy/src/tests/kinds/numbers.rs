//! Numbers, percentages, modes and identifiers.

use super::{covers, faulty, meet, refuses, takes};

const UUID: &str = "11111111-aAaA-4111-8111-0123456789ab";

#[test]
fn an_int_is_digits_between_two_bounds() {
    let int = "{ int = { min = 1, max = 100 } }";
    takes(int, &[("1", "1"), ("64", "64"), ("100", "100")]);
    refuses(int, &["", "0", "101", "-1", "+1", "01", "1.0", "0x1", "1e1", "１", " 1", "1K"]);
    faulty("{ int = { min = 2, max = 1 } }", "no number lies between");
    faulty("{ int = { min = -1, max = 1 } }", "`min` must be 0 to");
    faulty("{ int = { min = 1 } }", "needs the key `max`");
    assert!(meet(int, "{ int = { min = 100, max = 200 } }"));
    assert!(!meet(int, "{ int = { min = 101, max = 200 } }"));
    assert!(covers(int, "{ int = { min = 1, max = 99 } }") && covers(int, "\"7\""));
    assert!(!covers(int, "{ int = { min = 0, max = 99 } }"));
}

#[test]
fn a_percentage_is_of_what_the_rule_says() {
    let percent = "{ percent = { min = 1, max = 100 } }";
    let free = "{ percent = { min = 1, max = 100, of = \"FREE\" } }";
    takes(percent, &[("1%", "1%"), ("100%", "100%")]);
    takes(free, &[("50%FREE", "50%FREE")]);
    refuses(percent, &["", "%", "1", "0%", "101%", "50%FREE", "01%", "1.5%", "-1%", "1%%"]);
    refuses(free, &["50%", "50%VG", "50%free", "FREE", "%FREE"]);
    faulty("{ percent = { min = 0, max = 101 } }", "`max` must be 0 to 100");
    faulty("{ percent = { min = 0, max = 1, of = \"FRE\" } }", "did you mean `FREE`?");
    assert!(meet(percent, percent) && !meet(percent, free));
    assert!(meet(percent, "{ percent = { min = 0, max = 1 } }"));
    assert!(meet(percent, "{ percent = { min = 100, max = 100 } }"));
    assert!(!meet(percent, "{ percent = { min = 0, max = 0 } }"));
    assert!(covers(free, "{ percent = { min = 2, max = 3, of = \"FREE\" } }"));
    assert!(!covers(free, percent) && !covers(percent, "{ percent = { min = 0, max = 1 } }"));
}

#[test]
fn a_mode_has_no_bits_but_those_of_the_mask() {
    let mode = "{ mode = { mask = \"2770\" } }";
    takes(mode, &[("770", "0770"), ("0770", "0770"), ("2750", "2750"), ("000", "0000")]);
    refuses(mode, &["", "0", "77", "777", "0001", "4770", "1770", "07770", "0o770", "u+s", "880"]);
    for mask in ["", "770", "0780", "00770", "u=rwx"] {
        faulty(&format!("{{ mode = {{ mask = \"{mask}\" }} }}"), "no mask of permission bits");
    }
    assert!(meet(mode, "{ mode = { mask = \"0007\" } }"), "no bits are in both");
    assert!(covers(mode, "{ mode = { mask = \"0750\" } }") && covers(mode, "\"0770\""));
    assert!(!covers(mode, "{ mode = { mask = \"0001\" } }"));
    assert!(!covers(mode, "\"770\""), "it would run as 0770");
}

#[test]
fn a_uuid_runs_in_lower_case() {
    let uuid = "{ uuid = true }";
    takes(uuid, &[(UUID, "11111111-aaaa-4111-8111-0123456789ab")]);
    let short = UUID.strip_prefix('1').unwrap();
    let joined = UUID.replace('-', "");
    let braced = format!("{{{UUID}}}");
    refuses(uuid, &["", short, &joined, &braced, "-", "11111111-1111-4111-81111-11111111111"]);
    refuses(uuid, &[&format!("{UUID}0"), &UUID.replace('a', "g"), &UUID.replace('1', "１")]);
    faulty("{ uuid = false }", "write `uuid = true`");
    faulty("{ uuid = 4 }", "true or false");
    assert!(meet(uuid, uuid) && covers(uuid, uuid));
    assert!(covers(uuid, "\"11111111-1111-4111-8111-111111111111\""));
    assert!(!covers(uuid, &format!("\"{UUID}\"")), "it would run in lower case");
}
