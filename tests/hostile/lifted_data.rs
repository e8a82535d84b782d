//! Answers that attack whoever reads them: lists that are larger than they look, pointers to
//! nothing, numbers that name no case, texts that are none, and data that no record should hold.

use std::time::Duration;

use super::assembly::Assembly;
use super::{Setup, attacks};

/// The answer of `create-share`, as the bytes at 256: the case, three bytes of room, and for `ok`
/// where the list is and how long it is.
fn answer(bytes: &str) -> Vec<u8> {
    Assembly::new().and(&format!("(data (i32.const 256) \"{bytes}\")")).make()
}

/// `ok` with one location, whose path is where these eight bytes say.
fn path(pointer_and_length: &str) -> Vec<u8> {
    // The list has its one element at 512: path, a flag in four bytes, metadata.
    let list = "(data (i32.const 256) \"\\00\\00\\00\\00\\00\\02\\00\\00\\01\\00\\00\\00\")";
    let element = format!("(data (i32.const 512) \"{pointer_and_length}\")");
    let text = "(data (i32.const 600) \"good\")(data (i32.const 610) \"\\ff\\fe\\c3(\")";
    Assembly::new().and(&format!("{list}{element}{text}")).make()
}

/// The eight bytes of the text `good`.
const GOOD: &str = "\\58\\02\\00\\00\\04\\00\\00\\00";

