//! Four hundred calls of all kinds on one backend, two hundred of them at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use abaca::types::{AccessLevel, AccessRule, Share, ShareStatus, Snapshot, SnapshotStatus};
use abaca::{Backend, OptionValue};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::audited;
use crate::dummy::{dummy, ip, kept, pair, recorded, value};
use crate::support::{Ground, held, share, snapshot};

/// How many calls begin at once.
const AT_ONCE: usize = 200;

/// How many of them are about new shares, about others that are there, and about none.
const NEW: usize = 80;
const EACH: usize = 20;
const DELETED: usize = 20;
const MEASURED: usize = 40;

/// One call, and what it is about.
#[derive(Clone)]
enum Ask {
    Create(Share),
    Delete(Share),
    Extend(Share),
    Shrink(Share),
    Take(Snapshot),
    Drop(Snapshot),
    LetIn(Share),
    ShutOut(Share),
    Measure,
}

impl Ask {
    /// Asks, and sees that the answer is about this and nothing else.
    async fn of(self, backend: Backend) {
        match self {
            Self::Create(one) => {
                let found = backend.create_share(&one, None).await.unwrap();
                let found: Vec<_> = found.iter().map(|location| location.path.as_str()).collect();
                assert_eq!(found, locations(&one));
            }
            Self::Delete(one) => backend.delete_share(&one, None).await.unwrap(),
            Self::Extend(one) => backend.extend_share(&one, one.size + 1, None).await.unwrap(),
            Self::Shrink(one) => backend.shrink_share(&one, one.size - 1, None).await.unwrap(),
            Self::Take(one) => backend.create_snapshot(&one, None).await.unwrap(),
            Self::Drop(one) => backend.delete_snapshot(&one, None).await.unwrap(),
            Self::LetIn(one) => {
                let rules = rules(&one);
                backend.update_access(&one, &rules, &rules, &[], None).await.unwrap();
            }
            Self::ShutOut(one) => {
                let rules = backend.records().access_rules(&one.id).await.unwrap();
                backend.update_access(&one, &[], &[], &rules, None).await.unwrap();
            }
            Self::Measure => {
                let stats = backend.get_share_stats(true).await.unwrap();
                assert_eq!(stats.pools.len(), 2);
            }
        }
    }
}

/// Begins all calls together, of all kinds in turn, and waits for their answers.
async fn at_once(backend: &Backend, kinds: Vec<Vec<Ask>>) {
    let mut kinds: Vec<_> = kinds.into_iter().map(Vec::into_iter).collect();
    let count = kinds.iter().map(|kind| kind.len()).sum();
    let begin = Arc::new(Barrier::new(count));
    let mut tasks = JoinSet::new();
    while tasks.len() < count {
        for ask in kinds.iter_mut().filter_map(Iterator::next) {
            let (backend, begin) = (backend.clone(), Arc::clone(&begin));
            tasks.spawn(async move {
                begin.wait().await;
                ask.of(backend).await;
            });
        }
    }
    tasks.join_all().await;
}

/// A share like no other: its number is its size, less one, and its metadata says it too.
fn numbered(number: usize) -> Share {
    let one = share(&format!("share {number}"), 1 + u64::try_from(number).unwrap());
    Share { metadata: vec![pair("number", &number.to_string())], ..one }
}

fn number(one: &Share) -> usize {
    value(&one.metadata, "number").unwrap().parse().unwrap()
}

fn locations(one: &Share) -> [String; 2] {
    ["shares", "admin/shares"].map(|place| format!("192.0.2.1:/{place}/{}", one.name))
}

/// Rules that only this share has: one to three, at addresses of its own.
fn rules(one: &Share) -> Vec<AccessRule> {
    let number = number(one);
    (0..=number % 3).map(|at| ip(&format!("10.0.{number}.{at}"), AccessLevel::Rw)).collect()
}

/// What is there, in the parts that different calls are about.
struct Crowd {
    extended: Vec<Share>,
    taken: Vec<(Share, Snapshot)>,
    opened: Vec<Share>,
    deleted: Vec<Share>,
    new: Vec<Share>,
}

impl Crowd {
    fn new() -> Self {
        let mut numbers = 0..;
        let mut next = |count| numbers.by_ref().take(count).map(numbered).collect::<Vec<_>>();
        let pair = |one: Share| (one.clone(), snapshot(&one));
        Self {
            extended: next(EACH),
            taken: next(EACH).into_iter().map(pair).collect(),
            opened: next(EACH),
            deleted: next(DELETED),
            new: next(NEW),
        }
    }

    /// The first two hundred calls.
    fn grow(&self) -> Vec<Vec<Ask>> {
        vec![
            asks(&self.new, Ask::Create),
            asks(&self.extended, Ask::Extend),
            self.taken.iter().map(|(_, taken)| Ask::Take(taken.clone())).collect(),
            asks(&self.opened, Ask::LetIn),
            asks(&self.deleted, Ask::Delete),
            vec![Ask::Measure; MEASURED],
        ]
    }

