//! Access rules, as the property `sharenfs`. All rules are set each time.
//!
//! Who serves a share by its property is the tool's affair. OpenZFS tells the kernel's NFS server at
//! once, and that it could not is an error. zfs-fuse calls `exportfs` for each client, and then looks
//! into the server's table whether the share is there. From behind the broker's walls neither can be
//! reached, so here the property is only kept, in the form that zfs-fuse reads, and that is said to the
//! log: a `zfs share` of the operator's, as at the start of the machine, serves by it. zfs-fuse adds to
//! that table and takes nobody out of it, which is said as well.

use abaca_sdk::command::Command;
use abaca_sdk::{
    Access, AccessRule, AccessRulesStatus, Error, ReplicaState, Result, Share, ShareServer, lock,
    log,
};

use crate::record::Record;
use crate::sharenfs::Form;
use crate::{Zfs, dataset, places, sharenfs, tool};

/// What `exportfs` says of something that is not exported.
const NOT_EXPORTED: &str = "Could not find";

impl Access for Zfs {
    fn update_access(
        share: Share,
        access_rules: Vec<AccessRule>,
        add_rules: Vec<AccessRule>,
        delete_rules: Vec<AccessRule>,
        _: Option<ShareServer>,
    ) -> Result<()> {
        // One of another kind changes nothing, and neither does a new one that cannot be; unless
        // somebody is to be shut out by the same call.
        if delete_rules.is_empty() {
            access_rules.iter().try_for_each(sharenfs::check_type)?;
            add_rules.iter().try_for_each(|rule| sharenfs::client(rule).map(drop))?;
        }
        let record = places::known(&share)?;
        // One that was there before must not keep others from being taken away.
        let (fit, refused): (Vec<_>, Vec<_>) =
            access_rules.into_iter().partition(|rule| sharenfs::client(rule).is_ok());
        let read_only = !matches!(share.replica_state, None | Some(ReplicaState::Active));
        apply(&record, &fit, read_only)?;
        unexport(&record, &delete_rules, &fit)?;
        refused.iter().try_for_each(|rule| sharenfs::client(rule).map(drop))
    }
}

/// Sets the rules of a dataset that is there.
pub fn apply(record: &Record, rules: &[AccessRule], read_only: bool) -> Result<()> {
    let _guard = lock::acquire(&record.dataset, None)?;
    // For no rules both have the same.
    let form = match rules.is_empty() || !tool::is_fuse()? {
        true => Form::OpenZfs,
        false => Form::ZfsFuse,
    };
    let value = sharenfs::value(rules, read_only, form)?;
    if !dataset::is_there(record)? {
        return Err(Error::ShareResourceNotFound(format!(
            "the dataset {} is not there",
            record.dataset
        )));
    }
    set(record, &value)
}

/// Sets the rules of a replica and says how that went: that one cannot be set does not keep it from
/// being a replica.
pub fn settle(record: &Record, rules: Vec<AccessRule>, read_only: bool) -> AccessRulesStatus {
    let all = rules.len();
    let fit: Vec<_> = rules.into_iter().filter(|rule| sharenfs::client(rule).is_ok()).collect();
    match apply(record, &fit, read_only) {
        Ok(()) if fit.len() == all => AccessRulesStatus::Active,
        Ok(()) => AccessRulesStatus::Error,
        Err(error) => {
            log::error(format!("the rules of {}: {}", record.dataset, error.text()));
            AccessRulesStatus::Error
        }
    }
}

/// Lets nobody in.
pub fn shut(record: &Record) -> Result<()> {
    match dataset::get(record, "sharenfs")?.as_deref() {
        None | Some(sharenfs::OFF) => Ok(()),
        Some(_) => set(record, sharenfs::OFF),
    }
}

/// Has a dataset served by the rules that it has.
pub fn serve(record: &Record) -> Result<()> {
    match dataset::get(record, "sharenfs")?.as_deref() {
        None | Some(sharenfs::OFF) => Ok(()),
        Some(_) => served(record, tool::zfs(["share", &record.dataset]).output().map(drop)),
    }
}

fn set(record: &Record, value: &str) -> Result<()> {
    match dataset::set(record, &format!("sharenfs={value}")) {
        // What it says is not whether it was set.
        Err(error) if tool::is_unserved(&error) => {
            let now = dataset::get(record, "sharenfs")?;
            if now.as_deref() != Some(value) {
                return Err(error);
            }
            served(record, Err(error))
        }
        answer => answer,
    }
}

/// That nobody serves it is no fault of zfs-fuse.
fn served(record: &Record, answer: Result<()>) -> Result<()> {
    match answer {
        Err(error) if tool::is_unserved(&error) && tool::is_fuse()? => {
            log::warning(format!(
                "{0}: zfs-fuse keeps the rules, and no server has heard of them from here; `zfs share \
                 {0}`, run by root, lets these clients in",
                record.dataset
            ));
            Ok(())
        }
        answer => answer,
    }
}

/// Takes away what the kernel's NFS server may still have of rules that are gone. Upstream:
/// `NFSviaZFSHelper.update_access`. A policy that does not grant it is one of a host without that
/// server, or trusts OpenZFS to do it; that is said to the log.
fn unexport(record: &Record, gone: &[AccessRule], kept: &[AccessRule]) -> Result<()> {
    let of = |rules: &[AccessRule]| -> Vec<String> {
        rules.iter().filter_map(|rule| sharenfs::client(rule).ok()).collect()
    };
    // One that may do less from now on is still let in.
    let (mut clients, kept) = (of(gone), of(kept));
    clients.retain(|client| !kept.contains(client));
    if clients.is_empty() {
        return Ok(());
    }
    if tool::is_fuse()? {
        log::warning(format!(
            "{}: zfs-fuse takes nobody out of a server's table; where this was shared, {} may come in \
             until root says `exportfs -u CLIENT:MOUNTPOINT`",
            record.dataset,
            clients.join(" and ")
        ));
        return Ok(());
    }
    // Where no rule is left, OpenZFS exports nothing at all.
    if kept.is_empty() {
        return Ok(());
    }
    for client in clients {
        let export = format!("{client}:{}", places::place(record));
        match Command::new("exportfs").arg("-u").arg(export).output() {
            Err(Error::CommandFailed(failure)) if failure.stderr.contains(NOT_EXPORTED) => {}
            Err(Error::Denied(denial)) => {
                log::warning(format!(
                    "{client} is in no rule of {} any more, and `exportfs -u` was not asked for it: {}",
                    record.dataset, denial.reason
                ));
            }
            answer => drop(answer?),
        }
    }
    Ok(())
}
