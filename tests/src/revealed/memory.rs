//! What a service and its broker keep of a secret in their memory once a program was given it:
//! nothing. All memory that they can write to is searched.

use std::fs::File;
use std::os::unix::fs::FileExt;

use serde_json::json;

use super::everywhere::descendants;
use super::{CANARY, DIGEST, desk, planted};
use crate::support::{Ground, Service, attack_share};

/// How much is searched at once, in bytes.
const PIECE: usize = 1 << 20;

/// How often a text stands in the memory that a process can write to; none if it may not be read.
fn found(id: u32, text: &str) -> Option<usize> {
    let maps = std::fs::read_to_string(format!("/proc/{id}/maps")).ok()?;
    let memory = File::open(format!("/proc/{id}/mem")).ok()?;
    let (mut count, mut read_any) = (0, false);
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        if !rest.starts_with("rw") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let [mut at, end] = [from, to].map(|address| u64::from_str_radix(address, 16).unwrap());
        // Each piece begins with the end of the one before: a text may lie across.
        let overlap = text.len() as u64 - 1;
        while at < end {
            let length = usize::try_from(end - at).unwrap().min(PIECE);
            let mut piece = vec![0; length];
            // Reserved memory that was never touched cannot be read.
            if memory.read_exact_at(&mut piece, at).is_ok() {
                read_any = true;
                count += piece.windows(text.len()).filter(|one| *one == text.as_bytes()).count();
            }
            let step = if length == PIECE { length as u64 - overlap } else { length as u64 };
            at += step;
        }
    }
    read_any.then_some(count)
}

#[test]
fn a_secret_that_a_program_was_given_is_wiped() {
    let ground = Ground::new();
    let desk = desk(&ground, "", planted(&ground), "1");
    let service = Service::start(&ground, &desk, &[]);
    let mut client = service.client();
    for _ in 0..3 {
        let share = attack_share("command", &["sha256sum", "hostile_secret"]);
        let params = json!({ "backend": "hostile", "share": share });
        let said = client.ok("create_share", &params);
        assert!(said.to_string().contains(DIGEST), "{said}");
    }
    let own = service.child.id();
    let Some(names) = found(own, "hostile_secret") else {
        eprintln!("SKIPPED (needs to read another process's memory): what is left of a secret");
        return;
    };
    assert!(names > 0, "the search finds what is there");
    let others = descendants(own);
    assert!(!others.is_empty(), "there is a broker");
    for id in others.into_iter().chain([own]) {
        // The broker lets nobody look who has less power than root.
        if let Some(count) = found(id, CANARY) {
            assert_eq!(count, 0, "in the memory of {id}, the service being {own}");
        }
    }
    assert_eq!(service.stop(), Some(0));
}
