//! What a call leaves when nobody could say how it ended: what is not known, and what to do about
//! it, which differs from call to call. Pure; told by the records in its parent.

/// What is recorded of a call of this method.
pub(super) fn interrupted(method: &str) -> String {
    format!(
        "interrupted: the runtime ended during {method}, so how far it came is not known; {}",
        advice(method)
    )
}

/// How its user gets on. Nothing is guessed here: what can be asked again is asked again.
fn advice(method: &str) -> &'static str {
    match method {
        "create-share"
        | "create-share-from-snapshot"
        | "create-snapshot"
        | "create-replica"
        | "create-replicated-snapshot"
        | "create-consistency-group"
        | "create-consistency-group-from-cgsnapshot"
        | "create-cgsnapshot" => "delete what there is of it",
        "delete-share"
        | "delete-snapshot"
        | "delete-replica"
        | "delete-replicated-snapshot"
        | "delete-consistency-group"
        | "delete-cgsnapshot" => "delete it again to remove the rest",
        "manage-existing" | "manage-existing-snapshot" => {
            "unmanage it, which keeps its data, and take it over again"
        }
        "setup-server" => "tear the share server down, which ends its leases too",
        "teardown-server" => "tear it down again to remove the rest",
        "update-access" | "allow-access" | "deny-access" => {
            "repeat the change, and all rules are applied anew"
        }
        "migration-start" | "migration-complete" | "migration-cancel" => {
            "ask for the migration's progress, then complete or cancel it"
        }
        "migration-copy" => "start the migration again, which begins the copy anew, or cancel it",
        "promote-replica" => {
            "look at the back end to see which replica is active, and promote that one or another"
        }
        _ => "repeat what you asked",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_deleted_by_advice_that_may_be_elsewhere_or_in_use() {
        for method in [
            "migration-start",
            "migration-complete",
            "migration-cancel",
            "promote-replica",
            "setup-server",
            "manage-existing",
            "extend-share",
        ] {
            let message = interrupted(method);
            assert!(message.contains(method) && !message.contains("delete"), "{message}");
        }
        assert!(interrupted("create-share").contains("delete"));
        assert!(interrupted("setup-server").contains("tear"));
    }
}