attacks! { LiftedData:
    /// Answers sixty thousand locations of a hundred bytes, and a million.
    a_huge_list {
        setup: Setup::limits(|limits| limits.cpu = Duration::from_secs(20)),
        attack: async |range| range.asks("huge-list", &["60000"]).await,
        contained: "not copied out of the guest beyond the bytes that a call may lift",
        refused: "it used up its limit of size of one request or answer",
        twin: async |range| range.asks("huge-list", &["64"]).await,
        answers: "00000",
    }

    /// Answers sixteen thousand locations that are all the same mebibyte of its memory: little
    /// there, 16 GiB for who copies each.
    one_mebibyte_said_thousands_of_times {
        attack: async |range| range.asks("aliased-list", &[]).await,
        contained: "not copied beyond the bytes that a call may lift; the host's memory stays",
        refused: "it used up its limit of size of one request or answer",
        twin: async |range| range.asks("echo", &["once"]).await,
        answers: "once",
    }

    /// Names one location more than a share may have.
    more_locations_than_a_share_may_have {
        attack: async |range| range.asks("huge-list", &["65"]).await,
        contained: "the answer is refused, and not recorded",
        refused: "against the contract: it names 65 export locations; 64 are allowed",
        twin: async |range| range.asks("huge-list", &["64"]).await,
        answers: "00000",
    }

    /// Says that its list has four thousand million elements.
    a_list_longer_than_memory {
        attack: async |range| {
            vec![
                range.drives(answer("\\00\\00\\00\\00\\00\\02\\00\\00\\ff\\ff\\ff\\ff")).await,
                range.drives(answer("\\00\\00\\00\\00\\00\\02\\00\\00\\ff\\ff\\ff\\0f")).await,
            ]
        },
        contained: "refused before anything of that length is made",
        refused: "the driver crashed in create-share: list pointer/length out of bounds of memory",
        twin: async |range| {
            range.drives(answer("\\00\\00\\00\\00\\00\\02\\00\\00\\00\\00\\00\\00")).await
        },
        answers: "ok",
    }

    /// Says that its list is beyond its memory, and at an address that no list can have.
    a_list_that_is_elsewhere {
        attack: async |range| {
            vec![
                range.drives(answer("\\00\\00\\00\\00\\f0\\ff\\ff\\ff\\01\\00\\00\\00")).await,
                range.drives(answer("\\00\\00\\00\\00\\01\\02\\00\\00\\01\\00\\00\\00")).await,
            ]
        },
        contained: "nothing is read there; the call ends as crashed",
        refused: "Trap by the driver: the driver crashed in create-share: list pointer",
        twin: async |range| range.drives(path(GOOD)).await,
        answers: "good",
    }

    /// Says that its whole answer is beyond its memory.
    an_answer_that_is_elsewhere {
        attack: async |range| {
            let mut told = Vec::new();
            for at in ["-4", "131072", "131068", "257"] {
                let body = format!("i32.const {at}");
                told.push(range.drives(Assembly::new().body("create-share", &body).make()).await);
            }
            told
        },
        contained: "nothing is read there; the call ends as crashed",
        refused: "Trap by the driver: the driver crashed in create-share: ",
        twin: async |range| {
            range.drives(Assembly::new().body("create-share", "i32.const 260").make()).await
        },
        answers: "ok",
    }

    /// Answers a case that the contract does not have, of the result and of the error.
    a_case_that_is_not_there {
        attack: async |range| {
            vec![
                range.drives(answer("\\02")).await,
                range.drives(answer("\\ff")).await,
                range.drives(answer("\\01\\00\\00\\00\\7f")).await,
            ]
        },
        contained: "not lifted; the call ends as crashed",
        refused: "Trap by the driver: the driver crashed in create-share: ",
        twin: async |range| range.drives(answer("\\00")).await,
        answers: "ok",
    }

    /// Answers a text that is not UTF-8.
    a_text_that_is_none {
        attack: async |range| range.drives(path("\\62\\02\\00\\00\\04\\00\\00\\00")).await,
        contained: "not lifted; the call ends as crashed",
        refused: "Trap by the driver: the driver crashed in create-share: invalid utf-8",
        twin: async |range| range.drives(path(GOOD)).await,
        answers: "good",
    }

    /// Answers a text of two thousand million bytes, and one beyond its memory.
    a_text_longer_than_memory {
        attack: async |range| {
            vec![
                range.drives(path("\\58\\02\\00\\00\\ff\\ff\\ff\\7f")).await,
                range.drives(path("\\00\\00\\02\\00\\04\\00\\00\\00")).await,
            ]
        },
        contained: "refused before anything of that length is made",
        refused: "the driver crashed in create-share: string pointer/length out of bounds of \
         memory",
        twin: async |range| range.drives(path(GOOD)).await,
        answers: "good",
    }

    /// Answers locations that act on a terminal, break lines, end a text early, or are nothing.
    a_location_that_acts {
        attack: async |range| {
            range.each("echo", &[&["a\nb"], &["\u{1b}[2J"], &[""], &["nul\0"], &["\u{9b}0m"]]).await
        },
        contained: "the answer is refused, and not recorded",
        refused: "Contract by the driver: the driver answered create-share against the contract",
        twin: async |range| range.asks("echo", &["192.0.2.1:/grün"]).await,
        answers: "192.0.2.1:/grün",
    }

    /// Answers a location of five thousand bytes.
    a_location_that_is_too_long {
        attack: async |range| range.asks("echo", &[&"x".repeat(5_000)]).await,
        contained: "the answer is refused, and not recorded",
        refused: "an export location is longer than 4096 bytes",
        twin: async |range| range.asks("echo", &[&"x".repeat(4_096)]).await,
        answers: "xxxx",
    }

    /// Fails with an error whose text is two mebibytes and acts on a terminal.
    an_error_that_is_too_long {
        attack: async |range| {
            let text = format!("\u{1b}[31m{}", "x".repeat(2 << 20));
            let told = range.asks("fail", &[&text]).await;
            assert!(told.len() < 4 << 10 && !told.contains('\u{1b}'), "{} bytes", told.len());
            told
        },
        contained: "escaped and cut wherever it is told",
        refused: "bytes more)",
        twin: async |range| range.asks("fail", &["plain words"]).await,
        answers: "Driver by the backend: the storage failed: plain words",
    }
}
