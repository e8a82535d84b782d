//! What the driver has run, in order, of each call: nothing else changes the file system but the
//! broker's verbs, which are told here between the commands.

use abaca::types::Share;

use super::Home;
use crate::support::{share, snapshot};

/// What was asked since the last time: the commands as they are, and of the verbs those that
/// change something.
fn asked(home: &Home, before: &mut usize) -> Vec<String> {
    let lines = home.ground.audit("home");
    let begun = lines.iter().skip(*before).filter(|line| line["event"] == "intent");
    let asked = begun.map(|line| {
        let words = line["asked"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
        let words = words.collect::<Vec<_>>().join(" ");
        match line["import"].as_str().unwrap() {
            "command.run" => words,
            verb => format!("{verb} {words}"),
        }
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
