//! Consistency groups: members that are kept by one snapshot, and groups that are made of it.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use abaca::types::{AccessLevel, Error as DriverError, Share};
use rustix::io::Errno;
use uuid::Uuid;

use super::{Home, driver_error, reserve, run, write};
use crate::dummy::group;
use crate::dummy::groups::{cgsnapshot, member_of};
use crate::support::{rule, share, snapshot, tree};

fn id() -> String {
    Uuid::new_v4().to_string()
}

/// Where a member is.
fn place(home: &Home, share: &Share) -> PathBuf {
    let group = share.consistency_group_id.as_ref().unwrap();
    home.pool.path().join("groups").join(format!("cg-{group}")).join(&share.name)
}

/// A group of two members, each of two GiB.
async fn grouped(home: &Home, group_id: &str) -> [Share; 2] {
    for _ in 0..2 {
        home.backend.create_consistency_group(&group(group_id, &[]), None).await.unwrap();
    }
    let mut made = Vec::new();
    for name in ["one", "two"] {
        let member = member_of(group_id, name);
        home.backend.create_share(&member, None).await.unwrap();
        made.push(home.recorded(&member).await);
    }
    made.try_into().unwrap()
}

/// The life of a group, and of one that is made of its snapshot.
pub async fn life(home: &Home) {
    let (first, second, kept) = (id(), id(), id());
    let [one, two] = grouped(home, &first).await;
    assert_eq!(one.export_locations[0].path, super::text(&place(home, &one)));
    let everyone = rule("everyone", AccessLevel::Rw);
    home.backend
        .update_access(&one, from_ref(&everyone), from_ref(&everyone), &[], None)
        .await
        .unwrap();
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&place(home, &one)), mode(&place(home, &two))), (0o777, 0o700));
    for member in [&one, &two] {
        fs::write(place(home, member).join("file"), &member.name).unwrap();
    }
    let before = [tree(&place(home, &one)), tree(&place(home, &two))];

    let wanted = cgsnapshot(&kept, &first, &[one.clone(), two.clone()]);
    home.backend.create_cgsnapshot(&wanted, None).await.unwrap();
    home.backend.create_cgsnapshot(&wanted, None).await.unwrap();
    fs::write(place(home, &one).join("file"), "changed").unwrap();
    let of = |share: &Share| home.snapshots().join(format!("cgsnapshot-{kept}")).join(&share.name);
    assert_eq!([tree(&of(&one)), tree(&of(&two))], before);
    let error = fs::write(of(&one).join("new"), "x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnlyFilesystem);

    // A group of one of its members, the first, shut to clients until it has rules.
    let copy = Share {
        source_cgsnapshot_member_id: Some(wanted.members[0].id.clone()),
        ..member_of(&second, "copy")
    };
    let copied = group(&second, from_ref(&copy));
    let updates = home
        .backend
        .create_consistency_group_from_cgsnapshot(&copied, &wanted, None)
        .await
        .unwrap();
    let directory = place(home, &copy);
    assert_eq!(updates[0].export_locations[0].path, super::text(&directory));
    home.backend.create_consistency_group_from_cgsnapshot(&copied, &wanted, None).await.unwrap();
    assert_eq!((tree(&directory), mode(&directory)), (before[0].clone(), 0o700));
    assert_eq!(fs::read_dir(directory.parent().unwrap()).unwrap().count(), 1);

    // They are resized by what each holds.
    home.backend.extend_share(&one, 3, None).await.unwrap();
    let one = home.recorded(&one).await;
    reserve(&place(home, &one), "reserved", 1100).unwrap();
    let error = driver_error(home.backend.shrink_share(&one, 1, None).await);
    assert!(matches!(error, DriverError::ShareShrinkingPossibleDataLoss(_)), "{error:?}");
    home.backend.shrink_share(&one, 2, None).await.unwrap();

    home.backend.delete_cgsnapshot(&wanted, None).await.unwrap();
    for member in [&one, &two, &copy] {
        home.backend.delete_share(member, None).await.unwrap();
    }
    for id in [&first, &second] {
        home.backend.delete_consistency_group(&group(id, &[]), None).await.unwrap();
    }
}

#[tokio::test]
async fn a_group_is_kept_copied_and_removed() {
    let Some(home) = Home::new("consistency groups").await else { return };
    life(&home).await;
    home.assert_bare().await;
}

