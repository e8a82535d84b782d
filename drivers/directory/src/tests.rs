//! The driver as a whole, through its own interfaces, on a host in memory: what it makes and
//! leaves, and that each call can be repeated whatever hit it. Run by plain `cargo test`.
//!
//! What it is not: a proof that the policy grants what is asked, nor about the component; those
//! are in `tests/`.

mod access;
mod backend;
mod exports;
mod shares;
mod shrinking;
mod snapshots;

use abaca_sdk::testing::{Answer, Host, Program, share};
use abaca_sdk::{GIB, Share, Shares};

use crate::Directory;

/// How many GiB the file system has.
const CAPACITY: u64 = 10;

/// A host with the two roots and the three programs, as the policy grants them.
fn host() -> Host {
    host_whose_cp(|cp| cp.host().copy_tree(cp.word("from"), cp.word("to")))
}

/// The same, where copying does this.
fn host_whose_cp<A: Into<Answer>>(
    copies: impl Fn(&Program<'_>) -> A + Send + Sync + 'static,
) -> Host {
    let bytes = CAPACITY * GIB;
    Host::of::<Directory>()
        .root("shares")
        .root("snapshots")
        .option("directory_export_root", "/srv/shares")
        .option("max_over_subscription_ratio", 1.0)
        .when(["df", "--output=size,avail", "--block-size=1", "--", "shares:"])
        .answers(&format!("1B-blocks Avail\n{bytes} {bytes}\n"))
        .when(["du", "--summarize", "--block-size=1", "--one-file-system", "--", "shares:{name}"])
        .does(|du| {
            let used = du.host().used(&format!("shares:{}", du.word("name")));
            format!("{used}\t/proc/self/fd/100/.\n")
        })
        .when([
            "cp",
            "--archive",
            "--reflink=auto",
            "--no-target-directory",
            "--",
            "{from}",
            "{to}",
        ])
        .does(copies)
}

/// The share that most tests have.
fn one() -> Share {
    share("share-1", 2)
}

/// A host with that share in it, which holds a file.
fn host_with_share() -> Host {
    let host = host();
    host.run(|| Directory::create_share(one(), None)).unwrap();
    host.put("shares:share-1/file", "content")
}

/// The sizes that are promised: entity and GiB.
fn promised(host: &Host) -> Vec<(String, String)> {
    let sizes = host.state().into_iter().filter(|(_, key, _)| key == "size");
    sizes.map(|(entity, _, size)| (entity, size)).collect()
}

/// The promise of that share, of so many GiB, alone.
fn only(size: u64) -> Vec<(String, String)> {
    vec![(one().id, size.to_string())]
}
