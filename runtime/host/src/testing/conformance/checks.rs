//! All checks: what each is called, what it means, why it matters, and what runs it. Called by
//! `Suite`.

use std::borrow::Cow;
use std::pin::Pin;

use super::bench::{Bench, Judged};
use super::misfortunes::Misfortune;
use super::operations::{OPERATIONS, Operation};
use super::{
    access, backend, concurrency, consistency_groups, keeping, managing, migration, names,
    replication, share_servers, shares, sizes, snapshots,
};
use crate::contract::Interface;

type Judging = Pin<Box<dyn Future<Output = Judged> + Send>>;

/// What runs a check.
#[derive(Clone, Copy)]
enum Run {
    Operation(Operation, Misfortune),
    Special(fn(Bench) -> Judging),
}

/// One check.
#[derive(Clone)]
pub(super) struct Check {
    pub id: String,
    pub meaning: Cow<'static, str>,
    pub why: &'static str,
    /// Whether it is about share servers, so that the driver must handle some.
    pub served: bool,
    run: Run,
}

impl Check {
    pub(super) async fn run(&self, bench: Bench) -> Judged {
        match self.run {
            Run::Operation(operation, misfortune) => misfortune.check(operation, &bench).await,
            Run::Special(check) => check(bench).await,
        }
    }

    /// Whether it could ever be run for a driver that offers these.
    pub(super) fn is_about(&self, offers: impl Fn(Interface) -> bool) -> bool {
        match self.run {
            Run::Operation(operation, _) => offers(operation.interface),
            Run::Special(_) => true,
        }
    }
}

/// All of them: what each operation is for, and whether what takes it back leaves nothing; then the
/// special ones, then each operation with each misfortune. What does not do what it is for is told
/// once, and what the others follow from is told first.
pub(super) fn all() -> Vec<Check> {
    let mut checks = misfortunes(&[Misfortune::Nothing]);
    checks.extend(misfortunes(&[Misfortune::Undone]));
    checks.extend(special());
    checks.extend(misfortunes(&Misfortune::SOME));
    checks
}

fn misfortunes(all: &[Misfortune]) -> Vec<Check> {
    let mut checks = Vec::new();
    for operation in OPERATIONS {
        for misfortune in all.iter().copied() {
            checks.push(Check {
                id: format!("{}/{}", operation.id, misfortune.id()),
                meaning: Cow::Owned(format!(
                    "`{}`, which {}: {}",
                    operation.function,
                    operation.does,
                    misfortune.meaning()
                )),
                why: misfortune.why(),
                served: operation.interface == Interface::ShareServers,
                run: Run::Operation(*operation, misfortune),
            });
        }
    }
    checks
}

macro_rules! special {
    ($($room:ident :: $check:ident = $id:literal, $meaning:literal, $why:literal $(, $served:ident)?;)*) => {
        fn special() -> Vec<Check> {
            vec![$(Check {
                id: $id.to_owned(),
                meaning: Cow::Borrowed($meaning),
                why: $why,
                served: special!(@ $($served)?),
                run: Run::Special(|bench| Box::pin($room::$check(bench))),
            }),*]
        }
    };
    (@ served) => { true };
    (@) => { false };
}

