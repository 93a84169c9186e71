//! One event in a hundred fails for good, in many streams: memory stays flat, and the status tells
//! the truth throughout.

use std::{collections::HashSet, path::Path};

use projections::{
    AppendRequest, BoxError, Envelope, EventStore, Expected, NewEvent, Permanent, Runtime,
    handlers, projector,
    sqlite::{Sqlite, SqliteEventStore, SqliteTx, rusqlite::Connection},
};
use projections_tests::ledger::Added;

use crate::{child::Other, memory::peak};

/// What `docs/promises.md` states for a catch-up, whatever is parked meanwhile.
const BOUND: u64 = 64 << 20;
/// `PROJECTIONS_SCALE_EVENTS` asks for more.
const EVENTS: u64 = 50_000;
/// What a batch has by default.
const BATCH: u64 = 1_000;
/// An append has so many, and a stream five times as many.
const TOGETHER: u64 = 10;

fn is_poison(position: u64) -> bool {
    position.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 < u64::from(u32::MAX) / 100
}

/// The stream of the event at a position.
fn stream(position: u64, events: u64) -> u64 {
    (position - 1) / TOGETHER % (events / TOGETHER / 5)
}

#[projector(
    "poisoned",
    storage = Sqlite,
    register = false,
    park(per_key = 1_000, keys = 100_000, total = 10_000_000)
)]
#[derive(Clone)]
struct Poisoned;

#[handlers]
impl Poisoned {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        Ok(db.execute_batch("CREATE TABLE IF NOT EXISTS seen (position INTEGER PRIMARY KEY)")?)
    }

    #[handles(Added)]
    fn added(&self, event: &Added, at: &Envelope, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        db.execute("INSERT INTO seen VALUES (?1)", [at.position().get().cast_signed()])?;
        match is_poison(event.n) {
            true => Err(Permanent::new("it fails whenever it is tried").into()),
            false => Ok(()),
        }
    }
}

async fn append(events: &SqliteEventStore, count: u64) {
    for first in (1..=count).step_by(usize::try_from(TOGETHER).unwrap()) {
        let new = (first..first + TOGETHER).map(|n| NewEvent::of(&Added { n }).unwrap()).collect();
        let stream = stream(first, count).to_string();
        events.append(AppendRequest::new(&stream, Expected::Any, new)).await.unwrap();
    }
}

/// Catches up, and says again and again what its status is.
pub(crate) async fn project(events: SqliteEventStore, folder: &Path) {
    let storage = Sqlite::open(folder.join("read.db")).unwrap();
    let runtime = Runtime::builder(events).without_linked().storage(storage);
    let runtime = runtime.projector(Poisoned).build().await.unwrap();
    let status = async || runtime.status().await.unwrap().projectors.remove(0);
    let watch = async {
        loop {
            let seen = status().await;
            let (position, parking) = (seen.position, seen.parking);
            println!("status {position} {} {} {}", seen.behind, parking.letters, parking.keys);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        caught_up = runtime.catch_up() => caught_up.unwrap(),
        () = watch => unreachable!("it goes on for ever"),
    }
    let (seen, peak) = (status().await, peak().unwrap_or_default());
    println!("end {} {} {} {peak}", seen.position, seen.parking.letters, seen.parking.keys);
}

/// How many letters and keys there are once each event was handled.
fn expected(count: u64) -> Vec<(u64, u64)> {
    let mut parked = HashSet::new();
    let mut letters = 0;
    let after = |position| {
        let stream = stream(position, count);
        if is_poison(position) {
            parked.insert(stream);
        }
        letters += u64::from(parked.contains(&stream));
        (letters, parked.len() as u64)
    };
    [(0, 0)].into_iter().chain((1..=count).map(after)).collect()
}

fn numbers(said: &str) -> Vec<u64> {
    said.split(' ').map(|number| number.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_log_with_much_poison_is_projected_in_bounded_memory_and_told_truly() {
    let asked = std::env::var("PROJECTIONS_SCALE_EVENTS").ok();
    let count = asked.map_or(EVENTS, |events| events.parse().unwrap()).max(EVENTS);
    let folder = tempfile::tempdir().unwrap();
    let events = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
    append(&events, count).await;
    let said = Other::start(folder.path(), "poison", "").end();
    let expected = expected(count);
    let mut samples: Vec<Vec<u64>> =
        said.lines().filter_map(|line| line.strip_prefix("status ")).map(numbers).collect();
    let end = said.lines().find_map(|line| line.strip_prefix("end ")).map(numbers).unwrap();
    let [position, letters, keys, peak] = end[..] else { panic!("{end:?}") };
    assert_eq!((position, (letters, keys)), (count, expected[expected.len() - 1]));
    let db = Connection::open(folder.path().join("read.db")).unwrap();
    let applied: u64 = db.query_row("SELECT count(*) FROM seen", (), |row| row.get(0)).unwrap();
    assert_eq!(applied + letters, count, "each event is applied or parked");
    // Position and counts are read one after the other, while batches commit; the position of a batch
    // that has just committed is told a moment later.
    samples.push(vec![position, 0, letters, keys]);
    let mut between = 0;
    for pair in samples.windows(2) {
        let ([before, now], [.., behind, _, _]) = ([&pair[0], &pair[1]], &pair[1][..]) else {
            panic!("{pair:?}")
        };
        assert!(now[0] >= before[0], "a position went back: {pair:?}");
        assert!(*behind <= count - before[0], "{pair:?}");
        let latest = count.min(now[0] + BATCH);
        let (low, high) = (expected[before[0] as usize], expected[latest as usize]);
        assert!(
            (low.0..=high.0).contains(&before[2]),
            "{pair:?}: letters from {low:?} to {high:?}"
        );
        assert!((low.1..=high.1).contains(&before[3]), "{pair:?}: keys from {low:?} to {high:?}");
        between += u64::from(before[0] > 0 && before[0] < count);
    }
    assert!(between > 0, "no status was seen on the way, of {}", samples.len());
    println!("{count} events, {letters} letters, {keys} keys, {between} looks, peak {peak}");
    if peak == 0 {
        println!("skipped: resident size unavailable, no /proc/self/status here");
        return;
    }
    assert!(peak < BOUND, "{peak} bytes resident, and {BOUND} are stated");
}
