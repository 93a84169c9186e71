//! Where events keep failing, batches on SQLite go on without them: what comes out is what comes out
//! event by event.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use projections::{
    BoxError, CheckpointKey, Envelope, Letter, LetterQuery, Permanent, ReadModel, Rows, Runtime,
    Storage as _, handlers,
    memory::MemoryEventStore,
    projector,
    read::TableCheck,
    rows::Prepared,
    sqlite::{Sqlite, SqliteTx, rusqlite::Connection},
};
use rand::{Rng, SeedableRng as _, rngs::StdRng};

use crate::books::{Fault, Plan, Written, append, append_in_turn};

/// How many numbers a stream has, and which: statements keep the same.
#[derive(ReadModel, Clone, Debug, Default, Eq, PartialEq)]
#[read_model(table = "shelves")]
struct Shelf {
    #[key]
    stream: String,
    numbers: String,
}

/// Makes a projector that writes rows and statements before it fails.
macro_rules! sheets {
    ($type:ident, $name:literal $(, $($options:tt)*)?) => {
        #[projector($name, storage = Sqlite, register = false $(, $($options)*)?)]
        #[derive(Clone, Default)]
        struct $type {
            plan: Plan,
            handled: Arc<AtomicU64>,
        }

        #[handlers]
        impl $type {
            #[setup]
            fn create(&self, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
                Ok(db.execute_batch("CREATE TABLE IF NOT EXISTS pages (stream TEXT, n INTEGER)")?)
            }

            #[handles(Written)]
            fn written(
                &self,
                event: &Written,
                at: &Envelope,
                shelves: &mut Rows<Shelf>,
                db: &mut SqliteTx<'_>,
            ) -> Result<(), BoxError> {
                self.handled.fetch_add(1, Relaxed);
                shelves.entry(at.stream()).numbers.push_str(&format!("{} ", event.n));
                db.execute("INSERT INTO pages VALUES (?1, ?2)", (at.stream(), event.n))?;
                self.plan.run(event.n)
            }
        }
    };
}

sheets!(Sheets, "sheets", retry(max = 1, initial = "1ms"));
sheets!(Capped, "capped", retry(none), park(per_key = 3, keys = 3, total = 8));
sheets!(Left, "left", retry(none), on_failure = "skip");

type Sheet = BTreeMap<String, Vec<u64>>;

/// What rows and statements keep, which must be the same.
fn read(file: &Path) -> Sheet {
    let db = Connection::open(file).unwrap();
    let mut pages = Sheet::new();
    let mut query = db.prepare("SELECT stream, n FROM pages ORDER BY rowid").unwrap();
    let rows = query.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    for row in rows {
        let (stream, n): (String, u64) = row.unwrap();
        pages.entry(stream).or_default().push(n);
    }
    let mut query = db.prepare("SELECT stream, numbers FROM shelves").unwrap();
    let rows = query.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let numbers = |text: String| text.split_whitespace().map(|n| n.parse().unwrap()).collect();
    let shelves = rows.map(|row| row.map(|(stream, text)| (stream, numbers(text))).unwrap());
    assert_eq!(shelves.collect::<Sheet>(), pages, "rows and statements keep the same");
    pages
}

/// Asserts that the table of rows adds up to what the checkpoint says.
async fn untouched(file: &Path, projector: &str) {
    let check = TableCheck {
        table: Shelf::TABLE,
        projector: projector.to_owned(),
        checkpoint: CheckpointKey::new("", projector),
        rebuild: false,
    };
    let sqlite: Sqlite = Sqlite::open(file).unwrap();
    let found = sqlite.row_reads().unwrap().check(check).await;
    assert!(matches!(found, Ok(Prepared::Kept)), "{found:?}");
}