    /// Two hundred more, which undo what the first ones did.
    fn shrink(&self) -> Vec<Vec<Ask>> {
        let larger = |one: &Share| Share { size: one.size + 1, ..one.clone() };
        let extended: Vec<_> = self.extended.iter().map(larger).collect();
        vec![
            asks(&self.new, Ask::Delete),
            asks(&extended, Ask::Shrink),
            self.taken.iter().map(|(_, taken)| Ask::Drop(taken.clone())).collect(),
            asks(&self.opened, Ask::ShutOut),
            asks(&self.deleted, Ask::Create),
            vec![Ask::Measure; MEASURED],
        ]
    }
}

fn asks(shares: &[Share], ask: fn(Share) -> Ask) -> Vec<Ask> {
    shares.iter().cloned().map(ask).collect()
}

/// What shall be true of a share: how large it is, and how many rules and snapshots it has.
type Wanted = (Share, u64, Vec<AccessRule>, usize);

/// Asserts that these shares are there, as they should be, to the records and to the driver.
async fn assert_there(backend: &Backend, wanted: &[Wanted]) {
    let records = backend.records().shares().await.unwrap();
    assert_eq!(records.len(), wanted.len());
    let shares: Vec<_> = wanted.iter().map(|(one, ..)| one.clone()).collect();
    let facts = backend.get_periodic_hook_data(&shares).await.unwrap();
    assert_eq!(facts.len(), wanted.len());
    for ((one, size, rules, snapshots), fact) in wanted.iter().zip(&facts) {
        let record = recorded(backend, &one.id).await;
        let paths: Vec<_> = record.export_locations.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(paths, locations(one));
        assert_eq!((record.size, record.status), (*size, ShareStatus::Available));
        assert_eq!((&record.name, &record.metadata), (&one.name, &one.metadata));
        let plain = |rules: &[AccessRule]| -> Vec<_> {
            rules.iter().map(|rule| (rule.access_to.clone(), rule.access_level)).collect()
        };
        let in_force = backend.records().access_rules(&one.id).await.unwrap();
        assert_eq!(plain(&in_force), plain(rules));
        assert_eq!(fact.share_id, one.id);
        for (name, count) in [
            ("size_gib", usize::try_from(*size).unwrap()),
            ("access_rules", rules.len()),
            ("snapshots", *snapshots),
        ] {
            assert_eq!(value(&fact.data, name), Some(count.to_string().as_str()), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_calls_at_once_and_two_hundred_more() {
    let ground = Ground::new();
    let room = [("dummy_capacity_gib", OptionValue::Integer(1_000_000))];
    let backend = dummy(&ground, &room).await;
    let mut crowd = Crowd::new();
    let there = [&crowd.extended, &crowd.opened, &crowd.deleted].into_iter().flatten();
    let before: Vec<_> = there.chain(crowd.taken.iter().map(|(one, _)| one)).cloned().collect();
    at_once(&backend, vec![asks(&before, Ask::Create)]).await;
    for one in [&mut crowd.extended, &mut crowd.opened, &mut crowd.deleted].into_iter().flatten() {
        *one = recorded(&backend, &one.id).await;
    }

    let kinds = crowd.grow();
    assert_eq!(kinds.iter().map(Vec::len).sum::<usize>(), AT_ONCE);
    at_once(&backend, kinds).await;
    let plain = |one: &Share| (one.clone(), one.size, Vec::new(), 0);
    let mut wanted: Vec<Wanted> = crowd.new.iter().map(plain).collect();
    let larger = |one: &Share| (one.clone(), one.size + 1, Vec::new(), 0);
    wanted.extend(crowd.extended.iter().map(larger));
    wanted.extend(crowd.taken.iter().map(|(one, _)| (one.clone(), one.size, Vec::new(), 1)));
    wanted.extend(crowd.opened.iter().map(|one| (one.clone(), one.size, rules(one), 0)));
    assert_there(&backend, &wanted).await;
    for (one, taken) in &crowd.taken {
        let record = kept(&backend, &taken.id).await.unwrap();
        assert_eq!((&record.share_name, record.status), (&one.name, SnapshotStatus::Available));
        assert!(record.provider_location.unwrap().starts_with(&format!("{}@", one.name)));
    }
    assert_eq!(held(&ground, &backend), [""; 0]);

    let kinds = crowd.shrink();
    assert_eq!(kinds.iter().map(Vec::len).sum::<usize>(), AT_ONCE);
    at_once(&backend, kinds).await;
    assert_there(&backend, &before.iter().map(plain).collect::<Vec<_>>()).await;
    assert!(backend.records().snapshots().await.unwrap().is_empty());
    assert_eq!(held(&ground, &backend), [""; 0]);

    let asked = [
        ("create-share", before.len() + NEW + DELETED),
        ("create-snapshot", EACH),
        ("delete-share", DELETED + NEW),
        ("delete-snapshot", EACH),
        ("extend-share", EACH),
        ("get-periodic-hook-data", 2),
        ("get-share-stats", 2 * MEASURED),
        ("shrink-share", EACH),
        ("update-access", 2 * EACH),
    ];
    let asked = asked.map(|(method, count)| (method.to_owned(), count));
    assert_eq!(audited(&ground, "dummy"), BTreeMap::from(asked));
}