special! {
    backend::description_is_whole = "description/whole",
        "the driver says its name, vendor, version, protocols, and what each option is for",
        "an operator decides by it";
    backend::policy_suffices = "policy/suffices",
        "what each operation asks for as it should go is granted",
        "a rule that is missing is found on the day when it is needed";
    backend::no_lock_is_left = "locks/given-back",
        "each call gives back the locks that it took",
        "whoever waits for one waits for the end of the call otherwise";
    backend::stats_make_sense = "stats/sensible",
        "capacities are numbers, not negative, no more free than there is, and pools have names of their own",
        "the service's scheduler places shares by them";
    backend::stats_change_nothing = "stats/only-asked",
        "asking for statistics changes nothing",
        "they are asked for every minute";
    backend::stats_count_what_is_made = "stats/counted",
        "with one share more, no more is free",
        "a pool that never fills in the statistics fills in truth";
    backend::pool_is_among_the_statistics = "pool/known",
        "a share's pool is one that the statistics name",
        "the scheduler knows no others";
    backend::hook_passes_over_the_missing = "hook/missing-share",
        "of a share that is not there a hook hears nothing, and the driver does not panic",
        "shares come and go while hooks run";
    backend::other_protocols_are_refused = "share/other-protocol",
        "a share of a protocol that the driver does not name is refused, and leaves nothing",
        "clients could never mount it";
    backend::labels_are_no_matter = "share/labels",
        "whatever names, descriptions, metadata and extra specs a service attaches, a share is made and removed",
        "they are chosen by tenants";
    backend::manifest_is_whole = "manifest/whole",
        "the manifest asks for what the driver imports, and describes this driver",
        "an operator approves what it says, and a backend with less is not opened";
    backend::broken_storage_is_noticed = "setup/notices",
        "where all that it asks the storage fails, `check-for-setup-error` does not answer ok",
        "a service would start, and every share of its tenants would fail";
    backend::setup_check_only_asks = "setup/only-asked",
        "`check-for-setup-error` changes nothing",
        "an operator asks it of a storage that works";
    keeping::setup_keeps_what_is_there = "setup/keeps-shares",
        "`do-setup` with shares, snapshots and rules there changes nothing of them",
        "every restart of a service calls it";
    backend::locks_have_one_order = "locks/order",
        "no two operations take two locks in opposite orders",
        "each would wait for the lock that the other one has";
    sizes::statistics_are_measured = "stats/measured",
        "with a share there, no more is free than there is, less than before, of no more than the storage has, and that stays",
        "the service's scheduler places shares by them";
    shares::share_has_a_location = "share/location",
        "a share that is made is found somewhere",
        "a share without an export location cannot be mounted";
    access::new_share_lets_nobody_in = "share/lets-nobody-in",
        "a share that was just made lets nobody in",
        "whoever finds it could read what its tenant writes, and no rule says so";
    access::new_clone_lets_nobody_in = "clone/lets-nobody-in",
        "a share that was just made from a snapshot lets nobody in, not even the clients of its origin",
        "whoever finds it could read what was written to its origin, and no rule says so";
    sizes::share_has_its_size = "share/size",
        "where sizes are bounds, clients can write as much to a share as it was made with, and no more",
        "a tenant pays for a size, and the others for what is written beyond it";
    keeping::share_made_again_keeps_the_data = "share/repeated-keeps-data",
        "`create-share` once more for a share that clients have written to leaves what they wrote",
        "a service that lost its connection asks again, and by then the share is in use";
    keeping::ensuring_asks_the_storage = "share/ensure-asks",
        "`ensure-share` does not answer a location because the record has it",
        "it is asked to find out whether the record is right";
    shares::locations_differ = "share/own-location",
        "two shares are found at two places",
        "one tenant would mount the other's data";
    shares::ensured_location_is_the_same = "share/same-location",
        "`ensure-share` finds a share where `create-share` put it",
        "after each restart all clients would have to mount anew";
    shares::missing_share_is_not_ensured = "share/ensure-missing",
        "of a share that is not there `ensure-share` says so",
        "a service would offer a share that nobody has";
    shares::ensuring_never_guesses = "share/ensure-never-guesses",
        "a share that could not be asked about is not said to be missing",
        "the service would take it for lost, and its record with it";
    shares::missing_share_is_deleted = "share/delete-missing",
        "removing a share that never was is ok, and changes nothing",
        "a failed creation is removed by the service too";
    shares::share_is_made_again = "share/made-again",
        "a share that was removed can be made again as it was",
        "what is left of the first would be in the second";
    shares::others_stay = "share/others-stay",
        "making and removing a share leaves the others alone",
        "they are other tenants'";
    shares::too_large_share_leaves_nothing = "share/too-large",
        "a share that no storage has room for is refused whole, or can be removed",
        "a full pool is an ordinary day";
    shares::share_of_no_size_leaves_nothing = "share/no-size",
        "a share of 0 GiB is refused whole, or can be removed",
        "services check sizes, and not all of them do";
    shares::largest_number_is_no_panic = "share/largest-number",
        "a share of the largest number of GiB is refused whole, or can be removed",
        "numbers overflow where nobody looks";
    sizes::no_number_wraps = "share/wrapping-number",
        "a share of so many GiB that they are few bytes, KiB or MiB where numbers wrap is refused whole, or can be removed",
        "a tenant would have a share of 1 GiB in place of all that was asked for";
    shares::missing_share_is_not_extended = "extend/missing",
        "a share that is not there is not extended, and the error says so",
        "the service would record a size that nobody has";
    shares::extending_too_far_changes_nothing = "extend/too-far",
        "a share that cannot become so large stays as it is",
        "the record keeps the old size";
    sizes::larger_share_has_its_size = "extend/size",
        "where sizes are bounds, clients can write as much to a share that grew as it has now, and no more",
        "the record has the new size";
    shares::extending_keeps_the_location = "extend/same-location",
        "a share that grows is found where it was",
        "clients have it mounted";
    shares::extending_keeps_the_data = "extend/keeps-data",
        "a share that grows keeps what clients wrote",
        "making it anew in the right size is the easiest way to extend it";
    shares::missing_share_is_not_shrunk = "shrink/missing",
        "a share that is not there is not shrunk, and the error says so",
        "the service would record a size that nobody has";
    sizes::smaller_share_has_its_size = "shrink/size",
        "where sizes are bounds, clients can write no more to a share that was made smaller than it has now",
        "the record has the new size, and the old one is used";
    shares::shrinking_below_usage_is_refused = "shrink/below-usage",
        "a share is not made smaller than what is in it: `share-shrinking-possible-data-loss`, and it stays as it is",
        "what clients wrote would be lost, or they could write no more";
    shares::shrinking_above_usage_keeps_the_data = "shrink/above-usage",
        "a share with room to spare is made smaller and stays a share",
        "nobody would dare to shrink one otherwise";
    shares::shrinking_never_guesses = "shrink/never-guesses",
        "where it cannot be read how much is in a share, it is not shrunk",
        "an error of `du` must not lose data";
    access::letting_in_does_something = "access/done",
        "letting a client in does something",
        "a rule that is applied in the record alone lets nobody in";
    access::second_joins_the_first = "access/second-joins",
        "letting a second client in leaves the first one in, in whatever order they come",
        "the first one's writes would fail";
    access::refused_rule_keeps_nobody_in = "access/refused-beside",
        "who is shut out is out, also where another rule of the same set is refused",
        "a tenant who mistypes an address would leave the door open";
    access::sixth_version_is_taken_or_refused = "access/ipv6",
        "a rule for an address of IPv6 is refused as such, or lets it in",
        "the tenant believes that it works";
    access::networks_are_taken_or_refused = "access/networks",
        "a rule for a network is refused as such, or lets more in than its first address",
        "the tenant believes that it works";
    access::unknown_rule_is_deleted = "access/delete-unknown",
        "removing a rule that was never there is ok, and changes nothing",
        "a rule that could not be applied is removed by the service too";
    access::one_rule_leaves_the_other = "access/others-stay",
        "shutting one client out leaves the other in",
        "its writes would fail";
    access::denying_one_leaves_the_other = "rule/others-stay",
        "where rules come one by one, shutting one client out leaves the other in",
        "its writes would fail";
    access::clients_differ = "access/who-differs",
        "to let in one client is something else than to let in another",
        "whoever is named, strangers would come in";
    access::recovery_makes_the_whole_set = "access/recovery",
        "with no rule to add or to remove, the rules become the set: what is not in it is shut out",
        "after an error the service asks for the whole set, and whoever should be out would stay in";
    access::recovery_to_nothing_shuts_all_out = "access/recovery-empty",
        "an empty set shuts everybody out",
        "an empty list is the easiest to take for nothing to do";
    access::other_types_are_refused = "access/other-types",
        "a rule of a type that the driver does not have is refused as such, and lets nobody in",
        "the service tells the tenant by the error's type";
    access::other_levels_are_refused = "access/other-levels",
        "a rule of a level that the driver does not have is refused as such, and lets nobody in",
        "the service tells the tenant by the error's type";
    access::levels_differ = "access/levels-differ",
        "a client that may only read is let in otherwise than one that may write",
        "whoever may only read would write";
    access::no_address_is_refused = "access/no-address",
        "what is no address is not let in, and changes nothing",
        "it ends up in a configuration file or a command line";
    access::nobody_is_let_into_what_is_missing = "access/missing-share",
        "nobody is let into a share that is not there",
        "the rule would wait for whoever makes it";
    access::rules_go_with_their_share = "access/gone-with-the-share",
        "with a share go its rules",
        "the next share of that name would be open to a stranger";
    access::rules_outlast_ensuring = "access/outlast-ensuring",
        "`ensure-share` shuts nobody out",
        "each restart would cut off all clients";
    access::rules_are_each_share_s_own = "access/own-share",
        "the same client let into two shares is let out of one alone",
        "clients mount many shares";
    snapshots::snapshot_of_a_missing_share_is_refused = "snapshot/missing-share",
        "no snapshot is taken of a share that is not there",
        "a tenant would count on it";
    snapshots::missing_snapshot_is_deleted = "snapshot/delete-missing",
        "removing a snapshot that never was is ok, and changes nothing",
        "a failed snapshot is removed by the service too";
    snapshots::one_snapshot_leaves_the_other = "snapshot/others-stay",
        "taking and removing a second snapshot leaves the first",
        "it may be the one that is needed";
    snapshots::snapshot_leaves_its_share = "snapshot/share-stays",
        "taking a snapshot changes nothing of its share",
        "clients are writing to it";
    snapshots::share_and_snapshot_leave_nothing = "snapshot/delete-share-first",
        "a share with a snapshot is kept or removed whole, and in the end nothing is left of both",
        "half of one is lost, and the rest is paid for";
    snapshots::clone_has_its_own_location = "clone/own-location",
        "a share made from a snapshot is found at a place of its own",
        "whoever wrote to one would change the other";
    keeping::clone_holds_what_its_snapshot_does = "clone/keeps-data",
        "a share made from a snapshot holds what was written before it, and nothing that was written later",
        "a tenant would find it empty, or torn";
    keeping::clone_made_again_keeps_the_data = "clone/repeated-keeps-data",
        "`create-share-from-snapshot` once more for a share that clients have written to leaves what they wrote",
        "a service that lost its connection asks again, and by then the share is in use";
    sizes::larger_clone_has_its_size = "clone/size",
        "where sizes are bounds, clients can write as much to a share made from a snapshot as it was asked with, and no more",
        "a tenant pays for a size";
    snapshots::clone_of_nothing_is_refused = "clone/missing-snapshot",
        "no share is made from a snapshot that is not there, and nothing is left",
        "a tenant would find it empty";
    snapshots::larger_clone_is_made_or_refused_whole = "clone/larger",
        "a share larger than its snapshot is made or refused whole",
        "services allow it";
    snapshots::clone_and_snapshot_leave_nothing = "clone/delete-snapshot-first",
        "whatever the driver keeps of a snapshot for its clone, in the end nothing is left",
        "what nobody can remove fills the pool";
    managing::missing_share_is_not_taken_over = "manage/missing",
        "a share that is nowhere is not taken over",
        "the service would offer it";
    managing::share_taken_over_is_measured = "manage/size",
        "a share that is taken over has a size and a place",
        "the tenant's quotas count what it says";
    sizes::what_is_not_there_is_not_taken_over = "manage/near-miss",
        "a share that is not there is not taken over where another one is near, and nothing is kept of it",
        "what is kept would be in the way of the next";
    sizes::taken_over_as_large_as_made = "manage/same-size",
        "where sizes are bounds, a share is taken over as large as it was made, and parts of a GiB count as one",
        "the tenant's quotas count what it says";
    sizes::taken_over_is_a_whole_share = "manage/another-name",
        "a share that is taken over under another identifier and name is ensured, let into, extended, snapshotted and removed, also after `do-setup`",
        "nobody who made it knew what a service would call it";
    managing::letting_go_keeps_the_data = "unmanage/keeps-data",
        "letting a share go changes no volume, size, content or snapshot of it",
        "it is the operator's from then on, with what is in it";
    managing::share_taken_over_is_a_share = "manage/whole-life",
        "a share that was taken over can be ensured and removed like any other",
        "nobody remembers later how it came to be";
    managing::missing_snapshot_is_not_taken_over = "manage-snapshot/missing",
        "a snapshot that is nowhere is not taken over",
        "a tenant would count on it";
    share_servers::half_made_server_is_removed = "server/half-made",
        "a server of which no details are known is removed",
        "that is all that is known of one whose setup failed", served;
    share_servers::server_is_removed_twice = "server/twice",
        "a server is removed whole, and removing it again is ok",
        "addresses and interfaces of dead servers are found by nobody", served;
    share_servers::server_carries_a_share = "server/carries-a-share",
        "a share on a server is made, ensured and removed",
        "that is what it is for", served;
    share_servers::server_has_addresses_enough = "server/addresses",
        "the driver asks for a number of addresses that a network has",
        "they are leased before it is set up", served;
    share_servers::chosen_server_is_offered = "server/chosen-is-offered",
        "the server that is chosen for a share is one of those to choose from, or none",
        "the service sets up another one where none is chosen", served;
    share_servers::chosen_server_works = "server/chosen-works",
        "no server in error is chosen for a share",
        "the share could not be made there", served;
    share_servers::server_s_pools_are_there = "server/pools",
        "a server's pools are among those of the statistics",
        "the scheduler knows no others", served;
    consistency_groups::missing_group_is_deleted = "group/delete-missing",
        "removing a group that never was is ok, and changes nothing",
        "a failed creation is removed by the service too";
    consistency_groups::missing_group_snapshot_is_deleted = "group/delete-missing-snapshot",
        "removing a group's snapshot that never was is ok, and changes nothing",
        "a failed snapshot is removed by the service too";
    consistency_groups::group_with_members_keeps_them = "group/members-stay",
        "removing a group does not remove the shares in it",
        "they are somebody's";
    consistency_groups::group_snapshot_names_members_only = "group/members-only",
        "the answer of a group snapshot names its members and no others",
        "the service records it";
    consistency_groups::one_group_snapshot_leaves_the_other = "group/other-snapshots-stay",
        "taking and removing a second snapshot of a group leaves the first",
        "it may be the one that is needed";
    consistency_groups::copied_shares_are_found = "group/copied",
        "each share of a copied group is found somewhere",
        "a share without an export location cannot be mounted";
    consistency_groups::group_and_all_in_it_leave_nothing = "group/whole-life",
        "of a group, its snapshot and its shares nothing is left in the end",
        "what is left is paid for and found by nobody";
    replication::missing_replica_is_deleted = "replica/delete-missing",
        "removing a replica that never was is ok, and changes nothing",
        "a failed creation is removed by the service too";
    replication::replica_comes_into_sync = "replica/in-sync",
        "a replica of a share that nobody writes to comes into sync",
        "only such a one may be promoted";
    replication::promoted_replica_is_active = "replica/promoted",
        "the replica that is promoted is the active one, and the answer names no strangers",
        "the service records it";
    replication::one_replica_is_active = "replica/one-active",
        "after a promotion the former replica is not active any more",
        "clients would write to two copies, and one of them would be lost";
    replication::former_replica_comes_into_sync = "replica/former-in-sync",
        "after a promotion the former replica comes into sync with the new one",
        "the share would have no second copy from then on";
    replication::one_replica_leaves_the_other = "replica/others-stay",
        "making and removing a third replica leaves the others",
        "they are what the share is kept for";
    replication::replica_is_promoted_without_the_active = "replica/lost-active",
        "a replica is promoted although the active one is in error",
        "that is when it is needed";
    replication::replica_is_promoted_alone = "replica/alone",
        "a replica is promoted when the service has lost the record of the active one",
        "that is when it is needed";
    replication::replicas_leave_nothing = "replica/whole-life",
        "of a share and its replica nothing is left in the end",
        "what is left is paid for and found by nobody";
    replication::missing_replicated_snapshot_is_deleted = "replicated-snapshot/delete-missing",
        "removing a snapshot that never was from all replicas is ok, and changes nothing",
        "a failed snapshot is removed by the service too";
    replication::replicated_snapshots_come_to_be = "replicated-snapshot/taken",
        "a snapshot on all replicas names those that were asked for, and none in error",
        "the service records it";
    replication::replicated_snapshots_follow = "replicated-snapshot/follows",
        "a snapshot comes to be on the replica that is not active, from 0 to 100 %",
        "after a promotion it is the only one";
    replication::replicated_snapshots_leave_nothing = "replicated-snapshot/whole-life",
        "a snapshot on all replicas is removed from all of them, and removing it again is ok",
        "what is left is paid for and found by nobody";
    migration::progress_comes_to_its_end = "migration/progress",
        "a move says how far it is, from 0 to 100, never backwards, and comes to its end",
        "the service waits for 100";
    migration::move_is_given_up_at_once = "migration/cancelled-at-once",
        "a move that is given up at once leaves the share as it was",
        "the share stays in use";
    migration::move_is_given_up_on_the_way = "migration/cancelled-on-the-way",
        "a move that is given up on the way leaves the share as it was",
        "the share stays in use";
    migration::move_is_given_up_at_the_end = "migration/cancelled-at-the-end",
        "a move that is given up before its second phase leaves the share as it was",
        "the share stays in use";
    migration::move_is_ended = "migration/whole-life",
        "a share that was moved can be removed, and nothing is left on either side",
        "the old copy is found by nobody";
    migration::nothing_is_moved_to_a_stranger = "migration/stranger",
        "a share is not moved to a back end that told the driver nothing; the service copies it then",
        "nobody there expects it";
    migration::share_can_be_mounted = "migration-info/mount",
        "whoever can mount a share for copying can unmount it",
        "the mount would stay";
    names::long_share_names = "name/long",
        "a share with a long name is made and removed, or refused whole",
        "upstream's names have up to 255 characters";
    names::unicode_share_names = "name/unicode",
        "a share with a name in any script is made and removed, or refused whole",
        "tenants write in their own";
    names::hostile_share_names = "name/hostile",
        "a share whose name would climb, hide, or be an option is made and removed, or refused whole",
        "templates of names are the operator's";
    names::empty_share_name = "name/empty",
        "a share without a name is refused whole, or can be removed",
        "an empty name is the root of everything";
    names::similar_names_are_two_shares = "name/similar",
        "names that differ in one letter's case are two shares, or the second is refused",
        "one tenant would have the other's data";
    names::long_names_are_two_shares = "name/long-similar",
        "names that differ only after 60, 120 or 250 characters are two shares, or the second is refused",
        "one tenant would have the other's data";
    names::hostile_snapshot_names = "name/hostile-snapshot",
        "a snapshot whose name would climb, hide, or be an option is taken and removed, or refused whole",
        "templates of names are the operator's";
    names::unicode_snapshot_names = "name/unicode-snapshot",
        "a snapshot with a name in any script is taken and removed, or refused whole",
        "tenants write in their own";
    concurrency::two_shares_are_made = "beside/two-made",
        "two shares made at the same time are made as in turn",
        "services call at the same time";
    concurrency::one_share_is_made_twice = "beside/one-made-twice",
        "a share made twice at the same time is made once",
        "a service that lost its connection asks again while the first call runs";
    concurrency::one_is_made_one_removed = "beside/made-and-removed",
        "one share made and another removed at the same time come to the same as in turn",
        "services call at the same time";
    concurrency::one_share_is_removed_twice = "beside/removed-twice",
        "a share removed twice at the same time is removed",
        "a service that lost its connection asks again while the first call runs";
    concurrency::two_clients_are_let_in = "beside/two-let-in",
        "clients let into two shares at the same time are let into both",
        "one export table serves all shares";
    concurrency::two_snapshots_are_taken = "beside/two-snapshots",
        "snapshots of two shares at the same time are taken as in turn",
        "services call at the same time";
}
