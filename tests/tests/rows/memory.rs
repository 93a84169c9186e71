//! What rows take in memory.

use std::fmt::Write as _;

use projections::{
    AppendRequest, Event, EventStore, Expected, Handlers, NewEvent, Projector, ReadModel,
    RowMemory, Rows, Runtime, handlers, memory::MemoryEventStore, projector, sqlite::Sqlite,
};
use serde::{Deserialize, Serialize};

const BOUND: usize = 1_000_000;

#[derive(ReadModel, Clone, Debug, Default, PartialEq)]
#[read_model(table = "many")]
struct Many {
    #[key]
    id: u64,
    text: String,
    #[unique]
    code: Option<String>,
    #[index]
    kind: u8,
}

/// What is done with each of a range of keys.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum What {
    Entry,
    /// With values in the unique and the indexed column.
    Indexed,
    Look,
    /// Looks for values that no row has.
    Find,
}

#[derive(Clone, Debug, Event, Serialize, Deserialize)]
#[event(domain = "many")]
struct Touched {
    from: u64,
    to: u64,
    what: What,
}

impl Touched {
    fn touch(&self, rows: &mut Rows<Many>) {
        for id in self.from..self.to {
            match self.what {
                What::Entry => rows.entry(&id).text = format!("row {id:06}"),
                What::Indexed => {
                    let row = rows.entry(&id);
                    row.code = Some(format!("code {id:06}"));
                    row.kind = id as u8;
                }
                What::Look => assert!(rows.get(&id).is_none()),
                What::Find => assert!(rows.by(Many::CODE, &Some(id.to_string())).is_empty()),
            }
        }
    }
}

#[projector("bounded", storage = Sqlite, row_bytes = 1_000_000, register = false)]
#[derive(Clone)]
struct Bounded;

#[handlers]
impl Bounded {
    #[handles(Touched)]
    fn touched(&self, event: &Touched, rows: &mut Rows<Many>) {
        event.touch(rows);
    }
}

#[projector("unbounded", register = false)]
#[derive(Clone)]
struct Unbounded;

#[handlers]
impl Unbounded {
    #[handles(Touched)]
    fn touched(&self, event: &Touched, rows: &mut Rows<Many>) {
        event.touch(rows);
    }
}

/// Appends one event after the other, and returns what the status says after each.
async fn memory_of<P: Projector + Handlers + Clone + Send + Sync + 'static>(
    projector: P,
    events: impl IntoIterator<Item = Touched>,
) -> Vec<RowMemory> {
    let (store, folder) = (MemoryEventStore::new(), tempfile::tempdir().unwrap());
    let sqlite = Sqlite::open(folder.path().join("read.db")).unwrap();
    let builder = Runtime::builder(store.clone()).without_linked().storage(sqlite);
    let runtime = builder.projector(projector).build().await.unwrap();
    let running = {
        let runtime = runtime.clone();
        tokio::spawn(async move { runtime.run(std::future::pending()).await })
    };
    let mut seen = Vec::new();
    for event in events {
        let new = vec![NewEvent::of(&event).unwrap()];
        let receipt = store.append(AppendRequest::new("many", Expected::Any, new)).await.unwrap();
        let patience = std::time::Duration::from_secs(600);
        runtime.wait_for(P::NAME, &receipt.token(), patience).await.unwrap();
        seen.push(runtime.status().await.unwrap().projectors[0].rows.unwrap());
    }
    running.abort();
    seen
}

/// A range in so many events.
fn ranges(to: u64, each: u64, what: What) -> impl Iterator<Item = Touched> {
    (0..to / each).map(move |n| Touched { from: n * each, to: (n + 1) * each, what })
}

#[track_caller]
fn stays_within(seen: &[RowMemory]) {
    assert!(seen.iter().all(|rows| rows.bytes <= BOUND), "{seen:?}");
    // Not because nothing is kept.
    assert!(seen.iter().any(|rows| rows.rows > 1_000 || rows.bytes > BOUND / 4), "{seen:?}");
}

#[tokio::test]
async fn rows_of_many_keys_stay_within_the_bound() {
    stays_within(&memory_of(Bounded, ranges(150_000, 3_000, What::Entry)).await);
}

#[tokio::test]
async fn rows_with_indexes_stay_within_the_bound() {
    stays_within(&memory_of(Bounded, ranges(30_000, 500, What::Indexed)).await);
}

#[tokio::test]
async fn keys_without_rows_stay_within_the_bound() {
    stays_within(&memory_of(Bounded, ranges(60_000, 3_000, What::Look)).await);
}

#[tokio::test]
async fn values_without_rows_stay_within_the_bound() {
    stays_within(&memory_of(Bounded, ranges(60_000, 1_000, What::Find)).await);
}

#[tokio::test]
async fn keys_that_are_only_looked_at_in_process_are_forgotten() {
    let seen = memory_of(Unbounded, ranges(60_000, 3_000, What::Look)).await;
    assert!(seen.iter().all(|rows| rows.rows <= 6_000), "{seen:?}");
}

/// The highest resident set of this process so far, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// `PROJECTIONS_ROWS_KEYS=10000000 cargo test --release --test rows ten_million -- --nocapture`
/// measures it with so many; alone, because the peak is the process's.
#[tokio::test]
async fn ten_million_keys_stay_within_the_bound() {
    let keys = std::env::var("PROJECTIONS_ROWS_KEYS").ok().and_then(|keys| keys.parse().ok());
    let Some(keys) = keys else {
        println!("skipped: PROJECTIONS_ROWS_KEYS says with how many keys");
        return;
    };
    let mut report = String::new();
    for what in [What::Entry, What::Indexed] {
        let before = peak();
        let seen = memory_of(Bounded, ranges(keys, 10_000, what)).await;
        let bytes = seen.iter().map(|rows| rows.bytes).max();
        writeln!(report, "{what:?}: rows {bytes:?} bytes, peak {before} then {}", peak()).unwrap();
        assert!(bytes <= Some(BOUND), "{report}");
    }
    println!("{report}");
}
