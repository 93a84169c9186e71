//! What handlers return, handed to who waits.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use projections::{
    AppendError, AppendRequest, BoxError, EventStore, Expected, NewEvent, Permanent, RawEvent,
    ReadModel, Receipt, Rows, Runtime, SyncError, SyncMode, WaitError, handlers,
    json::{Value, json},
    memory::MemoryEventStore,
    projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
    testing::{MemoryStorage, MemoryTx},
};
use projections_tests::{
    around::{Around, Hooks},
    ledger::Added,
};
use serde::{Deserialize, Serialize, Serializer};

use crate::support::{LONG, Run, Written, append, sync};

/// Counts how often it is serialized.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicUsize>);

struct Counted {
    value: u64,
    counter: Counter,
}

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.counter.0.fetch_add(1, Ordering::SeqCst);
        serializer.serialize_u64(self.value)
    }
}

#[projector("sum", register = false)]
#[derive(Clone, Default)]
struct Sum {
    sum: u64,
    counter: Counter,
}

#[handlers]
impl Sum {
    #[handles(Added)]
    fn added(&mut self, event: &Added) -> Result<Counted, Infallible> {
        self.sum += event.n;
        Ok(Counted { value: self.sum, counter: self.counter.clone() })
    }
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Entry {
    row: i64,
    n: u64,
}

#[projector("entries", storage = Sqlite, register = false)]
#[derive(Clone)]
struct Entries;

#[handlers]
impl Entries {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("CREATE TABLE IF NOT EXISTS entries (row INTEGER PRIMARY KEY, n INTEGER)")
    }

    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut SqliteTx<'_>) -> rusqlite::Result<Entry> {
        let sql = "INSERT INTO entries (n) VALUES (?1) RETURNING row";
        let row = db.query_row(sql, [event.n.cast_signed()], |row| row.get(0))?;
        Ok(Entry { row, n: event.n })
    }

    #[handles(Written)]
    fn written(&self, _event: &Written) -> rusqlite::Result<()> {
        Ok(())
    }
}

/// Fails at the first attempt of every even number.
#[projector("hesitant", storage = MemoryStorage, register = false)]
#[derive(Clone, Default)]
struct Hesitant {
    tried: Arc<Mutex<BTreeSet<u64>>>,
}

#[handlers]
impl Hesitant {
    #[handles(Added)]
    async fn added(&self, event: &Added, db: &mut MemoryTx<'_>) -> Result<Value, BoxError> {
        if event.n.is_multiple_of(2) && self.tried.lock().unwrap().insert(event.n) {
            return Err("not yet".into());
        }
        db.set("hesitant", event.n.to_string(), event.n);
        Ok(json!({ "n": event.n }))
    }

    #[fallback]
    async fn other(&self, event: &RawEvent<'_>) -> Result<String, BoxError> {
        Ok(event.name().to_owned())
    }
}

#[derive(ReadModel, Default)]
#[read_model(table = "totals")]
struct Total {
    #[key]
    parity: u64,
    sum: u64,
}

/// Its handler is called once more before, to see which rows it asks for.
#[projector("totals", storage = MemoryStorage, register = false)]
#[derive(Clone)]
struct Totals;

#[handlers]
impl Totals {
    #[handles(Added)]
    fn added(&self, event: &Added, totals: &mut Rows<Total>) -> Result<u64, Infallible> {
        let total = totals.entry(&(event.n % 2));
        total.sum += event.n;
        Ok(total.sum)
    }
}

