//! What the driver has run, in order, of each call: nothing else changes the file system but the
//! broker's verbs, which are told here between the commands.

use abaca::types::{MigrationDestination, Share};
use serde_json::Value;

use super::Home;
use super::two::{Two, replicated};
use crate::support::{share, snapshot};

/// What was asked since the last time: the commands as they are, and of the verbs those that
/// change something.
fn asked(home: &Home, before: &mut usize) -> Vec<String> {
    let lines = home.ground.audit("home");
    let begun = lines.iter().skip(*before).filter(|line| line["event"] == "intent");
    let words = |line: &Value| {
        let words = line.as_array().unwrap().iter().map(|word| word.as_str().unwrap());
        words.collect::<Vec<_>>().join(" ")
    };
    let asked = begun.map(|line| match line["import"].as_str().unwrap() {
        "command.run" => words(&line["asked"]),
        "command.pipeline" => {
            let stages = line["asked"].as_array().unwrap().iter().map(words);
            stages.collect::<Vec<_>>().join(" | ")
        }
        verb => format!("{verb} {}", words(&line["asked"])),
    });
    let asked = asked.filter(|line| !line.starts_with("files.list")).collect();
    *before = lines.len();
    asked
}

#[tokio::test]
async fn each_call_runs_these_and_no_others() {
    let Some(home) = Home::new("the driver's commands").await else { return };
    let mut before = home.ground.audit("home").len();
    let mut next = || asked(&home, &mut before);
    let (one, two): (Share, Share) = (share("one", 1), share("two", 1));
    let (a, b) = (one.name.clone(), two.name.clone());
    let measure = "df --output=size,avail --block-size=1 -- shares:".to_owned();
    let sync = "btrfs filesystem sync -- shares:".to_owned();
    let show = |place: &str| format!("btrfs subvolume show --raw -- {place}");
    let limit = |gib: u64, id: u64| format!("btrfs qgroup limit -- {} 0/{id} shares:", gib << 30);
    // The first subvolume of a file system has this number, and each next one the next.
    let (first, clone) = (256, 258);

    home.backend.create_share(&one, None).await.unwrap();
    assert_eq!(
        next(),
        [
            measure.clone(),
            format!("btrfs subvolume create -- staging:{a}"),
            format!("files.set-mode staging:{a}"),
            show(&format!("staging:{a}")),
            limit(1, first),
            format!("files.rename staging:{a} shares:{a}"),
            sync.clone(),
        ]
    );
    let current = home.recorded(&one).await;
    home.backend.extend_share(&current, 2, None).await.unwrap();
    assert_eq!(
        next(),
        [measure.clone(), show(&format!("shares:{a}")), limit(2, first), sync.clone()]
    );
    home.backend.shrink_share(&home.recorded(&one).await, 1, None).await.unwrap();
    assert_eq!(
        next(),
        [
            sync.clone(),
            "btrfs qgroup show --raw -- shares:".to_owned(),
            show(&format!("shares:{a}")),
            limit(1, first),
            sync.clone(),
            measure.clone(),
        ]
    );
    let taken = snapshot(&home.recorded(&one).await);
    let kept = &taken.name;
    home.backend.create_snapshot(&taken, None).await.unwrap();
    assert_eq!(next(), [format!("btrfs subvolume snapshot -r -- shares:{a} snapshots:{kept}")]);
    home.backend.create_share_from_snapshot(&two, &taken, None).await.unwrap();
    assert_eq!(
        next(),
        [
            measure,
            format!("btrfs subvolume snapshot -- snapshots:{kept} staging:{b}"),
            format!("files.set-mode staging:{b}"),
            show(&format!("staging:{b}")),
            limit(1, clone),
            format!("files.rename staging:{b} shares:{b}"),
            sync.clone(),
        ]
    );
    home.backend.delete_snapshot(&taken, None).await.unwrap();
    assert_eq!(next(), [format!("btrfs subvolume delete -- snapshots:{kept}"), sync.clone()]);
    home.backend.delete_share(&one, None).await.unwrap();
    assert_eq!(next(), [format!("btrfs subvolume delete -- shares:{a}"), sync]);
}