/// What is the same of letters whenever they are written.
fn timeless(letter: Letter) -> Letter {
    let failure = letter.failure.map(|failure| projections::LetterFailure {
        first_at: jiff::Timestamp::UNIX_EPOCH,
        last_at: jiff::Timestamp::UNIX_EPOCH,
        ..failure
    });
    Letter { failure, ..letter }
}

/// A runtime of one projector over a file.
macro_rules! runtime {
    ($events:expr, $file:expr, $batch:expr, $projector:expr) => {
        Runtime::builder($events.clone())
            .without_linked()
            .storage(Sqlite::open($file).unwrap())
            .projector($projector)
            .batch_events($batch)
            .build()
            .await
            .unwrap()
    };
}

async fn run(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let (whole, single) = (folder.path().join("whole.db"), folder.path().join("single.db"));
    let events = MemoryEventStore::new();
    let faults = BTreeMap::from_iter((1..=600).filter_map(|n| match random.random_range(0..30) {
        0..=2 => Some((n, Fault::Permanent)),
        3 => Some((n, Fault::Times(1))),
        // Three of these in a row would be an outage.
        _ if n % 50 == 0 => Some((n, Fault::Always)),
        _ if n % 70 == 0 => Some((n, Fault::Panic)),
        _ => None,
    }));
    let mut n = 0;
    while n < 600 {
        // Catches up in between, too, with what an owner forgets.
        for _ in 0..random.random_range(1..300) {
            n += 1;
            append(&events, &format!("s{}", random.random_range(0..60)), n).await;
        }
        for (file, batch) in [(&whole, [7, 50, 1_000][random.random_range(0..3)]), (&single, 1)] {
            let plan = Plan::failing(faults.clone());
            let runtime = runtime!(events, file, batch, Sheets { plan, ..Sheets::default() });
            runtime.catch_up().await.unwrap();
        }
        assert_eq!(read(&whole), read(&single), "seed {seed}, up to {n}");
        untouched(&whole, "sheets").await;
        let mut letters = Vec::new();
        for file in [&whole, &single] {
            let runtime = runtime!(events, file, 1, Sheets::default());
            let of = runtime.dead_letters("sheets").unwrap();
            let all = of.list(&LetterQuery::first(10_000)).await.unwrap();
            letters.push(all.into_iter().map(timeless).collect::<Vec<_>>());
        }
        assert_eq!(letters[0], letters[1], "seed {seed}, up to {n}");
        assert!(letters[0].iter().any(|letter| letter.failure.is_none()) || n < 300);
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test]
async fn read_model_and_letters_are_those_of_one_event_at_a_time() {
    let first = setting("PROJECTIONS_PARKING_SEED").unwrap_or_else(|| rand::rng().random());
    for seed in
        (0..setting("PROJECTIONS_PARKING_RUNS").unwrap_or(10)).map(|n| first.wrapping_add(n))
    {
        println!("seed {seed}");
        run(seed).await;
    }
}

/// Appends numbers, each in a stream of its own; returns one of so many.
async fn one_of(every: u64, events: &MemoryEventStore, numbers: u64) -> Vec<u64> {
    let streams: Vec<_> = (1..=numbers).map(|n| format!("s{n}")).collect();
    append_in_turn(events, &streams.iter().map(String::as_str).collect::<Vec<_>>(), numbers).await;
    (1..=numbers).filter(|n| n % every == 0).collect()
}

#[tokio::test]
async fn what_came_before_a_failing_event_is_hardly_handled_again() {
    let events = MemoryEventStore::new();
    let failing = one_of(100, &events, 2_000).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("read.db");
    let plan = Plan::failing(failing.iter().map(|n| (*n, Fault::Permanent)));
    let sheets = Sheets { plan, ..Sheets::default() };
    let runtime = runtime!(events, &file, 1_000, sheets.clone());
    runtime.catch_up().await.unwrap();
    let applied: usize = read(&file).values().map(Vec::len).sum();
    assert_eq!(applied, 2_000 - failing.len());
    let status = runtime.status().await.unwrap();
    assert_eq!(status.projectors[0].parking.letters, failing.len() as u64);
    // All before the first one, whose failure nobody expects, and then those since the last savepoint.
    let handled = sheets.handled.load(Relaxed);
    assert!(handled <= 2_000 + 100 + 19 * 32, "handled {handled} times");
    for n in failing {
        let calls = sheets.plan.calls_of(n);
        assert_eq!(calls, 1, "{n} is certain to fail: it is tried once");
    }
}

#[tokio::test]
async fn no_more_is_parked_within_a_batch_than_may_be() {
    let events = MemoryEventStore::new();
    append(&events, "x", 0).await;
    append_in_turn(&events, &["a", "b", "c", "d"], 40).await;
    let folder = tempfile::tempdir().unwrap();
    // With `x` failures begin. Of `b`, which meets `per_key`; of three, which meet `keys`.
    for (failing, cap) in [(vec![0, 10], "per_key"), (vec![0, 31, 36, 33], "keys")] {
        let mut ends = Vec::new();
        for batch in [1, 1_000] {
            let file = folder.path().join(format!("{cap}-{batch}.db"));
            let plan = Plan::failing(failing.iter().map(|n| (*n, Fault::Permanent)));
            let runtime = runtime!(events, &file, batch, Capped { plan, ..Capped::default() });
            let halted = runtime.catch_up().await.unwrap_err().to_string();
            assert!(halted.contains(cap), "{halted}");
            let letters = runtime.dead_letters("capped").unwrap();
            let letters = letters.list(&LetterQuery::first(100)).await.unwrap();
            ends.push((halted, read(&file), letters.into_iter().map(timeless).collect::<Vec<_>>()));
        }
        assert_eq!(ends[0], ends[1]);
    }
}

#[tokio::test]
async fn what_is_left_out_is_left_out_one_by_one() {
    let events = MemoryEventStore::new();
    let failing = one_of(10, &events, 100).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("read.db");
    let plan = Plan::failing(failing.iter().map(|n| (*n, Fault::Permanent)));
    let runtime = runtime!(events, &file, 1_000, Left { plan, ..Left::default() });
    runtime.catch_up().await.unwrap();
    let status = runtime.status().await.unwrap();
    assert_eq!(status.projectors[0].parking.passed.skipped, 10);
    assert_eq!(read(&file).len(), 90);
}

/// A statement that takes too long is no fault of its event, whatever the handler calls it.
#[projector("slow", storage = Sqlite, register = false, retry(none), timeout = "1s")]
#[derive(Clone, Default)]
struct Slow;

#[handlers]
impl Slow {
    #[handles(Written)]
    fn written(&self, event: &Written, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        const FOR_EVER: &str = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) \
             SELECT count(*) FROM n";
        match event.n {
            2 => Err(Permanent::new("it is unlucky").into()),
            4 => db
                .query_row(FOR_EVER, (), |row| row.get::<_, u64>(0))
                .map(drop)
                .map_err(|error| Permanent::new(error).into()),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_handler_that_took_too_long_is_not_taken_for_a_fault_of_its_event() {
    let events = MemoryEventStore::new();
    append_in_turn(&events, &["a", "b", "c", "d", "e"], 5).await;
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime!(events, folder.path().join("read.db"), 1_000, Slow);
    runtime.catch_up().await.unwrap();
    let letters = runtime.dead_letters("slow").unwrap();
    let letters = letters.list(&LetterQuery::first(100)).await.unwrap();
    let errors = letters.into_iter().map(|letter| {
        (letter.position.get(), letter.failure.map(|failure| failure.error).unwrap_or_default())
    });
    let errors: Vec<_> = errors.collect();
    assert_eq!(errors.iter().map(|(position, _)| *position).collect::<Vec<_>>(), [2, 4]);
    assert!(errors[1].1.contains("1s"), "{errors:?}");
}