#[tokio::test]
async fn values_come_back_by_projector_in_the_order_of_the_events() {
    let folder = tempfile::tempdir().unwrap();
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let build = async |name: &str| {
        let runtime = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
        let runtime = runtime.storage(Sqlite::open(folder.path().join(name)).unwrap());
        let runtime = runtime.projector(Sum::default()).projector(Entries).projector(Totals);
        runtime.projector(Hesitant::default()).build().await.unwrap()
    };
    let here = build("read.db").await;
    append(&here, [100]).await;
    let run = Run::of(&here);
    let receipt = sync(&here, [1, 2, 3], LONG).await.unwrap();
    assert_eq!(receipt.results("sum"), [json!(101), json!(103), json!(106)]);
    let entry = |row, n| Entry { row, n };
    let entries = [entry(2, 1), entry(3, 2), entry(4, 3)];
    assert_eq!(receipt.results_as::<Entry>("entries").unwrap(), entries);
    assert!(receipt.results_as::<u64>("entries").is_err());
    let hesitant = [1, 2, 3].map(|n| json!({ "n": n }));
    assert_eq!(receipt.results("hesitant"), hesitant);
    assert_eq!(receipt.results_as::<u64>("totals").unwrap(), [1, 102, 4]);
    assert_eq!(receipt.results("nobody"), [] as [Value; 0]);
    // A handler of `Result<(), E>` gives nothing; a fallback gives what it returns.
    let letter = here.append("b", Expected::Any, [Written { letter: 'x' }]);
    let letter = letter.sync(SyncMode::Simple).projectors(["entries", "hesitant"]).timeout(LONG);
    let receipt = letter.await.unwrap();
    assert_eq!(receipt.results("entries"), [] as [Value; 0]);
    assert_eq!(receipt.results("sum"), [] as [Value; 0], "nobody has waited for it");
    let other = NewEvent::json("Else", "{}").in_domain("numbers");
    let other = here.append("b", Expected::Any, [other]).sync(SyncMode::Simple).timeout(LONG);
    assert_eq!(other.await.unwrap().results("hesitant"), [json!("Else")]);
    // Where another process runs the projector there is no value.
    let elsewhere = build("read.db").await;
    let added = elsewhere.append("a", Expected::Any, [Added { n: 4 }]).sync(SyncMode::Simple);
    let receipt = added.projectors(["entries"]).timeout(LONG).await.unwrap();
    assert_eq!(receipt.results("entries"), [] as [Value; 0]);
    run.stop().await;
}

/// A zero fails whenever it is tried.
#[projector("picky", storage = Sqlite, register = false)]
#[derive(Clone)]
struct Picky;

#[handlers]
impl Picky {
    #[handles(Added)]
    fn added(&self, event: &Added) -> Result<u64, BoxError> {
        match event.n {
            0 => Err(Permanent::new("nothing is no number").into()),
            n => Ok(n),
        }
    }
}

/// Where events have failed before, batches may go on without some of theirs; those that somebody
/// waits for do not.
#[tokio::test]
async fn values_come_back_also_where_events_have_failed() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(folder.path().join("read.db")).unwrap();
    let builder = Runtime::builder(MemoryEventStore::new()).without_linked().storage(sqlite);
    let runtime = builder.projector(Picky).build().await.unwrap();
    let run = Run::of(&runtime);
    let nothing = runtime.append("nothing", Expected::Any, [Added { n: 0 }]);
    let parked = nothing.sync(SyncMode::Simple).timeout(LONG).await;
    assert!(matches!(parked, Err(SyncError::Unapplied { .. })), "{parked:?}");
    let receipt = sync(&runtime, 1..=100, LONG).await.unwrap();
    assert_eq!(receipt.results_as::<u64>("picky").unwrap(), (1..=100).collect::<Vec<_>>());
    run.stop().await;
}

#[tokio::test]
async fn what_nobody_waits_for_is_not_serialized() {
    let projector = Sum::default();
    let counter = projector.counter.clone();
    let runtime = Runtime::builder(MemoryEventStore::new()).without_linked();
    let runtime = runtime.projector(projector).build().await.unwrap();
    let serialized = || counter.0.swap(0, Ordering::SeqCst);
    append(&runtime, 0..1_000).await;
    runtime.catch_up().await.unwrap();
    let added = runtime.append("a", Expected::Any, [Added { n: 1 }]);
    added.sync(SyncMode::Async).await.unwrap();
    runtime.catch_up().await.unwrap();
    assert_eq!(serialized(), 0);
    // Of a batch that holds more than what is waited for, that alone.
    let waiting = sync(&runtime, [1, 2], LONG);
    let others = append(&runtime, 0..500);
    let (receipt, _, caught_up) = tokio::join!(waiting, others, async {
        tokio::task::yield_now().await;
        runtime.catch_up().await
    });
    caught_up.unwrap();
    assert_eq!(receipt.unwrap().results("sum").len(), 2);
    assert_eq!(serialized(), 2);
    // Who has waited does so no longer.
    append(&runtime, 0..10).await;
    runtime.catch_up().await.unwrap();
    assert_eq!(serialized(), 0);
}