#[tokio::test]
async fn a_group_holds_as_much_as_its_members_are_promised() {
    let Some(home) = Home::new("the limit of a group").await else { return };
    let first = id();
    let [one, two] = grouped(&home, &first).await;
    // Four GiB in all, wherever they are.
    reserve(&place(&home, &one), "reserved", 4000).unwrap();
    assert_eq!(reserve(&place(&home, &two), "reserved", 200), Err(Errno::DQUOT));
    home.backend.extend_share(&two, 3, None).await.unwrap();
    reserve(&place(&home, &two), "reserved", 200).unwrap();
    // Without one of them there is less.
    home.backend.delete_share(&one, None).await.unwrap();
    assert_eq!(reserve(&place(&home, &two), "more", 3000), Err(Errno::DQUOT));
    home.backend.delete_share(&two, None).await.unwrap();
    home.backend.delete_consistency_group(&group(&first, &[]), None).await.unwrap();
    home.assert_bare().await;
}

/// Members that come at once are all counted, whoever is last.
#[tokio::test(flavor = "multi_thread")]
async fn four_members_come_at_once() {
    let Some(home) = Home::new("members that come at once").await else { return };
    let first = id();
    home.backend.create_consistency_group(&group(&first, &[]), None).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..4 {
        let (backend, member) = (home.backend.clone(), member_of(&first, &number.to_string()));
        tasks.spawn(async move { backend.create_share(&member, None).await.unwrap() });
    }
    tasks.join_all().await;
    let top = home.pool.path().join("groups").join(format!("cg-{first}"));
    let shown = run("btrfs", &["subvolume", "show", "--raw", super::text(&top)]);
    let limit = format!("Limit referenced:\t{}\n", 8_u64 << 30);
    assert!(shown.contains(&limit), "{shown}");
}

/// A client writes the same number to one member and then to the other, as fast as it can. At no
/// moment is the second ahead of the first, and so in no snapshot.
#[tokio::test(flavor = "multi_thread")]
async fn members_are_kept_at_one_moment() {
    let Some(home) = Home::new("snapshots of groups under writes").await else { return };
    let first = id();
    let members = grouped(&home, &first).await;
    let directories = members.each_ref().map(|member| place(&home, member));
    let enough = Arc::new(AtomicBool::new(false));
    let client = tokio::task::spawn_blocking({
        let (enough, directories) = (Arc::clone(&enough), directories.clone());
        move || {
            for number in 0_u32.. {
                for directory in &directories {
                    fs::write(directory.join(format!("{number:08}")), "").unwrap();
                }
                if enough.load(Ordering::Relaxed) {
                    return number;
                }
            }
            0
        }
    });
    let mut sizes = Vec::new();
    for _ in 0..5 {
        let wanted = cgsnapshot(&id(), &first, &members);
        home.backend.create_cgsnapshot(&wanted, None).await.unwrap();
        let kept = home.snapshots().join(format!("cgsnapshot-{}", wanted.id));
        let counts =
            members.each_ref().map(|one| fs::read_dir(kept.join(&one.name)).unwrap().count());
        assert!((0..=1).contains(&(counts[0] as i64 - counts[1] as i64)), "{counts:?}");
        sizes.push(counts[0]);
        home.backend.delete_cgsnapshot(&wanted, None).await.unwrap();
    }
    enough.store(true, Ordering::Relaxed);
    assert!(client.await.unwrap() > 0 && sizes.is_sorted(), "{sizes:?}");
}

#[tokio::test]
async fn a_member_is_kept_with_its_group_alone() {
    let Some(home) = Home::new("what members cannot do").await else { return };
    let first = id();
    let [one, two] = grouped(&home, &first).await;
    let error = driver_error(home.backend.unmanage(&one).await);
    assert!(matches!(error, DriverError::UnmanageInvalidShare(_)), "{error:?}");
    let error = driver_error(home.backend.create_snapshot(&snapshot(&one), None).await);
    assert!(matches!(error, DriverError::Unsupported(_)), "{error:?}");

    // A group that is not there, a share that is no member, a member that nobody named.
    let error = driver_error(home.backend.create_share(&member_of(&id(), "stray"), None).await);
    assert!(matches!(error, DriverError::InvalidShare(_)), "{error:?}");
    let (single, _) = home.made(&share("single", 1)).await;
    let wanted = cgsnapshot(&id(), &first, &[two.clone(), single]);
    let error = driver_error(home.backend.create_cgsnapshot(&wanted, None).await);
    assert!(matches!(error, DriverError::InvalidShare(_)), "{error:?}");
    assert_eq!(fs::read_dir(home.snapshots()).unwrap().count(), 0);
    let wanted = cgsnapshot(&id(), &first, from_ref(&two));
    home.backend.create_cgsnapshot(&wanted, None).await.unwrap();
    let other = id();
    let copied = group(&other, &[member_of(&other, "of nothing")]);
    let answer =
        home.backend.create_consistency_group_from_cgsnapshot(&copied, &wanted, None).await;
    assert!(matches!(driver_error(answer), DriverError::InvalidShare(_)));
    assert_eq!(fs::read_dir(home.pool.path().join("groups")).unwrap().count(), 1);
    write(&place(&home, &two), "file", 1).unwrap();
}