/// Between two pools: updates of a replica, its promotion, and a move.
#[tokio::test]
async fn each_call_between_pools_runs_these_and_no_others() {
    let Some(two) = Two::new("the driver's commands between two pools").await else { return };
    let replicas = replicated(&two).await;
    let (active, other) = (&replicas[0].share, &replicas[1].share);
    let (a, b) = (active.name.clone(), other.name.clone());
    let mut before = two.home.ground.audit("home").len();
    let mut next = || asked(&two.home, &mut before);
    let show = |place: &str| format!("btrfs subvolume show --raw -- {place}");
    let delete = |place: &str| format!("btrfs subvolume delete -- {place}");
    let first = "btrfs filesystem sync -- shares:".to_owned();
    let second = "btrfs filesystem sync -- second-shares:".to_owned();
    let copy = |name: &str, way: &str, number: u32| {
        format!("btrfs subvolume snapshot -r -- shares:{name} replicas:{way}/sync-{number}")
    };
    let here = |way: &str, number: u32| format!("replicas:{way}/sync-{number}");
    let there = |way: &str, number: u32| format!("second-replicas:{way}/sync-{number}");
    // What it takes to bring a change: from the look at what there is to the end.
    let brought = |name: &str, way: &str, number: u32| {
        vec![
            first.clone(),
            show(&format!("shares:{name}")),
            show(&here(way, number - 1)),
            show(&there(way, number - 1)),
            copy(name, way, number),
            format!(
                "btrfs send -q -p {} -- {} | btrfs receive -q -C -- second-replicas:{way}",
                here(way, number - 1),
                here(way, number)
            ),
            show(&here(way, number)),
            show(&there(way, number)),
            delete(&here(way, number - 1)),
            first.clone(),
            delete(&there(way, number - 1)),
            second.clone(),
        ]
    };
    let whole = |name: &str, way: &str| {
        vec![
            first.clone(),
            show(&format!("shares:{name}")),
            copy(name, way, 1),
            format!(
                "btrfs send -q -- {} | btrfs receive -q -C -- second-replicas:{way}",
                here(way, 1)
            ),
            show(&here(way, 1)),
            show(&there(way, 1)),
            second.clone(),
        ]
    };
    let shut = |name: &str| format!("btrfs property set -t subvol -- shares:{name} ro true");
    // A share of what has arrived; the replicas' root is the first subvolume of the second pool.
    let made = |name: &str, way: &str, number: u32, id: u32| {
        [
            format!("btrfs subvolume snapshot -- {} second-staging:{name}", there(way, number)),
            show(&format!("second-staging:{name}")),
            format!("btrfs qgroup limit -- {} 0/{id} second-shares:", 1 << 30),
            format!("files.rename second-staging:{name} second-shares:{name}"),
            second.clone(),
        ]
    };
    let measure = "df --output=size,avail --block-size=1 -- second-shares:".to_owned();
    let way = format!("share-{}", active.share_id);

    for lines in [whole(&a, &way), brought(&a, &way, 2)] {
        std::fs::write(two.places(active)[0].join("file"), lines.len().to_string()).unwrap();
        two.backend().update_replica_state(&replicas, &replicas[1], &[], &[], None).await.unwrap();
        assert_eq!(next(), lines);
    }
    std::fs::write(two.places(active)[0].join("file"), "last").unwrap();
    two.backend().promote_replica(&replicas, &replicas[1], &[], None).await.unwrap();
    let mut lines = vec![shut(&a)];
    lines.extend(brought(&a, &way, 3));
    lines.extend([show(&there(&way, 3)), measure.clone()]);
    let mut share = made(&b, &way, 3, 260).to_vec();
    share.insert(1, format!("files.set-mode second-staging:{b}"));
    lines.extend(share);
    lines.extend([delete(&format!("shares:{a}")), first.clone()]);
    lines.push(format!("files.set-mode second-shares:{b}"));
    assert_eq!(next(), lines);

    let one = two.made("first").await;
    let (name, way) = (one.name.clone(), format!("moving-{}", one.id));
    let to = MigrationDestination { host: "test@home#second".into(), capabilities: Vec::new() };
    next();
    two.backend().migration_start(&one, None, &to, &[], false).await.unwrap();
    let dirs =
        [format!("files.make-dir replicas:{way}"), format!("files.make-dir second-replicas:{way}")];
    assert_eq!(next(), [vec![show(&format!("shares:{name}")), measure], dirs.to_vec()].concat());
    let moving = two.home.recorded(&one).await;
    two.backend().migration_get_progress(&moving, None, &[]).await.unwrap();
    assert_eq!(next(), whole(&name, &way));
    std::fs::write(two.places(&one)[0].join("file"), "last").unwrap();
    two.backend().migration_complete(&moving, None, &[]).await.unwrap();
    let mut lines = vec![show(&there(&way, 1)), shut(&name)];
    lines.extend(brought(&name, &way, 2));
    // Nothing has changed since it was shut.
    lines.extend([
        first.clone(),
        show(&format!("shares:{name}")),
        show(&here(&way, 2)),
        show(&there(&way, 2)),
        show(&there(&way, 2)),
    ]);
    lines.extend(made(&name, &way, 2, 263));
    lines.extend([
        delete(&format!("shares:{name}")),
        first.clone(),
        delete(&here(&way, 2)),
        first,
        format!("files.remove replicas:{way}"),
        delete(&there(&way, 2)),
        second,
        format!("files.remove second-replicas:{way}"),
    ]);
    assert_eq!(next(), lines);
}