#[projector("wordless", register = false)]
#[derive(Clone, Default)]
struct Wordless {
    count: u64,
}

#[handlers]
impl Wordless {
    #[handles(Added)]
    fn added(&mut self, event: &Added) -> Result<BTreeMap<(u64, u64), u64>, Infallible> {
        self.count += 1;
        Ok(BTreeMap::from([((event.n, 1), 1)])) // JSON's keys are texts
    }
}

#[tokio::test]
async fn a_value_that_is_no_json_is_an_error_of_who_waits_and_of_no_event() {
    let runtime = Runtime::builder(MemoryEventStore::new()).without_linked();
    let runtime = runtime.projector(Wordless::default()).build().await.unwrap();
    let run = Run::of(&runtime);
    let error = sync(&runtime, [1], LONG).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the events are stored at positions 1 to 1 of the log, but not applied by all who were waited for: projector `wordless` has applied the events, but what a handler returned cannot be handed over: key must be a string"
    );
    let projections::SyncError::Unapplied { reasons, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(&reasons[..], [WaitError::Value { .. }]) && !error.is_timed_out());
    assert_eq!(runtime.read::<Wordless, _>(|p| p.count).await.unwrap(), 1);
    run.stop().await;
}

/// An append is answered once its events are projected.
struct Slow {
    other: Runtime<MemoryEventStore>,
}

impl Hooks<MemoryEventStore> for Slow {
    async fn append(
        &self,
        events: &MemoryEventStore,
        request: AppendRequest,
    ) -> Result<Receipt, AppendError> {
        let receipt = events.append(request).await?;
        // Another runtime sees in the storage what the one of the append has applied.
        self.other.wait_for("hesitant", &receipt.token(), LONG).await.unwrap();
        Ok(receipt)
    }
}

#[tokio::test]
async fn a_projector_may_be_faster_than_the_answer_to_the_append() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let other = Runtime::builder(events.clone()).without_linked().storage(storage.clone());
    let other = other.projector(Hesitant::default()).build().await.unwrap();
    let slow = Around { inner: events, hooks: Slow { other } };
    let runtime = Runtime::builder(slow).without_linked().storage(storage);
    let runtime = runtime.projector(Hesitant::default()).build().await.unwrap();
    let run = Run::of(&runtime);
    for n in (1..20).step_by(2) {
        let receipt = sync(&runtime, [n], LONG).await.unwrap();
        assert_eq!(receipt.results("hesitant"), [json!({ "n": n })]);
    }
    run.stop().await;
}

/// The same events again: what was applied before has its value no longer.
#[tokio::test]
async fn a_repeated_append_is_waited_for_and_gives_nothing() {
    let runtime = Runtime::builder(MemoryEventStore::new()).without_linked();
    let runtime = runtime.projector(Sum::default()).build().await.unwrap();
    let run = Run::of(&runtime);
    let event = NewEvent::of(&Added { n: 7 }).unwrap();
    let append = || runtime.append("a", Expected::Any, [event.clone()]).sync(SyncMode::Simple);
    let first = append().timeout(LONG).await.unwrap();
    let again = append().timeout(LONG).await.unwrap();
    assert_eq!(first.results("sum"), [json!(7)]);
    assert_eq!(again.results("sum"), [] as [Value; 0]);
    assert_eq!((first.first, first.last), (again.first, again.last));
    run.stop().await;
}
